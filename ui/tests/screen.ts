// Mounts a window over a scripted core, and finds things in it the way a person does: by role and name.

import { flushSync, mount, unmount } from "svelte";

import { FakeCore, FakePictures } from "../src/platform/fake";
import { BellbirdSdk } from "../src/sdk/sdk";
import { App } from "../src/state/app.svelte";
import Main from "../src/views/Main.svelte";
import IncomingWindow from "../src/views/incoming/IncomingWindow.svelte";

export interface Screen {
  core: FakeCore;
  app: App;
  close(): void;
}

export function openMain(prepare: (core: FakeCore) => void = () => {}): Screen {
  return open(Main, prepare);
}

export function openIncoming(prepare: (core: FakeCore) => void = () => {}): Screen {
  return open(IncomingWindow, prepare);
}

function open(view: typeof Main | typeof IncomingWindow, prepare: (core: FakeCore) => void): Screen {
  const core = new FakeCore();
  prepare(core);
  const app = new App(new BellbirdSdk({ door: core, pictures: new FakePictures() }), { people: view === Main });
  const component = mount(view, { target: document.body, props: { app } });
  flushSync();
  return {
    core,
    app,
    close() {
      void unmount(component);
      app.stop();
      document.body.replaceChildren();
    },
  };
}

/** Lets answers of the core arrive and be drawn. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
  flushSync();
}

/** What is drawn of an element; not what a style hides. */
export function text(): string {
  return document.body.textContent?.replace(/\s+/g, " ").trim() ?? "";
}

function nameOf(element: Element): string {
  return (element.getAttribute("aria-label") ?? element.textContent ?? "").replace(/\s+/g, " ").trim();
}

/** The button of that name; fails when there is none or more than one. */
export function button(name: string | RegExp): HTMLButtonElement {
  const found = [...document.querySelectorAll("button")].filter((one) =>
    typeof name === "string" ? nameOf(one) === name : name.test(nameOf(one)),
  );
  if (found.length !== 1) {
    const all = [...document.querySelectorAll("button")].map(nameOf).join(" | ");
    throw new Error(`${found.length} buttons named ${name}; there are: ${all}`);
  }
  return found[0]!;
}

/** Whether such a button is there. */
export function hasButton(name: string | RegExp): boolean {
  try {
    return button(name) !== null;
  } catch {
    return false;
  }
}

export async function click(name: string | RegExp): Promise<void> {
  const target = button(name);
  if (target.disabled) throw new Error(`${name} is disabled`);
  target.focus();
  target.click();
  await settle();
}

/** The field with that label. */
export function field(label: string): HTMLInputElement {
  const found = [...document.querySelectorAll("label")].find((one) => one.textContent?.trim() === label);
  const input =
    found?.htmlFor ? document.getElementById(found.htmlFor) : document.querySelector(`[aria-label="${label}"]`);
  if (!(input instanceof HTMLInputElement)) throw new Error(`no field labelled ${label}`);
  return input;
}

export async function type(label: string, value: string): Promise<void> {
  const input = field(label);
  input.focus();
  input.value = value;
  input.dispatchEvent(new Event("input", { bubbles: true }));
  await settle();
}

/** Presses and releases a key where the focus is. */
export async function press(key: string, modifiers: KeyboardEventInit = {}): Promise<void> {
  await down(key, modifiers);
  await up(key, modifiers);
}

export async function down(key: string, modifiers: KeyboardEventInit = {}): Promise<void> {
  target().dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...modifiers }));
  await settle();
}

export async function up(key: string, modifiers: KeyboardEventInit = {}): Promise<void> {
  target().dispatchEvent(new KeyboardEvent("keyup", { key, bubbles: true, cancelable: true, ...modifiers }));
  await settle();
}

/** Takes the focus off any control, as after a click beside them. */
export function blur(): void {
  if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
}

function target(): Element {
  return document.activeElement ?? document.body;
}
