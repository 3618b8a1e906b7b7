//! The window's process, started when there is something to show and none is attached.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Its program, beside this one.
const PROGRAM: &str = if cfg!(windows) { "bellbird.exe" } else { "bellbird" };

/// Starts windows, one at a time.
#[derive(Debug)]
pub(crate) struct WindowLauncher {
    data: PathBuf,
    last: Option<Child>,
}

impl WindowLauncher {
    /// For the core of `data`.
    pub(crate) fn new(data: &Path) -> Self {
        Self { data: data.to_owned(), last: None }
    }

    /// Starts the window, unless the last one is still on its way.
    pub(crate) fn show(&mut self, arguments: &[&str]) {
        if let Some(last) = &mut self.last
            && matches!(last.try_wait(), Ok(None))
        {
            return;
        }
        let Some(program) = program() else {
            return tracing::warn!("there is no window program beside this one");
        };
        let mut command = Command::new(&program);
        command
            .args(arguments)
            .env("BELLBIRD_DATA", &self.data)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit());
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt;
            // What ends the core by its terminal must not end the window, nor the other way round.
            command.process_group(0);
        }
        match command.spawn() {
            Ok(child) => self.last = Some(child),
            Err(error) => tracing::warn!(%error, "the window cannot be started"),
        }
    }

    /// Takes note of a window that ended, so that the system can forget it.
    pub(crate) fn reap(&mut self) {
        if let Some(last) = &mut self.last
            && !matches!(last.try_wait(), Ok(None))
        {
            self.last = None;
        }
    }
}

/// `BELLBIRD_WINDOW`, or the program beside this one.
fn program() -> Option<PathBuf> {
    if let Some(program) = std::env::var_os("BELLBIRD_WINDOW").filter(|program| !program.is_empty()) {
        return Some(PathBuf::from(program));
    }
    let beside = std::env::current_exe().ok()?.with_file_name(PROGRAM);
    beside.is_file().then_some(beside)
}
