//! Which notifications ring, for how long, and how they end: pure, told the time (talk-accounts section 4.3).
//!
//! A notification only says where to look. What rings is decided by the call's notification-state, asked when the
//! notification is new, every two seconds while it rings, and at once when it vanishes. Push and poll lead to the same
//! list, so nothing can ring twice for one notification.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bellbird_call::RoomId;
use bellbird_talk_wire::Notification;

use crate::rest::NotificationState;
use crate::watch::Outcome;

/// How long a call rings at most.
pub(crate) const RING_LIMIT: Duration = Duration::from_secs(45);
const CHECK_EVERY: Duration = Duration::from_secs(2);
/// How long leaving a call may take, during which the next one in the same room is waited for.
const LEAVING: Duration = Duration::from_secs(10);
/// Notifications looked at, newest first.
const MAX_NOTIFICATIONS: usize = 500;
/// Rooms that ring at a time.
const MAX_RINGS: usize = 16;

/// The calls that ring, or may.
#[derive(Default)]
pub(crate) struct Ringing {
    listed: bool,
    seen: BTreeSet<i64>,
    rings: BTreeMap<String, Ring>,
}

struct Ring {
    /// The newest that came.
    notification: Notification,
    stage: RingStage,
    noticed_at: Instant,
    check_at: Instant,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum RingStage {
    /// Not known yet whether the call runs.
    New {
        /// It was there when we started, so it may be old.
        at_start: bool,
    },
    /// It rings, since the notification with the id `by`.
    Rings { until: Instant, by: i64 },
    /// It would ring, if we wanted to be disturbed.
    Quiet { until: Instant },
}

/// A question to the server that is due.
pub(crate) struct Check {
    /// About which room.
    pub(crate) room: String,
    /// What led there.
    pub(crate) notification: Notification,
    /// It does not ring yet; when it shall, the room has to be described.
    pub(crate) is_new: bool,
    /// It came so lately that it may be the call after the one we leave.
    pub(crate) is_next: bool,
    /// Ring only if the call began within [`RING_LIMIT`].
    pub(crate) at_start: bool,
}

/// What an answer means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// Nothing new.
    Nothing,
    /// It rings from now on.
    Ring,
    /// It would ring, but shall not disturb us.
    Hush,
    /// It rings no more.
    End(Outcome),
    /// What did not disturb us is over.
    EndQuietly(Outcome),
}

impl Ringing {
    /// The whole list of notifications, newest first.
    pub(crate) fn handle_list(&mut self, list: &[Notification], now: Instant) {
        let at_start = !self.listed;
        self.listed = true;
        let calls: Vec<&Notification> =
            list.iter().filter(|entry| entry.is_call()).take(MAX_NOTIFICATIONS).collect();
        for notification in &calls {
            let is_new = self.seen.insert(notification.notification_id);
            if !is_new || notification.should_notify == Some(false) || !is_token(&notification.object_id) {
                continue;
            }
            if let Some(ring) = self.rings.get_mut(&notification.object_id) {
                // Rung once more while it rings; the newest is the one to watch. The list begins with the newest.
                if ring.notification.notification_id < notification.notification_id {
                    ring.notification = (*notification).clone();
                }
            } else if self.rings.len() < MAX_RINGS {
                let ring = Ring {
                    notification: (*notification).clone(),
                    stage: RingStage::New { at_start },
                    noticed_at: now,
                    check_at: now,
                };
                self.rings.insert(notification.object_id.clone(), ring);
            }
        }
        self.seen.retain(|id| calls.iter().any(|notification| notification.notification_id == *id));
        for ring in self.rings.values_mut() {
            if !self.seen.contains(&ring.notification.notification_id) {
                ring.check_at = now;
            }
        }
    }

    /// Questions due now.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<Check> {
        self.rings
            .iter_mut()
            .filter(|(_, ring)| ring.check_at <= now)
            .map(|(room, ring)| {
                ring.check_at = now + CHECK_EVERY;
                let (is_new, at_start) = match ring.stage {
                    RingStage::New { at_start } => (true, at_start),
                    RingStage::Rings { .. } | RingStage::Quiet { .. } => (false, false),
                };
                let is_next = is_new && now.saturating_duration_since(ring.noticed_at) < LEAVING;
                Check {
                    room: room.clone(),
                    notification: ring.notification.clone(),
                    is_new,
                    is_next,
                    at_start,
                }
            })
            .collect()
    }

    /// The answer to a question; `None` when it could not be had. `too_old`: a call that began long before we started.
    /// `quiet`: it is not to disturb us.
    pub(crate) fn handle_state(
        &mut self,
        room: &str,
        state: Option<NotificationState>,
        (too_old, quiet): (bool, bool),
        now: Instant,
    ) -> Verdict {
        let Some(ring) = self.rings.get_mut(room) else { return Verdict::Nothing };
        let by = ring.notification.notification_id;
        let verdict = match (ring.stage, state) {
            (RingStage::New { .. }, Some(NotificationState::Ringing)) if !too_old => {
                let until = now + RING_LIMIT;
                ring.stage = if quiet { RingStage::Quiet { until } } else { RingStage::Rings { until, by } };
                return if quiet { Verdict::Hush } else { Verdict::Ring };
            }
            (RingStage::Quiet { .. }, Some(NotificationState::Ended)) => Verdict::EndQuietly(Outcome::Missed),
            (RingStage::Quiet { .. }, Some(NotificationState::Settled)) => {
                Verdict::EndQuietly(Outcome::AnsweredElsewhere)
            }
            (RingStage::Quiet { until }, _) if now >= until => Verdict::EndQuietly(Outcome::Missed),
            (RingStage::Quiet { until }, Some(NotificationState::Ringing)) if !quiet => {
                ring.stage = RingStage::Rings { until, by };
                return Verdict::Ring;
            }
            (RingStage::New { .. }, Some(_)) => Verdict::Nothing,
            (RingStage::Rings { .. }, Some(NotificationState::Ended)) => Verdict::End(Outcome::Missed),
            (RingStage::Rings { .. }, Some(NotificationState::Settled)) => {
                Verdict::End(Outcome::AnsweredElsewhere)
            }
            (RingStage::Rings { until, .. }, _) if now >= until => Verdict::End(Outcome::Missed),
            (RingStage::New { .. }, None) | (RingStage::Rings { .. } | RingStage::Quiet { .. }, _) => {
                return Verdict::Nothing;
            }
        };
        self.rings.remove(room);
        verdict
    }

    /// What rings in that room by that notification is over, as was seen from inside it. Returns whether it rang still. A
    /// notification that came since may be the next call's, made at once: it is looked at anew.
    pub(crate) fn ring_over(&mut self, room: &RoomId, notification: i64, now: Instant) -> bool {
        let Some(ring) = self.rings.get_mut(room.as_str()) else { return false };
        let RingStage::Rings { by, .. } = ring.stage else { return false };
        if by != notification {
            return false;
        }
        if ring.notification.notification_id == by {
            self.rings.remove(room.as_str());
        } else {
            ring.stage = RingStage::New { at_start: false };
            (ring.noticed_at, ring.check_at) = (now, now);
        }
        true
    }

    /// The person answered, declined, or is in that room's call already: it rings no more, and nobody is told.
    pub(crate) fn settle(&mut self, room: &RoomId) {
        self.rings.remove(room.as_str());
    }

    /// When something is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.rings.values().map(|ring| ring.check_at).min()
    }
}

/// Room tokens are lower-case letters and digits; anything else is not asked for.
fn is_token(text: &str) -> bool {
    (4..=30).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;
    use NotificationState::{Ended, Ringing as Runs, Settled};

    const S: fn(u64) -> Duration = Duration::from_secs;

    fn notification(id: i64, room: &str) -> Notification {
        Notification {
            notification_id: id,
            app: "spreed".into(),
            object_type: "call".into(),
            object_id: room.into(),
            ..Notification::default()
        }
    }

    fn rooms(checks: &[Check]) -> Vec<&str> {
        checks.iter().map(|check| check.room.as_str()).collect()
    }

    #[test]
    fn a_new_notification_rings_once_however_often_it_is_listed() {
        let now = Instant::now();
        let mut ringing = Ringing::default();
        ringing.handle_list(&[], now);
        ringing.handle_list(&[notification(7, "room1")], now);
        ringing.handle_list(&[notification(7, "room1")], now);
        let due = ringing.due(now);
        assert_eq!(rooms(&due), ["room1"]);
        assert!(due[0].is_new && !due[0].at_start);
        assert_eq!(ringing.handle_state("room1", Some(Runs), (false, false), now), Verdict::Ring);
        ringing.handle_list(&[notification(7, "room1")], now);
        assert!(ringing.due(now).is_empty());
        // A second ring of the same call while it rings makes no second call.
        ringing.handle_list(&[notification(9, "room1"), notification(7, "room1")], now);
        assert!(ringing.due(now).is_empty());
        assert_eq!(ringing.poll_timeout(), Some(now + S(2)));
        assert!(!ringing.due(now + S(2))[0].is_new);
    }

    #[test]
    fn what_comes_just_now_may_be_the_next_call() {
        let now = Instant::now();
        let mut ringing = Ringing::default();
        ringing.handle_list(&[notification(7, "room1")], now);
        assert!(ringing.due(now)[0].is_next && ringing.due(now + S(8))[0].is_next);
        assert!(!ringing.due(now + LEAVING)[0].is_next, "nobody leaves for so long");
        ringing.handle_state("room1", Some(Runs), (false, false), now + S(1));
        assert!(!ringing.due(now + S(20))[0].is_next);
    }

    #[test]
    fn a_call_made_again_at_once_rings_again() {
        let now = Instant::now();
        let room = RoomId::new("room1");
        let mut ringing = Ringing::default();
        let rings = |ringing: &mut Ringing| {
            assert!(ringing.due(now)[0].is_new);
            assert_eq!(ringing.handle_state("room1", Some(Runs), (false, false), now), Verdict::Ring);
        };
        assert!(!ringing.ring_over(&room, 7, now), "nothing rings yet");
        ringing.handle_list(&[notification(7, "room1")], now);
        assert!(!ringing.ring_over(&room, 7, now), "nor by now");
        rings(&mut ringing);
        // The call is seen to be over before the next one's notification comes.
        assert!(ringing.ring_over(&room, 7, now));
        ringing.handle_list(&[notification(7, "room1")], now);
        assert!(ringing.due(now).is_empty(), "what is over rang again");
        ringing.handle_list(&[notification(8, "room1")], now);
        rings(&mut ringing);
        assert!(!ringing.ring_over(&room, 7, now), "the call before is no matter any more");
        // And after it came, and was taken for one more ring of the same call.
        ringing.handle_list(&[notification(9, "room1")], now);
        assert!(ringing.ring_over(&room, 8, now));
        assert!(ringing.due(now)[0].is_next);
        ringing.handle_list(&[notification(9, "room1")], now + S(2));
        assert_eq!(ringing.handle_state("room1", Some(Runs), (false, false), now), Verdict::Ring);
        // Rung twice, and over: the second notification leads nowhere.
        ringing.handle_list(&[notification(10, "room1"), notification(9, "room1")], now);
        assert!(ringing.ring_over(&room, 9, now));
        assert_eq!(ringing.handle_state("room1", Some(Ended), (false, false), now), Verdict::Nothing);
        assert!(ringing.poll_timeout().is_none());
    }

    #[test]
    fn how_a_ring_ends() {
        for (state, expected) in [
            (Some(Ended), Verdict::End(Outcome::Missed)),
            (Some(Settled), Verdict::End(Outcome::AnsweredElsewhere)),
            (Some(Runs), Verdict::Nothing),
            (None, Verdict::Nothing),
        ] {
            let now = Instant::now();
            let mut ringing = Ringing::default();
            ringing.handle_list(&[notification(7, "room1")], now);
            ringing.handle_state("room1", Some(Runs), (false, false), now);
            assert_eq!(ringing.handle_state("room1", state, (false, false), now + S(4)), expected);
            assert_eq!(ringing.poll_timeout().is_none(), expected != Verdict::Nothing);
        }
    }

    #[test]
    fn what_never_rang_ends_in_silence() {
        for (state, too_old) in [(Ended, false), (Settled, false), (Runs, true)] {
            let now = Instant::now();
            let mut ringing = Ringing::default();
            ringing.handle_list(&[notification(7, "room1")], now);
            assert!(ringing.due(now)[0].at_start);
            assert_eq!(ringing.handle_state("room1", Some(state), (too_old, false), now), Verdict::Nothing);
            assert!(ringing.poll_timeout().is_none());
            // Nor does it ring later, unless rung anew.
            ringing.handle_list(&[notification(7, "room1")], now);
            assert!(ringing.due(now).is_empty());
            ringing.handle_list(&[notification(8, "room1")], now);
            assert!(!ringing.due(now)[0].at_start);
        }
    }

    #[test]
    fn a_ring_has_a_limit_and_a_vanished_notification_is_looked_at_at_once() {
        let now = Instant::now();
        let mut ringing = Ringing::default();
        ringing.handle_list(&[notification(7, "room1")], now);
        ringing.due(now);
        ringing.handle_state("room1", Some(Runs), (false, false), now);
        ringing.handle_list(&[], now + S(1));
        assert_eq!(rooms(&ringing.due(now + S(1))), ["room1"]);
        let end = ringing.handle_state("room1", Some(Runs), (false, false), now + RING_LIMIT);
        assert_eq!(end, Verdict::End(Outcome::Missed));
    }

    #[test]
    fn what_must_not_disturb_is_missed_in_silence_or_rings_late() {
        let quiet = (false, true);
        for (state, after, expected) in [
            (Some(Ended), 4, Verdict::EndQuietly(Outcome::Missed)),
            (Some(Settled), 4, Verdict::EndQuietly(Outcome::AnsweredElsewhere)),
            (Some(Runs), 4, Verdict::Nothing),
            (None, 4, Verdict::Nothing),
            (Some(Runs), 45, Verdict::EndQuietly(Outcome::Missed)),
            (None, 45, Verdict::EndQuietly(Outcome::Missed)),
        ] {
            let now = Instant::now();
            let mut ringing = Ringing::default();
            ringing.handle_list(&[notification(7, "room1")], now);
            assert_eq!(ringing.handle_state("room1", Some(Runs), quiet, now), Verdict::Hush);
            assert!(!ringing.due(now + S(2))[0].is_new);
            assert_eq!(ringing.handle_state("room1", state, quiet, now + S(after)), expected);
            assert_eq!(ringing.poll_timeout().is_none(), expected != Verdict::Nothing);
        }
        // We may be disturbed again: it rings, and not longer than it would have.
        let now = Instant::now();
        let mut ringing = Ringing::default();
        ringing.handle_list(&[notification(7, "room1")], now);
        ringing.handle_state("room1", Some(Runs), quiet, now);
        assert_eq!(ringing.handle_state("room1", Some(Runs), (true, false), now + S(4)), Verdict::Ring);
        // What rings already goes on.
        assert_eq!(ringing.handle_state("room1", Some(Runs), quiet, now + S(6)), Verdict::Nothing);
        let end = ringing.handle_state("room1", Some(Runs), quiet, now + RING_LIMIT);
        assert_eq!(end, Verdict::End(Outcome::Missed));
    }

    #[test]
    fn what_does_not_ring() {
        let now = Instant::now();
        let mut ringing = Ringing::default();
        let mut quiet = notification(1, "room1");
        quiet.should_notify = Some(false);
        let mut chat = notification(2, "room2");
        chat.object_type = "chat".into();
        ringing.handle_list(&[quiet, chat, notification(3, "../../x"), notification(4, "")], now);
        assert!(ringing.due(now).is_empty());
        ringing.handle_list(&[notification(5, "room5")], now);
        ringing.settle(&RoomId::new("room5"));
        assert!(ringing.due(now).is_empty());
        let flood: Vec<Notification> = (10..5000).map(|id| notification(id, &format!("room{id}"))).collect();
        ringing.handle_list(&flood, now);
        assert_eq!(ringing.due(now).len(), MAX_RINGS);
        assert!(ringing.seen.len() <= MAX_NOTIFICATIONS);
    }
}
