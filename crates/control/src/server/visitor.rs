//! Who came through the door, and those who are inside.

use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

/// Who came through the door. The web API's requests carry theirs as an extension.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Visitor {
    /// The person's window: its page, or its process.
    Window,
    /// Whoever else could read the door file: `bellbird-cli ctl`, a script of the person.
    Person,
    /// A program with a token of its own.
    Program(Program),
}

/// A program with a token of its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Program {
    /// Its id in the settings.
    pub id: String,
    /// As the person called it.
    pub name: String,
}

/// What a visitor came for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Errand {
    /// Commands and events.
    Conversation,
    /// To look at pictures.
    Pictures,
}

/// Whoever has a WebSocket open, so that they can be asked to leave.
#[derive(Default)]
pub(crate) struct Guests {
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    last: u64,
    guests: Vec<Entry>,
}

struct Entry {
    number: u64,
    visitor: Visitor,
    errand: Errand,
    leave: CancellationToken,
}

/// One of them; dropping it is leaving.
pub(crate) struct Guest {
    guests: Arc<Guests>,
    number: u64,
    leave: CancellationToken,
}

impl Guests {
    /// Someone enters.
    pub(crate) fn enter(self: &Arc<Self>, visitor: &Visitor, errand: Errand) -> Guest {
        let leave = CancellationToken::new();
        let mut inside = self.lock();
        inside.last += 1;
        let number = inside.last;
        inside.guests.push(Entry { number, visitor: visitor.clone(), errand, leave: leave.clone() });
        drop(inside);
        Guest { guests: self.clone(), number, leave }
    }

    /// Asks those to leave who may not stay.
    pub(crate) fn show_out(&self, may_stay: impl Fn(&Visitor, Errand) -> bool) {
        for entry in &self.lock().guests {
            if !may_stay(&entry.visitor, entry.errand) {
                entry.leave.cancel();
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Guest {
    /// Returns when they are asked to leave.
    pub(crate) fn asked_to_leave(&self) -> WaitForCancellationFuture<'_> {
        self.leave.cancelled()
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.guests.lock().guests.retain(|entry| entry.number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_those_who_may_not_stay_are_shown_out_and_nobody_stays_on_the_list() {
        let guests = Arc::new(Guests::default());
        let program = |id: &str| Visitor::Program(Program { id: id.into(), name: "bot".into() });
        let all = [Visitor::Window, Visitor::Person, program("1"), program("2")]
            .map(|visitor| guests.enter(&visitor, Errand::Conversation));
        guests.show_out(|visitor, errand| *visitor != program("2") || errand == Errand::Pictures);
        let asked = all.each_ref().map(|guest| guest.leave.is_cancelled());
        assert_eq!(asked, [false, false, false, true]);
        drop(all);
        assert!(guests.lock().guests.is_empty());
    }
}
