// Pictures from the core: the second WebSocket of the door. It is open while anything is shown, asks only for what is
// in sight and as large as it is drawn, and gives each picture back once it was drawn: a page that draws slowly, or is
// hidden, so gets fewer pictures and none that is old. The form of a picture is told in `PictureFrame`'s own text.

import type { PictureFrame, PixelLayout, ShownPicture, TrackKind } from "./contract.js";
import type { DoorAddress } from "./door.js";

/** Whose picture. */
export interface PictureOf {
  /** `null`: the chosen camera, outside of a call. */
  call: string | null;
  /** `null`: ours. */
  participant: string | null;
  kind: Extract<TrackKind, "video" | "screen">;
}

/** Where pictures come from. */
export interface Pictures {
  /** Draws a picture on a canvas as it changes; `ondrawn` hears of every drawing. Returns what ends it. */
  attach(of: PictureOf, canvas: HTMLCanvasElement, ondrawn: () => void): () => void;
}

/** The part of a WebSocket that is used. */
export interface PictureSocket {
  binaryType: BinaryType;
  onopen: ((this: never, event: never) => unknown) | null;
  onmessage: ((this: never, message: MessageEvent) => unknown) | null;
  onclose: ((this: never, event: never) => unknown) | null;
  send(text: string): void;
  close(): void;
}

/** Bytes before the pixels. */
const HEADER = 12;

/** Wait before the socket is opened again after it was lost, ms. */
const RETRY_MS = 1000;

interface Shown {
  of: PictureOf;
  canvas: HTMLCanvasElement;
  ondrawn: () => void;
  /** In sight, as far as the page knows. */
  visible: boolean;
  /** The newest picture, not drawn yet, and how many came since the last drawing. */
  waiting: DataView | null;
  owed: number;
}

/** What a picture says of itself. */
export interface PictureHeader {
  number: number;
  width: number;
  height: number;
  layout: PixelLayout;
}

/** Reads a picture's header; `null` when it is none. */
export function readHeader(picture: DataView): PictureHeader | null {
  if (picture.byteLength < HEADER) return null;
  const width = picture.getUint16(4, true);
  const height = picture.getUint16(6, true);
  const layout = picture.getUint8(8) === 1 ? "rgba" : "i420";
  const pixels = layout === "rgba" ? width * height * 4 : (width * height * 3) / 2;
  if (width === 0 || height === 0 || picture.byteLength !== HEADER + pixels) return null;
  return { number: picture.getUint32(0, true), width, height, layout };
}

/** Pictures over a WebSocket. */
export class CorePictures implements Pictures {
  #find: () => Promise<DoorAddress>;
  #connect: (url: string) => PictureSocket;
  #shown = new Map<number, Shown>();
  #nextNumber = 1;
  #socket: PictureSocket | null = null;
  #open = false;
  #asked = "";
  #scheduled = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #drawing = 0;
  /** An engine that cannot make a `VideoFrame` of pixels gets them as it paints them. */
  #layout: PixelLayout = typeof VideoFrame === "undefined" ? "rgba" : "i420";
  #sizes = typeof ResizeObserver === "undefined" ? null : new ResizeObserver(() => this.#schedule());
  #sight =
    typeof IntersectionObserver === "undefined"
      ? null
      : new IntersectionObserver((entries) => {
          for (const entry of entries) {
            for (const shown of this.#shown.values()) {
              if (shown.canvas === entry.target) shown.visible = entry.isIntersecting;
            }
          }
          this.#schedule();
        });

  constructor(find: () => Promise<DoorAddress>, connect: (url: string) => PictureSocket = (url) => new WebSocket(url)) {
    this.#find = find;
    this.#connect = connect;
  }

  attach(of: PictureOf, canvas: HTMLCanvasElement, ondrawn: () => void): () => void {
    const number = this.#nextNumber++;
    this.#shown.set(number, { of, canvas, ondrawn, visible: true, waiting: null, owed: 0 });
    this.#sizes?.observe(canvas);
    this.#sight?.observe(canvas);
    this.#schedule();
    return () => {
      this.#sizes?.unobserve(canvas);
      this.#sight?.unobserve(canvas);
      this.#shown.delete(number);
      this.#schedule();
    };
  }

  /** Asks once for whatever changes in one go: a new layout moves every tile. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#settle();
    });
  }

  #settle(): void {
    if (this.#shown.size === 0) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#socket?.close();
      this.#lose(this.#socket);
    } else if (!this.#socket) {
      if (this.#timer === undefined) void this.#begin();
    } else if (this.#open) {
      this.#ask();
    }
  }

  async #begin(): Promise<void> {
    // Also keeps a second attempt from beginning while this one looks for the core.
    this.#timer = setTimeout(() => {}, 0);
    try {
      const { url, token } = await this.#find();
      if (this.#shown.size === 0) {
        this.#timer = undefined;
        return;
      }
      const socket = this.#connect(url.replace(/\/control$/, "/pictures"));
      socket.binaryType = "arraybuffer";
      this.#socket = socket;
      this.#timer = undefined;
      socket.onopen = () => {
        socket.send(JSON.stringify({ frame: "hello", token }));
        this.#open = true;
        this.#ask();
      };
      socket.onmessage = (message) => this.#receive(message.data as unknown);
      socket.onclose = () => {
        if (this.#socket === socket) {
          this.#lose(socket);
          this.#retry();
        }
      };
    } catch {
      // The door itself says so on the screen.
      this.#retry();
    }
  }

  #retry(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#settle();
    }, RETRY_MS);
  }

  #lose(socket: PictureSocket | null): void {
    if (socket) socket.onclose = null;
    this.#socket = null;
    this.#open = false;
    this.#asked = "";
    for (const shown of this.#shown.values()) {
      shown.waiting = null;
      shown.owed = 0;
    }
  }

  #ask(): void {
    const scale = globalThis.devicePixelRatio || 1;
    const pictures: ShownPicture[] = [];
    for (const [number, { of, canvas, visible }] of this.#shown) {
      if (!visible) continue;
      // Steps, so that a window that is being resized does not ask for every width on the way.
      const width = Math.min(0xffff, Math.ceil((canvas.clientWidth * scale || 160) / 80) * 80);
      pictures.push({ number, ...of, width });
    }
    const asked = JSON.stringify(pictures);
    if (asked === this.#asked) return;
    this.#asked = asked;
    this.#send({ frame: "show", layout: this.#layout, pictures });
  }

  #send(frame: PictureFrame): void {
    if (this.#open) this.#socket?.send(JSON.stringify(frame));
  }

  #receive(data: unknown): void {
    if (!(data instanceof ArrayBuffer)) return;
    const picture = new DataView(data);
    const header = readHeader(picture);
    if (!header) return;
    const shown = this.#shown.get(header.number);
    if (!shown) return;
    shown.waiting = picture;
    shown.owed += 1;
    // With the screen's own beat; a page that is not seen has none.
    if (this.#drawing === 0) this.#drawing = requestAnimationFrame(() => this.#draw());
  }

  #draw(): void {
    this.#drawing = 0;
    for (const [number, shown] of this.#shown) {
      const picture = shown.waiting;
      if (!picture) continue;
      shown.waiting = null;
      try {
        paint(picture, shown.canvas);
        shown.ondrawn();
      } catch {
        if (this.#layout === "i420") {
          // This engine has the name and not the thing.
          this.#layout = "rgba";
          this.#asked = "";
          this.#schedule();
        }
      }
      for (; shown.owed > 0; shown.owed -= 1) this.#send({ frame: "drawn", number });
    }
  }
}

/** Paints a picture, at its own size: the style sheet scales. */
function paint(picture: DataView, canvas: HTMLCanvasElement): void {
  const header = readHeader(picture);
  const context = canvas.getContext("2d", { alpha: false });
  if (!header || !context) return;
  const { width, height, layout } = header;
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  if (layout === "rgba") {
    const pixels = new Uint8ClampedArray(picture.buffer as ArrayBuffer, HEADER);
    context.putImageData(new ImageData(pixels, width, height), 0, 0);
    return;
  }
  const frame = new VideoFrame(new Uint8Array(picture.buffer, HEADER), {
    format: "I420",
    codedWidth: width,
    codedHeight: height,
    timestamp: 0,
    colorSpace: { matrix: "smpte170m", primaries: "smpte170m", transfer: "smpte170m", fullRange: false },
  });
  try {
    context.drawImage(frame, 0, 0);
  } finally {
    frame.close();
  }
}
