// Which key does what. Pure, so that the table can be tested without a window.

/** What a key asks for. */
export type KeyAction =
  | "search"
  | "toggle_mute"
  | "toggle_camera"
  /** Chooses what to share, or stops sharing. */
  | "share"
  | "full_screen"
  | "toggle_hand"
  /** Opens the choice of reactions. */
  | "react"
  /** The key went down; talk until it comes up. */
  | "talk"
  | "end"
  | "answer"
  | "decline"
  | "shortcuts"
  | "close";

/** The part of a keyboard event that counts. */
export interface KeyPress {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  shiftKey: boolean;
  altKey: boolean;
  repeat: boolean;
}

/** What has the focus: a text field takes letters, a control takes Enter and Space. */
export type Focus = "text" | "control" | "page";

/** What is on the screen. */
export interface Situation {
  focus: Focus;
  /** A dialog, menu or popover is open. */
  overlay: boolean;
  inCall: boolean;
  /** The call has more than two, so that hands and reactions mean something. */
  group?: boolean;
  muted: boolean;
  ringing: boolean;
}

/** The action of a key, or `null` when the key is left to the page. */
export function keyAction(press: KeyPress, at: Situation): KeyAction | null {
  const key = press.key.length === 1 ? press.key.toLowerCase() : press.key;
  const command = press.ctrlKey || press.metaKey;
  if (press.altKey) return null;
  if (command) {
    if (key === "k" && !press.shiftKey) return "search";
    if (key === "e" && press.shiftKey && at.inCall) return "end";
    return null;
  }
  if (key === "Escape") {
    if (at.overlay) return "close";
    if (at.focus === "text") return null;
    return at.ringing ? "decline" : "close";
  }
  if (at.focus === "text" || at.overlay || press.repeat) return null;
  if (key === "?") return "shortcuts";
  if (key === "m" && !press.shiftKey && at.inCall) return "toggle_mute";
  if (key === "v" && !press.shiftKey && at.inCall) return "toggle_camera";
  if (key === "s" && !press.shiftKey && at.inCall) return "share";
  if (key === "f" && !press.shiftKey && at.inCall) return "full_screen";
  if (key === "h" && !press.shiftKey && at.group) return "toggle_hand";
  if (key === "r" && !press.shiftKey && at.group) return "react";
  if (at.focus === "control") return null;
  if (key === "Enter" && at.ringing) return "answer";
  if (key === " " && at.inCall && at.muted) return "talk";
  return null;
}

/** What kind of thing has the focus. */
export function focusOf(element: Element | null): Focus {
  if (!element) return "page";
  if (element.matches("input:not([type=button]):not([type=checkbox]):not([type=radio]), textarea, [contenteditable]")) {
    return "text";
  }
  return element.matches("button, a[href], select, summary, [role=menuitem], [role=menuitemradio], [tabindex='0']")
    ? "control"
    : "page";
}
