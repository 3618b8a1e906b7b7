//! Installs what is missing.

use std::process::Command;

use anyhow::{Result, bail};

use crate::desktop_packages;
use crate::hpb_packages;
use crate::machine_packages;
use crate::packages::{self, Purpose};
use crate::schemathesis;
use crate::step::output;
use crate::ui;

/// Oldest Node.js that the UI's tools run on.
const OLDEST_NODE: (u32, u32) = (20, 19);

/// `cargo xtask setup [build|window|test]...`: everything when nothing is named.
///
/// # Errors
/// When something cannot be installed.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let mut purposes = Vec::new();
    for argument in arguments {
        purposes.push(match argument.as_str() {
            "build" => Purpose::Build,
            "window" => Purpose::Window,
            "test" => Purpose::Test,
            other => bail!("unknown purpose {other:?}; there are build, window, test"),
        });
    }
    if purposes.is_empty() {
        purposes = vec![Purpose::Build, Purpose::Window, Purpose::Test];
    }
    prepare(&purposes)
}

/// Makes this machine ready for these purposes.
///
/// # Errors
/// When something cannot be installed.
pub(crate) fn prepare(purposes: &[Purpose]) -> Result<()> {
    packages::install(purposes)?;
    if purposes.contains(&Purpose::Window) {
        check_node()?;
        ui::install()?;
    }
    if purposes.contains(&Purpose::Test) {
        hpb_packages::fetch()?;
        machine_packages::fetch()?;
        desktop_packages::fetch()?;
        schemathesis::fetch()?;
    }
    Ok(())
}

fn check_node() -> Result<()> {
    let (major, minor) = OLDEST_NODE;
    let needed = format!(
        "Node.js {major}.{minor} or newer with npm is needed to build the window (https://nodejs.org)"
    );
    let Some(version) = output(Command::new("node").arg("--version")) else {
        bail!("{needed}; none was found")
    };
    if !is_at_least(&version, OLDEST_NODE) {
        bail!("{needed}; here is {}", version.trim());
    }
    if output(ui::npm().arg("--version")).is_none() {
        bail!("{needed}; npm was not found");
    }
    Ok(())
}

/// Whether a version like `v20.19.2` is not older.
fn is_at_least(version: &str, oldest: (u32, u32)) -> bool {
    let mut parts =
        version.trim().trim_start_matches('v').split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= oldest
}

#[cfg(test)]
mod tests {
    use super::is_at_least;

    #[test]
    fn versions_compare_as_numbers() {
        for (version, fine) in
            [("v20.19.0", true), ("v20.9.0", false), ("v22.1.0\n", true), ("v18.20.4", false)]
        {
            assert_eq!(is_at_least(version, (20, 19)), fine, "{version}");
        }
    }
}
