//! Cameras and screens as typed.

use std::fs::File;
use std::io::BufReader;
use std::str::FromStr;

use bellbird_app::{Pictures, Unattended, VideoSource};
use bellbird_contract::Media;
use bellbird_video::Y4mReader;
use tokio::sync::mpsc;

use crate::args::MediaArgs;
use crate::failure::Failure;
use crate::saved_video::SavedVideo;

/// The value of `--camera`.
#[derive(Debug, Clone)]
pub(crate) struct Camera(Option<VideoSource>);

/// The value of `--screen`.
#[derive(Debug, Clone)]
pub(crate) struct Screen(Option<VideoSource>);

impl FromStr for Camera {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self(match text.split_once(':') {
            None if text == "off" => None,
            None if text == "default" => Some(VideoSource::DefaultCamera),
            None if text == "pattern" => Some(VideoSource::Pattern),
            Some(("device", name)) if !name.is_empty() => Some(VideoSource::Camera(name.into())),
            Some(("file", path)) if !path.is_empty() => Some(VideoSource::File(path.into())),
            None | Some(_) => return Err("use off, default, device:NAME, pattern or file:PATH.y4m".into()),
        }))
    }
}

impl FromStr for Screen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self(match text.split_once(':') {
            None if text == "off" => None,
            None if text == "primary" => Some(VideoSource::PrimaryScreen),
            None if text == "pattern" => Some(VideoSource::ScreenPattern),
            None if text == "portal" => Some(VideoSource::Portal),
            Some(("monitor", number)) => match number.parse() {
                Ok(number) => Some(VideoSource::Monitor(number)),
                Err(_) => return Err("monitors are counted from 0".into()),
            },
            Some(("window", title)) if !title.is_empty() => Some(VideoSource::WindowTitled(title.into())),
            None | Some(_) => {
                return Err("use off, primary, monitor:N, window:TITLE, portal or pattern".into());
            }
        }))
    }
}

impl Camera {
    /// Whether one was asked for.
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// What is opened when the camera is switched on; `None`: the system's. A file is looked at now, so that a wrong
    /// path is told before anyone is rung.
    pub(crate) fn source(&self) -> Result<Option<VideoSource>, Failure> {
        if let Some(VideoSource::File(path)) = &self.0 {
            let failed = |why: &dyn std::fmt::Display| {
                Failure::new("video-file", format!("{}: {why}", path.display()))
            };
            let file = File::open(path).map_err(|error| failed(&error))?;
            Y4mReader::new(BufReader::new(file)).map_err(|error| failed(&error))?;
        }
        Ok(self.0.clone())
    }
}

impl Screen {
    /// Whether one is to be shared as soon as the call is up.
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }
}

impl MediaArgs {
    /// Where the pictures of a run come from, and where those of others are saved.
    ///
    /// # Errors
    /// `video-file` when a film cannot be read, or the folder for films cannot be written.
    pub(crate) fn pictures(&self) -> Result<(Pictures, Saving), Failure> {
        self.pictures_of(None)
    }

    /// The same for one client of several, whose films have a folder of their own.
    pub(crate) fn pictures_of(&self, client: Option<u32>) -> Result<(Pictures, Saving), Failure> {
        let camera = self.camera.source()?;
        let folder = self.save_video.as_ref().map(|folder| match client {
            Some(client) => folder.join(client.to_string()),
            None => folder.clone(),
        });
        let (keep, saving) = match folder {
            Some(folder) => {
                let (saved, problems) = SavedVideo::open(&folder)?;
                (Some(saved.keep()), Saving { saved: Some(saved), problems })
            }
            None => (None, Saving { saved: None, problems: mpsc::channel(1).1 }),
        };
        Ok((Pictures { camera, screen: self.screen.0.clone(), keep }, saving))
    }

    /// What others may have this run do, which nobody watches.
    pub(crate) fn unattended(&self) -> Unattended {
        Unattended { allowed: !self.no_remote_join, camera: self.camera.is_on(), screen: self.screen.is_on() }
    }

    /// What a call is made or joined with.
    pub(crate) fn offered(&self, video: bool) -> Media {
        if video || self.camera.is_on() { Media::Video } else { Media::Voice }
    }
}

/// Films being written, where any are.
pub(crate) struct Saving {
    saved: Option<SavedVideo>,
    problems: mpsc::Receiver<Failure>,
}

impl Saving {
    /// What goes wrong with them. Given once.
    pub(crate) fn problems(&mut self) -> mpsc::Receiver<Failure> {
        std::mem::replace(&mut self.problems, mpsc::channel(1).1)
    }

    /// Writes what waits and closes the files. After the app was stopped.
    pub(crate) async fn finish(self) {
        if let Some(saved) = self.saved {
            let _ = tokio::task::spawn_blocking(move || saved.finish()).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_typed_as_the_contract_says() {
        let camera = |text: &str| text.parse::<Camera>().map(|camera| camera.0);
        assert_eq!(camera("off"), Ok(None));
        assert_eq!(camera("default"), Ok(Some(VideoSource::DefaultCamera)));
        assert_eq!(camera("pattern"), Ok(Some(VideoSource::Pattern)));
        assert_eq!(camera("device:Cam: 2"), Ok(Some(VideoSource::Camera("Cam: 2".into()))));
        assert_eq!(camera("file:a.y4m"), Ok(Some(VideoSource::File("a.y4m".into()))));
        let screen = |text: &str| text.parse::<Screen>().map(|screen| screen.0);
        assert_eq!(screen("off"), Ok(None));
        assert_eq!(screen("primary"), Ok(Some(VideoSource::PrimaryScreen)));
        assert_eq!(screen("monitor:1"), Ok(Some(VideoSource::Monitor(1))));
        assert_eq!(screen("window:My: page"), Ok(Some(VideoSource::WindowTitled("My: page".into()))));
        assert_eq!(screen("pattern"), Ok(Some(VideoSource::ScreenPattern)));
        assert_eq!(screen("portal"), Ok(Some(VideoSource::Portal)));
        for wrong in ["", "on", "device:", "file:", "monitor:0"] {
            assert!(camera(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "on", "monitor:", "monitor:x", "window:", "file:a.y4m"] {
            assert!(screen(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_film_is_looked_at_before_anyone_is_rung() {
        let missing: Camera = "file:there/is/no/such.y4m".parse().unwrap();
        assert_eq!(missing.source().unwrap_err().code, "video-file");
        let other: Camera = concat!("file:", env!("CARGO_MANIFEST_DIR"), "/Cargo.toml").parse().unwrap();
        assert_eq!(other.source().unwrap_err().code, "video-file");
    }
}
