//! Encoding with settings for a conversation: no look-ahead, one thread, a steady rate.

use std::os::raw::{c_int, c_uint};

use bytes::Bytes;
use vpx_sys::vp8e_enc_control_id as control;
use vpx_sys::{vpx_codec_cx_pkt_kind, vpx_codec_enc_cfg_t, vpx_codec_err_t, vpx_image_t};

use super::{Context, check};
use crate::codec::{CodecError, EncodedFrame, VideoCodec};
use crate::encode::{Content, EncoderSettings};
use crate::frame::VideoFrame;

/// Ticks of the media clock in a second.
const CLOCK: u32 = 90_000;

/// The rate is kept over so many milliseconds. Less makes a keyframe too coarse, more lets it take too long on the wire.
const BUFFER_MS: c_uint = 600;
const BUFFER_AT_FIRST_MS: c_uint = 300;
const BUFFER_AIM_MS: c_uint = 400;

/// A keyframe may take so many per cent of an average frame.
const KEYFRAME_PERCENT: c_int = 600;

/// A gap between two pictures counts for no more than this, in lengths of a picture: after a pause the first one is not
/// given the bits of the whole pause.
const LONGEST_GAP: i64 = 4;

/// Quantizers from libvpx's 0 to 63.
const FINEST: c_uint = 2;
/// A face is not drawn any finer: from here on only grain is left to spend bits and time on.
const FINEST_FACE: c_uint = 28;
const COARSEST: c_uint = 56;

/// How much a VP8 encoder hurries, and from which size on it hurries more: at 1280x720 that takes half the time, and half a dB.
const HURRY: c_int = -8;
const LARGE_HURRY: c_int = -14;
const LARGE: u32 = 640 * 480;

/// A macroblock that differs from where it came from by less than this (the sum of its 256 squared differences) is not
/// sent anew: what is left then is a sensor's grain, 2.4 of 255 a pixel. A still room behind a face costs half the time so.
const GRAIN: c_int = 1_500;
/// Likewise of a screen, which has no grain.
const SCREEN_STILLNESS: c_int = 100;

/// A page that changed is to be readable at once, as long as that does not take much longer than a second on the wire.
const COARSEST_PAGE: c_uint = 44;
const ENOUGH_FOR_A_PAGE: u32 = 1_500_000;

#[derive(Debug)]
pub(crate) struct Encoder {
    context: Context,
    config: Box<vpx_codec_enc_cfg_t>,
    fps: u32,
    size: (u32, u32),
    last_timestamp: Option<u32>,
    /// The time as libvpx knows it, which has no long gaps.
    time: i64,
}

impl Encoder {
    pub(crate) fn new(settings: &EncoderSettings, width: u32, height: u32) -> Result<Self, CodecError> {
        let codec = settings.codec;
        // SAFETY: both return a pointer to a static description of the codec.
        let interface = unsafe {
            match codec {
                VideoCodec::Vp8 => vpx_sys::vpx_codec_vp8_cx(),
                VideoCodec::Vp9 => vpx_sys::vpx_codec_vp9_cx(),
                VideoCodec::H264 => return Err(CodecError::NotAvailable(codec)),
            }
        };
        let mut config = Box::<vpx_codec_enc_cfg_t>::default();
        // SAFETY: the description is valid and the configuration is ours to write.
        check(codec, unsafe { vpx_sys::vpx_codec_enc_config_default(interface, &mut *config, 0) })?;
        configure(&mut config, settings, width, height);
        let mut raw = Box::<vpx_sys::vpx_codec_ctx_t>::default();
        // SAFETY: all three outlive the call; libvpx copies the configuration. The version belongs to the bindings.
        check(codec, unsafe {
            vpx_sys::vpx_codec_enc_init_ver(
                &mut *raw,
                interface,
                &*config,
                0,
                vpx_sys::VPX_ENCODER_ABI_VERSION as c_int,
            )
        })?;
        let context = Context { raw, codec };
        let size = (width, height);
        let mut encoder = Self { context, config, fps: settings.fps, size, last_timestamp: None, time: 0 };
        for (name, value) in controls(settings, width * height) {
            encoder.control(name, value)?;
        }
        Ok(encoder)
    }

    pub(crate) fn size(&self) -> (u32, u32) {
        self.size
    }

    pub(crate) fn set_rate(&mut self, settings: &EncoderSettings) {
        self.fps = settings.fps;
        self.config.rc_target_bitrate = kilobits(settings.bitrate);
        self.config.rc_max_quantizer = coarsest(settings);
        // SAFETY: the context is initialised and the configuration is the one it began with, but for the rate.
        let answer = unsafe { vpx_sys::vpx_codec_enc_config_set(&mut *self.context.raw, &*self.config) };
        // It refuses only what it would have refused at first; the old rate stays then.
        debug_assert_eq!(answer, vpx_codec_err_t::VPX_CODEC_OK);
    }

    pub(crate) fn encode(
        &mut self,
        frame: &VideoFrame,
        timestamp: u32,
        keyframe: bool,
    ) -> Result<Option<EncodedFrame>, CodecError> {
        let usual = i64::from(CLOCK) / i64::from(self.fps);
        let first = self.last_timestamp.is_none();
        if let Some(last) = self.last_timestamp {
            let step = i64::from(timestamp.wrapping_sub(last) as i32);
            self.time += step.clamp(usual / 4, usual * LONGEST_GAP);
        }
        self.last_timestamp = Some(timestamp);
        let mut image = vpx_image_t::default();
        // SAFETY: writes the image alone, which then points into the frame's bytes; they are as many as I420 of that size
        // takes. Encoders only read from them.
        let wrapped = unsafe {
            vpx_sys::vpx_img_wrap(
                &mut image,
                vpx_sys::vpx_img_fmt::VPX_IMG_FMT_I420,
                frame.width(),
                frame.height(),
                1,
                frame.data().as_ptr().cast_mut(),
            )
        };
        if wrapped.is_null() {
            return Err(CodecError::Size { width: frame.width(), height: frame.height() });
        }
        let flags = if keyframe { vpx_sys::VPX_EFLAG_FORCE_KF } else { 0 };
        // SAFETY: the context is initialised, and the image lives until the call returns; there is no look-ahead that
        // would keep it.
        let answer = unsafe {
            vpx_sys::vpx_codec_encode(
                &mut *self.context.raw,
                &image,
                self.time,
                usual as _,
                flags.into(),
                vpx_sys::VPX_DL_REALTIME.into(),
            )
        };
        self.context.check(answer)?;
        match self.take(timestamp) {
            None if first || keyframe => Err(CodecError::Library {
                codec: self.context.codec,
                why: "it made no keyframe when asked".to_owned(),
            }),
            outcome => Ok(outcome),
        }
    }

    /// What the last call to encode made.
    fn take(&mut self, timestamp: u32) -> Option<EncodedFrame> {
        let mut place = std::ptr::null();
        let mut data = Vec::new();
        let mut keyframe = false;
        loop {
            // SAFETY: the context is initialised; the packet lives until the next call to encode.
            let packet = unsafe { vpx_sys::vpx_codec_get_cx_data(&mut *self.context.raw, &mut place) };
            // SAFETY: either null or valid.
            let Some(packet) = (unsafe { packet.as_ref() }) else { break };
            if packet.kind != vpx_codec_cx_pkt_kind::VPX_CODEC_CX_FRAME_PKT {
                continue;
            }
            // SAFETY: the kind says which of the union it is, and libvpx says how many bytes lie there.
            let (frame, bytes) = unsafe {
                let frame = packet.data.frame;
                (frame, std::slice::from_raw_parts(frame.buf.cast::<u8>(), frame.sz as usize))
            };
            keyframe |= frame.flags & vpx_sys::VPX_FRAME_IS_KEY != 0;
            data.extend_from_slice(bytes);
        }
        (!data.is_empty()).then(|| EncodedFrame {
            data: Bytes::from(data),
            keyframe,
            timestamp,
            temporal_layer: 0,
        })
    }

    fn control(&mut self, name: control, value: c_int) -> Result<(), CodecError> {
        // SAFETY: every control in our list takes one int, passed by value.
        let answer = unsafe { vpx_sys::vpx_codec_control_(&mut *self.context.raw, name as c_int, value) };
        self.context.check(answer)
    }
}

fn kilobits(bitrate: u32) -> c_uint {
    (bitrate / 1_000).max(1)
}

fn coarsest(settings: &EncoderSettings) -> c_uint {
    match settings.content {
        Content::Screen if settings.bitrate >= ENOUGH_FOR_A_PAGE => COARSEST_PAGE,
        Content::Camera | Content::Screen => COARSEST,
    }
}

fn configure(config: &mut vpx_codec_enc_cfg_t, settings: &EncoderSettings, width: u32, height: u32) {
    config.g_w = width;
    config.g_h = height;
    config.g_threads = 1;
    config.g_profile = 0;
    config.g_timebase.num = 1;
    config.g_timebase.den = CLOCK as c_int;
    config.g_pass = vpx_sys::vpx_enc_pass::VPX_RC_ONE_PASS;
    config.g_lag_in_frames = 0;
    // A receiver never decodes over a hole, so there is no need to spend bits on making that bearable.
    config.g_error_resilient = 0;
    config.rc_end_usage = vpx_sys::vpx_rc_mode::VPX_CBR;
    config.rc_target_bitrate = kilobits(settings.bitrate);
    config.rc_min_quantizer = match settings.content {
        Content::Camera if settings.codec == VideoCodec::Vp8 => FINEST_FACE,
        Content::Camera | Content::Screen => FINEST,
    };
    config.rc_max_quantizer = coarsest(settings);
    config.rc_undershoot_pct = 100;
    config.rc_overshoot_pct = 15;
    config.rc_buf_sz = BUFFER_MS;
    config.rc_buf_initial_sz = BUFFER_AT_FIRST_MS;
    config.rc_buf_optimal_sz = BUFFER_AIM_MS;
    config.rc_dropframe_thresh = match settings.content {
        Content::Camera => 30,
        // A screen that changed must be seen to change.
        Content::Screen => 10,
    };
    config.rc_resize_allowed = 0;
    // Keyframes when asked for, and at no other time.
    config.kf_mode = vpx_sys::vpx_kf_mode::VPX_KF_FIXED;
    config.kf_min_dist = 0;
    config.kf_max_dist = c_int::MAX as c_uint;
}

fn controls(settings: &EncoderSettings, pixels: u32) -> Vec<(control, c_int)> {
    let is_screen = settings.content == Content::Screen;
    let is_large_face = !is_screen && pixels > LARGE;
    match settings.codec {
        VideoCodec::Vp8 => vec![
            (control::VP8E_SET_CPUUSED, if is_large_face { LARGE_HURRY } else { HURRY }),
            (
                control::VP8E_SET_STATIC_THRESHOLD,
                match settings.content {
                    Content::Screen => SCREEN_STILLNESS,
                    Content::Camera if is_large_face => GRAIN,
                    Content::Camera => 1,
                },
            ),
            (control::VP8E_SET_NOISE_SENSITIVITY, 0),
            (control::VP8E_SET_TOKEN_PARTITIONS, 0),
            (control::VP8E_SET_MAX_INTRA_BITRATE_PCT, KEYFRAME_PERCENT),
            (control::VP8E_SET_SCREEN_CONTENT_MODE, c_int::from(is_screen)),
        ],
        VideoCodec::Vp9 => vec![
            (control::VP8E_SET_CPUUSED, if is_screen { 7 } else { 8 }),
            (control::VP9E_SET_COLOR_SPACE, vpx_sys::vpx_color_space::VPX_CS_BT_601 as c_int),
            (control::VP8E_SET_STATIC_THRESHOLD, if is_screen { SCREEN_STILLNESS } else { 1 }),
            (control::VP8E_SET_MAX_INTRA_BITRATE_PCT, KEYFRAME_PERCENT),
            (control::VP9E_SET_NOISE_SENSITIVITY, 0),
            (control::VP9E_SET_AQ_MODE, 3),
            (control::VP9E_SET_TILE_COLUMNS, 0),
            (control::VP9E_SET_ROW_MT, 0),
            (control::VP9E_SET_FRAME_PARALLEL_DECODING, 0),
            (
                control::VP9E_SET_TUNE_CONTENT,
                if is_screen { vpx_sys::vp9e_tune_content::VP9E_CONTENT_SCREEN as c_int } else { 0 },
            ),
        ],
        VideoCodec::H264 => Vec::new(),
    }
}
