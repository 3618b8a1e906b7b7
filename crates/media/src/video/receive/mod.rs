//! Others' pictures: from packets to the sink.
//!
//! ```text
//!  library's task ─▶ Inlet of each link (bounded) ─▶ a worker's thread: frame buffer ─▶ decoder ─▶ PictureSink
//!                                                        │ what is missing
//!  VideoRequests ◀───────────────────────────────────────┘
//! ```
//!
//! A few workers share all links of a call, so that nine tiles do not mean nine busy threads; a link stays with its worker, so
//! its pictures stay in order and nothing of it is locked. What nobody looks at is not even sorted: its packets are counted and
//! answered where they arrive, and dropped at the inlet.

mod figures;
mod inlet;
mod reception;
mod worker;

use std::collections::BTreeMap;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bellbird_call::{LinkId, MediaKind, ParticipantId, Watch};

use self::inlet::Inlet;
use self::worker::Task;
use crate::PictureSink;
use crate::peer::{VideoPacketSink, VideoRequests};

pub(crate) use figures::ShownFigures;

/// The most threads that decode. More pictures than they keep up with lose frames, and the machine stays usable.
const MAX_WORKERS: usize = 4;

/// Takes the news that a link's first picture was decoded. Any thread; must not block.
pub(super) type FirstPictureSink = Arc<dyn Fn(LinkId) + Send + Sync>;

/// The receiving side of one call's pictures. Dropping it ends its threads.
pub(super) struct Receiving {
    pictures: PictureSink,
    first: FirstPictureSink,
    workers: Vec<Worker>,
    links: BTreeMap<LinkId, Entry>,
    watched: Vec<Watch>,
    hold: bool,
}

struct Worker {
    tasks: mpsc::Sender<Task>,
    thread: Option<JoinHandle<()>>,
}

struct Entry {
    worker: usize,
    participant: ParticipantId,
    kind: MediaKind,
    inlet: Arc<Inlet>,
}

impl Receiving {
    pub(super) fn new(pictures: PictureSink, first: FirstPictureSink) -> Self {
        Self {
            pictures,
            first,
            workers: Vec::new(),
            links: BTreeMap::new(),
            watched: Vec::new(),
            hold: false,
        }
    }

    /// A link that pictures come on. `None` when the system has no thread for it.
    pub(super) fn add(
        &mut self,
        link: LinkId,
        participant: ParticipantId,
        kind: MediaKind,
    ) -> Option<VideoPacketSink> {
        let worker = self.worker()?;
        let tasks = self.workers[worker].tasks.clone();
        let inlet = Arc::new(Inlet::new(link, tasks.clone()));
        let _ = tasks.send(Task::Add(Box::new(reception::Reception::new(
            participant.clone(),
            kind,
            inlet.clone(),
            self.pictures.clone(),
            self.first.clone(),
            Instant::now(),
        ))));
        self.links.insert(link, Entry { worker, participant, kind, inlet: inlet.clone() });
        self.apply();
        Some(Arc::new(move |packet| inlet.insert(packet)))
    }

    /// Whom to ask for what is missing on a link.
    pub(super) fn set_requests(&self, link: LinkId, requests: VideoRequests) {
        self.tell(link, Task::Requests(link, requests));
    }

    /// How long a packet takes there and back.
    pub(super) fn set_round_trip(&self, link: LinkId, round_trip: Duration) {
        self.tell(link, Task::RoundTrip(link, round_trip));
    }

    pub(super) fn remove(&mut self, link: LinkId) {
        self.tell(link, Task::Remove(link));
        if let Some(entry) = self.links.remove(&link) {
            entry.inlet.set_watched(false);
        }
    }

    /// Decodes these pictures from now on, and no others.
    pub(super) fn watch(&mut self, watched: Vec<Watch>) {
        self.watched = watched;
        self.apply();
    }

    /// On hold nothing is decoded.
    pub(super) fn set_hold(&mut self, hold: bool) {
        self.hold = hold;
        self.apply();
    }

    /// How a link's picture fares.
    pub(super) fn figures(&self, link: LinkId) -> Option<(MediaKind, ShownFigures)> {
        let entry = self.links.get(&link)?;
        Some((entry.kind, entry.inlet.figures()))
    }

    fn apply(&self) {
        for (link, entry) in &self.links {
            let watched = !self.hold
                && self.watched.iter().any(|watch| {
                    watch.kind == entry.kind && watch.participant.as_ref() == Some(&entry.participant)
                });
            if entry.inlet.set_watched(watched) {
                self.tell(*link, Task::Watch(*link, watched));
            }
        }
    }

    fn tell(&self, link: LinkId, task: Task) {
        if let Some(worker) = self.links.get(&link).and_then(|entry| self.workers.get(entry.worker)) {
            // A worker ends only when this is dropped.
            let _ = worker.tasks.send(task);
        }
    }

    /// The worker with the fewest links; a new one while there may be more.
    fn worker(&mut self) -> Option<usize> {
        let most = std::thread::available_parallelism().map_or(1, usize::from).min(MAX_WORKERS);
        let load = |index: usize| self.links.values().filter(|entry| entry.worker == index).count();
        let least = (0..self.workers.len()).min_by_key(|index| load(*index));
        match least {
            Some(least) if load(least) == 0 || self.workers.len() >= most => return Some(least),
            Some(_) | None => {}
        }
        let (tasks, inbox) = mpsc::channel();
        let thread =
            std::thread::Builder::new().name("bellbird-pictures".into()).spawn(move || worker::run(&inbox));
        match thread {
            Ok(thread) => {
                self.workers.push(Worker { tasks, thread: Some(thread) });
                Some(self.workers.len() - 1)
            }
            Err(error) => {
                tracing::error!(%error, "no further thread for pictures");
                least
            }
        }
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        for worker in &self.workers {
            let _ = worker.tasks.send(Task::End);
        }
        for worker in &mut self.workers {
            if let Some(thread) = worker.thread.take() {
                let _ = thread.join();
            }
        }
    }
}
