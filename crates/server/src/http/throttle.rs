//! Refuses guessing: too many failures of one kind, from one address, for one account. What comes before the refusal is
//! in [`slow_down`](super::slow_down).

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::slow_down::Delays;

/// Failures are remembered this long.
const WINDOW: Duration = Duration::from_secs(300);
/// Most keys remembered; beyond, the oldest half is forgotten.
const MAX_KEYS: usize = 10_000;

/// What is being guessed, and how many failures in [`WINDOW`] are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Guess {
    /// An account's password.
    Login,
    /// A conversation's token.
    RoomToken,
    /// A conversation's password.
    RoomPassword,
    /// An invitation's code.
    Invitation,
    /// The secret shared with the recording server.
    RecordingSecret,
}

impl Guess {
    fn limit(self) -> usize {
        match self {
            Self::Login | Self::RoomPassword | Self::Invitation | Self::RecordingSecret => 10,
            // Clients ask for rooms they have just been removed from; only wrong ones count, each once.
            Self::RoomToken => 30,
        }
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    guess: Guess,
    address: IpAddr,
    subject: String,
}

/// Counts failures. Told the time.
#[derive(Default)]
pub(crate) struct Throttle {
    /// The same failures by network.
    pub(super) delays: Delays,
    /// Of each failure, when, and what was tried.
    failures: HashMap<Key, Vec<(Instant, [u8; 32])>>,
}

impl Throttle {
    /// Whether the next try has to be refused unseen; then after how many seconds it may be made.
    pub(crate) fn blocked(
        &mut self,
        guess: Guess,
        address: IpAddr,
        subject: &str,
        now: Instant,
    ) -> Option<u64> {
        let tries = self.failures.get_mut(&key(guess, address, subject))?;
        tries.retain(|(at, _)| now.saturating_duration_since(*at) < WINDOW);
        let oldest_that_counts = tries.len().checked_sub(guess.limit())?;
        let (at, _) = tries.get(oldest_that_counts)?;
        Some((WINDOW.saturating_sub(now.saturating_duration_since(*at))).as_secs() + 1)
    }

    /// A failure. The same wrong try again (a client that does not give up) counts once.
    pub(crate) fn failed(
        &mut self,
        guess: Guess,
        address: IpAddr,
        subject: &str,
        tried: [u8; 32],
        now: Instant,
    ) {
        self.delays.failed(guess, address, subject, tried, now);
        if self.failures.len() >= MAX_KEYS {
            let newest = |tries: &[(Instant, [u8; 32])]| tries.iter().map(|(at, _)| *at).max().unwrap_or(now);
            let mut ages: Vec<Instant> = self.failures.values().map(|tries| newest(tries)).collect();
            let middle = ages.len() / 2;
            let (_, median, _) = ages.select_nth_unstable(middle);
            let median = *median;
            self.failures.retain(|_, tries| newest(tries) > median);
        }
        let tries = self.failures.entry(key(guess, address, subject)).or_default();
        tries.retain(|(at, _)| now.saturating_duration_since(*at) < WINDOW);
        if tries.len() < guess.limit() && !tries.iter().any(|(_, known)| *known == tried) {
            tries.push((now, tried));
        }
    }

    /// A success forgets the failures before it.
    pub(crate) fn succeeded(&mut self, guess: Guess, address: IpAddr, subject: &str) {
        self.delays.succeeded(guess, address, subject);
        self.failures.remove(&key(guess, address, subject));
    }
}

fn key(guess: Guess, address: IpAddr, subject: &str) -> Key {
    Key { guess, address: network(address), subject: subject.to_ascii_lowercase() }
}

/// What counts as one address: one household has a whole /64 of IPv6 addresses; an IPv4 address may come dressed as
/// IPv6.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(n: usize) -> [u8; 32] {
        crate::secrets::digest(&n.to_string())
    }

    #[test]
    fn ten_different_failures_block_and_time_frees() {
        let (mut throttle, start) = (Throttle::default(), Instant::now());
        let here: IpAddr = "10.0.0.1".parse().unwrap();
        for n in 0..10 {
            assert_eq!(throttle.blocked(Guess::Login, here, "alice", start), None);
            throttle.failed(Guess::Login, here, "Alice", tried(n), start + Duration::from_secs(n as u64));
        }
        let now = start + Duration::from_secs(10);
        assert_eq!(throttle.blocked(Guess::Login, here, "alice", now), Some(291));
        assert_eq!(throttle.blocked(Guess::Login, here, "bob", now), None);
        assert_eq!(throttle.blocked(Guess::Login, "10.0.0.2".parse().unwrap(), "alice", now), None);
        assert_eq!(throttle.blocked(Guess::RoomToken, here, "alice", now), None);
        assert_eq!(throttle.blocked(Guess::Login, here, "alice", start + Duration::from_secs(300)), None);
        throttle.succeeded(Guess::Login, here, "alice");
        assert_eq!(throttle.blocked(Guess::Login, here, "alice", now), None);
    }

    #[test]
    fn the_same_wrong_try_counts_once() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        let here: IpAddr = "::1".parse().unwrap();
        for _ in 0..100 {
            throttle.failed(Guess::Login, here, "alice", tried(1), now);
        }
        assert_eq!(throttle.blocked(Guess::Login, here, "alice", now), None);
    }

    #[test]
    fn a_flood_of_addresses_is_forgotten_not_kept() {
        let (mut throttle, start) = (Throttle::default(), Instant::now());
        for n in 0..25_000_u32 {
            let now = start + Duration::from_millis(u64::from(n));
            throttle.failed(Guess::Login, IpAddr::V4(n.into()), "alice", tried(1), now);
        }
        assert!(throttle.failures.len() <= MAX_KEYS);
    }

    #[test]
    fn a_whole_ipv6_network_is_one_address() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        for n in 0..10 {
            let address: IpAddr = format!("2001:db8::{n}").parse().unwrap();
            throttle.failed(Guess::Login, address, "alice", tried(n), now);
        }
        assert!(throttle.blocked(Guess::Login, "2001:db8::ffff".parse().unwrap(), "alice", now).is_some());
        assert!(throttle.blocked(Guess::Login, "2001:db8:0:1::1".parse().unwrap(), "alice", now).is_none());
    }
}
