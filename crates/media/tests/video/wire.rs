//! A cable between two ends that can lose, delay and become narrow, and that counts the pictures on it. The ends find it in
//! the candidates they are told, and nothing else.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bellbird_call::IceCandidate;
use bellbird_call::ports::MediaEvent;
use bellbird_testkit::random::Random;
use tokio::net::UdpSocket;

use crate::room::Change;

/// What waits longer before the narrow place is dropped.
const LONGEST_QUEUE: Duration = Duration::from_millis(800);

/// What a cable does to packets with media.
#[derive(Clone, Copy)]
pub(crate) struct Weather {
    pub(crate) loss: f64,
    /// Each way.
    pub(crate) delay: Duration,
    /// Bits per second from A to B.
    pub(crate) width: Option<u64>,
}

impl Weather {
    pub(crate) fn fair() -> Self {
        Self { loss: 0.0, delay: Duration::ZERO, width: None }
    }
}

struct Shared {
    /// What B takes for A, and what A takes for B.
    doors: [UdpSocket; 2],
    real: [Mutex<Option<SocketAddr>>; 2],
    weather: Mutex<Weather>,
    free_at: Mutex<Instant>,
    /// Datagrams with media other than sound, by sender.
    pictures: [AtomicU64; 2],
    lost: AtomicU64,
}

pub(crate) struct Cable {
    shared: Arc<Shared>,
    task: tokio::task::AbortHandle,
}

impl Cable {
    pub(crate) async fn start(weather: Weather) -> Self {
        let door = async || UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let shared = Arc::new(Shared {
            doors: [door().await, door().await],
            real: Default::default(),
            weather: Mutex::new(weather),
            free_at: Mutex::new(Instant::now()),
            pictures: Default::default(),
            lost: AtomicU64::new(0),
        });
        let task = tokio::spawn(run(shared.clone())).abort_handle();
        Self { shared, task }
    }

    /// What A says on its way to B.
    pub(crate) fn a_to_b(&self) -> Change {
        redirect(self.shared.clone(), 0)
    }

    /// What B says on its way to A.
    pub(crate) fn b_to_a(&self) -> Change {
        redirect(self.shared.clone(), 1)
    }

    /// Datagrams with pictures that A and B sent.
    pub(crate) fn pictures(&self) -> (u64, u64) {
        let [a, b] = &self.shared.pictures;
        (a.load(Ordering::SeqCst), b.load(Ordering::SeqCst))
    }

    /// Datagrams lost so far.
    pub(crate) fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::SeqCst)
    }

    /// Makes it as narrow as this, bits per second from A to B.
    pub(crate) fn narrow(&self, width: Option<u64>) {
        self.shared.weather.lock().unwrap().width = width;
    }

    /// How long what A sends now would wait before the narrow place.
    pub(crate) fn queue(&self) -> Duration {
        self.shared.free_at.lock().unwrap().saturating_duration_since(Instant::now())
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Lets only the loopback candidate through, pointed at the cable.
fn redirect(shared: Arc<Shared>, side: usize) -> Change {
    Box::new(move |event| match event {
        MediaEvent::LocalCandidate { link, candidate } => {
            let mut words: Vec<&str> = candidate.candidate.split(' ').collect();
            if words.get(4) != Some(&"127.0.0.1") {
                return None;
            }
            let port: u16 = words[5].parse().unwrap();
            *shared.real[side].lock().unwrap() = Some(SocketAddr::from(([127, 0, 0, 1], port)));
            let port = shared.doors[side].local_addr().unwrap().port().to_string();
            words[5] = &port;
            let candidate = IceCandidate { candidate: words.join(" "), ..candidate.clone() };
            Some(MediaEvent::LocalCandidate { link, candidate })
        }
        event => Some(event),
    })
}

async fn run(shared: Arc<Shared>) {
    let mut random = Random::new(bellbird_testkit::random::seed("cable", 5));
    // What is on its way, by receiver, each in the order of arrival.
    let mut travelling: [VecDeque<(Instant, Vec<u8>)>; 2] = Default::default();
    let (mut from_b, mut from_a) = (vec![0; 2048], vec![0; 2048]);
    loop {
        let next = travelling.iter().filter_map(|queue| queue.front()).map(|(at, _)| *at).min();
        let next = next.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
        // B speaks to the door that stands for A.
        let (sender, length, from) = tokio::select! {
            Ok((length, from)) = shared.doors[0].recv_from(&mut from_b) => (1, length, Some(from)),
            Ok((length, from)) = shared.doors[1].recv_from(&mut from_a) => (0, length, Some(from)),
            () = tokio::time::sleep_until(next.into()) => (0, 0, None),
        };
        let now = Instant::now();
        if let Some(from) = from {
            let datagram = if sender == 0 { &from_a[..length] } else { &from_b[..length] };
            *shared.real[sender].lock().unwrap() = Some(from);
            let weather = *shared.weather.lock().unwrap();
            let media = is_media(datagram);
            if media && is_picture(datagram) {
                shared.pictures[sender].fetch_add(1, Ordering::SeqCst);
            }
            if media && random.chance(weather.loss) {
                shared.lost.fetch_add(1, Ordering::SeqCst);
            } else if let Some(at) = arrival(&shared, sender, weather, length, now) {
                travelling[1 - sender].push_back((at, datagram.to_vec()));
            } else {
                shared.lost.fetch_add(1, Ordering::SeqCst);
            }
        }
        for (receiver, queue) in travelling.iter_mut().enumerate() {
            while queue.front().is_some_and(|(at, _)| *at <= now) {
                let Some((_, datagram)) = queue.pop_front() else { break };
                let to = *shared.real[receiver].lock().unwrap();
                if let Some(to) = to {
                    // A hears it from the door that stands for B.
                    let _ = shared.doors[1 - receiver].send_to(&datagram, to).await;
                }
            }
        }
    }
}

/// When a datagram arrives; `None` when the queue is full.
fn arrival(shared: &Shared, sender: usize, weather: Weather, length: usize, now: Instant) -> Option<Instant> {
    let Some(width) = weather.width.filter(|_| sender == 0) else { return Some(now + weather.delay) };
    let mut free_at = shared.free_at.lock().unwrap();
    if free_at.saturating_duration_since(now) > LONGEST_QUEUE {
        return None;
    }
    *free_at = (*free_at).max(now) + Duration::from_secs_f64(length as f64 * 8.0 / width as f64);
    Some(*free_at + weather.delay)
}

/// RTP and not RTCP, STUN or DTLS (RFC 7983, RFC 5761).
fn is_media(datagram: &[u8]) -> bool {
    matches!(datagram, [first, second, ..] if (128..192).contains(first) && !(192..224).contains(second))
}

/// Not Opus, which we offer with payload type 111.
fn is_picture(datagram: &[u8]) -> bool {
    datagram.get(1).is_some_and(|second| second & 0x7f != 111)
}
