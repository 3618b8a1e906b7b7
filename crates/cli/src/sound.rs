//! Sound devices as typed.

use std::path::PathBuf;
use std::str::FromStr;

use bellbird_app::{CaptureSource, PlayoutSink, Sound, read_wav};

use crate::args::SoundArgs;
use crate::failure::Failure;

/// Frequencies people can hear and a call carries, Hz.
const AUDIBLE: std::ops::RangeInclusive<f32> = 20.0..=20_000.0;

/// The value of `--mic`.
#[derive(Debug, Clone)]
pub(crate) struct Microphone(CaptureSource);

/// The value of `--speaker`.
#[derive(Debug, Clone)]
pub(crate) struct Speaker(PlayoutSink);

impl FromStr for Microphone {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self(match text.split_once(':') {
            None if text == "default" => CaptureSource::Default,
            None if text == "silence" => CaptureSource::Silence,
            Some(("device", name)) if !name.is_empty() => CaptureSource::Named(name.into()),
            Some(("file", path)) if !path.is_empty() => CaptureSource::File(path.into()),
            Some(("loop", path)) if !path.is_empty() => CaptureSource::LoopedFile(path.into()),
            Some(("tone", hz)) => match hz.parse::<f32>() {
                Ok(hz) if AUDIBLE.contains(&hz) => CaptureSource::Tone { hz },
                Ok(_) | Err(_) => return Err("a tone is 20 to 20000 Hz".into()),
            },
            None | Some(_) => {
                return Err("use default, device:NAME, file:PATH, loop:PATH, tone:HZ or silence".into());
            }
        }))
    }
}

impl FromStr for Speaker {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self(match text.split_once(':') {
            None if text == "default" => PlayoutSink::Default,
            None if text == "null" => PlayoutSink::Null,
            Some(("device", name)) if !name.is_empty() => PlayoutSink::Named(name.into()),
            Some(("file", path)) if !path.is_empty() => PlayoutSink::File(path.into()),
            None | Some(_) => return Err("use default, device:NAME, file:PATH or null".into()),
        }))
    }
}

impl Microphone {
    /// The device. A file is looked at now, so that a wrong path is told before anyone is rung.
    pub(crate) fn source(&self) -> Result<CaptureSource, Failure> {
        match &self.0 {
            CaptureSource::File(path) | CaptureSource::LoopedFile(path) => {
                read_wav(path)
                    .map_err(|error| Failure::new("sound-file", format!("{}: {error}", path.display())))?;
            }
            CaptureSource::Default
            | CaptureSource::Named(_)
            | CaptureSource::Tone { .. }
            | CaptureSource::Silence
            | CaptureSource::Clip(_)
            | CaptureSource::Pipe(_) => {}
        }
        Ok(self.0.clone())
    }
}

impl Speaker {
    /// The device. Whether a file's folder is there is looked at now, likewise.
    pub(crate) fn sink(&self) -> Result<PlayoutSink, Failure> {
        if let PlayoutSink::File(path) = &self.0 {
            let folder: PathBuf = match path.parent() {
                Some(folder) if !folder.as_os_str().is_empty() => folder.into(),
                Some(_) | None => ".".into(),
            };
            if !folder.is_dir() || path.is_dir() {
                return Err(Failure::new("sound-file", format!("{} cannot be written", path.display())));
            }
        }
        Ok(self.0.clone())
    }

    /// Where it rings: the same device, but never into a file meant for the call.
    pub(crate) fn ringer(&self) -> PlayoutSink {
        match &self.0 {
            PlayoutSink::File(_) => PlayoutSink::Null,
            other => other.clone(),
        }
    }
}

impl Speaker {
    /// The same for one client of several: a file of its own, `heard-2.wav` for `heard.wav`.
    fn of_client(&self, client: u32) -> Self {
        match &self.0 {
            PlayoutSink::File(path) => {
                let stem = path.file_stem().unwrap_or_default().to_string_lossy();
                let ending = path.extension().map(|ending| format!(".{}", ending.to_string_lossy()));
                let name = format!("{stem}-{client}{}", ending.unwrap_or_default());
                Self(PlayoutSink::File(path.with_file_name(name)))
            }
            other => Self(other.clone()),
        }
    }
}

impl SoundArgs {
    /// The devices of one client of several.
    pub(crate) fn sound_of(&self, client: u32) -> Result<Sound, Failure> {
        let speaker = self.speaker.of_client(client);
        Ok(Sound { speaker: Some(speaker.sink()?), ringer: Some(speaker.ringer()), ..self.sound()? })
    }

    /// The devices of a run.
    pub(crate) fn sound(&self) -> Result<Sound, Failure> {
        Ok(Sound {
            microphone: Some(self.mic.source()?),
            speaker: Some(self.speaker.sink()?),
            ringer: Some(self.speaker.ringer()),
            processing: !self.no_processing,
        })
    }
}
