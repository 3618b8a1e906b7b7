//! The links of a session that was lost. A media server may go on with them while the signaling server is away, so they
//! carry media until others take their place, or for so long.

use std::time::{Duration, Instant};

use bellbird_call::LinkId;
use bellbird_talk_wire::constants::MAX_PARTICIPANTS;

/// How long one is kept at most. By then everyone who comes back is back.
const KEEP: Duration = Duration::from_secs(30);
/// How long others may take to change over to what we publish anew.
const CHANGE_OVER: Duration = Duration::from_secs(8);

/// Those kept.
#[derive(Default)]
pub(super) struct KeptLinks {
    links: Vec<Kept>,
}

struct Kept {
    link: LinkId,
    /// Whose media it carries; `None` for what we published.
    session: Option<String>,
    until: Instant,
}

impl KeptLinks {
    /// Keeps a link. Returns `false` when there are too many.
    pub(super) fn keep(&mut self, link: LinkId, session: Option<String>, now: Instant) -> bool {
        let fits = self.links.len() < MAX_PARTICIPANTS;
        if fits {
            self.links.push(Kept { link, session, until: now + KEEP });
        }
        fits
    }

    /// We publish anew: what we published before is needed a little longer.
    pub(super) fn publishing(&mut self, now: Instant) {
        for kept in self.links.iter_mut().filter(|kept| kept.session.is_none()) {
            kept.until = kept.until.min(now + CHANGE_OVER);
        }
    }

    /// Keeps those with a session no more.
    pub(super) fn take_of(&mut self, session: &str) -> Vec<LinkId> {
        self.take_where(|kept| kept.session.as_deref() == Some(session))
    }

    /// Keeps one no more. Returns whether it was kept.
    pub(super) fn take(&mut self, link: LinkId) -> bool {
        !self.take_where(|kept| kept.link == link).is_empty()
    }

    /// Keeps none any more.
    pub(super) fn take_all(&mut self) -> Vec<LinkId> {
        self.take_where(|_| true)
    }

    /// Keeps those no more whose time is over.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<LinkId> {
        self.take_where(|kept| kept.until <= now)
    }

    /// When the first one's time is over.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.links.iter().map(|kept| kept.until).min()
    }

    fn take_where(&mut self, which: impl Fn(&Kept) -> bool) -> Vec<LinkId> {
        self.links.extract_if(.., |kept| which(kept)).map(|kept| kept.link).collect()
    }
}
