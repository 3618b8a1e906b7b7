// The guests' page: a name, the microphone, the call.

import "../styles/base.css";
import "./page.css";
import { GuestCall, type GuestState } from "./call/guest_call";
import { Refused, TalkRoom } from "./talk/api";

const STATES: Record<GuestState, string> = {
  joining: "Joining…",
  waiting: "You are in. Waiting for others…",
  connecting: "Connecting…",
  connected: "Connected",
  ended: "The call is over. You can close this page.",
};

function refusal(error: unknown): string {
  if (error instanceof DOMException && error.name === "NotAllowedError") {
    return "The browser does not let this page use the microphone. Allow it in the address bar, then join again.";
  }
  if (error instanceof DOMException && error.name === "NotFoundError") {
    return "There is no microphone. Connect one, then join again.";
  }
  if (!(error instanceof Refused)) return "The server does not answer. Check your connection, then join again.";
  if (error.status === 403 && error.key === "password") return "This conversation needs another password.";
  if (error.status === 403) return "This conversation does not let you in. Ask whoever invited you.";
  if (error.status === 404) return "This conversation is not there, or it is not open to guests.";
  if (error.status === 412) return "The lobby is open: someone has to let you in. Try again in a moment.";
  if (error.status === 429) return "Too many tries. Wait a minute, then join again.";
  return `The server refused (${error.status}). Ask whoever invited you.`;
}

function part<T extends HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element as T;
}

/** `…/call/TOKEN`, as in an invitation link; everything before it is the server's address. */
function where(): { server: string; token: string } {
  const [, prefix = "", token = ""] = /^(.*?)(?:\/index\.php)?\/call\/([a-z0-9]{4,30})/.exec(location.pathname) ?? [];
  return { server: location.origin + prefix, token };
}

const form = part<HTMLFormElement>("join");
const call = part<HTMLElement>("call");
const message = part<HTMLElement>("message");
const state = part<HTMLElement>("state");
const mute = part<HTMLButtonElement>("mute");
const sounds = part<HTMLElement>("sounds");
let running: GuestCall | null = null;

function play(session: string, stream: MediaStream | null): void {
  const old = sounds.querySelector<HTMLAudioElement>(`[data-session="${CSS.escape(session)}"]`);
  if (!stream) return old?.remove();
  const element = old ?? document.createElement("audio");
  element.dataset.session = session;
  element.autoplay = true;
  element.srcObject = stream;
  if (!old) sounds.append(element);
}

function show(next: GuestState): void {
  state.textContent = STATES[next];
  document.body.dataset.state = next;
  mute.disabled = next === "ended";
  part<HTMLButtonElement>("leave").hidden = next === "ended";
}

async function join(name: string, password: string): Promise<void> {
  message.textContent = "";
  const { server, token } = where();
  const processing = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  const microphone = await navigator.mediaDevices.getUserMedia({ audio: processing });
  const joining = new GuestCall(new TalkRoom(server, token), microphone, {
    state: show,
    room: (title) => (part("title").textContent = title),
    sound: play,
  });
  try {
    await joining.join(name, password);
  } catch (error) {
    await joining.leave();
    throw error;
  }
  running = joining;
  form.hidden = true;
  call.hidden = false;
  mute.focus();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const button = part<HTMLButtonElement>("go");
  button.disabled = true;
  join(part<HTMLInputElement>("name").value.trim(), part<HTMLInputElement>("password").value)
    .catch((error: unknown) => {
      message.textContent = refusal(error);
      if (error instanceof Refused && error.key === "password") part("password-row").hidden = false;
    })
    .finally(() => (button.disabled = false));
});

mute.addEventListener("click", () => {
  const muted = mute.getAttribute("aria-pressed") !== "true";
  mute.setAttribute("aria-pressed", String(muted));
  mute.textContent = muted ? "Unmute" : "Mute";
  running?.setMuted(muted);
});

part("leave").addEventListener("click", () => void running?.leave());
// A page that is closed cannot wait for an answer; the server drops the session when its pings stop.
addEventListener("pagehide", () => void running?.leave());
