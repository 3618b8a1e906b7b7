//! Calls among more than two.

use std::time::Duration;

use bellbird_call::{CallEvent, CallStatus, EndReason, Intent, ParticipantId};
use bellbird_testkit::network::LinkProfile;

use crate::world::World;

use CallStatus::{Connected, Disconnected, Ended};

const EVERYONE: [usize; 3] = [0, 1, 2];
const CAROL: usize = 2;

fn three(subject: &str) -> (World, bellbird_call::RoomId) {
    let names = ["alice", "bob", "carol"];
    let mut world = World::new(subject, &names, LinkProfile::bad_mobile());
    let room = world.service.add_group("team", &names);
    world.join(0, &room);
    for device in [1, CAROL] {
        world.until_rings(device);
        world.answer(device);
    }
    world.until("everyone hears everyone", |world| {
        EVERYONE.iter().all(|device| {
            let others = world.view(*device).participants;
            others.len() == 2 && others.iter().all(|other| other.status == Connected)
        })
    });
    (world, room)
}

#[test]
fn one_of_three_leaves_and_the_others_go_on() {
    let (mut world, _) = three("one_of_three_leaves_and_the_others_go_on");
    world.want(CAROL, Intent::End);
    world.until("the others see it", |world| {
        [0, 1].iter().all(|device| world.view(*device).participants.len() == 1)
    });
    world.run(Duration::from_secs(10));
    assert_eq!(world.ended(CAROL), Some(EndReason::LocalHangup));
    for device in [0, 1] {
        assert_eq!(world.ended(device), None);
        assert_eq!(world.view(device).status, Connected);
        let carol = |id: &ParticipantId| id.as_str().starts_with("carol");
        let of_carol: Vec<CallStatus> = world
            .events(device)
            .iter()
            .filter_map(|event| match event {
                CallEvent::Status { participant: Some(id), status } if carol(id) => Some(*status),
                _ => None,
            })
            .collect();
        assert_eq!(of_carol.last(), Some(&Disconnected), "{of_carol:?}");
        assert!(of_carol.contains(&Connected));
    }
    // Even the last one stays until they leave by themselves.
    world.want(1, Intent::End);
    world.run(Duration::from_secs(60));
    assert_eq!(world.ended(0), None);
    assert_eq!(world.view(0).participants, []);
}

#[test]
fn a_moderator_ends_it_for_everyone() {
    let (mut world, room) = three("a_moderator_ends_it_for_everyone");
    world.service.end_by_moderator(&room);
    world.until_all(&EVERYONE, Ended);
    for device in EVERYONE {
        assert_eq!(world.ended(device), Some(EndReason::EndedByModerator));
    }
}

#[test]
fn the_path_to_one_of_three_is_lost_and_found() {
    let (mut world, _) = three("the_path_to_one_of_three_is_lost_and_found");
    world.cut(0, CAROL, true);
    world.run(Duration::from_secs(10));
    let carol_at = |world: &World| world.view(0).participants.into_iter().find(|p| p.display_name == "carol");
    assert_eq!(carol_at(&world).map(|carol| carol.status), Some(CallStatus::Reconnecting));
    assert_eq!(world.view(0).status, Connected, "bob can still be heard");
    world.cut(0, CAROL, false);
    world.until("carol is back", |world| carol_at(world).is_some_and(|carol| carol.status == Connected));
}

#[test]
fn ending_for_everyone_ends_a_group_too() {
    let (mut world, _) = three("ending_for_everyone_ends_a_group_too");
    world.want(0, Intent::EndForEveryone);
    world.until_all(&EVERYONE, Ended);
    assert_eq!(world.ended(0), Some(EndReason::LocalHangup));
    assert_eq!(world.ended(1), Some(EndReason::RemoteHangup));
}
