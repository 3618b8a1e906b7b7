//! The sockets at the door. Whoever connects gets a seat; there are so many and no more, and when all are taken the one
//! goes who has shown no token for longest. So nobody can keep others out by connecting and saying nothing.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tower::Layer as _;
use tower::util::MapRequestLayer;

/// Open sockets at most.
const MAX_SEATS: usize = 128;

/// How long a request's head may take from its beginning, or from the end of the request before it.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// The largest head of a request, bytes.
const MAX_HEAD: usize = 16 << 10;

/// How long requests may take to end by themselves when the door closes.
const GRACE: Duration = Duration::from_secs(1);

/// How long to wait when the system gives out no more sockets.
const BREATH: Duration = Duration::from_millis(50);

/// What keeps a socket its seat: the later, the more.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Rank {
    /// Has shown no token yet.
    Stranger,
    /// Has, and waits to ask again.
    Resting,
    /// Has asked something that is being done.
    Busy,
    /// Has a WebSocket open.
    Guest,
}

/// One socket's place. The request carries it, and the WebSocket it becomes.
pub(crate) struct Seat {
    rank: Mutex<Rank>,
    lost: CancellationToken,
}

impl Seat {
    pub(crate) fn set_rank(&self, rank: Rank) {
        *self.rank.lock().unwrap_or_else(PoisonError::into_inner) = rank;
    }

    fn rank(&self) -> Rank {
        *self.rank.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns when somebody else has the seat.
    pub(crate) async fn lost(&self) {
        self.lost.cancelled().await;
    }
}

/// All of them.
#[derive(Default)]
struct Seats(Vec<Weak<Seat>>);

impl Seats {
    /// Takes a seat, from somebody else if need be. `None`: all are taken by those who may keep theirs.
    fn take(&mut self) -> Option<Arc<Seat>> {
        self.0.retain(|seat| seat.strong_count() > 0);
        if self.0.len() >= MAX_SEATS {
            let (place, poorest) = self
                .0
                .iter()
                .enumerate()
                .filter_map(|(place, seat)| Some((place, seat.upgrade()?)))
                // The first of equals, which came first.
                .min_by_key(|(_, seat)| seat.rank())?;
            match poorest.rank() {
                Rank::Stranger | Rank::Resting => poorest.lost.cancel(),
                Rank::Busy | Rank::Guest => return None,
            }
            self.0.remove(place);
        }
        let seat = Arc::new(Seat { rank: Mutex::new(Rank::Stranger), lost: CancellationToken::new() });
        self.0.push(Arc::downgrade(&seat));
        Some(seat)
    }
}

/// Serves whoever connects, until `stop`.
pub(crate) async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    let mut seats = Seats::default();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a socket at the door could not be taken");
                tokio::time::sleep(BREATH).await;
                continue;
            }
        };
        match seats.take() {
            Some(seat) => drop(tokio::spawn(serve_one(stream, router.clone(), seat, stop.clone()))),
            None => tracing::warn!("too many at the door: one is turned away"),
        }
    }
}

async fn serve_one(stream: TcpStream, router: Router, seat: Arc<Seat>, stop: CancellationToken) {
    // Answers are small and waited for: they must not be held back to be joined with others.
    drop(stream.set_nodelay(true));
    let seated = seat.clone();
    let service = MapRequestLayer::new(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(seated.clone());
        request
    })
    .layer(router);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = seat.lost() => return tracing::debug!("a socket at the door made way for another"),
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            match tokio::time::timeout(GRACE, connection).await {
                Ok(ended) => ended,
                Err(_) => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::trace!(%error, "a connection at the door ended early");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_make_way_then_those_who_rest_and_nobody_else() {
        let mut seats = Seats::default();
        let mut held: Vec<Arc<Seat>> = Vec::new();
        for number in 0..MAX_SEATS {
            let seat = seats.take().unwrap();
            seat.set_rank(match number {
                0 => Rank::Guest,
                1 => Rank::Busy,
                2 => Rank::Resting,
                _ => Rank::Stranger,
            });
            held.push(seat);
        }
        // Ten times as many as there are seats: the oldest strangers go, newcomers among them.
        for _ in 0..10 * MAX_SEATS {
            held.push(seats.take().unwrap());
        }
        assert_eq!(seats.0.len(), MAX_SEATS);
        let kept = |seat: &Arc<Seat>| !seat.lost.is_cancelled();
        assert!(held[..3].iter().all(kept));
        assert_eq!(held.iter().filter(|seat| kept(seat)).count(), MAX_SEATS);
        assert!(held[held.len() - (MAX_SEATS - 3)..].iter().all(kept), "the newest stay");

        for seat in held.iter().filter(|seat| kept(seat)).skip(3) {
            seat.set_rank(Rank::Guest);
        }
        assert!(seats.take().is_some());
        assert!(held[2].lost.is_cancelled());
        for seat in &held {
            seat.set_rank(Rank::Busy);
        }
        // The last one taken was dropped and gave its seat back.
        let last = seats.take().unwrap();
        last.set_rank(Rank::Busy);
        assert!(seats.take().is_none());
        drop(held);
        assert!(seats.take().is_some());
    }
}
