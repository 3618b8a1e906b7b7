// A scripted core for component tests and for looking at screens in a development server. It keeps a whole state and
// answers commands the way the real one does; it is not part of a production build.

import type { AppView, CallView, Command, ContactView, Event, LinkQualityView, Problem, Reply, RoomView } from "../contract/contract";
import type { App } from "../state/app.svelte";
import { type Door, type Link, type Notice, Refusal } from "./door";

export const ECHO: ContactView = { id: "echo", display_name: "Echo", presence: "online", echo: true };

const PEOPLE: ContactView[] = [
  ECHO,
  { id: "bob", display_name: "Bob Fischer", presence: "online", echo: false },
  { id: "zoe", display_name: "Zoë Ångström", presence: "away", echo: false },
  { id: "carla", display_name: "Carla Reyes de la Torre", presence: null, echo: false },
  { id: "dan", display_name: "Dan", presence: "dnd", echo: false },
];

const ROOMS: RoomView[] = [
  { token: "r1", display_name: "Thursday choir", kind: "group", has_call: true, last_activity: 1_790_000_000 },
  { token: "r2", display_name: "Allotment", kind: "group", has_call: false, last_activity: 1_780_000_000 },
];

export const FRESH: AppView = {
  version: "0.1.0",
  accounts: [],
  calls: [],
  devices: {
    microphones: [
      { name: "usb", label: "USB headset", is_default: true },
      { name: "internal", label: "Built-in microphone", is_default: false },
    ],
    speakers: [
      { name: "usb", label: "USB headset", is_default: true },
      { name: "hdmi", label: "HDMI monitor", is_default: false },
      { name: "internal", label: "Built-in loudspeaker", is_default: false },
    ],
    microphone: null,
    speaker: null,
    ringer: "internal",
  },
  local_server: null,
  problems: [],
  suggested_name: "Alice Moreau",
};

export const SIGNED_IN: AppView = {
  ...FRESH,
  accounts: [
    {
      id: "a1",
      user: "alice",
      display_name: "Alice Moreau",
      server: "http://127.0.0.1:8090",
      local: true,
      state: { state: "online" },
    },
  ],
  local_server: { url: "http://127.0.0.1:8090", public_url: null },
};

/** A call to Bob that has just been dialed; `with_` changes it. */
export function callView(with_: Partial<CallView> = {}): CallView {
  return {
    id: "c1",
    account: "a1",
    incoming: false,
    room: "room1",
    display_name: "Bob Fischer",
    contact: "bob",
    echo: false,
    status: "calling",
    can_answer: false,
    media: "voice",
    muted: false,
    on_hold: false,
    connected_at_ms: null,
    reconnecting_since_ms: null,
    participants: [],
    ended: null,
    duration_s: null,
    ...with_,
  };
}

/** A link as good as they come; `with_` changes it. */
export function link(with_: Partial<LinkQualityView> = {}): LinkQualityView {
  return {
    participant: "p1",
    rtt_ms: 23,
    loss: 0,
    remote_loss: 0.002,
    jitter_ms: 3,
    buffer_ms: 40,
    concealed: 0.001,
    kbit_in: 41,
    kbit_out: 43,
    packets_lost: 1,
    packets_received: 2100,
    ...with_,
  };
}

/** The scripted core. */
export class FakeCore implements Door {
  state: AppView = FRESH;
  contacts: ContactView[] = PEOPLE;
  rooms: RoomView[] = ROOMS;
  /** Every command given, oldest first. */
  readonly commands: Command[] = [];
  /** Refuses the next command of a kind. */
  readonly refusals = new Map<Command["command"], Problem>();
  retries = 0;
  #link: Link = { link: "open", version: "0.1.0" };
  #listeners = new Set<(notice: Notice) => void>();
  #calls = 1;

  async command(command: Command): Promise<Reply> {
    this.commands.push(command);
    await Promise.resolve();
    const refusal = this.refusals.get(command.command);
    if (refusal) {
      this.refusals.delete(command.command);
      throw new Refusal(refusal);
    }
    return this.#obey(command);
  }

  listen(listener: (notice: Notice) => void): () => void {
    this.#listeners.add(listener);
    listener({ notice: "link", link: this.#link });
    if (this.#link.link === "open") listener({ notice: "event", event: { event: "state", state: this.state } });
    return () => this.#listeners.delete(listener);
  }

  retry(): void {
    this.retries += 1;
  }

  setLink(link: Link): void {
    this.#link = link;
    this.#tell({ notice: "link", link });
  }

  tell(event: Event): void {
    this.#tell({ notice: "event", event });
  }

  /** Replaces parts of the state and tells the whole. */
  set(change: Partial<AppView>): void {
    this.state = { ...this.state, ...change };
    this.tell({ event: "state", state: this.state });
  }

  /** Replaces parts of one call. */
  change(id: string, change: Partial<CallView>): void {
    this.set({ calls: this.state.calls.map((call) => (call.id === id ? { ...call, ...change } : call)) });
  }

  #tell(notice: Notice): void {
    for (const listener of [...this.#listeners]) listener(notice);
  }

  #obey(command: Command): Reply {
    const ok: Reply = { reply: "ok" };
    switch (command.command) {
      case "start_here":
      case "sign_in":
      case "accept_invitation":
        this.set(SIGNED_IN);
        return ok;
      case "sign_out":
        this.set({ accounts: this.state.accounts.filter((account) => account.id !== command.account) });
        return ok;
      case "set_display_name":
        this.set({ accounts: this.state.accounts.map((account) => ({ ...account, display_name: command.display_name })) });
        return ok;
      case "create_invitation":
        return {
          reply: "invitation",
          invitation: {
            link: "https://192.0.2.14:8443/invite/7QK2-M9XD-4TPA#fp=q8b1Yw0m3oR5tVx2c7nZlKf9sHdJgUeIaPqWzXyTrMk",
            expires_at_ms: Date.now() + 86_400_000,
            uses: 5,
          },
        };
      case "search_contacts": {
        const text = command.text.toLowerCase();
        return { reply: "contacts", contacts: this.contacts.filter((one) => one.display_name.toLowerCase().includes(text)) };
      }
      case "list_rooms":
        return { reply: "rooms", rooms: this.rooms };
      case "make_call":
        return this.#call(command.contact);
      case "join_room":
        return this.#call(command.room);
      case "answer":
        for (const call of this.state.calls.filter((one) => one.can_answer)) this.#connect(call.id);
        return ok;
      case "decline":
        this.set({ calls: this.state.calls.filter((call) => !call.can_answer) });
        return ok;
      case "end":
        if (command.call) {
          this.change(command.call, { status: "ended", ended: "local_hangup", duration_s: 42, can_answer: false });
        }
        return ok;
      case "set_muted":
        if (command.call) this.change(command.call, { muted: command.muted });
        return ok;
      case "set_hold":
        if (command.call) this.change(command.call, { on_hold: command.held, status: command.held ? "hold" : "connected" });
        return ok;
      case "select_device":
        this.set({ devices: { ...this.state.devices, [command.role]: command.name } });
        return ok;
      case "dismiss_problem":
        this.set({ problems: this.state.problems.filter((problem) => problem.number !== command.number) });
        return ok;
      case "status":
        return { reply: "state", state: this.state };
      case "show_window":
        return ok;
      case "quit":
        this.tell({ event: "stopping" });
        this.setLink({ link: "stopped" });
        return ok;
    }
  }

  #call(contact: string): Reply {
    const id = `c${++this.#calls}`;
    const person = this.contacts.find((one) => one.id === contact);
    const call = callView({ id, contact, display_name: person?.display_name ?? contact, echo: person?.echo ?? false });
    this.set({ calls: [...this.state.calls.filter((one) => one.ended === null), call] });
    return { reply: "call", call: id };
  }

  #connect(id: string): void {
    const call = this.state.calls.find((one) => one.id === id);
    if (!call) return;
    this.change(id, {
      can_answer: false,
      status: "connected",
      connected_at_ms: Date.now(),
      participants: [
        { id: "p1", contact: call.contact, display_name: call.display_name, status: "connected", audio_muted: false, video_muted: true },
      ],
    });
  }
}

/** Brings a fake core to a named scene, for looking at. */
export function stage(core: FakeCore, app: App, scene: string): void {
  const connected = (change: Partial<CallView> = {}) =>
    callView({
      status: "connected",
      connected_at_ms: Date.now() - 42_000,
      participants: [
        { id: "p1", contact: "bob", display_name: "Bob Fischer", status: "connected", audio_muted: false, video_muted: true },
      ],
      ...change,
    });
  const call = (change: Partial<CallView>) => core.set({ calls: [callView(change)] });
  const sound = (links: LinkQualityView[]) => {
    const tell = () => {
      const t = Date.now() / 300;
      core.tell({ event: "levels", call: "c1", levels: { local: -30 + 8 * Math.sin(t), remote: [["p1", -24 + 9 * Math.sin(t * 1.3)]] } });
    };
    tell();
    setInterval(tell, 33);
    for (let second = 0; second < 5; second += 1) core.tell({ event: "quality", call: "c1", links });
  };
  const problem = (code: string, number: number): Problem => ({ number, code, detail: "details for the curious" });
  const ring = callView({ id: "c9", incoming: true, can_answer: true, display_name: "Zoë Ångström", contact: "zoe" });
  if (scene !== "first") core.set(SIGNED_IN);
  switch (scene) {
    case "alone":
      core.contacts = [ECHO];
      void app.refreshPeople();
      break;
    case "calling":
      call({});
      break;
    case "ringing":
      call({ status: "ringing" });
      break;
    case "connecting":
      call({ status: "connecting" });
      break;
    case "connected":
      core.set({ calls: [connected()] });
      sound([link()]);
      break;
    case "muted":
      core.set({ calls: [connected({ muted: true })] });
      sound([link()]);
      break;
    case "weak":
      core.set({ calls: [connected()] });
      sound([link({ loss: 0.09, concealed: 0.07, jitter_ms: 38, buffer_ms: 140, rtt_ms: 212 })]);
      break;
    case "reconnecting":
      core.set({ calls: [connected({ status: "reconnecting", reconnecting_since_ms: Date.now() - 8000 })] });
      break;
    case "hold":
      core.set({ calls: [connected({ status: "hold", on_hold: true })] });
      break;
    case "group": {
      const names = ["Bob Fischer", "Zoë Ångström", "Carla Reyes de la Torre", "Dan"];
      const participants = names.map((display_name, n) => ({
        id: `p${n + 1}`,
        contact: null,
        display_name,
        status: n === 3 ? ("connecting" as const) : ("connected" as const),
        audio_muted: n === 1,
        video_muted: true,
      }));
      core.set({ calls: [connected({ display_name: "Thursday choir", contact: null, participants })] });
      sound([link()]);
      break;
    }
    case "ended":
    case "declined": {
      core.set({ calls: [connected()] });
      const ended = scene === "ended" ? ("remote_hangup" as const) : ("remote_decline" as const);
      core.change("c1", { status: "ended", ended, duration_s: scene === "ended" ? 723 : null });
      break;
    }
    case "after_echo":
      core.set({ calls: [connected({ display_name: "Echo", contact: "echo", echo: true })] });
      core.tell({ event: "levels", call: "c1", levels: { local: -70, remote: [] } });
      core.change("c1", { status: "ended", ended: "local_hangup", duration_s: 42 });
      break;
    case "incoming":
      core.set({ calls: [ring] });
      break;
    case "incoming_in_call":
      core.set({ calls: [connected(), { ...ring, media: "video" }] });
      sound([link()]);
      break;
    case "problem":
      core.set({ problems: [problem("no-key-store", 1), problem("device-busy", 2)] });
      break;
    case "offline":
      core.set({ accounts: core.state.accounts.map((one) => ({ ...one, state: { state: "offline", problem: problem("server-unreachable", 0) } })) });
      break;
    case "lost":
      core.set({ calls: [connected()] });
      core.setLink({ link: "lost", since: Date.now(), problem: null });
      break;
  }
}
