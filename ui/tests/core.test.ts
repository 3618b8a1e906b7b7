import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { ClientFrame, CoreFrame } from "../src/sdk/contract";
import { CoreDoor, RETRY_MS, type Socket } from "../src/sdk/core_door";
import { type Notice, problemOf } from "../src/sdk/door";
import { FRESH } from "../src/platform/fake";
import { doorInFragment } from "../src/platform/window";

class FakeSocket implements Socket {
  onopen: (() => void) | null = null;
  onmessage: ((message: MessageEvent) => void) | null = null;
  onclose: (() => void) | null = null;
  readonly sent: ClientFrame[] = [];
  constructor(readonly url: string) {}
  send(text: string): void {
    this.sent.push(JSON.parse(text) as ClientFrame);
  }
  close(): void {
    this.onclose?.();
  }
  say(frame: CoreFrame | string): void {
    this.onmessage?.({ data: typeof frame === "string" ? frame : JSON.stringify(frame) } as MessageEvent);
  }
  greet(): void {
    this.onopen?.();
    this.say({ frame: "welcome", version: "1" });
    this.say({ frame: "event", event: { event: "state", state: FRESH } });
  }
}

let sockets: FakeSocket[];
let notices: Notice[];
let found: number;

function open(find: () => Promise<{ url: string; token: string }> = async () => ({ url: `ws://${++found}`, token: `t${found}` })) {
  const door = new CoreDoor(find, (url) => {
    const socket = new FakeSocket(url);
    sockets.push(socket);
    return socket;
  });
  door.listen((notice) => notices.push(notice));
  return door;
}
const links = () => notices.flatMap((notice) => (notice.notice === "link" ? [notice.link.link] : []));
const turn = () => vi.advanceTimersByTimeAsync(0);

beforeEach(() => {
  vi.useFakeTimers();
  sockets = [];
  notices = [];
  found = 0;
});
afterEach(() => vi.useRealTimers());

test("the token is the first frame, and the door is open after the welcome", async () => {
  open();
  await turn();
  expect(sockets[0]?.url).toBe("ws://1");
  sockets[0]?.onopen?.();
  expect(sockets[0]?.sent).toEqual([{ frame: "hello", token: "t1" }]);
  expect(links()).toEqual(["opening"]);
  sockets[0]?.say({ frame: "welcome", version: "1" });
  expect(links()).toEqual(["opening", "open"]);
});

test("answers find their commands in any order", async () => {
  const door = open();
  await turn();
  sockets[0]!.greet();
  const first = door.command({ command: "list_rooms", account: null });
  const second = door.command({ command: "make_call", account: null, contact: "echo", media: "voice" });
  const refused = second.catch(problemOf);
  const [one, two] = sockets[0]!.sent.slice(1).map((frame) => (frame.frame === "command" ? frame.id : 0));
  sockets[0]!.say({ frame: "reply", id: two!, outcome: { outcome: "failed", problem: { number: 0, code: "not-now", detail: "" } } });
  sockets[0]!.say({ frame: "reply", id: one!, outcome: { outcome: "done", reply: { reply: "rooms", rooms: [] } } });
  expect(await first).toEqual({ reply: "rooms", rooms: [] });
  expect(await refused).toMatchObject({ code: "not-now" });
});

test("when the core goes, what was asked fails and a new core is found at its new address", async () => {
  const door = open();
  await turn();
  sockets[0]!.greet();
  const asked = door.command({ command: "status" }).catch(problemOf);
  sockets[0]!.close();
  expect(await asked).toMatchObject({ code: "core-gone" });
  expect(await door.command({ command: "status" }).catch(problemOf)).toMatchObject({ code: "core-gone" });
  expect(links().at(-1)).toBe("lost");
  await vi.advanceTimersByTimeAsync(RETRY_MS[0]!);
  expect(sockets).toHaveLength(2);
  expect(sockets[1]!.url).toBe("ws://2");
  sockets[1]!.greet();
  expect(sockets[1]!.sent[0]).toEqual({ frame: "hello", token: "t2" });
  expect(links()).toEqual(["opening", "open", "lost", "open"]);
});

test("a core that is not found is looked for again, less and less often, and the reason is told", async () => {
  let tries = 0;
  open(() => {
    tries += 1;
    return Promise.reject({ code: "no-core-program", detail: "bellbird-cli cannot be started" });
  });
  await turn();
  expect(tries).toBe(1);
  expect(notices.at(-1)).toMatchObject({ link: { link: "lost", problem: { code: "no-core-program" } } });
  let elapsed = 0;
  for (const wait of RETRY_MS) {
    await vi.advanceTimersByTimeAsync(wait);
    elapsed += wait;
  }
  expect(tries).toBe(1 + RETRY_MS.length);
  await vi.advanceTimersByTimeAsync(RETRY_MS.at(-1)!);
  expect(tries).toBe(2 + RETRY_MS.length);
  expect(elapsed).toBeGreaterThan(5000);
});

test("trying now does not wait, and an older try that answers late is ignored", async () => {
  const door = open();
  await turn();
  sockets[0]!.greet();
  sockets[0]!.close();
  door.retry();
  await turn();
  expect(sockets).toHaveLength(2);
  sockets[1]!.greet();
  const before = notices.length;
  sockets[0]!.say({ frame: "event", event: { event: "raise_window" } });
  sockets[0]!.onclose?.();
  expect(notices).toHaveLength(before);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(sockets).toHaveLength(2);
});

test("a core that was asked to stop is not started again until the person says so", async () => {
  const door = open();
  await turn();
  sockets[0]!.greet();
  sockets[0]!.say({ frame: "event", event: { event: "stopping" } });
  sockets[0]!.close();
  expect(links().at(-1)).toBe("stopped");
  await vi.advanceTimersByTimeAsync(60_000);
  expect(sockets).toHaveLength(1);
  door.retry();
  await turn();
  expect(sockets).toHaveLength(2);
});

test("what answers and never greets is given up", async () => {
  open();
  await turn();
  sockets[0]!.onopen?.();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(links().at(-1)).toBe("lost");
});

test("frames that make no sense are passed over", async () => {
  open();
  await turn();
  sockets[0]!.greet();
  const before = notices.length;
  sockets[0]!.say("{");
  sockets[0]!.say({ frame: "reply", id: 999, outcome: { outcome: "done", reply: { reply: "ok" } } });
  expect(notices).toHaveLength(before);
});

test("in a browser the address stands in the fragment", () => {
  expect(doorInFragment("#door=ws%3A%2F%2F127.0.0.1%3A4000%2Fcontrol&token=a%2Bb")).toEqual({
    url: "ws://127.0.0.1:4000/control",
    token: "a+b",
  });
  expect(() => doorInFragment("")).toThrow();
});
