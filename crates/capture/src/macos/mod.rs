//! Screens and windows of macOS, through ScreenCaptureKit, which draws the cursor and delivers a picture only when
//! something changed.
//!
//! **Untested**: not built for macOS and never tried there; its types were checked. From macOS 12.3 on. The system asks
//! the person for leave to record the screen the first time, for good.

mod content;
mod stream;

use std::time::Duration;

use crate::capture::Source;
use crate::orders::Orders;
use crate::output::Output;
use crate::picker::{ScreenList, Thumbnail};
use crate::{CaptureError, CaptureFormat, VideoSource, thumbnail};
use content::{Content, Target};
use stream::Stream;

/// How long a thumbnail may take.
const PATIENCE: Duration = Duration::from_millis(500);

/// What a thumbnail is made of, at the most.
const THUMBNAIL: CaptureFormat = CaptureFormat { max_width: 1_024, max_height: 1_024, max_fps: 30 };

pub(crate) fn list() -> Result<ScreenList, CaptureError> {
    Ok(Content::fetch()?.list())
}

pub(crate) fn picture(source: &VideoSource, max_width: u32) -> Result<Thumbnail, CaptureError> {
    let target = Content::fetch()?.target(source)?;
    let stream = Stream::start(&target, THUMBNAIL)?;
    let shot = stream.latest().first(PATIENCE)?;
    let (width, height) = shot.size();
    thumbnail::from_bgrx(&shot.packed(), width, height, max_width)
}

pub(crate) fn open(source: &VideoSource) -> Result<Box<dyn Source>, CaptureError> {
    Ok(Box::new(Screen { target: Content::fetch()?.target(source)? }))
}

struct Screen {
    target: Target,
}

impl Source for Screen {
    fn label(&self) -> String {
        self.target.label.clone()
    }

    fn lost(&self) -> CaptureError {
        CaptureError::ScreenLost
    }

    fn run(&mut self, orders: &Orders, output: &mut Output) -> Result<(), CaptureError> {
        // Opened here: what the system yields is used on the thread that asked for it.
        let stream = Stream::start(&self.target, orders.format())?;
        stream.latest().deliver(orders, output, |format| stream.set_format(&self.target, format))
    }
}
