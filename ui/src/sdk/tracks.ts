// The tracks of the calls that run. They come by `userTrackListener`; how they fare is told by what happens in their
// call, which names participants and so tells two devices of one person apart.

import type { AppView, Event, LevelsView, SdkTrackType, UserTrack } from "./contract.js";
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

  /** Tracks of calls that a newly found core does not know are over. */
  keepOnly(view: AppView): void {
    const live = new Set(view.calls.filter((call) => call.ended === null).map((call) => call.id));
    for (const [name, track] of this.#open) if (!live.has(track.call)) this.#finish(name);
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
