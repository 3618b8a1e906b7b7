//! The file that leads to a running core.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Its name in the data folder.
pub const DOOR_FILE: &str = "door.json";

/// Larger files are not ours.
const MAX_BYTES: u64 = 4096;

/// Where a core listens and what opens it. Written readable for its owner alone; it may outlive a core that was
/// killed, so its presence proves nothing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoorFile {
    /// The WebSocket's address.
    pub url: String,
    /// Wanted in the first frame.
    pub token: String,
    /// The core's process.
    pub pid: u32,
    /// The web API's address, which the same token opens; `None`: there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web_api: Option<String>,
}

impl DoorFile {
    /// Where it is in `data`.
    pub fn path(data: &Path) -> PathBuf {
        data.join(DOOR_FILE)
    }

    /// Reads the file of `data`.
    ///
    /// # Errors
    /// `NotFound` when there is none, `InvalidData` when it is not a door file, else what the system says.
    pub fn read(data: &Path) -> io::Result<Self> {
        let path = Self::path(data);
        if std::fs::metadata(&path)?.len() > MAX_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the door file is too long"));
        }
        let text = std::fs::read(&path)?;
        serde_json::from_slice(&text).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    /// Puts the file in place in one step, so that a reader sees an old one or a new one, never half of one.
    ///
    /// # Errors
    /// What the system says.
    #[cfg(feature = "server")]
    pub(crate) fn write(&self, data: &Path) -> io::Result<()> {
        use std::io::Write;
        // `tempfile` creates with mode 0600 on Unix; elsewhere the folder's own rights keep others out.
        let mut file = tempfile::Builder::new().prefix(".door").tempfile_in(data)?;
        serde_json::to_writer(&mut file, self)?;
        file.flush()?;
        file.persist(Self::path(data)).map_err(|error| error.error)?;
        Ok(())
    }

    /// Removes the file of `data` when it still is this one; a successor's is left alone.
    #[cfg(feature = "server")]
    pub(crate) fn remove(&self, data: &Path) {
        if Self::read(data).is_ok_and(|current| current == *self) {
            let _ = std::fs::remove_file(Self::path(data));
        }
    }
}

/// Leaves the token out.
impl fmt::Debug for DoorFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DoorFile").field("url", &self.url).field("pid", &self.pid).finish_non_exhaustive()
    }
}
