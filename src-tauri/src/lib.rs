//! The window process. It finds the core, starts one when none runs, and shows the UI, which talks to the core through
//! the control door. It holds no account, no call and no sound: closing or crashing it ends nothing but the picture.
//!
//! ```text
//! bellbird              the main window
//! bellbird --incoming   the incoming-call window alone, as the core starts it when it rings and no window is open
//! ```
//!
//! A second start hands its arguments to the first and ends.

mod core_process;
mod follow;
mod main_place;
mod rendering;
mod windows;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use tauri::{AppHandle, State};
use tracing_subscriber::EnvFilter;

use core_process::{CoreProcess, DoorAddress, DoorFailure};

/// Tells a start by the core, because it rings, from one by a person.
const INCOMING: &str = "--incoming";

/// What one window process is about.
struct Window {
    core: Arc<CoreProcess>,
}

/// Where the core listens. Starts one when none runs; the page asks again each time it loses the core.
#[tauri::command]
async fn find_door(window: State<'_, Window>) -> Result<DoorAddress, DoorFailure> {
    window.core.find_or_start().await.map(DoorAddress::from).map_err(DoorFailure::from)
}

/// Takes the call out of the main window, into a small one that stays above others.
#[tauri::command]
fn pop_out(app: AppHandle) {
    windows::pop_out(&app);
}

/// Puts the call back into the main window.
#[tauri::command]
fn pop_in(app: AppHandle) {
    windows::pop_in(&app);
}

/// Runs the window process to its end.
pub fn run() -> ExitCode {
    let filter = EnvFilter::try_from_env("BELLBIRD_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    rendering::choose();

    let Some(data) = bellbird_control::default_data_folder() else {
        tracing::error!("this system names no home folder; set BELLBIRD_DATA");
        return ExitCode::FAILURE;
    };
    let incoming = std::env::args().any(|argument| argument == INCOMING);

    let mut context = tauri::generate_context!();
    // Another data folder is another Bellbird: its windows must not be handed to the first one's process.
    context.config_mut().identifier.push_str(&format!(".d{:x}", fingerprint(&data)));

    let core = Arc::new(CoreProcess::new(data.clone()));
    let result = tauri::Builder::default()
        .plugin(tauri_plugin_single_instance::init(|app, arguments, _folder| started_again(app, &arguments)))
        .manage(Window { core: Arc::clone(&core) })
        .invoke_handler(tauri::generate_handler![find_door, pop_out, pop_in])
        .setup(move |app| {
            windows::keep_in(app.handle(), &data);
            if !incoming {
                windows::show_main(app.handle());
            }
            tauri::async_runtime::spawn(follow::follow(app.handle().clone(), core, incoming));
            Ok(())
        })
        .build(context);
    match result {
        Ok(app) => {
            app.run(windows::handle_run_event);
            ExitCode::SUCCESS
        }
        Err(error) => {
            tracing::error!(%error, "the window could not be opened");
            ExitCode::FAILURE
        }
    }
}

/// A second `bellbird` was started and handed over to this process.
fn started_again(app: &AppHandle, arguments: &[String]) {
    // An incoming call is shown by following the core, whoever else points at it.
    if !arguments.iter().any(|argument| argument == INCOMING) {
        windows::show_main(app);
    }
}

/// The same for the same folder, however it was named; the same within one build of the program, which is all that two
/// instances need.
fn fingerprint(data: &Path) -> u64 {
    let _ = std::fs::create_dir_all(data);
    let mut hasher = DefaultHasher::new();
    data.canonicalize().unwrap_or_else(|_| data.to_owned()).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::fingerprint;

    #[test]
    fn one_folder_has_one_fingerprint_and_two_have_two() {
        let home = tempfile::tempdir().unwrap();
        let (ada, bob) = (home.path().join("ada"), home.path().join("bob"));
        assert_ne!(fingerprint(&ada), fingerprint(&bob));
        assert_eq!(fingerprint(&ada), fingerprint(&home.path().join("bob/../ada")));
    }
}
