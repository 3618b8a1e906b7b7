// Folds what the core tells into what the window shows. Whole states come in, so nothing is ever patched: what a
// window shows after any event is what a window opened at that moment would show. Pure; the time comes in.

import type { AppView, CallHappening, CallView, Event, LinkQualityView } from "../sdk/contract";
import { type EchoMeasure, beginEcho, measureCall, measureLevels, measureQuality } from "./echo_check";
import { SILENT, type ShownLevels, foldLevels } from "./levels";
import { type Judgement, judge, remember } from "./quality";
import { NOBODY, type Speaker, followSpeaker } from "./stage";

/** An emoji somebody shows for a moment. */
export interface ShownReaction {
  /** Tells it from others: counts up. */
  key: number;
  /** Who; `null`: this person. */
  participant: string | null;
  emoji: string;
  /** When it came, ms. */
  at: number;
}

/** How long a reaction is shown, ms. */
export const REACTION_MS = 4000;

/** Most shown at once; the oldest make room. */
const MAX_REACTIONS = 32;

/** What is known of the core. */
export interface Model {
  view: AppView | null;
  /** The call the call view shows: the current one, or an ended echo call that is still asked about. */
  shown: CallView | null;
  /** The levels of the current call. */
  levels: ShownLevels;
  /** The links of the current call, over the last second. */
  links: readonly LinkQualityView[];
  /** How the current call did over the last seconds. */
  recent: readonly Judgement[];
  /** What people of the current call show, oldest first. */
  reactions: readonly ShownReaction[];
  /** Who sits where in the current call; an empty seat is one that somebody left. */
  seats: readonly (string | null)[];
  /** Who of the current call speaks. */
  speaker: Speaker;
  /** A moderator switched our microphone off, and it is still off. */
  silenced: boolean;
  /** The echo call that runs. */
  echo: EchoMeasure | null;
  /** An echo call that is over and has not been asked about yet. */
  echoDone: EchoMeasure | null;
}

export const EMPTY: Model = {
  view: null,
  shown: null,
  levels: SILENT,
  links: [],
  recent: [],
  reactions: [],
  seats: [],
  speaker: NOBODY,
  silenced: false,
  echo: null,
  echoDone: null,
};

/** The call the window is about: one that was dialed or answered; failing that, the one that ended last. */
export function currentCall(view: AppView | null): CallView | null {
  const begun = (view?.calls ?? []).filter((call) => !call.can_answer && !isUnansweredEnd(call));
  return begun.find((call) => call.ended === null) ?? begun.at(-1) ?? null;
}

/** The call that waits for Answer or Decline. */
export function ringingCall(view: AppView | null): CallView | null {
  return view?.calls.find((call) => call.incoming && call.can_answer && call.ended === null) ?? null;
}

/** Whether the person is in a call, or about to be. */
export function isLive(call: CallView | null): call is CallView {
  return call !== null && call.ended === null;
}

/** A call that only ever rang here has no call view to show its end in. */
function isUnansweredEnd(call: CallView): boolean {
  return call.incoming && call.ended !== null && call.connected_at_ms === null;
}

/** Folds one event. Keeps every part that did not change identical, so that nothing is drawn for nothing. */
export function fold(model: Model, event: Event, now: number): Model {
  switch (event.event) {
    case "state":
      return foldState(model, event.state);
    case "levels": {
      if (currentCall(model.view)?.id !== event.call) return model;
      const echo = model.echo?.call === event.call ? measureLevels(model.echo, event.levels) : model.echo;
      const levels = foldLevels(model.levels, event.levels, now);
      return { ...model, levels, speaker: followSpeaker(model.speaker, levels, now), echo };
    }
    case "quality": {
      if (currentCall(model.view)?.id !== event.call) return model;
      const echo = model.echo?.call === event.call ? measureQuality(model.echo, event.links) : model.echo;
      return { ...model, links: event.links, recent: remember(model.recent, judge(event.links)), echo };
    }
    case "call":
      return currentCall(model.view)?.id === event.call ? foldHappening(model, event.happening, now) : model;
    // The sum of these stands in the next state.
    case "sdk":
    case "raise_window":
    case "stopping":
      return model;
  }
}

function foldHappening(model: Model, happening: CallHappening, now: number): Model {
  if (happening.happening === "muted_by_moderator") return { ...model, silenced: true };
  if (happening.happening !== "reaction") return model;
  const key = (model.reactions.at(-1)?.key ?? 0) + 1;
  const { participant, reaction: emoji } = happening;
  // One for each person: a newer one takes the place of the one before.
  const others = model.reactions.filter((one) => one.participant !== participant && now - one.at < REACTION_MS);
  return { ...model, reactions: [...others, { key, participant, emoji, at: now }].slice(-MAX_REACTIONS) };
}

/** Puts reactions away that were shown long enough. */
export function fadeReactions(model: Model, now: number): Model {
  const reactions = model.reactions.filter((one) => now - one.at < REACTION_MS);
  return reactions.length === model.reactions.length ? model : { ...model, reactions };
}

/** Who sits where: everyone keeps their seat, whoever comes takes the first free one, and only the last seats go. */
export function seat(seats: readonly (string | null)[], people: readonly string[]): readonly (string | null)[] {
  const next = seats.map((one) => (one !== null && people.includes(one) ? one : null));
  for (const id of people) {
    if (next.includes(id)) continue;
    const free = next.indexOf(null);
    if (free < 0) next.push(id);
    else next[free] = id;
  }
  while (next.length > 0 && next.at(-1) === null) next.pop();
  const same = next.length === seats.length && next.every((one, n) => one === seats[n]);
  return same ? seats : next;
}

/** The others in the order their hands went up. */
export function raisedHands(call: CallView): string[] {
  return call.participants
    .filter((one) => one.hand_raised_ms !== null)
    .sort((a, b) => (a.hand_raised_ms ?? 0) - (b.hand_raised_ms ?? 0))
    .map((one) => one.id);
}

/** In a mesh of more, sound may suffer. */
const MESH_LIMIT = 8;

/** Whether more send to each other than is good. */
export function isCrowded(call: CallView): boolean {
  return call.group?.mesh === true && call.participants.length + 1 > MESH_LIMIT;
}

function foldState(before: Model, view: AppView): Model {
  const was = currentCall(before.view);
  const call = currentCall(view);
  const live = isLive(call);
  const same = was?.id === call?.id;
  let { echo, echoDone } = before;
  if (live && call.echo) {
    echo = measureCall(echo?.call === call.id ? echo : beginEcho(call.id), call);
    echoDone = null;
  } else if (echo) {
    // Over, or replaced by another call: only the first leads to the question.
    echoDone = live ? null : echo;
    echo = null;
  } else if (live) {
    echoDone = null;
  }
  const shown = call ?? (before.shown?.ended != null && echoDone ? before.shown : null);
  return {
    view,
    shown,
    levels: same && live ? before.levels : SILENT,
    links: same && live ? before.links : [],
    recent: same && live ? before.recent : [],
    reactions: same && live ? before.reactions : [],
    seats: seat(same ? before.seats : [], call?.participants.map((one) => one.id) ?? []),
    speaker: same && live ? before.speaker : NOBODY,
    silenced: same && live && call.muted && before.silenced,
    echo,
    echoDone: shown ? echoDone : null,
  };
}

/** Where the main window is. */
export type Page = "people" | "call" | "settings";

/** Where a change of state takes the person: into a call that begins, and out of one that is gone. */
export function nextPage(page: Page, before: Model, after: Model): Page {
  const was = currentCall(before.view);
  const is = currentCall(after.view);
  if (isLive(is) && is.id !== was?.id) return "call";
  if (page === "call" && after.shown === null) return "people";
  return page;
}
