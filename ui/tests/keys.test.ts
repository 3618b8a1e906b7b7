import { expect, test } from "vitest";

import { type KeyAction, type KeyPress, type Situation, focusOf, keyAction } from "../src/keys";

const IDLE: Situation = { focus: "page", overlay: false, inCall: false, muted: false, ringing: false };
const CALL: Situation = { ...IDLE, inCall: true };

function press(key: string, modifiers: Partial<KeyPress> = {}): KeyPress {
  return { key, ctrlKey: false, metaKey: false, shiftKey: false, altKey: false, repeat: false, ...modifiers };
}
const ctrl = { ctrlKey: true };

test.each<[string, KeyPress, Situation, KeyAction | null]>([
  ["Ctrl+K searches", press("k", ctrl), IDLE, "search"],
  ["Ctrl+K searches from a text field", press("k", ctrl), { ...IDLE, focus: "text" }, "search"],
  ["Cmd+K searches", press("k", { metaKey: true }), IDLE, "search"],
  ["M mutes in a call", press("m"), CALL, "toggle_mute"],
  ["M mutes with the focus on a button", press("m"), { ...CALL, focus: "control" }, "toggle_mute"],
  ["M is a letter in a text field", press("m"), { ...CALL, focus: "text" }, null],
  ["M does nothing without a call", press("m"), IDLE, null],
  ["Alt+M is not ours", press("m", { altKey: true }), CALL, null],
  ["Ctrl+M is not ours", press("m", ctrl), CALL, null],
  ["Space talks while muted", press(" "), { ...CALL, muted: true }, "talk"],
  ["Space held down talks once", press(" ", { repeat: true }), { ...CALL, muted: true }, null],
  ["Space does nothing while the microphone is on", press(" "), CALL, null],
  ["Space presses the button with the focus", press(" "), { ...CALL, muted: true, focus: "control" }, null],
  ["Ctrl+Shift+E ends", press("E", { ctrlKey: true, shiftKey: true }), CALL, "end"],
  ["Ctrl+Shift+E ends from a text field", press("E", { ctrlKey: true, shiftKey: true }), { ...CALL, focus: "text" }, "end"],
  ["Ctrl+Shift+E without a call does nothing", press("E", { ctrlKey: true, shiftKey: true }), IDLE, null],
  ["Ctrl+E alone does nothing", press("e", ctrl), CALL, null],
  ["Enter answers", press("Enter"), { ...IDLE, ringing: true }, "answer"],
  ["Enter presses the button with the focus", press("Enter"), { ...IDLE, ringing: true, focus: "control" }, null],
  ["Enter in a text field answers nothing", press("Enter"), { ...IDLE, ringing: true, focus: "text" }, null],
  ["Esc declines", press("Escape"), { ...IDLE, ringing: true }, "decline"],
  ["Esc closes what is open before it declines", press("Escape"), { ...IDLE, ringing: true, overlay: true }, "close"],
  ["Esc in a text field declines nothing", press("Escape"), { ...IDLE, ringing: true, focus: "text" }, null],
  ["? shows the keys", press("?", { shiftKey: true }), IDLE, "shortcuts"],
  ["? in a text field is a letter", press("?"), { ...IDLE, focus: "text" }, null],
  ["Letters under a dialog do nothing", press("m"), { ...CALL, overlay: true }, null],
])("%s", (_name, key, situation, action) => {
  expect(keyAction(key, situation)).toBe(action);
});

test("the focus is told apart", () => {
  document.body.innerHTML = `<input id=t><input id=c type=checkbox><button id=b></button><p id=p></p><select id=s></select>`;
  const at = (id: string) => focusOf(document.getElementById(id));
  expect([at("t"), at("c"), at("b"), at("p"), at("s"), focusOf(null)]).toEqual([
    "text",
    "page",
    "control",
    "page",
    "control",
    "page",
  ]);
  document.body.innerHTML = "";
});
