//! Calls that come about.

use std::time::Instant;

use bellbird_call::ports::{CallEndedBy, SignalingCommand, SignalingEvent};
use bellbird_call::{CallTarget, ContactId, LeaveScope, MediaKind, MediaKinds, ParticipantId};
use bellbird_talk::RoomKind;

use crate::stage::{Bell, Phone, Stage, negotiate};

fn joined(event: &SignalingEvent) -> Option<ParticipantId> {
    match event {
        SignalingEvent::Joined { local, .. } => Some(local.clone()),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_ring_answer_and_end() {
    let stage = Stage::open().await;
    let (alice, bob) = (stage.person("alice").await, stage.person("bob").await);
    let mut bell = Bell::hang(&bob).await;

    let start = Instant::now();
    let mut caller = Phone::dial(&alice, "bob");
    let (contact, one_to_one) = caller
        .events
        .wait("the room", |event| match event {
            SignalingEvent::RoomEntered { contact, one_to_one, .. } => Some((contact.clone(), *one_to_one)),
            _ => None,
        })
        .await;
    assert_eq!((contact, one_to_one), (Some(ContactId::new("bob")), true));
    caller.events.wait("joining", joined).await;
    let dialed = start.elapsed();

    let invitation = bell.incoming().await;
    let rang = start.elapsed();
    assert_eq!(invitation.from, Some(ContactId::new("alice")));
    assert_eq!(invitation.display_name, "Alice");
    assert!(invitation.one_to_one);
    assert_eq!(invitation.media, MediaKinds::VOICE);

    let mut callee = Phone::ring(&bob, invitation);
    caller.wait_for(&SignalingEvent::RemoteRinging).await;
    let reported = start.elapsed();
    // Nothing about media may reach the callee before the person answers.
    for event in callee.events.rest() {
        let told = matches!(event, SignalingEvent::RoomEntered { .. } | SignalingEvent::Facts(_));
        assert!(told, "{event:?}");
    }

    let accepted = Instant::now();
    callee.accept();
    callee.events.wait("joining", joined).await;
    let remote = caller
        .events
        .wait("the callee", |event| match event {
            SignalingEvent::ParticipantJoined(remote) => Some(remote.clone()),
            _ => None,
        })
        .await;
    assert_eq!(remote.display_name, "Bob");
    assert_eq!(remote.contact, Some(ContactId::new("bob")));
    assert_eq!(remote.media, MediaKinds::VOICE);
    let (caller_link, callee_link) = negotiate(&mut caller, &mut callee).await;
    println!(
        "dial to joined {dialed:?}, to incoming {rang:?}, to ringing {reported:?}; accept to candidates both ways {:?}",
        accepted.elapsed()
    );

    // Connected: each tells the other its state, by data channel and by signaling.
    caller.send(SignalingCommand::LinkConnected(caller_link));
    callee.send(SignalingCommand::LinkConnected(callee_link));
    let text = caller
        .events
        .wait("data to send", |event| match event {
            SignalingEvent::SendData { text, .. } => Some(text.clone()),
            _ => None,
        })
        .await;
    assert_eq!(text, r#"{"type":"audioOn"}"#);

    callee.send(SignalingCommand::AnnounceMute { kind: MediaKind::Audio, muted: true });
    let muted =
        |muted| SignalingEvent::RemoteMute { participant: remote.id.clone(), kind: MediaKind::Audio, muted };
    caller.wait_for(&muted(true)).await;
    let text = r#"{"type":"audioOn"}"#.to_owned();
    caller.send(SignalingCommand::DataReceived { link: caller_link, text });
    caller.wait_for(&muted(false)).await;

    callee.leave();
    caller
        .events
        .wait("the link's end", |event| (*event == SignalingEvent::LinkClosed(caller_link)).then_some(()))
        .await;
    caller.wait_for(&SignalingEvent::ParticipantLeft(remote.id.clone())).await;
    caller.wait_for(&SignalingEvent::CallEnded(CallEndedBy::Remote)).await;
    alice.calls_settled(std::time::Duration::from_secs(30)).await;
    bob.calls_settled(std::time::Duration::from_secs(30)).await;
    assert!(bob.rooms().await.unwrap().iter().all(|room| !room.has_call));
    // Answered here: nobody tells us that it was answered elsewhere.
    assert!(bell.events.rest().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_call_finds_its_room_at_once_and_an_impatient_callee_answers_early() {
    let stage = Stage::open().await;
    let (alice, bob) = (stage.person("alice").await, stage.person("bob").await);
    let mut bell = Bell::hang(&bob).await;
    for round in 0..5 {
        let start = Instant::now();
        let mut caller = Phone::dial(&alice, "bob");
        let mut callee = Phone::ring(&bob, bell.incoming().await);
        callee.accept();
        negotiate(&mut caller, &mut callee).await;
        println!("round {round}: dial to both descriptions and candidates {:?}", start.elapsed());
        caller.send(SignalingCommand::Leave(LeaveScope::Everyone));
        callee.wait_for(&SignalingEvent::CallEnded(CallEndedBy::Remote)).await;
        let limit = std::time::Duration::from_secs(30);
        alice.calls_settled(limit).await;
        bob.calls_settled(limit).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_call_goes_on_without_the_one_who_leaves() {
    let stage = Stage::open().await;
    let alice = stage.person("alice").await;
    let (bob, carol) = (stage.person("bob").await, stage.person("carol").await);
    let people = [ContactId::new("bob"), ContactId::new("carol")];
    let room = alice.create_room("Team", RoomKind::Group, &people).await.unwrap();
    assert_eq!((room.display_name.as_str(), room.kind), ("Team", RoomKind::Group));
    let mut bells = [Bell::hang(&bob).await, Bell::hang(&carol).await];

    let mut phones = vec![Phone::dial_target(&alice, CallTarget::Room(room.id.clone()))];
    phones[0].events.wait("joining", joined).await;
    for (account, bell) in [&bob, &carol].into_iter().zip(&mut bells) {
        let invitation = bell.incoming().await;
        assert!(!invitation.one_to_one);
        assert_eq!(invitation.display_name, "Team");
        let mut phone = Phone::ring(account, invitation);
        phone.accept();
        phone.events.wait("joining", joined).await;
        phones.push(phone);
    }
    let mut ids = Vec::new();
    for phone in &mut phones {
        for _ in 0..2 {
            let remote = phone
                .events
                .wait("another participant", |event| match event {
                    SignalingEvent::ParticipantJoined(remote) => Some(remote.clone()),
                    _ => None,
                })
                .await;
            assert!(!remote.display_name.is_empty());
            ids.push(remote);
        }
    }
    let carol_id = ids.iter().find(|remote| remote.display_name == "Carol").unwrap().id.clone();
    let mut last = phones.pop().unwrap();
    last.leave();
    for phone in &mut phones {
        phone.wait_for(&SignalingEvent::ParticipantLeft(carol_id.clone())).await;
        assert!(!phone.events.rest().iter().any(|event| matches!(event, SignalingEvent::CallEnded(_))));
    }
    // A moderator ends it for all.
    phones[0].send(SignalingCommand::Leave(LeaveScope::Everyone));
    phones[1].wait_for(&SignalingEvent::CallEnded(CallEndedBy::Moderator)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_dial_each_other_and_meet() {
    let stage = Stage::open().await;
    let (alice, bob) = (stage.person("alice").await, stage.person("bob").await);
    let mut caller = Phone::dial(&alice, "bob");
    let mut other = Phone::dial(&bob, "alice");
    negotiate(&mut caller, &mut other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_a_call_leaves_it() {
    let stage = Stage::open().await;
    let (alice, bob) = (stage.person("alice").await, stage.person("bob").await);
    let mut caller = Phone::dial(&alice, "bob");
    let mut other = Phone::dial(&bob, "alice");
    negotiate(&mut caller, &mut other).await;
    drop(caller);
    other.wait_for(&SignalingEvent::CallEnded(CallEndedBy::Remote)).await;
}
