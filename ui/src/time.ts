// Times as people read them. Pure.

/** Seconds as `0:42`, `12:03` or `1:02:03`. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const h = Math.floor(whole / 3600);
  const m = Math.floor((whole % 3600) / 60);
  const two = (n: number) => String(n).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(whole % 60)}` : `${two(m)}:${two(whole % 60)}`;
}

/** Whole seconds from one moment to another, never negative: clocks of two processes may differ by a little. */
export function secondsSince(since_ms: number, now_ms: number): number {
  return Math.max(0, Math.floor((now_ms - since_ms) / 1000));
}

/** A moment as `today at 18:30`, `tomorrow at 09:00` or `12 March, 09:00`. */
export function moment(at_ms: number, now_ms: number, locale?: string): string {
  const at = new Date(at_ms);
  const time = at.toLocaleTimeString(locale, { hour: "2-digit", minute: "2-digit" });
  const days = Math.round((midnight(at) - midnight(new Date(now_ms))) / 86_400_000);
  if (days === 0) return `today at ${time}`;
  if (days === 1) return `tomorrow at ${time}`;
  return `${at.toLocaleDateString(locale, { day: "numeric", month: "long" })}, ${time}`;
}

function midnight(date: Date): number {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}
