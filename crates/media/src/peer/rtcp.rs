//! What RTCP tells both ends of a stream of sound or pictures (RFC 3550 section 6): losses, jitter and the round trip.
//!
//! Pure arithmetic, told the time. Wallclock time, which reports carry, is counted from one reading at the start.

use std::time::{Duration, Instant};

/// The RTP clock of Opus (RFC 7587 section 4.1), Hz.
pub(super) const SOUND_CLOCK: f64 = 48_000.0;
/// The RTP clock of all our video codecs (RFC 7741, RFC 6184, RFC 9628), Hz.
pub(super) const VIDEO_CLOCK: f64 = 90_000.0;
/// How long a stream must be silent before another may take its place at once.
const SOURCE_SILENCE: Duration = Duration::from_millis(200);
/// How many packets in a row of another stream take the place of one that is not silent.
const SOURCE_INSISTENCE: u8 = 3;
/// A jump of sequence numbers beyond this is a new beginning, not a loss (RFC 3550 appendix A.1, `MAX_DROPOUT`).
const MAX_DROPOUT: u16 = 3000;
/// The longest round trip believed, 1/65536 s.
const MAX_ROUND_TRIP: u32 = 60 << 16;
/// The mean time between two reports. Short for RTCP, so that figures are fresh; about a kilobit a second.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// The first report comes sooner, so that the round trip is known early.
const FIRST_REPORT: Duration = Duration::from_millis(300);

/// What one link knows of its own sending and receiving.
#[derive(Debug)]
pub(super) struct RtcpSession {
    clock_rate: f64,
    wallclock: Wallclock,
    ssrc: u32,
    sent: Sent,
    source: Option<Source>,
    rival: Option<(u32, u8)>,
    /// Of streams whose place was taken.
    past_lost: u64,
    past_received: u64,
    received_bytes: u64,
    round_trip: Option<Duration>,
    remote_loss: Option<f32>,
    next_report: Option<Instant>,
}

/// Maps the monotonic clock to NTP time (RFC 3550 section 4).
#[derive(Clone, Copy, Debug)]
struct Wallclock {
    at: Instant,
    /// Seconds since 1900 in the upper 32 bits, fractions in the lower.
    ntp: u64,
}

impl Wallclock {
    fn ntp(self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.at);
        self.ntp.wrapping_add(to_ntp(since))
    }
}

fn to_ntp(duration: Duration) -> u64 {
    (duration.as_secs() << 32) | ((u64::from(duration.subsec_nanos()) << 32) / 1_000_000_000)
}

/// NTP time from time since 1970.
pub(super) fn ntp_since_1970(since: Duration) -> u64 {
    const SECONDS_1900_TO_1970: u64 = 2_208_988_800;
    to_ntp(since).wrapping_add(SECONDS_1900_TO_1970 << 32)
}

/// The middle 32 bits of NTP time: 1/65536 s (RFC 3550 section 4).
fn compact(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}

#[derive(Debug, Default)]
struct Sent {
    packets: u32,
    payload_bytes: u32,
    total_bytes: u64,
    last: Option<(Instant, u32)>,
    packets_at_last_report: u32,
}

/// One stream we receive.
#[derive(Debug)]
struct Source {
    ssrc: u32,
    clock_rate: f64,
    /// Extended: wraps counted in the upper bits.
    first_sequence: u64,
    highest_sequence: u64,
    received: u64,
    last_arrival: Instant,
    /// Arrival minus timestamp of the packet before, in RTP ticks.
    transit: f64,
    jitter: f64,
    expected_at_report: u64,
    received_at_report: u64,
    last_sender_report: Option<(u32, Instant)>,
    /// What would follow a packet that came from beyond a gap too large to be a loss.
    beyond_gap: Option<u16>,
}

impl Source {
    fn new(ssrc: u32, clock_rate: f64, sequence: u16, timestamp: u32, now: Instant, base: Instant) -> Self {
        let first = u64::from(sequence) | 1 << 32;
        Self {
            ssrc,
            clock_rate,
            first_sequence: first,
            highest_sequence: first,
            received: 1,
            last_arrival: now,
            transit: arrival_ticks(now, base, clock_rate) - f64::from(timestamp),
            jitter: 0.0,
            expected_at_report: 0,
            received_at_report: 0,
            last_sender_report: None,
            beyond_gap: None,
        }
    }

    fn expected(&self) -> u64 {
        self.highest_sequence - self.first_sequence + 1
    }

    fn lost(&self) -> u64 {
        self.expected().saturating_sub(self.received)
    }

    fn receive(&mut self, sequence: u16, timestamp: u32, now: Instant, base: Instant) -> Admission {
        let step = sequence.wrapping_sub(self.highest_sequence as u16);
        if step < MAX_DROPOUT {
            self.highest_sequence += u64::from(step);
        } else if step < u16::MAX - MAX_DROPOUT {
            // Two packets in order beyond the gap make a new beginning; one alone is noise.
            let in_order = self.beyond_gap == Some(sequence);
            self.beyond_gap = Some(sequence.wrapping_add(1));
            return if in_order { Admission::Begins } else { Admission::Refused };
        }
        self.beyond_gap = None;
        self.received += 1;
        self.last_arrival = now;
        let transit = arrival_ticks(now, base, self.clock_rate) - f64::from(timestamp);
        // Timestamps wrap after a day; a difference that large is a wrap or a lie, and no jitter either way.
        let difference = (transit - self.transit).abs();
        self.transit = transit;
        if difference < self.clock_rate * 10.0 {
            self.jitter += (difference - self.jitter) / 16.0;
        }
        Admission::Continues
    }
}

fn arrival_ticks(now: Instant, base: Instant, clock_rate: f64) -> f64 {
    now.saturating_duration_since(base).as_secs_f64() * clock_rate
}

/// One report block (RFC 3550 section 6.4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct ReportBlock {
    pub(super) ssrc: u32,
    /// 1/256.
    pub(super) fraction_lost: u8,
    /// 24 bits.
    pub(super) total_lost: u32,
    pub(super) highest_sequence: u32,
    /// RTP ticks.
    pub(super) jitter: u32,
    /// Compact NTP time.
    pub(super) last_sender_report: u32,
    /// 1/65536 s.
    pub(super) delay: u32,
}

/// A report that is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct DueReport {
    pub(super) ssrc: u32,
    /// Present when we sent since the last report: then it is a sender report.
    pub(super) sender: Option<SenderInfo>,
    pub(super) block: Option<ReportBlock>,
}

/// The sender's part of a report.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct SenderInfo {
    pub(super) ntp: u64,
    pub(super) rtp: u32,
    pub(super) packets: u32,
    pub(super) payload_bytes: u32,
}

/// How a received packet stands to those before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Admission {
    /// It belongs to the stream we play.
    Continues,
    /// It begins another one, which is played from now on.
    Begins,
    /// It belongs to a stream that is not played.
    Refused,
}

/// Totals since the link began, and the last measurements.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(crate) struct LinkFigures {
    pub(crate) packets_received: u64,
    pub(crate) packets_lost: u64,
    /// RTP headers and payload.
    pub(crate) bytes_received: u64,
    /// Likewise.
    pub(crate) bytes_sent: u64,
    pub(crate) jitter: Duration,
    pub(crate) round_trip: Option<Duration>,
    /// What the peer says it lost of ours since its report before, 0..=1.
    pub(crate) remote_loss: Option<f32>,
}

impl RtcpSession {
    /// Begins, for streams with this RTP clock, Hz. `ntp` is the wallclock time at `now` ([`ntp_since_1970`]); `ssrc` is
    /// the stream we send.
    pub(super) fn new(ssrc: u32, clock_rate: f64, now: Instant, ntp: u64) -> Self {
        Self {
            clock_rate,
            wallclock: Wallclock { at: now, ntp },
            ssrc,
            sent: Sent::default(),
            source: None,
            rival: None,
            past_lost: 0,
            past_received: 0,
            received_bytes: 0,
            round_trip: None,
            remote_loss: None,
            next_report: None,
        }
    }

    /// A packet of ours left.
    pub(super) fn sent(&mut self, now: Instant, timestamp: u32, header_bytes: usize, payload_bytes: usize) {
        self.sent.packets = self.sent.packets.wrapping_add(1);
        self.sent.payload_bytes = self.sent.payload_bytes.wrapping_add(payload_bytes as u32);
        self.sent.total_bytes += (header_bytes + payload_bytes) as u64;
        self.sent.last = Some((now, timestamp));
        self.start_reporting(now);
    }

    /// A packet with our codec came.
    pub(super) fn received(
        &mut self,
        now: Instant,
        ssrc: u32,
        sequence: u16,
        timestamp: u32,
        bytes: usize,
    ) -> Admission {
        self.start_reporting(now);
        let base = self.wallclock.at;
        let admission = match &mut self.source {
            Some(source) if source.ssrc == ssrc => {
                self.rival = None;
                source.receive(sequence, timestamp, now, base)
            }
            Some(source) => {
                let insisted = match self.rival {
                    Some((rival, count)) if rival == ssrc => count + 1,
                    _ => 1,
                };
                self.rival = Some((ssrc, insisted));
                let silent = now.saturating_duration_since(source.last_arrival) >= SOURCE_SILENCE;
                if silent || insisted >= SOURCE_INSISTENCE { Admission::Begins } else { Admission::Refused }
            }
            None => Admission::Begins,
        };
        match admission {
            Admission::Continues => {}
            Admission::Begins => {
                if let Some(old) =
                    self.source.replace(Source::new(ssrc, self.clock_rate, sequence, timestamp, now, base))
                {
                    self.past_lost += old.lost();
                    self.past_received += old.received;
                }
                self.rival = None;
            }
            Admission::Refused => return admission,
        }
        self.received_bytes += bytes as u64;
        admission
    }

    /// The stream of the peer that is taken now, and the highest sequence number of it.
    pub(super) fn source(&self) -> Option<(u32, u16)> {
        self.source.as_ref().map(|source| (source.ssrc, source.highest_sequence as u16))
    }

    /// The stream we send.
    pub(super) fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// The peer's sender report came.
    pub(super) fn sender_report(&mut self, now: Instant, ssrc: u32, ntp: u64) {
        if let Some(source) = self.source.as_mut().filter(|source| source.ssrc == ssrc) {
            source.last_sender_report = Some((compact(ntp), now));
        }
    }

    /// A report about a stream came. `true` when it is about ours.
    pub(super) fn report_block(&mut self, now: Instant, block: ReportBlock) -> bool {
        if block.ssrc != self.ssrc || self.sent.packets == 0 {
            return false;
        }
        self.remote_loss = Some(f32::from(block.fraction_lost) / 256.0);
        if block.last_sender_report != 0 {
            let elapsed = compact(self.wallclock.ntp(now))
                .wrapping_sub(block.last_sender_report)
                .wrapping_sub(block.delay);
            // Longer than that, or negative: a clock that was set, or a lie.
            if elapsed < MAX_ROUND_TRIP {
                self.round_trip = Some(Duration::from_secs_f64(f64::from(elapsed) / 65_536.0));
            }
        }
        true
    }

    /// When the next report is due.
    pub(super) fn next_report(&self) -> Option<Instant> {
        self.next_report
    }

    /// The report that is due, if one is. `chance` in 0..1 spreads the reports (RFC 3550 section 6.3.1).
    pub(super) fn poll_report(&mut self, now: Instant, chance: f64) -> Option<DueReport> {
        if self.next_report.is_none_or(|due| now < due) {
            return None;
        }
        self.next_report = Some(now + REPORT_INTERVAL.mul_f64(0.5 + chance.clamp(0.0, 1.0)));
        let sender = self.sent.last.filter(|_| self.sent.packets != self.sent.packets_at_last_report).map(
            |(at, timestamp)| {
                let ticks = now.saturating_duration_since(at).as_secs_f64() * self.clock_rate;
                SenderInfo {
                    ntp: self.wallclock.ntp(now),
                    rtp: timestamp.wrapping_add(ticks as u32),
                    packets: self.sent.packets,
                    payload_bytes: self.sent.payload_bytes,
                }
            },
        );
        self.sent.packets_at_last_report = self.sent.packets;
        let block = self.source.as_mut().map(|source| {
            let expected = source.expected();
            let expected_now = expected - source.expected_at_report;
            let received_now = source.received - source.received_at_report;
            source.expected_at_report = expected;
            source.received_at_report = source.received;
            let lost_now = expected_now.saturating_sub(received_now);
            let fraction_lost = (lost_now * 256).checked_div(expected_now).unwrap_or(0).min(255) as u8;
            let (last_sender_report, delay) = source
                .last_sender_report
                .map_or((0, 0), |(ntp, at)| (ntp, compact(to_ntp(now.saturating_duration_since(at)))));
            ReportBlock {
                ssrc: source.ssrc,
                fraction_lost,
                total_lost: source.lost().min(0x7f_ffff) as u32,
                highest_sequence: (source.highest_sequence - (1 << 32)) as u32,
                jitter: source.jitter as u32,
                last_sender_report,
                delay,
            }
        });
        (sender.is_some() || block.is_some()).then_some(DueReport { ssrc: self.ssrc, sender, block })
    }

    /// The figures so far.
    pub(super) fn figures(&self) -> LinkFigures {
        let (lost, received, jitter) = self
            .source
            .as_ref()
            .map_or((0, 0, 0.0), |source| (source.lost(), source.received, source.jitter));
        LinkFigures {
            packets_received: self.past_received + received,
            packets_lost: self.past_lost + lost,
            bytes_received: self.received_bytes,
            bytes_sent: self.sent.total_bytes,
            jitter: Duration::from_secs_f64(jitter / self.clock_rate),
            round_trip: self.round_trip,
            remote_loss: self.remote_loss,
        }
    }

    fn start_reporting(&mut self, now: Instant) {
        self.next_report.get_or_insert(now + FIRST_REPORT);
    }
}

/// Makes one unbroken stream out of the streams a peer sends one after another, for a jitter buffer that knows one.
#[derive(Debug)]
pub(super) struct Continuity {
    clock_rate: f64,
    sequence_offset: u16,
    timestamp_offset: u32,
    last: Option<(u16, u32, Instant)>,
}

impl Continuity {
    /// For streams with this RTP clock, Hz.
    pub(super) fn new(clock_rate: f64) -> Self {
        Self { clock_rate, sequence_offset: 0, timestamp_offset: 0, last: None }
    }

    /// The peer's own number of what we know under `sequence`.
    pub(super) fn original(&self, sequence: u16) -> u16 {
        sequence.wrapping_sub(self.sequence_offset)
    }

    /// The sequence number and timestamp to go on with.
    pub(super) fn map(
        &mut self,
        admission: Admission,
        sequence: u16,
        timestamp: u32,
        now: Instant,
    ) -> (u16, u32) {
        if admission == Admission::Begins
            && let Some((last_sequence, last_timestamp, at)) = self.last
        {
            let ticks = now.saturating_duration_since(at).as_secs_f64() * self.clock_rate;
            self.sequence_offset = last_sequence.wrapping_add(1).wrapping_sub(sequence);
            self.timestamp_offset = last_timestamp.wrapping_add(ticks as u32).wrapping_sub(timestamp);
        }
        let mapped =
            (sequence.wrapping_add(self.sequence_offset), timestamp.wrapping_add(self.timestamp_offset));
        let is_newest = self.last.is_none_or(|(last, _, _)| mapped.0.wrapping_sub(last) < 0x8000);
        if is_newest {
            self.last = Some((mapped.0, mapped.1, now));
        }
        mapped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NTP: u64 = 0x1234_5678_0000_0000;

    fn at(start: Instant, milliseconds: u64) -> Instant {
        start + Duration::from_millis(milliseconds)
    }

    /// Packets of 20 ms, all but those `lost` says, then the report.
    fn receive(session: &mut RtcpSession, start: Instant, count: u16, lost: impl Fn(u16) -> bool) {
        for number in 0..count {
            if !lost(number) {
                let sequence = 65_500u16.wrapping_add(number);
                session.received(at(start, u64::from(number) * 20), 7, sequence, u32::from(number) * 960, 60);
            }
        }
    }

    #[test]
    fn losses_are_counted_across_the_wrap_of_sequence_numbers() {
        let start = Instant::now();
        let mut session = RtcpSession::new(1, SOUND_CLOCK, start, NTP);
        receive(&mut session, start, 100, |number| number % 10 == 5);
        let figures = session.figures();
        assert_eq!((figures.packets_received, figures.packets_lost), (90, 10));
        let report = session.poll_report(at(start, 2000), 0.5).unwrap();
        let block = report.block.unwrap();
        assert_eq!((block.ssrc, block.total_lost, block.fraction_lost), (7, 10, 25));
        assert_eq!(block.highest_sequence, 65_599);
        assert_eq!(report.sender, None, "nothing was sent");
    }

    #[test]
    fn even_packets_have_no_jitter_and_uneven_ones_do() {
        let start = Instant::now();
        let mut even = RtcpSession::new(1, SOUND_CLOCK, start, NTP);
        receive(&mut even, start, 200, |_| false);
        assert!(even.figures().jitter < Duration::from_micros(50));
        let mut uneven = RtcpSession::new(1, SOUND_CLOCK, start, NTP);
        for number in 0..200u16 {
            let wobble = u64::from(number % 2) * 10;
            uneven.received(
                at(start, u64::from(number) * 20 + wobble),
                7,
                number,
                u32::from(number) * 960,
                60,
            );
        }
        let jitter = uneven.figures().jitter.as_secs_f64() * 1000.0;
        assert!((9.0..10.1).contains(&jitter), "{jitter} ms");
    }

    #[test]
    fn the_round_trip_leaves_out_what_the_peer_took() {
        let start = Instant::now();
        let mut ours = RtcpSession::new(1, SOUND_CLOCK, start, NTP);
        let mut theirs = RtcpSession::new(2, SOUND_CLOCK, start, NTP + 999);
        ours.sent(start, 0, 12, 50);
        theirs.received(at(start, 40), 1, 0, 0, 62);
        let report = ours.poll_report(at(start, 500), 0.0).unwrap();
        theirs.sender_report(at(start, 540), report.ssrc, report.sender.unwrap().ntp);
        let back = theirs.poll_report(at(start, 1200), 0.0).unwrap();
        ours.report_block(at(start, 1230), back.block.unwrap());
        let round_trip = ours.figures().round_trip.unwrap().as_secs_f64();
        assert!((round_trip - 0.070).abs() < 0.001, "{round_trip} s");
        assert_eq!(ours.figures().remote_loss, Some(0.0));
    }

    #[test]
    fn reports_about_the_future_change_nothing() {
        let start = Instant::now();
        let mut session = RtcpSession::new(1, SOUND_CLOCK, start, NTP);
        session.sent(start, 0, 12, 50);
        session.report_block(
            at(start, 100),
            ReportBlock {
                ssrc: 1,
                last_sender_report: 0xffff_0000,
                delay: u32::MAX,
                ..ReportBlock::default()
            },
        );
        assert_eq!(session.figures().round_trip, None);
    }

    #[test]
    fn another_stream_takes_over_when_it_insists_or_the_first_is_silent() {
        let start = Instant::now();
        let mut session = RtcpSession::new(1, SOUND_CLOCK, start, NTP);
        assert_eq!(session.received(start, 7, 1, 0, 60), Admission::Begins);
        assert_eq!(session.received(at(start, 20), 8, 9, 0, 60), Admission::Refused);
        assert_eq!(session.received(at(start, 20), 7, 2, 960, 60), Admission::Continues);
        for _ in 0..2 {
            assert_eq!(session.received(at(start, 40), 8, 10, 0, 60), Admission::Refused);
        }
        assert_eq!(session.received(at(start, 60), 8, 11, 0, 60), Admission::Begins);
        assert_eq!(session.received(at(start, 400), 9, 1, 0, 60), Admission::Begins);
        assert_eq!(session.figures().packets_received, 4);
    }

    #[test]
    fn a_jump_is_believed_when_the_next_packet_follows_it() {
        let start = Instant::now();
        let mut session = RtcpSession::new(1, SOUND_CLOCK, start, NTP);
        session.received(start, 7, 100, 0, 60);
        assert_eq!(session.received(at(start, 20), 7, 30_000, 960, 60), Admission::Refused);
        assert_eq!(session.received(at(start, 40), 7, 101, 1920, 60), Admission::Continues);
        assert_eq!(session.received(at(start, 60), 7, 30_000, 2880, 60), Admission::Refused);
        assert_eq!(session.received(at(start, 80), 7, 30_001, 3840, 60), Admission::Begins);
        assert_eq!(session.figures().packets_lost, 0);
    }

    #[test]
    fn streams_one_after_another_are_mapped_to_one() {
        let start = Instant::now();
        let mut continuity = Continuity::new(SOUND_CLOCK);
        assert_eq!(continuity.map(Admission::Begins, 65_535, 100, start), (65_535, 100));
        assert_eq!(continuity.map(Admission::Continues, 0, 1060, at(start, 20)), (0, 1060));
        let (sequence, timestamp) = continuity.map(Admission::Begins, 500, 77, at(start, 40));
        assert_eq!((sequence, timestamp), (1, 2020));
        assert_eq!(continuity.map(Admission::Continues, 501, 77 + 960, at(start, 60)), (2, 2980));
        assert_eq!(
            continuity.map(Admission::Continues, 499, 0, at(start, 60)).0,
            0,
            "late ones stay in place"
        );
    }
}
