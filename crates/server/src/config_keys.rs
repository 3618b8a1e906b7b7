//! Server-wide settings: their keys, meanings, defaults and what values they take.

use std::path::PathBuf;

use bellbird_talk_wire::constants::PERMISSIONS_MAX_DEFAULT;
use rusqlite::Connection;
use sha2::{Digest, Sha256};
use url::Url;

use crate::hpb::parse_url;
use crate::store::{StoreError, config};
use crate::words::PERMISSIONS_MAX_SENT;

/// One setting as documented to the person who changes it.
#[derive(Debug, Clone, Copy)]
pub struct ConfigKey {
    /// What to write on the command line.
    pub key: &'static str,
    /// The value without being set.
    pub default: &'static str,
    /// What it does and which values it takes, for people.
    pub help: &'static str,
    /// The value is not to be shown.
    pub secret: bool,
    check: fn(&str) -> bool,
}

/// Most sessions that one ping of the signaling server may name.
pub(crate) const MAX_PINGED: u32 = 1000;
/// Stored at every start: the signaling server the program was started with.
pub(crate) const GIVEN_HPB: &str = "internal.given-hpb";

/// Every setting there is.
pub const CONFIG_KEYS: &[ConfigKey] = &[
    key(
        "allowed-registrations",
        "invitation",
        "who may register: invitation (whoever has a link) or none",
        |v| matches!(v, "invitation" | "none"),
    ),
    key(
        "brute-force-delays",
        "1",
        "1: guesses (passwords, links) are answered later and later, up to 25 s; 0: only refused when there are too many",
        is_switch,
    ),
    key("calls", "1", "1: calls are possible; 0: nobody may call", is_switch),
    key("default-permissions", "246", "permission bits of members without their own, 0 to 255", |v| {
        v.parse::<u32>().is_ok_and(|bits| bits <= PERMISSIONS_MAX_SENT)
    }),
    key(
        "hpb-secret-file",
        "",
        "the file that holds the secret shared with the external signaling server",
        |_| true,
    ),
    key("hpb-url", "", "the external signaling server's address (empty: none, calls are a mesh)", |v| {
        v.is_empty() || parse_url(v).is_some()
    }),
    key(
        "recording-consent",
        "0",
        "agreeing to be recorded before joining a call: 0 no, 1 always, 2 per conversation",
        |v| matches!(v, "0" | "1" | "2"),
    ),
    key(
        "recording-max-megabytes",
        "4096",
        "the largest recording that is taken, in megabytes (1 to 1000000)",
        |v| v.parse::<u32>().is_ok_and(|megabytes| (1..=1_000_000).contains(&megabytes)),
    ),
    key(
        "recording-secret-file",
        "",
        "the file that holds the secret shared with the recording server",
        |_| true,
    ),
    key(
        "recording-url",
        "",
        "the recording server's address (empty: calls cannot be recorded; needs hpb-url as well)",
        |v| v.is_empty() || parse_url(v).is_some(),
    ),
    key("server-name", "Bellbird", "the name people see", |v| !v.trim().is_empty() && v.len() <= 100),
    key(
        "session-ping-limit",
        "200",
        "how many sessions the external signaling server may name in one request",
        |v| v.parse::<u32>().is_ok_and(|limit| (1..=MAX_PINGED).contains(&limit)),
    ),
    key("sip-caller", "", "the number that people called by telephone see (empty: none)", |v| {
        v.is_empty()
            || v.strip_prefix('+').is_some_and(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()))
    }),
    key(
        "sip-dialout",
        "0",
        "1: telephone numbers can be invited (calling them needs a SIP bridge); 0: not",
        is_switch,
    ),
    key(
        "start-calls",
        "0",
        "who may start calls: 0 everyone, 1 accounts and moderators, 2 moderators, 3 nobody",
        |v| matches!(v, "0" | "1" | "2" | "3"),
    ),
    key(
        "start-calls-groups",
        "",
        "only members of these groups may start calls (comma list; empty: everyone)",
        |_| true,
    ),
    key(
        "stun-servers",
        "",
        "STUN servers, comma list of HOST:PORT (empty: none, enough on one network)",
        |v| v.split(',').filter(|s| !s.trim().is_empty()).all(|s| is_host_port(s.trim())),
    ),
    key(
        "turn-servers",
        "",
        "TURN servers, comma list of SCHEMES HOST:PORT PROTOCOLS, as `turn+turns turn.example.org:443 udp+tcp`",
        |v| v.split(',').filter(|s| !s.trim().is_empty()).all(|s| TurnServer::parse(s, "").is_some()),
    ),
    ConfigKey {
        key: "turn-secret",
        default: "",
        help: "the secret shared with the TURN servers",
        secret: true,
        check: |_| true,
    },
];

const fn key(
    key: &'static str,
    default: &'static str,
    help: &'static str,
    check: fn(&str) -> bool,
) -> ConfigKey {
    ConfigKey { key, default, help, secret: false, check }
}

fn is_switch(value: &str) -> bool {
    matches!(value, "0" | "1")
}

fn is_host_port(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty()
            && !host.contains(char::is_whitespace)
            && port.parse::<u16>().is_ok_and(|port| port != 0)
    })
}

impl ConfigKey {
    /// The setting of this name.
    pub fn find(name: &str) -> Option<&'static Self> {
        CONFIG_KEYS.iter().find(|key| key.key == name)
    }

    /// Whether it takes this value.
    pub fn accepts(&self, value: &str) -> bool {
        value.len() <= 4096 && !value.contains(char::is_control) && (self.check)(value)
    }
}

/// A TURN server and how to reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TurnServer {
    pub(crate) urls: Vec<String>,
    pub(crate) secret: String,
}

impl TurnServer {
    fn parse(text: &str, secret: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let (schemes, server, protocols) = (words.next()?, words.next()?, words.next()?);
        if words.next().is_some() || !is_host_port(server) {
            return None;
        }
        let mut urls = Vec::new();
        for scheme in schemes.split('+') {
            for protocol in protocols.split('+') {
                if !matches!(scheme, "turn" | "turns") || !matches!(protocol, "udp" | "tcp") {
                    return None;
                }
                urls.push(format!("{scheme}:{server}?transport={protocol}"));
            }
        }
        Some(Self { urls, secret: secret.to_owned() })
    }

    /// From whole addresses, as `turn:turn.example.org:3478?transport=udp`. `None` when one is none.
    pub(crate) fn of_urls(urls: &[String], secret: &str) -> Option<Self> {
        let fine = |url: &String| {
            let (server, query) = url.split_once('?').unwrap_or((url, "transport=udp"));
            let server = server.strip_prefix("turn:").or_else(|| server.strip_prefix("turns:"));
            server.is_some_and(is_host_port) && matches!(query, "transport=udp" | "transport=tcp")
        };
        urls.iter().all(fine).then(|| Self { urls: urls.to_vec(), secret: secret.to_owned() })
    }
}

/// The settings as they are at this moment.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) registrations_by_invitation: bool,
    pub(crate) calls: bool,
    pub(crate) guesses_are_delayed: bool,
    pub(crate) default_permissions: u32,
    pub(crate) recording_consent: u8,
    /// Address and secret file of the external signaling server.
    pub(crate) hpb: Option<(Url, PathBuf)>,
    /// Address and secret file of the recording server.
    pub(crate) recording: Option<(Url, PathBuf)>,
    /// Largest recording, bytes.
    pub(crate) recording_max_bytes: u64,
    pub(crate) session_ping_limit: u32,
    /// Shown to people called by telephone; may be empty.
    pub(crate) sip_caller: String,
    pub(crate) server_name: String,
    pub(crate) sip_dialout: bool,
    pub(crate) start_calls: u8,
    pub(crate) start_calls_groups: Vec<String>,
    pub(crate) stun_servers: Vec<String>,
    pub(crate) turn_servers: Vec<TurnServer>,
    /// Changes whenever a client should ask for capabilities again.
    pub(crate) hash: String,
}

impl Settings {
    /// Reads them; a handful of rows, so asked for with every request that needs them.
    pub(crate) fn read(connection: &Connection) -> Result<Self, StoreError> {
        let stored = config::all(connection)?;
        let value = |name: &str| -> String {
            let found = stored.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
            found.unwrap_or_else(|| ConfigKey::find(name).map_or("", |key| key.default).to_owned())
        };
        let list = |name: &str| -> Vec<String> {
            value(name).split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
        };
        let mut hash = Sha256::new();
        hash.update(env!("CARGO_PKG_VERSION"));
        for key in CONFIG_KEYS {
            hash.update(value(key.key));
            hash.update([0]);
        }
        hash.update(value(GIVEN_HPB));
        let secret = value("turn-secret");
        Ok(Self {
            registrations_by_invitation: value("allowed-registrations") == "invitation",
            calls: value("calls") == "1" && value("start-calls") != "3",
            guesses_are_delayed: value("brute-force-delays") == "1",
            default_permissions: match value("default-permissions").parse().unwrap_or(0) {
                0 => PERMISSIONS_MAX_DEFAULT,
                bits => bits,
            },
            recording_consent: value("recording-consent").parse().unwrap_or(0),
            hpb: parse_url(&value("hpb-url")).map(|url| (url, value("hpb-secret-file").into())),
            recording: parse_url(&value("recording-url"))
                .map(|url| (url, value("recording-secret-file").into())),
            recording_max_bytes: value("recording-max-megabytes").parse().unwrap_or(4096) * 1_000_000,
            session_ping_limit: value("session-ping-limit").parse().unwrap_or(200),
            sip_caller: value("sip-caller"),
            server_name: value("server-name"),
            sip_dialout: value("sip-dialout") == "1",
            start_calls: value("start-calls").parse().unwrap_or(0),
            start_calls_groups: list("start-calls-groups"),
            stun_servers: list("stun-servers"),
            turn_servers: list("turn-servers")
                .iter()
                .filter_map(|text| TurnServer::parse(text, &secret))
                .collect(),
            hash: hash.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_accepted_and_documented() {
        for key in CONFIG_KEYS {
            assert!(key.accepts(key.default), "{}", key.key);
            assert!(!key.help.is_empty());
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for (name, value) in [
            ("recording-consent", "3"),
            ("sip-dialout", "yes"),
            ("stun-servers", "nowhere"),
            ("turn-servers", "stun a:1 udp"),
            ("turn-servers", "turn a:0 udp"),
            ("default-permissions", "256"),
            ("hpb-url", "ws://hpb.example.org"),
            ("hpb-url", "hpb.example.org"),
            ("recording-url", "wss://recorder.example.org"),
            ("recording-max-megabytes", "0"),
            ("session-ping-limit", "0"),
            ("sip-caller", "anybody"),
            ("server-name", "a\nb"),
        ] {
            assert!(!ConfigKey::find(name).unwrap().accepts(value), "{name} {value}");
        }
    }

    #[test]
    fn turn_urls_are_every_pairing() {
        let server = TurnServer::parse("turn+turns t.example:443 udp+tcp", "s").unwrap();
        assert_eq!(server.urls.len(), 4);
        assert_eq!(server.urls[3], "turns:t.example:443?transport=tcp");
    }
}
