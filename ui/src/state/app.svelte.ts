// The one store of a window: what the core told, and where the person is in this window.

import type { AppView, CallView, ContactView, Media, Problem, RoomView } from "../sdk/contract";
import { type Link, type Notice, problemOf } from "../sdk/door";
import { userJid } from "../sdk/jid";
import { type Result, problemIn } from "../sdk/result";
import type { BellbirdSdk } from "../sdk/sdk";
import { EMPTY, type Model, type Page, REACTION_MS, currentCall, fadeReactions, fold, isLive, nextPage, ringingCall } from "./calls";
import { type EchoCause, likelyCause } from "./echo_check";
import { settled } from "./quality";
import type { Layout } from "./stage";

/** A dialog over the window. */
export type Dialog = { dialog: "invite" } | { dialog: "join" } | { dialog: "shortcuts" } | { dialog: "add_people" } | { dialog: "share" } | { dialog: "new_room" } | { dialog: "sign_out"; account: string };

/** How long the window waits before it says that the core is gone: a restart within that time goes unseen, ms. */
const LOST_SHOWN_AFTER_MS = 600;

/** Pictures kept by a window. */
const MAX_AVATARS = 200;

/** Tells people of all accounts apart. */
export function personKey({ account, id }: Pick<ContactView, "account" | "id">): string {
  return `${account} ${id}`;
}

/** How long someone types before the server is asked, ms. */
const SEARCH_WAIT_MS = 150;

export class App {
  readonly sdk: BellbirdSdk;

  link = $state.raw<Link>({ link: "opening" });
  /** The core has been gone for long enough to say so. */
  lostShown = $state(false);
  model = $state.raw<Model>(EMPTY);
  /** Ticks while something on the screen counts seconds. */
  now = $state(Date.now());

  /** Where the settings open. */
  section = $state<"sound" | "video" | "account" | "programs" | "about">("sound");
  /** How calls of several with pictures are laid out. */
  layout = $state<Layout>("grid");
  /** Whose screen was chosen, of several. */
  pinned = $state<string | null>(null);
  page = $state<Page>("people");
  dialog = $state.raw<Dialog | null>(null);
  /** The first-launch card is shown again, to add an account. */
  adding = $state(false);
  /** Problems of commands given in this window; the core's own stand in its state. */
  ownProblems = $state.raw<readonly Problem[]>([]);
  /** Why the sound page was opened after an echo call. */
  echoCause = $state<EchoCause | null>(null);

  search = $state("");
  contacts = $state.raw<readonly ContactView[] | null>(null);
  rooms = $state.raw<readonly RoomView[]>([]);
  /** Pictures by person; `null` for who has none. */
  avatars = $state.raw<ReadonlyMap<string, string | null>>(new Map());

  view = $derived<AppView | null>(this.model.view);
  call = $derived(currentCall(this.view));
  live = $derived(isLive(this.call));
  ringing = $derived(ringingCall(this.view));
  quality = $derived(settled(this.model.recent));
  account = $derived(this.view?.accounts[0] ?? null);
  /** What others want of the person, the oldest first. */
  wanted = $derived(this.view?.remote_joins[0] ?? null);
  /** One of each kind, the newest last: the same trouble twice is not worth two banners. */
  problems = $derived<readonly Problem[]>(newestOfEach([...(this.view?.problems ?? []), ...this.ownProblems]));
  /** Commands can be given. */
  ready = $derived(this.link.link === "open" && this.view !== null);

  #people: boolean;
  #stop: () => void;
  #searchTimer: ReturnType<typeof setTimeout> | undefined;
  #lostTimer: ReturnType<typeof setTimeout> | undefined;
  #fadeTimer: ReturnType<typeof setTimeout> | undefined;
  #searches = 0;
  #looked = "";

  /** `people`: whether this window shows them, so that the core is asked for them. */
  constructor(sdk: BellbirdSdk, { people = true }: { people?: boolean } = {}) {
    this.sdk = sdk;
    this.#people = people;
    this.#stop = sdk.listen((notice) => this.#take(notice));
  }

  /** Ends the store; for tests and hot reloading. */
  stop(): void {
    this.#stop();
    clearTimeout(this.#searchTimer);
    clearTimeout(this.#lostTimer);
    clearTimeout(this.#fadeTimer);
  }

  /** Asks for something; a refusal becomes a problem on the screen. */
  async do(work: () => Promise<Result | void>): Promise<boolean> {
    let problem: Problem | null;
    try {
      const result = await work();
      problem = result ? problemIn(result) : null;
    } catch (thrown) {
      // The window itself refuses by throwing.
      problem = problemOf(thrown);
    }
    if (problem) this.showProblem(problem);
    return problem === null;
  }

  /** Rings someone, from the account that knows them. */
  async ring(contact: string, media: Media, account: string): Promise<boolean> {
    const from = this.view?.accounts.find((one) => one.id === account) ?? this.account;
    if (!from) return false;
    const users = [userJid(contact, from.server)];
    return this.do(() =>
      media === "video" ? this.sdk.makeVideoCall(users, null, from.id) : this.sdk.makeVoiceCall(users, null, from.id),
    );
  }

  /** Adds someone to a call, and rings them. */
  async invite(contact: string, call: CallView): Promise<boolean> {
    const from = this.view?.accounts.find((one) => one.id === call.account);
    return from !== undefined && this.do(() => this.sdk.inviteUsers([userJid(contact, from.server)]));
  }

  /** The person looks at a conversation: who has them join without saying where means it. */
  lookAt(account: string, room: string): void {
    const looked = `${account} ${room}`;
    if (looked === this.#looked || !this.ready) return;
    this.#looked = looked;
    // A wish to be found there; nothing the person waits for.
    void this.sdk.openRoom(account || null, room);
  }

  showProblem(problem: Problem): void {
    this.ownProblems = [...this.ownProblems.filter((shown) => shown.code !== problem.code), problem];
  }

  /** Puts a problem away, and all of its kind, here and in the core. */
  dismiss(problem: Problem): void {
    this.ownProblems = this.ownProblems.filter((shown) => shown.code !== problem.code);
    for (const { code, number } of this.view?.problems ?? []) {
      if (code === problem.code && number > 0) void this.do(() => this.sdk.dismissProblem(number));
    }
  }

  /** The person typed into the search field. */
  searchFor(text: string): void {
    this.search = text;
    clearTimeout(this.#searchTimer);
    this.#searchTimer = setTimeout(() => void this.refreshPeople(), SEARCH_WAIT_MS);
  }

  /** Asks for people and conversations again. A late answer to an older question is dropped. */
  async refreshPeople(): Promise<void> {
    if (!this.#people || !this.ready || !this.account) return;
    const asked = ++this.#searches;
    const [{ contacts }, { rooms }] = await Promise.all([this.sdk.searchContacts(this.search.trim()), this.sdk.listRooms()]);
    if (asked !== this.#searches) return;
    if (!contacts || !rooms) {
      // The account's own state says why; what was found before stays on the screen.
      this.contacts ??= [];
      return;
    }
    this.contacts = [...contacts].sort((a, b) => Number(b.echo) - Number(a.echo));
    this.rooms = rooms.filter((room) => room.kind !== "one_to_one");
    void this.#fetchAvatars(this.contacts, asked);
  }

  /** Asks for the pictures of people shown, one after the other: they are an ornament, and hold nothing else up. */
  async #fetchAvatars(people: readonly ContactView[], asked: number): Promise<void> {
    for (const person of people.slice(0, MAX_AVATARS)) {
      const key = personKey(person);
      if (person.echo || this.avatars.has(key)) continue;
      if (asked !== this.#searches || !this.ready) return;
      // Where there is none, initials do.
      const { image = null } = await this.sdk.avatarOf(person.account, person.id);
      const kept = this.avatars.size < MAX_AVATARS ? this.avatars : [];
      this.avatars = new Map([...kept, [key, image]]);
    }
  }

  /** Answers "Sounds good?". */
  echoAnswer(good: boolean): void {
    const measure = this.model.echoDone;
    this.model = { ...this.model, echoDone: null };
    if (good || !measure) {
      this.page = "people";
    } else {
      this.echoCause = likelyCause(measure);
      this.page = "settings";
    }
  }

  /** Closes the call view of a call that is over. */
  leaveCall(): void {
    this.model = { ...this.model, echoDone: null };
    this.page = "people";
  }

  #take(notice: Notice): void {
    if (notice.notice === "link") {
      this.#linkChanged(notice.link);
      return;
    }
    const { event } = notice;
    const before = this.model;
    this.now = Date.now();
    const after = fold(before, event, this.now);
    if (after === before) return;
    const page = nextPage(this.page, before, after);
    this.model = after;
    if (page !== this.page) this.page = page;
    if (after.reactions !== before.reactions) this.#fadeLater();
    if (event.event === "state") this.#stateChanged(before.view, event.state);
  }

  /** Puts reactions away once nobody adds any. */
  #fadeLater(): void {
    clearTimeout(this.#fadeTimer);
    this.#fadeTimer = setTimeout(() => (this.model = fadeReactions(this.model, Date.now())), REACTION_MS);
  }

  #stateChanged(before: AppView | null, view: AppView): void {
    const cut = currentCall(before);
    if (isLive(cut) && !view.calls.some((call) => call.id === cut.id)) {
      // A call that ends is shown ended first; one that vanishes went down with its core.
      this.showProblem({ number: 0, code: "call-cut", detail: "" });
    }
    if (before && view.accounts.length > before.accounts.length) this.adding = false;
    const online = onlineAccounts(view);
    const was = onlineAccounts(before);
    const kept = view.accounts.some((account) => before?.accounts.some((one) => one.id === account.id));
    if (!kept && before?.accounts.length) {
      this.contacts = null;
      this.rooms = [];
    }
    const changed = online.some((id) => !was.includes(id)) || (before?.accounts.length ?? 0) > view.accounts.length;
    const callOver = (before?.calls.length ?? 0) > view.calls.length;
    // Before one is online its server would only refuse.
    if (online.length > 0 && (changed || callOver)) void this.refreshPeople();
  }

  #linkChanged(link: Link): void {
    // A core that started anew knows nothing of it.
    if (link.link !== "open") this.#looked = "";
    this.link = link;
    if (link.link === "lost") {
      // Every further try tells its own outcome; the wait began with the first.
      this.#lostTimer ??= setTimeout(() => (this.lostShown = true), LOST_SHOWN_AFTER_MS);
    } else {
      clearTimeout(this.#lostTimer);
      this.#lostTimer = undefined;
      this.lostShown = link.link === "stopped";
    }
  }
}

function onlineAccounts(view: AppView | null): string[] {
  return (view?.accounts ?? []).filter((one) => one.state.state === "online").map((one) => one.id);
}

function newestOfEach(problems: readonly Problem[]): Problem[] {
  const newest = new Map<string, Problem>();
  for (const problem of problems) {
    newest.delete(problem.code);
    newest.set(problem.code, problem);
  }
  return [...newest.values()];
}
