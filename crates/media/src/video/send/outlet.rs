//! One link on which pictures of ours can leave: what it takes, what is known of its way, and what waits to leave on it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use bellbird_call::{LinkId, MediaKind};

use super::inbox::Inbox;
use crate::peer::{MAX_LAYERS, OutgoingVideo, VideoAgreement, VideoFeedback, VideoSender};
use crate::video::rates::congestion::{Estimator, PacketFate, ProbeOrder};
use crate::video::rates::pacer::Pacer;
use crate::video::rates::share;
use crate::video::rates::tier::Tier;

/// While more than this waits, no further picture is made: it would only come later.
const MAX_BACKLOG: Duration = Duration::from_millis(180);
/// How often it is looked whether padding is due.
const PROBE_LOOK: Duration = Duration::from_millis(500);
/// Over how long it is counted what is sent.
const USE_WINDOW: Duration = Duration::from_secs(1);
/// Headers, extensions and authentication around a payload, bytes.
pub(super) const OVERHEAD: usize = 40;

/// The link.
pub(crate) struct Outlet {
    link: LinkId,
    kind: MediaKind,
    /// Wakes the encoder when the far end wants something of it.
    inbox: Weak<Inbox>,
    state: Mutex<State>,
}

struct State {
    sender: Option<VideoSender>,
    agreement: Option<VideoAgreement>,
    connected: bool,
    estimator: Estimator,
    pacer: Pacer<OutgoingVideo>,
    /// Somebody cannot go on without a keyframe, by layer.
    wants_keyframe: [bool; MAX_LAYERS],
    /// Nothing but a keyframe may come next, by layer: the far end has nothing yet, or packets were dropped here.
    awaits_keyframe: [bool; MAX_LAYERS],
    sent: VecDeque<(Instant, usize)>,
    sent_bytes: usize,
    /// Pictures leave here. Nothing else is a reason to send anything, padding neither.
    active: bool,
    probing: Option<Probing>,
    tier: Tier,
}

/// Padding that is about to leave.
struct Probing {
    order: ProbeOrder,
    left: usize,
    next: Instant,
}

impl Outlet {
    pub(super) fn new(link: LinkId, kind: MediaKind, inbox: &Arc<Inbox>, now: Instant) -> Self {
        let mut estimator = Estimator::new(now);
        let pacer = Pacer::new(estimator.target(now));
        Self {
            link,
            kind,
            inbox: Arc::downgrade(inbox),
            state: Mutex::new(State {
                sender: None,
                agreement: None,
                connected: false,
                estimator,
                pacer,
                wants_keyframe: [true; MAX_LAYERS],
                awaits_keyframe: [true; MAX_LAYERS],
                sent: VecDeque::new(),
                sent_bytes: 0,
                active: false,
                probing: None,
                tier: Tier::default(),
            }),
        }
    }

    pub(super) fn link(&self) -> LinkId {
        self.link
    }

    pub(super) fn kind(&self) -> MediaKind {
        self.kind
    }

    /// Where its packets go.
    pub(crate) fn set_sender(&self, sender: VideoSender) {
        self.lock().sender = Some(sender);
    }

    /// What was agreed, anew.
    pub(crate) fn agree(&self, agreement: Option<VideoAgreement>) {
        let mut state = self.lock();
        if state.agreement != agreement {
            state.agreement = agreement;
            state.begin();
            drop(state);
            self.wake();
        }
    }

    /// Whether packets can flow.
    pub(crate) fn set_connected(&self, connected: bool) {
        let mut state = self.lock();
        if state.connected != connected {
            state.connected = connected;
            state.begin();
            drop(state);
            self.wake();
        }
    }

    /// Takes the far end's word. On the library's task.
    pub(crate) fn feedback(&self, feedback: VideoFeedback) {
        let mut state = self.lock();
        match feedback {
            VideoFeedback::KeyframeWanted { layer } => {
                let Some(wants) = state.wants_keyframe.get_mut(layer) else { return };
                *wants = true;
                drop(state);
                self.wake();
            }
            VideoFeedback::Transport(feedback) => {
                let fates: Vec<PacketFate> = feedback
                    .packets
                    .iter()
                    .map(|report| PacketFate {
                        sent: report.sent,
                        arrived: report.arrival.map(since_first),
                        size: report.size,
                        cluster: report.cluster,
                    })
                    .collect();
                state.estimator.feedback(feedback.at, &fates);
            }
            VideoFeedback::Remb(rate) => state.estimator.remb(Instant::now(), rate),
            VideoFeedback::Loss { fraction, round_trip } => {
                state.estimator.report(Instant::now(), fraction, round_trip);
            }
        }
    }

    /// What pictures can go out as now, if they can.
    pub(super) fn open_for(&self) -> Option<VideoAgreement> {
        let state = self.lock();
        let ready = state.connected && state.sender.as_ref().is_some_and(VideoSender::is_ready);
        state.agreement.filter(|agreement| agreement.send && ready)
    }

    /// What may be sent, bits per second, headers and repetitions included.
    pub(super) fn target(&self, now: Instant) -> u64 {
        let mut state = self.lock();
        let target = state.estimator.target(now);
        state.pacer.set_target(target);
        target
    }

    /// Whether it gets a picture of its own, since it does not carry the `least` that the common one takes; `None` where
    /// there is nobody else. After a change the far end begins anew.
    pub(super) fn is_apart(&self, now: Instant, least: Option<u64>) -> bool {
        let mut state = self.lock();
        let moved = match least {
            Some(least) => {
                let carries = state.estimator.target(now);
                state.tier.update(now, carries, least)
            }
            None => state.tier.join(),
        };
        if moved {
            state.begin();
            tracing::info!(link = %self.link, apart = state.tier.is_apart(), "what pictures a slow line gets changed");
        }
        state.tier.is_apart()
    }

    /// What is left of the target for pictures themselves, as a share of it: what is lost is sent again.
    pub(super) fn useful_share(&self) -> f64 {
        0.95 - self.lock().estimator.loss().min(0.3)
    }

    /// Bits per second sent over the last second.
    pub(super) fn uses(&self, now: Instant) -> u64 {
        let mut state = self.lock();
        state.forget(now);
        (state.sent_bytes as f64 * 8.0 / USE_WINDOW.as_secs_f64()) as u64
    }

    pub(super) fn wants_keyframe(&self, layer: usize) -> bool {
        self.lock().wants_keyframe.get(layer).copied().unwrap_or(false)
    }

    /// Whether so much waits that a further picture would only come later.
    pub(super) fn is_behind(&self) -> bool {
        self.lock().pacer.backlog() > MAX_BACKLOG
    }

    /// Queues the packets of one picture, all of one layer.
    pub(super) fn queue(&self, packets: &[OutgoingVideo]) {
        let Some(&OutgoingVideo { layer, keyframe, .. }) =
            packets.first().filter(|packet| packet.layer < MAX_LAYERS)
        else {
            return;
        };
        let mut state = self.lock();
        if keyframe {
            state.wants_keyframe[layer] = false;
            state.awaits_keyframe[layer] = false;
        }
        // Pictures that no other builds on are what a slow line does without first.
        let spare = packets.first().is_some_and(|packet| packet.temporal_layer > 0);
        if state.awaits_keyframe[layer] || (spare && state.pacer.backlog() > MAX_BACKLOG / 2) {
            return;
        }
        state.active = true;
        for packet in packets {
            if !state.pacer.push(packet.payload.len() + OVERHEAD, packet.clone()) {
                // A picture with a hole is of no use, nor are those after it.
                state.wants_keyframe[layer] = true;
                state.awaits_keyframe[layer] = true;
                break;
            }
        }
    }

    /// Drops what waits: nothing of a camera may leave after it was switched off.
    pub(super) fn stop(&self) {
        self.lock().begin();
    }

    /// Sends what may leave now; yields when the next may.
    pub(super) fn pace(&self, now: Instant) -> Option<Instant> {
        let mut state = self.lock();
        while let Some(packet) = state.pacer.pop(now) {
            let size = packet.payload.len() + OVERHEAD;
            if let Some(sender) = &state.sender {
                sender.send(&packet);
            }
            state.estimator.sent(now);
            state.forget(now);
            state.sent.push_back((now, size));
            state.sent_bytes += size;
        }
        let probe = state.probe(now, self.kind);
        [state.pacer.next_due(now), probe].into_iter().flatten().min()
    }

    fn wake(&self) {
        if let Some(inbox) = self.inbox.upgrade() {
            inbox.poke();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whoever watches from now on has nothing yet.
    fn begin(&mut self) {
        self.active = false;
        if self.probing.take().is_some() {
            self.estimator.probe_failed();
        }
        self.pacer.clear();
        self.wants_keyframe = [true; MAX_LAYERS];
        self.awaits_keyframe = [true; MAX_LAYERS];
    }

    /// Sends the padding that is due; yields when there may be some again.
    fn probe(&mut self, now: Instant, kind: MediaKind) -> Option<Instant> {
        self.forget(now);
        let sender = self.sender.as_ref().filter(|_| self.active)?;
        if self.probing.is_none() {
            let used = (self.sent_bytes as f64 * 8.0 / USE_WINDOW.as_secs_f64()) as u64;
            let layers = self.agreement.map_or(1, |agreement| agreement.layers);
            let order = self.estimator.probe(now, used, share::useful(kind, layers));
            self.probing = order.map(|order| Probing { order, left: order.packets, next: now });
        }
        while let Some(probing) = &mut self.probing {
            if probing.next > now {
                return Some(probing.next);
            }
            let sent = sender.pad(now, probing.order.size, probing.order.cluster);
            if sent {
                self.estimator.sent(now);
            } else {
                self.estimator.probe_failed();
            }
            probing.left -= 1;
            probing.next += probing.order.gap;
            if !sent || probing.left == 0 {
                self.probing = None;
            }
        }
        Some(now + PROBE_LOOK)
    }

    fn forget(&mut self, now: Instant) {
        while let Some(&(at, size)) = self.sent.front()
            && now.saturating_duration_since(at) > USE_WINDOW
        {
            self.sent.pop_front();
            self.sent_bytes -= size;
        }
    }
}

/// Arrivals are counted from a moment of the far end's choice, which may lie after the first of them.
fn since_first(microseconds: i64) -> Duration {
    const AHEAD: i64 = 1 << 41;
    Duration::from_micros(microseconds.saturating_add(AHEAD).max(0) as u64)
}
