//! Call sounds, made here: no sound files, no licences.

use std::f32::consts::TAU;

use bellbird_call::ports::Tone;

use super::{FRAME, SAMPLE_RATE};

/// Samples in a millisecond.
const MS: usize = SAMPLE_RATE as usize / 1_000;

/// The frequency of call progress tones in most of Europe (ITU-T E.180), Hz.
const PROGRESS_HZ: f32 = 425.0;

/// How loud progress tones are, of full scale.
const PROGRESS_AMPLITUDE: f32 = 0.12;

/// One struck note of a melody.
struct Note {
    /// When it is struck.
    at_ms: usize,
    hz: f32,
    /// Of full scale.
    amplitude: f32,
}

const fn note(at_ms: usize, hz: f32, amplitude: f32) -> Note {
    Note { at_ms, hz, amplitude }
}

/// The ringtone: an arpeggio over D major with the sixth, twice, then a rest that lets a person breathe. The last
/// note has died away when it loops.
const RINGTONE: [Note; 9] = [
    note(0, 587.33, 0.28),
    note(160, 739.99, 0.26),
    note(320, 880.00, 0.26),
    note(480, 1_174.66, 0.30),
    note(800, 987.77, 0.24),
    note(1_120, 587.33, 0.26),
    note(1_280, 880.00, 0.26),
    note(1_440, 739.99, 0.24),
    note(1_600, 1_174.66, 0.28),
];
const RINGTONE_MS: usize = 3_600;

/// The end of a call: a falling fourth.
const ENDED: [Note; 2] = [note(0, 587.33, 0.2), note(140, 440.0, 0.2)];
const ENDED_MS: usize = 700;

/// How fast a struck note dies, in seconds to a third.
const DECAY: f32 = 0.28;

/// A tone being played, frame by frame.
#[derive(Clone, Debug)]
pub(crate) struct TonePlayer {
    tone: Tone,
    position: usize,
}

impl TonePlayer {
    /// From its beginning.
    pub(crate) fn new(tone: Tone) -> Self {
        Self { tone, position: 0 }
    }

    /// Which tone.
    pub(crate) fn tone(&self) -> Tone {
        self.tone
    }

    /// Makes the next 10 ms; `None` after the end of one that plays once.
    pub(crate) fn next_frame(&mut self) -> Option<[f32; FRAME]> {
        let start = self.position;
        self.position += FRAME;
        let (length, looped) = match self.tone {
            Tone::Ringtone => (RINGTONE_MS * MS, true),
            Tone::Ringback => (5_000 * MS, true),
            Tone::Busy => (3_000 * MS, false),
            Tone::Ended => (ENDED_MS * MS, false),
        };
        if start >= length && !looped {
            return None;
        }
        let mut frame = [0.0; FRAME];
        for (n, slot) in frame.iter_mut().enumerate() {
            let position = (start + n) % length;
            *slot = match self.tone {
                Tone::Ringtone => melody(&RINGTONE, position),
                Tone::Ringback => progress(position, 1_000, 5_000),
                Tone::Busy => progress(position, 500, 1_000),
                Tone::Ended => melody(&ENDED, position),
            };
        }
        Some(frame)
    }
}

/// A tone that is on for `on_ms` of every `period_ms`, with 5 ms ramps.
fn progress(position: usize, on_ms: usize, period_ms: usize) -> f32 {
    let within = position % (period_ms * MS);
    let on = on_ms * MS;
    if within >= on {
        return 0.0;
    }
    let ramp = (5 * MS) as f32;
    let gain = (within as f32 / ramp).min((on - within) as f32 / ramp).min(1.0);
    (within as f32 * PROGRESS_HZ / SAMPLE_RATE as f32).fract().mul_add(TAU, 0.0).sin()
        * PROGRESS_AMPLITUDE
        * gain
}

/// Struck notes: a sine and two quieter overtones that die sooner, as of a wooden bar.
fn melody(notes: &[Note], position: usize) -> f32 {
    let mut sum = 0.0;
    for note in notes {
        let Some(age) = position.checked_sub(note.at_ms * MS) else { break };
        let seconds = age as f32 / SAMPLE_RATE as f32;
        if seconds > 8.0 * DECAY {
            continue;
        }
        let phase = TAU * note.hz * seconds;
        let attack = (seconds / 0.004).min(1.0);
        let body = phase.sin() * (-seconds / DECAY).exp();
        let bright = 0.25 * (phase * 2.0).sin() * (-seconds / (DECAY * 0.5)).exp();
        let strike = 0.12 * (phase * 4.0).sin() * (-seconds / (DECAY * 0.15)).exp();
        sum += note.amplitude * attack * (body + bright + strike);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::level::dbov;
    use crate::audio::testing::goertzel;

    fn play(tone: Tone, seconds: usize) -> Vec<f32> {
        let mut player = TonePlayer::new(tone);
        let mut samples = Vec::new();
        while samples.len() < seconds * 48_000 {
            match player.next_frame() {
                Some(frame) => samples.extend(frame),
                None => break,
            }
        }
        samples
    }

    #[test]
    fn ringback_is_425_hz_one_second_on_four_off() {
        let samples = play(Tone::Ringback, 10);
        let on = goertzel(&samples[4_800..43_200], 48_000, 425.0);
        assert!((on - PROGRESS_AMPLITUDE).abs() < 0.005, "amplitude {on}");
        assert!(goertzel(&samples[4_800..43_200], 48_000, 475.0) < 0.002);
        assert!(samples[48_000..240_000].iter().all(|sample| *sample == 0.0));
        assert_eq!(samples[..240_000], samples[240_000..480_000]);
    }

    #[test]
    fn busy_and_ended_end_by_themselves() {
        let busy = play(Tone::Busy, 60);
        assert_eq!(busy.len(), 3 * 48_000);
        assert!(goertzel(&busy[48_000..72_000], 48_000, 425.0) > 0.1);
        assert!(dbov(&busy[74_000..90_000]) < -100.0);
        let ended = play(Tone::Ended, 60);
        assert!(ended.len() < 48_000);
        assert!(goertzel(&ended[..6_720], 48_000, 587.33) > 0.05);
        assert!(goertzel(&ended[9_600..24_000], 48_000, 440.0) > 0.03);
    }

    #[test]
    fn the_ringtone_loops_without_a_click_and_never_clips() {
        let samples = play(Tone::Ringtone, 8);
        let peak = samples.iter().fold(0.0f32, |peak, sample| peak.max(sample.abs()));
        assert!(peak > 0.3 && peak < 0.9, "peak {peak}");
        let length = RINGTONE_MS * MS;
        assert!(dbov(&samples[length - 480..length]) < -40.0, "it has died away at the loop's end");
        let seam = (samples[length] - samples[length - 1]).abs();
        assert!(seam < 0.01, "a step of {seam} where it loops");
        for (at, hz) in [(0, 587.33), (320, 880.0), (480, 1_174.66)] {
            let start = (at + 10) * MS;
            let heard = goertzel(&samples[start..start + 140 * MS], 48_000, hz);
            assert!(heard > 0.08, "{hz} Hz at {at} ms: {heard}");
        }
    }
}
