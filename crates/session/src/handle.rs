//! What the rest of the program holds of a running call.

use std::sync::{Arc, Mutex, PoisonError};

use bellbird_call::{CallEvent, CallId, CallView, Intent};
use tokio::sync::{broadcast, mpsc, watch};

use crate::inlet::Meter;

/// How many intents may wait: more than anyone can press.
const WAITING_INTENTS: usize = 64;

/// Steers and watches one call. When the last clone is dropped the call ends as if the person had hung up: a call
/// nobody can end must not run on.
#[derive(Clone, Debug)]
pub struct CallHandle {
    id: CallId,
    intents: mpsc::Sender<Intent>,
    view: watch::Receiver<CallView>,
    events: Arc<Mutex<Option<mpsc::Receiver<CallEvent>>>>,
    meters: broadcast::Sender<Meter>,
}

impl CallHandle {
    pub(crate) fn new(
        id: CallId,
        view: watch::Receiver<CallView>,
        events: mpsc::Receiver<CallEvent>,
        meters: broadcast::Sender<Meter>,
    ) -> (Self, mpsc::Receiver<Intent>) {
        let (intents, wanted) = mpsc::channel(WAITING_INTENTS);
        let events = Arc::new(Mutex::new(Some(events)));
        (Self { id, intents, view, events, meters }, wanted)
    }

    /// Which call.
    pub fn id(&self) -> &CallId {
        &self.id
    }

    /// Passes on what the person wants. Never blocks; what is wished of a call that is over is disregarded.
    pub fn send(&self, intent: Intent) {
        if let Err(mpsc::error::TrySendError::Full(intent)) = self.intents.try_send(intent) {
            tracing::warn!(call = %self.id, ?intent, "too many intents wait");
        }
    }

    /// The call as it stands, replaced whenever it changes (the passing of time alone is no change). Its sender goes
    /// away when the call is over and backend and engine have been dropped.
    pub fn view(&self) -> watch::Receiver<CallView> {
        self.view.clone()
    }

    /// Everything that happens, complete and in order; ends after `CallEvent::Ended`. Can be taken once. Whoever
    /// takes it must read it: when some thousand events wait unread the call ends with a problem.
    pub fn take_events(&self) -> Option<mpsc::Receiver<CallEvent>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Levels and quality. A slow reader misses old readings.
    pub fn meters(&self) -> broadcast::Receiver<Meter> {
        self.meters.subscribe()
    }

    /// Resolves when the call is over and its backend and engine have been dropped.
    pub async fn finished(&self) {
        let mut view = self.view.clone();
        while view.changed().await.is_ok() {}
    }
}
