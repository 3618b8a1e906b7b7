//! Where openh264 comes from.

use openh264::OpenH264API;

use crate::codec::{CodecError, VideoCodec};

/// The library, built in.
#[cfg(feature = "h264")]
pub(crate) fn open() -> Result<OpenH264API, CodecError> {
    Ok(OpenH264API::from_source())
}

/// Whether there is one.
#[cfg(feature = "h264")]
pub(crate) fn is_available() -> bool {
    true
}

/// Names the file with Cisco's library.
#[cfg(not(feature = "h264"))]
const VARIABLE: &str = "BELLBIRD_OPENH264";

/// Cisco's library: loaded only when it is byte for byte one that Cisco published (openh264-sys2 has the list), because
/// that is what Cisco's patent licence is for.
#[cfg(not(feature = "h264"))]
pub(crate) fn open() -> Result<OpenH264API, CodecError> {
    let path = place().ok_or(CodecError::NotAvailable(VideoCodec::H264))?;
    OpenH264API::from_blob_path(path).map_err(|_| CodecError::NotAvailable(VideoCodec::H264))
}

/// Whether there is one.
#[cfg(not(feature = "h264"))]
pub(crate) fn is_available() -> bool {
    place().is_some()
}

/// Looked for once: the file that `BELLBIRD_OPENH264` names, or any beside this program with `openh264` in its name.
#[cfg(not(feature = "h264"))]
fn place() -> Option<&'static std::path::Path> {
    use std::path::PathBuf;
    use std::sync::OnceLock;

    static PLACE: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = PLACE.get_or_init(|| {
        let named = std::env::var_os(VARIABLE).map(PathBuf::from);
        let folder = std::env::current_exe().ok().and_then(|exe| exe.parent().map(PathBuf::from));
        let beside = folder.into_iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
        let beside = beside
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().contains("openh264")));
        named.into_iter().chain(beside).find(|path| OpenH264API::from_blob_path(path).is_ok())
    });
    found.as_deref()
}

/// openh264's refusal in our words.
pub(crate) fn refused(error: &openh264::Error) -> CodecError {
    CodecError::Library { codec: VideoCodec::H264, why: error.to_string() }
}
