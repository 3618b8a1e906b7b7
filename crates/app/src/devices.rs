//! Which device is used for what. How one is opened, and what happens the moment it vanishes, is in the crates below.

use std::sync::Arc;

use bellbird_capture::VideoSource;
use bellbird_contract::{DeviceRole, DeviceView};
use bellbird_devices::{CaptureSource, DeviceInfo, DeviceList, PlayoutSink};
use bellbird_media::CallMediaOptions;

use crate::app::{Inner, Pictures, Sound};
use crate::settings::DeviceChoice;

pub(crate) fn view(device: &DeviceInfo) -> DeviceView {
    DeviceView { name: device.name.clone(), label: device.label.clone(), is_default: device.is_default }
}

/// The devices of a call: what the app was started with, or else what the person chose and is there.
pub(crate) fn options(
    sound: &Sound,
    pictures: &Pictures,
    chosen: &DeviceChoice,
    present: &DeviceList,
) -> CallMediaOptions {
    CallMediaOptions {
        microphone: sound.microphone.clone().unwrap_or_else(|| microphone(chosen, present)),
        speaker: sound.speaker.clone().unwrap_or_else(|| speaker(chosen.speaker.as_deref(), present)),
        ringer: sound.ringer.clone().unwrap_or_else(|| speaker(chosen.ringer.as_deref(), present)),
        processing: sound.processing,
        camera: pictures.camera.clone().unwrap_or_else(|| camera(chosen)),
        screen: pictures.screen.clone().unwrap_or(VideoSource::PrimaryScreen),
        pictures: Arc::new(|_| {}),
    }
}

/// The chosen microphone while it is there, else the system's. Before the first look round (`present` is empty)
/// the choice is believed.
fn microphone(chosen: &DeviceChoice, present: &DeviceList) -> CaptureSource {
    match &chosen.microphone {
        Some(name) if is_present(name, &present.microphones) => CaptureSource::Named(name.clone()),
        Some(_) | None => CaptureSource::Default,
    }
}

fn speaker(chosen: Option<&str>, present: &DeviceList) -> PlayoutSink {
    match chosen {
        Some(name) if is_present(name, &present.speakers) => PlayoutSink::Named(name.into()),
        Some(_) | None => PlayoutSink::Default,
    }
}

/// The chosen camera; one that is not there is told when it is switched on, and not replaced by another that may
/// see what it should not.
fn camera(chosen: &DeviceChoice) -> VideoSource {
    match &chosen.camera {
        Some(name) => VideoSource::Camera(name.clone()),
        None => VideoSource::DefaultCamera,
    }
}

fn is_present(name: &str, devices: &[DeviceInfo]) -> bool {
    devices.is_empty() || devices.iter().any(|device| device.name == name)
}

impl Inner {
    /// Remembers a choice and applies it to every call.
    pub(crate) fn select_device(self: &Arc<Self>, role: DeviceRole, name: Option<String>) {
        let options = self.change(|state| {
            state.keep(|settings| match role {
                DeviceRole::Microphone => settings.devices.microphone = name,
                DeviceRole::Speaker => settings.devices.speaker = name,
                DeviceRole::Ringer => settings.devices.ringer = name,
                DeviceRole::Camera => settings.devices.camera = name,
            });
            // An explicit choice ends what the app was started with: the person sees a device list and means it.
            let (sound, pictures) = (Sound { processing: true, ..Sound::default() }, Pictures::default());
            options(&sound, &pictures, &state.settings.devices, &state.devices)
        });
        if role == DeviceRole::Camera {
            self.preview.reopen(self);
        }
        for devices in self.with(|state| state.calls.devices()) {
            match role {
                DeviceRole::Microphone => devices.select_microphone(options.microphone.clone()),
                DeviceRole::Speaker => devices.select_speaker(options.speaker.clone()),
                DeviceRole::Ringer => devices.select_ringer(options.ringer.clone()),
                DeviceRole::Camera => devices.select_camera(options.camera.clone()),
            }
        }
    }

    /// Takes a new list of devices. A call moves to the system's device when the chosen one went, and back when it
    /// is there again; when the system's own default changed, a call without a choice follows it.
    pub(crate) fn devices_changed(&self, list: DeviceList) {
        let (before, after, calls) = self.change(|state| {
            let before = Used::of(&self.config.sound, &state.settings.devices, &state.devices);
            state.devices = list;
            let after = Used::of(&self.config.sound, &state.settings.devices, &state.devices);
            (before, after, state.calls.devices())
        });
        let options = self.with(|state| {
            options(&self.config.sound, &self.config.pictures, &state.settings.devices, &state.devices)
        });
        for devices in calls {
            if before.microphone != after.microphone {
                devices.select_microphone(options.microphone.clone());
            }
            if before.speaker != after.speaker {
                devices.select_speaker(options.speaker.clone());
            }
            if before.ringer != after.ringer {
                devices.select_ringer(options.ringer.clone());
            }
        }
    }
}

/// The real devices in use by name; `None`: a stand-in, which never changes.
#[derive(PartialEq, Eq)]
struct Used {
    microphone: Option<String>,
    speaker: Option<String>,
    ringer: Option<String>,
}

impl Used {
    fn of(sound: &Sound, chosen: &DeviceChoice, present: &DeviceList) -> Self {
        let options = options(sound, &Pictures::default(), chosen, present);
        Self {
            microphone: match options.microphone {
                CaptureSource::Named(name) => Some(name),
                CaptureSource::Default => default_of(&present.microphones),
                CaptureSource::File(_)
                | CaptureSource::LoopedFile(_)
                | CaptureSource::Tone { .. }
                | CaptureSource::Silence
                | CaptureSource::Clip(_)
                | CaptureSource::Pipe(_) => None,
            },
            speaker: sink_name(options.speaker, present),
            ringer: sink_name(options.ringer, present),
        }
    }
}

fn sink_name(sink: PlayoutSink, present: &DeviceList) -> Option<String> {
    match sink {
        PlayoutSink::Named(name) => Some(name),
        PlayoutSink::Default => default_of(&present.speakers),
        PlayoutSink::File(_) | PlayoutSink::Null | PlayoutSink::Recorder(_) | PlayoutSink::Pipe(_) => None,
    }
}

fn default_of(devices: &[DeviceInfo]) -> Option<String> {
    devices.iter().find(|device| device.is_default).map(|device| device.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(name: &str, is_default: bool) -> DeviceInfo {
        DeviceInfo { name: name.into(), label: name.into(), is_default }
    }

    fn list() -> DeviceList {
        DeviceList {
            microphones: vec![device("built-in", true), device("headset", false)],
            speakers: vec![device("monitor", true)],
            ..DeviceList::default()
        }
    }

    fn chosen(microphone: &str) -> DeviceChoice {
        DeviceChoice { microphone: Some(microphone.into()), ..DeviceChoice::default() }
    }

    #[test]
    fn a_chosen_device_is_used_while_it_is_there() {
        let sound = Sound::default();
        let used = |chosen: &DeviceChoice, list: &DeviceList| Used::of(&sound, chosen, list).microphone;
        assert_eq!(used(&chosen("headset"), &list()).as_deref(), Some("headset"));
        assert_eq!(used(&chosen("gone"), &list()).as_deref(), Some("built-in"));
        assert_eq!(used(&DeviceChoice::default(), &list()).as_deref(), Some("built-in"));
        assert_eq!(used(&chosen("headset"), &DeviceList::default()).as_deref(), Some("headset"));
    }

    #[test]
    fn what_the_app_was_started_with_goes_first() {
        let sound = Sound {
            microphone: Some(CaptureSource::Silence),
            speaker: Some(PlayoutSink::Null),
            ..Sound::default()
        };
        let options = options(&sound, &Pictures::default(), &chosen("headset"), &list());
        assert!(matches!(options.microphone, CaptureSource::Silence));
        assert!(matches!(options.speaker, PlayoutSink::Null));
        assert!(matches!(options.ringer, PlayoutSink::Default));
    }
}
