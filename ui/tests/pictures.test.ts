import { afterEach, expect, test, vi } from "vitest";

import { CorePictures, type PictureSocket, readHeader } from "../src/sdk/pictures";

class FakeSocket implements PictureSocket {
  binaryType: BinaryType = "blob";
  onopen: PictureSocket["onopen"] = null;
  onmessage: PictureSocket["onmessage"] = null;
  onclose: PictureSocket["onclose"] = null;
  sent: { frame: string; number?: number; pictures?: { number: number; participant: string | null }[] }[] = [];
  closed = false;
  send(text: string): void {
    this.sent.push(JSON.parse(text) as FakeSocket["sent"][number]);
  }
  close(): void {
    this.closed = true;
  }
}

function picture(number: number): ArrayBuffer {
  const bytes = new DataView(new ArrayBuffer(12 + 2 * 2 * 4));
  bytes.setUint32(0, number, true);
  bytes.setUint16(4, 2, true);
  bytes.setUint16(6, 2, true);
  bytes.setUint8(8, 1);
  return bytes.buffer;
}

const settle = () => new Promise((resolve) => setTimeout(resolve));
const of = (participant: string | null) => ({ call: "c1", participant, kind: "video" as const });

function open() {
  const sockets: FakeSocket[] = [];
  const urls: string[] = [];
  const connect = (url: string) => {
    urls.push(url);
    const socket = new FakeSocket();
    sockets.push(socket);
    return socket;
  };
  const find = () => Promise.resolve({ url: "ws://127.0.0.1:4000/control", token: "t" });
  return { pictures: new CorePictures(find, connect), sockets, urls };
}

afterEach(() => vi.unstubAllGlobals());

test("a header that does not fit its pixels is none", () => {
  expect(readHeader(new DataView(picture(7)))).toEqual({ number: 7, width: 2, height: 2, layout: "rgba" });
  expect(readHeader(new DataView(picture(7).slice(0, 20)))).toBeNull();
  expect(readHeader(new DataView(new ArrayBuffer(3)))).toBeNull();
});

test("the socket is open while something is shown, and asks for that alone", async () => {
  const { pictures, sockets, urls } = open();
  const first = pictures.attach(of("p1"), document.createElement("canvas"), () => {});
  await settle();
  expect(urls).toEqual(["ws://127.0.0.1:4000/pictures"]);
  const socket = sockets[0]!;
  socket.onopen?.call(undefined as never, undefined as never);
  expect(socket.sent.map((one) => one.frame)).toEqual(["hello", "show"]);
  const second = pictures.attach(of(null), document.createElement("canvas"), () => {});
  await settle();
  expect(socket.sent.at(-1)?.pictures?.map((one) => one.participant)).toEqual(["p1", null]);
  first();
  await settle();
  expect(socket.sent.at(-1)?.pictures?.map((one) => one.participant)).toEqual([null]);
  second();
  await settle();
  expect(socket.closed).toBe(true);
  expect(sockets.length).toBe(1);
});

test("a picture is given back when it was drawn, not when it came", async () => {
  const beats: (() => void)[] = [];
  vi.stubGlobal("requestAnimationFrame", (beat: () => void) => beats.push(beat));
  vi.stubGlobal("ImageData", class {});
  const { pictures, sockets } = open();
  const canvas = document.createElement("canvas");
  let painted = 0;
  vi.spyOn(canvas, "getContext").mockReturnValue({ putImageData: () => (painted += 1) } as never);
  let drawn = 0;
  pictures.attach(of("p1"), canvas, () => (drawn += 1));
  await settle();
  const socket = sockets[0]!;
  socket.onopen?.call(undefined as never, undefined as never);
  const number = socket.sent.at(-1)!.pictures![0]!.number;
  for (let n = 0; n < 2; n += 1) socket.onmessage?.call(undefined as never, { data: picture(number) } as MessageEvent);
  expect(socket.sent.filter((one) => one.frame === "drawn")).toEqual([]);
  expect(beats.length).toBe(1);
  beats[0]!();
  // The older of the two was overtaken before it could be seen; both are given back.
  expect([painted, drawn]).toEqual([1, 1]);
  expect(socket.sent.filter((one) => one.frame === "drawn").map((one) => one.number)).toEqual([number, number]);
});
