import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { CallView } from "../src/sdk/contract";
import { SIGNED_IN, callView, group, participant } from "../src/platform/fake";
import { EMPTY, REACTION_MS, fold, isCrowded, raisedHands, seat } from "../src/state/calls";
import { type Screen, blur, button, click, field, hasButton, openMain, press, settle, text, type } from "./screen";

let screen: Screen;

beforeEach(() => vi.useFakeTimers({ now: 1_800_000_000_000 }));
afterEach(() => {
  screen?.close();
  vi.useRealTimers();
});

const PEOPLE = [participant("p1", "Bob", { contact: "bob" }), participant("p2", "Zoë", { contact: "zoe" })];
const last = (name: string) => screen.core.commands.filter((command) => command.command === name).at(-1);
const react = (who: string | null, reaction: string) =>
  screen.core.tell({ event: "call", call: "c1", happening: { happening: "reaction", participant: who, reaction } });

function team(change: Partial<CallView> = {}): CallView {
  return callView({
    display_name: "Team",
    contact: null,
    status: "connected",
    connected_at_ms: Date.now(),
    participants: PEOPLE,
    group: group(),
    ...change,
  });
}

async function openTeam(change: Partial<CallView> = {}): Promise<void> {
  screen = openMain((core) => (core.state = SIGNED_IN));
  screen.core.set({ calls: [team(change)] });
  await settle();
}

/** The call bar's, not the people's. */
async function openMore(): Promise<void> {
  const more = document.querySelector<HTMLElement>('[role="toolbar"] [aria-label="More"]')!;
  more.focus();
  more.click();
  await settle();
}

test("everyone keeps their seat while people come and go", () => {
  expect(seat([], ["a", "b", "c"])).toEqual(["a", "b", "c"]);
  expect(seat(["a", "b", "c"], ["a", "c"])).toEqual(["a", null, "c"]);
  expect(seat(["a", null, "c"], ["a", "c", "d", "e"])).toEqual(["a", "d", "c", "e"]);
  expect(seat(["a", "b", "c"], ["a"])).toEqual(["a"]);
  const same = ["a", null, "c"];
  expect(seat(same, ["c", "a"])).toBe(same);
});

test("hands stand in the order they went up", () => {
  const participants = [
    participant("a", "A", { hand_raised_ms: 30 }),
    participant("b", "B"),
    participant("c", "C", { hand_raised_ms: 10 }),
  ];
  expect(raisedHands(team({ participants }))).toEqual(["c", "a"]);
});

test("a mesh is crowded above eight, with a media server never", () => {
  const participants = Array.from({ length: 8 }, (_, n) => participant(`p${n}`, `P${n}`));
  expect(isCrowded(team({ participants: participants.slice(1) }))).toBe(false);
  expect(isCrowded(team({ participants }))).toBe(true);
  expect(isCrowded(team({ participants, group: group({ mesh: false }) }))).toBe(false);
  expect(isCrowded(callView({ participants }))).toBe(false);
});

test("a flood of reactions shows one of each person, and others' calls none", () => {
  const view = { ...SIGNED_IN, calls: [team()] };
  let model = fold(EMPTY, { event: "state", state: view }, 0);
  const say = (call: string, who: string) => {
    const happening = { happening: "reaction" as const, participant: who, reaction: "👍" };
    model = fold(model, { event: "call", call, happening }, 1);
  };
  for (let n = 0; n < 100; n += 1) say("c1", `p${n % 2}`);
  expect(model.reactions.length).toBe(2);
  for (let n = 0; n < 100; n += 1) say("c1", `q${n}`);
  expect(model.reactions.length).toBeLessThanOrEqual(32);
  const before = model;
  say("c9", "p1");
  expect(model).toBe(before);
});

test("a tile shows name, silence, raised hand and reaction; the reaction goes by itself", async () => {
  const participants = [participant("p1", "Bob", { hand_raised_ms: 1, audio_muted: true }), participant("p2", "Zoë")];
  await openTeam({ participants });
  const tiles = document.querySelector('[aria-label="In the call"]')!;
  expect(tiles.textContent).toContain("Bob");
  expect(tiles.querySelector('[aria-label="Hand raised, number 1"]')).not.toBeNull();
  expect(tiles.querySelectorAll('[aria-label="Microphone off"]').length).toBe(1);
  expect(text()).toContain("Raised hands: Bob");
  react("p2", "🎉");
  await settle();
  expect(tiles.querySelector('[aria-label="🎉"]')).not.toBeNull();
  vi.advanceTimersByTime(REACTION_MS);
  await settle();
  expect(tiles.querySelector('[aria-label="🎉"]')).toBeNull();
});

test("H raises and lowers the hand, R opens the reactions and arrows walk them", async () => {
  await openTeam();
  blur();
  await press("h");
  expect(last("set_hand")).toMatchObject({ raised: true });
  expect(button("Lower your hand").getAttribute("aria-pressed")).toBe("true");
  blur();
  await press("h");
  expect(last("set_hand")).toMatchObject({ raised: false });
  blur();
  await press("r");
  expect(document.activeElement?.textContent).toBe("❤️");
  await press("ArrowRight");
  (document.activeElement as HTMLElement).click();
  await settle();
  expect(last("react")).toMatchObject({ reaction: "🎉" });
  expect(document.activeElement).toBe(button("React"));
  await press("Enter");
});

test("with two there are neither hands nor reactions", async () => {
  await openTeam({ display_name: "Bob", group: null, participants: PEOPLE.slice(0, 1) });
  expect(hasButton("Raise your hand")).toBe(false);
  blur();
  await press("h");
  expect(last("set_hand")).toBeUndefined();
});

test("a moderator turns others' microphones off and ends for everyone; others cannot", async () => {
  await openTeam();
  await click("Options for Bob");
  await click("Turn off microphone");
  expect(last("ask_to_mute")).toMatchObject({ participant: "p1" });
  expect(hasButton("Options for Bob")).toBe(false);
  await openMore();
  await click("End for everyone");
  expect(last("end_for_everyone")).toMatchObject({ call: "c1" });
  screen.close();
  await openTeam({ group: group({ moderator: false, may_add: false }) });
  expect(hasButton("Options for Bob")).toBe(false);
});

test("being muted by a moderator is said until the microphone is on again", async () => {
  await openTeam();
  screen.core.change("c1", { muted: true });
  screen.core.tell({ event: "call", call: "c1", happening: { happening: "muted_by_moderator" } });
  await settle();
  expect(text()).toContain("A moderator turned your microphone off");
  screen.core.change("c1", { muted: false });
  await settle();
  expect(text()).not.toContain("A moderator turned your microphone off");
});

test("above eight in a mesh, a hint says what would help", async () => {
  const participants = Array.from({ length: 8 }, (_, n) => participant(`p${n}`, `P${n}`));
  await openTeam({ participants });
  expect(text()).toContain("For a larger team");
});

test("people who are not in the call can be added, and the link be copied", async () => {
  const link = "https://cloud.example.org/call/abcd1234";
  await openTeam({ group: group({ open_by_link: true, link }) });
  await openMore();
  await click("Add people");
  expect(hasButton("Add Bob Fischer")).toBe(false);
  await click("Add Dan");
  expect(last("sdk")).toMatchObject({ method: { method: "inviteUsers", users: ["dan@127.0.0.1:8090"] } });
  expect(button("Ringing").disabled).toBe(true);
  expect(field("Invitation link").value).toBe(link);
});

test("a conversation is made of a name, people and a choice, and its link shown", async () => {
  screen = openMain((core) => (core.state = SIGNED_IN));
  screen.core.set({});
  await settle();
  screen.app.dialog = { dialog: "new_room" };
  await settle();
  expect(button("Create").disabled).toBe(true);
  await type("Name", "Team");
  const boxes = [...document.querySelectorAll<HTMLInputElement>("dialog li input")];
  boxes[0]!.click();
  await settle();
  [...document.querySelectorAll<HTMLInputElement>("dialog .open input")][0]!.click();
  await settle();
  await click("Create");
  expect(last("create_room")).toMatchObject({ name: "Team", public: true, people: ["bob"] });
  expect(field("Invitation link").value).toContain("/call/r9");
  await click("Start the call");
  expect(last("join_room")).toMatchObject({ room: "r9" });
});

test("a name that the server refuses stays typed, with the reason", async () => {
  screen = openMain((core) => (core.state = SIGNED_IN));
  screen.core.set({});
  await settle();
  screen.app.dialog = { dialog: "new_room" };
  await settle();
  await type("Name", "Team");
  screen.core.refusals.set("create_room", { number: 0, code: "forbidden", detail: "" });
  await click("Create");
  expect(field("Name").value).toBe("Team");
  expect(document.querySelector("dialog")?.textContent).toContain("does not let your account");
});
