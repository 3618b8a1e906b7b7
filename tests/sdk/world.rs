//! Real processes: a server, cores with accounts on it, and Node with the packed SDK.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use bellbird_testkit::process::LineProcess;
use serde_json::Value;
use tempfile::TempDir;

/// Only fails what would hang.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

/// The password of everyone.
const PASSWORD: &str = "correct horse battery";

/// Each starts several processes with sound and pictures, and a test machine has two cores.
static TURN: Mutex<()> = Mutex::new(());

/// A server and a folder for everybody else.
pub(crate) struct World {
    /// Its address.
    pub(crate) server: String,
    _serve: LineProcess,
    folder: TempDir,
    _turn: MutexGuard<'static, ()>,
}

/// A running core.
pub(crate) struct Core {
    process: LineProcess,
    data: PathBuf,
}

impl World {
    /// A server with accounts for these people.
    pub(crate) fn with(people: &[&str]) -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::Builder::new().prefix("bellbird-sdk-").tempdir().expect("a temporary folder");
        let data = folder.path().join("server");
        for person in people {
            let mut add = cli(&["user", "add", person, "--data", &data.display().to_string()]);
            let status = add.stdout(Stdio::null()).status().expect("bellbird-cli runs");
            assert!(status.success(), "no account for {person}: {status}");
        }
        let place = data.display().to_string();
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--no-echo", "--json", "--data", &place];
        let mut serve = LineProcess::start(&mut logged(cli(&arguments), folder.path(), "serve"));
        let server = event(&mut serve, "listening")["url"].as_str().expect("an address").to_owned();
        Self { server, _serve: serve, folder, _turn: turn }
    }

    /// Where somebody's core keeps its things.
    pub(crate) fn data(&self, person: &str) -> PathBuf {
        self.folder.path().join(person)
    }

    /// A folder of the test's own.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Starts somebody's core and signs it in.
    pub(crate) fn core(&self, person: &str, arguments: &[&str]) -> Core {
        let core = self.start_core(person, arguments);
        let mut sign_in = core.ctl(&["sign-in", "--server", &self.server, "--user", person]);
        let output = sign_in.output().expect("bellbird-cli runs");
        assert!(output.status.success(), "{person} cannot sign in: {output:?}");
        core
    }

    /// Starts somebody's core.
    pub(crate) fn start_core(&self, person: &str, arguments: &[&str]) -> Core {
        let data = self.data(person);
        let place = data.display().to_string();
        let mut all = vec!["core", "--no-desktop", "--json", "--data", &place];
        all.extend_from_slice(&[
            "--mic",
            "tone:440",
            "--speaker",
            "null",
            "--no-processing",
            "--camera",
            "pattern",
        ]);
        all.extend_from_slice(arguments);
        let mut process = LineProcess::start(&mut logged(cli(&all), self.folder.path(), person));
        event(&mut process, "ready");
        Core { process, data }
    }

    /// What somebody's processes wrote to standard error; for what a failed test says.
    pub(crate) fn logs(&self) -> String {
        let names = ["serve", "alice", "bob", "carol"];
        let log = |name: &&str| {
            let text = std::fs::read_to_string(self.folder.path().join(format!("{name}.log"))).ok()?;
            let tail: Vec<&str> = text.lines().rev().take(30).collect();
            Some(format!("--- {name}\n{}", tail.into_iter().rev().collect::<Vec<_>>().join("\n")))
        };
        names.iter().filter_map(log).collect::<Vec<_>>().join("\n")
    }

    /// Node with a program of which everything it needs is in `folder`.
    pub(crate) fn node(&self, folder: &Path, arguments: &[&str]) -> Command {
        let mut node = Command::new("node");
        if node_version() < 22 {
            node.arg("--experimental-websocket");
        }
        node.arg("--no-warnings").args(arguments).current_dir(folder).env("SERVER", &self.server);
        node
    }
}

impl Core {
    /// Kills it, as a crash would.
    pub(crate) fn kill(mut self) {
        self.process.signal("KILL");
        self.process.wait(PATIENCE);
    }

    /// `bellbird-cli ctl`, with the password in its environment.
    pub(crate) fn ctl(&self, arguments: &[&str]) -> Command {
        let place = self.data.display().to_string();
        let mut all = vec!["ctl", "--data", &place];
        all.extend_from_slice(arguments);
        cli(&all)
    }

    /// What a `ctl` command prints with `--json`.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Value {
        let output = self.ctl(arguments).arg("--json").output().expect("bellbird-cli runs");
        assert!(output.status.success(), "ctl {arguments:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    }
}

/// `bellbird-cli`, with nothing of the person who runs the tests.
pub(crate) fn cli(arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(arguments).env("BELLBIRD_PASSWORD", PASSWORD).env("LANG", "C.UTF-8");
    for name in ["BELLBIRD_DATA", "DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY"] {
        command.env_remove(name);
    }
    command
}

/// Where `bellbird-cli` is.
pub(crate) fn program() -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    let built = test.ancestors().nth(2).expect("tests lie in target/<profile>/deps").to_owned();
    let folder = std::env::var_os("BELLBIRD_BIN_DIR").map_or(built, PathBuf::from);
    let path = folder.join("bellbird-cli");
    assert!(path.exists(), "{} is not built: run `cargo xtask test`", path.display());
    path
}

fn logged(mut command: Command, folder: &Path, name: &str) -> Command {
    let log = std::fs::File::options().create(true).append(true).open(folder.join(format!("{name}.log")));
    command.stderr(Stdio::from(log.expect("a log file"))).env("RUST_LOG", "info");
    command
}

/// Waits for an event of a process that prints them.
pub(crate) fn event(process: &mut LineProcess, name: &str) -> Value {
    process.wait_for(name, PATIENCE, |line| {
        let value: Value = serde_json::from_str(line).ok()?;
        (value["event"] == name).then_some(value)
    })
}

fn node_version() -> u32 {
    let output = Command::new("node").arg("--version").output().expect("Node is installed");
    let text = String::from_utf8_lossy(&output.stdout);
    let major = text.trim().trim_start_matches('v').split('.').next().and_then(|major| major.parse().ok());
    major.expect("Node tells its version")
}

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests package lies in the workspace")
        .to_owned()
}

/// A folder in which the package is installed from its tarball, as a program of somebody else's would have it.
pub(crate) fn installed() -> &'static Path {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    FOLDER
        .get_or_init(|| {
            let folder =
                tempfile::Builder::new().prefix("bellbird-npm-").tempdir().expect("a temporary folder");
            std::fs::write(folder.path().join("package.json"), r#"{"type": "module"}"#).expect("a file");
            let package = root().join("ui/src/sdk");
            assert!(package.join("dist/index.js").exists(), "the SDK is not built: run npm run build in ui");
            // As it was built: building it here would take it away from tests that run beside.
            let arguments = ["pack", "--silent", "--ignore-scripts", "--pack-destination"];
            let pack = run(npm().current_dir(package).args(arguments).arg(folder.path()));
            let tarball = pack.lines().last().expect("npm names the tarball").trim().to_owned();
            let arguments = ["install", "--silent", "--offline", "--no-audit", "--no-fund"];
            run(npm().current_dir(folder.path()).args(arguments).arg(format!("./{tarball}")));
            folder
        })
        .path()
}

fn npm() -> Command {
    Command::new("npm")
}

/// Runs a program to its end and returns what it printed.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{text}\n{errors}", output.status);
    text
}
