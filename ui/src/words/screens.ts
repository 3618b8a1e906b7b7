// The sentences of the screens.

import type { AccountState, AccountView, CallView, InvitationView } from "../sdk/contract";
import type { EchoCause } from "../state/echo_check";
import { moment } from "../time";

/** What an echo call's likely flaw reads as, and what to do about it. */
export const ECHO_CAUSE: Record<EchoCause, { cause: string; todo: string }> = {
  not_connected: {
    cause: "The test call did not connect, so nothing could be heard.",
    todo: "Try once more. If it fails again, restart Bellbird.",
  },
  muted: {
    cause: "Your microphone was off during the whole test.",
    todo: "Press M in the call to turn it on, and test again.",
  },
  microphone_silent: {
    cause: "No sound came from your microphone.",
    todo: "Choose another microphone below, or check its switch and its cable.",
  },
  microphone_quiet: {
    cause: "Your microphone is very quiet.",
    todo: "Move closer, raise its level in the system’s settings, or choose another one below.",
  },
  nothing_came_back: {
    cause: "Your voice went out, but did not come back.",
    todo: "Test again. If it stays silent, the connection is the cause, not your microphone.",
  },
  gaps: {
    cause: "The sound had gaps.",
    todo: "This computer or its network is busy. Close what you do not need, and test again.",
  },
  speaker: {
    cause: "Your microphone and the connection worked, so it is most likely the loudspeaker.",
    todo: "Choose another loudspeaker below, and check its volume.",
  },
};

/** How an account stands, in a few words. */
export function accountWords(state: AccountState): string {
  switch (state.state) {
    case "connecting":
      return "Connecting…";
    case "online":
      return "You can be called";
    case "offline":
      return "Not connected, trying again";
    case "signed_out":
      return "Signed out";
  }
}

/** Where an account lives. */
export function accountPlace(account: AccountView): string {
  if (account.local) return "on this computer";
  try {
    return `on ${new URL(account.server).host}`;
  } catch {
    return `on ${account.server}`;
  }
}

/** What kind of call rings, and for whom. */
export function incomingWords(call: CallView, account: AccountView | undefined): string {
  const kind = call.media === "video" ? "Video call" : "Voice call";
  return account ? `${kind} for ${account.display_name} ${accountPlace(account)}` : kind;
}

/** As whom a link is joined with an account. */
export function joinAsAccount(account: AccountView, host: string): string {
  return `You join as ${account.display_name} on ${host}.`;
}

/** As whom a link is joined without one. */
export function joinAsGuest(host: string): string {
  return `You join as a guest on ${host}. Nobody can call you there.`;
}

/** Where someone is a guest. */
export function guestWords(host: string): string {
  return `As a guest on ${host}`;
}

/** Who can use an invitation, and until when. */
export function invitationWords(invitation: InvitationView, now_ms: number): string {
  const who =
    invitation.uses === 1 ? "One person who has this link" : `Up to ${invitation.uses} people who have this link`;
  return `${who} can make an account on this computer’s server until ${moment(invitation.expires_at_ms, now_ms)}.`;
}

/** Presence as a server tells it. */
export function presenceWords(presence: string | null): string {
  switch (presence) {
    case "online":
      return "Online";
    case "away":
      return "Away";
    case "dnd":
      return "Do not disturb";
    case "busy":
      return "Busy";
    case "offline":
      return "Offline";
    default:
      return "";
  }
}

/** A level for those who cannot see the meter. */
export function levelWords(share: number): string {
  if (share < 0.1) return "silent";
  return share < 0.5 ? "quiet" : "speaking";
}

/** The keys, in the order they are shown. */
export const SHORTCUTS: readonly { keys: readonly string[]; does: string }[] = [
  { keys: ["Ctrl", "K"], does: "Search people" },
  { keys: ["Enter"], does: "Call the chosen person, or answer" },
  { keys: ["Esc"], does: "Decline, or close what is open" },
  { keys: ["M"], does: "Microphone off or on" },
  { keys: ["V"], does: "Camera on or off" },
  { keys: ["S"], does: "Share your screen, or stop" },
  { keys: ["F"], does: "Full screen" },
  { keys: ["Space"], does: "Hold to talk while the microphone is off" },
  { keys: ["H"], does: "Raise or lower your hand" },
  { keys: ["R"], does: "Choose a reaction" },
  { keys: ["Ctrl", "Shift", "E"], does: "End the call" },
  { keys: ["?"], does: "Show these keys" },
];

/** Where an invitation leads. */
export function invitationTo(host: string): string {
  return `Leads to the server at ${host}.`;
}
