//! A screen that nobody sees.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use bellbird_testkit::process::LineProcess;

/// An X server on a display number of its own. Ends when dropped.
pub(crate) struct Display {
    _server: LineProcess,
    name: String,
}

impl Display {
    pub(crate) fn start() -> Self {
        let mut server = LineProcess::start(
            Command::new("Xvfb")
                .args(["-displayfd", "1", "-screen", "0", "1366x900x24", "-nolisten", "tcp"])
                .stderr(Stdio::null()),
        );
        let number = server
            .wait_for("display number", Duration::from_secs(30), |line| line.trim().parse::<u32>().ok());
        Self { _server: server, name: format!(":{number}") }
    }

    /// For `DISPLAY`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether a window with this title is on the screen.
    pub(crate) fn shows_window(&self, title: &str) -> bool {
        let mut search = Command::new("xdotool");
        search.args(["search", "--onlyvisible", "--name", &format!("^{title}$")]).env("DISPLAY", &self.name);
        !search.output().expect("this test needs xdotool").stdout.is_empty()
    }

    /// Saves what is on the screen.
    pub(crate) fn save_picture(&self, path: &Path) {
        let _ = Command::new("import")
            .args(["-display", &self.name, "-window", "root"])
            .arg(path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}
