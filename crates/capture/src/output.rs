//! What a source gives out.

use std::time::Instant;

use bellbird_video::{Pixels, Scaler, VideoFrame, fit_within};

use crate::{CaptureError, CaptureEvent, CaptureFormat, PictureSink};

/// Hands pictures to the sink, none larger than asked.
pub(crate) struct Output {
    sink: PictureSink,
    scaler: Scaler,
    last: Option<VideoFrame>,
}

impl Output {
    pub(crate) fn new(sink: PictureSink) -> Self {
        Self { sink, scaler: Scaler::default(), last: None }
    }

    /// A picture of a source that moves.
    pub(crate) fn deliver(&mut self, frame: &VideoFrame, format: CaptureFormat) {
        if let Some(frame) = self.fitted(frame, format) {
            self.give(frame);
        }
    }

    /// Pixels as a device has them. What is no picture is left out: a broken one is followed by the next. Yields whether
    /// it was one.
    pub(crate) fn deliver_pixels(
        &mut self,
        pixels: &Pixels<'_>,
        captured: Instant,
        format: CaptureFormat,
    ) -> bool {
        let frame = self.converted(pixels, captured, format);
        let is_picture = frame.is_some();
        frame.into_iter().for_each(|frame| self.give(frame));
        is_picture
    }

    /// Likewise of a source that often stands still: nothing when it looks as it did.
    pub(crate) fn deliver_changed(&mut self, pixels: &Pixels<'_>, captured: Instant, format: CaptureFormat) {
        let Some(frame) = self.converted(pixels, captured, format) else { return };
        let is_same = self.last.as_ref().is_some_and(|last| {
            (last.width(), last.height()) == (frame.width(), frame.height()) && last.data() == frame.data()
        });
        if !is_same {
            self.give(frame);
        }
    }

    /// The last picture again, as of now.
    pub(crate) fn repeat(&mut self, format: CaptureFormat) {
        if let Some(last) = self.last.as_ref().map(|last| last.at(Instant::now())) {
            self.deliver(&last, format);
        }
    }

    /// The source ended by itself.
    pub(crate) fn end(&self, error: CaptureError) {
        (self.sink)(CaptureEvent::Ended(error));
    }

    fn give(&mut self, frame: VideoFrame) {
        self.last = Some(frame.clone());
        (self.sink)(CaptureEvent::Frame(frame));
    }

    fn fitted(&mut self, frame: &VideoFrame, format: CaptureFormat) -> Option<VideoFrame> {
        let (width, height) = fit_within(frame.width(), frame.height(), format.max_width, format.max_height);
        refused(self.scaler.scale(frame, width, height))
    }

    fn converted(
        &mut self,
        pixels: &Pixels<'_>,
        captured: Instant,
        format: CaptureFormat,
    ) -> Option<VideoFrame> {
        refused(self.scaler.convert(pixels, format.max_width, format.max_height, captured))
    }
}

fn refused(frame: Result<VideoFrame, bellbird_video::FrameError>) -> Option<VideoFrame> {
    frame.inspect_err(|error| tracing::debug!(%error, "what a source delivered is no picture")).ok()
}
