//! Echo, noise and loudness of the microphone.
//!
//! ```text
//!  capture ─▶ high pass, echo canceller ─▶ noise suppressor ─▶ gain ─▶ limiter
//!                   ▲ render: what the loudspeaker plays
//! ```
//!
//! The canceller comes first because it needs the microphone and the loudspeaker in a linear relation, which a
//! suppressor destroys; gain comes last because it would raise the noise it does not yet know to be noise.
//!
//! The canceller works only where the microphone can hear the loudspeaker at all. Until it has found out by itself
//! that no echo comes back (some two seconds of both speaking) it mutes what may be one, and from a file none can come.

use nnnoiseless::DenoiseState;
use sonora::config::{EchoCanceller, HighPassFilter, MaxProcessingRate, Pipeline, TransparentModeType};
use sonora::{AudioProcessing, Config, StreamConfig};

use super::gain::Gain;
use super::{FRAME, SAMPLE_RATE};

/// The suppressor and the gain work on the scale of 16-bit integers.
const INTEGER_SCALE: f32 = 32_768.0;

/// How loud the noise is that every frame gets before it is processed: -140 dBov, far below what 16 bits can say.
///
/// Filters fed with silence decay into denormal numbers, which processors reckon with a hundred times more slowly:
/// without it a call in which nobody speaks costs ten times one in which both do.
const DITHER: f32 = 1e-7;

/// Above this probability a frame counts as speech.
const SPEECH: f32 = 0.5;

/// The microphone's processing, one 10 ms frame at a time. Adds about 12 ms of delay: one frame of the suppressor's
/// overlap and the canceller's filter bank.
pub(crate) struct Processing {
    /// There while the microphone may hear the loudspeaker.
    canceller: Option<AudioProcessing>,
    suppressor: Box<DenoiseState<'static>>,
    gain: Gain,
    dither: Dither,
    scratch: [f32; FRAME],
}

impl Processing {
    /// Everything on, nothing learnt. `echo_path` as for [`set_echo_path`](Self::set_echo_path).
    pub(crate) fn new(echo_path: bool) -> Self {
        Self {
            canceller: echo_path.then(canceller),
            suppressor: DenoiseState::new(),
            gain: Gain::new(),
            dither: Dither(1),
            scratch: [0.0; FRAME],
        }
    }

    /// Whether the microphone may hear the loudspeaker: both are devices of this machine.
    pub(crate) fn set_echo_path(&mut self, echo_path: bool) {
        if echo_path != self.canceller.is_some() {
            self.canceller = echo_path.then(canceller);
        }
    }

    /// Tells the canceller what the loudspeaker is about to play. Once for every frame played, in order.
    pub(crate) fn render(&mut self, frame: &[f32; FRAME]) {
        if let Some(canceller) = &mut self.canceller {
            let mut frame = *frame;
            self.dither.add(&mut frame);
            // Fails only for another length than the one it was built for.
            let _ = canceller.process_render_f32(&[&frame], &mut [&mut self.scratch]);
        }
    }

    /// The stages that work.
    pub(crate) fn describe(&self) -> &'static str {
        if self.canceller.is_some() { "aec ▸ denoise ▸ agc" } else { "denoise ▸ agc" }
    }

    /// Processes one frame of the microphone in place. Returns whether somebody speaks in it.
    pub(crate) fn capture(&mut self, frame: &mut [f32; FRAME]) -> bool {
        self.dither.add(frame);
        if let Some(canceller) = &mut self.canceller
            && canceller.process_capture_f32(&[frame], &mut [&mut self.scratch]).is_ok()
        {
            *frame = self.scratch;
        }
        for sample in frame.iter_mut() {
            *sample *= INTEGER_SCALE;
        }
        let speech = self.suppressor.process_frame(&mut self.scratch, frame);
        self.gain.apply(&mut self.scratch, speech);
        for (slot, sample) in frame.iter_mut().zip(&self.scratch) {
            *slot = sample / INTEGER_SCALE;
        }
        speech > SPEECH
    }
}

/// White noise of [`DITHER`]'s loudness.
struct Dither(u32);

impl Dither {
    fn add(&mut self, frame: &mut [f32; FRAME]) {
        for sample in frame {
            // A linear congruential generator: whoever could tell it from chance would have to hear it first.
            self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *sample += (self.0 as f32 / u32::MAX as f32 - 0.5) * DITHER;
        }
    }
}

fn canceller() -> AudioProcessing {
    let mono = StreamConfig::new(SAMPLE_RATE, 1);
    let config = Config {
        pipeline: Pipeline {
            maximum_internal_processing_rate: MaxProcessingRate::Rate48kHz,
            ..Default::default()
        },
        high_pass_filter: Some(HighPassFilter::default()),
        // The finder of headsets that keeps more of what is said while both speak (0.98 against 0.97).
        echo_canceller: Some(EchoCanceller {
            transparent_mode: TransparentModeType::Hmm,
            ..EchoCanceller::default()
        }),
        ..Default::default()
    };
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
        let mut processing = Processing::new(true);
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
        let mut processing = Processing::new(true);
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
    fn what_a_file_says_is_never_taken_for_echo() {
        let (near, far) = (voice(5, 4.0), voice(11, 4.0));
        let mut processing = Processing::new(true);
        processing.set_echo_path(false);
        let mut out = Vec::new();
        for (mut said, played) in frames(&near).zip(frames(&far)) {
            processing.render(&played);
            processing.capture(&mut said);
            out.extend(said);
        }
        let (kept, _) = envelope_match(&near[..48_000 * 3], &out, 20);
        println!("both speak from files: correlation {kept:.3}");
        assert!(kept > 0.9, "speech was taken for echo: correlation {kept}");
    }

    #[test]
    fn noise_goes_and_speech_stays() {
        let clean = voice(5, 8.0);
        let mut noise = Noise(99);
        let level = 10f32.powf((dbov(&clean) - 10.0) / 20.0) * 3f32.sqrt();
        let noisy: Vec<f32> = clean.iter().map(|sample| sample + noise.next() * level).collect();
        let mut processing = Processing::new(true);
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
        let mut processing = Processing::new(true);
        let mut out = Vec::new();
        for mut frame in frames(&quiet) {
            processing.capture(&mut frame);
            out.extend(frame);
        }
        let gain = dbov(&out[48_000 * 6..]) - dbov(&quiet[48_000 * 6..]);
        println!("gain {gain:.1} dB");
        assert!(gain > 4.0, "raised by {gain} dB only");
        let mut processing = Processing::new(true);
        let mut loudest = -127.0f32;
        for _ in 0..300 {
            let mut frame = [0.0; FRAME];
            processing.capture(&mut frame);
            loudest = loudest.max(dbov(&frame));
        }
        assert!(loudest < -90.0, "silence became {loudest} dBov");
    }
}
