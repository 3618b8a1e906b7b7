//! The pump on real devices of a private PulseAudio: mouth to ear, and devices that vanish.
//!
//! A sound server is found through the environment, so each test runs its ignored half as a child that sees one.

use std::process::Command;
use std::time::Instant;

use bellbird_devices::{
    CaptureSource, CaptureStream, PlayoutSink, open_capture_in_steps, open_playout_in_steps,
};
use bellbird_testkit::pulse::PulseServer;

use super::tests::{End, PATIENCE, participant};
use super::*;
use crate::audio::testing::{match_of, voice};

fn run_child(server: &PulseServer, name: &str) {
    let status = Command::new(std::env::current_exe().expect("a test knows its own file"))
        .args(["--exact", &format!("pump::pulse_tests::{name}"), "--ignored", "--nocapture"])
        .envs(server.environment())
        .status()
        .expect("the test binary can be started");
    assert!(status.success(), "the child half failed");
}

#[test]
fn mouth_to_ear_through_a_sound_server() {
    run_child(&PulseServer::start(), "child_mouth_to_ear");
}

#[test]
fn a_microphone_that_vanishes_is_told_and_replaced() {
    let server = PulseServer::start();
    let load = ["load-module", "module-null-sink", "sink_name=usb", "rate=44100"];
    server.control(&load).expect("a module can be loaded");
    let load = ["load-module", "module-remap-source", "master=usb.monitor", "source_name=usbmic"];
    server.control(&load).expect("a module can be loaded");
    run_child(&server, "child_vanishing_microphone");
}

/// Records a stream and knows when its samples were due.
struct Tape {
    stream: CaptureStream,
    samples: Vec<f32>,
    /// The earliest instant the first sample can have had: the least of arrival minus position.
    start: Option<Instant>,
}

impl Tape {
    fn new(name: &str) -> Self {
        let step = Duration::from_millis(40);
        let stream = open_capture_in_steps(&CaptureSource::Named(name.into()), step).unwrap();
        assert_eq!(stream.rate(), 48_000);
        Self { stream, samples: Vec::new(), start: None }
    }

    fn rewind(&mut self) {
        self.samples.clear();
        self.start = None;
    }

    fn run(&mut self, now: Instant) {
        let mut part = [0.0; 4_800];
        let count = self.stream.read(&mut part);
        self.samples.extend_from_slice(&part[..count]);
        if count > 0 {
            let start = now - Duration::from_micros(self.samples.len() as u64 * 125 / 6);
            self.start = Some(self.start.map_or(start, |earliest| earliest.min(start)));
        }
    }
}

/// Lets a call run through the sound server until a second of speech came over whole, and tells how late it was. A
/// busy machine may spoil a second, and the next one, but a path that works comes through at last.
fn measure(processing: bool) {
    let least = if processing { 0.4 } else { 0.8 };
    let speech = voice(8, 4.0);
    let mut mouth =
        open_playout_in_steps(&PlayoutSink::Named("mic".into()), Duration::from_millis(40)).unwrap();
    let near = End::new(CaptureSource::Default, PlayoutSink::Null, processing);
    let far = End::new(CaptureSource::Silence, PlayoutSink::Default, processing);
    let inlet = far.pump.add_receiver(LinkId(1), participant());
    let started = Instant::now();
    far.pump.start_capture(Box::new(|_| {}));
    near.send_to(inlet.clone());
    near.until(|event| matches!(event, PumpEvent::CaptureRunning));
    println!("capture runs after {:?}", started.elapsed());
    far.until(|event| matches!(event, PumpEvent::FirstPlayed(_)));
    let (mut spoken, mut heard) = (Tape::new("mic.monitor"), Tape::new("spk.monitor"));
    let deadline = Instant::now() + 8 * PATIENCE;
    let (mut at, mut delays) = (0, Vec::new());
    let (mut settled, mut begun) = (false, Instant::now());
    while delays.len() < 3 {
        while mouth.queued() < 4_800 {
            let end = (at + 480).min(speech.len());
            at = (at + mouth.write(&speech[at..end])) % speech.len();
        }
        let now = Instant::now();
        spoken.run(now);
        heard.run(now);
        std::thread::park_timeout(Duration::from_millis(1));
        // The first seconds belong to levels that settle, and to tapes that ran over while the other was opened.
        let length = Duration::from_secs(if settled { 2 } else { 4 });
        if begun.elapsed() < length {
            continue;
        }
        if settled && let Some((correlation, delay)) = compare(&spoken, &heard) {
            println!("a second: match {correlation:.3}, {:.1} ms", delay as f32 / 48.0);
            if correlation > least {
                delays.push(delay);
            }
        }
        let states = (near.pump.describe(), far.pump.describe(), inlet.figures());
        assert!(Instant::now() < deadline, "speech did not come over: {states:?}");
        (settled, begun) = (true, Instant::now());
        spoken.rewind();
        heard.rewind();
    }
    delays.sort_unstable();
    println!("processing {processing}: mouth to ear {:.1} ms", delays[1] as f32 / 48.0);
    println!("{}\n{}\n{:?}", near.pump.describe(), far.pump.describe(), inlet.figures());
}

/// How much of a second on one tape is on the other, and how much later.
fn compare(spoken: &Tape, heard: &Tape) -> Option<(f32, usize)> {
    let (spoken_start, heard_start) = (spoken.start?, heard.start?);
    let offset =
        |from: Instant, to: Instant| to.saturating_duration_since(from).as_micros() as usize * 6 / 125;
    let sent = spoken.samples.get(offset(spoken_start, heard_start)..)?.get(..48_000)?;
    let got = heard.samples.get(offset(heard_start, spoken_start)..)?;
    Some(match_of(sent, got.get(..48_000 + 24_000)?, 24_000))
}

#[test]
#[ignore = "run by mouth_to_ear_through_a_sound_server"]
fn child_mouth_to_ear() {
    for processing in [false, true] {
        measure(processing);
    }
}

#[test]
#[ignore = "run by a_microphone_that_vanishes_is_told_and_replaced"]
fn child_vanishing_microphone() {
    let end = End::new(CaptureSource::Named("usbmic".into()), PlayoutSink::Default, false);
    end.pump.start_capture(Box::new(|_| {}));
    end.until(|event| matches!(event, PumpEvent::CaptureRunning));
    assert!(end.pump.describe().contains("48000 Hz"), "{}", end.pump.describe());
    let modules = Command::new("pactl").args(["list", "short", "modules"]).output().unwrap();
    let text = String::from_utf8(modules.stdout).unwrap();
    for module in text.lines().filter(|line| line.contains("usb")) {
        let number = module.split_whitespace().next().unwrap();
        // The second one goes with the first, on which it is built.
        let _ = Command::new("pactl").args(["unload-module", number]).status();
    }
    end.until(
        |event| matches!(event, PumpEvent::Trouble(problem) if problem.code == ProblemCode::DeviceLost),
    );
    // The default microphone takes over.
    end.until(|_| end.pump.describe().starts_with("Microphone"));
    // And the chosen one again when it is back.
    let load = ["load-module", "module-remap-source", "master=mic.monitor", "source_name=usbmic"];
    assert!(Command::new("pactl").args(load).status().unwrap().success());
    end.until(|_| {
        !end.pump.describe().starts_with("Microphone") && !end.pump.describe().starts_with("silence")
    });
}
