//! H.264 NAL units and the sequence parameter set (ITU-T H.264 sections 7.3.1 and 7.3.2.1, annex B).

use crate::codec::CodecError;

use super::bits::BitReader;

/// NAL unit types (table 7-1).
pub(crate) const SLICE: u8 = 1;
pub(crate) const IDR_SLICE: u8 = 5;
pub(crate) const SEQUENCE_PARAMETERS: u8 = 7;
pub(crate) const PICTURE_PARAMETERS: u8 = 8;

/// Of a NAL unit that has a first byte.
pub(crate) fn kind(nal: &[u8]) -> Option<u8> {
    nal.first().map(|first| first & 0x1f)
}

/// Whether a slice is the first of its picture: `first_mb_in_slice` is 0, which is a single 1 bit.
pub(crate) fn is_first_slice(nal: &[u8]) -> bool {
    nal.get(1).is_some_and(|byte| byte & 0x80 != 0)
}

/// The NAL units between start codes (annex B). Zeros at their ends are no part of them.
pub(crate) fn units(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = after_start_code(stream);
    std::iter::from_fn(move || {
        loop {
            let stream = rest?;
            let end = find_start_code(stream).unwrap_or(stream.len());
            let unit = &stream[..end];
            rest = after_start_code(&stream[end..]);
            let last = unit.iter().rposition(|&byte| byte != 0);
            match last {
                Some(last) => return Some(&unit[..=last]),
                None if rest.is_none() => return None,
                None => {}
            }
        }
    })
}

fn find_start_code(stream: &[u8]) -> Option<usize> {
    // Two zeros are rare, so it is worth looking for the 1 first.
    let mut from = 2;
    while let Some(found) = stream.get(from..)?.iter().position(|&byte| byte == 1) {
        let at = from + found;
        if stream[at - 1] == 0 && stream[at - 2] == 0 {
            return Some(at - 2);
        }
        from = at + 1;
    }
    None
}

fn after_start_code(stream: &[u8]) -> Option<&[u8]> {
    find_start_code(stream).map(|at| &stream[at + 3..])
}

/// Of a sequence parameter set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Sequence {
    pub(crate) profile: u8,
    /// In whole macroblocks, before anything is cut off: what a decoder allocates.
    pub(crate) coded: (u32, u32),
    /// How many pictures a decoder has to keep at least.
    pub(crate) references: u32,
}

const BASELINE: u8 = 66;
const MAIN: u8 = 77;
const HIGH: u8 = 100;

const REFUSED: CodecError = CodecError::Malformed("H.264 parameters that we do not take");

/// A parameter set longer than this is none, bytes. Ours have a dozen.
const LONGEST_SET: usize = 512;

/// Reads one, from its first byte on. Only what WebRTC ends send is taken: 4:2:0 with 8 bits, no interlacing.
pub(crate) fn sequence(nal: &[u8]) -> Result<Sequence, CodecError> {
    if nal.len() > LONGEST_SET {
        return Err(REFUSED);
    }
    let payload = without_escapes(nal.get(1..).unwrap_or_default());
    let mut reader = BitReader::new(&payload);
    let profile = reader.bits(8)? as u8;
    reader.skip(16)?;
    if reader.unsigned()? > 31 {
        return Err(REFUSED);
    }
    match profile {
        BASELINE | MAIN => {}
        HIGH => {
            let (format, luma_depth, chroma_depth) =
                (reader.unsigned()?, reader.unsigned()?, reader.unsigned()?);
            reader.skip(1)?;
            let has_scaling = reader.bit()?;
            if (format, luma_depth, chroma_depth) != (1, 0, 0) || has_scaling {
                return Err(REFUSED);
            }
        }
        _ => return Err(REFUSED),
    }
    reader.unsigned()?;
    match reader.unsigned()? {
        0 => {
            reader.unsigned()?;
        }
        1 => {
            reader.skip(1)?;
            reader.signed()?;
            reader.signed()?;
            let count = reader.unsigned()?;
            if count > 255 {
                return Err(REFUSED);
            }
            for _ in 0..count {
                reader.signed()?;
            }
        }
        2 => {}
        _ => return Err(REFUSED),
    }
    let references = reader.unsigned()?;
    reader.skip(1)?;
    let (columns, rows) = (reader.unsigned()?, reader.unsigned()?);
    let frames_only = reader.bit()?;
    if references > 16 || columns >= 1 << 12 || rows >= 1 << 12 || !frames_only {
        return Err(REFUSED);
    }
    Ok(Sequence { profile, coded: ((columns + 1) * 16, (rows + 1) * 16), references })
}

/// Takes the bytes out that keep a start code from appearing inside (section 7.4.1).
fn without_escapes(escaped: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(escaped.len());
    let mut zeros = 0;
    for &byte in escaped {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        plain.push(byte);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_lie_between_start_codes() {
        let split = |stream: &'static [u8]| units(stream).collect::<Vec<_>>();
        assert_eq!(
            split(&[0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 2, 0, 0, 0, 1, 0x65]),
            [&[0x67, 1][..], &[0x68, 2], &[0x65]]
        );
        assert_eq!(split(&[7, 7, 0, 0, 1, 0x41, 0, 0, 3, 1]), [&[0x41, 0, 0, 3, 1]]);
        for nothing in [&[][..], &[0], &[0, 0, 1], &[0, 0, 1, 0, 0, 1, 0, 0], &[1, 2, 3]] {
            assert_eq!(units(nothing).count(), 0, "{nothing:?}");
        }
    }

    #[test]
    fn the_size_of_a_known_parameter_set_is_read() {
        // 640x480 constrained baseline.
        let nal = [0x67, 0x42, 0xc0, 0x1f, 0x8c, 0x8d, 0x40, 0x50, 0x1e, 0x90, 0x0f, 0x08, 0x84, 0x6a];
        let read = sequence(&nal).unwrap();
        assert_eq!((read.profile, read.coded), (66, (640, 480)));
        for length in 0..8 {
            assert!(sequence(&nal[..length]).is_err(), "{length}");
        }
        let mut extended = nal;
        extended[1] = 88;
        assert!(sequence(&extended).is_err());
        assert!(sequence(&[0xff; 600]).is_err());
    }

    #[test]
    fn escapes_are_taken_out() {
        assert_eq!(without_escapes(&[0, 0, 3, 1, 0, 0, 0, 3, 3]), [0, 0, 1, 0, 0, 0, 3]);
    }
}
