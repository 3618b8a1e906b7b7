//! What runs on the sound system's thread.
//!
//! **Real time.** Everything in this file that is called `fill` or `take` must neither lock, allocate, log nor
//! touch a file: a late return is heard. They move samples between the sound system's buffer and a lock-free ring
//! and count in atomics. The module is public so that a test with a counting allocator can hold them to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use cpal::{FromSample, Sample};
use rtrb::{Consumer, Producer};

/// What the callbacks count. Any thread may read.
#[derive(Debug)]
pub struct Counters {
    /// Samples the callback moved so far.
    pub moved: AtomicU64,
    /// Capture: samples dropped because the ring was full. Playout: samples made up because it was empty.
    pub missed: AtomicU64,
    /// The largest number of samples one callback asked for lately.
    pub period: AtomicU32,
    /// The least the playout ring held after a callback since the last [`Counters::take_lowest`], samples.
    pub lowest: AtomicU32,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            moved: AtomicU64::new(0),
            missed: AtomicU64::new(0),
            period: AtomicU32::new(0),
            lowest: AtomicU32::new(u32::MAX),
        }
    }
}

impl Counters {
    /// Reads and restarts [`lowest`](Self::lowest); `None` when no callback ran since.
    pub fn take_lowest(&self) -> Option<u32> {
        let lowest = self.lowest.swap(u32::MAX, Ordering::Relaxed);
        (lowest != u32::MAX).then_some(lowest)
    }
}

/// The capture callback: mixes the channels to one and puts it into the ring.
pub struct CaptureCallback {
    ring: Producer<f32>,
    channels: usize,
    counters: Arc<Counters>,
}

impl CaptureCallback {
    /// `channels` are those of the device, at least 1.
    pub fn new(ring: Producer<f32>, channels: u16, counters: Arc<Counters>) -> Self {
        Self { ring, channels: usize::from(channels.max(1)), counters }
    }

    /// Takes one buffer of interleaved samples. What does not fit into the ring is dropped and counted.
    pub fn take<T>(&mut self, data: &[T])
    where
        T: Sample,
        f32: FromSample<T>,
    {
        let frames = data.len() / self.channels;
        let room = frames.min(self.ring.slots());
        let scale = 1.0 / self.channels as f32;
        if let Ok(chunk) = self.ring.write_chunk_uninit(room) {
            let mono = data
                .chunks_exact(self.channels)
                .map(|frame| frame.iter().map(|sample| f32::from_sample(*sample)).sum::<f32>() * scale);
            chunk.fill_from_iter(mono);
        }
        self.counters.moved.fetch_add(room as u64, Ordering::Relaxed);
        self.counters.missed.fetch_add((frames - room) as u64, Ordering::Relaxed);
        self.counters.period.fetch_max(frames as u32, Ordering::Relaxed);
    }
}

/// How fast the last sample fades when the ring runs empty, per sample: 1.5 ms to a tenth at 48 kHz. Stopping dead
/// would click.
const FADE: f32 = 0.97;

/// The playout callback: takes samples from the ring and gives them to every channel.
pub struct PlayoutCallback {
    ring: Consumer<f32>,
    channels: usize,
    last: f32,
    counters: Arc<Counters>,
}

impl PlayoutCallback {
    /// `channels` are those of the device, at least 1.
    pub fn new(ring: Consumer<f32>, channels: u16, counters: Arc<Counters>) -> Self {
        Self { ring, channels: usize::from(channels.max(1)), last: 0.0, counters }
    }

    /// Fills one buffer of interleaved samples. What is missing fades to silence and is counted.
    pub fn fill<T>(&mut self, data: &mut [T])
    where
        T: Sample + FromSample<f32>,
    {
        let frames = data.len() / self.channels;
        let there = self.ring.slots();
        let count = frames.min(there);
        let mut slots = data.chunks_exact_mut(self.channels);
        if let Ok(chunk) = self.ring.read_chunk(count) {
            for (sample, slot) in chunk.into_iter().zip(slots.by_ref()) {
                self.last = sample;
                slot.fill(T::from_sample(sample));
            }
        }
        for slot in slots {
            self.last *= FADE;
            slot.fill(T::from_sample(self.last));
        }
        self.counters.moved.fetch_add(count as u64, Ordering::Relaxed);
        self.counters.missed.fetch_add((frames - count) as u64, Ordering::Relaxed);
        self.counters.period.fetch_max(frames as u32, Ordering::Relaxed);
        self.counters.lowest.fetch_min((there - count) as u32, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stereo_capture_is_mixed_and_what_does_not_fit_is_counted() {
        let (producer, mut consumer) = rtrb::RingBuffer::new(3);
        let counters = Arc::new(Counters::default());
        let mut callback = CaptureCallback::new(producer, 2, counters.clone());
        callback.take(&[0.5f32, 0.1, -0.5, -0.3, 1.0, 0.0, 0.7, 0.7]);
        let got: Vec<f32> = std::iter::from_fn(|| consumer.pop().ok()).collect();
        assert_eq!(got, [0.3, -0.4, 0.5]);
        assert_eq!(counters.moved.load(Ordering::Relaxed), 3);
        assert_eq!(counters.missed.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn integer_samples_keep_their_scale() {
        let (producer, mut consumer) = rtrb::RingBuffer::new(8);
        let mut callback = CaptureCallback::new(producer, 1, Arc::new(Counters::default()));
        callback.take(&[i16::MIN, 0, 16_384]);
        assert_eq!([consumer.pop(), consumer.pop(), consumer.pop()], [Ok(-1.0), Ok(0.0), Ok(0.5)]);
    }

    #[test]
    fn an_empty_ring_fades_out_on_every_channel() {
        let (mut producer, consumer) = rtrb::RingBuffer::new(8);
        let counters = Arc::new(Counters::default());
        let mut callback = PlayoutCallback::new(consumer, 2, counters.clone());
        producer.push(0.25).unwrap();
        producer.push(0.5).unwrap();
        let mut out = [9.0f32; 400];
        callback.fill(&mut out);
        assert_eq!(out[..4], [0.25, 0.25, 0.5, 0.5]);
        assert!(out[4] < 0.5 && out[4] > 0.4 && out[4] == out[5]);
        assert!(out[399].abs() < 0.01, "faded to {}", out[399]);
        assert_eq!(counters.missed.load(Ordering::Relaxed), 198);
        assert_eq!(counters.take_lowest(), Some(0));
        assert_eq!(counters.take_lowest(), None);
    }
}
