//! Our sound on its way to one peer: RTP headers around packets that were encoded once for all.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use rtc::rtp::{Header, Packet};
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;

use super::negotiation::AudioAgreement;

/// Twenty milliseconds of encoded sound, shared by all links.
#[derive(Clone, Debug)]
pub(crate) struct OutgoingAudio {
    /// One Opus packet.
    pub(crate) payload: Bytes,
    /// How far the RTP clock moves with it, 48 kHz ticks.
    pub(crate) samples: u32,
    /// -127..=0.
    pub(crate) level_dbov: f32,
    /// Whether someone speaks in it.
    pub(crate) voice: bool,
}

/// Sends our sound on one link. Used from the pump's thread; never blocks.
pub(crate) struct AudioSender {
    track: Arc<TrackLocalStaticRTP>,
    state: Mutex<State>,
}

struct State {
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    connected: bool,
    agreement: Option<AudioAgreement>,
    /// The next packet is the first after a pause (RFC 3551 section 4.1).
    begins: bool,
    dropped: u64,
    stopped: bool,
}

impl AudioSender {
    pub(super) fn new(track: Arc<TrackLocalStaticRTP>, ssrc: u32) -> Self {
        Self {
            track,
            state: Mutex::new(State {
                ssrc,
                sequence: rand::random::<u16>() & 0x7fff,
                timestamp: rand::random(),
                connected: false,
                agreement: None,
                begins: true,
                dropped: 0,
                stopped: false,
            }),
        }
    }

    /// Whether packets can flow. Until they can, sound passes by and only the clock runs.
    pub(super) fn set_connected(&self, connected: bool) {
        self.lock().connected = connected;
    }

    /// What was agreed, anew.
    pub(super) fn agree(&self, agreement: Option<AudioAgreement>) {
        self.lock().agreement = agreement;
    }

    /// Whether the library stopped taking packets.
    pub(super) fn is_stopped(&self) -> bool {
        self.lock().stopped
    }

    /// Queues an empty report, which never leaves: the tap sees it once the library's task did all that was queued
    /// before. `false` when it cannot be queued.
    pub(super) async fn write_mark(&self) -> bool {
        self.track.write_rtcp(Vec::new()).await.is_ok()
    }

    /// Sends one packet, or lets it pass by.
    pub(crate) fn send(&self, audio: &OutgoingAudio) {
        let mut state = self.lock();
        let timestamp = state.timestamp;
        state.timestamp = timestamp.wrapping_add(audio.samples);
        let agreement =
            state.agreement.filter(|agreement| agreement.send && state.connected && !state.stopped);
        let Some(agreement) = agreement.filter(|_| !audio.payload.is_empty()) else {
            state.begins = true;
            return;
        };
        let mut header = Header {
            version: 2,
            marker: state.begins,
            payload_type: agreement.payload_type,
            sequence_number: state.sequence,
            timestamp,
            ssrc: state.ssrc,
            ..Header::default()
        };
        if let Some(id) = agreement.level_extension {
            let level = (-audio.level_dbov).clamp(0.0, 127.0) as u8;
            let octet = level | if audio.voice { 0x80 } else { 0 };
            // Fails for identifiers and lengths that cannot be here.
            let _ = header.set_extension(id, Bytes::copy_from_slice(&[octet]));
        }
        let packet = Packet { header, payload: audio.payload.clone() };
        // The library queues in one step when there is room. Sound that would have to wait is better dropped.
        let mut queued = pin!(self.track.write_rtp(packet));
        match queued.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(())) => {
                state.sequence = state.sequence.wrapping_add(1);
                state.begins = false;
            }
            Poll::Ready(Err(_)) => state.stopped = true,
            Poll::Pending => state.dropped += 1,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AudioSender {
    fn drop(&mut self) {
        let state = self.lock();
        if state.dropped > 0 {
            tracing::debug!(packets = state.dropped, "sound was dropped because the link could not take it");
        }
    }
}
