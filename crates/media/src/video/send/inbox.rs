//! What reaches an encoder's thread: the newest picture, and what it is wanted to do. Nothing queues up here.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bellbird_capture::{CaptureError, VideoSource};
use bellbird_video::VideoFrame;

/// The place where source, engine and links leave word.
#[derive(Default)]
pub(super) struct Inbox {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    /// Which source is wanted, and the number of that wish.
    wanted: (u64, Option<VideoSource>),
    /// None was wanted since the thread last looked.
    closed: bool,
    /// The newest picture, of the source with that number.
    frame: Option<(u64, VideoFrame)>,
    ended: Option<(u64, CaptureError)>,
    poked: bool,
    over: bool,
}

/// What an encoder's thread finds.
pub(super) struct Mail {
    /// The source that is wanted now.
    pub(super) wanted: (u64, Option<VideoSource>),
    /// Before that, none was wanted for a while: what was open counts as closed, though the next may follow at once.
    pub(super) closed: bool,
    pub(super) frame: Option<(u64, VideoFrame)>,
    pub(super) ended: Option<(u64, CaptureError)>,
    /// The call is over.
    pub(super) over: bool,
}

impl Inbox {
    /// Wants this source, or none; yields the number of the wish. Also when it is the same: it is opened anew.
    pub(super) fn want(&self, source: Option<VideoSource>) -> u64 {
        let mut state = self.lock();
        state.closed |= source.is_none();
        state.wanted = (state.wanted.0 + 1, source);
        state.frame = None;
        self.wake.notify_one();
        state.wanted.0
    }

    /// Whether a source is wanted.
    pub(super) fn is_wanted(&self) -> bool {
        self.lock().wanted.1.is_some()
    }

    /// A picture of the source with that number. An older one that nobody took is gone.
    pub(super) fn frame(&self, number: u64, frame: VideoFrame) {
        let mut state = self.lock();
        if state.wanted.0 == number {
            state.frame = Some((number, frame));
            self.wake.notify_one();
        }
    }

    /// The source with that number ended by itself.
    pub(super) fn ended(&self, number: u64, error: CaptureError) {
        self.lock().ended = Some((number, error));
        self.wake.notify_one();
    }

    /// Whether that source is still the one wanted.
    pub(super) fn is_current(&self, number: u64) -> bool {
        let state = self.lock();
        state.wanted.0 == number && !state.over
    }

    /// A link wants something.
    pub(super) fn poke(&self) {
        self.lock().poked = true;
        self.wake.notify_one();
    }

    /// The call is over.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.over = true;
        state.wanted = (state.wanted.0 + 1, None);
        state.frame = None;
        self.wake.notify_one();
    }

    /// Waits until there is something other than the source with the number `known` and a picture, or until `deadline`.
    pub(super) fn wait(&self, known: u64, deadline: Option<Instant>) -> Mail {
        let mut state = self.lock();
        loop {
            let news = state.over
                || state.poked
                || state.frame.is_some()
                || state.ended.is_some()
                || state.wanted.0 != known;
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            if news || left == Some(Duration::ZERO) {
                state.poked = false;
                return Mail {
                    wanted: state.wanted.clone(),
                    closed: std::mem::take(&mut state.closed),
                    frame: state.frame.take(),
                    ended: state.ended.take(),
                    over: state.over,
                };
            }
            state = match left {
                Some(left) => self.wake.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
                None => self.wake.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(shade: u8) -> VideoFrame {
        VideoFrame::from_i420(2, 2, vec![shade; 6], Instant::now()).unwrap()
    }

    #[test]
    fn only_the_newest_picture_of_the_source_that_is_wanted_stays() {
        let inbox = Inbox::default();
        inbox.want(Some(VideoSource::Pattern));
        inbox.frame(1, frame(1));
        inbox.frame(1, frame(2));
        let mail = inbox.wait(1, None);
        assert_eq!(mail.frame.unwrap().1.y()[0], 2);
        inbox.want(None);
        inbox.frame(1, frame(3));
        let mail = inbox.wait(1, None);
        assert!(mail.frame.is_none(), "the camera is off");
        assert_eq!(mail.wanted, (2, None));
        assert!(inbox.wait(2, Some(Instant::now())).frame.is_none());
        inbox.want(None);
        inbox.want(Some(VideoSource::Pattern));
        assert!(inbox.wait(2, None).closed, "off and on again is not the same as going on");
    }
}
