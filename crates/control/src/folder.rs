//! Where a person's Bellbird keeps its things.

use std::path::PathBuf;

/// The data folder of this person's core: `BELLBIRD_DATA` when set, else the system's place for it (on Linux
/// `~/.local/share/bellbird`). `None` on a system that names no home.
pub fn default_data_folder() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("BELLBIRD_DATA").filter(|folder| !folder.is_empty()) {
        return Some(PathBuf::from(folder));
    }
    directories::ProjectDirs::from("", "", "Bellbird").map(|dirs| dirs.data_local_dir().to_path_buf())
}
