//! Where app passwords are kept: the system's key store, behind a port, and never waited for without end.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bellbird_call::Secret;
use bellbird_call::ports::{Problem, ProblemCode};
use tokio::sync::oneshot;

/// How long one operation may take: a locked store asks the person, and may do so unseen.
const PATIENCE: Duration = Duration::from_secs(5);

/// Operations that hang at once, at most; further ones fail at once.
const MAX_HANGING: usize = 4;

/// The name our entries go by in the store.
const SERVICE: &str = "bellbird";

/// Keeps one secret per account id. Operations block, for as long as a locked store asks for its password.
pub trait KeyStore: Send + Sync + fmt::Debug {
    /// The secret of an account; `None` when there is none.
    ///
    /// # Errors
    /// See [`KeyStoreError`].
    fn load(&self, account: &str) -> Result<Option<Secret>, KeyStoreError>;

    /// Keeps a secret in place of the one before.
    ///
    /// # Errors
    /// See [`KeyStoreError`].
    fn save(&self, account: &str, secret: &Secret) -> Result<(), KeyStoreError>;

    /// Forgets a secret; one that is not there is none.
    ///
    /// # Errors
    /// See [`KeyStoreError`].
    fn remove(&self, account: &str) -> Result<(), KeyStoreError>;
}

/// Why a key store does not serve.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeyStoreError {
    /// There is none in this session; asking again is no use.
    #[error("this session has no key store")]
    Absent,
    /// It is locked, or does not answer; it may later.
    #[error("the key store does not let us in: {0}")]
    Unavailable(String),
}

impl From<KeyStoreError> for Problem {
    fn from(error: KeyStoreError) -> Self {
        Problem::new(ProblemCode::NoKeyStore, error)
    }
}

/// The system's own: Secret Service on Linux, Keychain on macOS, Credential Manager on Windows.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemKeyStore;

impl SystemKeyStore {
    fn entry(account: &str) -> Result<keyring::Entry, KeyStoreError> {
        keyring::Entry::new(SERVICE, account).map_err(error_of)
    }
}

impl KeyStore for SystemKeyStore {
    fn load(&self, account: &str) -> Result<Option<Secret>, KeyStoreError> {
        match Self::entry(account)?.get_password() {
            Ok(password) => Ok(Some(Secret::new(password))),
            Err(keyring::Error::NoEntry) => Ok(None),
            Err(error) => Err(error_of(error)),
        }
    }

    fn save(&self, account: &str, secret: &Secret) -> Result<(), KeyStoreError> {
        Self::entry(account)?.set_password(secret.expose()).map_err(error_of)
    }

    fn remove(&self, account: &str) -> Result<(), KeyStoreError> {
        match Self::entry(account)?.delete_credential() {
            Ok(()) | Err(keyring::Error::NoEntry) => Ok(()),
            Err(error) => Err(error_of(error)),
        }
    }
}

/// The library's enum is open, hence the wildcard. Its texts name no secret, but its debug form may: not used.
fn error_of(error: keyring::Error) -> KeyStoreError {
    match error {
        keyring::Error::NoDefaultStore | keyring::Error::NotSupportedByStore(_) => KeyStoreError::Absent,
        other => KeyStoreError::Unavailable(other.to_string()),
    }
}

/// Keeps secrets as long as it lives. For runs that keep nothing, and for tests.
#[derive(Default)]
pub struct MemoryKeyStore(Mutex<HashMap<String, Secret>>);

impl fmt::Debug for MemoryKeyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryKeyStore")
    }
}

impl KeyStore for MemoryKeyStore {
    fn load(&self, account: &str) -> Result<Option<Secret>, KeyStoreError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).get(account).cloned())
    }

    fn save(&self, account: &str, secret: &Secret) -> Result<(), KeyStoreError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(account.into(), secret.clone());
        Ok(())
    }

    fn remove(&self, account: &str) -> Result<(), KeyStoreError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(account);
        Ok(())
    }
}

/// A key store with a bound on every wait. Operations run on threads of their own, since one that hangs would keep
/// a runtime from ending.
#[derive(Clone, Debug)]
pub(crate) struct PatientKeyStore {
    store: Arc<dyn KeyStore>,
    running: Arc<AtomicUsize>,
    patience: Duration,
}

impl PatientKeyStore {
    pub(crate) fn new(store: Arc<dyn KeyStore>) -> Self {
        Self { store, running: Arc::default(), patience: PATIENCE }
    }

    pub(crate) async fn load(&self, account: &str) -> Result<Option<Secret>, KeyStoreError> {
        let account = account.to_owned();
        self.run(move |store| store.load(&account)).await
    }

    pub(crate) async fn save(&self, account: &str, secret: &Secret) -> Result<(), KeyStoreError> {
        let (account, secret) = (account.to_owned(), secret.clone());
        self.run(move |store| store.save(&account, &secret)).await
    }

    pub(crate) async fn remove(&self, account: &str) -> Result<(), KeyStoreError> {
        let account = account.to_owned();
        self.run(move |store| store.remove(&account)).await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn KeyStore) -> Result<T, KeyStoreError> + Send + 'static,
    ) -> Result<T, KeyStoreError> {
        if self.running.fetch_add(1, Ordering::Relaxed) >= MAX_HANGING {
            self.running.fetch_sub(1, Ordering::Relaxed);
            return Err(KeyStoreError::Unavailable("it has not answered before".into()));
        }
        let (done, result) = oneshot::channel();
        let (store, running) = (self.store.clone(), self.running.clone());
        let spawned = std::thread::Builder::new().name("bellbird-keys".into()).spawn(move || {
            let _ = done.send(work(&*store));
            running.fetch_sub(1, Ordering::Relaxed);
        });
        if let Err(error) = spawned {
            self.running.fetch_sub(1, Ordering::Relaxed);
            return Err(KeyStoreError::Unavailable(error.to_string()));
        }
        match tokio::time::timeout(self.patience, result).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(KeyStoreError::Unavailable("it failed".into())),
            Err(_) => Err(KeyStoreError::Unavailable("it does not answer; it may be locked".into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Locked;

    impl KeyStore for Locked {
        fn load(&self, _: &str) -> Result<Option<Secret>, KeyStoreError> {
            loop {
                std::thread::park();
            }
        }

        fn save(&self, _: &str, _: &Secret) -> Result<(), KeyStoreError> {
            Err(KeyStoreError::Absent)
        }

        fn remove(&self, _: &str) -> Result<(), KeyStoreError> {
            Err(KeyStoreError::Absent)
        }
    }

    #[tokio::test]
    async fn a_store_that_hangs_is_given_up_and_not_asked_without_end() {
        let mut keys = PatientKeyStore::new(Arc::new(Locked));
        keys.patience = Duration::from_millis(1);
        for _ in 0..3 * MAX_HANGING {
            assert!(matches!(keys.load("a").await, Err(KeyStoreError::Unavailable(_))));
        }
        assert_eq!(keys.running.load(Ordering::Relaxed), MAX_HANGING);
    }

    #[tokio::test]
    async fn secrets_are_kept_replaced_and_forgotten() {
        let keys = PatientKeyStore::new(Arc::new(MemoryKeyStore::default()));
        assert_eq!(keys.load("a").await, Ok(None));
        keys.save("a", &Secret::new("one")).await.unwrap();
        keys.save("a", &Secret::new("two")).await.unwrap();
        assert_eq!(keys.load("a").await, Ok(Some(Secret::new("two"))));
        keys.remove("a").await.unwrap();
        keys.remove("a").await.unwrap();
        assert_eq!(keys.load("a").await, Ok(None));
    }
}
