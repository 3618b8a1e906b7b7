//! When to look for a new path, and when to give up: pure policy, told the time.
//!
//! ```text
//!   Opening ──Connected──▶ Up ──Disconnected──▶ Lost ──wait──▶ restart 1 ──patience──▶ restart 2 ─ … ─▶ give up
//!      │                   ▲                     │ Failed: at once ▲
//!      └─too long: give up └────Connected────────┘                 └─ only while the service can be reached
//! ```
//!
//! When the machine changes networks, a link that is up counts as lost at once.
//!
//! Only the side that offers can restart ICE (RFC 8445 section 2.4, and talk-signaling section 4: at most five
//! times); the other waits for its offer, somewhat longer than the offerer would try. A link that goes one way mostly
//! ends at a media server, which takes no second offer (talk-signaling section 6.7): such a link is made anew instead.
//! The exception is a screen we send straight to someone.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bellbird_call::ports::{MediaCommand, MediaEvent, SignalingEvent};
use bellbird_call::{CallInput, CallOutput, Link, LinkDirection, LinkId, LinkRole, LinkState};

/// How patient the recovery is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReconnectPolicy {
    /// How long a disconnected link may come back by itself. 2 s: it is called disconnected only after seconds
    /// without packets, and a restart costs little where the old path returns after all.
    pub disconnected_wait: Duration,
    /// How long a restart may take before the next. 5 s: an exchange through a long-polled service and ICE checks.
    pub restart_patience: Duration,
    /// The least time between two restarts, when a link fails at once each time. 2 s.
    pub restart_gap: Duration,
    /// How many restarts are tried. 5, as other Talk clients do.
    pub restarts: u8,
    /// How long the answerer waits for the offerer's restarts. 40 s: a little more than all of them take.
    pub answerer_patience: Duration,
    /// How long a link closed by the far end is kept, for the service to tell what that means. 3 s: two polls.
    pub closed_wait: Duration,
    /// How long the first path of a link may take. 30 s: see `CallConfig::connect_timeout`.
    pub opening_patience: Duration,
    /// How long a lost link is kept whatever happens, above all while the service cannot be reached. 75 s.
    pub limit: Duration,
}

impl Default for ReconnectPolicy {
    fn default() -> Self {
        Self {
            disconnected_wait: Duration::from_secs(2),
            restart_patience: Duration::from_secs(5),
            restart_gap: Duration::from_secs(2),
            restarts: 5,
            answerer_patience: Duration::from_secs(40),
            closed_wait: Duration::from_secs(3),
            opening_patience: Duration::from_secs(30),
            limit: Duration::from_secs(75),
        }
    }
}

/// What the recovery decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Remedy {
    /// Make a new offer with fresh ICE credentials.
    Restart(LinkId),
    /// Have another link in its place.
    Renew(LinkId),
    /// Stop trying.
    GiveUp(LinkId),
}

/// The recovery of every link of one call.
#[derive(Debug)]
pub struct Recovery {
    policy: ReconnectPolicy,
    links: BTreeMap<LinkId, Path>,
    /// Whether the service can be reached: a restart's offer has to travel through it.
    reachable: bool,
}

#[derive(Debug)]
struct Path {
    side: Side,
    state: PathState,
}

/// What can be done from here about a link's path.
#[derive(Clone, Copy, Debug)]
enum Side {
    /// Restart ICE.
    Offerer,
    /// Wait for the far end to restart it.
    Answerer,
    /// Have the link made anew.
    Client,
}

impl Side {
    fn of(link: &Link) -> Self {
        match (link.direction, link.role) {
            // A link of ours to a media server is nobody's.
            (LinkDirection::SendOnly, LinkRole::Offerer) if link.participant.is_some() => Self::Offerer,
            (LinkDirection::SendOnly | LinkDirection::ReceiveOnly, _) => Self::Client,
            (LinkDirection::SendReceive, LinkRole::Offerer) => Self::Offerer,
            (LinkDirection::SendReceive, LinkRole::Answerer) => Self::Answerer,
        }
    }
}

/// Where one link stands.
#[derive(Clone, Copy, Debug)]
enum PathState {
    /// No path found yet.
    Opening { give_up_at: Instant },
    /// Packets can flow.
    Up,
    /// No path any more. `act_at`: the next restart, or the end of our patience.
    Lost { since: Instant, restarts: u8, last_restart: Option<Instant>, act_at: Instant },
    /// The far end closed it; nothing can bring it back.
    Closed { give_up_at: Instant },
}

impl Recovery {
    /// Starts with no links.
    pub fn new(policy: ReconnectPolicy) -> Self {
        Self { policy, links: BTreeMap::new(), reachable: true }
    }

    /// Takes note of what the machine is about to be told.
    pub fn observe_input(&mut self, input: &CallInput, now: Instant) {
        match input {
            CallInput::Media(MediaEvent::LinkState { link, state }) => self.link_state(*link, *state, now),
            CallInput::Media(MediaEvent::AddressLost) => self.address_lost(now),
            CallInput::Signaling(SignalingEvent::Interrupted) => self.reachable = false,
            CallInput::Signaling(SignalingEvent::Restored) => self.restored(now),
            CallInput::Start
            | CallInput::Intent(_)
            | CallInput::Signaling(_)
            | CallInput::Media(_)
            | CallInput::Timeout => {}
        }
    }

    /// Takes note of what the machine asks for.
    pub fn observe_output(&mut self, output: &CallOutput, now: Instant) {
        match output {
            CallOutput::Media(MediaCommand::OpenLink(link)) => self.opened(link, now),
            CallOutput::Media(MediaCommand::CloseLink(link)) => {
                self.links.remove(link);
            }
            CallOutput::Media(_) | CallOutput::Signaling(_) | CallOutput::Event(_) => {}
        }
    }

    /// The next thing to do at `now`; ask until there is none.
    pub fn poll(&mut self, now: Instant) -> Option<Remedy> {
        let due = self.links.iter().find(|(_, path)| self.due(path).is_some_and(|at| now >= at));
        let id = *due?.0;
        let path = self.links.get_mut(&id)?;
        match &mut path.state {
            PathState::Lost { since, restarts, last_restart, act_at } => {
                let may_restart = *restarts < self.policy.restarts && now < *since + self.policy.limit;
                let remedy = match path.side {
                    Side::Offerer => Some(Remedy::Restart(id)),
                    Side::Client => Some(Remedy::Renew(id)),
                    Side::Answerer => None,
                };
                if let Some(remedy) = remedy.filter(|_| may_restart) {
                    *restarts += 1;
                    *last_restart = Some(now);
                    *act_at = now + self.policy.restart_patience;
                    return Some(remedy);
                }
            }
            PathState::Opening { .. } | PathState::Closed { .. } | PathState::Up => {}
        }
        self.links.remove(&id);
        Some(Remedy::GiveUp(id))
    }

    /// When to ask again.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.links.values().filter_map(|path| self.due(path)).min()
    }

    fn opened(&mut self, link: &Link, now: Instant) {
        let state = PathState::Opening { give_up_at: now + self.policy.opening_patience };
        self.links.insert(link.id, Path { side: Side::of(link), state });
    }

    /// When something is to be done about a link. While the service cannot be reached a restart is pointless and an
    /// answerer waits in vain, so both wait for it, but not for ever.
    fn due(&self, path: &Path) -> Option<Instant> {
        match path.state {
            PathState::Up => None,
            PathState::Opening { give_up_at } | PathState::Closed { give_up_at } => Some(give_up_at),
            PathState::Lost { since, act_at, .. } => {
                let limit = since + self.policy.limit;
                Some(if self.reachable { act_at.min(limit) } else { limit })
            }
        }
    }

    fn link_state(&mut self, link: LinkId, state: LinkState, now: Instant) {
        let Some(path) = self.links.get_mut(&link) else { return };
        let wait = match path.side {
            Side::Offerer | Side::Client => self.policy.disconnected_wait,
            Side::Answerer => self.policy.answerer_patience,
        };
        // A media server that closes a link has forgotten it, or whoever sent on it left: the service knows.
        let state = match (state, path.side) {
            (LinkState::Closed, Side::Client) => LinkState::Disconnected,
            (state, _) => state,
        };
        let lost = |act_at| PathState::Lost { since: now, restarts: 0, last_restart: None, act_at };
        path.state = match (state, path.state) {
            (LinkState::Connected, _) => PathState::Up,
            (_, closed @ PathState::Closed { .. }) => closed,
            (LinkState::Closed, _) => PathState::Closed { give_up_at: now + self.policy.closed_wait },
            (LinkState::Connecting | LinkState::Disconnected, PathState::Up) => lost(now + wait),
            (LinkState::Connecting | LinkState::Disconnected, other) => other,
            (LinkState::Failed, PathState::Up | PathState::Opening { .. }) => match path.side {
                Side::Offerer | Side::Client => lost(now),
                Side::Answerer => lost(now + wait),
            },
            (LinkState::Failed, PathState::Lost { since, restarts, last_restart, act_at }) => {
                let act_at = match path.side {
                    Side::Offerer | Side::Client => {
                        let earliest = last_restart.map_or(now, |at| at + self.policy.restart_gap);
                        act_at.min(earliest.max(now))
                    }
                    Side::Answerer => act_at,
                };
                PathState::Lost { since, restarts, last_restart, act_at }
            }
        };
    }

    /// We changed networks. Which links that broke shows only after seconds of silence, and a restart of one that it
    /// did not costs a tenth of a second, so every link of ours is restarted at once.
    fn address_lost(&mut self, now: Instant) {
        for path in self.links.values_mut().filter(|path| matches!(path.side, Side::Offerer | Side::Client)) {
            let since = match path.state {
                PathState::Up => now,
                PathState::Lost { since, .. } => since,
                PathState::Opening { .. } | PathState::Closed { .. } => continue,
            };
            path.state = PathState::Lost { since, restarts: 0, last_restart: None, act_at: now };
        }
    }

    /// The service is back: offers made meanwhile may be lost, so every lost link begins anew.
    fn restored(&mut self, now: Instant) {
        self.reachable = true;
        let patience = self.policy.answerer_patience;
        for path in self.links.values_mut() {
            if let PathState::Lost { since, .. } = path.state {
                let act_at = match path.side {
                    Side::Offerer | Side::Client => now,
                    Side::Answerer => now + patience,
                };
                path.state = PathState::Lost { since, restarts: 0, last_restart: None, act_at };
            }
        }
    }
}
