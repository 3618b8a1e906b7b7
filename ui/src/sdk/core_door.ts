// The door into a running core: the control WebSocket. When the core goes away it is looked for again, with a fresh
// address each time, because a new core has a new port and a new token.

import type { ClientFrame, Command, CoreFrame, Problem, Reply } from "./contract.js";
import { type Door, type DoorAddress, type Link, type Notice, Refusal, problemOf } from "./door.js";

/** The part of a WebSocket that is used, so that a test can stand in for one. */
export interface Socket {
  onopen: ((this: never, event: never) => unknown) | null;
  onmessage: ((this: never, message: MessageEvent) => unknown) | null;
  onclose: ((this: never, event: CloseEvent) => unknown) | null;
  onerror?: ((this: never, event: never) => unknown) | null;
  send(text: string): void;
  close(): void;
}

/** Waits before the tries to find a lost core, in ms; the last one repeats. */
export const RETRY_MS = [200, 500, 1000, 2000, 4000];

/** A core that says nothing for this long after the socket opened is not one. */
const WELCOME_MS = 10_000;

/** How a socket is closed on whoever shows a wrong token, or none. */
const POLICY_VIOLATION = 1008;

interface Pending {
  resolve: (reply: Reply) => void;
  reject: (refusal: Refusal) => void;
}

/** The runtime's own WebSocket. */
export function openSocket(url: string): WebSocket {
  if (typeof WebSocket === "undefined") {
    throw new Refusal({ number: 0, code: "internal", detail: "this runtime has no WebSocket: Node has one from version 22 on" });
  }
  return new WebSocket(url);
}

/** A door over a WebSocket. Begins to open at once. */
export class CoreDoor implements Door {
  #find: () => Promise<DoorAddress>;
  #connect: (url: string) => Socket;
  #socket: Socket | null = null;
  #link: Link = { link: "opening" };
  #listeners = new Set<(notice: Notice) => void>();
  #pending = new Map<number, Pending>();
  #nextId = 1;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Tells a late answer of an attempt that was given up from the present one. */
  #attempt = 0;
  #closed = false;

  constructor(find: () => Promise<DoorAddress>, connect: (url: string) => Socket = openSocket) {
    this.#find = find;
    this.#connect = connect;
    void this.#open();
  }

  command(command: Command): Promise<Reply> {
    const socket = this.#socket;
    if (!socket || this.#link.link !== "open") {
      return Promise.reject(new Refusal({ number: 0, code: "core-gone", detail: "the core is not connected" }));
    }
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#send(socket, { frame: "command", id, command });
    });
  }

  listen(listener: (notice: Notice) => void): () => void {
    this.#listeners.add(listener);
    listener({ notice: "link", link: this.#link });
    return () => this.#listeners.delete(listener);
  }

  retry(): void {
    if (this.#link.link === "open" || this.#link.link === "opening") return;
    if (this.#link.link === "stopped") this.#setLink({ link: "opening" });
    this.#failures = 0;
    void this.#open();
  }

  close(): void {
    this.#closed = true;
    this.#attempt += 1;
    this.#socket?.close();
    this.#listeners.clear();
    this.#lose(null);
  }

  async #open(): Promise<void> {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    const attempt = ++this.#attempt;
    try {
      const address = await this.#find();
      if (attempt !== this.#attempt) return;
      this.#attach(this.#connect(address.url), address.token, attempt);
    } catch (thrown) {
      if (attempt === this.#attempt) this.#lose(problemOf(thrown));
    }
  }

  #attach(socket: Socket, token: string, attempt: number): void {
    this.#socket = socket;
    this.#timer = setTimeout(() => socket.close(), WELCOME_MS);
    socket.onopen = () => this.#send(socket, { frame: "hello", token });
    socket.onmessage = (message) => {
      if (attempt === this.#attempt) this.#receive(message.data as unknown);
    };
    socket.onclose = (event) => {
      if (attempt !== this.#attempt) return;
      const refused = (event as CloseEvent | undefined)?.code === POLICY_VIOLATION && this.#link.link !== "open";
      this.#lose(null, refused ? event.reason || "refused" : undefined);
    };
    // What went wrong is told by the close that follows; some runtimes end the program for an error nobody heard.
    socket.onerror = () => {};
  }

  #send(socket: Socket, frame: ClientFrame): void {
    socket.send(JSON.stringify(frame));
  }

  #receive(data: unknown): void {
    if (typeof data !== "string") return;
    let frame: CoreFrame;
    try {
      frame = JSON.parse(data) as CoreFrame;
    } catch {
      return;
    }
    switch (frame.frame) {
      case "welcome":
        clearTimeout(this.#timer);
        this.#failures = 0;
        this.#setLink({ link: "open", version: frame.version });
        break;
      case "reply": {
        const pending = this.#pending.get(frame.id);
        this.#pending.delete(frame.id);
        if (frame.outcome.outcome === "done") pending?.resolve(frame.outcome.reply);
        else pending?.reject(new Refusal(frame.outcome.problem));
        break;
      }
      case "event":
        if (frame.event.event === "stopping") this.#setLink({ link: "stopped" });
        this.#tell({ notice: "event", event: frame.event });
        break;
    }
  }

  #lose(problem: Problem | null, refused?: string): void {
    clearTimeout(this.#timer);
    this.#socket = null;
    for (const pending of this.#pending.values()) {
      pending.reject(new Refusal({ number: 0, code: "core-gone", detail: "the core went away before it answered" }));
    }
    this.#pending.clear();
    if (this.#closed || this.#link.link === "stopped") return;
    const since = this.#link.link === "lost" ? this.#link.since : Date.now();
    this.#setLink(refused === undefined ? { link: "lost", since, problem } : { link: "lost", since, problem, refused });
    // A listener may have had enough of it.
    if (this.#closed as boolean) return;
    const wait = RETRY_MS[Math.min(this.#failures, RETRY_MS.length - 1)];
    this.#failures += 1;
    this.#timer = setTimeout(() => void this.#open(), wait);
  }

  #setLink(link: Link): void {
    this.#link = link;
    this.#tell({ notice: "link", link });
  }

  #tell(notice: Notice): void {
    for (const listener of [...this.#listeners]) listener(notice);
  }
}
