//! What follows from who is in the call and how the links fare.

use std::time::Instant;

use super::CallMachine;
use super::roster::Change;
use super::state::State;
use crate::CallEvent;

impl CallMachine {
    /// Tells what changed about the others, then moves the call on. Acceptance (someone is in the call) and media
    /// (a link is connected) come in either order; here they meet.
    pub(super) fn settle(&mut self, now: Instant) {
        let changes = self.roster.reconcile(&self.links.heard(), now, self.config.rejoin_grace);
        for (id, change) in changes {
            let participant = Some(id.clone());
            self.tell(match change {
                Change::Status(status) => CallEvent::Status { participant, status },
                Change::Track { kind, added } => CallEvent::Track { participant, kind, added },
                Change::First { kind, stage } => CallEvent::FirstMedia { participant: id, kind, stage },
            });
        }
        self.settle_acceptance(now);
        self.settle_media(now);
    }

    /// Someone in the call, while we are too, means that our call was accepted.
    fn settle_acceptance(&mut self, now: Instant) {
        if self.local.is_none() || self.roster.is_empty() {
            return;
        }
        match self.state {
            State::Dialing { .. } | State::RemoteRinging { .. } => {
                self.stop_tone();
                self.enter(State::Connecting { connect_by: Some(now + self.config.connect_timeout) });
            }
            State::Prepared
            | State::Incoming { .. }
            | State::Connecting { .. }
            | State::Active
            | State::Held
            | State::Reconnecting { .. }
            | State::Ending { .. }
            | State::Ended(_) => {}
        }
    }

    fn settle_media(&mut self, now: Instant) {
        let connected = self.roster.anyone_connected();
        let lost = self.roster.anyone_lost() && !connected;
        match self.state {
            State::Connecting { .. } if connected => {
                self.connected_at.get_or_insert(now);
                self.enter(State::Active);
            }
            State::Active | State::Held if lost => {
                let held = self.state.is_held();
                let until = self.reconnect_until(now);
                self.enter(State::Reconnecting { since: now, until, held });
            }
            // In a group, whoever was lost may have gone for good, and the call goes on without them.
            State::Reconnecting { held, .. } if connected || (!lost && !self.one_to_one) => {
                self.enter(if held { State::Held } else { State::Active });
            }
            State::Prepared
            | State::Dialing { .. }
            | State::RemoteRinging { .. }
            | State::Incoming { .. }
            | State::Connecting { .. }
            | State::Active
            | State::Held
            | State::Reconnecting { .. }
            | State::Ending { .. }
            | State::Ended(_) => {}
        }
    }
}
