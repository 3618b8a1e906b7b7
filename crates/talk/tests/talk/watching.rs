//! What an account hears.

use bellbird_call::Secret;
use bellbird_call::ports::SignalingEvent;
use bellbird_talk::{AccountEvent, ClientName, TalkAccount};
use serde_json::json;

use crate::foreign::{APP_PASSWORD, Foreign, LOGIN};
use crate::stage::{Bell, Phone, Stage};

fn name(event: &AccountEvent) -> Option<&'static str> {
    Some(match event {
        AccountEvent::Online => "online",
        AccountEvent::Offline(_) => "offline",
        AccountEvent::SignedOut => "signed out",
        AccountEvent::Incoming(_) => "incoming",
        AccountEvent::Missed(_) => "missed",
        AccountEvent::Withdrawn { .. } => "withdrawn",
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_rings_once_by_push_and_poll_and_again_when_made_again() {
    let stage = Stage::open().await;
    let (alice, bob) = (stage.person("alice").await, stage.person("bob").await);
    let mut bell = Bell::hang(&bob).await;
    for _ in 0..2 {
        let mut caller = Phone::dial(&alice, "bob");
        bell.incoming().await;
        caller.leave();
        assert_eq!(bell.events.wait("the end", name).await, "withdrawn");
        alice.calls_settled(std::time::Duration::from_secs(30)).await;
    }
    assert!(bell.events.rest().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missed_call_does_not_ring_at_the_next_start_and_a_running_one_does() {
    let stage = Stage::open().await;
    let (alice, bob) = (stage.person("alice").await, stage.person("bob").await);
    let joined = |event: &SignalingEvent| matches!(event, SignalingEvent::Joined { .. }).then_some(());
    let mut missed = Phone::dial(&alice, "bob");
    missed.events.wait("joining", joined).await;
    missed.leave();
    alice.calls_settled(std::time::Duration::from_secs(30)).await;

    let carol = stage.person("carol").await;
    let mut running = Phone::dial(&carol, "bob");
    running.events.wait("joining", joined).await;
    let mut bell = Bell::hang(&bob).await;
    assert_eq!(bell.incoming().await.display_name, "Carol");
    assert!(bell.events.rest().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_to_be_disturbed_misses_calls_in_silence_but_for_important_ones() {
    let foreign = Foreign::open().await;
    foreign.world().features.push("call-notification-state-api");
    let rings = |id: u32| {
        let mut world = foreign.world();
        world.list =
            json!([{ "notification_id": id, "app": "spreed", "object_type": "call", "object_id": "room1" }]);
        world.rung = Some(200);
    };
    // How often was asked about the call: what is asked next is answered by how things are now.
    let asked = || foreign.asked("notification-state").len();
    foreign.world().status = Some("dnd");
    let password = Secret::new(APP_PASSWORD);
    let bob = TalkAccount::sign_in(&foreign.url, LOGIN, &password, ClientName::default()).await.unwrap();
    let mut bell = Bell::hang(&bob).await;
    rings(1);
    foreign.until_asked("notification-state", 2).await;
    assert!(bell.events.rest().is_empty(), "it rang");
    foreign.world().rung = Some(201);
    let AccountEvent::Missed(invitation) = bell.events.next().await else { panic!("no missed call") };
    assert_eq!((invitation.room.as_str(), invitation.display_name.as_str()), ("room1", "Choir"));

    // Answered on another device, it is nothing to speak of.
    let before = asked();
    rings(2);
    foreign.until_asked("notification-state", before + 1).await;
    let before = asked();
    foreign.world().rung = Some(404);
    foreign.until_asked("notification-state", before + 1).await;

    // An important conversation rings all the same.
    foreign.world().room["isImportant"] = json!(true);
    rings(3);
    assert!(matches!(bell.events.next().await, AccountEvent::Incoming(_)));
    foreign.world().rung = Some(201);
    assert_eq!(name(&bell.events.next().await), Some("withdrawn"));

    // Once we may be disturbed, whatever still rings does.
    foreign.world().room["isImportant"] = json!(false);
    let before = asked();
    rings(4);
    foreign.until_asked("notification-state", before + 2).await;
    assert!(bell.events.rest().is_empty(), "it rang");
    foreign.world().status = Some("online");
    assert!(matches!(bell.events.next().await, AccountEvent::Incoming(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_goes_offline_with_its_server_and_comes_back_with_it() {
    let mut stage = Stage::open().await;
    let (alice, bob) = (stage.person("alice").await, stage.person("bob").await);
    let mut bell = Bell::hang(&bob).await;
    stage.server.shutdown().await;
    assert_eq!(bell.events.wait("any event", name).await, "offline");
    stage.reopen().await;
    assert_eq!(bell.events.wait("any event", name).await, "online");
    let _caller = Phone::dial(&alice, "bob");
    assert_eq!(bell.incoming().await.display_name, "Alice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_password_signs_out() {
    let stage = Stage::open().await;
    let bob = stage.person("bob").await;
    bob.revoke().await.unwrap();
    let mut bell = Bell::hang_unready(&bob);
    assert_eq!(bell.events.wait("any event", name).await, "signed out");
    drop(bell.watch);
}
