//! One who looks at pictures: a page, through the door.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bellbird_contract::{PICTURE_HEADER, PixelLayout, ShownPicture, picture_header};
use tokio::sync::Notify;

use super::board::Due;
use crate::app::{App, Inner};

/// Someone who looks at pictures. Looks at nothing at first; dropping it is looking away.
pub struct PictureViewer {
    app: Arc<Inner>,
    seat: u64,
    filled: Arc<Notify>,
}

impl App {
    /// Someone begins to look at pictures.
    pub fn picture_viewer(&self) -> PictureViewer {
        let seat = self.inner.viewer_number.fetch_add(1, Ordering::Relaxed);
        let filled = Arc::new(Notify::new());
        self.inner.board.enter(seat, filled.clone());
        PictureViewer { app: self.inner.clone(), seat, filled }
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
                if let Some(picture) = lay_out(due) {
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
fn lay_out(due: Due) -> Option<Vec<u8>> {
    let Due { number, width, layout, frame } = due;
    let _ = width;
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
        PixelLayout::Rgba => return None,
    }
    Some(picture)
}
