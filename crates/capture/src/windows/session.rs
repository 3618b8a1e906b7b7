//! One running capture of the system, on a thread of the library's.

use std::sync::Arc;

use windows_capture::capture::{CaptureControl, Context, GraphicsCaptureApiHandler};
use windows_capture::frame::Frame;
use windows_capture::graphics_capture_api::InternalCaptureControl;
use windows_capture::monitor::Monitor;
use windows_capture::settings::{
    ColorFormat, CursorCaptureSettings, DirtyRegionSettings, DrawBorderSettings, GraphicsCaptureItemType,
    MinimumUpdateIntervalSettings, SecondaryWindowSettings, Settings,
};
use windows_capture::window::Window;

use crate::CaptureError;
use crate::latest::Latest;

/// What is captured.
#[derive(Clone, Copy)]
pub(super) enum Target {
    Monitor(Monitor),
    Window(Window),
}

impl Target {
    pub(super) fn label(self) -> String {
        match self {
            Self::Monitor(monitor) => monitor.name().unwrap_or_default(),
            Self::Window(window) => window.title().unwrap_or_default(),
        }
    }
}

/// A running capture; dropping it ends it.
pub(super) struct Session {
    latest: Arc<Latest>,
    control: Option<CaptureControl<Handler, String>>,
}

impl Session {
    pub(super) fn start(target: Target) -> Result<Self, CaptureError> {
        let latest = Arc::new(Latest::default());
        let control = match target {
            Target::Monitor(monitor) => begin(monitor, &latest),
            Target::Window(window) => begin(window, &latest),
        }?;
        Ok(Self { latest, control: Some(control) })
    }

    pub(super) fn latest(&self) -> &Latest {
        &self.latest
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(control) = self.control.take()
            && let Err(error) = control.stop()
        {
            tracing::debug!(%error, "the capture did not end by itself");
        }
    }
}

fn begin<T>(item: T, latest: &Arc<Latest>) -> Result<CaptureControl<Handler, String>, CaptureError>
where
    T: TryInto<GraphicsCaptureItemType> + Send + 'static,
{
    let settings = Settings::new(
        item,
        CursorCaptureSettings::WithCursor,
        DrawBorderSettings::Default,
        SecondaryWindowSettings::Default,
        MinimumUpdateIntervalSettings::Default,
        DirtyRegionSettings::Default,
        ColorFormat::Bgra8,
        Arc::clone(latest),
    );
    Handler::start_free_threaded(settings).map_err(|error| CaptureError::NoScreen(error.to_string()))
}

/// Called by the library on its own thread.
struct Handler {
    latest: Arc<Latest>,
}

impl GraphicsCaptureApiHandler for Handler {
    type Flags = Arc<Latest>;
    type Error = String;

    fn new(context: Context<Self::Flags>) -> Result<Self, Self::Error> {
        Ok(Self { latest: context.flags })
    }

    fn on_frame_arrived(
        &mut self,
        frame: &mut Frame<'_>,
        _control: InternalCaptureControl,
    ) -> Result<(), Self::Error> {
        // One that cannot be read is followed by the next.
        if let Ok(mut buffer) = frame.buffer() {
            let (width, height) = (buffer.width(), buffer.height());
            let stride = buffer.row_pitch() as usize;
            self.latest.put(width, height, stride, buffer.as_raw_buffer());
        }
        Ok(())
    }

    fn on_closed(&mut self) -> Result<(), Self::Error> {
        self.latest.end(CaptureError::ScreenLost);
        Ok(())
    }
}
