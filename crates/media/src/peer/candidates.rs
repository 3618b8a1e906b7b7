//! Candidates of the far end (RFC 8839 section 5.1): read strictly, counted, and kept until they can be used.

mod tcp;

use bellbird_call::IceCandidate;

use tcp::{PassiveCandidate, Way};

/// The most candidates taken from a peer between two ICE restarts. Each is paired with every address of ours and
/// checked several times, so a peer could otherwise make us knock at thousands of doors (RFC 8445 section 19.5.1).
const MAX_CANDIDATES: usize = 24;
/// The most of them that are reached over TCP.
const MAX_WAYS: usize = 4;
/// The longest candidate read, bytes.
const MAX_BYTES: usize = 1024;

/// A candidate the library may see: written anew from what we understood of a peer's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Candidate {
    text: String,
    family: Family,
}

/// What kind of address a candidate has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Family {
    V4,
    V6,
    /// A name for a host of the same network (RFC 8828 section 5.2).
    Mdns,
}

impl Candidate {
    /// Reads the value of a `candidate` attribute, with or without that name before it. `None` for what is malformed
    /// or of no use to us: TCP ([`RemoteCandidates::add`] knows what to do with some), components but the first, unknown
    /// types.
    pub(super) fn read(text: &str) -> Option<Self> {
        if text.len() > MAX_BYTES {
            return None;
        }
        let text = text.strip_prefix("a=").unwrap_or(text);
        let text = text.strip_prefix("candidate:").unwrap_or(text);
        let mut words = text.split_ascii_whitespace();
        let foundation = words.next().filter(|word| word.len() <= 32 && word.bytes().all(is_ice_char))?;
        let component = words.next()?;
        let transport = words.next()?;
        if component != "1" || !transport.eq_ignore_ascii_case("udp") {
            return None;
        }
        let priority: u32 = words.next()?.parse().ok()?;
        let (address, family) = read_address(words.next()?)?;
        let port: u16 = words.next()?.parse().ok().filter(|port| *port != 0)?;
        if words.next()? != "typ" {
            return None;
        }
        let kind = words.next().filter(|kind| matches!(*kind, "host" | "srflx" | "prflx" | "relay"))?;
        let mut text = format!("{foundation} 1 udp {priority} {address} {port} typ {kind}");
        if kind != "host" {
            if family == Family::Mdns {
                return None;
            }
            // The related address is for diagnosis only, and often hidden. The library wants one.
            text.push_str(if family == Family::V4 { " raddr 0.0.0.0 rport 0" } else { " raddr :: rport 0" });
        }
        Some(Self { text, family })
    }

    /// What stands for a candidate over TCP.
    fn of_way(way: &Way, candidate: &PassiveCandidate) -> Self {
        let (ip, port) = (way.address.ip(), way.address.port());
        Self { text: format!("tcp 1 udp {} {ip} {port} typ host", candidate.priority), family: Family::V4 }
    }

    /// The value of the attribute, without its name.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// What kind of address it has.
    pub(super) fn family(&self) -> Family {
        self.family
    }
}

/// Whether a text names a candidate over TCP that we would connect to.
pub(super) fn is_passive(text: &str) -> bool {
    PassiveCandidate::read(text.split_ascii_whitespace().skip(1)).is_some()
}

fn is_ice_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/' || byte == b'-' || byte == b'_'
}

fn read_address(word: &str) -> Option<(String, Family)> {
    if let Ok(address) = word.parse::<std::net::IpAddr>() {
        let useless = address.is_unspecified() || address.is_multicast();
        return match address {
            _ if useless => None,
            std::net::IpAddr::V4(address) if address.is_broadcast() => None,
            std::net::IpAddr::V4(address) => Some((address.to_string(), Family::V4)),
            std::net::IpAddr::V6(address) => Some((address.to_string(), Family::V6)),
        };
    }
    let name = word.strip_suffix(".local")?;
    let is_label = (1..=63).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_label.then(|| (word.to_ascii_lowercase(), Family::Mdns))
}

/// The far end's candidates of one link.
#[derive(Debug, Default)]
pub(super) struct RemoteCandidates {
    waiting: Vec<Candidate>,
    seen: Vec<Candidate>,
    usable: bool,
    /// Ways to those over TCP.
    ways: Vec<(PassiveCandidate, Way)>,
    /// Those of before the last restart, which may still be the path.
    earlier_ways: Vec<(PassiveCandidate, Way)>,
}

impl RemoteCandidates {
    /// A candidate came. Returns it when it can be used at once; it is kept when there is no remote description yet.
    pub(super) fn add(&mut self, candidate: &IceCandidate) -> Option<Candidate> {
        // An empty one ends the gathering, which changes nothing for us: checks go on until they are settled.
        if candidate.candidate.is_empty() {
            return None;
        }
        let Some(candidate) =
            Candidate::read(&candidate.candidate).or_else(|| self.way(&candidate.candidate))
        else {
            tracing::debug!("a candidate of no use to us was passed over");
            return None;
        };
        self.admit(candidate)
    }

    /// What stands for a candidate over TCP that waits for us to connect; nothing is connected yet.
    fn way(&mut self, text: &str) -> Option<Candidate> {
        if text.len() > MAX_BYTES || self.ways.len() == MAX_WAYS {
            return None;
        }
        let candidate = PassiveCandidate::read(text.split_ascii_whitespace().skip(1))?;
        if self.ways.iter().any(|(known, _)| known.address == candidate.address) {
            return None;
        }
        match Way::open(&candidate) {
            Ok(way) => {
                let stands_for_it = Candidate::of_way(&way, &candidate);
                self.ways.push((candidate, way));
                Some(stands_for_it)
            }
            Err(error) => {
                tracing::warn!(%error, "a path over TCP cannot be tried");
                None
            }
        }
    }

    /// Likewise, for one that was read already.
    pub(super) fn admit(&mut self, candidate: Candidate) -> Option<Candidate> {
        if self.seen.len() == MAX_CANDIDATES || self.seen.contains(&candidate) {
            return None;
        }
        self.seen.push(candidate.clone());
        if self.usable {
            return Some(candidate);
        }
        self.waiting.push(candidate);
        None
    }

    /// There is a remote description: yields what waited for it.
    pub(super) fn become_usable(&mut self) -> Vec<Candidate> {
        self.usable = true;
        std::mem::take(&mut self.waiting)
    }

    /// ICE starts over, so candidates count anew. Those that came for the new start already stay.
    pub(super) fn restart(&mut self) {
        self.seen = self.waiting.clone();
        self.earlier_ways = std::mem::take(&mut self.ways);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        Candidate::read(text).map(|candidate| candidate.text().to_owned())
    }

    #[test]
    fn what_browsers_write_is_read() {
        let chromium = "candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr 0.0.0.0 rport 0 \
                        generation 0 ufrag EsAw network-cost 999";
        assert_eq!(
            read(chromium).as_deref(),
            Some("842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr 0.0.0.0 rport 0")
        );
        let firefox = "candidate:0 1 UDP 2122252543 2001:db8::1 51008 typ host";
        assert_eq!(read(firefox).as_deref(), Some("0 1 udp 2122252543 2001:db8::1 51008 typ host"));
        let hidden = "candidate:1 1 udp 2113937151 1F4712DB-EA17-4bcf-a596-105139dfd8bf.local 54596 typ host";
        assert_eq!(
            read(hidden).as_deref(),
            Some("1 1 udp 2113937151 1f4712db-ea17-4bcf-a596-105139dfd8bf.local 54596 typ host")
        );
    }

    #[test]
    fn what_is_of_no_use_is_not() {
        for text in [
            "",
            "candidate:",
            "candidate:1 1 tcp 1518280447 10.0.0.1 9 typ host tcptype active",
            "candidate:1 2 udp 1 10.0.0.1 4000 typ host",
            "candidate:1 1 udp 1 10.0.0.1 0 typ host",
            "candidate:1 1 udp 1 10.0.0.1 70000 typ host",
            "candidate:1 1 udp 99999999999 10.0.0.1 4000 typ host",
            "candidate:1 1 udp 1 0.0.0.0 4000 typ host",
            "candidate:1 1 udp 1 224.0.0.251 5353 typ host",
            "candidate:1 1 udp 1 255.255.255.255 4000 typ host",
            "candidate:1 1 udp 1 example.org 4000 typ host",
            "candidate:1 1 udp 1 a.b.local 4000 typ host",
            "candidate:1 1 udp 1 x.local 4000 typ srflx",
            "candidate:1 1 udp 1 10.0.0.1 4000 typ strange",
            "candidate:1 1 udp 1 10.0.0.1 4000 host",
            "candidate:\u{1F600} 1 udp 1 10.0.0.1 4000 typ host",
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    #[tokio::test]
    async fn candidates_over_tcp_are_few_and_stand_for_themselves_once() {
        let mut candidates = RemoteCandidates::default();
        candidates.become_usable();
        let number = |port: u16| IceCandidate {
            candidate: format!("candidate:1 1 tcp 77 192.0.2.1 {port} typ host tcptype passive"),
            sdp_mid: None,
            sdp_mline_index: None,
        };
        let first = candidates.add(&number(2001)).unwrap();
        assert!(first.text().starts_with("tcp 1 udp 77 127.0.0.1 "), "{}", first.text());
        assert_eq!(candidates.add(&number(2001)), None);
        let more = (2002..2100).filter(|port| candidates.add(&number(*port)).is_some()).count();
        assert_eq!(more + 1, MAX_WAYS);
        candidates.restart();
        assert!(candidates.add(&number(2001)).is_some());
    }

    #[test]
    fn candidates_wait_are_counted_and_count_anew_after_a_restart() {
        let mut candidates = RemoteCandidates::default();
        let number = |port: u16| IceCandidate {
            candidate: format!("candidate:1 1 udp 1 10.0.0.1 {port} typ host"),
            sdp_mid: None,
            sdp_mline_index: None,
        };
        for port in 1..=100 {
            assert_eq!(candidates.add(&number(port)), None, "there is no description yet");
        }
        assert_eq!(candidates.add(&number(1)), None);
        assert_eq!(candidates.become_usable().len(), MAX_CANDIDATES);
        assert_eq!(candidates.add(&number(200)), None, "there were enough");
        candidates.restart();
        assert!(candidates.add(&number(200)).is_some());
        assert_eq!(candidates.add(&number(200)), None, "the same again");
    }
}
