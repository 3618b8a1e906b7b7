//! How this process gives memory back.

/// Has every block of a megabyte or more mapped alone and unmapped when freed.
///
/// glibc maps the first such block alone, but keeps later ones of that size in the heap for good. Hashing one password
/// takes 19 MiB, so a core in which an account was made would stay twice as large as it needs to be.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "mallopt has no safe wrapper; it is called before there is a second thread")]
pub(crate) fn give_large_blocks_back() {
    const THRESHOLD: libc::c_int = 1 << 20;
    // SAFETY: takes two numbers, touches only the allocator's own settings, and no other thread runs yet.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, THRESHOLD);
    }
}

/// Other systems' allocators do so by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn give_large_blocks_back() {}
