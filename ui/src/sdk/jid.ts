// How people and conversations are named (mirrorfly-sdk section 1): `user@host[:port]`, `token@mix.host[:port]`.
// Characters that the part before the `@` may not hold are escaped as XEP-0106 says.

const ESCAPES: readonly (readonly [string, string])[] = [
  [" ", "\\20"],
  ['"', "\\22"],
  ["&", "\\26"],
  ["'", "\\27"],
  ["/", "\\2f"],
  [":", "\\3a"],
  ["<", "\\3c"],
  [">", "\\3e"],
  ["@", "\\40"],
];

const ESCAPE_OF = new Map(ESCAPES);
const CHARACTER_OF = new Map([...ESCAPES.map(([character, escape]) => [escape, character] as const), ["\\5c", "\\"]]);

/** What stands before the hosts of conversations. */
const GROUPS = "mix.";

/** What stands before the hosts of guests, who have no account and cannot be called. */
const GUESTS = "guests.";

/** Whom a JID names. */
export interface Named {
  kind: "user" | "group" | "guest";
  /** A user id, a conversation's token, or what the server calls a guest. */
  id: string;
  /** Host and port of the server. */
  host: string;
}

/** Escapes a user id. A backslash is escaped only where it would be read as an escape. */
export function escapeLocal(id: string): string {
  return id
    .replace(/\\(?=20|22|26|27|2f|3a|3c|3e|40|5c)/g, "\\5c")
    .replace(/[ "&'/:<>@]/g, (character) => ESCAPE_OF.get(character) ?? character);
}

/** The other way. */
export function unescapeLocal(local: string): string {
  return local.replace(/\\(?:20|22|26|27|2f|3a|3c|3e|40|5c)/g, (escape) => CHARACTER_OF.get(escape) ?? escape);
}

/** The host, and the port where it is not the scheme's own, of a server's address. */
export function hostOf(server: string): string {
  try {
    return new URL(server).host;
  } catch {
    return server;
  }
}

/** The JID of somebody on a server. `server`: its address. */
export function userJid(id: string, server: string): string {
  return `${escapeLocal(id)}@${hostOf(server)}`;
}

/** The JID of somebody without an account in a call on a server, by what that calls their device. */
export function guestJid(id: string, server: string): string {
  return `${escapeLocal(id)}@${GUESTS}${hostOf(server)}`;
}

/** The JID of a conversation on a server. */
export function groupJid(token: string, server: string): string {
  return `${escapeLocal(token)}@${GROUPS}${hostOf(server)}`;
}

/** Whom a JID names; `null` when it is none. */
export function parseJid(jid: string): Named | null {
  const at = jid.lastIndexOf("@");
  const domain = jid.slice(at + 1).toLowerCase();
  if (at <= 0 || domain === "" || domain.includes("/")) return null;
  const id = unescapeLocal(jid.slice(0, at));
  if (domain.startsWith(GROUPS)) return { kind: "group", id, host: domain.slice(GROUPS.length) };
  if (domain.startsWith(GUESTS)) return { kind: "guest", id, host: domain.slice(GUESTS.length) };
  return { kind: "user", id, host: domain };
}
