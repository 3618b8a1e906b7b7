// What others want of the person's client, in words; and what each answer means.

import type { AccountView, CallView, RemoteJoinPolicy, RemoteJoinRequestView } from "../sdk/contract";
import { moment } from "../time";
import { accountPlace } from "./screens";

/** Who wants or wanted something; a script of the person's own has no name. */
export function whoWants(by: string): string {
  return by === "" ? "Another program" : by;
}

/** Who had us join, in the call. */
export function joinedByWords(by: string): string {
  return by === "" ? "Joined by another program" : `Joined by ${by}`;
}

/** How a request is shown. */
export interface RequestWords {
  title: string;
  /** What is wanted, and by whom. */
  asks: string;
  /** What allowing it does. */
  allow: string;
}

/** `call`: the one the person is in, if any; `account`: the request's, when there are several. */
export function requestWords(
  { by, display_name, kind, room, account: of }: RemoteJoinRequestView,
  call: CallView | null,
  account: AccountView | undefined,
): RequestWords {
  const who = whoWants(by);
  const where = account ? `“${display_name}” (${account.display_name} ${accountPlace(account)})` : `“${display_name}”`;
  const inside = call !== null && call.room === room && call.account === of;
  const kept = "From now on this account is joined without asking. A screen is asked for each time.";
  if (kind === "screen") {
    return {
      title: "Share a screen?",
      asks: inside ? `${who} wants you to share a screen in ${where}.` : `${who} wants you to join ${where} to share a screen. Your microphone stays off.`,
      allow: "Choose what the others in the call see. You can stop at any time.",
    };
  }
  const what = kind === "video" ? "camera" : "microphone";
  if (inside) {
    return {
      title: kind === "video" ? "Turn your camera on?" : "Turn your microphone on?",
      asks: `${who} wants to turn your ${what} on in ${where}.`,
      allow: `Your ${what} is turned on. ${kept}`,
    };
  }
  return {
    title: `Join ${display_name}?`,
    asks: kind === "video" ? `${who} wants to join you to ${where} with your camera and microphone.` : `${who} wants to join you to ${where} by voice.`,
    allow: kind === "video" ? `You join with camera and microphone on. ${kept}` : `You join with your microphone on. ${kept}`,
  };
}

/** The policies in the order they are offered. */
export const POLICIES: readonly { policy: RemoteJoinPolicy; label: string; hint: string }[] = [
  { policy: "ask", label: "Ask", hint: "You are asked the first time, and for a screen each time." },
  { policy: "allow", label: "Allow", hint: "Programs join you by voice and camera without asking; for a screen you are asked." },
  { policy: "forbid", label: "Never", hint: "No program can join you to a call." },
];

/** When a program came last. */
export function lastUsedWords(last_used_at_ms: number | null, now_ms: number): string {
  return last_used_at_ms === null ? "Not used since Bellbird started" : `Last used ${moment(last_used_at_ms, now_ms)}`;
}
