//! Where a scenario plays: a screen, a session bus with its notification daemon, a sound server, a folder per person.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bellbird_testkit::process::LineProcess;
use bellbird_testkit::session_bus::{ADDRESS_VARIABLE, NotificationDaemon, SessionBus};
use serde_json::Value;
use tempfile::TempDir;

use super::display::Display;
use super::door::Door;
use super::process_list::{kill, running};
use super::sound::SoundServer;
use super::web_driver::WebDriver;

/// For things that take a moment on a machine with nothing else to do, and a minute on a busy one.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// One scenario at a time: each starts browsers and real-time sound, and two cores are all that a test machine has.
static TURN: Mutex<()> = Mutex::new(());

/// Everything that a scenario needs around the product. Fields are dropped in the order of declaration.
pub(crate) struct Stage {
    name: &'static str,
    notifications: NotificationDaemon,
    display: Display,
    bus: SessionBus,
    sound: SoundServer,
    folder: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Stage {
    pub(crate) fn new(name: &'static str) -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::Builder::new().prefix("bellbird-e2e-").tempdir().expect("a temporary folder");
        let bus = SessionBus::start();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/notification_daemon.py");
        let notifications = NotificationDaemon::start(&bus, &script, &["--tray"]);
        let sound = SoundServer::start();
        Self { name, notifications, display: Display::start(), bus, sound, folder, _turn: turn }
    }

    /// A folder of this scenario.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let folder = self.folder.path().join(name);
        std::fs::create_dir_all(&folder).expect("a folder in the temporary folder");
        folder
    }

    /// Sets a command up as a program that `person` starts in their session.
    pub(crate) fn environment(&self, person: &str, command: &mut Command) {
        let home = self.folder(person);
        self.sound.environment(command);
        for name in
            ["XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "WAYLAND_DISPLAY"]
        {
            command.env_remove(name);
        }
        command
            .env("HOME", &home)
            .env("BELLBIRD_DATA", home.join("data"))
            .env("DISPLAY", self.display.name())
            .env(ADDRESS_VARIABLE, self.bus.address())
            .env("LANG", "C.UTF-8")
            .env("NO_AT_BRIDGE", "1")
            // There is no graphics hardware on this screen; drawing through it in software costs twice as much.
            .env("WEBKIT_DISABLE_DMABUF_RENDERER", "1")
            // Everything of ours, so that a failure can be understood and nothing private can hide.
            .env("RUST_LOG", "info,bellbird=trace");
    }

    /// `bellbird-cli` with its standard error going to a file of this scenario.
    pub(crate) fn cli(&self, person: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program("bellbird-cli"));
        command.args(arguments);
        self.environment(person, &mut command);
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder(person).join("log.txt"))
            .expect("a log file");
        command.stderr(Stdio::from(log));
        command
    }

    /// Starts `bellbird-cli` with `--json`.
    pub(crate) fn start_cli(&self, person: &str, arguments: &[&str]) -> Cli {
        let mut all = arguments.to_vec();
        all.push("--json");
        Cli(LineProcess::start(&mut self.cli(person, &all)))
    }

    /// Starts a core of `person` and waits until it can be reached.
    pub(crate) fn start_core(&self, person: &str, arguments: &[&str]) -> (Cli, Door) {
        let mut all = vec!["core"];
        all.extend_from_slice(arguments);
        let mut core = self.start_cli(person, &all);
        core.event("ready");
        (core, self.door(person))
    }

    /// Attaches to the core of `person`, once there is one.
    pub(crate) fn door(&self, person: &str) -> Door {
        Door::of(&self.folder(person).join("data"))
    }

    /// Opens the window of `person` as they would, and takes hold of it.
    pub(crate) fn open_window(&self, person: &str) -> WebDriver {
        WebDriver::of_window(&program("bellbird"), |command| self.environment(person, command))
    }

    /// Opens a browser of `person`.
    pub(crate) fn open_chromium(&self, person: &str, arguments: &[String]) -> WebDriver {
        let profile = self.folder(person).join("chromium");
        WebDriver::of_chromium(&profile, arguments)
    }

    /// What `person`'s programs logged so far.
    pub(crate) fn log(&self, person: &str) -> String {
        std::fs::read_to_string(self.folder(person).join("log.txt")).unwrap_or_default()
    }

    /// Keeps a recording beside the screen and the logs, should the scenario fail.
    pub(crate) fn keep_sound(&self, name: &str, samples: &[f32]) {
        let form = hound::WavSpec {
            channels: 1,
            sample_rate: 48_000,
            bits_per_sample: 32,
            sample_format: hound::SampleFormat::Float,
        };
        let path = self.folder("recordings").join(format!("{name}.wav"));
        let mut file = hound::WavWriter::create(path, form).expect("a file in the temporary folder");
        for sample in samples {
            file.write_sample(*sample).expect("a file in the temporary folder");
        }
        file.finalize().expect("a file in the temporary folder");
    }

    /// Keeps the screen as it is now, to be looked at, whether or not the scenario fails.
    pub(crate) fn keep_picture(&self, name: &str) {
        let kept = target_folder().join("e2e/pictures");
        let _ = std::fs::create_dir_all(&kept);
        self.display.save_picture(&kept.join(format!("{name}.png")));
    }

    /// Whether a window with this title is on the screen.
    pub(crate) fn shows_window(&self, title: &str) -> bool {
        self.display.shows_window(title)
    }

    /// The sound server of everyone here.
    pub(crate) fn sound(&self) -> &SoundServer {
        &self.sound
    }

    /// Waits for a notification that fits.
    pub(crate) fn notification(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        self.notifications.process().wait_for(what, PATIENCE, |line| {
            let value: Value = serde_json::from_str(line).ok()?;
            fits(&value).then_some(value)
        })
    }

    /// Clicks a button of a notification until the click has its effect.
    pub(crate) fn click_notification(&mut self, id: &Value, key: &str, done: impl Fn() -> bool) {
        let deadline = std::time::Instant::now() + PATIENCE;
        while !done() {
            assert!(std::time::Instant::now() < deadline, "clicking {key} had no effect");
            self.notifications.process().say(&format!("invoke {id} {key}"));
            std::thread::sleep(Duration::from_millis(250));
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.keep_traces();
        }
        // A core and a window outlive whoever started them: that is what they are for.
        for person in std::fs::read_dir(self.folder.path()).into_iter().flatten().flatten() {
            for name in ["bellbird", "bellbird-cli"] {
                for id in running(&place_of(name), &person.path().join("data")) {
                    kill(id);
                }
            }
        }
    }
}

impl Stage {
    /// What helps to understand a failure.
    fn keep_traces(&self) {
        let kept = target_folder().join("e2e").join(self.name);
        let _ = std::fs::create_dir_all(&kept);
        self.display.save_picture(&kept.join("screen.png"));
        for recording in std::fs::read_dir(self.folder("recordings")).into_iter().flatten().flatten() {
            let _ = std::fs::copy(recording.path(), kept.join(recording.file_name()));
        }
        for entry in std::fs::read_dir(self.folder.path()).into_iter().flatten().flatten() {
            let log = entry.path().join("log.txt");
            if let Ok(text) = std::fs::read_to_string(&log) {
                let person = entry.file_name().to_string_lossy().into_owned();
                let _ = std::fs::write(kept.join(format!("{person}.log")), &text);
                let tail: Vec<&str> = text.lines().rev().take(30).collect();
                let tail: Vec<&str> = tail.into_iter().rev().collect();
                eprintln!("--- the last that {person} logged:\n{}", tail.join("\n"));
            }
        }
        eprintln!("--- screen and logs are kept in {}", kept.display());
    }
}

/// A running `bellbird-cli --json`.
pub(crate) struct Cli(pub(crate) LineProcess);

impl Cli {
    /// Waits for an event of that name.
    pub(crate) fn event(&mut self, name: &str) -> Value {
        self.event_where(name, |value| value["event"] == name)
    }

    /// Waits for an event that fits.
    pub(crate) fn event_where(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        self.0.wait_for(what, PATIENCE, |line| {
            let value: Value = serde_json::from_str(line).ok()?;
            fits(&value).then_some(value)
        })
    }

    /// Waits for a status of the call as a whole.
    pub(crate) fn status(&mut self, status: &str) -> Value {
        self.event_where(status, |value| value["event"] == "status" && value["status"] == status)
    }

    /// Interrupts it as Ctrl+C does, and expects a proper end.
    pub(crate) fn interrupt(mut self) {
        self.0.signal("INT");
        let status = self.0.wait(PATIENCE);
        assert!(status.success(), "an interrupted command ends with {status}");
    }
}

/// A program of ours, built beside this test.
pub(crate) fn program(name: &str) -> PathBuf {
    let path = place_of(name);
    assert!(
        path.exists(),
        "{} is not built: run `cargo xtask test`, or cargo build --workspace first",
        path.display()
    );
    path
}

fn place_of(name: &str) -> PathBuf {
    std::env::var_os("BELLBIRD_BIN_DIR").map_or_else(target_folder, PathBuf::from).join(name)
}

/// `target/<profile>`, where this test lies in `deps`.
pub(crate) fn target_folder() -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    test.ancestors().nth(2).expect("tests lie in target/<profile>/deps").to_owned()
}
