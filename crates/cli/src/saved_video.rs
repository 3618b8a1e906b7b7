//! Received pictures into files: one film per participant and kind.
//!
//! ```text
//!  decoders' threads ─▶ bounded queue, what finds no room is left out ─▶ writer's thread ─▶ PARTICIPANT-camera.y4m
//! ```
//!
//! A film of this kind has one rate, and pictures come as they come: one that comes late is preceded by repetitions of the
//! one before, and one too many is left out, so that the film shows at each moment what was seen then. A pause of more than
//! [`LONGEST_PAUSE`] is as long as that in the film: a page that nobody touches for an hour would fill a disk.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bellbird_app::{KeptPictures, MediaKind, Picture};
use bellbird_video::{FrameRate, Scaler, VideoFrame, Y4mWriter};
use tokio::sync::mpsc;

use crate::failure::Failure;

/// Pictures that wait to be written at most: some 40 MB of 1280x720.
const WAITING: usize = 30;

/// The rate of a camera's film,
const CAMERA_RATE: FrameRate = FrameRate { pictures: 30, seconds: 1 };
/// and of a screen's, which is sent no more often.
const SCREEN_RATE: FrameRate = FrameRate { pictures: 15, seconds: 1 };

/// See above.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Films written at the same time at most. More people than that can be in a call, and each costs an open file.
const MOST_FILMS: usize = 64;

/// Of a file name, what a participant's id is cut to, bytes.
const LONGEST_NAME: usize = 100;

/// Problems that wait to be told at most; there is one per film.
const PROBLEMS: usize = MOST_FILMS;

/// A folder that received pictures are saved in.
pub(crate) struct SavedVideo {
    queue: SyncSender<Job>,
    writer: JoinHandle<()>,
}

enum Job {
    Write(Picture),
    Finish,
}

impl SavedVideo {
    /// Makes the folder where it is missing, and starts to wait for pictures. What goes wrong later comes through the
    /// receiver, once per film.
    ///
    /// # Errors
    /// `video-file` when the folder cannot be made or written.
    pub(crate) fn open(folder: &Path) -> Result<(Self, mpsc::Receiver<Failure>), Failure> {
        let failed = |why: &dyn std::fmt::Display| failure(folder, why);
        std::fs::create_dir_all(folder).map_err(|error| failed(&error))?;
        let is_locked = std::fs::metadata(folder).map_err(|error| failed(&error))?.permissions().readonly();
        if is_locked {
            return Err(failed(&"it cannot be written"));
        }
        let (queue, jobs) = sync_channel(WAITING);
        let (problems, told) = mpsc::channel(PROBLEMS);
        let mut films = Films { folder: folder.to_owned(), films: HashMap::new(), problems };
        let writer = std::thread::Builder::new()
            .name("bellbird-films".into())
            .spawn(move || films.write(&jobs))
            .map_err(|error| failed(&error))?;
        Ok((Self { queue, writer }, told))
    }

    /// What takes the pictures of the app.
    pub(crate) fn keep(&self) -> KeptPictures {
        let queue = self.queue.clone();
        Arc::new(move |_, picture| match queue.try_send(Job::Write(picture.clone())) {
            Ok(()) | Err(TrySendError::Disconnected(_)) => {}
            Err(TrySendError::Full(_)) => tracing::warn!("a picture was not saved: the disk is too slow"),
        })
    }

    /// Writes what waits and closes the files. Blocks as long as the disk takes.
    pub(crate) fn finish(self) {
        if self.queue.send(Job::Finish).is_ok() {
            let _ = self.writer.join();
        }
    }
}

struct Films {
    folder: PathBuf,
    films: HashMap<(String, &'static str), Film>,
    problems: mpsc::Sender<Failure>,
}

/// One film.
enum Film {
    Open {
        writer: Y4mWriter<BufWriter<File>>,
        scaler: Box<Scaler>,
        width: u32,
        height: u32,
        path: PathBuf,
        pace: Pace,
        /// At the film's size.
        last: Option<VideoFrame>,
    },
    /// It could not be written any further; that was told.
    Failed,
}

impl Films {
    fn write(&mut self, jobs: &Receiver<Job>) {
        while let Ok(job) = jobs.recv() {
            match job {
                Job::Write(picture) => self.take(&picture),
                Job::Finish => break,
            }
        }
        for film in std::mem::take(&mut self.films).into_values() {
            match film {
                Film::Open { writer, path, .. } => {
                    if let Err(error) = writer.finish() {
                        self.tell(failure(&path, &error));
                    }
                }
                Film::Failed => {}
            }
        }
    }

    fn take(&mut self, picture: &Picture) {
        let kind = match picture.kind {
            MediaKind::Video => "camera",
            MediaKind::Screen => "screen",
            MediaKind::Audio => return,
        };
        let Some(participant) = &picture.participant else { return };
        let key = (participant.as_str().to_owned(), kind);
        if !self.films.contains_key(&key) {
            if self.films.len() >= MOST_FILMS {
                return;
            }
            let film = self.begin(&key, &picture.frame);
            self.films.insert(key.clone(), film);
        }
        let Some(film) = self.films.get_mut(&key) else { return };
        if let Err(failure) = film.add(&picture.frame) {
            *film = Film::Failed;
            self.tell(failure);
        }
    }

    fn begin(&self, (participant, kind): &(String, &'static str), frame: &VideoFrame) -> Film {
        let safe = safe_name(participant);
        // Two ids may look the same once they are safe.
        let taken = |path: &Path| {
            self.films.values().any(|film| matches!(film, Film::Open { path: used, .. } if used == path))
        };
        let mut path = self.folder.join(format!("{safe}-{kind}.y4m"));
        let mut number = 2;
        while taken(&path) {
            path = self.folder.join(format!("{safe}~{number}-{kind}.y4m"));
            number += 1;
        }
        let (width, height) = (frame.width(), frame.height());
        let rate = if *kind == "screen" { SCREEN_RATE } else { CAMERA_RATE };
        let opened = File::create(&path).map_err(|error| failure(&path, &error)).and_then(|file| {
            Y4mWriter::new(BufWriter::new(file), width, height, rate).map_err(|error| failure(&path, &error))
        });
        match opened {
            Ok(writer) => {
                let pace = Pace::new(rate);
                Film::Open { writer, scaler: Box::default(), width, height, path, pace, last: None }
            }
            Err(failure) => {
                self.tell(failure);
                Film::Failed
            }
        }
    }

    fn tell(&self, failure: Failure) {
        tracing::warn!(code = failure.code, "a film cannot be written");
        let _ = self.problems.try_send(failure);
    }
}

impl Film {
    /// Writes a picture, at the size of the film's first, so often that the film stays in time.
    fn add(&mut self, frame: &VideoFrame) -> Result<(), Failure> {
        match self {
            Self::Open { writer, scaler, width, height, path, pace, last } => {
                let Some(repetitions) = pace.place(frame.captured()) else { return Ok(()) };
                let scaled = scaler.scale(frame, *width, *height).map_err(|error| failure(path, &error))?;
                let before = last.replace(scaled.clone()).unwrap_or_else(|| scaled.clone());
                for _ in 0..repetitions {
                    writer.write(&before).map_err(|error| failure(path, &error))?;
                }
                writer.write(&scaled).map_err(|error| failure(path, &error))
            }
            Self::Failed => Ok(()),
        }
    }
}

/// Which place in a film a picture takes. Told the time by the pictures.
#[derive(Debug)]
struct Pace {
    rate: FrameRate,
    /// When the first picture came, later by what was cut out of pauses.
    begun: Option<Instant>,
    last: Option<Instant>,
    written: u64,
}

impl Pace {
    fn new(rate: FrameRate) -> Self {
        Self { rate, begun: None, last: None, written: 0 }
    }

    /// How often the picture before has to be repeated ahead of one that came at this moment; `None` when this one is
    /// left out. As long as pictures come less than one place early or late, each has its own.
    fn place(&mut self, came: Instant) -> Option<u64> {
        let begun = *self.begun.get_or_insert(came);
        let pause = self.last.map_or(Duration::ZERO, |last| came.saturating_duration_since(last));
        let begun = begun + pause.saturating_sub(LONGEST_PAUSE);
        (self.begun, self.last) = (Some(begun), Some(came));
        let at = came.saturating_duration_since(begun);
        if at + self.rate.due(1) <= self.rate.due(self.written) {
            return None;
        }
        let mut repetitions = 0;
        while self.rate.due(self.written + repetitions + 1) <= at {
            repetitions += 1;
        }
        self.written += repetitions + 1;
        Some(repetitions)
    }
}

fn failure(path: &Path, why: &dyn std::fmt::Display) -> Failure {
    Failure::new("video-file", format!("{}: {why}", path.display()))
}

/// An id as the beginning of a file's name: no folder, nothing that a system treats specially, and not too long.
fn safe_name(id: &str) -> String {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '@' | '.');
    let mut name: String = id.chars().map(|c| if is_safe(c) { c } else { '_' }).take(LONGEST_NAME).collect();
    if name.is_empty() || name.starts_with('.') {
        name.insert(0, '_');
    }
    name
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use bellbird_app::{CallId, ParticipantId};
    use bellbird_video::{Pattern, Y4mReader, read_number};

    use super::*;

    fn picture(participant: Option<&str>, kind: MediaKind, size: (u32, u32), number: u32) -> Picture {
        picture_at(participant, kind, size, number, Instant::now())
    }

    fn picture_at(
        participant: Option<&str>,
        kind: MediaKind,
        size: (u32, u32),
        number: u32,
        at: Instant,
    ) -> Picture {
        let frame = Pattern::new(size.0, size.1).unwrap().draw(number, at);
        Picture { participant: participant.map(ParticipantId::new), kind, frame }
    }

    fn read(path: &Path) -> Vec<(u32, u32, Option<u32>)> {
        let mut reader = Y4mReader::new(std::io::BufReader::new(File::open(path).unwrap())).unwrap();
        let mut pictures = Vec::new();
        while let Some(frame) = reader.read(Instant::now()).unwrap() {
            pictures.push((frame.width(), frame.height(), read_number(&frame)));
        }
        pictures
    }

    #[test]
    fn each_participant_and_kind_gets_a_film_of_one_size() {
        let folder = tempfile::tempdir().unwrap();
        let films = folder.path().join("new/folder");
        let (saved, mut problems) = SavedVideo::open(&films).unwrap();
        let keep = saved.keep();
        let call = CallId::new("1");
        let begun = Instant::now();
        for (participant, kind, size, number) in [
            (Some("bob"), MediaKind::Video, (320, 180), 1),
            (Some("bob"), MediaKind::Video, (640, 360), 2),
            (Some("bob"), MediaKind::Screen, (640, 360), 3),
            (Some("../eve/x"), MediaKind::Video, (320, 180), 4),
            (Some(".._eve_x"), MediaKind::Video, (320, 180), 5),
            (None, MediaKind::Video, (320, 180), 6),
        ] {
            let at = begun + Duration::from_millis(33) * number;
            keep(&call, &picture_at(participant, kind, size, number, at));
        }
        saved.finish();
        assert!(problems.try_recv().is_err());
        assert_eq!(read(&films.join("bob-camera.y4m")), [(320, 180, Some(1)), (320, 180, Some(2))]);
        assert_eq!(read(&films.join("bob-screen.y4m")), [(640, 360, Some(3))]);
        assert_eq!(read(&films.join("_.._eve_x-camera.y4m")), [(320, 180, Some(4))]);
        assert_eq!(read(&films.join("_.._eve_x~2-camera.y4m")), [(320, 180, Some(5))]);
        assert_eq!(std::fs::read_dir(&films).unwrap().count(), 4);
    }

    #[test]
    fn a_film_that_cannot_be_written_is_told_of_once() {
        let folder = tempfile::tempdir().unwrap();
        // A folder where the file should be: nobody can write that, root included.
        std::fs::create_dir(folder.path().join("bob-camera.y4m")).unwrap();
        let (saved, mut problems) = SavedVideo::open(folder.path()).unwrap();
        let keep = saved.keep();
        for number in 0..5 {
            keep(&CallId::new("1"), &picture(Some("bob"), MediaKind::Video, (64, 36), number));
        }
        saved.finish();
        assert_eq!(problems.try_recv().unwrap().code, "video-file");
        assert!(problems.try_recv().is_err());
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert_eq!(SavedVideo::open(&file.join("folder")).err().unwrap().code, "video-file");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_is_told_of() {
        // The system's own full disk.
        let file = File::create("/dev/full").unwrap();
        let path = PathBuf::from("/dev/full");
        let writer = Y4mWriter::new(BufWriter::with_capacity(16, file), 64, 36, CAMERA_RATE);
        let frame = Pattern::new(64, 36).unwrap().draw(1, Instant::now());
        let outcome = match writer {
            Ok(writer) => {
                let (pace, scaler) = (Pace::new(CAMERA_RATE), Box::default());
                Film::Open { writer, scaler, width: 64, height: 36, path, pace, last: None }.add(&frame)
            }
            Err(error) => Err(failure(&path, &error)),
        };
        assert_eq!(outcome.unwrap_err().code, "video-file");
    }

    /// What a film is like whose pictures come at these moments, ms: the number of the one shown at each place.
    fn shown(moments: impl Iterator<Item = u64>) -> Vec<usize> {
        let begun = Instant::now();
        let mut pace = Pace::new(CAMERA_RATE);
        let mut film: Vec<usize> = Vec::new();
        for (number, moment) in moments.enumerate() {
            if let Some(repetitions) = pace.place(begun + Duration::from_millis(moment)) {
                let before = *film.last().unwrap_or(&number);
                film.extend((0..repetitions).map(|_| before));
                film.push(number);
            }
        }
        film
    }

    #[test]
    fn a_film_shows_at_each_moment_what_was_seen_then() {
        // Steady, a little early or late: each picture has its place.
        let uneven = (0..300).map(|n| 100 * n / 3 + [0, 14, 3, 20, 9][n as usize % 5]);
        assert_eq!(shown(uneven), (0..300).collect::<Vec<_>>());
        // Half as many: each is shown twice. Twice as many: every other is left out.
        let slow = shown((0..60).map(|n| 200 * n / 3));
        assert!(slow.len().abs_diff(119) <= 1, "{}", slow.len());
        let quick = shown((0..120).map(|n| 50 * n / 3));
        assert!(quick.len().abs_diff(61) <= 1, "{}", quick.len());
        // Five seconds in which nothing came, in the middle: two of them are in the film.
        let paused = shown((0..60).map(|n| 100 * n / 3 + if n < 30 { 0 } else { 5_000 }));
        assert!(paused.len().abs_diff(60 + 60) <= 2, "{}", paused.len());
        assert_eq!(paused[60], 29, "what was seen last stands still meanwhile");
    }

    #[test]
    fn names_are_safe_for_every_system() {
        assert_eq!(safe_name("bob@home-1.x"), "bob@home-1.x");
        assert_eq!(safe_name("a/b\\c:d\0e\nf*"), "a_b_c_d_e_f_");
        assert_eq!(safe_name(""), "_");
        assert_eq!(safe_name(".."), "_..");
        assert_eq!(safe_name("Größe"), "Gr__e");
        assert_eq!(safe_name(&"x".repeat(1_000)).len(), LONGEST_NAME);
    }
}
