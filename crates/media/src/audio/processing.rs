//! Echo, noise and loudness of the microphone.
//!
//! ```text
//!  capture ─▶ high pass, echo canceller ─▶ noise suppressor ─▶ gain ─▶ limiter
//!                   ▲ render: what the loudspeaker plays
//! ```
//!
//! The canceller comes first because it needs the microphone and the loudspeaker in a linear relation, which a
//! suppressor destroys; gain comes last because it would raise the noise it does not yet know to be noise.

use nnnoiseless::DenoiseState;
use sonora::config::{
    AdaptiveDigital, EchoCanceller, GainController2, HighPassFilter, MaxProcessingRate, Pipeline,
    TransparentModeType,
};
use sonora::{AudioProcessing, Config, StreamConfig};

use super::{FRAME, SAMPLE_RATE};

/// The suppressor works on the scale of 16-bit integers.
const SUPPRESSOR_SCALE: f32 = 32_768.0;

/// Above this probability a frame counts as speech.
const SPEECH: f32 = 0.5;

/// The microphone's processing, one 10 ms frame at a time. Adds about 12 ms of delay: one frame of the suppressor's
/// overlap and the canceller's filter bank.
pub(crate) struct Processing {
    canceller: AudioProcessing,
    suppressor: Box<DenoiseState<'static>>,
    gain: AudioProcessing,
    scratch: [f32; FRAME],
}

impl Processing {
    /// Everything on, nothing learnt.
    pub(crate) fn new() -> Self {
        Self {
            canceller: stage(Config {
                pipeline: full_band(),
                high_pass_filter: Some(HighPassFilter::default()),
                // The finder of headsets that keeps more of what is said while both speak (0.98 against 0.97).
                echo_canceller: Some(EchoCanceller {
                    transparent_mode: TransparentModeType::Hmm,
                    ..EchoCanceller::default()
                }),
                ..Default::default()
            }),
            suppressor: DenoiseState::new(),
            gain: stage(Config {
                pipeline: full_band(),
                gain_controller2: Some(GainController2 {
                    adaptive_digital: Some(AdaptiveDigital::default()),
                    ..Default::default()
                }),
                ..Default::default()
            }),
            scratch: [0.0; FRAME],
        }
    }

    /// Tells the canceller what the loudspeaker is about to play. Once for every frame played, in order.
    pub(crate) fn render(&mut self, frame: &[f32; FRAME]) {
        // Fails only for another length than the one it was built for.
        let _ = self.canceller.process_render_f32(&[frame], &mut [&mut self.scratch]);
    }

    /// Processes one frame of the microphone in place. Returns whether somebody speaks in it.
    pub(crate) fn capture(&mut self, frame: &mut [f32; FRAME]) -> bool {
        if self.canceller.process_capture_f32(&[frame], &mut [&mut self.scratch]).is_ok() {
            *frame = self.scratch;
        }
        for sample in frame.iter_mut() {
            *sample *= SUPPRESSOR_SCALE;
        }
        let speech = self.suppressor.process_frame(&mut self.scratch, frame);
        for (slot, sample) in frame.iter_mut().zip(&self.scratch) {
            *slot = sample / SUPPRESSOR_SCALE;
        }
        if self.gain.process_capture_f32(&[frame], &mut [&mut self.scratch]).is_ok() {
            *frame = self.scratch;
        }
        speech > SPEECH
    }
}

fn full_band() -> Pipeline {
    Pipeline { maximum_internal_processing_rate: MaxProcessingRate::Rate48kHz, ..Default::default() }
}

fn stage(config: Config) -> AudioProcessing {
    let mono = StreamConfig::new(SAMPLE_RATE, 1);
    AudioProcessing::builder().config(config).capture_config(mono).render_config(mono).build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::level::dbov;
    use crate::audio::testing::{Noise, envelope_match, voice};

    /// The sound of a small room: what the microphone hears of the loudspeaker, `delay` samples later.
    fn room(played: &[f32], delay: usize) -> Vec<f32> {
        let mut noise = Noise(77);
        let taps: Vec<(usize, f32)> =
            (0..40).map(|n| (delay + n * 37, noise.next() * 0.4 * (-(n as f32) / 10.0).exp())).collect();
        (0..played.len())
            .map(|n| taps.iter().filter_map(|(at, gain)| Some(played[n.checked_sub(*at)?] * gain)).sum())
            .collect()
    }

    fn frames(samples: &[f32]) -> impl Iterator<Item = [f32; FRAME]> {
        samples.chunks_exact(FRAME).map(|frame| frame.try_into().unwrap())
    }

    #[test]
    fn the_echo_of_the_far_voice_is_taken_out() {
        let far = voice(3, 8.0);
        let echo = room(&far, 48 * 35);
        let mut processing = Processing::new();
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for (played, mut heard) in frames(&far).zip(frames(&echo)) {
            processing.render(&played);
            before.extend(heard);
            processing.capture(&mut heard);
            after.extend(heard);
        }
        let tail = 48_000 * 4;
        let loss = dbov(&before[tail..]) - dbov(&after[tail..]);
        println!("echo return loss {loss:.1} dB");
        assert!(loss >= 20.0, "echo reduced by {loss} dB only");
    }

    #[test]
    fn a_headset_keeps_what_is_said_into_the_other_one() {
        let (near, far) = (voice(5, 8.0), voice(11, 8.0));
        let mut processing = Processing::new();
        let mut out = Vec::new();
        for (mut said, played) in frames(&near).zip(frames(&far)) {
            processing.render(&played);
            processing.capture(&mut said);
            out.extend(said);
        }
        // The canceller takes two seconds to find that nothing of the loudspeaker reaches the microphone; until then it
        // mutes what may be echo.
        let settled = 48_000 * 2;
        let (kept, _) = envelope_match(&near[settled..48_000 * 7], &out[settled..], 20);
        println!("both speak, no echo: correlation {kept:.3}");
        assert!(kept > 0.9, "speech was taken for echo: correlation {kept}");
    }

    #[test]
    fn noise_goes_and_speech_stays() {
        let clean = voice(5, 8.0);
        let mut noise = Noise(99);
        let level = 10f32.powf((dbov(&clean) - 10.0) / 20.0) * 3f32.sqrt();
        let noisy: Vec<f32> = clean.iter().map(|sample| sample + noise.next() * level).collect();
        let mut processing = Processing::new();
        let mut out = Vec::new();
        for mut frame in frames(&noisy) {
            processing.capture(&mut frame);
            out.extend(frame);
        }
        // Where the voice pauses, against where it speaks.
        let (mut pause, mut speech) = (Vec::new(), Vec::new());
        for (n, frame) in clean.chunks_exact(FRAME).enumerate().skip(200) {
            let Some(heard) = out.get(n * FRAME + FRAME..(n + 2) * FRAME) else { break };
            if dbov(frame) < -70.0 {
                pause.extend_from_slice(heard);
            } else if dbov(frame) > -30.0 {
                speech.extend_from_slice(heard);
            }
        }
        let contrast = dbov(&speech) - dbov(&pause);
        let (kept, delay) = envelope_match(&clean[96_000..240_000], &out[96_000..], 20);
        println!(
            "speech stands {contrast:.1} dB above the pauses, correlation {kept:.3}, delay {delay} samples"
        );
        assert!(contrast > 20.0, "speech stands only {contrast} dB above the pauses");
        assert!(kept > 0.8, "speech was damaged: correlation {kept}");
    }

    #[test]
    fn a_quiet_voice_is_raised_and_silence_is_left_alone() {
        let quiet: Vec<f32> = voice(9, 10.0).iter().map(|sample| sample * 0.08).collect();
        let mut processing = Processing::new();
        let mut out = Vec::new();
        for mut frame in frames(&quiet) {
            processing.capture(&mut frame);
            out.extend(frame);
        }
        let gain = dbov(&out[48_000 * 6..]) - dbov(&quiet[48_000 * 6..]);
        println!("gain {gain:.1} dB");
        assert!(gain > 4.0, "raised by {gain} dB only");
        let mut processing = Processing::new();
        let mut loudest = -127.0f32;
        for _ in 0..300 {
            let mut frame = [0.0; FRAME];
            processing.capture(&mut frame);
            loudest = loudest.max(dbov(&frame));
        }
        assert!(loudest < -90.0, "silence became {loudest} dBov");
    }
}
