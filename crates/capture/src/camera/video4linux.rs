//! Cameras of Linux (Video4Linux2), read through memory that the driver fills.
//!
//! Tried on the kernel's own pretended camera and on a USB camera that a test plays, with their drivers in a machine of
//! its own (`driver_tests.rs`, `usb_tests.rs`), and on no camera that can be held in a hand.

use std::collections::HashMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bellbird_video::{PixelFormat, Pixels};
use v4l::buffer::{Flags as BufferFlags, Type};
use v4l::capability::Flags as Abilities;
use v4l::frameinterval::FrameIntervalEnum;
use v4l::framesize::FrameSizeEnum;
use v4l::io::mmap::Stream;
use v4l::io::traits::{CaptureStream, Stream as _};
use v4l::v4l_sys::v4l2_capability;
use v4l::v4l2::vidioc::VIDIOC_QUERYCAP;
use v4l::video::Capture as _;
use v4l::video::capture::Parameters;
use v4l::{Device, Format, FourCC};

use super::jpeg::Jpeg;
use super::mode::{CameraPixels, Mode, nearest};
use crate::capture::Source;
use crate::film::Sieve;
use crate::orders::{LONGEST_BLIND_WAIT, Orders};
use crate::output::Output;
use crate::{CaptureError, CaptureFormat};

/// A camera that delivers nothing for so long is gone, or hangs. Some take 2 s for their first picture.
const SILENCE: Duration = Duration::from_secs(8);

/// Pictures the driver may fill while we read one. More would only be older.
const BUFFERS: u32 = 4;

/// The most buffers that a driver has (`VIDEO_MAX_FRAME`).
const MOST_BUFFERS: usize = 32;

/// `POLLIN` of poll(2).
const READABLE: i16 = 1;

/// Where the system has its devices.
pub(crate) struct Folders {
    devices: PathBuf,
    descriptions: PathBuf,
}

impl Default for Folders {
    fn default() -> Self {
        Self { devices: "/dev".into(), descriptions: "/sys/class/video4linux".into() }
    }
}

/// One device that delivers pictures.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Node {
    pub(crate) name: String,
    path: PathBuf,
}

/// A device node as it was made: another camera in the same place is another node.
type Made = (u64, u64, i64, i64);

/// A node as it was when it was asked, and its answer.
type Answer = (Made, Option<String>);

/// What devices called themselves when they were first asked. To ask one it has to be opened, which wakes a USB camera
/// up, and lists are made every few seconds.
static ASKED: Mutex<Option<HashMap<PathBuf, Answer>>> = Mutex::new(None);

/// All cameras in the system's order, with names that differ.
pub(crate) fn list(folders: &Folders) -> Vec<Node> {
    let entries = std::fs::read_dir(&folders.devices).into_iter().flatten().flatten();
    let mut numbers: Vec<u32> =
        entries.filter_map(|entry| entry.file_name().to_str()?.strip_prefix("video")?.parse().ok()).collect();
    numbers.sort_unstable();
    let mut nodes: Vec<Node> = Vec::new();
    for number in numbers {
        let path = folders.devices.join(format!("video{number}"));
        let Some(mut name) = remembered_name(folders, &path, number) else { continue };
        let same = nodes
            .iter()
            .filter(|node| node.name == name || node.name.starts_with(&format!("{name} (")))
            .count();
        if same > 0 {
            name = format!("{name} ({})", same + 1);
        }
        nodes.push(Node { name, path });
    }
    nodes
}

fn remembered_name(folders: &Folders, path: &Path, number: u32) -> Option<String> {
    let about = std::fs::metadata(path).ok();
    let made = about.map(|about| (about.rdev(), about.ino(), about.ctime(), about.ctime_nsec()));
    let mut asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
    let asked = asked.get_or_insert_default();
    if let Some((known, name)) = asked.get(path)
        && Some(*known) == made
    {
        return name.clone();
    }
    match (Device::with_path(path), made) {
        (Ok(device), Some(made)) => {
            let name = name_of(&device);
            asked.insert(path.to_owned(), (made, name.clone()));
            name
        }
        (Ok(device), None) => name_of(&device),
        // Not remembered: it may be free, or ours to open, the next time.
        (Err(_), _) => described_name(folders, number),
    }
}

/// What the device calls itself; `None` when it is no camera (cameras also have devices for their metadata).
fn name_of(device: &Device) -> Option<String> {
    let known = asked(device).ok()?;
    let needed = Abilities::VIDEO_CAPTURE | Abilities::STREAMING;
    if !Abilities::from(known.device_caps).contains(needed) {
        return None;
    }
    readable(&known.card)
}

/// Asks a device what it is. The library would panic at a name that is no UTF-8, and the kernel cuts long ones off at 31
/// bytes, wherever that is.
#[allow(unsafe_code, reason = "the library has no other way to ask for the bytes of a name")]
fn asked(device: &Device) -> io::Result<v4l2_capability> {
    let mut answer = v4l2_capability {
        driver: [0; 16],
        card: [0; 32],
        bus_info: [0; 32],
        version: 0,
        capabilities: 0,
        device_caps: 0,
        reserved: [0; 3],
    };
    // SAFETY: the request writes one such answer, which outlives the call.
    unsafe {
        v4l::v4l2::ioctl(device.handle().fd(), VIDIOC_QUERYCAP, std::ptr::from_mut(&mut answer).cast())?;
    }
    Ok(answer)
}

/// A name as the kernel has it: up to a zero, perhaps cut off within a letter.
fn readable(bytes: &[u8]) -> Option<String> {
    let name = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    let name = String::from_utf8_lossy(name);
    let name = name.trim_end_matches(char::REPLACEMENT_CHARACTER).trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// What the system says of a device that we may not ask, or that somebody holds. The first one of a camera is the one
/// that delivers pictures.
fn described_name(folders: &Folders, number: u32) -> Option<String> {
    let description = folders.descriptions.join(format!("video{number}"));
    let read = |file: &str| readable(&std::fs::read(description.join(file)).ok()?);
    let is_first = read("index")? == "0";
    read("name").filter(|_| is_first)
}

/// An open camera.
pub(crate) struct Camera {
    name: String,
    device: Device,
    mode: Mode,
    stride: usize,
    jpeg: Jpeg,
}

impl Camera {
    pub(crate) fn open(
        folders: &Folders,
        name: Option<&str>,
        format: CaptureFormat,
    ) -> Result<Self, CaptureError> {
        let mut nodes = list(folders).into_iter();
        let node = match name {
            Some(name) => nodes.find(|node| node.name == name),
            None => nodes.next(),
        };
        let node = node.ok_or(CaptureError::NoCamera)?;
        let device = Device::with_path(&node.path).map_err(|error| refused(&error))?;
        let modes = modes(&device);
        Self::in_one_of(modes, node.name, device, format)
    }

    /// In the mode that comes nearest to what is asked.
    fn in_one_of(
        modes: Vec<Mode>,
        name: String,
        device: Device,
        format: CaptureFormat,
    ) -> Result<Self, CaptureError> {
        let mode = nearest(modes, format).ok_or_else(|| {
            tracing::warn!(camera = name, "the camera delivers nothing that can be read");
            CaptureError::NoCamera
        })?;
        let wanted = Format::new(mode.width, mode.height, four_letters(mode.pixels));
        let agreed = device.set_format(&wanted).map_err(|error| refused(&error))?;
        let pixels = known(agreed.fourcc).ok_or(CaptureError::NoCamera)?;
        let rate = Parameters::with_fps(mode.fps.round().clamp(1.0, 240.0) as u32);
        if let Err(error) = device.set_params(&rate) {
            // Some have one rate and no way to say so.
            tracing::debug!(%error, "the camera keeps its own rate");
        }
        let mode = Mode { pixels, width: agreed.width, height: agreed.height, fps: mode.fps };
        tracing::debug!(camera = name, ?mode, "camera opened");
        let stride = agreed.stride as usize;
        Ok(Self { name, device, mode, stride, jpeg: Jpeg::default() })
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
        let mut stream = Stream::with_buffers(&self.device, Type::VideoCapture, BUFFERS)
            .map_err(|error| not_started(&error))?;
        // The library gives the driver one buffer at each picture it takes: the first is left for that. A driver may
        // have made more than it was asked for, and not begin before it has them.
        for index in 1..MOST_BUFFERS {
            match CaptureStream::queue(&mut stream, index) {
                Ok(()) => {}
                // There are no more of them; of one alone nothing can come.
                Err(_) if index > 1 => break,
                Err(error) => return Err(not_started(&error)),
            }
        }
        stream.start().map_err(|error| not_started(&error))?;
        let handle = stream.handle();
        stream.set_timeout(LONGEST_BLIND_WAIT);
        let patience = LONGEST_BLIND_WAIT.as_millis() as i32;
        // When there last was something to be seen.
        let mut seen = Instant::now();
        let mut format = orders.format();
        let mut sieve = Sieve::new(format);
        while !orders.is_stopped() {
            if orders.take_refresh() {
                output.repeat(format);
            }
            if orders.format() != format {
                format = orders.format();
                sieve = Sieve::new(format);
            }
            let came = match handle.poll(READABLE, patience) {
                Ok(ready) => ready > 0,
                // A signal to this process, which is no matter of the camera's.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(lost(&error)),
            };
            if came {
                let (bytes, about) = CaptureStream::next(&mut stream).map_err(|error| lost(&error))?;
                let now = Instant::now();
                let used = bytes.get(..about.bytesused as usize).unwrap_or(bytes);
                let is_whole = !about.flags.contains(BufferFlags::ERROR) && !used.is_empty();
                if is_whole && !sieve.lets_through(now) {
                    continue;
                }
                if is_whole && show(&self.mode, self.stride, &mut self.jpeg, used, now, output, format) {
                    seen = now;
                    continue;
                }
            }
            // One that delivers nothing but what is no picture is as good as one that delivers nothing.
            if seen.elapsed() > SILENCE {
                return Err(CaptureError::CameraLost);
            }
        }
        Ok(())
    }
}

/// Hands one picture on; whether it was one.
fn show(
    mode: &Mode,
    stride: usize,
    jpeg: &mut Jpeg,
    used: &[u8],
    now: Instant,
    output: &mut Output,
    format: CaptureFormat,
) -> bool {
    let Some(layout) = mode.pixels.in_memory() else {
        return jpeg.decode(used).is_some_and(|pixels| output.deliver_pixels(&pixels, now, format));
    };
    let stride = stride.max(layout.row_bytes(mode.width));
    let pixels = Pixels { format: layout, width: mode.width, height: mode.height, stride, data: used };
    output.deliver_pixels(&pixels, now, format)
}

impl CameraPixels {
    /// How they lie in memory; `None` when they have to be unpacked.
    fn in_memory(self) -> Option<PixelFormat> {
        match self {
            Self::I420 => Some(PixelFormat::I420),
            Self::Nv12 => Some(PixelFormat::Nv12),
            Self::Yuyv => Some(PixelFormat::Yuyv),
            Self::Jpeg => None,
        }
    }
}

fn four_letters(pixels: CameraPixels) -> FourCC {
    FourCC::new(match pixels {
        CameraPixels::I420 => b"YU12",
        CameraPixels::Nv12 => b"NV12",
        CameraPixels::Yuyv => b"YUYV",
        CameraPixels::Jpeg => b"MJPG",
    })
}

fn known(code: FourCC) -> Option<CameraPixels> {
    // Some cameras call it by the name of a still picture.
    let still = FourCC::new(b"JPEG");
    if code == still {
        return Some(CameraPixels::Jpeg);
    }
    CameraPixels::ALL.into_iter().find(|pixels| four_letters(*pixels) == code)
}

/// All that the camera can do in pixels that we read. A camera that does not say is asked for what is usual.
fn modes(device: &Device) -> Vec<Mode> {
    let mut modes = Vec::new();
    for description in device.enum_formats().unwrap_or_default() {
        let Some(pixels) = known(description.fourcc) else { continue };
        for size in device.enum_framesizes(description.fourcc).unwrap_or_default() {
            for (width, height) in sizes(&size.size) {
                let rates = device.enum_frameintervals(description.fourcc, width, height).unwrap_or_default();
                let mut has_rate = false;
                for rate in rates {
                    let fps = fastest(&rate.interval);
                    has_rate |= fps > 0.0;
                    modes.push(Mode { pixels, width, height, fps });
                }
                if !has_rate {
                    modes.push(Mode { pixels, width, height, fps: 30.0 });
                }
            }
        }
    }
    if modes.is_empty()
        && let Ok(format) = device.format()
        && let Some(pixels) = known(format.fourcc)
    {
        modes.push(Mode { pixels, width: format.width, height: format.height, fps: 30.0 });
    }
    modes
}

/// The sizes worth trying. Of a range these are the usual ones within it.
fn sizes(size: &FrameSizeEnum) -> Vec<(u32, u32)> {
    match size {
        FrameSizeEnum::Discrete(size) => vec![(size.width, size.height)],
        FrameSizeEnum::Stepwise(range) => [
            (320, 180),
            (320, 240),
            (640, 360),
            (640, 480),
            (960, 540),
            (1_280, 720),
            (1_920, 1_080),
            (range.max_width, range.max_height),
        ]
        .into_iter()
        .filter(|(width, height)| {
            (range.min_width..=range.max_width).contains(width)
                && (range.min_height..=range.max_height).contains(height)
        })
        .collect(),
    }
}

fn fastest(interval: &FrameIntervalEnum) -> f64 {
    let shortest = match interval {
        FrameIntervalEnum::Discrete(interval) => *interval,
        FrameIntervalEnum::Stepwise(range) => range.min,
    };
    if shortest.numerator == 0 {
        0.0
    } else {
        f64::from(shortest.denominator) / f64::from(shortest.numerator)
    }
}

/// Numbers of errno(3), which have no names in the standard library.
mod errno {
    pub(super) const EPERM: i32 = 1;
    pub(super) const EACCES: i32 = 13;
    pub(super) const EBUSY: i32 = 16;
    pub(super) const ENOSPC: i32 = 28;
}

/// Why a camera does not open. `ENOSPC` is what a USB bus says whose bandwidth another camera has taken.
fn refused(error: &io::Error) -> CaptureError {
    tracing::debug!(%error, "the camera refused");
    match error.raw_os_error() {
        Some(errno::EPERM | errno::EACCES) => CaptureError::CameraDenied,
        Some(errno::EBUSY | errno::ENOSPC) => CaptureError::CameraBusy,
        Some(_) | None => CaptureError::NoCamera,
    }
}

/// Why a camera that opened delivers nothing: somebody was quicker, or it is as good as gone.
fn not_started(error: &io::Error) -> CaptureError {
    match refused(error) {
        CaptureError::NoCamera => CaptureError::CameraLost,
        other => other,
    }
}

/// Why a camera stops: `ENODEV` when it is unplugged, `EIO` when its bus fails, and nothing else has been seen.
fn lost(error: &io::Error) -> CaptureError {
    tracing::debug!(%error, "the camera stopped");
    CaptureError::CameraLost
}

#[cfg(test)]
#[cfg(target_arch = "x86_64")]
#[path = "driver_tests.rs"]
mod driver_tests;

#[cfg(test)]
#[cfg(target_arch = "x86_64")]
#[path = "usb_tests.rs"]
mod usb_tests;

#[cfg(test)]
mod tests {
    use super::*;

    const FORMAT: CaptureFormat = CaptureFormat { max_width: 640, max_height: 360, max_fps: 30 };

    #[test]
    fn errors_of_the_system_are_told_apart() {
        let of = |code| refused(&io::Error::from_raw_os_error(code));
        assert_eq!(of(16), CaptureError::CameraBusy);
        assert_eq!(of(28), CaptureError::CameraBusy);
        assert_eq!(of(13), CaptureError::CameraDenied);
        assert_eq!(of(1), CaptureError::CameraDenied);
        // ENODEV, ENOENT, ENXIO, ENOTTY.
        for code in [19, 2, 6, 25] {
            assert_eq!(of(code), CaptureError::NoCamera);
        }
        assert_eq!(io::Error::from_raw_os_error(16).kind(), io::ErrorKind::ResourceBusy);
        assert_eq!(io::Error::from_raw_os_error(13).kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(lost(&io::Error::from_raw_os_error(19)), CaptureError::CameraLost);
        let started = |code| not_started(&io::Error::from_raw_os_error(code));
        assert_eq!(started(16), CaptureError::CameraBusy);
        for code in [19, 5, 22] {
            assert_eq!(started(code), CaptureError::CameraLost);
        }
    }

    #[test]
    fn names_are_read_whatever_bytes_they_are() {
        let mut card = [0; 32];
        card[..9].copy_from_slice(b"Good Cam ");
        assert_eq!(readable(&card).as_deref(), Some("Good Cam"));
        // 31 bytes, the last of which is half a letter.
        let mut cut = "Überwachungskamera für draußenö".as_bytes()[..30].to_vec();
        cut.extend_from_slice(&"ö".as_bytes()[..1]);
        cut.push(0);
        assert!(std::str::from_utf8(&cut).is_err());
        assert_eq!(readable(&cut).as_deref(), Some("Überwachungskamera für drau"));
        assert_eq!(readable(b"\xff\xffCam\xff1\0").as_deref(), Some("\u{fffd}\u{fffd}Cam\u{fffd}1"));
        assert_eq!(readable(&[0; 32]), None);
        assert_eq!(readable(b" \n"), None);
    }

    #[test]
    fn without_a_camera_there_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders { devices: folder.path().join("dev"), descriptions: folder.path().join("sys") };
        assert_eq!(list(&folders), []);
        std::fs::create_dir(&folders.devices).unwrap();
        // Files that are called like cameras and are none.
        for name in ["video0", "video", "videoX", "video-1"] {
            std::fs::write(folders.devices.join(name), "").unwrap();
        }
        assert_eq!(list(&folders), []);
        for name in [None, Some("any")] {
            assert_eq!(Camera::open(&folders, name, FORMAT).err(), Some(CaptureError::NoCamera));
        }
    }

    #[test]
    fn devices_that_do_not_open_are_known_by_their_description() {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders { devices: folder.path().join("dev"), descriptions: folder.path().join("sys") };
        std::fs::create_dir(&folders.devices).unwrap();
        for (number, index, name) in
            [(2, "0\n", "Good Cam\n"), (10, "0\n", "Good Cam\n"), (3, "1\n", "Good Cam\n"), (4, "0\n", " \n")]
        {
            let description = folders.descriptions.join(format!("video{number}"));
            std::fs::create_dir_all(&description).unwrap();
            std::fs::write(description.join("index"), index).unwrap();
            std::fs::write(description.join("name"), name).unwrap();
            // A link to nowhere cannot be opened by anybody, root included.
            std::os::unix::fs::symlink("nowhere", folders.devices.join(format!("video{number}"))).unwrap();
        }
        let names: Vec<String> = list(&folders).into_iter().map(|node| node.name).collect();
        assert_eq!(names, ["Good Cam", "Good Cam (2)"]);
        assert_eq!(Camera::open(&folders, Some("Good Cam"), FORMAT).err(), Some(CaptureError::NoCamera));
    }

    #[test]
    fn pixels_are_known_by_their_letters() {
        for pixels in CameraPixels::ALL {
            assert_eq!(known(four_letters(pixels)), Some(pixels));
        }
        assert_eq!(known(FourCC::new(b"JPEG")), Some(CameraPixels::Jpeg));
        assert_eq!(known(FourCC::new(b"GREY")), None);
    }

    #[test]
    fn rates_and_sizes_are_read() {
        use v4l::Fraction;
        use v4l::framesize::{Discrete, Stepwise};
        assert_eq!(fastest(&FrameIntervalEnum::Discrete(Fraction::new(1, 30))), 30.0);
        assert_eq!(fastest(&FrameIntervalEnum::Discrete(Fraction::new(0, 30))), 0.0);
        assert_eq!(sizes(&FrameSizeEnum::Discrete(Discrete { width: 7, height: 5 })), [(7, 5)]);
        let range = Stepwise {
            min_width: 320,
            max_width: 800,
            step_width: 2,
            min_height: 200,
            max_height: 600,
            step_height: 2,
        };
        assert_eq!(sizes(&FrameSizeEnum::Stepwise(range)), [(320, 240), (640, 360), (640, 480), (800, 600)]);
    }
}
