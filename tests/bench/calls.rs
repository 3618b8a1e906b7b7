//! Figures of a call between two processes, and of the demo.

use std::time::Duration;

use bellbird_testkit::speech;

use crate::figure::Figure;
use crate::harness::pair::Pair;
use crate::harness::sound::SoundServer;
use crate::harness::stage::{Cli, PATIENCE, Stage};
use crate::processes::{processor, resident};

/// The demo's own report, several times.
pub(crate) fn demo() {
    let stage = Stage::new("bench-demo");
    let names = ["setup_ms", "audio_delay_ms", "speech_match", "packets_lost"];
    let mut readings: [Vec<f64>; 4] = Default::default();
    for _ in 0..7 {
        let mut demo = stage.start_cli("ada", &["demo"]);
        let report = demo.event("demo");
        demo.0.wait(PATIENCE);
        for (list, name) in readings.iter_mut().zip(names) {
            list.extend(report[name].as_f64());
        }
    }
    let [setup, delay, likeness, lost] = readings;
    Figure::at_most("demo_setup", "ms", 200.0).with_goal(100.0).print(&setup);
    Figure::at_most("demo_audio_delay", "ms", 100.0).with_goal(60.0).print(&delay);
    Figure::at_least("demo_speech_match", "", 0.95).print(&likeness);
    Figure::at_most("demo_packets_lost", "packets", 0.0).print(&lost);
}

/// From the moment the far end accepts to the first sample played there, between two processes: joining the call,
/// offer, answer, ICE, DTLS and decoding.
pub(crate) fn set_up() {
    let stage = Stage::new("bench-set-up");
    let pair = Pair::start(&stage);
    let (mut whole, mut first_sound) = (Vec::new(), Vec::new());
    for _ in 0..9 {
        let mut call = pair.call(&stage, &["--mic", "tone:440", "--speaker", "null"]);
        let begun = call.status("calling")["t"].as_f64().unwrap_or(f64::NAN);
        let connecting = call.status("connecting")["t"].as_f64().unwrap_or(f64::NAN);
        let played =
            call.event_where("first sound", |value| value["event"] == "media" && value["first"] == "played");
        let played = played["t"].as_f64().unwrap_or(f64::NAN);
        whole.push((played - begun) * 1000.0);
        first_sound.push((played - connecting) * 1000.0);
        call.interrupt();
    }
    Figure::at_most("make_call_to_first_sound", "ms", 200.0).with_goal(100.0).print(&whole);
    Figure::at_most("accepted_to_first_sound", "ms", 100.0).print(&first_sound);
}

/// Processor and memory of an audio call with everything on, and of waiting for one: with a microphone and a
/// loudspeaker of a sound server, as a person has them, and with files, as a script has them (no sound server's
/// protocol, and no echo to cancel).
pub(crate) fn cost() {
    let stage = Stage::new("bench-cost");
    let pair = Pair::start(&stage);
    std::thread::sleep(Duration::from_secs(3));
    Figure::at_most("idle_memory", "MB", 20.0).print(&[resident(pair.listener())]);
    Figure::at_most("idle_processor", "%", 0.5).print(&[processor(pair.listener(), Duration::from_secs(5))]);

    let own = SoundServer::start();
    let saying = own.say(&speech::sample());
    let mut call = pair.call_on(&stage, &own, &["--mic", "default", "--speaker", "default", "--stats", "1"]);
    print_cost(&mut call, ["call_processor", "call_memory"]);
    call.interrupt();
    drop(saying);

    let mic = format!("loop:{}", speech::sample_path().display());
    let mut call = pair.call(&stage, &["--mic", &mic, "--speaker", "null", "--stats", "1"]);
    print_cost(&mut call, ["call_processor_files", "call_memory_files"]);
    let mut buffers = Vec::new();
    for _ in 0..5 {
        let stats = call.event("stats");
        buffers.extend(stats["participants"][0]["buffer_ms"].as_f64());
    }
    Figure::at_most("clean_network_buffer", "ms", 40.0).print(&buffers);
    call.interrupt();
}

fn print_cost(call: &mut Cli, [share, memory]: [&'static str; 2]) {
    call.status("connected");
    std::thread::sleep(Duration::from_secs(3));
    let id = call.0.id();
    let shares: Vec<f64> = (0..3).map(|_| processor(id, Duration::from_secs(5))).collect();
    Figure::at_most(share, "%", 6.0).print(&shares);
    Figure::at_most(memory, "MB", 25.0).print(&[resident(id)]);
}
