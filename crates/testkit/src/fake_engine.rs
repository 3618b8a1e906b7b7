//! A media engine without media: it negotiates, finds a path, loses it and finds it again, over whatever carries its
//! packets, on a virtual clock.
//!
//! Its descriptions are not SDP and its packets hold no sound. It keeps the promises of the port
//! ([`bellbird_call::ports::MediaEngine`]), which [`crate::conformance::media`] checks of it as of a real one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bellbird_call::ports::{MediaCommand, MediaEngine, MediaEvent, MediaSink, Problem, ProblemCode, Tone};
use bellbird_call::{
    IceCandidate, Link, LinkDirection, LinkId, LinkRole, LinkSource, LinkState, MediaKind, MediaStage,
    SessionDescription,
};

/// How often a side sends something: checks while it seeks a path, voice once it has one.
const PACKET_TIME: Duration = Duration::from_millis(20);
/// Silence after which a path counts as disconnected, and as failed. As ICE agents commonly have them (5 s and 25 s
/// more), the second shortened so that tests need less virtual time.
const DISCONNECTED_AFTER: Duration = Duration::from_secs(5);
const FAILED_AFTER: Duration = Duration::from_secs(12);

/// The end of a fake path: which engine, which of its links, and which ICE generation of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FakeAddress {
    engine: u64,
    link: LinkId,
    generation: u32,
}

impl FakeAddress {
    /// The number of the engine it belongs to, as given to [`FakeEngine::new`].
    pub fn engine(&self) -> u64 {
        self.engine
    }
}

/// What travels between two fake engines.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FakePacket {
    /// Whence.
    pub from: FakeAddress,
    /// Whither.
    pub to: FakeAddress,
    /// What.
    pub content: FakeContent,
}

/// What a fake packet holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FakeContent {
    /// Can you hear me? `heard`: I can hear you.
    Check {
        /// Whether the sender has had a check of the receiver's.
        heard: bool,
    },
    /// 20 ms of sound, or of silence when muted.
    Voice {
        /// Whether it is silence by choice.
        muted: bool,
    },
    /// A picture of a screen.
    Picture,
    /// Text of the data channel.
    Data(String),
}

/// The engine. See [`FakeEngine::new`].
#[derive(Debug)]
pub struct FakeEngine(Arc<Mutex<Inner>>);

/// A test's hold on a [`FakeEngine`]: moves its clock, carries its packets, knows what it was asked.
#[derive(Clone, Debug)]
pub struct EngineProbe(Arc<Mutex<Inner>>);

struct Inner {
    number: u64,
    sink: MediaSink,
    now: Option<Instant>,
    links: BTreeMap<LinkId, FakeLink>,
    commands: Vec<MediaCommand>,
    outgoing: Vec<FakePacket>,
    capturing: bool,
    held: bool,
    muted: bool,
    /// Camera and screen, where they are on.
    shown: BTreeSet<MediaKind>,
    tone: Option<Tone>,
    voice_sent: u64,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("number", &self.number).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct FakeLink {
    link: Link,
    generation: u32,
    offering: bool,
    remote: Option<FakeAddress>,
    state: LinkState,
    heard: bool,
    last_packet: Option<Instant>,
    /// `None`: at the next tick.
    next_packet: Option<Instant>,
    first_done: bool,
    voice_received: u64,
}

impl FakeEngine {
    /// An engine with a number of its own among those that may meet, and the test's hold on it.
    pub fn new(number: u64, sink: MediaSink) -> (Self, EngineProbe) {
        let inner = Arc::new(Mutex::new(Inner {
            number,
            sink,
            now: None,
            links: BTreeMap::new(),
            commands: Vec::new(),
            outgoing: Vec::new(),
            capturing: false,
            held: false,
            muted: false,
            shown: BTreeSet::new(),
            tone: None,
            voice_sent: 0,
        }));
        (Self(inner.clone()), EngineProbe(inner))
    }
}

fn lock(inner: &Arc<Mutex<Inner>>) -> MutexGuard<'_, Inner> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}

impl MediaEngine for FakeEngine {
    fn send(&mut self, command: MediaCommand) {
        let events = lock(&self.0).obey(command);
        deliver(&self.0, events);
    }
}

/// An engine that is dropped falls silent.
impl Drop for FakeEngine {
    fn drop(&mut self) {
        let mut inner = lock(&self.0);
        inner.links.clear();
        inner.capturing = false;
        inner.shown.clear();
        inner.tone = None;
    }
}

/// Outside of the lock: a sink may well answer with a command.
fn deliver(inner: &Arc<Mutex<Inner>>, events: Vec<MediaEvent>) {
    let sink = lock(inner).sink.clone();
    events.into_iter().for_each(|event| sink(event));
}

impl EngineProbe {
    /// Moves the clock on, and with it whatever the engine does by itself.
    pub fn advance(&self, now: Instant) {
        let events = lock(&self.0).tick(now);
        deliver(&self.0, events);
    }

    /// When the clock should be moved on next; `None` while there is nothing to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let inner = lock(&self.0);
        let described = inner.links.values().filter(|link| link.remote.is_some());
        described.filter_map(|link| link.next_packet.or(inner.now)).min()
    }

    /// What the engine wants carried.
    pub fn take_packets(&self) -> Vec<FakePacket> {
        std::mem::take(&mut lock(&self.0).outgoing)
    }

    /// Hands over a packet that came through.
    pub fn receive(&self, packet: &FakePacket, now: Instant) {
        let events = lock(&self.0).receive(packet, now);
        deliver(&self.0, events);
    }

    /// Everything it was asked so far.
    pub fn commands(&self) -> Vec<MediaCommand> {
        lock(&self.0).commands.clone()
    }

    /// Whether the microphone is open.
    pub fn is_capturing(&self) -> bool {
        lock(&self.0).capturing
    }

    /// Whether the camera or the screen is open.
    pub fn is_shown(&self, kind: MediaKind) -> bool {
        lock(&self.0).shown.contains(&kind)
    }

    /// The tone that sounds, looping ones until stopped.
    pub fn tone(&self) -> Option<Tone> {
        lock(&self.0).tone
    }

    /// How many packets of voice it has sent.
    pub fn voice_sent(&self) -> u64 {
        lock(&self.0).voice_sent
    }

    /// How many packets of voice that is not silence by choice it has received on its open links.
    pub fn voice_received(&self) -> u64 {
        lock(&self.0).links.values().map(|link| link.voice_received).sum()
    }
}

impl Inner {
    fn obey(&mut self, command: MediaCommand) -> Vec<MediaEvent> {
        self.commands.push(command.clone());
        let mut events = Vec::new();
        match command {
            MediaCommand::StartCapture => {
                if !std::mem::replace(&mut self.capturing, true) {
                    events.push(MediaEvent::LocalTrack { kind: MediaKind::Audio, added: true });
                }
            }
            MediaCommand::SetIceServers(_) => {}
            MediaCommand::OpenLink(link) => self.open(link, &mut events),
            MediaCommand::SetRemoteDescription { link, description } => {
                self.describe(link, &description, &mut events);
            }
            // Addresses travel in the descriptions.
            MediaCommand::AddRemoteCandidate { .. } => {}
            MediaCommand::RestartIce(id) => {
                if let Some(link) = self.links.get_mut(&id).filter(|link| link.link.role == LinkRole::Offerer)
                {
                    link.generation += 1;
                    link.offering = true;
                    events.extend(described(self.number, id, link.generation, true));
                }
            }
            MediaCommand::CloseLink(id) => {
                self.links.remove(&id);
            }
            MediaCommand::SendData { link, text } => {
                if let Some(open) = self.links.get(&link).filter(|open| open.state == LinkState::Connected) {
                    self.outgoing.extend(open.packet(self.number, FakeContent::Data(text)));
                }
            }
            MediaCommand::SetMuted { kind, muted } => match kind {
                MediaKind::Audio => self.muted = muted,
                MediaKind::Video | MediaKind::Screen => self.show(kind, !muted, &mut events),
            },
            MediaCommand::Watch(_) => {}
            MediaCommand::SetHold(held) => self.held = held,
            MediaCommand::PlayTone(tone) => self.tone = Some(tone),
            MediaCommand::StopTone => self.tone = None,
        }
        events
    }

    fn show(&mut self, kind: MediaKind, on: bool, events: &mut Vec<MediaEvent>) {
        let changed = if on { self.capturing && self.shown.insert(kind) } else { self.shown.remove(&kind) };
        if changed {
            events.push(MediaEvent::LocalTrack { kind, added: on });
        }
    }

    fn open(&mut self, link: Link, events: &mut Vec<MediaEvent>) {
        let id = link.id;
        let offering = link.role == LinkRole::Offerer;
        self.links.insert(
            id,
            FakeLink {
                link,
                generation: 1,
                offering,
                remote: None,
                state: LinkState::Connecting,
                heard: false,
                last_packet: None,
                next_packet: None,
                first_done: false,
                voice_received: 0,
            },
        );
        if offering {
            events.extend(described(self.number, id, 1, true));
        }
    }

    fn describe(&mut self, id: LinkId, description: &SessionDescription, events: &mut Vec<MediaEvent>) {
        let now = self.now;
        let Some(link) = self.links.get_mut(&id) else { return };
        let expected = match description {
            SessionDescription::Offer(_) => link.link.role == LinkRole::Answerer,
            SessionDescription::Answer(_) => link.offering,
        };
        let Some(remote) = parse(description.sdp()).filter(|_| expected) else {
            self.links.remove(&id);
            let problem = Problem::new(ProblemCode::BadDescription, "the description makes no sense");
            events.push(MediaEvent::LinkFailed { link: id, problem });
            return;
        };
        let first = link.remote.is_none();
        link.remote = Some(remote);
        link.offering = false;
        link.heard = false;
        link.last_packet = now;
        match (link.link.source, link.link.direction) {
            (LinkSource::Person, _) if first => {
                events.push(MediaEvent::RemoteTrack { link: id, kind: MediaKind::Audio, added: true });
            }
            (LinkSource::Screen, LinkDirection::ReceiveOnly) if first => {
                events.push(MediaEvent::RemoteTrack { link: id, kind: MediaKind::Screen, added: true });
            }
            (LinkSource::Person | LinkSource::Screen, _) => {}
        }
        if let SessionDescription::Offer(_) = description {
            if !first {
                link.generation += 1;
            }
            events.extend(described(self.number, id, link.generation, false));
        }
    }

    fn tick(&mut self, now: Instant) -> Vec<MediaEvent> {
        self.now = Some(now);
        let mut events = Vec::new();
        for (id, link) in &mut self.links {
            if link.remote.is_none() || link.next_packet.is_some_and(|at| now < at) {
                continue;
            }
            link.next_packet = Some(now + PACKET_TIME);
            let quiet = now.saturating_duration_since(*link.last_packet.get_or_insert(now));
            let state = match link.state {
                LinkState::Connected if quiet > DISCONNECTED_AFTER => LinkState::Disconnected,
                LinkState::Disconnected | LinkState::Connecting if quiet > FAILED_AFTER => LinkState::Failed,
                same => same,
            };
            if state != link.state {
                link.state = state;
                events.push(MediaEvent::LinkState { link: *id, state });
            }
            let content = match (link.state, link.link.source) {
                (LinkState::Connected, LinkSource::Person) if self.capturing && !self.held => {
                    self.voice_sent += 1;
                    FakeContent::Voice { muted: self.muted }
                }
                (LinkState::Connected, LinkSource::Screen)
                    if link.link.direction == LinkDirection::SendOnly
                        && self.shown.contains(&MediaKind::Screen)
                        && !self.held =>
                {
                    FakeContent::Picture
                }
                _ => FakeContent::Check { heard: link.heard },
            };
            self.outgoing.extend(link.packet(self.number, content));
        }
        events
    }

    fn receive(&mut self, packet: &FakePacket, now: Instant) -> Vec<MediaEvent> {
        let mut events = Vec::new();
        let id = packet.to.link;
        let Some(link) = self.links.get_mut(&id) else { return events };
        let is_ours = packet.to == link.address(self.number) && link.remote == Some(packet.from);
        if !is_ours {
            return events;
        }
        link.heard = true;
        link.last_packet = Some(now);
        let they_hear_us = match &packet.content {
            FakeContent::Check { heard } => *heard,
            FakeContent::Voice { .. } | FakeContent::Picture | FakeContent::Data(_) => true,
        };
        if they_hear_us && link.state != LinkState::Connected {
            link.state = LinkState::Connected;
            events.push(MediaEvent::LinkState { link: id, state: LinkState::Connected });
        }
        match &packet.content {
            FakeContent::Check { .. } => {}
            FakeContent::Voice { muted } => {
                link.voice_received += u64::from(!muted);
                if !std::mem::replace(&mut link.first_done, true) {
                    for stage in [MediaStage::Rtp, MediaStage::Played] {
                        events.push(MediaEvent::FirstMedia { link: id, kind: MediaKind::Audio, stage });
                    }
                }
            }
            FakeContent::Picture => {
                if !std::mem::replace(&mut link.first_done, true) {
                    for stage in [MediaStage::Rtp, MediaStage::Frame] {
                        events.push(MediaEvent::FirstMedia { link: id, kind: MediaKind::Screen, stage });
                    }
                }
            }
            FakeContent::Data(text) => {
                events.push(MediaEvent::DataReceived { link: id, text: text.clone() });
            }
        }
        events
    }
}

impl FakeLink {
    fn address(&self, engine: u64) -> FakeAddress {
        FakeAddress { engine, link: self.link.id, generation: self.generation }
    }

    fn packet(&self, engine: u64, content: FakeContent) -> Option<FakePacket> {
        Some(FakePacket { from: self.address(engine), to: self.remote?, content })
    }
}

/// Our description, then the end of our candidates.
fn described(engine: u64, link: LinkId, generation: u32, offer: bool) -> [MediaEvent; 2] {
    let text = format!("fake {engine} {} {generation}", link.0);
    let description = if offer { SessionDescription::Offer(text) } else { SessionDescription::Answer(text) };
    let candidate = IceCandidate { candidate: String::new(), sdp_mid: None, sdp_mline_index: Some(0) };
    [MediaEvent::LocalDescription { link, description }, MediaEvent::LocalCandidate { link, candidate }]
}

fn parse(text: &str) -> Option<FakeAddress> {
    let mut words = text.split(' ');
    (words.next()? == "fake").then_some(())?;
    Some(FakeAddress {
        engine: words.next()?.parse().ok()?,
        link: LinkId(words.next()?.parse().ok()?),
        generation: words.next()?.parse().ok()?,
    })
}
