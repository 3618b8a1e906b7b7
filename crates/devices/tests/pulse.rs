//! The real thing on Linux: cpal, through a private PulseAudio without hardware.
//!
//! A sound server is found through the environment, which belongs to the process. So each test here starts a server
//! and runs itself again as a child that sees it: the child half is the ignored test of the same name in `child`.
#![cfg(target_os = "linux")]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bellbird_devices::{
    CaptureSource, CaptureStream, DeviceErrorKind, PlayoutSink, list, open_capture, open_playout,
};
use bellbird_testkit::pulse::PulseServer;

/// Fails a hang; never decides a test.
const PATIENCE: Duration = Duration::from_secs(60);

fn sine(hz: f32, amplitude: f32, seconds: f32) -> Vec<f32> {
    let step = std::f64::consts::TAU * f64::from(hz) / 48_000.0;
    (0..(seconds * 48_000.0) as usize).map(|n| ((n as f64 * step).sin()) as f32 * amplitude).collect()
}

/// The amplitude of one frequency.
fn goertzel(samples: &[f32], hz: f32) -> f32 {
    let step = std::f64::consts::TAU * f64::from(hz) / 48_000.0;
    let (mut cos, mut sin) = (0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        cos += f64::from(*sample) * (n as f64 * step).cos();
        sin += f64::from(*sample) * (n as f64 * step).sin();
    }
    ((cos * cos + sin * sin).sqrt() * 2.0 / samples.len() as f64) as f32
}

/// How far the tone stands out of everything else, dB.
fn snr(samples: &[f32], hz: f32) -> f32 {
    let tone = goertzel(samples, hz).powi(2) / 2.0;
    let all = samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len() as f32;
    10.0 * (tone / (all - tone).max(1e-12)).log10()
}

/// Runs `child::NAME` of this test binary where `server` is the sound server.
fn child(server: &PulseServer, name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("a test knows its own file"));
    command
        .args(["--exact", &format!("child::{name}"), "--ignored", "--nocapture", "--test-threads=1"])
        .envs(server.environment());
    command
}

fn run_child(server: &PulseServer, name: &str) {
    let status = child(server, name).status().expect("the test binary can be started");
    assert!(status.success(), "the child half failed");
}

#[test]
fn devices_are_listed_without_opening_any() {
    run_child(&PulseServer::start(), "devices_are_listed_without_opening_any");
}

#[test]
fn a_tone_comes_in_clean_from_the_microphone() {
    let server = PulseServer::start();
    let _speech = server.speak(&sine(700.0, 0.5, 60.0));
    run_child(&server, "a_tone_comes_in_clean_from_the_microphone");
}

#[test]
fn a_tone_goes_out_clean_to_the_loudspeaker() {
    let server = PulseServer::start();
    let mut playing = child(&server, "a_tone_goes_out_clean_to_the_loudspeaker")
        .stdin(Stdio::piped())
        .spawn()
        .expect("the test binary can be started");
    let deadline = Instant::now() + PATIENCE;
    let clean = loop {
        let heard = server.listen(48_000);
        let clean = snr(&heard[24_000..], 700.0);
        if clean > 40.0 || Instant::now() > deadline {
            break clean;
        }
    };
    // Its end of input tells the child to stop.
    drop(playing.stdin.take());
    let status = playing.wait().expect("the child ends");
    println!("out: {clean:.1} dB");
    assert!(clean > 40.0, "700 Hz stand out by {clean} dB only");
    assert!(status.success());
}

#[test]
fn a_vanished_microphone_is_noticed_and_a_new_one_too() {
    let server = PulseServer::start();
    let unload = "load-module module-null-sink sink_name=usb rate=44100";
    server.control(&unload.split(' ').collect::<Vec<_>>()).expect("a module can be loaded");
    run_child(&server, "a_vanished_microphone_is_noticed_and_a_new_one_too");
}

#[test]
fn a_killed_sound_server_is_a_lost_device() {
    let mut server = PulseServer::start();
    let mut holding = child(&server, "a_killed_sound_server_is_a_lost_device")
        .stdout(Stdio::piped())
        .spawn()
        .expect("the test binary can be started");
    let mut output = std::io::BufReader::new(holding.stdout.take().expect("piped just above"));
    let mut line = String::new();
    while !line.contains("OPEN") {
        line.clear();
        let read = std::io::BufRead::read_line(&mut output, &mut line).expect("the child prints");
        assert!(read > 0, "the child ended early");
    }
    server.kill();
    std::io::copy(&mut output, &mut std::io::sink()).expect("the child prints");
    assert!(holding.wait().expect("the child ends").success());
}

#[test]
fn without_a_sound_system_there_is_no_device() {
    let empty = std::env::temp_dir().join(format!("bellbird-no-sound-{}", std::process::id()));
    std::fs::create_dir_all(&empty).expect("the temporary folder can be written");
    let status = Command::new(std::env::current_exe().expect("a test knows its own file"))
        .args(["--exact", "child::without_a_sound_system_there_is_no_device", "--ignored", "--nocapture"])
        .env("XDG_RUNTIME_DIR", &empty)
        .env("PIPEWIRE_RUNTIME_DIR", &empty)
        .env_remove("PULSE_SERVER")
        .status()
        .expect("the test binary can be started");
    let _ = std::fs::remove_dir_all(&empty);
    assert!(status.success());
}

/// The halves that see the private server. Run by their namesakes above.
mod child {
    use super::*;

    /// Reads for as long as it takes to get so many samples.
    fn capture(stream: &mut CaptureStream, samples: usize) -> Vec<f32> {
        let mut heard = Vec::new();
        let mut part = [0.0; 4_800];
        let deadline = Instant::now() + PATIENCE;
        while heard.len() < samples {
            assert!(Instant::now() < deadline, "{} of {samples} samples came", heard.len());
            let count = stream.read(&mut part);
            heard.extend_from_slice(&part[..count]);
            std::thread::park_timeout(Duration::from_millis(5));
        }
        heard
    }

    #[test]
    #[ignore = "run by its namesake, which starts the sound server"]
    fn devices_are_listed_without_opening_any() {
        let devices = list().unwrap();
        let names: Vec<_> = devices.microphones.iter().map(|info| info.name.as_str()).collect();
        assert_eq!(names, ["micsrc"], "monitors are no microphones");
        assert!(devices.microphones[0].is_default);
        assert_eq!(devices.microphones[0].label, "Microphone");
        assert_eq!(devices.speakers.len(), 2);
        let default: Vec<_> = devices.speakers.iter().filter(|info| info.is_default).collect();
        assert_eq!((default.len(), default[0].name.as_str()), (1, "spk"));
        let outputs = Command::new("pactl").args(["list", "short", "source-outputs"]).output().unwrap();
        // The remapped source itself listens to its master; nobody else does.
        let text = String::from_utf8(outputs.stdout).unwrap();
        assert!(!text.contains("cpal"), "a microphone was opened: {text}");
        let missing = open_capture(&CaptureSource::Named("no such thing".into())).map(drop).unwrap_err();
        assert_eq!(missing.kind, DeviceErrorKind::NotFound);
        assert!(missing.detail.contains("no such thing"), "{missing}");
    }

    #[test]
    #[ignore = "run by its namesake, which starts the sound server"]
    fn a_tone_comes_in_clean_from_the_microphone() {
        for source in [
            CaptureSource::Default,
            CaptureSource::Named("micsrc".into()),
            CaptureSource::Named("Microphone".into()),
        ] {
            let started = Instant::now();
            let mut stream = open_capture(&source).unwrap();
            let opened = started.elapsed();
            assert_eq!((stream.rate(), stream.device_name()), (48_000, Some("micsrc")));
            let deadline = Instant::now() + PATIENCE;
            let clean = loop {
                let heard = capture(&mut stream, 48_000);
                let clean = snr(&heard[heard.len() - 24_000..], 700.0);
                if clean > 40.0 || Instant::now() > deadline {
                    break clean;
                }
            };
            println!("in: {clean:.1} dB, opened in {opened:?}, {} overrun", stream.overrun_samples());
            assert!(clean > 40.0, "700 Hz stand out by {clean} dB only");
            stream.check().unwrap();
        }
    }

    #[test]
    #[ignore = "run by its namesake, which starts the sound server"]
    fn a_tone_goes_out_clean_to_the_loudspeaker() {
        let mut stream = open_playout(&PlayoutSink::Default).unwrap();
        assert_eq!(stream.device_name(), Some("spk"));
        let tone = sine(700.0, 0.5, 1.0);
        let (done, stop) = std::sync::mpsc::channel::<()>();
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
            drop(done);
        });
        let mut at = 0;
        // 40 ms ahead: a busy machine must not be heard as a gap.
        while stop.try_recv() != Err(std::sync::mpsc::TryRecvError::Disconnected) {
            while stream.queued() < 1_920 {
                let end = (at + 480).min(tone.len());
                at = (at + stream.write(&tone[at..end])) % tone.len();
            }
            std::thread::park_timeout(Duration::from_millis(3));
        }
        println!("{} samples missed, {} a time", stream.underrun_samples(), stream.period());
        stream.check().unwrap();
    }

    #[test]
    #[ignore = "run by its namesake, which starts the sound server"]
    fn a_vanished_microphone_is_noticed_and_a_new_one_too() {
        let (sender, changes) = std::sync::mpsc::channel();
        let watch = bellbird_devices::watch(move |list| {
            let _ = sender.send(list);
        })
        .unwrap();
        let first = changes.recv_timeout(PATIENCE).unwrap();
        assert!(first.has_playout("usb") && first.has_capture("usb.monitor") && first.has_capture("micsrc"));
        let modules = Command::new("pactl").args(["list", "short", "modules"]).output().unwrap();
        let text = String::from_utf8(modules.stdout).unwrap();
        let usb = text.lines().find(|line| line.contains("sink_name=usb")).unwrap();
        let number = usb.split_whitespace().next().unwrap();
        assert!(Command::new("pactl").args(["unload-module", number]).status().unwrap().success());
        let gone = changes.recv_timeout(PATIENCE).unwrap();
        assert!(!gone.has_playout("usb") && !gone.has_capture("usb.monitor"));
        let load = ["load-module", "module-null-sink", "sink_name=usb2"];
        assert!(Command::new("pactl").args(load).status().unwrap().success());
        let back = changes.recv_timeout(PATIENCE).unwrap();
        assert!(back.has_playout("usb2"));
        drop(watch);
        assert!(changes.recv_timeout(PATIENCE).is_err(), "the watch ends when dropped");
    }

    #[test]
    #[ignore = "run by its namesake, which starts the sound server"]
    fn a_killed_sound_server_is_a_lost_device() {
        let mut microphone = open_capture(&CaptureSource::Default).unwrap();
        let loudspeaker = open_playout(&PlayoutSink::Default).unwrap();
        capture(&mut microphone, 4_800);
        println!("OPEN");
        let deadline = Instant::now() + PATIENCE;
        let mut kinds = Vec::new();
        while kinds.len() < 2 {
            assert!(Instant::now() < deadline, "only {kinds:?} was reported");
            std::thread::park_timeout(Duration::from_millis(20));
            kinds = [microphone.check(), loudspeaker.check()]
                .into_iter()
                .filter_map(Result::err)
                .map(|error| error.kind)
                .collect();
        }
        assert!(kinds.iter().all(|kind| *kind == DeviceErrorKind::Lost), "{kinds:?}");
    }

    #[test]
    #[ignore = "run by its namesake, which hides every sound server"]
    fn without_a_sound_system_there_is_no_device() {
        // ALSA is still asked; on a machine with a sound card it may answer.
        if std::path::Path::new("/proc/asound/card0").exists() {
            return;
        }
        let microphone = open_capture(&CaptureSource::Default).map(drop).unwrap_err();
        let loudspeaker = open_playout(&PlayoutSink::Default).map(drop).unwrap_err();
        assert_eq!(
            (microphone.kind, loudspeaker.kind),
            (DeviceErrorKind::NotFound, DeviceErrorKind::NotFound)
        );
    }
}
