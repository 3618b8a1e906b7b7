//! The UI has no other way than the door: the same files in a browser steer a real core.

use std::path::Path;

use bellbird_contract::Status;

use crate::harness::household::Household;
use crate::harness::stage::Stage;
use crate::harness::web_server::{Served, WebServer};

#[test]
fn the_same_ui_in_chromium_calls_echo_through_a_real_core() {
    let stage = Stage::new("browser-ui");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ui/dist");
    assert!(folder.join("index.html").exists(), "the UI is not built: run npm run build in ui");
    let pages = WebServer::start(Served { folder, call_page: None, talk: None });
    let ada = Household::settle_with(&stage, "ada", &["--allow-origin", &pages.origin()]);
    let browser = stage.open_chromium("ada", &[]);
    let door = ada.door.file();
    browser.open(&format!("{}/index.html#door={}&token={}", pages.origin(), door.url, door.token));
    browser.click("[data-contact=echo]");
    browser.wait_for("[data-status=connected]");
    ada.door.call(Status::Connected);

    browser.click("[data-action=mute]");
    ada.door.wait_until("the microphone to be off", |state| {
        state.calls.iter().any(|call| call.muted).then_some(())
    });
    // The keyboard does it too, once the page shows what it would change.
    browser.wait_for("[data-action=mute][aria-pressed=true]");
    browser.press("m");
    ada.door.wait_until("the microphone to be on", |state| {
        state.calls.iter().any(|call| !call.muted).then_some(())
    });
    browser.click("[data-action=end]");
    ada.door.no_call();
}

#[test]
fn a_page_of_another_origin_is_not_let_in() {
    let stage = Stage::new("browser-refused");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ui/dist");
    let pages = WebServer::start(Served { folder, call_page: None, talk: None });
    let ada = Household::settle(&stage, "ada");
    let browser = stage.open_chromium("ada", &[]);
    let door = ada.door.file();
    browser.open(&format!("{}/index.html", pages.origin()));
    // Even with the right token.
    let opened = browser.run(&format!(
        "return new Promise((done) => {{
            const socket = new WebSocket({:?});
            socket.onopen = () => done('opened');
            socket.onclose = () => done('refused');
        }})",
        door.url
    ));
    assert_eq!(opened, "refused");
}
