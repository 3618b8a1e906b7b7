//! The server goes away in the middle of a call.

use bellbird_call::ports::SignalingEvent;

use crate::stage::{Phone, Stage, negotiate};

#[tokio::test(flavor = "multi_thread")]
async fn a_call_survives_a_restart_of_the_server() {
    let mut stage = Stage::open().await;
    let (alice, bob) = (stage.person("alice").await, stage.person("bob").await);
    let mut caller = Phone::dial(&alice, "bob");
    let mut callee = Phone::dial(&bob, "alice");
    negotiate(&mut caller, &mut callee).await;

    stage.server.shutdown().await;
    caller.wait_for(&SignalingEvent::Interrupted).await;
    callee.wait_for(&SignalingEvent::Interrupted).await;
    stage.reopen().await;
    // The restarted server knows neither session: both come back by themselves, and their media are made anew.
    negotiate(&mut caller, &mut callee).await;

    callee.leave();
    caller.wait_for(&SignalingEvent::CallEnded(bellbird_call::ports::CallEndedBy::Remote)).await;
    let left = callee.events.rest();
    assert!(!left.iter().any(|event| matches!(event, SignalingEvent::Failed(_))), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_line_says_so() {
    let mut stage = Stage::open().await;
    let (alice, bob) = (stage.person("alice").await, stage.person("bob").await);
    let mut caller = Phone::dial(&alice, "bob");
    let mut callee = Phone::dial(&bob, "alice");
    negotiate(&mut caller, &mut callee).await;
    stage.server.shutdown().await;
    caller.wait_for(&SignalingEvent::Interrupted).await;
    stage.reopen().await;
    caller.wait_for(&SignalingEvent::Restored).await;
}
