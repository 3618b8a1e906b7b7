//! Pictures on one link: from payloads to packets and back, and what both ends tell each other about them.
//!
//! ```text
//!  pacer ── OutgoingVideo ──▶ VideoSender ──▶ queue, history ──▶ tap ──▶ SRTP
//!                                                ▲ NACK            │ RTCP
//!  rate control ◀── VideoFeedback ◀──────────────┴─────────────────┤
//!  frame buffer ◀── VideoPacket ◀── retransmissions undone ◀───────┘
//! ```
//!
//! The library carries these packets but knows nothing of them: it is told of a video section that nothing flows in.

mod inbound;
mod link;
mod outbound;
mod section;
mod twcc;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bellbird_video::VideoCodec;
use bytes::Bytes;

pub(super) use inbound::{PayloadUse, ReceiveAgreement};
pub(super) use link::{Outgoing, VideoIdentity, VideoLink};
pub(crate) use link::{VideoRequests, VideoSender};
pub(crate) use outbound::MAX_LAYERS;
pub(super) use outbound::{ExtensionIds, LayerStreams, SendAgreement};
pub(super) use section::{RemoteVideo, VideoTerms};

/// What was agreed about pictures on a link. One section of video per link: the camera's, or the screen's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct VideoAgreement {
    /// How we send; the peer may send any codec we offered.
    pub(crate) codec: VideoCodec,
    /// Whether the peer takes our pictures.
    pub(crate) send: bool,
    /// Whether the peer may send pictures.
    pub(crate) receive: bool,
    /// How many sizes of the same picture the peer takes: 1, or up to 3 when simulcast was agreed.
    pub(crate) layers: usize,
}

/// One RTP payload of a picture of ours.
#[derive(Clone, Debug)]
pub(crate) struct OutgoingVideo {
    /// Which size it belongs to: 0 is the highest, or the only one.
    pub(crate) layer: usize,
    /// 90 kHz ticks of the sender's media clock, wrapping.
    pub(crate) timestamp: u32,
    /// Whether it is the last of its picture.
    pub(crate) marker: bool,
    /// Whether it belongs to a picture a decoder can begin with.
    pub(crate) keyframe: bool,
    /// 0 is the layer all others need.
    pub(crate) temporal_layer: u8,
    /// At most [`MAX_VIDEO_PAYLOAD`] bytes.
    pub(crate) payload: Bytes,
}

/// The largest payload that fits a datagram on any path (1200 bytes) with headers, extensions and authentication around
/// it, bytes.
pub(crate) const MAX_VIDEO_PAYLOAD: usize = 1120;

/// What a peer, or a media server, tells of the pictures we send. Never blocks whoever tells it.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum VideoFeedback {
    /// A decoder cannot go on (PLI, FIR). Not limited in rate here.
    KeyframeWanted {
        /// As in [`OutgoingVideo::layer`].
        layer: usize,
    },
    /// When packets of ours arrived.
    Transport(TransportFeedback),
    /// The most the peer believes it can receive (REMB), bit/s.
    Remb(u64),
    /// A receiver report on the camera's or screen's stream.
    Loss {
        /// Lost since the report before, 0..=1.
        fraction: f32,
        /// The last one measured.
        round_trip: Option<Duration>,
    },
}

/// A peer's word on packets of ours, matched to when they were sent (draft-holmer-rmcat-transport-wide-cc-extensions).
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct TransportFeedback {
    /// When it came.
    pub(crate) at: Instant,
    /// In the order in which they were sent. Packets we know nothing of any more are left out.
    pub(crate) packets: Vec<PacketReport>,
}

/// What became of one packet of ours.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct PacketReport {
    /// Counts all packets of the link that carry pictures, retransmissions too.
    pub(crate) number: u64,
    /// When it was handed to the socket.
    pub(crate) sent: Instant,
    /// When it arrived, microseconds of the peer's clock since a moment of its choice; `None` when it did not.
    pub(crate) arrival: Option<i64>,
    /// RTP header and payload, bytes.
    pub(crate) size: usize,
    /// What it was marked with, if it was padding.
    pub(crate) cluster: Option<u16>,
}

/// One RTP packet of a picture of the peer. Retransmissions look like what they repeat; streams that follow one another
/// look like one.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct VideoPacket {
    pub(crate) codec: VideoCodec,
    pub(crate) sequence: u16,
    /// 90 kHz ticks.
    pub(crate) timestamp: u32,
    /// Whether it is the last of its picture.
    pub(crate) marker: bool,
    /// Empty for padding, which carries nothing but its number.
    pub(crate) payload: Bytes,
    /// When it came at the socket.
    pub(crate) arrival: Instant,
    /// Whether it is a repetition: its time of arrival says nothing about the network.
    pub(crate) repeated: bool,
    /// Whether another stream begins here, or the first: it refers to nothing that came before.
    pub(crate) begins: bool,
}

/// Takes received packets, on the library's task: must not block.
pub(crate) type VideoPacketSink = Arc<dyn Fn(VideoPacket) + Send + Sync>;
/// Takes what a peer tells of our pictures, likewise.
pub(crate) type VideoFeedbackSink = Arc<dyn Fn(VideoFeedback) + Send + Sync>;

/// Where a link's pictures and what is said of them go.
#[derive(Clone, Default)]
pub(crate) struct VideoEnds {
    /// `None`: packets are counted and dropped.
    pub(crate) packets: Option<VideoPacketSink>,
    /// `None`: nobody sends pictures.
    pub(crate) feedback: Option<VideoFeedbackSink>,
}

/// Totals of a link's pictures since it began, and the last measurements.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(crate) struct VideoFigures {
    pub(crate) packets_received: u64,
    /// On the way, whether they were repaired or not.
    pub(crate) packets_lost: u64,
    /// Came again after they were lost.
    pub(crate) packets_repaired: u64,
    /// RTP headers and payload.
    pub(crate) bytes_received: u64,
    /// Likewise, all sizes and repetitions.
    pub(crate) bytes_sent: u64,
    /// Of ours, sent again because the peer missed them.
    pub(crate) packets_repeated: u64,
    /// Of ours, not sent because too much waited.
    pub(crate) packets_dropped: u64,
    pub(crate) jitter: Duration,
    pub(crate) round_trip: Option<Duration>,
    /// What the peer says it lost of ours since its report before, 0..=1.
    pub(crate) remote_loss: Option<f32>,
}

/// A link that takes and sends pictures, for fuzz targets.
pub(super) fn fuzz_link(now: Instant) -> Arc<VideoLink> {
    let streams = [10, 20, 30].map(|media| LayerStreams { media, rtx: media + 1 });
    let identity = VideoIdentity { streams, sequence: 65_500, rtx_sequence: 1 };
    let ends = VideoEnds { packets: Some(Arc::new(|_| {})), feedback: Some(Arc::new(|_| {})) };
    let video = VideoLink::new(&identity, true, "fuzz".to_owned(), now, 0, Arc::default(), ends, || {});
    let extensions = ExtensionIds { transport: Some(3), mid: Some(4), rid: Some(10), repaired_rid: Some(11) };
    video.agree(
        Some(SendAgreement {
            payload_type: 96,
            rtx: Some(97),
            extensions,
            mid: Bytes::from_static(b"1"),
            layers: 3,
            named: true,
        }),
        ReceiveAgreement {
            admitted: true,
            payload_types: vec![
                (96, PayloadUse::Media(VideoCodec::Vp8)),
                (97, PayloadUse::Repetition(VideoCodec::Vp8)),
            ],
            extensions,
            repairs: vec![(7, 8)],
            repeats: true,
            full_intra: false,
        },
    );
    video.set_connected(true);
    let (sender, requests) = (VideoSender::new(video.clone()), VideoRequests::new(video.clone()));
    for layer in 0..MAX_LAYERS {
        let payload = Bytes::from_static(b"picture");
        sender.send(&OutgoingVideo {
            layer,
            timestamp: 0,
            marker: true,
            keyframe: true,
            temporal_layer: 0,
            payload,
        });
    }
    requests.request_again(&[1, 2, 65_535]);
    requests.request_keyframe();
    video
}
