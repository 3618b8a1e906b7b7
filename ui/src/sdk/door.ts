// What the rest of the SDK knows of the core: commands in, notices out. Who is behind it, a WebSocket or a test's
// script, it cannot tell.

import type { Command, Event, Problem, Reply } from "./contract.js";

/** Where a running core listens. */
export interface DoorAddress {
  url: string;
  token: string;
}

/** How the connection to the core stands. */
export type Link =
  | { link: "opening" }
  | { link: "open"; version: string }
  /**
   * Lost or never reached; being looked for again. `problem`: why the last try failed, when that is known. `refused`: a
   * core is there and does not take this token; why, in its words.
   */
  | { link: "lost"; since: number; problem: Problem | null; refused?: string }
  /** The core ended because it was asked to. */
  | { link: "stopped" };

/** What comes out of the door unasked. */
export type Notice = { notice: "link"; link: Link } | { notice: "event"; event: Event };

/** A door into a core. */
export interface Door {
  /** Asks the core for something. Rejects with a {@link Refusal}. */
  command(command: Command): Promise<Reply>;
  /** Calls back with every notice, the present link first. Returns what ends it. */
  listen(listener: (notice: Notice) => void): () => void;
  /** Looks for the core again, now, when the link is lost or stopped. */
  retry(): void;
  /** Lets go of the core for good: what waits for an answer is refused, and nothing is told any more. */
  close(): void;
}

/** A command that was not done. */
export class Refusal extends Error {
  constructor(readonly problem: Problem) {
    super(`${problem.code}: ${problem.detail}`);
  }
}

/** The problem in anything thrown by {@link Door.command} or by looking for the core. */
export function problemOf(thrown: unknown): Problem {
  if (thrown instanceof Refusal) return thrown.problem;
  if (typeof thrown === "object" && thrown !== null && "code" in thrown && "detail" in thrown) {
    return { number: 0, code: String(thrown.code), detail: String(thrown.detail) };
  }
  return { number: 0, code: "internal", detail: thrown instanceof Error ? thrown.message : String(thrown) };
}
