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

/** Whom a JID names. */
export interface Named {
  /** A user id, or a conversation's token. */
  id: string;
  /** Host and port of the server. */
  host: string;
  /** It is a conversation. */
  group: boolean;
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

/** The JID of a conversation on a server. */
export function groupJid(token: string, server: string): string {
  return `${escapeLocal(token)}@${GROUPS}${hostOf(server)}`;
}

/** Whom a JID names; `null` when it is none. What follows a slash, a device, names nobody else. */
export function parseJid(jid: string): Named | null {
  const bare = jid.split("/", 1)[0] ?? "";
  const at = bare.lastIndexOf("@");
  if (at <= 0 || at === bare.length - 1) return null;
  const host = bare.slice(at + 1);
  const group = host.startsWith(GROUPS);
  return { id: unescapeLocal(bare.slice(0, at)), host: group ? host.slice(GROUPS.length) : host, group };
}
