//! VP8 in RTP payloads (RFC 7741 section 4.2).
//!
//! ```text
//!  X R N S R PID | I L T K RSV | M PictureID (7 or 15 bits) | TL0PICIDX | TID Y KEYIDX | VP8 ...
//! ```

use bytes::Bytes;

use super::packetizer::{pieces, with_head};
use super::{Part, PicturePlace, Reader, SHORT};
use crate::codec::CodecError;

const EXTENDED: u8 = 0x80;
const BEGINS: u8 = 0x10;
const PARTITION: u8 = 0x07;
const HAS_PICTURE_ID: u8 = 0x80;
const HAS_BASE_INDEX: u8 = 0x40;
const HAS_LAYER: u8 = 0x20;
const HAS_KEY_INDEX: u8 = 0x10;
const SYNC: u8 = 0x20;

pub(super) fn read(payload: &Bytes) -> Result<Part, CodecError> {
    let mut reader = Reader { rest: payload };
    let first = reader.byte()?;
    let mut place = PicturePlace { predicted: true, ..PicturePlace::default() };
    if first & EXTENDED != 0 {
        let fields = reader.byte()?;
        if fields & HAS_PICTURE_ID != 0 {
            place.picture_id = Some(reader.picture_id()?);
        }
        if fields & HAS_BASE_INDEX != 0 {
            place.base_index = Some(reader.byte()?);
        }
        if fields & (HAS_LAYER | HAS_KEY_INDEX) != 0 {
            let layer = reader.byte()?;
            if fields & HAS_LAYER != 0 {
                place.temporal_layer = layer >> 6;
                place.sync = layer & SYNC != 0;
            }
        }
    }
    let start = payload.len() - reader.rest.len();
    let begins = first & BEGINS != 0 && first & PARTITION == 0;
    // The lowest bit of the frame's first byte is 0 in a keyframe (RFC 6386 section 9.1).
    let head = *reader.rest.first().ok_or(SHORT)?;
    let keyframe = begins && head & 1 == 0;
    place.predicted = !keyframe;
    Ok(Part { begins, keyframe, place, content: payload.slice(start..) })
}

/// `layer` is TL0PICIDX and the temporal layer.
pub(super) fn cut(data: &Bytes, picture_id: u16, layer: Option<(u8, u8)>, max_payload: usize) -> Vec<Bytes> {
    let mut head = vec![EXTENDED | BEGINS, HAS_PICTURE_ID, 0x80 | (picture_id >> 8) as u8, picture_id as u8];
    if let Some((base_index, layer)) = layer {
        head[1] |= HAS_BASE_INDEX | HAS_LAYER;
        head.extend([base_index, (layer & 3) << 6]);
    }
    pieces(data, max_payload - head.len())
        .map(|piece| {
            let payload = with_head(&head, &piece);
            head[0] = EXTENDED;
            payload
        })
        .collect()
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
        let short = |number| Some(PictureId { number, is_long: false });
        let long = |number| Some(PictureId { number, is_long: true });
        let place = PicturePlace { predicted: true, ..PicturePlace::default() };
        let cases: [(&[u8], bool, PicturePlace); 8] = [
            (&[0x10, 1], true, place),
            (&[0x00, 1], false, place),
            (&[0x11, 1], false, place),
            (&[0x90, 0x80, 0x11, 1], true, PicturePlace { picture_id: short(0x11), ..place }),
            (&[0x80, 0x80, 0x92, 0x34, 1], false, PicturePlace { picture_id: long(0x1234), ..place }),
            (&[0x90, 0x40, 7, 1], true, PicturePlace { base_index: Some(7), ..place }),
            (
                &[0x90, 0xf0, 0x85, 0x01, 9, 0xa3, 1],
                true,
                PicturePlace {
                    picture_id: long(0x0501),
                    base_index: Some(9),
                    temporal_layer: 2,
                    sync: true,
                    ..place
                },
            ),
            // A key index alone says nothing of a layer.
            (&[0x90, 0x10, 0xff, 1], true, place),
        ];
        for (payload, begins, place) in cases {
            let part = read(&bytes(payload)).unwrap();
            assert_eq!(
                (part.begins, part.place, &part.content[..]),
                (begins, place, &[1][..]),
                "{payload:x?}"
            );
            assert!(!part.keyframe);
            for length in 0..payload.len() {
                assert!(read(&bytes(&payload[..length])).is_err(), "{payload:x?} cut to {length}");
            }
        }
    }

    #[test]
    fn a_frame_is_cut_evenly_and_read_back() {
        let data = Bytes::from((0..2_501).map(|n| (n * 7) as u8 & 0xfe).collect::<Vec<_>>());
        for layer in [None, Some((255, 1))] {
            let payloads = cut(&data, 0x7fff, layer, 1_000);
            assert_eq!(payloads.len(), 3);
            assert!(payloads.iter().all(|it| (835..=1_000).contains(&it.len())));
            let parts: Vec<Part> = payloads.iter().map(|payload| read(payload).unwrap()).collect();
            assert_eq!(parts.iter().map(|part| part.begins).collect::<Vec<_>>(), [true, false, false]);
            assert_eq!(parts.iter().map(|part| part.keyframe).collect::<Vec<_>>(), [true, false, false]);
            for part in &parts {
                assert_eq!(part.place.picture_id, Some(PictureId { number: 0x7fff, is_long: true }));
                assert_eq!(part.place.base_index, layer.map(|(index, _)| index));
                assert_eq!(part.place.temporal_layer, layer.map_or(0, |(_, layer)| layer));
            }
            let joined: Vec<u8> = parts.iter().flat_map(|part| part.content.to_vec()).collect();
            assert_eq!(joined, data);
        }
    }
}
