//! Who asked what, and what came of it: a line each, to the log's target `audit` and to a file that a person can read
//! later. No line holds more of a command than its name.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::allowance::Allowance;
use super::visitor::Visitor;

/// The file, in the door's data folder. JSON, one object a line.
pub const AUDIT_FILE: &str = "control-audit.log";

/// The one before it.
const OLDER_FILE: &str = "control-audit.log.1";

/// The file's length, bytes, before it becomes the older one.
const MAX_BYTES: u64 = 1 << 20;

/// Lines on their way to the file at most. What comes on top of that is in the log alone.
const WAITING: usize = 4096;

/// The longest name of what was asked: paths of requests are a stranger's words.
const MAX_WHAT: usize = 120;

/// What is turned away is written down so many times a second and at once at most, so that turning away costs less
/// than knocking.
const REFUSALS: (f64, f64) = (10.0, 50.0);

/// Writes the lines.
pub(crate) struct Audit {
    lines: SyncSender<String>,
    refusals: Mutex<Refusals>,
}

struct Refusals {
    allowance: Allowance,
    /// Not written down since the last that was.
    passed_over: u64,
}

/// Something that was asked and has not come to an end yet. Dropped before its end, it was given up.
pub(crate) struct Asked<'a> {
    audit: &'a Audit,
    visitor: &'a Visitor,
    what: String,
    ended: bool,
}

impl Audit {
    /// Begins to write in `data`, on a thread of its own that ends with the last line after this is dropped.
    pub(crate) fn open(data: &Path) -> Self {
        let (sender, lines) = sync_channel(WAITING);
        let log = LogFile::new(data);
        let spawned =
            std::thread::Builder::new().name("bellbird-audit".into()).spawn(move || log.write_all(&lines));
        if let Err(error) = spawned {
            tracing::warn!(%error, "what is asked at the door is not written down");
        }
        let (per_second, burst) = REFUSALS;
        let allowance = Allowance::new(per_second, burst, Instant::now());
        Self { lines: sender, refusals: Mutex::new(Refusals { allowance, passed_over: 0 }) }
    }

    /// A visitor asks something.
    pub(crate) fn asked<'a>(&'a self, visitor: &'a Visitor, what: String) -> Asked<'a> {
        Asked { audit: self, visitor, what, ended: false }
    }

    /// Somebody was turned away before it was known who they are, or because they ask too much.
    pub(crate) fn turned_away(&self, visitor: Option<&Visitor>, what: &str, why: &str) {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        if !refusals.allowance.take(Instant::now()) {
            refusals.passed_over += 1;
            return;
        }
        let passed_over = std::mem::take(&mut refusals.passed_over);
        drop(refusals);
        self.write(visitor, what, why, passed_over);
    }

    fn write(&self, visitor: Option<&Visitor>, what: &str, outcome: &str, passed_over: u64) {
        let (by, id, name) = match visitor {
            None => ("stranger", None, None),
            Some(Visitor::Window) => ("window", None, None),
            Some(Visitor::Person) => ("person", None, None),
            Some(Visitor::Program(program)) => ("program", Some(&program.id), Some(&program.name)),
        };
        let what: String = what.chars().take(MAX_WHAT).collect();
        tracing::info!(target: "audit", by, id, name, what, outcome, passed_over);
        let at_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let at_ms = u64::try_from(at_ms).unwrap_or(u64::MAX);
        let mut line = json!({ "at_ms": at_ms, "by": by, "what": what, "outcome": outcome });
        if let (Some(id), Some(name)) = (id, name) {
            line["id"] = json!(id);
            line["name"] = json!(name);
        }
        if passed_over > 0 {
            line["passed_over"] = json!(passed_over);
        }
        if let Err(TrySendError::Full(_)) = self.lines.try_send(line.to_string()) {
            tracing::warn!("the disk is too slow for what is asked at the door: a line is not kept");
        }
    }
}

impl Asked<'_> {
    /// It ended so.
    pub(crate) fn ended(mut self, outcome: &str) {
        self.ended = true;
        self.audit.write(Some(self.visitor), &self.what, outcome, 0);
    }

    /// It was too much at once.
    pub(crate) fn throttled(mut self) {
        self.ended = true;
        self.audit.turned_away(Some(self.visitor), &self.what, "throttled");
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.audit.write(Some(self.visitor), &self.what, "given-up", 0);
        }
    }
}

/// The file and the one before it.
struct LogFile {
    path: PathBuf,
    older: PathBuf,
    /// With its length; `None`: not opened yet, or it could not be.
    file: Option<(File, u64)>,
    told: bool,
}

impl LogFile {
    fn new(data: &Path) -> Self {
        Self { path: data.join(AUDIT_FILE), older: data.join(OLDER_FILE), file: None, told: false }
    }

    fn write_all(mut self, lines: &Receiver<String>) {
        while let Ok(line) = lines.recv() {
            if let Err(error) = self.write(&line)
                && !std::mem::replace(&mut self.told, true)
            {
                tracing::warn!(%error, "what is asked at the door cannot be written down");
            }
        }
    }

    fn write(&mut self, line: &str) -> io::Result<()> {
        if self.file.as_ref().is_some_and(|(_, length)| *length >= MAX_BYTES) {
            self.file = None;
            std::fs::rename(&self.path, &self.older)?;
        }
        if self.file.is_none() {
            let file = open_private(&self.path)?;
            let length = file.metadata()?.len();
            self.file = Some((file, length));
        }
        let Some((file, length)) = &mut self.file else { return Ok(()) };
        // In one write, so that a core that is killed leaves whole lines.
        let line = format!("{line}\n");
        let written = file.write_all(line.as_bytes());
        *length += line.len() as u64;
        if written.is_err() {
            self.file = None;
        }
        written
    }
}

fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_bounded_and_the_newest_lines_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = LogFile::new(folder.path());
        let filling = "x".repeat(1000);
        for number in 0..4000 {
            log.write(&format!("{number} {filling}")).unwrap();
        }
        let files: Vec<u64> = [AUDIT_FILE, OLDER_FILE]
            .iter()
            .map(|name| std::fs::metadata(folder.path().join(name)).unwrap().len())
            .collect();
        assert!(files.iter().all(|length| *length <= MAX_BYTES + 2000), "{files:?}");
        let newest = std::fs::read_to_string(folder.path().join(AUDIT_FILE)).unwrap();
        assert!(newest.lines().last().unwrap().starts_with("3999 "));
        // A second start goes on with the same file.
        LogFile::new(folder.path()).write("again").unwrap();
        let newest = std::fs::read_to_string(folder.path().join(AUDIT_FILE)).unwrap();
        assert!(newest.ends_with("\nagain\n"));
    }

    #[test]
    fn what_was_asked_has_one_line_whatever_came_of_it_and_refusals_are_few() {
        let (sender, lines) = sync_channel(WAITING);
        let allowance = Allowance::new(0.0, 2.0, Instant::now());
        let audit = Audit { lines: sender, refusals: Mutex::new(Refusals { allowance, passed_over: 0 }) };
        audit.asked(&Visitor::Window, "mute".into()).ended("done");
        drop(audit.asked(&Visitor::Person, "x".repeat(10_000)));
        for _ in 0..1000 {
            audit.turned_away(None, "GET /", "wrong-token");
        }
        drop(audit);
        let lines: Vec<serde_json::Value> =
            lines.iter().map(|line| serde_json::from_str(&line).unwrap()).collect();
        assert_eq!(lines.len(), 4);
        assert_eq!((&lines[0]["by"], &lines[0]["outcome"]), (&json!("window"), &json!("done")));
        assert_eq!(lines[1]["outcome"], "given-up");
        assert_eq!(lines[1]["what"].as_str().unwrap().len(), MAX_WHAT);
        assert_eq!(lines[2]["by"], "stranger");
    }
}
