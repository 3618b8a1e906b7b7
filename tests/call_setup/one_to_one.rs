//! How calls between two people begin and end, seen from both sides.

use std::time::Duration;

use bellbird_call::ports::Tone;
use bellbird_call::{CallEvent, CallStatus, EndReason, Intent, MediaKind, MediaStage};
use bellbird_testkit::network::LinkProfile;

use crate::world::World;

use CallStatus::{Busy, Calling, Connected, Connecting, Ended, Engaged, Ringing};

const ALICE: usize = 0;
const BOB: usize = 1;

fn two(subject: &str) -> World {
    World::new(subject, &["alice", "bob"], LinkProfile::bad_mobile())
}

#[test]
fn answered_and_ended_by_the_caller() {
    let mut world = two("answered_and_ended_by_the_caller");
    world.dial(ALICE, "bob");
    world.until_rings(BOB);
    world.until_all(&[ALICE], Ringing);
    assert_eq!(world.engine(ALICE).tone(), Some(Tone::Ringback));
    assert_eq!(world.engine(BOB).tone(), Some(Tone::Ringtone));
    assert!(!world.engine(BOB).is_capturing());
    world.answer(BOB);
    world.until_all(&[ALICE, BOB], Connected);
    assert_eq!((world.engine(ALICE).tone(), world.engine(BOB).tone()), (None, None));
    world.run(Duration::from_secs(10));
    // 10 s of voice are 500 packets; the network loses about a tenth.
    for device in [ALICE, BOB] {
        let received = world.engine(device).voice_received();
        assert!((350..560).contains(&received), "{received} packets of voice at {device}");
    }
    world.want(ALICE, Intent::End);
    world.until_all(&[ALICE, BOB], Ended);
    assert_eq!(world.ended(ALICE), Some(EndReason::LocalHangup));
    assert_eq!(world.ended(BOB), Some(EndReason::RemoteHangup));
    assert_eq!(world.statuses(ALICE), [Calling, Ringing, Connecting, Connected, Ended]);
    assert_eq!(world.statuses(BOB), [Connecting, Connected, Ended]);
    let connected = world.view(BOB).connected_for.expect("it was connected");
    assert!(connected >= Duration::from_secs(10) && connected < Duration::from_secs(12), "{connected:?}");
}

#[test]
fn ended_by_the_callee() {
    let mut world = two("ended_by_the_callee");
    world.dial(ALICE, "bob");
    world.until_rings(BOB);
    world.answer(BOB);
    world.until_all(&[ALICE, BOB], Connected);
    world.want(BOB, Intent::End);
    world.until_all(&[ALICE, BOB], Ended);
    assert_eq!(world.ended(ALICE), Some(EndReason::RemoteHangup));
    assert_eq!(world.engine(ALICE).tone(), Some(Tone::Ended));
    world.run(Duration::from_secs(2));
    assert_eq!(world.state(ALICE), "Ended");
}

#[test]
fn first_media_comes_once_a_stage_at_both_ends() {
    let mut world = two("first_media_comes_once_a_stage_at_both_ends");
    world.dial(ALICE, "bob");
    world.until_rings(BOB);
    world.answer(BOB);
    world.until_all(&[ALICE, BOB], Connected);
    world.cut(ALICE, BOB, true);
    world.run(Duration::from_secs(8));
    world.cut(ALICE, BOB, false);
    world.until_all(&[ALICE, BOB], Connected);
    world.run(Duration::from_secs(3));
    for device in [ALICE, BOB] {
        let stages: Vec<MediaStage> = world
            .events(device)
            .iter()
            .filter_map(|event| match event {
                CallEvent::FirstMedia { kind: MediaKind::Audio, stage, .. } => Some(*stage),
                _ => None,
            })
            .collect();
        assert_eq!(stages, [MediaStage::Rtp, MediaStage::Played], "at {device}");
    }
}

#[test]
fn declined() {
    let mut world = two("declined");
    world.dial(ALICE, "bob");
    world.until_rings(BOB);
    world.until_all(&[ALICE], Ringing);
    world.want(BOB, Intent::Decline);
    world.until_all(&[ALICE], Busy);
    assert_eq!(world.statuses(ALICE), [Calling, Ringing, Busy]);
    assert_eq!(world.ended(ALICE), Some(EndReason::RemoteDecline));
    assert_eq!(world.engine(ALICE).tone(), Some(Tone::Busy));
    assert_eq!(world.ended(BOB), Some(EndReason::LocalDecline));
    assert_eq!(world.engine(BOB).voice_sent(), 0);
    assert!(!world.engine(BOB).is_capturing());
}

#[test]
fn nobody_answers() {
    let mut world = two("nobody_answers");
    world.dial(ALICE, "bob");
    world.until_rings(BOB);
    world.until("both ends are over", |world| {
        world.view(ALICE).ended.is_some() && world.view(BOB).ended.is_some()
    });
    assert_eq!(world.clock.elapsed().as_secs(), 45);
    assert_eq!(world.statuses(ALICE), [Calling, Ringing, Ended]);
    assert_eq!(world.ended(ALICE), Some(EndReason::NoAnswer));
    assert_eq!(world.ended(BOB), Some(EndReason::Missed));
    assert!(!world.engine(BOB).is_capturing());
}

#[test]
fn the_caller_cancels() {
    let mut world = two("the_caller_cancels");
    world.dial(ALICE, "bob");
    world.until_rings(BOB);
    world.want(ALICE, Intent::End);
    world.until_all(&[BOB], Ended);
    assert_eq!(world.ended(ALICE), Some(EndReason::LocalHangup));
    assert_eq!(world.ended(BOB), Some(EndReason::Missed));
    assert_eq!(world.statuses(BOB), [Ended], "a callee who never took part sees only the end");
}

#[test]
fn the_callee_is_engaged() {
    let names = ["alice", "bob", "carol"];
    let mut world = World::new("the_callee_is_engaged", &names, LinkProfile::bad_mobile());
    const CAROL: usize = 2;
    world.dial(ALICE, "bob");
    world.until_rings(BOB);
    world.answer(BOB);
    world.until_all(&[ALICE, BOB], Connected);
    world.dial(CAROL, "bob");
    world.until_all(&[CAROL], Engaged);
    assert_eq!(world.ended(CAROL), Some(EndReason::RemoteEngaged));
    assert_eq!(world.receptions(BOB), (1, 0));
    world.run(Duration::from_secs(5));
    assert_eq!(world.statuses(BOB), [Connecting, Connected], "the running call is untouched");
}

#[test]
fn answered_on_another_device() {
    let names = ["alice", "bob", "bob"];
    let mut world = World::new("answered_on_another_device", &names, LinkProfile::bad_mobile());
    const OTHER: usize = 2;
    world.dial(ALICE, "bob");
    world.until_rings(BOB);
    world.until_rings(OTHER);
    world.answer(OTHER);
    world.until_all(&[ALICE, OTHER], Connected);
    world.until_all(&[BOB], Ended);
    assert_eq!(world.ended(BOB), Some(EndReason::AnsweredElsewhere));
    assert_eq!(world.engine(BOB).tone(), None, "it rings no more");
    world.run(Duration::from_secs(5));
    assert!(!world.engine(BOB).is_capturing());
    assert_eq!(world.ended(ALICE), None);
    assert_eq!(world.view(ALICE).participants.len(), 1);
}

#[test]
fn both_dial_each_other_at_once_and_meet_in_one_call() {
    let mut world = two("both_dial_each_other_at_once_and_meet_in_one_call");
    world.dial(ALICE, "bob");
    world.dial(BOB, "alice");
    world.until_all(&[ALICE, BOB], Connected);
    world.run(Duration::from_secs(20));
    for device in [ALICE, BOB] {
        assert_eq!(world.statuses(device), [Calling, Connecting, Connected], "at {device}");
        assert_eq!(world.view(device).participants.len(), 1);
        assert_eq!(world.receptions(device).0, 0, "nobody is told engaged");
    }
    assert_eq!(world.receptions(ALICE).1 + world.receptions(BOB).1, 1, "one ring, merged");
    world.want(BOB, Intent::End);
    world.until_all(&[ALICE, BOB], Ended);
}

#[test]
fn muting_is_seen_at_both_ends_and_silences() {
    let mut world = two("muting_is_seen_at_both_ends_and_silences");
    world.dial(ALICE, "bob");
    world.until_rings(BOB);
    world.answer(BOB);
    world.until_all(&[ALICE, BOB], Connected);
    world.want(ALICE, Intent::Mute(MediaKind::Audio));
    world.until("bob sees the mute", |world| world.view(BOB).participants[0].audio_muted);
    assert!(world.view(ALICE).muted);
    world.run(Duration::from_secs(1));
    let before = world.engine(BOB).voice_received();
    world.run(Duration::from_secs(2));
    assert_eq!(world.engine(BOB).voice_received(), before);
    world.want(ALICE, Intent::Unmute(MediaKind::Audio));
    world.until("bob sees the unmute", |world| !world.view(BOB).participants[0].audio_muted);
    world.run(Duration::from_secs(2));
    assert!(world.engine(BOB).voice_received() > before);
    let seen = |device: usize| {
        let mutes = world.events(device).iter().filter_map(|event| match event {
            CallEvent::Mute { participant, muted, .. } => Some((participant.is_none(), *muted)),
            _ => None,
        });
        mutes.collect::<Vec<_>>()
    };
    assert_eq!(seen(ALICE), [(true, true), (true, false)]);
    assert_eq!(seen(BOB), [(false, true), (false, false)]);
}

#[test]
fn hold_stops_both_ways_and_shows_as_mute_afar() {
    let mut world = two("hold_stops_both_ways_and_shows_as_mute_afar");
    world.dial(ALICE, "bob");
    world.until_rings(BOB);
    world.answer(BOB);
    world.until_all(&[ALICE, BOB], Connected);
    world.want(ALICE, Intent::Hold);
    assert_eq!(world.view(ALICE).status, CallStatus::Hold);
    world.until("bob sees it", |world| world.view(BOB).participants[0].audio_muted);
    world.run(Duration::from_secs(1));
    let sent = world.engine(ALICE).voice_sent();
    world.run(Duration::from_secs(30));
    assert_eq!(world.engine(ALICE).voice_sent(), sent);
    assert_eq!((world.state(ALICE), world.state(BOB)), ("Held", "Active"), "a hold is no loss of path");
    world.want(ALICE, Intent::Resume);
    world.until("bob sees the return", |world| !world.view(BOB).participants[0].audio_muted);
    assert_eq!(world.view(ALICE).status, Connected);
}

#[test]
fn one_who_is_unknown_cannot_be_called() {
    let mut world = two("one_who_is_unknown_cannot_be_called");
    world.dial(ALICE, "nobody");
    world.until_all(&[ALICE], Ended);
    assert_eq!(world.ended(ALICE), Some(EndReason::SignalingFailed));
    let told = world.events(ALICE).iter().any(|event| {
        matches!(event, CallEvent::Problem(problem) if problem.code == bellbird_call::ports::ProblemCode::UnknownUser)
    });
    assert!(told);
}
