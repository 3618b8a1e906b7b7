//! The packed SDK in somebody else's page: it calls through a real core, and what it sees is a track that a `<video>`
//! plays.

use std::path::Path;

use bellbird_contract::Status;

use crate::harness::household::Household;
use crate::harness::stage::Stage;
use crate::harness::web_server::{Served, WebServer};

const PAGE: &str = r#"<!doctype html><title>SDK</title><video autoplay muted playsinline></video>
<script type="module">
import { BellbirdSdk, userJid } from "./index.js";
const place = new URLSearchParams(location.hash.slice(1));
const sdk = new BellbirdSdk();
const heard = [];
await sdk.initializeSDK({
  apiBaseUrl: place.get("door"),
  callbackListeners: {
    connectionListener: ({ status }) => heard.push(status),
    callStatusListener: ({ status }) => heard.push(status),
    userTrackListener: ({ track, trackType, localUser }) => {
      if (!track || localUser) return;
      window[trackType] = track;
      track.addEventListener("ended", () => heard.push("ended " + trackType));
      if (trackType === "video") document.querySelector("video").srcObject = new MediaStream([track]);
    },
  },
});
Object.assign(window, { sdk, heard, userJid });
window.connected = await sdk.connect({ password: place.get("token") });
</script>"#;

/// How many shades the `<video>` shows; 0 before it plays.
const SHADES: &str = r#"
const video = document.querySelector("video");
if (!video.videoWidth || !video.currentTime) return 0;
const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 36 });
const context = canvas.getContext("2d");
context.drawImage(video, 0, 0, 64, 36);
return new Set(new Uint32Array(context.getImageData(0, 0, 64, 36).data.buffer)).size;
"#;

#[test]
fn a_page_makes_a_video_call_and_plays_the_real_track_it_gets() {
    let stage = Stage::new("sdk-page");
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ui/src/sdk/dist");
    assert!(dist.join("index.js").exists(), "the SDK is not built: run npm run build in ui");
    let folder = stage.folder("page");
    for file in std::fs::read_dir(&dist).expect("the built package").flatten() {
        std::fs::copy(file.path(), folder.join(file.file_name())).expect("a file is copied");
    }
    std::fs::write(folder.join("index.html"), PAGE).expect("a page");
    let pages = WebServer::start(Served { folder, call_page: None, talk: None });
    let ada =
        Household::settle_with(&stage, "ada", &["--allow-origin", &pages.origin(), "--camera", "pattern"]);
    ada.add_friend(&stage, "bo");
    let listen = ["listen", "--mic", "tone:440", "--speaker", "null", "--camera", "pattern"];
    let mut bo = ada.friend_starts(&stage, "bo", &listen);
    bo.event("registered");

    let browser = stage.open_chromium("ada", &[]);
    let door = ada.door.file();
    browser.open(&format!("{}/index.html#door={}&token={}", pages.origin(), door.url, door.token));
    let connected = browser.wait_until("the SDK to connect", || {
        let result = browser.run("return window.connected ?? null");
        (!result.is_null()).then_some(result)
    });
    assert_eq!(connected["statusCode"], 200, "{connected}");

    let call = format!("return sdk.makeVideoCall([userJid('bo', {:?})])", ada.server);
    let made = browser.run(&call);
    assert_eq!((&made["statusCode"], &made["callType"]), (&200.into(), &"video".into()), "{made}");
    ada.door.call(Status::Connected);
    browser.wait_until("the far end to be seen", || {
        browser.run(SHADES).as_u64().is_some_and(|shades| shades > 8).then_some(())
    });
    let track = "const { source, kind } = window.video; return [source, kind, window.video instanceof MediaStreamTrack, window.audio.source]";
    assert_eq!(browser.run(track), serde_json::json!(["native", "video", true, "core"]));
    browser.wait_until("the far end to be heard", || {
        browser.run("return window.audio.level").as_f64().is_some_and(|level| level > -60.0).then_some(())
    });

    let ended = browser.run("return sdk.endCall()");
    assert_eq!(ended["statusCode"], 200, "{ended}");
    ada.door.no_call();
    let heard = browser.wait_until("the end to be told", || {
        let heard = browser.run("return heard");
        let told: Vec<String> = serde_json::from_value(heard).ok()?;
        told.contains(&"ended".to_owned()).then_some(told)
    });
    assert_eq!(heard[0], "CONNECTED");
    assert!(
        heard.contains(&"connected".to_owned()) && heard.contains(&"ended video".to_owned()),
        "{heard:?}"
    );
    assert_eq!(browser.run("return window.video.readyState"), "ended");
}
