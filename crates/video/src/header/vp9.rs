//! The VP9 superframe and uncompressed header (VP9 bitstream specification 0.6, annex B and section 6.2).

use crate::codec::CodecError;

use super::bits::BitReader;

/// What the uncompressed header says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Header {
    pub(crate) keyframe: bool,
    /// When it names one. Other frames have the size of one that was decoded before.
    pub(crate) size: Option<(u32, u32)>,
}

const SYNC_CODE: u32 = 0x49_83_42;
const SRGB: u32 = 7;

/// Reads the header of one frame. Only profile 0 is taken: 4:2:0 with 8 bits.
pub(crate) fn parse(frame: &[u8]) -> Result<Header, CodecError> {
    let mut reader = BitReader::new(frame);
    if reader.bits(2)? != 2 {
        return Err(CodecError::Malformed("a VP9 frame without its marker"));
    }
    if reader.bits(2)? != 0 {
        return Err(CodecError::Malformed("a VP9 profile other than 0"));
    }
    if reader.bit()? {
        // One that was decoded before is shown.
        return Ok(Header { keyframe: false, size: None });
    }
    let keyframe = !reader.bit()?;
    let shown = reader.bit()?;
    let error_resilient = reader.bit()?;
    if keyframe {
        sync_code(&mut reader)?;
        if reader.bits(3)? == SRGB {
            return Err(CodecError::Malformed("VP9 with colours other than 4:2:0"));
        }
        reader.skip(1)?;
        return Ok(Header { keyframe, size: Some(size(&mut reader)?) });
    }
    let intra_only = !shown && reader.bit()?;
    if !error_resilient {
        reader.skip(2)?;
    }
    if intra_only {
        sync_code(&mut reader)?;
        reader.skip(8)?;
        return Ok(Header { keyframe, size: Some(size(&mut reader)?) });
    }
    reader.skip(8 + 3 * 4)?;
    for _ in 0..3 {
        if reader.bit()? {
            return Ok(Header { keyframe, size: None });
        }
    }
    Ok(Header { keyframe, size: Some(size(&mut reader)?) })
}

fn sync_code(reader: &mut BitReader<'_>) -> Result<(), CodecError> {
    if reader.bits(24)? == SYNC_CODE { Ok(()) } else { Err(CodecError::Malformed("VP9 without sync code")) }
}

fn size(reader: &mut BitReader<'_>) -> Result<(u32, u32), CodecError> {
    Ok((reader.bits(16)? + 1, reader.bits(16)? + 1))
}

/// The frames in one chunk: as its index says, or the one it is. At most eight.
pub(crate) fn frames(chunk: &[u8]) -> Result<Vec<&[u8]>, CodecError> {
    let Some(&last) = chunk.last() else { return Err(CodecError::Malformed("no bytes")) };
    if last & 0xe0 != 0xc0 {
        return Ok(vec![chunk]);
    }
    let count = usize::from(last & 7) + 1;
    let width = usize::from(last >> 3 & 3) + 1;
    let index_length = 2 + count * width;
    let Some(start) = chunk.len().checked_sub(index_length).filter(|&start| chunk[start] == last) else {
        return Ok(vec![chunk]);
    };
    let (mut rest, index) = chunk.split_at(start);
    let mut frames = Vec::with_capacity(count);
    for bytes in index[1..index_length - 1].chunks(width) {
        let length = bytes.iter().rev().fold(0_usize, |length, &byte| length << 8 | usize::from(byte));
        let (frame, after) =
            rest.split_at_checked(length).ok_or(CodecError::Malformed("a VP9 index beyond its frames"))?;
        rest = after;
        // An empty one stands for a frame that was dropped.
        if !frame.is_empty() {
            frames.push(frame);
        }
    }
    if frames.is_empty() {
        return Err(CodecError::Malformed("no bytes"));
    }
    Ok(frames)
}

/// Puts a frame into `target` with an index that says it is the only one.
pub(crate) fn wrap(frame: &[u8], target: &mut Vec<u8>) {
    // One frame, its length in four bytes.
    const MARKER: u8 = 0xc0 | 3 << 3;
    target.clear();
    target.extend_from_slice(frame);
    target.push(MARKER);
    target.extend_from_slice(&(frame.len() as u32).to_le_bytes());
    target.push(MARKER);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapped_frame_is_found_again_alone() {
        let mut chunk = Vec::new();
        wrap(&[0x82, 1, 2, 3], &mut chunk);
        assert_eq!(frames(&chunk).unwrap(), [&[0x82, 1, 2, 3]]);
        assert_eq!(frames(&[0x82, 1]).unwrap(), [&[0x82, 1]]);
        assert!(frames(&[]).is_err());
        // Two frames and an empty one, lengths in one byte.
        let chunk = [1, 2, 3, 0xc2, 2, 0, 1, 0xc2];
        assert_eq!(frames(&chunk).unwrap(), [&[1, 2][..], &[3]]);
        // An index that promises more than there is.
        assert!(frames(&[1, 2, 3, 0xc0, 9, 0xc0]).is_err());
    }

    #[test]
    fn headers_say_size_and_kind() {
        // Marker, profile 0, no existing frame, keyframe, shown; sync code; BT.601, limited; 1280x720.
        let keyframe = [0x82, 0x49, 0x83, 0x42, 0x20, 0x4f, 0xf0, 0x2c, 0xf0];
        assert_eq!(parse(&keyframe), Ok(Header { keyframe: true, size: Some((1280, 720)) }));
        for length in 0..keyframe.len() {
            assert!(parse(&keyframe[..length]).is_err(), "{length}");
        }
        // An inter frame whose first reference gives the size.
        let inter = [0b1000_0110, 0, 0, 0b0000_0010];
        assert_eq!(parse(&inter), Ok(Header { keyframe: false, size: None }));
        assert!(parse(&[0b1001_0010, 0, 0, 0, 0]).is_err(), "profile 2");
        assert!(parse(&[0b0000_0010, 0, 0, 0, 0]).is_err(), "no marker");
    }
}
