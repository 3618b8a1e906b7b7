// One browser peer connection to one other session.

import type { IceServer, PeerMessage } from "../talk/api";

export interface PeerEvents {
  /** Sends a message to this peer. */
  send(message: PeerMessage): void;
  /** Its sound arrived. */
  stream(stream: MediaStream): void;
  /** Its connection changed; see `Peer.state`. */
  state(): void;
}

/** With another person both ways; or with a media server, that takes our sound or brings another's. */
export type PeerRole = "both" | "publisher" | "subscriber";

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
    private readonly microphone: MediaStream,
    iceServers: IceServer[],
    private readonly events: PeerEvents,
  ) {
    this.connection = new RTCPeerConnection({ iceServers });
    this.connection.onicecandidate = ({ candidate }) => {
      if (candidate) this.send("candidate", { candidate: candidate.toJSON() });
    };
    this.connection.ontrack = ({ track, streams }) => events.stream(streams[0] ?? new MediaStream([track]));
    this.connection.onconnectionstatechange = () => events.state();
    this.connection.ondatachannel = ({ channel }) => (this.channel = channel);
  }

  get state(): RTCPeerConnectionState {
    return this.connection.connectionState;
  }

  /** Asks a media server for its offer. */
  request(): void {
    this.send("requestoffer", undefined);
  }

  /** Offers sound both ways, or to a media server ours alone. The data channel has to be part of the first offer. */
  async offer(): Promise<void> {
    this.sid = Date.now().toString();
    this.addMicrophone();
    this.channel = this.connection.createDataChannel("status");
    // A media server asks for the permission of every kind that is named, used or not.
    if (this.role === "both") this.connection.addTransceiver("video", { direction: "recvonly" });
    await this.connection.setLocalDescription();
    this.sendDescription();
  }

  async handle(message: PeerMessage): Promise<void> {
    const payload = (message.payload ?? {}) as { sdp?: unknown; candidate?: RTCIceCandidateInit };
    switch (message.type) {
      case "offer":
        this.sid = message.sid ?? "";
        await this.connection.setRemoteDescription({ type: "offer", sdp: String(payload.sdp ?? "") });
        if (this.role === "both") this.addMicrophone();
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
    }
  }

  /** Tells the other side over the data channel; the signaling message goes along with it. */
  announceMuted(muted: boolean): void {
    if (this.channel?.readyState === "open") {
      this.channel.send(JSON.stringify({ type: muted ? "audioOff" : "audioOn" }));
    }
    this.send(muted ? "mute" : "unmute", { name: "audio" });
  }

  close(): void {
    this.connection.close();
  }

  private addMicrophone(): void {
    if (this.connection.getSenders().some((sender) => sender.track?.kind === "audio")) return;
    for (const track of this.microphone.getAudioTracks()) {
      // A track that is added takes up the section of an offer that is being answered; a transceiver would not.
      if (this.role === "both") this.connection.addTrack(track, this.microphone);
      else this.connection.addTransceiver(track, { direction: "sendonly", streams: [this.microphone] });
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
    this.events.send({ to: this.session, type, roomType: "video", ...sid, payload });
  }
}
