//! When to connect, ping, give up and try again: pure policy of one long-lived link to a server, told the time.
//!
//! ```text
//!              Connect                connected()               silence too long / lost()
//!   Waiting ──────────────▶ Connecting ──────────────▶ Up ───────────────────────────────┐
//!      ▲                        │ lost()                                                 │
//!      └────────────────────────┴──────────── longer and longer pauses ◀─────────────────┘
//! ```

use std::time::{Duration, Instant};

/// Pauses between attempts that double from `first` to `longest`, each shortened by up to a quarter at random so that
/// the clients of a restarted server do not come back all at once.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
}

impl Backoff {
    /// Begins without failures.
    pub(crate) const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, failures: 0 }
    }

    /// Failures since the last success.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// Notes a success.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// Notes a failure and tells how long to wait. `chance` is a random number, 0..1.
    pub(crate) fn fail(&mut self, chance: f64) -> Duration {
        let doubled = self.first.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        doubled.min(self.longest).mul_f64(1.0 - chance.clamp(0.0, 1.0) / 4.0)
    }
}

/// The numbers of a keep-alive.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct KeepAlive {
    /// Ping after this much silence.
    pub(crate) ping_after: Duration,
    /// Lost after this much silence.
    pub(crate) lost_after: Duration,
}

/// What to do with the link now.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum LinkStep {
    /// Nothing before that time.
    Wait(Instant),
    /// Begin to connect.
    Connect,
    /// Send a ping.
    Ping,
    /// Close it: nothing was heard for too long. Counts as lost.
    Drop,
}

/// One link's policy.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct LinkPolicy {
    keep_alive: KeepAlive,
    connect_limit: Duration,
    backoff: Backoff,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum State {
    Waiting { until: Instant },
    Connecting { since: Instant },
    Up { heard: Instant, pinged: Option<Instant> },
}

impl LinkPolicy {
    /// A link that wants to connect at once.
    pub(crate) fn new(
        keep_alive: KeepAlive,
        connect_limit: Duration,
        backoff: Backoff,
        now: Instant,
    ) -> Self {
        Self { keep_alive, connect_limit, backoff, state: State::Waiting { until: now } }
    }

    /// What to do now. `chance` is a random number, 0..1.
    pub(crate) fn step(&mut self, now: Instant, chance: f64) -> LinkStep {
        match self.state {
            State::Waiting { until } if now >= until => {
                self.state = State::Connecting { since: now };
                LinkStep::Connect
            }
            State::Waiting { until } => LinkStep::Wait(until),
            State::Connecting { since } => {
                let limit = since + self.connect_limit;
                if now >= limit {
                    self.lost(now, chance);
                    LinkStep::Drop
                } else {
                    LinkStep::Wait(limit)
                }
            }
            State::Up { heard, pinged } => {
                let lost = heard + self.keep_alive.lost_after;
                let ping = pinged.map_or(heard, |pinged| pinged.max(heard)) + self.keep_alive.ping_after;
                if now >= lost {
                    self.lost(now, chance);
                    LinkStep::Drop
                } else if now >= ping {
                    self.state = State::Up { heard, pinged: Some(now) };
                    LinkStep::Ping
                } else {
                    LinkStep::Wait(lost.min(ping))
                }
            }
        }
    }

    /// The link is usable.
    pub(crate) fn connected(&mut self, now: Instant) {
        self.backoff.reset();
        self.state = State::Up { heard: now, pinged: None };
    }

    /// Something listens at the far end; whether it serves us is not known yet, so pauses do not begin anew.
    pub(crate) fn reached(&mut self, now: Instant) {
        self.state = State::Up { heard: now, pinged: None };
    }

    /// It serves us.
    pub(crate) fn served(&mut self) {
        self.backoff.reset();
    }

    /// Something arrived.
    pub(crate) fn heard(&mut self, now: Instant) {
        match &mut self.state {
            State::Up { heard, .. } => *heard = now,
            State::Waiting { .. } | State::Connecting { .. } => {}
        }
    }

    /// The link failed or closed. `chance` is a random number, 0..1.
    pub(crate) fn lost(&mut self, now: Instant, chance: f64) {
        self.state = State::Waiting { until: now + self.backoff.fail(chance) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    fn policy(now: Instant) -> LinkPolicy {
        let keep_alive = KeepAlive { ping_after: S(20), lost_after: S(50) };
        LinkPolicy::new(keep_alive, S(10), Backoff::new(S(1), S(30)), now)
    }

    #[test]
    fn pauses_double_up_to_a_limit_and_begin_anew_after_success() {
        let mut backoff = Backoff::new(S(1), S(30));
        let pauses: Vec<u64> = (0..7).map(|_| backoff.fail(0.0).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(backoff.failures(), 7);
        backoff.reset();
        assert_eq!(backoff.fail(0.0), S(1));
        assert_eq!(Backoff::new(S(4), S(30)).fail(1.0), S(3));
        for _ in 0..1000 {
            assert!(backoff.fail(0.5) <= S(30));
        }
    }

    #[test]
    fn a_server_that_turns_us_away_is_asked_less_and_less_often() {
        let start = Instant::now();
        let mut link = policy(start);
        for pause in [1, 2, 4] {
            link.reached(start);
            link.lost(start, 0.0);
            assert_eq!(link.step(start, 0.0), LinkStep::Wait(start + S(pause)));
        }
        link.reached(start);
        link.served();
        link.lost(start, 0.0);
        assert_eq!(link.step(start, 0.0), LinkStep::Wait(start + S(1)));
    }

    /// Each row: seconds since the start, what happens then, what the policy says to do.
    #[test]
    fn a_link_is_pinged_dropped_and_tried_again() {
        let start = Instant::now();
        let mut link = policy(start);
        enum Do {
            Step,
            Connected,
            Heard,
            Lost,
        }
        use LinkStep::{Connect, Drop, Ping, Wait};
        let at = |seconds: u64| start + S(seconds);
        for (seconds, what, expected) in [
            (0, Do::Step, Connect),
            (0, Do::Step, Wait(at(10))),
            (1, Do::Connected, Wait(at(21))),
            (5, Do::Heard, Wait(at(25))),
            (25, Do::Step, Ping),
            (25, Do::Step, Wait(at(45))),
            (26, Do::Heard, Wait(at(46))),
            (46, Do::Step, Ping),
            (66, Do::Step, Ping),
            (76, Do::Step, Drop),
            (76, Do::Step, Wait(at(77))),
            (77, Do::Step, Connect),
            (78, Do::Lost, Wait(at(80))),
            (79, Do::Heard, Wait(at(80))),
            (80, Do::Step, Connect),
            (90, Do::Step, Drop),
            (90, Do::Step, Wait(at(94))),
        ] {
            let now = at(seconds);
            match what {
                Do::Step => {}
                Do::Connected => link.connected(now),
                Do::Heard => link.heard(now),
                Do::Lost => link.lost(now, 0.0),
            }
            assert_eq!(link.step(now, 0.0), expected, "at {seconds} s");
        }
    }
}
