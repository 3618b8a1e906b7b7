//! Cameras and shared screens, over the real server. Nobody stands between the participants: everyone sends to everyone.

use bellbird_call::ports::{SignalingCommand, SignalingEvent};
use bellbird_call::{
    CallTarget, ContactId, Link, LinkDirection, LinkId, LinkRole, LinkSource, MediaKind, MediaKinds,
    ParticipantId, RoomFacts, RoomId, SessionDescription,
};
use bellbird_talk::{RoomKind, TalkAccount};
use serde_json::{Value, json};

use crate::stage::{Bell, PASSWORD, Phone, Stage, candidate, negotiate, negotiate_links};

const V4: &str = "ocs/v2.php/apps/spreed/api/v4";

/// Changes a member's permissions as the room's owner, Alice.
async fn permit(stage: &Stage, room: &RoomId, member: &str, bits: u32) {
    // Set already when another test of this process was first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::new();
    let request = |method, path: String| {
        let request = client.request(method, format!("{}/{V4}/{path}", stage.url.trim_end_matches('/')));
        let request = request.basic_auth("alice", Some(PASSWORD)).header("OCS-APIRequest", "true");
        request.header("accept", "application/json")
    };
    let path = format!("room/{room}/participants");
    let members: Value = request(reqwest::Method::GET, path).send().await.unwrap().json().await.unwrap();
    let members = members["ocs"]["data"].as_array().unwrap();
    let id = members.iter().find(|entry| entry["actorId"] == member).unwrap()["attendeeId"].clone();
    let body = json!({ "attendeeId": id, "mode": "set", "permissions": bits });
    let path = format!("room/{room}/attendees/permissions");
    let answer = request(reqwest::Method::PUT, path).json(&body).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
}

async fn team(alice: &TalkAccount, members: &[&str]) -> RoomId {
    let members: Vec<ContactId> = members.iter().map(ContactId::new).collect();
    alice.create_room("Team", RoomKind::Group, &members).await.unwrap().id
}

/// Joins the call; yields who we are in it.
async fn join(account: &TalkAccount, room: &RoomId, media: MediaKinds) -> (Phone, ParticipantId) {
    let mut phone = Phone::new(account);
    let target = CallTarget::Room(room.clone());
    phone.send(SignalingCommand::Dial { target, media, silent: true });
    let joined = |event: &SignalingEvent| match event {
        SignalingEvent::Joined { local, .. } => Some(local.clone()),
        _ => None,
    };
    let id = phone.events.wait("joining", joined).await;
    (phone, id)
}

/// The next link of that source.
async fn link(phone: &mut Phone, source: LinkSource) -> Link {
    let opened = |event: &SignalingEvent| match event {
        SignalingEvent::LinkOpened(link) if link.source == source => Some(link.clone()),
        _ => None,
    };
    phone.events.wait("a link", opened).await
}

async fn description(phone: &mut Phone, of: LinkId) -> SessionDescription {
    let described = |event: &SignalingEvent| match event {
        SignalingEvent::LinkDescription { link, description } if *link == of => Some(description.clone()),
        _ => None,
    };
    phone.events.wait("a description", described).await
}

/// How somebody's media are told to have changed.
async fn media_of(phone: &mut Phone, who: &ParticipantId, media: MediaKinds) {
    let changed = |event: &SignalingEvent| match event {
        SignalingEvent::ParticipantJoined(other) | SignalingEvent::ParticipantChanged(other) => {
            (other.id == *who && other.media == media).then_some(())
        }
        _ => None,
    };
    phone.events.wait(&format!("{media:?}"), changed).await;
}

/// Plays both engines on a screen's link, opened on the side of whoever shares; yields the link at the other's.
async fn show(sharer: &mut Phone, from: &ParticipantId, viewer: &mut Phone, ours: &Link) -> Link {
    assert_eq!((ours.role, ours.direction), (LinkRole::Offerer, LinkDirection::SendOnly));
    let offer = SessionDescription::Offer(format!("v=0 screen of {from}"));
    sharer.send(SignalingCommand::SendDescription { link: ours.id, description: offer.clone() });
    sharer.send(candidate(ours.id));
    let theirs = link(viewer, LinkSource::Screen).await;
    assert_eq!((theirs.role, theirs.direction), (LinkRole::Answerer, LinkDirection::ReceiveOnly));
    assert_eq!(theirs.participant.as_ref(), Some(from));
    assert_eq!(description(viewer, theirs.id).await, offer);
    let arrived = |event: &SignalingEvent| match event {
        SignalingEvent::LinkCandidate { link, .. } => (*link == theirs.id).then_some(()),
        _ => None,
    };
    viewer.events.wait("a candidate", arrived).await;
    let answer = SessionDescription::Answer("v=0 seen".into());
    viewer.send(SignalingCommand::SendDescription { link: theirs.id, description: answer.clone() });
    assert_eq!(description(sharer, ours.id).await, answer);
    sharer.send(SignalingCommand::LinkConnected(ours.id));
    viewer.send(SignalingCommand::LinkConnected(theirs.id));
    theirs
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_call_rings_as_one_and_is_answered_without_a_camera() {
    let stage = Stage::open().await;
    let (alice, bob) = (stage.person("alice").await, stage.person("bob").await);
    let mut bell = Bell::hang(&bob).await;
    let mut caller = Phone::new(&alice);
    let target = CallTarget::Contact(ContactId::new("bob"));
    caller.send(SignalingCommand::Dial { target, media: MediaKinds::VIDEO, silent: false });
    let invitation = bell.incoming().await;
    assert_eq!(invitation.media, MediaKinds::VIDEO);
    let mut callee = Phone::ring(&bob, invitation);
    callee.accept();
    let bobs = |event: &SignalingEvent| match event {
        SignalingEvent::ParticipantJoined(who) => Some((who.id.clone(), who.media)),
        _ => None,
    };
    let (bob_id, media) = caller.events.wait("Bob", bobs).await;
    assert_eq!(media, MediaKinds::VOICE);
    // Both could send pictures, from the first offer on.
    let (ours, theirs) = negotiate_links(&mut caller, &mut callee).await;
    for link in [ours, theirs] {
        assert_eq!((link.may_send, link.simulcast), (MediaKinds::VIDEO, false));
    }
    // Switched on in the call: told by flags and by a word, whichever comes first.
    for muted in [false, true] {
        callee.send(SignalingCommand::AnnounceMute { kind: MediaKind::Video, muted });
        let word = SignalingEvent::RemoteMute { participant: bob_id.clone(), kind: MediaKind::Video, muted };
        let (mut said, mut flagged) = (false, false);
        while !(said && flagged) {
            let event = caller.events.next().await;
            said |= event == word;
            flagged |= matches!(event, SignalingEvent::ParticipantChanged(who)
                if who.id == bob_id && who.media.video != muted);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_camera_that_goes_on_and_off_quickly_ends_as_it_was_last_wished() {
    let stage = Stage::open().await;
    let (alice, bob) = (stage.person("alice").await, stage.person("bob").await);
    let room = team(&alice, &["bob"]).await;
    let (mut one, _) = join(&alice, &room, MediaKinds::VOICE).await;
    let (mut two, bob_id) = join(&bob, &room, MediaKinds::VOICE).await;
    media_of(&mut one, &bob_id, MediaKinds::VOICE).await;
    for muted in [false, true, false, true, false] {
        two.send(SignalingCommand::AnnounceMute { kind: MediaKind::Video, muted });
    }
    // However many requests that takes.
    media_of(&mut one, &bob_id, MediaKinds::VIDEO).await;
    two.send(SignalingCommand::AnnounceMute { kind: MediaKind::Video, muted: true });
    media_of(&mut one, &bob_id, MediaKinds::VOICE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_connects_learns_whether_our_camera_is_on() {
    let stage = Stage::open().await;
    let (alice, bob) = (stage.person("alice").await, stage.person("bob").await);
    let room = team(&alice, &["bob"]).await;
    let (mut one, _) = join(&alice, &room, MediaKinds::VIDEO).await;
    let (mut two, _) = join(&bob, &room, MediaKinds::VIDEO).await;
    let (ours, theirs) = negotiate(&mut one, &mut two).await;
    for (phone, link, camera) in [(&mut one, ours, true), (&mut two, theirs, false)] {
        if !camera {
            phone.send(SignalingCommand::AnnounceMute { kind: MediaKind::Video, muted: true });
        }
        phone.send(SignalingCommand::LinkConnected(link));
        let expected = if camera { r#"{"type":"videoOn"}"# } else { r#"{"type":"videoOff"}"# };
        let told = |event: &SignalingEvent| match event {
            SignalingEvent::SendData { text, .. } => (text == expected).then_some(()),
            _ => None,
        };
        phone.events.wait(expected, told).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_reaches_everyone_and_those_who_come_later_until_it_is_unshared() {
    let stage = Stage::open().await;
    let (alice, bob, carol) =
        (stage.person("alice").await, stage.person("bob").await, stage.person("carol").await);
    let room = team(&alice, &["bob", "carol"]).await;
    let (mut one, alice_id) = join(&alice, &room, MediaKinds::VOICE).await;
    let (mut two, bob_id) = join(&bob, &room, MediaKinds::VOICE).await;
    media_of(&mut one, &bob_id, MediaKinds::VOICE).await;
    one.send(SignalingCommand::ShareScreen(true));
    let to_bob = link(&mut one, LinkSource::Screen).await;
    let at_bob = show(&mut one, &alice_id, &mut two, &to_bob).await;
    // The path is restarted on the same connection.
    let restart = SessionDescription::Offer("v=0 restart".into());
    one.send(SignalingCommand::SendDescription { link: to_bob.id, description: restart.clone() });
    assert_eq!(description(&mut two, at_bob.id).await, restart);

    // Somebody comes later, and another shares at the same time.
    let (mut three, carol_id) = join(&carol, &room, MediaKinds::VOICE).await;
    let to_carol = link(&mut one, LinkSource::Screen).await;
    assert_eq!(to_carol.participant, Some(carol_id.clone()));
    let at_carol = show(&mut one, &alice_id, &mut three, &to_carol).await;
    two.send(SignalingCommand::ShareScreen(true));
    let mut bobs = [link(&mut two, LinkSource::Screen).await, link(&mut two, LinkSource::Screen).await];
    bobs.sort_by_key(|link| link.participant.as_ref() != Some(&alice_id));
    let at_alice = show(&mut two, &bob_id, &mut one, &bobs[0]).await;
    show(&mut two, &bob_id, &mut three, &bobs[1]).await;

    // One stops, the other goes on.
    one.send(SignalingCommand::ShareScreen(false));
    let mut open = vec![to_bob.id, to_carol.id];
    while !open.is_empty() {
        if let SignalingEvent::LinkClosed(closed) = one.events.next().await {
            open.retain(|link| *link != closed);
        }
    }
    two.wait_for(&SignalingEvent::LinkClosed(at_bob.id)).await;
    three.wait_for(&SignalingEvent::LinkClosed(at_carol.id)).await;
    // Whoever shares leaves.
    two.leave();
    one.wait_for(&SignalingEvent::LinkClosed(at_alice.id)).await;
    one.wait_for(&SignalingEvent::ParticipantLeft(bob_id)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_given_and_taken_in_the_call_are_told_and_kept_to() {
    let stage = Stage::open().await;
    let (alice, bob) = (stage.person("alice").await, stage.person("bob").await);
    let room = team(&alice, &["bob"]).await;
    permit(&stage, &room, "bob", 1 | 2 | 4 | 16).await;
    let (mut one, _) = join(&alice, &room, MediaKinds::VOICE).await;
    let (mut two, bob_id) = join(&bob, &room, MediaKinds::VIDEO).await;
    let rights = |camera, screen| {
        move |event: &SignalingEvent| match event {
            SignalingEvent::Facts(RoomFacts { may_publish_video, may_share_screen, .. }) => {
                ((*may_publish_video, *may_share_screen) == (camera, screen)).then_some(())
            }
            _ => None,
        }
    };
    // Without the right to it, the camera is not in the flags, and pictures are not even offered.
    media_of(&mut one, &bob_id, MediaKinds::VOICE).await;
    let (_, first) = negotiate_links(&mut one, &mut two).await;
    assert_eq!(first.may_send, MediaKinds::VOICE);
    permit(&stage, &room, "bob", 1 | 2 | 4 | 16 | 32 | 64).await;
    two.events.wait("the rights", rights(true, true)).await;
    // Now they are, on a link of its own making; and the flags say so.
    two.wait_for(&SignalingEvent::LinkClosed(first.id)).await;
    let second = link(&mut two, LinkSource::Person).await;
    assert_eq!((second.may_send, second.role), (MediaKinds::VIDEO, LinkRole::Offerer));
    media_of(&mut one, &bob_id, MediaKinds::VIDEO).await;
    permit(&stage, &room, "bob", 1 | 2 | 4 | 16 | 32).await;
    two.events.wait("the rights", rights(true, false)).await;
    permit(&stage, &room, "bob", 1 | 2 | 4 | 16).await;
    two.events.wait("the rights", rights(false, false)).await;
    media_of(&mut one, &bob_id, MediaKinds::VOICE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_had_nothing_to_send_and_switches_a_camera_on_is_connected_by_it() {
    let stage = Stage::open().await;
    let (alice, bob) = (stage.person("alice").await, stage.person("bob").await);
    let room = team(&alice, &["bob"]).await;
    let (mut one, alice_id) = join(&alice, &room, MediaKinds::NONE).await;
    let (mut two, bob_id) = join(&bob, &room, MediaKinds::NONE).await;
    media_of(&mut one, &bob_id, MediaKinds::NONE).await;
    one.send(SignalingCommand::AnnounceMute { kind: MediaKind::Video, muted: false });
    let ours = link(&mut one, LinkSource::Person).await;
    assert_eq!((ours.role, ours.participant), (LinkRole::Offerer, Some(bob_id)));
    let offer = SessionDescription::Offer("v=0 a camera alone".into());
    one.send(SignalingCommand::SendDescription { link: ours.id, description: offer.clone() });
    let theirs = link(&mut two, LinkSource::Person).await;
    assert_eq!((theirs.role, theirs.participant), (LinkRole::Answerer, Some(alice_id)));
    assert_eq!(description(&mut two, theirs.id).await, offer);
}
