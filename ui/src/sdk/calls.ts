// The call surface our own views use. Each function is one command to the core; progress comes back as whole states.

import type { CallView, ContactView, DeviceRole, InvitationView, Media, RoomView, ScreenView } from "../contract/contract";
import type { Door } from "../platform/door";

/** Rings someone. Resolves with the call's id once the call has begun. */
export async function makeCall(door: Door, account: string | null, contact: string, media: Media): Promise<string> {
  const reply = await door.command({ command: "make_call", account, contact, media });
  return reply.reply === "call" ? reply.call : "";
}

/** Joins the call in a conversation, or starts one; by link as a guest when a name is given. */
export async function joinRoom(
  door: Door,
  account: string | null,
  room: string,
  media: Media,
  guest_name: string | null = null,
): Promise<string> {
  const reply = await door.command({ command: "join_room", account, room, media, guest_name });
  return reply.reply === "call" ? reply.call : "";
}

/** The password that a conversation's entrance asks for. */
export async function enterPassword(door: Door, call: CallView, password: string): Promise<void> {
  await door.command({ command: "enter_password", call: call.id, password });
}

/** The person agrees to being recorded. */
export async function giveConsent(door: Door, call: CallView): Promise<void> {
  await door.command({ command: "give_consent", call: call.id });
}

/** Begins a sign-in through the browser; `null` when the server wants a name and password instead. */
export async function signInByBrowser(door: Door, server: string): Promise<string | null> {
  const reply = await door.command({ command: "sign_in_by_browser", server });
  return reply.reply === "sign_in" ? reply.address : null;
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

/** Switches the camera off, or on again. */
export async function muteVideo(door: Door, call: CallView, muted: boolean): Promise<void> {
  await door.command({ command: "set_muted", call: call.id, kind: "video", muted });
}

/** Screens and windows that can be shared, with pictures of them. */
export async function listScreens(door: Door): Promise<ScreenView[]> {
  const reply = await door.command({ command: "list_screens" });
  return reply.reply === "screens" ? reply.screens : [];
}

/** Shares a screen or window, one of {@link listScreens}. */
export async function shareScreen(door: Door, call: CallView, screen: string): Promise<void> {
  await door.command({ command: "share_screen", call: call.id, screen });
}

/** Shares nothing any more. */
export async function stopSharing(door: Door, call: CallView): Promise<void> {
  await door.command({ command: "stop_sharing", call: call.id });
}

/** Pauses or resumes a call. */
export async function holdCall(door: Door, call: CallView, held: boolean): Promise<void> {
  await door.command({ command: "set_hold", call: call.id, held });
}

/** Leaves a call and ends it for all. */
export async function endForEveryone(door: Door, call: CallView): Promise<void> {
  await door.command({ command: "end_for_everyone", call: call.id });
}

/** Raises our hand, or takes it down. */
export async function raiseHand(door: Door, call: CallView, raised: boolean): Promise<void> {
  await door.command({ command: "set_hand", call: call.id, raised });
}

/** Shows the others an emoji, one of the call's. */
export async function react(door: Door, call: CallView, reaction: string): Promise<void> {
  await door.command({ command: "react", call: call.id, reaction });
}

/** Has someone's microphone switched off. */
export async function askToMute(door: Door, call: CallView, participant: string): Promise<void> {
  await door.command({ command: "ask_to_mute", call: call.id, participant });
}

/** Adds someone to the conversation of a call, and rings them. */
export async function addPerson(door: Door, call: CallView, contact: string): Promise<void> {
  await door.command({ command: "add_person", call: call.id, contact });
}

/** Makes a conversation of several. */
export async function createRoom(
  door: Door,
  account: string | null,
  name: string,
  people: readonly string[],
  open_to_all: boolean,
): Promise<RoomView | null> {
  const reply = await door.command({ command: "create_room", account, name, public: open_to_all, people: [...people] });
  return reply.reply === "room" ? reply.room : null;
}

/** Chooses a device; `null` is the system's default. */
export async function selectDevice(door: Door, role: DeviceRole, name: string | null): Promise<void> {
  await door.command({ command: "select_device", role, name });
}

/** People one can call, of one account or of all; an empty text lists everyone the server tells. */
export async function searchContacts(door: Door, account: string | null, text: string): Promise<ContactView[]> {
  const reply = await door.command({ command: "search_contacts", account, text });
  return reply.reply === "contacts" ? reply.contacts : [];
}

/** Somebody's picture as a `data:` address; `null` when they have none. */
export async function avatarOf(door: Door, account: string, contact: string): Promise<string | null> {
  const reply = await door.command({ command: "avatar", account, contact });
  return reply.reply === "avatar" ? reply.image : null;
}

/** The conversations of one account or of all. */
export async function listRooms(door: Door, account: string | null): Promise<RoomView[]> {
  const reply = await door.command({ command: "list_rooms", account });
  return reply.reply === "rooms" ? reply.rooms : [];
}

/** Makes a link by which someone can register on the embedded server. */
export async function createInvitation(door: Door): Promise<InvitationView | null> {
  const reply = await door.command({ command: "create_invitation" });
  return reply.reply === "invitation" ? reply.invitation : null;
}
