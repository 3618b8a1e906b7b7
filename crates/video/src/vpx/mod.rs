//! VP8 and VP9 by libvpx. The only place that calls it; nothing unsafe leaves this folder.

#![allow(unsafe_code)]

mod decoder;
mod encoder;

pub(crate) use decoder::Decoder;
pub(crate) use encoder::Encoder;

use std::ffi::CStr;

use vpx_sys::{vpx_codec_ctx_t, vpx_codec_err_t, vpx_codec_err_to_string};

use crate::codec::{CodecError, VideoCodec};

/// libvpx's state of one encoder or decoder, which is ended with it. It stays where it was initialised.
struct Context {
    raw: Box<vpx_codec_ctx_t>,
    codec: VideoCodec,
}

// SAFETY: libvpx keeps all state of an instance in its context and is bound to no thread; `&mut` sees to it that only
// one uses it at a time.
unsafe impl Send for Context {}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "libvpx {}", self.codec.name())
    }
}

impl Context {
    /// Turns libvpx's answer into ours.
    fn check(&self, answer: vpx_codec_err_t) -> Result<(), CodecError> {
        check(self.codec, answer)
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: a `Context` exists only after its initialisation succeeded, and this is the last use.
        unsafe { vpx_sys::vpx_codec_destroy(&mut *self.raw) };
    }
}

fn check(codec: VideoCodec, answer: vpx_codec_err_t) -> Result<(), CodecError> {
    if answer == vpx_codec_err_t::VPX_CODEC_OK {
        return Ok(());
    }
    // SAFETY: returns a text that lives as long as the program, for every value.
    let why = unsafe { CStr::from_ptr(vpx_codec_err_to_string(answer)) };
    Err(CodecError::Library { codec, why: why.to_string_lossy().into_owned() })
}
