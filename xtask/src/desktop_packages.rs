//! The programs of a Wayland desktop that has a screen to share (sway, PipeWire, xdg-desktop-portal), from Debian's packages.

use anyhow::Result;

use crate::debian::{self, Check, Needs, Part};
use crate::place::target;

/// The release that these packages and the settings of the tests are of: WirePlumber's differ from one to the next.
const RELEASE: &str = "bookworm";

/// `crates/capture/tests/wayland/desk.rs` looks there. What is looked up in that folder is named, so that it lies there whether it is
/// installed or not.
const PARTS: &[Part] = &[Part {
    folder: "wayland",
    name: "a Wayland desktop",
    suite: None,
    packages: &[
        "sway",
        "libwlroots10",
        "pipewire",
        "pipewire-bin",
        "libpipewire-0.3-0",
        "libpipewire-0.3-modules",
        "libspa-0.2-modules",
        "wireplumber",
        "libwireplumber-0.4-0",
        "xdg-desktop-portal",
        "xdg-desktop-portal-wlr",
    ],
    needs: Needs::Missing,
    checks: &[
        Check::Runs("usr/bin/sway", "--version"),
        Check::Runs("usr/bin/pipewire", "--version"),
        Check::Runs("usr/bin/wireplumber", "--version"),
        Check::Has("usr/libexec", "xdg-desktop-portal-wlr"),
    ],
}];

/// Fetches what is not there yet. On another release than theirs, it says so and does nothing.
///
/// # Errors
/// When something cannot be downloaded or does not run.
pub(crate) fn fetch() -> Result<()> {
    const WHAT: &str = "Wayland desktop";
    if debian::debian_codename().is_some_and(|codename| codename != RELEASE) {
        println!("{WHAT}: comes from the packages of Debian {RELEASE}; this is another, so it is left out.");
        return Ok(());
    }
    debian::fetch(WHAT, PARTS, &target())
}
