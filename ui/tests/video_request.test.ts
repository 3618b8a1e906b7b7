import { afterEach, expect, test } from "vitest";

import type { CallView } from "../src/sdk/contract";
import { SIGNED_IN, callView, participant } from "../src/platform/fake";
import { type Screen, click, hasButton, openMain, settle, text } from "./screen";

let screen: Screen;
afterEach(() => screen.close());

const bob = participant("p1", "Bob", { contact: "bob" });
const methods = () => screen.core.commands.flatMap((one) => (one.command === "sdk" ? [one.method] : []));

async function open(video_request: CallView["video_request"]): Promise<void> {
  screen = openMain((core) => (core.state = SIGNED_IN));
  const call = { status: "connected" as const, connected_at_ms: Date.now(), participants: [bob], video_request };
  screen.core.set({ calls: [callView(call)] });
  await settle();
}

test("who is asked to switch to video says yes or no, and nothing happens before", async () => {
  await open("asked_by_them");
  expect(text()).toContain("Bob Fischer asks to switch to video");
  expect(methods()).toEqual([]);
  await click("Stay without video");
  expect(methods()).toEqual([{ method: "declineVideoCallSwitchRequest" }]);
  await click("Turn both cameras on");
  expect(methods().at(-1)).toEqual({ method: "acceptVideoCallSwitchRequest" });
});

test("who asked can take it back, and sees no question without one", async () => {
  await open("asked_by_us");
  expect(text()).toContain("Asking Bob Fischer to switch to video");
  expect(hasButton("Turn both cameras on")).toBe(false);
  await click("Take it back");
  expect(methods()).toEqual([{ method: "cancelVideoCallSwitchRequest" }]);
  screen.core.change("c1", { video_request: "none" });
  await settle();
  expect(text()).not.toContain("switch to video");
});
