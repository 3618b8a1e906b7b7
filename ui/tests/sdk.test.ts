import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { SIGNED_IN, callView, participant } from "../src/platform/fake";
import type { CallStatusPayload, IncomingCall, SdkEvent } from "../src/sdk/contract";
import { RETRY_MS } from "../src/sdk/core_door";
import { BellbirdSdk, type CallTrack, type UserTrackPayload, accepted } from "../src/sdk/index";
import { DOOR, ScriptedCore, connected, turn } from "./sdk_core";

const A = "alice@127.0.0.1:8090";
const B = "bob@127.0.0.1:8090";

let core: ScriptedCore;
let told: unknown[][];

/** Listeners that write down what they hear. */
function listeners() {
  const names = [
    "connectionListener",
    "incomingCallListener",
    "callStatusListener",
    "userTrackListener",
    "muteStatusListener",
    "missedCallListener",
    "callSwitchListener",
    "inviteUsersListener",
    "callUserJoinedListener",
    "callUserLeftListener",
    "callUsersUpdateListener",
    "callSpeakingListener",
    "mediaErrorListener",
  ] as const;
  return Object.fromEntries(names.map((name) => [name, (payload: unknown) => void told.push([name, payload])]));
}

async function open(with_: object = {}) {
  const sdk = new BellbirdSdk();
  await sdk.initializeSDK({ door: DOOR, webSocket: core.webSocket, callbackListeners: listeners(), ...with_ });
  const socket = await connected(sdk, core);
  told.length = 0;
  return { sdk, socket };
}

const users = [
  { userJid: A, status: "calling" as const, audioMuted: false, videoMuted: true },
  { userJid: B, status: "ringing" as const, audioMuted: false, videoMuted: true },
];

function status(of: CallStatusPayload["status"], with_: Partial<CallStatusPayload> = {}): SdkEvent {
  return {
    listener: "callStatusListener",
    payload: { status: of, userJid: B, localUser: false, sessionStatus: null, usersStatus: users, ...with_ },
  };
}

const INCOMING: IncomingCall = {
  allUsers: [A, B],
  callMode: "onetoone",
  callTime: 1_790_000_000_000,
  callType: "audio",
  from: A,
  to: B,
  groupId: null,
  localUser: false,
  roomId: "r7",
  roomLink: "",
  status: "ringing",
  toUsers: [A],
  userDetails: [{ userJid: A, displayName: "Alice Moreau", image: "" }],
  userJid: B,
  usersStatus: users,
};

beforeEach(() => {
  core = new ScriptedCore();
  told = [];
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

test("connecting tells so, and resolves with the first state", async () => {
  const sdk = new BellbirdSdk();
  expect(await sdk.connect()).toMatchObject({ statusCode: 400 });
  expect(await sdk.initializeSDK({ callbackListeners: listeners() })).toMatchObject({ statusCode: 400 });
  expect(await sdk.initializeSDK({ door: DOOR, webSocket: core.webSocket })).toMatchObject({ statusCode: 200 });
  const connecting = sdk.connect();
  await turn();
  core.newest().greet();
  expect(await connecting).toEqual({ statusCode: 200, message: "accepted" });
  expect(told).toEqual([["connectionListener", { status: "CONNECTED" }]]);
  expect(sdk.state).toEqual(SIGNED_IN);
});

test("the model's own words lead to the door too", async () => {
  const sdk = new BellbirdSdk();
  await sdk.initializeSDK({ apiBaseUrl: DOOR.url, licenseKey: "unused", webSocket: core.webSocket });
  void sdk.connect({ username: A, password: "secret" });
  await turn();
  const socket = core.newest();
  socket.greet();
  expect(socket.sent[0]).toEqual({ frame: "hello", token: "secret" });
  void sdk.makeVoiceCall([B]);
  // A JID names the account.
  expect(socket.commands.at(-1)?.command).toMatchObject({ command: "sdk", account: "a1" });
});

test("a refused token is told as such, and not tried again", async () => {
  vi.useFakeTimers();
  const sdk = new BellbirdSdk();
  await sdk.initializeSDK({ door: DOOR, webSocket: core.webSocket, callbackListeners: listeners() });
  const connecting = sdk.connect();
  await turn();
  core.newest().onopen?.();
  core.newest().end(1008, "wrong token");
  expect(await connecting).toMatchObject({ statusCode: 401, message: "the core: wrong token" });
  expect(told).toEqual([["connectionListener", { status: "AUTHENTICATIONFAILED", message: "the core: wrong token" }]]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(core.sockets).toHaveLength(1);
});

test("no core is a failed connection, told once while it is looked for again", async () => {
  vi.useFakeTimers();
  const sdk = new BellbirdSdk();
  await sdk.initializeSDK({ door: DOOR, webSocket: core.webSocket, callbackListeners: listeners() });
  const connecting = sdk.connect();
  await turn();
  core.newest().end(1006);
  expect(await connecting).toMatchObject({ statusCode: 503, code: "core-gone" });
  await vi.advanceTimersByTimeAsync(RETRY_MS[0]!);
  core.newest().end(1006);
  expect(told).toEqual([["connectionListener", { status: "CONNECTIONFAILED" }]]);
  await vi.advanceTimersByTimeAsync(RETRY_MS[1]!);
  core.newest().greet();
  expect(told.at(-1)).toEqual(["connectionListener", { status: "CONNECTED" }]);
  sdk.disconnect();
  expect(told.at(-1)).toEqual(["connectionListener", { status: "DISCONNECTED" }]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(core.sockets).toHaveLength(3);
});

test("a core that cannot even be looked for is an error, with words", async () => {
  const sdk = new BellbirdSdk();
  const door = () => Promise.reject({ code: "core-gone", detail: "no core runs here" });
  await sdk.initializeSDK({ door, webSocket: core.webSocket, callbackListeners: listeners() });
  expect(await sdk.connect()).toEqual({ statusCode: 503, message: "no core runs here", code: "core-gone" });
  expect(told).toEqual([["connectionListener", { status: "ERROROCCURED", message: "no core runs here" }]]);
  sdk.disconnect();
});

test("every listener gets its payload, field for field and in order", async () => {
  const { socket } = await open();
  const events: SdkEvent[] = [
    { listener: "incomingCallListener", payload: INCOMING },
    status("connecting"),
    { listener: "muteStatusListener", payload: { userJid: B, localUser: false, trackType: "audio", isMuted: true } },
    { listener: "callUserJoinedListener", payload: { userJid: B, localUser: false } },
    { listener: "callUsersUpdateListener", payload: { usersList: [{ userJid: B, displayName: "Bob", localUser: false }] } },
    { listener: "callSpeakingListener", payload: { userJid: B, localUser: false, volumeLevel: 7 } },
    { listener: "callSwitchListener", payload: { status: "request", userJid: B } },
    { listener: "inviteUsersListener", payload: { usersStatus: users, roomId: "r7", userList: [B] } },
    { listener: "mediaErrorListener", payload: { action: "audio", statusCode: 100607, callStatus: "MEDIA_PERMISSION_DENIED" } },
    { listener: "callUserLeftListener", payload: { userJid: B, localUser: false } },
    status("ended", { sessionStatus: "closed" }),
    {
      listener: "missedCallListener",
      payload: { callMode: "onetoone", callType: "audio", from: A, userJid: B, roomId: "r7", allUsers: [A, B], groupId: null },
    },
  ];
  for (const event of events) socket.tell(event);
  expect(told).toEqual(events.map((event) => [event.listener, event.payload]));
});

test("the helper's names and pictures go before the core's", async () => {
  const helper = { getDisplayName: (jid: string) => (jid === A ? "Alice from work" : null), getImageUrl: () => undefined };
  const { socket } = await open({ helper });
  socket.tell({ listener: "incomingCallListener", payload: INCOMING });
  expect(told.at(-1)?.[1]).toMatchObject({ userDetails: [{ userJid: A, displayName: "Alice from work", image: "" }] });
});

test("a listener that throws takes nothing away from the others, nor from what follows", async () => {
  const complaints = vi.spyOn(console, "error").mockImplementation(() => {});
  const { sdk, socket } = await open();
  const heard: string[] = [];
  sdk.on("callStatusListener", () => {
    throw new Error("mine");
  });
  const quiet = sdk.on("callStatusListener", ({ status: one }) => heard.push(one));
  socket.tell(status("calling"));
  quiet();
  socket.tell(status("ringing"));
  expect(heard).toEqual(["calling"]);
  expect(told).toHaveLength(2);
  expect(complaints).toHaveBeenCalledTimes(2);
});

test("methods go as they are named, and answer with what the core says", async () => {
  const { sdk, socket } = await open();
  const asked = sdk.makeVoiceCall([B]);
  expect(socket.commands.at(-1)?.command).toEqual({
    command: "sdk",
    account: null,
    method: { method: "makeVoiceCall", users: [B], groupId: null },
  });
  const result = { statusCode: 200, message: "started", callType: "audio" as const, roomId: "r7" };
  socket.answer({ reply: "sdk", result });
  expect(await asked).toEqual(result);

  const all: [() => Promise<unknown>, object][] = [
    [() => sdk.makeVideoCall([], "r7@mix.127.0.0.1:8090"), { method: "makeVideoCall", users: [], groupId: "r7@mix.127.0.0.1:8090" }],
    [() => sdk.answerCall(), { method: "answerCall" }],
    [() => sdk.declineCall(), { method: "declineCall" }],
    [() => sdk.endCall(), { method: "endCall" }],
    [() => sdk.callEngaged(), { method: "callEngaged" }],
    [() => sdk.muteAudio(true), { method: "muteAudio", mute: true }],
    [() => sdk.muteVideo(false), { method: "muteVideo", mute: false }],
    [() => sdk.inviteUsers([B]), { method: "inviteUsers", users: [B] }],
    [() => sdk.requestVideoCallSwitch(), { method: "requestVideoCallSwitch" }],
    [() => sdk.cancelVideoCallSwitchRequest(), { method: "cancelVideoCallSwitchRequest" }],
    [() => sdk.acceptVideoCallSwitchRequest(), { method: "acceptVideoCallSwitchRequest" }],
    [() => sdk.declineVideoCallSwitchRequest(), { method: "declineVideoCallSwitchRequest" }],
    [() => sdk.getCallInfo(), { method: "getCallInfo" }],
  ];
  for (const [call, method] of all) {
    const pending = call();
    expect(socket.commands.at(-1)?.command).toEqual({ command: "sdk", account: null, method });
    socket.answer({ reply: "sdk", result: { statusCode: 403, message: "not on this server", code: "forbidden" } });
    // Also a refusal is a value.
    expect(await pending).toEqual({ statusCode: 403, message: "not on this server", code: "forbidden" });
  }
});

test("call info carries the conversation beside itself", async () => {
  const { sdk, socket } = await open();
  const asked = sdk.getCallInfo();
  const callInfo = { roomId: "r7", roomLink: "", callType: "audio" as const, callMode: "onetoone" as const, groupId: null, usersStatus: users };
  socket.answer({ reply: "sdk", result: { statusCode: 200, message: "", callInfo } });
  expect(await asked).toMatchObject({ statusCode: 200, roomId: "r7", callInfo });
});

test("refusals of our own methods and a lost door are values with a status", async () => {
  const { sdk, socket } = await open();
  const hold = sdk.holdCall(true);
  expect(socket.commands.at(-1)?.command).toEqual({ command: "set_hold", call: null, held: true });
  socket.refuse("not-now", "no call to hold");
  expect(await hold).toEqual({ statusCode: 400, message: "no call to hold", code: "not-now" });

  const people = sdk.searchContacts("");
  socket.answer({ reply: "contacts", contacts: [] });
  expect(await people).toMatchObject({ statusCode: 200, contacts: [] });

  const under = sdk.makeVoiceCall([B]);
  socket.end(1006);
  const lost = await under;
  expect(lost).toMatchObject({ statusCode: 503, code: "core-gone" });
  expect(lost.message).toContain("core");
  expect(accepted(await sdk.endCall())).toBe(false);
});

test("which call and with what can be said", async () => {
  const { sdk, socket } = await open();
  void sdk.answerCall({ call: "c2", media: "video" });
  void sdk.declineCall({ call: "c2" });
  void sdk.endCall({ call: "c2" });
  void sdk.muteAudio(true, { call: "c2" });
  void sdk.muteVideo(true, { call: "c2" });
  expect(socket.commands.map((one) => one.command)).toEqual([
    { command: "answer", call: "c2", media: "video" },
    { command: "decline", call: "c2" },
    { command: "end", call: "c2" },
    { command: "set_muted", call: "c2", kind: "audio", muted: true },
    { command: "set_muted", call: "c2", kind: "video", muted: true },
  ]);
});

test("a call that went down with its core is closed, once", async () => {
  vi.useFakeTimers();
  const { socket } = await open();
  socket.say({ frame: "event", event: { event: "state", state: { ...SIGNED_IN, calls: [callView({ status: "connected" })] } } });
  socket.tell(status("connected"));
  socket.end(1006);
  await vi.advanceTimersByTimeAsync(RETRY_MS[0]!);
  core.newest().greet();
  await vi.advanceTimersByTimeAsync(0);
  expect(told.map(([name, payload]) => [name, (payload as { status: string }).status])).toEqual([
    ["callStatusListener", "connected"],
    ["connectionListener", "DISCONNECTED"],
    ["connectionListener", "CONNECTED"],
    ["callStatusListener", "disconnected"],
  ]);
  expect(told.at(-1)?.[1]).toMatchObject({ sessionStatus: "closed", localUser: true, userJid: A });
  core.newest().end(1006);
  await vi.advanceTimersByTimeAsync(RETRY_MS[0]!);
  core.newest().greet();
  expect(told.filter(([name]) => name === "callStatusListener")).toHaveLength(2);
});

test("a call that outlived a lost door goes on", async () => {
  vi.useFakeTimers();
  const { socket } = await open();
  const state = { ...SIGNED_IN, calls: [callView({ status: "connected" })] };
  socket.tell(status("connected"));
  socket.end(1006);
  await vi.advanceTimersByTimeAsync(RETRY_MS[0]!);
  core.newest().greet(state);
  expect(told.filter(([name]) => name === "callStatusListener")).toHaveLength(1);
});

/** Opens a track and hands its object out. */
async function track(kind: "audio" | "video" | "screen", localUser = false) {
  const { sdk, socket } = await open();
  const view = callView({ status: "connected", participants: [participant("p/1", "Bob")] });
  socket.say({ frame: "event", event: { event: "state", state: { ...SIGNED_IN, calls: [view] } } });
  const name = `c1/${localUser ? "" : "p/1"}/${kind}`;
  const payload = { localUser, track: name, trackType: kind, userJid: localUser ? A : B, usersStatus: users };
  socket.tell({ listener: "userTrackListener", payload });
  const heard = told.at(-1)?.[1] as UserTrackPayload;
  expect(heard).toMatchObject({ localUser, trackType: kind, userJid: payload.userJid, usersStatus: users });
  return { sdk, socket, payload, track: heard.track as CallTrack };
}

test("a track is an object, which knows what it is and hears of its end", async () => {
  const { socket, track: video, payload } = await track("video");
  expect(video).toMatchObject({ id: "c1/p/1/video", kind: "video", source: "frames", readyState: "live", localUser: false, label: B });
  const heard: string[] = [];
  video.onmute = () => heard.push("mute");
  video.addEventListener("unmute", () => heard.push("unmute"));
  video.onended = () => heard.push("ended");
  // Bob's camera was off at first.
  expect(video.muted).toBe(true);
  const happen = (muted: boolean) =>
    socket.say({ frame: "event", event: { event: "call", call: "c1", happening: { happening: "mute", participant: "p/1", kind: "video", muted } } });
  happen(false);
  happen(true);
  expect(heard).toEqual(["unmute", "mute"]);
  socket.tell({ listener: "userTrackListener", payload: { ...payload, track: null } });
  expect((told.at(-1)?.[1] as UserTrackPayload).track).toBeNull();
  expect(heard.at(-1)).toBe("ended");
  expect(video.readyState).toBe("ended");
});

test("pictures are fetched while somebody wants them, and each is given back", async () => {
  const { track: video } = await track("video");
  await turn();
  expect(core.sockets.filter((socket) => socket.url.endsWith("/pictures"))).toHaveLength(0);
  const sizes: number[] = [];
  video.onframe = (frame) => sizes.push(frame.width, frame.height, frame.data.length);
  await turn();
  const socket = core.newest("/pictures");
  socket.onopen?.();
  expect(socket.shown.at(-1)?.pictures).toEqual([{ number: 1, call: "c1", participant: "p/1", kind: "video", width: 640 }]);
  socket.onmessage?.({ data: rgba(1, 4, 2) });
  expect(sizes).toEqual([4, 2, 32]);
  expect(socket.sent.at(-1)).toEqual({ frame: "drawn", number: 1 });
  expect(video.getSettings()).toEqual({ width: 4, height: 2, aspectRatio: 2 });
  video.wantedWidth = 1280;
  await turn();
  expect(socket.shown.at(-1)?.pictures[0]?.width).toBe(1280);
  video.enabled = false;
  await turn();
  expect(socket.shown.at(-1)?.pictures).toEqual([]);
  video.onframe = null;
  await turn();
  expect(socket.closed).toBe(true);
});

test("pictures can be awaited, the newest each time, until the track ends", async () => {
  const { socket: door, track: video, payload } = await track("screen");
  const seen: number[] = [];
  const reading = (async () => {
    for await (const frame of video.frames()) seen.push(frame.width);
  })();
  await turn();
  const socket = core.newest("/pictures");
  socket.onopen?.();
  socket.onmessage?.({ data: rgba(1, 2, 2) });
  socket.onmessage?.({ data: rgba(1, 6, 2) });
  await turn();
  door.tell({ listener: "userTrackListener", payload: { ...payload, track: null } });
  await reading;
  expect(seen.at(-1)).toBe(6);
});

test("whoever connects while a call runs finds its tracks", async () => {
  const sdk = new BellbirdSdk();
  await sdk.initializeSDK({ door: DOOR, webSocket: core.webSocket, callbackListeners: listeners() });
  const connecting = sdk.connect();
  await turn();
  const bob = participant("p/1", "Bob", { contact: "bob", has_video: true, video_muted: false, audio_muted: true });
  const guest = participant("g1", "Gwen", { has_screen: true });
  const call = callView({ status: "connected", connected_at_ms: 1, muted: true, participants: [bob, guest] });
  core.newest().greet({ ...SIGNED_IN, calls: [call, callView({ id: "c2", status: "ringing", incoming: true })] });
  await connecting;
  expect(sdk.tracks.map(({ id, label, enabled, muted }) => [id, label, enabled, muted])).toEqual([
    ["c1//audio", A, false, false],
    ["c1/p/1/audio", B, true, true],
    ["c1/p/1/video", B, true, false],
    ["c1/g1/audio", "g1@guests.127.0.0.1:8090", true, false],
    ["c1/g1/screen", "g1@guests.127.0.0.1:8090", true, false],
  ]);
  expect(told.map(([name]) => name)).toEqual(["connectionListener"]);
  const [, sound] = sdk.tracks;
  core.newest().say({ frame: "event", event: { event: "call", call: "c1", happening: { happening: "ended", reason: "remote_hangup", duration_s: 1 } } });
  expect(sound?.readyState).toBe("ended");
  expect(sdk.tracks).toEqual([]);
});

test("somebody's sound is played by the core: its track has a level, and can silence the call", async () => {
  const { socket, track: sound } = await track("audio");
  expect(sound).toMatchObject({ kind: "audio", source: "core", level: -127 });
  socket.say({ frame: "event", event: { event: "levels", call: "c1", levels: { local: -20, remote: [["p/1", -33]] } } });
  expect(sound.level).toBe(-33);
  sound.enabled = false;
  expect(socket.commands.at(-1)?.command).toEqual({ command: "set_silent", call: "c1", silent: true });
  socket.refuse("not-now");
  await turn();
  expect(sound.enabled).toBe(true);
});

test("our own tracks mute us, and follow when we are muted elsewhere", async () => {
  const { socket, track: own } = await track("audio", true);
  own.enabled = false;
  expect(socket.commands.at(-1)?.command).toEqual({ command: "set_muted", call: "c1", kind: "audio", muted: true });
  const happening = { happening: "mute" as const, participant: null, kind: "audio" as const, muted: false };
  socket.say({ frame: "event", event: { event: "call", call: "c1", happening } });
  expect(own.enabled).toBe(true);
  expect(socket.commands).toHaveLength(1);
  own.stop();
  expect(own.readyState).toBe("ended");
  expect(socket.commands.at(-1)?.command).toMatchObject({ command: "set_muted", muted: true });
});

test("a page with WebRTC gets a real track, and is told so", async () => {
  class RealTrack extends EventTarget {
    readyState = "live";
    #enabled = true;
    get enabled() {
      return this.#enabled;
    }
    set enabled(enabled: boolean) {
      this.#enabled = enabled;
    }
    stop() {
      this.readyState = "ended";
    }
  }
  const painted: number[] = [];
  vi.stubGlobal("MediaStreamTrack", RealTrack);
  vi.stubGlobal("ImageData", class {
    constructor(_: unknown, readonly width: number) {}
  });
  const real = new RealTrack();
  const canvas = HTMLCanvasElement.prototype as unknown as { captureStream?: () => unknown };
  canvas.captureStream = () => ({ getVideoTracks: () => [real] });
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue({ putImageData: (one: ImageData) => painted.push(one.width) } as never);
  try {
    const { socket, track: video, payload } = await track("video");
    expect(video).toBe(real);
    expect(video.source).toBe("native");
    await turn();
    const pictures = core.newest("/pictures");
    pictures.onopen?.();
    pictures.onmessage?.({ data: rgba(1, 8, 2) });
    await turn();
    expect(painted).toEqual([8]);
    expect(pictures.sent.at(-1)).toEqual({ frame: "drawn", number: 1 });
    const heard: string[] = [];
    video.addEventListener("ended", () => heard.push(video.readyState));
    socket.tell({ listener: "userTrackListener", payload: { ...payload, track: null } });
    expect(heard).toEqual(["ended"]);
    await turn();
    expect(pictures.closed).toBe(true);
  } finally {
    delete canvas.captureStream;
    vi.unstubAllGlobals();
  }
});

function rgba(number: number, width: number, height: number): ArrayBuffer {
  const bytes = new DataView(new ArrayBuffer(12 + width * height * 4));
  bytes.setUint32(0, number, true);
  bytes.setUint16(4, width, true);
  bytes.setUint16(6, height, true);
  bytes.setUint8(8, 1);
  return bytes.buffer;
}
