//! Sources that need no device: what they deliver, and what they do when told otherwise while they run.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in what its cases share too")]

use std::io::Write;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bellbird_capture::{Capture, CaptureError, CaptureEvent, CaptureFormat, VideoSource, open};
use bellbird_video::{FrameRate, Pattern, VideoFrame, Y4mWriter, read_number};

/// Only ends a test that hangs.
const PATIENCE: Duration = Duration::from_secs(60);

const FORMAT: CaptureFormat = CaptureFormat { max_width: 640, max_height: 360, max_fps: 60 };

fn opened(
    source: &VideoSource,
    format: CaptureFormat,
) -> Result<(Capture, Receiver<CaptureEvent>), CaptureError> {
    let (events, arrived) = channel();
    let events = Mutex::new(events);
    let sink = Arc::new(move |event| {
        let _ = events.lock().expect("no test panics in the sink").send(event);
    });
    Ok((open(source, format, sink)?, arrived))
}

fn next(arrived: &Receiver<CaptureEvent>) -> VideoFrame {
    match arrived.recv_timeout(PATIENCE).expect("a picture comes") {
        CaptureEvent::Frame(frame) => frame,
        CaptureEvent::Ended(error) => panic!("it ended: {error}"),
    }
}

fn film(path: &Path, pictures: u32, rate: FrameRate) {
    let pattern = Pattern::new(320, 180).unwrap();
    let mut writer = Y4mWriter::new(Vec::new(), 320, 180, rate).unwrap();
    for number in 0..pictures {
        writer.write(&pattern.draw(number, Instant::now())).unwrap();
    }
    std::fs::write(path, writer.finish().unwrap()).unwrap();
}

#[test]
fn a_pattern_counts_and_follows_the_format() {
    let (capture, arrived) = opened(&VideoSource::Pattern, FORMAT).unwrap();
    let mut last = None;
    for _ in 0..10 {
        let frame = next(&arrived);
        assert_eq!((frame.width(), frame.height()), (640, 360));
        let number = read_number(&frame).unwrap();
        assert!(last.is_none_or(|last| number > last), "{number} after {last:?}");
        last = Some(number);
    }
    capture.set_format(CaptureFormat { max_width: 320, max_height: 180, max_fps: 60 });
    let smaller = loop {
        let frame = next(&arrived);
        if frame.width() != 640 {
            break frame;
        }
    };
    assert_eq!((smaller.width(), smaller.height()), (320, 180));
    assert!(read_number(&smaller) > last);
    drop(capture);
    while let Ok(event) = arrived.try_recv() {
        assert!(matches!(event, CaptureEvent::Frame(_)), "{event:?}");
    }
    assert!(arrived.recv().is_err(), "the sink is gone");
}

#[test]
fn a_source_dropped_in_its_own_sink_ends() {
    let slot: Arc<Mutex<Option<Capture>>> = Arc::default();
    let (dropped, arrived) = channel();
    let dropped = Mutex::new(dropped);
    let own = Arc::clone(&slot);
    let sink = Arc::new(move |_| {
        if let Some(capture) = own.lock().unwrap().take() {
            drop(capture);
            let _ = dropped.lock().unwrap().send(());
        }
    });
    *slot.lock().unwrap() = Some(open(&VideoSource::Pattern, FORMAT, sink).unwrap());
    arrived.recv_timeout(PATIENCE).unwrap();
    assert!(arrived.recv_timeout(PATIENCE).is_err(), "its thread let go of the sink");
}

#[test]
fn a_pretended_screen_delivers_a_page_and_the_same_again_on_demand() {
    let wanted = CaptureFormat { max_width: 1_280, max_height: 720, max_fps: 30 };
    let (capture, arrived) = opened(&VideoSource::ScreenPattern, wanted).unwrap();
    let first = next(&arrived);
    assert_eq!((first.width(), first.height()), (1_280, 720));
    assert_eq!(read_number(&first), Some(1));
    capture.refresh();
    let again = next(&arrived);
    assert!(again.captured() > first.captured());
    let second = loop {
        let frame = next(&arrived);
        if read_number(&frame) != Some(1) {
            break frame;
        }
    };
    assert_eq!(read_number(&second), Some(2));
    assert!(second.data() != first.data());
}

#[test]
fn a_film_runs_over_and_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.y4m");
    film(&path, 3, FrameRate { pictures: 100, seconds: 1 });
    let format = CaptureFormat { max_fps: 120, ..FORMAT };
    let (capture, arrived) = opened(&VideoSource::File(path), format).unwrap();
    assert_eq!(capture.label(), "clip.y4m");
    let mut seen = [0; 3];
    while seen.iter().any(|count| *count < 3) {
        let frame = next(&arrived);
        assert_eq!((frame.width(), frame.height()), (320, 180));
        seen[read_number(&frame).unwrap() as usize] += 1;
    }
}

#[test]
fn a_film_that_breaks_while_it_runs_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.y4m");
    film(&path, 2, FrameRate { pictures: 50, seconds: 1 });
    let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"FRAME\nonly a little").unwrap();
    drop(file);
    let (_capture, arrived) = opened(&VideoSource::File(path.clone()), FORMAT).unwrap();
    next(&arrived);
    let end = loop {
        match arrived.recv_timeout(PATIENCE).unwrap() {
            CaptureEvent::Frame(_) => {}
            CaptureEvent::Ended(error) => break error,
        }
    };
    assert!(matches!(&end, CaptureError::File { path: named, .. } if *named == path), "{end}");
}

#[test]
fn files_that_are_no_films_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let no_film = folder.path().join("text.y4m");
    std::fs::write(&no_film, "a letter to somebody\n").unwrap();
    let empty = folder.path().join("empty.y4m");
    std::fs::write(&empty, "YUV4MPEG2 W64 H36 F25:1 C420\n").unwrap();
    let missing = folder.path().join("missing.y4m");
    for path in [no_film, empty, missing, folder.path().to_owned()] {
        let error = opened(&VideoSource::File(path.clone()), FORMAT).err();
        assert!(
            matches!(&error, Some(CaptureError::File { path: named, .. }) if *named == path),
            "{error:?}"
        );
    }
}

#[test]
fn a_camera_of_an_unknown_name_is_refused() {
    let unknown = VideoSource::Camera("none that anybody would call so".into());
    assert_eq!(opened(&unknown, FORMAT).err(), Some(CaptureError::NoCamera));
}
