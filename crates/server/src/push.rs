//! Who listens on a push WebSocket, and how it is told.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::http::auth::Via;
use crate::secrets;
use crate::store::{Store, StoreError, accounts};

/// Most sockets of one account.
const MAX_PER_ACCOUNT: usize = 64;
/// A one-time token in place of the password is good for this long.
const TOKEN_KEEPS: Duration = Duration::from_secs(15);
/// Most one-time tokens waiting to be used.
const MAX_TOKENS: usize = 1000;

struct Socket {
    number: u64,
    via: Via,
    wake: Arc<Notify>,
    close: CancellationToken,
}

#[derive(Default)]
struct Sockets {
    by_account: HashMap<String, Vec<Socket>>,
    last_number: u64,
    tokens: HashMap<[u8; 32], (String, Via, Instant)>,
}

/// The push sockets of all accounts. A wake-up carries nothing: the client fetches the list, so any number of them
/// while a socket is busy are one.
#[derive(Default)]
pub(crate) struct PushHub {
    sockets: Mutex<Sockets>,
}

/// One socket's place in the hub; dropping it gives the place up.
pub(crate) struct Seat<'a> {
    hub: &'a PushHub,
    account: String,
    number: u64,
    pub(crate) wake: Arc<Notify>,
    /// Cancelled when the account or app password no longer exists.
    pub(crate) close: CancellationToken,
}

impl PushHub {
    fn sockets(&self) -> MutexGuard<'_, Sockets> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells all sockets of the account to fetch its notifications.
    pub(crate) fn notify(&self, account: &str) {
        if let Some(sockets) = self.sockets().by_account.get(account) {
            for socket in sockets {
                socket.wake.notify_one();
            }
        }
    }

    /// `None` when the account has too many already.
    pub(crate) fn sit(&self, account: &str, via: Via) -> Option<Seat<'_>> {
        let mut sockets = self.sockets();
        sockets.last_number += 1;
        let number = sockets.last_number;
        let own = sockets.by_account.entry(account.to_owned()).or_default();
        if own.len() >= MAX_PER_ACCOUNT {
            return None;
        }
        let (wake, close) = (Arc::new(Notify::new()), CancellationToken::new());
        own.push(Socket { number, via, wake: Arc::clone(&wake), close: close.clone() });
        Some(Seat { hub: self, account: account.to_owned(), number, wake, close })
    }

    /// A one-time token that stands for the account's password on a push socket.
    pub(crate) fn make_token(&self, account: &str, via: Via, now: Instant) -> String {
        let token = secrets::session_id();
        let mut sockets = self.sockets();
        sockets.tokens.retain(|_, (.., made)| now.saturating_duration_since(*made) < TOKEN_KEEPS);
        if sockets.tokens.len() < MAX_TOKENS {
            sockets.tokens.insert(secrets::digest(&token), (account.to_owned(), via, now));
        }
        token
    }

    /// The account a token stands for; it works once.
    pub(crate) fn use_token(&self, token: &str, now: Instant) -> Option<(String, Via)> {
        let (account, via, made) = self.sockets().tokens.remove(&secrets::digest(token))?;
        (now.saturating_duration_since(made) < TOKEN_KEEPS).then_some((account, via))
    }

    /// Closes the sockets whose account or app password has been removed.
    pub(crate) async fn drop_revoked(&self, store: &Store) -> Result<(), StoreError> {
        let seated: Vec<(String, Via)> = self
            .sockets()
            .by_account
            .iter()
            .flat_map(|(account, sockets)| sockets.iter().map(|socket| (account.clone(), socket.via)))
            .collect();
        if seated.is_empty() {
            return Ok(());
        }
        let gone = store
            .read(move |c| {
                let mut gone = Vec::new();
                for (account, via) in seated {
                    let stays = match via {
                        Via::AppPassword(id) => accounts::app_password_exists(c, id)?,
                        Via::Password => accounts::find(c, &account)?.is_some(),
                    };
                    if !stays {
                        gone.push((account, via));
                    }
                }
                Ok(gone)
            })
            .await?;
        let sockets = self.sockets();
        for (account, via) in gone {
            for socket in sockets.by_account.get(&account).into_iter().flatten() {
                if socket.via == via {
                    socket.close.cancel();
                }
            }
        }
        Ok(())
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut sockets = self.hub.sockets();
        if let Some(own) = sockets.by_account.get_mut(&self.account) {
            own.retain(|socket| socket.number != self.number);
            if own.is_empty() {
                sockets.by_account.remove(&self.account);
            }
        }
    }
}
