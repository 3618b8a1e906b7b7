//! `account`: logins kept on this machine. A running core is asked to do it, since the folder is its own then.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bellbird_app::{
    AccountHome, App, AppConfig, CallConfig, KeyStore, KeyStoreError, Problem, Sound, StoredAccount,
    StoredLogins, SystemKeyStore,
};
use bellbird_contract::{AppView, Command, Reply};
use bellbird_control::{ClientError, DoorClient, FolderLock};

use crate::account::{CLIENT, password};
use crate::args::AccountCommand;
use crate::failure::Failure;
use crate::report::{Output, Report};

pub(super) async fn run(command: AccountCommand, output: &Output) -> Result<(), Failure> {
    match command {
        AccountCommand::Add { server, user, data } => {
            let before = ids(&data.folder()?)?;
            let state = match user {
                Some(login_name) => {
                    let sign_in = Command::SignIn { server, login_name, password: password()? };
                    ask(&data.folder()?, sign_in, output).await?
                }
                None => ask(&data.folder()?, Command::SignInByBrowser { server }, output).await?,
            };
            if let Some(problem) = state.problems.into_iter().find(|problem| problem.code == "no-key-store") {
                return Err(problem.into());
            }
            let fresh = state.accounts.iter().find(|account| !before.contains(&account.id));
            if let Some(account) = fresh.or(state.accounts.last()) {
                let (id, user, server) = (&account.id, &account.user, &account.server);
                output.report(&Report::Account { id, user, server, local: account.local });
            }
            Ok(())
        }
        AccountCommand::List { data } => {
            for account in stored(&data.folder()?)? {
                report(&account, output);
            }
            Ok(())
        }
        AccountCommand::Remove { name, data } => {
            let folder = data.folder()?;
            let named = |account: &&StoredAccount| account.id == name || account.user_id == name;
            let stored = stored(&folder)?;
            let found: Vec<_> = stored.iter().filter(named).collect();
            let id = match (stored.iter().find(|account| account.id == name), found.as_slice()) {
                (Some(account), _) | (None, &[account]) => account.id.clone(),
                (None, &[]) => return Err(Failure::new("unknown-user", "no stored account has this name")),
                (None, _) => {
                    return Err(Failure::new("unknown-user", "several have this name: use the whole id"));
                }
            };
            ask(&folder, Command::SignOut { account: id.clone() }, output).await?;
            output.report(&Report::Done { what: &format!("Removed {id}") });
            Ok(())
        }
    }
}

fn stored(folder: &Path) -> Result<Vec<StoredAccount>, Failure> {
    Ok(StoredLogins::open(folder, Arc::new(SystemKeyStore))?.all().to_vec())
}

fn ids(folder: &Path) -> Result<Vec<String>, Failure> {
    Ok(stored(folder)?.into_iter().map(|account| account.id).collect())
}

fn report(account: &StoredAccount, output: &Output) {
    let (server, local) = match &account.home {
        AccountHome::Local => ("", true),
        AccountHome::Remote { server, .. } => (server.as_str(), false),
    };
    output.report(&Report::Account { id: &account.id, user: &account.user_id, server, local });
}

/// Between looks whether the person has signed in with the browser.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Whether what was asked for goes on in the browser, whose address is told then.
fn begun(reply: Reply, output: &Output) -> Result<bool, Failure> {
    match reply {
        Reply::SignIn { address: Some(address) } => {
            output.report(&Report::SignIn { address: &address });
            Ok(true)
        }
        Reply::SignIn { address: None } => Err(Failure::new("no-browser-sign-in", "")),
        _ => Ok(false),
    }
}

/// The state after a sign-in; `Err` with what kept the person from it.
fn signed_in(state: AppView, by_browser: bool) -> Result<AppView, Failure> {
    match state.problems.last() {
        Some(problem) if by_browser => Err(problem.clone().into()),
        Some(_) | None => Ok(state),
    }
}

/// Asks before anyone signs in: a login that is granted and then not kept would stay in the person's list of devices.
async fn a_login_can_be_kept() -> Result<(), Failure> {
    /// No account has this id.
    const NOBODY: &str = "nobody";
    const PATIENCE: Duration = Duration::from_secs(5);
    let asked = tokio::task::spawn_blocking(|| SystemKeyStore.load(NOBODY));
    // One that is locked, or asks the person, may serve by the time it is needed.
    if let Ok(Ok(Err(error @ KeyStoreError::Absent))) = tokio::time::timeout(PATIENCE, asked).await {
        return Err(Problem::from(error).into());
    }
    Ok(())
}

/// Has the folder's core carry out `command`, or, when none runs, an app of our own that is gone afterwards.
async fn ask(folder: &Path, command: Command, output: &Output) -> Result<AppView, Failure> {
    match DoorClient::connect(folder).await {
        Ok(core) => {
            let waits = begun(core.command(command).await?, output)?;
            loop {
                match core.command(Command::Status).await? {
                    Reply::State { state } if waits && state.signing_in.is_some() => {
                        tokio::time::sleep(LOOK_AGAIN).await;
                    }
                    Reply::State { state } => return signed_in(*state, waits),
                    other => {
                        return Err(Failure::new(
                            "internal",
                            format!("asking for the state yielded {other:?}"),
                        ));
                    }
                }
            }
        }
        Err(ClientError::NotRunning) => {
            if matches!(command, Command::SignIn { .. } | Command::SignInByBrowser { .. }) {
                a_login_can_be_kept().await?;
            }
            let _lock = FolderLock::take(folder)?;
            let app = App::start(AppConfig {
                data: Some(folder.to_owned()),
                client_name: CLIENT.into(),
                sound: Sound::default(),
                pictures: bellbird_app::Pictures::default(),
                call: CallConfig::default(),
                key_store: Arc::new(SystemKeyStore),
                local_server: None,
                browser: None,
                watch_devices: false,
            });
            let result = app.handle(command).await.map_err(Failure::from);
            let waits = result.and_then(|reply| begun(reply, output));
            while matches!(waits, Ok(true)) && app.state().signing_in.is_some() {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            let state = app.state();
            app.stop().await;
            signed_in(state, waits?)
        }
        Err(error) => Err(error.into()),
    }
}
