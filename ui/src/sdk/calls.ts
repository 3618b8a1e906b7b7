// The call surface our own views use. Each function is one command to the core; progress comes back as whole states.

import type { CallView, ContactView, DeviceRole, InvitationView, Media, RoomView } from "../contract/contract";
import type { Door } from "../platform/door";

/** Rings someone. Resolves with the call's id once the call has begun. */
export async function makeCall(door: Door, account: string | null, contact: string, media: Media): Promise<string> {
  const reply = await door.command({ command: "make_call", account, contact, media });
  return reply.reply === "call" ? reply.call : "";
}

/** Joins the call in a conversation, or starts one. */
export async function joinRoom(door: Door, account: string | null, room: string, media: Media): Promise<string> {
  const reply = await door.command({ command: "join_room", account, room, media });
  return reply.reply === "call" ? reply.call : "";
}

/** Takes a ringing call. */
export async function answerCall(door: Door, call: CallView, media: Media): Promise<void> {
  await door.command({ command: "answer", call: call.id, media });
}

/** Refuses a ringing call. */
export async function declineCall(door: Door, call: CallView): Promise<void> {
  await door.command({ command: "decline", call: call.id });
}

/** Leaves a call. */
export async function endCall(door: Door, call: CallView): Promise<void> {
  await door.command({ command: "end", call: call.id });
}

/** Sends silence, or the microphone again. */
export async function muteAudio(door: Door, call: CallView, muted: boolean): Promise<void> {
  await door.command({ command: "set_muted", call: call.id, kind: "audio", muted });
}

/** Pauses or resumes a call. */
export async function holdCall(door: Door, call: CallView, held: boolean): Promise<void> {
  await door.command({ command: "set_hold", call: call.id, held });
}

/** Chooses a sound device; `null` is the system's default. */
export async function selectDevice(door: Door, role: DeviceRole, name: string | null): Promise<void> {
  await door.command({ command: "select_device", role, name });
}

/** People one can call; an empty text lists everyone the server tells. */
export async function searchContacts(door: Door, account: string | null, text: string): Promise<ContactView[]> {
  const reply = await door.command({ command: "search_contacts", account, text });
  return reply.reply === "contacts" ? reply.contacts : [];
}

/** The account's conversations. */
export async function listRooms(door: Door, account: string | null): Promise<RoomView[]> {
  const reply = await door.command({ command: "list_rooms", account });
  return reply.reply === "rooms" ? reply.rooms : [];
}

/** Makes a link by which someone can register on the embedded server. */
export async function createInvitation(door: Door): Promise<InvitationView | null> {
  const reply = await door.command({ command: "create_invitation" });
  return reply.reply === "invitation" ? reply.invitation : null;
}
