// The guests' page: a name, the microphone, the call.

import "../styles/base.css";
import "./page.css";
import { GuestCall, type GuestState, Locked, type Person } from "./call/guest_call";
import { MicrophoneCheck } from "./microphone_check";
import { PictureWall } from "./picture_wall";
import { Refused, TalkRoom } from "./talk/api";

const STATES: Record<GuestState, string> = {
  joining: "Joining…",
  lobby: "You are in the lobby. Somebody has to let you in; you join by yourself then.",
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
  if (error instanceof Locked) return "This conversation is locked: nobody can call in it now.";
  if (!(error instanceof Refused)) return "The server does not answer. Check your connection, then join again.";
  if (error.status === 403 && error.key === "password") return "This conversation needs another password.";
  if (error.status === 400 && error.key === "consent") return "This call may be recorded. Agree to that, then join again.";
  if (error.status === 403) return "This conversation does not let you in. Ask whoever invited you.";
  if (error.status === 404) return "This conversation is not there, or it is not open to guests.";
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
const people = part<HTMLUListElement>("people");
const level = part<HTMLMeterElement>("level");
const tryButton = part<HTMLButtonElement>("try");
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

function list(present: Person[]): void {
  wall.name(new Map(present.map(({ session, name }) => [session, name || "Guest"])));
  const entries = present.map(({ name, speaks }) => {
    const entry = document.createElement("li");
    entry.textContent = `${name || "Guest"}${speaks ? "" : " (listening)"}`;
    return entry;
  });
  people.replaceChildren(...entries);
}

function listenOnly(may: boolean): void {
  part("listening").hidden = may;
  mute.hidden = !may;
}

const wall = new PictureWall(part("pictures"));
const cameraButton = part<HTMLButtonElement>("camera");
const screenButton = part<HTMLButtonElement>("screen");
const trouble = part<HTMLElement>("trouble");

function offerPictures(camera: boolean, screen: boolean): void {
  cameraButton.hidden = !camera;
  // Phones have no screen to share.
  screenButton.hidden = !screen || !("getDisplayMedia" in navigator.mediaDevices);
}

/** Whatever is asked of the browser is asked by a click, and a refusal leaves the call as it is. */
async function toggleCamera(): Promise<void> {
  const on = cameraButton.getAttribute("aria-pressed") !== "true";
  trouble.textContent = "";
  const picture = on ? { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { max: 30 } } : null;
  const stream = picture ? await navigator.mediaDevices.getUserMedia({ video: picture }) : null;
  const track = stream?.getVideoTracks()[0] ?? null;
  await running?.show(track);
  wall.show("own", "camera", track && stream, "You");
  cameraButton.setAttribute("aria-pressed", String(on));
  cameraButton.textContent = on ? "Camera off" : "Camera on";
}

async function toggleScreen(): Promise<void> {
  trouble.textContent = "";
  if (screenButton.getAttribute("aria-pressed") === "true") return running?.share(null);
  const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 15 } } });
  const track = stream.getVideoTracks()[0];
  if (track) {
    // Letters stay sharp.
    track.contentHint = "detail";
    running?.share(track);
  }
}

function sharing(on: boolean): void {
  screenButton.setAttribute("aria-pressed", String(on));
  screenButton.textContent = on ? "Stop sharing" : "Share screen";
}

function pictureTrouble(error: unknown, what: string): void {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError") trouble.textContent = `The browser did not let this page use the ${what}.`;
  else if (name === "NotFoundError") trouble.textContent = `There is no ${what}.`;
  else if (name === "NotReadableError") trouble.textContent = `Another program uses the ${what}.`;
  else trouble.textContent = `The ${what} cannot be used.`;
}

const check = new MicrophoneCheck((loudness) => {
  level.value = loudness;
  if (loudness > 0.05) part("heard").textContent = "Your microphone works.";
});

async function tryMicrophone(): Promise<void> {
  const on = tryButton.getAttribute("aria-pressed") !== "true";
  part("heard").textContent = "";
  if (on) {
    await check.start(await microphone());
    part("heard").textContent = "Say something.";
  } else {
    check.stop();
  }
  tryButton.setAttribute("aria-pressed", String(on));
  tryButton.textContent = on ? "Stop checking" : "Check the microphone";
  level.hidden = !on;
}

function microphone(): Promise<MediaStream> {
  const processing = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  return navigator.mediaDevices.getUserMedia({ audio: processing });
}

function show(next: GuestState): void {
  state.textContent = STATES[next];
  document.body.dataset.state = next;
  if (next === "ended") {
    people.replaceChildren();
    wall.clear();
    cameraButton.hidden = true;
    screenButton.hidden = true;
  }
  if (next !== "joining") {
    form.hidden = true;
    call.hidden = false;
  }
  mute.disabled = next === "ended";
  part<HTMLButtonElement>("leave").hidden = next === "ended";
}

async function join(name: string, password: string, consents: boolean): Promise<void> {
  message.textContent = "";
  if (tryButton.getAttribute("aria-pressed") === "true") await tryMicrophone();
  const { server, token } = where();
  const joining = new GuestCall(new TalkRoom(server, token), await microphone(), {
    state: show,
    people: list,
    maySpeak: listenOnly,
    room: (title) => (part("title").textContent = title),
    sound: play,
    mayShow: offerPictures,
    picture: (session, stream) => wall.show(session, "camera", stream),
    screen: (session, stream) => wall.show(session, "screen", stream),
    sharing,
  });
  // It can be left from the lobby too.
  running = joining;
  try {
    await joining.join(name, password, consents);
  } catch (error) {
    await joining.leave();
    running = null;
    document.body.dataset.state = "new";
    call.hidden = true;
    form.hidden = false;
    throw error;
  }
  part(mute.hidden ? "leave" : "mute").focus();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const button = part<HTMLButtonElement>("go");
  button.disabled = true;
  const value = (id: string) => part<HTMLInputElement>(id).value;
  join(value("name").trim(), value("password"), part<HTMLInputElement>("consent").checked)
    .catch((error: unknown) => {
      message.textContent = refusal(error);
      if (error instanceof Refused && error.key === "password") part("password-row").hidden = false;
      if (error instanceof Refused && error.key === "consent") part("consent-row").hidden = false;
    })
    .finally(() => (button.disabled = false));
});

tryButton.addEventListener("click", () => {
  tryMicrophone().catch((error: unknown) => (message.textContent = refusal(error)));
});

mute.addEventListener("click", () => {
  const muted = mute.getAttribute("aria-pressed") !== "true";
  mute.setAttribute("aria-pressed", String(muted));
  mute.textContent = muted ? "Unmute" : "Mute";
  running?.setMuted(muted);
});

cameraButton.addEventListener("click", () => {
  toggleCamera().catch((error: unknown) => pictureTrouble(error, "camera"));
});

screenButton.addEventListener("click", () => {
  toggleScreen().catch((error: unknown) => pictureTrouble(error, "screen"));
});

part("leave").addEventListener("click", () => void running?.leave());
// A page that is closed cannot wait for an answer; the server drops the session when its pings stop.
addEventListener("pagehide", () => void running?.leave());
