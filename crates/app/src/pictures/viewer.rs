//! One who looks at pictures: a page, through the door.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use bellbird_contract::{PICTURE_HEADER, PixelLayout, ShownPicture, picture_header};
use bellbird_video::{MAX_SIDE, Scaler, VideoFrame, fit_within};
use tokio::sync::Notify;

use super::board::Due;
use crate::app::{App, Inner};

/// How much wider than it is shown a picture may be sent: below this, the page scales as well as we would.
const SLACK: f32 = 1.3;

/// Someone who looks at pictures. Looks at nothing at first; dropping it is looking away.
pub struct PictureViewer {
    app: Arc<Inner>,
    seat: u64,
    filled: Arc<Notify>,
    /// Used by one at a time: whoever waits for the next picture.
    scaler: Mutex<Scaler>,
}

impl App {
    /// Someone begins to look at pictures.
    pub fn picture_viewer(&self) -> PictureViewer {
        let seat = self.inner.viewer_number.fetch_add(1, Ordering::Relaxed);
        let filled = Arc::new(Notify::new());
        self.inner.board.enter(seat, filled.clone());
        PictureViewer { app: self.inner.clone(), seat, filled, scaler: Mutex::default() }
    }
}

impl PictureViewer {
    /// These pictures are looked at from now on, and no others.
    pub fn show(&self, layout: PixelLayout, pictures: Vec<ShownPicture>) {
        self.app.board.show(self.seat, layout, pictures);
        self.app.update_watched();
    }

    /// A picture was drawn: another of its number may come.
    pub fn drawn(&self, number: u32) {
        self.app.board.drawn(self.seat, number);
    }

    /// Waits for the next picture: header and pixels as `bellbird_contract::PictureFrame` describes them. May be
    /// dropped while it waits.
    pub async fn next(&self) -> Vec<u8> {
        loop {
            let filled = self.filled.notified();
            if let Some(due) = self.app.board.take(self.seat) {
                if let Some(picture) =
                    lay_out(due, &mut self.scaler.lock().unwrap_or_else(PoisonError::into_inner))
                {
                    return picture;
                }
                continue;
            }
            filled.await;
        }
    }
}

impl Drop for PictureViewer {
    fn drop(&mut self) {
        self.app.board.leave(self.seat);
        self.app.update_watched();
    }
}

/// A few milliseconds for the largest picture. `None` for one of a size that has no header, which is none.
fn lay_out(due: Due, scaler: &mut Scaler) -> Option<Vec<u8>> {
    let Due { number, width, layout, frame } = due;
    let frame = fit(frame, width, scaler);
    let header = picture_header(
        number,
        u16::try_from(frame.width()).ok()?,
        u16::try_from(frame.height()).ok()?,
        layout,
    );
    let mut picture = Vec::with_capacity(PICTURE_HEADER + frame.data().len());
    picture.extend_from_slice(&header);
    match layout {
        PixelLayout::I420 => picture.extend_from_slice(frame.data()),
        PixelLayout::Rgba => picture.extend_from_slice(&frame.to_rgba()),
    }
    Some(picture)
}

/// Scales a picture down that is much larger than it is shown: what is sent costs by its size.
fn fit(frame: VideoFrame, shown: u16, scaler: &mut Scaler) -> VideoFrame {
    let shown = u32::from(shown).max(16);
    if frame.width() as f32 <= shown as f32 * SLACK {
        return frame;
    }
    let (width, height) = fit_within(frame.width(), frame.height(), shown, MAX_SIDE);
    scaler.scale(&frame, width, height).unwrap_or(frame)
}
