//! H.264 constrained baseline by openh264: built in with the feature `h264`, and otherwise Cisco's own binary, when it is
//! there at run time.

mod decoder;
mod encoder;
mod library;

pub(crate) use decoder::Decoder;
pub(crate) use encoder::Encoder;
pub(crate) use library::is_available;
