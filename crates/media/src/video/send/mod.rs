//! Our pictures on their way out.
//!
//! ```text
//!  source's thread ─▶ inbox (newest picture) ─▶ encoder's thread, one per kind:
//!                                                 one Stream per codec and set of sizes:
//!                                                   ladder ─▶ scale ─▶ encode ─▶ payloads
//!                                                                                  │ the same for all links
//!                                             ┌── Outlet 1 (estimate, pacer) ◀─────┤
//!  VideoSender ◀── pacing thread, one a call ◀┼── Outlet 2                    ◀────┤
//!                                             └── Outlet n                    ◀────┘
//! ```
//!
//! **One encode for all.** Links that take the same codec get the same pictures. Their rate is the least of the links'
//! estimates, but never below a floor ([`thread`]): one person at the end of a bad line costs the others sharpness, and
//! never all of it. A line that does not carry the floor gets a smaller picture of its own, from a second encoder.
//! With a media server there is one link, and each receiver takes the size that fits.
//!
//! A source is opened only when the call's capture has started and the person switched it on; that is decided in
//! [`super::Pictures`], and nothing here opens one by itself.

mod inbox;
mod outlet;
mod pacing;
mod stream;
mod thread;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bellbird_call::{LinkId, MediaKind};
use bellbird_capture::{CaptureError, VideoSource};

use self::inbox::Inbox;
use self::pacing::Outlets;
use crate::PictureSink;

pub(crate) use outlet::Outlet;

/// What an encoder's thread tells the engine. Any thread; must not block.
pub(super) type SendingSink = Arc<dyn Fn(SendingEvent) + Send + Sync>;

/// How a source of ours fares.
#[derive(Debug)]
pub(crate) enum SendingEvent {
    /// The first picture of the source with that number came.
    Runs { kind: MediaKind, number: u64 },
    /// It was closed at our wish, after it ran.
    Stopped(MediaKind),
    /// The source with that number could not be opened, or ended by itself.
    Failed { kind: MediaKind, number: u64, error: CaptureError },
}

/// How long the end of a call waits for its threads. A device that hangs must not hang us.
const CLOSE_WAIT: Duration = Duration::from_millis(500);

/// Camera and screen of one call. Threads are started when first needed and joined when this is dropped.
pub(super) struct Sending {
    camera: Channel,
    screen: Channel,
    outlets: Arc<Outlets>,
    pacing: Option<JoinHandle<()>>,
    events: SendingSink,
    pictures: PictureSink,
}

/// One kind.
struct Channel {
    kind: MediaKind,
    inbox: Arc<Inbox>,
    /// Whether our own picture is looked at.
    preview: Arc<AtomicBool>,
    finished: Option<mpsc::Receiver<()>>,
}

impl Channel {
    fn new(kind: MediaKind) -> Self {
        Self { kind, inbox: Arc::default(), preview: Arc::default(), finished: None }
    }
}

impl Sending {
    pub(super) fn new(events: SendingSink, pictures: PictureSink) -> Self {
        Self {
            camera: Channel::new(MediaKind::Video),
            screen: Channel::new(MediaKind::Screen),
            outlets: Arc::default(),
            pacing: None,
            events,
            pictures,
        }
    }

    /// A link our pictures of that kind can leave on.
    pub(super) fn add(&self, link: LinkId, kind: MediaKind, now: Instant) -> Arc<Outlet> {
        let inbox = match kind {
            MediaKind::Audio | MediaKind::Video => &self.camera.inbox,
            MediaKind::Screen => &self.screen.inbox,
        };
        let outlet = Arc::new(Outlet::new(link, kind, inbox, now));
        self.outlets.add(outlet.clone());
        outlet
    }

    pub(super) fn remove(&self, link: LinkId) {
        self.outlets.remove(link);
    }

    /// Opens a source in place of the one that is open.
    pub(super) fn open(&mut self, kind: MediaKind, source: VideoSource) {
        let started = self.start_threads(kind);
        let number = self.channel(kind).inbox.want(Some(source));
        if let Err(error) = started {
            let error = CaptureError::NoScreen(format!("a thread could not be started: {error}"));
            (self.events)(SendingEvent::Failed { kind, number, error });
        }
    }

    /// Closes what is open; from now on nothing of it leaves.
    pub(super) fn close(&mut self, kind: MediaKind) {
        let channel = self.channel(kind);
        if !channel.inbox.is_wanted() {
            return;
        }
        channel.inbox.want(None);
        for outlet in self.outlets.all().iter().filter(|outlet| outlet.kind() == kind) {
            outlet.stop();
        }
    }

    /// Whether the source with that number is still the one that is wanted.
    pub(super) fn is_current(&mut self, kind: MediaKind, number: u64) -> bool {
        self.channel(kind).inbox.is_current(number)
    }

    /// Whether our own pictures of that kind are looked at.
    pub(super) fn set_preview(&mut self, kind: MediaKind, preview: bool) {
        self.channel(kind).preview.store(preview, std::sync::atomic::Ordering::Relaxed);
    }

    fn channel(&mut self, kind: MediaKind) -> &mut Channel {
        match kind {
            MediaKind::Audio | MediaKind::Video => &mut self.camera,
            MediaKind::Screen => &mut self.screen,
        }
    }

    fn start_threads(&mut self, kind: MediaKind) -> std::io::Result<()> {
        if self.pacing.is_none() {
            self.pacing = Some(self.outlets.start()?);
        }
        let (events, pictures, outlets) = (self.events.clone(), self.pictures.clone(), self.outlets.clone());
        let channel = self.channel(kind);
        if channel.finished.is_none() {
            let (finish, finished) = mpsc::channel();
            let (kind, inbox, preview) = (channel.kind, channel.inbox.clone(), channel.preview.clone());
            let name = match channel.kind {
                MediaKind::Audio | MediaKind::Video => "bellbird-camera",
                MediaKind::Screen => "bellbird-screen",
            };
            std::thread::Builder::new().name(name.into()).spawn(move || {
                // Encoders stay on the thread they were made on.
                thread::Studio::new(kind, inbox, outlets, preview, events, pictures).run();
                // Nobody waits when the call is long over.
                let _ = finish.send(());
            })?;
            channel.finished = Some(finished);
        }
        Ok(())
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        for channel in [&self.camera, &self.screen] {
            channel.inbox.close();
        }
        self.outlets.close();
        if let Some(pacing) = self.pacing.take() {
            // Wakes at once, since it waits for nothing else.
            let _ = pacing.join();
        }
        for finished in [self.camera.finished.take(), self.screen.finished.take()].into_iter().flatten() {
            if finished.recv_timeout(CLOSE_WAIT) == Err(mpsc::RecvTimeoutError::Timeout) {
                tracing::warn!("a camera or screen takes long to close; going on without waiting");
            }
        }
    }
}
