//! Puts the parts together, and holds them.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bellbird_call::{CallConfig, CallId};
use bellbird_capture::VideoSource;
use bellbird_contract::{AppView, Command, Event, Problem, Reply, SdkEvent};
use bellbird_devices::{CaptureSource, PlayoutSink};
use bellbird_media::{MediaRuntime, Picture};
use tokio::runtime::Handle;
use tokio::sync::{Notify, broadcast};
use tokio_util::sync::CancellationToken;

use crate::accounts::{KeyStore, PatientKeyStore};
use crate::calls::Calls;
use crate::local_server::LocalServer;
use crate::pictures::{Board, Preview};
use crate::problems::Problems;
use crate::programs::DoorUse;
use crate::remote_join::Remote;
use crate::sdk::Translator;
use crate::settings::SettingsFile;
use crate::state::State;
use crate::{convert, person, publish};

/// Events a listener may be behind before it misses some: minutes of a call's happenings, seconds of its meters.
const EVENT_BACKLOG: usize = 2048;

/// How long calls may take to say goodbye when the app stops.
const GOODBYE: Duration = Duration::from_secs(3);

/// Devices in place of the system's.
#[derive(Clone, Debug)]
pub struct Sound {
    /// Where the voice comes from; `None`: what the person chose.
    pub microphone: Option<CaptureSource>,
    /// Where the call is heard; `None`: what the person chose.
    pub speaker: Option<PlayoutSink>,
    /// Where it rings; `None`: what the person chose.
    pub ringer: Option<PlayoutSink>,
    /// Echo cancellation, noise suppression and gain.
    pub processing: bool,
}

impl Default for Sound {
    fn default() -> Self {
        Self { microphone: None, speaker: None, ringer: None, processing: true }
    }
}

/// Cameras and screens in place of what the person chose, and who else gets the pictures that come.
#[derive(Clone, Default)]
pub struct Pictures {
    /// Where our picture comes from; `None`: what the person chose.
    pub camera: Option<VideoSource>,
    /// What is shared when nothing is chosen; `None`: the primary screen.
    pub screen: Option<VideoSource>,
    /// Gets every picture of the others in every call, which are all decoded then.
    pub keep: Option<KeptPictures>,
}

/// Takes the call's id and a picture, on a decoder's thread. Must not block.
pub type KeptPictures = Arc<dyn Fn(&CallId, &Picture) + Send + Sync>;

/// Opens an address in the person's browser. Must not block; an error says why it cannot.
pub type Browser = Arc<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// How an app is started.
#[derive(Clone)]
pub struct AppConfig {
    /// The folder of its settings, which must be this process's alone. `None`: nothing is read or kept, and logins
    /// made with a password are given back when the app stops.
    pub data: Option<PathBuf>,
    /// The name other devices of the person see this one by in the server's list of logins.
    pub client_name: String,
    /// Devices in place of the system's.
    pub sound: Sound,
    /// Likewise for pictures.
    pub pictures: Pictures,
    /// How calls behave.
    pub call: CallConfig,
    /// Where app passwords are kept.
    pub key_store: Arc<dyn KeyStore>,
    /// The embedded server of the data folder; `None`: this app cannot start one.
    pub local_server: Option<Arc<dyn LocalServer>>,
    /// Opens an address in the person's browser; `None`: this program has no way to, and shows it instead.
    pub browser: Option<Browser>,
    /// Look out for sound devices that come and go, for whoever shows them.
    pub watch_devices: bool,
}

/// A running app. Clones share it.
#[derive(Clone)]
pub struct App {
    pub(crate) inner: Arc<Inner>,
}

/// What everything in this crate reaches everything else through.
pub(crate) struct Inner {
    pub(crate) config: AppConfig,
    pub(crate) runtime: Handle,
    pub(crate) media: MediaRuntime,
    pub(crate) keys: PatientKeyStore,
    pub(crate) events: broadcast::Sender<Event>,
    pub(crate) changed: Arc<Notify>,
    /// Held while servers are told how this client is.
    pub(crate) announcing: Mutex<()>,
    /// The person asked the core to end.
    pub(crate) quit: CancellationToken,
    /// The app has stopped.
    pub(crate) gone: CancellationToken,
    pub(crate) call_number: AtomicU64,
    pub(crate) viewer_number: AtomicU64,
    pub(crate) board: Arc<Board>,
    pub(crate) preview: Arc<Preview>,
    /// Held while the embedded server is started or opened, so that two commands do not start it twice.
    pub(crate) here: tokio::sync::Mutex<()>,
    /// What programs are told of calls, and have been.
    pub(crate) sdk: Mutex<Translator>,
    pub(crate) sdk_events: broadcast::Sender<SdkEvent>,
    state: Mutex<State>,
}

impl App {
    /// Reads the settings and signs stored accounts in, in the background. Within a tokio runtime. Settings that
    /// cannot be read are a problem in the state, not a failure: the app goes on without them.
    pub fn start(config: AppConfig) -> Self {
        let (file, settings, problem) = SettingsFile::open(config.data.as_deref());
        let mut problems = Problems::default();
        problem.into_iter().for_each(|problem| problems.show(problem));
        let (events, _) = broadcast::channel(EVENT_BACKLOG);
        let (sdk_events, _) = broadcast::channel(EVENT_BACKLOG);
        let runtime = Handle::current();
        let inner = Arc::new(Inner {
            media: MediaRuntime::new(runtime.clone()),
            keys: PatientKeyStore::new(config.key_store.clone()),
            runtime,
            events,
            changed: Arc::new(Notify::new()),
            announcing: Mutex::new(()),
            quit: CancellationToken::new(),
            gone: CancellationToken::new(),
            call_number: AtomicU64::new(0),
            viewer_number: AtomicU64::new(0),
            board: Arc::default(),
            preview: Arc::default(),
            here: tokio::sync::Mutex::new(()),
            sdk: Mutex::default(),
            sdk_events,
            state: Mutex::new(State {
                file,
                settings,
                accounts: Vec::new(),
                calls: Calls::default(),
                devices: bellbird_devices::DeviceList::default(),
                cameras: Vec::new(),
                device_watch: None,
                problems,
                local_server: None,
                door: DoorUse::default(),
                signing_in: None,
                remote: Remote::default(),
                suggested_name: person::full_name(),
            }),
            config,
        });
        tokio::spawn(publish::run(Arc::downgrade(&inner)));
        inner.clone().restore_accounts();
        if inner.config.watch_devices {
            inner.watch_devices();
            inner.watch_cameras();
        }
        Self { inner }
    }

    /// Carries out a command. Work that was begun goes on when the caller stops waiting.
    ///
    /// # Errors
    /// A problem to show.
    pub async fn handle(&self, command: Command) -> Result<Reply, Problem> {
        self.inner.clone().carry_out(command).await.map_err(|problem| convert::problem(&problem))
    }

    /// The whole state as it is now.
    pub fn state(&self) -> AppView {
        self.inner.view()
    }

    /// What happens from now on.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.inner.events.subscribe()
    }

    /// Returns when the person asked the app to end.
    pub async fn quit_requested(&self) {
        self.inner.quit.cancelled().await;
    }

    /// Shows a problem that came up outside of the app.
    pub fn show_problem(&self, problem: bellbird_call::ports::Problem) {
        self.inner.change(|state| state.problems.show(problem));
    }

    /// Returns once no account is on its way any more, or after `at_most`.
    pub async fn settled(&self, at_most: Duration) {
        let mut events = self.events();
        let settle = async {
            while !self.inner.with(|state| state.is_settled()) {
                if let Err(broadcast::error::RecvError::Closed) = events.recv().await {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(at_most, settle).await;
    }

    /// Ends every call properly, tells windows, leaves every server. At most some seconds.
    pub async fn stop(&self) {
        let leaving = self.inner.change(|state| {
            if let Some(waiting) = state.signing_in.take() {
                waiting.given_up.cancel();
            }
            state.calls.end_all()
        });
        let _ = tokio::time::timeout(GOODBYE, async {
            for call in leaving.calls {
                call.finished().await;
            }
            for entrance in leaving.entrances {
                entrance.cancelled().await;
            }
        })
        .await;
        for guest in leaving.guests {
            guest.calls_settled(GOODBYE).await;
        }
        let _ = self.inner.events.send(Event::Stopping);
        self.inner.clone().leave_servers().await;
        self.inner.gone.cancel();
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("App")
    }
}

impl Inner {
    /// Looks at the state. Holds the lock while `look` runs, which must therefore not call back.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the state and has it published. Holds the lock while `change` runs, likewise.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_one();
        result
    }

    /// Changes what nobody is shown for itself, without having the state published.
    pub(crate) fn amend<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn view(&self) -> AppView {
        self.with(State::view)
    }

    fn watch_devices(self: &Arc<Self>) {
        let app = Arc::downgrade(self);
        let watch = bellbird_devices::watch(move |list| {
            if let Some(inner) = app.upgrade() {
                inner.devices_changed(list);
            }
        });
        match watch {
            Ok(watch) => self.change(|state| state.device_watch = Some(watch)),
            Err(error) => tracing::warn!(%error, "sound devices are not looked out for"),
        }
    }
}
