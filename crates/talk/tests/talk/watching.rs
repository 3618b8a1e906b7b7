//! What an account hears.

use bellbird_call::ports::SignalingEvent;
use bellbird_talk::AccountEvent;

use crate::stage::{Bell, Phone, Stage};

fn name(event: &AccountEvent) -> Option<&'static str> {
    Some(match event {
        AccountEvent::Online => "online",
        AccountEvent::Offline(_) => "offline",
        AccountEvent::SignedOut => "signed out",
        AccountEvent::Incoming(_) => "incoming",
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
