//! A program wants somebody in a call: the notification, the question in the real window, what each answer does.

use bellbird_contract::{Command, RemoteJoinPolicy, Reply, Status};
use serde_json::{Value, json};

use crate::harness::household::Household;
use crate::harness::http::{headers, request};
use crate::harness::stage::{PATIENCE, Stage};

/// What a program that has the door file's token is answered.
fn ask(ada: &Household, path: &str, body: &Value) -> (u16, Value) {
    let file = ada.door.file();
    let host = file.url.trim_start_matches("ws://").trim_end_matches("/control");
    let bearer = format!("Bearer {}", file.token);
    let headers = headers(&[("Authorization", &bearer), ("Content-Type", "application/json")]);
    let path = format!("/api/cowork/user/calls/{path}");
    let body = body.to_string();
    let answer =
        request(host, "POST", &path, &headers, body.as_bytes(), PATIENCE).expect("the web API answers");
    (answer.status(), answer.json())
}

#[test]
fn the_person_is_asked_in_the_window_before_a_program_has_them_join() {
    let mut stage = Stage::new("remote-join");
    let ada = Household::settle(&stage, "ada");
    ada.add_friend(&stage, "bob");
    let create = Command::CreateRoom {
        account: None,
        name: "Choir".into(),
        public: false,
        people: vec!["bob".into()],
    };
    let Reply::Room { room } = ada.door.command(create) else { panic!("no conversation") };
    let options = ["join", &room.token, "--silent", "--mic", "tone:440", "--speaker", "null"];
    let mut bob = ada.friend_starts(&stage, "bob", &options);
    bob.status("calling");

    // With none open, the core would bring up one of its own.
    let window = stage.open_window("ada");
    window.wait_for("[data-contact=echo]");
    let join = json!({ "channelId": room.token, "joinType": "audio" });
    assert_eq!(ask(&ada, "join", &join), (200, json!([])));
    let says = |value: &Value| value["body"].as_str().is_some_and(|body| body.contains("join you to Choir"));
    let shown = stage.notification("the question", |value| value["event"] == "notify" && says(value));
    window.wait_for("[data-remote-join]");
    window.wait_for_text("wants to join you to “Choir” by voice");
    stage.keep_picture("remote-join");
    let focused = window.run("return document.activeElement.dataset.answer;");
    assert_eq!(focused, "not-now", "a key that comes by chance must not allow anything");
    assert_eq!(stage.sound().recordings(), 0, "no microphone is open before the person answers");
    window.click("[data-answer=not-now]");
    window.wait_until_gone("[data-remote-join]");
    stage.notification("the notification's end", |value| {
        value["event"] == "close" && value["id"] == shown["id"]
    });
    assert!(ada.door.state().calls.iter().all(|call| call.can_answer));

    assert_eq!(ask(&ada, "join", &join), (200, json!([])));
    window.wait_for("[data-remote-join]");
    window.click("[data-answer=allow]");
    let call = ada.door.call(Status::Connected);
    assert_eq!(call.joined_by.as_deref(), Some(""));
    window.wait_for("[data-status=connected]");
    window.wait_for_text("Joined by another program");
    bob.status("connected");
    assert_eq!(ada.door.state().accounts[0].remote_join, RemoteJoinPolicy::Allow);

    // Silent is told, and ended by the person.
    let (status, silent) = ask(&ada, "audio", &json!({ "silent": true }));
    assert_eq!((status, &silent[0]["states"][0]["silent"]), (200, &json!(true)));
    window.click("[data-action=hear]");
    window.wait_until_gone("[data-action=hear]");

    // A screen is asked for though the account may be joined; which one, in the list as always.
    assert_eq!(ask(&ada, "join", &json!({ "joinType": "SCREEN" })), (200, json!([])));
    window.wait_for_text("wants you to share a screen in “Choir”");
    window.click("[data-screen^=monitor]");
    bob.event_where("the screen", |value| {
        value["event"] == "track" && value["kind"] == "screen" && value["state"] == "added"
    });
    window.wait_for("[data-action=stop-sharing]");
    window.click("[data-action=end]");
    ada.door.no_call();
}
