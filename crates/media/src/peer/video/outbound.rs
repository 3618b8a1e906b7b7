//! Our pictures on their way to one peer: numbers, header extensions, and the memory from which what got lost is sent
//! again.
//!
//! Pure, told the time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use rtc::rtcp::transport_feedbacks::transport_layer_cc::TransportLayerCc;
use rtc::rtp::{Header, Packet};
use rtc::shared::marshal::MarshalSize;

use super::twcc::SentLog;
use super::{MAX_VIDEO_PAYLOAD, OutgoingVideo, TransportFeedback};

/// The names of the sizes in which one picture is sent, highest first (talk-signaling section 6.7).
pub(crate) const RIDS: [&str; 3] = ["h", "m", "l"];
/// The most sizes.
pub(crate) const MAX_LAYERS: usize = RIDS.len();
/// The most packets that wait for the library's task. Whoever paces them never comes near.
const MAX_QUEUED: usize = 512;
/// How long a packet can be sent again. What comes later is too late to be shown.
const HISTORY_TIME: Duration = Duration::from_secs(1);
/// The most bytes kept for that, per layer.
const HISTORY_BYTES: usize = 2 << 20;
/// Of what is sent, this part may be sent again.
const REPEAT_SHARE: f64 = 0.25;
/// What may be sent again at once, bytes, before that counts: a lost burst.
const REPEAT_BURST: f64 = 64.0 * 1024.0;
/// A packet is not sent again sooner than this after the last time, unless the round trip is known.
const REPEAT_PAUSE: Duration = Duration::from_millis(20);
/// The longest such pause.
const MAX_REPEAT_PAUSE: Duration = Duration::from_millis(200);

/// How to write packets for a peer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::peer) struct SendAgreement {
    pub(in crate::peer) payload_type: u8,
    /// The payload type of retransmissions (RFC 4588), if the peer takes them as such.
    pub(in crate::peer) rtx: Option<u8>,
    /// Where header extensions go, as far as the peer takes them.
    pub(in crate::peer) extensions: ExtensionIds,
    /// The section's tag.
    pub(in crate::peer) mid: Bytes,
    /// 1, or how many of [`RIDS`] the peer takes.
    pub(in crate::peer) layers: usize,
    /// Whether layers are named in packets.
    pub(in crate::peer) named: bool,
}

/// The identifiers of the header extensions we know, 1..=14 (RFC 8285 section 4.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in crate::peer) struct ExtensionIds {
    /// Transport-wide numbers.
    pub(in crate::peer) transport: Option<u8>,
    /// The section's tag (RFC 9143 section 15).
    pub(in crate::peer) mid: Option<u8>,
    /// The layer's name (RFC 8852).
    pub(in crate::peer) rid: Option<u8>,
    /// The name of the layer that a retransmission belongs to.
    pub(in crate::peer) repaired_rid: Option<u8>,
}

/// Which streams a layer is sent as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::peer) struct LayerStreams {
    pub(in crate::peer) media: u32,
    pub(in crate::peer) rtx: u32,
}

/// A packet that leaves now.
#[derive(Debug)]
pub(super) struct Leaving {
    pub(super) packet: Packet,
    pub(super) layer: usize,
    /// Whether it was sent before.
    pub(super) repeated: bool,
}

/// The sending half of a video section.
#[derive(Debug)]
pub(super) struct Outbound {
    layers: [Layer; MAX_LAYERS],
    agreed: Option<SendAgreement>,
    queue: VecDeque<Waiting>,
    log: SentLog,
    /// Bytes that may be sent again.
    budget: f64,
    pub(super) dropped: u64,
    pub(super) repeated: u64,
}

/// Padding is made of one of so many packets that were sent last.
const PADDING_CHOICE: usize = 64;

#[derive(Debug)]
struct Layer {
    streams: LayerStreams,
    sequence: u16,
    rtx_sequence: u16,
    history: VecDeque<Kept>,
    history_bytes: usize,
}

#[derive(Debug)]
struct Waiting {
    layer: usize,
    packet: Packet,
}

/// A packet that can be sent again.
#[derive(Debug)]
struct Kept {
    sent: Instant,
    repeated: Option<Instant>,
    packet: Packet,
}

impl Outbound {
    /// Layers take their streams from `streams`, and begin at `sequence` and `rtx_sequence`.
    pub(super) fn new(streams: [LayerStreams; MAX_LAYERS], sequence: u16, rtx_sequence: u16) -> Self {
        Self {
            layers: streams.map(|streams| Layer {
                streams,
                sequence,
                rtx_sequence,
                history: VecDeque::new(),
                history_bytes: 0,
            }),
            agreed: None,
            queue: VecDeque::new(),
            log: SentLog::default(),
            budget: REPEAT_BURST,
            dropped: 0,
            repeated: 0,
        }
    }

    /// How packets are written from now on; `None` ends sending.
    pub(super) fn agree(&mut self, agreed: Option<SendAgreement>) {
        if self.agreed == agreed {
            return;
        }
        // What waits and what is kept was written for the old agreement.
        self.queue.clear();
        for layer in &mut self.layers {
            layer.history.clear();
            layer.history_bytes = 0;
        }
        self.agreed = agreed;
    }

    /// Takes a payload in. `false` when it cannot leave: nothing is agreed, it is too large, or too much waits.
    pub(super) fn push(&mut self, video: &OutgoingVideo) -> bool {
        let Some(agreed) = &self.agreed else { return false };
        let unusable = video.payload.is_empty() || video.payload.len() > MAX_VIDEO_PAYLOAD;
        if unusable || video.layer >= agreed.layers || self.queue.len() >= MAX_QUEUED {
            self.dropped += 1;
            return false;
        }
        let layer = &mut self.layers[video.layer];
        let mut header = Header {
            version: 2,
            marker: video.marker,
            payload_type: agreed.payload_type,
            sequence_number: layer.sequence,
            timestamp: video.timestamp,
            ssrc: layer.streams.media,
            ..Header::default()
        };
        layer.sequence = layer.sequence.wrapping_add(1);
        extend(&mut header, agreed.extensions.mid, agreed.mid.clone());
        if agreed.named {
            extend(&mut header, agreed.extensions.rid, rid(video.layer));
        }
        self.queue.push_back(Waiting {
            layer: video.layer,
            packet: Packet { header, payload: video.payload.clone() },
        });
        true
    }

    /// Whether payloads are taken.
    pub(super) fn is_agreed(&self) -> bool {
        self.agreed.is_some()
    }

    /// Whether something waits.
    pub(super) fn is_waiting(&self) -> bool {
        !self.queue.is_empty()
    }

    /// The next packet, numbered and kept.
    pub(super) fn poll(&mut self, now: Instant) -> Option<Leaving> {
        let Waiting { layer: index, mut packet } = self.queue.pop_front()?;
        let agreed = self.agreed.as_ref()?;
        let size = number(&mut self.log, now, agreed, &mut packet, None);
        self.budget = (self.budget + size as f64 * REPEAT_SHARE).min(REPEAT_BURST);
        let layer = &mut self.layers[index];
        while let Some(oldest) = layer.history.front()
            && (now.saturating_duration_since(oldest.sent) > HISTORY_TIME
                || layer.history_bytes > HISTORY_BYTES)
        {
            layer.history_bytes -= oldest.packet.payload.len();
            layer.history.pop_front();
        }
        layer.history_bytes += packet.payload.len();
        layer.history.push_back(Kept { sent: now, repeated: None, packet: packet.clone() });
        Some(Leaving { packet, layer: index, repeated: false })
    }

    /// The peer misses a packet of the stream `ssrc`. Yields what to send; nothing when it is gone, was sent again a
    /// moment ago, or more was sent again than is good.
    pub(super) fn repeat(
        &mut self,
        now: Instant,
        ssrc: u32,
        sequence: u16,
        round_trip: Option<Duration>,
    ) -> Option<Leaving> {
        let agreed = self.agreed.as_ref()?;
        let index = self.layers.iter().position(|layer| layer.streams.media == ssrc)?;
        let layer = &mut self.layers[index];
        let oldest = layer.history.front()?.packet.header.sequence_number;
        let kept = layer.history.get_mut(usize::from(sequence.wrapping_sub(oldest)))?;
        // A second request for the same loss comes before the first repetition can have arrived.
        let pause = round_trip.map_or(REPEAT_PAUSE, |trip| trip.mul_f32(0.7)).min(MAX_REPEAT_PAUSE);
        let too_soon = kept.repeated.is_some_and(|at| now.saturating_duration_since(at) < pause);
        let too_old = now.saturating_duration_since(kept.sent) > HISTORY_TIME;
        let cost = (kept.packet.header.marshal_size() + kept.packet.payload.len()) as f64;
        if too_soon || too_old || self.budget < cost {
            return None;
        }
        self.budget -= cost;
        kept.repeated = Some(now);
        self.repeated += 1;
        let packet = match agreed.rtx {
            Some(payload_type) => {
                let mut packet = repetition(
                    &kept.packet,
                    index,
                    layer.streams.rtx,
                    &mut layer.rtx_sequence,
                    payload_type,
                    agreed,
                );
                number(&mut self.log, now, agreed, &mut packet, None);
                packet
            }
            // To the bit what was sent before: a key stream must not cover two different packets.
            None => kept.packet.clone(),
        };
        Some(Leaving { packet, layer: index, repeated: true })
    }

    /// Padding of about `size` bytes, which counts as part of a `cluster`: a packet that the far end has already, as a
    /// repetition that it does not need. `None` where repetitions have no stream of their own, nothing was sent that is
    /// small enough, or nobody would tell when it arrives.
    pub(super) fn pad(&mut self, now: Instant, size: usize, cluster: u16) -> Option<Leaving> {
        let agreed = self.agreed.as_ref()?;
        let payload_type = agreed.rtx?;
        agreed.extensions.transport?;
        let fits = |layer: &Layer| {
            let last = layer.history.iter().enumerate().rev().take(PADDING_CHOICE);
            last.map(|(at, kept)| (at, kept.packet.payload.len()))
                .filter(|(_, bytes)| *bytes <= size + size / 4)
                .max_by_key(|(_, bytes)| *bytes)
        };
        let layers = self.layers.iter().enumerate();
        let found = layers.filter_map(|(index, layer)| fits(layer).map(|(at, bytes)| (index, at, bytes)));
        let (index, at, bytes) = found.max_by_key(|(_, _, bytes)| *bytes)?;
        if bytes * 2 < size {
            return None;
        }
        let layer = &mut self.layers[index];
        let kept = layer.history.get(at)?;
        let mut packet =
            repetition(&kept.packet, index, layer.streams.rtx, &mut layer.rtx_sequence, payload_type, agreed);
        number(&mut self.log, now, agreed, &mut packet, Some(cluster));
        Some(Leaving { packet, layer: index, repeated: true })
    }

    /// The layer that is sent as `ssrc`.
    pub(super) fn layer_of(&self, ssrc: u32) -> Option<usize> {
        self.layers.iter().position(|layer| layer.streams.media == ssrc)
    }

    /// Matches a peer's report on arrivals.
    pub(super) fn matched(&mut self, now: Instant, report: &TransportLayerCc) -> Option<TransportFeedback> {
        self.log.matched(now, report)
    }
}

fn rid(layer: usize) -> Bytes {
    Bytes::from_static(RIDS[layer].as_bytes())
}

/// Adds a header extension, where it has an identifier and fits the one-byte form.
fn extend(header: &mut Header, id: Option<u8>, value: Bytes) {
    if let Some(id) = id
        && (1..=16).contains(&value.len())
    {
        // Fails for identifiers and lengths that cannot be here.
        let _ = header.set_extension(id, value);
    }
}

/// A packet again, on the stream of repetitions (RFC 4588 section 4).
fn repetition(
    original: &Packet,
    index: usize,
    ssrc: u32,
    sequence: &mut u16,
    payload_type: u8,
    agreed: &SendAgreement,
) -> Packet {
    let mut header = Header {
        version: 2,
        marker: original.header.marker,
        payload_type,
        sequence_number: *sequence,
        timestamp: original.header.timestamp,
        ssrc,
        ..Header::default()
    };
    *sequence = sequence.wrapping_add(1);
    extend(&mut header, agreed.extensions.mid, agreed.mid.clone());
    if agreed.named {
        extend(&mut header, agreed.extensions.repaired_rid, rid(index));
    }
    let mut payload = BytesMut::with_capacity(original.payload.len() + 2);
    payload.put_u16(original.header.sequence_number);
    payload.extend_from_slice(&original.payload);
    Packet { header, payload: payload.freeze() }
}

/// Gives a packet its transport-wide number. Its size, header included, bytes.
fn number(
    log: &mut SentLog,
    now: Instant,
    agreed: &SendAgreement,
    packet: &mut Packet,
    cluster: Option<u16>,
) -> usize {
    const NUMBER_BYTES: usize = 4;
    let size = packet.header.marshal_size() + packet.payload.len();
    match agreed.extensions.transport {
        Some(id) => {
            let number = log.sent(now, size + NUMBER_BYTES, cluster) as u16;
            extend(&mut packet.header, Some(id), Bytes::copy_from_slice(&number.to_be_bytes()));
            size + NUMBER_BYTES
        }
        None => size,
    }
}

#[cfg(test)]
mod tests {
    use rtc::shared::marshal::{Marshal, Unmarshal};

    use super::*;

    const STREAMS: [LayerStreams; 3] = [
        LayerStreams { media: 10, rtx: 11 },
        LayerStreams { media: 20, rtx: 21 },
        LayerStreams { media: 30, rtx: 31 },
    ];

    fn agreement() -> SendAgreement {
        SendAgreement {
            payload_type: 96,
            rtx: Some(97),
            extensions: ExtensionIds {
                transport: Some(3),
                mid: Some(4),
                rid: Some(10),
                repaired_rid: Some(11),
            },
            mid: Bytes::from_static(b"1"),
            layers: 3,
            named: true,
        }
    }

    fn video(layer: usize, timestamp: u32, size: usize) -> OutgoingVideo {
        OutgoingVideo {
            layer,
            timestamp,
            marker: true,
            keyframe: false,
            temporal_layer: 0,
            payload: Bytes::from(vec![7; size]),
        }
    }

    /// Through the wire and back.
    fn carried(packet: &Packet) -> Packet {
        let mut bytes = packet.marshal().unwrap().freeze();
        Packet::unmarshal(&mut bytes).unwrap()
    }

    #[test]
    fn packets_carry_their_section_their_layer_and_their_number() {
        let now = Instant::now();
        let mut out = Outbound::new(STREAMS, 65_535, 500);
        assert!(!out.push(&video(0, 1, 10)), "nothing is agreed");
        out.agree(Some(agreement()));
        for layer in [0, 1, 2, 0] {
            assert!(out.push(&video(layer, 90, 1000)));
        }
        let mut sequences = Vec::new();
        for (number, layer) in [0usize, 1, 2, 0].into_iter().enumerate() {
            let leaving = out.poll(now).unwrap();
            let packet = carried(&leaving.packet);
            assert!(!leaving.repeated && leaving.layer == layer);
            let header = &packet.header;
            assert_eq!((header.ssrc, header.payload_type, header.marker), (STREAMS[layer].media, 96, true));
            assert_eq!(header.get_extension(4).unwrap().as_ref(), b"1");
            assert_eq!(header.get_extension(10).unwrap().as_ref(), RIDS[layer].as_bytes());
            assert_eq!(header.get_extension(3).unwrap().as_ref(), [0, number as u8]);
            assert_eq!(packet.payload, video(layer, 0, 1000).payload);
            sequences.push(header.sequence_number);
        }
        assert_eq!(sequences, [65_535, 65_535, 65_535, 0]);
        assert!(out.poll(now).is_none());
    }

    #[test]
    fn what_is_missed_is_sent_again_on_a_stream_of_its_own() {
        let start = Instant::now();
        let mut out = Outbound::new(STREAMS, 65_530, 500);
        out.agree(Some(agreement()));
        for count in 0..20u32 {
            out.push(&video(0, count * 3000, 500 + count as usize));
            out.poll(start + Duration::from_millis(u64::from(count) * 33)).unwrap();
        }
        let now = start + Duration::from_millis(700);
        let again = out.repeat(now, 10, 65_535, None).unwrap();
        let packet = carried(&again.packet);
        assert_eq!((packet.header.ssrc, packet.header.payload_type), (11, 97));
        assert_eq!((packet.header.sequence_number, packet.header.timestamp), (500, 5 * 3000));
        assert_eq!(packet.header.get_extension(11).unwrap().as_ref(), b"h");
        assert_eq!(packet.header.get_extension(10), None);
        assert_eq!(packet.header.get_extension(3).unwrap().as_ref(), [0, 20]);
        assert_eq!(packet.payload[..2], 65_535u16.to_be_bytes());
        assert_eq!(packet.payload.len(), 505 + 2);
        // Not twice within a round trip, not what is gone, not what never was, not of a stream that is none.
        let trip = Some(Duration::from_millis(100));
        assert!(out.repeat(now + Duration::from_millis(60), 10, 65_535, trip).is_none());
        assert!(out.repeat(now + Duration::from_millis(80), 10, 65_535, trip).is_some());
        assert!(out.repeat(start + Duration::from_secs(3), 10, 65_535, None).is_none());
        assert!(out.repeat(now, 10, 14, None).is_none());
        assert!(out.repeat(now, 10, 65_529, None).is_none());
        assert!(out.repeat(now, 11, 500, None).is_none());
        assert!(out.repeat(now, 99, 0, None).is_none());
    }

    #[test]
    fn without_retransmission_streams_the_very_same_packet_is_sent_again() {
        let now = Instant::now();
        let mut out = Outbound::new(STREAMS, 1, 1);
        out.agree(Some(SendAgreement { rtx: None, layers: 1, named: false, ..agreement() }));
        assert!(!out.push(&video(1, 0, 10)), "one layer is agreed");
        out.push(&video(0, 5, 10));
        let first = out.poll(now).unwrap().packet;
        assert_eq!(first.header.get_extension(10), None);
        assert_eq!(out.repeat(now, 10, 1, None).unwrap().packet, first);
    }

    #[test]
    fn padding_is_what_was_sent_last_and_counts_for_its_cluster() {
        let now = Instant::now();
        let mut out = Outbound::new(STREAMS, 100, 500);
        out.agree(Some(agreement()));
        assert!(out.pad(now, 1000, 1).is_none(), "nothing was sent yet");
        for size in [300, 1100, 600] {
            out.push(&video(0, 7, size));
            out.poll(now).unwrap();
        }
        let padding = carried(&out.pad(now, 1000, 9).unwrap().packet);
        assert_eq!((padding.header.ssrc, padding.header.payload_type), (11, 97));
        assert_eq!(padding.payload.len(), 1102);
        assert_eq!(carried(&out.pad(now, 500, 9).unwrap().packet).payload.len(), 602);
        assert!(out.pad(now, 100, 9).is_none(), "nothing is that small");
        let mut log = std::mem::take(&mut out.log);
        let report = TransportLayerCc {
            packet_status_count: 5,
            packet_chunks: vec![
                rtc::rtcp::transport_feedbacks::transport_layer_cc::PacketStatusChunk::RunLengthChunk(
                    rtc::rtcp::transport_feedbacks::transport_layer_cc::RunLengthChunk {
                        run_length: 5,
                        ..Default::default()
                    },
                ),
            ],
            ..TransportLayerCc::default()
        };
        let told = log.matched(now, &report).unwrap().packets;
        let clusters: Vec<_> = told.iter().map(|packet| packet.cluster).collect();
        assert_eq!(clusters, [None, None, None, Some(9), Some(9)]);
        // Where repetitions are the very packets, there is nothing to pad with; nor where nobody tells of arrivals.
        out.agree(Some(SendAgreement { rtx: None, ..agreement() }));
        out.push(&video(0, 7, 600));
        out.poll(now).unwrap();
        assert!(out.pad(now, 500, 9).is_none());
        out.agree(Some(SendAgreement { extensions: ExtensionIds::default(), ..agreement() }));
        out.push(&video(0, 7, 600));
        out.poll(now).unwrap();
        assert!(out.pad(now, 500, 9).is_none());
    }

    #[test]
    fn a_flood_of_requests_costs_a_quarter_more_at_most() {
        let start = Instant::now();
        let mut out = Outbound::new(STREAMS, 0, 0);
        out.agree(Some(agreement()));
        let (mut sent, mut again) = (0usize, 0usize);
        for count in 0..20_000u32 {
            let now = start + Duration::from_millis(u64::from(count));
            out.push(&video(0, count, 1000));
            sent += out.poll(now).unwrap().packet.payload.len();
            // Everything of the last half second, over and over.
            for back in (0..500).step_by(50) {
                let sequence = (count as u16).wrapping_sub(back);
                if let Some(repeated) = out.repeat(now, 10, sequence, Some(Duration::ZERO)) {
                    again += repeated.packet.payload.len();
                }
            }
        }
        let burst = REPEAT_BURST / sent as f64;
        let share = again as f64 / sent as f64;
        assert!(share > 0.2 && share < 0.26 + burst, "{share}");
        assert!(out.layers[0].history.len() <= 1002, "a second of packets is kept");
    }

    #[test]
    fn queue_and_memory_are_bounded() {
        let start = Instant::now();
        let mut out = Outbound::new(STREAMS, 0, 0);
        out.agree(Some(agreement()));
        let pushed = (0..1000).filter(|count| out.push(&video(0, *count, 1000))).count();
        assert_eq!(pushed, MAX_QUEUED);
        assert!(!out.push(&video(1, 0, MAX_VIDEO_PAYLOAD + 1)) && !out.push(&video(1, 0, 0)));
        for _ in 0..10 {
            while out.poll(start).is_some() {}
            while out.push(&video(0, 0, 1000)) {}
        }
        assert!(out.layers[0].history_bytes <= HISTORY_BYTES + MAX_VIDEO_PAYLOAD);
        // Another agreement forgets what was written for the old one.
        out.agree(Some(SendAgreement { payload_type: 102, ..agreement() }));
        assert!(!out.is_waiting() && out.repeat(start, 10, 5, None).is_none());
    }
}
