//! Calls that come to nothing.

use std::time::Duration;

use bellbird_contract::{AppView, Command, EndReason, Status};

use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_declined_caller_hears_so() {
    let stage = Stage::open().await;
    let (mut ann, mut bob) = (stage.person("ann").await, stage.person("bob").await);
    let id = ann.call("bob").await;
    let rung = bob.rung_by("ann").await;
    bob.app.handle(Command::Decline { call: None }).await.unwrap();
    assert_eq!(ann.ended(&id).await, EndReason::RemoteDecline);
    assert_eq!(bob.ended(&rung.id).await, EndReason::LocalDecline);
    assert!(bob.hears.is_empty(), "a device was opened for a call that was declined");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_gives_up_leaves_a_missed_call() {
    let stage = Stage::open().await;
    let (mut ann, mut bob) = (stage.person("ann").await, stage.person("bob").await);
    let id = ann.call("bob").await;
    let rung = bob.rung_by("ann").await;
    ann.app.handle(Command::End { call: None }).await.unwrap();
    assert_eq!(bob.ended(&rung.id).await, EndReason::Missed);
    assert_eq!(ann.ended(&id).await, EndReason::LocalHangup);
    assert_eq!(
        bob.app
            .handle(Command::Answer { call: None, media: bellbird_contract::Media::Voice })
            .await
            .unwrap_err()
            .code,
        "not-now"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_to_be_disturbed_is_not_rung_and_sees_what_was_missed() {
    let stage = Stage::open().await;
    let (mut ann, mut bob) = (stage.person("ann").await, stage.person("bob").await);
    stage.be("bob", "dnd").await;
    let missed = |state: &AppView| {
        assert!(!state.calls.iter().any(|call| call.can_answer), "it rings");
        state.calls.iter().find(|call| call.ended == Some(EndReason::Missed)).cloned()
    };
    // A caller who gives up before the other side has looked leaves nothing behind: then once more.
    let found = loop {
        let id = ann.call("bob").await;
        // Time to look; what an earlier try left behind may come late.
        let late = tokio::time::timeout(Duration::from_secs(2), bob.until("a missed call", missed)).await;
        ann.app.handle(Command::End { call: None }).await.unwrap();
        ann.ended(&id).await;
        let seen = tokio::time::timeout(Duration::from_secs(10), bob.until("a missed call", missed)).await;
        if let Ok(found) = late.or(seen) {
            break found;
        }
    };
    assert_eq!((found.contact.as_deref(), found.incoming, found.status), (Some("ann"), true, Status::Ended));
    assert!(bob.hears.is_empty(), "a device was opened for a call that did not ring");
    stage.be("bob", "online").await;
    ann.call("bob").await;
    bob.rung_by("ann").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_caller_declined_hears_that_we_are_engaged() {
    let stage = Stage::open().await;
    let (mut ann, mut bob, mut eve) =
        (stage.person("ann").await, stage.person("bob").await, stage.person("eve").await);
    let first = ann.call("bob").await;
    bob.rung_by("ann").await;
    bob.answer().await;
    ann.until_call("the connection", &first, |call| call.status == Status::Connected).await;

    let second = eve.call("bob").await;
    bob.rung_by("eve").await;
    bob.app.handle(Command::Decline { call: None }).await.unwrap();
    assert_eq!(eve.ended(&second).await, EndReason::RemoteEngaged);
    let state = bob.app.state();
    let running = state.calls.iter().find(|call| call.contact.as_deref() == Some("ann"));
    assert_eq!(running.map(|call| call.status), Some(Status::Connected), "the first call goes on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calling_nobody_fails_in_words() {
    let stage = Stage::open().await;
    let mut ann = stage.person("ann").await;
    let id = ann.call("nobody").await;
    assert_eq!(ann.ended(&id).await, EndReason::SignalingFailed);
    let codes: Vec<String> = ann.app.state().problems.into_iter().map(|problem| problem.code).collect();
    assert_eq!(codes, ["unknown-user"]);
}
