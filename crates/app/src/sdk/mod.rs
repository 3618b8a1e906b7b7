//! The call SDK (mirrorfly-sdk): its methods over this app's calls, and what its listeners are told.
//!
//! ```text
//!  calls (begin, view, happening, levels) ──▶ Translator (pure) ──▶ SdkEvent ──▶ CallSdk::listen, Event::Sdk
//!  CallSdk, Command::Sdk ──▶ methods ──▶ the same commands a window gives ──▶ calls
//! ```
//!
//! What the model leaves open is decided so:
//! - **One current call.** It is the one the person is in or on the way into, else the one that rings longest. A further
//!   caller rings beside it (`incomingCallListener`): [`CallSdk::call_engaged`] refuses them, `declineCall` does so too,
//!   and `answerCall` ends the current call first. Up to three ring at a time; those beyond hear that we are engaged, and
//!   nobody here is told. Where a call that rang beside the current one ends unanswered, that is told by `ended` with its
//!   caller's `userJid` and `sessionStatus` null, since the current call goes on.
//! - **`closed`** comes once for every call that was told of by `calling` or `incomingCallListener` and was, or became,
//!   the current one. Tracks that are left are taken back just before.
//! - **`calling`** is told once the server let us into the call. A call that is refused before that yields no callback,
//!   but a result: the methods that make calls wait for it, [`PATIENCE`] at most.
//! - **Several callees** that the server does not know are left out of the new conversation, which it makes all the same.
//! - **`endCall`** without a call is an error; while one rings it declines.
//! - **Whose status it is**: who made the step. `calling`, `hold` and what we ended are ours, `connecting` ours after
//!   answering and theirs after dialing, the others theirs.

mod home;
mod jid;
mod methods;
mod people;
mod programs;
mod result;
mod session;
mod translator;
#[cfg(test)]
mod translator_tests;

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bellbird_call::CallView;
use bellbird_contract::{Event, SdkEvent};
use bellbird_talk::TalkAccount;

use crate::app::Inner;
use crate::convert::Clocks;
use home::Home;

pub use programs::CallSdk;
pub(crate) use translator::Translator;

/// How long a result waits for the server's word on a call, or on people who are added.
const PATIENCE: Duration = Duration::from_secs(5);

impl Inner {
    /// Has callbacks made of something, and tells them in order. Called without the state's lock.
    pub(crate) fn tell_programs(&self, translate: impl FnOnce(&mut Translator) -> Vec<SdkEvent>) {
        let mut translator = self.sdk.lock().unwrap_or_else(PoisonError::into_inner);
        for callback in translate(&mut translator) {
            // No listener is no error. Told under the lock, so that no two calls' callbacks change places.
            let _ = self.sdk_events.send(callback.clone());
            let _ = self.events.send(Event::Sdk { callback: Box::new(callback) });
        }
    }

    /// A call appears; `rings`: for the person to answer.
    pub(crate) fn programs_hear_of(&self, talk: &TalkAccount, view: &CallView, rings: bool) {
        let home = Home::of(talk.login(), talk.is_guest());
        let now_ms = Clocks::now_unix_ms();
        self.tell_programs(|translator| translator.begin(home, view, rings, now_ms));
    }

    fn with_translator<T>(self: &Arc<Self>, look: impl FnOnce(&mut Translator) -> T) -> T {
        look(&mut self.sdk.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
