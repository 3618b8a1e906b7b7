//! PipeWire's client library, loaded at run time.

use std::ffi::{c_char, c_int, c_void};
use std::sync::OnceLock;

use libloading::Library;

/// Its name; the number counts incompatible versions.
const NAME: &str = "libpipewire-0.3.so.0";

/// The functions that are used, as `pipewire/*.h` declare them.
pub(super) struct PipeWire {
    pub(super) thread_loop_new: unsafe extern "C" fn(*const c_char, *const c_void) -> *mut c_void,
    pub(super) thread_loop_get_loop: unsafe extern "C" fn(*mut c_void) -> *mut c_void,
    pub(super) thread_loop_start: unsafe extern "C" fn(*mut c_void) -> c_int,
    pub(super) thread_loop_stop: unsafe extern "C" fn(*mut c_void),
    pub(super) thread_loop_lock: unsafe extern "C" fn(*mut c_void),
    pub(super) thread_loop_unlock: unsafe extern "C" fn(*mut c_void),
    pub(super) thread_loop_destroy: unsafe extern "C" fn(*mut c_void),
    pub(super) context_new: unsafe extern "C" fn(*mut c_void, *mut c_void, usize) -> *mut c_void,
    pub(super) context_connect_fd:
        unsafe extern "C" fn(*mut c_void, c_int, *mut c_void, usize) -> *mut c_void,
    pub(super) context_destroy: unsafe extern "C" fn(*mut c_void),
    pub(super) core_disconnect: unsafe extern "C" fn(*mut c_void) -> c_int,
    pub(super) properties_new_string: unsafe extern "C" fn(*const c_char) -> *mut c_void,
    pub(super) stream_new: unsafe extern "C" fn(*mut c_void, *const c_char, *mut c_void) -> *mut c_void,
    pub(super) stream_add_listener:
        unsafe extern "C" fn(*mut c_void, *mut Hook, *const StreamEvents, *mut c_void),
    pub(super) stream_connect:
        unsafe extern "C" fn(*mut c_void, c_int, u32, c_int, *mut *const c_void, u32) -> c_int,
    pub(super) stream_update_params: unsafe extern "C" fn(*mut c_void, *mut *const c_void, u32) -> c_int,
    pub(super) stream_dequeue_buffer: unsafe extern "C" fn(*mut c_void) -> *mut StreamBuffer,
    pub(super) stream_queue_buffer: unsafe extern "C" fn(*mut c_void, *mut StreamBuffer) -> c_int,
    pub(super) stream_destroy: unsafe extern "C" fn(*mut c_void),
    /// Keeps all of them where they are.
    _library: Library,
}

/// `struct spa_hook`: filled in by the library, and must not move while it is in a list.
#[repr(C)]
pub(super) struct Hook {
    fields: [*mut c_void; 6],
}

impl Hook {
    pub(super) const EMPTY: Self = Self { fields: [std::ptr::null_mut(); 6] };
}

/// `struct pw_stream_events`, of its version 0.
#[repr(C)]
pub(super) struct StreamEvents {
    pub(super) version: u32,
    pub(super) destroy: Option<unsafe extern "C" fn(*mut c_void)>,
    pub(super) state_changed: Option<unsafe extern "C" fn(*mut c_void, c_int, c_int, *const c_char)>,
    pub(super) control_info: Option<unsafe extern "C" fn(*mut c_void, u32, *const c_void)>,
    pub(super) io_changed: Option<unsafe extern "C" fn(*mut c_void, u32, *mut c_void, u32)>,
    pub(super) param_changed: Option<unsafe extern "C" fn(*mut c_void, u32, *const u32)>,
    pub(super) add_buffer: Option<unsafe extern "C" fn(*mut c_void, *mut StreamBuffer)>,
    pub(super) remove_buffer: Option<unsafe extern "C" fn(*mut c_void, *mut StreamBuffer)>,
    pub(super) process: Option<unsafe extern "C" fn(*mut c_void)>,
    pub(super) drained: Option<unsafe extern "C" fn(*mut c_void)>,
    /// Those of later versions, which are not asked for.
    pub(super) later: [*mut c_void; 2],
}

// SAFETY: it is a table of functions and null pointers, written once when the program was built.
#[allow(unsafe_code, reason = "a table of C functions that never changes")]
unsafe impl Sync for StreamEvents {}

/// The beginning of `struct pw_buffer`.
#[repr(C)]
pub(super) struct StreamBuffer {
    pub(super) buffer: *const Buffer,
}

/// `struct spa_buffer`.
#[repr(C)]
pub(super) struct Buffer {
    pub(super) meta_count: u32,
    pub(super) data_count: u32,
    pub(super) metas: *const Meta,
    pub(super) datas: *const Data,
}

/// `struct spa_meta`.
#[repr(C)]
pub(super) struct Meta {
    pub(super) kind: u32,
    pub(super) size: u32,
    pub(super) data: *const c_void,
}

/// `struct spa_data`.
#[repr(C)]
pub(super) struct Data {
    pub(super) kind: u32,
    pub(super) flags: u32,
    pub(super) descriptor: i64,
    pub(super) map_offset: u32,
    pub(super) max_size: u32,
    pub(super) data: *const u8,
    pub(super) chunk: *const Chunk,
}

/// `struct spa_chunk`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Chunk {
    pub(super) offset: u32,
    pub(super) size: u32,
    pub(super) stride: i32,
    pub(super) flags: i32,
}

/// The library, loaded at the first call and never unloaded: it has threads of its own. `None` where it is missing.
pub(super) fn pipewire() -> Option<&'static PipeWire> {
    static LIBRARY: OnceLock<Option<PipeWire>> = OnceLock::new();
    LIBRARY
        .get_or_init(|| load().inspect_err(|error| tracing::info!(%error, "PipeWire is not here")).ok())
        .as_ref()
}

#[allow(unsafe_code, reason = "a C library is loaded, and its functions named")]
fn load() -> Result<PipeWire, libloading::Error> {
    // SAFETY: loading runs the library's own constructors, which have no preconditions. The types of the functions are
    // those of its public headers, which keep them within this version of the file name. `pw_init` takes two null
    // pointers for "no arguments".
    unsafe {
        let library = Library::new(NAME)?;
        let init = library.get::<unsafe extern "C" fn(*mut c_int, *mut c_void)>(b"pw_init\0")?;
        init(std::ptr::null_mut(), std::ptr::null_mut());
        Ok(PipeWire {
            thread_loop_new: *library.get(b"pw_thread_loop_new\0")?,
            thread_loop_get_loop: *library.get(b"pw_thread_loop_get_loop\0")?,
            thread_loop_start: *library.get(b"pw_thread_loop_start\0")?,
            thread_loop_stop: *library.get(b"pw_thread_loop_stop\0")?,
            thread_loop_lock: *library.get(b"pw_thread_loop_lock\0")?,
            thread_loop_unlock: *library.get(b"pw_thread_loop_unlock\0")?,
            thread_loop_destroy: *library.get(b"pw_thread_loop_destroy\0")?,
            context_new: *library.get(b"pw_context_new\0")?,
            context_connect_fd: *library.get(b"pw_context_connect_fd\0")?,
            context_destroy: *library.get(b"pw_context_destroy\0")?,
            core_disconnect: *library.get(b"pw_core_disconnect\0")?,
            properties_new_string: *library.get(b"pw_properties_new_string\0")?,
            stream_new: *library.get(b"pw_stream_new\0")?,
            stream_add_listener: *library.get(b"pw_stream_add_listener\0")?,
            stream_connect: *library.get(b"pw_stream_connect\0")?,
            stream_update_params: *library.get(b"pw_stream_update_params\0")?,
            stream_dequeue_buffer: *library.get(b"pw_stream_dequeue_buffer\0")?,
            stream_queue_buffer: *library.get(b"pw_stream_queue_buffer\0")?,
            stream_destroy: *library.get(b"pw_stream_destroy\0")?,
            _library: library,
        })
    }
}
