//! Screens and windows that can be shared.

use std::sync::Arc;

use bellbird_call::Intent;
use bellbird_call::ports::{Problem, ProblemCode};
use bellbird_capture::VideoSource;
use bellbird_contract::ScreenView;

use crate::app::Inner;

impl Inner {
    /// What can be shared now, with pictures.
    pub(crate) async fn list_screens(self: &Arc<Self>) -> Vec<ScreenView> {
        Vec::new()
    }

    /// Shares what the person chose.
    pub(crate) fn share_screen(&self, call: Option<&str>, screen: &str) -> Result<(), Problem> {
        let source = source_of(screen)
            .ok_or_else(|| Problem::new(ProblemCode::NoScreen, "there is no such screen or window"))?;
        for devices in self.with(|state| state.calls.devices()) {
            devices.select_screen(source.clone());
        }
        self.steer_call(call, Intent::ShareScreen(true))
    }
}

/// What an id of the list stands for.
fn source_of(id: &str) -> Option<VideoSource> {
    match id.split_once(':') {
        None if id == "portal" => Some(VideoSource::Portal),
        None if id == "primary" => Some(VideoSource::PrimaryScreen),
        Some(("monitor", number)) => number.parse().ok().map(VideoSource::Monitor),
        Some(("window", window)) if !window.is_empty() => Some(VideoSource::Window(window.into())),
        None | Some(_) => None,
    }
}
