//! A peer's pictures on their way in: one stream made of what comes, and what we ask the peer for.
//!
//! Pure, told the time.

use std::collections::BTreeSet;
use std::time::Instant;

use bellbird_video::VideoCodec;
use bytes::Buf;
use rtc::rtcp::transport_feedbacks::transport_layer_cc::TransportLayerCc;
use rtc::rtp::Packet;
use rtc::shared::marshal::MarshalSize;

use super::VideoPacket;
use super::outbound::ExtensionIds;
use super::twcc::Arrivals;
use crate::peer::rtcp::{Admission, Continuity, RtcpSession, VIDEO_CLOCK};

/// The largest payload taken, bytes: what a datagram can hold.
const MAX_PAYLOAD: usize = 2000;
/// The most packets asked for again at once.
const MAX_REQUESTS: usize = 256;
/// The most packets that are remembered to have been asked for.
const MAX_ASKED: usize = 1024;
/// A repetition of something older than this is of no use (RFC 3550 appendix A.1, `MAX_DROPOUT`).
const MAX_AGE: u16 = 3000;

/// What a payload type of the peer's means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::peer) enum PayloadUse {
    /// Pictures in this codec.
    Media(VideoCodec),
    /// Repetitions of packets with pictures in this codec (RFC 4588).
    Repetition(VideoCodec),
}

/// How to read a peer's packets.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::peer) struct ReceiveAgreement {
    /// Whether the peer may send at all.
    pub(in crate::peer) admitted: bool,
    pub(in crate::peer) payload_types: Vec<(u8, PayloadUse)>,
    pub(in crate::peer) extensions: ExtensionIds,
    /// Streams of pictures with those of their repetitions, as the peer named them.
    pub(in crate::peer) repairs: Vec<(u32, u32)>,
    /// The peer sends packets again when asked.
    pub(in crate::peer) repeats: bool,
    /// The peer knows full intra requests and no picture loss indications.
    pub(in crate::peer) full_intra: bool,
}

/// The receiving half of a video section.
#[derive(Debug)]
pub(super) struct Inbound {
    agreed: ReceiveAgreement,
    continuity: Continuity,
    arrivals: Arrivals,
    /// What the peer shall send again, by its own numbers.
    requests: BTreeSet<u16>,
    /// What it was asked for and did not send yet.
    asked: BTreeSet<u16>,
    keyframe_wanted: bool,
    full_intra_requests: u8,
    /// The stream repetitions come on, when the peer did not say which it is.
    learnt_repair: Option<(u32, u32)>,
    pub(super) repaired: u64,
}

/// What we ask the peer for now.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Requests {
    /// The stream it is about.
    pub(super) ssrc: u32,
    /// Packets to send again; by the peer's own numbers, ascending.
    pub(super) packets: Vec<u16>,
    pub(super) keyframe: Option<KeyframeRequest>,
}

/// How a picture is asked for that a decoder can begin with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum KeyframeRequest {
    /// RFC 4585 section 6.3.1.
    PictureLoss,
    /// RFC 5104 section 4.3.1, with its number.
    FullIntra(u8),
}

impl Inbound {
    pub(super) fn new(origin: Instant) -> Self {
        Self {
            agreed: ReceiveAgreement::default(),
            continuity: Continuity::new(VIDEO_CLOCK),
            arrivals: Arrivals::new(origin),
            requests: BTreeSet::new(),
            asked: BTreeSet::new(),
            keyframe_wanted: false,
            full_intra_requests: 0,
            learnt_repair: None,
            repaired: 0,
        }
    }

    /// How packets are read from now on.
    pub(super) fn agree(&mut self, agreed: ReceiveAgreement) {
        if self.agreed != agreed {
            self.learnt_repair = None;
            self.agreed = agreed;
        }
    }

    /// Whether a payload type is ours to read.
    pub(super) fn takes(&self, payload_type: u8) -> bool {
        self.payload_use(payload_type).is_some()
    }

    fn payload_use(&self, payload_type: u8) -> Option<PayloadUse> {
        self.agreed.payload_types.iter().find(|(number, _)| *number == payload_type).map(|(_, used)| *used)
    }

    /// A packet came. Yields it if it is of the stream that is taken, or repeats one of it.
    pub(super) fn received(
        &mut self,
        rtcp: &mut RtcpSession,
        now: Instant,
        packet: Packet,
    ) -> Option<VideoPacket> {
        let used = self.payload_use(packet.header.payload_type)?;
        if !self.agreed.admitted || packet.payload.len() > MAX_PAYLOAD {
            return None;
        }
        if let Some(id) = self.agreed.extensions.transport
            && let Some(number) = packet.header.get_extension(id)
            && let Ok(number) = <[u8; 2]>::try_from(number.as_ref())
        {
            self.arrivals.arrived(now, u16::from_be_bytes(number));
        }
        match used {
            PayloadUse::Media(codec) => self.media(rtcp, now, codec, packet),
            PayloadUse::Repetition(codec) => self.repetition(rtcp, now, codec, packet),
        }
    }

    fn media(
        &mut self,
        rtcp: &mut RtcpSession,
        now: Instant,
        codec: VideoCodec,
        packet: Packet,
    ) -> Option<VideoPacket> {
        let header = &packet.header;
        let bytes = header.marshal_size() + packet.payload.len();
        let admission = rtcp.received(now, header.ssrc, header.sequence_number, header.timestamp, bytes);
        match admission {
            Admission::Refused => return None,
            Admission::Begins => {
                // What was asked for is of a stream that is over.
                self.requests.clear();
                self.asked.clear();
                self.learnt_repair = None;
            }
            Admission::Continues => {}
        }
        let (sequence, timestamp) =
            self.continuity.map(admission, header.sequence_number, header.timestamp, now);
        self.requests.remove(&header.sequence_number);
        Some(VideoPacket {
            codec,
            sequence,
            timestamp,
            marker: header.marker,
            payload: packet.payload,
            arrival: now,
            repeated: false,
            begins: admission == Admission::Begins,
        })
    }

    fn repetition(
        &mut self,
        rtcp: &RtcpSession,
        now: Instant,
        codec: VideoCodec,
        mut packet: Packet,
    ) -> Option<VideoPacket> {
        let (source, highest) = rtcp.source()?;
        let repair = packet.header.ssrc;
        let declared = |(_, named): &&(u32, u32)| *named == repair;
        let belongs = match self.agreed.repairs.iter().find(declared) {
            Some((media, _)) => *media == source,
            // The first stream of repetitions is believed, as the first stream of pictures is.
            None => *self.learnt_repair.get_or_insert((source, repair)) == (source, repair),
        };
        // Padding, with which bandwidth is probed, repeats nothing.
        if !belongs || packet.payload.len() <= 2 {
            return None;
        }
        let original = packet.payload.get_u16();
        if highest.wrapping_sub(original) > MAX_AGE {
            return None;
        }
        self.requests.remove(&original);
        // Others repeat what nobody missed, to find out what the line takes.
        self.repaired += u64::from(self.asked.remove(&original));
        let header = &packet.header;
        let (sequence, timestamp) =
            self.continuity.map(Admission::Continues, original, header.timestamp, now);
        Some(VideoPacket {
            codec,
            sequence,
            timestamp,
            marker: header.marker,
            payload: packet.payload,
            arrival: now,
            repeated: true,
            begins: false,
        })
    }

    /// Asks for packets again, named by the numbers they were given out with.
    pub(super) fn request_again(&mut self, sequences: &[u16]) {
        if !self.agreed.repeats {
            return;
        }
        for sequence in sequences {
            if self.requests.len() < MAX_REQUESTS {
                self.requests.insert(self.continuity.original(*sequence));
            }
        }
    }

    /// Asks for a picture that a decoder can begin with.
    pub(super) fn request_keyframe(&mut self) {
        self.keyframe_wanted = true;
    }

    /// What to ask the peer for now, if anything.
    pub(super) fn poll_requests(&mut self, rtcp: &RtcpSession) -> Option<Requests> {
        if self.requests.is_empty() && !self.keyframe_wanted {
            return None;
        }
        // Kept until there is a stream to ask about.
        let (ssrc, _) = rtcp.source()?;
        let keyframe = std::mem::take(&mut self.keyframe_wanted).then(|| {
            if self.agreed.full_intra {
                self.full_intra_requests = self.full_intra_requests.wrapping_add(1);
                KeyframeRequest::FullIntra(self.full_intra_requests)
            } else {
                KeyframeRequest::PictureLoss
            }
        });
        let packets: Vec<u16> = std::mem::take(&mut self.requests).into_iter().collect();
        for packet in &packets {
            // What is never sent again is forgotten some time.
            if self.asked.len() >= MAX_ASKED {
                self.asked.pop_first();
            }
            self.asked.insert(*packet);
        }
        Some(Requests { ssrc, packets, keyframe })
    }

    /// When something has to be said about arrivals.
    pub(super) fn arrivals_due(&self) -> Option<Instant> {
        self.arrivals.due()
    }

    /// What has to be said about them now.
    pub(super) fn poll_arrivals(&mut self, now: Instant, rtcp: &RtcpSession) -> Option<TransportLayerCc> {
        let media = rtcp.source().map_or(0, |(ssrc, _)| ssrc);
        self.arrivals.poll(now, rtcp.ssrc(), media)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::{BufMut, Bytes, BytesMut};
    use rtc::rtp::Header;

    use super::*;

    struct Peer {
        inbound: Inbound,
        rtcp: RtcpSession,
        start: Instant,
    }

    impl Peer {
        fn new(repairs: Vec<(u32, u32)>) -> Self {
            let start = Instant::now();
            let mut inbound = Inbound::new(start);
            inbound.agree(ReceiveAgreement {
                admitted: true,
                payload_types: vec![
                    (96, PayloadUse::Media(VideoCodec::Vp8)),
                    (97, PayloadUse::Repetition(VideoCodec::Vp8)),
                ],
                extensions: ExtensionIds { transport: Some(3), ..ExtensionIds::default() },
                repairs,
                repeats: true,
                full_intra: false,
            });
            Self { inbound, rtcp: RtcpSession::new(1, VIDEO_CLOCK, start, 0), start }
        }

        fn give(&mut self, at: u64, ssrc: u32, sequence: u16) -> Option<VideoPacket> {
            let header = Header {
                version: 2,
                payload_type: 96,
                ssrc,
                sequence_number: sequence,
                timestamp: at as u32 * 90,
                ..Header::default()
            };
            let payload = Bytes::copy_from_slice(&sequence.to_be_bytes());
            let now = self.start + Duration::from_millis(at);
            self.inbound.received(&mut self.rtcp, now, Packet { header, payload })
        }

        fn repeat(&mut self, at: u64, ssrc: u32, original: u16) -> Option<VideoPacket> {
            let header = Header { version: 2, payload_type: 97, ssrc, ..Header::default() };
            let mut payload = BytesMut::new();
            payload.put_u16(original);
            payload.put_u8(9);
            let now = self.start + Duration::from_millis(at);
            self.inbound.received(&mut self.rtcp, now, Packet { header, payload: payload.freeze() })
        }
    }

    #[test]
    fn repetitions_look_like_what_they_repeat() {
        let mut peer = Peer::new(vec![]);
        assert!(peer.repeat(0, 8, 5).is_none(), "of a stream that is not there yet");
        assert!(peer.give(0, 7, 65_534).unwrap().begins);
        assert!(peer.give(10, 7, 1).is_some());
        peer.inbound.request_again(&[65_535, 0]);
        let asked = peer.inbound.poll_requests(&peer.rtcp).unwrap();
        assert_eq!((asked.ssrc, asked.keyframe), (7, None));
        assert_eq!(asked.packets, [0, 65_535]);
        assert_eq!(peer.inbound.poll_requests(&peer.rtcp), None);
        let again = peer.repeat(30, 8, 65_535).unwrap();
        assert_eq!((again.sequence, again.repeated, again.payload.as_ref()), (65_535, true, &[9u8][..]));
        // Losses are those of the network, repaired or not.
        assert_eq!(peer.rtcp.figures().packets_lost, 2);
        assert_eq!(peer.inbound.repaired, 1);
        // Another stream of repetitions, a repetition of the future, and padding.
        assert!(peer.repeat(31, 9, 0).is_none());
        assert!(peer.repeat(31, 8, 2).is_none());
        assert!(peer.repeat(31, 8, 40_000).is_none());
    }

    #[test]
    fn repetitions_of_another_stream_are_told_by_what_the_peer_said() {
        let mut peer = Peer::new(vec![(7, 8), (17, 18)]);
        peer.give(0, 7, 100);
        assert!(peer.repeat(1, 18, 99).is_none());
        assert!(peer.repeat(1, 8, 99).is_some());
    }

    #[test]
    fn one_stream_takes_over_from_another_and_numbers_go_on() {
        let mut peer = Peer::new(vec![]);
        peer.give(0, 7, 100);
        peer.give(20, 7, 101);
        peer.inbound.request_again(&[99]);
        let mut taken = None;
        for step in 0..4u16 {
            taken = taken.or(peer.give(40 + u64::from(step), 5, 4000 + step));
        }
        let taken = taken.unwrap();
        assert!(taken.begins);
        assert_eq!(taken.sequence, 102);
        assert_eq!(peer.inbound.poll_requests(&peer.rtcp), None, "the old stream is not asked any more");
        peer.inbound.request_again(&[103]);
        let asked = peer.inbound.poll_requests(&peer.rtcp).unwrap();
        assert_eq!((asked.ssrc, asked.packets), (5, vec![4003]));
    }

    #[test]
    fn a_stream_that_is_another_with_each_packet_is_not_followed() {
        let mut peer = Peer::new(vec![]);
        peer.give(0, 7, 100);
        let taken = (1..150).filter(|step| peer.give(1 + step, 1000 + *step as u32, 5).is_some()).count();
        assert_eq!(taken, 0);
        assert!(peer.give(151, 7, 101).is_some());
    }

    #[test]
    fn requests_are_bounded_and_wait_for_a_stream() {
        let mut peer = Peer::new(vec![]);
        peer.inbound.request_keyframe();
        assert_eq!(peer.inbound.poll_requests(&peer.rtcp), None);
        peer.give(0, 7, 100);
        let everything: Vec<u16> = (0..=u16::MAX).collect();
        peer.inbound.request_again(&everything);
        let asked = peer.inbound.poll_requests(&peer.rtcp).unwrap();
        assert_eq!(asked.packets.len(), MAX_REQUESTS);
        assert_eq!(asked.keyframe, Some(KeyframeRequest::PictureLoss));
    }

    #[test]
    fn nothing_is_taken_from_a_peer_that_may_not_send() {
        let mut peer = Peer::new(vec![]);
        peer.inbound.agree(ReceiveAgreement::default());
        assert!(peer.give(0, 7, 100).is_none());
    }
}
