//! The pages that the embedded server serves by itself, in a real browser under their real policies: the guests' page
//! with the browser's own microphone, and the page that signs an app in.

use std::time::Duration;

use bellbird_testkit::hpb_stack::{HpbOptions, HpbStack, HpbVersion};
use bellbird_testkit::{speech, tone_meter};
use serde_json::Value;

use crate::harness::household::{Household, PASSWORD};
use crate::harness::stage::Stage;
use crate::harness::web_driver::WebDriver;

/// Keeps what a page's policy has forbidden, for the test to ask.
const WATCH_POLICY: &str = r"
    window.forbidden = [];
    addEventListener('securitypolicyviolation', (event) => window.forbidden.push(event.violatedDirective));
";

/// The loudest moment of a second of what the page plays, 0 to 1.
const LISTEN: &str = r"
    const element = document.querySelector('audio');
    if (!element || !element.srcObject) return 0;
    window.ear ??= new AudioContext();
    return (async () => {
        const source = new MediaStreamAudioSourceNode(window.ear, { mediaStream: element.srcObject });
        const analyser = new AnalyserNode(window.ear, { fftSize: 2048 });
        source.connect(analyser);
        let loudest = 0;
        const samples = new Float32Array(2048);
        for (let look = 0; look < 40; look++) {
            await new Promise((done) => setTimeout(done, 25));
            analyser.getFloatTimeDomainData(samples);
            loudest = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), loudest);
        }
        source.disconnect();
        return loudest;
    })();
";

fn browser(stage: &Stage) -> WebDriver {
    browser_of(stage, "guest")
}

fn browser_of(stage: &Stage, person: &str) -> WebDriver {
    let browser = stage.open_chromium(
        person,
        &[
            // The browser's own stand-ins: a microphone that beeps, and somebody who allows it.
            "--use-fake-device-for-media-stream".to_owned(),
            "--use-fake-ui-for-media-stream".to_owned(),
            "--allow-loopback-in-peer-connection".to_owned(),
        ],
    );
    browser.run_before_pages(WATCH_POLICY);
    browser
}

fn nothing_was_forbidden(browser: &WebDriver) {
    assert_eq!(browser.run("return window.forbidden"), serde_json::json!([]));
}

/// One request to the server as bob, by a page that came from there.
fn as_bob(browser: &WebDriver, method: &str, path: &str, body: &Value) -> Value {
    browser.run(&format!(
        "return fetch('{path}', {{
            method: '{method}',
            headers: {{
                'OCS-APIRequest': 'true',
                'Content-Type': 'application/json',
                Authorization: 'Basic ' + btoa('bob:{PASSWORD}'),
            }},
            body: {body:?},
        }}).then((answer) => answer.status)",
        body = body.to_string()
    ))
}

#[test]
fn a_guest_joins_by_the_link_with_password_and_microphone() {
    let stage = Stage::new("guests-link");
    let ada = Household::settle(&stage, "ada");
    ada.add_friend(&stage, "bob");
    let made = ada
        .friend_starts(&stage, "bob", &["room", "create", "--name", "Open house", "--type", "public"])
        .event_where("a room", |value| value["event"] == "room");
    let token = made["token"].as_str().expect("a room has a token").to_owned();
    let server = ada.server.trim_end_matches('/').to_owned();

    let browser = browser(&stage);
    browser.open(&format!("{server}/status.php"));
    let path = format!("/ocs/v2.php/apps/spreed/api/v4/room/{token}/password");
    let set = as_bob(&browser, "PUT", &path, &serde_json::json!({ "password": "open sesame" }));
    assert_eq!(set, 200);

    let recording = stage.folder("bob").join("heard.wav");
    let speaker = format!("file:{}", recording.display());
    let arguments = ["join", &token, "--mic", "tone:440", "--speaker", &speaker, "--no-processing"];
    let mut bob = ada.friend_starts(&stage, "bob", &arguments);

    browser.open(&format!("{server}/call/{token}"));
    browser.type_into("#name", "Gustav");
    browser.click("#go");
    browser.wait_for_text("another password");
    browser.type_into("#password", "open sesame");
    browser.click("#go");
    browser.wait_for("[data-state=connected]");
    browser.wait_for_text("Open house");
    bob.event_where("sound from the guest", |value| value["event"] == "media" && value["first"] == "played");
    // Two of the beeps, which come once a second or faster.
    std::thread::sleep(Duration::from_secs(3));
    nothing_was_forbidden(&browser);
    browser.click("#leave");
    browser.wait_for_text("The call is over");
    bob.interrupt();
    let samples = speech::read_wav(&recording);
    let loudest = samples.chunks(960).map(tone_meter::level).fold(f64::NEG_INFINITY, f64::max);
    assert!(loudest > -40.0, "the guest's microphone was not heard: {loudest} dB at most");
}

#[test]
fn a_guest_waits_in_the_lobby_agrees_to_be_recorded_and_is_told_when_it_is_over() {
    let stage = Stage::new("guests-lobby");
    let ada = Household::settle(&stage, "ada");
    ada.add_friend(&stage, "bob");
    let made = ada
        .friend_starts(&stage, "bob", &["room", "create", "--name", "Open house", "--type", "public"])
        .event_where("a room", |value| value["event"] == "room");
    let token = made["token"].as_str().expect("a room has a token").to_owned();
    let server = ada.server.trim_end_matches('/').to_owned();
    let _bob = ada.friend_starts(&stage, "bob", &["join", &token, "--mic", "tone:440", "--speaker", "null"]);

    // Settings are changed from a tab beside the guest's: the same page would lose the call.
    let beside = stage.open_chromium("beside", &[]);
    beside.open(&format!("{server}/status.php"));
    let lobby = format!("/ocs/v2.php/apps/spreed/api/v4/room/{token}/webinar/lobby");
    let set = |state: u8| {
        assert_eq!(as_bob(&beside, "PUT", &lobby, &serde_json::json!({ "state": state })), 200);
    };
    let call = format!("/ocs/v2.php/apps/spreed/api/v4/call/{token}");
    beside.wait_until("bob to be in the call", || {
        let script = format!(
            "return fetch('{call}', {{ headers: {{ 'OCS-APIRequest': 'true', Authorization: 'Basic ' + btoa('bob:{PASSWORD}') }} }})
                .then((answer) => answer.json()).then((answer) => answer.ocs.data.length)"
        );
        (beside.run(&script) == 1).then_some(())
    });
    let browser = browser(&stage);
    ada.configure(&stage, "recording-consent", "1");
    browser.open(&format!("{server}/call/{token}"));
    browser.click("#try");
    browser.wait_for_text("Your microphone works.");
    browser.type_into("#name", "Gustav");
    browser.click("#go");
    browser.wait_for_text("This call may be recorded");
    set(1);
    browser.click("#consent");
    browser.click("#go");
    browser.wait_for("[data-state=lobby]");
    browser.wait_for_text("You are in the lobby");
    set(0);
    browser.wait_for("[data-state=connected]");
    assert_eq!(browser.run("return document.querySelector('#people').innerText"), "bob");
    // Back into the lobby and out of it again, then the end for everybody.
    set(1);
    browser.wait_for("[data-state=lobby]");
    set(0);
    browser.wait_for("[data-state=connected]");
    assert_eq!(as_bob(&beside, "DELETE", &call, &serde_json::json!({ "all": true })), 200);
    browser.wait_for_text("The call is over");
    nothing_was_forbidden(&browser);
}

/// The server's settings name an external signaling server, with a media server behind it.
#[test]
fn a_guest_joins_through_a_signaling_server_and_a_media_server() {
    let stage = Stage::new("guests-hpb");
    let ada = Household::settle(&stage, "ada");
    ada.add_friend(&stage, "bob");
    let server = ada.server.trim_end_matches('/').to_owned();
    let stack = HpbStack::start(HpbOptions::new(HpbVersion::V2, &server));
    ada.configure(&stage, "hpb-secret-file", &stack.secret_file().display().to_string());
    ada.configure(&stage, "hpb-url", &stack.url());
    let made = ada
        .friend_starts(&stage, "bob", &["room", "create", "--name", "Open house", "--type", "public"])
        .event_where("a room", |value| value["event"] == "room");
    let token = made["token"].as_str().expect("a room has a token").to_owned();

    // Two browsers: one beeps into the call, the other hears it, and the other way round.
    let (first, second) = (browser(&stage), browser_of(&stage, "second"));
    for (page, name) in [(&first, "Gustav"), (&second, "Hedda")] {
        page.open(&format!("{server}/status.php"));
        page.wait_until("the signaling server to be taken up", || {
            let ask = "return fetch('/ocs/v2.php/apps/spreed/api/v3/signaling/settings', { headers: { 'OCS-APIRequest': 'true' } })
                .then((answer) => answer.json()).then((answer) => answer.ocs.data.signalingMode)";
            (page.run(ask) == "external").then_some(())
        });
        page.open(&format!("{server}/call/{token}"));
        page.type_into("#name", name);
        page.click("#go");
    }
    for (page, other) in [(&first, "Hedda"), (&second, "Gustav")] {
        page.wait_for("[data-state=connected]");
        page.wait_until("the other's name", || {
            (page.run("return document.querySelector('#people').innerText") == other).then_some(())
        });
        page.wait_until("the other's microphone to be heard", || {
            let loudness = page.run(LISTEN);
            loudness.as_f64().filter(|loudness| *loudness > 0.01).map(drop)
        });
        nothing_was_forbidden(page);
    }
    second.click("#leave");
    first.wait_for("[data-state=waiting]");
}

#[test]
fn an_app_is_let_in_on_the_login_page() {
    let stage = Stage::new("guests-login");
    let ada = Household::settle(&stage, "ada");
    ada.add_friend(&stage, "bob");
    let server = ada.server.trim_end_matches('/').to_owned();
    let browser = browser(&stage);
    browser.open(&format!("{server}/status.php"));
    let flow = browser
        .run("return fetch('/index.php/login/v2', { method: 'POST' }).then((answer) => answer.json())");
    let login = flow["login"].as_str().expect("the page's address");
    let poll = flow["poll"]["token"].as_str().expect("a token to poll with");

    browser.open(login);
    // The style sheet is allowed and used, and the first field has the focus.
    let align = browser.run("return getComputedStyle(document.body).display");
    assert_eq!(align, "grid");
    assert_eq!(browser.run("return document.activeElement.id"), "user");
    browser.type_into("#user", "bob");
    browser.type_into("#password", "wrong");
    browser.click("button");
    browser.wait_for_text("The name or the password is wrong");
    assert_eq!(browser.run("return document.activeElement.id"), "password");
    browser.type_into("#password", PASSWORD);
    browser.click("button");
    browser.wait_for_text("You can close this page");
    nothing_was_forbidden(&browser);

    // From an empty page of the same server: the login page itself may ask for nothing.
    browser.open(&format!("{server}/status.php"));
    let answer = browser.run(&format!(
        "return fetch('/index.php/login/v2/poll', {{ method: 'POST', body: new URLSearchParams({{ token: '{poll}' }}) }})
            .then((answer) => answer.json())"
    ));
    assert_eq!(answer["loginName"], "bob");
    assert_eq!(answer["server"], server);
    assert!(answer["appPassword"].as_str().is_some_and(|password| password.len() > 30));
}

/// How wide the picture of that kind is that the page plays, pixels; 0: none.
fn width_of(browser: &WebDriver, figure: &str) -> u64 {
    let script = format!(
        "const video = document.querySelector('#pictures figure{figure} video');
         return video && !video.paused && video.readyState >= 2 ? video.videoWidth : 0;"
    );
    browser.run(&script).as_u64().unwrap_or(0)
}

#[test]
fn a_guest_with_a_camera_sees_and_is_seen() {
    let stage = Stage::new("guests-camera");
    let ada = Household::settle(&stage, "ada");
    ada.add_friend(&stage, "bob");
    let made = ada
        .friend_starts(&stage, "bob", &["room", "create", "--name", "Open house", "--type", "public"])
        .event_where("a room", |value| value["event"] == "room");
    let token = made["token"].as_str().expect("a room has a token").to_owned();
    let films = stage.folder("films").display().to_string();
    let options =
        ["--mic", "silence", "--speaker", "null", "--camera", "pattern", "--save-video", &films, "--stdin"];
    let mut bob = ada.friend_starts(&stage, "bob", &[&["join", token.as_str()], &options[..]].concat());

    let browser = browser(&stage);
    browser.open(&format!("{}/call/{token}", ada.server.trim_end_matches('/')));
    browser.type_into("#name", "Gustav");
    browser.click("#go");
    browser.wait_for("[data-state=connected]");
    let face = "[data-kind=camera]:not([data-session=own])";
    browser.wait_until("bob's face", || (width_of(&browser, face) > 0).then_some(()));

    browser.click("#camera");
    bob.event_where("the guest's face", |value| {
        value["event"] == "media" && value["kind"] == "video" && value["first"] == "frame"
    });
    browser.wait_until("our own face", || (width_of(&browser, "[data-session=own]") > 0).then_some(()));

    bob.0.say("video off");
    browser.wait_until("an end of bob's face", || {
        browser.find(&format!("#pictures figure{face}")).is_none().then_some(())
    });
    bob.0.say("video on");
    browser.wait_until("bob's face again", || (width_of(&browser, face) > 0).then_some(()));
    nothing_was_forbidden(&browser);
    browser.click("#leave");
    bob.interrupt();
}
