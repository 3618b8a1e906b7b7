import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { CallView } from "../src/sdk/contract";
import { ECHO, FRESH, SIGNED_IN, type FakeCore, callView, link } from "../src/platform/fake";
import { type Screen, blur, button, click, down, field, hasButton, openMain, press, settle, text, type, up } from "./screen";

let screen: Screen;

beforeEach(() => vi.useFakeTimers({ now: 1_800_000_000_000 }));
afterEach(() => {
  screen.close();
  vi.useRealTimers();
});

const signedIn = (core: FakeCore) => (core.state = SIGNED_IN);
const commands = () => screen.core.commands.map((command) => command.command);
const last = (name: string) => screen.core.commands.filter((command) => command.command === name).at(-1);

async function openSignedIn(): Promise<void> {
  screen = openMain(signedIn);
  screen.core.set({});
  await settle();
}

async function openInCall(change: Partial<CallView> = {}): Promise<void> {
  await openSignedIn();
  screen.core.set({ calls: [callView({ status: "connected", connected_at_ms: Date.now(), ...change })] });
  await settle();
}

test("first launch: one click starts here and leads to people, Echo on top", async () => {
  screen = openMain((core) => (core.state = FRESH));
  await click(/^Start here/);
  expect(commands()).toContain("start_here");
  await settle();
  const rows = [...document.querySelectorAll("[data-contact]")].map((row) => row.getAttribute("data-contact"));
  expect(rows[0]).toBe("echo");
  expect(rows).toContain("bob");
  expect(text()).toContain("You can be called");
});

test("starting here that fails says why and can be tried again", async () => {
  screen = openMain((core) => (core.state = FRESH));
  screen.core.refusals.set("start_here", { number: 0, code: "port-in-use", detail: "8090" });
  await click(/^Start here/);
  expect(text()).toContain("uses the port");
  await click("Try again");
  await click(/^Start here/);
  expect(text()).toContain("You can be called");
});

test("signing in asks for the address, then for name and password, and keeps what was typed when refused", async () => {
  screen = openMain((core) => (core.state = FRESH));
  await click(/^Sign in to a server/);
  await type("Server address", "cloud.example.org");
  await click("Next");
  await type("Name", "alice");
  await type("Password", "wrong");
  screen.core.refusals.set("sign_in", { number: 0, code: "wrong-password", detail: "" });
  await click("Sign in");
  expect(text()).toContain("name or password was not accepted");
  expect(field("Name").value).toBe("alice");
  await type("Password", "right");
  await click("Sign in");
  expect(last("sign_in")).toEqual({ command: "sign_in", server: "cloud.example.org", login_name: "alice", password: "right" });
  expect(text()).toContain("You can be called");
});

test("an address that leads nowhere is put right where it is typed", async () => {
  screen = openMain((core) => (core.state = FRESH));
  await click(/^Sign in to a server/);
  await type("Server address", "nowhere");
  await click("Next");
  await type("Name", "a");
  await type("Password", "b");
  screen.core.refusals.set("sign_in", { number: 0, code: "server-unreachable", detail: "" });
  await click("Sign in");
  expect(field("Server address").value).toBe("nowhere");
});

test("an invitation is used by link, with a sign-in name proposed from the person's name", async () => {
  screen = openMain((core) => (core.state = { ...FRESH, suggested_name: "Zoë Ångström" }));
  await click("I have an invitation");
  await type("Invitation link", " https://192.0.2.1:8443/invite/ABC#fp=xyz ");
  expect(text()).toContain("Leads to the server at 192.0.2.1:8443");
  await type("Choose a password", "long enough");
  await click("Join");
  expect(last("accept_invitation")).toEqual({
    command: "accept_invitation",
    link: "https://192.0.2.1:8443/invite/ABC#fp=xyz",
    login_name: "zoe.angstrom",
    display_name: "Zoë Ångström",
    password: "long enough",
  });
});

test("an invitation that is no link, or a password that is too short, cannot be sent", async () => {
  screen = openMain((core) => (core.state = FRESH));
  await click("I have an invitation");
  await type("Invitation link", "hello");
  await type("Choose a password", "long enough");
  expect(button("Join").disabled).toBe(true);
  await type("Invitation link", "https://192.0.2.1/invite/ABC");
  expect(button("Join").disabled).toBe(false);
  await type("Choose a password", "short");
  expect(button("Join").disabled).toBe(true);
});

test("a click on a person calls them by voice and shows the call", async () => {
  await openSignedIn();
  await click(/^Call Bob Fischer/);
  expect(last("sdk")).toEqual({
    command: "sdk",
    account: "a1",
    method: { method: "makeVoiceCall", users: ["bob@127.0.0.1:8090"], groupId: null },
  });
  expect(document.querySelector("[data-status=calling]")).not.toBeNull();
  expect(text()).toContain("Calling Bob Fischer…");
  expect(button(/^Call Zoë/).disabled).toBe(true);
});

test("search by keyboard: Ctrl+K, a name, Enter calls", async () => {
  await openSignedIn();
  await press("k", { ctrlKey: true });
  expect(document.activeElement?.getAttribute("aria-label")).toBe("Search people");
  await type("Search people", "carla");
  await vi.advanceTimersByTimeAsync(200);
  await settle();
  expect(hasButton(/^Call Bob/)).toBe(false);
  await press("Enter");
  expect(last("sdk")).toMatchObject({ method: { method: "makeVoiceCall", users: ["carla@127.0.0.1:8090"] } });
});

test("a search without a match says so, and Esc brings everyone back", async () => {
  await openSignedIn();
  await type("Search people", "nobody like this");
  await vi.advanceTimersByTimeAsync(200);
  await settle();
  expect(text()).toContain("Nobody is called “nobody like this”");
  await press("Escape");
  await vi.advanceTimersByTimeAsync(200);
  await settle();
  expect(hasButton(/^Call Bob/)).toBe(true);
});

test("with nobody there but Echo the list says what to do", async () => {
  screen = openMain((core) => {
    core.state = SIGNED_IN;
    core.contacts = [ECHO];
    core.rooms = [];
  });
  screen.core.set({});
  await settle();
  expect(text()).toContain("Nobody else is here yet.");
  await click("Invite someone");
  await click("Make a link");
  expect(text()).toMatch(/Up to 5 people .* until (tomorrow|today)/);
  expect(field("Invitation link").value).toMatch(/^https:.*#fp=/);
});

test("the timer counts from the moment of connection", async () => {
  await openInCall();
  expect(text()).toContain("00:00");
  await vi.advanceTimersByTimeAsync(42_300);
  await settle();
  expect(text()).toContain("00:42");
  await vi.advanceTimersByTimeAsync(11 * 60_000 + 21_000);
  await settle();
  expect(text()).toContain("12:03");
});

test("the live region says each state once and never the seconds", async () => {
  await openInCall({ status: "reconnecting", reconnecting_since_ms: Date.now() - 3000 });
  const live = document.querySelector(".call [role=status]");
  expect(live?.textContent).toBe("Reconnecting…");
  expect(text()).toContain("Reconnecting (3 s)");
  await vi.advanceTimersByTimeAsync(5000);
  await settle();
  expect(live?.textContent).toBe("Reconnecting…");
  expect(text()).toContain("Reconnecting (8 s)");
});

test("M turns the microphone off and on", async () => {
  await openInCall();
  blur();
  await press("m");
  expect(last("set_muted")).toEqual({ command: "set_muted", call: "c1", kind: "audio", muted: true });
  expect(button("Turn microphone on").getAttribute("aria-pressed")).toBe("true");
  await press("m");
  expect(last("set_muted")).toMatchObject({ muted: false });
});

test("Space talks while it is held, and the microphone closes again after it", async () => {
  await openInCall({ muted: true });
  blur();
  await down(" ");
  expect(last("set_muted")).toMatchObject({ muted: false });
  expect(text()).toContain("Talking while you hold Space");
  await down(" ", { repeat: true });
  await up(" ");
  expect(last("set_muted")).toMatchObject({ muted: true });
  expect(commands().filter((command) => command === "set_muted")).toHaveLength(2);
});

test("losing the window closes a microphone that was held open", async () => {
  await openInCall({ muted: true });
  blur();
  await down(" ");
  window.dispatchEvent(new Event("blur"));
  await settle();
  expect(last("set_muted")).toMatchObject({ muted: true });
});

test("Ctrl+Shift+E ends, the end stays readable, and closes", async () => {
  await openInCall();
  await press("E", { ctrlKey: true, shiftKey: true });
  expect(last("end")).toEqual({ command: "end", call: "c1" });
  expect(text()).toContain("Ended, 00:42");
  await click("Close");
  expect(text()).toContain("Choose someone to call");
});

test("hold is in the more menu, and resumes", async () => {
  await openInCall();
  const more = [...document.querySelectorAll<HTMLElement>("[role=toolbar] [aria-haspopup]")].at(-1)!;
  more.click();
  await settle();
  await click("Hold");
  expect(last("set_hold")).toMatchObject({ held: true });
  expect(text()).toContain("On hold");
  more.click();
  await settle();
  await click("Resume");
  expect(last("set_hold")).toMatchObject({ held: false });
});

test("a device is chosen from the small arrow, by keyboard", async () => {
  await openInCall();
  await click("Choose microphone");
  expect(document.activeElement?.getAttribute("aria-checked")).toBe("true");
  await press("ArrowDown");
  await press("ArrowDown");
  expect(document.activeElement?.textContent).toContain("Built-in microphone");
  (document.activeElement as HTMLElement).click();
  await settle();
  expect(last("select_device")).toEqual({ command: "select_device", role: "microphone", name: "internal" });
  expect(document.activeElement).toBe(button("Choose microphone"));
});

test("Esc closes a menu and nothing else", async () => {
  await openInCall();
  await click("Choose loudspeaker");
  expect(document.querySelector("[role=menu]")).not.toBeNull();
  await press("Escape");
  expect(document.querySelector("[role=menu]")).toBeNull();
  expect(commands()).not.toContain("end");
});

test("the connection's figures are shown in words and numbers", async () => {
  await openInCall();
  for (let second = 0; second < 3; second += 1) {
    screen.core.tell({ event: "quality", call: "c1", links: [link({ loss: 0.12, rtt_ms: 87 })] });
  }
  await settle();
  await click(/^Connection/);
  expect(text()).toContain("There and back");
  expect(text()).toContain("87 ms");
  expect(text()).toContain("12 %");
  expect(text()).toContain("Weak connection");
});

test("the meters follow the levels", async () => {
  await openInCall();
  const meter = (label: string) => document.querySelector(`[role=meter][aria-label="${label}"]`);
  expect(meter("Your microphone")?.getAttribute("aria-valuetext")).toBe("silent");
  screen.core.tell({ event: "levels", call: "c1", levels: { local: -12, remote: [["p1", -40]] } });
  await settle();
  expect(meter("Your microphone")?.getAttribute("aria-valuetext")).toBe("speaking");
  expect(meter("Bob Fischer’s sound")?.getAttribute("aria-valuetext")).toBe("quiet");
});

async function afterEcho(local: number, remote: number): Promise<void> {
  await openInCall({ echo: true, contact: "echo", display_name: "Echo" });
  screen.core.tell({ event: "levels", call: "c1", levels: { local, remote: [["p1", remote]] } });
  screen.core.change("c1", { status: "ended", ended: "local_hangup", duration_s: 9 });
  screen.core.set({ calls: [] });
  await settle();
  expect(text()).toContain("Sounds good?");
}

test("after Echo, yes leads to people", async () => {
  await afterEcho(-20, -20);
  await click("Yes");
  expect(text()).not.toContain("Sounds good?");
  expect(text()).toContain("Choose someone to call");
});

test("after Echo, no leads to the sound page with the likely cause", async () => {
  await afterEcho(-90, -127);
  await click("No");
  expect(document.querySelector("[data-cause]")?.getAttribute("data-cause")).toBe("microphone_silent");
  expect(text()).toContain("No sound came from your microphone.");
  await click("Call Echo");
  expect(last("sdk")).toMatchObject({ method: { method: "makeVoiceCall", users: ["echo@127.0.0.1:8090"] } });
});

test("an incoming call can be answered and declined in the main window, once", async () => {
  const ring = callView({ id: "r", incoming: true, can_answer: true, display_name: "Zoë Ångström" });
  await openSignedIn();
  screen.core.set({ calls: [ring] });
  await settle();
  expect(text()).toContain("Voice call for Alice Moreau on this computer");
  blur();
  await press("Enter");
  await press("Enter");
  expect(commands().filter((command) => command === "answer")).toHaveLength(1);
  expect(last("answer")).toEqual({ command: "answer", call: "r", media: "voice" });
  expect(document.querySelector("[data-status=connected]")).not.toBeNull();
  expect(hasButton(/^Decline/)).toBe(false);
});

test("Enter on a person's row does not answer a call that rings meanwhile", async () => {
  await openSignedIn();
  button(/^Call Bob/).focus();
  screen.core.set({ calls: [callView({ id: "r", incoming: true, can_answer: true })] });
  await settle();
  await press("Enter");
  expect(commands()).not.toContain("answer");
});

test("a problem shows what happened, what to do and one button that does it", async () => {
  await openSignedIn();
  screen.core.set({ problems: [{ number: 7, code: "device-busy", detail: "hw:1" }] });
  await settle();
  expect(text()).toContain("Another program is using your sound device. Choose another device, or close that program.");
  await click("Choose");
  expect(last("dismiss_problem")).toEqual({ command: "dismiss_problem", number: 7 });
  expect(document.querySelector("[data-role=microphone]")).not.toBeNull();
});

test("the same problem twice is one banner, put away by one press", async () => {
  await openSignedIn();
  const problem = (number: number) => ({ number, code: "device-lost", detail: "" });
  screen.core.set({ problems: [problem(1), problem(2)] });
  await settle();
  expect(document.querySelectorAll("[data-problem]")).toHaveLength(1);
  expect(text()).not.toContain("more");
  await click("Choose");
  expect(document.querySelector("[data-problem]")).toBeNull();
  expect(screen.core.state.problems).toEqual([]);
});

test("a refused command becomes a problem that can be put away", async () => {
  await openSignedIn();
  screen.core.refusals.set("sdk", { number: 0, code: "no-microphone", detail: "" });
  await click(/^Call Bob/);
  expect(text()).toContain("No microphone was found.");
  await click("Choose");
  expect(text()).not.toContain("No microphone was found.");
});

test("a core that comes back at once is not worth a word; one that stays away is", async () => {
  await openInCall();
  screen.core.setLink({ link: "lost", since: Date.now(), problem: null });
  await vi.advanceTimersByTimeAsync(300);
  await settle();
  expect(text()).not.toContain("Starting it again");
  await vi.advanceTimersByTimeAsync(600);
  await settle();
  expect(text()).toContain("Starting it again");
  await click("Try now");
  expect(screen.core.retries).toBe(1);
  screen.core.setLink({ link: "open", version: "2" });
  screen.core.set({});
  await settle();
  expect(text()).not.toContain("Starting it again");
  expect(document.querySelector("[data-status=connected]")).not.toBeNull();
});

test("a call that went down with its core is said to be cut off; one that ended is not", async () => {
  await openInCall();
  screen.core.set({ calls: [] });
  await settle();
  expect(text()).toContain("The call was cut off.");
  expect(text()).toContain("Choose someone to call");
  await click("OK");
  screen.core.set({ calls: [callView()] });
  screen.core.change("c1", { status: "ended", ended: "no_answer" });
  screen.core.set({ calls: [] });
  await settle();
  expect(text()).not.toContain("cut off");
});

test("an offline account says so and cannot call", async () => {
  await openSignedIn();
  const problem = { number: 0, code: "server-unreachable", detail: "" };
  screen.core.set({ accounts: SIGNED_IN.accounts.map((one) => ({ ...one, state: { state: "offline", problem } })) });
  await settle();
  expect(text()).toContain("Not connected, trying again");
  expect(button(/^Call Bob/).disabled).toBe(true);
});

test("signing out is asked about first", async () => {
  await openSignedIn();
  await click("More");
  await click("Sign out Alice Moreau");
  expect(commands()).not.toContain("sign_out");
  await click("Sign out");
  expect(last("sign_out")).toEqual({ command: "sign_out", account: "a1" });
  expect(text()).toContain("Welcome to Bellbird");
});

test("the name others see is changed in place", async () => {
  await openSignedIn();
  await click("More");
  await click("Settings");
  await click("Account");
  const name = field("Name others see");
  name.value = "Ali";
  name.dispatchEvent(new Event("change", { bubbles: true }));
  await settle();
  expect(last("set_display_name")).toEqual({ command: "set_display_name", account: "a1", display_name: "Ali" });
  expect(text()).toContain("Saved");
});

test("? shows the keys and Esc closes them", async () => {
  await openSignedIn();
  blur();
  await press("?", { shiftKey: true });
  expect(text()).toContain("Hold to talk while the microphone is off");
  await press("Escape");
  expect(document.querySelector("dialog")).toBeNull();
});

test("a second window that attaches in the middle of a call shows the same call", async () => {
  screen = openMain((core) => {
    core.state = { ...SIGNED_IN, calls: [callView({ status: "connected", connected_at_ms: Date.now() - 60_000 })] };
  });
  await settle();
  expect(document.querySelector(".window")?.getAttribute("data-page")).toBe("call");
  expect(text()).toContain("01:00");
});

test("every control has a name", async () => {
  await openInCall();
  for (const one of document.querySelectorAll("button, input, select, [role=meter], [role=menu]")) {
    const id = one.id;
    const named =
      one.getAttribute("aria-label") || one.textContent?.trim() || (id && document.querySelector(`label[for="${id}"]`));
    expect(named, one.outerHTML).toBeTruthy();
  }
});
