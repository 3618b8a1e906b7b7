//! The media port.

use std::sync::{Arc, Mutex, PoisonError};

use bellbird_call::ports::{MediaCommand, MediaEngine, MediaEvent, MediaSink, ProblemCode};
use bellbird_call::{
    Link, LinkDirection, LinkId, LinkRole, LinkSource, LinkState, MediaKind, MediaKinds, MediaStage,
    ParticipantId, SessionDescription,
};

use super::PATIENCE;

struct Side {
    engine: Box<dyn MediaEngine>,
    inbox: Arc<Mutex<Vec<MediaEvent>>>,
    seen: Vec<MediaEvent>,
}

struct Pair<'a> {
    sides: [Side; 2],
    carry: &'a mut dyn FnMut(),
}

/// Checks two engines against each other: negotiation, silence before capture, first media, restart, bad and unknown
/// input, closing.
///
/// # Panics
/// When a promise of [`MediaEngine`] is not kept.
pub fn media(make: &mut dyn FnMut(MediaSink) -> Box<dyn MediaEngine>, carry: &mut dyn FnMut()) {
    let mut side = || {
        let inbox: Arc<Mutex<Vec<MediaEvent>>> = Arc::default();
        let sink_inbox = inbox.clone();
        let sink: MediaSink = Arc::new(move |event| {
            sink_inbox.lock().unwrap_or_else(PoisonError::into_inner).push(event);
        });
        Side { engine: make(sink), inbox, seen: Vec::new() }
    };
    let sides = [side(), side()];
    let mut pair = Pair { sides, carry };
    const LINK: LinkId = LinkId(1);

    pair.open(0, LINK, LinkRole::Offerer);
    pair.open(1, LINK, LinkRole::Answerer);
    pair.wait("both links connect", |sides| sides.iter().all(|side| side.is_connected(LINK)));
    for side in &pair.sides {
        side.assert_description_first(LINK);
        side.assert_nothing_captured();
    }
    assert!(pair.sides[0].descriptions(LINK).all(|d| matches!(d, SessionDescription::Offer(_))));
    assert!(pair.sides[1].descriptions(LINK).all(|d| matches!(d, SessionDescription::Answer(_))));

    // A connected link without capture stays silent, also after a while.
    for _ in 0..200 {
        pair.step();
    }
    pair.sides.iter().for_each(Side::assert_nothing_captured);

    for side in &mut pair.sides {
        side.engine.send(MediaCommand::StartCapture);
    }
    let played =
        |side: &Side| side.firsts(LINK, MediaStage::Played) > 0 && side.firsts(LINK, MediaStage::Rtp) > 0;
    pair.wait("sound arrives both ways", |sides| sides.iter().all(played));
    for side in &pair.sides {
        let own = MediaEvent::LocalTrack { kind: MediaKind::Audio, added: true };
        assert_eq!(side.count(&own), 1, "our own track runs, told once");
        let theirs = MediaEvent::RemoteTrack { link: LINK, kind: MediaKind::Audio, added: true };
        assert_eq!(side.count(&theirs), 1, "the remote track, told once");
    }

    let offers = pair.sides[0].descriptions(LINK).count();
    let answers = pair.sides[1].descriptions(LINK).count();
    pair.sides[0].engine.send(MediaCommand::RestartIce(LINK));
    pair.wait("a restart brings a new offer and a new answer", |sides| {
        sides[0].descriptions(LINK).count() > offers && sides[1].descriptions(LINK).count() > answers
    });
    pair.wait("the path is there after it", |sides| sides.iter().all(|side| side.is_connected(LINK)));

    // What makes no sense does no harm.
    const UNKNOWN: LinkId = LinkId(999);
    const BAD: LinkId = LinkId(2);
    let nonsense = SessionDescription::Offer("v=0\r\nnot a description\0".into());
    let set = |link| MediaCommand::SetRemoteDescription { link, description: nonsense.clone() };
    pair.sides[1].engine.send(set(UNKNOWN));
    pair.sides[1].engine.send(MediaCommand::RestartIce(UNKNOWN));
    pair.sides[1].engine.send(MediaCommand::CloseLink(UNKNOWN));
    pair.open(1, BAD, LinkRole::Answerer);
    pair.sides[1].engine.send(set(BAD));
    pair.wait("a bad description fails its link", |sides| {
        sides[1].seen.iter().any(|event| {
            matches!(event, MediaEvent::LinkFailed { link: BAD, problem } if problem.code == ProblemCode::BadDescription)
        })
    });
    let failed = |event: &MediaEvent| matches!(event, MediaEvent::LinkFailed { link: LINK, .. });
    assert!(!pair.sides.iter().any(|side| side.seen.iter().any(failed)), "the good link is untouched");

    for side in &pair.sides {
        for stage in [MediaStage::Rtp, MediaStage::Played] {
            assert_eq!(side.firsts(LINK, stage), 1, "first media once per stage");
        }
    }
    for side in &mut pair.sides {
        side.engine.send(MediaCommand::CloseLink(LINK));
    }
    // What was under way may still come; then nothing more about the link.
    for _ in 0..100 {
        pair.step();
    }
    let before = pair.sides.each_ref().map(|side| side.seen.len());
    for _ in 0..100 {
        pair.step();
    }
    for (side, before) in pair.sides.iter().zip(before) {
        let late = side.seen[before..].iter().filter(|event| {
            !matches!(event, MediaEvent::Levels(_) | MediaEvent::Quality(_) | MediaEvent::LinkState { .. })
        });
        assert_eq!(late.count(), 0, "a closed link says nothing more");
    }
}

impl Pair<'_> {
    fn open(&mut self, side: usize, id: LinkId, role: LinkRole) {
        self.sides[side].engine.send(MediaCommand::OpenLink(Link {
            id,
            participant: Some(ParticipantId::new("far")),
            source: LinkSource::Person,
            role,
            direction: LinkDirection::SendReceive,
            may_send: MediaKinds::VIDEO,
            simulcast: false,
        }));
    }

    /// Lets things happen, and carries descriptions and candidates across as signaling would.
    fn step(&mut self) {
        (self.carry)();
        for from in 0..2 {
            let events =
                std::mem::take(&mut *self.sides[from].inbox.lock().unwrap_or_else(PoisonError::into_inner));
            for event in events {
                let command = match &event {
                    MediaEvent::LocalDescription { link, description } => {
                        Some(MediaCommand::SetRemoteDescription {
                            link: *link,
                            description: description.clone(),
                        })
                    }
                    MediaEvent::LocalCandidate { link, candidate } => {
                        Some(MediaCommand::AddRemoteCandidate { link: *link, candidate: candidate.clone() })
                    }
                    MediaEvent::LinkState { .. }
                    | MediaEvent::RemoteTrack { .. }
                    | MediaEvent::LocalTrack { .. }
                    | MediaEvent::CaptureFailed { .. }
                    | MediaEvent::FirstMedia { .. }
                    | MediaEvent::DataReceived { .. }
                    | MediaEvent::Levels(_)
                    | MediaEvent::Quality(_)
                    | MediaEvent::AddressLost
                    | MediaEvent::Trouble(_)
                    | MediaEvent::LinkFailed { .. } => None,
                };
                self.sides[from].seen.push(event);
                if let Some(command) = command {
                    self.sides[1 - from].engine.send(command);
                }
            }
        }
    }

    fn wait(&mut self, what: &str, done: impl Fn(&[Side; 2]) -> bool) {
        for _ in 0..PATIENCE {
            self.step();
            if done(&self.sides) {
                return;
            }
        }
        panic!("{what}: it did not happen; seen {:#?}", self.sides.each_ref().map(|side| &side.seen));
    }
}

impl Side {
    fn is_connected(&self, id: LinkId) -> bool {
        let last = self.seen.iter().rev().find_map(|event| match event {
            MediaEvent::LinkState { link, state } if *link == id => Some(*state),
            _ => None,
        });
        last == Some(LinkState::Connected)
    }

    fn descriptions(&self, id: LinkId) -> impl Iterator<Item = &SessionDescription> {
        self.seen.iter().filter_map(move |event| match event {
            MediaEvent::LocalDescription { link, description } if *link == id => Some(description),
            _ => None,
        })
    }

    fn count(&self, event: &MediaEvent) -> usize {
        self.seen.iter().filter(|seen| *seen == event).count()
    }

    fn firsts(&self, link: LinkId, stage: MediaStage) -> usize {
        self.count(&MediaEvent::FirstMedia { link, kind: MediaKind::Audio, stage })
    }

    fn assert_description_first(&self, id: LinkId) {
        let first = self.seen.iter().find(|event| match event {
            MediaEvent::LocalDescription { link, .. } | MediaEvent::LocalCandidate { link, .. } => {
                *link == id
            }
            _ => false,
        });
        assert!(
            matches!(first, Some(MediaEvent::LocalDescription { .. })),
            "candidates come only after the description"
        );
    }

    fn assert_nothing_captured(&self) {
        for event in &self.seen {
            assert!(
                !matches!(event, MediaEvent::LocalTrack { .. } | MediaEvent::FirstMedia { .. }),
                "{event:?} before capture was started"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::VirtualClock;
    use crate::fake_engine::{EngineProbe, FakeEngine};

    #[test]
    fn the_fake_engine_conforms() {
        let probes: Arc<Mutex<Vec<EngineProbe>>> = Arc::default();
        let made = probes.clone();
        let mut make = move |sink| -> Box<dyn MediaEngine> {
            let mut made = made.lock().expect("not poisoned");
            let (engine, probe) = FakeEngine::new(made.len() as u64, sink);
            made.push(probe);
            Box::new(engine)
        };
        let mut clock = VirtualClock::new();
        let mut carry = move || {
            clock.advance(Duration::from_millis(10));
            let probes = probes.lock().expect("not poisoned");
            for probe in probes.iter() {
                probe.advance(clock.now());
                for packet in probe.take_packets() {
                    if let Some(to) = probes.get(packet.to.engine() as usize) {
                        to.receive(&packet, clock.now());
                    }
                }
            }
        };
        media(&mut make, &mut carry);
    }
}
