//! Whether there is an external signaling server, and which. What the program was started with wins; else the
//! settings decide, also while the server runs.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use super::{Hpb, HpbConfig};
use crate::config_keys::{Settings, TurnServer};
use crate::error::ServerError;
use crate::state::App;

/// The signaling server in use, if any.
pub(crate) struct Switch {
    folder: PathBuf,
    given: Option<HpbConfig>,
    given_turn: Option<TurnServer>,
    current: RwLock<Option<Arc<Hpb>>>,
}

impl Switch {
    /// With what the program was started with. Nothing is used before [`take_up`].
    pub(crate) fn new(folder: PathBuf, given: Option<HpbConfig>, given_turn: Option<TurnServer>) -> Self {
        Self { folder, given, given_turn, current: RwLock::default() }
    }

    /// The signaling server to use now.
    pub(crate) fn current(&self) -> Option<Arc<Hpb>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The TURN servers to name: those the program was started with, or those of the settings.
    pub(crate) fn turn_servers<'a>(&'a self, settings: &'a Settings) -> &'a [TurnServer] {
        self.given_turn.as_ref().map_or(&settings.turn_servers, std::slice::from_ref)
    }

    fn replace(&self, app: &App, hpb: Option<Arc<Hpb>>) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        app.live().hpb.clone_from(&hpb);
        if let Some(old) = std::mem::replace(&mut *current, hpb) {
            old.retire();
        }
    }
}

/// Brings the server in line with what it was started with and with its settings.
///
/// # Errors
/// The secret or the key cannot be read. The server goes on with internal signaling then.
pub(crate) async fn take_up(app: &App) -> Result<(), ServerError> {
    let failed = |error| ServerError::from_store(&app.hpb.folder, error);
    let settings = app.store.read(Settings::read).await.map_err(failed)?;
    let set = settings.hpb.map(|(url, secret_file)| HpbConfig { url, secret_file });
    let wanted = app.hpb.given.clone().or(set);
    let current = app.hpb.current();
    if wanted.as_ref() == current.as_ref().map(|hpb| hpb.config()) {
        if let Some(hpb) = current {
            hpb.catch_up();
        }
        return Ok(());
    }
    let Some(wanted) = wanted else {
        app.hpb.replace(app, None);
        tracing::info!("signaling is internal");
        return Ok(());
    };
    let url = wanted.url.clone();
    let shared = app.clone();
    let opened = tokio::task::spawn_blocking(move || Hpb::open(wanted, &shared.hpb.folder, &shared)).await;
    let opened = opened.unwrap_or(Err(ServerError::Stopped));
    match opened {
        Ok(hpb) => {
            app.hpb.replace(app, Some(hpb));
            tracing::info!(%url, "signaling goes by an external server");
            Ok(())
        }
        Err(error) => {
            app.hpb.replace(app, None);
            Err(error)
        }
    }
}
