//! Who else is in the call, and what was told of them.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::allowance::Allowance;
use super::links::{Heard, Path};
use crate::{CallStatus, MediaKind, MediaStage, ParticipantId, RemoteParticipant};

/// More than any call holds in practice; further participants are disregarded, since a service could name any number.
const MAX_PARTICIPANTS: usize = 256;

/// More characters than a name needs; a name is a peer's to choose.
const MAX_NAME: usize = 200;

/// The others, in the order they came.
#[derive(Default, Debug)]
pub(super) struct Roster {
    people: Vec<Person>,
}

/// One device of someone else.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) info: RemoteParticipant,
    pub(super) status: CallStatus,
    pub(super) audio_muted: bool,
    pub(super) video_muted: bool,
    /// Since when their hand is raised, by their own clock.
    pub(super) hand: Option<u64>,
    reactions: Allowance,
    raises: Allowance,
    asks: Allowance,
    /// Whether media have ever flowed from them.
    was_connected: bool,
    /// Whether the last link to them was given up and none came in its place.
    given_up: bool,
    /// When the service closed the last link to someone we had heard, while that may still mean anything.
    unlinked_at: Option<Instant>,
    tracks: BTreeSet<MediaKind>,
    first: BTreeSet<(MediaKind, MediaStage)>,
}

/// What changed about someone, to be told.
pub(super) enum Change {
    /// Their status.
    Status(CallStatus),
    /// A track of theirs came or went.
    Track { kind: MediaKind, added: bool },
    /// The first of something came.
    First { kind: MediaKind, stage: MediaStage },
}

impl Roster {
    pub(super) fn is_empty(&self) -> bool {
        self.people.is_empty()
    }

    pub(super) fn contains(&self, id: &ParticipantId) -> bool {
        self.people.iter().any(|person| person.info.id == *id)
    }

    pub(super) fn people(&self) -> &[Person] {
        &self.people
    }

    /// Adds someone; `false` when the call is full.
    pub(super) fn join(&mut self, mut info: RemoteParticipant) -> bool {
        if self.people.len() >= MAX_PARTICIPANTS {
            return false;
        }
        info.display_name = shortened(&info.display_name);
        self.people.push(Person {
            audio_muted: !info.media.audio,
            video_muted: !info.media.video,
            hand: None,
            reactions: Allowance::default(),
            raises: Allowance::default(),
            asks: Allowance::default(),
            info,
            status: CallStatus::Connecting,
            was_connected: false,
            given_up: false,
            unlinked_at: None,
            tracks: BTreeSet::new(),
            first: BTreeSet::new(),
        });
        true
    }

    /// Takes over a new name or media. Yields the mute states that changed with it.
    pub(super) fn change(&mut self, mut info: RemoteParticipant) -> Vec<(MediaKind, bool)> {
        info.display_name = shortened(&info.display_name);
        let Some(person) = self.person(&info.id) else { return Vec::new() };
        let mut changes = Vec::new();
        // Only a change of what they provide says something about mute: the same flags come again and again.
        if info.media.audio != person.info.media.audio && person.audio_muted == info.media.audio {
            person.audio_muted = !info.media.audio;
            changes.push((MediaKind::Audio, person.audio_muted));
        }
        if info.media.video != person.info.media.video && person.video_muted == info.media.video {
            person.video_muted = !info.media.video;
            changes.push((MediaKind::Video, person.video_muted));
        }
        person.info = info;
        changes
    }

    /// Removes someone. Yields the tracks that go with them; `None` when they were not there.
    pub(super) fn leave(&mut self, id: &ParticipantId) -> Option<Vec<MediaKind>> {
        let at = self.people.iter().position(|person| person.info.id == *id)?;
        Some(self.people.remove(at).tracks.into_iter().collect())
    }

    /// Notes what someone muted or unmuted; `true` when that is new.
    pub(super) fn set_muted(&mut self, id: &ParticipantId, kind: MediaKind, muted: bool) -> bool {
        let Some(person) = self.person(id) else { return false };
        let state = match kind {
            MediaKind::Audio => &mut person.audio_muted,
            MediaKind::Video => &mut person.video_muted,
            MediaKind::Screen => return false,
        };
        std::mem::replace(state, muted) != muted
    }

    /// Notes that someone raised or lowered their hand; `true` when that is new. Raised again is still raised, and
    /// keeps its place in the order. One that goes up and down faster than any hand can stays down.
    pub(super) fn set_hand(&mut self, id: &ParticipantId, since: Option<u64>, now: Instant) -> bool {
        let Some(person) = self.person(id) else { return false };
        let new = match (person.hand, since) {
            (None, Some(_)) => person.raises.take(now),
            (Some(_), None) => true,
            (None, None) | (Some(_), Some(_)) => false,
        };
        if new {
            person.hand = since;
        }
        new
    }

    /// Whether someone is here who may react once more.
    pub(super) fn may_react(&mut self, id: &ParticipantId, now: Instant) -> bool {
        self.person(id).is_some_and(|person| person.reactions.take(now))
    }

    /// Whether someone is here who may ask to go to video once more.
    pub(super) fn may_ask(&mut self, id: &ParticipantId, now: Instant) -> bool {
        self.person(id).is_some_and(|person| person.asks.take(now))
    }

    /// Notes that the link to someone was given up.
    pub(super) fn give_up(&mut self, id: &ParticipantId) {
        if let Some(person) = self.person(id) {
            person.given_up = true;
        }
    }

    /// Notes that there is a new link to someone.
    pub(super) fn hope(&mut self, id: &ParticipantId) {
        if let Some(person) = self.person(id) {
            person.given_up = false;
        }
    }

    /// Whether media flow from anyone.
    pub(super) fn anyone_connected(&self) -> bool {
        self.people.iter().any(|person| person.status == CallStatus::Connected)
    }

    /// Whether media that flowed from someone flow no more.
    pub(super) fn anyone_lost(&self) -> bool {
        self.people.iter().any(|person| person.was_connected && person.status != CallStatus::Connected)
    }

    /// When someone without a link stops counting as connected, by the same `grace` as below.
    pub(super) fn unlinked_until(&self, grace: Duration) -> Option<Instant> {
        let waiting = self.people.iter().filter(|person| person.status != CallStatus::Reconnecting);
        waiting.filter_map(|person| person.unlinked_at).min().map(|at| at + grace)
    }

    /// Brings what was told of everyone in line with what their links say. Yields the differences, in order. Someone
    /// whose link the service closed keeps their status for `grace`: mostly they leave, and the word of it is next.
    pub(super) fn reconcile(
        &mut self,
        heard: &Heard<'_>,
        now: Instant,
        grace: Duration,
    ) -> Vec<(ParticipantId, Change)> {
        let mut changes = Vec::new();
        for person in &mut self.people {
            let id = person.info.id.clone();
            let links = heard.of(&id, !person.info.media.is_any());
            let status = person.status_by(links.state, now, grace);
            if status != person.status {
                person.status = status;
                person.was_connected |= status == CallStatus::Connected;
                changes.push((id.clone(), Change::Status(status)));
            }
            for kind in [MediaKind::Audio, MediaKind::Video, MediaKind::Screen] {
                let added = links.tracks.contains(&kind);
                if added && person.tracks.insert(kind) || !added && person.tracks.remove(&kind) {
                    changes.push((id.clone(), Change::Track { kind, added }));
                }
            }
            for (kind, stage) in links.first {
                if person.first.insert((kind, stage)) {
                    changes.push((id.clone(), Change::First { kind, stage }));
                }
            }
        }
        changes
    }

    fn person(&mut self, id: &ParticipantId) -> Option<&mut Person> {
        self.people.iter_mut().find(|person| person.info.id == *id)
    }
}

impl Person {
    /// Whether media of that kind can come to us.
    pub(super) fn has_track(&self, kind: MediaKind) -> bool {
        self.tracks.contains(&kind)
    }

    fn status_by(&mut self, path: Path, now: Instant, grace: Duration) -> CallStatus {
        if path != Path::None || self.given_up || !self.was_connected {
            self.unlinked_at = None;
        }
        match path {
            Path::Connected => CallStatus::Connected,
            // The far end closed it, mostly because it leaves: what follows decides, not this.
            Path::Closed => self.status,
            Path::Seeking if self.was_connected => CallStatus::Reconnecting,
            Path::Seeking => CallStatus::Connecting,
            Path::None if self.given_up => CallStatus::Disconnected,
            Path::None if self.was_connected => {
                let at = *self.unlinked_at.get_or_insert(now);
                if now >= at + grace { CallStatus::Reconnecting } else { self.status }
            }
            Path::None => CallStatus::Connecting,
        }
    }
}

/// A name at a length fit to keep and show.
pub(super) fn shortened(name: &str) -> String {
    name.chars().take(MAX_NAME).collect()
}
