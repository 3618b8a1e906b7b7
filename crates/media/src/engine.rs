//! The task of one call's media: everything that can happen is one [`EngineEvent`], handled one after another.
//!
//! Neither sound nor pictures pass through here: the pump's thread and the encoders' hand what they made to the links'
//! senders, and what is received goes from the library's task to the jitter buffers and the decoders. This task only sets
//! that up.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bellbird_call::ports::{MediaCommand, MediaEvent, MediaSink, Problem, ProblemCode};
use bellbird_call::{
    IceCandidate, Link, LinkDirection, LinkId, LinkRole, LinkSource, LinkState, MediaKind, MediaKinds,
    MediaStage, SessionDescription,
};
use bellbird_capture::VideoSource;
use bellbird_devices::{CaptureSource, PlayoutSink};
use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::CallMediaOptions;
use crate::peer::{
    Applied, AudioSender, NoticeSink, OutgoingAudio, PeerConnection, PeerEvent, PeerFactory, PeerNotice,
    VideoEnds, local_addresses,
};
use crate::pump::{EncodedAudio, PumpEvent, PumpSink, SoundOptions, SoundPump};
use crate::stats::{ExpectedLoss, LinkMeter, LinkReading};
use crate::video::{PictureEvent, PictureNews, Pictures, kind_of};

/// The most links of one call. A mesh is of no use long before.
const MAX_LINKS: usize = 64;
/// How many notices of links may wait. A link makes a few dozen in its life.
const NOTICES: usize = 1024;
/// How many texts may wait before peers are slowed down.
const TEXTS: usize = 32;
/// How many events of the pump may wait. Levels do not pass here.
const PUMP_EVENTS: usize = 64;
/// How many events of cameras and decoders may wait. A link and a switch make one or two each.
const PICTURE_EVENTS: usize = 256;
/// How often quality is told.
const QUALITY_INTERVAL: Duration = Duration::from_secs(1);

/// What the holder of a call's media asks.
#[derive(Debug)]
pub(crate) enum Request {
    /// A command of the call.
    Command(MediaCommand),
    SelectMicrophone(CaptureSource),
    SelectSpeaker(PlayoutSink),
    SelectRinger(PlayoutSink),
    /// Play nothing of the others.
    SetSilent(bool),
    /// Camera or screen.
    SelectPicture(MediaKind, VideoSource),
}

/// All that can wake the task.
enum EngineEvent {
    /// The holder asks something.
    Request(Request),
    /// A link's connection noticed something by itself.
    Notice(LinkId, PeerNotice),
    /// A text came on a link's data channel.
    Text(LinkId, String),
    /// The sound thread says something.
    Pump(PumpEvent),
    /// A camera's, a screen's or a decoder's thread says something.
    Picture(PictureEvent),
    /// A second went by.
    QualityDue,
    /// The holder let go.
    Released,
}

/// One link.
struct LinkEntry {
    peer: PeerConnection,
    meter: LinkMeter,
    state: Option<LinkState>,
    receives_sound: bool,
    receives_pictures: bool,
}

/// The links our sound goes to. Shared with the sound thread.
#[derive(Default)]
struct Fanout {
    senders: Mutex<Vec<(LinkId, Arc<AudioSender>)>>,
}

impl Fanout {
    fn add(&self, link: LinkId, sender: Arc<AudioSender>) {
        self.senders.lock().unwrap_or_else(PoisonError::into_inner).push((link, sender));
    }

    fn remove(&self, link: LinkId) {
        self.senders.lock().unwrap_or_else(PoisonError::into_inner).retain(|(id, _)| *id != link);
    }

    /// Sends to all. On the sound thread.
    fn send(&self, encoded: &EncodedAudio<'_>) {
        let audio = OutgoingAudio {
            payload: Bytes::copy_from_slice(encoded.payload),
            samples: encoded.samples,
            level_dbov: encoded.level_dbov,
            voice: encoded.voice,
        };
        for (_, sender) in self.senders.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            sender.send(&audio);
        }
    }
}

/// Starts a call's task.
pub(crate) fn start(
    handle: Handle,
    options: CallMediaOptions,
    sink: MediaSink,
    requests: mpsc::Receiver<Request>,
) {
    let own = handle.clone();
    handle.spawn(run(own, options, sink, requests));
}

/// Makes a connection and an offer that nobody gets, so that the first call finds code and tables in memory.
pub(crate) async fn warm_up(handle: Handle) {
    let (texts, _) = mpsc::channel(1);
    let Ok(factory) = PeerFactory::new(handle, texts) else { return };
    let link = Link {
        id: LinkId(0),
        participant: None,
        source: LinkSource::Person,
        role: LinkRole::Offerer,
        direction: LinkDirection::SendReceive,
        may_send: MediaKinds::VIDEO,
        simulcast: false,
    };
    if let Ok(mut peer) = factory.open(link, None, VideoEnds::default(), Arc::new(|_| {})).await {
        let _ = peer.offer(false).await;
        peer.close();
    }
}

async fn run(
    handle: Handle,
    options: CallMediaOptions,
    sink: MediaSink,
    mut requests: mpsc::Receiver<Request>,
) {
    let (texts_in, mut texts) = mpsc::channel(TEXTS);
    let (notices_in, mut notices) = mpsc::channel(NOTICES);
    let (pump_in, mut pump_events) = mpsc::channel(PUMP_EVENTS);
    let factory = match PeerFactory::new(handle.clone(), texts_in) {
        Ok(factory) => factory,
        Err(problem) => {
            sink(MediaEvent::Trouble(problem));
            return;
        }
    };
    let sound = SoundOptions {
        microphone: options.microphone,
        speaker: options.speaker,
        ringer: options.ringer,
        processing: options.processing,
    };
    let (pictures_in, mut pictures) = mpsc::channel(PICTURE_EVENTS);
    let tell_pictures = Arc::new(move |event| {
        if let Err(TrySendError::Full(_)) = pictures_in.try_send(event) {
            tracing::warn!("an event of pictures was lost because the call's media are too far behind");
        }
    });
    let mut engine = Engine {
        pictures: Pictures::new(options.camera, options.screen, options.pictures, tell_pictures),
        pump: SoundPump::new(sound, pump_sink(sink.clone(), pump_in)),
        sink,
        factory,
        notices: notices_in,
        links: BTreeMap::new(),
        fanout: Arc::default(),
        expected_loss: ExpectedLoss::default(),
        addresses: Vec::new(),
    };
    let mut quality = tokio::time::interval(QUALITY_INTERVAL);
    quality.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        // The channels below have senders in `engine`, so that only requests can end.
        let event = tokio::select! {
            request = requests.recv() => request.map_or(EngineEvent::Released, EngineEvent::Request),
            Some((link, notice)) = notices.recv() => EngineEvent::Notice(link, notice),
            Some((link, text)) = texts.recv() => EngineEvent::Text(link, text),
            Some(event) = pump_events.recv() => EngineEvent::Pump(event),
            Some(event) = pictures.recv() => EngineEvent::Picture(event),
            _ = quality.tick() => EngineEvent::QualityDue,
        };
        match event {
            EngineEvent::Request(request) => engine.request(request).await,
            EngineEvent::Notice(link, notice) => engine.notice(link, notice).await,
            EngineEvent::Text(link, text) => {
                if engine.links.contains_key(&link) {
                    engine.tell(MediaEvent::DataReceived { link, text });
                }
            }
            EngineEvent::Pump(event) => engine.pump_event(event),
            EngineEvent::Picture(event) => engine.picture_event(event),
            EngineEvent::QualityDue => engine.quality(Instant::now()).await,
            EngineEvent::Released => break,
        }
    }
    for link in engine.links.keys().copied().collect::<Vec<_>>() {
        engine.close_link(link);
    }
    // Closing devices can take a while, which must not hold up the tasks of others.
    handle.spawn_blocking(move || drop(engine));
}

fn pump_sink(sink: MediaSink, events: mpsc::Sender<PumpEvent>) -> PumpSink {
    Arc::new(move |event| match event {
        // Meters go straight out.
        PumpEvent::Levels(levels) => sink(MediaEvent::Levels(levels)),
        event => {
            if events.try_send(event).is_err() {
                tracing::warn!(
                    "an event of the sound thread was lost because the call's media are too far behind"
                );
            }
        }
    })
}

struct Engine {
    pump: SoundPump,
    pictures: Pictures,
    sink: MediaSink,
    factory: PeerFactory,
    notices: mpsc::Sender<(LinkId, PeerNotice)>,
    links: BTreeMap<LinkId, LinkEntry>,
    fanout: Arc<Fanout>,
    expected_loss: ExpectedLoss,
    /// Ours, as they were a moment ago; empty while there is no link.
    addresses: Vec<IpAddr>,
}

impl Engine {
    fn tell(&self, event: MediaEvent) {
        (self.sink)(event);
    }

    async fn request(&mut self, request: Request) {
        match request {
            Request::Command(command) => self.command(command).await,
            Request::SelectMicrophone(source) => self.pump.select_microphone(source),
            Request::SelectSpeaker(sink) => self.pump.select_speaker(sink),
            Request::SelectRinger(sink) => self.pump.select_ringer(sink),
            Request::SetSilent(silent) => self.pump.set_silent(silent),
            Request::SelectPicture(kind, source) => self.pictures.select(kind, source),
        }
    }

    async fn command(&mut self, command: MediaCommand) {
        match command {
            MediaCommand::StartCapture => {
                let fanout = self.fanout.clone();
                self.pump.start_capture(Box::new(move |encoded| fanout.send(encoded)));
                self.pictures.start_capture();
            }
            MediaCommand::SetIceServers(servers) => self.factory.set_servers(&servers),
            MediaCommand::OpenLink(link) => self.open_link(link).await,
            MediaCommand::SetRemoteDescription { link, description } => self.apply(link, &description).await,
            MediaCommand::AddRemoteCandidate { link, candidate } => {
                self.add_candidate(link, &candidate).await
            }
            MediaCommand::RestartIce(link) => self.offer(link, true).await,
            MediaCommand::CloseLink(link) => self.close_link(link),
            MediaCommand::SendData { link, text } => {
                if let Some(entry) = self.links.get(&link) {
                    entry.peer.send_text(&text).await;
                }
            }
            MediaCommand::SetMuted { kind: MediaKind::Audio, muted } => self.pump.set_muted(muted),
            MediaCommand::SetMuted { kind: kind @ (MediaKind::Video | MediaKind::Screen), muted } => {
                self.pictures.set_muted(kind, muted);
            }
            MediaCommand::Watch(watched) => self.pictures.watch(watched),
            MediaCommand::SetHold(hold) => {
                self.pump.set_hold(hold);
                self.pictures.set_hold(hold);
            }
            MediaCommand::PlayTone(tone) => self.pump.play_tone(tone),
            MediaCommand::StopTone => self.pump.stop_tone(),
        }
    }

    async fn open_link(&mut self, link: Link) {
        let id = link.id;
        if self.links.contains_key(&id) || self.links.len() == MAX_LINKS {
            let problem =
                Problem::new(ProblemCode::Internal, "the link is open already, or there are too many");
            self.tell(MediaEvent::LinkFailed { link: id, problem });
            return;
        }
        if self.links.is_empty() {
            // Whatever goes from now on may have been its path.
            self.addresses = local_addresses();
        }
        let receives = match link.direction {
            LinkDirection::SendReceive | LinkDirection::ReceiveOnly => true,
            LinkDirection::SendOnly => false,
        };
        let inlet = link
            .participant
            .clone()
            .filter(|_| receives && link.source == LinkSource::Person)
            .map(|participant| self.pump.add_receiver(id, participant));
        let role = link.role;
        let pictures = self.pictures.open_link(&link, Instant::now());
        match self.factory.open(link, inlet, pictures, self.notice_sink(id)).await {
            Ok(peer) => {
                self.fanout.add(id, peer.sender().clone());
                self.pictures.link_opened(id, peer.video_sender(), peer.video_requests());
                let meter = LinkMeter::new(Instant::now());
                self.links.insert(
                    id,
                    LinkEntry { peer, meter, state: None, receives_sound: false, receives_pictures: false },
                );
                match role {
                    LinkRole::Offerer => self.offer(id, false).await,
                    LinkRole::Answerer => {}
                }
            }
            Err(problem) => {
                self.pump.remove_receiver(id);
                self.pictures.close_link(id);
                self.tell(MediaEvent::LinkFailed { link: id, problem });
            }
        }
    }

    fn notice_sink(&self, link: LinkId) -> NoticeSink {
        let notices = self.notices.clone();
        Arc::new(move |notice| {
            match notices.try_send((link, notice)) {
                Ok(()) => {}
                Err(TrySendError::Full(_)) => {
                    tracing::warn!(%link, "a notice was lost because the call's media are too far behind");
                }
                // A link says that it is closed after its call is over: nobody is left to hear it.
                Err(TrySendError::Closed(_)) => {}
            }
        })
    }

    async fn offer(&mut self, link: LinkId, restart: bool) {
        let Some(entry) = self.links.get_mut(&link) else { return };
        match entry.peer.offer(restart).await {
            Ok(description) => self.tell(MediaEvent::LocalDescription { link, description }),
            Err(problem) => self.tell(MediaEvent::LinkFailed { link, problem }),
        }
    }

    async fn apply(&mut self, link: LinkId, description: &SessionDescription) {
        let Some(entry) = self.links.get_mut(&link) else { return };
        match entry.peer.apply(description).await {
            Ok(applied) => self.applied(link, applied),
            // A collision, which settles itself.
            Err(problem) if problem.code == ProblemCode::NotNow => {}
            Err(problem) if entry.peer.is_agreed() => self.tell(MediaEvent::Trouble(problem)),
            Err(problem) => self.tell(MediaEvent::LinkFailed { link, problem }),
        }
    }

    fn applied(&mut self, link: LinkId, applied: Applied) {
        let Some(entry) = self.links.get_mut(&link) else { return };
        let kind = kind_of(entry.peer.link().source);
        let receives_pictures = applied.video.is_some_and(|agreed| agreed.receive);
        let sound_changed = entry.receives_sound != applied.receives_sound;
        let pictures_changed = entry.receives_pictures != receives_pictures;
        (entry.receives_sound, entry.receives_pictures) = (applied.receives_sound, receives_pictures);
        self.pictures.agree(link, applied.video);
        if let Some(description) = applied.answer {
            self.tell(MediaEvent::LocalDescription { link, description });
        }
        if sound_changed {
            let (kind, added) = (MediaKind::Audio, applied.receives_sound);
            self.tell(MediaEvent::RemoteTrack { link, kind, added });
        }
        if pictures_changed {
            self.tell(MediaEvent::RemoteTrack { link, kind, added: receives_pictures });
        }
    }

    async fn add_candidate(&mut self, link: LinkId, candidate: &IceCandidate) {
        if let Some(entry) = self.links.get_mut(&link) {
            entry.peer.add_candidate(candidate).await;
        }
    }

    fn close_link(&mut self, link: LinkId) {
        let Some(entry) = self.links.remove(&link) else { return };
        self.fanout.remove(link);
        self.pump.remove_receiver(link);
        self.pictures.close_link(link);
        let pictures = kind_of(entry.peer.link().source);
        entry.peer.close();
        if entry.receives_sound {
            self.tell(MediaEvent::RemoteTrack { link, kind: MediaKind::Audio, added: false });
        }
        if entry.receives_pictures {
            self.tell(MediaEvent::RemoteTrack { link, kind: pictures, added: false });
        }
    }

    async fn notice(&mut self, link: LinkId, notice: PeerNotice) {
        let Some(entry) = self.links.get_mut(&link) else { return };
        match entry.peer.handle(notice).await {
            Some(PeerEvent::LocalCandidate(candidate)) => {
                self.tell(MediaEvent::LocalCandidate { link, candidate });
            }
            Some(PeerEvent::State(state)) => self.link_state(link, state),
            Some(PeerEvent::FirstSound) => {
                let (kind, stage) = (MediaKind::Audio, MediaStage::Rtp);
                self.tell(MediaEvent::FirstMedia { link, kind, stage });
            }
            Some(PeerEvent::FirstPicture) => {
                let (kind, stage) = (kind_of(entry.peer.link().source), MediaStage::Rtp);
                self.tell(MediaEvent::FirstMedia { link, kind, stage });
            }
            None => {}
        }
    }

    fn link_state(&mut self, link: LinkId, state: LinkState) {
        let Some(entry) = self.links.get_mut(&link) else { return };
        // What is closed stays so.
        if entry.state == Some(state) || entry.state == Some(LinkState::Closed) {
            return;
        }
        entry.state = Some(state);
        let connected = match state {
            LinkState::Connected | LinkState::Disconnected => true,
            LinkState::Connecting | LinkState::Failed | LinkState::Closed => false,
        };
        self.pictures.set_connected(link, connected);
        tracing::info!(%link, ?state, "link");
        self.tell(MediaEvent::LinkState { link, state });
    }

    fn pump_event(&mut self, event: PumpEvent) {
        match event {
            PumpEvent::FirstPlayed(link) => {
                if self.links.contains_key(&link) {
                    let (kind, stage) = (MediaKind::Audio, MediaStage::Played);
                    self.tell(MediaEvent::FirstMedia { link, kind, stage });
                }
            }
            PumpEvent::CaptureRunning => {
                self.tell(MediaEvent::LocalTrack { kind: MediaKind::Audio, added: true });
            }
            PumpEvent::Trouble(problem) => self.tell(MediaEvent::Trouble(problem)),
            PumpEvent::Levels(levels) => self.tell(MediaEvent::Levels(levels)),
        }
    }

    fn picture_event(&mut self, event: PictureEvent) {
        match self.pictures.event(event) {
            Some(PictureNews::Track(kind, added)) => self.tell(MediaEvent::LocalTrack { kind, added }),
            Some(PictureNews::Failed(kind, problem)) => {
                self.tell(MediaEvent::CaptureFailed { kind, problem });
            }
            Some(PictureNews::First(link)) => {
                if let Some(entry) = self.links.get(&link) {
                    let (kind, stage) = (kind_of(entry.peer.link().source), MediaStage::Frame);
                    self.tell(MediaEvent::FirstMedia { link, kind, stage });
                }
            }
            None => {}
        }
    }

    /// Tells when an address is gone that links could be using.
    fn look_at_addresses(&mut self) {
        let addresses = local_addresses();
        if self.addresses.iter().any(|address| !addresses.contains(address)) {
            self.tell(MediaEvent::AddressLost);
        }
        self.addresses = addresses;
    }

    async fn quality(&mut self, now: Instant) {
        if self.links.is_empty() {
            // What comes and goes meanwhile concerns no link.
            self.addresses.clear();
            return;
        }
        self.look_at_addresses();
        let mut qualities = Vec::with_capacity(self.links.len());
        let mut gone = Vec::new();
        for (id, entry) in &mut self.links {
            let (link, receiver) = entry.peer.figures();
            let video = entry.peer.video_figures();
            if let Some(round_trip) = video.round_trip.or(link.round_trip) {
                self.pictures.set_round_trip(*id, round_trip);
            }
            let reading = LinkReading { link, receiver, video, shown: self.pictures.figures(*id) };
            qualities.push(entry.meter.read(now, entry.peer.link(), reading));
            if entry.peer.is_closed_by_peer().await {
                gone.push(*id);
            }
        }
        if let Some(loss) =
            self.expected_loss.update(qualities.iter().filter_map(|quality| quality.remote_loss))
        {
            self.pump.set_expected_loss(loss);
        }
        self.tell(MediaEvent::Quality(qualities));
        for link in gone {
            self.link_state(link, LinkState::Closed);
        }
    }
}
