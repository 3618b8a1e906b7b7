//! Passes on what happens in one call, from its first moment until it fades from the state.

use std::sync::{Arc, Weak};
use std::time::Instant;

use bellbird_call::{CallEvent, CallId, CallView, EndReason};
use bellbird_contract::Event;
use bellbird_session::{CallHandle, Meter};
use tokio::sync::{broadcast, mpsc};

use super::AFTERGLOW;
use crate::app::Inner;
use crate::convert;

/// Runs until the call is over and has faded, or the app is gone.
pub(super) async fn run(app: Weak<Inner>, handle: CallHandle, mut events: mpsc::Receiver<CallEvent>) {
    let id = handle.id().clone();
    let mut views = handle.view();
    let mut meters = handle.meters();
    // Only the app's own entry keeps the call alive, so that dropping that one ends it.
    drop(handle);
    let mut views_open = true;
    let mut meters_open = true;
    let mut ended = false;
    loop {
        let event = tokio::select! {
            biased;
            event = events.recv() => event.map(Happening::Event),
            changed = views.changed(), if views_open => {
                views_open = changed.is_ok();
                Some(Happening::View)
            }
            meter = meters.recv(), if meters_open => match meter {
                Ok(meter) => Some(Happening::Meter(meter)),
                Err(broadcast::error::RecvError::Lagged(_)) => continue,
                Err(broadcast::error::RecvError::Closed) => {
                    meters_open = false;
                    continue;
                }
            },
        };
        let Some(inner) = app.upgrade() else { return };
        match event {
            Some(Happening::Event(event)) => {
                ended |= matches!(event, CallEvent::Ended(_));
                let view = views.borrow_and_update().clone();
                inner.call_happened(&id, &event, view);
            }
            Some(Happening::View) => {
                let view = views.borrow_and_update().clone();
                inner.show_call(&id, view);
            }
            Some(Happening::Meter(meter)) => inner.call_measured(&id, meter),
            None => break,
        }
    }
    if !ended && let Some(inner) = app.upgrade() {
        // Its session failed without a last word: nobody must wait for one.
        tracing::error!(call = %id, "a call ended without saying so");
        let view = views.borrow().clone();
        inner.call_happened(&id, &CallEvent::Ended(EndReason::SignalingFailed), view);
    }
    tokio::time::sleep(AFTERGLOW).await;
    if let Some(inner) = app.upgrade() {
        inner.change(|state| state.calls.calls.retain(|call| call.view.id != id));
    }
}

enum Happening {
    Event(CallEvent),
    View,
    Meter(Meter),
}

impl Inner {
    fn show_call(self: &Arc<Self>, id: &CallId, view: CallView) {
        self.tell_programs(|translator| translator.view(&view));
        self.change(|state| {
            if let Some(call) = state.calls.get_mut(id) {
                call.view = view;
            }
        });
        self.update_watched();
    }

    fn call_happened(self: &Arc<Self>, id: &CallId, event: &CallEvent, mut view: CallView) {
        if let CallEvent::Ended(reason) = event {
            view.ended.get_or_insert(*reason);
            view.can_answer = false;
        }
        let duration = view.connected_for.unwrap_or_default();
        let shown = view.clone();
        self.change(|state| {
            if let CallEvent::Problem(problem) = event {
                state.problems.show(problem.clone());
            }
            if let Some(call) = state.calls.get_mut(id) {
                call.view = view;
            }
        });
        self.update_watched();
        if let Some(happening) = convert::happening(event, duration) {
            // No listener is no error.
            let _ = self.events.send(Event::Call { call: id.as_str().into(), happening });
        }
        self.tell_programs(|translator| translator.happening(&shown, event));
    }

    fn call_measured(&self, id: &CallId, meter: Meter) {
        if let Meter::Levels(levels) = &meter {
            self.tell_programs(|translator| translator.levels(id, levels, Instant::now()));
        }
        let call = id.as_str().to_owned();
        let _ = self.events.send(match meter {
            Meter::Levels(levels) => Event::Levels { call, levels: convert::levels(&levels) },
            Meter::Quality(links) => {
                Event::Quality { call, links: links.iter().map(convert::link_quality).collect() }
            }
        });
    }
}
