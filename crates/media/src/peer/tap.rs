//! Our place in the library's path of packets: received sound is taken out here, with the time it came at the
//! socket, and reports are made and read here. The library never gets to sort or hold sound.
//!
//! Runs on the library's task with its lock held, so nothing here waits.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use rtc::interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtcp::reception_report::ReceptionReport;
use rtc::rtcp::sender_report::SenderReport;
use rtc::rtcp::source_description::{
    SdesType, SourceDescription, SourceDescriptionChunk, SourceDescriptionItem,
};
use rtc::sansio::Protocol;
use rtc::shared::TransportContext;
use rtc::shared::error::Error;
use rtc::shared::marshal::MarshalSize;
use tokio::sync::Notify;

use super::rtcp::{Admission, Continuity, DueReport, LinkFigures, ReportBlock, RtcpSession, ntp_since_1970};
use crate::pump::{AudioPacket, ReceiverInlet};

/// The largest payload taken for sound, bytes. Opus allows 1275 per frame, and a datagram little more.
const MAX_PAYLOAD: usize = 1500;

/// What the tap and the link share.
pub(super) struct Tap {
    state: Mutex<State>,
    /// Told when the library's task has come as far as an empty report of ours.
    reached: Notify,
}

struct State {
    rtcp: RtcpSession,
    continuity: Continuity,
    receive: Receive,
    cname: String,
}

/// Where received sound goes.
struct Receive {
    /// Payload types that are Opus: what we offered, and what was agreed.
    payload_types: Vec<u8>,
    /// Whether the negotiation lets the peer send.
    admitted: bool,
    inlet: Option<ReceiverInlet>,
    first: Option<Box<dyn FnOnce() + Send>>,
}

impl Tap {
    /// A tap for a link that sends as `ssrc`. `first` is called once, when the first sound came.
    pub(super) fn new(
        ssrc: u32,
        cname: String,
        inlet: Option<ReceiverInlet>,
        first: impl FnOnce() + Send + 'static,
    ) -> Arc<Self> {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Arc::new(Self {
            reached: Notify::new(),
            state: Mutex::new(State {
                rtcp: RtcpSession::new(ssrc, Instant::now(), ntp_since_1970(since_1970)),
                continuity: Continuity::default(),
                receive: Receive {
                    payload_types: Vec::new(),
                    admitted: false,
                    inlet,
                    first: Some(Box::new(first)),
                },
                cname,
            }),
        })
    }

    /// Waits until the library's task has come as far as an empty report that was written after all else.
    pub(super) async fn reached(&self) {
        self.reached.notified().await;
    }

    /// Takes sound with these payload types from now on, and none otherwise.
    pub(super) fn admit(&self, payload_types: Vec<u8>, admitted: bool) {
        let mut state = self.lock();
        state.receive.payload_types = payload_types;
        state.receive.admitted = admitted;
    }

    /// The figures so far.
    pub(super) fn figures(&self) -> LinkFigures {
        self.lock().rtcp.figures()
    }

    /// The jitter buffer's inlet, if the link receives.
    pub(super) fn inlet(&self) -> Option<ReceiverInlet> {
        self.lock().receive.inlet.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn sound(&mut self, now: Instant, packet: rtc::rtp::Packet) {
        let header = &packet.header;
        let is_sound = self.receive.admitted && self.receive.payload_types.contains(&header.payload_type);
        if !is_sound || packet.payload.len() > MAX_PAYLOAD {
            return;
        }
        let bytes = header.marshal_size() + packet.payload.len();
        let admission = self.rtcp.received(now, header.ssrc, header.sequence_number, header.timestamp, bytes);
        if admission == Admission::Refused {
            return;
        }
        let (sequence, timestamp) =
            self.continuity.map(admission, header.sequence_number, header.timestamp, now);
        // Padding alone keeps a path open and carries no sound.
        if packet.payload.is_empty() {
            return;
        }
        if let Some(first) = self.receive.first.take() {
            first();
        }
        if let Some(inlet) = &self.receive.inlet {
            inlet.insert(AudioPacket { sequence, timestamp, payload: packet.payload, arrival: now });
        }
    }

    fn control(&mut self, now: Instant, packets: &[Box<dyn rtc::rtcp::Packet>]) {
        for packet in packets {
            let packet = packet.as_any();
            if let Some(report) = packet.downcast_ref::<SenderReport>() {
                self.rtcp.sender_report(now, report.ssrc, report.ntp_time);
                self.blocks(now, &report.reports);
            } else if let Some(report) = packet.downcast_ref::<ReceiverReport>() {
                self.blocks(now, &report.reports);
            }
        }
    }

    fn blocks(&mut self, now: Instant, reports: &[ReceptionReport]) {
        for report in reports {
            self.rtcp.report_block(
                now,
                ReportBlock {
                    ssrc: report.ssrc,
                    fraction_lost: report.fraction_lost,
                    total_lost: report.total_lost,
                    highest_sequence: report.last_sequence_number,
                    jitter: report.jitter,
                    last_sender_report: report.last_sender_report,
                    delay: report.delay,
                },
            );
        }
    }

    fn compose(&self, report: DueReport) -> Vec<Box<dyn rtc::rtcp::Packet>> {
        let reports = report
            .block
            .iter()
            .map(|block| ReceptionReport {
                ssrc: block.ssrc,
                fraction_lost: block.fraction_lost,
                total_lost: block.total_lost,
                last_sequence_number: block.highest_sequence,
                jitter: block.jitter,
                last_sender_report: block.last_sender_report,
                delay: block.delay,
            })
            .collect();
        let first: Box<dyn rtc::rtcp::Packet> = match report.sender {
            Some(sender) => Box::new(SenderReport {
                ssrc: report.ssrc,
                ntp_time: sender.ntp,
                rtp_time: sender.rtp,
                packet_count: sender.packets,
                octet_count: sender.payload_bytes,
                reports,
                profile_extensions: Bytes::new(),
            }),
            None => Box::new(ReceiverReport { ssrc: report.ssrc, reports, profile_extensions: Bytes::new() }),
        };
        let name = SourceDescription {
            chunks: vec![SourceDescriptionChunk {
                source: report.ssrc,
                items: vec![SourceDescriptionItem {
                    sdes_type: SdesType::SdesCname,
                    text: Bytes::copy_from_slice(self.cname.as_bytes()),
                }],
            }],
        };
        vec![first, Box::new(name)]
    }
}

/// The tap as the library wants it.
pub(super) struct TapInterceptor {
    tap: Arc<Tap>,
    inbound: VecDeque<TaggedPacket>,
    outbound: VecDeque<TaggedPacket>,
}

impl TapInterceptor {
    pub(super) fn new(tap: Arc<Tap>) -> Self {
        Self { tap, inbound: VecDeque::new(), outbound: VecDeque::new() }
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for TapInterceptor {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, message: TaggedPacket) -> Result<(), Error> {
        let now = message.now;
        match message.message.packet {
            Packet::Rtp(packet) => self.tap.lock().sound(now, packet),
            Packet::Rtcp(packets) => self.tap.lock().control(now, &packets),
            // The library's enum is open. What it may add is nothing we asked for.
            _ => {}
        }
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.inbound.pop_front()
    }

    fn handle_write(&mut self, message: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtcp(packets) = &message.message.packet
            && packets.is_empty()
        {
            self.tap.reached.notify_one();
            return Ok(());
        }
        if let Packet::Rtp(packet) = &message.message.packet {
            let header = &packet.header;
            self.tap.lock().rtcp.sent(
                message.now,
                header.timestamp,
                header.marshal_size(),
                packet.payload.len(),
            );
        }
        self.outbound.push_back(message);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.outbound.pop_front()
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        let mut state = self.tap.lock();
        if let Some(report) = state.rtcp.poll_report(now, rand::random()) {
            let packets = state.compose(report);
            self.outbound.push_back(TaggedPacket {
                now,
                transport: TransportContext::default(),
                message: Packet::Rtcp(packets).into(),
            });
        }
        Ok(())
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        self.tap.lock().rtcp.next_report()
    }
}

impl Interceptor for TapInterceptor {
    fn bind_local_stream(&mut self, _info: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _info: &StreamInfo) {}
    fn bind_remote_stream(&mut self, _info: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _info: &StreamInfo) {}
}

/// Hands bytes to the library's parsers, as RTP or as RTCP, and what comes out to our arithmetic.
pub(super) fn fuzz_packet(bytes: &[u8]) {
    use rtc::shared::marshal::Unmarshal;
    let tap = Tap::new(1, "fuzz".to_owned(), None, || {});
    tap.admit(vec![111], true);
    let mut state = tap.lock();
    let now = Instant::now();
    state.rtcp.sent(now, 0, 12, 20);
    let mut rest = bytes;
    // A length before each packet, so that one input makes a stream.
    while let Some((&length, tail)) = rest.split_first() {
        let (packet, tail) = tail.split_at(usize::from(length).min(tail.len()));
        rest = tail;
        let mut packet = Bytes::copy_from_slice(packet);
        if packet.get(1).is_some_and(|kind| (192..=223).contains(kind)) {
            if let Ok(packets) = rtc::rtcp::packet::unmarshal(&mut packet) {
                state.control(now, &packets);
            }
        } else if let Ok(packet) = rtc::rtp::Packet::unmarshal(&mut packet) {
            state.sound(now, packet);
        }
    }
    let _ = state.rtcp.poll_report(now + std::time::Duration::from_secs(1), 0.5);
    let _ = state.rtcp.figures();
}
