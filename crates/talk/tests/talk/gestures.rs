//! Raised hands, reactions, muting by a moderator and adding people, over the real server.

use bellbird_call::ports::{ProblemCode, SignalingCommand, SignalingEvent};
use bellbird_call::{CallTarget, ContactId, MediaKind, ParticipantId, Reaction, RoomFacts, VideoSwitch};
use bellbird_talk::{RoomKind, TalkAccount};

use crate::stage::{Bell, Phone, Stage, negotiate};

fn joined(event: &SignalingEvent) -> Option<ParticipantId> {
    match event {
        SignalingEvent::Joined { local, .. } => Some(local.clone()),
        _ => None,
    }
}

async fn facts(phone: &mut Phone) -> RoomFacts {
    phone
        .events
        .wait("facts", |event| match event {
            SignalingEvent::Facts(facts) => Some(facts.clone()),
            _ => None,
        })
        .await
}

/// A call of a room's members, who know of each other; each with its id.
async fn team<const N: usize>(
    people: [&TalkAccount; N],
    target: &CallTarget,
) -> [(Phone, ParticipantId, RoomFacts); N] {
    let mut phones = Vec::new();
    for account in people {
        let mut phone = Phone::dial_target(account, target.clone());
        let (mut local, mut told) = (None, None);
        while local.is_none() || told.is_none() {
            match phone.events.next().await {
                SignalingEvent::Joined { local: id, .. } => local = Some(id),
                SignalingEvent::Facts(facts) => told = Some(facts),
                _ => {}
            }
        }
        phones.push((phone, local.unwrap(), told.unwrap()));
    }
    let ids: Vec<ParticipantId> = phones.iter().map(|(_, id, _)| id.clone()).collect();
    // Those who came first learn of the later ones by an event; the others with their own joining.
    for (at, (phone, ..)) in phones.iter_mut().enumerate() {
        for id in ids.iter().skip(at + 1) {
            let came = |event: &SignalingEvent| match event {
                SignalingEvent::ParticipantJoined(who) => (who.id == *id).then_some(()),
                _ => None,
            };
            phone.events.wait("another", came).await;
        }
    }
    phones.try_into().unwrap_or_else(|_| panic!("as many as people"))
}

#[tokio::test(flavor = "multi_thread")]
async fn hands_and_reactions_reach_everyone_in_the_call() {
    let stage = Stage::open().await;
    let (alice, bob) = (stage.person("alice").await, stage.person("bob").await);
    let room = alice.create_room("Team", RoomKind::Group, &[ContactId::new("bob")]).await.unwrap();
    let target = CallTarget::Room(room.id);
    let [(mut one, alice_id, owner), (mut two, bob_id, member)] = team([&alice, &bob], &target).await;
    assert!(owner.moderator && owner.may_add && owner.mesh && !owner.open_by_link, "{owner:?}");
    assert!(!member.moderator && !member.may_add, "{member:?}");
    let thumb = Reaction::new("👍").unwrap();
    assert!(member.reactions.contains(&thumb), "{member:?}");

    one.send(SignalingCommand::AnnounceHand { raised: true });
    let raised = |who: &ParticipantId| {
        let who = who.clone();
        move |event: &SignalingEvent| match event {
            SignalingEvent::RemoteHand { participant, since } if *participant == who => Some(*since),
            _ => None,
        }
    };
    let since = two.events.wait("a hand", raised(&alice_id)).await;
    assert!(since.is_some_and(|ms| ms > 1_600_000_000_000), "{since:?}");
    two.send(SignalingCommand::SendReaction(thumb.clone()));
    one.wait_for(&SignalingEvent::RemoteReaction { participant: bob_id, reaction: thumb }).await;
    one.send(SignalingCommand::AnnounceHand { raised: false });
    assert_eq!(two.events.wait("a hand", raised(&alice_id)).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wish_to_go_to_video_reaches_whom_it_is_for() {
    let stage = Stage::open().await;
    let (alice, bob, carol) =
        (stage.person("alice").await, stage.person("bob").await, stage.person("carol").await);
    let people = [ContactId::new("bob"), ContactId::new("carol")];
    let room = alice.create_room("Team", RoomKind::Group, &people).await.unwrap();
    let target = CallTarget::Room(room.id);
    let [(mut one, alice_id, _), (mut two, bob_id, _), (mut three, ..)] =
        team([&alice, &bob, &carol], &target).await;
    let words = [VideoSwitch::Request, VideoSwitch::Cancel, VideoSwitch::Decline, VideoSwitch::Accept];
    for word in words {
        one.send(SignalingCommand::SendVideoSwitch { to: bob_id.clone(), word });
        two.wait_for(&SignalingEvent::RemoteVideoSwitch { participant: alice_id.clone(), word }).await;
    }
    // Nobody else hears of it: what was sent after it comes first.
    one.send(SignalingCommand::AnnounceHand { raised: true });
    let next = |event: &SignalingEvent| match event {
        SignalingEvent::RemoteVideoSwitch { .. } => Some(false),
        SignalingEvent::RemoteHand { participant, .. } if *participant == alice_id => Some(true),
        _ => None,
    };
    assert!(three.events.wait("a hand", next).await, "carol heard what was for bob");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_comer_learns_of_a_raised_hand() {
    let stage = Stage::open().await;
    let (alice, bob) = (stage.person("alice").await, stage.person("bob").await);
    let room = alice.create_room("Team", RoomKind::Group, &[ContactId::new("bob")]).await.unwrap();
    let target = CallTarget::Room(room.id);
    let mut one = Phone::dial_target(&alice, target.clone());
    let alice_id = one.events.wait("joining", joined).await;
    one.send(SignalingCommand::AnnounceHand { raised: true });
    let mut two = Phone::dial_target(&bob, target);
    let (near, _) = negotiate(&mut one, &mut two).await;
    one.send(SignalingCommand::LinkConnected(near));
    let since = two
        .events
        .wait("a hand", |event| match event {
            SignalingEvent::RemoteHand { participant, since } if *participant == alice_id => Some(*since),
            _ => None,
        })
        .await;
    assert!(since.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_moderator_has_others_muted() {
    let stage = Stage::open().await;
    let (alice, bob, carol) =
        (stage.person("alice").await, stage.person("bob").await, stage.person("carol").await);
    let people = [ContactId::new("bob"), ContactId::new("carol")];
    let room = alice.create_room("Team", RoomKind::Group, &people).await.unwrap();
    let target = CallTarget::Room(room.id);
    let [(mut one, alice_id, _), (mut two, bob_id, _), (mut three, ..)] =
        team([&alice, &bob, &carol], &target).await;
    let silent = |participant: &ParticipantId| SignalingEvent::RemoteMute {
        participant: participant.clone(),
        kind: MediaKind::Audio,
        muted: true,
    };
    // The server drops what Bob may not ask; the reaction after it shows that nothing came before.
    two.send(SignalingCommand::AskToMute(alice_id));
    let thumb = Reaction::new("👍").unwrap();
    two.send(SignalingCommand::SendReaction(thumb.clone()));
    let bobs = SignalingEvent::RemoteReaction { participant: bob_id.clone(), reaction: thumb };
    loop {
        let event = one.events.next().await;
        assert!(event != SignalingEvent::MuteRequested, "muted by somebody who may not");
        if event == bobs {
            break;
        }
    }
    one.send(SignalingCommand::AskToMute(bob_id.clone()));
    two.wait_for(&SignalingEvent::MuteRequested).await;
    three.wait_for(&silent(&bob_id)).await;
    one.wait_for(&silent(&bob_id)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_added_to_a_running_call_is_rung() {
    let stage = Stage::open().await;
    let (alice, bob) = (stage.person("alice").await, stage.person("bob").await);
    let dave = stage.person("dave").await;
    let room = alice.create_room("Team", RoomKind::Public, &[ContactId::new("bob")]).await.unwrap();
    let target = CallTarget::Room(room.id.clone());
    let mut one = Phone::dial_target(&alice, target.clone());
    assert!(facts(&mut one).await.open_by_link);
    one.events.wait("joining", joined).await;
    let mut bell = Bell::hang(&dave).await;
    one.send(SignalingCommand::AddPerson(ContactId::new("dave")));
    one.wait_for(&SignalingEvent::PersonAdded(ContactId::new("dave"))).await;
    let invitation = bell.incoming().await;
    assert_eq!((invitation.room, invitation.display_name.as_str()), (room.id, "Team"));
    one.send(SignalingCommand::AddPerson(ContactId::new("nobody")));
    let trouble = one
        .events
        .wait("trouble", |event| match event {
            SignalingEvent::Trouble(problem) => Some(problem.code),
            _ => None,
        })
        .await;
    assert_eq!(trouble, ProblemCode::UnknownUser);
    drop(bob);
}
