//! Ends of a call with pictures, wired to each other by their events.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use bellbird_call::ports::{MediaCommand, MediaEngine, MediaEvent};
use bellbird_call::{
    Link, LinkDirection, LinkId, LinkQuality, LinkRole, LinkSource, LinkState, MediaKind, MediaKinds,
    MediaStage, ParticipantId, VideoQuality, Watch,
};
use bellbird_capture::VideoSource;
use bellbird_devices::{CaptureSource, PlayoutSink};
use bellbird_media::{CallMedia, CallMediaOptions, DeviceControl, MediaRuntime};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};

use crate::gallery::{Gallery, PATIENCE, Whose};

/// One end.
pub(crate) struct Seat {
    media: Mutex<CallMedia>,
    log: Arc<Mutex<Vec<(Instant, MediaEvent)>>>,
    grew: watch::Receiver<usize>,
    pub(crate) gallery: Gallery,
    said: Mutex<Option<mpsc::UnboundedReceiver<MediaEvent>>>,
}

/// What a seat is known by to the others.
pub(crate) fn participant(number: usize) -> ParticipantId {
    ParticipantId::new(format!("seat-{number}"))
}

/// The camera of that seat, as others see it.
pub(crate) fn camera_of(number: usize) -> Whose {
    (Some(participant(number)), MediaKind::Video)
}

/// The screen of that seat, likewise.
pub(crate) fn screen_of(number: usize) -> Whose {
    (Some(participant(number)), MediaKind::Screen)
}

/// One's own picture of that kind.
pub(crate) fn own(kind: MediaKind) -> Whose {
    (None, kind)
}

impl Seat {
    /// Says nothing and plays nothing.
    pub(crate) fn new(camera: VideoSource) -> Arc<Self> {
        Self::with_sound(camera, CaptureSource::Silence, PlayoutSink::Null)
    }

    pub(crate) fn with_sound(
        camera: VideoSource,
        microphone: CaptureSource,
        speaker: PlayoutSink,
    ) -> Arc<Self> {
        let log = Arc::new(Mutex::new(Vec::new()));
        let (grow, grew) = watch::channel(0);
        let (out, said) = mpsc::unbounded_channel();
        let gallery = Gallery::new();
        let options = CallMediaOptions {
            microphone,
            speaker,
            ringer: PlayoutSink::Null,
            processing: false,
            camera,
            screen: VideoSource::ScreenPattern,
            pictures: gallery.sink(),
        };
        let own_log = log.clone();
        let sink = Arc::new(move |event: MediaEvent| {
            if matches!(event, MediaEvent::LocalDescription { .. } | MediaEvent::LocalCandidate { .. }) {
                let _ = out.send(event.clone());
            }
            let mut log = own_log.lock().unwrap();
            log.push((Instant::now(), event));
            grow.send_replace(log.len());
        });
        let media = MediaRuntime::new(Handle::current()).open_call(options, sink);
        Arc::new(Self { media: Mutex::new(media), log, grew, gallery, said: Mutex::new(Some(said)) })
    }

    pub(crate) fn send(&self, command: MediaCommand) {
        self.media.lock().unwrap().send(command);
    }

    /// What it wants told to the other side, for whoever wires it by hand. Once.
    #[allow(dead_code, reason = "for the bench, whose other side is a browser")]
    pub(crate) fn said(&self) -> mpsc::UnboundedReceiver<MediaEvent> {
        self.said.lock().unwrap().take().expect("nobody else listens")
    }

    pub(crate) fn devices(&self) -> DeviceControl {
        self.media.lock().unwrap().devices()
    }

    /// Switches the camera or the screen on or off.
    pub(crate) fn show(&self, kind: MediaKind, on: bool) {
        self.send(MediaCommand::SetMuted { kind, muted: !on });
    }

    /// Looks at these and no others.
    pub(crate) fn look_at(&self, pictures: &[Whose]) {
        let watched = pictures
            .iter()
            .map(|(participant, kind)| Watch { participant: participant.clone(), kind: *kind, width: 1280 })
            .collect();
        self.send(MediaCommand::Watch(watched));
    }

    /// How many events there were so far: a point to wait from.
    pub(crate) fn mark(&self) -> usize {
        self.log.lock().unwrap().len()
    }

    /// All events so far.
    pub(crate) fn events(&self) -> Vec<MediaEvent> {
        self.log.lock().unwrap().iter().map(|(_, event)| event.clone()).collect()
    }

    /// The first event from `mark` on that `wanted` takes.
    pub(crate) async fn wait_from<T>(
        &self,
        mark: usize,
        what: &str,
        mut wanted: impl FnMut(&MediaEvent) -> Option<T>,
    ) -> T {
        let mut grew = self.grew.clone();
        let mut next = mark;
        let search = async {
            loop {
                {
                    let log = self.log.lock().unwrap();
                    while let Some((_, event)) = log.get(next) {
                        next += 1;
                        if let Some(found) = wanted(event) {
                            return found;
                        }
                    }
                }
                grew.changed().await.expect("the end lives");
            }
        };
        match tokio::time::timeout(PATIENCE, search).await {
            Ok(found) => found,
            Err(_) => panic!("{what} did not come; instead: {:#?}", self.without_meters()),
        }
    }

    pub(crate) async fn wait_state(&self, link: LinkId, wanted: LinkState) {
        self.wait_from(0, &format!("{wanted:?}"), |event| match event {
            MediaEvent::LinkState { link: id, state } if *id == link && *state == wanted => Some(()),
            _ => None,
        })
        .await;
    }

    /// Waits until its own track of that kind came or went.
    pub(crate) async fn wait_track(&self, mark: usize, wanted: MediaKind, came: bool) {
        self.wait_from(mark, &format!("{wanted:?} {came}"), |event| match event {
            MediaEvent::LocalTrack { kind, added } if *kind == wanted && *added == came => Some(()),
            _ => None,
        })
        .await;
    }

    pub(crate) async fn wait_first(&self, wanted: MediaKind, stage: MediaStage) {
        self.wait_from(0, &format!("the first {wanted:?} {stage:?}"), |event| match event {
            MediaEvent::FirstMedia { kind, stage: came, .. } if *kind == wanted && *came == stage => Some(()),
            _ => None,
        })
        .await;
    }

    /// Waits for `count` quality reports, one a second, and yields the last.
    pub(crate) async fn wait_quality(&self, count: usize) -> Vec<LinkQuality> {
        let mut seen = 0;
        self.wait_from(self.mark(), "quality", |event| match event {
            MediaEvent::Quality(qualities) => {
                seen += 1;
                (seen == count).then(|| qualities.clone())
            }
            _ => None,
        })
        .await
    }

    /// The figures of the next second for pictures of that kind, on the first link that has any.
    pub(crate) async fn wait_video(&self, kind: MediaKind) -> VideoQuality {
        let qualities = self.wait_quality(1).await;
        qualities.into_iter().flat_map(|quality| quality.video).find(|video| video.kind == kind).unwrap()
    }

    pub(crate) fn without_meters(&self) -> Vec<MediaEvent> {
        let is_meter = |event: &MediaEvent| matches!(event, MediaEvent::Levels(_) | MediaEvent::Quality(_));
        self.events().into_iter().filter(|event| !is_meter(event)).collect()
    }
}

/// What passes between two ends: descriptions and candidates, as they are or changed on the way.
pub(crate) type Change = Box<dyn FnMut(MediaEvent) -> Option<MediaEvent> + Send>;

/// Ends that are wired to each other, each link by its number.
pub(crate) struct Room {
    pub(crate) seats: Vec<Arc<Seat>>,
    wires: Vec<Wire>,
    carried: bool,
}

/// A link between two seats: what one says on it reaches the other.
struct Wire {
    link: LinkId,
    ends: [usize; 2],
    changes: [Change; 2],
}

impl Room {
    pub(crate) fn new(cameras: &[VideoSource]) -> Self {
        Self::of(cameras.iter().cloned().map(Seat::new).collect())
    }

    pub(crate) fn of(seats: Vec<Arc<Seat>>) -> Self {
        Self { seats, wires: Vec::new(), carried: false }
    }

    /// Two with cameras that show the test pattern.
    pub(crate) fn pair() -> Self {
        Self::new(&[VideoSource::Pattern, VideoSource::Pattern])
    }

    /// A link between two seats; the first offers. To be called before [`Room::carry`].
    pub(crate) fn wire(&mut self, link: u64, from: usize, to: usize) {
        self.wire_through(link, from, to, [Box::new(Some), Box::new(Some)]);
    }

    /// Likewise, with something in between.
    pub(crate) fn wire_through(&mut self, link: u64, from: usize, to: usize, changes: [Change; 2]) {
        assert!(!self.carried);
        self.wires.push(Wire { link: LinkId(link), ends: [from, to], changes });
    }

    /// Begins to carry what is said.
    pub(crate) fn carry(&mut self) {
        self.carried = true;
        let mut wires: Vec<Wire> = std::mem::take(&mut self.wires);
        for (number, seat) in self.seats.iter().enumerate() {
            let mut said = seat.said.lock().unwrap().take().unwrap();
            let mut routes: Vec<(LinkId, Arc<Seat>, Change)> = Vec::new();
            for wire in &mut wires {
                for side in 0..2 {
                    if wire.ends[side] == number {
                        let change = std::mem::replace(&mut wire.changes[side], Box::new(Some));
                        routes.push((wire.link, self.seats[wire.ends[1 - side]].clone(), change));
                    }
                }
            }
            tokio::spawn(async move {
                while let Some(event) = said.recv().await {
                    let (MediaEvent::LocalDescription { link, .. } | MediaEvent::LocalCandidate { link, .. }) =
                        &event
                    else {
                        continue;
                    };
                    let Some((link, to, change)) = routes.iter_mut().find(|(id, ..)| id == link) else {
                        continue;
                    };
                    match change(event) {
                        Some(MediaEvent::LocalDescription { description, .. }) => {
                            to.send(MediaCommand::SetRemoteDescription { link: *link, description });
                        }
                        Some(MediaEvent::LocalCandidate { candidate, .. }) => {
                            to.send(MediaCommand::AddRemoteCandidate { link: *link, candidate });
                        }
                        _ => {}
                    }
                }
            });
        }
    }

    /// Opens a person's link on both sides.
    pub(crate) fn connect(&self, link: u64, from: usize, to: usize) {
        for (own, other, role) in [(to, from, LinkRole::Answerer), (from, to, LinkRole::Offerer)] {
            self.seats[own].send(MediaCommand::OpenLink(Link {
                id: LinkId(link),
                participant: Some(participant(other)),
                source: LinkSource::Person,
                role,
                direction: LinkDirection::SendReceive,
                may_send: MediaKinds::VIDEO,
                simulcast: false,
            }));
        }
    }

    /// Opens a screen's link from one to another.
    pub(crate) fn share(&self, link: u64, from: usize, to: usize) {
        for (own, other, role, direction) in [
            (to, from, LinkRole::Answerer, LinkDirection::ReceiveOnly),
            (from, to, LinkRole::Offerer, LinkDirection::SendOnly),
        ] {
            self.seats[own].send(MediaCommand::OpenLink(Link {
                id: LinkId(link),
                participant: Some(participant(other)),
                source: LinkSource::Screen,
                role,
                direction,
                may_send: MediaKinds::VIDEO,
                simulcast: false,
            }));
        }
    }

    /// A pair with one link, connected, and capture started on both sides.
    pub(crate) async fn connected_pair() -> Self {
        let mut room = Self::pair();
        room.wire(1, 0, 1);
        room.wire(2, 0, 1);
        room.carry();
        for seat in &room.seats {
            seat.send(MediaCommand::StartCapture);
        }
        room.connect(1, 0, 1);
        for seat in &room.seats {
            seat.wait_state(LinkId(1), LinkState::Connected).await;
        }
        room
    }
}
