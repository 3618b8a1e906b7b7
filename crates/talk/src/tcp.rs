//! Connections for WebSockets: straight, or through the proxy that the environment names, as HTTP requests go
//! (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`, in either case; RFC 9110 section 9.3.6 for `CONNECT`).

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bellbird_call::Secret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::{Host, Url};

use crate::address::is_loopback;

/// Longest answer of a proxy that is read, bytes.
const MAX_ANSWER: usize = 8 * 1024;

/// A proxy and how to be let through.
struct Proxy {
    host: String,
    port: u16,
    /// `user:password`.
    credentials: Option<Secret>,
}

/// Connects to the host of a `ws:` or `wss:` address. The error is a reason for the log, without names.
pub(crate) async fn connect(url: &Url) -> Result<TcpStream, &'static str> {
    connect_by(url, &|name| std::env::var(name).ok()).await
}

async fn connect_by(
    url: &Url,
    variable: &(dyn Fn(&str) -> Option<String> + Sync),
) -> Result<TcpStream, &'static str> {
    let host = url.host().ok_or("the address has no host")?;
    let port = url.port_or_known_default().ok_or("the address has no port")?;
    let stream = match proxy_for(url, variable)? {
        Some(proxy) => through(&proxy, &host, port).await?,
        None => match host {
            Host::Domain(name) => TcpStream::connect((name, port)).await,
            Host::Ipv4(address) => TcpStream::connect((address, port)).await,
            Host::Ipv6(address) => TcpStream::connect((address, port)).await,
        }
        .map_err(|_| "nothing answers there")?,
    };
    stream.set_nodelay(true).map_err(|_| "the connection broke")?;
    Ok(stream)
}

/// The proxy for an address; what is on this machine is never sent through one.
fn proxy_for(
    url: &Url,
    variable: &(dyn Fn(&str) -> Option<String> + Sync),
) -> Result<Option<Proxy>, &'static str> {
    let either = |name: &str| {
        let value = variable(name).or_else(|| variable(&name.to_ascii_lowercase()));
        value.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    };
    let own = if url.scheme() == "wss" { "HTTPS_PROXY" } else { "HTTP_PROXY" };
    let Some(named) = either(own).or_else(|| either("ALL_PROXY")) else { return Ok(None) };
    if is_loopback(url) || either("NO_PROXY").is_some_and(|list| is_exempt(url, &list)) {
        return Ok(None);
    }
    let named = if named.contains("://") { named } else { format!("http://{named}") };
    let proxy = Url::parse(&named).map_err(|_| "the environment names a proxy without a usable address")?;
    if proxy.scheme() != "http" {
        return Err("the environment names a proxy of a kind that is not served");
    }
    let host = proxy.host_str().ok_or("the environment names a proxy without a host")?;
    let credentials = (!proxy.username().is_empty()).then(|| {
        let plain = |text: &str| percent_decoded(text);
        Secret::new(format!("{}:{}", plain(proxy.username()), plain(proxy.password().unwrap_or_default())))
    });
    let host = host.trim_matches(['[', ']']).to_owned();
    Ok(Some(Proxy { host, port: proxy.port_or_known_default().unwrap_or(80), credentials }))
}

/// Whether a host is in the list of those reached without a proxy: names with all below them, addresses, networks in
/// CIDR notation (RFC 4632 section 3.1), or `*`.
fn is_exempt(url: &Url, list: &str) -> bool {
    let Some(host) = url.host_str().map(|host| host.trim_matches(['[', ']']).to_ascii_lowercase()) else {
        return false;
    };
    list.split(',').map(|entry| entry.trim().to_ascii_lowercase()).filter(|entry| !entry.is_empty()).any(
        |entry| {
            let entry = entry.trim_start_matches("*.").trim_start_matches('.');
            let same_address = || match (host.parse::<IpAddr>(), entry.parse::<IpAddr>()) {
                (Ok(host), Ok(entry)) => host == entry,
                _ => false,
            };
            let in_network = || host.parse().is_ok_and(|host| is_in_network(host, entry));
            let below = || host.strip_suffix(entry).is_some_and(|rest| rest.ends_with('.'));
            entry == "*"
                || host == entry
                || same_address()
                || in_network()
                || (host.parse::<IpAddr>().is_err() && below())
        },
    )
}

/// Whether an address is in a network such as `192.168.0.0/16` or `fd00::/8`.
fn is_in_network(host: IpAddr, network: &str) -> bool {
    let Some((base, length)) = network.split_once('/') else { return false };
    let (Ok(base), Ok(length)) = (base.parse::<IpAddr>(), length.parse::<u32>()) else { return false };
    let bits = |address: IpAddr| match address {
        // An IPv4 address is the first quarter of the number, so that one mask serves both.
        IpAddr::V4(address) => (u128::from(address.to_bits()) << 96, 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    };
    let ((host, family), (base, family_of_base)) = (bits(host), bits(base));
    let mask = u128::MAX.checked_shl(128_u32.saturating_sub(length)).unwrap_or(0);
    family == family_of_base && length <= family && (host ^ base) & mask == 0
}

fn percent_decoded(text: &str) -> String {
    // A form's value is decoded alike, but for a plus sign.
    let pair = format!("x={}", text.replace('+', "%2B"));
    url::form_urlencoded::parse(pair.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

async fn through(proxy: &Proxy, host: &Host<&str>, port: u16) -> Result<TcpStream, &'static str> {
    let connecting = TcpStream::connect((proxy.host.as_str(), proxy.port));
    let mut stream = connecting.await.map_err(|_| "the proxy does not answer")?;
    let mut request = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n");
    if let Some(credentials) = &proxy.credentials {
        request += &format!("Proxy-Authorization: Basic {}\r\n", STANDARD.encode(credentials.expose()));
    }
    request += "\r\n";
    stream.write_all(request.as_bytes()).await.map_err(|_| "the proxy broke the connection")?;
    // Byte by byte: whatever follows the empty line is the far end's already.
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() >= MAX_ANSWER {
            return Err("the proxy's answer is far too long");
        }
        answer.push(stream.read_u8().await.map_err(|_| "the proxy broke the connection")?);
    }
    let first = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let mut words = first.split(|byte| *byte == b' ');
    match (words.next(), words.next()) {
        (Some(version), Some([b'2', _, _])) if version.starts_with(b"HTTP/1.") => Ok(stream),
        (Some(_) | None, _) => Err("the proxy does not let us through"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    fn by<'a>(set: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + Sync + 'a {
        |name| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn the_environment_says_which_way_to_go() {
        let proxy = [("https_proxy", "proxy.example:3128")];
        /// An address, the environment, and the proxy to go through.
        type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], Option<(&'a str, u16)>);
        let cases: &[Case<'_>] = &[
            ("wss://hpb.example.org/spreed", &[], None),
            ("wss://hpb.example.org/spreed", &proxy, Some(("proxy.example", 3128))),
            ("wss://hpb.example.org/spreed", &[("HTTPS_PROXY", "http://[::1]:1")], Some(("::1", 1))),
            ("wss://hpb.example.org/spreed", &[("ALL_PROXY", "http://p")], Some(("p", 80))),
            ("wss://hpb.example.org/spreed", &[("HTTP_PROXY", "http://p")], None),
            ("wss://hpb.example.org/spreed", &[("HTTPS_PROXY", "p"), ("NO_PROXY", "a, example.org")], None),
            ("wss://hpb.example.org/spreed", &[("HTTPS_PROXY", "p"), ("no_proxy", ".example.org")], None),
            ("wss://hpb.example.org/spreed", &[("HTTPS_PROXY", "p"), ("no_proxy", "*")], None),
            ("wss://badexample.org/", &[("HTTPS_PROXY", "p"), ("no_proxy", "example.org")], Some(("p", 80))),
            ("wss://192.0.2.7/", &[("HTTPS_PROXY", "p"), ("no_proxy", "192.0.2.7")], None),
            ("wss://10.1.2.3/", &[("HTTPS_PROXY", "p"), ("no_proxy", "x, 10.1.0.0/16")], None),
            ("wss://10.2.2.3/", &[("HTTPS_PROXY", "p"), ("no_proxy", "10.1.0.0/16")], Some(("p", 80))),
            ("wss://[fd77::1]/", &[("HTTPS_PROXY", "p"), ("no_proxy", "fd00::/8")], None),
            (
                "wss://[fe77::1]/",
                &[("HTTPS_PROXY", "p"), ("no_proxy", "fd00::/8,0.0.0.0/0")],
                Some(("p", 80)),
            ),
            ("wss://10.1.2.3/", &[("HTTPS_PROXY", "p"), ("no_proxy", "0.0.0.0/0")], None),
            (
                "wss://10.1.2.3/",
                &[("HTTPS_PROXY", "p"), ("no_proxy", "10.0.0.0/33,10.1.2.3/,/8")],
                Some(("p", 80)),
            ),
            ("ws://127.0.0.1:8090/push", &[("HTTP_PROXY", "http://p")], None),
        ];
        for (url, set, expected) in cases {
            let found = proxy_for(&Url::parse(url).unwrap(), &by(set)).unwrap();
            let found = found.map(|proxy| (proxy.host, proxy.port));
            assert_eq!(found, expected.map(|(host, port)| (host.to_owned(), port)), "{url} {set:?}");
        }
        let url = Url::parse("wss://hpb.example.org/").unwrap();
        assert!(proxy_for(&url, &by(&[("ALL_PROXY", "socks5://p:1")])).is_err());
    }

    /// A proxy that answers so, and then sends what the far end would.
    async fn answers(answer: &'static str) -> (String, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://ann:p%40ss@{}", listener.local_addr().unwrap());
        let asked = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                asked.push(stream.read_u8().await.unwrap());
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8(asked).unwrap()
        });
        (address, asked)
    }

    #[tokio::test]
    async fn a_connection_goes_through_the_proxy_untouched() {
        let (address, asked) = answers("HTTP/1.1 200 Fine\r\nX: y\r\n\r\nhello").await;
        let url = Url::parse("wss://hpb.example.org/spreed").unwrap();
        let mut stream = connect_by(&url, &by(&[("HTTPS_PROXY", &address)])).await.unwrap();
        let mut hello = [0; 5];
        stream.read_exact(&mut hello).await.unwrap();
        assert_eq!(&hello, b"hello");
        let asked = asked.await.unwrap();
        assert!(asked.starts_with("CONNECT hpb.example.org:443 HTTP/1.1\r\n"), "{asked}");
        assert!(asked.contains(&format!("Basic {}\r\n", STANDARD.encode("ann:p@ss"))), "{asked}");
    }

    #[tokio::test]
    async fn a_proxy_that_refuses_is_an_error() {
        let endless: &'static str = Box::leak("x".repeat(MAX_ANSWER + 10).into_boxed_str());
        for answer in ["HTTP/1.1 407 No\r\n\r\n", "SSH-2.0\r\n\r\n", "\r\n\r\n", "HTTP/1.1 200", endless] {
            let (address, _asked) = answers(answer).await;
            let url = Url::parse("wss://hpb.example.org/spreed").unwrap();
            assert!(connect_by(&url, &by(&[("HTTPS_PROXY", &address)])).await.is_err(), "{answer:.40}");
        }
    }
}
