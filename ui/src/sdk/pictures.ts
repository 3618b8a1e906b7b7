// Pictures on the canvases of a page: asked for as large as they are drawn while they are in sight, and drawn with the
// screen's own beat.

import type { PixelLayout } from "./contract.js";
import type { DoorAddress } from "./door.js";
import { HEADER, type Look, PictureFeed, type PictureOf, type PictureSocket, type RawPicture, readHeader } from "./feed.js";

export { type PictureHeader, type PictureOf, type PictureSocket, readHeader } from "./feed.js";

/** Where pictures come from. */
export interface Pictures {
  /** Draws a picture on a canvas as it changes; `ondrawn` hears of every drawing. Returns what ends it. */
  attach(of: PictureOf, canvas: HTMLCanvasElement, ondrawn: () => void): () => void;
}

interface Shown {
  canvas: HTMLCanvasElement;
  ondrawn: () => void;
  look: Look;
  /** The newest picture, not drawn yet, and how many came since the last drawing. */
  waiting: RawPicture | null;
  owed: number;
}

/** What pixels this page can paint: an engine that cannot make a `VideoFrame` of pixels gets them as it paints them. */
export function pageLayout(): PixelLayout {
  return typeof VideoFrame === "undefined" ? "rgba" : "i420";
}

/** Pictures over a WebSocket. */
export class CorePictures implements Pictures {
  readonly feed: PictureFeed;
  #shown = new Set<Shown>();
  #drawing = 0;
  #sizes = typeof ResizeObserver === "undefined" ? null : new ResizeObserver(() => this.#measure());
  #sight =
    typeof IntersectionObserver === "undefined"
      ? null
      : new IntersectionObserver((entries) => {
          for (const entry of entries) {
            for (const shown of this.#shown) {
              if (shown.canvas === entry.target) shown.look.visible = entry.isIntersecting;
            }
          }
        });

  constructor(find: (() => Promise<DoorAddress>) | PictureFeed, connect?: (url: string) => PictureSocket) {
    this.feed = find instanceof PictureFeed ? find : new PictureFeed(find, connect, pageLayout());
  }

  attach(of: PictureOf, canvas: HTMLCanvasElement, ondrawn: () => void = () => {}): () => void {
    const look = this.feed.look(
      of,
      wantedWidth(canvas),
      (picture) => this.#take(shown, picture),
      () => {
        shown.waiting = null;
        shown.owed = 0;
      },
    );
    const shown: Shown = { canvas, ondrawn, look, waiting: null, owed: 0 };
    this.#shown.add(shown);
    this.#sizes?.observe(canvas);
    this.#sight?.observe(canvas);
    return () => {
      this.#sizes?.unobserve(canvas);
      this.#sight?.unobserve(canvas);
      this.#shown.delete(shown);
      look.end();
    };
  }

  #measure(): void {
    for (const { canvas, look } of this.#shown) look.width = wantedWidth(canvas);
  }

  #take(shown: Shown, picture: RawPicture): void {
    shown.waiting = picture;
    shown.owed += 1;
    // A page that is not seen has no beat, and so takes nothing.
    if (this.#drawing === 0) this.#drawing = requestAnimationFrame(() => this.#draw());
  }

  #draw(): void {
    this.#drawing = 0;
    for (const shown of this.#shown) {
      const picture = shown.waiting;
      if (!picture) continue;
      shown.waiting = null;
      try {
        paint(picture, shown.canvas);
        shown.ondrawn();
      } catch {
        // This engine has the name and not the thing.
        if (this.feed.layout === "i420") this.feed.layout = "rgba";
      }
      for (; shown.owed > 0; shown.owed -= 1) shown.look.drawn();
    }
  }
}

/** In steps, so that a window that is being resized does not ask for every width on the way. */
function wantedWidth(canvas: HTMLCanvasElement): number {
  const scale = globalThis.devicePixelRatio || 1;
  return Math.ceil((canvas.clientWidth * scale || 160) / 80) * 80;
}

/** Paints a picture, at its own size: the style sheet scales. */
export function paint(picture: RawPicture, canvas: HTMLCanvasElement): void {
  const header = readHeader(picture);
  const context = canvas.getContext("2d", { alpha: false });
  if (!header || !context) return;
  const { width, height, layout } = header;
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  if (layout === "rgba") {
    const pixels = new Uint8ClampedArray(picture.buffer, HEADER);
    context.putImageData(new ImageData(pixels, width, height), 0, 0);
    return;
  }
  const frame = videoFrameOf(picture, width, height, 0);
  try {
    context.drawImage(frame, 0, 0);
  } finally {
    frame.close();
  }
}

/** An I420 picture as the engine takes it. `timestamp`: microseconds. */
export function videoFrameOf(picture: RawPicture, width: number, height: number, timestamp: number): VideoFrame {
  return new VideoFrame(new Uint8Array(picture.buffer, HEADER), {
    format: "I420",
    codedWidth: width,
    codedHeight: height,
    timestamp,
    colorSpace: { matrix: "smpte170m", primaries: "smpte170m", transfer: "smpte170m", fullRange: false },
  });
}
