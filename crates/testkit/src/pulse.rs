//! A private PulseAudio server without hardware: a loudspeaker nobody hears and a microphone a test speaks into.
//!
//! ```text
//!  test ─ speak ─▶ sink "mic" ─▶ its monitor ─▶ source "micsrc" (default microphone) ─▶ program under test
//!  test ◀─ listen ─ monitor of sink "spk" (default loudspeaker) ◀──────────────────── program under test
//! ```
//!
//! A program finds it through [`PulseServer::environment`]. Linux only.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long the server may take to come up on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server. Dropping it ends it and removes its folder.
#[derive(Debug)]
pub struct PulseServer {
    folder: PathBuf,
    child: Child,
    /// Keeps the microphone in small steps: a null sink that nobody asked for low latency works in steps of 2 s, and
    /// a program that opens its monitor waits for the step to end.
    hum: Option<Speech>,
}

impl PulseServer {
    /// Starts a server with the sinks `spk` (default loudspeaker) and `mic`, and the source `micsrc` (default
    /// microphone) that hears what is played into `mic`.
    ///
    /// # Panics
    /// When PulseAudio is not installed or does not come up.
    pub fn start() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("bellbird-pulse-{}-{number}", std::process::id()));
        std::fs::create_dir_all(folder.join("pulse")).expect("the temporary folder can be written");
        restrict(&folder);
        let script = folder.join("start.pa");
        let socket = folder.join("pulse/native");
        let lines = format!(
            "load-module module-native-protocol-unix auth-anonymous=1 socket={}\n\
             load-module module-null-sink sink_name=spk rate=48000 sink_properties=device.description=Loudspeaker\n\
             load-module module-null-sink sink_name=mic rate=48000\n\
             load-module module-remap-source master=mic.monitor source_name=micsrc \
             source_properties=device.description=Microphone\n\
             set-default-sink spk\nset-default-source micsrc\n",
            socket.display()
        );
        std::fs::write(&script, lines).expect("the temporary folder can be written");
        let child = Command::new("pulseaudio")
            .args([
                "-n",
                "--daemonize=no",
                "--exit-idle-time=-1",
                "--disable-shm=true",
                "--realtime=no",
                "--high-priority=yes",
            ])
            .args(["--use-pid-file=no", "--log-level=error", "-F"])
            .arg(&script)
            .env("XDG_RUNTIME_DIR", &folder)
            .env("HOME", &folder)
            .env_remove("PULSE_SERVER")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("PulseAudio is installed");
        let mut server = Self { folder, child, hum: None };
        let deadline = Instant::now() + PATIENCE;
        while server.control(&["get-default-source"]).is_none_or(|name| name.trim() != "micsrc") {
            let ended = server.child.try_wait().ok().flatten();
            assert!(ended.is_none() && Instant::now() < deadline, "PulseAudio does not come up: {ended:?}");
            std::thread::park_timeout(Duration::from_millis(20));
        }
        server.hum = Some(server.play("/dev/zero".into()));
        server
    }

    /// The variables that lead a program to this server and to no other sound.
    pub fn environment(&self) -> [(&'static str, PathBuf); 3] {
        let server = format!("unix:{}", self.folder.join("pulse/native").display());
        [
            ("XDG_RUNTIME_DIR", self.folder.clone()),
            ("PULSE_SERVER", server.into()),
            ("PULSE_COOKIE", self.folder.join("cookie")),
        ]
    }

    /// The folder the server lives in, for further files of a test.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs `pactl` and gives what it printed; `None` when it failed.
    pub fn control(&self, arguments: &[&str]) -> Option<String> {
        let Output { status, stdout, .. } =
            self.command("pactl").args(arguments).stderr(Stdio::null()).output().ok()?;
        status.success().then(|| String::from_utf8_lossy(&stdout).into_owned())
    }

    /// Plays 48 kHz mono samples into the microphone, in the background, with about 20 ms of delay of its own.
    ///
    /// # Panics
    /// When `pacat` cannot be started.
    pub fn speak(&self, samples: &[f32]) -> Speech {
        let file = self.folder.join("speech.raw");
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        std::fs::write(&file, bytes).expect("the temporary folder can be written");
        self.play(file)
    }

    fn play(&self, file: PathBuf) -> Speech {
        let child = self
            .command("pacat")
            .args(["--playback", "--raw", "--latency-msec=20", "-d", "mic"])
            .args(["--format=float32le", "--rate=48000", "--channels=1"])
            .arg(file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("pacat is installed");
        Speech(child)
    }

    /// Records what the loudspeaker plays until it has so many samples, 48 kHz mono.
    ///
    /// # Panics
    /// When `parec` cannot be started or ends too early.
    pub fn listen(&self, samples: usize) -> Vec<f32> {
        self.record("spk.monitor", samples)
    }

    /// Records from any source, likewise.
    ///
    /// # Panics
    /// Likewise.
    pub fn record(&self, source: &str, samples: usize) -> Vec<f32> {
        let mut child = self
            .command("parec")
            .args(["--latency-msec=20", "-d", source, "--format=float32le", "--rate=48000", "--channels=1"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("parec is installed");
        let mut output = child.stdout.take().expect("standard output was piped just above");
        let mut bytes = vec![0; samples * 4];
        let read = output.read_exact(&mut bytes);
        let _ = child.kill();
        let _ = child.wait();
        read.expect("the recorder goes on as long as it is read");
        bytes.chunks_exact(4).map(|part| f32::from_le_bytes([part[0], part[1], part[2], part[3]])).collect()
    }

    /// Ends the server at once, as a crash would.
    pub fn kill(&mut self) {
        self.hum = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// A command that talks to this server.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.envs(self.environment());
        command
    }
}

impl Drop for PulseServer {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Sound on its way into the microphone. Dropping it stops it.
#[derive(Debug)]
pub struct Speech(Child);

impl Drop for Speech {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// PulseAudio refuses a runtime folder that others can enter.
#[cfg(unix)]
fn restrict(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let private = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(folder, private).expect("the folder is ours");
}

#[cfg(not(unix))]
fn restrict(_folder: &Path) {}
