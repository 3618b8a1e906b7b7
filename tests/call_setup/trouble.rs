//! Paths and services that go away, and come back or not.

use std::time::Duration;

use bellbird_call::ports::MediaCommand;
use bellbird_call::{CallStatus, EndReason, Intent};
use bellbird_testkit::network::LinkProfile;

use crate::world::World;

use CallStatus::{Calling, Connected, Connecting, Disconnected, Ended, Reconnecting, Ringing};

const ALICE: usize = 0;
const BOB: usize = 1;

fn connected(subject: &str) -> World {
    let mut world = World::new(subject, &["alice", "bob"], LinkProfile::bad_mobile());
    world.dial(ALICE, "bob");
    world.until_rings(BOB);
    world.until_all(&[ALICE], Ringing);
    world.answer(BOB);
    world.until_all(&[ALICE, BOB], Connected);
    world
}

fn restarts(world: &World, device: usize) -> usize {
    world.engine(device).commands().iter().filter(|c| matches!(c, MediaCommand::RestartIce(_))).count()
}

#[test]
fn a_path_lost_for_a_while_comes_back() {
    let mut world = connected("a_path_lost_for_a_while_comes_back");
    world.cut(ALICE, BOB, true);
    world.until_all(&[ALICE, BOB], Reconnecting);
    assert!(world.view(ALICE).reconnecting_for.is_some());
    world.run(Duration::from_secs(12));
    world.cut(ALICE, BOB, false);
    world.until_all(&[ALICE, BOB], Connected);
    assert_eq!(world.statuses(ALICE), [Calling, Ringing, Connecting, Connected, Reconnecting, Connected]);
    // Bob's session id is the larger, so he offers, and he alone restarts.
    assert_eq!(restarts(&world, ALICE), 0);
    assert!((1..=5).contains(&restarts(&world, BOB)), "{} restarts", restarts(&world, BOB));
    let before = world.engine(ALICE).voice_received();
    world.run(Duration::from_secs(5));
    assert!(world.engine(ALICE).voice_received() > before + 150, "sound flows again");
}

#[test]
fn a_path_lost_for_good_ends_the_call_at_both_ends() {
    let mut world = connected("a_path_lost_for_good_ends_the_call_at_both_ends");
    let lost_at = world.clock.elapsed();
    world.cut(ALICE, BOB, true);
    world
        .until("both are over", |world| world.view(ALICE).ended.is_some() && world.view(BOB).ended.is_some());
    assert_eq!(world.ended(BOB), Some(EndReason::ConnectionLost));
    assert_eq!(world.ended(ALICE), Some(EndReason::RemoteHangup), "the offerer gave up and said so");
    assert_eq!(world.statuses(BOB)[2..], [Reconnecting, Disconnected]);
    assert_eq!(restarts(&world, BOB), 5);
    let took = world.clock.elapsed() - lost_at;
    assert!((30..50).contains(&took.as_secs()), "{took:?}");
}

#[test]
fn an_outage_of_the_service_leaves_the_sound_alone() {
    let mut world = connected("an_outage_of_the_service_leaves_the_sound_alone");
    for device in [ALICE, BOB] {
        world.outage(device, true);
    }
    let before = world.engine(BOB).voice_received();
    world.run(Duration::from_secs(30));
    assert!(world.engine(BOB).voice_received() > before + 1000);
    for device in [ALICE, BOB] {
        world.outage(device, false);
    }
    world.run(Duration::from_secs(5));
    assert_eq!(world.statuses(BOB), [Connecting, Connected], "nobody noticed");
    world.want(ALICE, Intent::End);
    world.until_all(&[BOB], Ended);
}

#[test]
fn path_and_service_both_lost_come_back_together() {
    let mut world = connected("path_and_service_both_lost_come_back_together");
    world.outage(BOB, true);
    world.cut(ALICE, BOB, true);
    world.run(Duration::from_secs(35));
    assert_eq!(restarts(&world, BOB), 0, "an offer could not have travelled");
    assert_eq!((world.state(ALICE), world.state(BOB)), ("Reconnecting", "Reconnecting"));
    world.cut(ALICE, BOB, false);
    world.outage(BOB, false);
    world.until_all(&[ALICE, BOB], Connected);
}

#[test]
fn hanging_up_during_an_outage_reaches_the_other_after_it() {
    let mut world = connected("hanging_up_during_an_outage_reaches_the_other_after_it");
    world.outage(ALICE, true);
    world.want(ALICE, Intent::End);
    assert_eq!(world.ended(ALICE), Some(EndReason::LocalHangup), "the person does not wait");
    world.run(Duration::from_secs(1));
    assert_eq!(world.ended(BOB), None);
    world.outage(ALICE, false);
    world.until_all(&[BOB], Ended);
    assert_eq!(world.ended(BOB), Some(EndReason::RemoteHangup));
}

#[test]
fn calls_are_made_over_every_bad_network() {
    for seed in 0..20 {
        let profile = LinkProfile { loss: 0.2, burst_loss: 1.0, reorder: 0.1, ..LinkProfile::bad_mobile() };
        let mut world = World::seeded(seed, &["alice", "bob"], profile);
        world.dial(ALICE, "bob");
        world.until_rings(BOB);
        world.answer(BOB);
        world.until_all(&[ALICE, BOB], Connected);
        world.run(Duration::from_secs(20));
        world.want(BOB, Intent::End);
        world.until("both are over", |world| world.ended(ALICE).is_some() && world.ended(BOB).is_some());
    }
}
