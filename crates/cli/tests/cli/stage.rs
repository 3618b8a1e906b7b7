//! A served folder, and commands against it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use bellbird_testkit::process::LineProcess;
use serde_json::Value;

/// Only to fail a hang: these tests share a machine with much else.
pub(crate) const HANG: Duration = Duration::from_secs(120);

/// The password of everyone.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// A command of its own data folder, not steered by what else runs here.
pub(crate) fn cli(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bellbird-cli"));
    command
        .arg("--json")
        .env("BELLBIRD_DATA", data.join("app"))
        .env("BELLBIRD_PASSWORD", PASSWORD)
        .env_remove("RUST_LOG")
        // Neither tray nor key store of the machine the tests run on.
        .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    command
}

pub(crate) fn events(output: &Output) -> Vec<Value> {
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
        .collect()
}

/// The last event, which must be an error: its code.
pub(crate) fn error_code(output: &Output) -> String {
    let events = events(output);
    let last = events.last().unwrap_or_else(|| panic!("nothing was said; exit {:?}", output.status));
    assert_eq!(last["event"], "error", "{events:?}");
    assert!(last["message"].as_str().is_some_and(|message| message.len() > 10), "{last}");
    last["code"].as_str().unwrap_or_default().to_owned()
}

/// Waits for an event of this name that `fits`.
pub(crate) fn wait_for(process: &mut LineProcess, name: &str, fits: impl Fn(&Value) -> bool) -> Value {
    process.wait_for(name, HANG, |line| {
        let event: Value = serde_json::from_str(line).ok()?;
        (event["event"] == name && fits(&event)).then_some(event)
    })
}

/// Whether this is our own status of this name.
pub(crate) fn is_status(event: &Value, status: &str) -> bool {
    event["local"] == true && event["status"] == status
}

pub(crate) struct Stage {
    folder: tempfile::TempDir,
    pub(crate) server: LineProcess,
    pub(crate) url: String,
}

impl Stage {
    /// Serves a new folder with the accounts `ann` and `bob`.
    pub(crate) fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (server, url) = serve(folder.path(), "127.0.0.1:0");
        let stage = Self { folder, server, url };
        for name in ["ann", "bob"] {
            let added =
                stage.cli().args(["user", "add", name, "--data"]).arg(stage.served()).output().unwrap();
            assert!(added.status.success(), "{:?}", events(&added));
        }
        stage
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn served(&self) -> PathBuf {
        self.path().join("server")
    }

    pub(crate) fn cli(&self) -> Command {
        cli(self.path())
    }

    /// A command with the account options of `user`.
    pub(crate) fn with_account(&self, arguments: &[&str], user: &str) -> Command {
        let mut command = self.cli();
        command.args(arguments).args(["--server", &self.url, "--user", user]);
        command
    }

    /// A command with account options and devices that need no sound system.
    pub(crate) fn calling(&self, arguments: &[&str], user: &str) -> Command {
        let mut command = self.with_account(arguments, user);
        command.args(["--mic", "tone:600", "--speaker", "null", "--no-processing"]);
        command
    }

    /// Someone who waits for calls.
    pub(crate) fn listening(&self, user: &str, more: &[&str]) -> LineProcess {
        let mut command = self.with_account(&["listen"], user);
        command.args(["--no-processing"]).args(more);
        if !more.contains(&"--speaker") {
            command.args(["--mic", "silence", "--speaker", "null"]);
        }
        let mut process = LineProcess::start(&mut command);
        wait_for(&mut process, "registered", |event| event["user"] == user);
        process
    }
}

/// Serves `folder/server`.
pub(crate) fn serve(folder: &Path, address: &str) -> (LineProcess, String) {
    let mut command = cli(folder);
    command.args(["serve", "--listen", address, "--data"]).arg(folder.join("server"));
    let mut server = LineProcess::start(&mut command);
    let listening = wait_for(&mut server, "listening", |_| true);
    let url = listening["url"].as_str().unwrap().trim_end_matches('/').to_owned();
    (server, url)
}

/// The loudest frequency of a WAV by counting its upward zero crossings, Hz, and how loud it is (RMS of full scale).
pub(crate) fn tone_of(path: &Path) -> (f64, f64) {
    let bytes = std::fs::read(path).unwrap();
    // 16-bit mono at 48 kHz behind a plain header.
    let samples: Vec<f64> = bytes[44..]
        .chunks_exact(2)
        .map(|pair| f64::from(i16::from_le_bytes([pair[0], pair[1]])) / 32_768.0)
        .collect();
    // The middle half: neither the ringback nor the fade at the end.
    let middle = &samples[samples.len() / 4..samples.len() * 3 / 4];
    let rms = (middle.iter().map(|sample| sample * sample).sum::<f64>() / middle.len() as f64).sqrt();
    let crossings = middle.windows(2).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count();
    (crossings as f64 * 48_000.0 / middle.len() as f64, rms)
}
