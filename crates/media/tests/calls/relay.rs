//! A stretch of network between two ends: a relay they are made to use by changing their candidates on the way.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bellbird_call::IceCandidate;
use bellbird_call::ports::MediaEvent;
use bellbird_testkit::network::{LinkProfile, SimulatedLink};
use tokio::net::UdpSocket;

use crate::harness::Change;

/// The relay's two doors: `for_a` is what B takes for A, `for_b` the other way round.
pub(crate) struct Relay {
    for_a: Arc<UdpSocket>,
    for_b: Arc<UdpSocket>,
    a: Arc<Mutex<Option<SocketAddr>>>,
    b: Arc<Mutex<Option<SocketAddr>>>,
    counts: Arc<Counts>,
    task: tokio::task::AbortHandle,
}

/// Datagrams with RTP that came in, by sender.
#[derive(Default)]
pub(crate) struct Counts {
    from_a: AtomicU64,
    from_b: AtomicU64,
}

impl Relay {
    pub(crate) async fn start(profile: LinkProfile, seed: u64) -> Self {
        let for_a = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let for_b = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let (a, b, counts) = (Arc::default(), Arc::default(), Arc::new(Counts::default()));
        let task = tokio::spawn(run(
            for_a.clone(),
            for_b.clone(),
            Arc::clone(&a),
            Arc::clone(&b),
            counts.clone(),
            SimulatedLink::new(profile.clone(), seed),
            SimulatedLink::new(profile, seed + 1),
        ));
        Self { for_a, for_b, a, b, counts, task: task.abort_handle() }
    }

    /// What A says on its way to B.
    pub(crate) fn a_to_b(&self) -> Change {
        redirect(self.for_a.local_addr().unwrap(), self.a.clone())
    }

    /// What B says on its way to A.
    pub(crate) fn b_to_a(&self) -> Change {
        redirect(self.for_b.local_addr().unwrap(), self.b.clone())
    }

    /// RTP datagrams that A and B sent.
    pub(crate) fn rtp(&self) -> (u64, u64) {
        (self.counts.from_a.load(Ordering::SeqCst), self.counts.from_b.load(Ordering::SeqCst))
    }

    /// Where to throw something at A, as if it came from B.
    pub(crate) fn address_of_a(&self) -> Option<SocketAddr> {
        *self.a.lock().unwrap()
    }

    /// B's door, to throw from.
    pub(crate) fn door_of_b(&self) -> &UdpSocket {
        &self.for_b
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Lets only the loopback candidate through, pointed at the relay.
fn redirect(door: SocketAddr, real: Arc<Mutex<Option<SocketAddr>>>) -> Change {
    Box::new(move |event| match event {
        MediaEvent::LocalCandidate { link, candidate } => {
            let mut words: Vec<&str> = candidate.candidate.split(' ').collect();
            if words.get(4) != Some(&"127.0.0.1") {
                return None;
            }
            let port: u16 = words[5].parse().unwrap();
            *real.lock().unwrap() = Some(SocketAddr::from(([127, 0, 0, 1], port)));
            let port = door.port().to_string();
            words[5] = &port;
            let candidate = IceCandidate { candidate: words.join(" "), ..candidate.clone() };
            Some(MediaEvent::LocalCandidate { link, candidate })
        }
        event => Some(event),
    })
}

async fn run(
    for_a: Arc<UdpSocket>,
    for_b: Arc<UdpSocket>,
    a: Arc<Mutex<Option<SocketAddr>>>,
    b: Arc<Mutex<Option<SocketAddr>>>,
    counts: Arc<Counts>,
    mut to_a: SimulatedLink<Vec<u8>>,
    mut to_b: SimulatedLink<Vec<u8>>,
) {
    let (mut from_b, mut from_a) = (vec![0; 2048], vec![0; 2048]);
    loop {
        let now = Instant::now();
        let next = [to_a.poll_timeout(), to_b.poll_timeout()].into_iter().flatten().min();
        let next = next.unwrap_or(now + Duration::from_secs(3600));
        tokio::select! {
            Ok((length, from)) = for_a.recv_from(&mut from_b) => {
                *b.lock().unwrap() = Some(from);
                counts.from_b.fetch_add(u64::from(is_rtp(&from_b[..length])), Ordering::SeqCst);
                to_a.send(from_b[..length].to_vec(), Instant::now());
            }
            Ok((length, from)) = for_b.recv_from(&mut from_a) => {
                *a.lock().unwrap() = Some(from);
                counts.from_a.fetch_add(u64::from(is_rtp(&from_a[..length])), Ordering::SeqCst);
                to_b.send(from_a[..length].to_vec(), Instant::now());
            }
            () = tokio::time::sleep_until(next.into()) => {}
        }
        let now = Instant::now();
        while let Some(datagram) = to_a.poll(now) {
            let to = *a.lock().unwrap();
            if let Some(to) = to {
                let _ = for_b.send_to(&datagram, to).await;
            }
        }
        while let Some(datagram) = to_b.poll(now) {
            let to = *b.lock().unwrap();
            if let Some(to) = to {
                let _ = for_a.send_to(&datagram, to).await;
            }
        }
    }
}

/// RTP and not RTCP, STUN or DTLS (RFC 7983, RFC 5761).
fn is_rtp(datagram: &[u8]) -> bool {
    matches!(datagram, [first, second, ..] if (128..192).contains(first) && !(192..224).contains(second))
}
