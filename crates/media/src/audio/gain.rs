//! Automatic gain: brings a quiet voice up to the loudness of others, and keeps every sample below full scale.

use sonora_agc2::adaptive_digital_gain_controller::{AdaptiveDigitalGainController, FrameInfo};
use sonora_agc2::common::{
    ADJACENT_SPEECH_FRAMES_THRESHOLD, SATURATION_PROTECTOR_INITIAL_HEADROOM_DB, float_s16_to_dbfs,
};
use sonora_agc2::limiter::Limiter;
use sonora_agc2::noise_level_estimator::NoiseLevelEstimator;
use sonora_agc2::saturation_protector::SaturationProtector;
use sonora_agc2::speech_level_estimator::{AdaptiveDigitalConfig, SpeechLevelEstimator};

use super::FRAME;

/// The parts of WebRTC's second gain controller, told by the noise suppressor whether somebody speaks. Its own speech
/// detector is a second neural network that would cost more than all the rest of it.
pub(crate) struct Gain {
    speech: SpeechLevelEstimator,
    noise: NoiseLevelEstimator,
    headroom: SaturationProtector,
    controller: AdaptiveDigitalGainController,
    limiter: Limiter,
}

impl Gain {
    pub(crate) fn new() -> Self {
        let config = AdaptiveDigitalConfig::default();
        Self {
            speech: SpeechLevelEstimator::new(&config, ADJACENT_SPEECH_FRAMES_THRESHOLD),
            noise: NoiseLevelEstimator::default(),
            headroom: SaturationProtector::new(
                SATURATION_PROTECTOR_INITIAL_HEADROOM_DB,
                ADJACENT_SPEECH_FRAMES_THRESHOLD,
            ),
            controller: AdaptiveDigitalGainController::new(config, ADJACENT_SPEECH_FRAMES_THRESHOLD),
            limiter: Limiter::new(FRAME),
        }
    }

    /// Raises one frame of samples on the scale of 16-bit integers, in which somebody speaks with the given
    /// probability (0..=1).
    pub(crate) fn apply(&mut self, frame: &mut [f32; FRAME], speech_probability: f32) {
        let peak = frame.iter().fold(0.0f32, |peak, sample| peak.max(sample.abs()));
        let mean_square = frame.iter().map(|sample| sample * sample).sum::<f32>() / FRAME as f32;
        self.speech.update(float_s16_to_dbfs(mean_square.sqrt()), speech_probability);
        let speech_level_dbfs = self.speech.level_dbfs();
        self.headroom.analyze(speech_probability, float_s16_to_dbfs(peak), speech_level_dbfs);
        let info = FrameInfo {
            speech_probability,
            speech_level_dbfs,
            speech_level_reliable: self.speech.is_confident(),
            noise_rms_dbfs: self.noise.analyze(&[frame]),
            headroom_db: self.headroom.headroom_db(),
            limiter_envelope_dbfs: float_s16_to_dbfs(self.limiter.last_audio_level()),
        };
        self.controller.process(&info, &mut [frame]);
        self.limiter.process(&mut [frame]);
    }
}
