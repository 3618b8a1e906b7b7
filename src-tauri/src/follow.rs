//! Follows the core, so that windows open and close with what happens there.

use std::sync::Arc;
use std::time::Duration;

use bellbird_contract::Event;
use bellbird_control::DoorClient;
use tauri::AppHandle;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::sleep;

use crate::core_process::CoreProcess;
use crate::windows;

/// A core that died is not started again before this has passed, so that one that dies at once does not keep the
/// machine busy.
const BEFORE_RESTART: Duration = Duration::from_millis(500);

/// Longest wait between tries to start a core that does not start.
const LONGEST_WAIT: Duration = Duration::from_secs(8);

/// How one attachment to a core ended.
enum Parted {
    /// The core was asked to stop.
    Stopped,
    /// It went away without a word.
    Lost,
}

/// Runs as long as the process. `incoming_only`: started by the core because it rings; then there is nothing to stay
/// for once no window is open, and no reason to start a core.
pub(crate) async fn follow(app: AppHandle, core: Arc<CoreProcess>, incoming_only: bool) {
    let mut wait = BEFORE_RESTART;
    let mut first = true;
    loop {
        let found = if windows::main_is_open(&app) || !incoming_only {
            core.find_or_start().await.map_err(|error| tracing::warn!(%error, "no core")).ok()
        } else {
            core.find().await
        };
        let client = match found {
            Some(door) => DoorClient::connect_window(&door).await.ok(),
            None => None,
        };
        if let Some(client) = client {
            wait = BEFORE_RESTART;
            if first && incoming_only && !windows::rings(&client.state().borrow()) {
                // Answered or withdrawn in the moment it took to start.
                return app.exit(0);
            }
            first = false;
            match attend(&app, &client).await {
                Parted::Stopped => return app.exit(0),
                Parted::Lost => tracing::warn!("the core is gone"),
            }
        } else {
            wait = (wait * 2).min(LONGEST_WAIT);
        }
        if incoming_only && !windows::main_is_open(&app) {
            return app.exit(0);
        }
        sleep(wait).await;
    }
}

async fn attend(app: &AppHandle, client: &DoorClient) -> Parted {
    let mut events = client.events();
    let state = client.state();
    windows::settle(app, &state.borrow());
    loop {
        match events.recv().await {
            Ok(Event::State { state }) => windows::settle(app, &state),
            Ok(Event::RaiseWindow) => windows::show_main(app),
            Ok(Event::Stopping) => return Parted::Stopped,
            Ok(Event::Call { .. } | Event::Levels { .. } | Event::Quality { .. } | Event::Sdk { .. }) => {}
            // What was missed is in the newest state.
            Err(RecvError::Lagged(_)) => windows::settle(app, &state.borrow()),
            Err(RecvError::Closed) => return Parted::Lost,
        }
    }
}
