//! The camera's picture outside of a call, for whoever sets it up. Only somebody who looks at it opens it, and what it
//! sees stays on this machine.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bellbird_call::MediaKind;
use bellbird_capture::{Capture, CaptureEvent, CaptureFormat};
use bellbird_contract::TrackKind;
use bellbird_media::capture_problem;

use super::board::Origin;
use crate::app::Inner;
use crate::devices;

/// As large as a call would take it.
const FORMAT: CaptureFormat = CaptureFormat { max_width: 1280, max_height: 720, max_fps: 30 };

/// The camera while it is looked at outside of a call.
#[derive(Default)]
pub(crate) struct Preview {
    wanted: AtomicBool,
    open: Mutex<Option<Capture>>,
}

impl Preview {
    /// Opens or closes the camera as `shown` and the calls need it. A call that has it on shows the same picture.
    pub(super) fn update(self: &Arc<Self>, app: &Arc<Inner>, shown: bool) {
        let wanted = shown && !app.with(|state| state.calls.any_camera_on());
        if self.wanted.swap(wanted, Ordering::AcqRel) == wanted {
            return;
        }
        let (preview, app) = (self.clone(), app.clone());
        // A camera takes its time to open, and to close.
        let runtime = app.runtime.clone();
        runtime.spawn_blocking(move || preview.settle(&app));
    }

    /// Takes the chosen camera anew.
    pub(crate) fn reopen(self: &Arc<Self>, app: &Arc<Inner>) {
        if self.wanted.load(Ordering::Acquire) {
            let (preview, app) = (self.clone(), app.clone());
            let runtime = app.runtime.clone();
            runtime.spawn_blocking(move || {
                drop(preview.lock().take());
                preview.settle(&app);
            });
        }
    }

    /// Closes the camera before a call opens it: most can be opened but once. Waits for that, at most as long as a
    /// camera takes to open.
    pub(crate) fn give_way(&self) {
        self.wanted.store(false, Ordering::Release);
        drop(self.lock().take());
    }

    fn settle(&self, app: &Arc<Inner>) {
        let mut open = self.lock();
        if !self.wanted.load(Ordering::Acquire) {
            *open = None;
            return;
        }
        if open.is_some() {
            return;
        }
        let source = app.with(|state| {
            devices::options(&app.config.sound, &app.config.pictures, &state.settings.devices, &state.devices)
                .camera
        });
        let (board, weak) = (app.board.clone(), Arc::downgrade(app));
        let sink = Arc::new(move |event| match event {
            CaptureEvent::Frame(frame) => {
                board.put(Origin { call: None, participant: None, kind: TrackKind::Video }, &frame);
            }
            CaptureEvent::Ended(error) => {
                if let Some(app) = weak.upgrade() {
                    app.change(|state| state.problems.show(capture_problem(MediaKind::Video, &error)));
                }
            }
        });
        match bellbird_capture::open(&source, FORMAT, sink) {
            Ok(capture) => *open = Some(capture),
            Err(error) => app.change(|state| state.problems.show(capture_problem(MediaKind::Video, &error))),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Capture>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
