// What an echo call measured, so that "No, it did not sound good" can name the likely cause. Pure.

import type { CallView, LevelsView, LinkQualityView } from "../sdk/contract";
import { SILENCE } from "./levels";

/** Measured over one echo call. */
export interface EchoMeasure {
  call: string;
  connected: boolean;
  /** Whether the microphone was on at any time. */
  unmuted: boolean;
  /** Loudest own level, dBov. */
  local: number;
  /** Loudest level that came back, dBov. */
  remote: number;
  /** Seconds in which sound had gaps, and seconds measured. */
  gapSeconds: number;
  seconds: number;
}

/** What most likely went wrong. */
export type EchoCause =
  | "not_connected"
  | "muted"
  | "microphone_silent"
  | "microphone_quiet"
  | "nothing_came_back"
  | "gaps"
  | "speaker";

/** A microphone that never gets louder than this gives nothing but its own noise, dBov. */
const SILENT_BELOW = -62;
/** Speech is louder than this through any microphone that is set right, dBov. */
const QUIET_BELOW = -44;
/** What comes back is about as loud as what went out; below this nothing came back, dBov. */
const NOTHING_BELOW = -62;
const GAPS = 0.05;

export function beginEcho(call: string): EchoMeasure {
  return { call, connected: false, unmuted: false, local: SILENCE, remote: SILENCE, gapSeconds: 0, seconds: 0 };
}

export function measureCall(before: EchoMeasure, call: CallView): EchoMeasure {
  const connected = before.connected || call.connected_at_ms !== null;
  const unmuted = before.unmuted || (connected && !call.muted);
  if (connected === before.connected && unmuted === before.unmuted) return before;
  return { ...before, connected, unmuted };
}

export function measureLevels(before: EchoMeasure, levels: LevelsView): EchoMeasure {
  const local = Math.max(before.local, levels.local);
  const remote = Math.max(before.remote, ...levels.remote.map(([, level]) => level));
  if (local === before.local && remote === before.remote) return before;
  return { ...before, local, remote };
}

export function measureQuality(before: EchoMeasure, links: readonly LinkQualityView[]): EchoMeasure {
  if (links.length === 0) return before;
  const gap = links.some((link) => link.loss >= GAPS || link.concealed >= GAPS || (link.remote_loss ?? 0) >= GAPS);
  return { ...before, seconds: before.seconds + 1, gapSeconds: before.gapSeconds + (gap ? 1 : 0) };
}

/** The likely cause, from the mouth outwards: the first thing that is wrong on the way explains the rest. */
export function likelyCause(measure: EchoMeasure): EchoCause {
  if (!measure.connected) return "not_connected";
  if (!measure.unmuted) return "muted";
  if (measure.local < SILENT_BELOW) return "microphone_silent";
  if (measure.remote < NOTHING_BELOW) return "nothing_came_back";
  if (measure.seconds > 0 && measure.gapSeconds / measure.seconds > 0.2) return "gaps";
  if (measure.local < QUIET_BELOW) return "microphone_quiet";
  return "speaker";
}
