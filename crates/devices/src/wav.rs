//! WAV files as microphone and loudspeaker.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::Path;

use hound::{SampleFormat, WavReader, WavSpec};

use crate::{DeviceError, DeviceErrorKind, SAMPLE_RATE};

/// How much may be missing from a file whose writer was killed, samples: a quarter of a second.
const FLUSH_SAMPLES: usize = 48_000 / 4;

/// A WAV file being read as mono samples at its own rate, as it is needed.
pub(crate) struct WavSource {
    reader: WavReader<BufReader<File>>,
    spec: WavSpec,
    looped: bool,
    label: String,
    ended: bool,
}

impl WavSource {
    pub(crate) fn open(path: &Path, looped: bool) -> Result<Self, DeviceError> {
        let label = path.display().to_string();
        let reader = WavReader::open(path).map_err(|error| file_error(&label, "read", &error))?;
        let spec = reader.spec();
        let known = match spec.sample_format {
            SampleFormat::Int => (8..=32).contains(&spec.bits_per_sample),
            SampleFormat::Float => spec.bits_per_sample == 32,
        };
        if !known || spec.channels == 0 || !(1_000..=768_000).contains(&spec.sample_rate) {
            let detail = format_args!("“{label}” is a WAV file of a kind we cannot read");
            return Err(DeviceError::new(DeviceErrorKind::File, detail));
        }
        Ok(Self { reader, spec, looped, label, ended: false })
    }

    pub(crate) fn rate(&self) -> u32 {
        self.spec.sample_rate
    }

    /// Fills `out`, with silence after the end. Returns how many samples came from the file.
    pub(crate) fn read(&mut self, out: &mut [f32]) -> Result<usize, DeviceError> {
        let mut count = 0;
        let mut rewound = false;
        while count < out.len() && !self.ended {
            match self.next_sample() {
                Ok(Some(sample)) => {
                    out[count] = sample;
                    count += 1;
                    rewound = false;
                }
                // An empty file would be rewound for ever.
                Ok(None) if self.looped && !rewound => {
                    self.reader.seek(0).map_err(|error| file_error(&self.label, "read", &error.into()))?;
                    rewound = true;
                }
                Ok(None) => self.ended = true,
                Err(error) => {
                    self.ended = true;
                    return Err(file_error(&self.label, "read", &error));
                }
            }
        }
        out[count..].fill(0.0);
        Ok(count)
    }

    /// One instant of all channels, mixed to one; `None` at the end.
    fn next_sample(&mut self) -> Result<Option<f32>, hound::Error> {
        let mut sum = 0.0;
        for _ in 0..self.spec.channels {
            let sample = match self.spec.sample_format {
                SampleFormat::Float => self.reader.samples::<f32>().next().transpose()?,
                SampleFormat::Int => {
                    let scale = 1.0 / (1i64 << (self.spec.bits_per_sample - 1)) as f32;
                    self.reader.samples::<i32>().next().transpose()?.map(|sample| sample as f32 * scale)
                }
            };
            match sample {
                Some(sample) => sum += sample,
                None => return Ok(None),
            }
        }
        Ok(Some(sum / f32::from(self.spec.channels)))
    }
}

/// Reads a whole WAV file of any channel count: mono samples and their rate, Hz.
///
/// # Errors
/// [`DeviceErrorKind::File`] when it cannot be read or is of a kind we do not know.
pub fn read_wav(path: &Path) -> Result<(Vec<f32>, u32), DeviceError> {
    let mut source = WavSource::open(path, false)?;
    let mut samples = Vec::new();
    let mut part = [0.0; 4_800];
    loop {
        let count = source.read(&mut part)?;
        samples.extend_from_slice(&part[..count]);
        if count < part.len() {
            return Ok((samples, source.rate()));
        }
    }
}

/// A WAV file being written, 48 kHz mono 16-bit. Its header is brought up to date four times a second, so that the
/// file can be read at any time, also when the process is killed.
pub struct WavWriter {
    writer: hound::WavWriter<BufWriter<File>>,
    label: String,
    unflushed: usize,
}

impl WavWriter {
    /// Creates the file, or empties it.
    ///
    /// # Errors
    /// [`DeviceErrorKind::File`] or [`DeviceErrorKind::DiskFull`] when that is not possible.
    pub fn create(path: &Path) -> Result<Self, DeviceError> {
        let label = path.display().to_string();
        let spec = WavSpec {
            channels: 1,
            sample_rate: SAMPLE_RATE,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        let mut writer =
            hound::WavWriter::create(path, spec).map_err(|error| file_error(&label, "written", &error))?;
        writer.flush().map_err(|error| file_error(&label, "written", &error))?;
        Ok(Self { writer, label, unflushed: 0 })
    }

    /// Appends samples, -1..=1; louder ones are clipped.
    ///
    /// # Errors
    /// [`DeviceErrorKind::File`] or [`DeviceErrorKind::DiskFull`]; what was flushed before stays readable.
    pub fn write(&mut self, samples: &[f32]) -> Result<(), DeviceError> {
        for sample in samples {
            let value = (sample.clamp(-1.0, 1.0) * 32_767.0).round() as i16;
            self.writer.write_sample(value).map_err(|error| file_error(&self.label, "written", &error))?;
        }
        self.unflushed += samples.len();
        if self.unflushed >= FLUSH_SAMPLES {
            self.unflushed = 0;
            self.writer.flush().map_err(|error| file_error(&self.label, "written", &error))?;
        }
        Ok(())
    }
}

fn file_error(label: &str, verb: &str, error: &hound::Error) -> DeviceError {
    let kind = match error {
        hound::Error::IoError(error) if error.kind() == std::io::ErrorKind::StorageFull => {
            DeviceErrorKind::DiskFull
        }
        _ => DeviceErrorKind::File,
    };
    DeviceError::new(kind, format_args!("“{label}” cannot be {verb}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> std::path::PathBuf {
        std::env::temp_dir().join(format!("bellbird-wav-{}-{name}.wav", std::process::id()))
    }

    #[test]
    fn a_file_whose_writer_never_finished_can_be_read() {
        let path = path("killed");
        let mut writer = WavWriter::create(&path).unwrap();
        let sound: Vec<f32> = (0..30_000).map(|n| (n as f32 * 0.01).sin() * 0.5).collect();
        for frame in sound.chunks(480) {
            writer.write(frame).unwrap();
        }
        // As a killed process would leave it: neither finished nor dropped.
        std::mem::forget(writer);
        let (read, rate) = read_wav(&path).unwrap();
        assert_eq!(rate, SAMPLE_RATE);
        assert!(read.len() >= 24_000, "{} samples survived", read.len());
        for (got, want) in read.iter().zip(&sound) {
            assert!((got - want).abs() < 1e-4);
        }
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn stereo_24_bit_and_8_bit_files_are_read_at_their_rate() {
        for (bits, rate) in [(24, 44_100), (8, 8_000), (16, 96_000), (32, 48_000)] {
            let path = path(&format!("{bits}"));
            let spec = WavSpec {
                channels: 2,
                sample_rate: rate,
                bits_per_sample: bits,
                sample_format: SampleFormat::Int,
            };
            let mut writer = hound::WavWriter::create(&path, spec).unwrap();
            for _ in 0..100 {
                writer.write_sample(1i32 << (bits - 2)).unwrap();
                writer.write_sample(0i32).unwrap();
            }
            writer.finalize().unwrap();
            let (samples, got_rate) = read_wav(&path).unwrap();
            assert_eq!((samples.len(), got_rate), (100, rate));
            assert!(samples.iter().all(|sample| (sample - 0.25).abs() < 1e-6), "{bits} bits: {}", samples[0]);
            std::fs::remove_file(path).unwrap();
        }
    }

    #[test]
    fn what_is_no_wav_file_is_refused_in_words() {
        let missing = read_wav(Path::new("/nonexistent/bellbird.wav")).unwrap_err();
        assert_eq!(missing.kind, DeviceErrorKind::File);
        let path = path("text");
        std::fs::write(&path, b"RIFF of another kind, long enough to look like a header").unwrap();
        assert_eq!(read_wav(&path).unwrap_err().kind, DeviceErrorKind::File);
        std::fs::remove_file(path).unwrap();
        let unwritable = WavWriter::create(Path::new("/nonexistent/bellbird.wav")).map(drop).unwrap_err();
        assert_eq!(unwritable.kind, DeviceErrorKind::File);
    }

    #[test]
    fn a_looped_file_goes_round_and_an_empty_one_is_silent() {
        let path = path("loop");
        let mut writer = WavWriter::create(&path).unwrap();
        writer.write(&[0.1, 0.2, 0.3]).unwrap();
        drop(writer);
        let mut source = WavSource::open(&path, true).unwrap();
        let mut out = [0.0; 7];
        assert_eq!(source.read(&mut out).unwrap(), 7);
        assert!((out[3] - 0.1).abs() < 1e-3 && (out[6] - 0.1).abs() < 1e-3, "{out:?}");
        drop(WavWriter::create(&path).unwrap());
        let mut empty = WavSource::open(&path, true).unwrap();
        assert_eq!(empty.read(&mut out).unwrap(), 0);
        assert_eq!(out, [0.0; 7]);
        std::fs::remove_file(path).unwrap();
    }
}
