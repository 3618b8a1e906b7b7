//! Getting into conversations: by link, as a guest, past password, lobby and consent; and being rung on several servers.

use bellbird_contract::{Command, EndReason, EntranceView, Media, Problem, Reply, Status};
use serde_json::json;

use crate::stage::{Person, Stage};

async fn join(person: &Person, room: &str, guest_name: Option<&str>) -> Result<String, Problem> {
    let guest_name = guest_name.map(str::to_owned);
    let command = Command::JoinRoom { account: None, room: room.into(), media: Media::Voice, guest_name };
    match person.app.handle(command).await? {
        Reply::Call { call } => Ok(call),
        other => panic!("joining yielded {other:?}"),
    }
}

fn link(stage: &Stage, token: &str) -> String {
    format!("{}/call/{token}", stage.url.trim_end_matches('/'))
}

async fn give(person: &Person, call: &str, password: &str) {
    let (call, password) = (call.to_owned(), password.to_owned());
    person.app.handle(Command::EnterPassword { call, password }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_gets_in_by_link_past_password_and_lobby_and_is_heard_only_then() {
    let stage = Stage::open().await;
    let mut ann = stage.person("ann").await;
    let room = ann.app.create_room("Open house", true, &[]).await.unwrap().token;
    stage.moderate("ann", &format!("{room}/password"), json!({ "password": "open sesame now" })).await;
    stage.moderate("ann", &format!("{room}/webinar/lobby"), json!({ "state": 1 })).await;
    let owner = join(&ann, &room, None).await.unwrap();
    ann.until_call("being in the call", &owner, |call| call.entrance.is_none()).await;

    let mut gwen = Person::nobody();
    let call = join(&gwen, &link(&stage, &room), Some("Gwen")).await.unwrap();
    let asks = |refused| Some(EntranceView::Password { refused, throttled: false });
    let shown = gwen.until_call("the password", &call, |call| call.entrance == asks(false)).await;
    assert_eq!((shown.guest_on.as_deref(), shown.account.as_str()), (Some("127.0.0.1"), ""));
    give(&gwen, &call, "wrong").await;
    gwen.until_call("the refusal", &call, |call| call.entrance == asks(true)).await;
    give(&gwen, &call, "open sesame now").await;
    let lobby = Some(EntranceView::Lobby { opens_at_ms: None });
    let waiting = gwen.until_call("the lobby", &call, |call| call.entrance == lobby).await;
    assert_eq!((waiting.display_name.as_str(), waiting.status), ("Open house", Status::Calling));
    // One is in the lobby or in a call, not in both.
    let refused =
        gwen.app.handle(Command::MakeCall { account: None, contact: "x".into(), media: Media::Voice });
    assert_eq!(refused.await.unwrap_err().code, "not-now");
    assert!(ann.app.state().calls[0].participants.is_empty(), "the guest is in the call before being let in");

    stage.moderate("ann", &format!("{room}/webinar/lobby"), json!({ "state": 0 })).await;
    let inside = gwen.until_call("the call", &call, |call| call.status == Status::Connected).await;
    assert_eq!((inside.entrance, inside.guest_on.as_deref()), (None, Some("127.0.0.1")));
    let seen = ann.until_call("the guest", &owner, |call| call.status == Status::Connected).await;
    assert_eq!(seen.participants[0].contact, None);
    ann.until_call("the guest's name", &owner, |call| call.participants[0].display_name == "Gwen").await;
    ann.hears_something().await;
    gwen.hears_something().await;
    gwen.app.stop().await;
    ann.until_call("the guest to be gone", &owner, |call| call.participants.is_empty()).await;
    ann.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_gives_up_in_the_lobby_is_gone_from_it() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    let room = ann.app.create_room("Open house", true, &[]).await.unwrap().token;
    stage
        .moderate("ann", &format!("{room}/webinar/lobby"), json!({ "state": 1, "timer": 4_000_000_000_i64 }))
        .await;
    let mut bob = stage.person("bob").await;
    // With an account that is no member, by link.
    let events = bob.app.events();
    let call = join(&bob, &link(&stage, &room), None).await.unwrap();
    let lobby = Some(EntranceView::Lobby { opens_at_ms: Some(4_000_000_000_000) });
    bob.until_call("the lobby", &call, |call| call.entrance == lobby).await;
    bob.app.handle(Command::End { call: Some(call.clone()) }).await.unwrap();
    assert_eq!(bob.ended(&call).await, EndReason::LocalHangup);
    let told = Person::happenings_to_the_end(events, &call).await;
    let steps: Vec<_> = told
        .iter()
        .filter_map(|happening| match happening {
            bellbird_contract::CallHappening::Entrance { entrance } => Some(Some(*entrance)),
            _ => None,
        })
        .collect();
    assert_eq!(steps, [lobby], "{told:?}");
    // The next call is not in the way of the one given up.
    let echo = bob.call("ann").await;
    assert_ne!(echo, call);
    bob.app.stop().await;
    ann.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_that_lead_nowhere_for_us_are_told_apart() {
    let stage = Stage::open().await;
    let mut ann = stage.person("ann").await;
    for (room, guest, code) in [
        ("https://elsewhere.example/call/abc123", None, "not-now"),
        ("nextcloudtalk://elsewhere.example/call/abc123", Some("Ann"), "bad-link"),
        ("abc123", Some("Ann"), "bad-link"),
        ("http://elsewhere.example/call/abc123", Some("Ann"), "bad-link"),
        ("https://elsewhere.example/", None, "bad-link"),
        ("a b", None, "bad-link"),
    ] {
        assert_eq!(join(&ann, room, guest).await.unwrap_err().code, code, "{room}");
    }
    let call = join(&ann, &link(&stage, "nosuchroom"), None).await.unwrap();
    assert_eq!(ann.ended(&call).await, EndReason::SignalingFailed);
    assert_eq!(ann.app.state().problems[0].code, "unknown-room");
    let room = ann.app.create_room("Locked", true, &[]).await.unwrap().token;
    stage.moderate("ann", &format!("{room}/read-only"), json!({ "state": 1 })).await;
    let call = join(&ann, &link(&stage, &room), Some("Gwen")).await.unwrap();
    assert_eq!(ann.ended(&call).await, EndReason::SignalingFailed);
    ann.until("the reason", |state| {
        state.problems.iter().find(|problem| problem.code == "read-only").map(|_| ())
    })
    .await;
    ann.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_recorded_without_having_said_yes() {
    let stage = Stage::open().await;
    let admin = stage.server.admin();
    tokio::task::spawn_blocking(move || admin.set_config("recording-consent", "1").unwrap()).await.unwrap();
    let (mut ann, mut bob) = (stage.person("ann").await, stage.person("bob").await);
    let agree = |call: &str| Command::GiveConsent { call: call.to_owned() };
    let call = ann.call("bob").await;
    ann.until_call("the question", &call, |call| call.entrance == Some(EntranceView::Consent)).await;
    assert!(bob.app.state().calls.is_empty(), "it rang before the caller agreed");
    ann.app.handle(agree(&call)).await.unwrap();

    let rung = bob.rung_by("ann").await;
    assert!(rung.asks_consent);
    let refused = bob.app.handle(Command::Answer { call: None, media: Media::Voice }).await.unwrap_err();
    assert_eq!(refused.code, "consent-needed");
    assert!(bob.rung_by("ann").await.can_answer, "it stopped ringing");
    bob.app.handle(agree(&rung.id)).await.unwrap();
    bob.until_call("the yes", &rung.id, |call| !call.asks_consent && call.can_answer).await;
    bob.answer().await;
    bob.until_call("the call", &rung.id, |call| call.status == Status::Connected).await;
    ann.until_call("the call", &call, |call| call.status == Status::Connected).await;
    bob.hears_something().await;
    ann.app.stop().await;
    bob.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_on_several_servers_ring_and_list_their_people_side_by_side() {
    let (home, work) = (Stage::open().await, Stage::open().await);
    let (ann, eve) = (home.person("ann").await, work.person("eve").await);
    let mut bob = home.person("bob").await;
    bob.enter(&work, "robert").await;
    let first = ann.call("bob").await;
    let second = eve.call("robert").await;
    let at_home = bob.rung_by("ann").await;
    let at_work = bob.rung_by("eve").await;
    assert!(at_home.account.starts_with("bob@") && at_work.account.starts_with("robert@"));
    assert_ne!(at_home.account, at_work.account);

    let all = Command::SearchContacts { account: None, text: String::new() };
    let Reply::Contacts { contacts } = bob.app.handle(all).await.unwrap() else { panic!("no people") };
    let listed: Vec<_> =
        contacts.iter().map(|contact| (contact.id.as_str(), contact.account.as_str())).collect();
    assert!(listed.contains(&("ann", at_home.account.as_str())), "{listed:?}");
    assert!(listed.contains(&("eve", at_work.account.as_str())), "{listed:?}");
    let Reply::Rooms { rooms } = bob.app.handle(Command::ListRooms { account: None }).await.unwrap() else {
        panic!("no conversations")
    };
    assert_eq!(rooms.len(), 2, "{rooms:?}");
    for (person, call) in [(&ann, first), (&eve, second)] {
        person.app.handle(Command::End { call: Some(call) }).await.unwrap();
    }
    for person in [ann, eve, bob] {
        person.app.stop().await;
    }
}
