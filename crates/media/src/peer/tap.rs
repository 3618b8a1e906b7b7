//! Our place in the library's path of packets: received sound and pictures are taken out here, with the time they came
//! at the socket, pictures of ours are put in, and reports are made and read. The library never gets to sort or hold
//! media.
//!
//! Runs on the library's task with its lock held, so nothing here waits.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rtc::interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::sansio::Protocol;
use rtc::shared::TransportContext;
use rtc::shared::error::Error;
use rtc::shared::marshal::MarshalSize;
use tokio::sync::Notify;

use super::reports;
use super::rtcp::{Admission, Continuity, LinkFigures, RtcpSession, SOUND_CLOCK};
use super::video::{Outgoing, VideoLink};
use crate::pump::{AudioPacket, ReceiverInlet};

/// The largest payload taken for sound, bytes. Opus allows 1275 per frame, and a datagram little more.
const MAX_PAYLOAD: usize = 1500;

/// What the tap and the link share.
pub(super) struct Tap {
    state: Mutex<State>,
    video: Arc<VideoLink>,
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
    /// A tap for a link that sends sound as `ssrc`, and whose pictures are `video`. `ntp` is the wallclock time at `now`;
    /// `first` is called once, when the first sound came.
    pub(super) fn new(
        ssrc: u32,
        cname: String,
        (now, ntp): (Instant, u64),
        inlet: Option<ReceiverInlet>,
        video: Arc<VideoLink>,
        first: impl FnOnce() + Send + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            reached: Notify::new(),
            video,
            state: Mutex::new(State {
                rtcp: RtcpSession::new(ssrc, SOUND_CLOCK, now, ntp),
                continuity: Continuity::new(SOUND_CLOCK),
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
            reports::read(&mut self.rtcp, now, packet.as_ref(), |_, _| {});
        }
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

    /// Lets out what there is of pictures, and what is to be said about them.
    fn let_pictures_out(&mut self, now: Instant) {
        self.tap.video.poll(now, |outgoing| {
            let packet = match outgoing {
                Outgoing::Media(packet) => Packet::Rtp(packet),
                Outgoing::Control(packets) => Packet::Rtcp(packets),
            };
            let transport = TransportContext::default();
            self.outbound.push_back(TaggedPacket { now, transport, message: packet.into() });
        });
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
            Packet::Rtp(packet) if self.tap.video.takes(packet.header.payload_type) => {
                self.tap.video.received(now, packet);
            }
            Packet::Rtp(packet) => self.tap.lock().sound(now, packet),
            Packet::Rtcp(packets) => {
                self.tap.lock().control(now, &packets);
                self.tap.video.control(now, &packets);
            }
            // The library's enum is open. What it may add is nothing we asked for.
            _ => {}
        }
        // What a peer asks for goes out with the same turn of the library's task.
        self.let_pictures_out(now);
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
            let packets = reports::compose(report, &state.cname);
            self.outbound.push_back(TaggedPacket {
                now,
                transport: TransportContext::default(),
                message: Packet::Rtcp(packets).into(),
            });
        }
        drop(state);
        self.let_pictures_out(now);
        Ok(())
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        let sound = self.tap.lock().rtcp.next_report();
        [sound, self.tap.video.due()].into_iter().flatten().min()
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
    let now = Instant::now();
    let video = super::video::fuzz_link(now);
    let tap = Tap::new(1, "fuzz".to_owned(), (now, 0), None, video, || {});
    tap.admit(vec![111], true);
    tap.lock().rtcp.sent(now, 0, 12, 20);
    let mut interceptor = TapInterceptor::new(tap.clone());
    let mut rest = bytes;
    // A length before each packet, so that one input makes a stream.
    let mut later = now;
    while let Some((&length, tail)) = rest.split_first() {
        let (packet, tail) = tail.split_at(usize::from(length).min(tail.len()));
        rest = tail;
        later += std::time::Duration::from_millis(u64::from(length));
        let mut packet = bytes::Bytes::copy_from_slice(packet);
        let read = if packet.get(1).is_some_and(|kind| (192..=223).contains(kind)) {
            rtc::rtcp::packet::unmarshal(&mut packet).map(Packet::Rtcp)
        } else {
            rtc::rtp::Packet::unmarshal(&mut packet).map(Packet::Rtp)
        };
        let Ok(packet) = read else { continue };
        let transport = TransportContext::default();
        let _ = interceptor.handle_read(TaggedPacket { now: later, transport, message: packet.into() });
        let _ = interceptor.handle_timeout(later);
        // What we say can be read.
        while let Some(said) = interceptor.poll_write() {
            if let Packet::Rtcp(packets) = &said.message.packet {
                let mut bytes = rtc::rtcp::packet::marshal(packets).map(|bytes| bytes.freeze());
                let read = bytes.as_mut().map(rtc::rtcp::packet::unmarshal);
                assert!(matches!(read, Ok(Ok(_))), "what we say can be read");
            }
        }
    }
    let _ = tap.lock().rtcp.poll_report(later + std::time::Duration::from_secs(1), 0.5);
    let _ = (tap.figures(), tap.video.figures());
}

#[cfg(test)]
mod tests {
    use bellbird_testkit::random::{Random, seed};

    /// Packets that are nearly right: our payload types, streams we know, extensions, and every kind of RTCP.
    #[test]
    fn packets_that_are_nearly_right_break_nothing() {
        let mut random = Random::new(seed("packets nearly right", 21));
        for _ in 0..3000 {
            let mut stream = Vec::new();
            for _ in 0..random.below(24) + 1 {
                let mut packet: Vec<u8> = (0..random.below(120)).map(|_| random.below(256) as u8).collect();
                let ssrc = [7u32, 8, 10, 11, 20, 30][random.below(6)].to_be_bytes();
                let head: Vec<u8> = if random.below(2) == 0 {
                    let first = [0x80, 0x90, 0xb0][random.below(3)];
                    let kind = [96u8, 97, 111, 0x80 | 96][random.below(4)];
                    let sequence = (65_500u32 + random.below(60) as u32) as u16;
                    let mut head = vec![first, kind];
                    head.extend(sequence.to_be_bytes());
                    head.extend([0, 0, 1, random.below(256) as u8]);
                    head.extend(ssrc);
                    if first != 0x80 {
                        head.extend([
                            0xbe,
                            0xde,
                            0,
                            1,
                            0x31,
                            random.below(256) as u8,
                            random.below(256) as u8,
                            0,
                        ]);
                    }
                    head
                } else {
                    packet.truncate(packet.len() / 4 * 4);
                    let kind = [200u8, 201, 202, 203, 205, 206, 207][random.below(7)];
                    let format = [1u8, 3, 4, 11, 15][random.below(5)];
                    let mut head = vec![0x80 | format, kind, 0, (packet.len() / 4) as u8 + 2];
                    head.extend(ssrc);
                    head.extend([10u32, 20, 0, 7][random.below(4)].to_be_bytes());
                    head
                };
                stream.push((head.len() + packet.len()).min(255) as u8);
                stream.extend(head);
                stream.extend(packet);
            }
            super::fuzz_packet(&stream);
        }
    }
}
