//! The camera's picture outside of a call, for whoever sets it up. Only somebody who looks at it opens it, and what it
//! sees stays on this machine.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bellbird_call::MediaKind;
use bellbird_capture::{CameraInfo, Capture, CaptureEvent, CaptureFormat, VideoSource};
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
    /// What was open ended by itself, or nothing could be opened.
    failed: Arc<AtomicBool>,
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

    /// Other cameras are there than before: one that was missing may be among them.
    pub(crate) fn cameras_changed(self: &Arc<Self>, app: &Arc<Inner>, cameras: &[CameraInfo]) {
        if self.failed.load(Ordering::Acquire) && is_there(&source(app), cameras) {
            self.reopen(app);
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
        self.failed.store(false, Ordering::Release);
        let (board, weak, failed) = (app.board.clone(), Arc::downgrade(app), self.failed.clone());
        let sink = Arc::new(move |event| match event {
            CaptureEvent::Frame(frame) => {
                board.put(Origin { call: None, participant: None, kind: TrackKind::Video }, &frame);
            }
            CaptureEvent::Ended(error) => {
                failed.store(true, Ordering::Release);
                if let Some(app) = weak.upgrade() {
                    app.change(|state| state.problems.show(capture_problem(MediaKind::Video, &error)));
                }
            }
        });
        match bellbird_capture::open(&source(app), FORMAT, sink) {
            Ok(capture) => *open = Some(capture),
            Err(error) => {
                self.failed.store(true, Ordering::Release);
                app.change(|state| state.problems.show(capture_problem(MediaKind::Video, &error)));
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Capture>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the person, or whoever started the app, chose.
fn source(app: &Inner) -> VideoSource {
    app.with(|state| {
        devices::options(&app.config.sound, &app.config.pictures, &state.settings.devices, &state.devices)
            .camera
    })
}

/// Whether a source could be opened, as far as a list of cameras says.
fn is_there(source: &VideoSource, cameras: &[CameraInfo]) -> bool {
    match source {
        VideoSource::DefaultCamera => !cameras.is_empty(),
        VideoSource::Camera(name) => cameras.iter().any(|camera| camera.name == *name),
        VideoSource::Pattern
        | VideoSource::File(_)
        | VideoSource::PrimaryScreen
        | VideoSource::Monitor(_)
        | VideoSource::Window(_)
        | VideoSource::WindowTitled(_)
        | VideoSource::Portal
        | VideoSource::ScreenPattern => true,
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use bellbird_call::CallConfig;
    use bellbird_contract::{PixelLayout, ShownPicture};
    use bellbird_video::{FrameRate, Pattern, Y4mWriter};

    use super::*;
    use crate::{App, AppConfig, MemoryKeyStore, Pictures, Sound};

    /// Only ends a test that hangs.
    const PATIENCE: Duration = Duration::from_secs(60);

    #[test]
    fn a_camera_is_there_when_the_list_has_it() {
        let cameras = [CameraInfo { name: "Good Cam".into() }];
        let named = |name: &str| VideoSource::Camera(name.into());
        assert!(is_there(&named("Good Cam"), &cameras) && is_there(&VideoSource::DefaultCamera, &cameras));
        assert!(!is_there(&named("Other"), &cameras) && !is_there(&VideoSource::DefaultCamera, &[]));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_preview_goes_on_when_its_camera_is_there_again() {
        // A film stands in for the camera: without its file there is none.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("camera.y4m");
        let app = App::start(AppConfig {
            data: None,
            client_name: "test".into(),
            sound: Sound::default(),
            pictures: Pictures { camera: Some(VideoSource::File(path.clone())), ..Pictures::default() },
            call: CallConfig::default(),
            key_store: Arc::new(MemoryKeyStore::default()),
            local_server: None,
            browser: None,
            watch_devices: false,
        });
        let mut events = app.events();
        let viewer = app.picture_viewer();
        let preview =
            ShownPicture { number: 1, call: None, participant: None, kind: TrackKind::Video, width: 64 };
        viewer.show(PixelLayout::I420, vec![preview]);
        let told = async {
            while app.inner.with(|state| state.problems.iter().count() == 0) {
                events.recv().await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, told).await.expect("it is told that there is none");

        let rate = FrameRate { pictures: 30, seconds: 1 };
        let mut film = Y4mWriter::new(Vec::new(), 128, 64, rate).unwrap();
        film.write(&Pattern::new(128, 64).unwrap().draw(1, Instant::now())).unwrap();
        std::fs::write(&path, film.finish().unwrap()).unwrap();
        app.inner.preview.cameras_changed(&app.inner, &[]);
        tokio::time::timeout(PATIENCE, viewer.next()).await.expect("a picture comes");
    }
}
