//! Ringing, answering, talking, ending.

use bellbird_contract::{CallHappening, Command, EndReason, Media, Status, TrackKind};

use crate::stage::{Person, Stage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_ring_answer_talk_and_end() {
    let stage = Stage::open().await;
    let (mut ann, mut bob) = (stage.person("ann").await, stage.person("bob").await);
    let events = ann.app.events();
    let id = ann.call("bob").await;
    let rung = bob.rung_by("ann").await;
    assert!(rung.incoming && !rung.echo);
    ann.until_call("ringing at bob's", &id, |call| call.status == Status::Ringing).await;

    // Bob's microphone would be a loud tone: nothing of it may come before he answers.
    let early = ann.hears.take().samples;
    assert!(early.iter().all(|sample| *sample == 0.0), "something was heard before the call was answered");

    bob.answer().await;
    ann.until_call("the connection", &id, |call| call.status == Status::Connected).await;
    bob.until_call("the connection", &rung.id, |call| call.status == Status::Connected).await;
    ann.hears_something().await;
    bob.hears_something().await;
    let view = ann.until_call("the time", &id, |call| call.connected_at_ms.is_some()).await;
    assert_eq!(view.participants.len(), 1);
    assert_eq!(view.participants[0].contact.as_deref(), Some("bob"));

    let mute = Command::SetMuted { call: None, kind: TrackKind::Audio, muted: true };
    ann.app.handle(mute).await.unwrap();
    bob.until_call("ann's mute", &rung.id, |call| call.participants.iter().any(|one| one.audio_muted)).await;

    ann.app.handle(Command::End { call: None }).await.unwrap();
    assert_eq!(bob.ended(&rung.id).await, EndReason::RemoteHangup);
    assert_eq!(ann.ended(&id).await, EndReason::LocalHangup);
    let happenings = Person::happenings_to_the_end(events, &id).await;
    let ends = happenings.iter().filter(|happening| matches!(happening, CallHappening::Ended { .. })).count();
    assert_eq!(ends, 1, "{happenings:?}");
    let played = |happening: &CallHappening| matches!(happening, CallHappening::Media { first, kind: TrackKind::Audio, .. } if first == "played");
    assert!(happenings.iter().any(played), "{happenings:?}");
    ann.until("the call to fade", |state| state.calls.is_empty().then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_answered_on_one_device_stops_ringing_on_the_other() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    let (mut desk, mut sofa) = (stage.person("bob").await, stage.person("bob").await);
    ann.call("bob").await;
    let (at_desk, on_sofa) = (desk.rung_by("ann").await, sofa.rung_by("ann").await);
    desk.answer().await;
    assert_eq!(sofa.ended(&on_sofa.id).await, EndReason::AnsweredElsewhere);
    desk.until_call("the connection", &at_desk.id, |call| call.status == Status::Connected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_who_dial_each_other_at_once_meet_in_one_call() {
    let stage = Stage::open().await;
    let (mut ann, mut bob) = (stage.person("ann").await, stage.person("bob").await);
    let (one, other) = tokio::join!(ann.call("bob"), bob.call("ann"));
    ann.until_call("the connection", &one, |call| call.status == Status::Connected).await;
    bob.until_call("the connection", &other, |call| call.status == Status::Connected).await;
    assert_eq!(ann.app.state().calls.len(), 1);
    assert_eq!(bob.app.state().calls.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_call_at_a_time_is_made() {
    let stage = Stage::open().await;
    let (ann, _bob) = (stage.person("ann").await, stage.person("bob").await);
    ann.call("bob").await;
    let second = Command::MakeCall { account: None, contact: "bob".into(), media: Media::Voice };
    assert_eq!(ann.app.handle(second).await.unwrap_err().code, "not-now");
}
