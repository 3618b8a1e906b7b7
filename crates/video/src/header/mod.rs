//! What the first bits of a frame say, read by us before a library gets it: whether it is a keyframe, and how large.

pub(crate) mod bits;
pub(crate) mod h264;
pub(crate) mod vp8;
pub(crate) mod vp9;
