//! The VP8 frame header (RFC 6386 section 9.1).

use crate::codec::CodecError;

/// What it says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Header {
    /// Of a keyframe; other frames have the size of the last.
    pub(crate) size: Option<(u32, u32)>,
}

/// Reads it.
pub(crate) fn parse(frame: &[u8]) -> Result<Header, CodecError> {
    let [first, _, _, rest @ ..] = frame else { return Err(CodecError::Malformed("a VP8 frame too short")) };
    if first & 1 == 1 {
        return Ok(Header { size: None });
    }
    let [0x9d, 0x01, 0x2a, w0, w1, h0, h1, ..] = rest else {
        return Err(CodecError::Malformed("a VP8 keyframe without its start code"));
    };
    // The two upper bits are how to scale it up for showing, which nobody does.
    let side = |low: &u8, high: &u8| u32::from(u16::from_le_bytes([*low, *high]) & 0x3fff);
    Ok(Header { size: Some((side(w0, w1), side(h0, h1))) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_shortness_is_refused() {
        let keyframe = [0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x00, 0x45, 0xd0, 0x02];
        assert_eq!(parse(&keyframe), Ok(Header { size: Some((1280, 720)) }));
        assert_eq!(parse(&[0x11, 0, 0]), Ok(Header { size: None }));
        for length in 0..keyframe.len() {
            assert!(parse(&keyframe[..length]).is_err(), "{length}");
        }
    }
}
