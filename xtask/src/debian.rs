//! Fetches programs from Debian's packages into the target folder.
//!
//! Nothing is installed: packages are downloaded through package lists of our own, checked against Debian's keys by apt,
//! and unpacked. So no service starts, now or at the next boot, nothing needs root, and two versions of a program can lie
//! side by side.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::place::is_in_path;
use crate::step::{output, within};

/// Debian's keys, as every Debian has them.
const KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Something unpacked into a folder of its own.
pub(crate) struct Part {
    /// The folder's name; the tests look there.
    pub(crate) folder: &'static str,
    /// For people.
    pub(crate) name: &'static str,
    /// Debian's suite; none for the one of this machine.
    pub(crate) suite: Option<&'static str>,
    pub(crate) packages: &'static [&'static str],
    pub(crate) needs: Needs,
    pub(crate) checks: &'static [Check],
}

/// What comes along with the packages of a part.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Nothing.
    Nothing,
    /// What they depend on and is not installed.
    Missing,
    /// What they name, in their own place: they are names for whatever is the newest.
    Named,
}

/// By what it is known that a part is there.
pub(crate) enum Check {
    /// A program, with an argument with which it ends at once and successfully.
    Runs(&'static str, &'static str),
    /// A folder with a file whose name begins so.
    Has(&'static str, &'static str),
}

/// Fetches into `folder` what is not there yet. Where Debian's packages do not run, it says so and does nothing.
///
/// # Errors
/// When something cannot be downloaded or does not run.
pub(crate) fn fetch(what: &str, parts: &[Part], folder: &Path) -> Result<()> {
    let Some(codename) = debian_codename() else {
        println!("{what}: comes from Debian's packages; this is no Debian, so it is left out.");
        return Ok(());
    };
    let missing: Vec<&Part> =
        parts.iter().filter(|part| !is_there(part, &folder.join(part.folder))).collect();
    if missing.is_empty() {
        println!("{what}: all there.");
        return Ok(());
    }
    let mirrors = mirrors(&codename)?;
    for part in missing {
        within(&format!("Fetching {}", part.name), || fetch_part(part, folder, &codename, &mirrors))?;
    }
    Ok(())
}

/// The release of the Debian that this is; `None` for anything else.
pub(crate) fn debian_codename() -> Option<String> {
    if !cfg!(target_os = "linux") || !is_in_path("apt-get") || !is_in_path("dpkg") {
        return None;
    }
    codename(&std::fs::read_to_string("/etc/os-release").ok()?)
}

fn codename(release: &str) -> Option<String> {
    let value = |key: &str| {
        let line = release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
        Some(line.trim().trim_matches('"').to_owned())
    };
    (value("ID")? == "debian").then(|| value("VERSION_CODENAME")).flatten()
}

/// The archives that this machine takes its own release from: suite and address. The addresses are nowhere in this
/// project, so that whoever has a mirror of their own uses it here too.
fn mirrors(codename: &str) -> Result<Vec<(String, String)>> {
    let listed = output(
        Command::new("apt-get").args(["--print-uris", "update", "-o", "Debug::NoLocking=1"]).env("LANG", "C"),
    )
    .context("apt-get does not say where it takes packages from")?;
    let found = release_files(&listed, codename);
    if found.is_empty() {
        bail!("apt knows no archive of {codename}");
    }
    Ok(found)
}

/// From lines like `'http://host/debian/dists/bookworm/InRelease' name 0`.
fn release_files(listed: &str, codename: &str) -> Vec<(String, String)> {
    let parse = |line: &str| {
        let address = line.strip_prefix('\'')?.split('\'').next()?;
        let (base, rest) = address.split_once("/dists/")?;
        let suite = rest.strip_suffix("/InRelease")?;
        let ours =
            suite == codename || suite.strip_prefix(codename).is_some_and(|rest| rest.starts_with('-'));
        (ours && !suite.ends_with("-backports")).then(|| (suite.to_owned(), base.to_owned()))
    };
    listed.lines().filter_map(parse).collect()
}

/// The lines of a source list: a suite of the main archive, or everything this machine's release is made of.
fn sources(part: &Part, codename: &str, mirrors: &[(String, String)]) -> Result<String> {
    let line = |suite: &str, base: &str| format!("deb [signed-by={KEYS}] {base} {suite} main\n");
    match part.suite {
        None => Ok(mirrors.iter().map(|(suite, base)| line(suite, base)).collect()),
        Some(suite) => {
            let main = mirrors.iter().find(|(suite, _)| suite == codename);
            let (_, base) = main.with_context(|| format!("apt knows no main archive of {codename}"))?;
            Ok(line(suite, base))
        }
    }
}

fn fetch_part(part: &Part, folder: &Path, codename: &str, mirrors: &[(String, String)]) -> Result<()> {
    let place = folder.join(part.folder);
    let work = folder.join(format!("{}.part", part.folder));
    remove(&work)?;
    let apt = Apt::new(&work.join("apt"), &sources(part, codename, mirrors)?)?;
    apt.run(&["update"])?;
    let own = || part.packages.iter().map(|name| (*name).to_owned());
    let wanted: Vec<String> = match part.needs {
        Needs::Nothing => own().collect(),
        Needs::Named => {
            let mut words = vec!["depends", "--important"];
            words.extend(part.packages);
            named(&output(&mut apt.cache(&words)).context("apt does not know them")?)
        }
        Needs::Missing => {
            let mut words = vec!["install", "--simulate", "--no-install-recommends"];
            words.extend(part.packages);
            let planned = output(&mut apt.command(&words)).context("apt finds no way to install them")?;
            let planned = to_install(&planned);
            // What is installed already is not planned again; the programs themselves are to lie in our folder all the
            // same.
            let is_planned =
                |name: &String| planned.iter().any(|package| package.split('=').next() == Some(name));
            let others = own().filter(|name| !is_planned(name)).collect::<Vec<_>>();
            planned.iter().cloned().chain(others).collect()
        }
    };
    let mut words = vec!["download"];
    words.extend(wanted.iter().map(String::as_str));
    apt.run(&words)?;
    let root = work.join("root");
    std::fs::create_dir_all(&root)?;
    for entry in std::fs::read_dir(&apt.folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "deb") {
            run(Command::new("dpkg").arg("--extract").arg(&path).arg(&root))?;
        }
    }
    if !is_there(part, &root) {
        bail!("{} was unpacked, but does not run here", part.name);
    }
    remove(&place)?;
    std::fs::rename(&root, &place)?;
    remove(&work)
}

/// Name and version of all that a simulated installation would install, as `apt-get download` takes them.
fn to_install(planned: &str) -> Vec<String> {
    let parse = |line: &str| {
        let mut words = line.strip_prefix("Inst ")?.split_whitespace();
        let name = words.next()?;
        let version = words.find_map(|word| word.strip_prefix('('))?;
        // The C library belongs to the loader of this machine: another one beside it would crash everything.
        (!matches!(name, "libc6" | "libc-bin")).then(|| format!("{name}={version}"))
    };
    planned.lines().filter_map(parse).collect()
}

/// The packages that others name as what they depend on, from lines like `  Depends: linux-image-6.1.0-9-amd64`.
fn named(listed: &str) -> Vec<String> {
    listed.lines().filter_map(|line| Some(line.trim().strip_prefix("Depends: ")?.to_owned())).collect()
}

fn is_there(part: &Part, root: &Path) -> bool {
    part.checks.iter().all(|check| match check {
        Check::Runs(program, argument) => runs(root, program, argument),
        Check::Has(folder, beginning) => {
            let entries = std::fs::read_dir(root.join(folder)).into_iter().flatten().flatten();
            entries.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with(beginning))
        }
    })
}

fn runs(root: &Path, program: &str, argument: &str) -> bool {
    // Newer packages have everything below `usr`.
    let newer = root.join("usr").join(program);
    let program = if newer.exists() { newer } else { root.join(program) };
    Command::new(program)
        .arg(argument)
        .env("LD_LIBRARY_PATH", library_path(root))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The library folders below an unpacked root, one for each machine type.
fn library_path(root: &Path) -> std::ffi::OsString {
    let folders = ["usr/lib", "lib"].into_iter().flat_map(|place| {
        let entries = std::fs::read_dir(root.join(place)).into_iter().flatten().flatten();
        entries
            .map(|entry| entry.path())
            .filter(|path| path.to_string_lossy().contains("-linux-gnu"))
            .collect::<Vec<_>>()
    });
    std::env::join_paths(folders).unwrap_or_default()
}

/// An apt that knows one source list and keeps everything in one folder.
struct Apt {
    folder: PathBuf,
}

impl Apt {
    fn new(folder: &Path, sources: &str) -> Result<Self> {
        for inner in ["lists/partial", "cache/archives/partial"] {
            std::fs::create_dir_all(folder.join(inner))?;
        }
        std::fs::write(folder.join("sources.list"), sources)?;
        Ok(Self { folder: folder.to_owned() })
    }

    fn command(&self, words: &[&str]) -> Command {
        self.tool("apt-get", words)
    }

    fn cache(&self, words: &[&str]) -> Command {
        self.tool("apt-cache", words)
    }

    fn tool(&self, name: &str, words: &[&str]) -> Command {
        let mut command = Command::new(name);
        command.current_dir(&self.folder).env("LANG", "C").args(words);
        let own = |name: &str| self.folder.join(name).display().to_string();
        for option in [
            format!("Dir::Etc::sourcelist={}", own("sources.list")),
            "Dir::Etc::sourceparts=-".to_owned(),
            format!("Dir::State::lists={}", own("lists")),
            format!("Dir::Cache={}", own("cache")),
            "Debug::NoLocking=1".to_owned(),
            "Acquire::Languages=none".to_owned(),
            "Acquire::Retries=3".to_owned(),
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false".to_owned(),
            // apt's own user may not be able to enter our folder.
            "APT::Sandbox::User=root".to_owned(),
        ] {
            command.args(["-o", &option]);
        }
        command
    }

    fn run(&self, words: &[&str]) -> Result<()> {
        run(&mut self.command(words))
    }
}

fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let answer =
        command.stdin(Stdio::null()).output().with_context(|| format!("{program} cannot be started"))?;
    if !answer.status.success() {
        bail!("{program} ended with {}:\n{}", answer.status, String::from_utf8_lossy(&answer.stderr).trim());
    }
    Ok(())
}

fn remove(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{} cannot be removed", folder.display()))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_debian_is_debian() {
        let debian = "PRETTY_NAME=\"Debian\"\nVERSION_CODENAME=bookworm\nID=debian\n";
        assert_eq!(codename(debian).as_deref(), Some("bookworm"));
        assert_eq!(codename("ID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME=noble\n"), None);
    }

    #[test]
    fn archives_are_those_of_the_own_release() {
        let listed = "'http://a.example/debian/dists/bookworm/InRelease' x 0 \n\
                      'http://a.example/debian/dists/bookworm/main/binary-amd64/Packages.xz' x 0 \n\
                      'http://b.example/debian-security/dists/bookworm-security/InRelease' x 0 \n\
                      'http://a.example/debian/dists/bookworm-backports/InRelease' x 0 \n\
                      'https://c.example/dists/nodistro/InRelease' x 0 \n";
        let found = release_files(listed, "bookworm");
        let suites: Vec<&str> = found.iter().map(|(suite, _)| suite.as_str()).collect();
        assert_eq!(suites, ["bookworm", "bookworm-security"]);
        assert_eq!(found[0].1, "http://a.example/debian");
    }

    #[test]
    fn what_a_name_stands_for_is_read() {
        let listed = "linux-image-amd64\n  Depends: linux-image-6.1.0-9-amd64\n  Recommends: firmware\n";
        assert_eq!(named(listed), ["linux-image-6.1.0-9-amd64"]);
    }

    #[test]
    fn a_plan_becomes_names_with_versions_and_leaves_the_c_library_alone() {
        let planned = "Reading package lists...\n\
                       Inst libnice10 (0.1.21-1 Debian:12/oldstable [amd64])\n\
                       Inst libssl3 [3.0.1-1] (3.0.2-1 Debian:12/oldstable [amd64])\n\
                       Inst libc6 [2.36-9] (2.36-10 Debian:12/oldstable [amd64])\n\
                       Conf libnice10 (0.1.21-1 Debian:12/oldstable [amd64])\n";
        assert_eq!(to_install(planned), ["libnice10=0.1.21-1", "libssl3=3.0.2-1"]);
    }
}
