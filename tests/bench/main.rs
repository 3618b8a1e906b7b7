//! The figures the project holds itself to, measured on a release build: one JSON line a figure on standard output.
//!
//! `cargo xtask bench` builds and runs this; names as arguments choose figures. A figure beyond its limit is printed with
//! `"ok": false` and does not stop the others. Nothing here decides a test: machines differ, and busy ones lie.
#![cfg(target_os = "linux")]
#![allow(clippy::print_stdout, reason = "its output is its purpose")]

mod calls;
mod clips;
mod control;
mod core_process;
mod figure;
mod first_sample;
mod group;
mod processes;
mod publishers;
mod server;
mod sound_delay;
mod video;
mod video_chromium;
mod video_janus;
mod video_processes;
mod video_window;
mod window;

#[path = "../e2e/harness/mod.rs"]
mod harness;

#[path = "../hpb/team.rs"]
#[allow(dead_code, reason = "the scenarios use more of it")]
mod team;

#[path = "../hpb/seat.rs"]
#[allow(dead_code, reason = "likewise")]
mod seat;

#[path = "../../crates/media/tests/calls/harness.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "the tests of the media crate use more of it, in their way")]
mod media_ends;

#[path = "../../crates/media/tests/video/gallery.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "likewise")]
mod gallery;

#[path = "../../crates/media/tests/video/room.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "likewise")]
mod room;

#[path = "../../crates/media/tests/video/wire.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "likewise")]
mod wire;

/// Measures one subject and prints its figures.
type Measure = fn();

const SUBJECTS: &[(&str, Measure)] = &[
    ("demo", calls::demo),
    ("set-up", calls::set_up),
    ("first-sample", first_sample::measure),
    ("call-cost", calls::cost),
    ("group-join", group::join),
    ("thirty", group::thirty),
    ("mesh-of-eight", group::mesh_of_eight),
    ("mouth-to-ear", sound_delay::measure),
    ("video", video::camera),
    ("video-held", video::held),
    ("video-lossy", video::lossy),
    ("video-narrow", video::narrowed),
    ("video-screen", video::page),
    ("video-processes", video_processes::measure),
    ("video-chromium", video_chromium::measure),
    ("video-janus", video_janus::measure),
    ("video-window", video_window::measure),
    ("server", server::measure),
    ("control-load", control::load),
    ("remote-join", control::remote_join),
    ("core", core_process::measure),
    ("window", window::measure),
];

fn main() {
    // Cargo adds `--bench` by itself.
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    for name in &wanted {
        if !SUBJECTS.iter().any(|(subject, _)| subject == name) {
            let known: Vec<&str> = SUBJECTS.iter().map(|(subject, _)| *subject).collect();
            eprintln!("there is no subject {name:?}; there are {}", known.join(", "));
            std::process::exit(2);
        }
    }
    let mut failed = Vec::new();
    for (name, measure) in SUBJECTS {
        if !wanted.is_empty() && !wanted.iter().any(|one| one == name) {
            continue;
        }
        eprintln!("--- {name}");
        // One subject that cannot be measured must not keep the others from being.
        if std::panic::catch_unwind(measure).is_err() {
            failed.push(*name);
        }
    }
    if !failed.is_empty() {
        eprintln!("could not be measured: {}", failed.join(", "));
        std::process::exit(1);
    }
}
