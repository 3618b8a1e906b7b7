//! `core`: the background process that windows attach to.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bellbird_app::{App, AppConfig, Browser, CallConfig, Pictures, Sound, SystemKeyStore};
use bellbird_contract::{AccountState, AppView, Event};
use bellbird_control::{Door, FolderLock};
use bellbird_desktop::{Desktop, DesktopConfig, open_in_browser};
use tokio::sync::broadcast;

use crate::args::CoreArgs;
use crate::embedded::EmbeddedServer;
use crate::failure::Failure;
use crate::pictures::Camera;
use crate::report::{Output, Report};
use crate::signals::Stop;
use crate::steer::open_locked;
use crate::window::WindowLauncher;

/// How long accounts may take to be reachable before `ready` is told without them.
const SETTLE: Duration = Duration::from_secs(1);

/// How long windows have to hear that the core ends.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// How often ended window processes are taken note of.
const REAP: Duration = Duration::from_secs(5);

pub(super) async fn run(args: CoreArgs, output: &Output) -> Result<(), Failure> {
    let data = args.data.folder()?;
    // First, so that the settings are read as their only owner.
    let lock = FolderLock::take(&data)?;
    let mut stop = Stop::listen();
    let app = App::start(AppConfig {
        data: Some(data.clone()),
        client_name: format!("Bellbird ({})", std::env::consts::OS),
        sound: sound(&args)?,
        pictures: Pictures {
            camera: args.camera.as_ref().map(Camera::source).transpose()?.flatten(),
            ..Pictures::default()
        },
        call: CallConfig::default(),
        key_store: Arc::new(SystemKeyStore),
        local_server: Some(Arc::new(EmbeddedServer::new(data.join("server")))),
        browser: (!args.no_desktop).then(|| Arc::new(open_in_browser) as Browser),
        watch_devices: true,
    });
    let mut events = app.events();
    let door = open_locked(&app, data.clone(), args.allow_origin, lock)?;
    let desktop = (!args.no_desktop).then(|| start_desktop(&app));
    app.settled(SETTLE).await;
    report_ready(&app.state(), &door, output);

    let mut windows = Windows { launcher: WindowLauncher::new(&data), rung: HashSet::new() };
    windows.see(&app.state(), &door);
    let mut reap = tokio::time::interval(REAP);
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Ok(Event::State { state }) => windows.see(&state, &door),
                Ok(Event::RaiseWindow) if door.windows() == 0 => windows.launcher.show(&[]),
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(_)) => windows.see(&app.state(), &door),
                Err(broadcast::error::RecvError::Closed) => break,
            },
            _ = reap.tick() => windows.launcher.reap(),
            () = app.quit_requested() => break,
            () = stop.requested() => break,
        }
    }
    app.stop().await;
    if let Some(desktop) = desktop {
        desktop.stop().await;
    }
    tokio::time::sleep(LAST_WORDS).await;
    Ok(())
}

fn sound(args: &CoreArgs) -> Result<Sound, Failure> {
    Ok(Sound {
        microphone: args.mic.as_ref().map(|mic| mic.source()).transpose()?,
        speaker: args.speaker.as_ref().map(|speaker| speaker.sink()).transpose()?,
        ringer: args.speaker.as_ref().map(|speaker| speaker.ringer()),
        processing: !args.no_processing,
    })
}

fn start_desktop(app: &App) -> Desktop {
    let runtime = tokio::runtime::Handle::current();
    let commanded = app.clone();
    let commands = Arc::new(move |command| {
        let app = commanded.clone();
        runtime.spawn(async move {
            if let Err(problem) = app.handle(command).await {
                tracing::info!(code = problem.code, detail = problem.detail, "a click came to nothing");
            }
        });
    });
    Desktop::start(DesktopConfig::default(), app.events(), app.state(), commands)
}

fn report_ready(state: &AppView, door: &Door, output: &Output) {
    let online = |account: &&bellbird_contract::AccountView| account.state == AccountState::Online;
    let accounts: Vec<String> =
        state.accounts.iter().filter(online).map(|account| account.id.clone()).collect();
    let token_file = door.file();
    let token_file = token_file.to_string_lossy();
    output.report(&Report::Ready {
        control: door.url(),
        token_file: &token_file,
        web_api: door.web_api(),
        accounts: &accounts,
    });
}

/// Brings the window up for calls.
struct Windows {
    launcher: WindowLauncher,
    /// Calls a window was started for already.
    rung: HashSet<String>,
}

impl Windows {
    fn see(&mut self, state: &AppView, door: &Door) {
        self.rung.retain(|id| state.calls.iter().any(|call| call.id == *id));
        for call in state.calls.iter().filter(|call| call.can_answer) {
            if self.rung.insert(call.id.clone()) && door.windows() == 0 {
                self.launcher.show(&["--incoming"]);
            }
        }
    }
}
