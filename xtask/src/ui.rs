//! The UI's own tools.

use std::process::Command;

use anyhow::{Context as _, Result};

use crate::place::root;
use crate::step::step;

/// npm in the UI's folder.
pub(crate) fn npm() -> Command {
    let mut npm = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
    npm.current_dir(root().join("ui"));
    npm
}

/// `npm ci`, unless the lock file is the one that was installed last.
///
/// # Errors
/// When npm fails.
pub(crate) fn install() -> Result<()> {
    let ui = root().join("ui");
    let lock = std::fs::read(ui.join("package-lock.json")).context("ui/package-lock.json cannot be read")?;
    let installed = ui.join("node_modules/.installed-lock.json");
    if std::fs::read(&installed).is_ok_and(|known| known == lock) {
        println!("UI packages: all there.");
        return Ok(());
    }
    step("Installing the UI's packages", npm().arg("ci"))?;
    std::fs::write(&installed, lock).with_context(|| format!("{} cannot be written", installed.display()))
}

/// Builds what the window shows, the page that guests without an app join a call with, and the SDK's package.
///
/// # Errors
/// When the build fails.
pub(crate) fn build() -> Result<()> {
    step("Building the UI", npm().args(["run", "build"]))
}

/// Type checks and unit tests.
///
/// # Errors
/// When one fails.
pub(crate) fn test() -> Result<()> {
    step("Checking the UI's types", npm().args(["run", "check"]))?;
    step("Testing the UI", npm().args(["test"]))
}
