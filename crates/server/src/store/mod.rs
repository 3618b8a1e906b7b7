//! What survives a crash: accounts, rooms, attendees, notifications, invitations and settings, in one SQLite file.
//!
//! ```text
//! requests ──write(job)──▶ one writer thread: BEGIN · job · job · … · COMMIT (one fsync for all) ──▶ answers
//!          ──read(job)───▶ two reader threads, a snapshot each
//! ```
//! A write is answered only after its commit has reached the disk (`synchronous=FULL`), so nothing acknowledged is
//! lost by `kill -9` or a power cut. Jobs that arrive together share one transaction, each inside its own
//! savepoint: a job that fails takes nobody along. Other processes may write to the same file at any time, so no
//! row is cached here.

pub(crate) mod accounts;
pub(crate) mod attendees;
pub(crate) mod bans;
pub(crate) mod config;
pub(crate) mod invitations;
mod migrations;
pub(crate) mod notifications;
pub(crate) mod recordings;
pub(crate) mod rooms;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};
use tokio::sync::oneshot;

/// The database's file name inside the data folder.
const FILE_NAME: &str = "server.sqlite3";
/// Reads are short (one or two primary keys); two threads keep a slow list from delaying a join.
const READERS: usize = 2;
/// More jobs than this in one transaction would make the first of them wait too long.
const JOBS_PER_COMMIT: usize = 64;
/// Prepared statements kept per connection.
const STATEMENTS: usize = 96;

/// Why a read or write failed. Cloned to everybody whose job shared the failed transaction.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("the disk is full")]
    Full,
    #[error("the database cannot be written to")]
    ReadOnly,
    #[error("the database is busy")]
    Busy,
    #[error("the database is damaged: {0}")]
    Damaged(String),
    #[error("the database has format {found}, newer than {known}")]
    Newer { found: i64, known: i64 },
    #[error("the database has been closed")]
    Closed,
    #[error("database: {0}")]
    Other(String),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => Self::ReadOnly,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(error.to_string()),
            _ => Self::Other(error.to_string()),
        }
    }
}

type ReadJob = Box<dyn FnOnce(&Connection) + Send>;
/// Tells the waiting caller its answer once it is known whether the transaction was committed.
type Settle = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
type WriteJob = Box<dyn FnOnce(Result<&Connection, StoreError>) -> Settle + Send>;

/// A handle on the writer and reader threads; they end when the last handle is dropped.
///
/// The queues are not bounded by themselves: every request waits for its own job, so there are never more jobs than
/// connections, and those are limited.
#[derive(Clone)]
pub(crate) struct Store {
    writer: mpsc::Sender<WriteJob>,
    readers: mpsc::Sender<ReadJob>,
}

impl Store {
    /// Opens (or makes) the database in `folder`, brings it up to date and starts the threads. Blocks.
    pub(crate) fn open(folder: &Path) -> Result<Self, StoreError> {
        let writer_connection = open_connection(folder)?;
        let (writer, write_jobs) = mpsc::channel();
        spawn("bb-store-write", move || run_writer(&writer_connection, &write_jobs))?;
        let (readers, read_jobs) = mpsc::channel::<ReadJob>();
        let read_jobs = Arc::new(Mutex::new(read_jobs));
        for _ in 0..READERS {
            let connection = open_connection(folder)?;
            connection.pragma_update(None, "query_only", true)?;
            let jobs = Arc::clone(&read_jobs);
            spawn("bb-store-read", move || {
                loop {
                    let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    match job {
                        // A panicking job drops its answer channel, which its caller sees as `Closed`.
                        Ok(job) => drop(catch_unwind(AssertUnwindSafe(|| job(&connection)))),
                        Err(mpsc::RecvError) => return,
                    }
                }
            })?;
        }
        Ok(Self { writer, readers })
    }

    /// Runs `job` on a reader thread.
    pub(crate) async fn read<T, F>(&self, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job: ReadJob = Box::new(move |connection| drop(answer.send(job(connection))));
        self.readers.send(job).map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// Runs `job` on the writer thread; the answer comes after the commit. When `job` gives an error all it wrote
    /// is undone.
    pub(crate) async fn write<T, F>(&self, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job: WriteJob = Box::new(move |connection| {
            let outcome = connection.and_then(|connection| in_savepoint(connection, job));
            Box::new(move |committed| drop(answer.send(outcome.and_then(|value| committed.map(|()| value)))))
        });
        self.writer.send(job).map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<(), StoreError> {
    let started = thread::Builder::new().name(name.into()).stack_size(512 * 1024).spawn(body);
    started.map(drop).map_err(|error| StoreError::Other(error.to_string()))
}

fn run_writer(connection: &Connection, jobs: &mpsc::Receiver<WriteJob>) {
    while let Ok(first) = jobs.recv() {
        let mut settles = Vec::new();
        let begun = connection.execute_batch("BEGIN IMMEDIATE").map_err(StoreError::from);
        let committed = match begun {
            Err(error) => {
                settles.push(first(Err(error.clone())));
                Err(error)
            }
            Ok(()) => {
                settles.push(first(Ok(connection)));
                while settles.len() < JOBS_PER_COMMIT && !connection.is_autocommit() {
                    let Ok(next) = jobs.try_recv() else { break };
                    settles.push(next(Ok(connection)));
                }
                commit(connection)
            }
        };
        for settle in settles {
            settle(committed.clone());
        }
    }
}

fn commit(connection: &Connection) -> Result<(), StoreError> {
    // SQLite ends the whole transaction by itself on a full disk; what ran before in it is lost then.
    if connection.is_autocommit() {
        return Err(StoreError::Full);
    }
    connection.execute_batch("COMMIT").map_err(|error| {
        if !connection.is_autocommit() {
            drop(connection.execute_batch("ROLLBACK"));
        }
        StoreError::from(error)
    })
}

fn in_savepoint<T>(
    connection: &Connection,
    job: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    connection.execute_batch("SAVEPOINT job")?;
    let outcome = catch_unwind(AssertUnwindSafe(|| job(connection)))
        .unwrap_or_else(|_| Err(StoreError::Other("a database job panicked".into())));
    match outcome {
        Ok(value) => connection.execute_batch("RELEASE job").map(|()| value).map_err(StoreError::from),
        Err(error) => {
            if !connection.is_autocommit() {
                connection.execute_batch("ROLLBACK TO job; RELEASE job")?;
            }
            Err(error)
        }
    }
}

/// Runs `job` in a transaction of its own on a connection that belongs to one thread (the command line's).
pub(crate) fn in_transaction<T>(
    connection: &Connection,
    job: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    match job(connection) {
        Ok(value) => commit(connection).map(|()| value),
        Err(error) => {
            if !connection.is_autocommit() {
                connection.execute_batch("ROLLBACK")?;
            }
            Err(error)
        }
    }
}

/// A connection with the settings everything here relies on, its schema up to date.
pub(crate) fn open_connection(folder: &Path) -> Result<Connection, StoreError> {
    let path = database_path(folder);
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // Kibibytes of page cache; the whole database of a household fits in less.
    connection.pragma_update(None, "cache_size", -1024)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    migrations::run(&connection)?;
    Ok(connection)
}

pub(crate) fn database_path(folder: &Path) -> PathBuf {
    folder.join(FILE_NAME)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn a_failing_job_takes_no_other_along() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        block_on(async {
            let good = store.write(|c| config::set(c, "a", "1"));
            let bad = store.write(|c| -> Result<(), StoreError> {
                config::set(c, "b", "2")?;
                Err(StoreError::Other("no".into()))
            });
            let panics = store.write(|_| -> Result<(), StoreError> { panic!("on purpose") });
            let last = store.write(|c| config::set(c, "c", "3"));
            let (good, bad, panics, last) = tokio::join!(good, bad, panics, last);
            assert!(good.is_ok() && last.is_ok());
            assert!(bad.is_err() && panics.is_err());
            let kept = store.read(|c| Ok((config::get(c, "a")?, config::get(c, "b")?, config::get(c, "c")?)));
            assert_eq!(kept.await.unwrap(), (Some("1".into()), None, Some("3".into())));
        });
    }

    #[test]
    fn a_full_disk_is_told_and_loses_nothing_written_before() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        block_on(async {
            store.write(|c| config::set(c, "a", "1")).await.unwrap();
            store
                .write(|c| {
                    let pages: i64 = c.query_row("PRAGMA page_count", [], |row| row.get(0))?;
                    c.query_row(&format!("PRAGMA max_page_count={}", pages + 2), [], |_| Ok(()))?;
                    Ok(())
                })
                .await
                .unwrap();
            let much = "x".repeat(1 << 20);
            let refused = store.write(move |c| config::set(c, "b", &much)).await;
            assert_eq!(refused, Err(StoreError::Full));
            let kept = store.read(|c| Ok((config::get(c, "a")?, config::get(c, "b")?))).await.unwrap();
            assert_eq!(kept, (Some("1".into()), None));
            store.write(|c| config::set(c, "a", "2")).await.unwrap();
        });
    }
}
