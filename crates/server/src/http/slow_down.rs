//! Answers guessing later and later, as Nextcloud's throttler does: each failure of one kind from one network within
//! twelve hours doubles the wait before the next try is looked at, from 0.2 s to 25 s; after more than ten within half an
//! hour, tries are refused unseen.
//!
//! Beside the [`Throttle`](super::throttle::Throttle), which refuses sooner what is tried against one account. A wait
//! comes before right and wrong tries alike, so that not waiting for the answer tells nothing.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::auth::too_many;
use super::ocs::Ocs;
use super::throttle::{Guess, network};
use crate::config_keys::Settings;
use crate::state::Shared;

/// Failures are remembered this long.
const WINDOW: Duration = Duration::from_secs(12 * 3600);
/// More failures than [`MOST`] within this time, and tries are refused.
const RECENT: Duration = Duration::from_secs(30 * 60);
const MOST: usize = 10;
/// Doubled by each failure.
const UNIT: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(25);
/// Most networks remembered; beyond, the oldest half is forgotten.
const MAX_NETWORKS: usize = 10_000;
/// Most tries that wait at once, of all and of one network; further ones are refused.
const MAX_WAITING: usize = 512;
const MAX_WAITING_OF_ONE: usize = 8;

/// How the next try is to be treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delay {
    None,
    Wait(Duration),
    /// Refuse it; it may be made after so many seconds.
    Refuse(u64),
}

struct Failure {
    at: Instant,
    subject: String,
    tried: [u8; 32],
}

/// Counts failures by network. Told the time.
#[derive(Default)]
pub(crate) struct Delays {
    /// The newest failures of each network, oldest first, at most [`MOST`] and one.
    failures: HashMap<(Guess, IpAddr), Vec<Failure>>,
    waiting: HashMap<IpAddr, usize>,
}

impl Delays {
    /// How the next try from there is to be treated.
    pub(crate) fn before(&mut self, guess: Guess, address: IpAddr, now: Instant) -> Delay {
        let key = (guess, network(address));
        let Some(failures) = self.failures.get_mut(&key) else { return Delay::None };
        failures.retain(|failure| now.saturating_duration_since(failure.at) < WINDOW);
        let age = |failure: &Failure| now.saturating_duration_since(failure.at);
        match failures.len() {
            0 => {
                self.failures.remove(&key);
                Delay::None
            }
            many if many > MOST && age(&failures[0]) < RECENT => {
                Delay::Refuse((RECENT - age(&failures[0])).as_secs() + 1)
            }
            // No overflow: there are at most eleven.
            some => Delay::Wait((UNIT * (1 << some)).min(LONGEST)),
        }
    }

    /// A failure. The same wrong try again counts once.
    pub(crate) fn failed(
        &mut self,
        guess: Guess,
        address: IpAddr,
        subject: &str,
        tried: [u8; 32],
        now: Instant,
    ) {
        if self.failures.len() >= MAX_NETWORKS {
            let newest = |list: &[Failure]| list.last().map_or(now, |failure| failure.at);
            let mut ages: Vec<Instant> = self.failures.values().map(|list| newest(list)).collect();
            let middle = ages.len() / 2;
            let (_, median, _) = ages.select_nth_unstable(middle);
            let median = *median;
            self.failures.retain(|_, list| newest(list) > median);
        }
        let failures = self.failures.entry((guess, network(address))).or_default();
        let subject = name_of(subject);
        if failures.iter().any(|known| known.tried == tried && known.subject == subject) {
            return;
        }
        if failures.len() > MOST {
            failures.remove(0);
        }
        failures.push(Failure { at: now, subject, tried });
    }

    /// A success forgets what had failed for the same subject.
    pub(crate) fn succeeded(&mut self, guess: Guess, address: IpAddr, subject: &str) {
        let key = (guess, network(address));
        if let Some(failures) = self.failures.get_mut(&key) {
            let subject = name_of(subject);
            failures.retain(|failure| failure.subject != subject);
            if failures.is_empty() {
                self.failures.remove(&key);
            }
        }
    }

    /// False when too many wait already.
    fn sit(&mut self, address: IpAddr) -> bool {
        let own = self.waiting.get(&network(address)).copied().unwrap_or(0);
        if own >= MAX_WAITING_OF_ONE || self.waiting.values().sum::<usize>() >= MAX_WAITING {
            return false;
        }
        *self.waiting.entry(network(address)).or_default() += 1;
        true
    }

    fn rise(&mut self, address: IpAddr) {
        let key = network(address);
        if let Some(own) = self.waiting.get_mut(&key) {
            *own -= 1;
            if *own == 0 {
                self.waiting.remove(&key);
            }
        }
    }
}

/// What was tried against, cut to a length worth keeping.
fn name_of(subject: &str) -> String {
    subject.chars().take(64).flat_map(char::to_lowercase).collect()
}

/// A place among those who wait, given up when dropped.
struct Seat<'a> {
    shared: &'a Shared,
    address: IpAddr,
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.shared.throttle().delays.rise(self.address);
    }
}

impl Shared {
    /// Waits as long as earlier failures ask for. 429 where there were too many.
    pub(crate) async fn slow_down(&self, guess: Guess, address: IpAddr, subject: &str) -> Result<(), Ocs> {
        let look = || {
            let now = self.now().at;
            let mut throttle = self.throttle();
            match throttle.blocked(guess, address, subject, now) {
                Some(seconds) => Err(too_many(seconds)),
                // An account that asks for rooms is known by name; it is refused in the end, not delayed.
                None if guess == Guess::RoomToken && !subject.is_empty() => Ok(Delay::None),
                None => Ok(throttle.delays.before(guess, address, now)),
            }
        };
        let first = look()?;
        if first == Delay::None || !self.store.read(Settings::read).await?.guesses_are_delayed {
            return Ok(());
        }
        let wait = match first {
            Delay::None => return Ok(()),
            Delay::Refuse(seconds) => return Err(too_many(seconds)),
            Delay::Wait(wait) => wait,
        };
        if !self.throttle().delays.sit(address) {
            return Err(too_many(wait.as_secs() + 1));
        }
        let seat = Seat { shared: self, address };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = self.closing.cancelled() => return Err(Ocs::status(503).message("The server is closing")),
        }
        drop(seat);
        // Others may have failed meanwhile.
        match look()? {
            Delay::Refuse(seconds) => Err(too_many(seconds)),
            Delay::None | Delay::Wait(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn tried(n: usize) -> [u8; 32] {
        crate::secrets::digest(&n.to_string())
    }

    #[test]
    fn waits_double_up_to_a_bound_and_end_in_refusal() {
        let (mut delays, start) = (Delays::default(), Instant::now());
        let expected = [0, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_000, 25_000, 25_000];
        for (n, wait_ms) in expected.into_iter().enumerate() {
            let now = start + Duration::from_secs(n as u64);
            let wait = match wait_ms {
                0 => Delay::None,
                some => Delay::Wait(Duration::from_millis(some)),
            };
            assert_eq!(delays.before(Guess::Login, HERE, now), wait, "after {n}");
            // Whoever it was tried against.
            delays.failed(Guess::Login, HERE, &format!("user {}", n % 3), tried(n), now);
        }
        let now = start + Duration::from_secs(10);
        assert_eq!(delays.before(Guess::Login, HERE, now), Delay::Refuse(1791));
        assert_eq!(delays.before(Guess::RoomPassword, HERE, now), Delay::None, "another kind");
        assert_eq!(delays.before(Guess::Login, "10.0.0.1".parse().unwrap(), now), Delay::None);
        let later = start + RECENT;
        assert_eq!(delays.before(Guess::Login, HERE, later), Delay::Wait(LONGEST));
        let next_day = start + WINDOW + Duration::from_secs(9);
        assert_eq!(delays.before(Guess::Login, HERE, next_day), Delay::Wait(UNIT * 2));
        assert_eq!(delays.before(Guess::Login, HERE, next_day + Duration::from_secs(1)), Delay::None);
        assert!(delays.failures.is_empty());
    }

    #[test]
    fn success_forgives_what_was_tried_against_the_same() {
        let (mut delays, now) = (Delays::default(), Instant::now());
        for _ in 0..50 {
            delays.failed(Guess::Login, HERE, "alice", tried(1), now);
        }
        assert_eq!(delays.before(Guess::Login, HERE, now), Delay::Wait(UNIT * 2), "one and the same try");
        delays.failed(Guess::Login, HERE, "bob", tried(1), now);
        delays.succeeded(Guess::Login, HERE, "alice2");
        assert_eq!(delays.before(Guess::Login, HERE, now), Delay::Wait(UNIT * 4));
        delays.succeeded(Guess::Login, HERE, "Alice");
        assert_eq!(delays.before(Guess::Login, HERE, now), Delay::Wait(UNIT * 2));
        delays.succeeded(Guess::Login, HERE, "bob");
        assert_eq!(delays.before(Guess::Login, HERE, now), Delay::None);
    }

    #[test]
    fn floods_stay_bounded() {
        let (mut delays, start) = (Delays::default(), Instant::now());
        for n in 0..25_000_u32 {
            let now = start + Duration::from_millis(u64::from(n));
            delays.failed(Guess::Login, IpAddr::V4(n.into()), "alice", tried(1), now);
            delays.failed(Guess::Login, HERE, &"x".repeat(10_000), tried(n as usize), now);
        }
        assert!(delays.failures.len() <= MAX_NETWORKS);
        assert_eq!(delays.failures[&(Guess::Login, HERE)].len(), MOST + 1);
        let seats = (0..20).filter(|_| delays.sit(HERE)).count();
        assert_eq!(seats, MAX_WAITING_OF_ONE);
        let others = (0..10_000_u32).filter(|n| delays.sit(IpAddr::V4(n.to_be().into()))).count();
        assert_eq!(others + seats, MAX_WAITING);
        for _ in 0..seats {
            delays.rise(HERE);
        }
        assert!(delays.sit(HERE));
    }
}
