//! Measures a release build. What is measured, and how, stands in tests/bench.

use anyhow::Result;

use crate::packages::Purpose;
use crate::place::cargo;
use crate::setup::prepare;
use crate::step::step;
use crate::ui;

/// `cargo xtask bench [NAME...]`: all figures, or those named.
///
/// # Errors
/// When something cannot be built or measured. A figure beyond its goal is no error: it is printed as such.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    prepare(&[Purpose::Build, Purpose::Window, Purpose::Test])?;
    ui::build()?;
    step(
        "Building the release",
        cargo().args([
            "build",
            "--locked",
            "--release",
            "--package",
            "bellbird-cli",
            "--package",
            "bellbird-window",
        ]),
    )?;
    step(
        "Measuring",
        cargo()
            .args(["bench", "--locked", "--package", "bellbird-tests", "--bench", "figures", "--"])
            .args(arguments),
    )
}
