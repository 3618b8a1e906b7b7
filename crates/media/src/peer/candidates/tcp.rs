//! Candidates over TCP (RFC 6544), for people whose network lets no UDP out, towards a media server that listens for TCP.
//! The library speaks ICE over UDP alone.
//!
//! ```text
//!  library's socket ──UDP on loopback──▶ Way ──one TCP connection──▶ far end's passive candidate
//! ```
//!
//! A way is a UDP address of this machine that stands for such a candidate: each datagram sent to it becomes a packet
//! on the stream (RFC 4571 section 2), and each packet that comes back a datagram. Only we connect: nothing of ours
//! listens for TCP.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

/// How long UDP, which is better for sound, is tried alone.
const UDP_FIRST: Duration = Duration::from_millis(1500);
/// How long connecting may take.
const CONNECT_TIME: Duration = Duration::from_secs(10);
/// What is read at once, bytes.
const READ: usize = 8 * 1024;
/// Ports below are those of well-known services, which no peer shall have us knock at.
const LOWEST_PORT: u16 = 1024;

/// A candidate that waits for us to connect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct PassiveCandidate {
    pub(super) address: SocketAddr,
    pub(super) priority: u32,
}

impl PassiveCandidate {
    /// Reads the words of a `candidate` attribute behind the foundation. `None` when it is over UDP, does not wait for
    /// us, or is at a place where no peer has to send us.
    pub(super) fn read<'a>(mut words: impl Iterator<Item = &'a str>) -> Option<Self> {
        let (component, transport) = (words.next()?, words.next()?);
        if component != "1" || !transport.eq_ignore_ascii_case("tcp") {
            return None;
        }
        let priority = words.next()?.parse().ok()?;
        let address: IpAddr = words.next()?.parse().ok()?;
        let port: u16 = words.next()?.parse().ok()?;
        if words.next()? != "typ" || !matches!(words.next()?, "host" | "srflx") {
            return None;
        }
        let is_passive = words.any(|word| word == "tcptype") && words.next() == Some("passive");
        let is_local = address.is_loopback() || address.is_unspecified() || address.is_multicast();
        let usable = is_passive && !is_local && port >= LOWEST_PORT;
        usable.then(|| Self { address: SocketAddr::new(address, port), priority })
    }
}

/// A way to a candidate. Dropping it ends the connection.
#[derive(Debug)]
pub(super) struct Way {
    /// What stands for the candidate.
    pub(super) address: SocketAddr,
    task: AbortHandle,
}

impl Way {
    /// Opens one; it connects when somebody sends to it. Has to be called within the runtime.
    ///
    /// # Errors
    /// When no socket can be opened on loopback, or there is no runtime.
    pub(super) fn open(candidate: &PassiveCandidate) -> io::Result<Self> {
        let handle = Handle::try_current().map_err(io::Error::other)?;
        let socket = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_nonblocking(true)?;
        let (address, far) = (socket.local_addr()?, candidate.address);
        let task = handle.spawn(async move {
            let done = async { serve(UdpSocket::from_std(socket)?, far).await }.await;
            if let Err(error) = done {
                tracing::info!(kind = ?error.kind(), "a path over TCP ended");
            }
        });
        Ok(Self { address, task: task.abort_handle() })
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Carries between the first who sends to `socket` and the far end, until the connection ends.
async fn serve(socket: UdpSocket, far: SocketAddr) -> io::Result<()> {
    let mut buffer = vec![0; 65_535].into_boxed_slice();
    let client = loop {
        let (length, from) = socket.recv_from(&mut buffer).await?;
        // Sockets bound to an address of a network may send here too; one way in is enough.
        if from.ip().is_loopback() && is_check(&buffer[..length]) {
            break from;
        }
    };
    tokio::time::sleep(UDP_FIRST).await;
    let stream = tokio::time::timeout(CONNECT_TIME, TcpStream::connect(far)).await??;
    // Sound is many small packets, each wanted now.
    stream.set_nodelay(true)?;
    let (mut reader, mut writer) = stream.into_split();
    let outward = async {
        loop {
            // An earlier datagram of ours that came back is no reason to end: its socket is closed.
            let Ok((length, from)) = socket.recv_from(&mut buffer).await else { continue };
            let Ok(prefix) = u16::try_from(length) else { continue };
            if from == client {
                let mut packet = BytesMut::with_capacity(2 + length);
                packet.extend_from_slice(&prefix.to_be_bytes());
                packet.extend_from_slice(&buffer[..length]);
                writer.write_all(&packet).await?;
            }
        }
    };
    let inward = async {
        let mut received = BytesMut::with_capacity(READ);
        loop {
            received.reserve(READ);
            if reader.read_buf(&mut received).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            while let Some(packet) = take_packet(&mut received) {
                // A socket that is full or closed loses it, as on any network.
                let _ = socket.try_send_to(&packet, client);
            }
        }
    };
    tokio::select! {
        result = outward => result,
        result = inward => result,
    }
}

/// Whether a datagram begins as a STUN request does (RFC 8489 section 5): nothing else comes first.
fn is_check(datagram: &[u8]) -> bool {
    datagram.len() >= 20 && datagram[..2] == [0, 1] && datagram[4..8] == [0x21, 0x12, 0xa4, 0x42]
}

/// Cuts the first whole packet off `received`. The buffer grows by what has arrived, not by what a prefix says, and holds
/// no more than one packet of 65,535 bytes beside what is read at once.
fn take_packet(received: &mut BytesMut) -> Option<Bytes> {
    let prefix: [u8; 2] = received.get(..2)?.try_into().ok()?;
    let length = usize::from(u16::from_be_bytes(prefix));
    if received.len() < 2 + length {
        return None;
    }
    received.advance(2);
    Some(received.split_to(length).freeze())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    fn read(text: &str) -> Option<PassiveCandidate> {
        PassiveCandidate::read(text.split_ascii_whitespace())
    }

    #[test]
    fn only_what_waits_for_us_elsewhere_is_taken() {
        let janus = "1 tcp 1015022079 192.0.2.7 20001 typ host tcptype passive";
        let expected =
            PassiveCandidate { address: "192.0.2.7:20001".parse().unwrap(), priority: 1_015_022_079 };
        assert_eq!(read(janus), Some(expected));
        assert!(
            read("1 TCP 1 2001:db8::1 20001 typ srflx raddr :: rport 0 tcptype passive generation 0")
                .is_some()
        );
        for text in [
            "",
            "1 udp 1 192.0.2.7 20001 typ host",
            "1 tcp 1 192.0.2.7 20001 typ host",
            "1 tcp 1 192.0.2.7 9 typ host tcptype active",
            "1 tcp 1 192.0.2.7 20001 typ host tcptype so",
            "1 tcp 1 192.0.2.7 20001 typ host passive tcptype",
            "2 tcp 1 192.0.2.7 20001 typ host tcptype passive",
            "1 tcp 1 192.0.2.7 22 typ host tcptype passive",
            "1 tcp 1 127.0.0.1 20001 typ host tcptype passive",
            "1 tcp 1 ::1 20001 typ host tcptype passive",
            "1 tcp 1 0.0.0.0 20001 typ host tcptype passive",
            "1 tcp 1 host.local 20001 typ host tcptype passive",
            "1 tcp 1 192.0.2.7 99999 typ host tcptype passive",
            "1 tcp 1 192.0.2.7 20001 typ relay tcptype passive",
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    #[test]
    fn packets_come_whole_however_the_stream_is_cut() {
        let stream = [&[0, 3, 1, 2, 3, 0, 0, 0, 1][..], &[9], &[0xff, 0xff]].concat();
        for step in 1..stream.len() {
            let (mut received, mut found) = (BytesMut::new(), Vec::new());
            for part in stream.chunks(step) {
                received.extend_from_slice(part);
                found.extend(std::iter::from_fn(|| take_packet(&mut received)).map(|packet| packet.to_vec()));
            }
            assert_eq!(found, [vec![1, 2, 3], vec![], vec![9]], "cut every {step} bytes");
            assert!(received.capacity() < 1024, "a long length alone takes no memory");
        }
    }

    fn check() -> Vec<u8> {
        let mut check = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
        check.resize(20, 7);
        check
    }

    #[tokio::test]
    async fn datagrams_become_packets_and_packets_datagrams() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        // Of the tests' own: no candidate on loopback is ever read.
        let far = PassiveCandidate { address: listener.local_addr().unwrap(), priority: 1 };
        let way = Way::open(&far).unwrap();
        let (socket, other) =
            (UdpSocket::bind("127.0.0.1:0").await.unwrap(), UdpSocket::bind("127.0.0.1:0").await.unwrap());
        socket.send_to(b"no check: opens nothing", way.address).await.unwrap();
        socket.send_to(&check(), way.address).await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        other.send_to(b"from somebody else", way.address).await.unwrap();
        socket.send_to(b"hello", way.address).await.unwrap();
        let mut packet = [0; 7];
        stream.read_exact(&mut packet).await.unwrap();
        assert_eq!(&packet, b"\0\x05hello");
        stream.write_all(b"\0\x02hi\0\x01").await.unwrap();
        stream.write_all(b"!").await.unwrap();
        let mut datagram = [0; 10];
        for expected in [&b"hi"[..], b"!"] {
            let (length, from) = socket.recv_from(&mut datagram).await.unwrap();
            assert_eq!((&datagram[..length], from), (expected, way.address));
        }
        drop(way);
        assert_eq!(stream.read(&mut packet).await.unwrap_or(0), 0, "the connection ends with it");
    }
}
