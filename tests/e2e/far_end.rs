//! A browser as the far end: the guests' page, speaking the same REST, signaling and mesh rules, with Chromium's own
//! WebRTC. Sound both ways, and either side making the offer.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use bellbird_testkit::{speech, tone_meter};
use serde_json::Value;

use crate::harness::household::Household;
use crate::harness::stage::{Cli, Stage};
use crate::harness::web_driver::WebDriver;
use crate::harness::web_server::{Served, WebServer};

/// What the browser says and what it hears, in Hz. Far enough apart to be told apart in one recording.
const BROWSER_SAYS: f64 = 880.0;
const CLI_SAYS: f64 = 440.0;

/// Stands in for a microphone, and lets the test ask what is heard. Runs before the page's own script, so the page
/// itself is the one that people get.
const EARS_AND_MOUTH: &str = r"
    const context = new AudioContext({ sampleRate: 48000 });
    navigator.mediaDevices.getUserMedia = async () => {
        const tone = new OscillatorNode(context, { frequency: 880 });
        const quieter = new GainNode(context, { gain: 0.5 });
        const out = new MediaStreamAudioDestinationNode(context);
        tone.connect(quieter).connect(out);
        tone.start();
        await context.resume();
        return out.stream;
    };
    window.heard = async () => {
        const element = document.querySelector('audio');
        if (!element || !element.srcObject) return null;
        const source = new MediaStreamAudioSourceNode(context, { mediaStream: element.srcObject });
        const analyser = new AnalyserNode(context, { fftSize: 16384, smoothingTimeConstant: 0 });
        source.connect(analyser);
        await new Promise((done) => setTimeout(done, 600));
        const bins = new Float32Array(analyser.frequencyBinCount);
        analyser.getFloatFrequencyData(bins);
        source.disconnect();
        const width = context.sampleRate / analyser.fftSize;
        let best = 0;
        for (let bin = 1; bin < bins.length; bin++) if (bins[bin] > bins[best]) best = bin;
        return { frequency: best * width, decibels: bins[best] };
    };
";

struct Guest {
    browser: WebDriver,
    pages: WebServer,
}

fn guest(stage: &Stage, server: &str) -> Guest {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ui/dist-guest");
    assert!(
        folder.join("guest.html").exists(),
        "the guests' page is not built: `cargo xtask test` builds it"
    );
    let talk = server.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let pages = WebServer::start(Served { folder, call_page: Some("guest.html"), talk: Some(talk) });
    let browser = stage.open_chromium(
        "guest",
        &[
            // Both ends are on this machine, and the page has no microphone whose permission would unhide addresses.
            "--allow-loopback-in-peer-connection".to_owned(),
            "--disable-features=WebRtcHideLocalIpsWithMdns".to_owned(),
        ],
    );
    browser.run_before_pages(EARS_AND_MOUTH);
    Guest { browser, pages }
}

impl Guest {
    fn join(&self, token: &str) {
        self.browser.open(&format!("{}/call/{token}", self.pages.origin()));
        self.browser.type_into("#name", "Gustav");
        self.browser.click("#go");
    }

    /// Asks what the browser hears until it is the tone, or time is up.
    fn hears(&self, frequency: f64) {
        self.browser.wait_until(&format!("{frequency} Hz to be heard in the browser"), || {
            let heard = self.browser.run("return window.heard()");
            let (found, decibels) = (heard["frequency"].as_f64()?, heard["decibels"].as_f64()?);
            ((found - frequency).abs() < 8.0 && decibels > -50.0).then_some(())
        });
    }
}

fn public_room(stage: &Stage, ada: &Household) -> String {
    let mut create =
        ada.friend_starts(stage, "bob", &["room", "create", "--name", "Open house", "--type", "public"]);
    let made = create.event_where("a room", |value| value["event"] == "room");
    made["token"].as_str().expect("a room has a token").to_owned()
}

fn bob_joins(stage: &Stage, ada: &Household, token: &str, recording: &Path) -> Cli {
    let speaker = format!("file:{}", recording.display());
    let mic = format!("tone:{CLI_SAYS}");
    let arguments = ["join", token, "--mic", &mic, "--speaker", &speaker, "--no-processing"];
    ada.friend_starts(stage, "bob", &arguments)
}

/// The session ids of an event's participant.
fn participant(event: &Value) -> Option<String> {
    event["participant"].as_str().map(str::to_owned)
}

#[test]
fn a_browser_and_the_command_line_hear_each_other_whoever_offers() {
    let stage = Stage::new("far-end");
    let ada = Household::settle(&stage, "ada");
    ada.add_friend(&stage, "bob");
    let token = public_room(&stage, &ada);
    let guest = guest(&stage, &ada.server);

    // Session ids are random and the larger one offers: join anew until each side has had the larger one.
    let mut roles = BTreeSet::new();
    for round in 0..12 {
        let recording = stage.folder("bob").join(format!("heard-{round}.wav"));
        let mut bob = bob_joins(&stage, &ada, &token, &recording);
        guest.join(&token);
        let connected = bob.event_where("a connected guest", |value| {
            value["event"] == "status" && value["status"] == "connected" && participant(value).is_some()
        });
        let theirs = participant(&connected).expect("checked just above");
        guest.browser.wait_for("[data-state=connected]");
        guest.hears(CLI_SAYS);
        let bobs = guest.browser.run("return document.querySelector('audio').dataset.session");
        let bobs = bobs.as_str().expect("the page names the session it hears").to_owned();
        roles.insert(theirs > bobs);

        // A second of sound at least lies on the disk before the end.
        bob.event_where("sound from the guest", |value| {
            value["event"] == "media" && value["first"] == "played"
        });
        std::thread::sleep(Duration::from_secs(2));
        guest.browser.click("#leave");
        bob.interrupt();
        assert_heard(&recording);
        if roles.len() == 2 {
            return;
        }
    }
    panic!("in twelve rounds the same side always had the larger session id");
}

fn assert_heard(recording: &Path) {
    let samples = speech::read_wav(recording);
    // The last full second before the guest left: leaving and its sound come after.
    let loud: Vec<&[f32]> = samples
        .chunks(24_000)
        .filter(|half| half.len() == 24_000 && tone_meter::level(half) > -40.0)
        .collect();
    let reading = loud
        .iter()
        .filter_map(|half| tone_meter::measure(half, 48_000, 200.0, 2000.0))
        .max_by(|a, b| a.snr.total_cmp(&b.snr))
        .unwrap_or_else(|| panic!("nothing was heard in {} samples", samples.len()));
    assert!((reading.frequency - BROWSER_SAYS).abs() < 2.0 && reading.snr > 6.0, "{reading:?}");
}

#[test]
fn a_guest_who_is_refused_is_told_why() {
    let stage = Stage::new("guest-refused");
    let ada = Household::settle(&stage, "ada");
    let guest = guest(&stage, &ada.server);
    guest.join("nosuchroom");
    guest.browser.wait_for_text("This conversation is not there");
}
