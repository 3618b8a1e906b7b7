//! Transport-wide congestion control (draft-holmer-rmcat-transport-wide-cc-extensions-01): when packets arrived, told
//! by who receives them and matched by who sent them.
//!
//! Pure, told the time.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use rtc::rtcp::transport_feedbacks::transport_layer_cc::{
    PacketStatusChunk, RecvDelta, RunLengthChunk, StatusChunkTypeTcc, StatusVectorChunk, SymbolSizeTypeTcc,
    SymbolTypeTcc, TransportLayerCc,
};

use super::{PacketReport, TransportFeedback};

/// How often arrivals are told. Rate control acts on it within a few round trips, and it costs a few kbit/s.
const INTERVAL: Duration = Duration::from_millis(60);
/// The most arrivals remembered; a flood beyond is not told of.
const MAX_ARRIVALS: usize = 1024;
/// The most packets one report spans. More missing at once than that is a new beginning.
const MAX_SPAN: i64 = 2048;
/// The most sent packets remembered: seconds of the highest rates.
const MAX_SENT: usize = 8192;
/// The unit of the reference time, microseconds.
const REFERENCE: i64 = 64_000;
/// The unit of a delta, microseconds.
const DELTA: i64 = 250;
/// What a two-bit status vector holds.
const VECTOR: usize = 7;

/// The times at which a peer's packets arrived, until they were told.
#[derive(Debug)]
pub(super) struct Arrivals {
    origin: Instant,
    /// By number, wraps counted.
    seen: BTreeMap<i64, Instant>,
    highest: Option<i64>,
    /// The first number the next report speaks of.
    next: i64,
    reports: u8,
    due: Option<Instant>,
}

impl Arrivals {
    /// Begins; arrivals are told as time since `origin`.
    pub(super) fn new(origin: Instant) -> Self {
        Self { origin, seen: BTreeMap::new(), highest: None, next: 0, reports: 0, due: None }
    }

    /// A packet with that number came.
    pub(super) fn arrived(&mut self, now: Instant, number: u16) {
        let number = match self.highest {
            // Half the numbers count as late, the other half as new.
            Some(highest) => highest + i64::from(number.wrapping_sub(highest as u16) as i16),
            None => {
                self.next = i64::from(number);
                self.next
            }
        };
        let too_old = number < self.next - MAX_SPAN;
        if too_old || self.seen.len() == MAX_ARRIVALS {
            return;
        }
        self.highest = Some(self.highest.map_or(number, |highest| highest.max(number)));
        self.seen.entry(number).or_insert(now);
        self.due.get_or_insert(now + INTERVAL);
    }

    /// When the next report is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// The report that is due, if one is: from `sender`, about the stream `media`.
    pub(super) fn poll(&mut self, now: Instant, sender: u32, media: u32) -> Option<TransportLayerCc> {
        if self.due.is_none_or(|due| now < due) {
            return None;
        }
        let Some((&oldest, _)) = self.seen.first_key_value() else {
            self.due = None;
            return None;
        };
        // Late ones are told where they belong; after a jump the numbers between are nobody's.
        let first = if oldest - self.next > MAX_SPAN { oldest } else { oldest.min(self.next) };
        let micros = |at: Instant| at.saturating_duration_since(self.origin).as_micros() as i64;
        let reference = self.seen.first_key_value().map_or(0, |(_, at)| micros(*at)) / REFERENCE;
        let mut told = reference * REFERENCE;
        let mut symbols = Vec::new();
        let mut deltas = Vec::new();
        let mut last = first - 1;
        for (&number, &at) in &self.seen {
            if number - first >= MAX_SPAN {
                break;
            }
            let delta = (micros(at) - told).div_euclid(DELTA);
            // What does not fit begins the next report, with a reference of its own.
            if i16::try_from(delta).is_err() {
                break;
            }
            symbols.extend((last + 1..number).map(|_| SymbolTypeTcc::PacketNotReceived));
            let symbol = if u8::try_from(delta).is_ok() {
                SymbolTypeTcc::PacketReceivedSmallDelta
            } else {
                SymbolTypeTcc::PacketReceivedLargeDelta
            };
            symbols.push(symbol);
            deltas.push(RecvDelta { type_tcc_packet: symbol, delta: delta * DELTA });
            told += delta * DELTA;
            last = number;
        }
        self.seen = self.seen.split_off(&(last + 1));
        self.next = last + 1;
        self.due = (!self.seen.is_empty()).then_some(now + INTERVAL);
        let count = self.reports;
        self.reports = count.wrapping_add(1);
        Some(TransportLayerCc {
            sender_ssrc: sender,
            media_ssrc: media,
            base_sequence_number: first as u16,
            packet_status_count: symbols.len() as u16,
            reference_time: (reference & 0xff_ffff) as u32,
            fb_pkt_count: count,
            packet_chunks: chunks(&symbols),
            recv_deltas: deltas,
        })
    }
}

/// Statuses as run lengths where they repeat, and as vectors where they do not (section 3.1.2).
fn chunks(symbols: &[SymbolTypeTcc]) -> Vec<PacketStatusChunk> {
    let mut chunks = Vec::new();
    let mut rest = symbols;
    while let Some(&first) = rest.first() {
        let run = rest.iter().take_while(|symbol| **symbol == first).count();
        let taken = if run >= VECTOR || run == rest.len() {
            chunks.push(PacketStatusChunk::RunLengthChunk(RunLengthChunk {
                type_tcc: StatusChunkTypeTcc::RunLengthChunk,
                packet_status_symbol: first,
                // At most `MAX_SPAN`, of 13 bits.
                run_length: run as u16,
            }));
            run
        } else {
            let taken = rest.len().min(VECTOR);
            let mut list = rest[..taken].to_vec();
            list.resize(VECTOR, SymbolTypeTcc::PacketNotReceived);
            chunks.push(PacketStatusChunk::StatusVectorChunk(StatusVectorChunk {
                type_tcc: StatusChunkTypeTcc::StatusVectorChunk,
                symbol_size: SymbolSizeTypeTcc::TwoBit,
                symbol_list: list,
            }));
            taken
        };
        rest = &rest[taken..];
    }
    chunks
}

/// The packets that were sent, until the peer told what became of them.
#[derive(Debug, Default)]
pub(super) struct SentLog {
    /// The number of the oldest one kept.
    first: u64,
    packets: VecDeque<SentPacket>,
    /// The last reference time, microseconds, wraps counted.
    reference: Option<i64>,
}

#[derive(Debug)]
struct SentPacket {
    sent: Instant,
    size: usize,
    cluster: Option<u16>,
    /// Told to have arrived; whatever is told later is no news.
    arrived: bool,
}

impl SentLog {
    /// A packet of `size` bytes leaves now, padding if it is of a `cluster`. Its number; the lower 16 bits go with it.
    pub(super) fn sent(&mut self, now: Instant, size: usize, cluster: Option<u16>) -> u64 {
        if self.packets.len() == MAX_SENT {
            self.packets.pop_front();
            self.first += 1;
        }
        self.packets.push_back(SentPacket { sent: now, size, cluster, arrived: false });
        self.first + self.packets.len() as u64 - 1
    }

    /// Matches a peer's report. `None` when it says nothing about packets of ours.
    pub(super) fn matched(&mut self, now: Instant, report: &TransportLayerCc) -> Option<TransportFeedback> {
        let newest = (self.first + self.packets.len() as u64).checked_sub(1)?;
        let behind = (newest as u16).wrapping_sub(report.base_sequence_number);
        let base = newest.checked_sub(u64::from(behind)).filter(|base| *base >= self.first)?;
        let mut arrival = self.unwrapped(report.reference_time);
        let mut deltas = report.recv_deltas.iter();
        let mut packets = Vec::new();
        let statuses = report.packet_chunks.iter().flat_map(statuses);
        for (offset, status) in (0..report.packet_status_count).zip(statuses) {
            let arrived = match status {
                SymbolTypeTcc::PacketNotReceived => None,
                SymbolTypeTcc::PacketReceivedSmallDelta | SymbolTypeTcc::PacketReceivedLargeDelta => {
                    arrival += deltas.next()?.delta;
                    Some(arrival)
                }
                // Received, at a time unknown: nothing to measure, and no loss.
                SymbolTypeTcc::PacketReceivedWithoutDelta => continue,
            };
            let number = base + u64::from(offset);
            // Beyond what we sent there is nothing; the rest of the report is made up.
            let Some(packet) = self.packets.get_mut((number - self.first) as usize) else { break };
            if packet.arrived {
                continue;
            }
            packet.arrived = arrived.is_some();
            let SentPacket { sent, size, cluster, .. } = *packet;
            packets.push(PacketReport { number, sent, arrival: arrived, size, cluster });
        }
        (!packets.is_empty()).then_some(TransportFeedback { at: now, packets })
    }

    /// The reference time of 24 bits as one that does not wrap, microseconds.
    fn unwrapped(&mut self, reference: u32) -> i64 {
        const WRAP: i64 = REFERENCE << 24;
        let time = i64::from(reference & 0xff_ffff) * REFERENCE;
        let unwrapped = match self.reference {
            None => time,
            Some(last) => {
                let forward = (time - last).rem_euclid(WRAP);
                if forward < WRAP / 2 { last + forward } else { last + forward - WRAP }
            }
        };
        self.reference = Some(unwrapped);
        unwrapped
    }
}

/// The statuses in a chunk. Those of the library are bounded by their encoding: 8191, or 14.
fn statuses(chunk: &PacketStatusChunk) -> Box<dyn Iterator<Item = SymbolTypeTcc> + '_> {
    match chunk {
        PacketStatusChunk::RunLengthChunk(run) => {
            Box::new(std::iter::repeat_n(run.packet_status_symbol, usize::from(run.run_length)))
        }
        PacketStatusChunk::StatusVectorChunk(vector) => Box::new(vector.symbol_list.iter().copied()),
    }
}

#[cfg(test)]
mod tests {
    use rtc::shared::marshal::{Marshal, Unmarshal};

    use super::*;

    fn at(start: Instant, milliseconds: u64) -> Instant {
        start + Duration::from_millis(milliseconds)
    }

    /// Through the wire and back.
    fn carried(report: &TransportLayerCc) -> TransportLayerCc {
        let mut bytes = report.marshal().unwrap().freeze();
        assert_eq!(bytes.len() % 4, 0);
        TransportLayerCc::unmarshal(&mut bytes).unwrap()
    }

    #[test]
    fn what_arrived_is_matched_to_what_was_sent() {
        let start = Instant::now();
        let mut log = SentLog::default();
        let mut arrivals = Arrivals::new(start);
        // Numbers wrap on the way; one in eight is lost, and the way takes 40 ms.
        let mut lost = Vec::new();
        let mut reports = Vec::new();
        for count in 0..70_000u64 {
            let now = at(start, count * 2);
            let number = log.sent(now, 1000 + (count % 100) as usize, None);
            assert_eq!(number, count);
            if count % 8 == 3 && count != 69_999 {
                lost.push(count);
            } else {
                arrivals.arrived(at(now, 40), number as u16);
            }
            if let Some(report) = arrivals.poll(at(now, 40), 1, 2) {
                reports.extend(log.matched(at(now, 80), &carried(&report)).unwrap().packets);
            }
        }
        let told_lost: Vec<u64> =
            reports.iter().filter(|report| report.arrival.is_none()).map(|report| report.number).collect();
        lost.truncate(told_lost.len());
        assert_eq!(told_lost, lost);
        assert!(told_lost.len() > 8_000, "{}", told_lost.len());
        for pair in reports.windows(2) {
            assert_eq!(pair[1].number, pair[0].number + 1);
            assert_eq!(pair[0].size, 1000 + (pair[0].number % 100) as usize);
        }
        let arrived: Vec<_> =
            reports.iter().filter_map(|report| Some((report.arrival?, report.sent))).collect();
        for pair in arrived.windows(2) {
            let sent_apart = (pair[1].1 - pair[0].1).as_micros() as i64;
            assert!((pair[1].0 - pair[0].0 - sent_apart).abs() <= DELTA);
        }
    }

    #[test]
    fn late_packets_are_told_late_and_once() {
        let start = Instant::now();
        let (mut log, mut arrivals) = (SentLog::default(), Arrivals::new(start));
        for _ in 0..4 {
            log.sent(start, 100, None);
        }
        for number in [0, 1, 3] {
            arrivals.arrived(at(start, 20), number);
        }
        let first = log.matched(start, &carried(&arrivals.poll(at(start, 100), 1, 2).unwrap())).unwrap();
        let told: Vec<_> =
            first.packets.iter().map(|report| (report.number, report.arrival.is_some())).collect();
        assert_eq!(told, [(0, true), (1, true), (2, false), (3, true)]);
        arrivals.arrived(at(start, 120), 2);
        let report = carried(&arrivals.poll(at(start, 200), 1, 2).unwrap());
        assert_eq!((report.base_sequence_number, report.packet_status_count), (2, 1));
        assert_eq!(log.matched(start, &report).unwrap().packets.len(), 1);
        assert_eq!(log.matched(start, &report), None, "the same again is no news");
    }

    #[test]
    fn long_pauses_and_jumps_are_split_into_reports() {
        let start = Instant::now();
        let mut arrivals = Arrivals::new(start);
        arrivals.arrived(start, 0);
        arrivals.arrived(at(start, 20_000), 1);
        arrivals.arrived(at(start, 20_001), 20_000);
        let mut bases = Vec::new();
        for round in 0..4 {
            if let Some(report) = arrivals.poll(at(start, 30_000 + round * 100), 1, 2) {
                bases.push((carried(&report).base_sequence_number, report.packet_status_count));
            }
        }
        assert_eq!(bases, [(0, 1), (1, 1), (20_000, 1)]);
        assert_eq!(arrivals.due(), None);
    }

    #[test]
    fn absurd_reports_are_bounded_and_change_nothing() {
        let start = Instant::now();
        let mut log = SentLog::default();
        let run = |symbol, length| {
            PacketStatusChunk::RunLengthChunk(RunLengthChunk {
                type_tcc: StatusChunkTypeTcc::RunLengthChunk,
                packet_status_symbol: symbol,
                run_length: length,
            })
        };
        let report = |base, count, chunks: Vec<PacketStatusChunk>| TransportLayerCc {
            base_sequence_number: base,
            packet_status_count: count,
            packet_chunks: chunks,
            ..TransportLayerCc::default()
        };
        let lost = SymbolTypeTcc::PacketNotReceived;
        let everything = report(0, u16::MAX, vec![run(lost, 8191); 9]);
        assert_eq!(log.matched(start, &everything), None, "nothing was sent");
        for _ in 0..10 {
            log.sent(start, 100, None);
        }
        assert_eq!(log.matched(start, &everything).unwrap().packets.len(), 10);
        assert_eq!(log.matched(start, &report(500, 10, vec![run(lost, 10)])), None, "of the future");
        let without_times = report(0, 5, vec![run(SymbolTypeTcc::PacketReceivedSmallDelta, 5)]);
        assert_eq!(log.matched(start, &without_times), None);
        // Any number of packets, and any numbers, take bounded space.
        let mut arrivals = Arrivals::new(start);
        for number in 0..100_000u32 {
            arrivals.arrived(start, (number.wrapping_mul(40_503) >> 3) as u16);
            log.sent(start, 1, None);
        }
        assert!(arrivals.seen.len() <= MAX_ARRIVALS && log.packets.len() <= MAX_SENT);
        while let Some(report) = arrivals.poll(at(start, 1000), 1, 2) {
            assert!(i64::from(report.packet_status_count) <= MAX_SPAN);
            arrivals.due = arrivals.due.map(|_| start);
        }
    }
}
