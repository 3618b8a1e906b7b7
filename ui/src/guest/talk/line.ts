// The way messages take between this page and the others in the room.

import { type PeerMessage, Refused, type TalkRoom, type UserInRoom } from "./api";

export interface LineEvents {
  /** Everybody in the room, this page included. */
  users(users: UserInRoom[]): void;
  message(message: PeerMessage): Promise<void>;
  /** Something may have changed for who waits. */
  stirred(): void;
  /** This page goes by another name from now on: all connections have to be made anew. */
  renamed(): void;
  /** Removed, or the conversation is gone; nothing to come back to. */
  over(): void;
}

export interface Line {
  /** The name that others know this page by. */
  readonly own: string;
  /** Media go through a server that each publishes to once and receives each other from. */
  readonly publishes: boolean;
  send(message: PeerMessage): void;
  /** To everybody in the room. */
  sendToRoom(message: PeerMessage): void;
  close(): void;
}

/** Pauses between tries when the server does not answer, in ms. */
export const RETRY_MS = [1000, 2000, 4000, 8000];

export const pause = (failures: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, RETRY_MS[Math.min(failures, RETRY_MS.length - 1)]));

/** Over the API by long polls, which also keep the session alive. */
export class PolledLine implements Line {
  readonly publishes = false;
  private readonly aborter = new AbortController();
  private queue: PeerMessage[] = [];
  private sending = false;
  private others: string[] = [];

  constructor(
    private readonly room: TalkRoom,
    readonly own: string,
    private readonly events: LineEvents,
  ) {
    void this.listen();
  }

  /** Keeps the order and takes along what queued up while a request was under way. */
  send(message: PeerMessage): void {
    this.queue.push(message);
    if (!this.sending) void this.drain();
  }

  /** Over this line each has to be told. */
  sendToRoom(message: PeerMessage): void {
    for (const to of this.others) this.send({ ...message, to });
  }

  close(): void {
    this.aborter.abort();
  }

  private async drain(): Promise<void> {
    this.sending = true;
    while (this.queue.length > 0) {
      await this.room.send(this.own, this.queue.splice(0)).catch(() => undefined);
    }
    this.sending = false;
  }

  private async listen(): Promise<void> {
    const closed = this.aborter.signal;
    let failures = 0;
    while (!closed.aborted) {
      try {
        for (const item of await this.room.pull(closed)) {
          if (item.type === "message") await this.events.message(item.message);
          else {
            this.others = item.users.map((user) => user.sessionId).filter((session) => session !== this.own);
            this.events.users(item.users);
          }
        }
        failures = 0;
        this.events.stirred();
      } catch (error) {
        if (closed.aborted) return;
        // 404: removed or the room is gone. 409: joined from elsewhere. Neither comes back by trying.
        if (error instanceof Refused && (error.status === 404 || error.status === 409)) return this.events.over();
        await pause(failures++);
      }
    }
  }
}
