import { afterEach, expect, test } from "vitest";

import type { CallView } from "../src/sdk/contract";
import { SIGNED_IN, callView, participant } from "../src/platform/fake";
import { type Screen, click, hasButton, openMain, press, settle, text } from "./screen";

let screen: Screen;
afterEach(() => screen.close());

const bob = participant("p1", "Bob", { contact: "bob" });
const face = { video_muted: false, has_video: true };
const commands = () => screen.core.commands.filter((one) => !["search_contacts", "list_rooms", "avatar"].includes(one.command));
const canvas = (css: string) => document.querySelector(`canvas${css}`);

async function open(change: Partial<CallView> = {}): Promise<void> {
  screen = openMain((core) => (core.state = SIGNED_IN));
  const call = { status: "connected" as const, connected_at_ms: Date.now(), participants: [bob], ...change };
  screen.core.set({ calls: [callView(call)] });
  await settle();
}

test("people can be called with video", async () => {
  screen = openMain((core) => (core.state = SIGNED_IN));
  await screen.app.refreshPeople();
  await settle();
  await click("Video call to Bob Fischer");
  const method = { method: "makeVideoCall", users: ["bob@127.0.0.1:8090"], groupId: null };
  expect(commands()).toEqual([{ command: "sdk", account: "a1", method }]);
});

test("the camera goes on and off by its button and by V", async () => {
  await open();
  expect(canvas("")).toBeNull();
  await click("Turn camera on");
  expect(commands().at(-1)).toEqual({ command: "set_muted", call: "c1", kind: "video", muted: false });
  expect(canvas("[data-of=self]")).not.toBeNull();
  await press("v");
  expect(commands().at(-1)).toEqual({ command: "set_muted", call: "c1", kind: "video", muted: true });
  expect(canvas("")).toBeNull();
});

test("their picture is shown while their camera is on, and a screen beside it", async () => {
  await open({ participants: [{ ...bob, ...face }] });
  expect(canvas("[data-of=p1][data-picture=video]")).not.toBeNull();
  screen.core.change("c1", { participants: [{ ...bob, ...face, has_screen: true }] });
  await settle();
  expect(canvas("[data-of=p1][data-picture=screen]")).not.toBeNull();
  expect(canvas("[data-of=p1][data-picture=video]")).not.toBeNull();
  screen.core.change("c1", { participants: [{ ...bob, has_video: true }] });
  await settle();
  expect(canvas("")).toBeNull();
});

test("S asks what to share, and stops sharing", async () => {
  await open();
  await press("s");
  await settle();
  await click("Terminal");
  expect(commands().at(-1)).toEqual({ command: "share_screen", call: "c1", screen: "window:2" });
  expect(text()).toContain("You are sharing your screen");
  await press("s");
  expect(commands().at(-1)).toEqual({ command: "stop_sharing", call: "c1" });
});

test("what the server does not allow is not offered", async () => {
  await open({ may_show_camera: false, may_share_screen: false });
  expect(hasButton("Turn camera on")).toBe(false);
  expect(hasButton("Share your screen")).toBe(false);
  await press("s");
  expect(screen.app.dialog).toBeNull();
});

test("a recorded call says so", async () => {
  await open();
  expect(document.querySelector("[data-recorded]")).toBeNull();
  screen.core.change("c1", { recorded: true });
  await settle();
  expect(document.querySelector("[data-recorded]")?.textContent).toContain("Recorded");
});
