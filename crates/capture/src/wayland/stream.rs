//! One stream of pictures from PipeWire.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::os::fd::{IntoRawFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bellbird_video::{PixelFormat, Pixels};

use super::library::{Buffer, Chunk, Hook, PipeWire, StreamBuffer, StreamEvents, pipewire};
use super::pod::{self, Agreed};
use super::turn::Lie;
use crate::CaptureError;

/// `PW_DIRECTION_INPUT`.
const INPUT: c_int = 0;

/// `PW_STREAM_FLAG_AUTOCONNECT`, `_MAP_BUFFERS` and `_DONT_RECONNECT`.
const FLAGS: c_int = 1 << 0 | 1 << 2 | 1 << 7;

/// `PW_STREAM_STATE_ERROR` and `_UNCONNECTED`.
const ERROR: c_int = -1;
const UNCONNECTED: c_int = 0;

/// `SPA_CHUNK_FLAG_CORRUPTED`.
const CORRUPTED: i32 = 1;

/// The largest picture that is taken, bytes: a screen of 16,384 by 8,192.
const LARGEST: usize = 16_384 * 8_192 * 4;

/// A picture as it came.
pub(super) struct Shot {
    format: PixelFormat,
    width: u32,
    height: u32,
    stride: usize,
    lie: Lie,
    data: Vec<u8>,
}

impl Shot {
    /// The picture upright; `turned` is memory for one that lies otherwise.
    pub(super) fn pixels<'a>(&'a self, turned: &'a mut Vec<u8>) -> Pixels<'a> {
        let Self { format, width, height, stride, lie, .. } = *self;
        if lie.is_upright() {
            return Pixels { format, width, height, stride, data: &self.data };
        }
        let pixel = format.row_bytes(1);
        lie.turn(&self.data, (width as usize, height as usize), stride, pixel, turned);
        let (width, height) = lie.upright_size(width, height);
        Pixels { format, width, height, stride: format.row_bytes(width), data: turned }
    }
}

/// What comes along with a picture.
#[derive(Clone, Copy, Default)]
struct Notes {
    /// Left, top, width and height of the part that is the picture.
    crop: Option<[u32; 4]>,
    lie: Lie,
}

/// How far a stream is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Progress {
    /// Nobody agreed with us on a format yet.
    Waiting,
    /// Pictures come when there are new ones.
    Running,
    /// No more will come.
    Over,
    /// None ever came, nor will.
    Failed,
}

/// What PipeWire's thread and ours share.
struct Shared {
    library: &'static PipeWire,
    slot: Mutex<Slot>,
}

#[derive(Default)]
struct Slot {
    stream: Handle,
    agreed: Option<Agreed>,
    /// The newest picture that nobody took yet.
    newest: Option<Shot>,
    /// Memory to use again.
    spare: Vec<u8>,
    is_over: bool,
}

/// Something of PipeWire's.
#[derive(Clone, Copy)]
struct Handle(*mut c_void);

impl Default for Handle {
    fn default() -> Self {
        Self(std::ptr::null_mut())
    }
}

// SAFETY: what it points to is used on PipeWire's thread, or under the lock of its loop, or once the loop stands still.
#[allow(unsafe_code, reason = "a handle of a C library that is used under the library's own lock")]
unsafe impl Send for Handle {}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open stream. Dropping it ends PipeWire's thread.
pub(super) struct Stream {
    shared: Box<Shared>,
    hook: Box<Hook>,
    thread_loop: Handle,
    context: Handle,
    core: Handle,
}

/// What the library calls. It must know the address for as long as the stream lives.
static EVENTS: StreamEvents = StreamEvents {
    version: 0,
    destroy: None,
    state_changed: Some(state_changed),
    control_info: None,
    io_changed: None,
    param_changed: Some(param_changed),
    add_buffer: None,
    remove_buffer: None,
    process: Some(process),
    drained: None,
    later: [std::ptr::null_mut(); 2],
};

impl Stream {
    /// Takes the pictures of a node, over a connection that the portal made.
    ///
    /// # Errors
    /// `NoScreen` where PipeWire is missing, cannot be started or does not take us.
    pub(super) fn open(connection: OwnedFd, node: u32, max_fps: u32) -> Result<Self, CaptureError> {
        let library = installed()?;
        let shared = Box::new(Shared { library, slot: Mutex::default() });
        let none = Handle::default();
        let mut stream =
            Self { shared, hook: Box::new(Hook::EMPTY), thread_loop: none, context: none, core: none };
        stream.start(connection, node, max_fps)?;
        Ok(stream)
    }

    #[allow(unsafe_code, reason = "calls of a C library")]
    fn start(&mut self, connection: OwnedFd, node: u32, max_fps: u32) -> Result<(), CaptureError> {
        let library = self.shared.library;
        let check = |handle: *mut c_void| {
            if handle.is_null() { Err(no_connection()) } else { Ok(Handle(handle)) }
        };
        let format = pod::wanted_format(max_fps);
        let null = std::ptr::null_mut();
        // SAFETY: the functions are called as their documentation asks: loop, context, core and stream are made in that
        // order and each is checked; the loop is locked while its thread runs. All texts end with a zero byte. The
        // properties and the descriptor become the library's. The hook and what the callbacks get (`shared`) are boxes
        // that this value owns and that do not move; `drop` stops the loop before it lets go of them. The format is
        // read within the call, and a vector's memory is aligned to 8 bytes by every allocator of these systems.
        unsafe {
            self.thread_loop = check((library.thread_loop_new)(c"bellbird-pipewire".as_ptr(), null))?;
            let inner = (library.thread_loop_get_loop)(self.thread_loop.0);
            self.context = check((library.context_new)(inner, null, 0))?;
            if (library.thread_loop_start)(self.thread_loop.0) < 0 {
                return Err(no_connection());
            }
            (library.thread_loop_lock)(self.thread_loop.0);
            let connected = (|| {
                let descriptor = connection.into_raw_fd();
                self.core = check((library.context_connect_fd)(self.context.0, descriptor, null, 0))?;
                let about = c"media.type=Video media.category=Capture media.role=Screen";
                let properties = (library.properties_new_string)(about.as_ptr());
                let stream = check((library.stream_new)(self.core.0, c"Bellbird".as_ptr(), properties))?;
                self.shared.lock().stream = stream;
                let data = std::ptr::from_ref::<Shared>(&self.shared).cast_mut().cast::<c_void>();
                (library.stream_add_listener)(stream.0, &mut *self.hook, &EVENTS, data);
                let mut params = [format.as_ptr().cast::<c_void>()];
                let outcome = (library.stream_connect)(stream.0, INPUT, node, FLAGS, params.as_mut_ptr(), 1);
                if outcome < 0 { Err(no_connection()) } else { Ok(()) }
            })();
            (library.thread_loop_unlock)(self.thread_loop.0);
            connected
        }
    }

    /// Takes the newest picture, if one came since the last time. Gives the memory of the last one back.
    pub(super) fn take(&self, last: Option<Shot>) -> Option<Shot> {
        let mut slot = self.shared.lock();
        if let Some(last) = last {
            slot.spare = last.data;
        }
        slot.newest.take()
    }

    /// How far it is.
    pub(super) fn progress(&self) -> Progress {
        let slot = self.shared.lock();
        match slot.agreed {
            Some(_) if slot.is_over => Progress::Over,
            Some(_) => Progress::Running,
            None if slot.is_over => Progress::Failed,
            None => Progress::Waiting,
        }
    }
}

/// The library.
///
/// # Errors
/// `NoScreen` where it is missing.
pub(super) fn installed() -> Result<&'static PipeWire, CaptureError> {
    pipewire().ok_or_else(|| CaptureError::NoScreen("PipeWire is not installed".into()))
}

fn no_connection() -> CaptureError {
    CaptureError::NoScreen("PipeWire, which carries the pictures, cannot be used".into())
}

impl Drop for Stream {
    #[allow(unsafe_code, reason = "calls of a C library")]
    fn drop(&mut self) {
        let library = self.shared.library;
        let stream = self.shared.lock().stream;
        // SAFETY: once the loop's thread is stopped nobody but us uses these; they go in the reverse order of their
        // making, and those that were never made are left out.
        unsafe {
            if !self.thread_loop.0.is_null() {
                (library.thread_loop_stop)(self.thread_loop.0);
            }
            if !stream.0.is_null() {
                (library.stream_destroy)(stream.0);
            }
            if !self.core.0.is_null() {
                (library.core_disconnect)(self.core.0);
            }
            if !self.context.0.is_null() {
                (library.context_destroy)(self.context.0);
            }
            if !self.thread_loop.0.is_null() {
                (library.thread_loop_destroy)(self.thread_loop.0);
            }
        }
    }
}

/// # Safety
/// `data` is what was given with [`EVENTS`]; `error` is null or a text. On PipeWire's thread.
#[allow(unsafe_code, reason = "called by a C library")]
unsafe extern "C" fn state_changed(data: *mut c_void, old: c_int, new: c_int, error: *const c_char) {
    // SAFETY: see the condition above; the stream outlives its callbacks.
    let shared = unsafe { &*data.cast::<Shared>() };
    if !error.is_null() {
        // SAFETY: see the condition above.
        let error = unsafe { CStr::from_ptr(error) }.to_string_lossy();
        tracing::debug!(%error, "PipeWire's stream");
    }
    if new == ERROR || (new == UNCONNECTED && old != UNCONNECTED) {
        shared.lock().is_over = true;
    }
}

/// # Safety
/// `data` is what was given with [`EVENTS`]; `param` is null or a whole pod. On PipeWire's thread.
#[allow(unsafe_code, reason = "called by a C library")]
unsafe extern "C" fn param_changed(data: *mut c_void, id: u32, param: *const u32) {
    if id != pod::FORMAT || param.is_null() {
        return;
    }
    // SAFETY: see the condition above; a pod begins with its length, and that many bytes follow its header of 8.
    let (shared, bytes) = unsafe {
        let length = *param as usize + 8;
        (&*data.cast::<Shared>(), std::slice::from_raw_parts(param.cast::<u8>(), length))
    };
    let agreed = pod::read_format(bytes);
    tracing::debug!(?agreed, "PipeWire's pictures");
    let stream = {
        let mut slot = shared.lock();
        slot.agreed = agreed;
        slot.newest = None;
        slot.stream
    };
    let buffers = pod::wanted_buffers();
    let [crop, transform] = pod::wanted_metas();
    let mut params = [&buffers, &crop, &transform].map(|pod| pod.as_ptr().cast::<c_void>());
    // SAFETY: on the loop's thread, where the stream may be used; the pods are read within the call.
    unsafe { (shared.library.stream_update_params)(stream.0, params.as_mut_ptr(), params.len() as u32) };
}

/// # Safety
/// `data` is what was given with [`EVENTS`]. On PipeWire's thread.
#[allow(unsafe_code, reason = "called by a C library")]
unsafe extern "C" fn process(data: *mut c_void) {
    // SAFETY: see the condition above.
    let shared = unsafe { &*data.cast::<Shared>() };
    let stream = shared.lock().stream;
    let mut newest: *mut StreamBuffer = std::ptr::null_mut();
    loop {
        // SAFETY: on the loop's thread; what is taken out is given back, here or below.
        let next = unsafe { (shared.library.stream_dequeue_buffer)(stream.0) };
        if next.is_null() {
            break;
        }
        if !newest.is_null() {
            // SAFETY: it was taken out above and is not used any more.
            unsafe { (shared.library.stream_queue_buffer)(stream.0, newest) };
        }
        newest = next;
    }
    if newest.is_null() {
        return;
    }
    // SAFETY: between taking a buffer out and giving it back, it and the memory it names stay as they are.
    if let Some((bytes, chunk)) = unsafe { content((*newest).buffer) } {
        // SAFETY: likewise.
        let notes = unsafe { notes((*newest).buffer) };
        shared.lock().keep(bytes, chunk, notes);
    }
    // SAFETY: it was taken out above and is not used any more.
    unsafe { (shared.library.stream_queue_buffer)(stream.0, newest) };
}

/// The bytes of a buffer's picture; `None` when there are none, as for one that only moves the cursor.
///
/// # Safety
/// `buffer` is null or a buffer taken out of a stream with mapped memory.
#[allow(unsafe_code, reason = "reads what a C library points to")]
unsafe fn content<'a>(buffer: *const Buffer) -> Option<(&'a [u8], Chunk)> {
    // SAFETY: see the condition above: the pointers of a taken buffer are null or good for what they name, and mapped
    // memory has `max_size` bytes.
    unsafe {
        let buffer = buffer.as_ref()?;
        if buffer.data_count == 0 {
            return None;
        }
        let data = buffer.datas.as_ref()?;
        let chunk = *data.chunk.as_ref()?;
        if data.data.is_null() || chunk.flags & CORRUPTED != 0 || chunk.size == 0 || data.max_size == 0 {
            return None;
        }
        let whole = std::slice::from_raw_parts(data.data, data.max_size as usize);
        let start = chunk.offset as usize % whole.len();
        let end = start.saturating_add(chunk.size as usize).min(whole.len());
        Some((&whole[start..end], chunk))
    }
}

/// What is noted at a buffer, as far as it makes sense.
///
/// # Safety
/// `buffer` is null or a buffer taken out of a stream.
#[allow(unsafe_code, reason = "reads what a C library points to")]
unsafe fn notes(buffer: *const Buffer) -> Notes {
    let mut notes = Notes::default();
    // SAFETY: see the condition above: there are `meta_count` metas, each with `size` bytes where `data` is not null.
    // What others wrote there may have any alignment and any value.
    unsafe {
        let Some(buffer) = buffer.as_ref() else { return notes };
        if buffer.metas.is_null() {
            return notes;
        }
        for meta in std::slice::from_raw_parts(buffer.metas, buffer.meta_count as usize) {
            match meta.kind {
                _ if meta.data.is_null() => {}
                pod::CROP if meta.size >= pod::CROP_SIZE => {
                    notes.crop = Some(meta.data.cast::<[u32; 4]>().read_unaligned());
                }
                pod::TRANSFORM if meta.size >= pod::TRANSFORM_SIZE => {
                    notes.lie =
                        Lie::from_number(meta.data.cast::<u32>().read_unaligned()).unwrap_or_default();
                }
                _ => {}
            }
        }
    }
    notes
}

impl Slot {
    /// Copies a picture out of somebody else's memory, in place of the one before.
    fn keep(&mut self, bytes: &[u8], chunk: Chunk, notes: Notes) {
        let Some(agreed) = self.agreed else { return };
        let row = row_bytes(agreed);
        let stride = usize::try_from(chunk.stride).ok().filter(|stride| *stride >= row).unwrap_or(row);
        let [left, top, width, height] = part(agreed, notes.crop);
        let start = stride * top as usize + agreed.pixels.row_bytes(left);
        let needed = stride * (height as usize - 1) + agreed.pixels.row_bytes(width);
        let bytes = bytes.get(start..).and_then(|bytes| bytes.get(..needed));
        let Some(bytes) = bytes.filter(|_| needed <= LARGEST) else { return };
        let mut data = match self.newest.take() {
            Some(old) => old.data,
            None => std::mem::take(&mut self.spare),
        };
        data.clear();
        data.extend_from_slice(bytes);
        self.newest = Some(Shot { format: agreed.pixels, width, height, stride, lie: notes.lie, data });
    }
}

/// Left, top, width and height of the picture within what was agreed on: all of it where a part makes no sense.
fn part(agreed: Agreed, crop: Option<[u32; 4]>) -> [u32; 4] {
    let fits = |start: u32, length: u32, whole: u32| {
        length >= 2 && start.checked_add(length).is_some_and(|end| end <= whole)
    };
    crop.filter(|[left, top, width, height]| {
        fits(*left, *width, agreed.width) && fits(*top, *height, agreed.height)
    })
    .unwrap_or([0, 0, agreed.width, agreed.height])
}

fn row_bytes(agreed: Agreed) -> usize {
    PixelFormat::row_bytes(agreed.pixels, agreed.width)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(stride: i32) -> Chunk {
        Chunk { offset: 0, size: 0, stride, flags: 0 }
    }

    #[test]
    fn the_newest_picture_wins_and_short_ones_are_left_out() {
        let agreed = Agreed { pixels: PixelFormat::Bgra, width: 2, height: 2 };
        let mut slot = Slot { agreed: Some(agreed), ..Slot::default() };
        slot.keep(&[1; 15], chunk(8), Notes::default());
        assert!(slot.newest.is_none());
        slot.keep(&[1; 16], chunk(8), Notes::default());
        slot.keep(&[2; 40], chunk(12), Notes::default());
        let shot = slot.newest.take().unwrap();
        assert_eq!((shot.stride, shot.data.as_slice()), (12, &[2; 20][..]));
        // A stride that cannot be is not believed.
        slot.keep(&[3; 16], chunk(-8), Notes::default());
        assert_eq!(slot.newest.take().unwrap().stride, 8);
        slot.keep(&[3; 16], chunk(i32::MAX), Notes::default());
        assert!(slot.newest.is_none());
        slot.agreed = None;
        slot.keep(&[3; 16], chunk(8), Notes::default());
        assert!(slot.newest.is_none());
    }

    #[test]
    fn the_part_that_is_the_picture_is_taken_and_turned_upright() {
        let agreed = Agreed { pixels: PixelFormat::Bgra, width: 4, height: 3 };
        let mut slot = Slot { agreed: Some(agreed), ..Slot::default() };
        // Each pixel has the number of its column and row.
        let bytes: Vec<u8> =
            (0..3).flat_map(|row| (0..4).flat_map(move |column| [column, row, 0, 0])).collect();
        let mut seen = |crop, transform| {
            let lie = Lie::from_number(transform).unwrap();
            slot.keep(&bytes, chunk(16), Notes { crop, lie });
            let shot = slot.newest.take().unwrap();
            let mut turned = Vec::new();
            let pixels = shot.pixels(&mut turned);
            (pixels.width, pixels.height, [pixels.data[0], pixels.data[1]])
        };
        assert_eq!(seen(None, 0), (4, 3, [0, 0]));
        assert_eq!(seen(Some([1, 1, 3, 2]), 0), (3, 2, [1, 1]));
        assert_eq!(seen(Some([1, 1, 3, 2]), 3), (2, 3, [3, 1]));
        for senseless in [[0, 0, 0, 0], [2, 0, 3, 3], [0, u32::MAX, 4, 3], [0, 0, 4, 1]] {
            assert_eq!(seen(Some(senseless), 0), (4, 3, [0, 0]), "{senseless:?}");
        }
    }
}
