//! One link's pictures, both ways: what the pacer's thread, the decoder's and the library's task share.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rtc::rtcp::payload_feedbacks::full_intra_request::{FirEntry, FullIntraRequest};
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::payload_feedbacks::receiver_estimated_maximum_bitrate::ReceiverEstimatedMaximumBitrate;
use rtc::rtcp::transport_feedbacks::transport_layer_cc::TransportLayerCc;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::{
    TransportLayerNack, nack_pairs_from_sequence_numbers,
};
use rtc::shared::marshal::MarshalSize;

use super::inbound::{Inbound, KeyframeRequest, ReceiveAgreement, Requests};
use super::outbound::{LayerStreams, Leaving, MAX_LAYERS, Outbound, SendAgreement};
use super::{MAX_VIDEO_PAYLOAD, OutgoingVideo, VideoEnds, VideoFeedback, VideoFigures};
use crate::peer::bell::Bell;
use crate::peer::reports::{self, Compound};
use crate::peer::rtcp::{LinkFigures, RtcpSession, VIDEO_CLOCK};

/// How many packets leave in one go. Sound that waits behind them waits for less than a millisecond.
const BATCH: usize = 32;
/// The most packets that leave for one packet of requests.
const MAX_REPEATS: usize = 128;
/// Calls for a keyframe that follow one another faster than this are one.
const KEYFRAME_PAUSE: Duration = Duration::from_millis(50);

/// What the ends of a link's pictures share.
pub(crate) struct VideoLink {
    state: Mutex<State>,
    bell: Arc<Bell>,
    ends: VideoEnds,
}

struct State {
    cname: String,
    /// Whether pictures may be sent at all; never changes.
    may_send: bool,
    connected: bool,
    outbound: Outbound,
    inbound: Inbound,
    /// Of each layer. The first also receives.
    reports: [RtcpSession; MAX_LAYERS],
    /// What is sent again, before what is sent for the first time.
    repeats: VecDeque<Leaving>,
    keyframe_told: [Option<Instant>; MAX_LAYERS],
    bytes_sent: u64,
    first: Option<Box<dyn FnOnce() + Send>>,
}

/// Something for the library's task to send.
pub(in crate::peer) enum Outgoing {
    Media(rtc::rtp::Packet),
    Control(Compound),
}

/// Random beginnings and names of a link's streams.
#[derive(Clone, Debug)]
pub(in crate::peer) struct VideoIdentity {
    pub(in crate::peer) streams: [LayerStreams; MAX_LAYERS],
    pub(in crate::peer) sequence: u16,
    pub(in crate::peer) rtx_sequence: u16,
}

impl VideoLink {
    /// Pictures of a link that sends them only if `may_send`. `ntp` is the wallclock time at `now`; `first` is called
    /// once, when the first packet with a picture came.
    #[allow(clippy::too_many_arguments, reason = "one caller, and each is of its own kind")]
    pub(in crate::peer) fn new(
        identity: &VideoIdentity,
        may_send: bool,
        cname: String,
        now: Instant,
        ntp: u64,
        bell: Arc<Bell>,
        ends: VideoEnds,
        first: impl FnOnce() + Send + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                cname,
                may_send,
                connected: false,
                outbound: Outbound::new(identity.streams, identity.sequence, identity.rtx_sequence),
                inbound: Inbound::new(now),
                reports: identity
                    .streams
                    .map(|streams| RtcpSession::new(streams.media, VIDEO_CLOCK, now, ntp)),
                repeats: VecDeque::new(),
                keyframe_told: [None; MAX_LAYERS],
                bytes_sent: 0,
                first: Some(Box::new(first)),
            }),
            bell,
            ends,
        })
    }

    /// Whether packets can flow.
    pub(in crate::peer) fn set_connected(&self, connected: bool) {
        self.lock().connected = connected;
    }

    /// What was agreed, anew. `None` ends sending.
    pub(in crate::peer) fn agree(&self, send: Option<SendAgreement>, receive: ReceiveAgreement) {
        let mut state = self.lock();
        state.repeats.clear();
        let send = send.filter(|_| state.may_send);
        state.outbound.agree(send);
        state.inbound.agree(receive);
    }

    /// Whether a payload type carries pictures.
    pub(in crate::peer) fn takes(&self, payload_type: u8) -> bool {
        self.lock().inbound.takes(payload_type)
    }

    /// A packet with such a payload type came.
    pub(in crate::peer) fn received(&self, now: Instant, packet: rtc::rtp::Packet) {
        let mut state = self.lock();
        let State { inbound, reports, first, .. } = &mut *state;
        let Some(packet) = inbound.received(&mut reports[0], now, packet) else { return };
        let first = if packet.payload.is_empty() { None } else { first.take() };
        // Whoever is told may ask for something at once.
        drop(state);
        if let Some(first) = first {
            first();
        }
        if let Some(packets) = &self.ends.packets {
            packets(packet);
        }
    }

    /// The peer's RTCP came.
    pub(in crate::peer) fn control(&self, now: Instant, packets: &[Box<dyn rtc::rtcp::Packet>]) {
        let mut told = Vec::new();
        let mut state = self.lock();
        for packet in packets {
            state.read(now, packet.as_ref(), &mut told);
        }
        drop(state);
        if let Some(feedback) = &self.ends.feedback {
            told.into_iter().for_each(|told| feedback(told));
        }
    }

    /// Everything that has to leave now.
    pub(in crate::peer) fn poll(&self, now: Instant, mut give: impl FnMut(Outgoing)) {
        let mut state = self.lock();
        for _ in 0..BATCH {
            let repeat = state.repeats.pop_front();
            let Some(leaving) = repeat.or_else(|| state.outbound.poll(now)) else { break };
            let header_bytes = leaving.packet.header.marshal_size();
            state.bytes_sent += (header_bytes + leaving.packet.payload.len()) as u64;
            if !leaving.repeated {
                let timestamp = leaving.packet.header.timestamp;
                state.reports[leaving.layer].sent(now, timestamp, header_bytes, leaving.packet.payload.len());
            }
            give(Outgoing::Media(leaving.packet));
        }
        if !state.repeats.is_empty() || state.outbound.is_waiting() {
            self.bell.ring();
        }
        let State { inbound, reports, cname, .. } = &mut *state;
        if let Some(requests) = inbound.poll_requests(&reports[0]) {
            give(Outgoing::Control(ask(reports[0].ssrc(), requests)));
        }
        if let Some(arrivals) = inbound.poll_arrivals(now, &reports[0]) {
            give(Outgoing::Control(vec![reports::empty_report(reports[0].ssrc()), Box::new(arrivals)]));
        }
        for session in reports {
            if let Some(report) = session.poll_report(now, rand::random()) {
                give(Outgoing::Control(reports::compose(report, cname)));
            }
        }
    }

    /// When something will have to leave.
    pub(in crate::peer) fn due(&self) -> Option<Instant> {
        let state = self.lock();
        let reports = state.reports.iter().filter_map(RtcpSession::next_report);
        reports.chain(state.inbound.arrivals_due()).min()
    }

    /// The figures so far.
    pub(in crate::peer) fn figures(&self) -> VideoFigures {
        let state = self.lock();
        let LinkFigures { packets_received, packets_lost, bytes_received, jitter, .. } =
            state.reports[0].figures();
        let layers = state.reports.iter().map(RtcpSession::figures);
        VideoFigures {
            packets_received,
            packets_lost,
            packets_repaired: state.inbound.repaired,
            bytes_received,
            bytes_sent: state.bytes_sent,
            packets_repeated: state.outbound.repeated,
            packets_dropped: state.outbound.dropped,
            jitter,
            round_trip: layers.clone().find_map(|figures| figures.round_trip),
            remote_loss: layers.filter_map(|figures| figures.remote_loss).reduce(f32::max),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for VideoLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VideoLink")
    }
}

impl State {
    fn read(&mut self, now: Instant, packet: &dyn rtc::rtcp::Packet, told: &mut Vec<VideoFeedback>) {
        for session in &mut self.reports {
            reports::read(session, now, packet, |session, block| {
                told.push(VideoFeedback::Loss {
                    fraction: f32::from(block.fraction_lost) / 256.0,
                    round_trip: session.figures().round_trip,
                });
            });
        }
        let packet = packet.as_any();
        if let Some(nack) = packet.downcast_ref::<TransportLayerNack>() {
            self.repeat(now, nack);
        } else if let Some(loss) = packet.downcast_ref::<PictureLossIndication>() {
            self.keyframe_wanted(now, loss.media_ssrc, told);
        } else if let Some(request) = packet.downcast_ref::<FullIntraRequest>() {
            for entry in &request.fir {
                self.keyframe_wanted(now, entry.ssrc, told);
            }
        } else if let Some(arrivals) = packet.downcast_ref::<TransportLayerCc>() {
            told.extend(self.outbound.matched(now, arrivals).map(VideoFeedback::Transport));
        } else if let Some(estimate) = packet.downcast_ref::<ReceiverEstimatedMaximumBitrate>() {
            // Whatever was sent as a number becomes one that can be reckoned with.
            told.push(VideoFeedback::Remb(estimate.bitrate.max(0.0) as u64));
        }
    }

    fn repeat(&mut self, now: Instant, nack: &TransportLayerNack) {
        if !self.connected {
            return;
        }
        let round_trip = self.reports.iter().find_map(|session| session.figures().round_trip);
        let missing = nack.nacks.iter().flat_map(|pair| pair.into_iter());
        for sequence in missing {
            if self.repeats.len() == MAX_REPEATS {
                return;
            }
            self.repeats.extend(self.outbound.repeat(now, nack.media_ssrc, sequence, round_trip));
        }
    }

    fn keyframe_wanted(&mut self, now: Instant, ssrc: u32, told: &mut Vec<VideoFeedback>) {
        let Some(layer) = self.outbound.layer_of(ssrc) else { return };
        let last = self.keyframe_told[layer];
        if last.is_none_or(|at| now.saturating_duration_since(at) >= KEYFRAME_PAUSE) {
            self.keyframe_told[layer] = Some(now);
            told.push(VideoFeedback::KeyframeWanted { layer });
        }
    }
}

/// Requests as a compound packet from `sender`.
fn ask(sender: u32, requests: Requests) -> Compound {
    let mut packets = vec![reports::empty_report(sender)];
    if !requests.packets.is_empty() {
        packets.push(Box::new(TransportLayerNack {
            sender_ssrc: sender,
            media_ssrc: requests.ssrc,
            nacks: nack_pairs_from_sequence_numbers(&requests.packets),
        }));
    }
    match requests.keyframe {
        Some(KeyframeRequest::PictureLoss) => {
            packets.push(Box::new(PictureLossIndication { sender_ssrc: sender, media_ssrc: requests.ssrc }))
        }
        Some(KeyframeRequest::FullIntra(number)) => packets.push(Box::new(FullIntraRequest {
            sender_ssrc: sender,
            media_ssrc: 0,
            fir: vec![FirEntry { ssrc: requests.ssrc, sequence_number: number }],
        })),
        None => {}
    }
    packets
}

/// Sends our pictures on one link. Any thread; never blocks. Clones send on the same link.
#[derive(Clone, Debug)]
pub(crate) struct VideoSender {
    link: Arc<VideoLink>,
}

impl VideoSender {
    pub(in crate::peer) fn new(link: Arc<VideoLink>) -> Self {
        Self { link }
    }

    /// The largest payload taken, bytes.
    pub(crate) fn max_payload() -> usize {
        MAX_VIDEO_PAYLOAD
    }

    /// Sends one payload. `false` when it was dropped: the link may not send pictures, or cannot now, or too much waits.
    pub(crate) fn send(&self, video: &OutgoingVideo) -> bool {
        let mut state = self.link.lock();
        let taken = state.may_send && state.connected && state.outbound.push(video);
        drop(state);
        if taken {
            self.link.bell.ring();
        }
        taken
    }

    /// Sends padding of about `size` bytes as part of a `cluster`. `false` when there is none, or too much waits.
    pub(crate) fn pad(&self, now: Instant, size: usize, cluster: u16) -> bool {
        let mut state = self.link.lock();
        if !state.may_send || !state.connected || state.repeats.len() >= MAX_REPEATS {
            return false;
        }
        let Some(leaving) = state.outbound.pad(now, size, cluster) else { return false };
        state.repeats.push_back(leaving);
        drop(state);
        self.link.bell.ring();
        true
    }

    /// Whether packets can leave now.
    pub(crate) fn is_ready(&self) -> bool {
        let state = self.link.lock();
        state.may_send && state.connected && state.outbound.is_agreed()
    }
}

/// Asks the peer for what its pictures lack. Any thread; never blocks. Clones ask the same peer.
#[derive(Clone, Debug)]
pub(crate) struct VideoRequests {
    link: Arc<VideoLink>,
}

impl VideoRequests {
    pub(in crate::peer) fn new(link: Arc<VideoLink>) -> Self {
        Self { link }
    }

    /// Asks for a picture that a decoder can begin with.
    pub(crate) fn request_keyframe(&self) {
        self.link.lock().inbound.request_keyframe();
        self.link.bell.ring();
    }

    /// Asks for packets again, by the numbers in [`VideoPacket`](super::VideoPacket).
    pub(crate) fn request_again(&self, sequences: &[u16]) {
        self.link.lock().inbound.request_again(sequences);
        self.link.bell.ring();
    }
}
