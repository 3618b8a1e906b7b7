//! Two ends of a call, wired to each other by their events.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bellbird_call::ports::{MediaCommand, MediaEngine, MediaEvent};
use bellbird_call::{
    IceCandidate, Link, LinkDirection, LinkId, LinkQuality, LinkRole, LinkSource, LinkState, MediaKind,
    MediaKinds, MediaStage, ParticipantId, SessionDescription,
};
use bellbird_capture::VideoSource;
use bellbird_devices::{CaptureSource, PlayoutSink, Recorder};
use bellbird_media::{CallMedia, CallMediaOptions, MediaRuntime};
use bellbird_testkit::tone_meter::{self, ToneReading};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};

/// The only link of these calls.
pub(crate) const LINK: LinkId = LinkId(1);
/// How long anything may take before the test counts as hung.
const PATIENCE: Duration = Duration::from_secs(180);

/// One end.
pub(crate) struct End {
    media: Mutex<CallMedia>,
    log: Arc<Mutex<Vec<(Instant, MediaEvent)>>>,
    grew: watch::Receiver<usize>,
    pub(crate) recorder: Recorder,
}

impl End {
    /// An end that hears `microphone` and records what it plays. What it wants told to the other side goes to `out`.
    pub(crate) fn new(
        microphone: CaptureSource,
        out: Option<mpsc::UnboundedSender<MediaEvent>>,
    ) -> Arc<Self> {
        let recorder = Recorder::new();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (grow, grew) = watch::channel(0);
        let options = CallMediaOptions {
            microphone,
            speaker: PlayoutSink::Recorder(recorder.clone()),
            ringer: PlayoutSink::Null,
            processing: false,
            camera: VideoSource::DefaultCamera,
            screen: VideoSource::PrimaryScreen,
            pictures: Arc::new(|_| {}),
        };
        let own_log = log.clone();
        let sink = Arc::new(move |event: MediaEvent| {
            if let (MediaEvent::LocalDescription { .. } | MediaEvent::LocalCandidate { .. }, Some(out)) =
                (&event, &out)
            {
                let _ = out.send(event.clone());
            }
            let mut log = own_log.lock().unwrap();
            log.push((Instant::now(), event));
            grow.send_replace(log.len());
        });
        let media = MediaRuntime::new(Handle::current()).open_call(options, sink);
        Arc::new(Self { media: Mutex::new(media), log, grew, recorder })
    }

    pub(crate) fn send(&self, command: MediaCommand) {
        self.media.lock().unwrap().send(command);
    }

    /// Turns a camera of moving bars on.
    pub(crate) fn show_pattern(&self) {
        self.media.lock().unwrap().devices().select_camera(VideoSource::Pattern);
        self.send(MediaCommand::SetMuted { kind: MediaKind::Video, muted: false });
    }

    pub(crate) fn open(&self, role: LinkRole) {
        self.open_with(role, LinkDirection::SendReceive);
    }

    pub(crate) fn open_with(&self, role: LinkRole, direction: LinkDirection) {
        self.send(MediaCommand::OpenLink(Link {
            id: LINK,
            participant: Some(ParticipantId::new("other")),
            source: LinkSource::Person,
            role,
            direction,
            may_send: MediaKinds::VIDEO,
            simulcast: false,
        }));
    }

    pub(crate) fn describe(&self, description: SessionDescription) {
        self.send(MediaCommand::SetRemoteDescription { link: LINK, description });
    }

    pub(crate) fn candidate(&self, candidate: IceCandidate) {
        self.send(MediaCommand::AddRemoteCandidate { link: LINK, candidate });
    }

    pub(crate) fn text(&self, text: &str) {
        self.send(MediaCommand::SendData { link: LINK, text: text.to_owned() });
    }

    /// How many events there were so far: a point to wait from.
    pub(crate) fn mark(&self) -> usize {
        self.log.lock().unwrap().len()
    }

    /// All events so far.
    pub(crate) fn events(&self) -> Vec<(Instant, MediaEvent)> {
        self.log.lock().unwrap().clone()
    }

    /// The first event from `mark` on that `wanted` takes.
    pub(crate) async fn wait_from<T>(
        &self,
        mark: usize,
        what: &str,
        mut wanted: impl FnMut(&MediaEvent) -> Option<T>,
    ) -> (Instant, T) {
        let mut grew = self.grew.clone();
        let mut next = mark;
        let search = async {
            loop {
                {
                    let log = self.log.lock().unwrap();
                    while let Some((at, event)) = log.get(next) {
                        next += 1;
                        if let Some(found) = wanted(event) {
                            return (*at, found);
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

    /// Likewise, from the beginning.
    pub(crate) async fn wait<T>(
        &self,
        what: &str,
        wanted: impl FnMut(&MediaEvent) -> Option<T>,
    ) -> (Instant, T) {
        self.wait_from(0, what, wanted).await
    }

    pub(crate) async fn wait_state_from(&self, mark: usize, wanted: LinkState) -> Instant {
        self.wait_from(mark, &format!("{wanted:?}"), |event| match event {
            MediaEvent::LinkState { state, .. } if *state == wanted => Some(()),
            _ => None,
        })
        .await
        .0
    }

    pub(crate) async fn wait_state(&self, wanted: LinkState) -> Instant {
        self.wait_state_from(0, wanted).await
    }

    pub(crate) async fn wait_stage(&self, wanted: MediaStage) -> Instant {
        self.wait(&format!("{wanted:?}"), |event| match event {
            MediaEvent::FirstMedia { kind: MediaKind::Audio, stage, .. } if *stage == wanted => Some(()),
            _ => None,
        })
        .await
        .0
    }

    pub(crate) async fn wait_text(&self, wanted: &str) -> Instant {
        self.wait("a text", |event| match event {
            MediaEvent::DataReceived { text, .. } if text == wanted => Some(()),
            _ => None,
        })
        .await
        .0
    }

    /// Waits for `count` quality reports, one a second, and yields the last.
    pub(crate) async fn wait_quality(&self, count: usize) -> LinkQuality {
        let mut seen = 0;
        self.wait_from(self.mark(), "quality", |event| match event {
            MediaEvent::Quality(qualities) => {
                seen += 1;
                (seen == count).then(|| qualities[0].clone())
            }
            _ => None,
        })
        .await
        .1
    }

    /// Waits until something was recorded for this long from now on, and measures the strongest tone in it.
    pub(crate) async fn hear(&self, duration: Duration) -> Vec<f32> {
        self.recorder.take();
        let wanted = (duration.as_secs_f64() * 48_000.0) as usize;
        let enough = async {
            while self.recorder.len() < wanted {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, enough).await.expect("the recorder runs");
        self.recorder.take().samples
    }

    /// Waits until the tone is heard clearly, and yields its reading.
    pub(crate) async fn hear_tone(&self, hz: f64) -> ToneReading {
        self.hear_tone_through(hz, 10.0).await
    }

    /// Likewise, with at least this much of it against everything else, dB.
    pub(crate) async fn hear_tone_through(&self, hz: f64, snr: f64) -> ToneReading {
        let search = async {
            loop {
                let heard = self.hear(Duration::from_millis(400)).await;
                if let Some(reading) = tone_meter::measure(&heard, 48_000, 200.0, 2000.0)
                    && (reading.frequency - hz).abs() < 3.0
                    && reading.snr > snr
                {
                    return reading;
                }
            }
        };
        tokio::time::timeout(PATIENCE, search)
            .await
            .unwrap_or_else(|_| panic!("no {hz} Hz were heard; events: {:#?}", self.without_meters()))
    }

    /// Waits until it is silent.
    pub(crate) async fn hear_silence(&self) {
        let search =
            async { while tone_meter::level(&self.hear(Duration::from_millis(400)).await) > -60.0 {} };
        tokio::time::timeout(PATIENCE, search).await.expect("it becomes silent");
    }

    fn without_meters(&self) -> Vec<MediaEvent> {
        let is_meter = |event: &MediaEvent| matches!(event, MediaEvent::Levels(_) | MediaEvent::Quality(_));
        self.events().into_iter().map(|(_, event)| event).filter(|event| !is_meter(event)).collect()
    }
}

/// What passes between two ends: descriptions and candidates, as they are or changed on the way.
pub(crate) type Change = Box<dyn FnMut(MediaEvent) -> Option<MediaEvent> + Send>;

/// Two ends wired to each other. The first offers.
pub(crate) struct Pair {
    pub(crate) a: Arc<End>,
    pub(crate) b: Arc<End>,
}

impl Pair {
    pub(crate) fn new(a: CaptureSource, b: CaptureSource) -> Self {
        Self::with_changes(a, b, Box::new(Some), Box::new(Some))
    }

    pub(crate) fn with_changes(a: CaptureSource, b: CaptureSource, a_to_b: Change, b_to_a: Change) -> Self {
        let (a_out, a_said) = mpsc::unbounded_channel();
        let (b_out, b_said) = mpsc::unbounded_channel();
        let pair = Self { a: End::new(a, Some(a_out)), b: End::new(b, Some(b_out)) };
        carry(a_said, pair.b.clone(), a_to_b);
        carry(b_said, pair.a.clone(), b_to_a);
        pair
    }

    /// Opens the link on both sides and starts both.
    pub(crate) fn start(&self) {
        for end in [&self.a, &self.b] {
            end.send(MediaCommand::StartCapture);
        }
        self.open();
    }

    /// Opens the link on both sides.
    pub(crate) fn open(&self) {
        self.b.open(LinkRole::Answerer);
        self.a.open(LinkRole::Offerer);
    }

    pub(crate) async fn connected(&self) {
        self.a.wait_state(LinkState::Connected).await;
        self.b.wait_state(LinkState::Connected).await;
    }
}

fn carry(mut said: mpsc::UnboundedReceiver<MediaEvent>, to: Arc<End>, mut change: Change) {
    tokio::spawn(async move {
        while let Some(event) = said.recv().await {
            match change(event) {
                Some(MediaEvent::LocalDescription { description, .. }) => to.describe(description),
                Some(MediaEvent::LocalCandidate { candidate, .. }) => to.candidate(candidate),
                _ => {}
            }
        }
    });
}

pub(crate) fn tone(hz: f32) -> CaptureSource {
    CaptureSource::Tone { hz }
}
