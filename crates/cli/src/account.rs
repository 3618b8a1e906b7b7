//! The account a command acts as.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bellbird_app::{
    App, AppConfig, CallConfig, MemoryKeyStore, Pictures, Sound, StoredLogins, SystemKeyStore,
};

use bellbird_contract::{AccountState, Command};
use bellbird_control::default_data_folder;

use crate::args::{AccountArgs, AppData};
use crate::failure::Failure;

/// The name this program signs in by.
pub(crate) const CLIENT: &str = "Bellbird (command line)";

/// The password from the environment.
///
/// # Errors
/// `password-missing`.
pub(crate) fn password() -> Result<String, Failure> {
    std::env::var("BELLBIRD_PASSWORD")
        .ok()
        .filter(|password| !password.is_empty())
        .ok_or_else(|| Failure::new("password-missing", ""))
}

impl AppData {
    /// The folder meant.
    ///
    /// # Errors
    /// `no-data-folder` on a system without homes.
    pub(crate) fn folder(&self) -> Result<PathBuf, Failure> {
        folder(self.data.as_ref())
    }
}

/// The app's data folder: the one typed, or the person's own.
///
/// # Errors
/// `no-data-folder` on a system without homes.
pub(crate) fn folder(typed: Option<&PathBuf>) -> Result<PathBuf, Failure> {
    typed.cloned().or_else(default_data_folder).ok_or_else(|| Failure::new("no-data-folder", ""))
}

/// An app that keeps nothing.
pub(crate) fn fleeting_app(sound: Sound, pictures: Pictures) -> App {
    App::start(AppConfig {
        data: None,
        client_name: CLIENT.into(),
        sound,
        pictures,
        call: CallConfig::default(),
        key_store: Arc::new(MemoryKeyStore::default()),
        local_server: None,
        browser: None,
        watch_devices: false,
    })
}

/// An app signed in to the account meant.
///
/// # Errors
/// What keeps it from signing in. The app is stopped then.
pub(crate) async fn sign_in(args: &AccountArgs, sound: Sound, pictures: Pictures) -> Result<App, Failure> {
    match (&args.account, &args.server, &args.user) {
        (Some(name), _, _) => {
            let logins = StoredLogins::open(&args.data.folder()?, Arc::new(SystemKeyStore))?;
            let (stored, secret) = logins.find(name).await?;
            let app = fleeting_app(sound, pictures);
            app.use_login(stored, secret)?;
            Ok(app)
        }
        (None, Some(server), Some(user)) => {
            let password = password()?;
            let app = fleeting_app(sound, pictures);
            let (server, login_name) = (server.clone(), user.clone());
            match app.handle(Command::SignIn { server, login_name, password }).await {
                Ok(_) => Ok(app),
                Err(problem) => {
                    app.stop().await;
                    Err(problem.into())
                }
            }
        }
        // The definition of the arguments asks for one of the two.
        (None, _, _) => Err(Failure::new("internal", "no account was named")),
    }
}

/// Waits until the only account can be rung, and yields its user id and server.
///
/// # Errors
/// What keeps it from being rung, or `server-unreachable` after a minute of nothing.
pub(crate) async fn registered(app: &App) -> Result<(String, String), Failure> {
    const PATIENCE: Duration = Duration::from_secs(60);
    app.settled(PATIENCE).await;
    let state = app.state();
    let account = state.accounts.first().ok_or_else(|| Failure::new("signed-out", ""))?;
    match &account.state {
        AccountState::Online => Ok((account.user.clone(), account.server.clone())),
        AccountState::Connecting => Err(Failure::new("server-unreachable", "the server does not answer")),
        AccountState::Offline { problem } => Err(problem.clone().into()),
        AccountState::SignedOut => Err(Failure::new("signed-out", "")),
    }
}
