//! The data folder: made, private, writable, served by one process.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::Path;

use crate::error::ServerError;

const LOCK_FILE: &str = "serve.lock";

/// Makes the folder if it is missing, readable by its owner alone, and checks that it can be written to.
pub(crate) fn prepare(folder: &Path) -> Result<(), ServerError> {
    match fs::metadata(folder) {
        Ok(found) if !found.is_dir() => return Err(ServerError::NotAFolder(folder.into())),
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            fs::create_dir_all(folder).map_err(|error| ServerError::from_io(folder, error))?;
            keep_private(folder, 0o700)?;
        }
        Err(error) => return Err(ServerError::from_io(folder, error)),
    }
    // SQLite gives its journal files the same rights as the database file.
    let database = crate::store::database_path(folder);
    private_file(&database)?;
    Ok(())
}

/// Opens a file for writing that only its owner can read, making it if needed.
pub(crate) fn private_file(path: &Path) -> Result<File, ServerError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| ServerError::from_io(path, error))
}

#[cfg_attr(not(unix), allow(unused_variables))]
fn keep_private(path: &Path, mode: u32) -> Result<(), ServerError> {
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))
        .map_err(|error| ServerError::from_io(path, error))?;
    Ok(())
}

/// Held as long as this process serves the folder; the system drops it with the process, however that ends.
pub(crate) struct FolderLock {
    _file: File,
}

impl FolderLock {
    pub(crate) fn take(folder: &Path) -> Result<Self, ServerError> {
        let path = folder.join(LOCK_FILE);
        let file = private_file(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(ServerError::AlreadyServing(folder.into())),
            Err(TryLockError::Error(error)) => Err(ServerError::from_io(&path, error)),
        }
    }
}
