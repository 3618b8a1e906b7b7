// The tracks of the calls that run. They come by `userTrackListener`; how they fare is told by what happens in their
// call, which names participants and so tells two devices of one person apart.

import type { AppView, Event, LevelsView, SdkTrackType, UserTrack } from "./contract.js";
import { guestJid, userJid } from "./jid.js";
import { openTrack } from "./native_track.js";
import { type OpenTrack, SILENT, type TrackWays, trackName } from "./track.js";

/** Keeps them. */
export class Tracks {
  #open = new Map<string, OpenTrack>();
  #ways: TrackWays;
  #native: boolean;

  /** `native`: real tracks, where the page can have them. */
  constructor(ways: TrackWays, native: boolean) {
    this.#ways = ways;
    this.#native = native;
  }

  /** All that live. */
  all(): readonly OpenTrack[] {
    return [...this.#open.values()];
  }

  /** The object for a track that came; `null` for one that went. */
  take({ track: name, userJid, localUser, trackType, usersStatus }: UserTrack): OpenTrack | null {
    if (name === null) {
      this.#gone(userJid, localUser, trackType);
      return null;
    }
    const known = this.#open.get(name);
    if (known?.readyState === "live") return known;
    const track = openTrack({ name, userJid, localUser, trackType, ways: this.#ways }, this.#native);
    const user = usersStatus.find((one) => one.userJid === userJid);
    const off = trackType === "audio" ? user?.audioMuted : trackType === "video" ? user?.videoMuted : false;
    if (off) {
      if (localUser) track.setEnabled(false);
      else track.setMuted(true);
    }
    this.#open.set(name, track);
    return track;
  }

  /** Something happened in a call. */
  follow(event: Extract<Event, { event: "call" }>): void {
    const { call, happening } = event;
    switch (happening.happening) {
      case "track":
        if (!happening.added) this.#finish(trackName(call, happening.participant, happening.kind));
        break;
      case "mute": {
        const track = this.#open.get(trackName(call, happening.participant, happening.kind));
        if (happening.participant === null) track?.setEnabled(!happening.muted);
        else track?.setMuted(happening.muted);
        break;
      }
      case "ended":
        for (const [name, track] of this.#open) if (track.call === call) this.#finish(name);
        break;
      case "entrance":
      case "status":
      case "media":
      case "muted_by_moderator":
      case "hand":
      case "reaction":
      case "problem":
        break;
    }
  }

  /** How loud a call is. */
  hear(call: string, levels: LevelsView): void {
    const remote = new Map(levels.remote);
    for (const track of this.#open.values()) {
      if (track.call !== call || track.kind !== "audio") continue;
      track.setLevel(track.participant === null ? levels.local : (remote.get(track.participant) ?? SILENT));
    }
  }

  /**
   * The first state of a core that was found: tracks of calls it does not know are over, and those of calls that run
   * already, which nobody will tell of any more, are opened.
   */
  adopt(view: AppView): void {
    const live = view.calls.filter((call) => call.ended === null && call.connected_at_ms !== null);
    const known = new Set(live.map((call) => call.id));
    for (const [name, track] of this.#open) if (!known.has(track.call)) this.#finish(name);
    for (const call of live) {
      const account = view.accounts.find((one) => one.id === call.account);
      if (!account) continue;
      const own = userJid(account.user, account.server);
      this.#adopt(call.id, null, own, { audio: !call.muted, video: call.camera_on ? true : null, screen: call.sharing_screen ? true : null });
      for (const one of call.participants) {
        const jid = one.contact ? userJid(one.contact, account.server) : guestJid(one.id, account.server);
        const video = one.has_video ? !one.video_muted : null;
        this.#adopt(call.id, one.id, jid, { audio: !one.audio_muted, video, screen: one.has_screen ? true : null });
      }
    }
  }

  /** `on`: whether each is sent; `null` for what is not there. */
  #adopt(call: string, participant: string | null, jid: string, on: Record<SdkTrackType, boolean | null>): void {
    for (const [kind, sent] of Object.entries(on) as [SdkTrackType, boolean | null][]) {
      const name = trackName(call, participant, kind);
      if (sent === null || this.#open.has(name)) continue;
      const localUser = participant === null;
      const user = { userJid: jid, status: "connected" as const, audioMuted: kind === "audio" && !sent, videoMuted: kind === "video" && !sent };
      this.take({ track: name, userJid: jid, localUser, trackType: kind, usersStatus: [user] });
    }
  }

  /** Nobody listens any more. */
  finishAll(): void {
    for (const name of [...this.#open.keys()]) this.#finish(name);
  }

  #finish(name: string): void {
    const track = this.#open.get(name);
    this.#open.delete(name);
    track?.finish();
  }

  /** The payload names no track: where a person has but one of the kind, it is that. */
  #gone(userJid: string, localUser: boolean, trackType: SdkTrackType): void {
    const fitting = [...this.#open].filter(
      ([, track]) => track.label === userJid && track.localUser === localUser && track.trackType === trackType,
    );
    if (fitting.length === 1) this.#finish(fitting[0]![0]);
  }
}
