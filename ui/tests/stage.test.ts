import { expect, test } from "vitest";

import { callView, participant } from "../src/platform/fake";
import { SILENT } from "../src/state/levels";
import { NOBODY, columnsFor, followSpeaker, hasPictures, planStage } from "../src/state/stage";

const face = { video_muted: false, has_video: true };

test("a call shows pictures once somebody shows something", () => {
  const bob = participant("p1", "Bob");
  expect(hasPictures(callView({ participants: [bob] }))).toBe(false);
  expect(hasPictures(callView({ camera_on: true, participants: [bob] }))).toBe(true);
  expect(hasPictures(callView({ participants: [{ ...bob, ...face }] }))).toBe(true);
  expect(hasPictures(callView({ participants: [{ ...bob, has_video: true }] }))).toBe(false);
  expect(hasPictures(callView({ participants: [{ ...bob, has_screen: true }] }))).toBe(true);
});

test("with two, ours lies in a corner of theirs", () => {
  const call = callView({ participants: [participant("p1", "Bob", face)] });
  const plan = planStage(call, ["p1"], "grid", null, null);
  expect(plan).toEqual({ large: { kind: "person", participant: "p1" }, others: [null], corner: true });
});

test("a shared screen is large whatever the layout, and of several the chosen one or the latest", () => {
  const participants = ["p1", "p2", "p3"].map((id) => participant(id, id, { has_screen: id !== "p2" }));
  const call = callView({ participants });
  const seats = ["p1", "p2", "p3"];
  expect(planStage(call, seats, "grid", null, null).large).toEqual({ kind: "screen", participant: "p3" });
  expect(planStage(call, seats, "speaker", "p2", "p1").large).toEqual({ kind: "screen", participant: "p1" });
  expect(planStage(call, seats, "speaker", "p2", "p2").large).toEqual({ kind: "screen", participant: "p3" });
  expect(planStage(call, seats, "grid", null, null).others).toEqual([null, "p1", "p2", "p3"]);
});

test("whoever speaks is large in one layout and like everyone in the other", () => {
  const participants = ["p1", "p2"].map((id) => participant(id, id, face));
  const call = callView({ participants });
  const speaker = planStage(call, ["p1", "p2"], "speaker", "p2", null);
  expect(speaker).toEqual({ large: { kind: "person", participant: "p2" }, others: [null, "p1"], corner: false });
  expect(planStage(call, ["p1", "p2"], "grid", "p2", null).large).toBeNull();
});

test("a cough makes nobody large", () => {
  const at = (remote: Record<string, number>, n: number) => ({ local: -127, remote, at: n });
  let speaker = followSpeaker(NOBODY, at({ a: -20 }, 0), 0);
  expect(speaker.shown).toBe("a");
  speaker = followSpeaker(speaker, at({ a: -60, b: -20 }, 100), 100);
  speaker = followSpeaker(speaker, at({ a: -20, b: -60 }, 400), 400);
  speaker = followSpeaker(speaker, at({ a: -60, b: -20 }, 500), 500);
  speaker = followSpeaker(speaker, at({ a: -60, b: -20 }, 1000), 1000);
  expect(speaker.shown).toBe("a");
  speaker = followSpeaker(speaker, at({ a: -60, b: -20 }, 1200), 1200);
  expect(speaker.shown).toBe("b");
  expect(followSpeaker(speaker, SILENT, 9999)).toBe(speaker);
});

test("tiles are as large as the window lets them be", () => {
  expect(columnsFor(1, 800, 600)).toBe(1);
  expect(columnsFor(2, 1600, 500)).toBe(2);
  expect(columnsFor(2, 400, 900)).toBe(1);
  expect(columnsFor(9, 1600, 900)).toBe(3);
});
