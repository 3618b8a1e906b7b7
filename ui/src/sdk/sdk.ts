// The call SDK: MirrorFly's surface (mirrorfly-sdk) over a running core. States and payloads are made in the core, which
// tells every program the same; this is a typed client of it, and what makes tracks of their names.

import type { AppView, CallStatusPayload, CallType, Event, Media, SdkEvent, SdkMethod, SdkResult } from "./contract.js";
import { CoreDoor, type Socket, openSocket } from "./core_door.js";
import type { Door, DoorAddress, Link, Notice } from "./door.js";
import { PictureFeed, type PictureSocket } from "./feed.js";
import { hostOf, parseJid, userJid } from "./jid.js";
import {
  type CallbackListeners,
  type ConnectionStatus,
  type HelperObject,
  type ListenerName,
  type ListenerPayloads,
  Listeners,
} from "./listeners.js";
import { type OfCall, OwnMethods } from "./own_methods.js";
import { CorePictures, type Pictures, pageLayout } from "./pictures.js";
import { DONE, type Result, accepted, refused } from "./result.js";
import { type OpenTrack, type TrackWays } from "./track.js";
import { Tracks } from "./tracks.js";

/** Where the core is: fixed, or looked up anew for each try, as a new core has a new address and token. */
export type WhereIsTheDoor = DoorAddress | (() => Promise<DoorAddress> | DoorAddress);

/** What {@link BellbirdSdk.initializeSDK} takes. */
export interface Initialization {
  /** Where the core is. */
  door?: WhereIsTheDoor;
  /** The same in the model's words: the door's WebSocket address. */
  apiBaseUrl?: string;
  /** The token that opens it; likewise the `password` of {@link BellbirdSdk.connect}. */
  licenseKey?: string;
  /** Taken and ignored. */
  isTrialLicenseKey?: boolean;
  /** From which account calls are made: its id, user id or JID. Without it, the core's first. */
  account?: string;
  callbackListeners?: CallbackListeners;
  helper?: HelperObject;
  /** `frames`: never real `MediaStreamTrack`s, and so nothing is fetched that nobody draws. */
  tracks?: "auto" | "frames";
  /** Makes sockets where the runtime has none, such as Node before 22. */
  webSocket?: (url: string) => unknown;
}

/** What a program that has a door of its own, such as a test, puts behind the SDK. */
export interface Parts {
  door: Door;
  pictures?: Pictures | null;
}

/** How a call was begun. */
export type MakeCallResult = Pick<SdkResult, "statusCode" | "message" | "code" | "callType" | "roomId">;

/** What is known of the current call. */
export type CallInfoResult = SdkResult & { roomId?: string };

/** The SDK. One for each core. */
export class BellbirdSdk extends OwnMethods {
  #listeners = new Listeners();
  #notices = new Set<(notice: Notice) => void>();
  #helper: HelperObject = {};
  #where: (() => Promise<DoorAddress>) | null = null;
  #fixed = false;
  #account: string | null = null;
  #webSocket: (url: string) => unknown = openSocket;
  #native = true;

  #door: Door | null = null;
  #pictures: Pictures | null = null;
  #feed: PictureFeed | null = null;
  #tracks: Tracks | null = null;
  #unlisten: () => void = () => {};
  #view: AppView | null = null;
  #link: Link = { link: "opening" };
  #told: ConnectionStatus | null = null;
  /** The state to come is the first of a newly found core. */
  #fresh = false;
  /** The last status of a call that is not over. */
  #running: CallStatusPayload | null = null;

  /** `parts`: a door that is there already, instead of {@link initializeSDK} and {@link connect}. */
  constructor(parts?: Parts) {
    super();
    if (parts) this.#enter(parts.door, parts.pictures ?? null);
  }

  /** Registers listeners and says where the core is. Before everything else. */
  async initializeSDK(initialization: Initialization = {}): Promise<Result> {
    const { door, apiBaseUrl, licenseKey, account, callbackListeners = {}, helper, tracks, webSocket } = initialization;
    const { helper: listenersHelper, adminBlockListener: _, ...listeners } = callbackListeners;
    for (const [name, listener] of Object.entries(listeners)) {
      if (typeof listener === "function") this.#listeners.add(name as ListenerName, listener as never);
    }
    this.#helper = helper ?? listenersHelper ?? this.#helper;
    if (account !== undefined) this.#account = account;
    if (webSocket) this.#webSocket = webSocket;
    if (tracks === "frames") this.#native = false;
    const place: WhereIsTheDoor | undefined = door ?? (apiBaseUrl ? { url: apiBaseUrl, token: licenseKey ?? "" } : undefined);
    if (typeof place === "function") {
      this.#where = async () => place();
      this.#fixed = false;
    } else if (place) {
      this.#where = async () => place;
      this.#fixed = true;
    } else if (!this.#door) {
      return refused({ number: 0, code: "bad-link", detail: "initializeSDK needs to know where the core is: door, or apiBaseUrl" });
    }
    return DONE;
  }

  /**
   * Connects, and stays connected until {@link disconnect}: a core that is gone is looked for again. Resolves when the
   * first try has succeeded or failed; 401 when the token was refused. `username`: the account to call from, by id, user
   * id or JID; `password`: the token.
   */
  async connect({ username, password }: { username?: string; password?: string } = {}): Promise<Result> {
    const where = this.#where;
    if (!where) {
      return this.#door ? DONE : refused({ number: 0, code: "bad-link", detail: "initializeSDK comes first" });
    }
    if (username) this.#account = username;
    this.disconnect();
    const find = async () => {
      const { url, token } = await where();
      return { url, token: password ?? token };
    };
    const connect = this.#webSocket;
    const feed = new PictureFeed(find, (url) => connect(url) as PictureSocket, typeof document === "undefined" ? "i420" : pageLayout());
    const door = new CoreDoor(find, (url) => connect(url) as Socket);
    this.#enter(door, typeof document === "undefined" ? null : new CorePictures(feed), feed);
    return new Promise((resolve) => {
      const settled = (notice: Notice) => {
        // The first state comes right behind the welcome: with it everything can be asked for.
        if (notice.notice === "event" && notice.event.event === "state") return done(DONE);
        if (notice.notice !== "link" || notice.link.link !== "lost") return;
        const { problem, refused: turnedAway } = notice.link;
        if (turnedAway !== undefined) done({ statusCode: 401, message: `the core: ${turnedAway}`, code: "forbidden" });
        else done(refused(problem ?? { number: 0, code: "core-gone", detail: "no core answers there" }));
      };
      const done = (result: Result) => {
        unlisten();
        resolve(result);
      };
      const unlisten = door.listen(settled);
    });
  }

  /** Lets go of the core. Calls go on there. */
  disconnect(): void {
    if (!this.#door) return;
    this.#unlisten();
    this.#tracks?.finishAll();
    this.#feed?.close();
    this.#door.close();
    this.#door = null;
    this.#view = null;
    this.#running = null;
    if (this.#told === "CONNECTED") this.#connection("DISCONNECTED");
    this.#told = null;
  }

  /** Looks for the core again, now, when it is lost or has stopped. */
  retry(): void {
    this.#door?.retry();
  }

  /** Names and pictures of people as the program knows them, for `userDetails`. */
  setHelper(helper: HelperObject): void {
    this.#helper = helper;
  }

  /** Adds a listener beside those of {@link initializeSDK}. Returns what takes it away. */
  on<Name extends ListenerName>(name: Name, listener: (payload: ListenerPayloads[Name]) => unknown): () => void {
    return this.#listeners.add(name, listener);
  }

  /** Hears everything the core tells, the present link and state first; ours. Returns what ends it. */
  listen(listener: (notice: Notice) => void): () => void {
    this.#notices.add(listener);
    listener({ notice: "link", link: this.#link });
    if (this.#view) listener({ notice: "event", event: { event: "state", state: this.#view } });
    return () => this.#notices.delete(listener);
  }

  /** The whole state as last told; `null` before the first. */
  get state(): AppView | null {
    return this.#view;
  }

  /** How the connection stands. */
  get link(): Link {
    return this.#link;
  }

  /** Where pictures are drawn from; `null` outside of a page. */
  get pictures(): Pictures | null {
    return this.#pictures;
  }

  /** The tracks of the calls that run; also of one that ran before this program connected. */
  get tracks(): readonly OpenTrack[] {
    return this.#tracks?.all() ?? [];
  }

  /** Rings people by voice: one, several (a new conversation), or those of a conversation. `users`, `groupId`: JIDs. */
  makeVoiceCall(users: readonly string[], groupId: string | null = null, account?: string): Promise<MakeCallResult> {
    return this.#method({ method: "makeVoiceCall", users: [...users], groupId }, account);
  }

  /** Likewise with the camera. */
  makeVideoCall(users: readonly string[], groupId: string | null = null, account?: string): Promise<MakeCallResult> {
    return this.#method({ method: "makeVideoCall", users: [...users], groupId }, account);
  }

  /** Takes the call that rings. Ours: which one, and with what. */
  answerCall({ call, media }: OfCall & { media?: Media } = {}): Promise<Result> {
    if (call === undefined && media === undefined) return this.#method({ method: "answerCall" });
    return this.do({ command: "answer", call: call ?? null, media: media ?? "voice" });
  }

  /** Refuses the call that rings. */
  declineCall({ call }: OfCall = {}): Promise<Result> {
    if (call === undefined) return this.#method({ method: "declineCall" });
    return this.do({ command: "decline", call });
  }

  /** Leaves the current call; one of two ends for both. */
  endCall({ call }: OfCall = {}): Promise<Result> {
    if (call === undefined) return this.#method({ method: "endCall" });
    return this.do({ command: "end", call });
  }

  /** Refuses a second call because one is active: its caller sees `engaged`. */
  callEngaged(): Promise<Result> {
    return this.#method({ method: "callEngaged" });
  }

  /** Microphone off or on. */
  muteAudio(mute: boolean, { call }: OfCall = {}): Promise<Result> {
    if (call === undefined) return this.#method({ method: "muteAudio", mute });
    return this.do({ command: "set_muted", call, kind: "audio", muted: mute });
  }

  /** Camera off or on. */
  muteVideo(mute: boolean, { call }: OfCall = {}): Promise<Result> {
    if (call === undefined) return this.#method({ method: "muteVideo", mute });
    return this.do({ command: "set_muted", call, kind: "video", muted: mute });
  }

  /** Adds people to the running call, and rings them. `users`: JIDs. */
  inviteUsers(users: readonly string[]): Promise<Result> {
    return this.#method({ method: "inviteUsers", users: [...users] });
  }

  /** Asks the far end to go from audio to video. */
  requestVideoCallSwitch(): Promise<Result> {
    return this.#method({ method: "requestVideoCallSwitch" });
  }

  /** Takes that back. */
  cancelVideoCallSwitchRequest(): Promise<Result> {
    return this.#method({ method: "cancelVideoCallSwitchRequest" });
  }

  /** Agrees to the far end's request: both show video. */
  acceptVideoCallSwitchRequest(): Promise<Result> {
    return this.#method({ method: "acceptVideoCallSwitchRequest" });
  }

  /** Refuses it: nothing changes. */
  declineVideoCallSwitchRequest(): Promise<Result> {
    return this.#method({ method: "declineVideoCallSwitchRequest" });
  }

  /** What is known of the current call. */
  async getCallInfo(): Promise<CallInfoResult> {
    const result = await this.#method({ method: "getCallInfo" });
    return result.callInfo ? { ...result, roomId: result.callInfo.roomId } : result;
  }

  protected get door(): Door | null {
    return this.#door;
  }

  protected get ownAccount(): string | null {
    return this.#account === null ? null : this.#accountId(this.#account);
  }

  /** An account by its id, its user id or its JID; what is none of the three is left to the core to refuse. */
  #accountId(named: string): string {
    const accounts = this.#view?.accounts ?? [];
    const jid = parseJid(named);
    const found =
      accounts.find((one) => one.id === named) ??
      accounts.find((one) => jid?.kind === "user" && one.user === jid.id && hostOf(one.server) === jid.host) ??
      accounts.find((one) => one.user === named);
    return found?.id ?? named;
  }

  async #method(method: SdkMethod, account?: string): Promise<SdkResult> {
    const from = account === undefined ? this.ownAccount : this.#accountId(account);
    const reply = await this.ask({ command: "sdk", account: from, method });
    if ("statusCode" in reply) return reply;
    if (reply.reply === "sdk") return reply.result;
    return refused({ number: 0, code: "internal", detail: `the core answered ${reply.reply}` });
  }

  #enter(door: Door, pictures: Pictures | null, feed: PictureFeed | null = null): void {
    this.#door = door;
    this.#pictures = pictures;
    this.#feed = feed;
    if (feed) {
      const ways: TrackWays = {
        feed,
        pictures: pictures instanceof CorePictures ? pictures : null,
        switched: (track) => void this.#switched(track),
        stopped: (track) => void this.#stopped(track),
      };
      this.#tracks = new Tracks(ways, this.#native);
    }
    this.#unlisten = door.listen((notice) => {
      if (notice.notice === "link") this.#follow(notice.link);
      else this.#take(notice.event);
      for (const listener of [...this.#notices]) listener(notice);
    });
  }

  #follow(link: Link): void {
    this.#link = link;
    switch (link.link) {
      case "opening":
        break;
      case "open":
        this.#fresh = true;
        this.#connection("CONNECTED");
        break;
      case "stopped":
        this.#connection("DISCONNECTED");
        break;
      case "lost": {
        const why = link.problem?.detail;
        const turnedAway = link.refused !== undefined;
        if (turnedAway) this.#connection("AUTHENTICATIONFAILED", `the core: ${link.refused}`);
        else if (this.#told === "CONNECTED" || this.#told === "DISCONNECTED") this.#connection("DISCONNECTED", why);
        else this.#connection(link.problem ? "ERROROCCURED" : "CONNECTIONFAILED", why);
        // The same token would be refused for ever.
        if (turnedAway && this.#fixed) this.#door?.close();
        break;
      }
    }
  }

  /** Tells how the connection stands, once for each change. */
  #connection(status: ConnectionStatus, message?: string): void {
    if (this.#told === status) return;
    this.#told = status;
    this.#listeners.tell("connectionListener", message ? { status, message } : { status });
  }

  #take(event: Event): void {
    switch (event.event) {
      case "state": {
        const before = this.#view;
        this.#view = event.state;
        if (this.#fresh) this.#resume(before, event.state);
        break;
      }
      case "sdk":
        this.#tell(event.callback);
        break;
      case "call":
        this.#tracks?.follow(event);
        break;
      case "levels":
        this.#tracks?.hear(event.call, event.levels);
        break;
      case "quality":
      case "raise_window":
      case "stopping":
        break;
    }
  }

  /** The first state of a core that was found again: a call that went down with the old one is closed. */
  #resume(before: AppView | null, view: AppView): void {
    this.#fresh = false;
    this.#tracks?.adopt(view);
    const running = this.#running;
    if (!running || view.calls.some((call) => call.ended === null)) return;
    this.#running = null;
    const lost = before?.calls.find((call) => call.ended === null);
    const own = before?.accounts.find((account) => account.id === lost?.account);
    this.#listeners.tell("callStatusListener", {
      status: "disconnected",
      userJid: own && !running.localUser ? userJid(own.user, own.server) : running.userJid,
      localUser: true,
      sessionStatus: "closed",
      usersStatus: running.usersStatus.map((one) => ({ ...one, status: "disconnected" })),
    });
  }

  #tell(callback: SdkEvent): void {
    switch (callback.listener) {
      case "incomingCallListener": {
        const userDetails = callback.payload.userDetails.map((one) => ({
          ...one,
          displayName: this.#helper.getDisplayName?.(one.userJid) || one.displayName,
          image: this.#helper.getImageUrl?.(one.userJid) || one.image,
        }));
        this.#listeners.tell("incomingCallListener", { ...callback.payload, userDetails });
        break;
      }
      case "callStatusListener":
        this.#running = callback.payload.sessionStatus === "closed" ? null : callback.payload;
        this.#listeners.tell("callStatusListener", callback.payload);
        break;
      case "userTrackListener":
        this.#listeners.tell("userTrackListener", { ...callback.payload, track: this.#tracks?.take(callback.payload) ?? null });
        break;
      default:
        // The payload belongs to the name beside it.
        this.#listeners.tell(callback.listener, callback.payload as never);
    }
  }

  async #switched(track: OpenTrack): Promise<void> {
    const { call, enabled } = track;
    let result: Result = DONE;
    if (track.localUser) {
      if (track.trackType === "audio") result = await this.muteAudio(!enabled, { call });
      if (track.trackType === "video") result = await this.muteVideo(!enabled, { call });
    } else if (track.trackType === "audio") {
      const heard = this.tracks.filter((one) => one.call === call && one.trackType === "audio" && !one.localUser);
      result = await this.setSilent(
        heard.every((one) => !one.enabled),
        { call },
      );
    }
    if (!accepted(result)) track.setEnabled(!enabled);
  }

  async #stopped(track: OpenTrack): Promise<void> {
    const { call } = track;
    if (!track.localUser) return;
    if (track.trackType === "audio") await this.muteAudio(true, { call });
    if (track.trackType === "video") await this.muteVideo(true, { call });
    if (track.trackType === "screen") await this.stopSharing({ call });
  }
}

/** The call type of a medium. */
export function callTypeOf(media: Media): CallType {
  return media === "video" ? "video" : "audio";
}
