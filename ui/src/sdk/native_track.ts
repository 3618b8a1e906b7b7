// A picture as a real `MediaStreamTrack`, in a page with WebRTC: it goes into a `<video>`, a recorder or a connection of
// the page's own. Frames are fetched as long as it lives and is enabled, because nobody can tell whether it is watched.

import type { Look, PictureFeed, PictureHeader, PictureOf, RawPicture } from "./feed.js";
import { HEADER } from "./feed.js";
import { paint, videoFrameOf } from "./pictures.js";
import { type CallTrack, CoreTrack, type OpenTrack, SILENT, type TrackMaking, type TrackSettings, USUAL_WIDTH, readName, settingsOf } from "./track.js";

/** Chromium's way to make a track of frames. */
type Generator = MediaStreamTrack & { writable: WritableStream<VideoFrame> };

/** What turns pictures into a real track. */
interface Source {
  track: MediaStreamTrack;
  /** Puts a picture in; resolves when another may come. */
  put(picture: RawPicture, header: PictureHeader): Promise<void> | void;
}

/** Whether this track is a real one. */
export function isNative(track: CallTrack): track is CallTrack & MediaStreamTrack {
  return track.source === "native";
}

/** Opens a track: a real one where the page can have it and it is a picture. */
export function openTrack(making: TrackMaking, mayBeNative: boolean): OpenTrack {
  const named = readName(making.name);
  if (mayBeNative && named && making.trackType !== "audio") {
    const source = nativeSource();
    const of: PictureOf = { call: named.call, participant: named.participant, kind: making.trackType };
    if (source) return dress(source, of, making);
  }
  return new CoreTrack(making);
}

function nativeSource(): Source | null {
  try {
    return generatorSource() ?? canvasSource();
  } catch {
    // An engine with the names and without the things.
    return null;
  }
}

function generatorSource(): Source | null {
  const Made = (globalThis as { MediaStreamTrackGenerator?: new (init: { kind: "video" }) => Generator }).MediaStreamTrackGenerator;
  if (!Made || typeof VideoFrame === "undefined") return null;
  const track = new Made({ kind: "video" });
  const writer = track.writable.getWriter();
  const put = async (picture: RawPicture, { width, height, layout }: PictureHeader): Promise<void> => {
    const timestamp = Math.round(performance.now() * 1000);
    const frame =
      layout === "i420"
        ? videoFrameOf(picture, width, height, timestamp)
        : new VideoFrame(new Uint8Array(picture.buffer, HEADER), { format: "RGBA", codedWidth: width, codedHeight: height, timestamp });
    try {
      await writer.write(frame);
    } catch {
      frame.close();
    }
  };
  return { track, put };
}

function canvasSource(): Source | null {
  if (typeof HTMLCanvasElement === "undefined" || !("captureStream" in HTMLCanvasElement.prototype)) return null;
  if (typeof MediaStreamTrack === "undefined") return null;
  const canvas = document.createElement("canvas");
  // A canvas without a context cannot be captured everywhere.
  canvas.getContext("2d", { alpha: false });
  const track = canvas.captureStream().getVideoTracks()[0];
  return track ? { track, put: (picture) => paint(picture, canvas) } : null;
}

/** Gives a real track what {@link CallTrack} has beyond one. */
function dress({ track, put }: Source, of: PictureOf, { userJid, localUser, trackType, ways }: TrackMaking): OpenTrack {
  const proto = Object.getPrototypeOf(track) as object;
  const ownEnabled = accessorOf(proto, "enabled");
  const stopIt = track.stop.bind(track);
  let muted = false;
  let ended = false;
  let settings: TrackSettings = {};
  const look: Look = fetchInto(ways.feed, of, put, (seen) => (settings = seen));

  const end = () => {
    ended = true;
    look.end();
    stopIt();
  };
  const setEnabled = (enabled: boolean) => {
    ownEnabled?.set?.call(track, enabled);
    look.visible = enabled || localUser;
  };
  const dressed = track as unknown as OpenTrack;
  const give = (properties: PropertyDescriptorMap & ThisType<unknown>) => Object.defineProperties(track, properties);
  const value = (value: unknown): PropertyDescriptor => ({ value, configurable: true });
  give({
    source: value("native"),
    label: value(userJid),
    trackType: value(trackType),
    localUser: value(localUser),
    call: value(of.call),
    participant: value(of.participant),
    level: value(SILENT),
    muted: { get: () => muted, configurable: true },
    enabled: {
      get: () => (ownEnabled?.get?.call(track) as boolean | undefined) ?? true,
      set: (enabled: boolean) => {
        if (ended || enabled === dressed.enabled) return;
        setEnabled(enabled);
        ways.switched(dressed);
      },
      configurable: true,
    },
    wantedWidth: {
      get: () => look.width,
      set: (width: number) => (look.width = width),
      configurable: true,
    },
    onframe: { value: null, writable: true, configurable: true },
    getSettings: value(() => ({ ...settings })),
    attach: value((canvas: HTMLCanvasElement, ondrawn?: () => void) => ways.pictures?.attach(of, canvas, ondrawn) ?? (() => {})),
    frames: value(async function* () {}),
    stop: value(() => {
      if (ended) return;
      end();
      ways.stopped(dressed);
    }),
    setMuted: value((now: boolean) => {
      if (now === muted || ended) return;
      muted = now;
      track.dispatchEvent(new Event(now ? "mute" : "unmute"));
    }),
    setEnabled: value(setEnabled),
    setLevel: value(() => {}),
    finish: value(() => {
      if (ended) return;
      end();
      track.dispatchEvent(new Event("ended"));
    }),
  });
  return dressed;
}

function fetchInto(feed: PictureFeed, of: PictureOf, put: Source["put"], seen: (settings: TrackSettings) => void): Look {
  const look: Look = feed.look(of, USUAL_WIDTH, (picture, header) => {
    seen(settingsOf(header.width, header.height));
    void Promise.resolve()
      .then(() => put(picture, header))
      .catch(() => {})
      .then(() => look.drawn());
  });
  return look;
}

function accessorOf(proto: object | null, name: string): PropertyDescriptor | undefined {
  for (let at = proto; at; at = Object.getPrototypeOf(at) as object | null) {
    const found = Object.getOwnPropertyDescriptor(at, name);
    if (found) return found;
  }
  return undefined;
}
