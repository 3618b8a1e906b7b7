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

#[cfg(all(test, not(feature = "h264")))]
mod tests {
    #![allow(unsafe_code)]

    use std::time::Instant;

    use openh264::OpenH264API;
    use openh264::formats::{YUVSlices, YUVSource as _};

    use crate::{CodecError, Pattern, VideoCodec, VideoDecoder};

    #[test]
    fn what_cisco_did_not_publish_is_not_loaded() {
        let folder = std::env::temp_dir().join(format!("bellbird-openh264-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("libopenh264.so");
        std::fs::write(&file, b"\x7fELF and whatever somebody put there").unwrap();
        assert!(OpenH264API::from_blob_path(&file).is_err());
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn without_a_library_there_is_no_codec() {
        if super::is_available() {
            return;
        }
        let refused = VideoDecoder::new(VideoCodec::H264).unwrap_err();
        assert_eq!(refused, CodecError::NotAvailable(VideoCodec::H264));
    }

    /// A library that is loaded rather than built in does the same. Cisco's own cannot be had without asking Cisco's server, so
    /// the check of where it is from is left out here, and one that was built from the same source serves.
    #[test]
    #[ignore = "needs a shared library: BELLBIRD_ANY_OPENH264=/path/to/libopenh264.so"]
    fn a_loaded_library_encodes_and_decodes() {
        let path = std::env::var_os("BELLBIRD_ANY_OPENH264").expect("the variable names a library");
        // SAFETY: whoever sets the variable vouches that it is openh264 of the version that the bindings are of.
        let open = || unsafe { OpenH264API::from_blob_path_unchecked(&path) }.expect("it can be loaded");
        let frame = Pattern::new(640, 360).unwrap().draw(77, Instant::now());
        let mut encoder =
            openh264::encoder::Encoder::with_api_config(open(), openh264::encoder::EncoderConfig::new())
                .unwrap();
        let source = YUVSlices::new((frame.y(), frame.u(), frame.v()), (640, 360), (640, 320, 320));
        let stream = encoder.encode(&source).unwrap().to_vec();
        let config = openh264::decoder::DecoderConfig::new();
        let mut decoder = openh264::decoder::Decoder::with_api_config(open(), config).unwrap();
        let picture = decoder.decode(&stream).unwrap().expect("a picture");
        assert_eq!(picture.dimensions(), (640, 360));
        let middle = picture.y()[180 * picture.strides().0 + 320];
        assert!(middle.abs_diff(frame.y()[180 * 640 + 320]) < 24, "{middle}");
    }
}
