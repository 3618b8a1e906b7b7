import { expect, test } from "vitest";

import type { AppView, CallView, Event } from "../src/sdk/contract";
import { SIGNED_IN, callView, link } from "../src/platform/fake";
import { EMPTY, type Model, currentCall, fold, nextPage, ringingCall } from "../src/state/calls";
import { deviceChoices } from "../src/state/devices";
import { beginEcho, likelyCause } from "../src/state/echo_check";
import { SILENCE, SILENT, foldLevels, isSpeaking, meterShare } from "../src/state/levels";
import { type Judgement, judge, remember, settled, worstFigures } from "../src/state/quality";

function view(...calls: CallView[]): AppView {
  return { ...SIGNED_IN, calls };
}
function state(...calls: CallView[]): Event {
  return { event: "state", state: view(...calls) };
}
function run(...events: Event[]): Model {
  return events.reduce((model, event, at) => fold(model, event, at * 1000), EMPTY);
}
const connected = callView({ status: "connected", connected_at_ms: 5 });
const echo = callView({ id: "e", echo: true, status: "connected", connected_at_ms: 5 });
const levels = (call: string, local: number, remote: number): Event => ({
  event: "levels",
  call,
  levels: { local, remote: [["p1", remote]] },
});

test("a whole state replaces what was there, whatever came before", () => {
  const late = run(state(connected), levels("c1", -20, -20), state(), state(callView({ id: "c2" })));
  const fresh = run(state(callView({ id: "c2" })));
  expect(late).toEqual(fresh);
});

test("the current call is the live one, else the one that ended last", () => {
  const ended = callView({ id: "old", ended: "remote_hangup", connected_at_ms: 1 });
  expect(currentCall(view(ended, connected))?.id).toBe("c1");
  expect(currentCall(view(ended))?.id).toBe("old");
  expect(currentCall(view())).toBeNull();
});

test("a call that rings here is not the current call, and is gone once it is over", () => {
  const ring = callView({ id: "r", incoming: true, can_answer: true });
  expect(ringingCall(view(connected, ring))?.id).toBe("r");
  expect(currentCall(view(ring))).toBeNull();
  const missed = { ...ring, can_answer: false, ended: "missed" as const };
  expect(ringingCall(view(missed))).toBeNull();
  expect(currentCall(view(missed))).toBeNull();
});

test("levels and figures of another call are not shown", () => {
  const before = run(state(connected));
  expect(fold(before, levels("other", -10, -10), 1)).toBe(before);
  expect(fold(before, { event: "quality", call: "other", links: [link()] }, 1)).toBe(before);
  const after = fold(before, { event: "quality", call: "c1", links: [link()] }, 1);
  expect(after.links).toHaveLength(1);
  expect(after.view).toBe(before.view);
});

test("levels are silent again once the call is over", () => {
  const over = { ...connected, ended: "local_hangup" as const };
  const model = run(state(connected), levels("c1", -20, -20), state(over));
  expect(model.levels).toBe(SILENT);
  expect(model.links).toEqual([]);
});

test("an echo call that ended is asked about until it is answered, also after the core forgot it", () => {
  const over = { ...echo, ended: "local_hangup" as const, duration_s: 9 };
  const asked = run(state(echo), levels("e", -30, -32), state(over));
  expect(asked.echoDone).toMatchObject({ call: "e", connected: true, local: -30, remote: -32 });
  const forgotten = fold(asked, state(), 9000);
  expect(forgotten.echoDone).toBe(asked.echoDone);
  expect(forgotten.shown?.id).toBe("e");
  const other = fold(forgotten, state(connected), 9500);
  expect(other.echoDone).toBeNull();
  expect(other.shown?.id).toBe("c1");
});

test("a call that vanished with a crashed core leaves no question and no picture of a call", () => {
  const model = run(state(echo), state());
  expect(model).toMatchObject({ shown: null, echoDone: null });
});

test("a call that begins takes the person there, one that is gone takes them back", () => {
  const none = run(state());
  const begun = fold(none, state(callView()), 1);
  expect(nextPage("people", none, begun)).toBe("call");
  expect(nextPage("settings", none, begun)).toBe("call");
  const still = fold(begun, state(connected), 2);
  expect(nextPage("people", begun, still)).toBe("people");
  expect(nextPage("call", still, fold(still, state(), 3))).toBe("people");
  const ring = callView({ id: "r", incoming: true, can_answer: true });
  expect(nextPage("people", none, fold(none, state(ring), 1))).toBe("people");
});

test("a meter rises at once and falls slowly", () => {
  const loud = foldLevels(SILENT, { local: -10, remote: [] }, 1000);
  expect(loud.local).toBe(-10);
  const after = foldLevels(loud, { local: SILENCE, remote: [] }, 1033);
  expect(after.local).toBeLessThan(-10);
  expect(after.local).toBeGreaterThan(-14);
  let quiet = after;
  for (let at = 1066; at < 6000; at += 33) quiet = foldLevels(quiet, { local: SILENCE, remote: [] }, at);
  expect(quiet.local).toBe(SILENCE);
});

test("a participant who left has no level", () => {
  const before = foldLevels(SILENT, { local: -10, remote: [["a", -5], ["b", -6]] }, 1);
  expect(Object.keys(foldLevels(before, { local: -10, remote: [["b", -6]] }, 2).remote)).toEqual(["b"]);
});

test("a meter's share lies between nothing and all", () => {
  expect([SILENCE, -60, -30, 0, 3].map(meterShare)).toEqual([0, 0, 0.5, 1, 1]);
  expect(meterShare(undefined)).toBe(0);
  expect([isSpeaking(-50), isSpeaking(-30), isSpeaking(undefined)]).toEqual([false, true, false]);
});

test("quality names the side that can be told", () => {
  const idle = link({ kbit_in: 0, kbit_out: 0, rtt_ms: null });
  expect(judge([])).toEqual({ quality: "unknown" });
  expect(judge([idle])).toEqual({ quality: "unknown" });
  expect(judge([link()])).toEqual({ quality: "good" });
  expect(judge([link({ loss: 0.1 })])).toEqual({ quality: "weak", where: "coming" });
  expect(judge([link({ concealed: 0.1 })])).toEqual({ quality: "weak", where: "coming" });
  expect(judge([link({ remote_loss: 0.1 })])).toEqual({ quality: "weak", where: "going" });
  expect(judge([link({ loss: 0.1, remote_loss: 0.1 })])).toEqual({ quality: "weak", where: "both_ways" });
  expect(judge([link({ loss: 0.1 }), link({ loss: 0.1 })])).toEqual({ quality: "weak", where: "our_network" });
  expect(judge([link({ loss: 0.1 }), link()])).toEqual({ quality: "weak", where: "coming" });
  expect(judge([link({ rtt_ms: 900 })])).toEqual({ quality: "weak", where: "late" });
});

test("one bad second is not worth a word, three of five are, and it takes as long to be good again", () => {
  const weak: Judgement = { quality: "weak", where: "coming" };
  const good: Judgement = { quality: "good" };
  const unknown: Judgement = { quality: "unknown" };
  const after = (...seconds: Judgement[]) => settled(seconds.reduce(remember, []));
  expect(after()).toEqual(unknown);
  expect(after(unknown, unknown)).toEqual(unknown);
  expect(after(good, weak, good)).toEqual(good);
  expect(after(weak, good, weak, good, weak)).toEqual(weak);
  expect(after(weak, weak, weak, good, good)).toEqual(weak);
  expect(after(weak, weak, weak, good, good, good)).toEqual(good);
});

test("figures over several links are the worst of each, and rates add up", () => {
  expect(worstFigures([])).toBeNull();
  const figures = worstFigures([link({ rtt_ms: null, loss: 0.2, kbit_in: 40 }), link({ rtt_ms: 80, loss: 0, kbit_in: 30 })]);
  expect(figures).toMatchObject({ rtt_ms: 80, loss: 0.2, kbit_in: 70 });
});

test("the likely cause is the first thing wrong on the way of the sound", () => {
  const fine = { ...beginEcho("e"), connected: true, unmuted: true, local: -25, remote: -25, seconds: 10 };
  expect(likelyCause(beginEcho("e"))).toBe("not_connected");
  expect(likelyCause({ ...fine, unmuted: false })).toBe("muted");
  expect(likelyCause({ ...fine, local: -80, remote: -127 })).toBe("microphone_silent");
  expect(likelyCause({ ...fine, remote: -90 })).toBe("nothing_came_back");
  expect(likelyCause({ ...fine, gapSeconds: 5 })).toBe("gaps");
  expect(likelyCause({ ...fine, local: -50, remote: -50 })).toBe("microphone_quiet");
  expect(likelyCause(fine)).toBe("speaker");
});

test("a picker shows the default, every device, and a chosen one that is gone", () => {
  const devices = {
    ...SIGNED_IN.devices,
    microphones: [
      { name: "a", label: "Headset", is_default: false },
      { name: "b", label: "Headset", is_default: true },
    ],
    microphone: "gone",
  };
  expect(deviceChoices(devices, "microphone")).toEqual([
    { name: null, label: "System default (Headset)", chosen: false },
    { name: "a", label: "Headset", chosen: false },
    { name: "b", label: "Headset (2)", chosen: false },
    { name: "gone", label: "gone (not connected)", chosen: true },
  ]);
});
