//! TURN over TCP and TLS (RFC 8656 section 2.1), for people whose network lets no UDP out. The library speaks TURN over
//! UDP alone.
//!
//! ```text
//!  library's socket ──UDP on loopback──▶ Tunnel ──one TCP or TLS connection per socket──▶ TURN server
//! ```
//!
//! A tunnel is a UDP address of this machine that stands for such a server: each datagram sent to it becomes a message
//! on a stream, and each message that comes back a datagram. The library never learns of it, so allocations,
//! permissions and channels are its affair as always. Only programs of this machine could use a tunnel, and without
//! the server's credentials they get nothing from it.

mod framing;
mod stream;

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::net::UdpSocket;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

/// The most sockets of ours that one tunnel serves: one per link and restart, of which most are gone again.
const MAX_STREAMS: usize = 64;
/// Datagrams that wait for a stream. More are dropped, as by a full network.
const QUEUE: usize = 64;
/// After a stream ended, how long none is opened for the same socket: media would ask for one fifty times a second.
const RETRY_PAUSE: Duration = Duration::from_secs(5);

/// A TURN server that is reached by a stream.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct StreamServer {
    /// A name or an address.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: Security,
}

/// What a stream runs over.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Security {
    /// TCP (`turn:…?transport=tcp`). What is relayed is encrypted end to end anyway.
    Plain,
    /// TLS with a certificate that the system trusts (`turns:`).
    Tls,
}

/// The tunnels of one call, by server. Dropping it ends them.
#[derive(Default)]
pub(super) struct Tunnels {
    open: HashMap<StreamServer, Tunnel>,
}

impl Tunnels {
    /// The loopback address that stands for `server`. `patience`: how long a stream waits before it is opened, for
    /// servers that can perhaps be reached by UDP, which is better for sound.
    ///
    /// # Errors
    /// When no socket can be opened on loopback.
    pub(super) fn address(
        &mut self,
        handle: &Handle,
        server: StreamServer,
        patience: Duration,
    ) -> io::Result<SocketAddr> {
        if let Some(tunnel) = self.open.get(&server) {
            return Ok(tunnel.address);
        }
        let tunnel = Tunnel::open(handle, server.clone(), patience)?;
        let address = tunnel.address;
        self.open.insert(server, tunnel);
        Ok(address)
    }
}

struct Tunnel {
    address: SocketAddr,
    task: AbortHandle,
}

impl Tunnel {
    fn open(handle: &Handle, server: StreamServer, patience: Duration) -> io::Result<Self> {
        let socket = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        let task = handle.spawn(async move {
            match UdpSocket::from_std(socket) {
                Ok(socket) => serve(Arc::new(socket), server, patience).await,
                Err(error) => tracing::warn!(%error, "a TURN server over TCP or TLS cannot be used"),
            }
        });
        Ok(Self { address, task: task.abort_handle() })
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// How it stands with one socket of ours.
enum Client {
    Streaming(mpsc::Sender<Bytes>),
    /// Its stream ended.
    Ended(Instant),
}

/// Deals datagrams out to streams, one for each socket they come from. All streams end with it.
async fn serve(socket: Arc<UdpSocket>, server: StreamServer, patience: Duration) {
    let mut clients: HashMap<SocketAddr, Client> = HashMap::new();
    let mut streams = JoinSet::new();
    let mut buffer = vec![0; 65_536].into_boxed_slice();
    loop {
        let (length, from) = tokio::select! {
            received = socket.recv_from(&mut buffer) => match received {
                Ok(received) => received,
                // An earlier datagram of ours came back: its socket is closed.
                Err(_) => continue,
            },
            Some(ended) = streams.join_next() => {
                if let Ok(from) = ended {
                    clients.insert(from, Client::Ended(Instant::now()));
                }
                continue;
            }
        };
        // A socket bound to an address of a network may send here too; one way in is enough.
        if !from.ip().is_loopback() || framing::padding_after(&buffer[..length]).is_none() {
            continue;
        }
        let datagram = Bytes::copy_from_slice(&buffer[..length]);
        match clients.get(&from) {
            Some(Client::Streaming(queue)) => {
                // Full or just ended: lost, as on any network.
                let _ = queue.try_send(datagram);
                continue;
            }
            Some(Client::Ended(since)) if since.elapsed() < RETRY_PAUSE => continue,
            Some(Client::Ended(_)) | None => {}
        }
        if clients.len() >= MAX_STREAMS {
            clients.retain(|_, client| matches!(client, Client::Streaming(_)));
        }
        if clients.len() >= MAX_STREAMS {
            continue;
        }
        let (queue, datagrams) = mpsc::channel(QUEUE);
        let _ = queue.try_send(datagram);
        clients.insert(from, Client::Streaming(queue));
        let (socket, server) = (socket.clone(), server.clone());
        streams.spawn(async move {
            tokio::time::sleep(patience).await;
            if let Err(error) = stream::run(&server, &socket, from, datagrams).await {
                tracing::info!(security = ?server.security, %error, "a stream to a TURN server ended");
            }
            from
        });
    }
}
