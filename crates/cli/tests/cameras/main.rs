//! `bellbird-cli` with cameras of a real driver: the kernel's own pretended ones (`vivid`), in a machine of its own, whose
//! plugs are pulled in the middle of a call.
//!
//! An emulated machine is slow, and a call is not: this runs alone, by `cargo xtask cameras`.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::path::Path;

use bellbird_testkit::machine::Machine;

/// What is done in the machine; it says what it found, one line each.
const SCRIPT: &str = include_str!("call.sh");

/// The bars of the driver's pattern, three quarters of full colours, in BT.601, limited range: white, yellow, cyan, green,
/// magenta, red, blue, black.
const BARS: [[u8; 3]; 8] = [
    [180, 128, 128],
    [162, 44, 142],
    [131, 156, 44],
    [112, 72, 58],
    [84, 184, 198],
    [65, 100, 212],
    [35, 212, 114],
    [16, 128, 128],
];

/// How far a colour may be off after a codec had little room for it.
const TOLERANCE: u8 = 12;

#[test]
#[ignore = "run by cargo xtask cameras: a call in an emulated machine leaves nothing to others"]
fn a_call_goes_on_while_its_camera_is_held_is_unplugged_is_missing_and_comes_back() {
    let mut machine = Machine::new(&["vivid"]);
    machine.add_program("bellbird-cli", Path::new(env!("CARGO_BIN_EXE_bellbird-cli")));
    let printed = machine.run(SCRIPT);
    let has = |line: &str| printed.lines().any(|printed| printed == line);

    assert!(has("camera\tvivid\tvivid\t(default)") && has("camera\tvivid (2)\tvivid (2)"), "{printed}");
    for (code, sentence) in [
        ("camera-busy", "Another program uses the camera. Close that program, or choose another camera."),
        ("camera-lost", "The camera was removed. Plug it in again, or choose another."),
        (
            "no-camera",
            "There is no camera. Plug one in, choose another with --camera, or use --camera pattern.",
        ),
    ] {
        let told = printed.lines().filter(|line| line.contains(&format!(r#""code":"{code}""#))).count();
        assert_eq!(told, 1, "{code} is told once:\n{printed}");
        assert!(printed.contains(sentence), "{code} is told in words:\n{printed}");
    }
    assert!(has("calling ended with 0") && has("listening ended with 0"), "{printed}");
    assert_eq!(printed.matches(r#""reason":"local_hangup""#).count(), 1, "{printed}");

    // What the other one saw last, after the camera had come back.
    for (number, expected) in BARS.into_iter().enumerate() {
        let line = printed.lines().find_map(|line| line.strip_prefix(&format!("bar {number}: ")));
        let seen: Vec<u8> =
            line.unwrap_or_default().split(' ').filter_map(|part| part.parse().ok()).collect();
        let is_like = seen.len() == 3
            && seen.iter().zip(expected).all(|(seen, expected)| seen.abs_diff(expected) <= TOLERANCE);
        assert!(is_like, "bar {number} is {seen:?} and not {expected:?}:\n{printed}");
    }
}
