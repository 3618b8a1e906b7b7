// How well a call does, judged from the figures of its links. Pure.

import type { LinkQualityView } from "../sdk/contract";

/** A judgement a person can use. */
export type Judgement =
  | { quality: "unknown" }
  | { quality: "good" }
  /** Sound has gaps or comes late; `where` says whose side is the likely cause, as far as one can tell. */
  | { quality: "weak"; where: "coming" | "going" | "both_ways" | "our_network" | "late" };

/** From this share of lost or made-up sound on, gaps are heard. */
const GAPS = 0.05;
/** From this round trip on, people talk over each other, ms. */
const LATE_MS = 400;

/** Judges the links of a call. */
export function judge(links: readonly LinkQualityView[]): Judgement {
  const measured = links.filter((link) => link.kbit_in > 0 || link.kbit_out > 0 || link.rtt_ms !== null);
  if (measured.length === 0) return { quality: "unknown" };
  const coming = measured.filter((link) => link.loss >= GAPS || link.concealed >= GAPS);
  const going = measured.filter((link) => (link.remote_loss ?? 0) >= GAPS);
  // Several people at once cannot all have a bad network on the same evening: what they share is ours.
  const troubled = measured.filter((link) => coming.includes(link) || going.includes(link));
  if (measured.length > 1 && troubled.length === measured.length) return { quality: "weak", where: "our_network" };
  if (coming.length > 0 && going.length > 0) return { quality: "weak", where: "both_ways" };
  if (coming.length > 0) return { quality: "weak", where: "coming" };
  if (going.length > 0) return { quality: "weak", where: "going" };
  if (measured.some((link) => (link.rtt_ms ?? 0) >= LATE_MS)) return { quality: "weak", where: "late" };
  return { quality: "good" };
}

/** How many seconds of judgements are weighed, and how many of them must be weak. */
const WEIGHED = 5;
const WEAK_OF_WEIGHED = 3;

/** The judgements of the last seconds with a new one, the newest last. */
export function remember(recent: readonly Judgement[], judgement: Judgement): readonly Judgement[] {
  return [...recent.slice(1 - WEIGHED), judgement];
}

/** A judgement that does not change with every second: a single bad one is not worth a word. */
export function settled(recent: readonly Judgement[]): Judgement {
  const weak = recent.filter((judgement) => judgement.quality === "weak");
  const newest = weak.at(-1);
  if (newest && weak.length >= WEAK_OF_WEIGHED) return newest;
  return recent.some((judgement) => judgement.quality !== "unknown") ? { quality: "good" } : { quality: "unknown" };
}

/** The worst of each figure over all links; what the quality popover shows. */
export interface Figures {
  rtt_ms: number | null;
  loss: number;
  remote_loss: number | null;
  jitter_ms: number;
  buffer_ms: number;
  concealed: number;
  kbit_in: number;
  kbit_out: number;
}

/** Folds links into one set of figures; `null` before any is known. */
export function worstFigures(links: readonly LinkQualityView[]): Figures | null {
  const [first, ...rest] = links;
  if (!first) return null;
  const largest = (a: number | null, b: number | null) => (a === null ? b : b === null ? a : Math.max(a, b));
  return rest.reduce<Figures>(
    (worst, link) => ({
      rtt_ms: largest(worst.rtt_ms, link.rtt_ms),
      loss: Math.max(worst.loss, link.loss),
      remote_loss: largest(worst.remote_loss, link.remote_loss),
      jitter_ms: Math.max(worst.jitter_ms, link.jitter_ms),
      buffer_ms: Math.max(worst.buffer_ms, link.buffer_ms),
      concealed: Math.max(worst.concealed, link.concealed),
      kbit_in: worst.kbit_in + link.kbit_in,
      kbit_out: worst.kbit_out + link.kbit_out,
    }),
    { ...first },
  );
}
