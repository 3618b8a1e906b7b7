//! Two pumps back to back in real time, on virtual devices, with nothing between them but a function call.

use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use bellbird_devices::{Clip, Recorder, Recording, pipe};

use super::*;
use crate::audio::level::dbov;
use crate::audio::testing::{goertzel, match_of, voice};

/// Fails a hang; never decides a test.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// One end, with its events.
pub(super) struct End {
    pub(super) pump: SoundPump,
    events: Receiver<PumpEvent>,
}

impl End {
    pub(super) fn new(microphone: CaptureSource, speaker: PlayoutSink, processing: bool) -> Self {
        let (sender, events) = channel();
        let options = SoundOptions { microphone, speaker, ringer: PlayoutSink::Null, processing };
        let pump = SoundPump::new(options, Arc::new(move |event| drop(sender.send(event))));
        Self { pump, events }
    }

    /// Sends what the microphone gives to another end's receiver.
    pub(super) fn send_to(&self, inlet: ReceiverInlet) {
        let (mut sequence, mut timestamp) = (65_500u16, 4_294_960_000u32);
        self.pump.start_capture(Box::new(move |audio| {
            let payload = Bytes::copy_from_slice(audio.payload);
            inlet.insert(AudioPacket { sequence, timestamp, payload, arrival: Instant::now() });
            sequence = sequence.wrapping_add(1);
            timestamp = timestamp.wrapping_add(audio.samples);
        }));
    }

    /// Passes events until `enough` says so. The level reports, 30 a second, keep it going.
    pub(super) fn until(&self, mut enough: impl FnMut(&PumpEvent) -> bool) {
        let limit = Instant::now() + PATIENCE;
        loop {
            let event = self.events.recv_timeout(PATIENCE).expect("the pump reports");
            if enough(&event) {
                return;
            }
            assert!(Instant::now() < limit, "waited for {PATIENCE:?}: {}", self.pump.describe());
        }
    }
}

pub(super) fn participant() -> ParticipantId {
    ParticipantId::new("them")
}

/// A call one way: `clip` in, what the far end's loudspeaker played out.
fn speak(samples: Vec<f32>, processing: bool) -> (Clip, Recording, ReceiveFigures) {
    let length = samples.len();
    let clip = Clip::held(samples);
    let recorder = Recorder::new();
    let near = End::new(CaptureSource::Clip(clip.clone()), PlayoutSink::Null, processing);
    let far = End::new(CaptureSource::Silence, PlayoutSink::Recorder(recorder.clone()), processing);
    let inlet = far.pump.add_receiver(LinkId(1), participant());
    far.pump.start_capture(Box::new(|_| {}));
    near.send_to(inlet.clone());
    far.until(|event| matches!(event, PumpEvent::FirstPlayed(LinkId(1))));
    clip.release();
    let end = recorder.len() + length + 24_000;
    far.until(|_| recorder.len() >= end);
    println!("{}\n{}", near.pump.describe(), far.pump.describe());
    (clip, recorder.take(), inlet.figures())
}

/// How well the best second of what was said was heard, and how late: a busy machine may spoil others.
fn compare(clip: &Clip, recording: &Recording) -> (f32, Duration) {
    let started = clip.started().expect("it was played");
    let offset = started.saturating_duration_since(recording.started).as_micros() as usize * 6 / 125;
    let mut found: Vec<(f32, usize)> = clip
        .samples()
        .chunks_exact(48_000)
        .enumerate()
        .filter_map(|(n, sent)| {
            let heard = recording.samples.get(offset + n * 48_000..)?;
            Some(match_of(sent, &heard[..heard.len().min(48_000 + 14_400)], 14_400))
        })
        .collect();
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (correlation, delay) = *found.last().expect("a second was recorded");
    (correlation, Duration::from_micros(delay as u64 * 125 / 6))
}

/// Speaks until a call was good enough, a few times at most: a machine that stands still now and then spoils a call,
/// a broken path spoils them all.
fn speak_until(least: f32, processing: bool) {
    let mut tried = Vec::new();
    for seed in 3..9 {
        let (clip, recording, figures) = speak(voice(seed, 6.0), processing);
        let (correlation, delay) = compare(&clip, &recording);
        println!("processing {processing}: match {correlation:.3}, mouth to ear {delay:?}, {figures:?}");
        assert!(figures.played_samples > 0 && figures.undecodable == 0, "{figures:?}");
        assert!(dbov(&recording.samples[recording.samples.len() / 2..]) > -45.0, "hardly anything was heard");
        if correlation > least {
            return;
        }
        tried.push(correlation);
    }
    panic!("no call was good enough: {tried:?}");
}

#[test]
fn speech_comes_over_from_microphone_to_loudspeaker() {
    speak_until(0.9, false);
}

#[test]
fn processed_speech_comes_over_too() {
    speak_until(0.5, true);
}

#[test]
fn muting_and_hold_send_silence_and_are_seen_in_the_level() {
    let end = End::new(CaptureSource::Tone { hz: 500.0 }, PlayoutSink::Null, false);
    let (levels, sent) = channel();
    end.pump.start_capture(Box::new(move |audio| {
        let _ = levels.send((audio.level_dbov, audio.voice));
    }));
    let wait = |wanted: &dyn Fn(f32) -> bool| {
        while !wanted(sent.recv_timeout(PATIENCE).expect("packets flow").0) {}
    };
    wait(&|level| level > -20.0);
    end.until(|event| matches!(event, PumpEvent::CaptureRunning));
    end.pump.set_muted(true);
    wait(&|level| level == -127.0);
    end.until(|event| matches!(event, PumpEvent::Levels(levels) if levels.local == -127.0));
    end.pump.set_muted(false);
    wait(&|level| level > -20.0);
    end.pump.set_hold(true);
    wait(&|level| level == -127.0);
    end.pump.set_hold(false);
    wait(&|level| level > -20.0);
}

#[test]
fn an_end_that_is_silent_plays_nothing_and_is_heard_all_the_same() {
    let recorder = Recorder::new();
    let near = End::new(CaptureSource::Tone { hz: 500.0 }, PlayoutSink::Null, false);
    let far = End::new(CaptureSource::Tone { hz: 700.0 }, PlayoutSink::Recorder(recorder.clone()), false);
    let inlet = far.pump.add_receiver(LinkId(1), participant());
    let (levels, sent) = channel();
    far.pump.start_capture(Box::new(move |audio| {
        let _ = levels.send(audio.level_dbov);
    }));
    near.send_to(inlet);
    far.until(|event| matches!(event, PumpEvent::FirstPlayed(LinkId(1))));
    // Whole tenths of a second of the one kind, since a take may hold some of both.
    let played = |loud: bool| {
        let mut heard = Vec::new();
        far.until(|_| {
            heard.extend(recorder.take().samples);
            heard.chunks_exact(4_800).any(|tenth| match loud {
                true => dbov(tenth) > -20.0,
                false => tenth.iter().all(|sample| *sample == 0.0),
            })
        });
    };
    played(true);
    far.pump.set_silent(true);
    played(false);
    while sent.try_recv().is_ok() {}
    assert!(sent.recv_timeout(PATIENCE).expect("packets flow") > -20.0, "being silent is not being muted");
    far.pump.set_silent(false);
    played(true);
}

#[test]
fn a_ringtone_sounds_on_the_ringer_before_anything_is_captured() {
    let recorder = Recorder::new();
    let (sender, events) = channel();
    let options = SoundOptions {
        microphone: CaptureSource::File("/nonexistent/would-fail-if-opened.wav".into()),
        speaker: PlayoutSink::File("/nonexistent/would-fail-if-opened.wav".into()),
        ringer: PlayoutSink::Recorder(recorder.clone()),
        processing: true,
    };
    let pump = SoundPump::new(options, Arc::new(move |event| drop(sender.send(event))));
    pump.play_tone(Tone::Ringtone);
    let limit = Instant::now() + PATIENCE;
    while recorder.len() < 24_000 {
        assert!(Instant::now() < limit, "no ringtone: {}", pump.describe());
        std::thread::park_timeout(Duration::from_millis(5));
    }
    pump.stop_tone();
    drop(pump);
    let first: Vec<PumpEvent> = events.try_iter().collect();
    assert!(first.is_empty(), "neither microphone nor loudspeaker was touched: {first:?}");
    let samples = recorder.take().samples;
    let note = goertzel(&samples[2_400..9_600], 48_000, 587.33);
    assert!(note > 0.03, "the first note: {note}");
}

#[test]
fn a_missing_file_is_told_and_the_call_goes_on() {
    let end = End::new(
        CaptureSource::File("/nonexistent/speech.wav".into()),
        PlayoutSink::File("/nonexistent/heard.wav".into()),
        false,
    );
    let inlet = end.pump.add_receiver(LinkId(1), participant());
    let far = End::new(CaptureSource::Tone { hz: 440.0 }, PlayoutSink::Null, false);
    let (packets, sent) = channel();
    end.pump.start_capture(Box::new(move |audio| {
        let _ = packets.send(audio.payload.len());
    }));
    far.send_to(inlet.clone());
    let mut told = 0;
    end.until(|event| {
        if let PumpEvent::Trouble(problem) = event {
            assert_eq!(problem.code, ProblemCode::SoundFile, "{problem}");
            told += 1;
        }
        told == 2
    });
    sent.recv_timeout(PATIENCE).expect("silence is sent without a microphone");
    end.until(|event| matches!(event, PumpEvent::FirstPlayed(_)));
    // Another microphone takes over.
    end.pump.select_microphone(CaptureSource::Tone { hz: 300.0 });
    end.until(|event| matches!(event, PumpEvent::CaptureRunning));
    end.until(|event| matches!(event, PumpEvent::Levels(levels) if levels.local > -20.0));
    assert!(inlet.figures().played_samples > 0);
}

#[test]
fn what_the_echo_end_hears_comes_back() {
    let (writer, reader) = pipe();
    let recorder = Recorder::new();
    let caller = End::new(CaptureSource::Tone { hz: 620.0 }, PlayoutSink::Recorder(recorder.clone()), false);
    let echo = End::new(CaptureSource::Pipe(reader), PlayoutSink::Pipe(writer), false);
    let to_caller = caller.pump.add_receiver(LinkId(1), participant());
    let to_echo = echo.pump.add_receiver(LinkId(2), participant());
    caller.send_to(to_echo);
    echo.send_to(to_caller);
    // The echo's first packets are silence; wait until the tone is back.
    caller.until(|event| {
        matches!(event, PumpEvent::Levels(levels) if levels.remote.iter().any(|(_, level)| *level > -20.0))
    });
    let end = recorder.len() + 96_000;
    caller.until(|_| recorder.len() >= end);
    let samples = recorder.take().samples;
    // In short pieces, since every correction of the delay shifts the phase.
    let mut tones: Vec<f32> = samples[samples.len() - 96_000..]
        .chunks_exact(2_400)
        .map(|part| goertzel(part, 48_000, 620.0))
        .collect();
    tones.sort_by(f32::total_cmp);
    let usual = tones[tones.len() / 2];
    assert!(usual > 0.12, "of an amplitude of 0.25 came back {usual}");
}

#[test]
fn a_flooded_inlet_drops_and_counts() {
    let end = End::new(CaptureSource::Silence, PlayoutSink::Null, false);
    let inlet = end.pump.add_receiver(LinkId(1), participant());
    for sequence in 0..2_000 {
        let payload = Bytes::from_static(&[0xf8, 0xff, 0xfe]);
        inlet.insert(AudioPacket {
            sequence,
            timestamp: u32::from(sequence) * 960,
            payload,
            arrival: Instant::now(),
        });
    }
    assert!(inlet.figures().overflow >= 1_700, "{:?}", inlet.figures());
    end.pump.remove_receiver(LinkId(1));
}
