//! The pictures of one call: our camera and screen on their way out, others' on their way in.
//!
//! The engine holds a [`Pictures`] and tells it what the call wants; all work is done on threads of its own (`send`,
//! `receive`), and what they have to say comes back as [`PictureEvent`]s.
//!
//! **Privacy**: a source is open only while all of this holds, whatever a peer sends: capture was started, the person
//! switched it on, and the call is not on hold. [`Switch::wants`] is the only place where that is decided.

mod rates;
mod receive;
mod send;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bellbird_call::ports::{Problem, ProblemCode};
use bellbird_call::{Link, LinkDirection, LinkId, LinkSource, MediaKind, Watch};
use bellbird_capture::{CaptureError, VideoSource};

use self::receive::Receiving;
use self::send::{Outlet, Sending};
use crate::PictureSink;
use crate::peer::{VideoAgreement, VideoEnds, VideoRequests, VideoSender};

pub(crate) use receive::ShownFigures;
pub(crate) use send::SendingEvent;

/// Takes what the threads have to say. Any thread; must not block.
pub(crate) type PictureEventSink = Arc<dyn Fn(PictureEvent) + Send + Sync>;

/// What the threads tell the engine.
#[derive(Debug)]
pub(crate) enum PictureEvent {
    /// How a source of ours fares.
    Sending(SendingEvent),
    /// The first picture of a link was decoded.
    First(LinkId),
}

/// What the engine should tell the call.
#[derive(Debug)]
pub(crate) enum PictureNews {
    /// Our camera or screen runs (`true`), or stopped at our wish.
    Track(MediaKind, bool),
    /// It failed, and counts as switched off.
    Failed(MediaKind, Problem),
    /// The first picture of a link was decoded.
    First(LinkId),
}

/// Camera or screen: whether it should be open, and whether it is.
struct Switch {
    source: VideoSource,
    on: bool,
    open: bool,
}

impl Switch {
    fn new(source: VideoSource) -> Self {
        Self { source, on: false, open: false }
    }

    /// Whether it may and should be open.
    fn wants(&self, started: bool, hold: bool) -> bool {
        self.on && started && !hold
    }
}

/// The pictures of one call.
pub(crate) struct Pictures {
    camera: Switch,
    screen: Switch,
    started: bool,
    hold: bool,
    sending: Sending,
    receiving: Receiving,
    outlets: BTreeMap<LinkId, Arc<Outlet>>,
}

/// What a link's pictures are, by what it carries.
pub(crate) fn kind_of(source: LinkSource) -> MediaKind {
    match source {
        LinkSource::Person => MediaKind::Video,
        LinkSource::Screen => MediaKind::Screen,
    }
}

impl Pictures {
    /// Opens nothing and starts no thread.
    pub(crate) fn new(
        camera: VideoSource,
        screen: VideoSource,
        pictures: PictureSink,
        events: PictureEventSink,
    ) -> Self {
        let (sending, first) = (events.clone(), events);
        Self {
            camera: Switch::new(camera),
            screen: Switch::new(screen),
            started: false,
            hold: false,
            sending: Sending::new(
                Arc::new(move |event| sending(PictureEvent::Sending(event))),
                pictures.clone(),
            ),
            receiving: Receiving::new(pictures, Arc::new(move |link| first(PictureEvent::First(link)))),
            outlets: BTreeMap::new(),
        }
    }

    /// The person answered or dialed.
    pub(crate) fn start_capture(&mut self) {
        self.started = true;
        self.apply();
    }

    /// Switches camera or screen off or on.
    pub(crate) fn set_muted(&mut self, kind: MediaKind, muted: bool) {
        if let Some(switch) = self.switch(kind) {
            switch.on = !muted;
        }
        self.apply();
    }

    /// On hold nothing is captured and nothing is decoded.
    pub(crate) fn set_hold(&mut self, hold: bool) {
        self.hold = hold;
        self.receiving.set_hold(hold);
        self.apply();
    }

    /// Another camera or screen; one that is on is swapped.
    pub(crate) fn select(&mut self, kind: MediaKind, source: VideoSource) {
        let Some(switch) = self.switch(kind) else { return };
        if switch.source == source {
            return;
        }
        switch.source = source.clone();
        if switch.open {
            self.sending.open(kind, source);
        }
    }

    /// Decodes these pictures, and shows those of ours that are among them.
    pub(crate) fn watch(&mut self, watched: Vec<Watch>) {
        for kind in [MediaKind::Video, MediaKind::Screen] {
            let preview = watched.iter().any(|watch| watch.participant.is_none() && watch.kind == kind);
            self.sending.set_preview(kind, preview);
        }
        self.receiving.watch(watched);
    }

    /// The ends for a link that is about to be opened.
    pub(crate) fn open_link(&mut self, link: &Link, now: Instant) -> VideoEnds {
        let kind = kind_of(link.source);
        let (sends, receives) = match link.direction {
            LinkDirection::SendReceive => (true, true),
            LinkDirection::SendOnly => (true, false),
            LinkDirection::ReceiveOnly => (false, true),
        };
        let packets = link
            .participant
            .clone()
            .filter(|_| receives)
            .and_then(|participant| self.receiving.add(link.id, participant, kind));
        let feedback = (sends && link.may_send.video).then(|| {
            let outlet = self.sending.add(link.id, kind, now);
            self.outlets.insert(link.id, outlet.clone());
            let feedback: crate::peer::VideoFeedbackSink =
                Arc::new(move |feedback| outlet.feedback(feedback));
            feedback
        });
        VideoEnds { packets, feedback }
    }

    /// The link is there: where our pictures go, and whom to ask for theirs.
    pub(crate) fn link_opened(&mut self, link: LinkId, sender: VideoSender, requests: VideoRequests) {
        if let Some(outlet) = self.outlets.get(&link) {
            outlet.set_sender(sender);
        }
        self.receiving.set_requests(link, requests);
    }

    /// What was agreed about pictures.
    pub(crate) fn agree(&self, link: LinkId, agreement: Option<VideoAgreement>) {
        if let Some(outlet) = self.outlets.get(&link) {
            outlet.agree(agreement);
        }
    }

    /// Whether packets can flow.
    pub(crate) fn set_connected(&self, link: LinkId, connected: bool) {
        if let Some(outlet) = self.outlets.get(&link) {
            outlet.set_connected(connected);
        }
    }

    /// How long a packet takes there and back on a link.
    pub(crate) fn set_round_trip(&self, link: LinkId, round_trip: Duration) {
        self.receiving.set_round_trip(link, round_trip);
    }

    /// The link is gone.
    pub(crate) fn close_link(&mut self, link: LinkId) {
        self.outlets.remove(&link);
        self.sending.remove(link);
        self.receiving.remove(link);
    }

    /// How a link's received picture fares.
    pub(crate) fn figures(&self, link: LinkId) -> Option<(MediaKind, ShownFigures)> {
        self.receiving.figures(link)
    }

    /// What the call should hear of an event.
    pub(crate) fn event(&mut self, event: PictureEvent) -> Option<PictureNews> {
        match event {
            PictureEvent::First(link) => Some(PictureNews::First(link)),
            PictureEvent::Sending(SendingEvent::Runs { kind, number }) => {
                self.sending.is_current(kind, number).then_some(PictureNews::Track(kind, true))
            }
            PictureEvent::Sending(SendingEvent::Stopped(kind)) => Some(PictureNews::Track(kind, false)),
            PictureEvent::Sending(SendingEvent::Failed { kind, number, error }) => {
                if !self.sending.is_current(kind, number) {
                    return None;
                }
                self.sending.close(kind);
                if let Some(switch) = self.switch(kind) {
                    (switch.on, switch.open) = (false, false);
                }
                Some(PictureNews::Failed(kind, capture_problem(kind, &error)))
            }
        }
    }

    fn switch(&mut self, kind: MediaKind) -> Option<&mut Switch> {
        match kind {
            MediaKind::Audio => None,
            MediaKind::Video => Some(&mut self.camera),
            MediaKind::Screen => Some(&mut self.screen),
        }
    }

    fn apply(&mut self) {
        for (kind, switch) in [(MediaKind::Video, &mut self.camera), (MediaKind::Screen, &mut self.screen)] {
            let wants = switch.wants(self.started, self.hold);
            if wants == switch.open {
                continue;
            }
            switch.open = wants;
            if wants {
                self.sending.open(kind, switch.source.clone());
            } else {
                self.sending.close(kind);
            }
        }
    }
}

/// The failure of a camera ([`MediaKind::Video`]) or a screen in the words of a call.
pub fn capture_problem(kind: MediaKind, error: &CaptureError) -> Problem {
    let code = match error {
        CaptureError::NoCamera => ProblemCode::NoCamera,
        CaptureError::CameraDenied => ProblemCode::CameraDenied,
        CaptureError::CameraBusy => ProblemCode::CameraBusy,
        CaptureError::CameraLost => ProblemCode::CameraLost,
        CaptureError::NoScreen(_) if kind == MediaKind::Video => ProblemCode::NoCamera,
        CaptureError::NoScreen(_) => ProblemCode::NoScreen,
        CaptureError::ScreenDenied => ProblemCode::ScreenDenied,
        CaptureError::ScreenLost => ProblemCode::ScreenLost,
        CaptureError::File { .. } => ProblemCode::VideoFile,
    };
    Problem::new(code, error)
}
