//! Devices of the machine, through cpal.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use cpal::traits::{DeviceTrait, StreamTrait};
use cpal::{BufferSize, Device, ErrorKind, FromSample, SampleFormat, SizedSample, Stream, StreamConfig};
use rtrb::{Consumer, Producer, RingBuffer};

use crate::callback::{CaptureCallback, Counters, PlayoutCallback};
use crate::error::kind_of;
use crate::host::{self, Direction, Format};
use crate::{DeviceError, DeviceErrorKind};

/// How long a sound system may take to open a stream.
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);

/// What an error callback left for the reader: 0 nothing, else a [`DeviceErrorKind`] plus one.
#[derive(Debug, Default)]
struct Fault(AtomicU8);

impl Fault {
    /// **Real time**, as some systems report on the callback's thread.
    fn raise(&self, kind: ErrorKind) {
        let code = match kind {
            // The stream goes on after these.
            ErrorKind::Xrun | ErrorKind::RealtimeDenied | ErrorKind::DeviceChanged => return,
            ErrorKind::DeviceNotAvailable | ErrorKind::HostUnavailable => 1,
            other => match kind_of(other) {
                DeviceErrorKind::Denied => 2,
                DeviceErrorKind::Busy => 3,
                DeviceErrorKind::Lost | DeviceErrorKind::NotFound => 1,
                DeviceErrorKind::File | DeviceErrorKind::DiskFull | DeviceErrorKind::Failed => 4,
            },
        };
        self.0.store(code, Ordering::Relaxed);
    }

    fn check(&self, label: &str) -> Result<(), DeviceError> {
        let (kind, what) = match self.0.load(Ordering::Relaxed) {
            0 => return Ok(()),
            2 => (DeviceErrorKind::Denied, "may no longer be used"),
            3 => (DeviceErrorKind::Busy, "was taken by another program"),
            4 => (DeviceErrorKind::Failed, "stopped working"),
            _ => (DeviceErrorKind::Lost, "went away"),
        };
        Err(DeviceError::new(kind, format_args!("“{label}” {what}")))
    }
}

/// The open device, whichever way it works. Dropping it closes the device.
pub(crate) struct RealDevice {
    /// Kept for its drop alone.
    _stream: Stream,
    pub(crate) name: Option<String>,
    pub(crate) label: String,
    pub(crate) rate: u32,
    pub(crate) counters: Arc<Counters>,
    fault: Arc<Fault>,
}

impl RealDevice {
    pub(crate) fn check(&self) -> Result<(), DeviceError> {
        self.fault.check(&self.label)
    }
}

/// Opens a microphone; sound comes out of the ring from then on.
pub(crate) fn open_capture(
    wanted: Option<&str>,
    step: Duration,
) -> Result<(RealDevice, Consumer<f32>), DeviceError> {
    open(Direction::Capture, wanted, step, |device, format, counters, fault| {
        let (producer, consumer) = ring(format.config);
        let callback = CaptureCallback::new(producer, format.config.channels, counters);
        let stream = match format.sample {
            SampleFormat::F32 => input::<f32>(device, format.config, callback, fault),
            SampleFormat::I16 => input::<i16>(device, format.config, callback, fault),
            SampleFormat::I32 => input::<i32>(device, format.config, callback, fault),
            SampleFormat::U8 => input::<u8>(device, format.config, callback, fault),
            other => Err(unsupported(other)),
        }?;
        Ok((stream, consumer))
    })
}

/// Opens a loudspeaker; it plays what is in the ring, and silence while that is empty.
pub(crate) fn open_playout(
    wanted: Option<&str>,
    step: Duration,
) -> Result<(RealDevice, Producer<f32>), DeviceError> {
    open(Direction::Playout, wanted, step, |device, format, counters, fault| {
        let (producer, consumer) = ring(format.config);
        let callback = PlayoutCallback::new(consumer, format.config.channels, counters);
        let stream = match format.sample {
            SampleFormat::F32 => output::<f32>(device, format.config, callback, fault),
            SampleFormat::I16 => output::<i16>(device, format.config, callback, fault),
            SampleFormat::I32 => output::<i32>(device, format.config, callback, fault),
            SampleFormat::U8 => output::<u8>(device, format.config, callback, fault),
            other => Err(unsupported(other)),
        }?;
        Ok((stream, producer))
    })
}

fn open<Ring>(
    direction: Direction,
    wanted: Option<&str>,
    step: Duration,
    build: impl Fn(&Device, Format, Arc<Counters>, Arc<Fault>) -> Result<(Stream, Ring), DeviceError>,
) -> Result<(RealDevice, Ring), DeviceError> {
    let host = host::open_host()?;
    let device = host::find(&host, direction, wanted)?;
    let label = host::label_of(&device);
    let explain = |error: DeviceError| {
        let detail = format!("“{label}” could not be opened: {}", error.detail);
        DeviceError { kind: error.kind, detail }
    };
    let mut format = host::choose_format(&device, direction, step).map_err(explain)?;
    let counters = Arc::new(Counters::default());
    let fault = Arc::new(Fault::default());
    let built = build(&device, format, counters.clone(), fault.clone()).or_else(|first| {
        if first.kind != DeviceErrorKind::Failed {
            return Err(first);
        }
        tracing::info!(error = %first, "10 ms buffers refused, taking the device's own size");
        format.config.buffer_size = BufferSize::Default;
        build(&device, format, counters.clone(), fault.clone())
    });
    let (stream, ring) = built.map_err(explain)?;
    stream.play().map_err(|error| explain(error.into()))?;
    let device = RealDevice {
        _stream: stream,
        name: host::name_of(&device),
        label,
        rate: format.config.sample_rate,
        counters,
        fault,
    };
    Ok((device, ring))
}

/// 200 ms: more than any pause of the reader that can be mended without a gap.
fn ring(config: StreamConfig) -> (Producer<f32>, Consumer<f32>) {
    RingBuffer::new(config.sample_rate as usize / 5)
}

fn unsupported(format: SampleFormat) -> DeviceError {
    DeviceError::new(DeviceErrorKind::Failed, format_args!("it speaks {format} samples only"))
}

fn input<T>(
    device: &Device,
    config: StreamConfig,
    mut callback: CaptureCallback,
    fault: Arc<Fault>,
) -> Result<Stream, DeviceError>
where
    T: SizedSample,
    f32: FromSample<T>,
{
    let stream = device.build_input_stream::<T, _, _>(
        config,
        move |data, _| callback.take(data),
        move |error| fault.raise(error.kind()),
        Some(OPEN_TIMEOUT),
    )?;
    Ok(stream)
}

fn output<T>(
    device: &Device,
    config: StreamConfig,
    mut callback: PlayoutCallback,
    fault: Arc<Fault>,
) -> Result<Stream, DeviceError>
where
    T: SizedSample + FromSample<f32>,
{
    let stream = device.build_output_stream::<T, _, _>(
        config,
        move |data, _| callback.fill(data),
        move |error| fault.raise(error.kind()),
        Some(OPEN_TIMEOUT),
    )?;
    Ok(stream)
}
