// Who offers to whom when everyone has a connection to everyone. Pure.

import type { UserInRoom } from "../talk/api";

/** In-call flags. */
export const IN_CALL = 1;
export const WITH_AUDIO = 2;
export const WITH_VIDEO = 4;

export const hasStreams = (flags: number): boolean => (flags & (WITH_AUDIO | WITH_VIDEO)) !== 0;

/** Whether this side makes the offer: the larger session id does, and always the one side that has streams. */
export function offers(own: { sessionId: string; inCall: number }, other: UserInRoom): boolean {
  if (!hasStreams(own.inCall)) return false;
  return !hasStreams(other.inCall) || other.sessionId < own.sessionId;
}

/** Whether the two need a connection at all. */
export function connects(own: { inCall: number }, other: UserInRoom): boolean {
  return own.inCall !== 0 && other.inCall !== 0 && (hasStreams(own.inCall) || hasStreams(other.inCall));
}

/** What changed between who is connected and who is in the call now. From a media server (`received`) there is only
 * what others send, whatever we send. */
export function changes(
  own: { sessionId: string; inCall: number },
  connected: Iterable<string>,
  users: UserInRoom[],
  received = false,
): { arrived: UserInRoom[]; left: string[] } {
  const wanted = (user: UserInRoom) =>
    received ? own.inCall !== 0 && hasStreams(user.inCall) : connects(own, user);
  const others = users.filter((user) => user.sessionId !== own.sessionId && wanted(user));
  const present = new Set(others.map((user) => user.sessionId));
  const known = new Set(connected);
  return {
    arrived: others.filter((user) => !known.has(user.sessionId)),
    left: [...known].filter((session) => !present.has(session)),
  };
}
