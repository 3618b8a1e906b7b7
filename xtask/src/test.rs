//! Every check there is.

use std::time::Instant;

use anyhow::Result;

use crate::packages::Purpose;
use crate::place::cargo;
use crate::setup::prepare;
use crate::step::{output, step};
use crate::{bindings, only_flags, ui};

/// `cargo xtask test [--no-setup]`.
///
/// # Errors
/// At the first check that fails.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    only_flags(arguments, &["--no-setup"])?;
    let begin = Instant::now();
    if !arguments.iter().any(|argument| argument == "--no-setup") {
        prepare(&[Purpose::Build, Purpose::Window, Purpose::Test])?;
    }
    // The quick ones first: whoever broke one of them should not wait for a build to hear of it.
    if output(cargo().args(["fmt", "--version"])).is_some() {
        step("Checking the format", cargo().args(["fmt", "--all", "--check"]))?;
    } else {
        println!("rustfmt is not installed: the format is not checked.");
    }
    bindings::run(&["--check".to_owned()])?;
    ui::test()?;
    ui::build()?;
    // All targets in one go: the programs that tests start, and the tests, share one build of what they depend on.
    step("Building everything", cargo().args(["build", "--locked", "--workspace", "--all-targets"]))?;
    step("Testing", cargo().args(["test", "--locked", "--workspace", "--no-fail-fast"]))?;
    println!("\nAll checks passed in {:.0} s.", begin.elapsed().as_secs_f32());
    Ok(())
}

/// `cargo xtask lint`.
///
/// # Errors
/// When clippy has something to say.
pub(crate) fn lint(arguments: &[String]) -> Result<()> {
    only_flags(arguments, &[])?;
    step(
        "Clippy",
        cargo().args(["clippy", "--locked", "--workspace", "--all-targets", "--", "--deny", "warnings"]),
    )
}
