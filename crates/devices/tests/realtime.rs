//! The callbacks must neither allocate nor wait: an allocator that counts watches them.
//!
//! The counting is per thread, so that the test runner's own threads do not disturb it. A lock could not be seen by
//! an allocator; that there is none follows from what the callbacks hold: a lock-free ring and atomics.

#![allow(unsafe_code)] // A global allocator cannot be written without.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bellbird_devices::callback::{CaptureCallback, Counters, PlayoutCallback};

struct Counting;

thread_local! {
    static OPERATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // A thread that is being torn down allocates too; it is none of ours.
    let _ = OPERATIONS.try_with(|operations| operations.set(operations.get() + 1));
}

// SAFETY: everything is passed on unchanged to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count();
        // SAFETY: likewise.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: likewise.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn operations_in(work: impl FnOnce()) -> u64 {
    let before = OPERATIONS.with(Cell::get);
    work();
    OPERATIONS.with(Cell::get) - before
}

#[test]
fn the_counter_counts() {
    let counted = operations_in(|| drop(std::hint::black_box(vec![1u8; 100])));
    assert_eq!(counted, 2);
}

#[test]
fn capture_allocates_nothing_whether_the_ring_is_empty_full_or_wraps() {
    let (producer, mut consumer) = rtrb::RingBuffer::new(1_000);
    let counters = Arc::new(Counters::default());
    let mut callback = CaptureCallback::new(producer, 2, counters.clone());
    let floats = vec![0.25f32; 960];
    let integers = vec![1_000i16; 960];
    let mut drained = vec![0.0; 480];
    let counted = operations_in(|| {
        for round in 0..100 {
            callback.take(&floats[..2 * (1 + round * 4 % 479)]);
            callback.take(&integers);
            if round % 3 != 0 {
                let (filled, _) = consumer.pop_partial_slice(&mut drained);
                std::hint::black_box(filled);
            }
        }
    });
    assert_eq!(counted, 0);
    assert!(counters.missed.load(Ordering::Relaxed) > 0, "the full ring was met");
    assert!(counters.moved.load(Ordering::Relaxed) > 10_000);
}

#[test]
fn playout_allocates_nothing_whether_the_ring_is_empty_full_or_wraps() {
    let (mut producer, consumer) = rtrb::RingBuffer::new(1_000);
    let counters = Arc::new(Counters::default());
    let mut callback = PlayoutCallback::new(consumer, 2, counters.clone());
    let samples = vec![0.5f32; 700];
    let mut floats = vec![0.0f32; 960];
    let mut integers = vec![0i16; 960];
    let counted = operations_in(|| {
        for round in 0..100 {
            if round % 2 == 0 {
                let _ = producer.push_partial_slice(&samples);
            }
            callback.fill(&mut floats[..2 * (1 + round * 7 % 479)]);
            callback.fill(&mut integers);
            std::hint::black_box(counters.take_lowest());
        }
    });
    assert_eq!(counted, 0);
    assert!(counters.missed.load(Ordering::Relaxed) > 0, "the empty ring was met");
    assert!(counters.moved.load(Ordering::Relaxed) > 10_000);
}
