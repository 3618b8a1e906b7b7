//! Recording calls by a recording server that stands beside this one and takes part in the call by way of the external
//! signaling server (talk-rest.md section 7).
//!
//! ```text
//!             asked for             confirmed            confirmed
//!   none ───────────────▶ starting ───────────▶ running ──────────▶ none      every change: told to who is in the room
//!     ▲                      │ failed              │ failed
//!     └───── asked anew ── failed ◀────────────────┘
//! ```
//! How it stands lies in the database (the recording server may outlive this one's run) and is changed there alone, so
//! no two moderators start at once. The end of a call asks for the end of its recording.

mod backend;
mod files;

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::json;
use tokio::sync::Semaphore;

pub(crate) use backend::{Backend, BackendConfig, CHECKSUM_HEADER, RANDOM_HEADER, Refusal};
pub(crate) use files::{Incoming, NotStored, RecordingFiles, next_piece};

use crate::config_keys::Settings;
use crate::hpb::Item;
use crate::state::{App, Shared};
use crate::store::rooms::{self, RoomRow};
use crate::store::{StoreError, recordings};
use crate::words::RecordingStatus;

/// Files taken in at once: each keeps the disk busy.
const UPLOADS_AT_ONCE: usize = 2;

/// All there is of recording.
pub(crate) struct Recording {
    current: RwLock<Option<Arc<Backend>>>,
    pub(crate) files: RecordingFiles,
    pub(crate) uploads: Semaphore,
    /// Held while how it stands is read and told, so that what is told last is newest.
    telling: tokio::sync::Mutex<()>,
}

impl Recording {
    /// Files go into a folder inside of the data folder.
    pub(crate) fn new(data: PathBuf) -> Self {
        Self {
            current: RwLock::default(),
            files: RecordingFiles::new(data),
            uploads: Semaphore::new(UPLOADS_AT_ONCE),
            telling: tokio::sync::Mutex::default(),
        }
    }

    /// The recording server of the settings.
    pub(crate) fn current(&self) -> Option<Arc<Backend>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, backend: Option<Backend>) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = backend.map(Arc::new);
    }
}

/// Brings the server in line with its settings. `Err`, in words for the log: the secret cannot be read, and calls
/// cannot be recorded.
pub(crate) async fn take_up(app: &App) -> Result<(), String> {
    let settings = app.store.read(Settings::read).await.map_err(|error| error.to_string())?;
    let wanted = settings.recording.map(|(url, secret_file)| BackendConfig { url, secret_file });
    if wanted.as_ref() == app.recording.current().as_ref().map(|backend| backend.config()) {
        return Ok(());
    }
    app.recording.replace(None);
    let Some(wanted) = wanted else { return Ok(()) };
    let url = wanted.url.clone();
    let opened = tokio::task::spawn_blocking(move || Backend::open(wanted)).await;
    app.recording.replace(Some(opened.map_err(|error| error.to_string())??));
    tracing::info!(%url, "calls can be recorded by a recording server");
    Ok(())
}

/// What an earlier run left behind: halves of files, and recordings of calls that are over.
pub(crate) async fn settle_after_start(app: &App) -> Result<(), StoreError> {
    app.recording.files.remove_halves().await;
    for room in app.store.read(recordings::underway).await? {
        app.end_recording(room);
    }
    Ok(())
}

impl Shared {
    /// The recording server, where calls can be recorded now: it needs an external signaling server to listen in.
    pub(crate) fn recorder(&self) -> Option<Arc<Backend>> {
        self.hpb.current().and_then(|_| self.recording.current())
    }

    /// Changes how the room's recording stands, if `from` holds of it, and tells everybody there. False when it did not.
    pub(crate) async fn change_recording(
        &self,
        room: i64,
        from: fn(RecordingStatus) -> bool,
        to: RecordingStatus,
    ) -> Result<bool, StoreError> {
        let changed = self.store.write(move |c| recordings::change(c, room, from, to)).await?;
        if changed {
            self.tell_of_recording(room).await?;
        }
        Ok(changed)
    }

    /// Tells everybody in the room how its recording stands now.
    pub(crate) async fn tell_of_recording(&self, room: i64) -> Result<(), StoreError> {
        let _in_turn = self.recording.telling.lock().await;
        let Some(row) = self.store.read(move |c| rooms::by_id(c, room)).await? else { return Ok(()) };
        let news = json!({ "type": "recording", "recording": { "status": row.recording.number() } });
        match self.hpb.current() {
            Some(hpb) => {
                let body = json!({ "type": "message", "message": { "data": news } });
                hpb.push(room, &row.token, Item::Ready(body));
            }
            None => self.live().tell_all_in_call(room, &news.to_string()),
        }
        Ok(())
    }

    /// The call is over: asks for the end of its recording, without keeping anybody waiting.
    pub(crate) fn end_recording(self: &Arc<Self>, room: i64) {
        let shared = Arc::clone(self);
        tokio::spawn(async move {
            let row = shared.store.read(move |c| rooms::by_id(c, room)).await;
            if let Ok(Some(row)) = row
                && row.recording.is_underway()
            {
                shared.stop_now(&row).await;
            }
        });
    }

    /// As [`end_recording`](Self::end_recording), of a room that is being deleted.
    pub(crate) fn abandon_recording(self: &Arc<Self>, room: RoomRow) {
        if room.recording.is_underway() {
            let shared = Arc::clone(self);
            tokio::spawn(async move { shared.stop_now(&room).await });
        }
    }

    async fn stop_now(&self, room: &RoomRow) {
        let outcome = match self.recording.current() {
            Some(backend) => backend.stop(room, None).await,
            None => Err(Refusal::Unknown),
        };
        if let Err(refusal) = outcome {
            tracing::warn!(?refusal, "the recording of an ended call could not be ended");
            // Nobody would ever confirm the end.
            let to = RecordingStatus::Failed;
            if let Err(error) = self.change_recording(room.id, RecordingStatus::is_underway, to).await {
                tracing::error!(%error, "how a recording stands could not be written");
            }
        }
    }
}
