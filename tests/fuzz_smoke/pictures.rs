//! What reads a peer's pictures: payloads, the frame buffer, frame headers, and real decoders behind our checks.

use std::time::Instant;

use bellbird_testkit::mutate::drive;
use bellbird_video::{
    Content, EncodedFrame, EncoderSettings, Packetizer, Pattern, VideoCodec, VideoEncoder, fuzz,
};

const CODECS: [VideoCodec; 3] = [VideoCodec::Vp8, VideoCodec::Vp9, VideoCodec::H264];

/// A few real frames, the first a keyframe, small enough to be mutated quickly.
fn frames(codec: VideoCodec) -> Vec<EncodedFrame> {
    let settings = EncoderSettings { codec, content: Content::Camera, bitrate: 60_000, fps: 30 };
    let mut encoder = VideoEncoder::new(settings).expect("an encoder");
    let pattern = Pattern::new(64, 48).expect("a size");
    (0..4)
        .filter_map(|index| {
            encoder.encode(&pattern.draw(index, Instant::now()), index * 3_000, false).expect("encodes")
        })
        .collect()
}

/// Every entry begins with a byte that says which codec it is.
fn corpus(make: impl Fn(VideoCodec, &[EncodedFrame]) -> Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    CODECS
        .into_iter()
        .zip(0..)
        .flat_map(|(codec, byte)| {
            let entries = make(codec, &frames(codec));
            entries.into_iter().map(move |entry| [vec![byte], entry].concat())
        })
        .collect()
}

fn drive_all(subject: &str, corpus: &[Vec<u8>], inputs: usize, body: impl Fn(&[u8])) {
    let entries: Vec<&[u8]> = corpus.iter().map(Vec::as_slice).collect();
    drive(subject, &entries, inputs, body);
}

#[test]
fn payloads() {
    let corpus = corpus(|codec, frames| {
        let mut packetizer = Packetizer::new(codec, 0x7ffe);
        frames
            .iter()
            .flat_map(|frame| packetizer.packetize(frame, 200))
            .map(|payload| payload.to_vec())
            .collect()
    });
    drive_all("payloads", &corpus, 20_000, fuzz::payload);
}

#[test]
fn frame_buffers() {
    // Flags, sequence number and timestamp steps, pause, length, payload: as the body reads them.
    let corpus = corpus(|codec, frames| {
        let mut packetizer = Packetizer::new(codec, 0x7ffe);
        let mut steps = Vec::new();
        for frame in frames {
            let payloads = packetizer.packetize(frame, 200);
            let last = payloads.len() - 1;
            for (index, payload) in payloads.iter().enumerate() {
                let (marker, ticks) = (u8::from(index == last), u8::from(index == 0));
                steps.extend([marker, 1, ticks, 10, payload.len() as u8]);
                steps.extend(payload);
            }
        }
        vec![steps]
    });
    drive_all("frame buffers", &corpus, 4_000, fuzz::frame_buffer);
}

#[test]
fn frame_headers() {
    let corpus: Vec<Vec<u8>> = CODECS
        .into_iter()
        .flat_map(frames)
        .map(|frame| frame.data[..frame.data.len().min(200)].to_vec())
        .collect();
    drive_all("frame headers", &corpus, 20_000, fuzz::header);
}

#[test]
fn decoders() {
    let corpus = corpus(|_, frames| {
        let mut film = Vec::new();
        for frame in frames {
            film.extend((frame.data.len() as u16).to_be_bytes());
            film.extend(&frame.data);
        }
        vec![film]
    });
    drive_all("decoders", &corpus, 1_500, fuzz::decoder);
}
