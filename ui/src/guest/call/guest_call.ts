// A guest's whole call: room, signaling, connections. One instance per joining.

import { type IceServer, MAY_SHARE, MAY_SHOW, MAY_SPEAK, type PeerMessage, Refused, type TalkRoom, type UserInRoom } from "../talk/api";
import { type Line, PolledLine } from "../talk/line";
import { SocketLine } from "../talk/socket_line";
import { IN_CALL, WITH_AUDIO, WITH_VIDEO, changes, hasStreams, offers } from "./mesh";
import { Peer, type PeerRole } from "./peer";
import { Screens } from "./screens";

export type GuestState = "joining" | "lobby" | "waiting" | "connecting" | "connected" | "ended";

/** The conversation lets the guest in, but nobody can call in it. */
export class Locked extends Error {}

/** Somebody else in the call. */
export interface Person {
  session: string;
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
  /** Whether it lets this guest be seen, and share a screen. */
  mayShow(camera: boolean, screen: boolean): void;
  /** A participant's sound; `null` when they left. */
  sound(session: string, stream: MediaStream | null): void;
  /** A participant's camera; `null` while it is off. */
  picture(session: string, stream: MediaStream | null): void;
  /** A participant's screen; `null` when it is shared no more. */
  screen(session: string, stream: MediaStream | null): void;
  /** Our own share began or ended. */
  sharing(on: boolean): void;
}

/** The lobby is looked at again after this long, in ms, should its opening not be heard of. */
const LOBBY_MS = 5000;
/** What a media server has not connected after this long, in ms, is asked for once more. */
const REPAIR_MS = 10_000;
/** How often that is looked at, in ms. */
const LOOK_MS = 2000;

export class GuestCall {
  private readonly peers = new Map<string, Peer>();
  /** Our own sound on its way to a media server. */
  private publisher: Peer | null = null;
  private line: Line | null = null;
  private iceServers: IceServer[] = [];
  private repair = 0;
  private ended = false;
  private consents = false;
  /** Seen in the call by the server. */
  private inCall = false;
  private muted = false;
  private maySpeak = true;
  private mayShow = false;
  private camera: MediaStreamTrack | null = null;
  private screens: Screens | null = null;
  /** Everybody else in the call. */
  private others: ReadonlySet<string> = new Set();
  /** Pictures that came, whether shown or not. */
  private readonly pictures = new Map<string, MediaStream>();
  private stirred = () => {};

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
    this.events.room(room.displayName);
    if (room.readOnly) throw new Locked();
    await this.room.setName(name);
    const { iceServers, external } = await this.room.signaling();
    this.iceServers = iceServers;
    this.allowSpeaking((room.permissions & MAY_SPEAK) !== 0);
    this.mayShow = (room.permissions & MAY_SHOW) !== 0;
    this.events.mayShow(this.mayShow, (room.permissions & MAY_SHARE) !== 0);
    const heard = {
      users: (users: UserInRoom[]) => this.follow(users),
      message: (message: PeerMessage) => this.receive(message),
      stirred: () => this.stirred(),
      renamed: () => this.dropAll(),
      over: () => this.finish(),
    };
    this.line = external
      ? await SocketLine.open(this.room, room.sessionId, external, heard)
      : new PolledLine(this.room, room.sessionId, heard);
    if (this.ended) return this.line.close();
    this.screens = new Screens(this.line, this.iceServers, this.events);
    if (this.line.publishes) this.repair = window.setInterval(() => this.mend(), LOOK_MS);
    await this.enter();
  }

  setMuted(muted: boolean): void {
    this.muted = muted;
    this.applyMute();
    for (const peer of this.peers.values()) peer.announceMuted(muted);
    this.publisher?.announceMuted(muted);
  }

  /** Sends a camera's picture, or none. The track is this call's from now on. */
  async show(camera: MediaStreamTrack | null): Promise<void> {
    this.camera?.stop();
    this.camera = camera;
    if (camera) camera.onended = () => void this.show(null);
    await Promise.all([...this.peers.values(), this.publisher].map((peer) => peer?.show(camera)));
    if (this.inCall) await this.room.changeFlags(this.flags()).catch(() => undefined);
  }

  /** Shares a screen, or none any more. */
  share(screen: MediaStreamTrack | null): void {
    if (screen) this.screens?.share(screen, this.others);
    else this.screens?.stop();
  }

  /** Leaves in the reverse order of joining. */
  async leave(): Promise<void> {
    if (this.ended) return;
    this.finish();
    await this.room.leaveCall().catch(() => undefined);
    await this.room.leave().catch(() => undefined);
  }

  /** Into the call, once the lobby is open. */
  private async enter(): Promise<void> {
    while (!this.ended) {
      try {
        await this.room.joinCall(this.flags(), this.consents);
        this.tellState();
        return;
      } catch (error) {
        if (!(error instanceof Refused) || error.status !== 412) throw error;
        this.events.state("lobby");
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, LOBBY_MS);
          this.stirred = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
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

  private flags(): number {
    return IN_CALL | (this.maySpeak ? WITH_AUDIO : 0) | (this.camera ? WITH_VIDEO : 0);
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

  private follow(users: UserInRoom[]): void {
    const line = this.line;
    if (this.ended || !line?.own) return;
    const own = users.find((user) => user.sessionId === line.own) ?? { sessionId: line.own, inCall: 0 };
    const { arrived, left } = changes(own, this.peers.keys(), users, line.publishes);
    for (const session of left) this.drop(session);
    for (const user of arrived) {
      const peer = this.open(user.sessionId, line.publishes ? "subscriber" : "both");
      if (line.publishes) peer.request();
      else if (offers(own, user)) void peer.offer();
    }
    // The server says what it lets us send; less than we asked for means that we may not speak any more.
    if (own.inCall !== 0 && this.maySpeak && !hasStreams(own.inCall)) this.allowSpeaking(false);
    const others = users.filter((user) => user.sessionId !== line.own && user.inCall !== 0);
    this.events.people(
      others.map((user) => ({
        session: user.sessionId,
        name: user.displayName,
        speaks: (user.inCall & WITH_AUDIO) !== 0,
      })),
    );
    this.others = new Set(own.inCall === 0 ? [] : others.map((user) => user.sessionId));
    this.screens?.follow(this.others);
    if (own.inCall !== 0) {
      this.inCall = true;
      if (line.publishes && hasStreams(own.inCall) && !this.publisher) this.publish(line);
      this.tellState();
    } else if (this.inCall) {
      this.inCall = false;
      this.unpublish();
      void this.comeBack();
    }
  }

  private async receive(message: PeerMessage): Promise<void> {
    const line = this.line;
    if (!line || !message.from) return;
    if (message.roomType === "screen") {
      // A screen of somebody who is not in the call is none.
      if (message.from === line.own || this.others.has(message.from)) await this.screens?.handle(message);
      return;
    }
    if (line.publishes) {
      const peer = message.from === line.own ? this.publisher : this.peers.get(message.from);
      // What fails is asked for again by and by.
      await peer?.handle(message).catch(() => undefined);
      return;
    }
    const known = this.peers.get(message.from);
    // An offer may overtake the list that says its sender is in the call.
    const peer = known ?? (message.type === "offer" ? this.open(message.from, "both") : undefined);
    await peer?.handle(message).catch(() => this.drop(message.from ?? ""));
  }

  private make(session: string, role: PeerRole): Peer {
    const sent = { sound: this.microphone, picture: this.camera, mayShow: this.mayShow };
    return new Peer(session, role, sent, this.iceServers, {
      send: (message) => this.line?.send(message),
      track: (track, stream) => {
        if (track.kind === "audio") return this.events.sound(session, stream);
        this.pictures.set(session, new MediaStream([track]));
        // The first picture may come before the word that the camera is on.
        track.onunmute = () => this.events.picture(session, this.pictures.get(session) ?? null);
        track.onmute = () => this.events.picture(session, null);
      },
      camera: (on) => this.events.picture(session, on ? (this.pictures.get(session) ?? null) : null),
      state: () => this.tellState(),
    });
  }

  private open(session: string, role: PeerRole): Peer {
    const peer = this.make(session, role);
    this.peers.set(session, peer);
    return peer;
  }

  private publish(line: Line): void {
    this.publisher = this.make(line.own, "publisher");
    void this.publisher.offer();
  }

  private unpublish(): void {
    this.publisher?.close();
    this.publisher = null;
  }

  /** A media server answers nothing to what it could not do yet. */
  private mend(): void {
    const line = this.line;
    if (!line?.own || !this.inCall) return;
    const isStuck = (peer: Peer) => peer.state !== "connected" && Date.now() - peer.since >= REPAIR_MS;
    if (this.publisher && isStuck(this.publisher)) {
      this.unpublish();
      this.publish(line);
    }
    for (const [session, peer] of [...this.peers]) {
      if (!isStuck(peer)) continue;
      peer.close();
      this.open(session, "subscriber").request();
    }
  }

  private drop(session: string): void {
    this.peers.get(session)?.close();
    if (!this.peers.delete(session)) return;
    this.pictures.delete(session);
    this.events.sound(session, null);
    this.events.picture(session, null);
  }

  private dropAll(): void {
    for (const session of [...this.peers.keys()]) this.drop(session);
    this.unpublish();
  }

  private tellState(): void {
    if (this.ended) return;
    const states = [...this.peers.values()].map((peer) => peer.state);
    if (states.length === 0) this.events.state("waiting");
    else this.events.state(states.includes("connected") ? "connected" : "connecting");
  }

  private finish(): void {
    if (this.ended) return;
    this.ended = true;
    this.stirred();
    window.clearInterval(this.repair);
    this.screens?.close();
    this.dropAll();
    this.line?.close();
    this.camera?.stop();
    for (const track of this.microphone.getTracks()) track.stop();
    this.events.state("ended");
  }
}
