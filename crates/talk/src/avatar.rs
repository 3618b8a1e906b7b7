//! Pictures of people (talk-accounts section 6), as far as a window can safely show them.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Longest picture taken, bytes: one of 64 by 64 points needs far less.
const MAX_BYTES: usize = 64 * 1024;

/// A small picture of a kind every browser engine decodes by itself: never a drawing that could hold scripts or links.
#[derive(Clone, PartialEq, Eq)]
pub struct Avatar {
    kind: &'static str,
    bytes: Arc<[u8]>,
}

impl fmt::Debug for Avatar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Avatar({}, {} bytes)", self.kind, self.bytes.len())
    }
}

impl Avatar {
    /// Takes a picture by what its bytes say it is; `None` for anything else, and for what is too long.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let kind = match bytes {
            [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => "image/png",
            [0xff, 0xd8, 0xff, ..] => "image/jpeg",
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => "image/gif",
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
            _ => return None,
        };
        (bytes.len() <= MAX_BYTES).then(|| Self { kind, bytes: bytes.into() })
    }

    /// As a `data:` address, which a page can show without asking any network.
    pub fn data_url(&self) -> String {
        format!("data:{};base64,{}", self.kind, STANDARD.encode(&self.bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_pictures_are_taken() {
        for (bytes, kind) in [
            (&b"\x89PNG\r\n\x1a\nrest"[..], "image/png"),
            (b"\xff\xd8\xff\xe0", "image/jpeg"),
            (b"GIF89a..", "image/gif"),
            (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        ] {
            let avatar = Avatar::from_bytes(bytes).unwrap();
            assert!(avatar.data_url().starts_with(&format!("data:{kind};base64,")));
        }
        let long = [b"GIF89a".as_slice(), &vec![0; MAX_BYTES]].concat();
        for bytes in [&b""[..], b"<svg onload='x'/>", b"<html>", b"RIFF\0\0\0\0WAVE", b"\x89PN", &long] {
            assert_eq!(Avatar::from_bytes(bytes), None);
        }
    }
}
