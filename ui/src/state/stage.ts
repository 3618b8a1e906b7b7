// What is large and what is beside it, in a call with pictures. Pure; the time comes in.

import type { CallView, ParticipantView } from "../sdk/contract";
import { SILENT, type ShownLevels } from "./levels";

/** Everyone as large as everyone else, or whoever speaks large. */
export type Layout = "grid" | "speaker";

/** What stands in the middle. */
export interface Large {
  kind: "screen" | "person";
  participant: string;
}

/** How a call with pictures is laid out. */
export interface Plan {
  /** `null`: all are alike. */
  large: Large | null;
  /** Who stands beside it, or in the grid; `null` is this person. */
  others: readonly (string | null)[];
  /** With two, our own picture lies in a corner of theirs. */
  corner: boolean;
}

/** Whether their camera's picture can be shown now. */
export function showsFace(one: ParticipantView): boolean {
  return one.has_video && !one.video_muted;
}

/** Whether there is any picture to show in a call. */
export function hasPictures(call: CallView): boolean {
  return call.camera_on || call.participants.some((one) => showsFace(one) || one.has_screen);
}

/** Lays a call out. `seats`: who sits where; `pinned`: whose screen was chosen of several. */
export function planStage(
  call: CallView,
  seats: readonly (string | null)[],
  layout: Layout,
  speaker: string | null,
  pinned: string | null,
): Plan {
  const present = seats.filter((id): id is string => id !== null && call.participants.some((one) => one.id === id));
  const screens = call.participants.filter((one) => one.has_screen).map((one) => one.id);
  const screen = pinned !== null && screens.includes(pinned) ? pinned : screens.at(-1);
  if (screen !== undefined) {
    return { large: { kind: "screen", participant: screen }, others: [null, ...present], corner: false };
  }
  const only = present[0];
  if (only !== undefined && present.length === 1) {
    return { large: { kind: "person", participant: only }, others: [null], corner: true };
  }
  if (layout === "speaker" && only !== undefined) {
    const large = speaker !== null && present.includes(speaker) ? speaker : only;
    return {
      large: { kind: "person", participant: large },
      others: [null, ...present.filter((id) => id !== large)],
      corner: false,
    };
  }
  return { large: null, others: [null, ...present], corner: false };
}

/** How many stand abreast in a grid of that shape, so that tiles of 16:9 are as large as can be. */
export function columnsFor(count: number, width: number, height: number): number {
  let best = 1;
  let most = 0;
  for (let columns = 1; columns <= Math.max(1, count); columns += 1) {
    const rows = Math.ceil(count / columns);
    const tile = Math.min(width / columns, ((height / rows) * 16) / 9);
    if (tile > most) {
      most = tile;
      best = columns;
    }
  }
  return best;
}

/** Louder than this is speaking, dBov. */
const SPEAKS = -45;

/** How long someone has to be the loudest to become large, ms: a cough is not a speech. */
const HOLDS_MS = 700;

/** Who speaks, and who may be about to. */
export interface Speaker {
  shown: string | null;
  next: string | null;
  since: number;
}

export const NOBODY: Speaker = { shown: null, next: null, since: 0 };

/** Follows the loudest of the others. */
export function followSpeaker(before: Speaker, levels: ShownLevels, now: number): Speaker {
  if (levels === SILENT) return before;
  let loudest: string | null = null;
  let level = SPEAKS;
  for (const [id, one] of Object.entries(levels.remote)) {
    if (one > level) [loudest, level] = [id, one];
  }
  if (loudest === null || loudest === before.shown) return before.next === null ? before : { ...before, next: null };
  if (before.shown === null) return { shown: loudest, next: null, since: now };
  if (loudest !== before.next) return { ...before, next: loudest, since: now };
  return now - before.since >= HOLDS_MS ? { shown: loudest, next: null, since: now } : before;
}
