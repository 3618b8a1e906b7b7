//! `devices`: what sound and pictures can come from, and sound go to.

use bellbird_app::{CaptureError, DeviceList, ScreenList, list_cameras, list_devices, list_screens};

use crate::failure::Failure;
use crate::report::{Output, Report};

/// A sound system or a desktop that cannot be asked has no devices; that is an answer, not a failure.
pub(super) async fn run(output: &Output) -> Result<(), Failure> {
    let sound = super::blocking(|| {
        Ok(list_devices().unwrap_or_else(|error| {
            tracing::warn!(%error, "the sound system does not tell its devices");
            DeviceList::default()
        }))
    });
    let pictures = super::blocking(|| {
        let screens = list_screens().unwrap_or_else(|error: CaptureError| {
            tracing::info!(%error, "nothing can be shared here");
            ScreenList::default()
        });
        Ok((list_cameras(), screens))
    });
    let (list, (cameras, screens)) = tokio::try_join!(sound, pictures)?;
    let kinds = [("microphone", &list.microphones), ("speaker", &list.speakers)];
    for (kind, devices) in kinds {
        for device in devices {
            let (name, label) = (device.name.as_str(), device.label.as_str());
            output.report(&Report::Device { kind, name, label, is_default: device.is_default });
        }
    }
    for (number, camera) in cameras.iter().enumerate() {
        let name = camera.name.as_str();
        output.report(&Report::Device { kind: "camera", name, label: name, is_default: number == 0 });
    }
    report_screens(&screens, output);
    Ok(())
}

/// Each by the name that `--screen` takes.
fn report_screens(list: &ScreenList, output: &Output) {
    for (number, screen) in list.screens.iter().enumerate() {
        let label = format!("{} {}x{}", screen.name, screen.width, screen.height);
        let (name, is_default) = (format!("monitor:{number}"), screen.is_primary);
        output.report(&Report::Device { kind: "screen", name: &name, label: &label, is_default });
    }
    for window in &list.windows {
        let (name, label) = (format!("window:{}", window.title), window.title.as_str());
        output.report(&Report::Device { kind: "window", name: &name, label, is_default: false });
    }
    if list.has_portal {
        let label = "what the system's own dialog asks";
        output.report(&Report::Device { kind: "screen", name: "portal", label, is_default: true });
    }
}
