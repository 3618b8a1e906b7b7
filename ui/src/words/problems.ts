// Every problem in plain words: what happened, what to do, one button.

import { PROBLEM_CODES, type Problem, type ProblemCode } from "../sdk/contract";

/** What the one button does. */
export type Remedy = "dismiss" | "choose_device" | "sign_in" | "retry";

/** A problem as it is shown. */
export interface ProblemWords {
  happened: string;
  todo: string;
  button: string;
  remedy: Remedy;
}

// Codes that arise in the window itself.
const WINDOW_CODES = ["core-gone", "no-core-program", "core-failed", "no-address", "call-cut"] as const;
export type WindowProblemCode = (typeof WINDOW_CODES)[number];

const WORDS: Record<ProblemCode | WindowProblemCode, ProblemWords> = {
  "wrong-password": {
    happened: "The name or password was not accepted.",
    todo: "Check both and try again. Capital letters count.",
    button: "Try again",
    remedy: "sign_in",
  },
  "signed-out": {
    happened: "The server signed you out.",
    todo: "Your password may have been changed or withdrawn. Sign in again.",
    button: "Sign in",
    remedy: "sign_in",
  },
  "unknown-user": {
    happened: "The server does not know that person.",
    todo: "Check how the name is written, or search for it.",
    button: "OK",
    remedy: "dismiss",
  },
  "unknown-room": {
    happened: "That conversation does not exist, or you have no access to it.",
    todo: "Ask someone in it to add you.",
    button: "OK",
    remedy: "dismiss",
  },
  "server-unreachable": {
    happened: "The server does not answer.",
    todo: "Check the address and your network. Bellbird keeps trying.",
    button: "Try again",
    remedy: "retry",
  },
  "not-a-talk-server": {
    happened: "There is no Nextcloud Talk or Bellbird server at that address.",
    todo: "Check the address with whoever gave it to you.",
    button: "OK",
    remedy: "dismiss",
  },
  "server-failed": {
    happened: "The server has trouble right now.",
    todo: "It may be down for maintenance. Try again in a few minutes.",
    button: "Try again",
    remedy: "retry",
  },
  throttled: {
    happened: "The server asks to wait after too many attempts.",
    todo: "Wait a minute, then try again.",
    button: "OK",
    remedy: "dismiss",
  },
  "certificate-refused": {
    happened: "The server could not prove who it is.",
    todo: "Nothing was sent. Ask whoever runs it for a new invitation, or check its certificate.",
    button: "OK",
    remedy: "dismiss",
  },
  "bad-link": {
    happened: "That link cannot be read.",
    todo: "Copy the whole link again, from https:// to its end.",
    button: "OK",
    remedy: "dismiss",
  },
  "invitation-expired": {
    happened: "This invitation is used up or too old.",
    todo: "Ask for a new one.",
    button: "OK",
    remedy: "dismiss",
  },
  forbidden: {
    happened: "The server does not let your account do that.",
    todo: "Ask whoever runs the server.",
    button: "OK",
    remedy: "dismiss",
  },
  "read-only": {
    happened: "That conversation is locked.",
    todo: "A moderator can unlock it.",
    button: "OK",
    remedy: "dismiss",
  },
  lobby: {
    happened: "You are in the lobby.",
    todo: "A moderator has to let you in.",
    button: "OK",
    remedy: "dismiss",
  },
  "password-needed": {
    happened: "That conversation has a password.",
    todo: "Ask whoever sent you the link, and join again.",
    button: "OK",
    remedy: "dismiss",
  },
  "consent-needed": {
    happened: "Calls here are recorded, which needs your consent first.",
    todo: "You were not connected, and nothing was recorded. Join again to be asked.",
    button: "OK",
    remedy: "dismiss",
  },
  "no-microphone": {
    happened: "No microphone was found.",
    todo: "Plug one in, or choose another sound device.",
    button: "Choose",
    remedy: "choose_device",
  },
  "no-speaker": {
    happened: "No loudspeaker was found.",
    todo: "Plug in a loudspeaker or headphones, or choose another sound device.",
    button: "Choose",
    remedy: "choose_device",
  },
  "device-denied": {
    happened: "The system does not let Bellbird use your sound device.",
    todo: "Allow it in the system’s privacy settings, or choose another device.",
    button: "Choose",
    remedy: "choose_device",
  },
  "device-busy": {
    happened: "Another program is using your sound device.",
    todo: "Choose another device, or close that program.",
    button: "Choose",
    remedy: "choose_device",
  },
  "device-lost": {
    happened: "Your sound device was unplugged.",
    todo: "Bellbird went on with the system’s default. Plug it back in, or choose another.",
    button: "Choose",
    remedy: "choose_device",
  },
  "no-camera": {
    happened: "No camera was found.",
    todo: "Plug one in, or go on without. The call goes on.",
    button: "Choose",
    remedy: "choose_device",
  },
  "camera-denied": {
    happened: "The system does not let Bellbird use the camera.",
    todo: "Allow it in the system’s privacy settings, then switch the camera on again.",
    button: "OK",
    remedy: "dismiss",
  },
  "camera-busy": {
    happened: "Another program is using your camera.",
    todo: "Close that program or choose another camera. The call goes on.",
    button: "Choose",
    remedy: "choose_device",
  },
  "camera-lost": {
    happened: "Your camera was unplugged.",
    todo: "Plug it back in, or choose another. The call goes on.",
    button: "Choose",
    remedy: "choose_device",
  },
  "no-screen": {
    happened: "That screen or window cannot be shared.",
    todo: "It may be gone: choose another one. If none works, your desktop’s own screen sharing is missing or broken.",
    button: "OK",
    remedy: "dismiss",
  },
  "screen-denied": {
    happened: "Sharing the screen was not allowed.",
    todo: "Share again, and allow it when the system asks.",
    button: "OK",
    remedy: "dismiss",
  },
  "screen-lost": {
    happened: "What you shared was closed, so sharing ended.",
    todo: "Share another screen or window if you like. The call goes on.",
    button: "OK",
    remedy: "dismiss",
  },
  "video-file": {
    happened: "A video file could not be read or written.",
    todo: "Check that it is there and that there is room for it.",
    button: "OK",
    remedy: "dismiss",
  },
  "sound-file": {
    happened: "A sound file could not be read or written.",
    todo: "Check that it is there and that there is room for it.",
    button: "OK",
    remedy: "dismiss",
  },
  "bad-description": {
    happened: "The other side’s program sent something Bellbird does not understand.",
    todo: "Call again. If it happens every time, the other program may be too old.",
    button: "OK",
    remedy: "dismiss",
  },
  "no-media-path": {
    happened: "No way was found for the sound between you and the other side.",
    todo: "A firewall may be in between. Try another network.",
    button: "OK",
    remedy: "dismiss",
  },
  "signaling-lost": {
    happened: "The connection to the server was lost.",
    todo: "Bellbird is connecting again; a running call goes on.",
    button: "OK",
    remedy: "dismiss",
  },
  "port-in-use": {
    happened: "Another program on this computer uses the port Bellbird’s server needs.",
    todo: "Close that program, then try again.",
    button: "Try again",
    remedy: "retry",
  },
  "disk-full": {
    happened: "The disk is full.",
    todo: "Free some space; until then changes cannot be kept.",
    button: "OK",
    remedy: "dismiss",
  },
  "read-only-folder": {
    happened: "Bellbird may not write to its folder.",
    todo: "Check the folder’s permissions; until then changes cannot be kept.",
    button: "OK",
    remedy: "dismiss",
  },
  "no-key-store": {
    happened: "This system has no safe place for passwords.",
    todo: "You stay signed in until Bellbird stops, and will be asked again afterwards.",
    button: "OK",
    remedy: "dismiss",
  },
  "not-now": {
    happened: "That is not possible right now.",
    todo: "You may be in another call, or the call may be over.",
    button: "OK",
    remedy: "dismiss",
  },
  "timed-out": {
    happened: "It took too long.",
    todo: "Check your network and try again.",
    button: "Try again",
    remedy: "retry",
  },
  internal: {
    happened: "Something went wrong inside Bellbird.",
    todo: "It goes on working. If it happens again, please report it.",
    button: "OK",
    remedy: "dismiss",
  },
  "core-gone": {
    happened: "Bellbird is restarting.",
    todo: "Try again in a moment.",
    button: "OK",
    remedy: "dismiss",
  },
  "no-core-program": {
    happened: "A part of Bellbird is missing.",
    todo: "Install Bellbird again.",
    button: "OK",
    remedy: "dismiss",
  },
  "core-failed": {
    happened: "Bellbird’s background part does not start.",
    todo: "Check that the disk is not full. Restarting the computer may help.",
    button: "OK",
    remedy: "dismiss",
  },
  "call-cut": {
    happened: "The call was cut off.",
    todo: "Bellbird had to restart in the middle of it. Call again.",
    button: "OK",
    remedy: "dismiss",
  },
  "no-address": {
    happened: "This page does not know where Bellbird is.",
    todo: "Open it from Bellbird itself.",
    button: "OK",
    remedy: "dismiss",
  },
};

/** Every code there are words for. */
export const ALL_CODES = Object.keys(WORDS) as (ProblemCode | WindowProblemCode)[];

/** The words for a problem. A code of a newer core reads as an internal one. */
export function problemWords(problem: Problem): ProblemWords {
  return isKnown(problem.code) ? WORDS[problem.code] : WORDS.internal;
}

function isKnown(code: string): code is ProblemCode | WindowProblemCode {
  return ([...WINDOW_CODES, ...PROBLEM_CODES] as readonly string[]).includes(code);
}
