//! How much each visitor may ask. Told the time.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::visitor::Visitor;

/// Commands and requests that each visitor may ask a second, in the long run.
const PER_SECOND: f64 = 250.0;

/// And at once, after a rest.
const BURST: f64 = 400.0;

/// Visitors remembered before those that have rested are forgotten.
const REMEMBERED: usize = 256;

/// A number of things that may be done, which grows back with time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    per_second: f64,
    burst: f64,
    left: f64,
    at: Instant,
}

impl Allowance {
    /// A full one.
    pub(crate) fn new(per_second: f64, burst: f64, now: Instant) -> Self {
        Self { per_second, burst, left: burst, at: now }
    }

    /// Takes one, when there is one.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        self.grow(now);
        let may = self.left >= 1.0;
        if may {
            self.left -= 1.0;
        }
        may
    }

    fn grow(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + passed * self.per_second).min(self.burst);
        self.at = now;
    }
}

/// One allowance each: a script that asks too much takes nothing from the window.
#[derive(Default)]
pub(crate) struct Allowances(Mutex<BTreeMap<Purse, Allowance>>);

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Purse {
    Window,
    Person,
    Program(String),
}

impl Allowances {
    /// Whether this visitor may ask one more thing now.
    pub(crate) fn take(&self, visitor: &Visitor, now: Instant) -> bool {
        let purse = match visitor {
            Visitor::Window => Purse::Window,
            Visitor::Person => Purse::Person,
            Visitor::Program(program) => Purse::Program(program.id.clone()),
        };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= REMEMBERED {
            all.retain(|_, allowance| {
                allowance.grow(now);
                allowance.left < allowance.burst
            });
        }
        all.entry(purse).or_insert_with(|| Allowance::new(PER_SECOND, BURST, now)).take(now)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::visitor::Program;
    use super::*;

    #[test]
    fn a_burst_then_so_many_a_second() {
        let allowances = Allowances::default();
        let start = Instant::now();
        let asked = |visitor: &Visitor, times: usize, now| {
            (0..times).filter(|_| allowances.take(visitor, now)).count()
        };
        let bot = Visitor::Program(Program { id: "1".into(), name: "bot".into() });
        assert_eq!(asked(&bot, 1000, start), 400);
        assert_eq!(asked(&bot, 1000, start + Duration::from_secs(1)), 250);
        assert_eq!(asked(&bot, 1000, start + Duration::from_millis(1100)), 25);
        // Others have theirs, and a clock that goes back gives nothing.
        assert_eq!(asked(&Visitor::Window, 1000, start), 400);
        assert_eq!(asked(&bot, 1000, start), 0);
        assert_eq!(asked(&bot, 1000, start + Duration::from_secs(3600)), 400);
    }

    #[test]
    fn visitors_are_not_remembered_for_ever() {
        let allowances = Allowances::default();
        let start = Instant::now();
        for number in 0..10_000_u32 {
            let program = Program { id: number.to_string(), name: String::new() };
            assert!(allowances.take(&Visitor::Program(program), start + Duration::from_secs(number.into())));
        }
        assert!(allowances.0.lock().unwrap().len() <= REMEMBERED);
    }
}
