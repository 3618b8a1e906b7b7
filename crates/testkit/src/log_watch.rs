//! Reads what a run logs, and objects to secrets and addresses in it.

use std::cell::RefCell;
use std::io::Write;
use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, Once, PoisonError};

use tracing_subscriber::fmt::MakeWriter;

type Text = Arc<Mutex<Vec<u8>>>;

thread_local! {
    /// The watches on this thread.
    static HERE: RefCell<Vec<Text>> = const { RefCell::new(Vec::new()) };
}

/// The watches on the whole process.
static EVERYWHERE: Mutex<Vec<Text>> = Mutex::new(Vec::new());

/// Collects everything logged, at every level, while it lives.
///
/// One subscriber serves all watches of a process. A subscriber for each would not do: where tests run side by side,
/// `tracing` remembers of a place in the code that nobody listens when it is first passed on a thread without one.
#[derive(Debug)]
pub struct LogWatch {
    text: Text,
    /// It must be dropped where it was made.
    _this_thread: PhantomData<*const ()>,
}

/// Hands what is logged to the watches it concerns.
struct Sink;

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let add = |text: &Text| text.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        HERE.with_borrow(|here| here.iter().for_each(add));
        EVERYWHERE.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(add);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

struct Sinks;

impl<'a> MakeWriter<'a> for Sinks {
    type Writer = Sink;

    fn make_writer(&'a self) -> Sink {
        Sink
    }
}

impl Drop for LogWatch {
    fn drop(&mut self) {
        let others = |text: &Text| !Arc::ptr_eq(text, &self.text);
        HERE.with_borrow_mut(|here| here.retain(others));
        EVERYWHERE.lock().unwrap_or_else(PoisonError::into_inner).retain(others);
    }
}

impl LogWatch {
    /// Watches what the current thread logs, until dropped. With a current-thread runtime that is everything the
    /// test does.
    ///
    /// # Panics
    /// When something else collects the logs of this process.
    pub fn this_thread() -> Self {
        let watch = Self::install();
        HERE.with_borrow_mut(|here| here.push(watch.text.clone()));
        watch
    }

    /// Watches what the whole process logs, other tests included, until dropped.
    ///
    /// # Panics
    /// When something else collects the logs of this process.
    pub fn whole_process() -> Self {
        let watch = Self::install();
        EVERYWHERE.lock().unwrap_or_else(PoisonError::into_inner).push(watch.text.clone());
        watch
    }

    fn install() -> Self {
        static INSTALL: Once = Once::new();
        INSTALL.call_once(|| {
            let subscriber = tracing_subscriber::fmt()
                .with_max_level(tracing::Level::TRACE)
                .with_ansi(false)
                .with_writer(Sinks)
                .finish();
            tracing::subscriber::set_global_default(subscriber).expect("nothing else collects logs here");
        });
        Self { text: Text::default(), _this_thread: PhantomData }
    }

    /// What was logged so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.text.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// Fails the test when the log holds one of `secrets` or an address of a host.
    ///
    /// # Panics
    /// In that case, and when nothing was logged at all: such a watch watches the wrong place.
    pub fn assert_private(&self, secrets: &[&str]) {
        let text = self.text();
        assert!(!text.is_empty(), "nothing was logged: is the watch set where the run happens?");
        if let Some(found) = indiscretion(&text, secrets) {
            panic!("the log gives away {found}");
        }
    }
}

/// The first thing in a log that has no place there, with its line: one of `secrets`, a host's address, a session
/// description or a candidate. Loopback and unspecified addresses tell nothing about anyone and are left out.
pub fn indiscretion(log: &str, secrets: &[&str]) -> Option<String> {
    for line in log.lines() {
        for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
            if line.contains(secret) {
                return Some(format!("a secret: {}", line.replace(secret, "[secret]")));
            }
        }
        for mark in ["a=candidate:", "a=ice-pwd:", "a=fingerprint:", "v=0\\r\\n"] {
            if line.contains(mark) {
                return Some(format!("a description ({mark}): {line}"));
            }
        }
        if let Some(address) = line.split(|c: char| !is_address_char(c)).find_map(address) {
            return Some(format!("the address {address}: {line}"));
        }
    }
    None
}

fn is_address_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '_' | '[' | ']')
}

fn address(token: &str) -> Option<IpAddr> {
    let token = token.trim_matches(|c| matches!(c, '.' | ':' | '_'));
    let address = token
        .parse::<IpAddr>()
        .or_else(|_| token.parse::<SocketAddr>().map(|address| address.ip()))
        .or_else(|_| token.trim_matches(['[', ']']).parse::<IpAddr>())
        .ok()?;
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_secrets_and_descriptions_are_found() {
        for line in [
            "got candidate from 192.168.1.7",
            "peer=10.0.0.1:5004 ok",
            "[2001:db8::1]:443 connected",
            "at fe80::1, gone",
            "password hunter2 accepted",
            "sdp a=ice-pwd:x",
        ] {
            assert!(indiscretion(line, &["hunter2"]).is_some(), "{line}");
        }
    }

    #[test]
    fn times_versions_paths_and_loopback_are_not() {
        let log = "2026-01-02T03:04:05.678901Z DEBUG bellbird_call::machine: state=Active 12:34:56\n\
                   listening on 127.0.0.1:8090 and [::1]:8090, webrtc 0.21.1, a::b::c, link-1 Offer(12 bytes)";
        assert_eq!(indiscretion(log, &["", "hunter2"]), None);
    }

    #[test]
    fn a_watch_sees_what_this_thread_logs() {
        let watch = LogWatch::this_thread();
        tracing::debug!(call = "1", "fine");
        watch.assert_private(&["hunter2"]);
        tracing::info!("hunter2");
        assert!(indiscretion(&watch.text(), &["hunter2"]).is_some());
    }
}
