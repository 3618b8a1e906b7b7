//! Builds and starts Bellbird.

use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::packages::Purpose;
use crate::place::{cargo, has_display, program};
use crate::setup::prepare;
use crate::step::step;
use crate::{only_flags, ui};

/// `cargo xtask run [--release]`.
///
/// Without `--release` the development profile is built: it takes about half the time, and the code that handles
/// sound is optimized in it too, so that a call sounds the same.
///
/// # Errors
/// When something cannot be installed or built, or what was started fails.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    only_flags(arguments, &["--release"])?;
    let release = arguments.iter().any(|argument| argument == "--release");
    if has_display() { window(release) } else { demo(release) }
}

fn profile(release: bool) -> &'static str {
    if release { "release" } else { "debug" }
}

fn build(what: &str, packages: &[&str], release: bool) -> Result<()> {
    let mut command = cargo();
    command.args(["build", "--locked"]);
    for package in packages {
        command.args(["--package", package]);
    }
    if release {
        command.arg("--release");
    }
    step(what, &mut command)
}

fn window(release: bool) -> Result<()> {
    prepare(&[Purpose::Build, Purpose::Window])?;
    ui::build()?;
    build(
        "Building Bellbird (the first time takes several minutes)",
        &["bellbird-cli", "bellbird-window"],
        release,
    )?;
    println!(
        "\nStarting Bellbird. Closing the window leaves it in the tray; `bellbird-cli ctl quit` ends it."
    );
    start(profile(release), "bellbird", &[])
}

fn demo(release: bool) -> Result<()> {
    println!("There is no display here (neither DISPLAY nor WAYLAND_DISPLAY is set), so no window can open.");
    println!("Instead, `bellbird-cli demo` makes one real call between two accounts and measures it.");
    prepare(&[Purpose::Build])?;
    build("Building Bellbird's core (the first time takes several minutes)", &["bellbird-cli"], release)?;
    start(profile(release), "bellbird-cli", &["demo"])
}

fn start(profile: &str, name: &str, arguments: &[&str]) -> Result<()> {
    let path = program(profile, name);
    let status = Command::new(&path)
        .args(arguments)
        .status()
        .with_context(|| format!("{} cannot be started", path.display()))?;
    if !status.success() {
        bail!("{name} ended with {status}");
    }
    Ok(())
}
