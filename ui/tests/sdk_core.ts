// A core of which a test plays every frame, behind the SDK's own sockets.

import type { AppView, ClientFrame, CoreFrame, PictureFrame, Reply, SdkEvent } from "../src/sdk/contract";
import { type BellbirdSdk } from "../src/sdk/sdk";
import { SIGNED_IN } from "../src/platform/fake";

/** One socket, as the core sees it. */
export class CoreSocket {
  binaryType: BinaryType = "blob";
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  readonly sent: unknown[] = [];
  closed = false;
  constructor(readonly url: string) {}

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }
  close(): void {
    this.end(1005);
  }

  end(code: number, reason = ""): void {
    if (this.closed) return;
    this.closed = true;
    this.onclose?.({ code, reason });
  }
  say(frame: CoreFrame): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
  /** Lets the client in. */
  greet(state: AppView = SIGNED_IN): void {
    this.onopen?.();
    this.say({ frame: "welcome", version: "1" });
    this.say({ frame: "event", event: { event: "state", state } });
  }
  tell(callback: SdkEvent): void {
    this.say({ frame: "event", event: { event: "sdk", callback } });
  }
  get commands() {
    return (this.sent as ClientFrame[]).flatMap((frame) => (frame.frame === "command" ? [frame] : []));
  }
  /** Answers the last command. */
  answer(reply: Reply): void {
    this.say({ frame: "reply", id: this.commands.at(-1)!.id, outcome: { outcome: "done", reply } });
  }
  refuse(code: string, detail = ""): void {
    const problem = { number: 0, code, detail };
    this.say({ frame: "reply", id: this.commands.at(-1)!.id, outcome: { outcome: "failed", problem } });
  }
  get shown() {
    return (this.sent as PictureFrame[]).flatMap((frame) => (frame.frame === "show" ? [frame] : []));
  }
}

/** Every socket opened, in order. */
export class ScriptedCore {
  readonly sockets: CoreSocket[] = [];

  readonly webSocket = (url: string): CoreSocket => {
    const socket = new CoreSocket(url);
    this.sockets.push(socket);
    return socket;
  };

  /** The newest socket of a kind. */
  newest(path: "/control" | "/pictures" = "/control"): CoreSocket {
    const found = this.sockets.filter((socket) => socket.url.endsWith(path)).at(-1);
    if (!found) throw new Error(`no socket to ${path}`);
    return found;
  }
}

export const DOOR = { url: "ws://127.0.0.1:4000/control", token: "t" };

/** Lets promises settle. */
export async function turn(): Promise<void> {
  for (let n = 0; n < 10; n += 1) await Promise.resolve();
}

/** Connects an SDK to a scripted core. */
export async function connected(sdk: BellbirdSdk, core: ScriptedCore): Promise<CoreSocket> {
  const connecting = sdk.connect();
  await turn();
  core.newest().greet();
  await connecting;
  return core.newest();
}
