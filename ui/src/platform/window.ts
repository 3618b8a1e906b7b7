// What the page asks of the window it lives in: the one place that may name Tauri. In a plain browser the address of
// the core stands in the page's own address, after the `#`, which no server ever sees.

import { invoke, isTauri } from "@tauri-apps/api/core";

import type { DoorAddress } from "../sdk/door";

/** The window around the page. Opening and closing windows is the window process's own business. */
export interface Shell {
  /** Finds the core, starting one when none runs. Rejects with a `{ code, detail }` that there are words for. */
  findDoor(): Promise<DoorAddress>;
  /** Gives the call a small window of its own, above others; `null` where there are no such windows. */
  popOut: (() => Promise<void>) | null;
  /** Puts it back into the main window. */
  popIn: (() => Promise<void>) | null;
}

const tauriShell: Shell = {
  findDoor: () => invoke<DoorAddress>("find_door"),
  popOut: () => invoke<void>("pop_out"),
  popIn: () => invoke<void>("pop_in"),
};

const browserShell: Shell = {
  findDoor: async () => doorInFragment(location.hash),
  popOut: null,
  popIn: null,
};

/** Reads `#door=<ws url>&token=<token>`. */
export function doorInFragment(fragment: string): DoorAddress {
  const fields = new URLSearchParams(fragment.replace(/^#/, ""));
  const url = fields.get("door");
  const token = fields.get("token");
  if (!url || !token) throw { code: "no-address", detail: "no door and token after the # of this page's address" };
  return { url, token };
}

/** The shell this page runs in. */
export function shell(): Shell {
  return isTauri() ? tauriShell : browserShell;
}

/** Puts text on the clipboard; false where the system refuses. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

/** The older way, for engines that offer no clipboard to this page. */
function copyBySelection(text: string): boolean {
  const area = document.createElement("textarea");
  area.value = text;
  area.setAttribute("readonly", "");
  area.className = "visually-hidden";
  const before = document.activeElement;
  document.body.append(area);
  area.select();
  const done = document.execCommand?.("copy") ?? false;
  area.remove();
  if (before instanceof HTMLElement) before.focus();
  return done;
}
