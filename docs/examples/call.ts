// Rings somebody through the Bellbird that runs on this machine, watches the call connect, mutes, and leaves.
//
//   (cd ../../ui && npm ci && npm run build:sdk)
//   npm install
//   node call.ts bob@cloud.example.org
//
// Node before 22.18 needs it translated first: `npx -p typescript tsc call.ts --module nodenext --target es2022
// --skipLibCheck`, then `node call.js …`; with Node 20, `node --experimental-websocket call.js …`. BELLBIRD_DATA names the
// data folder of another core than this person's own.

import { BellbirdSdk } from "bellbird-sdk";
import { doorOf } from "bellbird-sdk/node";

// Of Node, so that this needs no further types.
declare const process: { argv: string[]; exit(code: number): never };

const callee = process.argv[2];
if (!callee) {
  console.error("whom? node call.js USER@HOST");
  process.exit(2);
}

const sdk = new BellbirdSdk();
let connected: () => void;
let closed: () => void;
const isConnected = new Promise<void>((resolve) => (connected = resolve));
const isClosed = new Promise<void>((resolve) => (closed = resolve));

await sdk.initializeSDK({
  door: doorOf(),
  callbackListeners: {
    connectionListener: ({ status }) => console.log("connection", status),
    callStatusListener: ({ status, userJid, sessionStatus }) => {
      console.log("status", status, userJid);
      if (status === "connected") connected();
      if (sessionStatus === "closed") closed();
    },
    userTrackListener: ({ track, trackType, userJid }) => console.log("track", trackType, userJid, track?.source ?? "gone"),
    muteStatusListener: ({ userJid, trackType, isMuted }) => console.log("muted", trackType, userJid, isMuted),
  },
});

/** Every method answers with a value, also when it was refused. */
function sure(what: string, { statusCode, message }: { statusCode: number; message: string }): void {
  console.log(what, statusCode, message);
  if (statusCode !== 200) process.exit(1);
}

sure("connect", await sdk.connect());
sure("makeVoiceCall", await sdk.makeVoiceCall([callee]));
const came = await Promise.race([isConnected.then(() => true), isClosed.then(() => false)]);
// Over before it was connected: nobody answered, or they declined.
if (!came) process.exit(1);
sure("muteAudio", await sdk.muteAudio(true));
sure("endCall", await sdk.endCall());
await isClosed;
sdk.disconnect();
