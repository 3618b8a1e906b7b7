// Folds what the core tells into what the window shows. Whole states come in, so nothing is ever patched: what a
// window shows after any event is what a window opened at that moment would show. Pure; the time comes in.

import type { AppView, CallView, Event, LinkQualityView } from "../contract/contract";
import { type EchoMeasure, beginEcho, measureCall, measureLevels, measureQuality } from "./echo_check";
import { SILENT, type ShownLevels, foldLevels } from "./levels";
import { type Judgement, judge, remember } from "./quality";

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
  /** The echo call that runs. */
  echo: EchoMeasure | null;
  /** An echo call that is over and has not been asked about yet. */
  echoDone: EchoMeasure | null;
}

export const EMPTY: Model = { view: null, shown: null, levels: SILENT, links: [], recent: [], echo: null, echoDone: null };

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
      return { ...model, levels: foldLevels(model.levels, event.levels, now), echo };
    }
    case "quality": {
      if (currentCall(model.view)?.id !== event.call) return model;
      const echo = model.echo?.call === event.call ? measureQuality(model.echo, event.links) : model.echo;
      return { ...model, links: event.links, recent: remember(model.recent, judge(event.links)), echo };
    }
    // The sum of these stands in the next state.
    case "call":
    case "raise_window":
    case "stopping":
      return model;
  }
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
