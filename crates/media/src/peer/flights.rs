//! Repeats what the DTLS handshake sent until the peer goes on (RFC 6347 section 4.2.4).
//!
//! The library gives up its own repetition as soon as anything of the peer's next flight comes, or its last one comes
//! again, and so one lost datagram can end a handshake: both sides then wait for each other. Here the datagrams
//! themselves are kept, and sent again as they were. To the peer that is a network that doubles, which DTLS bears.
//!
//! Pure, told the time.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// The first repetition comes after this, the next ones after twice the time before, up to [`LONGEST`].
const SHORTEST: Duration = Duration::from_millis(200);
/// The longest time between two repetitions.
const LONGEST: Duration = Duration::from_secs(1);
/// How often a flight is repeated.
const REPETITIONS: u32 = 20;
/// The most datagrams kept; a flight with a long chain of certificates has about ten.
const MAX_DATAGRAMS: usize = 24;

/// One datagram of ours.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Datagram {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) bytes: Vec<u8>,
}

/// The last flight we sent.
#[derive(Debug, Default)]
pub(super) struct LastFlight {
    datagrams: Vec<Datagram>,
    /// Something of the peer's handshake came since: what is sent next begins another flight.
    answered: bool,
    repeated: u32,
    due: Option<Instant>,
    over: bool,
}

impl LastFlight {
    /// A datagram of ours leaves.
    pub(super) fn sent(&mut self, now: Instant, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        if self.over || !is_handshake(bytes) {
            return;
        }
        if std::mem::take(&mut self.answered) {
            self.datagrams.clear();
            self.repeated = 0;
        }
        let is_new = !self.datagrams.iter().any(|datagram| datagram.bytes == bytes);
        if is_new && self.datagrams.len() < MAX_DATAGRAMS {
            self.datagrams.push(Datagram { from, to, bytes: bytes.to_vec() });
        }
        self.due = Some(now + self.pause());
    }

    /// A datagram of the peer came.
    pub(super) fn received(&mut self, bytes: &[u8]) {
        if is_handshake(bytes) {
            self.answered = true;
        }
    }

    /// The handshake is done, or the link is over.
    pub(super) fn finish(&mut self) {
        self.over = true;
        self.datagrams = Vec::new();
        self.due = None;
    }

    /// Whether nothing will have to be repeated any more.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// When to look again.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// What has to be sent again now.
    pub(super) fn poll(&mut self, now: Instant) -> &[Datagram] {
        if self.over || self.due.is_none_or(|due| now < due) {
            return &[];
        }
        self.repeated += 1;
        self.due = (self.repeated < REPETITIONS).then(|| now + self.pause());
        &self.datagrams
    }

    fn pause(&self) -> Duration {
        (SHORTEST * 2u32.saturating_pow(self.repeated.min(8))).min(LONGEST)
    }
}

/// Whether a datagram begins with a DTLS record of a handshake: content types `change_cipher_spec` and `handshake`,
/// and version 1.0 or 1.2 (RFC 6347 section 4.1).
fn is_handshake(bytes: &[u8]) -> bool {
    matches!(bytes, [20 | 22, 254, 255 | 253, ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: [u8; 4] = [22, 254, 255, 1];
    const SECOND: [u8; 4] = [22, 254, 253, 2];
    const THEIRS: [u8; 4] = [22, 254, 253, 9];

    fn address() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 4000))
    }

    fn bytes(datagrams: &[Datagram]) -> Vec<&[u8]> {
        datagrams.iter().map(|datagram| datagram.bytes.as_slice()).collect()
    }

    #[test]
    fn a_flight_is_repeated_ever_more_slowly_until_there_is_another() {
        let start = Instant::now();
        let mut flight = LastFlight::default();
        flight.sent(start, address(), address(), &FIRST);
        flight.sent(start, address(), address(), &SECOND);
        assert!(flight.poll(start + Duration::from_millis(199)).is_empty());
        assert_eq!(bytes(flight.poll(start + Duration::from_millis(200))), [&FIRST[..], &SECOND[..]]);
        assert!(flight.poll(start + Duration::from_millis(500)).is_empty());
        assert_eq!(flight.poll(start + Duration::from_millis(600)).len(), 2);
        // Part of an answer does not end the repetition; what we send in return does.
        flight.received(&THEIRS);
        assert_eq!(flight.poll(start + Duration::from_millis(1400)).len(), 2);
        flight.sent(start + Duration::from_millis(1500), address(), address(), &SECOND);
        assert_eq!(bytes(flight.poll(start + Duration::from_millis(1700))), [&SECOND[..]]);
    }

    #[test]
    fn it_ends_and_only_handshakes_count() {
        let start = Instant::now();
        let mut flight = LastFlight::default();
        for other in [&[0u8, 1, 0, 0][..], &[128, 111, 0, 1], &[23, 254, 253, 0], &[22], &[]] {
            flight.sent(start, address(), address(), other);
        }
        assert_eq!(flight.due(), None);
        flight.sent(start, address(), address(), &FIRST);
        let mut now = start;
        let mut times = 0;
        while let Some(due) = flight.due() {
            now = due;
            times += flight.poll(now).len();
        }
        assert_eq!(times, REPETITIONS as usize);
        assert!(now - start > Duration::from_secs(15));
        flight.finish();
        flight.sent(now, address(), address(), &FIRST);
        assert_eq!((flight.due(), flight.is_over()), (None, true));
    }
}
