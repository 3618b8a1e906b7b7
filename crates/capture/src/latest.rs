//! The newest picture of a screen that a system's library delivers on threads of its own, and the loop that fetches it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bellbird_video::{PixelFormat, Pixels};

use crate::orders::{Orders, Rhythm, Wake};
use crate::output::Output;
use crate::{CaptureError, CaptureFormat};

/// One picture of a screen: four bytes a pixel, blue first.
#[derive(Default)]
pub(crate) struct Shot {
    width: u32,
    height: u32,
    stride: usize,
    bytes: Vec<u8>,
}

impl Shot {
    pub(crate) fn pixels(&self) -> Pixels<'_> {
        let Self { width, height, stride, ref bytes } = *self;
        Pixels { format: PixelFormat::Bgra, width, height, stride, data: bytes }
    }

    /// The rows one after another, as a thumbnail wants them.
    pub(crate) fn packed(&self) -> Vec<u8> {
        let row = self.width as usize * 4;
        self.bytes
            .chunks(self.stride.max(1))
            .take(self.height as usize)
            .filter_map(|line| line.get(..row))
            .flatten()
            .copied()
            .collect()
    }

    pub(crate) fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }
}

/// Where a library's thread leaves pictures for the source's.
#[derive(Default)]
pub(crate) struct Latest {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    newest: Option<Shot>,
    /// A picture that was fetched and is done with: its memory takes the next one.
    spare: Option<Shot>,
    over: Option<CaptureError>,
}

impl Latest {
    /// Leaves a picture in the place of one that nobody fetched. `bytes` has `height` rows that lie `stride` apart; what
    /// has fewer is no picture and is left out.
    pub(crate) fn put(&self, width: u32, height: u32, stride: usize, bytes: &[u8]) {
        let row = width as usize * 4;
        let needed =
            stride.checked_mul(height.saturating_sub(1) as usize).and_then(|rows| rows.checked_add(row));
        let Some(bytes) = needed.and_then(|needed| bytes.get(..needed)) else { return };
        if width == 0 || height == 0 || stride < row {
            return;
        }
        let mut state = self.lock();
        let mut shot = state.newest.take().or_else(|| state.spare.take()).unwrap_or_default();
        shot.bytes.clear();
        shot.bytes.extend_from_slice(bytes);
        (shot.width, shot.height, shot.stride) = (width, height, stride);
        state.newest = Some(shot);
    }

    /// No picture will come any more.
    pub(crate) fn end(&self, error: CaptureError) {
        self.lock().over.get_or_insert(error);
    }

    /// Why none will come any more.
    fn over(&self) -> Option<CaptureError> {
        self.lock().over.clone()
    }

    fn take(&self) -> Option<Shot> {
        self.lock().newest.take()
    }

    fn give_back(&self, shot: Shot) {
        self.lock().spare = Some(shot);
    }

    /// Waits for the first picture, for a thumbnail.
    ///
    /// # Errors
    /// Why none came, or that it took too long.
    pub(crate) fn first(&self, patience: Duration) -> Result<Shot, CaptureError> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(shot) = self.take() {
                return Ok(shot);
            }
            if let Some(error) = self.over() {
                return Err(error);
            }
            if Instant::now() >= deadline {
                return Err(CaptureError::NoScreen("no picture of it came".into()));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Hands on what comes, in the rhythm asked for, until the source is told to stop or is over. `changed` hears of
    /// another format.
    pub(crate) fn deliver(
        &self,
        orders: &Orders,
        output: &mut Output,
        mut changed: impl FnMut(CaptureFormat),
    ) -> Result<(), CaptureError> {
        let mut format = orders.format();
        let mut rhythm = Rhythm::new(Instant::now(), Rhythm::period_of(format.max_fps));
        loop {
            match orders.wait_until(rhythm.next(), format) {
                Wake::Stop => return Ok(()),
                Wake::Refresh => output.repeat(format),
                Wake::Format => {
                    format = orders.format();
                    rhythm.set_period(Rhythm::period_of(format.max_fps));
                    changed(format);
                    output.repeat(format);
                }
                Wake::Due => {
                    let now = Instant::now();
                    rhythm.advance(now);
                    if let Some(shot) = self.take() {
                        output.deliver_changed(&shot.pixels(), now, format);
                        self.give_back(shot);
                    }
                    if let Some(error) = self.over() {
                        return Err(error);
                    }
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::channel;

    use super::*;
    use crate::CaptureEvent;

    const FORMAT: CaptureFormat = CaptureFormat { max_width: 640, max_height: 360, max_fps: 120 };

    #[test]
    fn the_newest_picture_takes_the_place_of_the_one_before() {
        let latest = Latest::default();
        // Rows of one pixel, four bytes of padding behind each but the last.
        latest.put(1, 2, 8, &[1, 1, 1, 0, 9, 9, 9, 9, 2, 2, 2, 0]);
        latest.put(1, 2, 8, &[3, 3, 3, 0, 9, 9, 9, 9, 4, 4, 4, 0]);
        let shot = latest.first(Duration::ZERO).unwrap();
        assert_eq!(shot.size(), (1, 2));
        assert_eq!(shot.packed(), [3, 3, 3, 0, 4, 4, 4, 0]);
        assert!(latest.first(Duration::ZERO).is_err());
    }

    #[test]
    fn what_is_no_picture_is_left_out() {
        let latest = Latest::default();
        latest.put(2, 2, 8, &[0; 15]);
        latest.put(2, 2, 7, &[0; 64]);
        latest.put(0, 2, 8, &[0; 64]);
        latest.put(u32::MAX, u32::MAX, usize::MAX, &[0; 64]);
        assert!(latest.first(Duration::ZERO).is_err());
    }

    #[test]
    fn pictures_go_on_until_the_library_says_that_it_is_over() {
        let latest = Arc::new(Latest::default());
        let (told, heard) = channel();
        let told = Mutex::new(told);
        let orders = Orders::new(FORMAT);
        let sink = Arc::new(move |event| {
            if let CaptureEvent::Frame(frame) = event {
                let _ = told.lock().unwrap().send((frame.width(), frame.height()));
            }
        });
        let library = Arc::clone(&latest);
        let thread = std::thread::spawn(move || {
            library.put(32, 16, 128, &[200; 128 * 16]);
            assert_eq!(heard.recv(), Ok((32, 16)));
            library.end(CaptureError::ScreenLost);
            library.end(CaptureError::ScreenDenied);
        });
        let outcome = latest.deliver(&orders, &mut Output::new(sink), |_| {});
        assert_eq!(outcome, Err(CaptureError::ScreenLost));
        thread.join().unwrap();
    }
}
