//! Whether a queue on the way grows, from how one-way delays change (draft rmcat-gcc sections 5.1 to 5.4, with the line fitted
//! through smoothed delays that WebRTC ends use in place of the draft's filter).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::PacketFate;

/// Packets sent within this time make one group; a frame's packets leave together.
const GROUP: Duration = Duration::from_millis(5);
/// Points of the line.
const WINDOW: usize = 20;
/// How much of the past stays in a smoothed delay.
const SMOOTHING: f64 = 0.9;
/// Makes slopes comparable to the threshold, which is in milliseconds.
const GAIN: f64 = 4.0;
/// A slope counts fully from this many groups on.
const MAX_WEIGHT: f64 = 60.0;
/// How quickly the threshold follows upwards and downwards, per millisecond.
const THRESHOLD_UP: f64 = 0.0087;
const THRESHOLD_DOWN: f64 = 0.039;
/// How long a slope must stay above before it counts, milliseconds.
const OVERUSE_TIME: f64 = 10.0;
/// A pause longer than this begins a new line: what lies before says nothing of now.
const PAUSE: Duration = Duration::from_secs(1);

/// What a link's queue does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Usage {
    /// It stays as it is.
    Normal,
    /// It grows: more is sent than gets through.
    Over,
    /// It empties.
    Under,
}

#[derive(Clone, Copy, Debug)]
struct Group {
    first_sent: Instant,
    last_sent: Instant,
    first_arrived: Duration,
    last_arrived: Duration,
}

/// The detector.
#[derive(Debug)]
pub(super) struct Trendline {
    current: Option<Group>,
    previous: Option<Group>,
    began: Option<Duration>,
    accumulated: f64,
    smoothed: f64,
    groups: u32,
    /// Arrival and smoothed delay, milliseconds.
    points: VecDeque<(f64, f64)>,
    threshold: f64,
    last_slope: f64,
    over_for: Option<f64>,
    over_count: u32,
    last_update: Option<Duration>,
    usage: Usage,
}

impl Default for Trendline {
    fn default() -> Self {
        Self {
            current: None,
            previous: None,
            began: None,
            accumulated: 0.0,
            smoothed: 0.0,
            groups: 0,
            points: VecDeque::with_capacity(WINDOW + 1),
            threshold: 12.5,
            last_slope: 0.0,
            over_for: None,
            over_count: 0,
            last_update: None,
            usage: Usage::Normal,
        }
    }
}

impl Trendline {
    /// What was last seen.
    pub(super) fn usage(&self) -> Usage {
        self.usage
    }

    /// Takes one packet, in the order they were sent. Lost ones say nothing here.
    pub(super) fn packet(&mut self, fate: &PacketFate) {
        let Some(arrived) = fate.arrived else { return };
        let Some(group) = &mut self.current else {
            self.current = Some(Group::of(fate.sent, arrived));
            return;
        };
        if fate.sent.saturating_duration_since(group.last_sent) > PAUSE {
            *self = Self { threshold: self.threshold, ..Self::default() };
            self.current = Some(Group::of(fate.sent, arrived));
            return;
        }
        // Disordered on the way: it cannot be told what queue it met.
        if fate.sent < group.first_sent {
            return;
        }
        let sent_together = fate.sent.saturating_duration_since(group.first_sent) <= GROUP;
        // Held up together and let go at once, as radio links do.
        let came_together = arrived.saturating_sub(group.last_arrived) <= GROUP
            && millis(arrived) - millis(group.last_arrived)
                < fate.sent.saturating_duration_since(group.last_sent).as_secs_f64() * 1000.0
            && arrived.saturating_sub(group.first_arrived) < Duration::from_millis(100);
        if sent_together || came_together {
            group.last_sent = group.last_sent.max(fate.sent);
            group.last_arrived = group.last_arrived.max(arrived);
            return;
        }
        let complete = *group;
        self.current = Some(Group::of(fate.sent, arrived));
        if let Some(previous) = self.previous.replace(complete) {
            self.compare(previous, complete);
        }
    }

    fn compare(&mut self, previous: Group, group: Group) {
        let sent = group.last_sent.saturating_duration_since(previous.last_sent).as_secs_f64() * 1000.0;
        let arrived = millis(group.last_arrived) - millis(previous.last_arrived);
        let began = *self.began.get_or_insert(group.last_arrived);
        self.groups = self.groups.saturating_add(1);
        self.accumulated += arrived - sent;
        self.smoothed = SMOOTHING * self.smoothed + (1.0 - SMOOTHING) * self.accumulated;
        self.points.push_back((millis(group.last_arrived) - millis(began), self.smoothed));
        if self.points.len() > WINDOW {
            self.points.pop_front();
        }
        let slope = if self.points.len() == WINDOW { slope(&self.points) } else { Some(self.last_slope) };
        self.judge(slope.unwrap_or(self.last_slope), sent, group.last_arrived);
    }

    fn judge(&mut self, slope: f64, sent: f64, now: Duration) {
        let value = f64::from(self.groups).min(MAX_WEIGHT) * slope * GAIN;
        if self.groups < 2 {
            self.usage = Usage::Normal;
        } else if value > self.threshold {
            let over_for = self.over_for.map_or(sent / 2.0, |before| before + sent);
            self.over_for = Some(over_for);
            self.over_count += 1;
            if over_for > OVERUSE_TIME && self.over_count > 1 && slope >= self.last_slope {
                self.over_for = Some(0.0);
                self.over_count = 0;
                self.usage = Usage::Over;
            }
        } else {
            self.over_for = None;
            self.over_count = 0;
            self.usage = if value < -self.threshold { Usage::Under } else { Usage::Normal };
        }
        self.last_slope = slope;
        self.adapt(value, now);
    }

    /// The threshold follows what is usual on this link, so that others' traffic does not starve us.
    fn adapt(&mut self, value: f64, now: Duration) {
        let elapsed = self.last_update.map_or(0.0, |last| (millis(now) - millis(last)).clamp(0.0, 100.0));
        self.last_update = Some(now);
        if value.abs() > self.threshold + 15.0 {
            return;
        }
        let pace = if value.abs() < self.threshold { THRESHOLD_DOWN } else { THRESHOLD_UP };
        self.threshold = (self.threshold + pace * (value.abs() - self.threshold) * elapsed).clamp(6.0, 600.0);
    }
}

impl Group {
    fn of(sent: Instant, arrived: Duration) -> Self {
        Self { first_sent: sent, last_sent: sent, first_arrived: arrived, last_arrived: arrived }
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// Of the line of least squares; `None` when all points lie above one another.
fn slope(points: &VecDeque<(f64, f64)>) -> Option<f64> {
    let count = points.len() as f64;
    let (sum_x, sum_y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
    let (mean_x, mean_y) = (sum_x / count, sum_y / count);
    let (mut covariance, mut variance) = (0.0, 0.0);
    for (x, y) in points {
        covariance += (x - mean_x) * (y - mean_y);
        variance += (x - mean_x) * (x - mean_x);
    }
    (variance > 0.0).then(|| covariance / variance)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet each 20 ms, each delayed as `delay` (in milliseconds) says; yields what was seen on the way.
    fn run(packets: u32, delay: impl Fn(u32) -> f64) -> Vec<Usage> {
        let start = Instant::now();
        let mut line = Trendline::default();
        (0..packets)
            .map(|number| {
                let sent = Duration::from_millis(20) * number;
                let arrived = sent + Duration::from_secs_f64((30.0 + delay(number)) / 1000.0);
                line.packet(&PacketFate {
                    sent: start + sent,
                    arrived: Some(arrived),
                    size: 1000,
                    cluster: None,
                });
                line.usage()
            })
            .collect()
    }

    #[test]
    fn an_even_link_is_normal_also_with_jitter() {
        assert!(run(300, |_| 0.0).iter().all(|usage| *usage == Usage::Normal));
        let wobbling = run(1000, |number| f64::from(number * 7919 % 13));
        let over = wobbling.iter().filter(|usage| **usage == Usage::Over).count();
        assert_eq!(over, 0);
    }

    #[test]
    fn a_growing_queue_is_seen_soon_and_an_emptying_one_too() {
        let seen = run(400, |number| if number < 100 { 0.0 } else { f64::from(number.min(150) - 100) * 4.0 });
        let first = seen.iter().position(|usage| *usage == Usage::Over).unwrap();
        assert!((100..125).contains(&first), "seen at packet {first}");
        let emptying = run(300, |number| 400.0 - f64::from(number.clamp(100, 200) - 100) * 4.0);
        assert!(emptying.contains(&Usage::Under));
    }
}
