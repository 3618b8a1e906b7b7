// How every method answers: a value, also when it was refused.

import type { Problem, Reply, SdkResult } from "./contract.js";

/** Accepted. */
export const ACCEPTED = 200;

/** Of every method. 200 is accepted; anything else a refusal, whose stable `code` and `message` say why. */
export type Result = Pick<SdkResult, "statusCode" | "message" | "code">;

/** Of a method that yields something: what it yields is there when it was accepted. */
export type ResultWith<T> = Result & Partial<T>;

/** Statuses of refusals, as the core has them for its own. What is not here is 500: it failed, on our side or the server's. */
const STATUS: Record<string, number> = {
  "not-now": 400,
  "bad-link": 400,
  "wrong-password": 401,
  "signed-out": 401,
  forbidden: 403,
  "read-only": 403,
  lobby: 403,
  "password-needed": 403,
  "consent-needed": 403,
  "not-a-talk-server": 403,
  "unknown-user": 404,
  "unknown-room": 404,
  "core-gone": 503,
};

/** A refusal. */
export function refused(problem: Problem): Result {
  return {
    statusCode: STATUS[problem.code] ?? 500,
    message: problem.detail || problem.code,
    code: problem.code,
  };
}

/** Success. */
export const DONE: Result = { statusCode: ACCEPTED, message: "accepted" };

/** A refusal yields nothing. */
export function nothing<T>(result: Result): ResultWith<T> {
  return result as ResultWith<T>;
}

/** Picks what a reply yields; a reply of another kind is the core's mistake. */
export function yielded<K extends Reply["reply"], T>(
  reply: Reply,
  kind: K,
  pick: (reply: Extract<Reply, { reply: K }>) => T,
): ResultWith<T> {
  if (reply.reply !== kind) return nothing(refused({ number: 0, code: "internal", detail: `the core answered ${reply.reply}` }));
  return { ...DONE, ...pick(reply as Extract<Reply, { reply: K }>) };
}

/** Whether it was accepted. */
export function accepted(result: Result): boolean {
  return result.statusCode === ACCEPTED;
}

/** The problem in a refusal, for those that have words by its code; `null` when it was accepted. */
export function problemIn(result: Result): Problem | null {
  if (accepted(result)) return null;
  const code = result.code ?? "internal";
  return { number: 0, code, detail: result.message === code ? "" : result.message };
}
