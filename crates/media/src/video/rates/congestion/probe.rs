//! Finding out that a link takes more than is sent on it. A still page or a layer that is off says nothing of what would get
//! through, so now and then a few packets of padding leave in quick succession, and how far apart they arrive tells.
//!
//! Pure, told the time.

use std::time::{Duration, Instant};

use super::PacketFate;

/// How long a cluster takes to leave.
const LENGTH: f64 = 0.03;
/// How many packets it has.
const LEAST_PACKETS: usize = 5;
const MOST_PACKETS: usize = 20;
/// The packets of a fast one, bytes.
const PACKET: usize = 1000;
/// Twice what is known is tried, and nothing that is hardly more.
const FACTOR: f64 = 2.0;
const WORTHWHILE: f64 = 1.1;
/// Between two clusters.
const PAUSE: Duration = Duration::from_secs(3);
/// After the rate was lowered, so long none is sent: the line is full.
const PAUSE_AFTER_LOWERING: Duration = Duration::from_secs(6);
/// A cluster that nothing was heard of is forgotten.
const LIFE: Duration = Duration::from_secs(2);
/// Of its packets, this share has to arrive.
const ARRIVED: f64 = 0.7;
/// Packets that left closer together than this in all say nothing.
const SHORTEST: f64 = 0.003;
/// What arrives at less than this share of the pace it left at was held up: then this much of the pace it arrived at is taken.
const HELD_UP: f64 = 0.9;
const KEPT: f64 = 0.95;

/// A cluster to send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ProbeOrder {
    /// What its packets are marked with.
    pub(crate) cluster: u16,
    pub(crate) packets: usize,
    /// Bytes of each, at most.
    pub(crate) size: usize,
    /// From one to the next.
    pub(crate) gap: Duration,
}

/// Orders clusters and reads what became of them.
#[derive(Debug, Default)]
pub(super) struct Prober {
    last_cluster: u16,
    ordered: Option<Instant>,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    cluster: u16,
    packets: usize,
    ordered: Instant,
    told: usize,
    /// Of everything sent from its first packet to its last.
    all: usize,
    arrived: usize,
    sent: Option<Span<Instant>>,
    came: Option<Span<Duration>>,
    /// Without the first.
    bytes: usize,
}

#[derive(Clone, Copy, Debug)]
struct Span<T> {
    first: T,
    last: T,
}

impl Prober {
    /// Whether something else would do more harm than good now.
    pub(super) fn may_order(&self, now: Instant, lowered: Option<Instant>) -> bool {
        let since =
            |at: Option<Instant>, pause| at.is_none_or(|at| now.saturating_duration_since(at) >= pause);
        self.running.as_ref().is_none_or(|running| now.saturating_duration_since(running.ordered) > LIFE)
            && since(self.ordered, PAUSE)
            && since(lowered, PAUSE_AFTER_LOWERING)
    }

    /// A cluster that tells whether twice `rate` gets through, but no more than `wanted`.
    pub(super) fn order(&mut self, now: Instant, rate: f64, wanted: f64) -> Option<ProbeOrder> {
        let tried = (rate * FACTOR).min(wanted);
        if tried < rate * WORTHWHILE {
            return None;
        }
        let bytes = tried * LENGTH / 8.0;
        let packets = ((bytes / PACKET as f64) as usize).clamp(LEAST_PACKETS, MOST_PACKETS);
        let size = ((bytes / packets as f64) as usize).clamp(1, PACKET + PACKET / 8);
        self.last_cluster = self.last_cluster.wrapping_add(1);
        let order = ProbeOrder {
            cluster: self.last_cluster,
            packets,
            size,
            gap: Duration::from_secs_f64(size as f64 * 8.0 / tried),
        };
        self.ordered = Some(now);
        self.running = Some(Running {
            cluster: order.cluster,
            packets,
            ordered: now,
            told: 0,
            all: 0,
            arrived: 0,
            sent: None,
            came: None,
            bytes: 0,
        });
        Some(order)
    }

    /// The cluster that was ordered last cannot be sent, or not all of it.
    pub(super) fn forget(&mut self) {
        self.running = None;
    }

    /// Takes what became of packets, in the order they were sent. Yields what got through, bits per second, once all of a
    /// cluster is told.
    pub(super) fn feedback(&mut self, fates: &[PacketFate]) -> Option<f64> {
        for fate in fates {
            let running = self.running.as_mut()?;
            running.told += usize::from(fate.cluster == Some(running.cluster));
            if running.told > 0 {
                running.count(fate);
            }
            if running.told == running.packets {
                return self.running.take()?.rate();
            }
        }
        None
    }
}

impl Running {
    fn count(&mut self, fate: &PacketFate) {
        self.all += 1;
        let Some(arrived) = fate.arrived else { return };
        self.arrived += 1;
        if self.came.is_some() {
            self.bytes += fate.size;
        }
        let came = self.came.get_or_insert(Span { first: arrived, last: arrived });
        *came = Span { first: came.first.min(arrived), last: came.last.max(arrived) };
        let sent = self.sent.get_or_insert(Span { first: fate.sent, last: fate.sent });
        sent.last = sent.last.max(fate.sent);
    }

    fn rate(self) -> Option<f64> {
        if (self.arrived as f64) < self.all as f64 * ARRIVED {
            return None;
        }
        let (sent, came) = (self.sent?, self.came?);
        let left_in = sent.last.saturating_duration_since(sent.first).as_secs_f64();
        let came_in = came.last.saturating_sub(came.first).as_secs_f64();
        if left_in < SHORTEST {
            return None;
        }
        let left = self.bytes as f64 * 8.0 / left_in;
        let came = self.bytes as f64 * 8.0 / came_in.max(SHORTEST);
        Some(if came < left * HELD_UP { came * KEPT } else { came.min(left) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a cluster finds out that tries 2 Mbit/s, on a link that lets a packet through each so often and loses those of
    /// these places.
    fn found(each: Duration, lost: &[usize]) -> Option<f64> {
        let start = Instant::now();
        let mut prober = Prober::default();
        let order = prober.order(start, 1e6, 9e6).unwrap();
        assert!((order.size * 8 * order.packets) as f64 / 2e6 > 0.02);
        let mut free_at = Duration::ZERO;
        let fates: Vec<PacketFate> = (0..order.packets)
            .map(|index| {
                let at = order.gap * index as u32;
                free_at = free_at.max(at) + each;
                PacketFate {
                    sent: start + at,
                    arrived: (!lost.contains(&index)).then_some(free_at),
                    size: order.size,
                    cluster: Some(order.cluster),
                }
            })
            .collect();
        // Told in two parts, with a picture's packet before.
        let before = PacketFate { sent: start, arrived: Some(free_at), size: 1200, cluster: None };
        assert_eq!(prober.feedback(&[before]), None);
        assert_eq!(prober.feedback(&fates[..3]), None);
        prober.feedback(&fates[3..])
    }

    #[test]
    fn what_gets_through_is_found() {
        let wide = found(Duration::from_micros(100), &[]).unwrap();
        assert!((wide - 2e6).abs() < 1e5, "{wide}");
        // A packet each 8 ms: a megabit a second.
        let narrow = found(Duration::from_millis(8), &[]).unwrap();
        assert!((800_000.0..1_050_000.0).contains(&narrow), "{narrow}");
        assert!(found(Duration::from_micros(100), &[2]).is_some());
        assert_eq!(found(Duration::from_micros(100), &[1, 2, 3, 4]), None, "too little arrived to tell");
    }

    #[test]
    fn clusters_are_rare_and_rarer_where_the_line_is_full() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut prober = Prober::default();
        assert!(prober.may_order(start, None));
        assert_eq!(prober.order(start, 2e6, 2.1e6), None, "nothing to gain");
        assert!(prober.order(start, 1e6, 2.1e6).is_some());
        assert!(!prober.may_order(at(1), None));
        assert!(prober.may_order(at(3), None));
        assert!(!prober.may_order(at(5), Some(at(1))) && prober.may_order(at(7), Some(at(1))));
        let slow = prober.order(at(9), 60e3, 2e6).unwrap();
        assert!(slow.size * slow.packets < 500, "what is tried fits a slow line: {slow:?}");
    }
}
