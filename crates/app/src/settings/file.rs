//! The file on disk: read once, replaced whole.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bellbird_call::ports::{Problem, ProblemCode};

use super::Settings;
use super::migrations::{self, Form};
use crate::problems::of_io;

const NAME: &str = "settings.json";

/// A settings file larger than this is not ours.
const MAX_BYTES: u64 = 4 << 20;

/// Where settings are kept, or that they are not.
#[derive(Debug)]
pub(crate) struct SettingsFile {
    /// `None`: nothing is written (a one-off run, or a file of a newer Bellbird).
    path: Option<PathBuf>,
}

impl SettingsFile {
    /// Reads the settings of `data`; without a folder, and where the file cannot be used, the defaults, with the
    /// problem to show. A damaged file is set aside, not overwritten.
    pub(crate) fn open(data: Option<&Path>) -> (Self, Settings, Option<Problem>) {
        let Some(data) = data else { return (Self { path: None }, Settings::default(), None) };
        let path = data.join(NAME);
        let text = match read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return (Self { path: Some(path) }, Settings::default(), None);
            }
            Err(error) => {
                let problem = of_io(&error, "the settings could not be read");
                return (Self { path: None }, Settings::default(), Some(problem));
            }
        };
        let form = serde_json::from_slice(&text).ok().and_then(migrations::migrate);
        match form {
            Some(Form::Current(value)) => match serde_json::from_value(value) {
                Ok(settings) => (Self { path: Some(path) }, settings, None),
                Err(error) => Self::set_aside(path, &error),
            },
            Some(Form::Newer(value)) => {
                let settings = serde_json::from_value(value).unwrap_or_default();
                let detail = "the settings were written by a newer version; changes are not kept";
                (Self { path: None }, settings, Some(Problem::new(ProblemCode::Internal, detail)))
            }
            None => Self::set_aside(path, &"not a JSON object"),
        }
    }

    fn set_aside(path: PathBuf, why: &dyn std::fmt::Display) -> (Self, Settings, Option<Problem>) {
        let aside = path.with_extension("json.damaged");
        let kept = std::fs::rename(&path, &aside).is_ok();
        let detail = format!("the settings could not be understood ({why}) and start anew");
        let file = Self { path: kept.then_some(path) };
        (file, Settings::default(), Some(Problem::new(ProblemCode::Internal, detail)))
    }

    /// Replaces the file in one step: after a crash or on a full disk there is the old one or the new one.
    ///
    /// # Errors
    /// `disk-full`, `read-only-folder`, or `internal` with what the system says.
    pub(crate) fn save(&self, settings: &Settings) -> Result<(), Problem> {
        let Some(path) = &self.path else { return Ok(()) };
        replace(path, settings).map_err(|error| of_io(&error, "the settings could not be saved"))
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    if std::fs::metadata(path)?.len() > MAX_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the file is too long"));
    }
    std::fs::read(path)
}

fn replace(path: &Path, settings: &Settings) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new().prefix(".settings").tempfile_in(folder)?;
    serde_json::to_writer_pretty(&mut file, settings)?;
    file.write_all(b"\n")?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{AccountHome, StoredAccount};

    fn settings() -> Settings {
        let mut settings = Settings::default();
        settings.accounts.push(StoredAccount {
            id: "ann@example.org".into(),
            user_id: "ann".into(),
            login_name: "ann".into(),
            display_name: "Ann".into(),
            home: AccountHome::Remote { server: "https://example.org".into(), fingerprint: None },
        });
        settings.devices.speaker = Some("hall".into());
        settings.local_server.network_port = Some(4711);
        settings
    }

    #[test]
    fn what_is_saved_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let (file, read, problem) = SettingsFile::open(Some(folder.path()));
        assert_eq!((read, problem), (Settings::default(), None));
        file.save(&settings()).unwrap();
        let (_, read, problem) = SettingsFile::open(Some(folder.path()));
        assert_eq!((read, problem), (settings(), None));
        let left: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left, [NAME], "nothing but the file stays behind");
    }

    #[test]
    fn a_damaged_file_is_set_aside_and_told() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(NAME), "{\"version\": 1, \"accounts\": 7}").unwrap();
        let (file, read, problem) = SettingsFile::open(Some(folder.path()));
        assert_eq!(read, Settings::default());
        assert!(problem.is_some());
        assert!(folder.path().join("settings.json.damaged").exists());
        file.save(&settings()).unwrap();
        assert_eq!(SettingsFile::open(Some(folder.path())).1, settings());
    }

    #[test]
    fn a_newer_file_is_read_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let newer = "{\"version\": 99, \"devices\": {\"speaker\": \"hall\"}, \"new\": 1}";
        std::fs::write(folder.path().join(NAME), newer).unwrap();
        let (file, read, problem) = SettingsFile::open(Some(folder.path()));
        assert_eq!(read.devices.speaker.as_deref(), Some("hall"));
        assert!(problem.is_some());
        file.save(&settings()).unwrap();
        assert_eq!(std::fs::read_to_string(folder.path().join(NAME)).unwrap(), newer);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_folder_that_cannot_be_written_is_a_problem_of_its_own() {
        // sysfs takes no new files, not even from root.
        let (file, _, _) = SettingsFile::open(Some(Path::new("/sys/bellbird")));
        let problem = file.save(&settings()).unwrap_err();
        assert_eq!(problem.code, ProblemCode::ReadOnlyFolder, "{problem}");
    }
}
