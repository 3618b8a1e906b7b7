//! Who is connected to whom: a mesh of everyone with everyone, or each with a media server.

use std::time::Instant;

use bellbird_call::{IceCandidate, LinkId, MediaKinds, SessionDescription};
use bellbird_talk_wire::PeerBody;

use crate::external::{LinkOwner, Mcu};
use crate::mesh::{Member, Mesh, MeshOutput};

/// The rules of one call's links.
pub(super) enum Topology {
    /// Without a media server.
    Mesh(Mesh),
    /// With one.
    Server(Box<Mcu>),
}

/// What the rules of a call begin with.
pub(super) struct Beginning<'a> {
    pub(super) own_session: &'a str,
    pub(super) own_name: &'a str,
    pub(super) own_streams: bool,
    pub(super) may_send: MediaKinds,
    pub(super) media_server: bool,
    /// It takes pictures in several sizes.
    pub(super) simulcast: bool,
    pub(super) sid_seed: u64,
}

impl Topology {
    pub(super) fn new(beginning: &Beginning<'_>) -> Self {
        let Beginning { own_session, own_name, own_streams, may_send, media_server, simulcast, sid_seed } =
            *beginning;
        if media_server {
            let mut mcu = Mcu::new(own_session, own_name, own_streams, sid_seed);
            mcu.begin_with(may_send, simulcast);
            Self::Server(Box::new(mcu))
        } else {
            let mut mesh = Mesh::new(own_session, own_name, own_streams, sid_seed);
            mesh.begin_with(may_send);
            Self::Mesh(mesh)
        }
    }

    /// What to do next, and the number by which its refusal is told.
    pub(super) fn poll_output(&mut self) -> Option<(MeshOutput, Option<u64>)> {
        match self {
            Self::Mesh(mesh) => mesh.poll_output().map(|output| (output, None)),
            Self::Server(mcu) => mcu.poll_output(),
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Mesh(mesh) => mesh.poll_timeout(),
            Self::Server(mcu) => mcu.poll_timeout(),
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        match self {
            Self::Mesh(mesh) => mesh.handle_timeout(now),
            Self::Server(mcu) => mcu.handle_timeout(now),
        }
    }

    /// Whether a media server is there.
    pub(super) fn has_server(&self) -> bool {
        matches!(self, Self::Server(_))
    }

    /// Our session was replaced after an outage: links are made anew.
    pub(super) fn rejoin(&mut self, own_session: &str, now: Instant) {
        match self {
            Self::Mesh(mesh) => mesh.rejoin(own_session),
            Self::Server(mcu) => mcu.rejoin(own_session, now),
        }
    }

    /// Every link ends.
    pub(super) fn close_all(&mut self, own_session: &str) {
        match self {
            Self::Mesh(mesh) => mesh.rejoin(own_session),
            Self::Server(mcu) => mcu.close_all(),
        }
    }

    /// A session before an outage is of no interest any more.
    pub(super) fn forget(&mut self, session: &str) {
        match self {
            Self::Mesh(_) => {}
            Self::Server(mcu) => mcu.forget(session),
        }
    }

    /// Whether only a new session can connect us again. Told once.
    pub(super) fn take_stale(&mut self) -> bool {
        match self {
            Self::Mesh(_) => false,
            Self::Server(mcu) => mcu.take_stale(),
        }
    }

    /// What we may send changed.
    pub(super) fn set_may_send(&mut self, may_send: MediaKinds, now: Instant) {
        match self {
            Self::Mesh(mesh) => mesh.set_may_send(may_send, now),
            Self::Server(mcu) => mcu.set_may_send(may_send, now),
        }
    }

    /// Whether we send anything.
    pub(super) fn set_own_streams(&mut self, own_streams: bool, now: Instant) {
        match self {
            Self::Mesh(mesh) => mesh.set_own_streams(own_streams, now),
            Self::Server(mcu) => mcu.set_own_streams(own_streams, now),
        }
    }

    pub(super) fn set_members(&mut self, members: &[Member], now: Instant) {
        match self {
            Self::Mesh(mesh) => mesh.set_members(members, now),
            Self::Server(mcu) => mcu.set_members(members, now),
        }
    }

    pub(super) fn handle_message(&mut self, from: &str, sid: Option<String>, body: PeerBody, now: Instant) {
        match self {
            Self::Mesh(mesh) => mesh.handle_message(from, sid, body, now),
            Self::Server(mcu) => mcu.handle_message(from, sid, body, now),
        }
    }

    /// One of our messages was refused. In a mesh the far end is asked again by itself.
    pub(super) fn refused(&mut self, request: u64, code: &str, now: Instant) {
        match self {
            Self::Mesh(_) => {}
            Self::Server(mcu) => mcu.refused(request, code, now),
        }
    }

    pub(super) fn local_description(&mut self, link: LinkId, description: SessionDescription, now: Instant) {
        match self {
            Self::Mesh(mesh) => mesh.local_description(link, description),
            Self::Server(mcu) => mcu.local_description(link, description, now),
        }
    }

    pub(super) fn local_candidate(&mut self, link: LinkId, candidate: IceCandidate) {
        match self {
            Self::Mesh(mesh) => mesh.local_candidate(link, candidate),
            Self::Server(mcu) => mcu.local_candidate(link, candidate),
        }
    }

    pub(super) fn link_connected(&mut self, link: LinkId, now: Instant) -> Option<LinkOwner> {
        match self {
            Self::Mesh(mesh) => mesh.link_connected(link).map(LinkOwner::Session),
            Self::Server(mcu) => mcu.link_connected(link, now),
        }
    }

    /// A link cannot be kept, or its path was lost: another takes its place while that has a chance.
    pub(super) fn renew(&mut self, link: LinkId, now: Instant) {
        match self {
            Self::Mesh(mesh) => mesh.give_up(link, now),
            Self::Server(mcu) => mcu.renew(link, now),
        }
    }

    /// Whose texts arrive on a link.
    pub(super) fn session_of(&self, link: LinkId) -> Option<&str> {
        match self {
            Self::Mesh(mesh) => mesh.session_of(link),
            Self::Server(mcu) => mcu.session_of(link),
        }
    }

    /// The links on which texts of ours reach everyone.
    pub(super) fn links_to_others(&self) -> Vec<LinkId> {
        match self {
            Self::Mesh(mesh) => mesh.links().collect(),
            Self::Server(mcu) => mcu.publisher_link().into_iter().collect(),
        }
    }
}
