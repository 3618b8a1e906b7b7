// The wish to go from a voice call to a video call, in words.

import type { CallView } from "../sdk/contract";
import { nameOf } from "./calls";

/** Who asks, and what agreeing does; `null` while nobody asks. */
export function videoRequestWords(call: CallView): { asks: string; hint: string } | null {
  switch (call.video_request) {
    case "none":
      return null;
    case "asked_by_us":
      return { asks: `Asking ${nameOf(call)} to switch to video`, hint: "Your camera goes on when they agree." };
    case "asked_by_them":
      return { asks: `${nameOf(call)} asks to switch to video`, hint: "If you agree, your camera goes on, too." };
  }
}

export const VIDEO_REQUEST = {
  accept: "Turn both cameras on",
  decline: "Stay without video",
  cancel: "Take it back",
} as const;
