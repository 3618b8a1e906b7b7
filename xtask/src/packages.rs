//! System packages: which are needed, which are missing, how they are installed.

use std::process::Command;

use anyhow::{Result, bail};

use crate::place::is_in_path;
use crate::step::{output, step};

/// What packages are needed for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Purpose {
    /// To build everything but the window.
    Build,
    /// To build the window.
    Window,
    /// To run the tests.
    Test,
}

impl Purpose {
    fn heading(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Window => "window",
            Self::Test => "test",
        }
    }
}

/// A package manager we know the words of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Manager {
    Apt,
    Dnf,
    Pacman,
}

impl Manager {
    fn of_this_machine() -> Option<Self> {
        if is_in_path("apt-get") {
            Some(Self::Apt)
        } else if is_in_path("dnf") {
            Some(Self::Dnf)
        } else if is_in_path("pacman") {
            Some(Self::Pacman)
        } else {
            None
        }
    }

    fn list(self) -> &'static str {
        match self {
            Self::Apt => include_str!("../packages/apt.txt"),
            Self::Dnf => include_str!("../packages/dnf.txt"),
            Self::Pacman => include_str!("../packages/pacman.txt"),
        }
    }

    /// Those of `packages` that are not installed. Asks the local data only, so it is quick and needs no rights.
    fn missing<'a>(self, packages: &[&'a str]) -> Vec<&'a str> {
        match self {
            Self::Apt => {
                // Fails when one is unknown, but still prints the others.
                let answer = Command::new("dpkg-query")
                    .args(["--show", "--showformat=${db:Status-Abbrev} ${Package}\\n"])
                    .args(packages)
                    .output();
                let listed = answer.map(|answer| String::from_utf8_lossy(&answer.stdout).into_owned());
                let listed = listed.unwrap_or_default();
                let is_there = |name: &str| {
                    listed
                        .lines()
                        .any(|line| line.starts_with("ii") && line.split_whitespace().last() == Some(name))
                };
                packages.iter().copied().filter(|name| !is_there(name)).collect()
            }
            Self::Dnf => packages
                .iter()
                .copied()
                .filter(|name| output(Command::new("rpm").args(["-q", "--whatprovides", name])).is_none())
                .collect(),
            Self::Pacman => {
                // Prints what is missing, and fails when something is.
                let answer = Command::new("pacman").arg("--deptest").args(packages).output();
                let listed = answer.map(|answer| String::from_utf8_lossy(&answer.stdout).into_owned());
                let listed = listed.unwrap_or_default();
                packages.iter().copied().filter(|name| listed.lines().any(|line| line == *name)).collect()
            }
        }
    }

    /// Program and arguments that bring the lists up to date, when that is a step of its own.
    fn refresh(self) -> Option<Vec<&'static str>> {
        match self {
            Self::Apt => Some(vec!["apt-get", "update"]),
            Self::Dnf | Self::Pacman => None,
        }
    }

    fn install<'a>(self, packages: &[&'a str]) -> Vec<&'a str> {
        let mut words = match self {
            Self::Apt => {
                vec![
                    "env",
                    "DEBIAN_FRONTEND=noninteractive",
                    "apt-get",
                    "install",
                    "--yes",
                    "--no-install-recommends",
                ]
            }
            Self::Dnf => vec!["dnf", "install", "--assumeyes", "--setopt=install_weak_deps=False"],
            Self::Pacman => vec!["pacman", "--sync", "--refresh", "--needed", "--noconfirm"],
        };
        words.extend(packages);
        words
    }
}

/// The names under the headings of these purposes. `#` begins a comment.
fn read(list: &'static str, purposes: &[Purpose]) -> Vec<&'static str> {
    let mut names = Vec::new();
    let mut wanted = false;
    for line in list.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if let Some(heading) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            wanted = purposes.iter().any(|purpose| purpose.heading() == heading);
        } else if wanted && !line.is_empty() {
            names.push(line);
        }
    }
    names
}

/// Installs what is missing for these purposes.
///
/// # Errors
/// When something is missing and cannot be installed; the message says what to type.
pub(crate) fn install(purposes: &[Purpose]) -> Result<()> {
    if cfg!(target_os = "macos") {
        println!(
            "macOS: nothing is installed by itself. Needed: Xcode's command line tools (xcode-select --install)"
        );
        println!("and cmake, pkg-config, libvpx and nasm (brew install cmake pkg-config libvpx nasm).");
        return Ok(());
    }
    if cfg!(windows) {
        println!(
            "Windows: nothing is installed by itself. Needed: Visual Studio's C++ build tools, CMake, LLVM and the"
        );
        println!(
            "WebView2 runtime (part of Windows 11), libvpx (vcpkg install libvpx; set VPX_LIB_DIR and VPX_VERSION)"
        );
        println!("and nasm.");
        return Ok(());
    }
    let Some(manager) = Manager::of_this_machine() else {
        println!("No package manager known here (apt, dnf, pacman). Debian's names of what is needed:");
        println!("  {}", read(Manager::Apt.list(), purposes).join(" "));
        return Ok(());
    };
    let missing = manager.missing(&read(manager.list(), purposes));
    if missing.is_empty() {
        println!("System packages: all there.");
        return Ok(());
    }
    let install = manager.install(&missing);
    let as_root = rights(&install)?;
    if let Some(refresh) = manager.refresh() {
        // An outdated list may still do, so this alone does not stop us.
        if let Err(error) = step("Refreshing the package lists", &mut command(&as_root, &refresh)) {
            println!("{error:#}; trying with the lists there are");
        }
    }
    step(&format!("Installing {}", missing.join(" ")), &mut command(&as_root, &install))?;
    let still = manager.missing(&missing);
    if !still.is_empty() {
        bail!("still missing: {}", still.join(" "));
    }
    Ok(())
}

/// The words that make a command run as root: none for root itself.
fn rights(install: &[&str]) -> Result<Vec<&'static str>> {
    let is_root = output(Command::new("id").arg("-u")).is_some_and(|id| id.trim() == "0");
    if is_root {
        return Ok(Vec::new());
    }
    if !is_in_path("sudo") {
        bail!("packages are missing and there is no sudo; as root, type:\n  {}", install.join(" "));
    }
    println!("Packages are missing; sudo may ask for your password.");
    Ok(vec!["sudo"])
}

fn command(before: &[&str], words: &[&str]) -> Command {
    let mut all = before.iter().chain(words);
    let mut command = Command::new(all.next().copied().unwrap_or("true"));
    command.args(all);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_by_heading() {
        let list = "# about\n[build]\na # why\nb\n\n[window]\nc\n[test]\nd\n";
        assert_eq!(read(list, &[Purpose::Build]), ["a", "b"]);
        assert_eq!(read(list, &[Purpose::Build, Purpose::Test]), ["a", "b", "d"]);
    }

    #[test]
    fn every_manager_has_names_for_every_purpose() {
        for manager in [Manager::Apt, Manager::Dnf, Manager::Pacman] {
            for purpose in [Purpose::Build, Purpose::Window, Purpose::Test] {
                assert!(!read(manager.list(), &[purpose]).is_empty(), "{manager:?} {purpose:?}");
            }
        }
    }

    #[test]
    fn nothing_recommended_is_installed() {
        let words = Manager::Apt.install(&["a", "b"]);
        assert!(words.contains(&"--no-install-recommends") && words.ends_with(&["a", "b"]));
    }
}
