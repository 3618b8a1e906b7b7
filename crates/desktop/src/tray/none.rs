//! No tray: macOS and Windows have one of their own kind, which this crate does not speak yet.

use crate::desktop::CommandSink;
use crate::tray::TrayView;

/// Nothing.
pub(crate) struct Tray;

impl Tray {
    pub(crate) fn start(_app_name: &str, _view: TrayView, _commands: CommandSink) -> Self {
        tracing::debug!("no tray on this system");
        Self
    }

    pub(crate) fn show(&self, _view: TrayView) {}

    pub(crate) async fn stop(self) {}
}
