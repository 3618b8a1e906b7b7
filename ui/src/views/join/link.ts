// Reading a conversation's link far enough to tell the person where it leads. The core reads it again, strictly.

import type { AccountView, AppView } from "../../sdk/contract";

/** Where a link leads. */
export interface ConversationLink {
  /** The server, as it is shown. */
  host: string;
  /** The server's web root, without a slash at its end. */
  root: string;
  /** Meant for people with an account there alone. */
  membersOnly: boolean;
}

/** Reads a link; `null` when the text is none. */
export function conversationLink(text: string): ConversationLink | null {
  const typed = text.trim();
  const app = /^nextcloudtalk:\/\/(?!open-conversation)(?:[^@/]*@)?(.+)$/.exec(typed);
  if (typed.startsWith("nextcloudtalk://open-conversation")) {
    const server = new URLSearchParams(typed.split("?")[1] ?? "").get("server");
    const root = server ? parsed(server.includes("://") ? server : `https://${server}`) : null;
    return root ? { host: root.host, root: rootOf(root, root.pathname), membersOnly: true } : null;
  }
  const url = parsed(app ? `https://${app[1]}` : typed);
  const path = url ? /^(.*?)\/call\/[A-Za-z0-9]{4,30}\/?$/.exec(url.pathname) : null;
  if (!url || !path) return null;
  return { host: url.host, root: rootOf(url, path[1] ?? ""), membersOnly: app !== null };
}

function parsed(text: string): URL | null {
  try {
    const url = new URL(text);
    return url.protocol === "https:" || url.protocol === "http:" ? url : null;
  } catch {
    return null;
  }
}

function rootOf(url: URL, path: string): string {
  return `${url.host}${path.replace(/\/index\.php$/, "").replace(/\/+$/, "")}`;
}

/** The account of ours on the server a link leads to. */
export function accountFor(view: AppView, link: ConversationLink): AccountView | null {
  const on = (server: string | null) => {
    const url = server ? parsed(server) : null;
    return url !== null && rootOf(url, url.pathname) === link.root;
  };
  return (
    view.accounts.find((one) => on(one.server) || (one.local && on(view.local_server?.public_url ?? null))) ?? null
  );
}
