//! What there is between us and one other session.

use std::time::{Duration, Instant};

use bellbird_call::{LinkId, LinkRole, MediaKinds};

/// Attempts of either side within [`ATTEMPTS_WINDOW`]; a peer that renews its offer without end must not keep us busy.
const MAX_OWN_ATTEMPTS: u32 = 6;
const MAX_THEIR_ATTEMPTS: u32 = 20;
const ATTEMPTS_WINDOW: Duration = Duration::from_secs(60);

/// One other session.
pub(super) struct Peer {
    /// They send something.
    pub(super) has_streams: bool,
    /// Where the connection stands.
    pub(super) stage: Stage,
    /// How often it was tried lately.
    pub(super) attempts: Attempts,
    /// Candidates taken since the last description of theirs.
    pub(super) candidates: u32,
    /// What we may send on its link.
    pub(super) may_send: MediaKinds,
}

/// Where a connection stands.
pub(super) enum Stage {
    /// None is wanted, or none can be begun by us.
    Idle,
    /// Theirs is the first offer.
    Awaiting {
        /// When we offer instead; `None` when we have nothing to send.
        until: Option<Instant>,
    },
    /// We opened a link and offer on it.
    Offering {
        /// The link.
        link: LinkId,
        /// Its name on the wire.
        sid: String,
        /// When we offer anew.
        until: Instant,
    },
    /// Both descriptions are there, or theirs is and ours follows.
    Established {
        /// The link.
        link: LinkId,
        /// Its name on the wire.
        sid: String,
        /// Who offered.
        role: LinkRole,
        /// When it counts as failed; `None` once packets can flow.
        until: Option<Instant>,
        /// We offered again (an ICE restart) and wait for the answer.
        answer_due: bool,
    },
    /// Tried too often; theirs is the next step.
    Abandoned,
}

impl Peer {
    pub(super) fn new(has_streams: bool, now: Instant) -> Self {
        Self {
            has_streams,
            stage: Stage::Idle,
            attempts: Attempts::new(now),
            candidates: 0,
            may_send: MediaKinds::NONE,
        }
    }

    /// When something is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Awaiting { until } | Stage::Established { until, .. } => *until,
            Stage::Offering { until, .. } => Some(*until),
            Stage::Idle | Stage::Abandoned => None,
        }
    }
}

impl Stage {
    pub(super) fn is_idle(&self) -> bool {
        matches!(self, Self::Idle)
    }

    /// The link and its name on the wire, when there is one.
    pub(super) fn link(&self) -> Option<(LinkId, &str)> {
        match self {
            Self::Offering { link, sid, .. } | Self::Established { link, sid, .. } => Some((*link, sid)),
            Self::Idle | Self::Awaiting { .. } | Self::Abandoned => None,
        }
    }

    /// An offer of ours went out.
    pub(super) fn offered(&mut self) {
        match self {
            Self::Established { role: LinkRole::Offerer, answer_due, .. } => *answer_due = true,
            Self::Established { role: LinkRole::Answerer, .. }
            | Self::Offering { .. }
            | Self::Idle
            | Self::Awaiting { .. }
            | Self::Abandoned => {}
        }
    }

    /// An answer of theirs came. Returns the link when it was waited for.
    pub(super) fn answered(&mut self, answer_sid: &str, connect_until: Instant) -> Option<LinkId> {
        match self {
            Self::Offering { link, sid, .. } if answer_sid.is_empty() || answer_sid == sid => {
                let link = *link;
                let (sid, role) = (std::mem::take(sid), LinkRole::Offerer);
                *self = Self::Established { link, sid, role, until: Some(connect_until), answer_due: false };
                Some(link)
            }
            Self::Established { link, sid, role: LinkRole::Offerer, answer_due, .. }
                if *answer_due && (answer_sid.is_empty() || answer_sid == sid) =>
            {
                *answer_due = false;
                Some(*link)
            }
            Self::Offering { .. }
            | Self::Established { .. }
            | Self::Idle
            | Self::Awaiting { .. }
            | Self::Abandoned => None,
        }
    }

    /// Packets can flow.
    pub(super) fn connected(&mut self) {
        match self {
            Self::Established { until, .. } => *until = None,
            Self::Offering { .. } | Self::Idle | Self::Awaiting { .. } | Self::Abandoned => {}
        }
    }
}

/// Counts attempts in a window of time.
pub(crate) struct Attempts {
    since: Instant,
    own: u32,
    theirs: u32,
}

impl Attempts {
    pub(crate) fn new(now: Instant) -> Self {
        Self { since: now, own: 0, theirs: 0 }
    }

    /// Forgets fruitless attempts of ours: one bore fruit. Theirs stay counted, or a flood could hide behind it.
    pub(super) fn reset(&mut self) {
        self.own = 0;
    }

    /// Whether we may try once more.
    pub(super) fn spend_own(&mut self, now: Instant) -> bool {
        self.renew(now);
        self.own += 1;
        self.own <= MAX_OWN_ATTEMPTS
    }

    /// Whether they may try once more.
    pub(crate) fn spend_theirs(&mut self, now: Instant) -> bool {
        self.renew(now);
        self.theirs = self.theirs.saturating_add(1);
        self.theirs <= MAX_THEIR_ATTEMPTS
    }

    fn renew(&mut self, now: Instant) {
        if now.saturating_duration_since(self.since) >= ATTEMPTS_WINDOW {
            *self = Self::new(now);
        }
    }
}
