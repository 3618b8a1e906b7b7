//! A machine of its own for tests that need a kernel's drivers: kernel, emulator and shell, from Debian's packages. The
//! kernel is never this machine's: it only ever runs in the emulator.

use anyhow::Result;

use crate::debian::{self, Check, Needs, Part};
use crate::place::target;

const PARTS: &[Part] = &[
    Part {
        folder: "kernel",
        name: "a kernel to test with",
        suite: None,
        packages: &["linux-image-amd64"],
        needs: Needs::Named,
        checks: &[Check::Has("boot", "vmlinuz-")],
    },
    Part {
        folder: "emulator",
        name: "QEMU and a shell",
        suite: None,
        packages: &["qemu-system-x86", "qemu-system-common", "qemu-system-data", "seabios", "busybox-static"],
        needs: Needs::Missing,
        checks: &[
            Check::Runs("usr/bin/qemu-system-x86_64", "--version"),
            Check::Has("usr/share/seabios", "bios"),
            Check::Runs("bin/busybox", "true"),
        ],
    },
];

/// Fetches what is not there yet; `crates/testkit/src/machine` looks there.
///
/// # Errors
/// When something cannot be downloaded or does not run.
pub(crate) fn fetch() -> Result<()> {
    if !cfg!(target_arch = "x86_64") {
        println!("Machine for tests: this one is of another kind, so it is left out.");
        return Ok(());
    }
    debian::fetch("Machine for tests", PARTS, &target().join("machine"))
}
