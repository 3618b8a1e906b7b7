//! The screens of a call, whichever way they travel, and which pictures are asked for.

use std::time::Instant;

use bellbird_call::ports::{SignalingEvent, SignalingSink};
use bellbird_call::{IceCandidate, LinkId, MediaKind, ParticipantId, SessionDescription, VideoLayer};
use bellbird_talk_wire::{ConnectionKind, PeerBody, PeerMessage};

use super::inside::{InCall, Inside, Standing};
use super::task::{CallTask, Entering, Phase};
use super::topology::Beginning;
use crate::external::{Layers, ServedScreens};
use crate::mesh::{Member, Screens};
use crate::screen::{ScreenOutput, is_screen};

/// The screens of one call.
pub(super) struct CallScreens {
    way: Way,
    /// Which pictures a media server is to send; `None` without one, where everyone sends what they have.
    layers: Option<Layers>,
}

/// The rules of one call's screens.
enum Way {
    Mesh(Box<Screens>),
    Served(Box<ServedScreens>),
}

impl CallScreens {
    pub(super) fn new(beginning: &Beginning<'_>) -> Self {
        let Beginning { own_session, own_name, media_server, sid_seed, .. } = *beginning;
        if media_server {
            let way = Way::Served(Box::new(ServedScreens::new(own_session, own_name, sid_seed)));
            Self { way, layers: Some(Layers::default()) }
        } else {
            let way = Way::Mesh(Box::new(Screens::new(own_session, own_name, sid_seed)));
            Self { way, layers: None }
        }
    }

    pub(super) fn share(&mut self, sharing: bool, now: Instant) {
        match &mut self.way {
            Way::Mesh(screens) => screens.share(sharing, now),
            Way::Served(screens) => screens.share(sharing, now),
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match &self.way {
            Way::Mesh(screens) => screens.poll_timeout(),
            Way::Served(screens) => screens.poll_timeout(),
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        match &mut self.way {
            Way::Mesh(screens) => screens.handle_timeout(now),
            Way::Served(screens) => screens.handle_timeout(now),
        }
    }

    /// Our session was replaced, or every link ends.
    pub(super) fn rejoin(&mut self, own_session: &str, now: Instant) {
        match &mut self.way {
            Way::Mesh(screens) => screens.rejoin(own_session),
            Way::Served(screens) => screens.rejoin(own_session, now),
        }
        if let Some(layers) = &mut self.layers {
            layers.retain(|_| false);
        }
    }

    pub(super) fn set_members(&mut self, members: &[Member], now: Instant) {
        let sessions = members.iter().map(|member| member.session.as_str());
        match &mut self.way {
            Way::Mesh(screens) => screens.set_members(sessions, now),
            Way::Served(screens) => screens.set_members(sessions, now),
        }
        if let Some(layers) = &mut self.layers {
            layers.retain(|session| members.iter().any(|member| member.session == session));
        }
    }

    pub(super) fn refused(&mut self, request: u64, now: Instant) {
        match &mut self.way {
            Way::Mesh(_) => {}
            Way::Served(screens) => screens.refused(request, now),
        }
    }

    pub(super) fn select(&mut self, session: &str, kind: MediaKind, layer: Option<VideoLayer>) {
        let kind = match kind {
            MediaKind::Audio => return,
            MediaKind::Video => ConnectionKind::Person,
            MediaKind::Screen => ConnectionKind::Screen,
        };
        if let Some(layers) = &mut self.layers {
            layers.select(session, kind, layer);
        }
    }

    /// A link with a person is up, on which a media server sends their picture.
    pub(super) fn person_connected(&mut self, session: &str) {
        if let Some(layers) = &mut self.layers {
            layers.connected(session, ConnectionKind::Person);
        }
    }

    fn connected(&mut self, link: LinkId) {
        match &mut self.way {
            Way::Mesh(screens) => screens.link_connected(link),
            Way::Served(screens) => {
                if let (Some(session), Some(layers)) = (screens.link_connected(link), &mut self.layers) {
                    layers.connected(&session, ConnectionKind::Screen);
                }
            }
        }
    }

    /// A path was lost, or for good with `for_good`.
    fn lost(&mut self, link: LinkId, for_good: bool, now: Instant) {
        match &mut self.way {
            Way::Mesh(screens) if for_good => screens.give_up(link, now),
            Way::Mesh(screens) => screens.renew(link, now),
            Way::Served(screens) => screens.renew(link, now),
        }
    }

    fn poll_output(&mut self) -> Option<ScreenOutput> {
        match &mut self.way {
            Way::Mesh(screens) => screens.poll_output(),
            Way::Served(screens) => screens.poll_output(),
        }
    }
}

/// What concerns a link goes to the rules it belongs to.
impl InCall {
    pub(super) fn local_description(&mut self, link: LinkId, description: SessionDescription, now: Instant) {
        if !is_screen(link) {
            return self.topology.local_description(link, description, now);
        }
        match &mut self.screens.way {
            Way::Mesh(screens) => screens.local_description(link, description),
            Way::Served(screens) => screens.local_description(link, description, now),
        }
    }

    pub(super) fn local_candidate(&mut self, link: LinkId, candidate: IceCandidate) {
        if !is_screen(link) {
            return self.topology.local_candidate(link, candidate);
        }
        match &mut self.screens.way {
            Way::Mesh(screens) => screens.local_candidate(link, candidate),
            Way::Served(screens) => screens.local_candidate(link, candidate),
        }
    }

    /// A link cannot be kept (`for_good`), or its path was lost.
    pub(super) fn link_lost(&mut self, link: LinkId, for_good: bool, now: Instant) {
        if is_screen(link) {
            self.screens.lost(link, for_good, now);
        } else {
            self.topology.renew(link, now);
        }
    }
}

impl Inside {
    /// A peer message about a screen.
    pub(super) fn handle_screen(&mut self, message: PeerMessage, sink: &SignalingSink, now: Instant) {
        let Some(from) = message.from else { return };
        // While it only rings nothing of ours may answer.
        let Standing::InCall(call) = &mut self.standing else { return };
        let (sid, broadcaster, body) = (message.sid, message.broadcaster, message.body);
        match &mut call.screens.way {
            Way::Mesh(screens) => screens.handle_message(&from, sid, broadcaster, body, now),
            Way::Served(screens) => screens.handle_message(&from, sid, broadcaster, body, now),
        }
        self.drain(sink);
    }

    /// A screen's link is up. Nothing is said on it: our state is told elsewhere.
    pub(super) fn screen_connected(&mut self, link: LinkId, sink: &SignalingSink) {
        if let Standing::InCall(call) = &mut self.standing {
            call.screens.connected(link);
        }
        self.drain(sink);
    }

    /// Carries out what the rules of the screens want.
    pub(super) fn drain_screens(&mut self, sink: &SignalingSink) {
        let Standing::InCall(call) = &mut self.standing else { return };
        while let Some(output) = call.screens.poll_output() {
            match output {
                ScreenOutput::Open(link) => sink(SignalingEvent::LinkOpened(link)),
                ScreenOutput::Close(link) => sink(SignalingEvent::LinkClosed(link)),
                ScreenOutput::Description(link, description) => {
                    sink(SignalingEvent::LinkDescription { link, description });
                }
                ScreenOutput::Candidate(link, candidate) => {
                    sink(SignalingEvent::LinkCandidate { link, candidate });
                }
                ScreenOutput::Send { to, sid, broadcaster, body, request } => {
                    let message = PeerMessage {
                        to,
                        from: None,
                        connection: ConnectionKind::Screen,
                        sid: Some(sid).filter(|sid| !sid.is_empty()),
                        broadcaster: Some(broadcaster),
                        body,
                    };
                    if !self.line.send(message, request) {
                        tracing::warn!("the outbox is full, a message about a screen was dropped");
                    }
                }
            }
        }
        let Some(layers) = &mut call.screens.layers else { return };
        while let Some(((session, connection), choice)) = layers.poll_output() {
            let message = PeerMessage {
                to: Some(session),
                from: None,
                connection,
                sid: None,
                broadcaster: None,
                body: PeerBody::SelectStream(choice),
            };
            if !self.line.send(message, None) {
                tracing::warn!("the outbox is full, a choice of pictures was dropped");
            }
        }
    }
}

impl CallTask {
    /// Shares our screen with everyone in the call, or no more.
    pub(super) fn share_screen(&mut self, sharing: bool, now: Instant) {
        let inside = match &mut self.phase {
            Phase::Inside(inside) | Phase::Entering(Entering { before: Some(inside), .. }) => inside,
            Phase::Entering(_) | Phase::Idle | Phase::Watching { .. } => return,
        };
        let Some(call) = inside.call() else { return };
        call.screens.share(sharing, now);
        inside.drain(&self.sink);
    }

    /// Takes note of which size of whose picture is wanted.
    pub(super) fn select_layer(&mut self, who: &ParticipantId, kind: MediaKind, layer: Option<VideoLayer>) {
        let inside = match &mut self.phase {
            Phase::Inside(inside) | Phase::Entering(Entering { before: Some(inside), .. }) => inside,
            Phase::Entering(_) | Phase::Idle | Phase::Watching { .. } => return,
        };
        let Some(call) = inside.call() else { return };
        call.screens.select(who.as_str(), kind, layer);
        inside.drain(&self.sink);
    }
}
