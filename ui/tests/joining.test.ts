import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { CallView } from "../src/sdk/contract";
import { FRESH, SIGNED_IN, type FakeCore, callView } from "../src/platform/fake";
import { accountFor, conversationLink } from "../src/views/join/link";
import { type Screen, button, click, hasButton, openIncoming, openMain, settle, text, type } from "./screen";

let screen: Screen;
let open: Screen | undefined;

beforeEach(() => vi.useFakeTimers({ now: new Date(2027, 0, 15, 14, 0).getTime() }));
afterEach(() => {
  if (screen !== open) screen.close();
  open = screen;
  vi.useRealTimers();
});

const last = (name: string) => screen.core.commands.filter((command) => command.command === name).at(-1);

const elsewhere = (core: FakeCore) => {
  const [first] = SIGNED_IN.accounts;
  core.state = { ...SIGNED_IN, accounts: [{ ...first!, local: false, server: "https://cloud.example.org/nc" }] };
};

async function atTheEntrance(entrance: CallView["entrance"], change: Partial<CallView> = {}): Promise<void> {
  screen = openMain((core) => (core.state = SIGNED_IN));
  screen.core.set({ calls: [callView({ display_name: "Choir", contact: null, entrance, ...change })] });
  await settle();
}

test("links are read as far as where they lead", () => {
  for (const [link, host, root, membersOnly] of [
    ["https://c.example/call/abc123", "c.example", "c.example", false],
    [" https://c.example:8443/sub/index.php/call/abc123/#fp=x ", "c.example:8443", "c.example:8443/sub", false],
    ["http://127.0.0.1:8090/call/abc123?x=1", "127.0.0.1:8090", "127.0.0.1:8090", false],
    ["nextcloudtalk://ann@c.example/sub/call/abc123", "c.example", "c.example/sub", true],
    ["nextcloudtalk://open-conversation?server=https%3A%2F%2Fc.example&withRoomToken=abc123", "c.example", "c.example", true],
  ] as const) {
    expect(conversationLink(link), link).toEqual({ host, root, membersOnly });
  }
  for (const bad of ["", "abc123", "https://c.example/", "https://c.example/call/", "ftp://c.example/call/abc123"]) {
    expect(conversationLink(bad), bad).toBeNull();
  }
});

test("a link is joined with the account on its server, and as a guest elsewhere", async () => {
  screen = openMain(elsewhere);
  await settle();
  screen.app.dialog = { dialog: "join" };
  await settle();
  expect(button("Join").disabled).toBe(true);
  await type("Link of the conversation", "https://cloud.example.org/nc/call/abc123");
  expect(text()).toContain("You join as Alice Moreau on cloud.example.org");
  await type("Link of the conversation", "https://other.example/call/abc123");
  expect(text()).toContain("You join as a guest on other.example");
  await type("Your name, as others see it", " Gwen ");
  await click("Join");
  expect(last("join_room")).toEqual({
    command: "join_room",
    account: null,
    room: "https://other.example/call/abc123",
    media: "voice",
    guest_name: "Gwen",
  });
  expect(screen.app.dialog).toBeNull();
});

test("an app link of a server without an account says what to do", async () => {
  screen = openMain(elsewhere);
  screen.app.dialog = { dialog: "join" };
  await settle();
  await type("Link of the conversation", "nextcloudtalk://other.example/call/abc123");
  expect(text()).toContain("Sign in there first");
  expect(button("Join").disabled).toBe(true);
});

test("someone without any account joins from the first card", async () => {
  screen = openMain((core) => (core.state = FRESH));
  await click("Join by link");
  await type("Link of the conversation", "https://other.example/call/abc123");
  await click("Join");
  expect(last("join_room")).toMatchObject({ account: null, guest_name: "Alice Moreau" });
});

test("the account of the embedded server is found by its address in the network", () => {
  const view = { ...SIGNED_IN, local_server: { url: "http://127.0.0.1:8090", public_url: "https://192.0.2.1:8443/" } };
  const link = conversationLink("https://192.0.2.1:8443/call/abc123");
  expect(link && accountFor(view, link)?.id).toBe("a1");
});

test("a conversation's password is typed, tried once and asked for again", async () => {
  await atTheEntrance({ step: "password", refused: false, throttled: false }, { guest_on: "other.example" });
  expect(text()).toContain("As a guest on other.example");
  expect(button("Enter").disabled).toBe(true);
  await type("Password of the conversation", "open sesame");
  await click("Enter");
  expect(last("enter_password")).toEqual({ command: "enter_password", call: "c1", password: "open sesame" });
  expect(text()).toContain("That is not the password.");
  expect(document.querySelector<HTMLInputElement>("#room-password")?.value).toBe("");
});

test("the lobby says when it opens, without any call control, and can be left", async () => {
  await atTheEntrance({ step: "lobby", opens_at_ms: new Date(2027, 0, 15, 15, 0).getTime() });
  expect(text()).toMatch(/The moderator lets you in today at (15:00|03:00 PM)/);
  expect(text()).toContain("microphone is closed");
  expect(hasButton("Turn microphone off")).toBe(false);
  await click("Leave");
  expect(last("end")).toEqual({ command: "end", call: "c1" });
});

test("being recorded is agreed to by a button that says so", async () => {
  await atTheEntrance({ step: "consent" });
  expect(last("give_consent")).toBeUndefined();
  await click("Agree and join");
  expect(last("give_consent")).toEqual({ command: "give_consent", call: "c1" });
});

test("a ringing call that may be recorded says so on the button that answers it", async () => {
  screen = openIncoming((core) => {
    core.state = { ...SIGNED_IN, calls: [callView({ incoming: true, can_answer: true, asks_consent: true })] };
  });
  await settle();
  expect(text()).toContain("Calls here may be recorded.");
  await click(/^Agree and answer/);
  const given = screen.core.commands.map((command) => command.command);
  expect(given.indexOf("give_consent")).toBeLessThan(given.indexOf("answer"));
});

test("signing in goes through the browser where the server can do that", async () => {
  screen = openMain((core) => {
    core.state = FRESH;
    core.browser = true;
  });
  await click(/^Sign in to a server/);
  await type("Server address", "cloud.example.org");
  await click("Next");
  await settle();
  expect(last("sign_in_by_browser")).toEqual({ command: "sign_in_by_browser", server: "cloud.example.org" });
  expect(text()).toContain("Go on in your browser");
  expect(document.querySelector<HTMLInputElement>("#address")?.value).toContain("/login/v2/flow/");
  // Refused or too late: back to the address, with the reason over it.
  screen.core.set({ signing_in: null, problems: [{ number: 3, code: "timed-out", detail: "" }] });
  await settle();
  expect(text()).toContain("Server address");
  await click("Next");
  await settle();
  await click("Use name and password instead");
  expect(last("cancel_sign_in")).toBeDefined();
  await type("Name", "alice");
  await type("Password", "right");
  await click("Sign in");
  expect(text()).toContain("You can be called");
});

test("people and conversations of every account are shown, each called from its own", async () => {
  screen = openMain((core) => {
    const [first] = SIGNED_IN.accounts;
    core.state = {
      ...SIGNED_IN,
      accounts: [first!, { ...first!, id: "a2", local: false, server: "https://cloud.example.org", display_name: "Ann" }],
    };
    core.contacts = [
      { account: "a1", id: "bob", display_name: "Bob", presence: null, echo: false },
      { account: "a2", id: "bob", display_name: "Bob", presence: "away", echo: false },
    ];
  });
  screen.core.set({});
  await settle();
  expect(last("search_contacts")).toMatchObject({ account: null });
  expect(text()).toContain("on this computer");
  await click(/^Call Bob\. Away · on cloud\.example\.org/);
  expect(last("sdk")).toMatchObject({ account: "a2", method: { users: ["bob@cloud.example.org"] } });
});

test("people are shown by their pictures where they have some, fetched by the core", async () => {
  const image = "data:image/png;base64,iVBORw0KGgo=";
  screen = openMain((core) => {
    core.state = SIGNED_IN;
    core.avatars.set("bob", image);
  });
  screen.core.set({});
  for (let turn = 0; turn < 5; turn += 1) await settle();
  const pictures = [...document.querySelectorAll<HTMLImageElement>(".row img")].map((one) => one.src);
  expect(pictures).toEqual([image]);
  expect(screen.core.commands.some((command) => command.command === "avatar" && command.contact === "echo")).toBe(false);
});
