//! Cameras and shared screens, on bad networks.

use std::time::Duration;

use bellbird_call::{CallEvent, CallStatus, EndReason, Intent, MediaKind, MediaStage};
use bellbird_testkit::network::LinkProfile;

use crate::world::World;

const CAMERA: MediaKind = MediaKind::Video;
const SCREEN: MediaKind = MediaKind::Screen;

/// Alice and Bob talk; Carol may come.
fn two_of_three(subject: &str) -> World {
    let names = ["alice", "bob", "carol"];
    let mut world = World::new(subject, &names, LinkProfile::bad_mobile());
    let room = world.service.add_group("team", &names);
    world.join(0, &room);
    world.until_rings(1);
    world.answer(1);
    world.until_all(&[0, 1], CallStatus::Connected);
    world
}

/// Whether somebody at a device sees the screen of whoever's name begins so.
fn sees(world: &World, device: usize, name: &str) -> bool {
    let people = world.view(device).participants;
    people.iter().any(|other| other.id.as_str().starts_with(name) && other.has_screen)
}

#[test]
fn a_screen_is_seen_by_all_until_it_is_unshared_and_by_those_who_come_later() {
    let mut world = two_of_three("a_screen_is_seen_by_all_until_it_is_unshared_and_by_those_who_come_later");
    world.want(0, Intent::ShareScreen(true));
    assert!(world.engine(0).is_shown(SCREEN));
    world.until("it is shared", |world| world.view(0).sharing_screen);
    world.until("Bob sees it", |world| sees(world, 1, "alice"));
    let frame = |event: &CallEvent| {
        matches!(event, CallEvent::FirstMedia { kind: SCREEN, stage: MediaStage::Frame, .. })
    };
    world.until("a picture came", |world| world.events(1).iter().any(frame));
    world.until_rings(2);
    world.answer(2);
    world.until("Carol sees it", |world| sees(world, 2, "alice"));
    // Two at once; then one of them leaves.
    world.want(2, Intent::ShareScreen(true));
    world.until("both see it", |world| sees(world, 0, "carol") && sees(world, 1, "carol"));
    world.want(0, Intent::ShareScreen(false));
    assert!(!world.engine(0).is_shown(SCREEN));
    world.until("nobody sees it", |world| !sees(world, 1, "alice") && !sees(world, 2, "alice"));
    assert!(sees(&world, 1, "carol"));
    world.want(2, Intent::End);
    world.until("nothing is left to see", |world| !sees(world, 0, "carol") && !sees(world, 1, "carol"));
    world.run(Duration::from_secs(30));
    assert_eq!((world.view(0).status, world.ended(1)), (CallStatus::Connected, None));
}

#[test]
fn a_lost_path_of_a_screen_is_found_again_and_the_call_never_ends_by_it() {
    let mut world = two_of_three("a_lost_path_of_a_screen_is_found_again_and_the_call_never_ends_by_it");
    world.want(1, Intent::ShareScreen(true));
    world.until("Alice sees it", |world| sees(world, 0, "bob"));
    world.cut(0, 1, true);
    world.run(Duration::from_secs(15));
    world.cut(0, 1, false);
    world.until_all(&[0, 1], CallStatus::Connected);
    world.run(Duration::from_secs(30));
    assert!(world.engine(1).is_shown(SCREEN) && world.view(1).sharing_screen);
    assert!(sees(&world, 0, "bob"));
    world.want(1, Intent::ShareScreen(false));
    world.until("it is gone", |world| !sees(world, 0, "bob"));
    assert_eq!((world.ended(0), world.ended(1)), (None, None::<EndReason>));
}

#[test]
fn a_camera_is_told_of_however_often_it_is_switched() {
    let mut world = two_of_three("a_camera_is_told_of_however_often_it_is_switched");
    let shown = |world: &World| !world.view(1).participants[0].video_muted;
    assert!(!shown(&world) && !world.engine(0).is_shown(CAMERA));
    for _ in 0..3 {
        world.want(0, Intent::Unmute(CAMERA));
        assert!(world.engine(0).is_shown(CAMERA));
        world.until("Bob sees it", shown);
        world.want(0, Intent::Mute(CAMERA));
        assert!(!world.engine(0).is_shown(CAMERA));
        world.until("Bob sees it no more", |world| !shown(world));
    }
}
