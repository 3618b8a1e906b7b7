//! What can go wrong outside of a single request, in words for the person who runs the server.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::store::StoreError;

/// Why the server (or [`Admin`](crate::Admin)) could not do what was asked. Each variant says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Another program listens there already.
    #[error("port {} is already used by another program; choose another one", .0.port())]
    PortInUse(SocketAddr),
    /// The system does not allow this program to listen there (a port below 1024, usually).
    #[error("this program may not listen on port {}; choose one above 1023", .0.port())]
    PortDenied(SocketAddr),
    /// No network interface of this machine has the address.
    #[error("this computer has no address {}", .0.ip())]
    NoSuchAddress(SocketAddr),
    /// The socket could not be opened for another reason.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// What was to be listened on.
        address: SocketAddr,
        /// The system's answer.
        source: io::Error,
    },
    /// The data folder, or a file in it, cannot be written.
    #[error("the data folder {} cannot be written to; check who owns it and that its disk is writable", .0.display())]
    ReadOnly(PathBuf),
    /// No room is left on the disk that holds the data folder.
    #[error("the disk holding {} is full; free some space and try again", .0.display())]
    DiskFull(PathBuf),
    /// The path given as the data folder is something else.
    #[error("{} is not a folder", .0.display())]
    NotAFolder(PathBuf),
    /// Another process serves this folder; two would not see each other's calls.
    #[error("another server is already running on the data folder {}", .0.display())]
    AlreadyServing(PathBuf),
    /// A newer version of this program wrote the database.
    #[error(
        "the data folder was written by a newer version (format {found}, this one knows {known}); update first"
    )]
    NewerData {
        /// The format found.
        found: i64,
        /// The newest format this program understands.
        known: i64,
    },
    /// The database file is not a database, or is broken.
    #[error("the database in {} is damaged ({reason}); restore it from a backup", path.display())]
    Damaged {
        /// The data folder.
        path: PathBuf,
        /// What SQLite said.
        reason: String,
    },
    /// Another process holds the database for too long.
    #[error("the database in {} is busy; try again", .0.display())]
    Busy(PathBuf),
    /// The certificate in the data folder cannot be used or made.
    #[error("the server's certificate cannot be used: {0}")]
    Certificate(String),
    /// A certificate that was given, or its key, cannot be used.
    #[error("{}: {reason}", path.display())]
    GivenCertificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Any other failure of the file system.
    #[error("{}: {source}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The external signaling server cannot be used as configured: its address, the secret file or the key.
    #[error("the external signaling server cannot be used: {0}")]
    SignalingServer(String),
    /// The TURN servers cannot be named as configured: an address or the secret file.
    #[error("the TURN servers cannot be used: {0}")]
    TurnServers(String),
    /// The server has been shut down.
    #[error("the server has been shut down")]
    Stopped,
}

impl ServerError {
    /// A stable word for this kind of failure, for programs: `port-in-use`, `read-only`, `disk-full` and so on.
    pub fn code(&self) -> &'static str {
        match self {
            Self::PortInUse(_) => "port-in-use",
            Self::PortDenied(_) => "port-denied",
            Self::NoSuchAddress(_) => "no-such-address",
            Self::Listen { .. } => "listen-failed",
            Self::ReadOnly(_) => "read-only",
            Self::DiskFull(_) => "disk-full",
            Self::NotAFolder(_) => "not-a-folder",
            Self::AlreadyServing(_) => "already-serving",
            Self::NewerData { .. } => "newer-data",
            Self::Damaged { .. } => "damaged",
            Self::Busy(_) => "busy",
            Self::Certificate(_) => "certificate",
            Self::GivenCertificate { .. } => "tls-certificate",
            Self::File { .. } => "file",
            Self::SignalingServer(_) => "signaling-server",
            Self::TurnServers(_) => "turn-server",
            Self::Stopped => "stopped",
        }
    }

    pub(crate) fn from_io(path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::ReadOnly(path.into())
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull(path.into()),
            io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => Self::NotAFolder(path.into()),
            _ => Self::File { path: path.into(), source },
        }
    }

    pub(crate) fn from_store(folder: &Path, error: StoreError) -> Self {
        match error {
            StoreError::Full => Self::DiskFull(folder.into()),
            StoreError::ReadOnly => Self::ReadOnly(folder.into()),
            StoreError::Busy => Self::Busy(folder.into()),
            StoreError::Newer { found, known } => Self::NewerData { found, known },
            StoreError::Closed => Self::Stopped,
            StoreError::Damaged(reason) | StoreError::Other(reason) => {
                Self::Damaged { path: folder.into(), reason }
            }
        }
    }

    pub(crate) fn from_bind(address: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::PortInUse(address),
            io::ErrorKind::PermissionDenied => Self::PortDenied(address),
            io::ErrorKind::AddrNotAvailable => Self::NoSuchAddress(address),
            _ => Self::Listen { address, source },
        }
    }
}
