// Finding the core of this person on this machine, in Node.

import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

import type { DoorAddress } from "./door.js";

/** What the core writes where only its person can read it. */
export interface DoorFile extends DoorAddress {
  /** The core's process. */
  pid: number;
  /** The web API's address, which the same token opens. */
  web_api?: string;
}

/** Where this person's core keeps its things: `BELLBIRD_DATA`, or the system's place for it. */
export function dataFolder(): string {
  const { env, platform } = process;
  if (env["BELLBIRD_DATA"]) return env["BELLBIRD_DATA"];
  if (platform === "win32") return join(env["LOCALAPPDATA"] || join(homedir(), "AppData", "Local"), "Bellbird", "data");
  if (platform === "darwin") return join(homedir(), "Library", "Application Support", "Bellbird");
  return join(env["XDG_DATA_HOME"] || join(homedir(), ".local", "share"), "bellbird");
}

/** Reads the door file of a core. */
export async function readDoor(folder: string = dataFolder()): Promise<DoorFile> {
  const path = join(folder, "door.json");
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch {
    throw { code: "core-gone", detail: `no core runs here: ${path} cannot be read` };
  }
  const file = JSON.parse(text) as Partial<DoorFile>;
  if (typeof file.url !== "string" || typeof file.token !== "string") throw { code: "core-gone", detail: `${path} is no door file` };
  return file as DoorFile;
}

/** For `initializeSDK({ door: doorOf() })`: reads the file anew for each try, as a new core has a new address. */
export function doorOf(folder?: string): () => Promise<DoorAddress> {
  return () => readDoor(folder);
}
