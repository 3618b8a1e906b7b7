// Shared screens: one connection each, apart from the people's, one way, offered by whoever shares.

import type { IceServer, PeerMessage } from "../talk/api";
import type { Line } from "../talk/line";
import { Peer, type PeerRole, type Sent } from "./peer";

/** Screens received at once at the most. */
const MAX_SCREENS = 8;

export interface ScreenEvents {
  /** Somebody's screen; `null` when it is shared no more. */
  screen(session: string, stream: MediaStream | null): void;
  /** Our own share began or ended. */
  sharing(on: boolean): void;
}

const NOTHING: Sent = { sound: null, picture: null, mayShow: false };

export class Screens {
  private readonly received = new Map<string, Peer>();
  private readonly sent = new Map<string, Peer>();
  private shared: MediaStreamTrack | null = null;

  constructor(
    private readonly line: Line,
    private readonly iceServers: IceServer[],
    private readonly events: ScreenEvents,
  ) {}

  /** Who is in the call: newcomers get our screen too, and the screens of those who left go with them. */
  follow(inCall: ReadonlySet<string>): void {
    for (const session of [...this.received.keys()]) {
      if (!inCall.has(session)) this.drop(session);
    }
    if (!this.shared) return;
    if (this.line.publishes) {
      for (const session of inCall) this.pass(session);
      return;
    }
    for (const [session, peer] of [...this.sent]) {
      if (inCall.has(session)) continue;
      peer.close();
      this.sent.delete(session);
    }
    for (const session of inCall) {
      if (!this.sent.has(session)) this.offerTo(session);
    }
  }

  /** Shares what the person chose in the browser's own dialog. */
  share(track: MediaStreamTrack, inCall: ReadonlySet<string>): void {
    this.stop();
    this.shared = track;
    // The browser has a button of its own.
    track.onended = () => this.stop();
    if (this.line.publishes) this.offerTo(this.line.own);
    this.follow(inCall);
    this.events.sharing(true);
  }

  /** Shares nothing any more, and says so to everyone. */
  stop(): void {
    if (!this.shared) return;
    this.shared.onended = null;
    this.shared.stop();
    this.shared = null;
    for (const [session, peer] of this.sent) {
      if (!this.line.publishes) this.line.send({ to: session, type: "unshareScreen", roomType: "screen" });
      peer.close();
    }
    if (this.line.publishes) this.line.sendToRoom({ type: "unshareScreen", roomType: "screen" });
    this.sent.clear();
    this.passed.clear();
    this.events.sharing(false);
  }

  async handle(message: PeerMessage): Promise<void> {
    const from = message.from ?? "";
    if (message.type === "unshareScreen") return this.drop(from);
    // From a media server, what concerns our own screen comes in our own name.
    const ours = this.line.publishes ? from === this.line.own : message.broadcaster === this.line.own;
    if (ours) {
      await this.sent.get(from)?.handle(message).catch(() => undefined);
      return;
    }
    if (message.type === "offer") {
      this.drop(from);
      if (this.received.size >= MAX_SCREENS) return;
      this.received.set(from, this.make(from, "subscriber", NOTHING, message.broadcaster ?? from));
    }
    await this.received.get(from)?.handle(message).catch(() => this.drop(from));
  }

  close(): void {
    this.stop();
    for (const session of [...this.received.keys()]) this.drop(session);
  }

  private readonly passed = new Set<string>();

  /** Has the media server offer our screen to somebody, once. */
  private pass(session: string): void {
    if (this.passed.has(session)) return;
    this.passed.add(session);
    this.line.send({ to: session, type: "sendoffer", roomType: "screen" });
  }

  private offerTo(session: string): void {
    const sent: Sent = { sound: null, picture: this.shared, mayShow: true };
    const peer = this.make(session, "publisher", sent, this.line.own);
    this.sent.set(session, peer);
    void peer.offer();
  }

  private make(session: string, role: PeerRole, sent: Sent, broadcaster: string): Peer {
    const events = {
      send: (message: PeerMessage) => this.line.send(message),
      track: (track: MediaStreamTrack, stream: MediaStream) => {
        if (track.kind === "video" && role === "subscriber") this.events.screen(session, stream);
      },
      camera: () => {},
      state: () => {},
    };
    return new Peer(session, role, sent, this.iceServers, events, "screen", broadcaster);
  }

  private drop(session: string): void {
    this.received.get(session)?.close();
    if (this.received.delete(session)) this.events.screen(session, null);
  }
}
