// A scripted core for component tests and for looking at screens in a development server. It keeps a whole state and
// answers commands the way the real one does; it is not part of a production build.

import type {
  AppView,
  CallView,
  Command,
  ContactView,
  ControlView,
  Event,
  GroupView,
  LinkQualityView,
  ParticipantView,
  Problem,
  RemoteJoinRequestView,
  Reply,
  RoomView,
  ScreenView,
  SdkMethod,
  SdkResult,
} from "../sdk/contract";
import type { App } from "../state/app.svelte";
import { type Door, type Link, type Notice, Refusal } from "../sdk/door";
import { parseJid } from "../sdk/jid";
import type { PictureOf, Pictures } from "../sdk/pictures";

export const ECHO: ContactView = { account: "a1", id: "echo", display_name: "Echo", presence: "online", echo: true };

const PEOPLE: ContactView[] = [
  ECHO,
  { account: "a1", id: "bob", display_name: "Bob Fischer", presence: "online", echo: false },
  { account: "a1", id: "zoe", display_name: "Zoë Ångström", presence: "away", echo: false },
  { account: "a1", id: "carla", display_name: "Carla Reyes de la Torre", presence: null, echo: false },
  { account: "a1", id: "dan", display_name: "Dan", presence: "dnd", echo: false },
];

const ROOMS: RoomView[] = [
  { account: "a1", token: "r1", display_name: "Thursday choir", kind: "group", has_call: true, last_activity: 1_790_000_000, link: null },
  { account: "a1", token: "r2", display_name: "Allotment", kind: "group", has_call: false, last_activity: 1_780_000_000, link: null },
];

const SCREENS: ScreenView[] = [
  { id: "monitor:0", kind: "monitor", label: "Built-in display", thumbnail: null },
  { id: "window:1", kind: "window", label: "Minutes of Thursday’s meeting.odt", thumbnail: null },
  { id: "window:2", kind: "window", label: "Terminal", thumbnail: null },
];

export const FRESH: AppView = {
  version: "0.1.0",
  accounts: [],
  signing_in: null,
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
    cameras: [
      { name: "front", label: "Built-in camera", is_default: true },
      { name: "desk", label: "Desk camera", is_default: false },
    ],
    microphone: null,
    speaker: null,
    ringer: "internal",
    camera: null,
  },
  local_server: null,
  problems: [],
  control: { allowed: true, web_api: null, programs: [] },
  remote_joins: [],
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
      remote_join: "ask",
    },
  ],
  local_server: { url: "http://127.0.0.1:8090", public_url: null },
};

const REACTIONS = ["❤️", "🎉", "👏", "👋", "👍", "👎", "🔥", "😂", "🤩", "🤔", "😲", "😥"];

/** What is so with a call of several, as its moderator; `with_` changes it. */
export function group(with_: Partial<GroupView> = {}): GroupView {
  return { moderator: true, may_add: true, mesh: true, open_by_link: false, link: null, ...with_ };
}

/** A program wants Alice in the choir's call; `with_` changes it. */
export function wanted(with_: Partial<RemoteJoinRequestView>): RemoteJoinRequestView {
  return { id: "w1", account: "a1", room: "r1", display_name: "Thursday choir", kind: "audio", by: "Rehearsal bot", ...with_ };
}

/** Someone in a call; `with_` changes them. */
export function participant(id: string, display_name: string, with_: Partial<ParticipantView> = {}): ParticipantView {
  return {
    id,
    contact: null,
    display_name,
    status: "connected",
    audio_muted: false,
    video_muted: true,
    has_video: false,
    has_screen: false,
    hand_raised_ms: null,
    ...with_,
  };
}

/** A call to Bob that has just been dialed; `with_` changes it. */
export function callView(with_: Partial<CallView> = {}): CallView {
  return {
    id: "c1",
    account: "a1",
    guest_on: null,
    entrance: null,
    asks_consent: false,
    incoming: false,
    room: "room1",
    display_name: "Bob Fischer",
    contact: "bob",
    echo: false,
    status: "calling",
    can_answer: false,
    media: "voice",
    joined_by: null,
    muted: false,
    silent: false,
    camera_on: false,
    sharing_screen: false,
    may_show_camera: true,
    may_share_screen: true,
    recorded: false,
    on_hold: false,
    hand_raised: false,
    video_request: "none",
    reactions: REACTIONS,
    group: null,
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
    video: [],
    ...with_,
  };
}

/** The scripted core. */
export class FakeCore implements Door {
  state: AppView = FRESH;
  contacts: ContactView[] = PEOPLE;
  rooms: RoomView[] = ROOMS;
  /** What can be shared. */
  screens: ScreenView[] = SCREENS;
  /** Every command given, oldest first. */
  readonly commands: Command[] = [];
  /** Refuses the next command of a kind. */
  readonly refusals = new Map<Command["command"], Problem>();
  /** Pictures by user id. */
  readonly avatars = new Map<string, string>();
  /** Whether the server signs people in through the browser. */
  browser = false;
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

  close(): void {
    this.#listeners.clear();
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
      case "sign_in_by_browser":
        if (!this.browser) return { reply: "sign_in", address: null };
        this.set({ signing_in: { server: command.server, address: "https://cloud.example.org/login/v2/flow/abc" } });
        return { reply: "sign_in", address: "https://cloud.example.org/login/v2/flow/abc" };
      case "cancel_sign_in":
        this.set({ signing_in: null });
        return ok;
      case "enter_password":
        this.change(command.call, { entrance: { step: "password", refused: true, throttled: false } });
        return ok;
      case "give_consent":
        this.change(command.call, { entrance: null, asks_consent: false });
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
      case "avatar":
        return { reply: "avatar", image: this.avatars.get(command.contact) ?? null };
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
        if (command.call) {
          this.change(command.call, command.kind === "video" ? { camera_on: !command.muted } : { muted: command.muted });
        }
        return ok;
      case "set_silent":
        if (command.call) this.change(command.call, { silent: command.silent });
        return ok;
      case "list_screens":
        return { reply: "screens", screens: this.screens };
      case "share_screen":
        if (command.call) this.change(command.call, { sharing_screen: true });
        return ok;
      case "stop_sharing":
        if (command.call) this.change(command.call, { sharing_screen: false });
        return ok;
      case "set_hold":
        if (command.call) this.change(command.call, { on_hold: command.held, status: command.held ? "hold" : "connected" });
        return ok;
      case "end_for_everyone":
        if (command.call) this.change(command.call, { status: "ended", ended: "local_hangup", duration_s: 42 });
        return ok;
      case "set_hand":
        if (command.call) this.change(command.call, { hand_raised: command.raised });
        return ok;
      case "react":
        if (command.call) {
          const happening = { happening: "reaction" as const, participant: null, reaction: command.reaction };
          this.tell({ event: "call", call: command.call, happening });
        }
        return ok;
      case "ask_to_mute":
        this.set({
          calls: this.state.calls.map((call) => ({
            ...call,
            participants: call.participants.map((one) => (one.id === command.participant ? { ...one, audio_muted: true } : one)),
          })),
        });
        return ok;
      case "sdk":
        return { reply: "sdk", result: this.#method(command.method) };
      case "add_program": {
        const program = { id: `p${this.state.control.programs.length + 1}`, name: command.name, created_at_ms: Date.now(), last_used_at_ms: null };
        this.#control({ programs: [...this.state.control.programs, program] });
        return { reply: "program", program, token: "bb-4Qz7mX2v9KfLr0TgYc8sWn5hJd1PeUaB3iRoVxZt6Mk" };
      }
      case "revoke_program":
        this.#control({ programs: this.state.control.programs.filter((program) => program.id !== command.program) });
        return ok;
      case "allow_programs":
        this.#control({ allowed: command.allowed });
        return ok;
      case "set_remote_join":
        this.set({
          accounts: this.state.accounts.map((one) => (one.id === command.account ? { ...one, remote_join: command.policy } : one)),
          remote_joins: this.state.remote_joins.filter((one) => command.policy !== "forbid" || one.account !== command.account),
        });
        return ok;
      case "answer_remote_join":
        this.set({ remote_joins: this.state.remote_joins.filter((one) => one.id !== command.request) });
        return ok;
      case "add_person":
      case "open_room":
        return ok;
      case "create_room": {
        const room: RoomView = {
          account: command.account ?? "a1",
          token: "r9",
          display_name: command.name,
          kind: command.public ? "public" : "group",
          has_call: false,
          last_activity: 1_795_000_000,
          link: command.public ? "https://cloud.example.org/call/r9" : null,
        };
        this.rooms = [room, ...this.rooms];
        return { reply: "room", room };
      }
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

  #control(change: Partial<ControlView>): void {
    this.set({ control: { ...this.state.control, ...change } });
  }

  #method(method: SdkMethod): SdkResult {
    const done = { statusCode: 200, message: "done" };
    if (method.method !== "makeVoiceCall" && method.method !== "makeVideoCall") return done;
    const [user = ""] = method.users;
    this.#call(parseJid(user)?.id ?? user);
    return { ...done, callType: method.method === "makeVideoCall" ? "video" : "audio", roomId: "room1" };
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
      participants: [participant("p1", call.display_name, { contact: call.contact })],
    });
  }
}

/** Draws something that could be a face or a page, so that a scene with pictures can be looked at. */
export class FakePictures implements Pictures {
  /** What is shown now. */
  readonly shown = new Set<PictureOf>();

  attach(of: PictureOf, canvas: HTMLCanvasElement, ondrawn: () => void): () => void {
    this.shown.add(of);
    const context = canvas.getContext?.("2d");
    if (context) (of.kind === "screen" ? drawPage : drawFace)(canvas, context, of.participant ?? "");
    ondrawn();
    return () => this.shown.delete(of);
  }
}

function drawFace(canvas: HTMLCanvasElement, context: CanvasRenderingContext2D, seed: string): void {
  [canvas.width, canvas.height] = [640, 360];
  const hue = (seed.charCodeAt(1) || 30) * 47;
  context.fillStyle = `hsl(${hue % 360} 25% 62%)`;
  context.fillRect(0, 0, 640, 360);
  context.fillStyle = `hsl(${(hue + 120) % 360} 30% 32%)`;
  context.beginPath();
  context.ellipse(320, 380, 190, 130, 0, 0, 7);
  context.fill();
  context.fillStyle = "hsl(25 45% 68%)";
  context.beginPath();
  context.ellipse(320, 175, 78, 98, 0, 0, 7);
  context.fill();
}

function drawPage(canvas: HTMLCanvasElement, context: CanvasRenderingContext2D): void {
  [canvas.width, canvas.height] = [1920, 1080];
  context.fillStyle = "#fff";
  context.fillRect(0, 0, 1920, 1080);
  context.fillStyle = "#222";
  context.font = "32px sans-serif";
  for (let row = 0; row < 20; row += 1) context.fillText("Minutes of Thursday’s meeting, read and agreed to by everyone present.", 160, 120 + row * 48);
}

/** Brings a fake core to a named scene, for looking at. */
export function stage(core: FakeCore, app: App, scene: string): void {
  const connected = (change: Partial<CallView> = {}) =>
    callView({
      status: "connected",
      connected_at_ms: Date.now() - 42_000,
      participants: [participant("p1", "Bob Fischer", { contact: "bob" })],
      ...change,
    });
  const face = (id: string, name: string, with_: Partial<ParticipantView> = {}) =>
    participant(id, name, { video_muted: false, has_video: true, ...with_ });
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
      const participants = names.map((display_name, n) =>
        participant(`p${n + 1}`, display_name, { status: n === 3 ? "connecting" : "connected", audio_muted: n === 1 }),
      );
      core.set({ calls: [connected({ display_name: "Thursday choir", contact: null, participants, group: group() })] });
      sound([link()]);
      break;
    }
    case "video":
      core.set({ calls: [connected({ media: "video", camera_on: true, participants: [face("p1", "Bob Fischer")] })] });
      sound([link()]);
      break;
    case "video_group":
    case "video_speaker":
    case "screen": {
      const participants = [
        face("p1", "Bob Fischer", { has_screen: scene === "screen" }),
        face("p2", "Zoë Ångström", { audio_muted: true }),
        participant("p3", "Carla Reyes de la Torre"),
        face("p4", "Dan", { hand_raised_ms: 1 }),
      ];
      const change = { display_name: "Thursday choir", contact: null, participants, camera_on: true, group: group() };
      core.set({ calls: [connected(change)] });
      app.layout = scene === "video_speaker" ? "speaker" : "grid";
      sound([link()]);
      break;
    }
    case "sharing":
      core.set({ calls: [connected({ sharing_screen: true, camera_on: true, participants: [face("p1", "Bob Fischer")] })] });
      sound([link()]);
      break;
    case "share":
      core.set({ calls: [connected()] });
      app.dialog = { dialog: "share" };
      break;
    case "video_settings":
      app.page = "settings";
      app.section = "video";
      break;
    case "hands": {
      const participants = [
        participant("p1", "Bob Fischer", { hand_raised_ms: 2 }),
        participant("p2", "Zoë Ångström", { hand_raised_ms: 1, audio_muted: true }),
        participant("p3", "Carla Reyes de la Torre"),
      ];
      const change = { display_name: "Thursday choir", contact: null, participants, hand_raised: true, muted: true, group: group() };
      core.set({ calls: [connected(change)] });
      sound([link()]);
      core.tell({ event: "call", call: "c1", happening: { happening: "reaction", participant: "p3", reaction: "🎉" } });
      core.tell({ event: "call", call: "c1", happening: { happening: "muted_by_moderator" } });
      break;
    }
    case "crowd": {
      const names = ["Bob", "Zoë", "Carla", "Dan", "Eve", "Farid", "Grete", "Hugo", "Ines", "Jo"];
      const participants = names.map((name, n) => participant(`p${n + 1}`, name, { audio_muted: n % 3 === 1 }));
      core.set({ calls: [connected({ display_name: "Thursday choir", contact: null, participants, group: group() })] });
      sound([link()]);
      break;
    }
    case "add_people": {
      const participants = [participant("p1", "Bob Fischer", { contact: "bob" }), participant("p2", "Guest")];
      const link_ = "https://cloud.example.org/call/abcd1234";
      const open = group({ open_by_link: true, link: link_ });
      core.set({ calls: [connected({ display_name: "Thursday choir", contact: null, participants, group: open })] });
      app.dialog = { dialog: "add_people" };
      break;
    }
    case "new_room":
      app.dialog = { dialog: "new_room" };
      break;
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
    case "password":
      call({ display_name: "Thursday choir", guest_on: "cloud.example.org", entrance: { step: "password", refused: true, throttled: false } });
      break;
    case "lobby":
      call({ display_name: "Thursday choir", guest_on: "cloud.example.org", entrance: { step: "lobby", opens_at_ms: Date.now() + 1_800_000 } });
      break;
    case "consent":
      call({ display_name: "Thursday choir", entrance: { step: "consent" } });
      break;
    case "incoming_recorded":
      core.set({ calls: [{ ...ring, asks_consent: true }] });
      break;
    case "join":
      app.dialog = { dialog: "join" };
      break;
    case "remote_voice":
      core.set({ remote_joins: [wanted({})] });
      break;
    case "remote_video":
      core.set({ calls: [connected({ room: "r1", display_name: "Thursday choir" })], remote_joins: [wanted({ kind: "video" })] });
      break;
    case "remote_screen":
      core.set({ calls: [connected({ room: "r1", display_name: "Thursday choir" })], remote_joins: [wanted({ kind: "screen", by: "" })] });
      break;
    case "joined_by":
      core.set({ calls: [connected({ joined_by: "Rehearsal bot" })] });
      sound([link()]);
      break;
    case "silent":
      core.set({ calls: [connected({ joined_by: "", silent: true })] });
      sound([link()]);
      break;
    case "account_settings":
      app.page = "settings";
      app.section = "account";
      break;
    case "programs": {
      const now = Date.now();
      const programs = [
        { id: "p1", name: "Rehearsal bot", created_at_ms: now - 9 * 86_400_000, last_used_at_ms: now - 180_000 },
        { id: "p2", name: "Door bell script", created_at_ms: now - 3_600_000, last_used_at_ms: null },
      ];
      core.set({ control: { allowed: true, web_api: "http://127.0.0.1:40123/api/cowork", programs } });
      app.page = "settings";
      app.section = "programs";
      break;
    }
    case "no_programs":
      core.set({ control: { allowed: false, web_api: "http://127.0.0.1:40123/api/cowork", programs: [] } });
      app.page = "settings";
      app.section = "programs";
      break;
    case "several": {
      const [first] = core.state.accounts;
      if (!first) break;
      const other = { ...first, id: "a2", user: "4711", server: "https://cloud.example.org", local: false };
      core.contacts = [...PEOPLE, { account: "a2", id: "eve", display_name: "Eve Novak", presence: "online", echo: false }];
      core.set({ accounts: [first, other] });
      void app.refreshPeople();
      break;
    }
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
