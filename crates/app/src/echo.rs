//! The echo contact: an ordinary account of the embedded server that answers every call and plays back what it hears.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bellbird_call::ports::Problem;
use bellbird_call::{CallConfig, CallEvent, CallId, Intent, Invitation, MediaKinds, RoomId, Secret};
use bellbird_capture::VideoSource;
use bellbird_devices::{CaptureSource, PlayoutSink, pipe};
use bellbird_media::{CallMediaOptions, MediaRuntime};
use bellbird_session::Inlet;
use bellbird_talk::{AccountEvent, CallOptions, Outcome, StoredLogin, TalkAccount, Watch};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::calls::{Begin, start_session};

/// The user id of the echo contact.
pub(crate) const ECHO: &str = "echo";

/// Calls it has at once; a further caller hears that it is engaged. Each costs a sound thread and some percent of a
/// core.
const MAX_CALLS: usize = 16;

/// The echo contact while it can be called. Dropping it ends its calls and makes it leave.
pub struct EchoContact {
    stop: CancellationToken,
    _watch: Watch,
}

impl std::fmt::Debug for EchoContact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EchoContact")
    }
}

struct Echo {
    account: TalkAccount,
    media: MediaRuntime,
    runtime: Handle,
    stop: CancellationToken,
    number: AtomicU64,
    calls: Mutex<HashMap<RoomId, Inlet>>,
}

impl EchoContact {
    /// Signs the account `echo` of the server at `server` in and lets it answer from now on. Within a tokio runtime.
    ///
    /// # Errors
    /// `bad-link` when that is no address of a server.
    pub fn on_server(server: Url, app_password: Secret) -> Result<Self, Problem> {
        let login = StoredLogin {
            server,
            user_id: ECHO.into(),
            login_name: ECHO.into(),
            display_name: "Echo".into(),
            fingerprint: None,
        };
        let account = TalkAccount::restore(login, app_password)?;
        let runtime = Handle::current();
        Ok(Self::start(account, MediaRuntime::new(runtime.clone()), runtime))
    }

    /// Lets `account` answer every one-to-one call from now on.
    pub(crate) fn start(account: TalkAccount, media: MediaRuntime, runtime: Handle) -> Self {
        let _within = runtime.enter();
        let stop = CancellationToken::new();
        let echo = Arc::new(Echo {
            account: account.clone(),
            media,
            runtime: runtime.clone(),
            stop: stop.clone(),
            number: AtomicU64::new(0),
            calls: Mutex::new(HashMap::new()),
        });
        let watch = account.watch(Arc::new(move |event| echo.handle(event)));
        Self { stop, _watch: watch }
    }
}

impl Drop for EchoContact {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Echo {
    fn handle(self: &Arc<Self>, event: AccountEvent) {
        match event {
            AccountEvent::Online | AccountEvent::SignedOut | AccountEvent::Missed(_) => {
                tracing::debug!(?event, "echo contact")
            }
            AccountEvent::Offline(problem) => log_offline(&problem),
            AccountEvent::Incoming(invitation) => self.receive(invitation),
            AccountEvent::Withdrawn { room, outcome } => self.withdraw(&room, outcome),
        }
    }

    fn receive(self: &Arc<Self>, invitation: Invitation) {
        // In a group it would play back everyone to everyone.
        if !invitation.one_to_one {
            return;
        }
        let room = invitation.room.clone();
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if calls.contains_key(&room) {
            return;
        }
        let engaged = calls.len() >= MAX_CALLS;
        let id = CallId::new(format!("echo-{}", self.number.fetch_add(1, Ordering::Relaxed) + 1));
        let (writer, reader) = pipe();
        let options = CallMediaOptions {
            microphone: CaptureSource::Pipe(reader),
            speaker: PlayoutSink::Pipe(writer),
            ringer: PlayoutSink::Null,
            processing: false,
            camera: VideoSource::DefaultCamera,
            screen: VideoSource::PrimaryScreen,
            pictures: Arc::new(|_| {}),
        };
        let _within = self.runtime.enter();
        let (handle, inlet, _) = start_session(
            &self.media,
            &self.account,
            (options, CallOptions::default()),
            id,
            Begin::Ring(invitation),
            CallConfig::without_tones(),
        );
        handle.send(if engaged { Intent::DeclineEngaged } else { Intent::Answer(MediaKinds::VOICE) });
        let Some(mut events) = handle.take_events() else { return };
        calls.insert(room.clone(), inlet);
        drop(calls);

        let echo: Weak<Self> = Arc::downgrade(self);
        let stop = self.stop.clone();
        self.runtime.spawn(async move {
            loop {
                tokio::select! {
                    event = events.recv() => match event {
                        Some(CallEvent::Problem(problem)) => tracing::info!(%problem, "echo contact"),
                        Some(_) => {}
                        None => break,
                    },
                    () = stop.cancelled() => {
                        handle.send(Intent::End);
                        handle.finished().await;
                        break;
                    }
                }
            }
            if let Some(echo) = echo.upgrade() {
                echo.calls.lock().unwrap_or_else(PoisonError::into_inner).remove(&room);
            }
        });
    }

    fn withdraw(&self, room: &RoomId, outcome: Outcome) {
        let inlet = self.calls.lock().unwrap_or_else(PoisonError::into_inner).get(room).cloned();
        if let Some(inlet) = inlet {
            inlet.signaling_sink()(outcome.into());
        }
    }
}

fn log_offline(problem: &Problem) {
    tracing::warn!(%problem, "the echo contact cannot be called");
}
