//! Encoding constrained baseline, one slice a picture, on the calling thread.

#![allow(unsafe_code)]

use bytes::Bytes;
use openh264::Timestamp;
use openh264::encoder::{
    BitRate, Complexity, EncoderConfig, FrameRate, FrameType, Profile, RateControlMode, UsageType, VuiConfig,
};
use openh264::formats::YUVSlices;
use openh264_sys2::{
    ENCODER_OPTION_BITRATE, ENCODER_OPTION_FRAME_RATE, ENCODER_OPTION_MAX_BITRATE, SPATIAL_LAYER_0,
    SPATIAL_LAYER_ALL, TagBitrateInfo,
};

use super::library::{open, refused};
use crate::codec::{CodecError, EncodedFrame, VideoCodec};
use crate::encode::EncoderSettings;
use crate::frame::VideoFrame;

/// What openh264 takes: 3840 by 2160, either way round, and no less than a macroblock.
const LONG_SIDE: u32 = 3840;
const SHORT_SIDE: u32 = 2160;
const LEAST_SIDE: u32 = 16;

/// How far the ceiling of the rate lies above it.
const HEADROOM: u32 = 4;

pub(crate) struct Encoder {
    inner: openh264::encoder::Encoder,
    size: (u32, u32),
    last_timestamp: Option<u32>,
    milliseconds: u64,
    ticks: u64,
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("openh264 encoder")
    }
}

impl Encoder {
    pub(crate) fn new(settings: &EncoderSettings, width: u32, height: u32) -> Result<Self, CodecError> {
        let (long, short) = (width.max(height), width.min(height));
        if long > LONG_SIDE || !(LEAST_SIDE..=SHORT_SIDE).contains(&short) {
            return Err(CodecError::Size { width, height });
        }
        let config = EncoderConfig::new()
            .profile(Profile::Baseline)
            // For screens too: openh264's own mode for these takes twice the time, and stops before a still page is sharp.
            .usage_type(UsageType::CameraVideoRealTime)
            .bitrate(BitRate::from_bps(settings.bitrate))
            .max_frame_rate(FrameRate::from_hz(settings.fps as f32))
            .rate_control_mode(RateControlMode::Bitrate)
            .skip_frames(true)
            .complexity(Complexity::Low)
            .num_threads(1)
            // Keyframes when asked for.
            .scene_change_detect(false)
            .vui(VuiConfig::bt601());
        let inner =
            openh264::encoder::Encoder::with_api_config(open()?, config).map_err(|error| refused(&error))?;
        Ok(Self { inner, size: (width, height), last_timestamp: None, milliseconds: 0, ticks: 0 })
    }

    pub(crate) fn size(&self) -> (u32, u32) {
        self.size
    }

    pub(crate) fn set_rate(&mut self, settings: &EncoderSettings) {
        if self.last_timestamp.is_none() {
            // Not begun: `VideoEncoder` makes one only to encode with it at once, so this is not met.
            return;
        }
        let mut fps = settings.fps as f32;
        let info = |layer, bitrate: u32| TagBitrateInfo {
            iLayer: layer,
            iBitrate: i32::try_from(bitrate).unwrap_or(i32::MAX),
        };
        let mut bitrate = info(SPATIAL_LAYER_ALL, settings.bitrate);
        // A ceiling near the rate has openh264 leave out pictures for seconds after each rise; and that of its only layer stays
        // where it began, whatever is set for all.
        let high = settings.bitrate.saturating_mul(HEADROOM);
        let (mut ceiling, mut of_layer) = (info(SPATIAL_LAYER_ALL, high), info(SPATIAL_LAYER_0, high));
        // SAFETY: the encoder is initialised, since it encoded something, and each option is given the type that openh264's
        // header names for it, which it copies. The ceiling goes up first, as it refuses a rate above it; whatever it
        // refuses leaves the old value.
        unsafe {
            let raw = self.inner.raw_api();
            raw.set_option(ENCODER_OPTION_FRAME_RATE, (&raw mut fps).cast());
            raw.set_option(ENCODER_OPTION_MAX_BITRATE, (&raw mut ceiling).cast());
            raw.set_option(ENCODER_OPTION_MAX_BITRATE, (&raw mut of_layer).cast());
            raw.set_option(ENCODER_OPTION_BITRATE, (&raw mut bitrate).cast());
            raw.set_option(ENCODER_OPTION_MAX_BITRATE, (&raw mut ceiling).cast());
            raw.set_option(ENCODER_OPTION_MAX_BITRATE, (&raw mut of_layer).cast());
        }
    }

    pub(crate) fn encode(
        &mut self,
        frame: &VideoFrame,
        timestamp: u32,
        keyframe: bool,
    ) -> Result<Option<EncodedFrame>, CodecError> {
        let first = self.last_timestamp.is_none();
        if let Some(last) = self.last_timestamp {
            self.ticks += u64::try_from(timestamp.wrapping_sub(last) as i32).unwrap_or(0);
            self.milliseconds = (self.ticks / 90).max(self.milliseconds + 1);
        }
        self.last_timestamp = Some(timestamp);
        if keyframe && !first {
            self.inner.force_intra_frame();
        }
        let (width, height) = (frame.width() as usize, frame.height() as usize);
        let planes = (frame.y(), frame.u(), frame.v());
        let source = YUVSlices::new(planes, (width, height), (width, width / 2, width / 2));
        let stream = self
            .inner
            .encode_at(&source, Timestamp::from_millis(self.milliseconds))
            .map_err(|error| refused(&error))?;
        let is_keyframe = match stream.frame_type() {
            FrameType::IDR => true,
            FrameType::I | FrameType::P | FrameType::IPMixed => false,
            FrameType::Skip => return Ok(None),
            FrameType::Invalid => {
                let why = "it made no picture".to_owned();
                return Err(CodecError::Library { codec: VideoCodec::H264, why });
            }
        };
        let data = stream.to_vec();
        Ok((!data.is_empty()).then(|| EncodedFrame {
            data: Bytes::from(data),
            keyframe: is_keyframe,
            timestamp,
            temporal_layer: 0,
        }))
    }
}
