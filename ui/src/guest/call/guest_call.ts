// A guest's whole call: room, signaling, mesh. One instance per joining.

import { type IceServer, MAY_SPEAK, type PeerMessage, Refused, TalkRoom, type UserInRoom } from "../talk/api";
import { IN_CALL, WITH_AUDIO, changes, offers } from "./mesh";
import { Peer } from "./peer";

export type GuestState = "joining" | "lobby" | "waiting" | "connecting" | "connected" | "ended";

/** Why a conversation that lets the guest in has no call for this page. */
export class NoCall extends Error {
  constructor(readonly reason: "locked" | "external-signaling") {
    super(reason);
  }
}

/** Somebody else in the call. */
export interface Person {
  name: string;
  speaks: boolean;
}

export interface GuestEvents {
  state(state: GuestState): void;
  room(name: string): void;
  /** Everybody else in the call. */
  people(people: Person[]): void;
  /** Whether the conversation lets this guest be heard. */
  maySpeak(may: boolean): void;
  /** A participant's sound; `null` when they left. */
  sound(session: string, stream: MediaStream | null): void;
}

/** Pauses between tries when the server does not answer, in ms. */
const RETRY_MS = [1000, 2000, 4000, 8000];
/** The lobby is looked at again after this long, in ms, should its opening not be heard of. */
const LOBBY_MS = 5000;

export class GuestCall {
  private readonly peers = new Map<string, Peer>();
  private readonly aborter = new AbortController();
  private iceServers: IceServer[] = [];
  private session = "";
  private consents = false;
  /** Seen in the call by the server. */
  private inCall = false;
  private muted = false;
  private maySpeak = true;
  private changed = () => {};
  private ended = false;
  private queue: PeerMessage[] = [];
  private sending = false;

  constructor(
    private readonly room: TalkRoom,
    private readonly microphone: MediaStream,
    private readonly events: GuestEvents,
  ) {}

  /** Room, then signaling, then the call: in any other order the first in-call event is lost. */
  async join(name: string, password: string, consents: boolean): Promise<void> {
    this.events.state("joining");
    this.consents = consents;
    const room = await this.room.join(password);
    this.session = room.sessionId;
    this.events.room(room.displayName);
    if (room.readOnly) throw new NoCall("locked");
    const [signaling] = await Promise.all([this.room.signaling(), this.room.setName(name)]);
    if (!signaling.internal) throw new NoCall("external-signaling");
    this.iceServers = signaling.iceServers;
    this.allowSpeaking((room.permissions & MAY_SPEAK) !== 0);
    void this.listen();
    await this.enter();
  }

  /** Into the call, once the lobby is open. */
  private async enter(): Promise<void> {
    while (!this.ended) {
      try {
        await this.room.joinCall(this.maySpeak ? IN_CALL | WITH_AUDIO : IN_CALL, this.consents);
        this.tellState();
        return;
      } catch (error) {
        if (!(error instanceof Refused) || error.status !== 412) throw error;
        this.events.state("lobby");
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, LOBBY_MS);
          this.changed = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
    }
  }

  /** A microphone that may not be heard sends silence, whatever the mute button says. */
  private allowSpeaking(may: boolean): void {
    this.maySpeak = may;
    this.applyMute();
    this.events.maySpeak(may);
  }

  private applyMute(): void {
    for (const track of this.microphone.getAudioTracks()) track.enabled = this.maySpeak && !this.muted;
  }

  setMuted(muted: boolean): void {
    this.muted = muted;
    this.applyMute();
    for (const peer of this.peers.values()) peer.announceMuted(muted);
  }

  /** Leaves in the reverse order of joining. */
  async leave(): Promise<void> {
    if (this.ended) return;
    this.finish();
    await this.room.leaveCall().catch(() => undefined);
    await this.room.leave().catch(() => undefined);
  }

  private async listen(): Promise<void> {
    let failures = 0;
    while (!this.ended) {
      try {
        for (const item of await this.room.pull(this.aborter.signal)) {
          if (item.type === "message") await this.receive(item.message);
          else this.follow(item.users);
        }
        failures = 0;
        this.changed();
      } catch (error) {
        if (this.ended) return;
        // 404: removed or the room is gone. 409: joined from elsewhere. Neither comes back by trying.
        if (error instanceof Refused && (error.status === 404 || error.status === 409)) return this.finish();
        const pause = RETRY_MS[Math.min(failures, RETRY_MS.length - 1)] ?? 8000;
        failures += 1;
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
  }

  private follow(users: UserInRoom[]): void {
    const own = users.find((user) => user.sessionId === this.session) ?? { sessionId: this.session, inCall: 0 };
    const { arrived, left } = changes(own, this.peers.keys(), users);
    for (const session of left) this.drop(session);
    for (const user of arrived) {
      const peer = this.open(user.sessionId);
      if (offers(own, user)) void peer.offer();
    }
    // The server says what it lets us send; less than we asked for means that we may not speak any more.
    if (own.inCall !== 0 && this.maySpeak && (own.inCall & WITH_AUDIO) === 0) this.allowSpeaking(false);
    const others = users.filter((user) => user.sessionId !== this.session && user.inCall !== 0);
    this.events.people(others.map((user) => ({ name: user.displayName, speaks: (user.inCall & WITH_AUDIO) !== 0 })));
    if (own.inCall !== 0) {
      this.inCall = true;
      this.tellState();
    } else if (this.inCall) {
      this.inCall = false;
      void this.comeBack();
    }
  }

  /** Out of the call without having left it: the lobby was opened, or the call is over for everybody. */
  private async comeBack(): Promise<void> {
    try {
      if (await this.room.hasLobby()) return await this.enter();
    } catch {
      // Nothing to come back to.
    }
    await this.leave();
  }

  private async receive(message: PeerMessage): Promise<void> {
    if (!message.from || message.roomType !== "video") return;
    const known = this.peers.get(message.from);
    // An offer may overtake the list that says its sender is in the call.
    const peer = known ?? (message.type === "offer" ? this.open(message.from) : undefined);
    await peer?.handle(message).catch(() => this.drop(message.from ?? ""));
  }

  private open(session: string): Peer {
    const peer = new Peer(session, this.microphone, this.iceServers, {
      send: (message) => this.send(message),
      stream: (stream) => this.events.sound(session, stream),
      state: () => this.tellState(),
    });
    this.peers.set(session, peer);
    return peer;
  }

  private drop(session: string): void {
    this.peers.get(session)?.close();
    if (this.peers.delete(session)) this.events.sound(session, null);
    this.tellState();
  }

  /** Keeps the order and takes along what queued up while a request was under way. */
  private send(message: PeerMessage): void {
    this.queue.push(message);
    if (!this.sending) void this.drain();
  }

  private async drain(): Promise<void> {
    this.sending = true;
    while (this.queue.length > 0) {
      await this.room.send(this.session, this.queue.splice(0)).catch(() => undefined);
    }
    this.sending = false;
  }

  private tellState(): void {
    if (this.ended) return;
    const states = [...this.peers.values()].map((peer) => peer.state);
    if (states.length === 0) this.events.state("waiting");
    else this.events.state(states.includes("connected") ? "connected" : "connecting");
  }

  private finish(): void {
    this.ended = true;
    this.changed();
    this.aborter.abort();
    for (const session of [...this.peers.keys()]) this.drop(session);
    for (const track of this.microphone.getTracks()) track.stop();
    this.events.state("ended");
  }
}
