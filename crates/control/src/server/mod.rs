//! The core's half of the door.

mod allowance;
mod audit;
mod connection;
mod gate;
mod lock;
mod outbox;
mod pictures;
mod shared;
mod sockets;
mod token;
mod visitor;
mod web;

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use bellbird_contract::{AppView, Command, Event, PixelLayout, Problem, Reply, ShownPicture};
use bytes::Bytes;
use tokio::sync::{Semaphore, broadcast};
use tokio_util::sync::CancellationToken;
use tower::Layer as _;

pub use audit::AUDIT_FILE;
pub use lock::FolderLock;
pub use visitor::{Program, Visitor};

use crate::{CONTROL_PATH, DoorFile, PICTURES_PATH, WEB_API_PATH};
use allowance::Allowances;
use audit::Audit;
use gate::Gate;
use shared::{Crowd, MAX_REQUESTS, Shared};
use token::DoorToken;
use visitor::Guests;

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

    /// The person themselves asked for something just now, no program with a token of its own: among several clients,
    /// programs mean the one used last.
    fn person_acted(&self) {}

    /// Someone who looks at pictures begins to.
    type Viewer: Viewer;

    /// Makes one, who looks at nothing yet.
    fn viewer(&self) -> Self::Viewer;

    /// The program that has this token, and which came with it just now; `None`: it is no program's. Must compare in a
    /// time that does not tell where tokens differ. Whether programs are let in at all is not asked here.
    fn program(&self, token: &str) -> Option<Program>;

    /// Whether a program of this id still has its token. Whatever changes that, or the next, must be followed by an
    /// [`Event::State`]: then conversations end that may not go on.
    fn has_program(&self, id: &str) -> bool;

    /// Whether anybody but the window is let in.
    fn programs_allowed(&self) -> bool;
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
    /// Answers what is asked beneath [`WEB_API_PATH`]; `None`: there is no web API. It is asked nothing by anybody whose
    /// token, `Host` and `Origin` are not right, gets no body that is longer than 64 KiB, and finds the [`Visitor`] as an
    /// extension of the request.
    pub web_api: Option<Router>,
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

        let token = DoorToken::random();
        let file = DoorFile {
            url: format!("ws://{address}{CONTROL_PATH}"),
            token: token.text().to_owned(),
            pid: std::process::id(),
            web_api: config.web_api.is_some().then(|| format!("http://{address}{WEB_API_PATH}")),
        };
        let stop = CancellationToken::new();
        let windows = Arc::new(AtomicUsize::new(0));
        let shared = Arc::new(Shared {
            core,
            gate: Gate::new(address, config.allowed_origins),
            token,
            version: config.version,
            stop: stop.clone(),
            audit: Audit::open(&config.data),
            allowances: Allowances::default(),
            guests: Arc::new(Guests::default()),
            requests: Semaphore::new(MAX_REQUESTS),
            windows: windows.clone(),
            conversations: Crowd::default(),
            viewers: Crowd::default(),
        });
        let router = route(&shared, config.web_api.unwrap_or_default());
        tokio::spawn(sockets::serve(listener, router, stop.clone()));
        tokio::spawn(show_out(shared));
        // Only now: whoever finds the file finds an open door.
        file.write(&config.data).map_err(DoorError::Folder)?;
        Ok(Self { file, data: config.data, stop, windows, _lock: lock })
    }

    /// The WebSocket's address.
    pub fn url(&self) -> &str {
        &self.file.url
    }

    /// The web API's address; `None`: there is none.
    pub fn web_api(&self) -> Option<&str> {
        self.file.web_api.as_deref()
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

/// The two WebSockets, and everything else behind a token.
fn route<C: Core>(shared: &Arc<Shared<C>>, web_api: Router) -> Router {
    let admitted = axum::middleware::from_fn_with_state(shared.clone(), web::admit::<C>).layer(web_api);
    Router::new()
        .route(CONTROL_PATH, axum::routing::get(connection::upgrade::<C>))
        .route(PICTURES_PATH, axum::routing::get(pictures::upgrade::<C>))
        .with_state(shared.clone())
        .fallback_service(admitted)
}

/// Asks those to leave who lost the right to be here, whenever the state changed.
async fn show_out<C: Core>(shared: Arc<Shared<C>>) {
    let mut events = shared.core.events();
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            () = shared.stop.cancelled() => return,
        };
        match event {
            Ok(Event::State { .. }) | Err(broadcast::error::RecvError::Lagged(_)) => {
                shared.guests.show_out(|visitor, errand| shared.may_stay(visitor, errand).is_ok());
            }
            Ok(
                Event::Call { .. }
                | Event::Levels { .. }
                | Event::Quality { .. }
                | Event::Sdk { .. }
                | Event::RaiseWindow
                | Event::Stopping,
            ) => {}
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}
