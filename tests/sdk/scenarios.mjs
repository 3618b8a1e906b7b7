// Scenarios of the packed `bellbird-sdk` in Node against real cores. The first argument names one; who takes part, and
// where their core's data folder is, is in PEOPLE. Ends with 0 when all came as it should.

import assert from "node:assert/strict";

import { BellbirdSdk, userJid } from "bellbird-sdk";
import { doorOf, readDoor } from "bellbird-sdk/node";

/** Only fails what would hang. */
const PATIENCE_MS = 60_000;

const SERVER = process.env.SERVER;
const FOLDERS = JSON.parse(process.env.PEOPLE);
const jid = (name) => userJid(name, SERVER);

/** Somebody with a core, who writes down what they hear. */
class Person {
  constructor(name) {
    this.name = name;
    this.sdk = new BellbirdSdk();
    this.heard = [];
    this.waiting = new Set();
  }

  async arrive(with_ = {}) {
    const names = ["connection", "incomingCall", "callStatus", "userTrack", "muteStatus", "missedCall", "callSwitch", "mediaError"];
    const note = (name) => (payload) => {
      this.heard.push([name, payload]);
      for (const wake of [...this.waiting]) wake();
    };
    const callbackListeners = Object.fromEntries(names.map((name) => [`${name}Listener`, note(name)]));
    ok(await this.sdk.initializeSDK({ door: doorOf(FOLDERS[this.name]), callbackListeners, ...with_ }));
    ok(await this.sdk.connect());
    return this;
  }

  /** Waits until something heard fits, however long ago. */
  until(name, fits = () => true, since = 0) {
    const look = () => this.heard.slice(since).find(([one, payload]) => one === name && fits(payload))?.[1];
    return new Promise((resolve, reject) => {
      const give = (payload) => {
        clearTimeout(timer);
        this.waiting.delete(wake);
        resolve(payload);
      };
      const wake = () => {
        const found = look();
        if (found) give(found);
      };
      const timer = setTimeout(() => {
        reject(new Error(`${this.name} waited in vain for ${name} ${fits}; heard ${JSON.stringify(this.story(), null, 1)}`));
      }, PATIENCE_MS);
      this.waiting.add(wake);
      wake();
    });
  }

  /** Waits until something holds, which is looked at whenever the core tells anything. */
  told(holds, what) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${this.name} waited in vain for ${what}`)), PATIENCE_MS);
      const stop = this.sdk.listen(() => {
        if (!holds()) return;
        clearTimeout(timer);
        queueMicrotask(() => stop());
        resolve();
      });
    });
  }

  status(status, since = 0) {
    return this.until("callStatus", (payload) => payload.status === status, since);
  }
  closed(since = 0) {
    return this.until("callStatus", (payload) => payload.sessionStatus === "closed", since);
  }

  /** Statuses in order, without repetitions and without changes of others alone. */
  statuses(since = 0) {
    const all = this.heard.slice(since).flatMap(([name, payload]) => (name === "callStatus" && payload.status !== "userstatus" ? [payload.status] : []));
    return all.filter((status, at) => status !== all[at - 1]);
  }
  get ends() {
    return this.heard.filter(([name, payload]) => name === "callStatus" && payload.sessionStatus === "closed").length;
  }
  story() {
    return this.heard.map(([name, { track, usersStatus: _, ...payload }]) => [name, track ? { ...payload, track: track.id } : payload]);
  }
}

function ok(result) {
  assert.equal(result.statusCode, 200, JSON.stringify(result));
  return result;
}

/** Both connected, by voice or with cameras. */
async function inCall(video = false) {
  const [alice, bob] = await Promise.all([new Person("alice").arrive(), new Person("bob").arrive()]);
  const made = ok(await (video ? alice.sdk.makeVideoCall([jid("bob")]) : alice.sdk.makeVoiceCall([jid("bob")])));
  const incoming = await bob.until("incomingCall");
  // Whoever answers at once is faster than the word that it rings.
  await alice.status("ringing");
  ok(await bob.sdk.answerCall());
  await Promise.all([alice.status("connected"), bob.status("connected")]);
  return { alice, bob, made, incoming };
}

const SCENARIOS = {
  async answered() {
    const { alice, bob, made, incoming } = await inCall();
    assert.equal(made.callType, "audio");
    assert.ok(made.roomId);
    // In a call of two, `from` is the callee and `to` the one who calls.
    const { from, to, userJid: caller, callMode, callType, groupId, status, localUser, roomId, toUsers, allUsers } = incoming;
    assert.deepEqual(
      { from, to, caller, callMode, callType, groupId, status, localUser, toUsers },
      {
        from: jid("bob"),
        to: jid("alice"),
        caller: jid("alice"),
        callMode: "onetoone",
        callType: "audio",
        groupId: null,
        status: "ringing",
        localUser: false,
        toUsers: [jid("bob")],
      },
    );
    assert.deepEqual([...allUsers].sort(), [jid("alice"), jid("bob")]);
    const info = ok(await alice.sdk.getCallInfo());
    assert.equal(info.roomId, roomId);
    assert.equal(info.callInfo.callMode, "onetoone");

    // A second call is refused, and tells nothing.
    const before = alice.heard.length;
    assert.equal((await alice.sdk.makeVoiceCall([jid("carol")])).statusCode, 400);
    assert.equal((await bob.sdk.answerCall()).statusCode, 400);
    assert.deepEqual(alice.heard.slice(before).filter(([name]) => name === "callStatus"), []);

    // Sound is the core's; its track says how loud it is.
    const { track } = await bob.until("userTrack", (one) => one.track && !one.localUser && one.trackType === "audio");
    assert.deepEqual([track.kind, track.source, track.readyState, track.label], ["audio", "core", "live", jid("alice")]);
    await bob.told(() => track.level > -60, "alice to be heard");
    const own = await bob.until("userTrack", (one) => one.track && one.localUser && one.trackType === "audio");
    assert.equal(own.userJid, jid("bob"));

    ok(await alice.sdk.muteAudio(true));
    const muted = await bob.until("muteStatus", (one) => one.isMuted && !one.localUser);
    assert.deepEqual(muted, { userJid: jid("alice"), localUser: false, trackType: "audio", isMuted: true });
    await alice.until("muteStatus", (one) => one.isMuted && one.localUser);
    assert.equal(track.muted, true);

    let ended = 0;
    track.onended = () => (ended += 1);
    ok(await alice.sdk.endCall());
    await Promise.all([alice.closed(), bob.closed()]);
    await bob.until("userTrack", (one) => one.track === null && !one.localUser);
    assert.deepEqual([track.readyState, ended], ["ended", 1]);
    assert.deepEqual(alice.statuses(), ["calling", "ringing", "connecting", "connected", "ended"]);
    assert.deepEqual(bob.statuses(), ["connecting", "connected", "ended"]);
    assert.equal((await alice.sdk.endCall()).statusCode, 400);
    assert.equal((await alice.sdk.muteAudio(true)).statusCode, 400);
    assert.deepEqual([alice.ends, bob.ends], [1, 1]);
  },

  async declined() {
    const [alice, bob] = await Promise.all([new Person("alice").arrive(), new Person("bob").arrive()]);
    ok(await alice.sdk.makeVoiceCall([jid("bob")]));
    await Promise.all([bob.until("incomingCall"), alice.status("ringing")]);
    ok(await bob.sdk.declineCall());
    const last = await alice.closed();
    assert.deepEqual([last.status, last.userJid, last.localUser], ["busy", jid("bob"), false]);
    assert.deepEqual(alice.statuses(), ["calling", "ringing", "busy"]);
    await bob.closed();
    assert.deepEqual([alice.ends, bob.ends], [1, 1]);

    // Words and numbers for what cannot be.
    for (const [users, statusCode] of [[["nobody"], 400], [[], 400], [["carol@elsewhere.example"], 404], [[jid("nobody-here")], 404]]) {
      const result = await alice.sdk.makeVoiceCall(users);
      assert.equal(result.statusCode, statusCode, `${users}: ${JSON.stringify(result)}`);
      assert.ok(result.message.length > 3);
    }
    assert.equal(alice.ends, 1);
  },

  async given_up() {
    const [alice, bob] = await Promise.all([new Person("alice").arrive(), new Person("bob").arrive()]);
    ok(await alice.sdk.makeVoiceCall([jid("bob")]));
    await Promise.all([bob.until("incomingCall"), alice.status("ringing")]);
    ok(await alice.sdk.endCall());
    await alice.closed();
    const missed = await bob.until("missedCall");
    assert.deepEqual([missed.callMode, missed.userJid, missed.from], ["onetoone", jid("alice"), jid("bob")]);
    await bob.closed();
    assert.deepEqual([alice.ends, bob.ends], [1, 1]);
  },

  async pictures() {
    const { alice, bob } = await inCall(true);
    ok(await bob.sdk.muteVideo(false));
    const { track } = await alice.until("userTrack", (one) => one.track && !one.localUser && one.trackType === "video");
    assert.deepEqual([track.kind, track.source, track.trackType], ["video", "frames", "video"]);
    let seen = 0;
    for await (const { width, height, layout, data } of track.frames()) {
      assert.equal(layout, "i420");
      assert.equal(data.length, (width * height * 3) / 2);
      // A test picture is not of one grey.
      assert.ok(new Set(data.subarray(0, width * height)).size > 8);
      seen += 1;
      if (seen === 10) break;
    }
    assert.ok(track.getSettings().width > 0);
    // As a callback, from our own camera.
    const own = await alice.until("userTrack", (one) => one.track && one.localUser && one.trackType === "video");
    await new Promise((resolve) => (own.track.onframe = resolve));
    own.track.onframe = null;
    ok(await bob.sdk.endCall());
    await Promise.all([alice.closed(), bob.closed()]);
    assert.deepEqual([track.readyState, own.track.readyState], ["ended", "ended"]);
  },

  async switching() {
    const { alice, bob } = await inCall();
    ok(await alice.sdk.requestVideoCallSwitch());
    assert.deepEqual(await bob.until("callSwitch"), { status: "request", userJid: jid("alice") });
    ok(await bob.sdk.declineVideoCallSwitchRequest());
    assert.deepEqual(await alice.until("callSwitch"), { status: "decline", userJid: jid("bob") });
    assert.equal((await alice.sdk.getCallInfo()).callInfo.callType, "audio");

    const [atAlice, atBob] = [alice.heard.length, bob.heard.length];
    ok(await bob.sdk.requestVideoCallSwitch());
    await alice.until("callSwitch", (one) => one.status === "request", atAlice);
    ok(await alice.sdk.acceptVideoCallSwitchRequest());
    await bob.until("callSwitch", (one) => one.status === "accept", atBob);
    await Promise.all(
      [alice, bob].map((one) => one.until("userTrack", ({ track, localUser, trackType }) => track && !localUser && trackType === "video")),
    );
    assert.equal((await bob.sdk.getCallInfo()).callInfo.callType, "video");
    ok(await alice.sdk.endCall());
    await Promise.all([alice.closed(), bob.closed()]);
  },

  async several() {
    const [alice, bob, carol] = await Promise.all(["alice", "bob", "carol"].map((name) => new Person(name).arrive()));
    ok(await alice.sdk.makeVoiceCall([jid("bob"), jid("carol")]));
    const [atBob, atCarol] = await Promise.all([bob.until("incomingCall"), carol.until("incomingCall")]);
    assert.equal(atBob.callMode, "onetomany");
    // In a call of several, `from` is the one who calls and `to` the conversation.
    assert.deepEqual([atBob.from, atBob.userJid, atBob.to], [jid("alice"), jid("alice"), atBob.groupId]);
    assert.match(atBob.groupId, /@mix\./);
    assert.equal(atCarol.groupId, atBob.groupId);
    ok(await bob.sdk.answerCall());
    ok(await carol.sdk.answerCall());
    for (const one of [alice, bob, carol]) await one.status("connected");
    await alice.until("userTrack", (one) => one.track && one.userJid === jid("carol"));
    ok(await carol.sdk.endCall());
    const left = await alice.until("callStatus", (one) => one.userJid === jid("carol") && one.status === "ended");
    assert.equal(left.sessionStatus, null);
    assert.deepEqual([alice.ends, bob.ends], [0, 0]);
    ok(await alice.sdk.endCall());
    ok(await bob.sdk.endCall());
    await Promise.all([alice, bob, carol].map((one) => one.closed()));
    assert.deepEqual([alice.ends, bob.ends, carol.ends], [1, 1, 1]);
  },

  /** The core of one of two is killed and started anew; this program lives on. */
  async killed() {
    const { alice, bob } = await inCall();
    const asked = alice.until("connection", (one) => one.status === "DISCONNECTED");
    console.log("kill");
    await asked;
    const refused = await alice.sdk.muteAudio(true);
    assert.equal(refused.statusCode, 503);
    assert.match(refused.message, /core/);
    await alice.until("connection", (one) => one.status === "CONNECTED", alice.heard.findIndex(([, payload]) => payload.status === "DISCONNECTED"));
    const last = await alice.closed();
    assert.deepEqual([last.status, last.localUser, last.userJid], ["disconnected", true, jid("alice")]);
    await bob.closed();
    assert.deepEqual([alice.ends, bob.ends], [1, 1]);
  },

  async tokens() {
    const alice = await new Person("alice").arrive();
    const { program, token } = ok(await alice.sdk.addProgram("Scenario"));
    const { url } = await readDoor(FOLDERS.alice);
    const guest = new BellbirdSdk();
    const heard = [];
    ok(await guest.initializeSDK({ door: { url, token }, callbackListeners: { connectionListener: ({ status }) => heard.push(status) } }));
    ok(await guest.connect());
    ok(await guest.searchContacts("bob"));
    // What is the person's alone is refused, as a value.
    assert.deepEqual([(await guest.signOut("a1")).statusCode, (await guest.quit()).statusCode], [403, 403]);
    const gone = new Promise((resolve) => guest.on("connectionListener", ({ status }) => status === "AUTHENTICATIONFAILED" && resolve()));
    ok(await alice.sdk.revokeProgram(program.id));
    await gone;
    assert.deepEqual(heard, ["CONNECTED", "DISCONNECTED", "AUTHENTICATIONFAILED"]);
    const stranger = new BellbirdSdk();
    ok(await stranger.initializeSDK({ apiBaseUrl: url }));
    assert.equal((await stranger.connect({ password: "wrong" })).statusCode, 401);
  },
};

await SCENARIOS[process.argv[2]]();
console.log("done");
// What is still connected would keep Node alive.
process.exit(0);
