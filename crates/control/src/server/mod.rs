//! The core's half of the door.

mod connection;
mod gate;
mod lock;
mod outbox;
mod pictures;
mod token;

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use bellbird_contract::{AppView, Command, Event, PixelLayout, Problem, Reply, ShownPicture};
use bytes::Bytes;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

pub use lock::FolderLock;

use crate::{CONTROL_PATH, DoorFile, PICTURES_PATH};
use gate::Gate;

/// What stands behind the door.
pub trait Core: Send + Sync + 'static {
    /// Carries out a command. Commands of one client are begun in the order they came.
    ///
    /// # Errors
    /// A problem the person can be shown.
    fn handle(&self, command: Command) -> impl Future<Output = Result<Reply, Problem>> + Send;

    /// The whole state as it is now.
    fn state(&self) -> AppView;

    /// What happens from now on.
    fn events(&self) -> broadcast::Receiver<Event>;

    /// Someone who looks at pictures begins to.
    type Viewer: Viewer;

    /// Makes one, who looks at nothing yet.
    fn viewer(&self) -> Self::Viewer;
}

/// Someone who looks at pictures; dropping it is looking away.
pub trait Viewer: Send + Sync + 'static {
    /// These are looked at from now on, and no others.
    fn show(&self, layout: PixelLayout, pictures: Vec<ShownPicture>);

    /// A picture of that number was drawn.
    fn drawn(&self, number: u32);

    /// Waits for the next picture that may be sent: its header and its pixels.
    fn next(&self) -> impl Future<Output = Bytes> + Send;
}

/// How a door is opened.
#[derive(Clone, Debug)]
pub struct DoorConfig {
    /// The data folder: it gets the door file and the lock. Made when missing.
    pub data: PathBuf,
    /// Origins of web pages that are let in beside the window's own, such as `http://127.0.0.1:5173`.
    pub allowed_origins: Vec<String>,
    /// The version told in the greeting.
    pub version: String,
}

/// Why a door could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// Another core runs on this data folder.
    #[error("another core runs on this data folder{}", .pid.map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    AlreadyRunning {
        /// Its process, when the door file tells.
        pid: Option<u32>,
    },
    /// The data folder cannot be used.
    #[error("the data folder cannot be used: {0}")]
    Folder(#[source] io::Error),
    /// No port could be had on loopback.
    #[error("no port could be had on loopback: {0}")]
    Listen(#[source] io::Error),
}

/// An open door. Dropping it closes it, ends every conversation and removes the door file.
#[derive(Debug)]
pub struct Door {
    file: DoorFile,
    data: PathBuf,
    stop: CancellationToken,
    windows: Arc<AtomicUsize>,
    _lock: FolderLock,
}

/// What every conversation shares.
struct Shared<C> {
    core: C,
    gate: Gate,
    version: String,
    stop: CancellationToken,
    windows: Arc<AtomicUsize>,
    clients: AtomicUsize,
    picture_clients: AtomicUsize,
}

impl Door {
    /// Locks the data folder and opens the door. Within a tokio runtime.
    ///
    /// # Errors
    /// See [`DoorError`].
    pub fn open(core: impl Core, config: DoorConfig) -> Result<Self, DoorError> {
        let lock = FolderLock::take(&config.data)?;
        Self::open_locked(core, config, lock)
    }

    /// Opens the door of a folder that is locked already: a core locks first, so that it reads its settings as
    /// their only owner. Within a tokio runtime.
    ///
    /// # Errors
    /// See [`DoorError`].
    pub fn open_locked(core: impl Core, config: DoorConfig, lock: FolderLock) -> Result<Self, DoorError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(DoorError::Listen)?;
        listener.set_nonblocking(true).map_err(DoorError::Listen)?;
        let address = listener.local_addr().map_err(DoorError::Listen)?;
        let listener = tokio::net::TcpListener::from_std(listener).map_err(DoorError::Listen)?;

        let file = DoorFile { url: url_of(address), token: token::random(), pid: std::process::id() };
        let stop = CancellationToken::new();
        let windows = Arc::new(AtomicUsize::new(0));
        let shared = Arc::new(Shared {
            core,
            gate: Gate::new(address, file.token.clone(), config.allowed_origins),
            version: config.version,
            stop: stop.clone(),
            windows: windows.clone(),
            clients: AtomicUsize::new(0),
            picture_clients: AtomicUsize::new(0),
        });
        let router = Router::new()
            .route(CONTROL_PATH, axum::routing::get(connection::upgrade))
            .route(PICTURES_PATH, axum::routing::get(pictures::upgrade))
            .with_state(shared);
        let stopped = stop.clone().cancelled_owned();
        tokio::spawn(async move {
            let served = axum::serve(listener, router).with_graceful_shutdown(stopped).await;
            if let Err(error) = served {
                tracing::error!(%error, "the control door closed");
            }
        });
        // Only now: whoever finds the file finds an open door.
        file.write(&config.data).map_err(DoorError::Folder)?;
        Ok(Self { file, data: config.data, stop, windows, _lock: lock })
    }

    /// The WebSocket's address.
    pub fn url(&self) -> &str {
        &self.file.url
    }

    /// The door file, which holds the token.
    pub fn file(&self) -> PathBuf {
        DoorFile::path(&self.data)
    }

    /// How many windows are attached: clients that came as a web page does, with an `Origin`.
    pub fn windows(&self) -> usize {
        self.windows.load(Ordering::Relaxed)
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.file.remove(&self.data);
        self.stop.cancel();
    }
}

fn url_of(address: SocketAddr) -> String {
    format!("ws://{address}{CONTROL_PATH}")
}
