//! Pictures: the frame that everything else passes on, its conversions, and the codecs that carry it over RTP.
//!
//! Nothing here knows a network, a device or a call.

mod codec;
mod frame;

pub use codec::{EncodedFrame, VideoCodec};
pub use frame::{FrameError, MAX_SIDE, VideoFrame};
