// What the page asks of the window it lives in: the one place that may name Tauri. In a plain browser the address of
// the core stands in the page's own address, after the `#`, which no server ever sees.

import { invoke, isTauri } from "@tauri-apps/api/core";

import type { DoorAddress } from "./door";

/** The window around the page. */
export interface Shell {
  /** Finds the core, starting one when none runs. */
  findDoor(): Promise<DoorAddress>;
  /** Closes this window. */
  close(): void;
  /** Brings the main window to the front, opening it when needed. */
  showMain(): void;
  /** Whether closing is the page's to do: not so in a browser's tab. */
  readonly closes: boolean;
}

const tauriShell: Shell = {
  findDoor: () => invoke<DoorAddress>("find_door"),
  close: () => void invoke("close_window"),
  showMain: () => void invoke("show_main"),
  closes: true,
};

const browserShell: Shell = {
  findDoor: async () => doorInFragment(location.hash),
  close: () => window.close(),
  showMain: () => window.focus(),
  closes: false,
};

/** Reads `#door=<ws url>&token=<token>`. */
export function doorInFragment(fragment: string): DoorAddress {
  const fields = new URLSearchParams(fragment.replace(/^#/, ""));
  const url = fields.get("door");
  const token = fields.get("token");
  if (!url || !token) throw new Error("no core is named in the address of this page");
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
