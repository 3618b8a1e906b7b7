//! The live side on a clock of its own.

use super::*;

const ROOM: i64 = 7;

fn at(start: Moment, seconds: u64) -> Moment {
    Moment { at: start.at + Duration::from_secs(seconds), unix: start.unix + seconds.cast_signed() }
}

fn start() -> Moment {
    Moment { at: Instant::now(), unix: 1_000_000 }
}

fn facts(attendee: i64, permissions: u32) -> AttendeeFacts {
    AttendeeFacts {
        attendee,
        actor: Actor::user(&format!("u{attendee}")),
        display_name: format!("User {attendee}"),
        kind: ParticipantKind::User,
        permissions,
        waits: false,
    }
}

/// A room with a session `s1`, `s2`, … for each attendee, each with a cookie of its own.
fn room_of(attendees: &[i64], now: Moment) -> Live {
    let mut live = Live::default();
    for &attendee in attendees {
        enter(&mut live, attendee, &format!("s{attendee}"), now);
    }
    live
}

fn enter(live: &mut Live, attendee: i64, id: &str, now: Moment) {
    let key = crate::secrets::digest(id);
    assert!(live.web.insert(key, Actor::user(&format!("u{attendee}")), now.at));
    assert!(live.enter((ROOM, "room"), &id.into(), key, facts(attendee, 254), now));
}

fn room_facts(attendees: Vec<AttendeeFacts>) -> RoomFacts {
    RoomFacts { read_only: false, attendees: attendees.into_iter().map(|a| (a.attendee, a)).collect() }
}

fn listed(live: &mut Live, viewer: &str, now: Moment) -> Vec<(String, u64)> {
    let ticket = live.begin_pull(ROOM, viewer, now).unwrap();
    let found = live.check_pull(&ticket, true, now);
    live.end_pull(&ticket, now.at);
    let Pull::News { users, .. } = found else { panic!("a pull at once has an answer") };
    let users: serde_json::Value = serde_json::from_str(&users).unwrap();
    let entry = |user: &serde_json::Value| {
        (user["sessionId"].as_str().unwrap().to_owned(), user["inCall"].as_u64().unwrap())
    };
    users.as_array().unwrap().iter().map(entry).collect()
}

#[test]
fn the_first_join_starts_a_call_and_the_last_leave_ends_it() {
    let now = start();
    let mut live = room_of(&[1, 2], now);
    assert_eq!(live.join_call(ROOM, "s1", 3, now), Some(true));
    assert_eq!(live.join_call(ROOM, "s2", 7, at(now, 5)), Some(false));
    let call = live.call(ROOM).unwrap();
    assert_eq!((call.started, call.flags), (now.unix, 7));
    assert_eq!(live.leave_call(ROOM, LeftCall::Session("s2")), []);
    assert_eq!(live.leave_call(ROOM, LeftCall::Session("s2")), [], "leaving twice is nothing");
    assert_eq!(live.leave_call(ROOM, LeftCall::Session("s1")), [Effect::CallEnded { room: ROOM }]);
    assert_eq!(live.call(ROOM), None);
}

#[test]
fn a_silent_session_is_hidden_and_then_removed_with_its_call() {
    let now = start();
    let mut live = room_of(&[1, 2], now);
    live.join_call(ROOM, "s1", 3, now);
    // The other one keeps asking.
    for second in [10, 25, 30] {
        assert_eq!(live.tick(at(now, second)), []);
        listed(&mut live, "s2", at(now, second));
    }
    assert_eq!(live.peers(ROOM, at(now, 30)).len(), 1);
    assert_eq!(live.peers(ROOM, at(now, 31)).len(), 0);
    live.tick(at(now, 40));
    assert_eq!(listed(&mut live, "s2", at(now, 40)).len(), 2);
    live.tick(at(now, 41));
    assert_eq!(listed(&mut live, "s2", at(now, 41)), [("s2".to_owned(), 0)]);
    assert!(live.call(ROOM).is_some());
    listed(&mut live, "s2", at(now, 90));
    assert_eq!(live.tick(at(now, 100)), []);
    let vacated = Effect::Vacated { room: ROOM, attendee: 1 };
    assert_eq!(live.tick(at(now, 101)), [vacated, Effect::CallEnded { room: ROOM }]);
    assert!(live.session(ROOM, "s1", now).is_none());
}

#[test]
fn a_waiting_pull_keeps_its_session_alive() {
    let now = start();
    let mut live = room_of(&[1], now);
    let ticket = live.begin_pull(ROOM, "s1", now).unwrap();
    assert_eq!(live.tick(at(now, 500)), []);
    live.end_pull(&ticket, at(now, 500).at);
    assert_eq!(live.tick(at(now, 600)), []);
    assert_eq!(live.tick(at(now, 601)), [Effect::Vacated { room: ROOM, attendee: 1 }]);
}

#[test]
fn a_pull_waits_only_when_there_is_nothing_new() {
    let now = start();
    let mut live = room_of(&[1, 2], now);
    listed(&mut live, "s1", now);
    let ticket = live.begin_pull(ROOM, "s1", now).unwrap();
    assert_eq!(live.check_pull(&ticket, false, now), Pull::Wait);
    live.join_call(ROOM, "s2", 3, now);
    assert!(matches!(live.check_pull(&ticket, false, now), Pull::News { .. }));
    assert_eq!(live.check_pull(&ticket, false, now), Pull::Wait);
    live.post_message(ROOM, "s2", serde_json::json!({ "to": "s1", "type": "mute" }));
    let newer = live.begin_pull(ROOM, "s1", now).unwrap();
    let Pull::News { messages, .. } = live.check_pull(&ticket, false, now) else {
        panic!("the older pull has to give up")
    };
    assert!(messages.is_empty(), "the older pull must not take the messages");
    let Pull::News { messages, .. } = live.check_pull(&newer, false, now) else { panic!("a message waits") };
    assert_eq!(messages.len(), 1);
    live.leave(ROOM, "s1");
    assert_eq!(live.check_pull(&newer, false, now), Pull::Gone);
}

#[test]
fn messages_go_only_where_they_may() {
    let now = start();
    let mut live = room_of(&[1, 2], now);
    listed(&mut live, "s2", now);
    for message in [
        serde_json::json!({ "to": "s9", "type": "offer" }),
        serde_json::json!({ "to": 2, "type": "offer" }),
        serde_json::json!({ "to": "s2", "type": "control" }),
        serde_json::json!(["to", "s2"]),
        serde_json::json!(null),
    ] {
        live.post_message(ROOM, "s1", message);
    }
    live.post_message(ROOM, "nobody", serde_json::json!({ "to": "s2", "type": "offer" }));
    let ticket = live.begin_pull(ROOM, "s2", now).unwrap();
    assert_eq!(live.check_pull(&ticket, false, now), Pull::Wait);
}

#[test]
fn reconciling_takes_over_permissions_locks_and_removals() {
    let now = start();
    let mut live = room_of(&[1, 2, 3], now);
    for id in ["s1", "s2", "s3"] {
        live.join_call(ROOM, id, 7, now);
    }
    let mut waits = facts(3, 246);
    waits.waits = true;
    let effects = live.reconcile(ROOM, Some(&room_facts(vec![facts(1, 254), facts(2, 5), waits])));
    assert_eq!(effects, []);
    let flags = |live: &Live, id: &str| live.session(ROOM, id, now).unwrap().in_call;
    assert_eq!((flags(&live, "s1"), flags(&live, "s2"), flags(&live, "s3")), (7, 1, 0));
    assert_eq!(listed(&mut live, "s3", now).len(), 1, "who waits sees nobody else");
    let effects = live.reconcile(ROOM, Some(&room_facts(vec![facts(1, 254), facts(2, 5)])));
    assert_eq!(effects, [Effect::Vacated { room: ROOM, attendee: 3 }]);
    let locked = RoomFacts { read_only: true, ..room_facts(vec![facts(1, 254), facts(2, 5)]) };
    assert_eq!(live.reconcile(ROOM, Some(&locked)), [Effect::CallEnded { room: ROOM }]);
    assert_eq!(flags(&live, "s1"), 0);
    assert_eq!(live.reconcile(ROOM, None).len(), 2);
    assert!(live.occupied_rooms().is_empty());
}

#[test]
fn without_a_cookie_the_session_in_the_call_is_meant() {
    let now = start();
    let mut live = Live::default();
    for id in ["a", "b", "c"] {
        enter(&mut live, 1, id, now);
    }
    let meant = |live: &Live| live.session_of_attendee(ROOM, 1, now).map(|session| session.id.to_string());
    assert_eq!(meant(&live).as_deref(), Some("c"));
    live.join_call(ROOM, "a", 3, now);
    assert_eq!(meant(&live).as_deref(), Some("a"));
    assert_eq!(live.session_of_attendee(ROOM, 2, now).map(|session| session.attendee), None);
}

#[test]
fn ringing_again_forgets_that_somebody_had_joined() {
    let now = start();
    let mut live = room_of(&[1, 2], now);
    live.join_call(ROOM, "s1", 3, now);
    live.join_call(ROOM, "s2", 3, now);
    live.leave_call(ROOM, LeftCall::Session("s2"));
    assert!(live.has_joined(ROOM, &Actor::user("u2")));
    live.forget_joined(ROOM, &Actor::user("u2"));
    assert!(!live.has_joined(ROOM, &Actor::user("u2")));
}

#[test]
fn the_signaling_server_keeps_sessions_alive_that_are_the_users() {
    let now = start();
    let mut live = room_of(&[1, 2, 3], now);
    let alive = [("s1", "u1"), ("s2", ""), ("s3", "u1"), ("s9", "u1")];
    let alive = alive.map(|(session, user)| (session.to_owned(), user.to_owned()));
    let telephone = Actor { kind: crate::words::ActorKind::Phones, id: "+491".into() };
    let telephone = AttendeeFacts { actor: telephone, ..facts(4, 254) };
    assert!(live.bridge_in((ROOM, "room"), &"s9".into(), telephone, 0, now));
    live.pinged(&alive.into(), at(now, 90));
    let gone = Effect::Vacated { room: ROOM, attendee: 3 };
    assert_eq!(live.tick(at(now, 101)), [gone], "only the session named with another's id expires");
}
