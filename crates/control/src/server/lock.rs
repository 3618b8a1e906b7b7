//! One core per data folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use crate::{DoorError, DoorFile};

const LOCK_FILE: &str = "core.lock";

/// The right to be the core of a data folder. The system takes it back when the process ends, however it ends; the
/// file itself stays and means nothing.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Makes the folder when it is missing (for its owner alone) and locks it.
    ///
    /// # Errors
    /// [`DoorError::AlreadyRunning`] when another process (or this one) holds it, [`DoorError::Folder`] when the
    /// folder cannot be made or written.
    pub fn take(data: &Path) -> Result<Self, DoorError> {
        make_private_folder(data).map_err(DoorError::Folder)?;
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(data.join(LOCK_FILE))
            .map_err(DoorError::Folder)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => {
                Err(DoorError::AlreadyRunning { pid: DoorFile::read(data).ok().map(|door| door.pid) })
            }
            Err(TryLockError::Error(error)) => Err(DoorError::Folder(error)),
        }
    }
}

fn make_private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(folder)
}
