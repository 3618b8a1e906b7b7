import { expect, test } from "vitest";

import { clock, moment, secondsSince } from "../src/time";

test("a duration reads as a clock", () => {
  expect([0, 42, 59.9, 60, 723, 3599, 3600, 3723, -4].map(clock)).toEqual([
    "00:00",
    "00:42",
    "00:59",
    "01:00",
    "12:03",
    "59:59",
    "1:00:00",
    "1:02:03",
    "00:00",
  ]);
});

test("time since a moment of another process's clock is never negative", () => {
  expect(secondsSince(5000, 4900)).toBe(0);
  expect(secondsSince(5000, 47_999)).toBe(42);
});

test("a moment names its day as people do", () => {
  const now = new Date(2026, 2, 11, 23, 30).getTime();
  expect(moment(new Date(2026, 2, 11, 23, 45).getTime(), now, "en-GB")).toBe("today at 23:45");
  expect(moment(new Date(2026, 2, 12, 0, 15).getTime(), now, "en-GB")).toBe("tomorrow at 00:15");
  expect(moment(new Date(2026, 2, 18, 9, 0).getTime(), now, "en-GB")).toBe("18 March, 09:00");
});
