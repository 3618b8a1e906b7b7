//! `devices`: what sound can come from and go to.

use crate::failure::Failure;
use crate::report::{Output, Report};

/// A sound system that cannot be asked has no devices; that is an answer, not a failure.
pub(super) async fn run(output: &Output) -> Result<(), Failure> {
    let list = super::blocking(|| {
        Ok(bellbird_app::list_devices().unwrap_or_else(|error| {
            tracing::warn!(%error, "the sound system does not tell its devices");
            bellbird_app::DeviceList::default()
        }))
    })
    .await?;
    let kinds = [("microphone", &list.microphones), ("speaker", &list.speakers)];
    for (kind, devices) in kinds {
        for device in devices {
            let (name, label) = (device.name.as_str(), device.label.as_str());
            output.report(&Report::Device { kind, name, label, is_default: device.is_default });
        }
    }
    Ok(())
}
