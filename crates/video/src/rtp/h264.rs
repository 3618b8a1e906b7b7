//! H.264 in RTP payloads, packetization mode 1 (RFC 6184 sections 5.6 to 5.8).
//!
//! A payload is one NAL unit, several small ones (STAP-A), or a piece of a large one (FU-A).

use bytes::Bytes;

use super::packetizer::pieces;
use super::{Part, PicturePlace, SHORT};
use crate::codec::CodecError;
use crate::header::h264::{IDR_SLICE, SEQUENCE_PARAMETERS, is_first_slice, kind, units};

const STAP_A: u8 = 24;
const FU_A: u8 = 28;
const KIND: u8 = 0x1f;
const REFERENCE: u8 = 0x60;
const STARTS: u8 = 0x80;
const ENDS: u8 = 0x40;

const OTHER: CodecError = CodecError::Malformed("an H.264 payload of a kind that mode 1 does not have");

/// The NAL units in a STAP-A. Nothing after the first that is cut short.
fn aggregated(payload: &[u8]) -> impl Iterator<Item = Result<&[u8], CodecError>> {
    let mut rest = payload.get(1..).unwrap_or_default();
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let unit = rest.split_at_checked(2).and_then(|(length, after)| {
            let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
            after.split_at_checked(length)
        });
        match unit {
            Some((unit, after)) if !unit.is_empty() => {
                rest = after;
                Some(Ok(unit))
            }
            Some(_) | None => {
                rest = &[];
                Some(Err(SHORT))
            }
        }
    })
}

/// What a NAL unit shows of its picture.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
struct Sign {
    /// It has the parameters that a keyframe begins with.
    parameters: bool,
    /// It is the first slice of a keyframe.
    first_slice: bool,
}

impl Sign {
    fn of(nal: &[u8]) -> Self {
        Self {
            parameters: kind(nal) == Some(SEQUENCE_PARAMETERS),
            first_slice: kind(nal) == Some(IDR_SLICE) && is_first_slice(nal),
        }
    }

    fn with(self, other: Self) -> Self {
        Self {
            parameters: self.parameters || other.parameters,
            first_slice: self.first_slice || other.first_slice,
        }
    }
}

pub(super) fn read(payload: &Bytes) -> Result<Part, CodecError> {
    let sign = match kind(payload).ok_or(SHORT)? {
        1..=23 => Sign::of(payload),
        STAP_A => {
            let mut units = 0;
            let mut sign = Sign::default();
            for unit in aggregated(payload) {
                let unit = unit?;
                if !(1..=23).contains(&(unit[0] & KIND)) {
                    return Err(OTHER);
                }
                sign = sign.with(Sign::of(unit));
                units += 1;
            }
            if units == 0 {
                return Err(SHORT);
            }
            sign
        }
        FU_A => {
            let [_, head, first, ..] = payload[..] else { return Err(SHORT) };
            if !(1..=23).contains(&(head & KIND)) || head & STARTS != 0 && head & ENDS != 0 {
                return Err(OTHER);
            }
            if head & STARTS != 0 { Sign::of(&[head & KIND, first]) } else { Sign::default() }
        }
        _ => return Err(OTHER),
    };
    let keyframe = sign.parameters || sign.first_slice;
    let place = PicturePlace { predicted: !keyframe, ..PicturePlace::default() };
    Ok(Part { begins: sign.parameters, keyframe, place, content: payload.clone() })
}

/// Annex B from the payloads of one picture.
pub(super) fn join<'a>(parts: impl Iterator<Item = &'a Bytes>) -> Result<Bytes, CodecError> {
    const START: [u8; 4] = [0, 0, 0, 1];
    const BROKEN: CodecError = CodecError::Malformed("pieces of H.264 that do not fit together");
    let mut stream = Vec::new();
    // The kind of the unit whose pieces are coming.
    let mut open: Option<u8> = None;
    for payload in parts {
        let first = *payload.first().ok_or(SHORT)?;
        if first & KIND == FU_A {
            let [_, head, content @ ..] = &payload[..] else { return Err(SHORT) };
            match (open, head & STARTS != 0) {
                (None, true) => {
                    stream.extend_from_slice(&START);
                    stream.push(first & (0x80 | REFERENCE) | head & KIND);
                }
                (Some(kind), false) if kind == head & KIND => {}
                (Some(_) | None, _) => return Err(BROKEN),
            }
            stream.extend_from_slice(content);
            open = (head & ENDS == 0).then_some(head & KIND);
            continue;
        }
        if open.is_some() {
            return Err(BROKEN);
        }
        if first & KIND == STAP_A {
            for unit in aggregated(payload) {
                stream.extend_from_slice(&START);
                stream.extend_from_slice(unit?);
            }
        } else {
            stream.extend_from_slice(&START);
            stream.extend_from_slice(payload);
        }
    }
    if open.is_some() || stream.is_empty() { Err(BROKEN) } else { Ok(Bytes::from(stream)) }
}

/// Small units share a payload, large ones are cut.
pub(super) fn cut(data: &Bytes, max_payload: usize) -> Vec<Bytes> {
    let mut payloads = Vec::new();
    let mut small: Vec<Bytes> = Vec::new();
    let mut room = max_payload - 1;
    for unit in units(data).map(|unit| data.slice_ref(unit)) {
        if unit.len() + 2 <= room {
            room -= unit.len() + 2;
            small.push(unit);
            continue;
        }
        flush(&mut small, &mut payloads);
        room = max_payload - 1;
        if unit.len() + 2 <= room {
            room -= unit.len() + 2;
            small.push(unit);
        } else if unit.len() <= max_payload {
            payloads.push(unit);
        } else {
            fragment(&unit, max_payload, &mut payloads);
        }
    }
    flush(&mut small, &mut payloads);
    payloads
}

fn flush(small: &mut Vec<Bytes>, payloads: &mut Vec<Bytes>) {
    if small.len() == 1 {
        payloads.append(small);
    } else if !small.is_empty() {
        // The aggregate matters as much as its most important unit.
        let reference = small.iter().map(|unit| unit[0] & REFERENCE).max().unwrap_or_default();
        let mut payload = vec![STAP_A | reference];
        for unit in small.drain(..) {
            payload.extend_from_slice(&(unit.len() as u16).to_be_bytes());
            payload.extend_from_slice(&unit);
        }
        payloads.push(Bytes::from(payload));
    }
}

fn fragment(unit: &Bytes, max_payload: usize, payloads: &mut Vec<Bytes>) {
    let (indicator, kind) = (unit[0] & (0x80 | REFERENCE) | FU_A, unit[0] & KIND);
    let content = unit.slice(1..);
    let mut left = content.len();
    for piece in pieces(&content, max_payload - 2) {
        let starts = if left == content.len() { STARTS } else { 0 };
        left -= piece.len();
        let ends = if left == 0 { ENDS } else { 0 };
        let mut payload = Vec::with_capacity(piece.len() + 2);
        payload.extend_from_slice(&[indicator, starts | ends | kind]);
        payload.extend_from_slice(&piece);
        payloads.push(Bytes::from(payload));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn annex_b(units: &[&[u8]]) -> Bytes {
        let mut stream = Vec::new();
        for unit in units {
            stream.extend([0, 0, 0, 1]);
            stream.extend_from_slice(unit);
        }
        Bytes::from(stream)
    }

    #[test]
    fn a_keyframe_becomes_an_aggregate_and_pieces_and_is_joined_again() {
        let mut slice = vec![0x65, 0x88];
        slice.extend((0..2_500).map(|n| (n % 250 + 1) as u8));
        let frame = annex_b(&[&[0x67, 0x42, 0xc0, 0x1f, 1], &[0x68, 0xce, 1], &slice]);
        let payloads = cut(&frame, 1_000);
        assert_eq!(payloads.len(), 4);
        assert_eq!(payloads[0][..], [0x78, 0, 5, 0x67, 0x42, 0xc0, 0x1f, 1, 0, 3, 0x68, 0xce, 1]);
        let heads: Vec<[u8; 2]> = payloads[1..].iter().map(|payload| [payload[0], payload[1]]).collect();
        assert_eq!(heads, [[0x7c, 0x85], [0x7c, 0x05], [0x7c, 0x45]]);
        assert!(payloads.iter().all(|payload| payload.len() <= 1_000));
        let parts: Vec<Part> = payloads.iter().map(|payload| read(payload).unwrap()).collect();
        let signs: Vec<_> = parts.iter().map(|part| (part.begins, part.keyframe)).collect();
        assert_eq!(signs, [(true, true), (false, true), (false, false), (false, false)]);
        assert_eq!(join(payloads.iter()).unwrap(), frame);
        // A loss in the middle is noticed even without sequence numbers.
        assert!(join(payloads[..3].iter()).is_err());
        assert!(join(payloads[2..].iter()).is_err());
    }

    #[test]
    fn every_length_near_the_limit_is_joined_again() {
        for length in 980..1_020 {
            let mut slice = vec![0x41; length];
            slice[1] = 0x9a;
            let frame = annex_b(&[&slice, &[0x06, 5, 1], &slice]);
            let payloads = cut(&frame, 1_000);
            assert!(payloads.iter().all(|payload| payload.len() <= 1_000 && read(payload).is_ok()));
            assert_eq!(join(payloads.iter()).unwrap(), frame);
        }
    }

    #[test]
    fn broken_payloads_are_refused() {
        for broken in [
            &[][..],
            &[0x78],
            &[0x78, 0],
            &[0x78, 0, 5, 0x67],
            &[0x78, 0, 1, 0x67, 0],
            &[0x78, 0, 0],
            &[0x78, 0, 1, 0x7c],
            &[0x7c],
            &[0x7c, 0x85],
            &[0x7c, 0xc5, 1],
            &[0x7c, 0x9c, 1],
            &[0x79, 1, 2, 3],
            &[0x1f, 1],
            &[0x00, 1],
        ] {
            assert!(read(&Bytes::copy_from_slice(broken)).is_err(), "{broken:x?}");
        }
    }
}
