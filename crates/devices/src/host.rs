//! Which sound system, which device, which format.

use std::time::Duration;

use cpal::traits::{DeviceTrait, HostTrait};
use cpal::{BufferSize, Device, Host, HostId, SampleFormat, StreamConfig, SupportedStreamConfigRange};

use crate::{DeviceError, DeviceErrorKind, SAMPLE_RATE};

/// Which way a device works.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Direction {
    Capture,
    Playout,
}

impl Direction {
    fn noun(self) -> &'static str {
        match self {
            Self::Capture => "microphone",
            Self::Playout => "loudspeaker",
        }
    }
}

/// Opens the first sound system that is there. On Linux PulseAudio comes first, which PipeWire speaks too, and whose library need
/// not be there for the program to start; ALSA is last, which through a sound server costs many times the processor time.
pub(crate) fn open_host() -> Result<Host, DeviceError> {
    let mut last = DeviceError::new(DeviceErrorKind::NotFound, "this system has no sound service");
    for id in host_order() {
        match cpal::host_from_id(id) {
            Ok(host) => return Ok(host),
            Err(error) => {
                tracing::debug!(host = %id, %error, "sound system not usable");
                last = error.into();
            }
        }
    }
    Err(last)
}

#[cfg(target_os = "linux")]
fn host_order() -> Vec<HostId> {
    let there = cpal::available_hosts();
    [HostId::PulseAudio, HostId::Alsa].into_iter().filter(|id| there.contains(id)).collect()
}

#[cfg(not(target_os = "linux"))]
fn host_order() -> Vec<HostId> {
    vec![cpal::default_host().id()]
}

/// The name a device is found by again.
pub(crate) fn name_of(device: &Device) -> Option<String> {
    device.id().ok().map(|id| id.id().to_owned())
}

/// The name people read.
pub(crate) fn label_of(device: &Device) -> String {
    match device.description() {
        Ok(description) => description.name().to_owned(),
        Err(_) => name_of(device).unwrap_or_default(),
    }
}

/// Whether a device only repeats what a loudspeaker plays, by the sound servers' way of naming them.
pub(crate) fn is_monitor(name: &str) -> bool {
    name.ends_with(".monitor")
}

/// The default device of a direction.
pub(crate) fn default_device(host: &Host, direction: Direction) -> Option<Device> {
    match direction {
        Direction::Capture => host.default_input_device(),
        Direction::Playout => host.default_output_device(),
    }
}

/// All devices of a direction. Asks for names and kinds only: nothing is opened.
pub(crate) fn devices(host: &Host, direction: Direction) -> Result<Vec<Device>, DeviceError> {
    let fits = |device: &Device| match direction {
        Direction::Capture => device.supports_input(),
        Direction::Playout => device.supports_output(),
    };
    Ok(host.devices()?.filter(fits).collect())
}

/// Finds the device wanted: the default one, or one by name, or by label.
pub(crate) fn find(host: &Host, direction: Direction, wanted: Option<&str>) -> Result<Device, DeviceError> {
    let missing = |text: String| DeviceError::new(DeviceErrorKind::NotFound, text);
    let Some(wanted) = wanted else {
        // Without a microphone a sound server offers the loudspeaker's monitor: the far end would hear itself.
        return default_device(host, direction)
            .filter(|device| {
                direction == Direction::Playout || !name_of(device).is_some_and(|name| is_monitor(&name))
            })
            .ok_or_else(|| missing(format!("this computer has no {}", direction.noun())));
    };
    let all = devices(host, direction)?;
    let by_name = all.iter().position(|device| name_of(device).as_deref() == Some(wanted));
    let found = by_name.or_else(|| all.iter().position(|device| label_of(device) == wanted));
    match found {
        Some(index) => Ok(all.into_iter().nth(index).expect("the position was found in this list")),
        None => Err(missing(format!("there is no {} called “{wanted}”", direction.noun()))),
    }
}

/// A format to open a device with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Format {
    pub(crate) config: StreamConfig,
    pub(crate) sample: SampleFormat,
}

/// Sample formats the callbacks understand, best first.
const FORMATS: [SampleFormat; 4] =
    [SampleFormat::F32, SampleFormat::I16, SampleFormat::I32, SampleFormat::U8];

/// Chooses what to ask a device for: 48 kHz mono where it can, so that nothing is left to convert; otherwise the
/// nearest to its own default. Buffers of `step`, or the nearest the device allows.
pub(crate) fn choose_format(
    device: &Device,
    direction: Direction,
    step: Duration,
) -> Result<Format, DeviceError> {
    let (default, ranges) = match direction {
        Direction::Capture => {
            (device.default_input_config(), device.supported_input_configs().map(Iterator::collect::<Vec<_>>))
        }
        Direction::Playout => (
            device.default_output_config(),
            device.supported_output_configs().map(Iterator::collect::<Vec<_>>),
        ),
    };
    let ranges = ranges.unwrap_or_default();
    // Shared-mode WASAPI and CoreAudio take their own default at the least cost; sound servers take anything.
    let native = default.as_ref().ok().map(|config| (config.sample_rate(), config.channels()));
    let wishes = [
        Some((SAMPLE_RATE, 1)),
        native.map(|(_, channels)| (SAMPLE_RATE, channels)),
        Some((SAMPLE_RATE, 2)),
        native,
    ];
    for (rate, channels) in wishes.into_iter().flatten() {
        for sample in FORMATS {
            let fits = |range: &&SupportedStreamConfigRange| {
                range.channels() == channels && range.sample_format() == sample && range.contains_rate(rate)
            };
            if let Some(range) = ranges.iter().find(fits) {
                return Ok(Format { config: config(rate, channels, range.buffer_size(), step), sample });
            }
        }
    }
    let default = default?;
    Ok(Format {
        config: config(default.sample_rate(), default.channels(), default.buffer_size(), step),
        sample: default.sample_format(),
    })
}

fn config(rate: u32, channels: u16, sizes: &cpal::SupportedBufferSize, step: Duration) -> StreamConfig {
    let wanted = (step.as_secs_f64() * f64::from(rate)) as u32;
    let frames = match sizes {
        cpal::SupportedBufferSize::Range { min, max } if min <= max => wanted.clamp(*min, *max),
        _ => wanted,
    };
    StreamConfig { channels, sample_rate: rate, buffer_size: BufferSize::Fixed(frames) }
}
