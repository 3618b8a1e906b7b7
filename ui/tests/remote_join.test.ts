import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { RemoteJoinRequestView } from "../src/sdk/contract";
import { FRESH, SIGNED_IN, callView, wanted } from "../src/platform/fake";
import { requestWords } from "../src/words";
import { type Screen, click, field, hasButton, openMain, press, settle, text, type } from "./screen";

let screen: Screen;

beforeEach(() => vi.useFakeTimers({ now: 1_800_000_000_000 }));
afterEach(() => {
  screen.close();
  vi.useRealTimers();
});

const last = (name: string) => screen.core.commands.filter((command) => command.command === name).at(-1);
const connected = () => callView({ status: "connected", connected_at_ms: Date.now(), room: "r1", display_name: "Thursday choir" });

async function asked(change: Partial<RemoteJoinRequestView> = {}, inCall = false): Promise<void> {
  screen = openMain((core) => (core.state = { ...SIGNED_IN, calls: inCall ? [connected()] : [] }));
  await settle();
  screen.core.set({ remote_joins: [wanted(change)] });
  await settle();
}

test("who wants what is said, and the key that comes by chance allows nothing", async () => {
  await asked();
  expect(text()).toContain("Rehearsal bot wants to join you to “Thursday choir” by voice.");
  expect(document.activeElement?.getAttribute("data-answer")).toBe("not-now");
  await click(/^Not now/);
  expect(last("answer_remote_join")).toEqual({ command: "answer_remote_join", request: "w1", allow: false, screen: null });
  expect(hasButton(/^Not now/)).toBe(false);
});

test("allowing says what it means", async () => {
  await asked({ kind: "video" });
  expect(text()).toContain("with your camera and microphone");
  expect(text()).toContain("From now on this account is joined without asking. A screen is asked for each time.");
  await click(/^Allow/);
  expect(last("answer_remote_join")).toEqual({ command: "answer_remote_join", request: "w1", allow: true, screen: null });
});

test("never is never, for this account", async () => {
  await asked();
  await click(/^Never for this account/);
  expect(last("set_remote_join")).toEqual({ command: "set_remote_join", account: "a1", policy: "forbid" });
  expect(screen.core.state.remote_joins).toEqual([]);
});

test("a screen is chosen by the person, in the same list as always", async () => {
  await asked({ kind: "screen", by: "" }, true);
  await settle();
  expect(text()).toContain("Another program wants you to share a screen in “Thursday choir”.");
  expect(document.activeElement?.getAttribute("data-answer")).toBe("not-now");
  await click("Terminal");
  expect(last("answer_remote_join")).toEqual({ command: "answer_remote_join", request: "w1", allow: true, screen: "window:2" });
  expect(last("share_screen")).toBeUndefined();
});

test("the only choice of a system that asks itself is not made for the person", async () => {
  screen = openMain((core) => {
    core.state = SIGNED_IN;
    core.screens = [{ id: "portal", kind: "system_choice", label: "", thumbnail: null }];
  });
  screen.core.set({ remote_joins: [wanted({ kind: "screen" })] });
  await settle();
  await settle();
  expect(last("answer_remote_join")).toBeUndefined();
  await click("Choose in the system’s own window");
  expect(last("answer_remote_join")).toMatchObject({ allow: true, screen: "portal" });
});

test("a request that is over is gone, and Escape is not now", async () => {
  await asked();
  screen.core.set({ remote_joins: [] });
  await settle();
  expect(hasButton(/^Allow/)).toBe(false);
  screen.core.set({ remote_joins: [wanted({ id: "w2" })] });
  await settle();
  document.querySelector("dialog")?.dispatchEvent(new Event("cancel", { cancelable: true }));
  await settle();
  expect(last("answer_remote_join")).toMatchObject({ request: "w2", allow: false });
});

test("keys of the call do nothing under the question", async () => {
  await asked({ kind: "video" }, true);
  await press("m");
  expect(last("sdk")).toBeUndefined();
  expect(last("set_muted")).toBeUndefined();
});

test("each kind of request has its own words", () => {
  screen = openMain((core) => (core.state = FRESH));
  const call = connected();
  const titles = (["audio", "video", "screen"] as const).map((kind) => [
    requestWords(wanted({ kind }), null, undefined).title,
    requestWords(wanted({ kind }), call, undefined).title,
  ]);
  expect(titles).toEqual([
    ["Join Thursday choir?", "Turn your microphone on?"],
    ["Join Thursday choir?", "Turn your camera on?"],
    ["Share a screen?", "Share a screen?"],
  ]);
  const [account] = SIGNED_IN.accounts;
  expect(requestWords(wanted({}), null, account).asks).toContain("(Alice Moreau on this computer)");
  expect(requestWords(wanted({ kind: "screen" }), null, undefined).asks).toContain("Your microphone stays off.");
});

test("a call says who joined it, and a silent one can be heard again", async () => {
  screen = openMain((core) => (core.state = { ...SIGNED_IN, calls: [{ ...connected(), joined_by: "Rehearsal bot", silent: true }] }));
  await settle();
  expect(document.querySelector("[data-joined-by]")?.textContent).toContain("Joined by Rehearsal bot");
  await click("Hear it again");
  expect(last("set_silent")).toEqual({ command: "set_silent", call: "c1", silent: false });
  expect(hasButton("Hear it again")).toBe(false);
});

test("looking at a conversation is told once", async () => {
  screen = openMain((core) => (core.state = SIGNED_IN));
  screen.core.set({});
  await settle();
  vi.advanceTimersByTime(200);
  await settle();
  await screen.app.refreshPeople();
  await settle();
  const row = [...document.querySelectorAll<HTMLButtonElement>("button.room")].find((one) => one.textContent?.includes("Allotment"));
  row?.focus();
  row?.blur();
  row?.focus();
  await settle();
  const told = screen.core.commands.filter((command) => command.command === "open_room");
  expect(told).toEqual([{ command: "open_room", account: "a1", room: "r2" }]);
});

async function openSettings(section: "account" | "programs"): Promise<void> {
  screen = openMain((core) => (core.state = SIGNED_IN));
  screen.app.page = "settings";
  screen.app.section = section;
  await settle();
}

test("the policy of an account is chosen among three, each with what it means", async () => {
  await openSettings("account");
  const radios = [...document.querySelectorAll<HTMLInputElement>('input[type="radio"]')];
  expect(radios.map((one) => [one.value, one.checked])).toEqual([["ask", true], ["allow", false], ["forbid", false]]);
  radios[2]!.click();
  await settle();
  expect(last("set_remote_join")).toEqual({ command: "set_remote_join", account: "a1", policy: "forbid" });
});

test("a program gets a token that is shown once, and loses it", async () => {
  await openSettings("programs");
  expect(text()).toContain("No program has a token yet.");
  await type("Its name, as you will be shown it", "  Door bell  ");
  await click("Make a token");
  expect(last("add_program")).toEqual({ command: "add_program", name: "Door bell" });
  const token = field("Token").value;
  expect(token.length).toBeGreaterThan(30);
  expect(text()).toContain("Not used since Bellbird started");
  await click("Done");
  expect(document.body.innerHTML).not.toContain(token);
  await click("Revoke the token of Door bell");
  expect(last("revoke_program")).toEqual({ command: "revoke_program", program: "p1" });
  expect(text()).toContain("No program has a token yet.");
});

test("a name that is refused keeps what was typed", async () => {
  await openSettings("programs");
  screen.core.refusals.set("add_program", { number: 0, code: "not-now", detail: "" });
  await type("Its name, as you will be shown it", "Bot");
  await click("Make a token");
  expect(field("Its name, as you will be shown it").value).toBe("Bot");
  expect(screen.app.ownProblems).toHaveLength(1);
});

test("other programs can be switched off", async () => {
  await openSettings("programs");
  const toggle = document.querySelector<HTMLInputElement>('input[role="switch"]')!;
  toggle.click();
  await settle();
  expect(last("allow_programs")).toEqual({ command: "allow_programs", allowed: false });
  expect(text()).toContain("No other program is let in.");
});
