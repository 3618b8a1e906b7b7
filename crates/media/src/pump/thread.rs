//! The pump's own thread: one loop, one closed input enum, a tick every 10 ms while there is anything to do.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender as InputSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bellbird_call::ports::{AudioLevels, Problem, ProblemCode, Tone};
use bellbird_devices::{
    CaptureSource, CaptureStream, DeviceError, DeviceErrorKind, DeviceList, DeviceWatch, PlayoutSink,
    open_playout,
};

use super::device_slots::{Opened, Slot};
use super::failure::{Role, problem};
use super::microphone::{Captured, Microphone};
use super::speaker::{Health, Speaker};
use super::voices::Voice;
use super::{EncodedSink, PumpEvent, PumpInput, PumpSink, SoundOptions};
use crate::audio::level::SILENCE_DBOV;
use crate::audio::mix::Mixer;
use crate::audio::processing::Processing;
use crate::audio::tones::TonePlayer;
use crate::receive::{OpusDecoder, Receiver as JitterBuffer};
use crate::send::Sender;

/// The tick.
const PERIOD: Duration = Duration::from_millis(10);

/// After a standstill longer than this the lost ticks are not made up for.
const STANDSTILL: Duration = Duration::from_millis(100);

/// Ticks between two level reports: 30 ms.
const LEVEL_TICKS: u64 = 3;

/// Ticks between two looks at the devices and the description: 0.5 s.
const ATTEND_TICKS: u64 = 50;

/// Whether the loop goes on.
#[derive(PartialEq, Eq)]
enum Flow {
    GoOn,
    End,
}

/// What the thread owns.
pub(super) struct Pump {
    events: PumpSink,
    inputs: InputSender<PumpInput>,
    description: Arc<Mutex<String>>,
    processing: bool,
    microphone_slot: Slot<CaptureSource>,
    speaker_slot: Slot<PlayoutSink>,
    ringer_slot: Slot<PlayoutSink>,
    capture: Option<CaptureStream>,
    speaker: Option<Speaker>,
    ringer: Option<Speaker>,
    /// There from the start of capture on.
    microphone: Option<Microphone>,
    voices: Vec<Voice>,
    mixer: Mixer,
    tone: Option<TonePlayer>,
    muted: bool,
    hold: bool,
    /// Peers are not heard.
    silent: bool,
    expected_loss: Option<f32>,
    watch: Option<DeviceWatch>,
    ticks: u64,
}

impl Pump {
    pub(super) fn new(
        options: SoundOptions,
        events: PumpSink,
        inputs: InputSender<PumpInput>,
        description: Arc<Mutex<String>>,
    ) -> Self {
        Self {
            events,
            inputs,
            description,
            processing: options.processing,
            microphone_slot: Slot::new(options.microphone, Opened::Microphone),
            speaker_slot: Slot::new(options.speaker, Opened::Speaker),
            ringer_slot: Slot::new(options.ringer, Opened::Ringer),
            capture: None,
            speaker: None,
            ringer: None,
            microphone: None,
            voices: Vec::new(),
            mixer: Mixer::default(),
            tone: None,
            muted: false,
            hold: false,
            silent: false,
            expected_loss: None,
            watch: None,
            ticks: 0,
        }
    }

    /// Works until told to end, or until nobody is left who could tell.
    pub(super) fn run(mut self, inbox: &Receiver<PumpInput>) {
        let mut next_tick = Instant::now();
        loop {
            let now = Instant::now();
            let busy = self.microphone.is_some() || self.tone.is_some();
            if busy && now >= next_tick {
                self.tick(now);
                next_tick += PERIOD;
                if now.saturating_duration_since(next_tick) > STANDSTILL {
                    next_tick = now + PERIOD;
                }
                continue;
            }
            let input = if busy {
                match inbox.recv_timeout(next_tick.saturating_duration_since(now)) {
                    Ok(input) => input,
                    Err(RecvTimeoutError::Timeout) => continue,
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            } else {
                let Ok(input) = inbox.recv() else { return };
                // The deadlines begin when there is something to do.
                next_tick = Instant::now();
                input
            };
            if self.handle(input, Instant::now()) == Flow::End {
                return;
            }
        }
    }

    fn handle(&mut self, input: PumpInput, now: Instant) -> Flow {
        match input {
            PumpInput::StartCapture(sink) => self.start_capture(sink, now),
            PumpInput::AddReceiver { link, participant, packets, shared } => match OpusDecoder::new() {
                Ok(decoder) => {
                    let buffer = JitterBuffer::new(decoder, now);
                    self.voices.push(Voice::new(link, participant, packets, shared, buffer));
                }
                Err(error) => self.internal(format_args!("the Opus decoder could not be made: {error}")),
            },
            PumpInput::RemoveReceiver(link) => self.voices.retain(|voice| voice.link != link),
            PumpInput::SetMuted(muted) => {
                self.muted = muted;
                if let Some(microphone) = &mut self.microphone {
                    microphone.sender().set_muted(muted);
                }
            }
            PumpInput::SetHold(hold) => self.set_hold(hold),
            PumpInput::SetSilent(silent) => self.silent = silent,
            PumpInput::PlayTone(tone) => self.play_tone(tone),
            PumpInput::StopTone => self.stop_tone(),
            PumpInput::SelectMicrophone(source) => {
                self.microphone_slot.select(source, &self.inputs);
                self.consider_echo();
            }
            PumpInput::SelectSpeaker(sink) => {
                self.speaker_slot.select(sink, &self.inputs);
                self.consider_echo();
            }
            PumpInput::SelectRinger(sink) => self.ringer_slot.select(sink, &self.inputs),
            PumpInput::SetExpectedLoss(share) => {
                self.expected_loss = Some(share);
                if let Some(microphone) = &mut self.microphone {
                    microphone.sender().set_expected_loss(share);
                }
            }
            PumpInput::Opened(opened) => self.opened(opened, now),
            PumpInput::DevicesChanged(list) => self.devices_changed(&list, now),
            PumpInput::Shutdown => return Flow::End,
        }
        self.describe();
        tracing::debug!(pipeline = %self.description.lock().unwrap_or_else(PoisonError::into_inner), "rebuilt");
        Flow::GoOn
    }

    fn start_capture(&mut self, sink: EncodedSink, now: Instant) {
        if self.microphone.is_some() {
            return;
        }
        // The openers go first, so that they work while the encoder and the models are being made.
        self.speaker_slot.want(&self.inputs);
        if !self.hold {
            self.microphone_slot.want(&self.inputs);
        }
        match Sender::new(self.processing.then(|| Processing::new(self.echo_path()))) {
            Ok(mut sender) => {
                sender.set_muted(self.muted);
                if let Some(share) = self.expected_loss {
                    sender.set_expected_loss(share);
                }
                self.microphone = Some(Microphone::new(sender, sink, now));
            }
            Err(error) => self.internal(error),
        }
    }

    /// Whether the microphone may hear the loudspeaker.
    fn echo_path(&self) -> bool {
        self.microphone_slot.choice().is_real() && self.speaker_slot.choice().is_real()
    }

    fn consider_echo(&mut self) {
        let echo_path = self.echo_path();
        if let Some(microphone) = &mut self.microphone {
            microphone.sender().set_echo_path(echo_path);
        }
    }

    fn set_hold(&mut self, hold: bool) {
        self.hold = hold;
        if self.microphone.is_none() {
            return;
        }
        if !hold {
            self.microphone_slot.want(&self.inputs);
        } else if self.microphone_slot.choice().is_real() {
            // Closed, not merely unheard: the person sees the microphone's light go out.
            self.microphone_slot.unwant();
            self.capture = None;
        }
    }

    fn play_tone(&mut self, tone: Tone) {
        self.stop_tone();
        self.tone = Some(TonePlayer::new(tone));
        match tone {
            Tone::Ringtone => self.ringer_slot.want(&self.inputs),
            Tone::Ringback | Tone::Busy | Tone::Ended => self.speaker_slot.want(&self.inputs),
        }
    }

    fn stop_tone(&mut self) {
        self.tone = None;
        self.ringer_slot.unwant();
        self.ringer = None;
        if self.microphone.is_none() {
            self.speaker_slot.unwant();
            self.speaker = None;
        }
    }

    fn opened(&mut self, opened: Opened, now: Instant) {
        match opened {
            Opened::Microphone(ticket, result) => match self.microphone_slot.opened(ticket, result, now) {
                Some(Ok(stream)) => {
                    if let Some(microphone) = &mut self.microphone {
                        microphone.attach(stream.rate(), now);
                    }
                    self.capture = Some(stream);
                    self.watch_devices();
                }
                Some(Err(error)) => self.trouble(Role::Microphone, &error),
                None => {}
            },
            Opened::Speaker(ticket, result) => match self.speaker_slot.opened(ticket, result, now) {
                Some(Ok(stream)) => {
                    self.speaker = Some(Speaker::new(stream, now));
                    self.watch_devices();
                }
                Some(Err(error)) => {
                    self.trouble(Role::Speaker, &error);
                    self.stand_in(now);
                }
                None => {}
            },
            Opened::Ringer(ticket, result) => match self.ringer_slot.opened(ticket, result, now) {
                Some(Ok(stream)) => self.ringer = Some(Speaker::new(stream, now)),
                Some(Err(error)) => self.trouble(Role::Ringer, &error),
                None => {}
            },
        }
    }

    /// Lets time go on for the peers' sound while there is no loudspeaker.
    fn stand_in(&mut self, now: Instant) {
        if self.speaker.is_none()
            && let Ok(stream) = open_playout(&PlayoutSink::Null)
        {
            self.speaker = Some(Speaker::new(stream, now));
        }
    }

    /// Looks out for vanishing devices once one is in use.
    fn watch_devices(&mut self) {
        let real = self.microphone_slot.choice().is_real() || self.speaker_slot.choice().is_real();
        if !real || self.watch.is_some() || self.microphone.is_none() {
            return;
        }
        let inputs = self.inputs.clone();
        let watch = bellbird_devices::watch(move |list| {
            // The pump may be ending.
            let _ = inputs.send(PumpInput::DevicesChanged(list));
        });
        match watch {
            Ok(watch) => self.watch = Some(watch),
            Err(error) => tracing::warn!(%error, "devices that vanish will not be noticed"),
        }
    }

    fn devices_changed(&mut self, list: &DeviceList, now: Instant) {
        let lost = self.microphone_slot.reconsider(
            self.capture.as_ref(),
            &list.microphones,
            |name| list.has_capture(name),
            now,
            &self.inputs,
        );
        if let Some(error) = lost {
            self.capture = None;
            self.trouble(Role::Microphone, &error);
        }
        let lost = self.speaker_slot.reconsider(
            self.speaker.as_ref().map(Speaker::stream),
            &list.speakers,
            |name| list.has_playout(name),
            now,
            &self.inputs,
        );
        if let Some(error) = lost {
            self.speaker = None;
            self.stand_in(now);
            self.trouble(Role::Speaker, &error);
        }
    }

    fn tick(&mut self, now: Instant) {
        self.ticks += 1;
        for voice in &mut self.voices {
            voice.collect();
        }
        self.play(now);
        self.ring(now);
        self.capture(now);
        if self.ticks.is_multiple_of(LEVEL_TICKS) {
            self.report_levels();
        }
        if self.ticks.is_multiple_of(ATTEND_TICKS) {
            self.attend(now);
            self.describe();
        }
    }

    /// Fills the loudspeaker. What is played is also the echo canceller's reference.
    fn play(&mut self, now: Instant) {
        let Some(speaker) = &mut self.speaker else { return };
        let health = speaker.begin_tick(now);
        let mut tone_ended = false;
        while speaker.wants_frame() {
            for voice in &mut self.voices {
                if self.hold || self.silent {
                    voice.skip(now);
                } else if voice.play(&mut self.mixer, now) {
                    (self.events)(PumpEvent::FirstPlayed(voice.link));
                }
            }
            match &mut self.tone {
                Some(player) if player.tone() != Tone::Ringtone => match player.next_frame() {
                    Some(frame) => self.mixer.add(&frame),
                    None => tone_ended = true,
                },
                Some(_) | None => {}
            }
            let frame = self.mixer.finish();
            if let Some(microphone) = &mut self.microphone {
                microphone.sender().render(&frame);
            }
            speaker.push(&frame);
        }
        if tone_ended {
            self.stop_tone();
        }
        match health {
            Health::Fine => {}
            Health::OffPace => self.speaker_slot.widen(&self.inputs),
            Health::Dead => {
                let error = DeviceError::new(DeviceErrorKind::Lost, "the loudspeaker stopped taking sound");
                self.speaker_died(&error, now);
            }
        }
    }

    fn ring(&mut self, now: Instant) {
        let (Some(ringer), Some(player)) = (&mut self.ringer, &mut self.tone) else { return };
        if player.tone() != Tone::Ringtone {
            return;
        }
        match ringer.begin_tick(now) {
            // One that died is found and reopened when the slots are attended to.
            Health::Fine | Health::Dead => {}
            Health::OffPace => self.ringer_slot.widen(&self.inputs),
        }
        while ringer.wants_frame() {
            // The ringtone loops.
            let Some(frame) = player.next_frame() else { return };
            ringer.push(&frame);
        }
    }

    fn capture(&mut self, now: Instant) {
        let Some(microphone) = &mut self.microphone else { return };
        match microphone.tick(self.capture.as_mut(), self.hold, now) {
            Captured::Nothing => {}
            Captured::First => (self.events)(PumpEvent::CaptureRunning),
            Captured::OffPace => self.microphone_slot.widen(&self.inputs),
            Captured::Dead => {
                self.capture = None;
                let error = DeviceError::new(DeviceErrorKind::Lost, "the microphone stopped giving sound");
                let choice = self.microphone_slot.choice().clone();
                self.microphone_slot.select(choice, &self.inputs);
                self.trouble(Role::Microphone, &error);
            }
        }
    }

    /// Notices streams that failed, and tries again what failed before.
    fn attend(&mut self, now: Instant) {
        if let Some(error) = self.microphone_slot.attend(self.capture.as_ref(), now, &self.inputs) {
            self.capture = None;
            self.trouble(Role::Microphone, &error);
        }
        // The stand-in has no name and never fails; behind it the slot goes on trying.
        let stream = self
            .speaker
            .as_ref()
            .map(Speaker::stream)
            .filter(|stream| stream.device_name().is_some() || !self.speaker_slot.choice().is_real());
        if let Some(error) = self.speaker_slot.attend(stream, now, &self.inputs) {
            self.speaker = None;
            self.stand_in(now);
            self.trouble(Role::Speaker, &error);
        }
        let stream = self.ringer.as_ref().map(Speaker::stream);
        if let Some(error) = self.ringer_slot.attend(stream, now, &self.inputs) {
            self.ringer = None;
            self.trouble(Role::Ringer, &error);
        }
        for voice in &self.voices {
            voice.publish();
        }
    }

    fn speaker_died(&mut self, error: &DeviceError, now: Instant) {
        self.speaker = None;
        self.stand_in(now);
        let choice = self.speaker_slot.choice().clone();
        self.speaker_slot.select(choice, &self.inputs);
        self.trouble(Role::Speaker, error);
    }

    fn report_levels(&mut self) {
        let Some(microphone) = &self.microphone else { return };
        for voice in &self.voices {
            voice.publish();
        }
        let remote = self.voices.iter_mut().map(Voice::take_level).collect();
        let local = if self.hold { SILENCE_DBOV } else { microphone.level_dbov() };
        (self.events)(PumpEvent::Levels(AudioLevels { local, remote }));
    }

    fn describe(&mut self) {
        let microphone = match (&self.capture, &self.microphone) {
            (Some(stream), Some(microphone)) => {
                format!("{} {} Hz ▸ {}", stream.label(), stream.rate(), microphone.describe())
            }
            (None, Some(microphone)) => format!("silence ▸ {}", microphone.describe()),
            (_, None) => "microphone closed".into(),
        };
        let voices: Vec<String> = self.voices.iter().map(Voice::describe).collect();
        let voices = if voices.is_empty() { "no peers".into() } else { voices.join(" + ") };
        let speaker = match &mut self.speaker {
            Some(speaker) => speaker.describe(),
            None if self.speaker_slot.is_opening() => "loudspeaker opening".into(),
            None => "loudspeaker closed".into(),
        };
        let tone = match &self.tone {
            Some(player) => format!(" | {:?}", player.tone()),
            None => String::new(),
        };
        let hold = if self.hold { " | on hold" } else { "" };
        let silent = if self.silent { " | silent" } else { "" };
        let line = format!("{microphone} | {voices} ▸ mix ▸ {speaker}{tone}{hold}{silent}");
        *self.description.lock().unwrap_or_else(PoisonError::into_inner) = line;
    }

    fn trouble(&self, role: Role, error: &DeviceError) {
        tracing::warn!(?role, %error, "sound device failed");
        (self.events)(PumpEvent::Trouble(problem(role, error)));
    }

    fn internal(&self, detail: impl std::fmt::Display) {
        (self.events)(PumpEvent::Trouble(Problem::new(ProblemCode::Internal, detail)));
    }
}
