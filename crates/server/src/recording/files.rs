//! The files of recordings: `recordings/{room}/{name}` in the data folder, written as they arrive.

use std::io;
use std::path::{Path, PathBuf};

use tokio::fs;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufWriter};

use crate::secrets;

const FOLDER: &str = "recordings";
/// What a file is called until it is whole; no file that was sent can be called so.
const HALF: &str = "part";
/// Bytes gathered before they are written.
const BUFFER: usize = 256 * 1024;
/// Longest name of a file, bytes; a number may be added to it.
const MAX_NAME: usize = 180;
/// Most files of one name in one room.
const MAX_SAME_NAME: u32 = 1000;

/// Kinds of files that recordings come in: the ending of the name, what its bytes begin with after how many others.
const KINDS: &[(&str, usize, &[u8])] = &[
    ("ogg", 0, b"OggS"),
    ("ogv", 0, b"OggS"),
    ("mp4", 4, b"ftyp"),
    ("webm", 0, &[0x1a, 0x45, 0xdf, 0xa3]),
    ("mkv", 0, &[0x1a, 0x45, 0xdf, 0xa3]),
];

/// Why a file was not stored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotStored {
    /// More than is taken.
    #[error("the recording is larger than allowed")]
    TooLarge,
    /// Nothing.
    #[error("the recording is empty")]
    Empty,
    /// A name of no kind that recordings have.
    #[error("the file's name is not a recording's")]
    Name,
    /// Its bytes are of another kind than its name says.
    #[error("the file is not what its name says")]
    Kind,
    /// The disk is full, or cannot be written.
    #[error("the recording cannot be written: {0}")]
    Disk(#[from] io::Error),
}

/// Where recordings lie.
pub(crate) struct RecordingFiles {
    folder: PathBuf,
}

impl RecordingFiles {
    pub(super) fn new(data: PathBuf) -> Self {
        Self { folder: data.join(FOLDER) }
    }

    /// Begins a file of at most `most` bytes. `name` is what its sender calls it.
    pub(crate) async fn begin(&self, name: &str, most: u64) -> Result<Incoming, NotStored> {
        let name = checked_name(name).ok_or(NotStored::Name)?;
        fs::create_dir_all(&self.folder).await?;
        let path = self.folder.join(format!("{}.{HALF}", secrets::session_id()));
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        options.mode(0o600);
        let file = BufWriter::with_capacity(BUFFER, options.open(&path).await?);
        Ok(Incoming { half: Half(path), file, name, size: 0, most, first: Vec::new() })
    }

    /// Gives a whole file its place, under a name nobody has there; yields that name.
    pub(crate) async fn keep(&self, incoming: Incoming, token: &str) -> Result<(String, u64), NotStored> {
        let Incoming { half, mut file, name, size, first, .. } = incoming;
        if size == 0 {
            return Err(NotStored::Empty);
        }
        let is_kind = |(ending, at, bytes): &(&str, usize, &[u8])| {
            name.rsplit_once('.').is_some_and(|(_, own)| own == *ending)
                && first.get(*at..).is_some_and(|rest| rest.starts_with(bytes))
        };
        if !KINDS.iter().any(is_kind) {
            return Err(NotStored::Kind);
        }
        file.flush().await?;
        let whole = file.into_inner();
        whole.sync_all().await?;
        // Some systems move no file that is open.
        drop(whole.into_std().await);
        let folder = self.folder.join(token);
        fs::create_dir_all(&folder).await?;
        for number in 1..=MAX_SAME_NAME {
            let free = numbered(&name, number);
            // Linking fails where a file is already; renaming would take its place.
            match fs::hard_link(&half.0, folder.join(&free)).await {
                Ok(()) => return Ok((free, size)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                // Not every file system links.
                Err(_) if !fs::try_exists(folder.join(&free)).await? => {
                    fs::rename(&half.0, folder.join(&free)).await?;
                    return Ok((free, size));
                }
                Err(_) => {}
            }
        }
        Err(NotStored::Name)
    }

    /// Opens a file for reading; with its length.
    pub(crate) async fn open(&self, token: &str, name: &str) -> io::Result<(fs::File, u64)> {
        let file = fs::File::open(self.folder.join(token).join(name)).await?;
        let length = file.metadata().await?.len();
        Ok((file, length))
    }

    /// Removes what was not whole when the last run ended.
    pub(super) async fn remove_halves(&self) {
        let Ok(mut entries) = fs::read_dir(&self.folder).await else { return };
        while let Ok(Some(entry)) = entries.next_entry().await {
            let path = entry.path();
            if path.extension().is_some_and(|ending| ending == HALF)
                && let Err(error) = fs::remove_file(&path).await
            {
                tracing::warn!(%error, "half of a recording could not be removed");
            }
        }
    }
}

/// The next piece of a file, or nothing at its end.
pub(crate) async fn next_piece(file: &mut fs::File) -> io::Result<Option<Vec<u8>>> {
    let mut piece = vec![0; 64 * 1024];
    let length = file.read(&mut piece).await?;
    piece.truncate(length);
    Ok((length > 0).then_some(piece))
}

/// A file that is not whole yet; gone when dropped.
struct Half(PathBuf);

impl Drop for Half {
    fn drop(&mut self) {
        // Removing a name takes microseconds, however large the file was; after `keep` it only had two.
        drop(std::fs::remove_file(Path::new(&self.0)));
    }
}

/// A file on its way in.
pub(crate) struct Incoming {
    half: Half,
    file: BufWriter<fs::File>,
    name: String,
    size: u64,
    most: u64,
    /// Its first bytes.
    first: Vec<u8>,
}

impl Incoming {
    /// Takes a piece. [`NotStored::TooLarge`] once there is more than allowed.
    pub(crate) async fn add(&mut self, piece: &[u8]) -> Result<(), NotStored> {
        self.size = self.size.saturating_add(piece.len() as u64);
        if self.size > self.most {
            return Err(NotStored::TooLarge);
        }
        let wanted = 16_usize.saturating_sub(self.first.len()).min(piece.len());
        self.first.extend_from_slice(&piece[..wanted]);
        Ok(self.file.write_all(piece).await?)
    }
}

/// The last part of the name, with nothing in it that a file system or a terminal minds. `None` without the ending of a
/// recording.
fn checked_name(name: &str) -> Option<String> {
    let last = name.rsplit(['/', '\\']).next()?;
    let tame = |c: char| if c.is_control() || "<>:\"|?*".contains(c) { '_' } else { c };
    let name: String = last.trim_start_matches('.').trim().chars().map(tame).collect();
    let (stem, ending) = name.rsplit_once('.')?;
    let ending = ending.to_ascii_lowercase();
    let known = KINDS.iter().any(|(known, ..)| *known == ending);
    let fits = !stem.is_empty() && stem.len() <= MAX_NAME;
    (known && fits).then(|| format!("{stem}.{ending}"))
}

fn numbered(name: &str, number: u32) -> String {
    match name.rsplit_once('.') {
        Some((stem, ending)) if number > 1 => format!("{stem} ({number}).{ending}"),
        Some(_) | None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_within_their_folder() {
        for (given, kept) in [
            ("Recording 2026-01-02 03-04-05.webm", Some("Recording 2026-01-02 03-04-05.webm")),
            ("/etc/../a.MP4", Some("a.mp4")),
            ("..\\..\\b.ogg", Some("b.ogg")),
            ("...webm", None),
            (".webm", None),
            ("a.sh", None),
            ("a", None),
            ("", None),
            ("a:b\n.mkv", Some("a_b_.mkv")),
            ("half.part", None),
        ] {
            assert_eq!(checked_name(given).as_deref(), kept, "{given}");
        }
        assert_eq!(checked_name(&format!("{}.ogg", "x".repeat(200))), None);
        assert_eq!((numbered("a.ogg", 1), numbered("a.ogg", 2)), ("a.ogg".into(), "a (2).ogg".into()));
    }

    #[tokio::test]
    async fn a_file_is_whole_or_not_there() {
        let data = tempfile::tempdir().unwrap();
        let files = RecordingFiles::new(data.path().into());
        let folder = data.path().join(FOLDER);
        let halves =
            || std::fs::read_dir(&folder).unwrap().filter(|e| e.as_ref().unwrap().path().is_file()).count();
        for expected in ["a.ogg", "a (2).ogg"] {
            let mut incoming = files.begin("a.ogg", 10).await.unwrap();
            incoming.add(b"OggS").await.unwrap();
            incoming.add(b"more").await.unwrap();
            let kept = files.keep(incoming, "room").await.unwrap();
            assert_eq!(kept, (expected.to_owned(), 8));
            assert_eq!(std::fs::read(folder.join("room").join(expected)).unwrap(), b"OggSmore");
        }
        let mut large = files.begin("a.ogg", 10).await.unwrap();
        large.add(b"OggS").await.unwrap();
        assert!(matches!(large.add(b"1234567").await, Err(NotStored::TooLarge)));
        drop(large);
        let mut other = files.begin("a.webm", 10).await.unwrap();
        other.add(b"OggS").await.unwrap();
        assert!(matches!(files.keep(other, "room").await, Err(NotStored::Kind)));
        let empty = files.begin("a.ogg", 10).await.unwrap();
        assert!(matches!(files.keep(empty, "room").await, Err(NotStored::Empty)));
        assert!(matches!(files.begin("a.exe", 10).await, Err(NotStored::Name)));
        assert_eq!(halves(), 0);
        std::fs::write(folder.join("x.part"), "half").unwrap();
        files.remove_halves().await;
        assert_eq!(halves(), 0);
    }
}
