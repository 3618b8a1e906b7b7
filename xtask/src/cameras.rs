//! Cameras of a real driver, in a machine of its own.

use anyhow::Result;

use crate::packages::Purpose;
use crate::place::cargo;
use crate::step::step;
use crate::{machine_packages, only_flags, packages};

/// `cargo xtask cameras`: what `cargo xtask test` has of it, and a whole call. That takes an emulated machine to its
/// limits: it is for whoever changed something about cameras, with nothing else running.
///
/// # Errors
/// When something cannot be installed, built or fetched, or a test fails.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    only_flags(arguments, &[])?;
    packages::install(&[Purpose::Build])?;
    machine_packages::fetch()?;
    step(
        "Testing the camera code in the machine",
        cargo().args([
            "test",
            "--locked",
            "--package",
            "bellbird-capture",
            "--lib",
            "cameras_of_a_real_driver",
        ]),
    )?;
    step(
        "Testing a call in the machine",
        cargo().args([
            "test",
            "--locked",
            "--package",
            "bellbird-cli",
            "--test",
            "cameras",
            "--",
            "--ignored",
        ]),
    )
}
