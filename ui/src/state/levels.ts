// Loudness as it is drawn: rises at once, falls slowly, so that a meter is calm. Pure; the time comes in.

import type { LevelsView } from "../sdk/contract";

/** Silence in dBov. */
export const SILENCE = -127;

/** What meters show, in dBov. */
export interface ShownLevels {
  local: number;
  remote: Record<string, number>;
  /** When these were computed, ms. */
  at: number;
}

export const SILENT: ShownLevels = { local: SILENCE, remote: {}, at: 0 };

/** How fast a meter falls, dB per second. */
const FALL_DB_PER_S = 36;

/** The bottom of a meter, dBov: below is shown as nothing. */
const FLOOR = -60;

/** From this level on someone is taken to speak, dBov. */
const SPEAKING = -42;

/** Folds one measurement into what is shown. */
export function foldLevels(before: ShownLevels, levels: LevelsView, now: number): ShownLevels {
  const fall = (FALL_DB_PER_S * Math.max(0, Math.min(now - before.at, 1000))) / 1000;
  const settle = (old: number | undefined, level: number) => Math.max(level, (old ?? SILENCE) - fall, SILENCE);
  const remote: Record<string, number> = {};
  for (const [participant, level] of levels.remote) remote[participant] = settle(before.remote[participant], level);
  return { local: settle(before.local, levels.local), remote, at: now };
}

/** Where a level stands on a meter, 0..1. */
export function meterShare(level: number | undefined): number {
  if (level === undefined || level <= FLOOR) return 0;
  return Math.min(1, (level - FLOOR) / -FLOOR);
}

/** Whether a level is that of someone who speaks. */
export function isSpeaking(level: number | undefined): boolean {
  return level !== undefined && level > SPEAKING;
}

/** The loudest of the others. */
export function loudestRemote(levels: ShownLevels): number {
  return Math.max(SILENCE, ...Object.values(levels.remote));
}
