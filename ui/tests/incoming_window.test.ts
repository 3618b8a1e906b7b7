import { afterEach, expect, test } from "vitest";

import { SIGNED_IN, callView } from "../src/platform/fake";
import { type Screen, button, click, openIncoming, press, settle, text } from "./screen";

let screen: Screen;
afterEach(() => screen.close());

const RING = callView({ id: "r", incoming: true, can_answer: true, display_name: "Zoë Ångström", contact: "zoe" });

function open(change: object = {}): void {
  screen = openIncoming((core) => (core.state = { ...SIGNED_IN, calls: [{ ...RING, ...change }] }));
}
const commands = () => screen.core.commands.map((command) => command.command);

test("it says who calls, how, and which account", () => {
  open();
  expect(text()).toContain("Zoë Ångström");
  expect(text()).toContain("Voice call for Alice Moreau on this computer");
});

test("Enter answers", async () => {
  open();
  await press("Enter");
  expect(screen.core.commands).toEqual([{ command: "answer", call: "r", media: "voice" }]);
});

test("Esc declines", async () => {
  open();
  await press("Escape");
  expect(screen.core.commands).toEqual([{ command: "decline", call: "r" }]);
});

test("a video call is answered with video, or without, as the buttons say", async () => {
  open({ media: "video" });
  expect(text()).toContain("Video call for");
  await click("Without video");
  expect(screen.core.commands).toEqual([{ command: "answer", call: "r", media: "voice" }]);
  screen.close();
  open({ media: "video" });
  await press("Enter");
  expect(screen.core.commands).toEqual([{ command: "answer", call: "r", media: "video" }]);
});

test("one answer is enough", async () => {
  open();
  button(/^Answer/).click();
  button(/^Answer/).click();
  await settle();
  expect(commands()).toEqual(["answer"]);
});

test("an answer that is refused can be given again", async () => {
  open();
  screen.core.refusals.set("answer", { number: 0, code: "no-microphone", detail: "" });
  await press("Enter");
  expect(text()).toContain("No microphone was found.");
  await press("Enter");
  expect(commands()).toEqual(["answer", "answer"]);
});

test("a call settled elsewhere is no longer offered", async () => {
  open();
  screen.core.set({ calls: [] });
  await settle();
  expect(text()).toBe("No call is waiting.");
});
