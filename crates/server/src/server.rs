//! Listening, housekeeping, shutting down.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Layer as _;
use tower::util::MapRequestLayer;
use url::Url;

use crate::admin::Admin;
use crate::config_keys::{GIVEN_HPB, TurnServer};
use crate::error::ServerError;
use crate::folder::{self, FolderLock};
use crate::hpb::{self, HpbConfig, Switch};
use crate::http::{self, Caller};
use crate::recording::{self, Recording};
use crate::secrets;
use crate::state::{App, Shared};
use crate::store::{self, Store, config, rooms};
use crate::tls::{self, CertificateFiles, Fingerprint, Identity, Trust};

/// Most connections at once; further ones wait to be accepted.
const MAX_CONNECTIONS: usize = 4096;
/// A client has this long to finish its TLS handshake.
const HANDSHAKE_TIME: Duration = Duration::from_secs(15);
/// A connection may rest this long between two requests, the next request's head included.
const IDLE_TIME: Duration = Duration::from_secs(120);
/// Largest request head, bytes.
const MAX_HEAD: usize = 16 * 1024;
/// After a shutdown, requests have this long to end by themselves.
const GRACE: Duration = Duration::from_secs(3);
/// How often sessions are looked after and other processes' writes noticed.
const HOUSEKEEPING: Duration = Duration::from_secs(1);
/// Every so many times, sessions are compared with the database even when nothing was written, should a write have
/// gone unnoticed.
const LOOK_AGAIN_EVERY: u32 = 15;

/// How a server is run.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// The folder that holds the database and the certificate; made when missing.
    pub data: PathBuf,
    /// The external signaling server to use, whatever the settings say; without, the settings decide.
    pub hpb: Option<HpbConfig>,
    /// The TURN servers to name, whatever the settings say; without, the settings decide.
    pub turn: Option<TurnConfig>,
}

/// TURN servers that share a secret with this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnConfig {
    /// Their addresses, as `turn:turn.example.org:3478?transport=udp`.
    pub urls: Vec<String>,
    /// The file that holds the secret, the only thing in that file.
    pub secret_file: PathBuf,
}

impl ServerConfig {
    /// A server on this folder.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self { data: data.into(), hpb: None, turn: None }
    }
}

/// Where a server listens.
#[derive(Debug, Clone)]
pub struct Listening {
    /// What clients are given: `http://` on loopback, `https://` elsewhere and wherever a certificate was given; then
    /// with the first host it names.
    pub url: Url,
    /// The address with the port that was really taken.
    pub address: SocketAddr,
    /// Of the server's own certificate, which clients have to pin; `None` without TLS or with a given certificate.
    pub fingerprint: Option<Fingerprint>,
}

impl Listening {
    /// The link that invites people to register, from a code made by
    /// [`Admin::create_invitation`](crate::Admin::create_invitation). The certificate's fingerprint travels in it.
    pub fn invitation_link(&self, code: &str) -> Url {
        let mut link = self.url.clone();
        link.set_path(&format!("invite/{code}"));
        let fragment = self.fingerprint.map(|fingerprint| format!("fp={fingerprint}"));
        link.set_fragment(fragment.as_deref());
        link
    }
}

struct Inner {
    app: App,
    router: Router,
    admin: Admin,
    folder: PathBuf,
    connections: Arc<Semaphore>,
    tasks: TaskTracker,
    closing: CancellationToken,
    /// Given up by a shutdown, so that another server may take the folder.
    lock: std::sync::Mutex<Option<FolderLock>>,
}

/// The embedded server: Nextcloud Talk's API on one data folder. Cloning gives another handle on the same server;
/// it runs until [`shutdown`](Self::shutdown), or until the process ends in whichever way.
///
/// ```no_run
/// # async fn example() -> Result<(), bellbird_server::ServerError> {
/// use bellbird_server::{Server, ServerConfig};
/// let server = Server::open(ServerConfig::new("/tmp/data")).await?;
/// let listening = server.listen("127.0.0.1:0".parse().expect("an address")).await?;
/// println!("{}", listening.url);
/// server.shutdown().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Server {
    inner: Arc<Inner>,
}

impl Server {
    /// Opens the data folder. Call it inside a tokio runtime; nothing listens yet.
    ///
    /// # Errors
    /// Everything about the folder: not writable, full, damaged, newer, already served.
    pub async fn open(config: ServerConfig) -> Result<Self, ServerError> {
        let given = config.clone();
        let opened = tokio::task::spawn_blocking(move || open_blocking(&given));
        let (store, admin, lock, instance, turn) = opened.await.map_err(|_| ServerError::Stopped)??;
        let closing = CancellationToken::new();
        let given = config.hpb.is_some();
        let app = Shared::new(
            store,
            &instance,
            Switch::new(config.data.clone(), config.hpb, turn),
            Recording::new(config.data.clone()),
            closing.clone(),
        );
        if let Err(error) = hpb::take_up(&app).await {
            if given {
                return Err(error);
            }
            tracing::error!(%error, "the signaling server of the settings cannot be used");
        }
        if let Err(reason) = recording::take_up(&app).await {
            tracing::error!(%reason, "the recording server of the settings cannot be used");
        }
        let settled = recording::settle_after_start(&app).await;
        settled.map_err(|error| ServerError::from_store(&config.data, error))?;
        let tasks = TaskTracker::new();
        tasks.spawn(keep_house(app.clone(), config.data.clone()));
        let router = http::router(app.clone());
        Ok(Self {
            inner: Arc::new(Inner {
                app,
                router,
                admin,
                folder: config.data,
                connections: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
                tasks,
                closing,
                lock: std::sync::Mutex::new(Some(lock)),
            }),
        })
    }

    /// Listens on an address; port 0 takes a free one. Loopback speaks plain HTTP, every other address TLS alone. May
    /// be called more than once.
    ///
    /// # Errors
    /// The address cannot be taken, or the certificate cannot be made or read.
    pub async fn listen(&self, address: SocketAddr) -> Result<Listening, ServerError> {
        if self.inner.closing.is_cancelled() {
            return Err(ServerError::Stopped);
        }
        let identity = if address.ip().to_canonical().is_loopback() {
            None
        } else {
            let folder = self.inner.folder.clone();
            let loaded = tokio::task::spawn_blocking(move || tls::load_or_make(&folder));
            Some(loaded.await.map_err(|_| ServerError::Stopped)??)
        };
        self.listen_as(address, identity).await
    }

    /// As [`listen`](Self::listen), but everywhere with TLS and the certificate in these files, which are read once: a
    /// renewed certificate is taken up by the next start.
    ///
    /// # Errors
    /// The address cannot be taken; a file cannot be read, is no PEM, or the key is another certificate's.
    pub async fn listen_with(
        &self,
        address: SocketAddr,
        files: CertificateFiles,
    ) -> Result<Listening, ServerError> {
        if self.inner.closing.is_cancelled() {
            return Err(ServerError::Stopped);
        }
        let loaded = tokio::task::spawn_blocking(move || tls::load(&files));
        let identity = loaded.await.map_err(|_| ServerError::Stopped)??;
        self.listen_as(address, Some(identity)).await
    }

    async fn listen_as(
        &self,
        address: SocketAddr,
        identity: Option<Identity>,
    ) -> Result<Listening, ServerError> {
        let bind = |error| ServerError::from_bind(address, error);
        let listener = TcpListener::bind(address).await.map_err(bind)?;
        let local = listener.local_addr().map_err(bind)?;
        let here = reachable_address(local).to_string();
        let tls = identity.is_some();
        let (fingerprint, reachable) = match identity.as_ref().map(|identity| &identity.trust) {
            None => (None, here),
            Some(Trust::Pinned(fingerprint)) => (Some(*fingerprint), here),
            // Under any other name clients would refuse the certificate.
            Some(Trust::Authority(Some(name))) => (None, format!("{name}:{}", local.port())),
            Some(Trust::Authority(None)) => (None, here),
        };
        let inner = Arc::clone(&self.inner);
        self.inner.tasks.spawn(accept(inner, listener, local, identity));
        let scheme = if tls { "https" } else { "http" };
        let url = Url::parse(&format!("{scheme}://{reachable}/"))
            .map_err(|error| ServerError::Listen { address, source: std::io::Error::other(error) })?;
        tracing::info!(%local, tls, guest_page = http::has_guest_page(), "listening");
        Ok(Listening { url, address: local, fingerprint })
    }

    /// Administration of the same folder.
    pub fn admin(&self) -> Admin {
        self.inner.admin.clone()
    }

    /// Stops listening, lets waiting requests end (a few seconds at most) and gives the folder free.
    pub async fn shutdown(&self) {
        self.inner.closing.cancel();
        self.inner.app.live().wake_all();
        self.inner.tasks.close();
        if tokio::time::timeout(GRACE * 2, self.inner.tasks.wait()).await.is_err() {
            tracing::warn!("some connections did not end in time");
        }
        self.inner.lock.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
    }
}

/// What to call a listener on all addresses: the one this machine would use to reach the world. Asking for the route
/// sends nothing.
fn reachable_address(local: SocketAddr) -> SocketAddr {
    if !local.ip().is_unspecified() {
        return local;
    }
    let (any, far) = match local {
        SocketAddr::V4(_) => ("0.0.0.0:0", "192.0.2.1:9"),
        SocketAddr::V6(_) => ("[::]:0", "[2001:db8::1]:9"),
    };
    let routed = std::net::UdpSocket::bind(any).and_then(|socket| {
        socket.connect(far)?;
        socket.local_addr()
    });
    let loopback = match local {
        SocketAddr::V4(_) => std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
        SocketAddr::V6(_) => std::net::IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
    };
    SocketAddr::new(routed.map_or(loopback, |address| address.ip()), local.port())
}

type Opened = (Store, Admin, FolderLock, String, Option<TurnServer>);

fn open_blocking(given: &ServerConfig) -> Result<Opened, ServerError> {
    let folder: &Path = &given.data;
    let turn = given.turn.as_ref().map(|turn| {
        let secret = hpb::read_secret_file(&turn.secret_file).map_err(ServerError::TurnServers)?;
        TurnServer::of_urls(&turn.urls, &secret).ok_or_else(|| {
            ServerError::TurnServers("an address is not as turn:HOST:PORT?transport=udp".into())
        })
    });
    let turn = turn.transpose()?;
    folder::prepare(folder)?;
    let lock = FolderLock::take(folder)?;
    let failed = |error| ServerError::from_store(folder, error);
    let admin = Admin::open(folder)?;
    let store = Store::open(folder).map_err(failed)?;
    let connection = store::open_connection(folder).map_err(failed)?;
    let hpb = given.hpb.as_ref().map_or("", |hpb| hpb.url.as_str());
    let instance = store::in_transaction(&connection, |c| {
        // Clients learn from the settings' hash that signaling has changed.
        config::set(c, GIVEN_HPB, hpb)?;
        rooms::settle_after_start(c)?;
        config::get_or_insert(c, "internal.instance", &secrets::instance_id())
    })
    .map_err(failed)?;
    Ok((store, admin, lock, instance, turn))
}

/// Notices within a second what another process has written. SQLite's `data_version` changes with every commit of
/// another connection, so this asks for it on a connection of its own.
async fn keep_house(app: App, folder: PathBuf) {
    let mut tick = tokio::time::interval(HOUSEKEEPING);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut connection = store::open_connection(&folder).ok();
    let mut last = None;
    for count in (1..=LOOK_AGAIN_EVERY).cycle() {
        tokio::select! {
            _ = tick.tick() => {}
            () = app.closing.cancelled() => return,
        }
        // Reads one counter in shared memory: too short for a thread of its own.
        let version = connection
            .as_ref()
            .and_then(|c| c.query_row("PRAGMA data_version", [], |row| row.get::<_, i64>(0)).ok());
        if version.is_none() {
            connection = store::open_connection(&folder).ok();
        }
        let changed = version.is_none() || last.is_some_and(|last| Some(last) != version);
        last = version;
        app.keep_house(changed || count == LOOK_AGAIN_EVERY).await;
    }
}

async fn accept(inner: Arc<Inner>, listener: TcpListener, local: SocketAddr, identity: Option<Identity>) {
    loop {
        let permit = tokio::select! {
            permit = Arc::clone(&inner.connections).acquire_owned() => permit,
            () = inner.closing.cancelled() => return,
        };
        // The semaphore is never closed.
        let Ok(permit) = permit else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = inner.closing.cancelled() => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, usually: wait for some to come free instead of spinning.
                tracing::warn!(%error, "accepting a connection failed");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let caller = Caller { address: peer.ip(), local, tls: identity.is_some() };
        let (router, closing) = (inner.router.clone(), inner.closing.clone());
        let identity = identity.clone();
        inner.tasks.spawn(async move {
            let _permit = permit;
            // Call set-up waits for small answers: they must not be held back to be joined with others.
            drop(stream.set_nodelay(true));
            serve(stream, identity, router, caller, closing).await;
        });
    }
}

async fn serve(
    stream: TcpStream,
    identity: Option<Identity>,
    router: Router,
    caller: Caller,
    closing: CancellationToken,
) {
    match identity {
        None => serve_http(stream, router, caller, closing).await,
        Some(identity) => {
            match tokio::time::timeout(HANDSHAKE_TIME, identity.acceptor.accept(stream)).await {
                Ok(Ok(stream)) => Box::pin(serve_http(stream, router, caller, closing)).await,
                Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
                Err(_) => tracing::debug!("TLS handshake took too long"),
            }
        }
    }
}

async fn serve_http<S>(stream: S, router: Router, caller: Caller, closing: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = MapRequestLayer::new(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(caller);
        request
    })
    .layer(router);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE_TIME)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            match tokio::time::timeout(GRACE, connection).await {
                Ok(ended) => ended,
                Err(_) => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::trace!(%error, "connection ended early");
    }
}
