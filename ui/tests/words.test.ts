import { expect, test } from "vitest";

import { type EndReason, PROBLEM_CODES, type Status } from "../src/sdk/contract";
import { callView } from "../src/platform/fake";
import type { EchoCause } from "../src/state/echo_check";
import type { Judgement } from "../src/state/quality";
import { ALL_CODES, ECHO_CAUSE, announcement, callWords, endWords, invitationWords, problemWords, statusWords } from "../src/words";

// A status or reason that is added to the contract fails to compile here until it is thought about.
const STATUSES: Record<Status, true> = {
  calling: true,
  ringing: true,
  connecting: true,
  connected: true,
  reconnecting: true,
  busy: true,
  engaged: true,
  disconnected: true,
  ended: true,
  hold: true,
};
const REASONS: Record<EndReason, true> = {
  local_hangup: true,
  remote_hangup: true,
  local_decline: true,
  remote_decline: true,
  remote_engaged: true,
  local_engaged: true,
  no_answer: true,
  missed: true,
  answered_elsewhere: true,
  ended_by_moderator: true,
  connection_lost: true,
  signaling_failed: true,
  media_failed: true,
};
const CAUSES: Record<EchoCause, true> = {
  not_connected: true,
  muted: true,
  microphone_silent: true,
  microphone_quiet: true,
  nothing_came_back: true,
  gaps: true,
  speaker: true,
};
const statuses = Object.keys(STATUSES) as Status[];
const reasons = Object.keys(REASONS) as EndReason[];
const good: Judgement = { quality: "good" };

/** A person's words: a capital first, no codes, nothing unfilled. */
function expectPlain(words: string): void {
  expect(words).toMatch(/^\p{Lu}/u);
  expect(words).not.toMatch(/undefined|null|NaN|_|\[object/);
}

test("every status reads as plain words, outgoing and incoming", () => {
  for (const status of statuses) {
    expectPlain(statusWords(status, "Bob"));
    expectPlain(statusWords(status, "Bob", true));
  }
});

test("every status with every end reads as plain words, and an end has the last word", () => {
  for (const status of statuses) {
    for (const ended of [null, ...reasons]) {
      const call = callView({ status, ended, display_name: "Bob", duration_s: ended ? 723 : null });
      const words = callWords(call, good, 0);
      expectPlain(words);
      expectPlain(announcement(call, good));
      if (ended) expect(words).toBe(endWords(ended, "Bob", 723));
    }
  }
});

test("the states of the brief read as the brief says", () => {
  const call = (change: object) => callView({ display_name: "Bob", ...change });
  const weak: Judgement = { quality: "weak", where: "our_network" };
  expect(callWords(call({}), good, 0)).toBe("Calling Bob…");
  expect(callWords(call({ status: "ringing" }), good, 0)).toBe("Ringing at Bob’s");
  expect(callWords(call({ status: "connecting" }), good, 0)).toBe("Connecting…");
  expect(callWords(call({ status: "connected" }), weak, 0)).toBe("Weak connection: your network");
  const lost = call({ status: "reconnecting", reconnecting_since_ms: 1000 });
  expect(callWords(lost, good, 9400)).toBe("Reconnecting (8 s)");
  expect(announcement(lost, good)).toBe("Reconnecting…");
  expect(callWords(call({ status: "hold", on_hold: true }), good, 0)).toBe("On hold");
  expect(callWords(call({ ended: "remote_engaged" }), good, 0)).toBe("Bob is on another call");
  expect(callWords(call({ ended: "remote_decline" }), good, 0)).toBe("Bob declined");
  expect(callWords(call({ ended: "no_answer" }), good, 0)).toBe("No answer");
  expect(callWords(call({ ended: "local_hangup", duration_s: 723 }), good, 0)).toBe("Ended, 12:03");
});

test("ends that differ for the person read differently", () => {
  const silent: EndReason[] = ["local_hangup", "remote_hangup"];
  const words = reasons.filter((reason) => !silent.includes(reason)).map((reason) => endWords(reason, "Bob", null));
  expect(new Set(words).size).toBe(words.length);
});

test("every problem says what happened, what to do, and has one button", () => {
  const seen = new Set<string>();
  for (const code of ALL_CODES) {
    const words = problemWords({ number: 0, code, detail: "" });
    expectPlain(words.happened);
    expectPlain(words.todo);
    expectPlain(words.button);
    for (const sentence of [words.happened, words.todo]) expect(sentence).toMatch(/[.!]$/);
    expect(seen, code).not.toContain(words.happened);
    seen.add(words.happened);
  }
  for (const code of PROBLEM_CODES) expect(ALL_CODES).toContain(code);
});

test("a problem of a newer core still has words", () => {
  expect(problemWords({ number: 1, code: "from-the-future", detail: "" }).happened).toMatch(/inside Bellbird/);
  expect(problemWords({ number: 1, code: "toString", detail: "" }).happened).toMatch(/inside Bellbird/);
});

test("every likely cause of a bad echo says what to do", () => {
  for (const cause of Object.keys(CAUSES) as EchoCause[]) {
    expectPlain(ECHO_CAUSE[cause].cause);
    expectPlain(ECHO_CAUSE[cause].todo);
  }
});

test("an invitation says who can use it and until when", () => {
  const now = new Date(2026, 4, 1, 9, 0).getTime();
  const link = "https://x/invite/y";
  const words = (uses: number, hours: number) =>
    invitationWords({ link, uses, expires_at_ms: now + hours * 3_600_000 }, now);
  expect(words(1, 2)).toMatch(/^One person .* until today at /);
  expect(words(5, 24)).toMatch(/^Up to 5 people .* until tomorrow at /);
});
