// One browser peer connection to one other session: a person, or somebody's screen.

import type { IceServer, PeerMessage } from "../talk/api";

export interface PeerEvents {
  /** Sends a message to this peer. */
  send(message: PeerMessage): void;
  /** Its sound or its picture arrived. */
  track(track: MediaStreamTrack, stream: MediaStream): void;
  /** It says that its camera is on, or off. */
  camera(on: boolean): void;
  /** Its connection changed; see `Peer.state`. */
  state(): void;
}

/** With another person both ways; or with a media server, that takes what we send or brings what another sends. A screen
 * goes one way always. */
export type PeerRole = "both" | "publisher" | "subscriber";

/** What this page sends. */
export interface Sent {
  /** The microphone; `null` for a screen. */
  sound: MediaStream | null;
  /** The camera or screen, while it is on. */
  picture: MediaStreamTrack | null;
  /** Whether the conversation lets us be seen: a media server asks for the permission of every kind that is named,
   * used or not. */
  mayShow: boolean;
}

/** Candidates kept until there is a description to add them to. */
const MAX_EARLY_CANDIDATES = 64;

export class Peer {
  /** When it was made, in ms as `Date.now` counts. */
  readonly since = Date.now();
  private readonly connection: RTCPeerConnection;
  private channel: RTCDataChannel | null = null;
  private sid = "";
  private early: RTCIceCandidateInit[] = [];

  constructor(
    private readonly session: string,
    private readonly role: PeerRole,
    private readonly sent: Sent,
    iceServers: IceServer[],
    private readonly events: PeerEvents,
    private readonly roomType: PeerMessage["roomType"] = "video",
    /** Of a screen: whose. */
    private readonly broadcaster?: string,
  ) {
    this.connection = new RTCPeerConnection({ iceServers });
    this.connection.onicecandidate = ({ candidate }) => {
      if (candidate) this.send("candidate", { candidate: candidate.toJSON() });
    };
    this.connection.ontrack = ({ track, streams }) => events.track(track, streams[0] ?? new MediaStream([track]));
    this.connection.onconnectionstatechange = () => {
      if (this.connection.connectionState === "connected") this.tellCamera();
      events.state();
    };
    this.connection.ondatachannel = ({ channel }) => this.use(channel);
  }

  get state(): RTCPeerConnectionState {
    return this.connection.connectionState;
  }

  /** Asks a media server for its offer. */
  request(): void {
    this.send("requestoffer", undefined);
  }

  /** Offers to send, and to receive from a person. The data channel has to be part of the first offer. */
  async offer(): Promise<void> {
    this.sid = Date.now().toString();
    this.addSound();
    if (this.roomType === "video") this.use(this.connection.createDataChannel("status"));
    if (this.sent.mayShow) {
      const direction = this.role === "both" && this.roomType === "video" ? "sendrecv" : "sendonly";
      this.connection.addTransceiver(this.sent.picture ?? "video", { direction, streams: this.streams() });
    } else if (this.role === "both") {
      this.connection.addTransceiver("video", { direction: "recvonly" });
    }
    await this.connection.setLocalDescription();
    this.sendDescription();
  }

  async handle(message: PeerMessage): Promise<void> {
    const payload = (message.payload ?? {}) as { sdp?: unknown; candidate?: RTCIceCandidateInit; name?: unknown };
    switch (message.type) {
      case "offer":
        this.sid = message.sid ?? "";
        await this.connection.setRemoteDescription({ type: "offer", sdp: String(payload.sdp ?? "") });
        if (this.role === "both" && this.roomType === "video") this.answerBothWays();
        await this.connection.setLocalDescription();
        this.sendDescription();
        await this.addEarlyCandidates();
        break;
      case "answer":
        if (message.sid !== this.sid || this.connection.signalingState !== "have-local-offer") break;
        await this.connection.setRemoteDescription({ type: "answer", sdp: String(payload.sdp ?? "") });
        await this.addEarlyCandidates();
        break;
      case "candidate":
        if (payload.candidate) await this.addCandidate(payload.candidate);
        break;
      case "mute":
      case "unmute":
        if (payload.name === "video") this.events.camera(message.type === "unmute");
        break;
    }
  }

  /** Tells the other side over the data channel; the signaling message goes along with it. */
  announceMuted(muted: boolean): void {
    this.say(muted ? "audioOff" : "audioOn");
    this.send(muted ? "mute" : "unmute", { name: "audio" });
  }

  /** Sends another picture, or none; nothing has to be negotiated for that. */
  async show(picture: MediaStreamTrack | null): Promise<void> {
    this.sent.picture = picture;
    await this.pictureSender()?.replaceTrack(picture);
    this.tellCamera();
  }

  close(): void {
    this.connection.close();
  }

  private tellCamera(): void {
    if (this.roomType === "screen" || this.role === "subscriber") return;
    const on = this.sent.picture !== null;
    this.say(on ? "videoOn" : "videoOff");
    this.send(on ? "unmute" : "mute", { name: "video" });
  }

  private say(type: string): void {
    if (this.channel?.readyState === "open") this.channel.send(JSON.stringify({ type }));
  }

  private use(channel: RTCDataChannel): void {
    this.channel = channel;
    channel.onopen = () => this.tellCamera();
    channel.onmessage = ({ data }) => {
      if (typeof data !== "string" || data.length > 16_384) return;
      try {
        const said = JSON.parse(data) as { type?: unknown } | null;
        if (said?.type === "videoOn" || said?.type === "videoOff") this.events.camera(said.type === "videoOn");
      } catch {
        // Somebody else's words.
      }
    };
  }

  /** Takes up the sections of an offer, so that our own media have a way as well. */
  private answerBothWays(): void {
    this.addSound();
    const video = this.connection.getTransceivers().find((one) => one.receiver.track.kind === "video");
    if (!video || !this.sent.mayShow) return;
    video.direction = "sendrecv";
    video.sender.setStreams?.(...this.streams());
    void video.sender.replaceTrack(this.sent.picture);
  }

  private pictureSender(): RTCRtpSender | undefined {
    const video = this.connection.getTransceivers().find((one) => one.receiver.track.kind === "video");
    return this.sent.mayShow ? video?.sender : undefined;
  }

  private streams(): MediaStream[] {
    return this.sent.sound ? [this.sent.sound] : [];
  }

  private addSound(): void {
    const { sound } = this.sent;
    if (!sound || this.connection.getSenders().some((sender) => sender.track?.kind === "audio")) return;
    for (const track of sound.getAudioTracks()) {
      // A track that is added takes up the section of an offer that is being answered; a transceiver would not.
      if (this.role === "both") this.connection.addTrack(track, sound);
      else this.connection.addTransceiver(track, { direction: "sendonly", streams: [sound] });
    }
  }

  private sendDescription(): void {
    const description = this.connection.localDescription;
    if (description) this.send(description.type, { type: description.type, sdp: description.sdp });
  }

  private async addCandidate(candidate: RTCIceCandidateInit): Promise<void> {
    if (!this.connection.remoteDescription) {
      if (this.early.length < MAX_EARLY_CANDIDATES) this.early.push(candidate);
      return;
    }
    // A candidate that cannot be used (an mDNS name, an unknown section) must not end the call.
    await this.connection.addIceCandidate(candidate).catch(() => undefined);
  }

  private async addEarlyCandidates(): Promise<void> {
    for (const candidate of this.early.splice(0)) await this.addCandidate(candidate);
  }

  private send(type: string, payload: unknown): void {
    const sid = this.sid === "" ? {} : { sid: this.sid };
    const broadcaster = this.broadcaster === undefined ? {} : { broadcaster: this.broadcaster };
    this.events.send({ to: this.session, type, roomType: this.roomType, ...sid, ...broadcaster, payload });
  }
}
