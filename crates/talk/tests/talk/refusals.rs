//! Calls that do not come about.

use bellbird_call::ports::{ProblemCode, SignalingCommand, SignalingEvent};
use bellbird_call::{CallTarget, ContactId, Invitation, MediaKinds, RoomId, Secret};
use bellbird_talk::{AccountEvent, ClientName, Outcome, TalkAccount};
use serde_json::json;

use crate::foreign::{APP_PASSWORD, Foreign, LOGIN};
use crate::stage::{Bell, HANG, Phone, Stage};

async fn ringing() -> (Stage, bellbird_talk::TalkAccount, Phone, Bell, Phone) {
    let stage = Stage::open().await;
    let (alice, bob) = (stage.person("alice").await, stage.person("bob").await);
    let mut bell = Bell::hang(&bob).await;
    let mut caller = Phone::dial(&alice, "bob");
    let callee = Phone::ring(&bob, bell.incoming().await);
    caller.wait_for(&SignalingEvent::RemoteRinging).await;
    (stage, bob, caller, bell, callee)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_caller_hears_that_the_person_declined() {
    let (_stage, bob, mut caller, mut bell, mut callee) = ringing().await;
    callee.send(SignalingCommand::Decline);
    // As the call's session does at its end.
    drop(callee);
    caller.wait_for(&SignalingEvent::RemoteDeclined).await;
    caller.leave();
    bob.calls_settled(std::time::Duration::from_secs(30)).await;
    assert!(bell.events.rest().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_declined_can_call_again_at_once() {
    let (stage, bob, mut caller, mut bell, mut callee) = ringing().await;
    let alice = stage.sign_in("alice").await;
    callee.send(SignalingCommand::Decline);
    drop(callee);
    caller.wait_for(&SignalingEvent::RemoteDeclined).await;
    caller.leave();
    let mut again = Phone::dial(&alice, "bob");
    let mut callee = Phone::ring(&bob, bell.incoming().await);
    again.wait_for(&SignalingEvent::RemoteRinging).await;
    callee.send(SignalingCommand::Decline);
    drop(callee);
    again.wait_for(&SignalingEvent::RemoteDeclined).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_caller_hears_that_the_person_is_in_another_call_even_when_refused_at_once() {
    let stage = Stage::open().await;
    let (alice, bob) = (stage.person("alice").await, stage.person("bob").await);
    let mut bell = Bell::hang(&bob).await;
    let mut caller = Phone::dial(&alice, "bob");
    let mut callee = Phone::ring(&bob, bell.incoming().await);
    callee.send(SignalingCommand::DeclineEngaged);
    drop(callee);
    caller.wait_for(&SignalingEvent::RemoteEngaged).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_gives_up_stops_the_ringing() {
    let (_stage, _bob, mut caller, mut bell, mut callee) = ringing().await;
    caller.leave();
    callee.wait_for(&SignalingEvent::InvitationWithdrawn).await;
    bell.events
        .wait("a missed call", |event| match event {
            AccountEvent::Withdrawn { outcome: Outcome::Missed, .. } => Some(()),
            _ => None,
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gives_up_can_call_again_at_once() {
    let stage = Stage::open().await;
    let (alice, bob) = (stage.person("alice").await, stage.person("bob").await);
    let mut bell = Bell::hang(&bob).await;
    for _ in 0..10 {
        let mut caller = Phone::dial(&alice, "bob");
        let mut callee = Phone::ring(&bob, bell.incoming().await);
        caller.wait_for(&SignalingEvent::RemoteRinging).await;
        caller.leave();
        callee.wait_for(&SignalingEvent::InvitationWithdrawn).await;
    }
    let told = bell.events.rest();
    assert!(
        !told.iter().any(|event| matches!(event, AccountEvent::Incoming(_))),
        "it rang for nothing: {told:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_device_answers_and_the_other_stops_ringing() {
    let stage = Stage::open().await;
    let (alice, desk) = (stage.person("alice").await, stage.person("bob").await);
    let couch = stage.sign_in("bob").await;
    let (mut desk_bell, mut couch_bell) = (Bell::hang(&desk).await, Bell::hang(&couch).await);
    let mut caller = Phone::dial(&alice, "bob");
    let mut at_desk = Phone::ring(&desk, desk_bell.incoming().await);
    let mut at_couch = Phone::ring(&couch, couch_bell.incoming().await);
    caller.wait_for(&SignalingEvent::RemoteRinging).await;
    at_couch
        .events
        .wait("the room", |event| matches!(event, SignalingEvent::RoomEntered { .. }).then_some(()))
        .await;
    at_desk.accept();
    at_couch.wait_for(&SignalingEvent::AnsweredElsewhere).await;
    couch_bell
        .events
        .wait("answered elsewhere", |event| match event {
            AccountEvent::Withdrawn { outcome: Outcome::AnsweredElsewhere, .. } => Some(()),
            _ => None,
        })
        .await;
    crate::stage::negotiate(&mut caller, &mut at_desk).await;
    assert!(desk_bell.events.rest().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_people_and_rooms_are_named_as_such() {
    let stage = Stage::open().await;
    let alice = stage.person("alice").await;
    for (target, code) in [
        (CallTarget::Contact(bellbird_call::ContactId::new("nobody")), ProblemCode::UnknownUser),
        (CallTarget::Contact(bellbird_call::ContactId::new("alice")), ProblemCode::UnknownUser),
        (CallTarget::Room(RoomId::new("nosuchroom")), ProblemCode::UnknownRoom),
        (CallTarget::Room(RoomId::new("../../x?y#z")), ProblemCode::UnknownRoom),
    ] {
        let mut phone = Phone::dial_target(&alice, target.clone());
        assert_eq!(phone.failure().await.code, code, "{target:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_call_rings_nobody() {
    let stage = Stage::open().await;
    let (alice, bob) = (stage.person("alice").await, stage.person("bob").await);
    let mut bell = Bell::hang(&bob).await;
    let mut caller = Phone::new(&alice);
    let target = CallTarget::Contact(bellbird_call::ContactId::new("bob"));
    caller.send(SignalingCommand::Dial { target, media: MediaKinds::VOICE, silent: true });
    caller.events.wait("joining", |event| matches!(event, SignalingEvent::Joined { .. }).then_some(())).await;
    // A call that does ring comes after it and is the first to be heard of.
    let carol = stage.person("carol").await;
    let _second = Phone::dial(&carol, "bob");
    assert_eq!(bell.incoming().await.display_name, "Carol");
}

/// Nextcloud hands messages out a second or two after they came, and throws away what waits of a session that leaves the
/// room: whoever says no stays until the caller is gone.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_refuses_stays_in_the_room_until_the_caller_heard_it() {
    let foreign = Foreign::open().await;
    let there =
        json!([{ "actorType": "users", "actorId": "bob", "sessionId": "session-bob", "token": "room1" }]);
    {
        let mut world = foreign.world();
        world.room["type"] = json!(1);
        world.room["name"] = json!("bob");
        world.peers = [there.clone(), there.clone(), there, json!([])].into();
    }
    let password = Secret::new(APP_PASSWORD);
    let account = TalkAccount::sign_in(&foreign.url, LOGIN, &password, ClientName::default()).await.unwrap();
    let invitation = Invitation {
        room: RoomId::new("room1"),
        from: Some(ContactId::new("bob")),
        display_name: "Bob".into(),
        one_to_one: true,
        media: MediaKinds::VOICE,
    };
    let mut phone = Phone::ring(&account, invitation);
    phone.send(SignalingCommand::Decline);
    drop(phone);
    account.calls_settled(HANG).await;
    let lines: Vec<String> = foreign.world().asked.iter().map(|asked| asked.line.clone()).collect();
    let at = |part: &str| {
        lines.iter().rposition(|line| line.contains(part)).unwrap_or_else(|| panic!("{lines:#?}"))
    };
    assert!(
        at("POST /ocs/v2.php/apps/spreed/api/v3/signaling/room1")
            < at("GET /ocs/v2.php/apps/spreed/api/v4/call/room1")
    );
    assert_eq!(foreign.asked("GET /ocs/v2.php/apps/spreed/api/v4/call/room1").len(), 4);
    assert!(
        at("GET /ocs/v2.php/apps/spreed/api/v4/call/room1")
            < at("DELETE /ocs/v2.php/apps/spreed/api/v4/room/room1")
    );
    assert!(foreign.asked("signaling/room1")[..].iter().any(|asked| asked.body.contains("declined")));
}
