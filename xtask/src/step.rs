//! A step that may take long: announced, its output shown as it comes, its time told.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

/// Runs a command with its output shown. The person sees what is being done and what it took.
///
/// # Errors
/// When it cannot be started or does not succeed.
pub(crate) fn step(what: &str, command: &mut Command) -> Result<()> {
    within(what, || {
        let program = command.get_program().to_string_lossy().into_owned();
        let status = command.status().with_context(|| format!("{program} cannot be started"))?;
        if !status.success() {
            bail!("{program} ended with {status}");
        }
        Ok(())
    })
}

/// Runs something of ours as a step.
///
/// # Errors
/// What the work says, with the step's name.
pub(crate) fn within<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    println!("\n=== {what}");
    let begin = Instant::now();
    let result = work();
    let took = begin.elapsed().as_secs_f32();
    match &result {
        Ok(_) => println!("=== {what}: done in {took:.1} s"),
        Err(_) => println!("=== {what}: FAILED after {took:.1} s"),
    }
    result.with_context(|| format!("{what} failed"))
}

/// What a command prints, or `None` when it cannot be run or fails.
pub(crate) fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
