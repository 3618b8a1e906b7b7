//! Where the library meets the system: its task, its sockets, its clock and its names.
//!
//! One [`LinkRuntime`] per link. It ends the link in an orderly way when the library's task ends for whatever reason,
//! a panic included; it keeps receive buffers at the size of a datagram; it repeats what the handshake sent; and it
//! paces connectivity checks, which the library would otherwise send for every pair of addresses at once, a hundred
//! times a second.

use std::fmt;
use std::future::Future;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use rtc::shared::ifaces::ifaces;
use tokio::io::ReadBuf;
use tokio::runtime::Handle;
use webrtc::runtime::{
    AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, RecvMeta, Runtime, Transmit,
};

use super::bell::Bell;
use super::candidates::Family;
use super::flights::LastFlight;
use super::names::Names;
use super::sources::Sources;

/// The most addresses of ours per family, loopback aside. Machines with many virtual networks have dozens.
const MAX_ADDRESSES: usize = 4;
/// How long a link may wait for the name of a STUN or TURN server. Its other work waits meanwhile.
const NAME_WAIT: Duration = Duration::from_millis(300);

/// The addresses links are bound to: those the machine has whenever a link starts or restarts, loopback included.
/// Names them one by one, since a wildcard would leave loopback out.
#[derive(Clone, Copy, Debug)]
pub(super) struct LocalAddresses;

impl ToSocketAddrs for LocalAddresses {
    type Iter = std::vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        Ok(local_addresses().into_iter().map(|ip| SocketAddr::new(ip, 0)).collect::<Vec<_>>().into_iter())
    }
}

/// The addresses links are bound to, as of now.
pub(crate) fn local_addresses() -> Vec<IpAddr> {
    let found = ifaces().unwrap_or_default();
    chosen_addresses(found.into_iter().filter_map(|interface| interface.addr).map(|address| address.ip()))
}

/// Which of a machine's addresses a link uses.
fn chosen_addresses(found: impl Iterator<Item = IpAddr>) -> Vec<IpAddr> {
    let mut chosen: Vec<IpAddr> = Vec::new();
    for ip in found {
        let is_link_local = match ip {
            IpAddr::V4(ip) => ip.is_link_local(),
            IpAddr::V6(ip) => ip.is_unicast_link_local(),
        };
        let of_family = chosen.iter().filter(|other| other.is_ipv4() == ip.is_ipv4() && !other.is_loopback());
        let is_full = !ip.is_loopback() && of_family.count() == MAX_ADDRESSES;
        let is_second_loopback = ip.is_loopback()
            && chosen.iter().any(|other| other.is_loopback() && other.is_ipv4() == ip.is_ipv4());
        if is_link_local || ip.is_unspecified() || is_full || is_second_loopback || chosen.contains(&ip) {
            continue;
        }
        chosen.push(ip);
    }
    // Loopback last: all host candidates count alike, and the first is tried first.
    chosen.sort_by_key(IpAddr::is_loopback);
    chosen
}

/// How fast connectivity checks may follow one another. Any thread.
#[derive(Debug)]
pub(super) struct Pacing {
    origin: Instant,
    /// Milliseconds after `origin`.
    started: AtomicU64,
    generation: AtomicU32,
    local: [AtomicU32; 2],
    remote: [AtomicU32; 2],
}

impl Pacing {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            origin: now,
            started: AtomicU64::new(0),
            generation: AtomicU32::new(0),
            local: Default::default(),
            remote: Default::default(),
        }
    }

    /// Checks begin, or begin anew.
    pub(super) fn restart(&self, now: Instant) {
        let since = now.saturating_duration_since(self.origin).as_millis() as u64;
        self.started.store(since, Ordering::Relaxed);
        self.generation.fetch_add(1, Ordering::Relaxed);
        for count in self.local.iter().chain(&self.remote) {
            count.store(0, Ordering::Relaxed);
        }
    }

    /// Counts how often checks began anew: tells which candidates of ours are of use no more.
    pub(super) fn generation(&self) -> u32 {
        self.generation.load(Ordering::Relaxed)
    }

    pub(super) fn add_local(&self, family: Family) {
        count(&self.local, family);
    }

    pub(super) fn add_remote(&self, family: Family) {
        count(&self.remote, family);
    }

    /// The least time between two rounds of checks: a millisecond for each pair in the first second, so that a call
    /// on a good network is there at once, five from then on (RFC 8445 section 14.2).
    fn round(&self, now: Instant) -> Duration {
        let pairs: u32 = (0..2)
            .map(|family| {
                self.local[family]
                    .load(Ordering::Relaxed)
                    .saturating_mul(self.remote[family].load(Ordering::Relaxed))
            })
            .fold(0, u32::saturating_add)
            .min(1000);
        let age = now.saturating_duration_since(
            self.origin + Duration::from_millis(self.started.load(Ordering::Relaxed)),
        );
        if age < Duration::from_secs(1) {
            if pairs <= 10 { Duration::ZERO } else { Duration::from_millis(u64::from(pairs)) }
        } else {
            Duration::from_millis((u64::from(pairs) * 5).clamp(20, 500))
        }
    }
}

fn count(counts: &[AtomicU32; 2], family: Family) {
    let families: &[usize] = match family {
        Family::V4 => &[0],
        Family::V6 => &[1],
        Family::Mdns => &[0, 1],
    };
    for family in families {
        counts[*family].fetch_add(1, Ordering::Relaxed);
    }
}

/// A link's sockets as far as the handshake needs them: what it sent last, and where from.
#[derive(Default)]
pub(super) struct Handshake {
    state: Mutex<HandshakeState>,
}

#[derive(Default)]
struct HandshakeState {
    flight: LastFlight,
    sockets: Vec<(SocketAddr, Weak<tokio::net::UdpSocket>)>,
    repeating: bool,
}

impl Handshake {
    /// The handshake is done, or the link is over.
    pub(super) fn finish(&self) {
        self.lock().flight.finish();
    }

    fn lock(&self) -> MutexGuard<'_, HandshakeState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sent(self: &Arc<Self>, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        let mut state = self.lock();
        state.flight.sent(Instant::now(), from, to, bytes);
        if state.flight.due().is_some() && !state.repeating {
            state.repeating = true;
            // In the library's task, hence within the runtime.
            tokio::spawn(repeat(Arc::downgrade(self)));
        }
    }
}

/// Repeats the last flight when it is due, until the handshake is over.
async fn repeat(handshake: Weak<Handshake>) {
    loop {
        let due = {
            let Some(handshake) = handshake.upgrade() else { return };
            let mut state = handshake.lock();
            let HandshakeState { flight, sockets, repeating } = &mut *state;
            for datagram in flight.poll(Instant::now()) {
                let socket = sockets.iter().find(|(address, _)| *address == datagram.from);
                if let Some(socket) = socket.and_then(|(_, socket)| socket.upgrade()) {
                    // A socket that is full drops it, as a network would.
                    let _ = socket.try_send_to(&datagram.bytes, datagram.to);
                }
            }
            match flight.due() {
                Some(due) if !flight.is_over() => due,
                _ => {
                    *repeating = false;
                    return;
                }
            }
        };
        tokio::time::sleep_until(due.into()).await;
    }
}

/// What the library runs on, for one link.
pub(super) struct LinkRuntime {
    handle: Handle,
    names: Names,
    pacing: Arc<Pacing>,
    bell: Arc<Bell>,
    handshake: Arc<Handshake>,
    sources: Arc<Mutex<Sources>>,
    ended: Arc<dyn Fn() + Send + Sync>,
    /// Whether the library's first task, which drives the connection, was started. Further ones come and go: it begins
    /// one for each address over TCP that a peer names.
    driven: AtomicBool,
}

impl LinkRuntime {
    /// `ended` is called when the task is over that drives the connection.
    pub(super) fn new(
        handle: Handle,
        names: Names,
        pacing: Arc<Pacing>,
        bell: Arc<Bell>,
        handshake: Arc<Handshake>,
        ended: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        let driven = AtomicBool::new(false);
        let (sources, ended) = (Arc::default(), Arc::new(ended));
        Self { handle, names, pacing, bell, handshake, sources, ended, driven }
    }
}

impl fmt::Debug for LinkRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkRuntime")
    }
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Calls its function when dropped, which happens when a task ends in any way.
struct OnEnd(Arc<dyn Fn() + Send + Sync>);

impl Drop for OnEnd {
    fn drop(&mut self) {
        (self.0)();
    }
}

impl Runtime for LinkRuntime {
    fn spawn(&self, future: Boxed<'static, ()>) -> Box<dyn JoinHandle> {
        let drives = !self.driven.swap(true, Ordering::Relaxed);
        let on_end = drives.then(|| OnEnd(self.ended.clone()));
        let task = self.handle.spawn(async move {
            let _on_end = on_end;
            if CatchPanic(future).await.is_none() {
                tracing::error!("the WebRTC library panicked; its link is lost");
            }
        });
        Box::new(Task(task))
    }

    fn wrap_udp_socket(&self, socket: std::net::UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        socket.set_nonblocking(true)?;
        let socket = Arc::new(tokio::net::UdpSocket::from_std(socket)?);
        let address = socket.local_addr()?;
        let mut state = self.handshake.lock();
        // Those of sockets that a restart replaced go.
        state.sockets.retain(|(_, socket)| socket.strong_count() > 0);
        state.sockets.push((address, Arc::downgrade(&socket)));
        let (handshake, sources) = (self.handshake.clone(), self.sources.clone());
        Ok(Arc::new(Socket { socket, address, handshake, sources }))
    }

    fn wrap_tcp_listener(&self, _listener: std::net::TcpListener) -> io::Result<Arc<dyn AsyncTcpListener>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn connect_tcp<'a>(&'a self, _remote: SocketAddr) -> Boxed<'a, io::Result<Arc<dyn AsyncTcpStream>>> {
        Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })
    }

    fn resolve_host<'a>(&'a self, host: &'a str) -> Boxed<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move {
            tokio::time::timeout(NAME_WAIT, self.names.addresses(host))
                .await
                .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        })
    }

    fn sleep(&self, duration: Duration) -> Boxed<'static, ()> {
        let asleep = tokio::time::sleep(duration.max(self.pacing.round(self.now())));
        let bell = self.bell.clone();
        // The library looks at all its deadlines whenever it wakes, so waking early does no harm.
        Box::pin(async move {
            tokio::select! {
                () = asleep => {}
                () = bell.heard() => {}
            }
        })
    }

    fn interval(&self, period: Duration) -> Box<dyn AsyncInterval> {
        Box::new(Interval(tokio::time::interval(period)))
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        self.handle.block_on(future);
    }

    fn name(&self) -> &'static str {
        "bellbird"
    }
}

/// Yields `None` when the future panicked. It is not polled again, and what it shared is given up with its link.
pub(super) struct CatchPanic<F>(pub(super) F);

impl<F: Future + Unpin> Future for CatchPanic<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let future = Pin::new(&mut self.0);
        match std::panic::catch_unwind(AssertUnwindSafe(|| future.poll(context))) {
            Ok(poll) => poll.map(Some),
            Err(_) => Poll::Ready(None),
        }
    }
}

struct Task(tokio::task::JoinHandle<()>);

impl JoinHandle for Task {
    fn detach(&self) {}

    fn abort(&self) {
        self.0.abort();
    }

    fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

struct Interval(tokio::time::Interval);

impl AsyncInterval for Interval {
    fn tick(&mut self) -> Boxed<'_, ()> {
        Box::pin(async move {
            self.0.tick().await;
        })
    }
}

/// A socket that hands over one datagram at a time.
struct Socket {
    socket: Arc<tokio::net::UdpSocket>,
    address: SocketAddr,
    handshake: Arc<Handshake>,
    sources: Arc<Mutex<Sources>>,
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Socket")
    }
}

impl AsyncUdpSocket for Socket {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }

    fn poll_send(&self, context: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        let sent = ready!(self.socket.poll_send_to(context, transmit.contents, transmit.destination));
        self.handshake.sent(self.address, transmit.destination, transmit.contents);
        Poll::Ready(sent)
    }

    fn poll_recv(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let (Some(buffer), Some(meta)) = (buffers.first_mut(), meta.first_mut()) else {
            return Poll::Ready(Ok(0));
        };
        let mut buffer = ReadBuf::new(buffer);
        let from = loop {
            buffer.clear();
            let from = ready!(self.socket.poll_recv_from(context, &mut buffer))?;
            let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
            if sources.admits(Instant::now(), buffer.filled()) {
                break from;
            }
        };
        self.handshake.lock().flight.received(buffer.filled());
        *meta = RecvMeta::default();
        meta.len = buffer.filled().len();
        meta.stride = meta.len.max(1);
        meta.addr = from;
        Poll::Ready(Ok(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_used_last_and_link_local_addresses_never() {
        let found = [
            "127.0.0.1",
            "fe80::1",
            "10.0.0.5",
            "::1",
            "169.254.3.4",
            "2001:db8::7",
            "10.0.0.5",
            "127.0.0.2",
        ];
        let chosen = chosen_addresses(found.iter().map(|text| text.parse().unwrap()));
        let chosen: Vec<_> = chosen.iter().map(ToString::to_string).collect();
        assert_eq!(chosen, ["10.0.0.5", "2001:db8::7", "127.0.0.1", "::1"]);
    }

    #[test]
    fn a_machine_with_many_networks_uses_a_few_addresses() {
        let found = (1..100).map(|last| IpAddr::from([10, 0, 0, last]));
        assert_eq!(chosen_addresses(found).len(), MAX_ADDRESSES);
    }

    #[test]
    fn checks_are_quick_at_first_and_slow_down_with_time_and_pairs() {
        let start = Instant::now();
        let pacing = Pacing::new(start);
        pacing.add_local(Family::V4);
        pacing.add_remote(Family::V4);
        pacing.add_remote(Family::V6);
        assert_eq!(pacing.round(start), Duration::ZERO);
        assert_eq!(pacing.round(start + Duration::from_secs(2)), Duration::from_millis(20));
        for _ in 0..3 {
            pacing.add_local(Family::V4);
        }
        for _ in 0..19 {
            pacing.add_remote(Family::V4);
        }
        assert_eq!(pacing.round(start), Duration::from_millis(80));
        assert_eq!(pacing.round(start + Duration::from_secs(2)), Duration::from_millis(400));
        pacing.restart(start + Duration::from_secs(3));
        assert_eq!(pacing.round(start + Duration::from_secs(3)), Duration::ZERO);
    }
}
