//! A core that knows two programs, and its door.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Extension;
use axum::routing::{get, post};
use bellbird_contract::{
    AppView, Command, ControlView, Event, PixelLayout, Problem, ProgramView, Reply, ShownPicture,
};
use bellbird_control::{Core, Door, DoorConfig, DoorFile, Program, Router, Viewer, Visitor};
use bytes::Bytes;
use tokio::sync::broadcast;

/// Only to fail a hang.
pub(crate) const HANG: Duration = Duration::from_secs(60);

pub(crate) async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(HANG, what).await.expect("hangs")
}

/// What the core did, told apart by name.
#[derive(Clone)]
pub(crate) struct TestCore {
    state: Arc<Mutex<AppView>>,
    events: broadcast::Sender<Event>,
    /// Names of the commands that came this far.
    pub(crate) done: Arc<Mutex<Vec<String>>>,
}

/// The token of a program is its id, made longer.
pub(crate) fn token_of(id: &str) -> String {
    id.repeat(32)
}

impl TestCore {
    pub(crate) fn new() -> Self {
        let (events, _) = broadcast::channel(64);
        let program = |id: &str, name: &str| ProgramView {
            id: id.into(),
            name: name.into(),
            created_at_ms: 1,
            last_used_at_ms: None,
        };
        let programs = vec![program("p1", "Deploy"), program("p2", "Other")];
        let control = ControlView { allowed: true, web_api: None, programs };
        let state = AppView { control, suggested_name: "Ann".into(), ..AppView::default() };
        Self { state: Arc::new(Mutex::new(state)), events, done: Arc::default() }
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut AppView)) {
        let mut state = self.state.lock().unwrap();
        change(&mut state);
        let _ = self.events.send(Event::State { state: Box::new(state.clone()) });
    }

    pub(crate) fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }
}

impl Core for TestCore {
    async fn handle(&self, command: Command) -> Result<Reply, Problem> {
        self.done.lock().unwrap().push(format!("{command:?}"));
        match command {
            Command::RevokeProgram { program } => {
                self.change(|state| state.control.programs.retain(|known| known.id != program));
                Ok(Reply::Ok)
            }
            Command::AllowPrograms { allowed } => {
                self.change(|state| state.control.allowed = allowed);
                Ok(Reply::Ok)
            }
            Command::ShowWindow => std::future::pending().await,
            _ => Ok(Reply::Ok),
        }
    }

    fn state(&self) -> AppView {
        self.state.lock().unwrap().clone()
    }

    fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    type Viewer = Nothing;

    fn viewer(&self) -> Nothing {
        Nothing
    }

    fn program(&self, token: &str) -> Option<Program> {
        let state = self.state.lock().unwrap();
        let known = state.control.programs.iter().find(|known| token_of(&known.id) == token)?;
        Some(Program { id: known.id.clone(), name: known.name.clone() })
    }

    fn has_program(&self, id: &str) -> bool {
        self.state.lock().unwrap().control.programs.iter().any(|known| known.id == id)
    }

    fn programs_allowed(&self) -> bool {
        self.state.lock().unwrap().control.allowed
    }
}

/// There is no picture.
pub(crate) struct Nothing;

impl Viewer for Nothing {
    fn show(&self, _: PixelLayout, _: Vec<ShownPicture>) {}

    fn drawn(&self, _: u32) {}

    async fn next(&self) -> Bytes {
        std::future::pending().await
    }
}

pub(crate) struct Fixture {
    pub(crate) data: tempfile::TempDir,
    pub(crate) core: TestCore,
    pub(crate) door: Door,
    pub(crate) file: DoorFile,
}

impl Fixture {
    pub(crate) fn open() -> Self {
        let data = tempfile::tempdir().unwrap();
        let core = TestCore::new();
        let config = DoorConfig {
            data: data.path().into(),
            allowed_origins: vec!["http://127.0.0.1:5173".into()],
            version: "1.2.3".into(),
            web_api: Some(web_api()),
        };
        let door = Door::open(core.clone(), config).unwrap();
        let file = DoorFile::read(data.path()).unwrap();
        Self { data, core, door, file }
    }

    /// The door file as a program would have it, with its own token.
    pub(crate) fn of_program(&self, id: &str) -> DoorFile {
        DoorFile { token: token_of(id), ..self.file.clone() }
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> &str {
        self.file.url.trim_start_matches("ws://").trim_end_matches("/control")
    }
}

/// Says who asks, and how long the body is; or takes its time.
fn web_api() -> Router {
    let who = |Extension(visitor): Extension<Visitor>, body: Bytes| async move {
        format!("{visitor:?} {}", body.len())
    };
    Router::new()
        .route("/api/cowork/who", get(who).post(who))
        .route("/api/cowork/slow", post(std::future::pending::<String>))
}
