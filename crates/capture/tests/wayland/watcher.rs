//! Our side in a process of its own: the environment that it needs is not the one of the tests.

use std::io::{BufRead, Write};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bellbird_capture::{CaptureError, CaptureEvent, CaptureFormat, VideoSource, open};
use bellbird_testkit::process::LineProcess;
use bellbird_video::VideoFrame;
use serde_json::{Value, json};

use crate::desk::Desk;

/// Only ends a test that hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Set for the process that watches.
const ROLE: &str = "BELLBIRD_TEST_WATCHES";

/// Where colours are looked at, in hundredths of a picture: the middles of its quarters.
const PLACES: [(u32, u32); 4] = [(25, 25), (75, 25), (25, 75), (75, 75)];

/// How far a colour may be from the one that was drawn: pictures have their colours at half the size.
const TOLERANCE: u8 = 8;

/// That process.
pub(crate) struct Watcher(LineProcess);

impl Watcher {
    /// Shares what the person chooses there.
    pub(crate) fn start(desk: &Desk) -> Self {
        Self(LineProcess::start(
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "watcher::watching_side", "--nocapture", "--test-threads=1"])
                .env_clear()
                .envs(desk.setting())
                .env(ROLE, "1")
                .stderr(Stdio::null()),
        ))
    }

    pub(crate) fn say(&mut self, line: &str) {
        self.0.say(line);
    }

    /// Waits for a picture of this size with these colours in the middles of its quarters, and yields its number.
    pub(crate) fn picture(&mut self, size: (u32, u32), quarters: &[[u8; 3]; 4]) -> u64 {
        let begin = Instant::now();
        loop {
            let line = self.next(PATIENCE).unwrap_or_default();
            if let Some(number) = number_if(&line, size, quarters) {
                return number;
            }
            let late = begin.elapsed() > PATIENCE || line.is_empty() || line.contains("ended");
            assert!(
                !late,
                "no picture of {size:?} with {quarters:?}; last: {line}; before: {:#?}",
                self.0.seen()
            );
        }
    }

    /// Waits until no more pictures come, and yields the number of the last. `last` is that of the one that was seen.
    pub(crate) fn rest(&mut self, mut last: u64) -> u64 {
        for _ in 0..5 {
            let Some(line) = self.next(Duration::from_millis(700)) else { return last };
            let picture: Value = serde_json::from_str(&line).unwrap();
            last = picture["picture"].as_u64().unwrap_or_else(|| panic!("{line}"));
        }
        panic!("pictures come of a screen that stands still: {:#?}", self.0.seen());
    }

    /// Waits for such a picture on a desk in use, where something changes now and then, though not in the middle of a quarter.
    ///
    /// The compositor hands a screen over when something changes there, even where it never did before or did so at another size. A
    /// screen that stands still from then on is not seen.
    pub(crate) fn picture_in_use(
        &mut self,
        desk: &mut Desk,
        size: (u32, u32),
        quarters: &[[u8; 3]; 4],
    ) -> u64 {
        let begin = Instant::now();
        let mut stirred = 0;
        loop {
            let line = self.next(Duration::from_millis(200)).unwrap_or_else(|| {
                stirred += 1;
                desk.draw(&format!("patch 0 0 8 8 {stirred:06x}"));
                String::new()
            });
            if let Some(number) = number_if(&line, size, quarters) {
                return number;
            }
            let late = begin.elapsed() > PATIENCE || line.contains("ended");
            assert!(
                !late,
                "no picture of {size:?} with {quarters:?}; last: {line}; before: {:#?}",
                self.0.seen()
            );
        }
    }

    /// What comes next, if anything does so soon.
    fn next(&mut self, patience: Duration) -> Option<String> {
        std::iter::from_fn(|| self.0.next_line(patience)).find(|line| line.starts_with('{'))
    }

    /// Waits until it says why it ended: code and words.
    pub(crate) fn end(&mut self) -> (String, String) {
        self.0.wait_for("end", PATIENCE, |line| {
            let event: Value = serde_json::from_str(line).ok()?;
            Some((event["ended"].as_str()?.to_owned(), event["words"].as_str()?.to_owned()))
        })
    }

    /// Stops it as a person would.
    pub(crate) fn stop(mut self) {
        self.0.close_stdin();
        self.0.wait_for("farewell", PATIENCE, |line| (line == r#"{"stopped":true}"#).then_some(()));
        assert!(self.0.wait(PATIENCE).success());
    }
}

/// The number of the picture in a line, when it is one of this size and these colours.
fn number_if(line: &str, size: (u32, u32), quarters: &[[u8; 3]; 4]) -> Option<u64> {
    let picture: Value = serde_json::from_str(line).ok()?;
    let is_sized = picture["size"] == json!([size.0, size.1]);
    let is_painted = quarters.iter().enumerate().all(|(at, colour)| {
        let channel = |(channel, wanted): (usize, &u8)| {
            let seen = picture["seen"][at][channel].as_u64().unwrap_or(u64::MAX);
            seen.abs_diff(u64::from(*wanted)) <= u64::from(TOLERANCE)
        };
        colour.iter().enumerate().all(channel)
    });
    (is_sized && is_painted).then(|| picture["picture"].as_u64()).flatten()
}

/// Shares what the desktop's dialog yields and writes a line for each picture, until its standard input ends. A line
/// there is `format WIDTH HEIGHT RATE` or `refresh`.
#[test]
fn watching_side() {
    if std::env::var_os(ROLE).is_none() {
        return;
    }
    let number = Mutex::new(0);
    let sink = Arc::new(move |event| match event {
        CaptureEvent::Frame(frame) => {
            let mut number = number.lock().unwrap();
            *number += 1;
            let seen = colours(&frame);
            say(&json!({ "picture": *number, "size": [frame.width(), frame.height()], "seen": seen }));
        }
        CaptureEvent::Ended(error) => say(&json!({ "ended": code(&error), "words": error.to_string() })),
    });
    let format = CaptureFormat { max_width: 1_920, max_height: 1_080, max_fps: 30 };
    let capture = open(&VideoSource::Portal, format, sink).unwrap();
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        let numbers: Vec<u32> = words[1..].iter().map(|word| word.parse().unwrap()).collect();
        match (words[0], numbers.as_slice()) {
            ("refresh", []) => capture.refresh(),
            ("format", [max_width, max_height, max_fps]) => capture.set_format(CaptureFormat {
                max_width: *max_width,
                max_height: *max_height,
                max_fps: *max_fps,
            }),
            _ => panic!("{line}"),
        }
    }
    drop(capture);
    say(&json!({ "stopped": true }));
}

fn say(line: &Value) {
    let mut out = std::io::stdout().lock();
    // The harness does not end its own line.
    writeln!(out, "\n{line}").and_then(|()| out.flush()).unwrap();
}

fn code(error: &CaptureError) -> &'static str {
    match error {
        CaptureError::NoScreen(_) => "none",
        CaptureError::ScreenDenied => "denied",
        CaptureError::ScreenLost => "lost",
        CaptureError::NoCamera
        | CaptureError::CameraDenied
        | CaptureError::CameraBusy
        | CaptureError::CameraLost
        | CaptureError::File { .. } => "of something else",
    }
}

fn colours(frame: &VideoFrame) -> [[u8; 3]; 4] {
    let rgba = frame.to_rgba();
    let at = |(x, y)| {
        let (x, y) = (frame.width() * x / 100, frame.height() * y / 100);
        let start = (y * frame.width() + x) as usize * 4;
        [rgba[start], rgba[start + 1], rgba[start + 2]]
    };
    PLACES.map(at)
}
