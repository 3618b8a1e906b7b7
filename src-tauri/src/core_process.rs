//! Finding the core, and starting one when none runs.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use bellbird_control::{ClientError, DoorClient, DoorFile};
use serde::Serialize;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

/// How long a core may take from its start until it can be talked to: a first start makes a database and keys.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// How often a starting core is looked for. It is ready some 100 ms after its start.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Where the core's log goes, in the data folder: that of the present run and no older one.
const LOG_FILE: &str = "core.log";

/// Names the program to start as core, for a tree where it does not lie beside this one.
const CLI_VARIABLE: &str = "BELLBIRD_CLI";

/// Why there is no core.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CoreError {
    /// Its program is not there, or may not be run.
    #[error("{} cannot be started: {source}", .program.display())]
    Program {
        /// What was to be started.
        program: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It ended before it could be talked to.
    #[error("the core ended right after its start ({0})")]
    Ended(ExitStatus),
    /// It runs and does not answer.
    #[error("the core did not answer within {} seconds", START_TIMEOUT.as_secs())]
    Silent,
}

/// Where the page finds the core.
#[derive(Serialize)]
pub(crate) struct DoorAddress {
    url: String,
    token: String,
}

impl From<DoorFile> for DoorAddress {
    fn from(door: DoorFile) -> Self {
        Self { url: door.url, token: door.token }
    }
}

/// Why the page gets no address; the page has words for each code.
#[derive(Serialize)]
pub(crate) struct DoorFailure {
    code: &'static str,
    detail: String,
}

impl From<CoreError> for DoorFailure {
    fn from(error: CoreError) -> Self {
        let code = match &error {
            CoreError::Program { .. } => "no-core-program",
            CoreError::Ended(_) | CoreError::Silent => "core-failed",
        };
        Self { code, detail: error.to_string() }
    }
}

/// The core of one data folder.
pub(crate) struct CoreProcess {
    data: PathBuf,
    /// Held while looking and starting: the page and [`crate::follow`] ask at the same moment, and one core is enough.
    starting: Mutex<()>,
}

impl CoreProcess {
    pub(crate) fn new(data: PathBuf) -> Self {
        Self { data, starting: Mutex::new(()) }
    }

    /// The door of a core that answers, if one does.
    pub(crate) async fn find(&self) -> Option<DoorFile> {
        let door = DoorFile::read(&self.data).ok()?;
        match DoorClient::connect_window(&door).await {
            Ok(_) => Some(door),
            Err(
                ClientError::NotRunning
                | ClientError::Refused(_)
                | ClientError::TurnedAway(_)
                | ClientError::Unreadable(_),
            ) => None,
        }
    }

    /// The door of the core, started now when none runs.
    ///
    /// # Errors
    /// See [`CoreError`].
    pub(crate) async fn find_or_start(&self) -> Result<DoorFile, CoreError> {
        let _one_at_a_time = self.starting.lock().await;
        if let Some(door) = self.find().await {
            return Ok(door);
        }
        let mut child = self.start()?;
        let deadline = Instant::now() + START_TIMEOUT;
        while Instant::now() < deadline {
            if let Some(door) = self.find().await {
                return Ok(door);
            }
            // A core that put itself into the background leaves with success; only a failure is one.
            if let Ok(Some(status)) = child.try_wait()
                && !status.success()
            {
                return Err(CoreError::Ended(status));
            }
            sleep(LOOK_AGAIN).await;
        }
        Err(CoreError::Silent)
    }

    /// Starts the core so that it outlives this process, whichever way this process ends.
    fn start(&self) -> Result<Child, CoreError> {
        let program = core_program();
        tracing::info!(program = %program.display(), "starting the core");
        let mut command = Command::new(&program);
        command.args(["core", "--background", "--data"]).arg(&self.data);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(self.log()).kill_on_drop(false);
        detach(&mut command);
        command.spawn().map_err(|source| CoreError::Program { program, source })
    }

    /// A file of its own: the window's terminal may be gone long before the core is.
    fn log(&self) -> Stdio {
        let create = || {
            std::fs::create_dir_all(&self.data)?;
            std::fs::File::create(self.data.join(LOG_FILE))
        };
        match create() {
            Ok(file) => Stdio::from(file),
            Err(error) => {
                tracing::warn!(%error, "the core's log cannot be kept");
                Stdio::null()
            }
        }
    }
}

/// Ctrl+C in the terminal that holds the window is meant for the window.
#[cfg(unix)]
fn detach(command: &mut Command) {
    command.process_group(0);
}

/// Likewise for a console, and out of the job object a launcher may have put the window in.
#[cfg(windows)]
fn detach(command: &mut Command) {
    const DETACHED_PROCESS: u32 = 0x0000_0008;
    const CREATE_NEW_PROCESS_GROUP: u32 = 0x0000_0200;
    command.creation_flags(DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP);
}

fn core_program() -> PathBuf {
    program_from(std::env::var_os(CLI_VARIABLE), std::env::current_exe().ok().as_deref())
}

/// The program named in the environment, else the one beside ours (where bundles and cargo put it), else the path's.
fn program_from(named: Option<OsString>, ours: Option<&Path>) -> PathBuf {
    if let Some(named) = named.filter(|named| !named.is_empty()) {
        return PathBuf::from(named);
    }
    let name = format!("bellbird-cli{}", std::env::consts::EXE_SUFFIX);
    match ours.and_then(Path::parent).map(|folder| folder.join(&name)).filter(|beside| beside.is_file()) {
        Some(beside) => beside,
        None => PathBuf::from(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_the_named_one_else_the_one_beside_ours_else_the_paths() {
        let folder = tempfile::tempdir().unwrap();
        let ours = folder.path().join("bellbird");
        let name = format!("bellbird-cli{}", std::env::consts::EXE_SUFFIX);
        assert_eq!(program_from(None, Some(&ours)), PathBuf::from(&name));
        std::fs::write(folder.path().join(&name), "").unwrap();
        assert_eq!(program_from(None, Some(&ours)), folder.path().join(&name));
        assert_eq!(program_from(Some("".into()), Some(&ours)), folder.path().join(&name));
        assert_eq!(program_from(Some("/opt/core".into()), Some(&ours)), PathBuf::from("/opt/core"));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_dead_door_file_is_no_core() {
        let folder = tempfile::tempdir().unwrap();
        // A port that was free a moment ago has nobody behind it now.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let door = format!(r#"{{"url":"ws://127.0.0.1:{port}/control","token":"t","pid":1}}"#);
        std::fs::write(DoorFile::path(folder.path()), door).unwrap();
        assert_eq!(CoreProcess::new(folder.path().to_owned()).find().await, None);
    }
}
