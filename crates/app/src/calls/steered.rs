//! What the methods of the call SDK need to know of calls, and the one thing they do that no command does.

use bellbird_call::ports::{Problem, ProblemCode};
use bellbird_call::{CallDirection, CallId, CallView, EndReason, Intent, MediaKinds};
use bellbird_contract::EntranceView;
use bellbird_talk::TalkAccount;

use super::choice;
use crate::app::Inner;

/// How far a call has come that a method began.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Begun {
    /// On its way.
    OnItsWay,
    /// The person is asked for something first.
    Asked(EntranceView),
    /// The server let us into it.
    UnderWay,
    /// It came to nothing.
    Over(EndReason),
}

/// A call that rings here, as far as answering it goes.
pub(crate) struct Ringing {
    pub(crate) id: CallId,
    /// What the caller brings.
    pub(crate) offered: MediaKinds,
    /// A call that has to end first.
    pub(crate) in_the_way: Option<CallId>,
}

fn not_now(detail: &str) -> Problem {
    Problem::new(ProblemCode::NotNow, detail)
}

impl Inner {
    pub(crate) fn begun(&self, id: &CallId) -> Begun {
        self.with(|state| {
            if let Some(waiting) = state.calls.waiting.iter().find(|waiting| waiting.view.id == *id) {
                return match (waiting.view.ended, waiting.step) {
                    (Some(reason), _) => Begun::Over(reason),
                    (None, EntranceView::Entering) => Begun::OnItsWay,
                    (None, step) => Begun::Asked(step),
                };
            }
            match state.calls.get(id).map(|call| &call.view) {
                Some(view) if view.joined || view.direction == CallDirection::Incoming => Begun::UnderWay,
                Some(CallView { ended: Some(reason), .. }) => Begun::Over(*reason),
                // Between an entrance and its call, too.
                Some(_) | None => Begun::OnItsWay,
            }
        })
    }

    /// The call that is answered next: the one that rings longest.
    ///
    /// # Errors
    /// `not-now` when none rings.
    pub(crate) fn ringing_call(&self) -> Result<Ringing, Problem> {
        self.with(|state| {
            let candidates = state.calls.candidates();
            let view = choice::ringing(&candidates, None)?;
            let in_the_way = choice::current(&candidates).map(|current| current.id.clone());
            Ok(Ringing { id: view.id.clone(), offered: view.media, in_the_way })
        })
    }

    /// Whether the person is in a call, or on the way into one, or one rings that is not from `contact`.
    pub(crate) fn is_engaged(&self, account: &str, contact: Option<&str>) -> bool {
        self.with(|state| {
            let candidates = state.calls.candidates();
            let others = |wanted: &choice::Candidate<'_>| {
                let from = wanted.view.contact.as_ref().map(|from| from.as_str());
                wanted.account != account || contact.is_none() || from != contact
            };
            choice::current(&candidates).is_some()
                || candidates.iter().any(|candidate| candidate.rings() && others(candidate))
        })
    }

    /// The call the person is in, once there is one.
    ///
    /// # Errors
    /// `not-now` without.
    pub(crate) fn running_call(&self) -> Result<CallView, Problem> {
        self.with(|state| {
            let id = choice::running(&state.calls.candidates(), None)?.id.clone();
            let call = state.calls.get(&id).ok_or_else(|| not_now("the call has not begun yet"))?;
            Ok(call.view.clone())
        })
    }

    /// Refuses the call that rings beside another one: its caller hears that we are engaged.
    ///
    /// # Errors
    /// `not-now` when none does.
    pub(crate) fn refuse_engaged(&self) -> Result<(), Problem> {
        self.change(|state| {
            let id = choice::beside(&state.calls.candidates())?.id.clone();
            state.calls.decline(&id, Intent::DeclineEngaged);
            Ok(())
        })
    }

    /// What lets others into a call, as the state shows it.
    pub(crate) fn link_of_call(&self, call: &str) -> Option<String> {
        let view = self.view().calls.into_iter().find(|view| view.id == call)?;
        view.group?.link
    }

    /// The conversation of a call, once known.
    pub(crate) fn room_of(&self, id: &CallId) -> Option<String> {
        self.with(|state| {
            let waiting = state.calls.waiting.iter().map(|waiting| &waiting.view);
            let mut views = state.calls.calls.iter().map(|call| &call.view).chain(waiting);
            let view = views.find(|view| view.id == *id)?;
            view.room.as_ref().map(|room| room.as_str().to_owned())
        })
    }

    /// The line a call goes over.
    ///
    /// # Errors
    /// `not-now` when there is no such call.
    pub(crate) fn talk_of(&self, id: &CallId) -> Result<TalkAccount, Problem> {
        self.with(|state| {
            let call = state.calls.get(id).ok_or_else(|| not_now("there is no such call"))?;
            Ok(call.line.talk.clone())
        })
    }

    /// Whether a call is over or gone.
    pub(crate) fn is_over(&self, id: &CallId) -> bool {
        self.with(|state| {
            let running = state.calls.get(id).is_some_and(|call| call.view.ended.is_none());
            let waits = |waiting: &super::Waiting| waiting.view.id == *id && !waiting.is_over();
            !running && !state.calls.waiting.iter().any(waits)
        })
    }
}
