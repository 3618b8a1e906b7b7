//! Installs the fuzzer of HTTP contracts (Schemathesis) into the target folder, in a Python environment of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::place::{is_in_path, target};
use crate::step::{output, within};

/// Pinned, with all that it needs.
const REQUIREMENTS: &str = include_str!("../packages/schemathesis.txt");
/// Written last, with the requirements that were installed.
const MARK: &str = "installed.txt";

/// Where it lies; `crates/server/tests/contract` looks there.
fn folder() -> PathBuf {
    target().join("schemathesis")
}

/// The folder of an environment's programs.
fn programs(environment: &Path) -> PathBuf {
    environment.join(if cfg!(windows) { "Scripts" } else { "bin" })
}

/// Installs it unless it is there. Without Python it says so and does nothing.
///
/// # Errors
/// When it cannot be installed.
pub(crate) fn fetch() -> Result<()> {
    let folder = folder();
    if std::fs::read_to_string(folder.join(MARK)).is_ok_and(|installed| installed == REQUIREMENTS) {
        println!("Schemathesis: all there.");
        return Ok(());
    }
    let Some(python) = ["python3", "python"]
        .into_iter()
        .find(|name| is_in_path(&format!("{name}{}", std::env::consts::EXE_SUFFIX)))
    else {
        println!("Schemathesis needs Python, which is not here, so it is left out.");
        return Ok(());
    };
    within("Fetching Schemathesis", || install(python, &folder))
}

/// An environment cannot be moved, so it is made where it stays.
fn install(python: &str, folder: &Path) -> Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).with_context(|| format!("{} cannot be removed", folder.display()))?;
    }
    run(Command::new(python).args(["-m", "venv"]).arg(folder))?;
    let requirements = folder.join("requirements.txt");
    std::fs::write(&requirements, REQUIREMENTS)?;
    // Which index packages come from is for this machine's own settings of pip to say.
    run(Command::new(programs(folder).join("python"))
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--requirement",
        ])
        .arg(&requirements))?;
    if output(Command::new(programs(folder).join("schemathesis")).arg("--version")).is_none() {
        bail!("Schemathesis was installed, but does not run here");
    }
    std::fs::write(folder.join(MARK), REQUIREMENTS)?;
    Ok(())
}

fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("{program} cannot be started"))?;
    if !status.success() {
        bail!("{program} ended with {status}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::REQUIREMENTS;

    #[test]
    fn everything_is_pinned() {
        let lines = || REQUIREMENTS.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        assert!(lines().any(|line| line.starts_with("schemathesis==")));
        for line in lines() {
            assert!(
                line.split_once("==").is_some_and(|(name, version)| !name.is_empty() && !version.is_empty()),
                "{line}"
            );
        }
    }
}
