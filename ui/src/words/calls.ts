// The states of a call, in words.

import type { CallView, EndReason, EntranceView, ParticipantView, Status } from "../sdk/contract";
import { raisedHands } from "../state/calls";
import type { Judgement } from "../state/quality";
import { clock, moment, secondsSince } from "../time";

/** The name of whom a call is with. */
export function nameOf(call: CallView): string {
  return call.display_name || call.contact || "Someone";
}

/** The name of someone in a call; guests may have none. */
export function personName(participant: ParticipantView): string {
  return participant.display_name || participant.contact || "Guest";
}

/** A raised hand, by its place among them; `null` where that is not known. */
export function handWords(place: number | null): string {
  return place === null ? "Hand raised" : `Hand raised, number ${place}`;
}

/** Whose hands are up, for a live region. */
export function handsWords(call: CallView): string {
  const names = raisedHands(call).map((id) => call.participants.find((one) => one.id === id));
  const shown = names.filter((one) => one !== undefined).map(personName);
  return shown.length === 0 ? "" : `Raised hands: ${shown.join(", ")}`;
}

/** What each status reads as while the call lives. */
const STATUS: Record<Status, (name: string, incoming: boolean) => string> = {
  calling: (name, incoming) => (incoming ? `${name} is calling` : `Calling ${name}…`),
  ringing: (name, incoming) => (incoming ? `${name} is calling` : `Ringing at ${name}’s`),
  connecting: () => "Connecting…",
  connected: () => "Connected",
  reconnecting: () => "Reconnecting…",
  busy: (name) => `${name} declined`,
  engaged: (name) => `${name} is on another call`,
  disconnected: (name) => `${name} is gone`,
  ended: () => "Ended",
  hold: () => "On hold",
};

/** What each end reads as. */
const END: Record<EndReason, (name: string) => string> = {
  local_hangup: () => "Ended",
  remote_hangup: () => "Ended",
  local_decline: () => "You declined",
  remote_decline: (name) => `${name} declined`,
  remote_engaged: (name) => `${name} is on another call`,
  local_engaged: (name) => `${name} called while you were on another call`,
  no_answer: () => "No answer",
  missed: (name) => `Missed call from ${name}`,
  answered_elsewhere: () => "Answered on another device",
  ended_by_moderator: () => "Ended by a moderator",
  connection_lost: () => "The connection was lost",
  signaling_failed: () => "The server ended the call",
  media_failed: () => "The sound could not be started",
};

/** The state of a call or participant, without times: what is read aloud when it changes. */
export function statusWords(status: Status, name: string, incoming = false): string {
  return STATUS[status](name, incoming);
}

/** Why a call ended; with its length when it ever connected. */
export function endWords(reason: EndReason, name: string, duration_s: number | null): string {
  const words = END[reason](name);
  return duration_s === null || duration_s === 0 ? words : `${words}, ${clock(duration_s)}`;
}

/** The state of a call in one line, with the seconds of a lost path. */
export function callWords(call: CallView, quality: Judgement, now_ms: number): string {
  const name = nameOf(call);
  if (call.ended !== null) return endWords(call.ended, name, call.duration_s);
  if (call.entrance) return entranceWords(call.entrance, now_ms);
  if (call.on_hold) return STATUS.hold(name, call.incoming);
  if (call.status === "reconnecting" && call.reconnecting_since_ms !== null) {
    return `Reconnecting (${secondsSince(call.reconnecting_since_ms, now_ms)} s)`;
  }
  if (call.status === "connected" && quality.quality === "weak") return `Weak connection: ${WEAK[quality.where]}`;
  return statusWords(call.status, name, call.incoming);
}

/** The same without what changes every second: for a live region. */
export function announcement(call: CallView, quality: Judgement): string {
  if (call.ended === null && call.status === "reconnecting") return STATUS.reconnecting("", false);
  return callWords(call, quality, 0);
}

/** What is in the way into a conversation. */
export function entranceWords(entrance: EntranceView, now_ms: number): string {
  switch (entrance.step) {
    case "entering":
      return "Joining…";
    case "password":
      if (entrance.throttled) return "The server asks to wait before the next try.";
      return entrance.refused ? "That is not the password." : "This conversation has a password.";
    case "lobby":
      return entrance.opens_at_ms !== null && entrance.opens_at_ms > now_ms
        ? `The moderator lets you in ${moment(entrance.opens_at_ms, now_ms)}.`
        : "The moderator will let you in.";
    case "consent":
      return "Calls here may be recorded.";
  }
}

/** What to do about it. */
export function entranceAdvice(entrance: EntranceView): string {
  switch (entrance.step) {
    case "entering":
      return "";
    case "password":
      return entrance.throttled ? "Wait half a minute, then try again." : "Ask whoever sent you the link.";
    case "lobby":
      return "You are in the lobby. Your microphone is closed, and you join by yourself once it opens.";
    case "consent":
      return "If you join, what you say may be kept. You are not connected yet.";
  }
}

type Weakness = Extract<Judgement, { quality: "weak" }>["where"];

const WEAK: Record<Weakness, string> = {
  coming: "their sound has gaps",
  going: "your sound has gaps",
  both_ways: "gaps both ways",
  our_network: "your network",
  late: "sound comes late",
};

/** A judgement in two words, for the button that opens the figures. */
export function qualityWords(quality: Judgement): string {
  switch (quality.quality) {
    case "unknown":
      return "Measuring…";
    case "good":
      return "Good connection";
    case "weak":
      return "Weak connection";
  }
}

/** A judgement as a sentence, with what to do. */
export function qualityAdvice(quality: Judgement, name: string): string {
  switch (quality.quality) {
    case "unknown":
      return "Figures come a second after the call connects.";
    case "good":
      return "Sound passes well both ways.";
    case "weak":
      return ADVICE[quality.where](name);
  }
}

const ADVICE: Record<Weakness, (name: string) => string> = {
  coming: (name) => `Parts of what ${name} says get lost on the way to you. Moving closer to your Wi-Fi may help.`,
  going: (name) => `Parts of what you say get lost on the way to ${name}. Moving closer to your Wi-Fi may help.`,
  both_ways: () => "Sound gets lost in both directions. Moving closer to your Wi-Fi, or a cable, may help.",
  our_network: () => "Everyone reaches you with gaps, so it is your network. A cable instead of Wi-Fi may help.",
  late: () => "Sound takes long to arrive. Leave a short pause before you speak.",
};
