// The package: everything a program in front of the door needs.

export type * from "./contract.js";
export { PROBLEM_CODES } from "./contract.js";
export { CoreDoor, RETRY_MS, type Socket } from "./core_door.js";
export { type Door, type DoorAddress, type Link, type Notice, Refusal, problemOf } from "./door.js";
export { HEADER, Look, PictureFeed, type PictureHeader, type PictureOf, type PictureSocket, type RawPicture, readHeader } from "./feed.js";
export { type Named, escapeLocal, groupJid, guestJid, hostOf, parseJid, unescapeLocal, userJid } from "./jid.js";
export {
  type CallbackListeners,
  type ConnectionPayload,
  type ConnectionStatus,
  type HelperObject,
  type ListenerName,
  type ListenerPayloads,
  type UserTrackPayload,
} from "./listeners.js";
export { isNative } from "./native_track.js";
export type { OfCall } from "./own_methods.js";
export { CorePictures, type Pictures } from "./pictures.js";
export { ACCEPTED, type Result, type ResultWith, accepted, problemIn } from "./result.js";
export {
  BellbirdSdk,
  type CallInfoResult,
  type Initialization,
  type MakeCallResult,
  type Parts,
  type WhereIsTheDoor,
  callTypeOf,
} from "./sdk.js";
export type { CallTrack, Frame, TrackSettings, TrackSource } from "./track.js";
