//! The loop that listens to the core's events and keeps notifications and tray true.

use std::sync::Arc;

use bellbird_contract::{AppView, Command, Event};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, oneshot};
use tokio::task::JoinHandle;

use crate::notices::Notices;
use crate::notifier::Notifier;
use crate::tray::{Tray, TrayView};

/// Where clicks go. Called from a task of the async runtime; must not block.
pub type CommandSink = Arc<dyn Fn(Command) + Send + Sync>;

/// What to show and as whom.
#[derive(Clone, Debug)]
pub struct DesktopConfig {
    /// The program's name, as people know it.
    pub app_name: String,
    /// Name of the installed `.desktop` file without its ending; daemons group by it.
    pub desktop_entry: String,
    /// Icon of notifications: a name in the icon theme or an absolute path.
    pub icon: String,
    /// Show notifications.
    pub notifications: bool,
    /// Sit in the tray.
    pub tray: bool,
}

impl Default for DesktopConfig {
    fn default() -> Self {
        Self {
            app_name: "Bellbird".to_owned(),
            desktop_entry: "bellbird".to_owned(),
            icon: "bellbird".to_owned(),
            notifications: true,
            tray: true,
        }
    }
}

/// The core's face on the desktop. Dropping it takes notifications and tray away in the background.
#[derive(Debug)]
pub struct Desktop {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Desktop {
    /// Starts listening. `state` is the state before the first event in `events`. Never fails: what the session
    /// does not offer is left out. Must be called within a tokio runtime.
    pub fn start(
        config: DesktopConfig,
        events: broadcast::Receiver<Event>,
        state: AppView,
        commands: CommandSink,
    ) -> Self {
        let (stop, stopped) = oneshot::channel();
        Self { stop, task: tokio::spawn(run(config, events, state, commands, stopped)) }
    }

    /// Takes everything away and waits for that, at most about two seconds.
    pub async fn stop(self) {
        drop(self.stop);
        if let Err(error) = self.task.await {
            tracing::warn!(%error, "the desktop task ended badly");
        }
    }
}

async fn run(
    config: DesktopConfig,
    mut events: broadcast::Receiver<Event>,
    state: AppView,
    commands: CommandSink,
    mut stopped: oneshot::Receiver<()>,
) {
    let mut notices = Notices::default();
    let mut notifier = config.notifications.then(|| Notifier::new(&config, commands.clone()));
    let tray = config.tray.then(|| Tray::start(&config.app_name, TrayView::of(&state), commands));
    let mut state = state;
    loop {
        for change in notices.update(&state) {
            if let Some(notifier) = &mut notifier {
                notifier.apply(change);
            }
        }
        if let Some(tray) = &tray {
            tray.show(TrayView::of(&state));
        }
        match next_state(&mut events, &mut stopped).await {
            Some(next) => state = next,
            None => break,
        }
    }
    if let Some(notifier) = notifier {
        notifier.withdraw_all().await;
    }
    if let Some(tray) = tray {
        tray.stop().await;
    }
}

/// The next whole state; `None` when it is time to go.
async fn next_state(
    events: &mut broadcast::Receiver<Event>,
    stopped: &mut oneshot::Receiver<()>,
) -> Option<AppView> {
    loop {
        let event = tokio::select! {
            _ = &mut *stopped => return None,
            event = events.recv() => event,
        };
        match event {
            Ok(Event::State { state }) => return Some(*state),
            Ok(
                Event::Call { .. }
                | Event::Levels { .. }
                | Event::Quality { .. }
                | Event::Sdk { .. }
                | Event::RaiseWindow,
            ) => {}
            // Whole states follow each other, so what was overrun is made good by the next one.
            Err(RecvError::Lagged(_)) => {}
            Ok(Event::Stopping) | Err(RecvError::Closed) => return None,
        }
    }
}
