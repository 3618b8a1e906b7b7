//! Addresses of STUN and TURN servers, looked up ahead of the links that need them.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use bellbird_call::IceServer;
use tokio::runtime::Handle;
use tokio::sync::watch;
use webrtc::peer_connection::RTCIceServer;

/// The most servers used.
const MAX_URLS: usize = 8;
/// The most addresses kept of one server.
const MAX_ADDRESSES: usize = 8;

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

    /// Begins the lookups for `servers`, and yields those the library can use: STUN, and TURN over UDP.
    pub(super) fn usable(&self, servers: &[IceServer]) -> Vec<RTCIceServer> {
        let mut usable: Vec<RTCIceServer> = Vec::new();
        let mut passed_over = 0;
        for server in servers {
            let mut urls = Vec::new();
            for url in &server.urls {
                match Url::read(url, server) {
                    Some(read)
                        if urls.len() + usable.iter().map(|server| server.urls.len()).sum::<usize>()
                            < MAX_URLS =>
                    {
                        if read.host.parse::<IpAddr>().is_err() {
                            self.look_up(&read.host);
                        }
                        urls.push(read.text);
                    }
                    _ => passed_over += 1,
                }
            }
            if !urls.is_empty() {
                usable.push(RTCIceServer {
                    urls,
                    username: server.username.clone().unwrap_or_default(),
                    credential: server.credential.clone().unwrap_or_default(),
                });
            }
        }
        if passed_over > 0 {
            tracing::warn!(
                passed_over,
                "only STUN, and TURN over UDP, is supported; other servers are passed over"
            );
        }
        usable
    }
}

/// A server's address, as the library wants it written.
struct Url {
    text: String,
    host: String,
}

impl Url {
    fn read(url: &str, server: &IceServer) -> Option<Self> {
        let (scheme, rest) = url.split_once(':')?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let is_turn = match scheme.to_ascii_lowercase().as_str() {
            "stun" => false,
            "turn" => true,
            _ => return None,
        };
        let has_credentials = server.username.as_ref().is_some_and(|text| !text.is_empty())
            && server.credential.as_ref().is_some_and(|text| !text.is_empty());
        let is_udp = query.is_empty() || query.eq_ignore_ascii_case("transport=udp");
        if is_turn && !(has_credentials && is_udp) {
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
        let port: u16 = port.map_or(Ok(3478), str::parse).ok()?;
        let is_address = host.parse::<IpAddr>().is_ok();
        let is_name = !host.is_empty()
            && host.len() <= 253
            && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
        if !is_address && !is_name {
            return None;
        }
        let place = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        let text = if is_turn { format!("turn:{place}?transport=udp") } else { format!("stun:{place}") };
        Some(Self { text, host: host.to_owned() })
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
        let usable = names.usable(&[
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
                &["turn:[::1]:3479?transport=udp", "turn:127.0.0.1?transport=tcp", "turns:127.0.0.1:443"],
                Some("u"),
            ),
        ]);
        let urls: Vec<_> = usable.iter().flat_map(|server| &server.urls).collect();
        assert_eq!(urls, ["stun:127.0.0.1:3478", "turn:[::1]:3479?transport=udp"]);
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
