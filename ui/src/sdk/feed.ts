// Pictures from the core: the second WebSocket of the door. It is open while anyone looks, asks only for what is looked
// at and as large as it is wanted, and counts what was taken: whoever is slow gets fewer pictures and none that is old.
// The form of a picture is told in `PictureFrame`'s own text. Needs nothing of a page, so that it also runs in Node.

import type { PictureFrame, PixelLayout, ShownPicture, TrackKind } from "./contract.js";
import { openSocket } from "./core_door.js";
import type { DoorAddress } from "./door.js";

/** Whose picture. */
export interface PictureOf {
  /** `null`: the chosen camera, outside of a call. */
  call: string | null;
  /** `null`: ours. */
  participant: string | null;
  kind: Extract<TrackKind, "video" | "screen">;
}

/** The part of a WebSocket that is used. */
export interface PictureSocket {
  binaryType: BinaryType;
  onopen: ((this: never, event: never) => unknown) | null;
  onmessage: ((this: never, message: MessageEvent) => unknown) | null;
  onclose: ((this: never, event: never) => unknown) | null;
  onerror?: ((this: never, event: never) => unknown) | null;
  send(text: string): void;
  close(): void;
}

/** A picture as it came: the header, then the pixels. */
export type RawPicture = DataView<ArrayBuffer>;

/** What a picture says of itself. */
export interface PictureHeader {
  number: number;
  width: number;
  height: number;
  layout: PixelLayout;
}

/** Bytes before the pixels. */
export const HEADER = 12;

/** Wait before the socket is opened again after it was lost, ms. */
const RETRY_MS = 1000;

/** Widest picture that can be asked for, pixels. */
const WIDEST = 0xffff;

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

/** Somebody's look at one picture. */
export class Look {
  #changed: () => void;
  #drawn: () => void;
  #end: () => void;
  #width: number;
  #visible = true;

  /** @internal */
  constructor(width: number, changed: () => void, drawn: () => void, end: () => void) {
    this.#width = width;
    this.#changed = changed;
    this.#drawn = drawn;
    this.#end = end;
  }

  /** How wide it is wanted, pixels. */
  get width(): number {
    return this.#width;
  }
  set width(width: number) {
    const whole = Math.min(WIDEST, Math.max(1, Math.ceil(width) || 1));
    if (whole === this.#width) return;
    this.#width = whole;
    this.#changed();
  }

  /** Whether it is looked at now; what is not is not asked for. */
  get visible(): boolean {
    return this.#visible;
  }
  set visible(visible: boolean) {
    if (visible === this.#visible) return;
    this.#visible = visible;
    this.#changed();
  }

  /** One of the pictures that were taken is done with: another may come. */
  drawn(): void {
    this.#drawn();
  }

  /** Looks away. */
  end(): void {
    this.#end();
  }
}

interface Looked {
  of: PictureOf;
  look: Look;
  take: (picture: RawPicture, header: PictureHeader) => void;
  lost: () => void;
}

/** The socket, and who looks at what. */
export class PictureFeed {
  #find: () => Promise<DoorAddress>;
  #connect: (url: string) => PictureSocket;
  #looks = new Map<number, Looked>();
  #nextNumber = 1;
  #socket: PictureSocket | null = null;
  #open = false;
  #asked = "";
  #scheduled = false;
  #searching = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #layout: PixelLayout;

  constructor(find: () => Promise<DoorAddress>, connect: (url: string) => PictureSocket = openSocket, layout: PixelLayout = "i420") {
    this.#find = find;
    this.#connect = connect;
    this.#layout = layout;
  }

  /** How pixels lie; all looks share it. */
  get layout(): PixelLayout {
    return this.#layout;
  }
  set layout(layout: PixelLayout) {
    this.#layout = layout;
    this.#schedule();
  }

  /**
   * Looks at a picture. `take` gets each, and owes a {@link Look.drawn} for it; `lost` hears that what is owed is
   * forgotten because the core is gone.
   */
  look(of: PictureOf, width: number, take: Looked["take"], lost: () => void = () => {}): Look {
    const number = this.#nextNumber++;
    const look: Look = new Look(
      width,
      () => this.#schedule(),
      () => this.#send({ frame: "drawn", number }),
      () => {
        if (this.#looks.delete(number)) this.#schedule();
      },
    );
    this.#looks.set(number, { of, look, take, lost });
    this.#schedule();
    return look;
  }

  /** Everybody looks away. */
  close(): void {
    this.#looks.clear();
    this.#settle();
  }

  /** Asks once for whatever changes in one go: a new layout of a page moves every picture. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#settle();
    });
  }

  #settle(): void {
    if (this.#looks.size === 0) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#socket?.close();
      this.#lose(this.#socket);
    } else if (!this.#socket) {
      if (this.#timer === undefined && !this.#searching) void this.#begin();
    } else if (this.#open) {
      this.#ask();
    }
  }

  async #begin(): Promise<void> {
    this.#searching = true;
    try {
      const { url, token } = await this.#find();
      if (this.#looks.size === 0) return;
      const socket = this.#connect(url.replace(/\/control$/, "/pictures"));
      socket.binaryType = "arraybuffer";
      this.#socket = socket;
      socket.onopen = () => {
        if (this.#socket !== socket) return;
        socket.send(JSON.stringify({ frame: "hello", token }));
        this.#open = true;
        this.#ask();
      };
      socket.onmessage = (message) => {
        if (this.#socket === socket) this.#receive(message.data as unknown);
      };
      socket.onclose = () => {
        if (this.#socket === socket) {
          this.#lose(socket);
          this.#retry();
        }
      };
      socket.onerror = () => {};
    } catch {
      // The door itself tells why.
      this.#retry();
    } finally {
      this.#searching = false;
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
    for (const looked of this.#looks.values()) looked.lost();
  }

  #ask(): void {
    const pictures: ShownPicture[] = [];
    for (const [number, { of, look }] of this.#looks) {
      if (look.visible) pictures.push({ number, ...of, width: look.width });
    }
    const frame: PictureFrame = { frame: "show", layout: this.#layout, pictures };
    const asked = JSON.stringify(frame);
    if (asked === this.#asked) return;
    this.#asked = asked;
    this.#send(frame);
  }

  #send(frame: PictureFrame): void {
    if (this.#open) this.#socket?.send(JSON.stringify(frame));
  }

  #receive(data: unknown): void {
    if (!(data instanceof ArrayBuffer)) return;
    const picture = new DataView(data);
    const header = readHeader(picture);
    if (!header) return;
    this.#looks.get(header.number)?.take(picture, header);
  }
}
