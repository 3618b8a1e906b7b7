// A face for someone without a picture: initials on a colour that always belongs to the same name.

/** How many colours `Avatar.svelte` knows. */
export const AVATAR_COLOURS = 8;

/** One or two letters. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/u).filter(Boolean);
  const first = words[0] ? [...words[0]][0] : undefined;
  const last = words.length > 1 ? [...(words.at(-1) ?? "")][0] : undefined;
  return `${first ?? "?"}${last ?? ""}`.toLocaleUpperCase();
}

/** The number of the name's colour (FNV-1a, so that neighbours in the alphabet differ). */
export function avatarColour(name: string): number {
  let hash = 0x811c9dc5;
  for (const char of name) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193);
  return (hash >>> 8) % AVATAR_COLOURS;
}
