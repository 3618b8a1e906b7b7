//! Cameras to choose from, and screens and windows that can be shared.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bellbird_call::ports::{Problem, ProblemCode};
use bellbird_call::{Intent, MediaKind};
use bellbird_capture::{CameraInfo, ScreenList, VideoSource};
use bellbird_contract::{DeviceView, ScreenKind, ScreenView};
use bellbird_media::capture_problem;

use crate::app::Inner;

/// How wide the small pictures of screens and windows are.
const THUMBNAIL_WIDTH: u32 = 320;

/// Windows with a picture at most: each takes time, and a list of more is not looked through.
const MAX_THUMBNAILS: usize = 24;

/// How often cameras are looked for, as for sound devices.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// The dialog of the system itself.
const PORTAL: &str = "portal";

/// In place of an id of the list of screens: what the app was started with, or else the primary screen.
pub const GIVEN_SCREEN: &str = "given";

impl Inner {
    /// What can be shared now, with pictures.
    ///
    /// # Errors
    /// `no-screen` where this system has no way to capture any.
    pub(crate) async fn list_screens(self: &Arc<Self>) -> Result<Vec<ScreenView>, Problem> {
        let look = self.runtime.spawn_blocking(|| bellbird_capture::screens().map(views));
        match look.await {
            Ok(Ok(views)) => Ok(views),
            Ok(Err(error)) => Err(capture_problem(MediaKind::Screen, &error)),
            Err(error) => Err(Problem::new(ProblemCode::Internal, error)),
        }
    }

    /// Shares what the person chose, or with [`GIVEN_SCREEN`] what the app was started with.
    pub(crate) fn share_screen(&self, call: Option<&str>, screen: &str) -> Result<(), Problem> {
        let source = self.screen_source(screen)?;
        for devices in self.with(|state| state.calls.devices()) {
            devices.select_screen(source.clone());
        }
        self.steer_call(call, Intent::ShareScreen(true))
    }

    /// What an id of the list stands for, or [`GIVEN_SCREEN`].
    pub(crate) fn screen_source(&self, screen: &str) -> Result<VideoSource, Problem> {
        let given = || self.config.pictures.screen.clone().unwrap_or(VideoSource::PrimaryScreen);
        let source = if screen == GIVEN_SCREEN { Some(given()) } else { source_of(screen) };
        source.ok_or_else(|| Problem::new(ProblemCode::NoScreen, "there is no such screen or window"))
    }

    /// Looks out for cameras that come and go. Opens none.
    pub(crate) fn watch_cameras(self: &Arc<Self>) {
        let app = Arc::downgrade(self);
        self.runtime.spawn(async move {
            loop {
                let cameras =
                    tokio::task::spawn_blocking(bellbird_capture::cameras).await.unwrap_or_default();
                let Some(inner) = app.upgrade() else { return };
                if inner.with(|state| state.cameras != cameras) {
                    inner.change(|state| state.cameras.clone_from(&cameras));
                    inner.preview.cameras_changed(&inner, &cameras);
                }
                drop(inner);
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        });
    }
}

pub(crate) fn camera_views(cameras: &[CameraInfo]) -> Vec<DeviceView> {
    let view = |(number, camera): (usize, &CameraInfo)| DeviceView {
        name: camera.name.clone(),
        label: camera.name.clone(),
        is_default: number == 0,
    };
    cameras.iter().enumerate().map(view).collect()
}

/// Blocks while pictures are taken.
fn views(list: ScreenList) -> Vec<ScreenView> {
    if list.has_portal {
        let (id, kind) = (PORTAL.to_owned(), ScreenKind::SystemChoice);
        return vec![ScreenView { id, kind, label: String::new(), thumbnail: None }];
    }
    let screens = list.screens.into_iter().enumerate().map(|(number, screen)| {
        let source = VideoSource::Monitor(number);
        let label = format!("{} ({}×{})", screen.name, screen.width, screen.height);
        (format!("monitor:{number}"), ScreenKind::Monitor, label, source)
    });
    let windows = list.windows.into_iter().map(|window| {
        let source = VideoSource::Window(window.id.clone());
        (format!("window:{}", window.id), ScreenKind::Window, window.title, source)
    });
    let view = |(number, (id, kind, label, source)): (usize, (String, ScreenKind, String, VideoSource))| {
        let thumbnail = (number < MAX_THUMBNAILS).then(|| thumbnail(&source)).flatten();
        ScreenView { id, kind, label, thumbnail }
    };
    screens.chain(windows).enumerate().map(view).collect()
}

/// `None` for what cannot be seen: a window that was closed meanwhile, say.
fn thumbnail(source: &VideoSource) -> Option<String> {
    let picture = bellbird_capture::thumbnail(source, THUMBNAIL_WIDTH).ok()?;
    Some(format!("data:image/png;base64,{}", STANDARD.encode(picture.png)))
}

/// What an id of the list stands for.
fn source_of(id: &str) -> Option<VideoSource> {
    match id.split_once(':') {
        None if id == PORTAL => Some(VideoSource::Portal),
        Some(("monitor", number)) => number.parse().ok().map(VideoSource::Monitor),
        Some(("window", window)) if !window.is_empty() => Some(VideoSource::Window(window.into())),
        None | Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_the_list_leads_to_what_it_was_made_for() {
        assert_eq!(source_of("monitor:1"), Some(VideoSource::Monitor(1)));
        assert_eq!(source_of("window:0x1a"), Some(VideoSource::Window("0x1a".into())));
        assert_eq!(source_of("portal"), Some(VideoSource::Portal));
        for bad in ["", "monitor:", "monitor:x", "window:", "/etc/passwd", "file:/etc/passwd"] {
            assert_eq!(source_of(bad), None, "{bad}");
        }
    }

    #[test]
    fn where_the_system_asks_there_is_one_choice() {
        let views = views(ScreenList { has_portal: true, ..ScreenList::default() });
        assert_eq!(views.len(), 1);
        assert_eq!(views[0].kind, ScreenKind::SystemChoice);
    }
}
