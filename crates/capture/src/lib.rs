//! Cameras, screens and windows as sources of pictures, and a test pattern and a file in their place.
//!
//! A source is opened, delivers pictures to a sink from a thread of its own, and is dropped. Nothing is opened but by
//! [`VideoSource::open`].

mod source;

pub use source::{CaptureError, CaptureEvent, CaptureFormat, PictureSink, VideoSource};
