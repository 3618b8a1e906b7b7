//! The few of PipeWire's plain old data (`spa/pod`) that it takes to agree on pictures: all numbers little-endian as on
//! every machine PipeWire is shipped for, every value padded to 8 bytes.

use bellbird_video::PixelFormat;

/// Of `spa/utils/type.h`.
mod kind {
    pub(super) const ID: u32 = 3;
    pub(super) const INT: u32 = 4;
    pub(super) const RECTANGLE: u32 = 10;
    pub(super) const FRACTION: u32 = 11;
    pub(super) const OBJECT: u32 = 15;
    pub(super) const CHOICE: u32 = 19;
    pub(super) const FORMAT: u32 = 0x4_0003;
    pub(super) const BUFFERS: u32 = 0x4_0004;
    pub(super) const META: u32 = 0x4_0005;
}

/// Of `spa/param/param.h`, `format.h` and `buffers.h`.
mod key {
    pub(super) const MEDIA_TYPE: u32 = 1;
    pub(super) const MEDIA_SUBTYPE: u32 = 2;
    pub(super) const VIDEO_FORMAT: u32 = 0x2_0001;
    pub(super) const VIDEO_SIZE: u32 = 0x2_0003;
    pub(super) const VIDEO_RATE: u32 = 0x2_0004;
    pub(super) const DATA_TYPE: u32 = 6;
    pub(super) const META_TYPE: u32 = 1;
    pub(super) const META_SIZE: u32 = 2;
}

/// `SPA_PARAM_EnumFormat`: what we can take.
const ENUM_FORMAT: u32 = 3;

/// `SPA_PARAM_Format`: what was agreed on.
pub(super) const FORMAT: u32 = 4;

/// `SPA_PARAM_Buffers`: how it is handed over.
const BUFFERS: u32 = 5;

/// `SPA_PARAM_Meta`: what comes along with a picture.
const META: u32 = 6;

/// `SPA_META_VideoCrop`: which part of the memory is the picture. A window is handed over in memory for a whole screen by some.
pub(super) const CROP: u32 = 2;

/// `SPA_META_VideoTransform`: how it lies there. The screen of a turned monitor does so as the monitor hangs.
pub(super) const TRANSFORM: u32 = 8;

/// How many bytes each has: `struct spa_meta_region`, `struct spa_meta_videotransform`.
pub(super) const CROP_SIZE: u32 = 16;
pub(super) const TRANSFORM_SIZE: u32 = 4;

const VIDEO: u32 = 2;
const RAW: u32 = 1;

/// Of `spa/pod/pod.h`.
const RANGE: u32 = 1;
const ENUM: u32 = 3;
const FLAGS: u32 = 4;

/// Memory of ours or shared by a descriptor: what can be read without a graphics card.
const READABLE_MEMORY: u32 = 1 << 1 | 1 << 2;

/// Pixels that we read, as `spa/param/video/raw.h` numbers them, the dearest to read last.
const PIXELS: [(u32, PixelFormat); 5] = [
    (8, PixelFormat::Bgra),
    (12, PixelFormat::Bgra),
    (7, PixelFormat::Rgba),
    (11, PixelFormat::Rgba),
    (15, PixelFormat::Rgb),
];

/// The longest side of a screen that is asked for.
const LONGEST_SIDE: u32 = 16_384;

/// What was agreed on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Agreed {
    pub(super) pixels: PixelFormat,
    pub(super) width: u32,
    pub(super) height: u32,
}

/// The pictures that we take.
pub(super) fn wanted_format(max_fps: u32) -> Vec<u8> {
    let mut object = Object::new(kind::FORMAT, ENUM_FORMAT);
    object.property(key::MEDIA_TYPE, &value(kind::ID, &[VIDEO]));
    object.property(key::MEDIA_SUBTYPE, &value(kind::ID, &[RAW]));
    let mut formats = vec![PIXELS[0].0];
    formats.extend(PIXELS.map(|(number, _)| number));
    object.property(key::VIDEO_FORMAT, &choice(ENUM, kind::ID, 4, &formats));
    let sizes = [1_920, 1_080, 1, 1, LONGEST_SIDE, LONGEST_SIDE];
    object.property(key::VIDEO_SIZE, &choice(RANGE, kind::RECTANGLE, 8, &sizes));
    // 0/1 is a rate that varies, which is what screens have.
    let rates = [max_fps, 1, 0, 1, max_fps.max(60), 1];
    object.property(key::VIDEO_RATE, &choice(RANGE, kind::FRACTION, 8, &rates));
    object.finish()
}

/// The memory that we can read them from.
pub(super) fn wanted_buffers() -> Vec<u8> {
    let mut object = Object::new(kind::BUFFERS, BUFFERS);
    object.property(key::DATA_TYPE, &choice(FLAGS, kind::INT, 4, &[READABLE_MEMORY]));
    object.finish()
}

/// What we want to know of each, from those who know it.
pub(super) fn wanted_metas() -> [Vec<u8>; 2] {
    [(CROP, CROP_SIZE), (TRANSFORM, TRANSFORM_SIZE)].map(|(which, size)| {
        let mut object = Object::new(kind::META, META);
        object.property(key::META_TYPE, &value(kind::ID, &[which]));
        object.property(key::META_SIZE, &value(kind::INT, &[size]));
        object.finish()
    })
}

/// Reads the format that was agreed on; `None` when it is none of ours.
pub(super) fn read_format(pod: &[u8]) -> Option<Agreed> {
    let (body, kind, _) = split(pod)?;
    if kind != kind::OBJECT || word(body, 0)? != kind::FORMAT {
        return None;
    }
    let mut properties = body.get(8..)?;
    let (mut pixels, mut size) = (None, None);
    while properties.len() >= 16 {
        let name = word(properties, 0)?;
        let (value, kind, taken) = split(&properties[8..])?;
        let (value, kind) = fixed(value, kind)?;
        match (name, kind) {
            (key::MEDIA_TYPE, kind::ID) if word(value, 0)? != VIDEO => return None,
            (key::MEDIA_SUBTYPE, kind::ID) if word(value, 0)? != RAW => return None,
            (key::VIDEO_FORMAT, kind::ID) => {
                let number = word(value, 0)?;
                pixels = Some(PIXELS.iter().find(|(known, _)| *known == number)?.1);
            }
            (key::VIDEO_SIZE, kind::RECTANGLE) => size = Some((word(value, 0)?, word(value, 4)?)),
            _ => {}
        }
        properties = properties.get(8 + taken..).unwrap_or_default();
    }
    let (width, height) = size?;
    let fits = |side: u32| (2..=LONGEST_SIDE).contains(&side);
    (fits(width) && fits(height)).then_some(Agreed { pixels: pixels?, width, height })
}

/// A value's content, kind and whole length with padding.
fn split(pod: &[u8]) -> Option<(&[u8], u32, usize)> {
    let size = word(pod, 0)? as usize;
    let body = pod.get(8..8_usize.checked_add(size)?)?;
    Some((body, word(pod, 4)?, (8 + size).next_multiple_of(8)))
}

/// The first value of a choice, which is the one that holds once all is agreed on.
fn fixed(value: &[u8], kind: u32) -> Option<(&[u8], u32)> {
    if kind == kind::CHOICE { Some((value.get(16..)?, word(value, 12)?)) } else { Some((value, kind)) }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?;
    Some(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}

struct Object {
    bytes: Vec<u8>,
}

impl Object {
    fn new(kind: u32, id: u32) -> Self {
        let mut object = Self { bytes: Vec::new() };
        // Its length comes at the end.
        object.words(&[0, kind::OBJECT, kind, id]);
        object
    }

    fn property(&mut self, key: u32, value: &[u8]) {
        self.words(&[key, 0]);
        self.bytes.extend(value);
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
    }

    fn words(&mut self, words: &[u32]) {
        self.bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    }

    fn finish(mut self) -> Vec<u8> {
        let length = (self.bytes.len() - 8) as u32;
        self.bytes[..4].copy_from_slice(&length.to_le_bytes());
        self.bytes
    }
}

fn value(kind: u32, words: &[u32]) -> Vec<u8> {
    [words.len() as u32 * 4, kind].iter().chain(words).flat_map(|word| word.to_le_bytes()).collect()
}

fn choice(choice: u32, kind: u32, size: u32, words: &[u32]) -> Vec<u8> {
    let mut all = vec![choice, 0, size, kind];
    all.extend(words);
    value(kind::CHOICE, &all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agreed(properties: &[(u32, Vec<u8>)]) -> Vec<u8> {
        let mut object = Object::new(kind::FORMAT, FORMAT);
        for (key, value) in properties {
            object.property(*key, value);
        }
        object.finish()
    }

    #[test]
    fn what_we_want_is_laid_out_as_pipewire_reads_it() {
        let format = wanted_format(30);
        // Size and kind of the object, then its own kind and which parameter it is.
        assert_eq!(word(&format, 0), Some(format.len() as u32 - 8));
        assert_eq!([4, 8, 12].map(|at| word(&format, at)), [Some(15), Some(0x4_0003), Some(3)]);
        // mediaType: an Id of four bytes, padded.
        assert_eq!(format[16..40], [1, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(format.len() % 8, 0);
        let buffers = wanted_buffers();
        assert_eq!([4, 8, 12, 16].map(|at| word(&buffers, at)), [Some(15), Some(0x4_0004), Some(5), Some(6)]);
        let [crop, transform] = wanted_metas();
        for (meta, which, size) in [(crop, 2, 16), (transform, 8, 4)] {
            assert_eq!([4, 8, 12].map(|at| word(&meta, at)), [Some(15), Some(0x4_0005), Some(6)]);
            assert_eq!([16, 28, 32].map(|at| word(&meta, at)), [Some(1), Some(3), Some(which)]);
            assert_eq!([40, 52, 56].map(|at| word(&meta, at)), [Some(2), Some(4), Some(size)]);
        }
        // What we offer reads as its own first choice.
        assert_eq!(
            read_format(&format),
            Some(Agreed { pixels: PixelFormat::Bgra, width: 1_920, height: 1_080 })
        );
    }

    #[test]
    fn what_was_agreed_on_is_read_and_what_is_none_of_ours_is_not() {
        let video = (key::MEDIA_TYPE, value(kind::ID, &[VIDEO]));
        let raw = (key::MEDIA_SUBTYPE, value(kind::ID, &[RAW]));
        let rgba = (key::VIDEO_FORMAT, value(kind::ID, &[11]));
        let size = (key::VIDEO_SIZE, value(kind::RECTANGLE, &[801, 600]));
        let other = (77, value(kind::INT, &[5]));
        let good = agreed(&[other, video.clone(), raw.clone(), rgba.clone(), size.clone()]);
        assert_eq!(read_format(&good), Some(Agreed { pixels: PixelFormat::Rgba, width: 801, height: 600 }));
        for end in 0..good.len() - 1 {
            let _ = read_format(&good[..end]);
        }
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] = 0xff;
            let _ = read_format(&bad);
        }
        for wrong in [
            agreed(&[(key::MEDIA_TYPE, value(kind::ID, &[1])), rgba.clone(), size.clone()]),
            agreed(&[video.clone(), (key::VIDEO_FORMAT, value(kind::ID, &[2])), size]),
            agreed(&[video.clone(), rgba.clone()]),
            agreed(&[video, rgba, (key::VIDEO_SIZE, value(kind::RECTANGLE, &[0, 600]))]),
            Vec::new(),
        ] {
            assert_eq!(read_format(&wrong), None);
        }
    }
}
