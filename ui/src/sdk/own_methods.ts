// What our own window needs beyond the model's surface: more of a call, people, conversations, devices, signing in, and
// who else may steer this core. Each is one command to the core; progress comes back as whole states.

import type {
  AppView,
  Command,
  ContactView,
  DeviceRole,
  InvitationView,
  Media,
  ProgramView,
  RemoteJoinPolicy,
  Reply,
  RoomView,
  ScreenView,
} from "./contract.js";
import { type Door, problemOf } from "./door.js";
import { DONE, type Result, type ResultWith, nothing, refused, yielded } from "./result.js";

/** Which call; left out, the current one. */
export interface OfCall {
  call?: string;
}

/** The methods that are ours. */
export abstract class OwnMethods {
  /** The door in use; `null` before `initializeSDK`. */
  protected abstract get door(): Door | null;

  /** The account that is meant when none is named. */
  protected abstract get ownAccount(): string | null;

  /** Begins a call in a conversation, or joins it; by link as a guest when a name is given. Yields the call's id. */
  joinRoom(
    room: string,
    media: Media = "voice",
    { account = this.ownAccount, guestName = null }: { account?: string | null; guestName?: string | null } = {},
  ): Promise<ResultWith<{ call: string }>> {
    return this.get({ command: "join_room", account, room, media, guest_name: guestName }, "call", ({ call }) => ({ call }));
  }

  /** The password that a conversation's entrance asks for. */
  enterPassword(password: string, call: string): Promise<Result> {
    return this.do({ command: "enter_password", call, password });
  }

  /** The person agrees to being recorded. */
  giveConsent(call: string): Promise<Result> {
    return this.do({ command: "give_consent", call });
  }

  /** Pauses or resumes a call. */
  holdCall(held: boolean, { call }: OfCall = {}): Promise<Result> {
    return this.do({ command: "set_hold", call: call ?? null, held });
  }

  /** Hears nothing of a call here, or hears it again; the others do not learn of it. */
  setSilent(silent: boolean, { call }: OfCall = {}): Promise<Result> {
    return this.do({ command: "set_silent", call: call ?? null, silent });
  }

  /** Leaves a call and ends it for all; for moderators. */
  endForEveryone({ call }: OfCall = {}): Promise<Result> {
    return this.do({ command: "end_for_everyone", call: call ?? null });
  }

  /** Raises our hand, or takes it down. */
  raiseHand(raised: boolean, { call }: OfCall = {}): Promise<Result> {
    return this.do({ command: "set_hand", call: call ?? null, raised });
  }

  /** Shows the others an emoji for a moment, one of the call's. */
  react(reaction: string, { call }: OfCall = {}): Promise<Result> {
    return this.do({ command: "react", call: call ?? null, reaction });
  }

  /** Has someone's microphone switched off; for moderators. */
  askToMute(participant: string, { call }: OfCall = {}): Promise<Result> {
    return this.do({ command: "ask_to_mute", call: call ?? null, participant });
  }

  /** Screens and windows that can be shared, with pictures of them. */
  listScreens(): Promise<ResultWith<{ screens: ScreenView[] }>> {
    return this.get({ command: "list_screens" }, "screens", ({ screens }) => ({ screens }));
  }

  /** Shares a screen or window, one of {@link listScreens}. */
  shareScreen(screen: string, { call }: OfCall = {}): Promise<Result> {
    return this.do({ command: "share_screen", call: call ?? null, screen });
  }

  /** Shares nothing any more. */
  stopSharing({ call }: OfCall = {}): Promise<Result> {
    return this.do({ command: "stop_sharing", call: call ?? null });
  }

  /** Chooses a device; `null` is the system's default. */
  selectDevice(role: DeviceRole, name: string | null): Promise<Result> {
    return this.do({ command: "select_device", role, name });
  }

  /** People one can call, of one account or of all; an empty text lists everyone the server tells. */
  searchContacts(text: string, account: string | null = null): Promise<ResultWith<{ contacts: ContactView[] }>> {
    return this.get({ command: "search_contacts", account, text }, "contacts", ({ contacts }) => ({ contacts }));
  }

  /** Somebody's picture as a `data:` address; `null` when they have none. */
  avatarOf(account: string, contact: string): Promise<ResultWith<{ image: string | null }>> {
    return this.get({ command: "avatar", account, contact }, "avatar", ({ image }) => ({ image }));
  }

  /** The conversations of one account or of all. */
  listRooms(account: string | null = null): Promise<ResultWith<{ rooms: RoomView[] }>> {
    return this.get({ command: "list_rooms", account }, "rooms", ({ rooms }) => ({ rooms }));
  }

  /** Makes a conversation of several. `people`: user ids. */
  createRoom(
    name: string,
    people: readonly string[],
    { account = this.ownAccount, openToAll = false }: { account?: string | null; openToAll?: boolean } = {},
  ): Promise<ResultWith<{ room: RoomView }>> {
    const command: Command = { command: "create_room", account, name, public: openToAll, people: [...people] };
    return this.get(command, "room", ({ room }) => ({ room }));
  }

  /** The person looks at a conversation: a remote join that names none means it. `null`: none any more. */
  openRoom(account: string | null, room: string | null): Promise<Result> {
    return this.do({ command: "open_room", account, room });
  }

  /** Starts the embedded server in this core, and an account on it. */
  startHere(): Promise<Result> {
    return this.do({ command: "start_here" });
  }

  /** Signs in with a name and password. */
  signIn(server: string, loginName: string, password: string): Promise<Result> {
    return this.do({ command: "sign_in", server, login_name: loginName, password });
  }

  /** Begins a sign-in through the browser; the address is `null` when the server wants a name and password instead. */
  signInByBrowser(server: string): Promise<ResultWith<{ address: string | null }>> {
    return this.get({ command: "sign_in_by_browser", server }, "sign_in", ({ address }) => ({ address }));
  }

  /** Gives up a sign-in through the browser. */
  cancelSignIn(): Promise<Result> {
    return this.do({ command: "cancel_sign_in" });
  }

  /** Makes an account by somebody's invitation, and signs in. */
  acceptInvitation(link: string, loginName: string, displayName: string, password: string): Promise<Result> {
    return this.do({ command: "accept_invitation", link, login_name: loginName, display_name: displayName, password });
  }

  /** Makes a link by which someone can register on the embedded server. */
  createInvitation(): Promise<ResultWith<{ invitation: InvitationView }>> {
    return this.get({ command: "create_invitation" }, "invitation", ({ invitation }) => ({ invitation }));
  }

  /** Removes an account here. */
  signOut(account: string): Promise<Result> {
    return this.do({ command: "sign_out", account });
  }

  /** Changes the name others see. */
  setDisplayName(displayName: string, account: string | null = this.ownAccount): Promise<Result> {
    return this.do({ command: "set_display_name", account, display_name: displayName });
  }

  /** Puts away a problem that is shown to the person. */
  dismissProblem(number: number): Promise<Result> {
    return this.do({ command: "dismiss_problem", number });
  }

  /** Gives a program a token of its own, told this once. For the person alone. */
  addProgram(name: string): Promise<ResultWith<{ program: ProgramView; token: string }>> {
    return this.get({ command: "add_program", name }, "program", ({ program, token }) => ({ program, token }));
  }

  /** Takes a program's token away. For the person alone. */
  revokeProgram(program: string): Promise<Result> {
    return this.do({ command: "revoke_program", program });
  }

  /** Lets other programs in, or not. For the person alone. */
  allowPrograms(allowed: boolean): Promise<Result> {
    return this.do({ command: "allow_programs", allowed });
  }

  /** Whether an account may be joined to calls from afar. For the person alone. */
  setRemoteJoin(account: string, policy: RemoteJoinPolicy): Promise<Result> {
    return this.do({ command: "set_remote_join", account, policy });
  }

  /** Answers a remote join that waits for the person. For the person alone. */
  answerRemoteJoin(request: string, allow: boolean, screen: string | null = null): Promise<Result> {
    return this.do({ command: "answer_remote_join", request, allow, screen });
  }

  /** Everything the core knows. */
  status(): Promise<ResultWith<{ state: AppView }>> {
    return this.get({ command: "status" }, "state", ({ state }) => ({ state }));
  }

  /** Shows the main window. */
  showWindow(): Promise<Result> {
    return this.do({ command: "show_window" });
  }

  /** Ends every call and stops the core. */
  quit(): Promise<Result> {
    return this.do({ command: "quit" });
  }

  /** A command whose success is all it yields. */
  protected async do(command: Command): Promise<Result> {
    const reply = await this.ask(command);
    return "statusCode" in reply ? reply : DONE;
  }

  /** A command that yields something. */
  protected get<K extends Reply["reply"], T extends object>(
    command: Command,
    kind: K,
    pick: (reply: Extract<Reply, { reply: K }>) => T,
  ): Promise<ResultWith<T>> {
    return this.ask(command).then((reply) => ("statusCode" in reply ? nothing<T>(reply) : yielded(reply, kind, pick)));
  }

  /** What the core answers, or its refusal as a value. */
  protected async ask(command: Command): Promise<Reply | Result> {
    const door = this.door;
    if (!door) return refused({ number: 0, code: "core-gone", detail: "initializeSDK and connect come first" });
    try {
      return await door.command(command);
    } catch (thrown) {
      return refused(problemOf(thrown));
    }
  }
}
