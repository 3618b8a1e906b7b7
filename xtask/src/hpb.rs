//! The whole stack of a larger team on this machine.

use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::hpb_packages;
use crate::packages::{self, Purpose};
use crate::place::{cargo, target};
use crate::step::step;

/// `cargo xtask hpb [OPTION]...`: fetches what is missing, builds, and starts the example `hpb_stack` of the test kit, which
/// gets the options (`--help` lists them) and ends everything on Ctrl-C.
///
/// # Errors
/// When something cannot be fetched or built, or the stack does not come up.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    if !cfg!(target_os = "linux") {
        bail!("the signaling stack runs on Linux only");
    }
    // With a server of one's own, the embedded one is not needed.
    let own_server = arguments.iter().any(|argument| argument == "--backend" || argument == "--help");
    packages::install(&[Purpose::Build])?;
    hpb_packages::fetch()?;
    if !own_server {
        step(
            "Building the server (the first time takes several minutes)",
            cargo().args(["build", "--locked", "--package", "bellbird-cli"]),
        )?;
    }
    let stack = ["build", "--locked", "--package", "bellbird-testkit", "--example", "hpb_stack"];
    step("Building the stack's starter", cargo().args(stack))?;
    let program = target().join("debug/examples/hpb_stack");
    let status = Command::new(&program)
        .args(arguments)
        .env("BELLBIRD_HPB_DIR", hpb_packages::folder())
        .status()
        .with_context(|| format!("{} cannot be started", program.display()))?;
    if !status.success() {
        bail!("the stack ended with {status}");
    }
    Ok(())
}
