//! What one client has yet to be sent. Bounded whatever the client does: a state replaces the state before it, a
//! meter the reading before it, and of the happenings the oldest go, since a state is the sum of them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use bellbird_contract::{AppView, CoreFrame, Event};
use tokio::sync::{Notify, OwnedSemaphorePermit};

/// Happenings kept for a client that does not read.
const MAX_HAPPENINGS: usize = 512;

/// A reply holds its command's permit until it is on the wire, which bounds the replies.
type Ticket = Option<OwnedSemaphorePermit>;

#[derive(Default)]
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    filled: Notify,
}

#[derive(Default)]
struct Queue {
    replies: VecDeque<(CoreFrame, Ticket)>,
    happenings: VecDeque<Event>,
    state: Option<Event>,
    quality: BTreeMap<String, Event>,
    levels: BTreeMap<String, Event>,
}

impl Outbox {
    /// Adds the greeting or the reply to a command.
    pub(crate) fn put_reply(&self, frame: CoreFrame, ticket: Ticket) {
        self.lock().replies.push_back((frame, ticket));
        self.filled.notify_one();
    }

    /// Adds the state that belongs to the greeting: unlike later ones it is overtaken by nothing, since a client can
    /// make nothing of a happening before it.
    pub(crate) fn put_first_state(&self, state: AppView) {
        self.put_reply(CoreFrame::Event { event: Event::State { state: Box::new(state) } }, None);
    }

    /// Adds an event, in place of what it makes stale.
    pub(crate) fn put_event(&self, event: Event) {
        let mut queue = self.lock();
        match &event {
            Event::State { .. } => queue.state = Some(event),
            Event::Levels { call, .. } => {
                queue.levels.insert(call.clone(), event);
            }
            Event::Quality { call, .. } => {
                queue.quality.insert(call.clone(), event);
            }
            Event::Call { .. } | Event::Sdk { .. } | Event::RaiseWindow | Event::Stopping => {
                if queue.happenings.len() == MAX_HAPPENINGS {
                    queue.happenings.pop_front();
                }
                queue.happenings.push_back(event);
            }
        }
        drop(queue);
        self.filled.notify_one();
    }

    /// The next frame to send; waits for one.
    pub(crate) async fn next(&self) -> (CoreFrame, Ticket) {
        loop {
            let filled = self.filled.notified();
            if let Some(next) = self.lock().pop() {
                return next;
            }
            filled.await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn pop(&mut self) -> Option<(CoreFrame, Ticket)> {
        if let Some(reply) = self.replies.pop_front() {
            return Some(reply);
        }
        let event = self
            .happenings
            .pop_front()
            .or_else(|| self.state.take())
            .or_else(|| self.quality.pop_first().map(|(_, event)| event))
            .or_else(|| self.levels.pop_first().map(|(_, event)| event))?;
        Some((CoreFrame::Event { event }, None))
    }
}

#[cfg(test)]
mod tests {
    use bellbird_contract::{CallHappening, LevelsView, Status};

    use super::*;

    fn state(version: &str) -> Event {
        Event::State { state: Box::new(AppView { version: version.into(), ..AppView::default() }) }
    }

    fn levels(local: f32) -> Event {
        Event::Levels { call: "1".into(), levels: LevelsView { local, remote: Vec::new() } }
    }

    fn drain(outbox: &Outbox) -> Vec<CoreFrame> {
        std::iter::from_fn(|| outbox.lock().pop().map(|(frame, _)| frame)).collect()
    }

    #[test]
    fn newest_state_and_meter_win() {
        let outbox = Outbox::default();
        for number in 0..1000 {
            outbox.put_event(state(&number.to_string()));
            outbox.put_event(levels(number as f32));
        }
        let frames = drain(&outbox);
        let expected = [state("999"), levels(999.0)].map(|event| CoreFrame::Event { event });
        assert_eq!(format!("{frames:?}"), format!("{expected:?}"));
    }

    #[test]
    fn what_happens_during_the_greeting_comes_after_the_first_state() {
        let outbox = Outbox::default();
        outbox.put_event(Event::RaiseWindow);
        outbox.put_reply(CoreFrame::Welcome { version: "1".into() }, None);
        outbox.put_first_state(AppView::default());
        outbox.put_event(Event::RaiseWindow);
        let frames = drain(&outbox);
        let first = CoreFrame::Event { event: Event::State { state: Box::new(AppView::default()) } };
        assert_eq!(format!("{:?}", frames[1]), format!("{first:?}"));
        assert_eq!(frames.len(), 4);
    }

    #[test]
    fn happenings_of_a_client_that_does_not_read_are_bounded() {
        let outbox = Outbox::default();
        for _ in 0..10 * MAX_HAPPENINGS {
            let happening = CallHappening::Status { participant: None, status: Status::Ringing };
            outbox.put_event(Event::Call { call: "1".into(), happening });
        }
        assert_eq!(drain(&outbox).len(), MAX_HAPPENINGS);
    }
}
