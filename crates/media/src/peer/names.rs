//! Addresses of STUN and TURN servers, looked up ahead of the links that need them.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bellbird_call::IceServer;
use tokio::runtime::Handle;
use tokio::sync::watch;
use webrtc::peer_connection::RTCIceServer;

use super::turn_stream::{Security, StreamServer, Tunnels};

/// The most servers used.
const MAX_URLS: usize = 8;
/// The most addresses kept of one server.
const MAX_ADDRESSES: usize = 8;
/// How long TURN by TCP or TLS waits where TURN by UDP is offered, too.
const UDP_FIRST: Duration = Duration::from_millis(500);

type Answer = watch::Receiver<Option<Arc<[IpAddr]>>>;

/// The lookups of one call. Clones share them.
#[derive(Clone)]
pub(super) struct Names {
    handle: Handle,
    answers: Arc<Mutex<HashMap<String, Answer>>>,
}

impl Names {
    pub(super) fn new(handle: Handle) -> Self {
        Self { handle, answers: Arc::default() }
    }

    /// Begins to look up `host`, unless that was done.
    pub(super) fn look_up(&self, host: &str) -> Answer {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = answers.get(host) {
            return answer.clone();
        }
        let (tell, answer) = watch::channel(None);
        answers.insert(host.to_owned(), answer.clone());
        let host = host.to_owned();
        self.handle.spawn(async move {
            let found: Arc<[IpAddr]> = match tokio::net::lookup_host((host.as_str(), 0)).await {
                Ok(found) => found.map(|address| address.ip()).take(MAX_ADDRESSES).collect(),
                Err(error) => {
                    tracing::warn!(%host, %error, "a STUN or TURN server has no address");
                    Arc::from([])
                }
            };
            // Nobody may wait any more.
            let _ = tell.send(Some(found));
        });
        answer
    }

    /// The addresses of `host:port`; waits for a lookup under way.
    ///
    /// # Errors
    /// When it is not of that form, or the host has no address.
    pub(super) async fn addresses(&self, host_and_port: &str) -> io::Result<Vec<SocketAddr>> {
        let (host, port) = host_and_port.rsplit_once(':').ok_or(io::ErrorKind::InvalidInput)?;
        let port: u16 = port.parse().map_err(|_| io::ErrorKind::InvalidInput)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        let mut answer = self.look_up(host);
        let found = answer.wait_for(Option::is_some).await.map_err(|_| io::ErrorKind::NotFound)?;
        Ok(found.iter().flat_map(|found| found.iter()).map(|ip| SocketAddr::new(*ip, port)).collect())
    }

    /// Begins the lookups for `servers`, and yields what the library can use: STUN and TURN over UDP as they are, and
    /// a tunnel's address for TURN over TCP and TLS.
    pub(super) fn usable(&self, servers: &[IceServer], tunnels: &mut Tunnels) -> Vec<RTCIceServer> {
        let read = |server: &IceServer| -> Vec<Option<Place>> {
            server.urls.iter().map(|url| Place::read(url, server)).collect()
        };
        let read: Vec<_> = servers.iter().map(|server| (server, read(server))).collect();
        let places = || read.iter().flat_map(|(_, places)| places);
        let passed_over = places().filter(|place| place.is_none()).count();
        let has_udp = places().flatten().any(|place| place.service == Service::Turn);
        let mut left = MAX_URLS;
        let mut usable = Vec::new();
        for (server, places) in read {
            let places = places.into_iter().flatten();
            let urls: Vec<_> =
                places.filter_map(|place| self.url(place, has_udp, tunnels)).take(left).collect();
            left -= urls.len();
            if !urls.is_empty() {
                usable.push(RTCIceServer {
                    urls,
                    username: server.username.clone().unwrap_or_default(),
                    credential: server.credential.clone().unwrap_or_default(),
                });
            }
        }
        if passed_over > 0 {
            tracing::warn!(passed_over, "STUN or TURN servers that cannot be used are passed over");
        }
        usable
    }

    /// A server's address, as the library wants it written.
    fn url(&self, place: Place, has_udp: bool, tunnels: &mut Tunnels) -> Option<String> {
        let Place { service, host, port } = place;
        match service {
            Service::Stun => Some(format!("stun:{}:{port}", self.named(&host))),
            Service::Turn => Some(format!("turn:{}:{port}?transport=udp", self.named(&host))),
            Service::TurnStream(security) => {
                let patience = if has_udp { UDP_FIRST } else { Duration::ZERO };
                match tunnels.address(&self.handle, StreamServer { host, port, security }, patience) {
                    Ok(address) => Some(format!("turn:{address}?transport=udp")),
                    Err(error) => {
                        tracing::warn!(%error, "a TURN server over TCP or TLS cannot be used");
                        None
                    }
                }
            }
        }
    }

    /// A host as URLs write it. Begins to look it up when it is a name.
    fn named(&self, host: &str) -> String {
        if host.parse::<IpAddr>().is_err() {
            self.look_up(host);
        }
        if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
    }
}

/// Where a server is, and what it does for us.
struct Place {
    service: Service,
    host: String,
    port: u16,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Service {
    Stun,
    /// Over UDP.
    Turn,
    TurnStream(Security),
}

impl Place {
    /// Reads a URL (RFC 7064, RFC 7065). `None` when it is none, when it lacks credentials it needs, or when it asks
    /// for what nobody here speaks (STUN over a stream helps nobody, DTLS towards TURN no server asks for).
    fn read(url: &str, server: &IceServer) -> Option<Self> {
        let (scheme, rest) = url.split_once(':')?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (_, transport) =
            query.split_once('=').filter(|(name, _)| *name == "transport").unwrap_or(("", query));
        let service = match (scheme.to_ascii_lowercase().as_str(), transport.to_ascii_lowercase().as_str()) {
            ("stun", "" | "udp") => Service::Stun,
            ("turn", "" | "udp") => Service::Turn,
            ("turn", "tcp") => Service::TurnStream(Security::Plain),
            ("turns", "" | "tcp") => Service::TurnStream(Security::Tls),
            _ => return None,
        };
        let has_credentials = server.username.as_ref().is_some_and(|text| !text.is_empty())
            && server.credential.as_ref().is_some_and(|text| !text.is_empty());
        if service != Service::Stun && !has_credentials {
            return None;
        }
        let (host, port) = match place.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']')?;
                (host, port.strip_prefix(':'))
            }
            None => match place.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (place, None),
            },
        };
        let usual = if service == Service::TurnStream(Security::Tls) { 5349 } else { 3478 };
        let port: u16 = port.map_or(Ok(usual), str::parse).ok()?;
        let is_address = host.parse::<IpAddr>().is_ok();
        let is_name = !host.is_empty()
            && host.len() <= 253
            && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
        (is_address || is_name).then(|| Self { service, host: host.to_owned(), port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(urls: &[&str], username: Option<&str>) -> IceServer {
        IceServer {
            urls: urls.iter().map(|url| (*url).to_owned()).collect(),
            username: username.map(str::to_owned),
            credential: username.map(str::to_owned),
        }
    }

    #[tokio::test]
    async fn what_the_library_would_stumble_over_is_passed_over() {
        let names = Names::new(Handle::current());
        let mut tunnels = Tunnels::default();
        let servers = [
            server(
                &[
                    "stun:127.0.0.1",
                    "stuns:127.0.0.1:5349",
                    "nonsense",
                    "stun:bad host:1",
                    "stun:127.0.0.1:x",
                ],
                None,
            ),
            server(&["turn:127.0.0.1:3478"], None),
            server(
                &[
                    "turn:[::1]:3479?transport=udp",
                    "turn:127.0.0.1?transport=sctp",
                    "turns:127.0.0.1?transport=udp",
                ],
                Some("u"),
            ),
        ];
        let usable = names.usable(&servers, &mut tunnels);
        let urls: Vec<_> = usable.iter().flat_map(|server| &server.urls).collect();
        assert_eq!(urls, ["stun:127.0.0.1:3478", "turn:[::1]:3479?transport=udp"]);
    }

    #[tokio::test]
    async fn turn_over_a_stream_is_an_address_of_this_machine() {
        let names = Names::new(Handle::current());
        let mut tunnels = Tunnels::default();
        let urls = ["turn:turn.example:80?transport=tcp", "turns:turn.example?transport=tcp"];
        let servers = [server(&urls, Some("u"))];
        let usable = names.usable(&servers, &mut tunnels);
        let [first, second] = &usable[0].urls[..] else { panic!("{:?}", usable[0].urls) };
        for url in [first, second] {
            assert!(url.starts_with("turn:127.0.0.1:") && url.ends_with("?transport=udp"), "{url}");
        }
        assert_ne!(first, second);
        let again = names.usable(&servers, &mut tunnels);
        assert_eq!(again[0].urls, usable[0].urls, "one tunnel serves all links of a call");
    }

    #[tokio::test]
    async fn addresses_need_no_lookup() {
        let names = Names::new(Handle::current());
        assert_eq!(names.addresses("::1:3479").await.unwrap(), ["[::1]:3479".parse::<SocketAddr>().unwrap()]);
        assert_eq!(
            names.addresses("127.0.0.1:80").await.unwrap(),
            ["127.0.0.1:80".parse::<SocketAddr>().unwrap()]
        );
        assert!(names.addresses("nothing").await.is_err());
    }
}
