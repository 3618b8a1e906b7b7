//! Cameras, screens and windows as sources of pictures, and a test pattern and a file in their place.
//!
//! A source is opened with [`open`], delivers pictures to a sink from a thread of its own, and is dropped. Nothing else
//! opens a camera or looks at a screen, but [`thumbnail`] for a moment.
//!
//! ```text
//!  camera ─ v4l: MJPEG, YUYV, NV12 ─┐
//!  screen, window ─ X11: XShm ──────┼▶ no larger and no more often than asked ─▶ sink
//!           Wayland: portal, PipeWire ┤
//!  pattern, Y4M file, page of text ─┘   (I420; screens: only when something changed)
//! ```
//!
//! ```
//! use std::sync::{Arc, mpsc};
//!
//! use bellbird_capture::{CaptureEvent, CaptureFormat, VideoSource, open};
//!
//! let (pictures, arrived) = mpsc::sync_channel(1);
//! let format = CaptureFormat { max_width: 640, max_height: 360, max_fps: 30 };
//! let sink = Arc::new(move |event| match event {
//!     CaptureEvent::Frame(frame) => drop(pictures.try_send(frame)),
//!     CaptureEvent::Ended(error) => eprintln!("{error}"),
//! });
//! let capture = open(&VideoSource::Pattern, format, sink)?;
//! assert_eq!(arrived.recv().map(|frame| frame.width()), Ok(640));
//! drop(capture); // stopped: the sink is called no more
//! # Ok::<(), bellbird_capture::CaptureError>(())
//! ```

mod camera;
mod capture;
mod desktop;
mod film;
#[cfg(any(target_os = "windows", target_os = "macos", test))]
mod latest;
#[cfg(target_os = "macos")]
mod macos;
mod orders;
mod output;
mod page;
mod pattern;
mod picker;
mod source;
mod thumbnail;
#[cfg(target_os = "linux")]
mod wayland;
#[cfg(target_os = "windows")]
mod windows;
#[cfg(target_os = "linux")]
mod x11;

pub use capture::{Capture, open};
pub use picker::{CameraInfo, ScreenInfo, ScreenList, Thumbnail, WindowInfo, cameras, screens, thumbnail};
pub use source::{CaptureError, CaptureEvent, CaptureFormat, PictureSink, VideoSource};
