//! Calls that did not ring, because the person does not want to be disturbed: they are over when one hears of them.

use std::sync::Arc;
use std::time::Instant;

use bellbird_call::{CallMachine, CallStatus, EndReason, Invitation};

use super::Line;
use super::entrance::{Waiting, fade};
use crate::app::Inner;

impl Inner {
    /// Shows a missed call for as long as any call that is over. No device was opened and nobody was told anything.
    pub(crate) fn miss_call(self: &Arc<Self>, account: &str, invitation: Invitation) {
        let talk =
            self.with(|state| state.account(Some(account)).ok().and_then(|account| account.talk.clone()));
        let Some(talk) = talk else { return };
        let id = self.new_call_id();
        let now = Instant::now();
        // What a call shows that rings; it is thrown away unstarted.
        let blank = CallMachine::incoming(id.clone(), invitation, self.config.call.clone(), now);
        let mut view = blank.view(now);
        view.ended = Some(EndReason::Missed);
        view.status = CallStatus::Ended;
        view.can_answer = false;
        let line = Line { account: account.to_owned(), talk, guest_on: None };
        self.programs_hear_of(&line.talk, &view, false);
        self.change(|state| state.calls.waiting.push(Waiting::gone(line, view)));
        self.entrance_ended(&id, EndReason::Missed);
        self.runtime.spawn(fade(Arc::downgrade(self), id));
    }
}
