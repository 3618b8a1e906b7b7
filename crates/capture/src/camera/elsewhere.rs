//! Cameras of Windows (Media Foundation) and macOS (AVFoundation), through the library `cameras`.
//!
//! **Untested**: built for neither system and tried on neither; its types were checked for both.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use bellbird_video::{PixelFormat, Pixels};
use cameras::{Device, Error, Frame, Resolution, StreamConfig};

use super::mode::{CameraPixels, Mode, nearest};
use crate::capture::Source;
use crate::film::Sieve;
use crate::orders::{LONGEST_BLIND_WAIT, Orders};
use crate::output::Output;
use crate::{CaptureError, CaptureFormat};

/// A camera that delivers nothing for so long is gone, or hangs. Some take 2 s for their first picture.
const SILENCE: Duration = Duration::from_secs(8);

/// What pictures are asked for in: what most cameras have in memory (Windows), and all that the library delivers (macOS).
#[cfg(target_os = "windows")]
const ASKED: cameras::PixelFormat = cameras::PixelFormat::Yuyv;
#[cfg(target_os = "macos")]
const ASKED: cameras::PixelFormat = cameras::PixelFormat::Bgra8;

/// The names of all cameras. Asks the person nothing.
#[cfg(target_os = "windows")]
pub(crate) fn names() -> Vec<String> {
    told_apart(cameras::devices().unwrap_or_default().into_iter().map(|device| device.name))
}

/// The names of all cameras. Asks the person nothing: the library would ask for leave to use them, as if that were the
/// same.
#[cfg(target_os = "macos")]
#[allow(unsafe_code, reason = "calls of AVFoundation, which keeps what it yields alive")]
pub(crate) fn names() -> Vec<String> {
    use objc2_av_foundation::{
        AVCaptureDeviceDiscoverySession, AVCaptureDevicePosition, AVCaptureDeviceType,
        AVCaptureDeviceTypeBuiltInWideAngleCamera, AVCaptureDeviceTypeExternal, AVMediaTypeVideo,
    };
    use objc2_foundation::NSArray;

    // SAFETY: the names of types are constants of the framework, and the session is used on this thread alone.
    unsafe {
        let kinds: [&AVCaptureDeviceType; 2] =
            [AVCaptureDeviceTypeBuiltInWideAngleCamera, AVCaptureDeviceTypeExternal];
        let session = AVCaptureDeviceDiscoverySession::discoverySessionWithDeviceTypes_mediaType_position(
            &NSArray::from_slice(&kinds),
            AVMediaTypeVideo,
            AVCaptureDevicePosition::Unspecified,
        );
        told_apart(session.devices().iter().map(|device| device.localizedName().to_string()))
    }
}

/// Cameras of one make get a number, in the system's order.
fn told_apart(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    for name in names {
        let same = told.iter().filter(|one| **one == name || one.starts_with(&format!("{name} ("))).count();
        told.push(if same > 0 { format!("{name} ({})", same + 1) } else { name });
    }
    told
}

/// A camera that is opened once it runs: the system may ask the person first.
pub(crate) struct Camera {
    name: String,
    format: CaptureFormat,
}

impl Camera {
    pub(crate) fn choose(name: Option<&str>, format: CaptureFormat) -> Result<Self, CaptureError> {
        let mut names = names().into_iter();
        let name = match name {
            Some(name) => names.find(|one| one == name),
            None => names.next(),
        };
        Ok(Self { name: name.ok_or(CaptureError::NoCamera)?, format })
    }
}

impl Source for Camera {
    fn label(&self) -> String {
        self.name.clone()
    }

    fn lost(&self) -> CaptureError {
        CaptureError::CameraLost
    }

    fn run(&mut self, orders: &Orders, output: &mut Output) -> Result<(), CaptureError> {
        // On a thread of its own: the answer of a person may take minutes, and nobody waits for it who stopped.
        let (opened, outcome) = channel();
        let (name, format) = (self.name.clone(), self.format);
        std::thread::spawn(move || opened.send(open(&name, format)));
        let camera = loop {
            match outcome.recv_timeout(LONGEST_BLIND_WAIT) {
                Ok(camera) => break camera?,
                Err(RecvTimeoutError::Timeout) if orders.is_stopped() => return Ok(()),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(CaptureError::CameraLost),
            }
        };
        let outcome = deliver(&camera, orders, output);
        // A camera that hangs is not waited for.
        std::thread::spawn(move || drop(camera));
        outcome
    }
}

fn open(name: &str, format: CaptureFormat) -> Result<cameras::Camera, CaptureError> {
    let device = found(name)?;
    let modes = cameras::probe(&device).map_err(|error| refused(&error))?.formats;
    // The library takes the first of a size, at its rate.
    let mut first_of_size: Vec<Mode> = Vec::new();
    for one in modes {
        let Resolution { width, height } = one.resolution;
        let mode = Mode { pixels: CameraPixels::Yuyv, width, height, fps: one.framerate_range.max };
        if !first_of_size.iter().any(|known| (known.width, known.height) == (width, height)) {
            first_of_size.push(mode);
        }
    }
    let mode = nearest(first_of_size, format).ok_or(CaptureError::NoCamera)?;
    let wanted = StreamConfig {
        resolution: Resolution { width: mode.width, height: mode.height },
        framerate: mode.fps.round().min(f64::from(format.max_fps)).max(1.0) as u32,
        pixel_format: ASKED,
    };
    let camera = cameras::open(&device, wanted).map_err(|error| refused(&error))?;
    tracing::debug!(camera = name, config = ?camera.config, "camera opened");
    Ok(camera)
}

fn found(name: &str) -> Result<Device, CaptureError> {
    let devices = cameras::devices().map_err(|error| refused(&error))?;
    let names = told_apart(devices.iter().map(|device| device.name.clone()));
    devices
        .into_iter()
        .zip(names)
        .find(|(_, told)| told == name)
        .map(|(device, _)| device)
        .ok_or(CaptureError::NoCamera)
}

fn deliver(camera: &cameras::Camera, orders: &Orders, output: &mut Output) -> Result<(), CaptureError> {
    let mut heard = Instant::now();
    let mut format = orders.format();
    let mut sieve = Sieve::new(format);
    let mut joined = Vec::new();
    while !orders.is_stopped() {
        if orders.take_refresh() {
            output.repeat(format);
        }
        if orders.format() != format {
            format = orders.format();
            sieve = Sieve::new(format);
        }
        match cameras::next_frame(camera, LONGEST_BLIND_WAIT) {
            Ok(frame) => {
                heard = Instant::now();
                if sieve.lets_through(heard)
                    && let Some(pixels) = pixels_of(&frame, &mut joined)
                {
                    output.deliver_pixels(&pixels, heard, format);
                }
            }
            Err(Error::Timeout) if heard.elapsed() <= SILENCE => {}
            Err(error) => {
                tracing::debug!(%error, "the camera delivers no more");
                return Err(CaptureError::CameraLost);
            }
        }
    }
    Ok(())
}

/// `None` for a form that was not asked for.
fn pixels_of<'a>(frame: &'a Frame, joined: &'a mut Vec<u8>) -> Option<Pixels<'a>> {
    let (format, data): (_, &[u8]) = match frame.pixel_format {
        cameras::PixelFormat::Bgra8 => (PixelFormat::Bgra, &frame.plane_primary),
        cameras::PixelFormat::Rgba8 => (PixelFormat::Rgba, &frame.plane_primary),
        cameras::PixelFormat::Rgb8 => (PixelFormat::Rgb, &frame.plane_primary),
        cameras::PixelFormat::Yuyv => (PixelFormat::Yuyv, &frame.plane_primary),
        cameras::PixelFormat::Nv12 => {
            joined.clear();
            joined.extend_from_slice(&frame.plane_primary);
            joined.extend_from_slice(&frame.plane_secondary);
            (PixelFormat::Nv12, joined)
        }
        _ => return None,
    };
    Some(Pixels { format, width: frame.width, height: frame.height, stride: frame.stride as usize, data })
}

fn refused(error: &Error) -> CaptureError {
    tracing::debug!(%error, "the camera cannot be opened");
    match error {
        Error::PermissionDenied => CaptureError::CameraDenied,
        // Media Foundation has a code of its own for each driver's way of saying that it is taken.
        Error::DeviceInUse | Error::Backend { .. } => CaptureError::CameraBusy,
        _ => CaptureError::NoCamera,
    }
}
