//! VP9 in RTP payloads (RFC 9628 section 4.2).
//!
//! ```text
//!  I P L F B E V Z | M PictureID | TID U SID D | TL0PICIDX (not flexible) or up to three P_DIFF N | scalability structure | VP9 ...
//! ```
//!
//! We send in flexible mode with one layer: every picture builds on the one before, or on none.

use bytes::Bytes;

use super::packetizer::{pieces, with_head};
use super::{Part, PicturePlace, Reader, References, SHORT};
use crate::codec::CodecError;
use crate::header;

const HAS_PICTURE_ID: u8 = 0x80;
const PREDICTED: u8 = 0x40;
const HAS_LAYER: u8 = 0x20;
const FLEXIBLE: u8 = 0x10;
const BEGINS: u8 = 0x08;
const ENDS: u8 = 0x04;
const HAS_STRUCTURE: u8 = 0x02;
const SWITCHING: u8 = 0x10;

pub(super) fn read(payload: &Bytes) -> Result<Part, CodecError> {
    let mut reader = Reader { rest: payload };
    let first = reader.byte()?;
    let is_flexible = first & FLEXIBLE != 0;
    let predicted = first & PREDICTED != 0;
    let mut place = PicturePlace { predicted, ..PicturePlace::default() };
    if first & HAS_PICTURE_ID != 0 {
        place.picture_id = Some(reader.picture_id()?);
    }
    let mut spatial_layer = 0;
    if first & HAS_LAYER != 0 {
        let layer = reader.byte()?;
        place.temporal_layer = layer >> 5;
        place.sync = layer & SWITCHING != 0;
        spatial_layer = layer >> 1 & 7;
        if !is_flexible {
            place.base_index = Some(reader.byte()?);
        }
    }
    if is_flexible {
        let mut references = References::default();
        let mut more = predicted;
        while more {
            let difference = reader.byte()?;
            let slot = references
                .distances
                .get_mut(references.count)
                .ok_or(CodecError::Malformed("VP9 with more than three references"))?;
            *slot = difference >> 1;
            references.count += 1;
            more = difference & 1 != 0;
        }
        place.builds_on = Some(references);
    }
    if first & HAS_STRUCTURE != 0 {
        skip_structure(&mut reader)?;
    }
    if reader.rest.is_empty() {
        return Err(SHORT);
    }
    let start = payload.len() - reader.rest.len();
    // A picture of several spatial layers begins with the lowest.
    let begins = first & BEGINS != 0 && spatial_layer == 0;
    Ok(Part { begins, keyframe: begins && !predicted, place, content: payload.slice(start..) })
}

fn skip_structure(reader: &mut Reader<'_>) -> Result<(), CodecError> {
    let first = reader.byte()?;
    if first & 0x10 != 0 {
        for _ in 0..4 * (usize::from(first >> 5) + 1) {
            reader.byte()?;
        }
    }
    if first & 0x08 != 0 {
        for _ in 0..reader.byte()? {
            let picture = reader.byte()?;
            for _ in 0..picture >> 2 & 3 {
                reader.byte()?;
            }
        }
    }
    Ok(())
}

pub(super) fn cut(data: &Bytes, keyframe: bool, picture_id: u16, max_payload: usize) -> Vec<Bytes> {
    let mut head = vec![HAS_PICTURE_ID | FLEXIBLE, 0x80 | (picture_id >> 8) as u8, picture_id as u8];
    if !keyframe {
        head[0] |= PREDICTED;
        // One picture back, and no further reference.
        head.push(1 << 1);
    }
    let structure = keyframe.then(|| header::vp9::parse(data).ok()?.size).flatten().map(structure);
    let room = max_payload - head.len() - structure.map_or(0, |structure| structure.len());
    let mut payloads: Vec<Bytes> = Vec::new();
    let mut cut = pieces(data, room).peekable();
    while let Some(piece) = cut.next() {
        let mut head = head.clone();
        if payloads.is_empty() {
            head[0] |= BEGINS;
            if let Some(structure) = structure {
                head[0] |= HAS_STRUCTURE;
                head.extend(structure);
            }
        }
        if cut.peek().is_none() {
            head[0] |= ENDS;
        }
        payloads.push(with_head(&head, &piece));
    }
    payloads
}

/// One spatial layer of that size, nothing about groups of pictures.
fn structure((width, height): (u32, u32)) -> [u8; 5] {
    let ([_, _, w1, w0], [_, _, h1, h0]) = (width.to_be_bytes(), height.to_be_bytes());
    [0x10, w1, w0, h1, h0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::PictureId;

    fn bytes(bytes: &[u8]) -> Bytes {
        Bytes::copy_from_slice(bytes)
    }

    #[test]
    fn every_form_of_the_descriptor_is_read() {
        let id = |number, is_long| Some(PictureId { number, is_long });
        let none = PicturePlace::default();
        let later = PicturePlace { predicted: true, ..none };
        let to = |distances: [u8; 3], count| Some(References { distances, count });
        let cases: [(&[u8], bool, bool, PicturePlace); 7] = [
            (&[0x08, 9], true, true, none),
            (&[0x4c, 9], true, false, later),
            (&[0xc4, 0x05, 9], false, false, PicturePlace { picture_id: id(5, false), ..later }),
            // Not flexible, with layers: TL0PICIDX follows.
            (
                &[0xe8, 0x81, 0x02, 0b0101_0000, 77, 9],
                true,
                false,
                PicturePlace {
                    picture_id: id(0x102, true),
                    base_index: Some(77),
                    temporal_layer: 2,
                    sync: true,
                    ..later
                },
            ),
            // Flexible with three references.
            (
                &[0xd8, 0x05, 0x03, 0x07, 0x20, 9],
                true,
                false,
                PicturePlace { picture_id: id(5, false), builds_on: to([1, 3, 16], 3), ..later },
            ),
            // Flexible keyframe with a structure: one layer with a size, a group of two pictures, the second with a reference.
            (
                &[0x9a, 0x05, 0x18, 5, 0, 2, 208, 2, 0x00, 0x04, 1, 9],
                true,
                true,
                PicturePlace { picture_id: id(5, false), builds_on: to([0; 3], 0), ..none },
            ),
            // A higher spatial layer begins no picture.
            (&[0x28, 0b0000_0010, 3, 9], false, false, PicturePlace { base_index: Some(3), ..none }),
        ];
        for (payload, begins, keyframe, place) in cases {
            let part = read(&bytes(payload)).unwrap();
            assert_eq!((part.begins, part.keyframe, part.place), (begins, keyframe, place), "{payload:x?}");
            assert_eq!(&part.content[..], [9]);
            for length in 0..payload.len() {
                assert!(read(&bytes(&payload[..length])).is_err(), "{payload:x?} cut to {length}");
            }
        }
        assert!(read(&bytes(&[0x50, 3, 3, 3, 3, 3, 9])).is_err(), "four references");
    }

    #[test]
    fn a_keyframe_names_its_size_and_is_read_back() {
        let mut data = vec![0x82, 0x49, 0x83, 0x42, 0x20, 0x4f, 0xf0, 0x2c, 0xf0];
        data.extend(vec![0x55; 2_300]);
        let data = Bytes::from(data);
        let payloads = cut(&data, true, 0x1234, 1_000);
        assert_eq!(payloads.len(), 3);
        assert_eq!(payloads[0][..8], [0x9a, 0x92, 0x34, 0x10, 5, 0, 2, 208]);
        assert_eq!((payloads[1][0], payloads[2][0]), (0x90, 0x94));
        assert!(payloads.iter().all(|it| it.len() <= 1_000));
        let parts: Vec<Part> = payloads.iter().map(|payload| read(payload).unwrap()).collect();
        assert!(parts[0].keyframe && !parts[1].begins && !parts[2].keyframe);
        let joined: Vec<u8> = parts.iter().flat_map(|part| part.content.to_vec()).collect();
        assert_eq!(joined, data);
        let next = cut(&bytes(&[1, 2, 3]), false, 0x1235, 1_000);
        assert_eq!(next, [bytes(&[0xdc, 0x92, 0x35, 2, 1, 2, 3])]);
        let place = read(&next[0]).unwrap().place;
        assert_eq!(place.builds_on, Some(References { distances: [1, 0, 0], count: 1 }));
    }
}
