//! The call as one value.

use std::time::Instant;

use super::CallMachine;
use super::pictures::Sharing;
use super::roster::Person;
use super::state::State;
use crate::{CallDirection, CallView, MediaKind, ParticipantView};

impl CallMachine {
    /// The whole call as it stands at `now`.
    pub fn view(&self, now: Instant) -> CallView {
        let until = self.ended_at.unwrap_or(now);
        let reconnecting_at = match self.state {
            State::Reconnecting { since, .. } => Some(since),
            State::Prepared
            | State::Dialing { .. }
            | State::RemoteRinging { .. }
            | State::Incoming { .. }
            | State::Connecting { .. }
            | State::Active
            | State::Held
            | State::Ending { .. }
            | State::Ended(_) => None,
        };
        CallView {
            id: self.id.clone(),
            direction: self.direction(),
            room: self.room.clone(),
            display_name: self.display_name.clone(),
            contact: self.contact.clone(),
            one_to_one: self.one_to_one,
            facts: self.facts.clone(),
            status: self.state.status(),
            joined: self.local.is_some(),
            // Also before its start, which is the first input: a call must not seem to stop ringing and ring again.
            can_answer: self.state.is_incoming()
                || (matches!(self.state, State::Prepared) && self.direction() == CallDirection::Incoming),
            media: self.media,
            muted: self.muted.audio,
            camera_on: !self.muted.video && self.state.is_willed(),
            sharing_screen: self.sharing == Sharing::On && self.state.is_willed(),
            on_hold: self.state.is_held(),
            hand_raised: self.hand_raised,
            video_request: self.question.shown(),
            connected_at: self.connected_at,
            connected_for: self.connected_at.map(|at| until.saturating_duration_since(at)),
            reconnecting_at,
            reconnecting_for: reconnecting_at.map(|at| now.saturating_duration_since(at)),
            participants: self.roster.people().iter().map(shown).collect(),
            ended: self.state.end_reason(),
        }
    }
}

fn shown(person: &Person) -> ParticipantView {
    ParticipantView {
        id: person.info.id.clone(),
        contact: person.info.contact.clone(),
        display_name: person.info.display_name.clone(),
        status: person.status,
        audio_muted: person.audio_muted,
        video_muted: person.video_muted,
        has_video: person.has_track(MediaKind::Video),
        has_screen: person.has_track(MediaKind::Screen),
        hand_raised: person.hand,
    }
}
