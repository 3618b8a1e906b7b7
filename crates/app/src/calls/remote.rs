//! What being steered by others needs of the calls (cowork-calls).

use std::sync::Arc;

use bellbird_call::ports::Problem;
use bellbird_call::{CallDirection, CallId, CallView, Intent, MediaKinds};
use bellbird_capture::VideoSource;
use bellbird_contract::EntranceView;
use bellbird_devices::CaptureSource;

use super::{Call, Calls};
use crate::app::Inner;
use crate::remote_join::MUTE;

/// The call the person is in, or on the way into.
#[derive(Clone, Copy)]
pub(crate) struct CurrentCall<'a> {
    /// Empty for guests.
    pub(crate) account: &'a str,
    pub(crate) view: &'a CallView,
    /// The conversation, as soon as it can be known.
    pub(crate) room: Option<&'a str>,
    /// Past its entrance.
    pub(crate) began: bool,
    /// What is in the way, before that.
    pub(crate) entrance: Option<EntranceView>,
    /// The others are not heard.
    pub(crate) silent: bool,
}

impl CurrentCall<'_> {
    /// Whether it is the call of this conversation.
    pub(crate) fn is_in(&self, account: &str, room: &str) -> bool {
        self.account == account && self.room == Some(room)
    }
}

/// How a call begins that others want.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// Who.
    pub(crate) by: String,
    /// For a screen alone: with the microphone neither open nor heard.
    pub(crate) quiet: bool,
}

impl Calls {
    pub(crate) fn current_call(&self) -> Option<CurrentCall<'_>> {
        let id = super::choice::current(&self.candidates()).map(|view| view.id.clone())?;
        if let Some(call) = self.get(&id) {
            let room = call.view.room.as_ref().or(call.room_wanted.as_ref());
            return Some(CurrentCall {
                account: &call.line.account,
                view: &call.view,
                room: room.map(|room| room.as_str()),
                began: true,
                entrance: None,
                silent: call.silent,
            });
        }
        let waiting = self.waiting.iter().find(|waiting| waiting.view.id == id)?;
        Some(CurrentCall {
            account: &waiting.line.account,
            view: &waiting.view,
            room: waiting.view.room.as_ref().map(|room| room.as_str()),
            began: false,
            entrance: Some(waiting.step),
            silent: false,
        })
    }

    /// Whether a call is there and not over.
    pub(crate) fn is_alive(&self, id: &CallId) -> bool {
        self.get(id).is_some_and(|call| call.view.ended.is_none())
            || self.waiting.iter().any(|waiting| waiting.view.id == *id && !waiting.is_over())
    }

    /// Whether a call is the current one and can be steered, or waits for something that only a person can give.
    pub(crate) fn is_past_entering(&self, id: &CallId) -> bool {
        let current = self.current_call().filter(|call| call.view.id == *id);
        current.is_some_and(|call| call.entrance != Some(EntranceView::Entering))
    }

    /// Account and conversation of the call begun last that the person was in, or still is.
    pub(crate) fn last_called(&self) -> Option<(&str, &str)> {
        let was_in = |call: &&Call| {
            let view = &call.view;
            let rang_only = view.direction == CallDirection::Incoming && view.connected_at.is_none();
            !rang_only && !call.line.account.is_empty()
        };
        let call = self.calls.iter().rev().find(was_in)?;
        let room = call.view.room.as_ref().or(call.room_wanted.as_ref())?;
        Some((&call.line.account, room.as_str()))
    }

    /// Whether it is there, over or not.
    pub(crate) fn knows(&self, id: &CallId) -> bool {
        self.get(id).is_some() || self.waiting.iter().any(|waiting| waiting.view.id == *id)
    }

    /// The name of a conversation in which a call rings or runs.
    pub(crate) fn name_of(&self, account: &str, room: &str) -> Option<String> {
        let here = |call: &&Call| {
            call.line.account == account && call.view.room.as_ref().is_some_and(|one| one.as_str() == room)
        };
        let found = self.calls.iter().find(here)?;
        Some(found.view.display_name.clone()).filter(|name| !name.is_empty())
    }

    /// Shares this in a call.
    pub(crate) fn share(&self, id: &CallId, source: VideoSource) {
        if let Some(call) = self.get(id) {
            call.devices.select_screen(source);
            call.handle.send(Intent::ShareScreen(true));
        }
    }
}

impl Inner {
    /// Joins a conversation's call for somebody else than the person, or takes the one that rings from there.
    ///
    /// # Errors
    /// As for joining by a token.
    pub(crate) fn join_wanted(
        self: &Arc<Self>,
        account: &str,
        room: &str,
        kinds: MediaKinds,
        wanted: Wanted,
    ) -> Result<CallId, Problem> {
        let answered = self.change(|state| {
            let rings = |call: &&Call| {
                let rings = call.view.ended.is_none() && call.view.can_answer && !call.settled;
                let here = call.view.room.as_ref().is_some_and(|one| one.as_str() == room);
                call.line.account == account && here && rings && !call.asks_consent()
            };
            let id = state.calls.calls.iter().find(rings)?.view.id.clone();
            if wanted.quiet
                && let Some(call) = state.calls.get_mut(&id)
            {
                call.quiet = true;
                call.devices.select_microphone(CaptureSource::Silence);
            }
            if kinds.video {
                self.preview.give_way();
            }
            state.calls.answer(&id, kinds);
            if wanted.quiet {
                state.calls.send(&id, MUTE);
            }
            state.begin_steered(&id, Some(&wanted));
            Some(id)
        });
        match answered {
            Some(id) => Ok(id),
            None => self.join_room_for(Some(account), room, kinds, false, None, Some(wanted)),
        }
    }
}

#[cfg(test)]
impl<'a> CurrentCall<'a> {
    /// One that runs.
    pub(crate) fn begun(account: &'a str, view: &'a CallView) -> Self {
        let room = view.room.as_ref().map(|room| room.as_str());
        Self { account, view, room, began: true, entrance: None, silent: false }
    }
}
