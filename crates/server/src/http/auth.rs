//! Who is asking.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use super::ocs::Ocs;
use super::throttle::Guess;
use crate::secrets;
use crate::state::App;
use crate::store::accounts::{self, AccountRow};

/// How an account has shown who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Via {
    /// By the app password in this row.
    AppPassword(i64),
    /// By its real password.
    Password,
}

/// A signed-in account.
#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) account: AccountRow,
    pub(crate) via: Via,
}

/// Most real passwords remembered as right.
const REMEMBERED: usize = 1000;
/// Password hashes computed at once: each takes a core and 19 MiB.
const HASHES_AT_ONCE: usize = 2;

/// Checks passwords off the async threads, and remembers for this run which were right, so that a client that sends
/// its real password with every request does not cost a hash each time.
pub(crate) struct PasswordChecker {
    key: [u8; 32],
    right: Mutex<HashSet<[u8; 32]>>,
    hashing: Semaphore,
}

impl PasswordChecker {
    pub(crate) fn new() -> Self {
        Self {
            key: rand::random(),
            right: Mutex::new(HashSet::new()),
            hashing: Semaphore::new(HASHES_AT_ONCE),
        }
    }

    /// Whether the password has this hash.
    pub(crate) async fn verify(&self, password: &str, hash: &str) -> bool {
        let mut proof = Sha256::new();
        for part in [&self.key[..], hash.as_bytes(), &[0], password.as_bytes()] {
            proof.update(part);
        }
        let proof: [u8; 32] = proof.finalize().into();
        if self.right.lock().unwrap_or_else(PoisonError::into_inner).contains(&proof) {
            return true;
        }
        let (password, hash) = (password.to_owned(), hash.to_owned());
        let right = self.off_thread(move || secrets::verify_password(&password, &hash)).await == Some(true);
        if right {
            let mut remembered = self.right.lock().unwrap_or_else(PoisonError::into_inner);
            if remembered.len() >= REMEMBERED {
                remembered.clear();
            }
            remembered.insert(proof);
        }
        right
    }

    /// The hash of a new password.
    pub(crate) async fn hash(&self, password: &str) -> Result<String, Ocs> {
        let password = password.to_owned();
        match self.off_thread(move || secrets::hash_password(&password)).await {
            Some(Ok(hash)) => Ok(hash),
            Some(Err(_)) | None => Err(Ocs::status(500).message("The password could not be hashed")),
        }
    }

    async fn off_thread<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let _turn = self.hashing.acquire().await.ok()?;
        tokio::task::spawn_blocking(work).await.ok()
    }
}

/// Name and password of the `Authorization` header; `None` without one, `Err` when it is not Basic.
pub(crate) fn basic(headers: &HeaderMap) -> Result<Option<(String, String)>, Ocs> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let read = || -> Option<(String, String)> {
        let (scheme, encoded) = value.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
        let (name, password) = text.split_once(':')?;
        Some((name.to_owned(), password.to_owned()))
    };
    read().map(Some).ok_or_else(unauthorized)
}

pub(crate) fn unauthorized() -> Ocs {
    Ocs::status(401).message("Current user is not logged in")
}

pub(crate) fn too_many(seconds: u64) -> Ocs {
    Ocs::status(429)
        .message("Too many failed tries, wait a while")
        .header(header::RETRY_AFTER, seconds.to_string())
}

/// The account behind a name and an app password or password. 401 when they do not belong together, later and later
/// after failures, 429 after too many. A right app password always gets in: it cannot be guessed, so there is nothing to slow down.
pub(crate) async fn authenticate(
    app: &App,
    address: IpAddr,
    name: &str,
    password: &str,
) -> Result<User, Ocs> {
    let digest = secrets::digest(password);
    let wanted = name.to_owned();
    let (by_token, by_name) = app
        .store
        .read(move |c| {
            let by_token = accounts::find_by_app_password(c, &digest)?
                .filter(|(account, _)| account.id.eq_ignore_ascii_case(&wanted));
            let by_name = if by_token.is_none() { accounts::password_hash(c, &wanted)? } else { None };
            Ok((by_token, by_name))
        })
        .await?;
    if let Some((account, id)) = by_token {
        return Ok(User { account, via: Via::AppPassword(id) });
    }
    app.slow_down(Guess::Login, address, name).await?;
    let now = app.now().at;
    let hash = by_name.as_ref().map_or(secrets::NOBODYS_HASH, |(_, hash)| hash.as_str());
    let right = app.passwords.verify(password, hash).await;
    match by_name {
        Some((account, _)) if right => {
            app.throttle().succeeded(Guess::Login, address, name);
            Ok(User { account, via: Via::Password })
        }
        Some(_) | None => {
            app.throttle().failed(Guess::Login, address, name, digest, now);
            Err(unauthorized())
        }
    }
}

/// The account that an app password alone opens, found by its digest. 401 and 429 as [`authenticate`]; a wrong one counts
/// against nobody's name but the address's.
pub(crate) async fn authenticate_token(app: &App, address: IpAddr, token: &str) -> Result<User, Ocs> {
    let digest = secrets::digest(token);
    let found = app.store.read(move |c| accounts::find_by_app_password(c, &digest)).await?;
    if let Some((account, id)) = found {
        return Ok(User { account, via: Via::AppPassword(id) });
    }
    app.slow_down(Guess::Login, address, "").await?;
    app.throttle().failed(Guess::Login, address, "", digest, app.now().at);
    Err(unauthorized())
}
