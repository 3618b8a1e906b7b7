//! All calls as programs are told of them. There is one *current* call at most, the one the methods without an id
//! mean: the one the person is in or on the way into, else the one that rings longest. Pure, told the time.

use std::time::Instant;

use bellbird_call::ports::AudioLevels;
use bellbird_call::{CallDirection, CallEvent, CallId, CallView, EndReason};
use bellbird_contract::{CallInfo, SdkEvent};

use super::home::Home;
use super::session::{Session, Stage};

/// Turns what happens in calls into callbacks.
#[derive(Default, Debug)]
pub(crate) struct Translator {
    sessions: Vec<Session>,
    /// The conversation about to be called, and whom that rings.
    expected: Option<(String, Vec<String>)>,
}

impl Translator {
    /// A call appears. `rings`: an incoming one is the person's to answer. One that is known already becomes another
    /// way of having the same.
    pub(crate) fn begin(&mut self, home: Home, view: &CallView, rings: bool, now_ms: i64) -> Vec<SdkEvent> {
        if self.find(&view.id).is_some() {
            return self.view(view);
        }
        match view.direction {
            CallDirection::Outgoing => {
                let mut session = Session::dialing(home, view);
                let room = view.room.as_ref().map(|room| room.as_str());
                if let Some((_, people)) =
                    self.expected.take_if(|(expected, _)| Some(expected.as_str()) == room)
                {
                    people.iter().for_each(|user| session.expect(user));
                }
                self.sessions.push(session);
                self.view(view)
            }
            CallDirection::Incoming if view.ended == Some(EndReason::Missed) => {
                vec![Session::missed(home, view)]
            }
            CallDirection::Incoming if rings => {
                let (session, event) = Session::ringing(home, view, now_ms);
                self.sessions.push(session);
                vec![event]
            }
            CallDirection::Incoming => Vec::new(),
        }
    }

    /// The next call of this conversation rings these people, by user id.
    pub(crate) fn expect(&mut self, room: &str, people: Vec<String>) {
        self.expected = Some((room.to_owned(), people));
    }

    /// A method said that this call was begun: from now on its end is told, however far it came.
    pub(crate) fn promise(&mut self, call: &CallId) {
        if let Some(at) = self.find(call) {
            self.sessions[at].promised = true;
        }
    }

    /// A call shows something new.
    pub(crate) fn view(&mut self, view: &CallView) -> Vec<SdkEvent> {
        let mut out = Vec::new();
        if let Some(at) = self.find(&view.id) {
            self.sessions[at].view(view, &mut out);
        }
        out
    }

    /// Something happened in a call.
    pub(crate) fn happening(&mut self, view: &CallView, event: &CallEvent) -> Vec<SdkEvent> {
        let mut out = Vec::new();
        let Some(at) = self.find(&view.id) else { return out };
        self.sessions[at].happening(view, event, &mut out);
        if let CallEvent::Ended(reason) = event {
            let current = self.current_at() == Some(at);
            self.sessions.remove(at).end(*reason, current, &mut out);
        }
        out
    }

    /// How loud everyone in a call is.
    pub(crate) fn levels(&mut self, call: &CallId, levels: &AudioLevels, now: Instant) -> Vec<SdkEvent> {
        let mut out = Vec::new();
        if let Some(at) = self.find(call) {
            self.sessions[at].levels(levels, now, &mut out);
        }
        out
    }

    /// The current call's id.
    pub(crate) fn current(&self) -> Option<&str> {
        self.current_at().map(|at| self.sessions[at].call.as_str())
    }

    /// What is known of the current call. `link` yields what lets others into a call, by its id.
    pub(crate) fn info(&self, link: impl FnOnce(&str) -> Option<String>) -> Option<CallInfo> {
        let session = &self.sessions[self.current_at()?];
        Some(session.info(link(&session.call)))
    }

    fn find(&self, call: &CallId) -> Option<usize> {
        self.sessions.iter().position(|session| session.call == call.as_str())
    }

    fn current_at(&self) -> Option<usize> {
        let ours = self.sessions.iter().position(|session| session.stage != Stage::Incoming);
        ours.or(if self.sessions.is_empty() { None } else { Some(0) })
    }
}
