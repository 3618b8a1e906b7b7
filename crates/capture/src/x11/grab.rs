//! Pixels out of an X server, through memory shared with it where possible.

use std::fs::File;
use std::os::fd::OwnedFd;

use memmap2::MmapMut;
use x11rb::connection::Connection;
use x11rb::protocol::shm::{ConnectionExt as _, Seg};
use x11rb::protocol::xproto::{ConnectionExt as _, Drawable, ImageFormat};

use super::display::{Display, gone, unsent};
use super::layout::Layout;
use crate::CaptureError;

/// A rectangle of a drawable, in the drawable's coordinates.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Area {
    pub(crate) x: i16,
    pub(crate) y: i16,
    pub(crate) width: u16,
    pub(crate) height: u16,
}

impl Area {
    /// The part that both have, or `None`.
    pub(crate) fn overlap(self, other: Self) -> Option<Self> {
        let end = |start: i16, length: u16| i32::from(start) + i32::from(length);
        let (x, y) = (self.x.max(other.x), self.y.max(other.y));
        let width = end(self.x, self.width).min(end(other.x, other.width)) - i32::from(x);
        let height = end(self.y, self.height).min(end(other.y, other.height)) - i32::from(y);
        let side = |length: i32| u16::try_from(length).ok().filter(|length| *length > 0);
        Some(Self { x, y, width: side(width)?, height: side(height)? })
    }
}

/// A grabbed picture: four bytes a pixel, blue first, rows without padding.
pub(crate) struct Image<'a> {
    pub(crate) pixels: &'a mut [u8],
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// Fetches pictures, and keeps the memory for the next.
pub(crate) struct Grabber {
    shared: Option<Shared>,
    wants_shared: bool,
    /// Where pictures land that do not come as we need them.
    converted: Vec<u8>,
}

/// Memory that the server writes into.
struct Shared {
    segment: Seg,
    memory: MmapMut,
}

impl Grabber {
    pub(crate) fn new(display: &Display) -> Self {
        Self { shared: None, wants_shared: display.has_shm, converted: Vec::new() }
    }

    /// Fetches a rectangle, which must lie within the drawable (and, of a window, within the screen).
    pub(crate) fn grab(
        &mut self,
        display: &Display,
        drawable: Drawable,
        area: Area,
        layout: Layout,
    ) -> Result<Image<'_>, CaptureError> {
        let needed = layout.stride(area.width) * usize::from(area.height);
        let (width, height) = (u32::from(area.width), u32::from(area.height));
        let pixels = area.width as usize * area.height as usize * 4;
        if self.wants_shared {
            self.make_room(display, needed);
        }
        let Some(shared) = &mut self.shared else {
            let reply = display
                .connection
                .get_image(ImageFormat::Z_PIXMAP, drawable, area.x, area.y, area.width, area.height, u32::MAX)
                .map_err(unsent)?
                .reply()
                .map_err(gone)?;
            self.converted.resize(pixels, 0);
            layout.convert(&reply.data, area.width, &mut self.converted);
            return Ok(Image { pixels: &mut self.converted, width, height });
        };
        display
            .connection
            .shm_get_image(
                drawable,
                area.x,
                area.y,
                area.width,
                area.height,
                u32::MAX,
                ImageFormat::Z_PIXMAP.into(),
                shared.segment,
                0,
            )
            .map_err(unsent)?
            .reply()
            .map_err(gone)?;
        if layout.is_bgrx() {
            return Ok(Image { pixels: &mut shared.memory[..pixels], width, height });
        }
        self.converted.resize(pixels, 0);
        layout.convert(&shared.memory[..needed], area.width, &mut self.converted);
        Ok(Image { pixels: &mut self.converted, width, height })
    }

    /// Sees to it that the shared memory holds so many bytes. Where that fails once (a server on another machine),
    /// pictures come through the connection from then on.
    fn make_room(&mut self, display: &Display, needed: usize) {
        if self.shared.as_ref().is_some_and(|shared| shared.memory.len() >= needed) {
            return;
        }
        if let Some(old) = self.shared.take() {
            let _ = display.connection.shm_detach(old.segment);
        }
        self.shared = Shared::new(display, needed);
        self.wants_shared = self.shared.is_some();
    }
}

impl Shared {
    fn new(display: &Display, bytes: usize) -> Option<Self> {
        let name = "bellbird-screen";
        let descriptor = rustix::fs::memfd_create(name, rustix::fs::MemfdFlags::CLOEXEC).ok()?;
        let file = File::from(descriptor);
        file.set_len(u64::try_from(bytes).ok()?).ok()?;
        let memory = map(&file)?;
        let segment = display.connection.generate_id().ok()?;
        let attached = display.connection.shm_attach_fd(segment, OwnedFd::from(file), false).ok()?.check();
        match attached {
            Ok(()) => Some(Self { segment, memory }),
            Err(error) => {
                tracing::debug!(%error, "the X server takes no shared memory");
                None
            }
        }
    }
}

#[allow(unsafe_code, reason = "memory shared with the X server cannot be had otherwise")]
fn map(file: &File) -> Option<MmapMut> {
    // SAFETY: the file is an anonymous one that we just made. Only the X server gets it besides us, which writes into
    // it between a ShmGetImage request and its reply, a time in which we hold no reference into the mapping; and the
    // server has no reason to shorten it, which we could not survive (as no client of MIT-SHM could).
    unsafe { MmapMut::map_mut(file) }.ok()
}

#[cfg(test)]
mod tests {
    use super::Area;

    #[test]
    fn areas_overlap_in_what_both_have() {
        let area = |x, y, width, height| Area { x, y, width, height };
        let screen = area(0, 0, 100, 50);
        assert_eq!(screen.overlap(area(-10, 40, 20, 20)), Some(area(0, 40, 10, 10)));
        assert_eq!(screen.overlap(area(100, 0, 5, 5)), None);
        assert_eq!(screen.overlap(area(0, -5, 5, 5)), None);
        assert_eq!(
            area(i16::MAX, 0, u16::MAX, 1).overlap(area(0, 0, u16::MAX, 1)).map(|a| a.width),
            Some(32_768)
        );
    }
}
