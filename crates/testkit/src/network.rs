//! One direction of a simulated network: late, lost, doubled and disordered as its profile says, by seeded chance.
//!
//! It models neither bandwidth nor queues; what it loses it loses without regard to size.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::random::Random;

/// How bad a network is.
#[derive(Clone, PartialEq, Debug)]
pub struct LinkProfile {
    /// The least time on the way.
    pub latency: Duration,
    /// Added to it: evenly spread from zero to this.
    pub jitter: Duration,
    /// Probability that a good spell turns bad, per message.
    pub burst_begin: f64,
    /// Probability that a bad spell turns good, per message.
    pub burst_end: f64,
    /// Loss within a bad spell, 0..=1.
    pub burst_loss: f64,
    /// Loss within a good spell, 0..=1.
    pub loss: f64,
    /// Probability that a message takes another `latency` and so comes after later ones.
    pub reorder: f64,
    /// Probability that a message comes twice.
    pub duplicate: f64,
    /// Keep order and lose nothing, as TCP does: late messages hold up those behind them.
    pub reliable: bool,
}

impl LinkProfile {
    /// Nothing goes wrong and nothing takes time.
    pub fn perfect() -> Self {
        Self {
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            burst_begin: 0.0,
            burst_end: 1.0,
            burst_loss: 0.0,
            loss: 0.0,
            reorder: 0.0,
            duplicate: 0.0,
            reliable: false,
        }
    }

    /// A mobile network at the edge of its cell: 80 to 140 ms, a tenth lost in bursts, some out of order.
    pub fn bad_mobile() -> Self {
        Self {
            latency: Duration::from_millis(80),
            jitter: Duration::from_millis(60),
            burst_begin: 0.02,
            burst_end: 0.25,
            burst_loss: 0.8,
            loss: 0.03,
            reorder: 0.02,
            duplicate: 0.01,
            reliable: false,
        }
    }

    /// The same delays over a connection that repeats what was lost.
    pub fn reliable(self) -> Self {
        Self { reliable: true, ..self }
    }
}

/// One direction between two ends.
#[derive(Debug)]
pub struct SimulatedLink<T> {
    profile: LinkProfile,
    random: Random,
    in_burst: bool,
    down: bool,
    /// By arrival, then by order of sending.
    travelling: BTreeMap<(Instant, u64), T>,
    sent: u64,
    last_arrival: Option<Instant>,
    lost: u64,
}

impl<T: Clone> SimulatedLink<T> {
    /// A link of the given kind; the same seed gives the same fate.
    pub fn new(profile: LinkProfile, seed: u64) -> Self {
        Self {
            profile,
            random: Random::new(seed),
            in_burst: false,
            down: false,
            travelling: BTreeMap::new(),
            sent: 0,
            last_arrival: None,
            lost: 0,
        }
    }

    /// Cuts the link or mends it. What is sent while it is cut is lost, on a reliable one too.
    pub fn set_down(&mut self, down: bool) {
        self.down = down;
    }

    /// Sends something at `now`.
    pub fn send(&mut self, message: T, now: Instant) {
        let turns = if self.in_burst { self.profile.burst_end } else { self.profile.burst_begin };
        if self.random.chance(turns) {
            self.in_burst = !self.in_burst;
        }
        let loss = if self.in_burst { self.profile.burst_loss } else { self.profile.loss };
        let lost = self.random.chance(loss);
        if self.down || (lost && !self.profile.reliable) {
            self.lost += 1;
            return;
        }
        let copies = if !self.profile.reliable && self.random.chance(self.profile.duplicate) { 2 } else { 1 };
        for _ in 0..copies {
            let arrival = self.arrival(now, lost);
            self.sent += 1;
            self.travelling.insert((arrival, self.sent), message.clone());
        }
    }

    /// What has arrived by `now`, one at a time.
    pub fn poll(&mut self, now: Instant) -> Option<T> {
        let entry = self.travelling.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }

    /// When the next message arrives.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.travelling.keys().next().map(|(at, _)| *at)
    }

    /// How many messages never arrived.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    fn arrival(&mut self, now: Instant, repeated: bool) -> Instant {
        let mut arrival = now + self.profile.latency + self.profile.jitter.mul_f64(self.random.unit());
        if repeated {
            // The time a sender takes to notice, and the way once more.
            arrival += self.profile.latency * 2;
        }
        if self.profile.reliable {
            arrival = self.last_arrival.map_or(arrival, |last| arrival.max(last));
            self.last_arrival = Some(arrival);
        } else if self.random.chance(self.profile.reorder) {
            arrival += self.profile.latency;
        }
        arrival
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(profile: LinkProfile, seed: u64) -> (Vec<u32>, u64) {
        let start = Instant::now();
        let mut link = SimulatedLink::new(profile, seed);
        for n in 0..2000_u32 {
            link.send(n, start + Duration::from_millis(20) * n);
        }
        let end = start + Duration::from_secs(60);
        let arrived = std::iter::from_fn(|| link.poll(end)).collect();
        (arrived, link.lost())
    }

    #[test]
    fn a_bad_link_loses_doubles_and_disorders_and_does_so_alike_for_the_same_seed() {
        let (arrived, lost) = run(LinkProfile::bad_mobile(), 7);
        assert!((100..500).contains(&lost), "{lost} of 2000 lost");
        assert!(arrived.len() as u64 > 2000 - lost, "nothing doubled");
        assert!(arrived.windows(2).any(|pair| pair[0] > pair[1]), "nothing out of order");
        assert_eq!((arrived, lost), run(LinkProfile::bad_mobile(), 7));
        assert_ne!(run(LinkProfile::bad_mobile(), 8), run(LinkProfile::bad_mobile(), 7));
    }

    #[test]
    fn loss_comes_in_bursts() {
        let (arrived, _) = run(LinkProfile::bad_mobile(), 3);
        let mut seen = vec![false; 2000];
        arrived.iter().for_each(|n| seen[*n as usize] = true);
        let longest = seen.split(|seen| *seen).map(<[bool]>::len).max();
        assert!(longest >= Some(4), "longest gap {longest:?}");
    }

    #[test]
    fn a_reliable_link_delivers_everything_in_order_until_it_is_cut() {
        let (arrived, lost) = run(LinkProfile::bad_mobile().reliable(), 7);
        assert_eq!(arrived, (0..2000).collect::<Vec<_>>());
        assert_eq!(lost, 0);
        let now = Instant::now();
        let mut link = SimulatedLink::new(LinkProfile::perfect().reliable(), 1);
        link.set_down(true);
        link.send(1, now);
        link.set_down(false);
        link.send(2, now);
        assert_eq!(link.poll(now), Some(2));
    }
}
