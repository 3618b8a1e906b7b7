// Reading an invitation link far enough to tell the person where it leads. The core reads it again, strictly.

/** The host an invitation link leads to, or `null` when the text is no such link. */
export function invitationHost(text: string): string | null {
  let url: URL;
  try {
    url = new URL(text.trim());
  } catch {
    return null;
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") return null;
  return /\/invite\/[^/]+$/.test(url.pathname) ? url.host : null;
}

/** A sign-in name from a person's name: `Zoë Ångström` becomes `zoe.angstrom`. */
export function proposeLoginName(displayName: string): string {
  return displayName
    .normalize("NFD")
    .replace(/\p{Mark}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, ".")
    .replace(/^\.+|\.+$/g, "");
}
