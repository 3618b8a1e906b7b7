//! Signing in through a browser (talk-accounts.md section 2.1): what each started flow waits for.
//!
//! ```text
//!  begin ──▶ Waiting ──grant (the person, in a browser)──▶ Granted ──take (the client, once)──▶ (gone)
//!               └──────────────────── 20 minutes ────────────┴─────────────────────────────▶ (gone)
//! ```
//! Told the time. Flows live in memory: a restart ends them, and clients start anew.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::secrets;

/// A flow is good for this long.
const KEEPS: Duration = Duration::from_secs(20 * 60);
/// Most flows at once.
const MAX_FLOWS: usize = 5000;
/// Most flows at once from one address, behind which may be a whole office.
const MAX_FROM_ADDRESS: usize = 50;

/// What a client gets to hold.
pub(crate) struct FlowTokens {
    /// For the client alone: whoever has it gets the app password.
    pub(crate) poll: String,
    /// Part of the address that the person opens.
    pub(crate) login: String,
}

/// How far a flow is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Progress {
    Waiting,
    Granted { account: String },
}

/// One sign-in under way.
#[derive(Debug, Clone)]
struct Flow {
    login: [u8; 32],
    client: String,
    address: IpAddr,
    begun: Instant,
    progress: Progress,
}

/// What the client fetches once.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Granted {
    pub(crate) account: String,
    pub(crate) client: String,
}

/// All flows.
pub(crate) struct LoginFlows {
    /// By the digest of the poll token.
    flows: HashMap<[u8; 32], Flow>,
    /// Signs what a form has to send back.
    key: [u8; 32],
}

impl LoginFlows {
    pub(crate) fn new() -> Self {
        Self { flows: HashMap::new(), key: rand::random() }
    }

    /// Starts a flow for a client of this name. `None` while there are too many.
    pub(crate) fn begin(&mut self, client: &str, address: IpAddr, now: Instant) -> Option<FlowTokens> {
        self.flows.retain(|_, flow| now.saturating_duration_since(flow.begun) < KEEPS);
        let address = address.to_canonical();
        let from_here = self.flows.values().filter(|flow| flow.address == address).count();
        if self.flows.len() >= MAX_FLOWS || from_here >= MAX_FROM_ADDRESS {
            return None;
        }
        let tokens = FlowTokens {
            poll: secrets::session_id() + &secrets::session_id(),
            login: secrets::session_id() + &secrets::session_id(),
        };
        let flow = Flow {
            login: secrets::digest(&tokens.login),
            client: client.to_owned(),
            address,
            begun: now,
            progress: Progress::Waiting,
        };
        self.flows.insert(secrets::digest(&tokens.poll), flow);
        Some(tokens)
    }

    fn waiting(&mut self, login: &str, now: Instant) -> Option<&mut Flow> {
        let login = secrets::digest(login);
        self.flows.values_mut().find(|flow| {
            flow.login == login
                && flow.progress == Progress::Waiting
                && now.saturating_duration_since(flow.begun) < KEEPS
        })
    }

    /// The name of the client that waits to be let in.
    pub(crate) fn client(&mut self, login: &str, now: Instant) -> Option<String> {
        self.waiting(login, now).map(|flow| flow.client.clone())
    }

    /// Lets the client in as this account. False when nothing waits for that.
    pub(crate) fn grant(&mut self, login: &str, account: &str, now: Instant) -> bool {
        match self.waiting(login, now) {
            Some(flow) => {
                flow.progress = Progress::Granted { account: account.to_owned() };
                true
            }
            None => false,
        }
    }

    /// Ends a granted flow and says for whom. `None` as long as nobody has granted it.
    pub(crate) fn take(&mut self, poll: &str, now: Instant) -> Option<Granted> {
        let key = secrets::digest(poll);
        let flow = self.flows.get(&key)?;
        if now.saturating_duration_since(flow.begun) >= KEEPS {
            self.flows.remove(&key);
            return None;
        }
        match flow.progress.clone() {
            Progress::Waiting => None,
            Progress::Granted { account } => {
                self.flows.remove(&key).map(|flow| Granted { account, client: flow.client })
            }
        }
    }

    /// What the form of this flow has to send back, for the browser that holds this cookie.
    pub(crate) fn form_state(&self, cookie: &str, login: &str) -> String {
        let Some(mac) = self.mac(cookie, login) else { return String::new() };
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    }

    /// Whether a form was made by [`form_state`](Self::form_state) for the same browser and flow.
    pub(crate) fn is_form_state(&self, state: &str, cookie: &str, login: &str) -> bool {
        let Ok(sent) = URL_SAFE_NO_PAD.decode(state) else { return false };
        self.mac(cookie, login).is_some_and(|mac| mac.verify_slice(&sent).is_ok())
    }

    fn mac(&self, cookie: &str, login: &str) -> Option<Hmac<Sha256>> {
        // HMAC takes keys of any length. The digests keep the two parts apart.
        let mac = Hmac::<Sha256>::new_from_slice(&self.key).ok()?;
        Some(mac.chain_update(secrets::digest(cookie)).chain_update(secrets::digest(login)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn a_grant_is_taken_once() {
        let (mut flows, now) = (LoginFlows::new(), Instant::now());
        let tokens = flows.begin("phone", HERE, now).unwrap();
        assert_eq!(flows.client(&tokens.login, now).as_deref(), Some("phone"));
        assert_eq!(flows.take(&tokens.poll, now), None);
        assert!(!flows.grant(&tokens.poll, "alice", now), "the poll token opens no form");
        assert!(flows.grant(&tokens.login, "alice", now));
        assert!(!flows.grant(&tokens.login, "mallory", now), "granted is granted");
        assert_eq!(flows.client(&tokens.login, now), None);
        assert_eq!(flows.take(&tokens.login, now), None);
        let granted = Granted { account: "alice".into(), client: "phone".into() };
        assert_eq!(flows.take(&tokens.poll, now), Some(granted));
        assert_eq!(flows.take(&tokens.poll, now), None);
    }

    #[test]
    fn a_flow_ends_after_twenty_minutes() {
        let (mut flows, now) = (LoginFlows::new(), Instant::now());
        let waiting = flows.begin("phone", HERE, now).unwrap();
        let granted = flows.begin("phone", HERE, now).unwrap();
        assert!(flows.grant(&granted.login, "alice", now));
        let late = now + KEEPS;
        assert_eq!(flows.client(&waiting.login, late), None);
        assert!(!flows.grant(&waiting.login, "alice", late));
        assert_eq!(flows.take(&granted.poll, late), None);
    }

    #[test]
    fn one_address_cannot_fill_the_memory() {
        let (mut flows, now) = (LoginFlows::new(), Instant::now());
        for _ in 0..MAX_FROM_ADDRESS {
            assert!(flows.begin("phone", HERE, now).is_some());
        }
        assert!(flows.begin("phone", HERE, now).is_none());
        assert!(flows.begin("phone", IpAddr::V4([10, 0, 0, 1].into()), now).is_some());
        assert!(flows.begin("phone", HERE, now + KEEPS).is_some());
    }

    #[test]
    fn a_form_belongs_to_one_browser_and_one_flow() {
        let flows = LoginFlows::new();
        let state = flows.form_state("cookie", "flow");
        assert!(flows.is_form_state(&state, "cookie", "flow"));
        for (state, cookie, login) in [
            (state.as_str(), "other", "flow"),
            (&state, "cookie", "other"),
            ("", "cookie", "flow"),
            ("!", "", ""),
        ] {
            assert!(!flows.is_form_state(state, cookie, login));
        }
        assert!(!LoginFlows::new().is_form_state(&state, "cookie", "flow"));
    }
}
