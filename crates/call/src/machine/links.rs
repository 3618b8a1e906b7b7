//! The links of a call: which are open, how they fare, and how often they failed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::CallMachine;
use crate::ports::{MediaCommand, Problem, ProblemCode, SignalingCommand};
use crate::{
    CallEvent, EndReason, Link, LinkDirection, LinkId, LinkSource, LinkState, MediaKind, MediaStage,
    ParticipantId,
};

/// Two for each participant there can be (person and screen).
const MAX_LINKS: usize = 512;

/// How often a link with one participant may fail before we stop trying: someone who sends descriptions that cannot
/// be used must not keep us opening links.
const MAX_FAILURES: u8 = 5;

/// The open links.
#[derive(Default, Debug)]
pub(super) struct Links {
    open: BTreeMap<LinkId, OpenLink>,
    /// By whose link, and what it was to carry: a screen that does not work out is no reason to miss the person.
    failures: BTreeMap<(ParticipantId, LinkSource), u8>,
}

#[derive(Debug)]
struct OpenLink {
    link: Link,
    state: LinkState,
    tracks: BTreeSet<MediaKind>,
    first: BTreeSet<(MediaKind, MediaStage)>,
}

/// How the best of someone's links fares.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Path {
    /// There is none.
    None,
    /// The far end closed it.
    Closed,
    /// A path is being looked for.
    Seeking,
    /// Packets can flow.
    Connected,
}

/// What the links say of someone.
#[derive(Clone, Debug)]
pub(super) struct HeardOf {
    pub(super) state: Path,
    pub(super) tracks: BTreeSet<MediaKind>,
    pub(super) first: BTreeSet<(MediaKind, MediaStage)>,
}

/// What the links say of everyone.
#[derive(Debug)]
pub(super) struct Heard<'a> {
    people: BTreeMap<&'a ParticipantId, HeardOf>,
    /// How the link fares that we publish on to all.
    published: Path,
}

impl Heard<'_> {
    /// What they say of someone. Who only listens has no link of their own with a media server; what we publish is all
    /// there is between us.
    pub(super) fn of(&self, id: &ParticipantId, listens_only: bool) -> HeardOf {
        let state = if listens_only { self.published } else { Path::None };
        let nothing = || HeardOf { state, tracks: BTreeSet::new(), first: BTreeSet::new() };
        self.people.get(id).cloned().unwrap_or_else(nothing)
    }
}

impl OpenLink {
    /// How the person's media come to us on it.
    fn path(&self) -> Path {
        // A screen says nothing of the person, and a link that only publishes nothing of what we hear.
        match (self.link.source, self.link.direction) {
            (LinkSource::Person, LinkDirection::SendReceive | LinkDirection::ReceiveOnly) => self.transport(),
            (LinkSource::Person, LinkDirection::SendOnly) | (LinkSource::Screen, _) => Path::None,
        }
    }

    /// How what we publish on it goes out.
    fn published(&self) -> Path {
        match (self.link.source, self.link.direction) {
            (LinkSource::Person, LinkDirection::SendOnly) => self.transport(),
            (LinkSource::Person, LinkDirection::SendReceive | LinkDirection::ReceiveOnly)
            | (LinkSource::Screen, _) => Path::None,
        }
    }

    /// What a picture on it is of: a screen's link carries nothing else.
    fn carried(&self, kind: MediaKind) -> MediaKind {
        match (self.link.source, kind) {
            (LinkSource::Screen, MediaKind::Video | MediaKind::Screen) => MediaKind::Screen,
            (LinkSource::Person, MediaKind::Video | MediaKind::Screen) => MediaKind::Video,
            (LinkSource::Person | LinkSource::Screen, MediaKind::Audio) => MediaKind::Audio,
        }
    }

    fn transport(&self) -> Path {
        match self.state {
            LinkState::Connecting | LinkState::Disconnected | LinkState::Failed => Path::Seeking,
            LinkState::Connected => Path::Connected,
            LinkState::Closed => Path::Closed,
        }
    }
}

impl Links {
    pub(super) fn is_open(&self, id: LinkId) -> bool {
        self.open.contains_key(&id)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Forgets every link, yielding their ids.
    pub(super) fn take_all(&mut self) -> Vec<LinkId> {
        self.failures.clear();
        std::mem::take(&mut self.open).into_keys().collect()
    }

    /// Forgets the links with someone, yielding their ids.
    pub(super) fn take_of(&mut self, who: &ParticipantId) -> Vec<LinkId> {
        self.failures.retain(|(failed, _), _| failed != who);
        let theirs = |link: &OpenLink| link.link.participant.as_ref() == Some(who);
        let ids: Vec<LinkId> = self.open.iter().filter(|(_, link)| theirs(link)).map(|(id, _)| *id).collect();
        for id in &ids {
            self.open.remove(id);
        }
        ids
    }

    pub(super) fn set_track(&mut self, id: LinkId, kind: MediaKind, added: bool) {
        if let Some(link) = self.open.get_mut(&id) {
            let kind = link.carried(kind);
            if added {
                link.tracks.insert(kind);
            } else {
                link.tracks.remove(&kind);
            }
        }
    }

    pub(super) fn set_first(&mut self, id: LinkId, kind: MediaKind, stage: MediaStage) {
        if let Some(link) = self.open.get_mut(&id) {
            let kind = link.carried(kind);
            link.first.insert((kind, stage));
        }
    }

    /// What all links together say of everyone.
    pub(super) fn heard(&self) -> Heard<'_> {
        let mut people: BTreeMap<&ParticipantId, HeardOf> = BTreeMap::new();
        let mut published = Path::None;
        for link in self.open.values() {
            published = published.max(link.published());
            let Some(participant) = &link.link.participant else { continue };
            let entry = people.entry(participant).or_insert_with(|| HeardOf {
                state: Path::None,
                tracks: BTreeSet::new(),
                first: BTreeSet::new(),
            });
            entry.state = entry.state.max(link.path());
            entry.tracks.extend(&link.tracks);
            entry.first.extend(&link.first);
        }
        Heard { people, published }
    }

    /// Whether a link with someone can still be heard on.
    fn has_path_to_anyone(&self) -> bool {
        self.open.values().any(|link| link.path() > Path::Closed)
    }

    fn is_exhausted(&self, link: &Link) -> bool {
        let Some(who) = link.participant.clone() else { return false };
        self.failures.get(&(who, link.source)).is_some_and(|failures| *failures >= MAX_FAILURES)
    }

    fn count_failure(&mut self, link: &Link) {
        let Some(who) = link.participant.clone() else { return };
        let key = (who, link.source);
        if let Some(failures) = self.failures.get_mut(&key) {
            *failures = failures.saturating_add(1);
        } else if self.failures.len() < MAX_LINKS {
            self.failures.insert(key, 1);
        }
    }
}

impl CallMachine {
    /// The service wants a peer connection.
    pub(super) fn link_opened(&mut self, link: Link, now: Instant) {
        if self.links.is_open(link.id) {
            return;
        }
        let refused =
            !self.may_make_links() || self.links.open.len() >= MAX_LINKS || self.links.is_exhausted(&link);
        if refused {
            self.signal(SignalingCommand::GiveUpLink(link.id));
            return;
        }
        if let (Some(who), LinkSource::Person) = (&link.participant, link.source) {
            self.roster.hope(who);
        }
        self.play(MediaCommand::OpenLink(link.clone()));
        self.links.open.insert(
            link.id,
            OpenLink { link, state: LinkState::Connecting, tracks: BTreeSet::new(), first: BTreeSet::new() },
        );
        self.settle(now);
    }

    /// The service wants it no more.
    pub(super) fn link_closed(&mut self, id: LinkId, now: Instant) {
        if self.links.open.remove(&id).is_some() {
            self.play(MediaCommand::CloseLink(id));
            self.settle(now);
        }
    }

    /// The transport of a link changed.
    pub(super) fn link_state(&mut self, id: LinkId, state: LinkState, now: Instant) {
        let Some(link) = self.links.open.get_mut(&id) else { return };
        let before = std::mem::replace(&mut link.state, state);
        if state == LinkState::Connected && before != LinkState::Connected {
            self.signal(SignalingCommand::LinkConnected(id));
        }
        self.settle(now);
    }

    /// A link cannot be made or continued. The service may open another in its place.
    pub(super) fn link_failed(&mut self, id: LinkId, problem: Problem, now: Instant) {
        let Some(OpenLink { link, .. }) = self.links.open.remove(&id) else { return };
        self.play(MediaCommand::CloseLink(id));
        self.signal(SignalingCommand::GiveUpLink(id));
        self.links.count_failure(&link);
        let is_final = problem.code == ProblemCode::NoMediaPath || self.links.is_exhausted(&link);
        let ours = problem.code == ProblemCode::Internal;
        let reason = if ours { EndReason::MediaFailed } else { EndReason::ConnectionLost };
        self.tell(CallEvent::Problem(problem));
        if link.source == LinkSource::Screen {
            return self.settle(now);
        }
        if let Some(who) = &link.participant {
            self.roster.give_up(who);
        }
        if self.one_to_one && is_final && !self.links.has_path_to_anyone() {
            self.end(reason, now);
        } else {
            self.settle(now);
        }
    }
}
