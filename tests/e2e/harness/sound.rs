//! A sound server without hardware, as the scenarios use it: people speak into its microphone, over and over, and hear
//! its loudspeaker.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bellbird_testkit::pulse::{PulseServer, Speech};

/// Samples a second of everything recorded here.
const RATE: f64 = 48_000.0;

/// How often what is said is repeated; a scenario ends long before.
const REPEATED: usize = 30;

/// A private sound server. Ends when dropped.
pub(crate) struct SoundServer(PulseServer);

impl SoundServer {
    pub(crate) fn start() -> Self {
        Self(PulseServer::start())
    }

    /// Lets a program play and record here.
    pub(crate) fn environment(&self, command: &mut Command) {
        command.envs(self.0.environment());
    }

    /// How many programs have a microphone open.
    pub(crate) fn recordings(&self) -> usize {
        let listed = self.0.control(&["list", "short", "source-outputs"]).expect("the server answers");
        // The microphone itself is a stream on its sink's monitor, made by a module and not by a program.
        listed.lines().filter(|line| !line.contains("module-remap-source")).count()
    }

    /// Begins to say this into the microphone, over and over, until what is returned is dropped.
    pub(crate) fn say(&self, samples: &[f32]) -> Speech {
        self.0.speak(&samples.repeat(REPEATED))
    }

    /// Records what comes out of the loudspeaker for a while: 48 kHz mono, full scale 1.0.
    pub(crate) fn hear(&self, length: Duration) -> Vec<f32> {
        self.0.listen((length.as_secs_f64() * RATE) as usize)
    }

    /// Records what is said into the microphone.
    pub(crate) fn record_microphone(&self, length: Duration) -> Recording {
        self.record("mic.monitor", length)
    }

    /// Records what comes out of the loudspeaker.
    pub(crate) fn record_speaker(&self, length: Duration) -> Recording {
        self.record("spk.monitor", length)
    }

    fn record(&self, source: &str, length: Duration) -> Recording {
        let mut recorder = self
            .0
            .command("parec")
            .args(["--device", source, "--format=float32le", "--rate=48000", "--channels=1"])
            .args(["--latency-msec=10", "--raw"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("parec is installed");
        let mut output = recorder.stdout.take().expect("its output was piped");
        // The first piece tells when the recording began; a short one keeps that close.
        let mut first = [0_u8; 480 * 4];
        let mut rest = vec![0_u8; (length.as_secs_f64() * RATE) as usize * 4];
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

/// Sound and when its first piece arrived. Two recordings made alike can be compared by that.
pub(crate) struct Recording {
    pub(crate) began: Instant,
    pub(crate) samples: Vec<f32>,
}
