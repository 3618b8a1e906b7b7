//! Cameras of a real driver: `vivid`, the kernel's own pretended camera, in a machine of its own.
//!
//! One test boots the machine and has it run the others, one after another.

use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};

use bellbird_testkit::machine::Machine;
use bellbird_video::VideoFrame;
use v4l::control::{Control, Value};

use super::*;
use crate::capture::start;
use crate::{Capture, CaptureEvent, VideoSource, cameras, open};

/// Only ends a test that hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// How many tests the machine runs.
const INSIDE: usize = 12;

/// A user without any rights.
const NOBODY: u32 = 65_534;

/// Small pictures at a rate that an emulated machine keeps up with.
pub(super) const SMALL: CaptureFormat = CaptureFormat { max_width: 320, max_height: 180, max_fps: 10 };

/// The eight bars of the driver's pattern in BT.601, limited range: white, yellow, cyan, green, magenta, red, blue, black.
const BARS: [[u8; 3]; 8] = [
    [235, 128, 128],
    [210, 16, 146],
    [170, 166, 16],
    [145, 54, 34],
    [106, 202, 222],
    [81, 90, 240],
    [41, 240, 110],
    [16, 128, 128],
];
const WHITE: [u8; 3] = BARS[0];
const RED: [u8; 3] = BARS[5];

#[test]
fn cameras_of_a_real_driver() {
    let mut machine = Machine::new(&["vivid", "vhci_hcd", "uvcvideo"]);
    machine.add_program("tests", &std::env::current_exe().unwrap());
    let printed =
        machine.run("tests --ignored --test-threads=1 --color=never driver_tests::inside usb_tests::inside");
    let passed = format!("test result: ok. {INSIDE} passed");
    assert!(printed.contains(&passed), "not all tests ran inside:\n{printed}");
}

/// The driver while it is loaded, with cameras that show bars without a text over them.
struct Driver;

impl Driver {
    fn load(options: &str) -> Self {
        assert!(Path::new("/drivers/vivid.ko").exists(), "runs only in the machine");
        shell(&format!("insmod /drivers/vivid.ko {options}"));
        let driver = Self;
        for number in numbers() {
            driver.show(number, "100% Colorbar");
            driver.choose(number, "OSD Text Mode", "None");
        }
        driver
    }

    fn show(&self, number: u32, pattern: &str) {
        self.choose(number, "Test Pattern", pattern);
    }

    fn choose(&self, number: u32, control: &str, item: &str) {
        let device = device(number);
        let known = device.query_controls().unwrap();
        let control = known.iter().find(|one| one.name == control).unwrap();
        let items = control.items.as_ref().unwrap();
        let (index, _) = items.iter().find(|(_, one)| one.to_string() == item).unwrap();
        device.set_control(Control { id: control.id, value: Value::Integer(i64::from(*index)) }).unwrap();
    }

    fn set(&self, number: u32, control: &str, value: Value) {
        let device = device(number);
        let known = device.query_controls().unwrap();
        let control = known.iter().find(|one| one.name == control);
        device.set_control(Control { id: control.unwrap().id, value }).unwrap();
    }

    /// As if the plug of all cameras were pulled, or pushed in.
    fn plug(&self, action: &str) {
        shell(&format!("echo vivid.0 > /sys/bus/platform/drivers/vivid/{action}"));
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let status = Command::new("rmmod").arg("vivid").status();
        assert!(std::thread::panicking() || status.is_ok_and(|status| status.success()), "it is still used");
    }
}

/// The cameras' devices; each also has others, for what is no picture.
fn numbers() -> Vec<u32> {
    let is_camera = |number: &u32| {
        let name = std::fs::read_to_string(format!("/sys/class/video4linux/video{number}/name"));
        name.is_ok_and(|name| name.trim().ends_with("vid-cap"))
    };
    (0..16).filter(is_camera).collect()
}

fn device(number: u32) -> Device {
    Device::with_path(format!("/dev/video{number}")).unwrap()
}

pub(super) fn shell(command: &str) {
    let status = Command::new("sh").args(["-c", command]).status().unwrap();
    assert!(status.success(), "{command}: {status}");
}

/// Another program that holds the first camera.
fn holder() -> Child {
    let mut child =
        Command::new("cat").arg("/dev/video0").stdout(std::process::Stdio::piped()).spawn().unwrap();
    // It is at it once something comes out.
    let mut byte = [0];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut byte).unwrap();
    child
}

pub(super) fn names() -> Vec<String> {
    cameras().into_iter().map(|camera| camera.name).collect()
}

fn sink() -> (crate::PictureSink, Receiver<CaptureEvent>) {
    let (events, arrived) = channel();
    let events = Mutex::new(events);
    (std::sync::Arc::new(move |event| drop(events.lock().unwrap().send(event))), arrived)
}

pub(super) fn opened(
    name: Option<&str>,
    format: CaptureFormat,
) -> Result<(Capture, Receiver<CaptureEvent>), CaptureError> {
    let source = name.map_or(VideoSource::DefaultCamera, |name| VideoSource::Camera(name.into()));
    let (sink, arrived) = sink();
    Ok((open(&source, format, sink)?, arrived))
}

pub(super) fn picture(arrived: &Receiver<CaptureEvent>) -> VideoFrame {
    match arrived.recv_timeout(PATIENCE).expect("a picture comes") {
        CaptureEvent::Frame(frame) => frame,
        CaptureEvent::Ended(error) => panic!("it ended: {error}"),
    }
}

pub(super) fn end(arrived: &Receiver<CaptureEvent>) -> CaptureError {
    loop {
        match arrived.recv_timeout(PATIENCE).expect("it says that it ended") {
            CaptureEvent::Frame(_) => {}
            CaptureEvent::Ended(error) => return error,
        }
    }
}

/// The mean colour of a picture's part: `width` and `height` of it around a point, in sixteenths of its sides.
fn colour(frame: &VideoFrame, x: usize, y: usize) -> [u8; 3] {
    let mean = |plane: &[u8], width: usize, height: usize| {
        let (left, right) = ((2 * x - 1) * width / 32, (2 * x + 1) * width / 32);
        let rows = (2 * y - 1) * height / 32..(2 * y + 1) * height / 32;
        let values: Vec<usize> = rows
            .flat_map(|row| &plane[row * width + left..row * width + right])
            .map(|one| (*one).into())
            .collect();
        (values.iter().sum::<usize>() / values.len()) as u8
    };
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    [
        mean(frame.y(), width, height),
        mean(frame.u(), width / 2, height / 2),
        mean(frame.v(), width / 2, height / 2),
    ]
}

fn is_like(seen: [u8; 3], expected: [u8; 3]) -> bool {
    seen.iter().zip(expected).all(|(seen, expected)| seen.abs_diff(expected) <= 4)
}

#[track_caller]
pub(super) fn assert_bars(frame: &VideoFrame) {
    for row in [2, 8, 14] {
        for (bar, expected) in BARS.into_iter().enumerate() {
            let seen = colour(frame, 2 * bar + 1, row);
            assert!(is_like(seen, expected), "bar {bar} is {seen:?} and not {expected:?} in {frame:?}");
        }
    }
}

#[test]
#[ignore = "run by cameras_of_a_real_driver, in a machine"]
fn inside_cameras_are_listed_once_each_and_told_apart() {
    assert_eq!(names(), Vec::<String>::new());
    assert_eq!(opened(None, SMALL).err(), Some(CaptureError::NoCamera));
    let driver = Driver::load("n_devs=3");
    // Each has devices for what it is sent, and for data about its pictures.
    assert!(std::fs::read_dir("/sys/class/video4linux").unwrap().count() > 9);
    assert_eq!(names(), ["vivid", "vivid (2)", "vivid (3)"]);
    let [_, second, third] = numbers()[..] else { panic!("there are three") };
    driver.show(second, "100% White");
    driver.show(third, "100% Red");
    for (name, expected) in [(Some("vivid (3)"), RED), (Some("vivid (2)"), WHITE)] {
        let (capture, arrived) = opened(name, SMALL).unwrap();
        assert_eq!(Some(capture.label()), name);
        let seen = colour(&picture(&arrived), 8, 8);
        assert!(is_like(seen, expected), "{name:?} shows {seen:?} and not {expected:?}");
    }
    for name in [None, Some("vivid")] {
        let (capture, arrived) = opened(name, SMALL).unwrap();
        assert_eq!(capture.label(), "vivid");
        assert_bars(&picture(&arrived));
    }
    assert_eq!(opened(Some("vivid (4)"), SMALL).err(), Some(CaptureError::NoCamera));
}

#[test]
#[ignore = "run by cameras_of_a_real_driver, in a machine"]
fn inside_every_form_of_pixels_shows_the_same_picture() {
    let _driver = Driver::load("n_devs=1");
    for pixels in CameraPixels::ALL {
        let modes: Vec<Mode> = modes(&device(0)).into_iter().filter(|mode| mode.pixels == pixels).collect();
        // It has no packed pictures.
        assert_eq!(modes.is_empty(), pixels == CameraPixels::Jpeg, "{pixels:?}");
        if modes.is_empty() {
            continue;
        }
        let (sink, arrived) = sink();
        let _capture = start(SMALL, sink, move |format| {
            let camera = Camera::in_one_of(modes, "vivid".into(), device(0), format)?;
            assert_eq!(camera.mode.pixels, pixels);
            Ok(Box::new(camera))
        })
        .unwrap();
        for _ in 0..3 {
            let frame = picture(&arrived);
            assert_eq!((frame.width(), frame.height()), (320, 180));
            assert_bars(&frame);
        }
    }
}

#[test]
#[ignore = "run by cameras_of_a_real_driver, in a machine"]
fn inside_sizes_without_an_end_are_read_with_the_rows_as_they_lie() {
    // An input as of a box that takes HDMI, scaled to any size, at the one rate of what is plugged in.
    let _driver = Driver::load("n_devs=1 num_inputs=1 input_types=3");
    let all = modes(&device(0));
    for (width, height) in [(320, 180), (1_280, 720)] {
        assert!(all.iter().any(|mode| (mode.width, mode.height) == (width, height)), "{all:?}");
    }
    let (_capture, arrived) = opened(None, SMALL).unwrap();
    let frame = picture(&arrived);
    assert_eq!((frame.width(), frame.height()), (320, 180));
    drop((_capture, arrived));
    for pixels in [CameraPixels::I420, CameraPixels::Nv12, CameraPixels::Yuyv] {
        let (sink, arrived) = sink();
        let odd = Mode { pixels, width: 324, height: 182, fps: 10.0 };
        let wanted = CaptureFormat { max_width: 640, max_height: 360, max_fps: 10 };
        let _capture = start(wanted, sink, move |format| {
            Ok(Box::new(Camera::in_one_of(vec![odd], "vivid".into(), device(0), format)?))
        })
        .unwrap();
        let frame = picture(&arrived);
        assert_eq!((frame.width(), frame.height()), (324, 182));
        // Its blue and red are those of television in high definition; grey is grey everywhere.
        for (bar, lightness) in [(0, 235), (7, 16)] {
            let seen = colour(&frame, 2 * bar + 1, 8);
            assert!(is_like(seen, [lightness, 128, 128]), "bar {bar} is {seen:?} in {pixels:?}");
        }
    }
}

#[test]
#[ignore = "run by cameras_of_a_real_driver, in a machine"]
fn inside_size_and_rate_are_what_comes_nearest() {
    let _driver = Driver::load("n_devs=1");
    let wanted = |max_width, max_height, max_fps| CaptureFormat { max_width, max_height, max_fps };
    // As many USB cameras do, it has its larger sizes at few pictures a second only.
    for (wanted, size, fps) in [
        (wanted(1_280, 720, 30), (640, 360), 30),
        (wanted(1_280, 720, 10), (1_280, 720), 10),
        (wanted(640, 480, 15), (640, 480), 15),
        (wanted(320, 180, 30), (320, 180), 30),
        (wanted(320, 180, 5), (320, 180), 5),
    ] {
        let camera = Camera::open(&Folders::default(), None, wanted).unwrap();
        assert_eq!((camera.mode.width, camera.mode.height), size, "for {wanted:?}");
        let interval = camera.device.params().unwrap().interval;
        assert_eq!((interval.numerator, interval.denominator), (1, fps), "for {wanted:?}");
    }
    // What the camera has no size for is scaled, and may change while it runs.
    let (capture, arrived) = opened(None, wanted(160, 90, 10)).unwrap();
    let frame = picture(&arrived);
    assert_eq!((frame.width(), frame.height()), (160, 90));
    assert_bars(&frame);
    capture.set_format(wanted(64, 36, 10));
    while picture(&arrived).width() != 64 {}
}

#[test]
#[ignore = "run by cameras_of_a_real_driver, in a machine"]
fn inside_a_camera_that_the_system_denies_is_listed_by_its_description() {
    use std::os::unix::process::CommandExt;

    let _driver = Driver::load("n_devs=1");
    let own = std::env::current_exe().unwrap();
    let mut tests = Command::new(own);
    tests.args(["--ignored", "--exact", "camera::video4linux::driver_tests::as_nobody"]);
    // What it says comes here, where it may be read when it fails.
    let answer = tests.uid(NOBODY).gid(NOBODY).output().unwrap();
    let said = String::from_utf8_lossy(&answer.stdout);
    assert!(answer.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
#[ignore = "run by another, as somebody who may use no camera"]
fn as_nobody() {
    let denied = Device::with_path("/dev/video0").err().map(|error| error.kind());
    assert_eq!(denied, Some(io::ErrorKind::PermissionDenied));
    assert_eq!(names(), ["vivid-000-vid-cap"]);
    for name in [None, Some("vivid-000-vid-cap")] {
        assert_eq!(opened(name, SMALL).err(), Some(CaptureError::CameraDenied));
    }
}

#[test]
#[ignore = "run by cameras_of_a_real_driver, in a machine"]
fn inside_a_camera_that_somebody_holds_is_busy_and_then_free() {
    let _driver = Driver::load("n_devs=2");
    let mut other = holder();
    assert_eq!(names(), ["vivid", "vivid (2)"], "a held camera is still there");
    assert_eq!(opened(None, SMALL).err(), Some(CaptureError::CameraBusy));
    let (second, arrived) = opened(Some("vivid (2)"), SMALL).unwrap();
    picture(&arrived);
    other.kill().unwrap();
    other.wait().unwrap();
    let (first, pictures) = opened(None, SMALL).unwrap();
    assert_bars(&picture(&pictures));
    // By ourselves, too.
    assert_eq!(opened(Some("vivid (2)"), SMALL).err(), Some(CaptureError::CameraBusy));
    picture(&arrived);
    drop((first, second));
    let (_again, arrived) = opened(Some("vivid (2)"), SMALL).unwrap();
    assert_bars(&picture(&arrived));
}

#[test]
#[ignore = "run by cameras_of_a_real_driver, in a machine"]
fn inside_cameras_that_are_unplugged_are_lost_and_can_come_back() {
    let driver = Driver::load("n_devs=2");
    for _ in 0..2 {
        let (first, arrived) = opened(Some("vivid"), SMALL).unwrap();
        let (second, others) = opened(Some("vivid (2)"), SMALL).unwrap();
        picture(&arrived);
        picture(&others);
        driver.plug("unbind");
        assert_eq!(end(&arrived), CaptureError::CameraLost);
        assert_eq!(end(&others), CaptureError::CameraLost);
        assert_eq!(names(), Vec::<String>::new());
        assert_eq!(opened(Some("vivid"), SMALL).err(), Some(CaptureError::NoCamera));
        drop((first, second));
        driver.plug("bind");
        assert_eq!(names(), ["vivid", "vivid (2)"]);
        let (_capture, arrived) = opened(Some("vivid (2)"), SMALL).unwrap();
        picture(&arrived);
    }
}

#[test]
#[ignore = "run by cameras_of_a_real_driver, in a machine"]
fn inside_a_camera_whose_connection_breaks_is_lost_and_opens_again() {
    let driver = Driver::load("n_devs=2");
    let (second, others) = opened(Some("vivid (2)"), SMALL).unwrap();
    // The device stays where it is and answers no more, as long as anybody has it open.
    let (_capture, arrived) = opened(None, SMALL).unwrap();
    picture(&arrived);
    let still_open = device(0);
    driver.set(0, "Disconnect", Value::None);
    assert_eq!(end(&arrived), CaptureError::CameraLost);
    assert_eq!(opened(None, SMALL).err(), Some(CaptureError::NoCamera));
    drop(still_open);
    let (_capture, arrived) = opened(None, SMALL).unwrap();
    picture(&arrived);
    driver.set(0, "Inject Fatal Streaming Error", Value::None);
    assert_eq!(end(&arrived), CaptureError::CameraLost);
    let (_capture, arrived) = opened(None, SMALL).unwrap();
    assert_bars(&picture(&arrived));
    // What befalls one camera is nothing to the other.
    while let Ok(event) = others.try_recv() {
        assert!(matches!(event, CaptureEvent::Frame(_)), "{event:?}");
    }
    picture(&others);
    drop(second);
}

#[test]
#[ignore = "run by cameras_of_a_real_driver, in a machine"]
fn inside_broken_pictures_are_left_out_and_refusals_are_told() {
    let driver = Driver::load("n_devs=1");
    let (capture, arrived) = opened(None, SMALL).unwrap();
    picture(&arrived);
    for _ in 0..3 {
        driver.set(0, "Inject V4L2_BUF_FLAG_ERROR", Value::None);
        assert_bars(&picture(&arrived));
    }
    drop(capture);
    for trouble in ["Inject VIDIOC_REQBUFS Error", "Inject VIDIOC_QBUF Error", "Inject VIDIOC_STREAMON Error"]
    {
        driver.set(0, trouble, Value::None);
        let told = match opened(None, SMALL) {
            Ok((_capture, arrived)) => end(&arrived),
            Err(error) => error,
        };
        assert_eq!(told, CaptureError::CameraLost, "{trouble}");
        let (_capture, arrived) = opened(None, SMALL).unwrap();
        assert_bars(&picture(&arrived));
    }
}

#[test]
#[ignore = "run by cameras_of_a_real_driver, in a machine"]
fn inside_cameras_that_show_nothing_any_more_are_lost() {
    // The second is an input for HDMI.
    let driver = Driver::load("n_devs=2 num_inputs=1,1 input_types=0,3");
    let second = numbers()[1];
    let (_capture, silent) = opened(Some("vivid"), SMALL).unwrap();
    picture(&silent);
    driver.set(0, "Percentage of Dropped Buffers", Value::Integer(100));
    // What the driver makes of an odd half of a width is shorter than what it agreed to.
    let (sink, unreadable) = sink();
    let short = Mode { pixels: CameraPixels::I420, width: 322, height: 182, fps: 10.0 };
    let _other = start(SMALL, sink, move |format| {
        Ok(Box::new(Camera::in_one_of(vec![short], "vivid".into(), device(second), format)?))
    })
    .unwrap();
    assert_eq!(end(&silent), CaptureError::CameraLost);
    match unreadable.recv_timeout(PATIENCE).unwrap() {
        CaptureEvent::Frame(frame) => panic!("{frame:?}"),
        CaptureEvent::Ended(error) => assert_eq!(error, CaptureError::CameraLost),
    }
}

#[test]
#[ignore = "run by cameras_of_a_real_driver, in a machine"]
fn inside_signals_do_not_end_a_camera() {
    let _driver = Driver::load("n_devs=1");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _entered = runtime.enter();
    // From now on the signal is caught, and interrupts whoever waits in the kernel.
    let _signals = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::window_change()).unwrap();
    let (_capture, arrived) = opened(None, CaptureFormat { max_fps: 1, ..SMALL }).unwrap();
    picture(&arrived);
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let thread = tasks
        .map(|task| task.unwrap().path())
        .find(|task: &PathBuf| {
            std::fs::read_to_string(task.join("comm")).unwrap().starts_with("bellbird-captur")
        })
        .unwrap();
    let thread = thread.file_name().unwrap().to_string_lossy().into_owned();
    for _ in 0..5 {
        shell(&format!("kill -WINCH {thread}"));
    }
    picture(&arrived);
    picture(&arrived);
}
