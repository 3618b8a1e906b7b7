//! Where what we publish, and what we receive of one participant, stands.

use std::time::Instant;

use bellbird_call::LinkId;

/// What we publish.
pub(super) enum Publisher {
    /// Nothing.
    Idle {
        /// The server still remembers what we published until then.
        not_before: Option<Instant>,
    },
    /// Nothing, until that time.
    Resting { until: Instant },
    /// Our offer is made or on its way.
    Offering {
        link: LinkId,
        sid: String,
        /// Of the message with the offer, once it went out.
        request: Option<u64>,
        until: Instant,
    },
    /// Both descriptions are there.
    Sending {
        link: LinkId,
        sid: String,
        /// When it counts as failed; `None` once packets can flow.
        until: Option<Instant>,
    },
}

impl Publisher {
    pub(super) fn link(&self) -> Option<LinkId> {
        match self {
            Self::Offering { link, .. } | Self::Sending { link, .. } => Some(*link),
            Self::Idle { .. } | Self::Resting { .. } => None,
        }
    }

    pub(super) fn sid(&self) -> Option<&str> {
        match self {
            Self::Offering { sid, .. } | Self::Sending { sid, .. } => Some(sid),
            Self::Idle { .. } | Self::Resting { .. } => None,
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Idle { .. } => None,
            Self::Resting { until } | Self::Offering { until, .. } => Some(*until),
            Self::Sending { until, .. } => *until,
        }
    }

    /// Whether packets can flow.
    pub(super) fn is_connected(&self) -> bool {
        match self {
            Self::Sending { until, .. } => until.is_none(),
            Self::Idle { .. } | Self::Resting { .. } | Self::Offering { .. } => false,
        }
    }

    /// Whether a message of ours was its offer.
    pub(super) fn is_about(&self, number: u64) -> bool {
        match self {
            Self::Offering { request, .. } => *request == Some(number),
            Self::Idle { .. } | Self::Resting { .. } | Self::Sending { .. } => false,
        }
    }

    /// Whether its offer went out and waits for an answer.
    pub(super) fn is_offered(&self) -> bool {
        match self {
            Self::Offering { request, .. } => request.is_some(),
            Self::Idle { .. } | Self::Resting { .. } | Self::Sending { .. } => false,
        }
    }

    /// The first offer goes out as message `number`. Returns the sid; `None` when it is not the first.
    pub(super) fn offering(&mut self, number: u64) -> Option<String> {
        match self {
            Self::Offering { request: request @ None, sid, .. } => {
                *request = Some(number);
                Some(sid.clone())
            }
            Self::Idle { .. } | Self::Resting { .. } | Self::Offering { .. } | Self::Sending { .. } => None,
        }
    }

    /// An answer came. Returns the link when it was waited for.
    pub(super) fn answered(&mut self, answer_sid: &str, connect_until: Instant) -> Option<LinkId> {
        match self {
            Self::Offering { link, sid, request: Some(_), .. }
                if answer_sid.is_empty() || answer_sid == sid =>
            {
                let link = *link;
                *self = Self::Sending { link, sid: std::mem::take(sid), until: Some(connect_until) };
                Some(link)
            }
            Self::Idle { .. } | Self::Resting { .. } | Self::Offering { .. } | Self::Sending { .. } => None,
        }
    }

    pub(super) fn connected(&mut self) {
        match self {
            Self::Sending { until, .. } => *until = None,
            Self::Idle { .. } | Self::Resting { .. } | Self::Offering { .. } => {}
        }
    }
}

/// What we receive of one participant.
pub(super) enum Subscription {
    /// They send nothing.
    Idle,
    /// The server was asked for an offer.
    Asking { request: u64, until: Instant },
    /// It will be asked then.
    Waiting { until: Instant },
    /// It offered.
    Receiving {
        link: LinkId,
        sid: String,
        /// The message with our answer.
        answer: Option<u64>,
        /// When it counts as failed; `None` once packets can flow.
        until: Option<Instant>,
    },
}

impl Subscription {
    pub(super) fn link(&self) -> Option<LinkId> {
        match self {
            Self::Receiving { link, .. } => Some(*link),
            Self::Idle | Self::Asking { .. } | Self::Waiting { .. } => None,
        }
    }

    pub(super) fn sid(&self) -> Option<&str> {
        match self {
            Self::Receiving { sid, .. } => Some(sid),
            Self::Idle | Self::Asking { .. } | Self::Waiting { .. } => None,
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Idle => None,
            Self::Asking { until, .. } | Self::Waiting { until } => Some(*until),
            Self::Receiving { until, .. } => *until,
        }
    }

    /// Whether packets can flow.
    pub(super) fn is_connected(&self) -> bool {
        match self {
            Self::Receiving { until, .. } => until.is_none(),
            Self::Idle | Self::Asking { .. } | Self::Waiting { .. } => false,
        }
    }

    /// Whether a message of ours asked for it, or answered.
    pub(super) fn is_about(&self, number: u64) -> bool {
        match self {
            Self::Asking { request, .. } => *request == number,
            Self::Receiving { answer, .. } => *answer == Some(number),
            Self::Idle | Self::Waiting { .. } => false,
        }
    }

    /// Our answer goes out as message `number`. Returns the sid it has to name.
    pub(super) fn answering(&mut self, number: u64) -> Option<String> {
        match self {
            Self::Receiving { answer, sid, .. } => {
                *answer = Some(number);
                Some(sid.clone())
            }
            Self::Idle | Self::Asking { .. } | Self::Waiting { .. } => None,
        }
    }

    pub(super) fn connected(&mut self) {
        match self {
            Self::Receiving { until, .. } => *until = None,
            Self::Idle | Self::Asking { .. } | Self::Waiting { .. } => {}
        }
    }
}
