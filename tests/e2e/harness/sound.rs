//! A sound server with no hardware: what is played into its microphone is heard by programs, and what they play can be
//! recorded.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);

/// Two null sinks: `speaker`, where programs play, and `room`, whose monitor is their microphone.
const SET_UP: &str = "\
load-module module-null-sink sink_name=speaker rate=48000 channels=1 sink_properties=device.description=Speaker
load-module module-null-sink sink_name=room rate=48000 channels=1 sink_properties=device.description=Room
load-module module-remap-source master=room.monitor source_name=microphone source_properties=device.description=Microphone
set-default-sink speaker
set-default-source microphone
";

/// A private PulseAudio. Ends when dropped.
pub(crate) struct SoundServer {
    daemon: Child,
    runtime: PathBuf,
    socket: PathBuf,
}

impl SoundServer {
    /// Starts one whose files lie in `folder`.
    pub(crate) fn start(folder: &Path) -> Self {
        let runtime = folder.join("run");
        std::fs::create_dir_all(&runtime).expect("a runtime folder");
        // Programs refuse a runtime folder that others can enter.
        std::fs::set_permissions(&runtime, std::fs::Permissions::from_mode(0o700))
            .expect("rights of a folder");
        let socket = runtime.join("pulse.socket");
        let script = folder.join("sound.pa");
        let door =
            format!("load-module module-native-protocol-unix auth-anonymous=1 socket={}\n", socket.display());
        std::fs::write(&script, door + SET_UP).expect("a file in the temporary folder");
        let daemon = Command::new("pulseaudio")
            .args(["-n", "--daemonize=no", "--exit-idle-time=-1", "--disable-shm=true", "--realtime=no"])
            .args(["--use-pid-file=no", "--file"])
            .arg(&script)
            .env("HOME", folder)
            .env("XDG_RUNTIME_DIR", &runtime)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("pulseaudio can be started");
        let server = Self { daemon, runtime, socket };
        server.wait_until_ready();
        server
    }

    /// For `PULSE_SERVER`.
    pub(crate) fn address(&self) -> String {
        format!("unix:{}", self.socket.display())
    }

    /// For `XDG_RUNTIME_DIR`.
    pub(crate) fn runtime_folder(&self) -> &Path {
        &self.runtime
    }

    fn tool(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command
            .env("PULSE_SERVER", self.address())
            .env("XDG_RUNTIME_DIR", &self.runtime)
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    fn wait_until_ready(&self) {
        let deadline = Instant::now() + PATIENCE;
        while !self
            .tool("pactl")
            .arg("info")
            .stdout(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
        {
            assert!(Instant::now() < deadline, "pulseaudio does not come up");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// How many programs have a microphone open.
    pub(crate) fn recordings(&self) -> usize {
        let listed = self.tool("pactl").args(["list", "short", "source-outputs"]).output();
        let listed = listed.expect("pactl can be started");
        // The microphone itself is a stream on the room's monitor, made by the module and not by a program.
        String::from_utf8_lossy(&listed.stdout)
            .lines()
            .filter(|line| !line.contains("module-remap-source"))
            .count()
    }

    /// Begins to say a WAV file into the microphone, over and over.
    pub(crate) fn say(&self, file: &Path) -> Saying {
        let address = self.address();
        let runtime = self.runtime.clone();
        let file = file.to_owned();
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            while let Err(std::sync::mpsc::TryRecvError::Empty) = stopped.try_recv() {
                let mut player = Command::new("paplay")
                    .args(["--device=room", "--latency-msec=20"])
                    .arg(&file)
                    .env("PULSE_SERVER", &address)
                    .env("XDG_RUNTIME_DIR", &runtime)
                    .stdin(Stdio::null())
                    .stderr(Stdio::null())
                    .spawn()
                    .expect("paplay can be started");
                let ended = loop {
                    if let Ok(Some(_)) = player.try_wait() {
                        break false;
                    }
                    match stopped.recv_timeout(Duration::from_millis(50)) {
                        Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {}
                        Ok(()) | Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break true,
                    }
                };
                if ended {
                    let _ = player.kill();
                    let _ = player.wait();
                    return;
                }
            }
        });
        Saying { stop: Some(stop), thread: Some(thread) }
    }

    /// Records what comes out of the loudspeaker for a while: 48 kHz mono, full scale 1.0.
    pub(crate) fn hear(&self, length: Duration) -> Vec<f32> {
        self.record("speaker.monitor", length).samples
    }

    /// Records a source for a while.
    pub(crate) fn record(&self, source: &str, length: Duration) -> Recording {
        let mut recorder = self
            .tool("parec")
            .args([&format!("--device={source}"), "--format=float32le", "--rate=48000", "--channels=1"])
            .args(["--latency-msec=10", "--raw"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("parec can be started");
        let mut output = recorder.stdout.take().expect("its output was piped");
        // The first piece tells when the recording began; a short one keeps that close.
        let mut first = [0_u8; 480 * 4];
        let mut rest = vec![0_u8; (length.as_secs_f64() * 48_000.0) as usize * 4];
        let read = output.read_exact(&mut first);
        let began = Instant::now();
        let read = read.and_then(|()| output.read_exact(&mut rest));
        let _ = recorder.kill();
        let _ = recorder.wait();
        read.expect("the sound server delivers sound");
        let samples = first
            .chunks_exact(4)
            .chain(rest.chunks_exact(4))
            .map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]]))
            .collect();
        Recording { began, samples }
    }
}

impl Drop for SoundServer {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

/// Speech going on; stops when dropped.
pub(crate) struct Saying {
    stop: Option<std::sync::mpsc::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Drop for Saying {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Sound and when its first piece arrived. Two recordings made alike can be compared by that.
pub(crate) struct Recording {
    pub(crate) began: Instant,
    pub(crate) samples: Vec<f32>,
}
