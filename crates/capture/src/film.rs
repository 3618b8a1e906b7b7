//! A Y4M file, over and over, at its own rate.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bellbird_video::Y4mReader;

use crate::capture::Source;
use crate::orders::{Orders, Rhythm, Wake};
use crate::output::Output;
use crate::{CaptureError, CaptureFormat};

/// The fastest film that is played, pictures a second; what a file says is not obeyed beyond that.
const FASTEST: u64 = 240;

/// Below that a picture a file pretends to show for hours could not be told from a hang.
const SLOWEST_PERIOD: Duration = Duration::from_secs(10);

pub(crate) struct Film {
    path: PathBuf,
    reader: Y4mReader<BufReader<File>>,
}

impl Film {
    pub(crate) fn open(path: &Path) -> Result<Self, CaptureError> {
        let file = File::open(path).map_err(|error| unreadable(path, &error))?;
        // A folder can be opened, too.
        let mut reader = Y4mReader::new(BufReader::new(file)).map_err(|error| unreadable(path, &error))?;
        match reader.read(Instant::now()).map_err(|error| unreadable(path, &error))? {
            Some(_) => reader.rewind().map_err(|error| unreadable(path, &error))?,
            None => return Err(unreadable(path, &"there is no picture in it")),
        }
        Ok(Self { path: path.to_owned(), reader })
    }

    fn period(&self) -> Duration {
        self.reader.rate().due(1).clamp(Duration::from_secs(1) / FASTEST as u32, SLOWEST_PERIOD)
    }

    fn next(&mut self) -> Result<bellbird_video::VideoFrame, CaptureError> {
        for _ in 0..2 {
            let read = self.reader.read(Instant::now());
            if let Some(frame) = read.map_err(|error| unreadable(&self.path, &error))? {
                return Ok(frame);
            }
            self.reader.rewind().map_err(|error| unreadable(&self.path, &error))?;
        }
        Err(unreadable(&self.path, &"there is no picture in it any more"))
    }
}

fn unreadable(path: &Path, why: &dyn std::fmt::Display) -> CaptureError {
    CaptureError::File { path: path.to_owned(), why: why.to_string() }
}

impl Source for Film {
    fn label(&self) -> String {
        self.path.file_name().unwrap_or(self.path.as_os_str()).to_string_lossy().into_owned()
    }

    fn lost(&self) -> CaptureError {
        unreadable(&self.path, &"reading it failed")
    }

    fn run(&mut self, orders: &Orders, output: &mut Output) -> Result<(), CaptureError> {
        let mut format = orders.format();
        let mut sieve = Sieve::new(format);
        // The film runs in its own time even when fewer of its pictures are wanted.
        let mut rhythm = Rhythm::new(Instant::now(), self.period());
        loop {
            match orders.wait_until(rhythm.next(), format) {
                Wake::Stop => return Ok(()),
                Wake::Refresh => output.repeat(format),
                Wake::Format => {
                    format = orders.format();
                    sieve = Sieve::new(format);
                }
                Wake::Due => {
                    let due = rhythm.next();
                    let steps = rhythm.advance(Instant::now());
                    // After a long standstill the film goes on where it was, rather than reading for as long again.
                    for _ in 1..steps.min(FASTEST) {
                        self.next()?;
                    }
                    let frame = self.next()?;
                    if sieve.lets_through(due) {
                        output.deliver(&frame, format);
                    }
                }
            }
        }
    }
}

/// Lets no more pictures through than are wanted.
pub(crate) struct Sieve {
    period: Duration,
    next: Option<Instant>,
}

impl Sieve {
    pub(crate) fn new(format: CaptureFormat) -> Self {
        Self { period: Rhythm::period_of(format.max_fps), next: None }
    }

    /// Whether a picture of that moment is to go on. Moments that are a quarter of a period early count: devices are not
    /// exact.
    pub(crate) fn lets_through(&mut self, now: Instant) -> bool {
        match self.next {
            Some(next) if now + self.period / 4 < next => false,
            Some(next) if now < next + self.period => {
                self.next = Some(next + self.period);
                true
            }
            Some(_) | None => {
                self.next = Some(now + self.period);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sieve_keeps_the_rate_asked_for() {
        let start = Instant::now();
        for (fps, among_thirty) in [(60, 30), (30, 30), (15, 15), (10, 10), (20, 20), (1, 1)] {
            let mut sieve = Sieve::new(CaptureFormat { max_width: 64, max_height: 64, max_fps: fps });
            let passed = (0..30).filter(|index| {
                // A camera that is a little early or late each time.
                let jitter = Duration::from_millis(index % 3);
                sieve.lets_through(start + Duration::from_nanos(33_333_333) * *index as u32 + jitter)
            });
            let passed = passed.count() as i32;
            assert!((passed - among_thirty).abs() <= 1, "{passed} at {fps} a second");
        }
    }
}
