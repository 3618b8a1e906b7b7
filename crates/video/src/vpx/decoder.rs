//! Decoding, one frame at a time, after its header was read by us.

use std::os::raw::{c_int, c_uint};
use std::time::Instant;

use vpx_sys::{vpx_codec_dec_cfg_t, vpx_image_t};

use super::{Context, check};
use crate::codec::{CodecError, VideoCodec};
use crate::decode::{check_size, gather};
use crate::frame::VideoFrame;
use crate::header::{vp8, vp9};

#[derive(Debug)]
pub(crate) struct Decoder {
    context: Context,
    /// Whether it was given a keyframe, and nothing failed since.
    has_begun: bool,
    /// Room for a VP9 frame with an index behind it.
    wrapped: Vec<u8>,
}

impl Decoder {
    pub(crate) fn new(codec: VideoCodec) -> Result<Self, CodecError> {
        Ok(Self { context: open(codec)?, has_begun: false, wrapped: Vec::new() })
    }

    pub(crate) fn decode(
        &mut self,
        data: &[u8],
        captured: Instant,
    ) -> Result<Option<VideoFrame>, CodecError> {
        let outcome = match self.context.codec {
            VideoCodec::Vp8 => self.decode_vp8(data, captured),
            VideoCodec::Vp9 => self.decode_vp9(data, captured),
            VideoCodec::H264 => Err(CodecError::NotAvailable(VideoCodec::H264)),
        };
        if outcome.is_err() && self.has_begun {
            // What it holds may be half written: it begins anew, with nothing of before.
            self.context = open(self.context.codec)?;
            self.has_begun = false;
        }
        outcome
    }

    fn decode_vp8(&mut self, data: &[u8], captured: Instant) -> Result<Option<VideoFrame>, CodecError> {
        let header = vp8::parse(data)?;
        match header.size {
            Some((width, height)) => check_size(width, height)?,
            None if !self.has_begun => return Err(CodecError::NeedsKeyframe),
            None => {}
        }
        self.has_begun = true;
        self.feed(data)?;
        self.take(captured)
    }

    fn decode_vp9(&mut self, data: &[u8], captured: Instant) -> Result<Option<VideoFrame>, CodecError> {
        let mut shown = None;
        for frame in vp9::frames(data)? {
            let header = vp9::parse(frame)?;
            if let Some((width, height)) = header.size {
                check_size(width, height)?;
            }
            if !header.keyframe && !self.has_begun {
                return Err(CodecError::NeedsKeyframe);
            }
            // With an index of one frame, libvpx decodes that one and no other that may hide behind it.
            let mut wrapped = std::mem::take(&mut self.wrapped);
            vp9::wrap(frame, &mut wrapped);
            self.has_begun = true;
            let outcome = self.feed(&wrapped);
            self.wrapped = wrapped;
            outcome?;
            if let Some(picture) = self.take(captured)? {
                shown = Some(picture);
            }
        }
        Ok(shown)
    }

    fn feed(&mut self, data: &[u8]) -> Result<(), CodecError> {
        let length = c_uint::try_from(data.len()).map_err(|_| CodecError::Malformed("a frame too long"))?;
        // SAFETY: the context is initialised; libvpx reads as many bytes as it is told, during the call. Not empty: to
        // libvpx that would mean something else, and both header parsers refuse it.
        let answer = unsafe {
            vpx_sys::vpx_codec_decode(&mut *self.context.raw, data.as_ptr(), length, std::ptr::null_mut(), 0)
        };
        self.context.check(answer)
    }

    /// The picture that the last call to decode made; the last one when there are several.
    fn take(&mut self, captured: Instant) -> Result<Option<VideoFrame>, CodecError> {
        let mut place = std::ptr::null();
        let mut shown = None;
        loop {
            // SAFETY: the context is initialised; the image lives until the next call to decode.
            let image = unsafe { vpx_sys::vpx_codec_get_frame(&mut *self.context.raw, &mut place) };
            // SAFETY: either null or valid.
            let Some(image) = (unsafe { image.as_ref() }) else { return Ok(shown) };
            shown = Some(copy(image, captured)?);
        }
    }
}

fn open(codec: VideoCodec) -> Result<Context, CodecError> {
    // SAFETY: both return a pointer to a static description of the codec.
    let interface = unsafe {
        match codec {
            VideoCodec::Vp8 => vpx_sys::vpx_codec_vp8_dx(),
            VideoCodec::Vp9 => vpx_sys::vpx_codec_vp9_dx(),
            VideoCodec::H264 => return Err(CodecError::NotAvailable(codec)),
        }
    };
    let config = vpx_codec_dec_cfg_t { threads: 1, w: 0, h: 0 };
    let mut raw = Box::<vpx_sys::vpx_codec_ctx_t>::default();
    // SAFETY: all three outlive the call; libvpx copies the configuration. The version belongs to the bindings.
    check(codec, unsafe {
        vpx_sys::vpx_codec_dec_init_ver(
            &mut *raw,
            interface,
            &config,
            0,
            vpx_sys::VPX_DECODER_ABI_VERSION as c_int,
        )
    })?;
    Ok(Context { raw, codec })
}

fn copy(image: &vpx_image_t, captured: Instant) -> Result<VideoFrame, CodecError> {
    if image.fmt != vpx_sys::vpx_img_fmt::VPX_IMG_FMT_I420 || image.bit_depth > 8 {
        return Err(CodecError::Malformed("pictures of another form than 4:2:0 with 8 bits"));
    }
    let size = (image.d_w, image.d_h);
    check_size(size.0, size.1)?;
    let plane = |index: usize, width: u32, height: u32| {
        let stride = usize::try_from(image.stride[index]).ok().filter(|&stride| stride >= width as usize);
        let start = image.planes[index];
        match stride {
            Some(stride) if !start.is_null() => {
                let length = stride * (height as usize - 1) + width as usize;
                // SAFETY: libvpx owns at least `height` rows of `width` bytes there, `stride` apart, until the next
                // call; the slice ends with the last of them and is gone when this function returns.
                Ok((unsafe { std::slice::from_raw_parts(start, length) }, stride))
            }
            Some(_) | None => Err(CodecError::Malformed("a picture without planes")),
        }
    };
    let half = (size.0.div_ceil(2), size.1.div_ceil(2));
    let planes = [plane(0, size.0, size.1)?, plane(1, half.0, half.1)?, plane(2, half.0, half.1)?];
    gather(size, planes, captured)
}
