//! What an end was shown.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bellbird_call::{MediaKind, ParticipantId};
use bellbird_media::{Picture, PictureSink};
use bellbird_video::{VideoFrame, luma_psnr, read_number};
use tokio::sync::watch;

/// How long anything may take before the test counts as hung.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);
/// How much is known of the last pictures of each,
const KEPT: usize = 240;
/// and how many of them are kept whole.
const WHOLE: usize = 40;

/// Reads a picture's number.
pub(crate) type Reader = fn(&VideoFrame) -> Option<u32>;

/// Whose picture, and of what.
pub(crate) type Whose = (Option<ParticipantId>, MediaKind);

/// One picture as it was shown.
#[derive(Clone)]
pub(crate) struct Shown {
    pub(crate) at: Instant,
    /// Of the test pattern, or of what [`Gallery::read_by`] reads.
    pub(crate) number: Option<u32>,
    pub(crate) size: (u32, u32),
    /// Of the last ones only.
    pub(crate) frame: Option<VideoFrame>,
}

/// Collects pictures. Clones share the wall.
#[derive(Clone)]
pub(crate) struct Gallery {
    only_count: Arc<AtomicBool>,
    reader: Arc<Mutex<Reader>>,
    walls: Arc<Mutex<BTreeMap<Whose, Wall>>>,
    grew: watch::Sender<u64>,
}

#[derive(Default)]
struct Wall {
    count: u64,
    shown: VecDeque<Shown>,
}

impl Gallery {
    pub(crate) fn new() -> Self {
        Self {
            only_count: Arc::default(),
            reader: Arc::new(Mutex::new(read_number)),
            walls: Arc::default(),
            grew: watch::Sender::new(0),
        }
    }

    /// Where pictures are hung.
    pub(crate) fn sink(&self) -> PictureSink {
        let gallery = self.clone();
        Arc::new(move |picture| gallery.hang(picture))
    }

    /// Whether pictures are counted only, so that looking at them costs nothing.
    pub(crate) fn only_count(&self, only: bool) {
        self.only_count.store(only, Ordering::Relaxed);
    }

    /// Reads numbers in this way.
    #[allow(dead_code, reason = "for the bench, whose films number their pictures in another way")]
    pub(crate) fn read_by(&self, reader: Reader) {
        *self.reader.lock().unwrap() = reader;
    }

    fn hang(&self, picture: Picture) {
        let at = Instant::now();
        let number = || (*self.reader.lock().unwrap())(&picture.frame);
        let shown = (!self.only_count.load(Ordering::Relaxed)).then(|| Shown {
            at,
            number: number(),
            size: (picture.frame.width(), picture.frame.height()),
            frame: Some(picture.frame.clone()),
        });
        let mut walls = self.walls.lock().unwrap();
        let wall = walls.entry((picture.participant, picture.kind)).or_default();
        wall.count += 1;
        wall.shown.extend(shown);
        if wall.shown.len() > KEPT {
            wall.shown.pop_front();
        }
        if let Some(old) = wall.shown.len().checked_sub(WHOLE + 1) {
            wall.shown[old].frame = None;
        }
        drop(walls);
        self.grew.send_modify(|count| *count += 1);
    }

    /// How many of these were shown so far.
    pub(crate) fn count(&self, whose: &Whose) -> u64 {
        self.walls.lock().unwrap().get(whose).map_or(0, |wall| wall.count)
    }

    /// The last ones.
    pub(crate) fn last(&self, whose: &Whose) -> Vec<Shown> {
        self.walls
            .lock()
            .unwrap()
            .get(whose)
            .map_or_else(Vec::new, |wall| wall.shown.iter().cloned().collect())
    }

    /// Waits until that many more were shown, and yields them, as far as they are kept.
    pub(crate) async fn more(&self, whose: &Whose, count: u64) -> Vec<Shown> {
        let wanted = self.count(whose) + count;
        self.until(&format!("{count} more of {whose:?}"), || self.count(whose) >= wanted).await;
        let last = self.last(whose);
        last[last.len().saturating_sub(count as usize)..].to_vec()
    }

    /// Waits until `enough` says so; asked after each picture.
    pub(crate) async fn until(&self, what: &str, enough: impl Fn() -> bool) {
        let mut grew = self.grew.subscribe();
        let waiting = async {
            while !enough() {
                grew.changed().await.unwrap();
            }
        };
        let outcome = tokio::time::timeout(PATIENCE, waiting).await;
        let counts: Vec<(Whose, u64)> =
            self.walls.lock().unwrap().iter().map(|(whose, wall)| (whose.clone(), wall.count)).collect();
        assert!(outcome.is_ok(), "{what} did not come; shown: {counts:?}");
    }
}

/// How alike the pictures are that were shown here and at the sender, by their numbers, dB; only those of equal size.
pub(crate) fn likeness(sent: &[Shown], received: &[Shown]) -> Vec<f64> {
    received
        .iter()
        .filter_map(|one| {
            let original = sent.iter().find(|sent| one.number.is_some() && sent.number == one.number)?;
            luma_psnr(original.frame.as_ref()?, one.frame.as_ref()?)
        })
        .collect()
}
