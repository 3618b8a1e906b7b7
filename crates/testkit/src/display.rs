//! An X server whose screen nobody sees.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::process::LineProcess;

/// How long the server may take to come up on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server on a display number of its own. Ends when dropped.
#[derive(Debug)]
pub struct XDisplay {
    server: LineProcess,
    name: String,
}

impl XDisplay {
    /// Starts Xvfb with one screen of that size, 24 bits deep, and waits until it can be connected to.
    ///
    /// # Panics
    /// When there is no `Xvfb`.
    pub fn start(width: u32, height: u32) -> Self {
        let mut server = LineProcess::start(
            Command::new("Xvfb")
                .args(["-displayfd", "1", "-nolisten", "tcp", "-noreset", "-screen", "0"])
                .arg(format!("{width}x{height}x24"))
                .stderr(Stdio::null()),
        );
        let number = server.wait_for("display number", PATIENCE, |line| line.trim().parse::<u32>().ok());
        Self { server, name: format!(":{number}") }
    }

    /// For `DISPLAY`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Ends the server at once, as a crash would.
    pub fn kill(self) {
        drop(self.server);
    }
}
