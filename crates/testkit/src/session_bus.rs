//! A private D-Bus session bus, and on it a notification daemon that records what it is asked to show.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::process::LineProcess;

/// How long a helper may take to come up on a busy machine before the test gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Names the bus to whoever is started with it.
pub const ADDRESS_VARIABLE: &str = "DBUS_SESSION_BUS_ADDRESS";

/// A bus of its own; ends when dropped.
#[derive(Debug)]
pub struct SessionBus {
    _daemon: LineProcess,
    address: String,
}

impl SessionBus {
    /// Starts `dbus-daemon` on an address of its own.
    ///
    /// # Panics
    /// When there is no `dbus-daemon`.
    pub fn start() -> Self {
        let mut daemon = LineProcess::start(
            Command::new("dbus-daemon")
                .args(["--session", "--nofork", "--nopidfile", "--print-address=1"])
                .arg(format!("--address=unix:tmpdir={}", std::env::temp_dir().display()))
                // In a container it complains at every start that it may not raise its limit of open files.
                .stderr(Stdio::null()),
        );
        let address = daemon
            .wait_for("bus address", PATIENCE, |line| line.starts_with("unix:").then(|| line.to_owned()));
        Self { _daemon: daemon, address }
    }

    /// For [`ADDRESS_VARIABLE`].
    pub fn address(&self) -> &str {
        &self.address
    }
}

/// The recording daemon (`notification_daemon.py`, which documents its lines).
#[derive(Debug)]
pub struct NotificationDaemon(LineProcess);

impl NotificationDaemon {
    /// Starts it on a bus and waits until it owns its names.
    ///
    /// # Panics
    /// When it does not come up: python3 with its dbus and gi modules is needed.
    pub fn start(bus: &SessionBus, script: &Path, arguments: &[&str]) -> Self {
        // The system's interpreter has the modules that come as system packages; another one in the path need not.
        let system = Path::new("/usr/bin/python3");
        let interpreter = if system.exists() { system } else { Path::new("python3") };
        let mut daemon = LineProcess::start(
            Command::new(interpreter).arg(script).args(arguments).env(ADDRESS_VARIABLE, bus.address()),
        );
        daemon.wait_for("notification daemon", PATIENCE, |line| line.contains("\"ready\"").then_some(()));
        Self(daemon)
    }

    /// The process, to read its lines and to tell it what to do.
    pub fn process(&mut self) -> &mut LineProcess {
        &mut self.0
    }
}
