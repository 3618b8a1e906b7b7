//! Every codec there and back, with the real libraries.

use std::time::Instant;

use bellbird_video::{
    CodecError, Content, EncodedFrame, EncoderSettings, MAX_SIDE, Pattern, VideoCodec, VideoDecoder,
    VideoEncoder, VideoFrame, luma_psnr, read_number,
};

const CODECS: [VideoCodec; 3] = [VideoCodec::Vp8, VideoCodec::Vp9, VideoCodec::H264];

fn settings(codec: VideoCodec) -> EncoderSettings {
    EncoderSettings { codec, content: Content::Camera, bitrate: 1_000_000, fps: 30 }
}

fn encode(
    encoder: &mut VideoEncoder,
    frame: &VideoFrame,
    index: u32,
    keyframe: bool,
) -> Option<EncodedFrame> {
    let timestamp = index.wrapping_mul(3_000).wrapping_sub(40_000);
    encoder.encode(frame, timestamp, keyframe).expect("the encoder encodes")
}

/// `count` frames of the pattern, with their originals, the first a keyframe.
fn stream(codec: VideoCodec, count: u32) -> Vec<(VideoFrame, EncodedFrame)> {
    let pattern = Pattern::new(320, 180).expect("a size");
    let mut encoder = VideoEncoder::new(settings(codec)).expect("an encoder");
    (0..count)
        .filter_map(|index| {
            let frame = pattern.draw(index, Instant::now());
            encode(&mut encoder, &frame, index, index == 0).map(|encoded| (frame, encoded))
        })
        .collect()
}

#[test]
fn pictures_survive_every_codec() {
    for codec in CODECS {
        assert!(codec.is_available());
        for content in [Content::Camera, Content::Screen] {
            let pattern = Pattern::new(640, 360).unwrap();
            let mut encoder = VideoEncoder::new(EncoderSettings { content, ..settings(codec) }).unwrap();
            let mut decoder = VideoDecoder::new(codec).unwrap();
            let (mut bytes, mut shown) = (0, 0);
            for index in 0..300 {
                let frame = pattern.draw(index, Instant::now());
                let Some(encoded) = encode(&mut encoder, &frame, index, false) else { continue };
                assert_eq!(encoded.keyframe, index == 0, "{codec:?} {content:?}: keyframe {index}");
                bytes += encoded.data.len();
                let decoded = decoder.decode(&encoded.data, frame.captured()).unwrap().expect("a picture");
                assert_eq!(read_number(&decoded), Some(index));
                assert_eq!(decoded.captured(), frame.captured());
                let psnr = luma_psnr(&decoded, &frame).unwrap();
                assert!(psnr > 30.0 || index < 30, "{codec:?} {content:?} {index}: {psnr:.1} dB");
                shown += 1;
            }
            assert!(shown >= 280, "{codec:?} {content:?}: only {shown} of 300");
            let bitrate = bytes * 8 / 10;
            assert!(bitrate < 1_200_000, "{codec:?} {content:?}: {bitrate} bit/s of 1,000,000");
        }
    }
}

#[test]
fn a_keyframe_is_made_when_asked_and_after_a_change_of_size() {
    for codec in CODECS {
        let mut encoder = VideoEncoder::new(settings(codec)).unwrap();
        let mut decoder = VideoDecoder::new(codec).unwrap();
        let now = Instant::now();
        let mut index = 0;
        for (width, height) in [(320, 180), (640, 360), (160, 90), (1280, 720)] {
            let pattern = Pattern::new(width, height).unwrap();
            for n in 0..6 {
                index += 1;
                let asked = n == 3;
                let Some(encoded) = encode(&mut encoder, &pattern.draw(index, now), index, asked) else {
                    assert!(n != 0 && n != 3, "{codec:?} left out a keyframe");
                    continue;
                };
                assert_eq!(encoded.keyframe, n == 0 || asked, "{codec:?} {width}x{height} {n}");
                let decoded = decoder.decode(&encoded.data, now).unwrap().expect("a picture");
                assert_eq!((decoded.width(), decoded.height()), (width, height));
                assert_eq!(read_number(&decoded), Some(index));
                // Someone who comes later begins here.
                if encoded.keyframe {
                    let late = VideoDecoder::new(codec).unwrap().decode(&encoded.data, now).unwrap().unwrap();
                    assert_eq!(late.data(), decoded.data());
                }
            }
        }
    }
}

#[test]
fn the_rate_follows_what_is_asked() {
    for codec in CODECS {
        let pattern = Pattern::new(640, 360).unwrap();
        let mut encoder = VideoEncoder::new(settings(codec)).unwrap();
        let mut index = 0;
        for bitrate in [400_000, 120_000, 250_000] {
            encoder.set_rate(bitrate, 30);
            let mut bytes = 0;
            for n in 0..240 {
                let encoded = encode(&mut encoder, &pattern.draw(index, Instant::now()), index, false);
                // The first second is for getting there.
                if n >= 30 {
                    bytes += encoded.map_or(0, |encoded| encoded.data.len());
                }
                index += 1;
            }
            let got = bytes * 8 / 7;
            assert!(got < bitrate as usize * 115 / 100, "{codec:?}: {got} of {bitrate} bit/s");
            // The pattern may need less than it is given, but not by much.
            assert!(got > bitrate as usize / 4, "{codec:?}: {got} of {bitrate} bit/s");
        }
    }
}

/// With grain, as cameras have it: that fills whatever rate there is.
#[test]
fn no_pictures_are_left_out_for_long_after_the_rate_was_raised() {
    let pattern = Pattern::new(640, 360).unwrap();
    let grain = |index: u32| {
        let frame = pattern.draw(index, Instant::now());
        let mut chance = u64::from(index) + 1;
        VideoFrame::paint(640, 360, frame.captured(), |y, u, v| {
            u.copy_from_slice(frame.u());
            v.copy_from_slice(frame.v());
            for (to, from) in y.iter_mut().zip(frame.y()) {
                chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                *to = from.saturating_add((chance >> 60) as u8);
            }
        })
        .unwrap()
    };
    for codec in CODECS {
        let mut encoder = VideoEncoder::new(EncoderSettings { bitrate: 300_000, ..settings(codec) }).unwrap();
        let mut index = 0;
        let mut second = |encoder: &mut VideoEncoder| {
            let made = (0..30).filter(|_| {
                index += 1;
                encode(encoder, &grain(index), index, index == 1).is_some()
            });
            made.count()
        };
        second(&mut encoder);
        encoder.set_rate(1_500_000, 30);
        for after in 1..6 {
            let made = second(&mut encoder);
            assert!(made >= 24, "{codec:?}: {made} of 30 in second {after}");
        }
    }
}

#[test]
fn h264_is_constrained_baseline_with_its_parameters_before_every_keyframe() {
    let frames = stream(VideoCodec::H264, 5);
    let data = &frames[0].1.data;
    // Start code, SPS of profile 66 with constraint_set1, which is what 42e0 and 42c0 mean.
    assert_eq!(data[..6], [0, 0, 0, 1, 0x67, 66]);
    assert!(data[6] & 0x40 != 0, "constraint flags {:02x}", data[6]);
    let kinds = |data: &[u8]| -> Vec<u8> {
        let starts = data.windows(4).enumerate().filter(|(_, four)| four[..3] == [0, 0, 1]);
        starts.map(|(_, four)| four[3] & 0x1f).collect()
    };
    assert_eq!(kinds(data), [7, 8, 5]);
    for (_, frame) in &frames[1..] {
        assert_eq!(kinds(&frame.data), [1], "one slice a picture");
    }
}

#[test]
fn a_decoder_wants_a_keyframe_first_and_again_after_damage() {
    for codec in CODECS {
        let frames = stream(codec, 12);
        let now = Instant::now();
        let mut decoder = VideoDecoder::new(codec).unwrap();
        assert_eq!(decoder.decode(&frames[1].1.data, now).unwrap_err(), CodecError::NeedsKeyframe);
        assert!(decoder.decode(&frames[0].1.data, now).is_ok());
        assert!(decoder.decode(&frames[1].1.data, now).is_ok());
        assert!(decoder.decode(&[], now).is_err());
        assert_eq!(decoder.decode(&frames[2].1.data, now).unwrap_err(), CodecError::NeedsKeyframe);
        assert!(decoder.decode(&frames[0].1.data, now).is_ok());
    }
}

#[test]
fn pictures_beyond_the_limit_are_refused_by_their_header() {
    let now = Instant::now();
    let too_large = |result: Result<Option<VideoFrame>, CodecError>| {
        assert!(matches!(result, Err(CodecError::Size { .. })), "{result:?}");
    };
    // A real VP8 keyframe whose header claims 16383x16383.
    let mut vp8 = stream(VideoCodec::Vp8, 1).remove(0).1.data.to_vec();
    vp8[6..10].copy_from_slice(&[0xff, 0x3f, 0xff, 0x3f]);
    too_large(VideoDecoder::new(VideoCodec::Vp8).unwrap().decode(&vp8, now));
    // A VP9 keyframe of 65536x65536, alone and hidden behind a good one by an index.
    let huge = [0x82, 0x49, 0x83, 0x42, 0x2f, 0xff, 0xff, 0xff, 0xf0, 0, 0, 0];
    too_large(VideoDecoder::new(VideoCodec::Vp9).unwrap().decode(&huge, now));
    let good = stream(VideoCodec::Vp9, 1).remove(0).1.data;
    let mut both = good.to_vec();
    both.extend(huge);
    // Without an index only the first is decoded.
    let picture = VideoDecoder::new(VideoCodec::Vp9).unwrap().decode(&both, now).unwrap().unwrap();
    assert_eq!(picture.width(), 320);
    both.push(0xc9);
    both.extend((good.len() as u16).to_le_bytes());
    both.extend((huge.len() as u16).to_le_bytes());
    both.push(0xc9);
    too_large(VideoDecoder::new(VideoCodec::Vp9).unwrap().decode(&both, now));
    // And nothing so large is encoded: a frame cannot even be made.
    assert!(VideoFrame::paint(MAX_SIDE + 2, 2, now, |_, _, _| ()).is_err());
}

#[test]
fn damaged_frames_never_crash_a_decoder() {
    for codec in CODECS {
        let frames = stream(codec, 6);
        let mut seed = 0x2545_f491_4f6c_dd1d_u64;
        let mut random = move || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed
        };
        let mut decoded = 0;
        for _ in 0..400 {
            let mut decoder = VideoDecoder::new(codec).unwrap();
            for (index, (_, frame)) in frames.iter().enumerate() {
                let mut data = frame.data.to_vec();
                // The keyframe is spared at times, so that damage meets a decoder that is under way.
                if index > 0 || random() % 3 == 0 {
                    for _ in 0..random() % 8 {
                        let at = random() as usize % data.len();
                        data[at] = random() as u8;
                    }
                    data.truncate(data.len() - random() as usize % data.len() % 40);
                }
                if let Ok(Some(picture)) = decoder.decode(&data, Instant::now()) {
                    assert!(picture.width() <= MAX_SIDE && picture.height() <= MAX_SIDE);
                    decoded += 1;
                }
            }
        }
        assert!(decoded > 100, "{codec:?}: the damage was so bad that nothing was tested ({decoded})");
    }
}
