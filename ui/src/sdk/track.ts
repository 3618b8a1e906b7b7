// A track of a call, as `userTrackListener` hands it out: shaped like a `MediaStreamTrack`. Sound is played by the core
// and never comes here; pictures come as frames. In a page with WebRTC a picture is a real `MediaStreamTrack`
// (native_track.ts); `source` says which it is.

import type { PixelLayout, SdkTrackType } from "./contract.js";
import { HEADER, type Look, type PictureFeed, type PictureOf } from "./feed.js";
import type { CorePictures } from "./pictures.js";

/**
 * `native`: a real `MediaStreamTrack`. `frames`: pictures to draw, by {@link CallTrack.attach} or
 * {@link CallTrack.onframe}. `core`: sound, which the core plays.
 */
export type TrackSource = "native" | "frames" | "core";

/** One picture. */
export interface Frame {
  width: number;
  height: number;
  /** `i420`: Y, U, V planes without padding, BT.601 limited range. */
  layout: PixelLayout;
  data: Uint8Array<ArrayBuffer>;
}

/** A subset of `MediaTrackSettings`. */
export interface TrackSettings {
  width?: number;
  height?: number;
  aspectRatio?: number;
}

type Handler = ((this: unknown, event: Event) => unknown) | null;

/** What every track has. */
export interface CallTrack extends EventTarget {
  readonly id: string;
  /** A screen is a `video`; the payload's `trackType` tells it apart. */
  readonly kind: "audio" | "video";
  /** Whose, by JID. */
  readonly label: string;
  /**
   * Of ours: false mutes it, as `muteAudio` and `muteVideo` do. Of somebody's picture: false stops fetching it. Of
   * somebody's sound: the core can only silence a whole call, and does so once every sound of it is disabled.
   */
  enabled: boolean;
  /** Whoever sends it has it off. */
  readonly muted: boolean;
  readonly readyState: "live" | "ended";
  onended: Handler;
  onmute: Handler;
  onunmute: Handler;
  getSettings(): TrackSettings;
  /** Done with it here, without an `ended` event. Of ours: switches it off. Somebody's sound goes on being played. */
  stop(): void;

  readonly source: TrackSource;
  readonly trackType: SdkTrackType;
  readonly localUser: boolean;
  /** How loud, dBov: 0 is full scale, -127 silence or unknown. Sound alone. */
  readonly level: number;
  /** How wide pictures are wanted, pixels. A canvas that is attached decides for itself. */
  wantedWidth: number;
  /** Draws it on a canvas while that is in sight. Returns what ends that. Does nothing with sound, or outside of a page. */
  attach(canvas: HTMLCanvasElement, ondrawn?: () => void): () => void;
  /** Gets every picture that can be kept up with; while it is set, pictures are fetched. Not of a `native` track. */
  onframe: ((frame: Frame) => unknown) | null;
  /** Likewise, for `for await`: the newest picture each time. Ends with the track. */
  frames(): AsyncIterableIterator<Frame>;
}

/** What a track is made of. */
export interface TrackMaking {
  name: string;
  userJid: string;
  localUser: boolean;
  trackType: SdkTrackType;
  ways: TrackWays;
}

/** What tracks need of the SDK. */
export interface TrackWays {
  readonly feed: PictureFeed;
  /** `null` outside of a page. */
  readonly pictures: CorePictures | null;
  /** {@link CallTrack.enabled} was changed from here. */
  switched(track: OpenTrack): void;
  /** {@link CallTrack.stop} was called. */
  stopped(track: OpenTrack): void;
}

/** A track with what only the SDK does to it. */
export interface OpenTrack extends CallTrack {
  readonly call: string;
  readonly participant: string | null;
  /** @internal */
  setMuted(muted: boolean): void;
  /** @internal */
  setEnabled(enabled: boolean): void;
  /** @internal */
  setLevel(level: number): void;
  /** @internal */
  finish(): void;
}

/** Width asked for until somebody wants another, pixels. */
export const USUAL_WIDTH = 640;

/** Silence, dBov. */
export const SILENT = -127;

/** Reads a track's name; `null` when it is none. */
export function readName(name: string): { call: string; participant: string | null; kind: SdkTrackType } | null {
  const first = name.indexOf("/");
  const last = name.lastIndexOf("/");
  if (first < 1 || last <= first) return null;
  const kind = name.slice(last + 1);
  if (kind !== "audio" && kind !== "video" && kind !== "screen") return null;
  return { call: name.slice(0, first), participant: name.slice(first + 1, last) || null, kind };
}

/** The name of a track. */
export function trackName(call: string, participant: string | null, kind: SdkTrackType): string {
  return `${call}/${participant ?? ""}/${kind}`;
}

/** A track whose pictures are fetched by whoever wants them, or whose sound the core plays. */
export class CoreTrack extends EventTarget implements OpenTrack {
  readonly id: string;
  readonly kind: "audio" | "video";
  readonly label: string;
  readonly source: TrackSource;
  readonly trackType: SdkTrackType;
  readonly localUser: boolean;
  readonly call: string;
  readonly participant: string | null;
  onended: Handler = null;
  onmute: Handler = null;
  onunmute: Handler = null;

  #ways: TrackWays;
  #enabled = true;
  #muted = false;
  #ended = false;
  #level = SILENT;
  #settings: TrackSettings = {};
  #width = USUAL_WIDTH;
  #onframe: ((frame: Frame) => unknown) | null = null;
  #look: Look | null = null;
  #readers = new Set<(frame: Frame | null) => void>();
  #detachments = new Set<() => void>();

  constructor({ name, userJid, localUser, trackType, ways }: TrackMaking) {
    super();
    const named = readName(name);
    this.id = name;
    this.label = userJid;
    this.localUser = localUser;
    this.trackType = trackType;
    this.kind = trackType === "audio" ? "audio" : "video";
    this.source = trackType === "audio" ? "core" : "frames";
    this.call = named?.call ?? "";
    this.participant = named?.participant ?? null;
    this.#ways = ways;
  }

  get enabled(): boolean {
    return this.#enabled;
  }
  set enabled(enabled: boolean) {
    if (enabled === this.#enabled || this.#ended) return;
    this.setEnabled(enabled);
    this.#ways.switched(this);
  }

  get muted(): boolean {
    return this.#muted;
  }

  get readyState(): "live" | "ended" {
    return this.#ended ? "ended" : "live";
  }

  get level(): number {
    return this.#level;
  }

  get wantedWidth(): number {
    return this.#width;
  }
  set wantedWidth(width: number) {
    this.#width = width;
    if (this.#look) this.#look.width = width;
  }

  get onframe(): ((frame: Frame) => unknown) | null {
    return this.#onframe;
  }
  set onframe(onframe: ((frame: Frame) => unknown) | null) {
    this.#onframe = onframe;
    this.#fetch();
  }

  getSettings(): TrackSettings {
    return { ...this.#settings };
  }

  stop(): void {
    if (this.#ended) return;
    this.#end();
    this.#ways.stopped(this);
  }

  attach(canvas: HTMLCanvasElement, ondrawn: () => void = () => {}): () => void {
    const of = this.#picture();
    const pictures = this.#ways.pictures;
    if (!of || !pictures || this.#ended) return () => {};
    const detach = pictures.attach(of, canvas, () => {
      this.#settings = settingsOf(canvas.width, canvas.height);
      ondrawn();
    });
    this.#detachments.add(detach);
    return () => {
      this.#detachments.delete(detach);
      detach();
    };
  }

  async *frames(): AsyncIterableIterator<Frame> {
    let newest: Frame | null = null;
    let wake: (() => void) | null = null;
    const reader = (frame: Frame | null) => {
      newest = frame;
      wake?.();
    };
    if (this.#ended || this.kind === "audio") return;
    this.#readers.add(reader);
    this.#fetch();
    try {
      for (;;) {
        if (newest === null) {
          if (this.#ended) return;
          await new Promise<void>((resolve) => (wake = resolve));
          continue;
        }
        const frame: Frame = newest;
        newest = null;
        yield frame;
      }
    } finally {
      this.#readers.delete(reader);
      this.#fetch();
    }
  }

  setEnabled(enabled: boolean): void {
    this.#enabled = enabled;
    if (this.#look) this.#look.visible = enabled || this.localUser;
  }

  setMuted(muted: boolean): void {
    if (muted === this.#muted || this.#ended) return;
    this.#muted = muted;
    this.#tell(muted ? "mute" : "unmute");
  }

  setLevel(level: number): void {
    this.#level = level;
  }

  finish(): void {
    if (this.#ended) return;
    this.#end();
    this.#tell("ended");
  }

  #end(): void {
    this.#ended = true;
    this.#level = SILENT;
    this.#look?.end();
    this.#look = null;
    for (const detach of this.#detachments) detach();
    this.#detachments.clear();
    for (const reader of [...this.#readers]) reader(null);
  }

  #tell(type: "ended" | "mute" | "unmute"): void {
    const event = new Event(type);
    this[`on${type}`]?.call(this, event);
    this.dispatchEvent(event);
  }

  #picture(): PictureOf | null {
    if (this.trackType === "audio") return null;
    return { call: this.call, participant: this.participant, kind: this.trackType };
  }

  /** Looks while somebody wants pictures. */
  #fetch(): void {
    const of = this.#picture();
    const wanted = of !== null && !this.#ended && (this.#onframe !== null || this.#readers.size > 0);
    if (!wanted) {
      this.#look?.end();
      this.#look = null;
      return;
    }
    if (this.#look) return;
    const look = this.#ways.feed.look(of, this.#width, (picture, { width, height, layout }) => {
      this.#settings = settingsOf(width, height);
      const frame: Frame = { width, height, layout, data: new Uint8Array(picture.buffer, HEADER) };
      try {
        this.#onframe?.(frame);
        for (const reader of [...this.#readers]) reader(frame);
      } finally {
        look.drawn();
      }
    });
    look.visible = this.#enabled || this.localUser;
    this.#look = look;
  }
}

/** The settings of a picture of that size. */
export function settingsOf(width: number, height: number): TrackSettings {
  return { width, height, aspectRatio: width / height };
}
