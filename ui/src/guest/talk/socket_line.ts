// Over the WebSocket of a signaling server (the "high-performance backend").

import { type PeerMessage, type Signaling, type TalkRoom, type UserInRoom, fields, readMessage, readUser, text } from "./api";
import { type Line, type LineEvents, pause } from "./line";

type Fields = Record<string, unknown>;
type External = NonNullable<Signaling["external"]>;

/** An answer has to come within this time, in ms. */
const ANSWER_MS = 10_000;
/** Most people remembered of one room. */
const MAX_USERS = 1000;

/** The signaling server has refused; the code says why. */
class RefusedThere extends Error {}

export class SocketLine implements Line {
  own = "";
  publishes = false;
  private socket: WebSocket | null = null;
  private resumeId = "";
  private closed = false;
  private counter = 0;
  private readonly waiting = new Map<string, (answer: Fields) => void>();
  private readonly users = new Map<string, UserInRoom>();

  private constructor(
    private readonly room: TalkRoom,
    /** The session in the room, as the API named it. */
    private readonly session: string,
    private external: External,
    private readonly events: LineEvents,
  ) {}

  /** Connected and in the room: only then may the call be joined. */
  static async open(room: TalkRoom, session: string, external: External, events: LineEvents): Promise<SocketLine> {
    const line = new SocketLine(room, session, external, events);
    await line.connect();
    await line.greet();
    return line;
  }

  send(message: PeerMessage): void {
    const recipient = { type: "session", sessionid: message.to };
    this.write({ type: "message", message: { recipient, data: message } });
  }

  sendToRoom(message: PeerMessage): void {
    this.write({ type: "message", message: { recipient: { type: "room" }, data: message } });
  }

  close(): void {
    this.closed = true;
    this.write({ type: "bye", bye: {} });
    this.socket?.close();
  }

  private write(message: Fields): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  private connect(): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(this.external.socket);
      this.socket = socket;
      socket.onopen = () => resolve();
      socket.onmessage = ({ data }) => this.read(data);
      socket.onclose = () => {
        reject(new Error("the signaling server does not answer"));
        for (const answer of this.waiting.values()) answer({ type: "error", error: { code: "closed" } });
        if (this.socket === socket && this.own && !this.closed) void this.comeBack();
      };
    });
  }

  /** Sends and waits for the answer of the same number. */
  private ask(message: Fields): Promise<Fields> {
    const id = String(++this.counter);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => finish({ type: "error", error: { code: "timeout" } }), ANSWER_MS);
      const finish = (answer: Fields) => {
        clearTimeout(timer);
        this.waiting.delete(id);
        if (answer.type === "error") reject(new RefusedThere(text(fields(answer.error).code)));
        else resolve(answer);
      };
      this.waiting.set(id, finish);
      this.write({ id, ...message });
    });
  }

  private async greet(): Promise<void> {
    const auth = { url: this.external.backend, params: { token: this.external.token } };
    const hello = fields((await this.ask({ type: "hello", hello: { version: "2.0", auth } })).hello);
    this.own = text(hello.sessionid);
    this.resumeId = text(hello.resumeid);
    const features = fields(hello.server).features;
    this.publishes = Array.isArray(features) && features.includes("mcu");
    this.users.clear();
    await this.ask({ type: "room", room: { roomid: this.room.token, sessionid: this.session } });
  }

  /** The same session again if the server still has it, else a new one. */
  private async comeBack(): Promise<void> {
    const before = this.own;
    this.own = "";
    for (let failures = 0; !this.closed; failures++) {
      await pause(failures);
      try {
        await this.connect();
        const hello = { version: "2.0", resumeid: this.resumeId };
        const resumed = await this.ask({ type: "hello", hello }).catch((error: unknown) => {
          if (error instanceof RefusedThere && error.message === "no_such_session") return null;
          throw error;
        });
        if (resumed) {
          this.own = before;
          return;
        }
        this.external = (await this.room.signaling()).external ?? this.external;
        await this.greet();
        return this.events.renamed();
      } catch {
        this.socket?.close();
      }
    }
  }

  private read(data: unknown): void {
    let message: Fields;
    try {
      message = fields(JSON.parse(String(data)));
    } catch {
      return;
    }
    const waiting = this.waiting.get(text(message.id));
    if (waiting) waiting(message);
    switch (message.type) {
      case "message": {
        const { sender, data: inner } = fields(message.message);
        const from = text(fields(sender).sessionid);
        void this.events.message(readMessage({ ...fields(inner), from }));
        break;
      }
      case "event":
        this.follow(fields(message.event));
        break;
      case "bye":
        if (!this.closed) this.events.over();
        break;
    }
  }

  private follow(event: Fields): void {
    switch (`${text(event.target)}/${text(event.type)}`) {
      case "room/join":
        for (const joined of Array.isArray(event.join) ? event.join.map(fields) : []) {
          const sessionId = text(joined.sessionid);
          const displayName = text(fields(joined.user).displayname);
          this.remember({ sessionId, userId: text(joined.userid), displayName, inCall: 0 });
        }
        break;
      case "room/leave":
        for (const left of Array.isArray(event.leave) ? event.leave : []) this.users.delete(text(left));
        break;
      case "participants/update": {
        const update = fields(event.update);
        if (update.all === true) for (const user of this.users.values()) user.inCall = 0;
        for (const user of (Array.isArray(update.users) ? update.users : []).map(readUser)) this.remember(user);
        break;
      }
      case "roomlist/disinvite":
        if (text(fields(event.disinvite).roomid) === this.room.token) return this.events.over();
        break;
    }
    this.events.users([...this.users.values()]);
    this.events.stirred();
  }

  /** Lists are not always whole, nor is every entry. */
  private remember(user: UserInRoom): void {
    const known = this.users.get(user.sessionId);
    if (!user.sessionId || (!known && this.users.size >= MAX_USERS)) return;
    this.users.set(user.sessionId, { ...user, displayName: user.displayName || known?.displayName || "" });
  }
}
