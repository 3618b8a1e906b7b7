// Talk's REST API as a guest uses it: same origin as the page, the session in a cookie, no login.

const base = "ocs/v2.php/apps/spreed/api";

/** A refusal by the server: the HTTP status, and the `error` key where one was sent. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly key: string,
  ) {
    super(`the server answered ${status}${key ? ` (${key})` : ""}`);
  }
}

export interface Room {
  token: string;
  displayName: string;
  sessionId: string;
  /** Locked: nobody can call in it. */
  readOnly: boolean;
  /** What the guest may do, see `MAY_SPEAK`. */
  permissions: number;
}

/** The permissions to be heard, to be seen, and to share a screen. */
export const MAY_SPEAK = 16;
export const MAY_SHOW = 32;
export const MAY_SHARE = 64;

export interface UserInRoom {
  sessionId: string;
  userId: string;
  displayName: string;
  inCall: number;
}

export interface Signaling {
  iceServers: IceServer[];
  /** A signaling server of its own; `null` when messages go over this API. */
  external: { socket: string; backend: string; token: string } | null;
}

export interface IceServer {
  urls: string[];
  username?: string;
  credential?: string;
}

export interface PeerMessage {
  to?: string;
  from?: string;
  type: string;
  roomType: "video" | "screen";
  sid?: string;
  /** Whose screen a connection brings. */
  broadcaster?: string;
  payload?: unknown;
}

export type PullItem = { type: "message"; message: PeerMessage } | { type: "usersInRoom"; users: UserInRoom[] };

type Fields = Record<string, unknown>;

export function fields(value: unknown): Fields {
  return value !== null && typeof value === "object" && !Array.isArray(value) ? (value as Fields) : {};
}

export const text = (value: unknown): string => (typeof value === "string" ? value : "");
export const number = (value: unknown): number => (typeof value === "number" ? value : 0);

/** One conversation on the server that served the page. Every method rejects with `Refused` or a network error. */
export class TalkRoom {
  constructor(
    private readonly server: string,
    readonly token: string,
  ) {}

  async join(password: string): Promise<Room> {
    const data = fields(await this.request("POST", `v4/room/${this.token}/participants/active`, { password }));
    return {
      token: text(data.token) || this.token,
      displayName: text(data.displayName),
      sessionId: text(data.sessionId),
      readOnly: number(data.readOnly) !== 0,
      permissions: number(data.permissions),
    };
  }

  /** Whether somebody has to let this guest into the call. */
  async hasLobby(): Promise<boolean> {
    const data = fields(await this.request("GET", `v4/room/${this.token}`));
    return number(data.lobbyState) !== 0;
  }

  async setName(displayName: string): Promise<void> {
    await this.request("POST", `v1/guest/${this.token}/name`, { displayName });
  }

  async leave(): Promise<void> {
    await this.request("DELETE", `v4/room/${this.token}/participants/active`);
  }

  async joinCall(flags: number, recordingConsent: boolean): Promise<void> {
    await this.request("POST", `v4/call/${this.token}`, { flags, ...(recordingConsent ? { recordingConsent } : {}) });
  }

  /** Tells what is sent now. */
  async changeFlags(flags: number): Promise<void> {
    await this.request("PUT", `v4/call/${this.token}`, { flags });
  }

  async leaveCall(): Promise<void> {
    await this.request("DELETE", `v4/call/${this.token}`);
  }

  async signaling(): Promise<Signaling> {
    const settings = fields(await this.request("GET", `v3/signaling/settings?token=${this.token}`));
    const list = [settings.stunservers, settings.turnservers].flatMap((some) => (Array.isArray(some) ? some : []));
    const iceServers = list.map(fields).map((entry) => ({
      urls: Array.isArray(entry.urls) ? entry.urls.map(text) : [text(entry.urls)],
      ...(entry.username ? { username: text(entry.username), credential: text(entry.credential) } : {}),
    }));
    if (settings.signalingMode !== "external") return { iceServers, external: null };
    const external = {
      socket: `${text(settings.server).replace(/^http/, "ws").replace(/\/$/, "")}/spreed`,
      backend: `${this.server}/${base}/v3/signaling/backend`,
      token: text(fields(fields(settings.helloAuthParams)["2.0"]).token),
    };
    return { iceServers, external };
  }

  /** Sends in one request; the server sets `from` and delivers each to its `to`. */
  async send(ownSession: string, messages: PeerMessage[]): Promise<void> {
    const wrapped = messages.map((message) => ({ ev: "message", fn: JSON.stringify(message), sessionId: ownSession }));
    await this.request("POST", `v3/signaling/${this.token}`, { messages: JSON.stringify(wrapped) });
  }

  /** Waits up to 30 s for what happens in the room; also keeps the session alive. */
  async pull(signal: AbortSignal): Promise<PullItem[]> {
    const data = await this.request("GET", `v3/signaling/${this.token}`, undefined, signal);
    return (Array.isArray(data) ? data : []).map(fields).flatMap(readItem);
  }

  private async request(method: string, path: string, body?: Fields, signal?: AbortSignal): Promise<unknown> {
    const response = await fetch(`${this.server}/${base}/${path}`, {
      method,
      credentials: "same-origin",
      headers: {
        "OCS-APIRequest": "true",
        Accept: "application/json",
        ...(body ? { "Content-Type": "application/json" } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
      ...(signal ? { signal } : {}),
    });
    const envelope = fields(fields(await response.json().catch(() => ({}))).ocs);
    if (!response.ok) throw new Refused(response.status, text(fields(envelope.data).error));
    return envelope.data;
  }
}

function readItem(item: Fields): PullItem[] {
  if (item.type === "usersInRoom" && Array.isArray(item.data)) {
    return [{ type: "usersInRoom", users: item.data.map(readUser) }];
  }
  if (item.type !== "message") return [];
  try {
    const data: unknown = typeof item.data === "string" ? JSON.parse(item.data) : item.data;
    return [{ type: "message", message: readMessage(data) }];
  } catch {
    return [];
  }
}

export function readUser(value: unknown): UserInRoom {
  const user = fields(value);
  return {
    sessionId: text(user.sessionId),
    userId: text(user.userId),
    displayName: text(user.displayName),
    inCall: number(user.inCall),
  };
}

export function readMessage(value: unknown): PeerMessage {
  const message = fields(value);
  return {
    from: text(message.from),
    type: text(message.type),
    roomType: message.roomType === "screen" ? "screen" : "video",
    ...(message.sid === undefined ? {} : { sid: String(message.sid) }),
    ...(typeof message.broadcaster === "string" ? { broadcaster: message.broadcaster } : {}),
    payload: message.payload,
  };
}
