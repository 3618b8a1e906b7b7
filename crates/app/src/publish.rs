//! Tells every listener the whole state after it changed: at once after a rest, and never more often than a person
//! can see, since one call's start alone changes it a dozen times.

use std::sync::Weak;
use std::time::{Duration, Instant};

use bellbird_contract::Event;

use crate::app::Inner;

/// Changes within this time are told together.
const GATHER: Duration = Duration::from_millis(10);

/// Publishes until the app is gone.
pub(crate) async fn run(app: Weak<Inner>) {
    loop {
        let Some(inner) = app.upgrade() else { return };
        let changed = inner.changed.clone();
        let gone = inner.gone.clone();
        drop(inner);
        tokio::select! {
            () = changed.notified() => {}
            () = gone.cancelled() => return,
        }
        let Some(inner) = app.upgrade() else { return };
        // Before the state is told, so that whoever waits for it finds servers told, too.
        inner.amend(|state| state.settle_remote(Instant::now()));
        inner.announce_client();
        let state = Box::new(inner.view());
        // No listener is no error.
        let _ = inner.events.send(Event::State { state });
        drop(inner);
        tokio::time::sleep(GATHER).await;
    }
}
