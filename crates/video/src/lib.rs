//! Pictures: the frame that everything else passes on, its conversions, and the codecs that carry it over RTP.
//!
//! Nothing here knows a network, a device or a call.

mod codec;
mod convert;
mod decode;
mod encode;
mod frame;
pub mod fuzz;
mod h264;
mod header;
mod measure;
mod pattern;
mod receive;
mod rtp;
mod scale;
mod vpx;
mod y4m;

pub use codec::{CodecError, EncodedFrame, VideoCodec};
pub use convert::{PixelFormat, Pixels};
pub use decode::{MAX_FRAME_BYTES, MAX_PIXELS, VideoDecoder};
pub use encode::{Content, EncoderSettings, VideoEncoder};
pub use frame::{FrameError, MAX_SIDE, VideoFrame};
pub use measure::luma_psnr;
pub use pattern::{Pattern, read_number};
pub use receive::{FrameBuffer, FrameCounters, ReadyFrame, ReceivedPacket};
pub use rtp::Packetizer;
pub use scale::{Scaler, fit_within};
pub use y4m::{FrameRate, Y4mError, Y4mReader, Y4mWriter};
