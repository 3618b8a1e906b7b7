//! What pictures cost on this machine: `cargo run --release -p bellbird-video --example cost`.

#![allow(clippy::print_stdout)] // What it is for.

use std::time::{Duration, Instant};

use bellbird_video::{
    Content, EncoderSettings, Pattern, PixelFormat, Pixels, Scaler, VideoCodec, VideoDecoder, VideoEncoder,
    VideoFrame, luma_psnr,
};

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1_000.0
}

fn codec(codec: VideoCodec, content: Content, width: u32, height: u32, bitrate: u32) {
    let pattern = Pattern::new(width, height).expect("a size");
    let settings = EncoderSettings { codec, content, bitrate, fps: 30 };
    let mut encoder = VideoEncoder::new(settings).expect("an encoder");
    let mut decoder = VideoDecoder::new(codec).expect("a decoder");
    let (mut encoding, mut decoding, mut quality, mut bytes) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for index in 0..150 {
        let frame = pattern.draw(index, Instant::now());
        let begun = Instant::now();
        let encoded = encoder.encode(&frame, index * 3_000, false).expect("encodes");
        encoding.push(begun.elapsed());
        let Some(encoded) = encoded else { continue };
        bytes += encoded.data.len();
        let begun = Instant::now();
        let decoded = decoder.decode(&encoded.data, begun).expect("decodes").expect("a picture");
        decoding.push(begun.elapsed());
        quality.push(luma_psnr(&decoded, &frame).expect("one size"));
    }
    println!(
        "{:6} {content:?} {width}x{height}: encode {:.2} ms, decode {:.2} ms, {} of 150, {} kbit/s, {:.1} dB",
        codec.name(),
        median(encoding),
        median(decoding),
        quality.len(),
        bytes * 8 / 5 / 1_000,
        quality.iter().sum::<f64>() / quality.len() as f64,
    );
}

fn time(what: &str, mut work: impl FnMut()) {
    let times = (0..30)
        .map(|_| {
            let begun = Instant::now();
            work();
            begun.elapsed()
        })
        .collect();
    println!("{what}: {:.2} ms", median(times));
}

fn main() {
    for (name, content) in [
        (VideoCodec::Vp8, Content::Camera),
        (VideoCodec::H264, Content::Camera),
        (VideoCodec::Vp9, Content::Camera),
    ] {
        codec(name, content, 1280, 720, 2_000_000);
    }
    for name in [VideoCodec::Vp8, VideoCodec::H264, VideoCodec::Vp9] {
        codec(name, Content::Screen, 1920, 1080, 2_500_000);
    }
    let now = Instant::now();
    let frame = Pattern::new(1920, 1080).expect("a size").draw(7, now);
    let rgba = frame.to_rgba();
    let data = [&rgba, &rgba[..64]].concat();
    let pixels =
        Pixels { format: PixelFormat::Bgra, width: 1920, height: 1080, stride: 1920 * 4, data: &data };
    time("BGRA to I420, 1080p", || drop(VideoFrame::from_pixels(&pixels, now)));
    time("I420 to RGBA, 1080p", || drop(frame.to_rgba()));
    let pixels = Pixels { format: PixelFormat::Yuyv, stride: 1920 * 2, ..pixels };
    time("YUYV to I420, 1080p", || drop(VideoFrame::from_pixels(&pixels, now)));
    let pixels = Pixels { format: PixelFormat::Nv12, stride: 1920, ..pixels };
    time("NV12 to I420, 1080p", || drop(VideoFrame::from_pixels(&pixels, now)));
    let mut scaler = Scaler::default();
    for (width, height) in [(1280, 720), (960, 540), (640, 360), (320, 180)] {
        time(&format!("1080p to {width}x{height}"), || drop(scaler.scale(&frame, width, height)));
    }
    time("the test picture, 1080p", || drop(Pattern::new(1920, 1080).map(|it| it.draw(9, now))));
}
