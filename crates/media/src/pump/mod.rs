//! The sound of one call: one thread that ticks every 10 ms between the devices and the peers.
//!
//! ```text
//!  capture ─▶ resample ─▶ [echo ─▶ noise ─▶ gain] ─▶ mute ─▶ level ─▶ Opus, 20 ms ─▶ EncodedSink
//!     ▲                      ▲
//!   device                   │ render (the canceller's reference)
//!   ring                     │
//!  playout ◀─ resample ◀─────┴── limit ◀─ mix ◀─┬─ receiver 1: jitter buffer, Opus
//!                                               ├─ receiver n: jitter buffer, Opus
//!                                               └─ ringback, busy, ended
//!  ringer ◀── resample ◀── ringtone
//! ```
//!
//! The capture device sets the pace of what is sent: every full 10 ms it delivered goes out in the tick that finds
//! it. The playout device sets the pace of what is played: a tick refills its ring to the level wanted. So neither
//! side needs a clock of ours, and clocks that differ only move the jitter buffers, which are there for that. Where
//! a device is missing, the thread's own deadlines stand in, so a call goes on without a microphone or loudspeaker.
//!
//! Nothing is opened before [`SoundPump::start_capture`], but for tones: those open the device they sound on, never
//! the microphone.

mod device_slots;
mod failure;
mod microphone;
mod speaker;
mod supply;
mod thread;
mod voices;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, TrySendError, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bellbird_call::ports::{AudioLevels, Problem, ProblemCode, Tone};
use bellbird_call::{LinkId, ParticipantId};
use bellbird_devices::{CaptureSource, PlayoutSink};
use bytes::Bytes;

/// What a receiver's inlet holds between two ticks, packets. A flood beyond it is dropped.
const INLET_PACKETS: usize = 256;

/// How long dropping a pump waits for its devices to close. A sound server that hangs must not hang us.
const CLOSE_WAIT: Duration = Duration::from_millis(500);

/// Where a call's sound comes from and goes to.
#[derive(Clone, Debug)]
pub(crate) struct SoundOptions {
    /// The microphone.
    pub(crate) microphone: CaptureSource,
    /// The loudspeaker of the call.
    pub(crate) speaker: PlayoutSink,
    /// The loudspeaker of the ringtone.
    pub(crate) ringer: PlayoutSink,
    /// Whether echo, noise and loudness are taken care of.
    pub(crate) processing: bool,
}

/// Takes what the pump reports, on the pump's thread. Must not block.
pub(crate) type PumpSink = Arc<dyn Fn(PumpEvent) + Send + Sync>;

/// Takes every 20 ms of encoded microphone sound, on the pump's thread. Must not block.
pub(crate) type EncodedSink = Box<dyn FnMut(&EncodedAudio<'_>) + Send>;

/// 20 ms of our sound, ready for RTP.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EncodedAudio<'a> {
    /// One Opus packet (RFC 6716).
    pub(crate) payload: &'a [u8],
    /// How far the RTP clock moves with it, 48 kHz ticks (RFC 7587 section 4.1).
    pub(crate) samples: u32,
    /// Its loudness, -127..=0 (RFC 6464).
    pub(crate) level_dbov: f32,
    /// Whether someone speaks in it, as far as we can tell (RFC 6464).
    pub(crate) voice: bool,
}

/// One RTP packet with sound of a peer.
#[derive(Clone, Debug)]
pub(crate) struct AudioPacket {
    /// RTP sequence number.
    pub(crate) sequence: u16,
    /// RTP timestamp, 48 kHz ticks.
    pub(crate) timestamp: u32,
    /// One Opus packet; hostile until decoded.
    pub(crate) payload: Bytes,
    /// When it came.
    pub(crate) arrival: Instant,
}

/// What the pump tells the engine.
#[derive(Clone, Debug)]
pub(crate) enum PumpEvent {
    /// The first decoded sample of a link was handed to playout.
    FirstPlayed(LinkId),
    /// Loudness, about 30 times a second while capture runs.
    Levels(AudioLevels),
    /// A device failed; the call goes on.
    Trouble(Problem),
    /// The first microphone samples were processed.
    CaptureRunning,
}

/// What a receiver did so far, and how it stands.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(crate) struct ReceiveFigures {
    /// What the jitter buffer holds back now, smoothed over half a second.
    pub(crate) buffer: Duration,
    /// What it aims at.
    pub(crate) target: Duration,
    /// Samples handed to the mixer (48 kHz) since the first packet; made-up ones included.
    pub(crate) played_samples: u64,
    /// Samples made up because theirs were missing; FEC recoveries do not count.
    pub(crate) concealed_samples: u64,
    /// Packets restored from the in-band FEC of the next.
    pub(crate) recovered: u64,
    /// Packets that came after their time.
    pub(crate) late: u64,
    /// Packets that came twice.
    pub(crate) duplicate: u64,
    /// Packets dropped because the buffer or the inlet was full.
    pub(crate) overflow: u64,
    /// Packets that were not Opus.
    pub(crate) undecodable: u64,
}

/// Where a peer puts its packets. Any thread; clones feed the same receiver.
#[derive(Clone)]
pub(crate) struct ReceiverInlet {
    packets: SyncSender<AudioPacket>,
    shared: Arc<ReceiverShared>,
}

/// What both ends of an inlet see.
#[derive(Default)]
pub(crate) struct ReceiverShared {
    figures: Mutex<ReceiveFigures>,
    flooded: AtomicU64,
}

impl ReceiverShared {
    fn publish(&self, figures: ReceiveFigures) {
        *self.figures.lock().unwrap_or_else(PoisonError::into_inner) = figures;
    }
}

impl ReceiverInlet {
    /// Hands a packet over. Never blocks; a packet that finds the inlet full is dropped and counted.
    pub(crate) fn insert(&self, packet: AudioPacket) {
        match self.packets.try_send(packet) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                self.shared.flooded.fetch_add(1, Ordering::Relaxed);
            }
            // The receiver was removed; its peer is about to learn that.
            Err(TrySendError::Disconnected(_)) => {}
        }
    }

    /// The figures as of the last tick.
    pub(crate) fn figures(&self) -> ReceiveFigures {
        let mut figures = *self.shared.figures.lock().unwrap_or_else(PoisonError::into_inner);
        figures.overflow += self.shared.flooded.load(Ordering::Relaxed);
        figures
    }
}

/// All that can wake the pump besides its ticks.
enum PumpInput {
    StartCapture(EncodedSink),
    AddReceiver {
        link: LinkId,
        participant: ParticipantId,
        packets: Receiver<AudioPacket>,
        shared: Arc<ReceiverShared>,
    },
    RemoveReceiver(LinkId),
    SetMuted(bool),
    SetHold(bool),
    SetSilent(bool),
    PlayTone(Tone),
    StopTone,
    SelectMicrophone(CaptureSource),
    SelectSpeaker(PlayoutSink),
    SelectRinger(PlayoutSink),
    SetExpectedLoss(f32),
    Opened(device_slots::Opened),
    DevicesChanged(bellbird_devices::DeviceList),
    Shutdown,
}

/// The sound of one call. Every method only queues; the work is done on the pump's thread. Dropping it closes the
/// devices.
pub(crate) struct SoundPump {
    inputs: Sender<PumpInput>,
    finished: Receiver<()>,
    #[cfg(test)]
    description: Arc<Mutex<String>>,
}

impl SoundPump {
    /// Starts the thread and opens nothing.
    pub(crate) fn new(options: SoundOptions, events: PumpSink) -> Self {
        let (inputs, inbox) = channel();
        let (finish, finished) = sync_channel(1);
        let description = Arc::new(Mutex::new(String::from("idle")));
        let (own_inputs, own_description, own_events) =
            (inputs.clone(), Arc::clone(&description), events.clone());
        let spawned = std::thread::Builder::new().name("bellbird-sound".into()).spawn(move || {
            thread::Pump::new(options, own_events, own_inputs, own_description).run(&inbox);
            // The handle may be gone already; then nobody waits.
            let _ = finish.try_send(());
        });
        if let Err(error) = spawned {
            events(PumpEvent::Trouble(Problem::new(
                ProblemCode::Internal,
                format_args!("the sound thread could not be started: {error}"),
            )));
        }
        Self {
            inputs,
            finished,
            #[cfg(test)]
            description,
        }
    }

    /// Opens microphone and loudspeaker side by side and sends from then on. Until the microphone runs, and where
    /// there is none, silence is sent. Only the first call counts.
    pub(crate) fn start_capture(&self, encoded: EncodedSink) {
        self.push(PumpInput::StartCapture(encoded));
    }

    /// Adds a peer's sound to the mix.
    pub(crate) fn add_receiver(&self, link: LinkId, participant: ParticipantId) -> ReceiverInlet {
        let (packets, outlet) = sync_channel(INLET_PACKETS);
        let shared = Arc::new(ReceiverShared::default());
        self.push(PumpInput::AddReceiver { link, participant, packets: outlet, shared: shared.clone() });
        ReceiverInlet { packets, shared }
    }

    /// Takes it out again; its inlets lead nowhere from then on.
    pub(crate) fn remove_receiver(&self, link: LinkId) {
        self.push(PumpInput::RemoveReceiver(link));
    }

    /// Sends silence, or the microphone again.
    pub(crate) fn set_muted(&self, muted: bool) {
        self.push(PumpInput::SetMuted(muted));
    }

    /// On hold the microphone is closed, silence is sent and no peer is heard.
    pub(crate) fn set_hold(&self, hold: bool) {
        self.push(PumpInput::SetHold(hold));
    }

    /// Plays nothing of the peers, or plays them again; tones sound all the same.
    pub(crate) fn set_silent(&self, silent: bool) {
        self.push(PumpInput::SetSilent(silent));
    }

    /// Starts a tone on the device it belongs to; replaces the one that plays.
    pub(crate) fn play_tone(&self, tone: Tone) {
        self.push(PumpInput::PlayTone(tone));
    }

    /// Stops a looping tone.
    pub(crate) fn stop_tone(&self) {
        self.push(PumpInput::StopTone);
    }

    /// Changes the microphone; the old one stays in use until the new one is open, and if it cannot be opened.
    pub(crate) fn select_microphone(&self, source: CaptureSource) {
        self.push(PumpInput::SelectMicrophone(source));
    }

    /// Changes the call's loudspeaker, likewise.
    pub(crate) fn select_speaker(&self, sink: PlayoutSink) {
        self.push(PumpInput::SelectSpeaker(sink));
    }

    /// Changes the loudspeaker the ringtone sounds on, likewise.
    pub(crate) fn select_ringer(&self, sink: PlayoutSink) {
        self.push(PumpInput::SelectRinger(sink));
    }

    /// Tells the encoder what share of our packets gets lost, 0..=1, so that it spends as much on FEC.
    pub(crate) fn set_expected_loss(&self, share: f32) {
        self.push(PumpInput::SetExpectedLoss(share));
    }

    /// The pipeline as it runs now, in one line. It is also logged (at debug level) whenever it is rebuilt.
    #[cfg(test)]
    pub(crate) fn describe(&self) -> String {
        self.description.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn push(&self, input: PumpInput) {
        // Fails only when the thread could not be started, which was reported.
        let _ = self.inputs.send(input);
    }
}

impl Drop for SoundPump {
    fn drop(&mut self) {
        self.push(PumpInput::Shutdown);
        match self.finished.recv_timeout(CLOSE_WAIT) {
            Ok(()) | Err(RecvTimeoutError::Disconnected) => {}
            Err(RecvTimeoutError::Timeout) => {
                tracing::warn!("a sound device takes long to close; going on without waiting");
            }
        }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod pulse_tests;
#[cfg(test)]
mod tests;
