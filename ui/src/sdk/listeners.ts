// What the SDK tells (mirrorfly-sdk sections 2 to 6), field for field.

import type {
  CallStatusPayload,
  CallSwitchPayload,
  CallUserPayload,
  CallUsersUpdate,
  IncomingCall,
  InviteUsersPayload,
  MediaErrorPayload,
  MissedCall,
  MuteStatus,
  SpeakingPayload,
  UserTrack,
} from "./contract.js";
import type { CallTrack } from "./track.js";

/** How the connection to the core stands. */
export type ConnectionStatus = "CONNECTED" | "DISCONNECTED" | "CONNECTIONFAILED" | "AUTHENTICATIONFAILED" | "ERROROCCURED";

/** What `connectionListener` gets. */
export interface ConnectionPayload {
  status: ConnectionStatus;
  /** Why, where that is known; ours. */
  message?: string;
}

/** What `userTrackListener` gets: `track` is `null` when it went. */
export type UserTrackPayload = Omit<UserTrack, "track"> & { track: CallTrack | null };

/** Listeners by their name, with what each gets. */
export interface ListenerPayloads {
  connectionListener: ConnectionPayload;
  incomingCallListener: IncomingCall;
  callStatusListener: CallStatusPayload;
  userTrackListener: UserTrackPayload;
  muteStatusListener: MuteStatus;
  missedCallListener: MissedCall;
  callSwitchListener: CallSwitchPayload;
  inviteUsersListener: InviteUsersPayload;
  callUserJoinedListener: CallUserPayload;
  callUserLeftListener: CallUserPayload;
  callUsersUpdateListener: CallUsersUpdate;
  callSpeakingListener: SpeakingPayload;
  mediaErrorListener: MediaErrorPayload;
}

/** A listener's name. */
export type ListenerName = keyof ListenerPayloads;

/** The names and pictures of people, as the program knows them. What it does not know is taken from the core. */
export interface HelperObject {
  getDisplayName?(jid: string): string | null | undefined;
  getImageUrl?(jid: string): string | null | undefined;
}

/** What `initializeSDK` takes. `adminBlockListener` is taken and never called: these servers block nobody that way. */
export type CallbackListeners = {
  [Name in ListenerName]?: (payload: ListenerPayloads[Name]) => unknown;
} & {
  adminBlockListener?: (payload: unknown) => unknown;
  helper?: HelperObject;
};

type AnyListener = (payload: never) => unknown;

/** Who listens to what. A listener that throws takes nothing away from the others. */
export class Listeners {
  #listeners = new Map<ListenerName, Set<AnyListener>>();

  /** Adds one. Returns what takes it away. */
  add<Name extends ListenerName>(name: Name, listener: (payload: ListenerPayloads[Name]) => unknown): () => void {
    const set = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, set);
    set.add(listener);
    return () => set.delete(listener);
  }

  /** Tells all of a name. */
  tell<Name extends ListenerName>(name: Name, payload: ListenerPayloads[Name]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        const done = (listener as (payload: ListenerPayloads[Name]) => unknown)(payload);
        if (done instanceof Promise) done.catch(complain);
      } catch (thrown) {
        complain(thrown);
      }
    }
  }
}

function complain(thrown: unknown): void {
  console.error("bellbird-sdk: a listener threw", thrown);
}
