//! The windows: main, incoming, and a call that was taken out of the main one.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use bellbird_contract::AppView;
use tauri::{
    AppHandle, Manager, Monitor, RunEvent, Url, WebviewUrl, WebviewWindow, WebviewWindowBuilder, WindowEvent,
};

use crate::main_place::{self, MIN_SIZE, MainPlace, Screen};

const MAIN: &str = "main";
const INCOMING: &str = "incoming";
const CALL: &str = "call";

/// The incoming window's size and its distance from the screen's edge, logical pixels.
const INCOMING_SIZE: (f64, f64) = (380.0, 180.0);
const INCOMING_MARGIN: f64 = 24.0;

/// The size a call begins with when it is taken out of the main window, and the least it is of use at, logical pixels.
const CALL_SIZE: (f64, f64) = (400.0, 300.0);
const LEAST_CALL_SIZE: (f64, f64) = (280.0, 200.0);

/// The data folder, and the main window's last known place, which is kept in it.
struct Places {
    data: PathBuf,
    last: Mutex<MainPlace>,
}

/// Where the windows keep what they keep: the main window's place, and the web view's own files. Called once, before
/// any window is opened.
pub(crate) fn keep_in(app: &AppHandle, data: &Path) {
    app.manage(Places { data: data.to_owned(), last: Mutex::new(main_place::load(data)) });
}

/// Brings the main window to the front, opening it when it is not there. From any thread.
pub(crate) fn show_main(app: &AppHandle) {
    on_main_thread(app, |app| {
        if let Some(window) = app.get_webview_window(MAIN) {
            let _ = window.unminimize();
            let _ = window.show();
            let _ = window.set_focus();
        } else if let Err(error) = open_main(app) {
            tracing::error!(%error, "the main window could not be opened");
        }
    });
}

/// Takes the call out of the main window, into a small one that stays above others. From any thread.
pub(crate) fn pop_out(app: &AppHandle) {
    on_main_thread(app, |app| {
        if let Some(window) = app.get_webview_window(CALL) {
            let _ = window.set_focus();
        } else if let Err(error) = open_call(app) {
            tracing::error!(%error, "the call's window could not be opened");
        }
    });
}

/// Puts the call back into the main window. From any thread.
pub(crate) fn pop_in(app: &AppHandle) {
    // First the one, then the other: the process ends with its last window.
    show_main(app);
    on_main_thread(app, |app| {
        if let Some(window) = app.get_webview_window(CALL) {
            let _ = window.destroy();
        }
    });
}

/// Opens and closes windows to fit the state of the core: an incoming-call window while a call rings, the main
/// window for a call that was answered from it, and a call's own window no longer than the call. From any thread.
pub(crate) fn settle(app: &AppHandle, view: &AppView) {
    let rings = rings(view);
    let talks = view.calls.iter().any(|call| call.ended.is_none() && !(call.incoming && call.can_answer));
    on_main_thread(app, move |app| {
        if let Some(window) = app.get_webview_window(CALL).filter(|_| !talks) {
            let _ = window.destroy();
        }
        let incoming = app.get_webview_window(INCOMING);
        match (rings, incoming) {
            (true, None) => {
                if let Err(error) = open_incoming(app) {
                    tracing::error!(%error, "the incoming-call window could not be opened");
                }
            }
            (false, Some(window)) => {
                // First the new one: the process ends with its last window.
                if talks {
                    show_main(app);
                }
                let _ = window.destroy();
            }
            (true, Some(_)) | (false, None) => {}
        }
    });
}

/// Whether a call waits for Answer or Decline.
pub(crate) fn rings(view: &AppView) -> bool {
    view.calls.iter().any(|call| call.incoming && call.can_answer && call.ended.is_none())
}

/// Whether the main window is open.
pub(crate) fn main_is_open(app: &AppHandle) -> bool {
    app.get_webview_window(MAIN).is_some()
}

/// Keeps the main window's place as it changes, and writes it down when the process ends.
pub(crate) fn handle_run_event(app: &AppHandle, event: RunEvent) {
    match event {
        RunEvent::WindowEvent { label, event: WindowEvent::Resized(_) | WindowEvent::Moved(_), .. }
            if label == MAIN =>
        {
            note_place(app);
        }
        RunEvent::Exit => write_place(app),
        _ => {}
    }
}

fn open_main(app: &AppHandle) -> tauri::Result<()> {
    let places = app.state::<Places>();
    let screens: Vec<Screen> = app.available_monitors()?.iter().map(screen).collect();
    let place = lock(&places.last).fitted(&screens);
    let mut builder = WebviewWindowBuilder::new(app, MAIN, WebviewUrl::App("index.html".into()))
        .title("Bellbird")
        .inner_size(place.width, place.height)
        .min_inner_size(MIN_SIZE.0, MIN_SIZE.1)
        .maximized(place.maximized)
        .data_directory(webview_folder(app))
        .on_navigation(is_ours);
    if let Some((x, y)) = place.at {
        builder = builder.position(x, y);
    }
    builder.build()?;
    Ok(())
}

fn open_incoming(app: &AppHandle) -> tauri::Result<()> {
    let mut builder = WebviewWindowBuilder::new(app, INCOMING, WebviewUrl::App("incoming.html".into()))
        .title("Incoming call")
        .inner_size(INCOMING_SIZE.0, INCOMING_SIZE.1)
        .resizable(false)
        .maximizable(false)
        .minimizable(false)
        .always_on_top(true)
        .visible_on_all_workspaces(true)
        // Whoever types in another program must not answer by the next Enter.
        .focused(false)
        .data_directory(webview_folder(app))
        .on_navigation(is_ours);
    if let Some(screen) = screen_in_use(app) {
        builder = builder.position(
            screen.x + screen.width - INCOMING_SIZE.0 - INCOMING_MARGIN,
            screen.y + INCOMING_MARGIN * 2.0,
        );
    }
    builder.build()?;
    Ok(())
}

fn open_call(app: &AppHandle) -> tauri::Result<()> {
    let mut builder = WebviewWindowBuilder::new(app, CALL, WebviewUrl::App("call.html".into()))
        .title("Call")
        .inner_size(CALL_SIZE.0, CALL_SIZE.1)
        .min_inner_size(LEAST_CALL_SIZE.0, LEAST_CALL_SIZE.1)
        .maximizable(false)
        .always_on_top(true)
        .visible_on_all_workspaces(true)
        .data_directory(webview_folder(app))
        .on_navigation(is_ours);
    if let Some(screen) = screen_in_use(app) {
        builder = builder.position(
            screen.x + screen.width - CALL_SIZE.0 - INCOMING_MARGIN,
            screen.y + screen.height - CALL_SIZE.1 - INCOMING_MARGIN * 3.0,
        );
    }
    builder.build()?;
    Ok(())
}

/// One for all windows, so that one web process serves them.
fn webview_folder(app: &AppHandle) -> PathBuf {
    app.state::<Places>().data.join("webview")
}

/// Nothing but the embedded UI is ever shown.
fn is_ours(url: &Url) -> bool {
    match url.scheme() {
        "tauri" => url.host_str() == Some("localhost"),
        "http" | "https" => url.host_str() == Some("tauri.localhost"),
        _ => false,
    }
}

/// The screen the pointer is on; some systems tell no pointer, then the first one.
fn screen_in_use(app: &AppHandle) -> Option<Screen> {
    let monitor = app
        .cursor_position()
        .ok()
        .and_then(|at| app.monitor_from_point(at.x, at.y).ok().flatten())
        .or_else(|| app.primary_monitor().ok().flatten())
        .or_else(|| app.available_monitors().ok().and_then(|all| all.into_iter().next()))?;
    Some(screen(&monitor))
}

fn screen(monitor: &Monitor) -> Screen {
    let scale = monitor.scale_factor();
    let at = monitor.position().to_logical::<f64>(scale);
    let size = monitor.size().to_logical::<f64>(scale);
    Screen { x: at.x, y: at.y, width: size.width, height: size.height }
}

fn note_place(app: &AppHandle) {
    let Some(window) = app.get_webview_window(MAIN) else { return };
    let Some(place) = place_of(&window) else { return };
    let places = app.state::<Places>();
    let mut last = lock(&places.last);
    // The size to come back to is the one before it was maximized.
    *last = if place.maximized { MainPlace { maximized: true, ..*last } } else { place };
}

fn write_place(app: &AppHandle) {
    let places = app.state::<Places>();
    let place = *lock(&places.last);
    if let Err(error) = main_place::save(&places.data, place) {
        tracing::warn!(%error, "the window's place could not be kept");
    }
}

fn place_of(window: &WebviewWindow) -> Option<MainPlace> {
    if window.is_minimized().unwrap_or(false) {
        return None;
    }
    let scale = window.scale_factor().ok()?;
    let size = window.inner_size().ok()?.to_logical::<f64>(scale);
    let at = window.outer_position().ok().map(|at| at.to_logical::<f64>(scale)).map(|at| (at.x, at.y));
    let maximized = window.is_maximized().unwrap_or(false);
    Some(MainPlace { width: size.width, height: size.height, at, maximized })
}

/// A panic while the lock was held left a whole place behind: it is written in one step.
fn lock(place: &Mutex<MainPlace>) -> std::sync::MutexGuard<'_, MainPlace> {
    place.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn on_main_thread(app: &AppHandle, act: impl FnOnce(&AppHandle) + Send + 'static) {
    let handle = app.clone();
    if let Err(error) = app.run_on_main_thread(move || act(&handle)) {
        tracing::debug!(%error, "the window process is ending");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_embedded_ui_is_navigated_to() {
        for ours in [
            "tauri://localhost/index.html",
            "http://tauri.localhost/",
            "https://tauri.localhost/incoming.html",
        ] {
            assert!(is_ours(&ours.parse().unwrap()), "{ours}");
        }
        for foreign in [
            "https://example.org/",
            "file:///etc/passwd",
            "tauri://elsewhere/",
            "http://localhost/",
            "data:,x",
        ] {
            assert!(!is_ours(&foreign.parse().unwrap()), "{foreign}");
        }
    }
}
