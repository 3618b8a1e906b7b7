//! Writes the UI's types.

use anyhow::{Context as _, Result, bail};

use crate::only_flags;
use crate::place::root;

const PATH: &str = "ui/src/sdk/contract.ts";

/// `cargo xtask bindings [--check]`.
///
/// # Errors
/// When the file cannot be written or, with `--check`, is not what it should be.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    only_flags(arguments, &["--check"])?;
    let path = root().join(PATH);
    let wanted = bellbird_contract::typescript();
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    if there == wanted {
        println!("{PATH} is what the contract says.");
        return Ok(());
    }
    if arguments.iter().any(|argument| argument == "--check") {
        bail!("{PATH} is not what the contract says: run `cargo xtask bindings`");
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(&path, wanted).with_context(|| format!("{PATH} cannot be written"))?;
    println!("{PATH} written.");
    Ok(())
}
