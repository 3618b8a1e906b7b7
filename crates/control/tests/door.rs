//! The door as a window, a script and a hostile page meet it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in what its cases share too")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bellbird_contract::{
    AppView, CallHappening, Command, CoreFrame, Event, PixelLayout, Problem, Reply, ShownPicture, Status,
    picture_header,
};
use bellbird_control::{
    CONTROL_PATH, ClientError, Core, Door, DoorClient, DoorConfig, DoorError, DoorFile, FolderLock,
    PICTURES_PATH, Program, Viewer, WRONG_TOKEN,
};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Semaphore, broadcast};
use tokio_tungstenite::tungstenite::Message;

/// Only to fail a hang.
const HANG: Duration = Duration::from_secs(60);

#[derive(Clone)]
struct TestCore {
    state: Arc<Mutex<AppView>>,
    events: broadcast::Sender<Event>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl TestCore {
    fn new() -> Self {
        let (events, _) = broadcast::channel(64);
        Self { state: Arc::default(), events, seen: Arc::default() }
    }

    fn change(&self, change: impl FnOnce(&mut AppView)) {
        let mut state = self.state.lock().unwrap();
        change(&mut state);
        let _ = self.events.send(Event::State { state: Box::new(state.clone()) });
    }
}

impl Core for TestCore {
    async fn handle(&self, command: Command) -> Result<Reply, Problem> {
        match command {
            Command::Status => Ok(Reply::State { state: Box::new(self.state()) }),
            Command::SignOut { account } => {
                self.seen.lock().unwrap().push(account);
                tokio::task::yield_now().await;
                Ok(Reply::Ok)
            }
            Command::ShowWindow => std::future::pending().await,
            other => Err(Problem { number: 0, code: "not-now".into(), detail: format!("{other:?}") }),
        }
    }

    fn state(&self) -> AppView {
        self.state.lock().unwrap().clone()
    }

    fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    type Viewer = TestViewer;

    fn viewer(&self) -> TestViewer {
        TestViewer { shown: Mutex::default(), credit: Semaphore::new(0) }
    }

    fn program(&self, _: &str) -> Option<Program> {
        None
    }

    fn has_program(&self, _: &str) -> bool {
        false
    }

    fn programs_allowed(&self) -> bool {
        true
    }
}

/// Sends the number of what is shown first, each time it may.
struct TestViewer {
    shown: Mutex<u32>,
    credit: Semaphore,
}

impl Viewer for TestViewer {
    fn show(&self, _: PixelLayout, pictures: Vec<ShownPicture>) {
        *self.shown.lock().unwrap() = pictures[0].number;
        self.credit.add_permits(1);
    }

    fn drawn(&self, _: u32) {
        self.credit.add_permits(1);
    }

    async fn next(&self) -> Bytes {
        self.credit.acquire().await.unwrap().forget();
        Bytes::copy_from_slice(&picture_header(*self.shown.lock().unwrap(), 2, 2, PixelLayout::I420))
    }
}

struct Fixture {
    data: tempfile::TempDir,
    core: TestCore,
    door: Door,
}

fn config(data: &std::path::Path) -> DoorConfig {
    DoorConfig {
        data: data.into(),
        allowed_origins: vec!["http://127.0.0.1:5173".into()],
        version: "1.2.3".into(),
        web_api: None,
    }
}

fn open() -> Fixture {
    let data = tempfile::tempdir().unwrap();
    let core = TestCore::new();
    let door = Door::open(core.clone(), config(data.path())).unwrap();
    Fixture { data, core, door }
}

async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(HANG, what).await.expect("hangs")
}

async fn raw(
    door: &DoorFile,
) -> tokio_tungstenite::WebSocketStream<impl tokio::io::AsyncRead + tokio::io::AsyncWrite> {
    tokio_tungstenite::connect_async(&door.url).await.unwrap().0
}

/// The status line of an upgrade request with these headers.
async fn upgrade(door: &Door, host: &str, more: &str) -> String {
    let address = door.url().trim_start_matches("ws://").trim_end_matches("/control").to_owned();
    let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
    let host = if host.is_empty() { &address } else { host };
    let request = format!(
        "GET /control HTTP/1.1\r\nHost: {host}\r\n{more}Connection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = vec![0; 12];
    within(stream.read_exact(&mut answer)).await.expect("an answer");
    String::from_utf8(answer).expect("a status line")
}

#[tokio::test]
async fn greets_with_the_whole_state_and_answers_commands() {
    let fixture = open();
    fixture.core.change(|state| state.suggested_name = "Ann".into());
    let client = DoorClient::connect(fixture.data.path()).await.unwrap();
    assert_eq!(client.version(), "1.2.3");
    assert_eq!(client.state().borrow().suggested_name, "Ann");

    let Reply::State { state } = within(client.command(Command::Status)).await.unwrap() else { panic!() };
    assert_eq!(state.suggested_name, "Ann");
    let problem = within(client.command(Command::StartHere)).await.unwrap_err();
    assert_eq!((problem.code.as_str(), problem.detail.as_str()), ("not-now", "start_here"));

    let mut states = client.state();
    states.mark_unchanged();
    fixture.core.change(|state| state.suggested_name = "Bob".into());
    within(states.changed()).await.unwrap();
    assert_eq!(states.borrow().suggested_name, "Bob");
}

#[tokio::test]
async fn a_wrong_token_or_no_hello_closes_the_conversation() {
    let fixture = open();
    let door = DoorFile::read(fixture.data.path()).unwrap();
    for first in [
        r#"{"frame":"hello","token":""}"#.to_owned(),
        format!(r#"{{"frame":"hello","token":"{}"}}"#, "0".repeat(64)),
        r#"{"frame":"command","id":1,"command":{"command":"status"}}"#.to_owned(),
        "nonsense".to_owned(),
    ] {
        let mut socket = raw(&door).await;
        socket.send(Message::text(first.clone())).await.unwrap();
        let answer = within(socket.next()).await;
        assert!(matches!(answer, Some(Ok(Message::Close(Some(_))))), "{first}: {answer:?}");
    }
    let wrong = DoorFile { token: "0".repeat(64), ..door };
    let turned_away = DoorClient::connect_to(&wrong).await;
    assert!(matches!(turned_away, Err(ClientError::TurnedAway(reason)) if reason == WRONG_TOKEN));
}

#[tokio::test]
async fn foreign_pages_and_rebound_names_are_turned_away() {
    let fixture = open();
    let door = &fixture.door;
    let port = door.url().rsplit(':').next().unwrap().trim_end_matches("/control");
    assert_eq!(upgrade(door, "", "").await, "HTTP/1.1 101");
    assert_eq!(upgrade(door, "", "Origin: tauri://localhost\r\n").await, "HTTP/1.1 101");
    assert_eq!(upgrade(door, "", "Origin: http://127.0.0.1:5173\r\n").await, "HTTP/1.1 101");
    assert_eq!(upgrade(door, "", "Origin: https://evil.example\r\n").await, "HTTP/1.1 403");
    assert_eq!(upgrade(door, "", "Origin: null\r\n").await, "HTTP/1.1 403");
    let rebound = format!("evil.example:{port}");
    assert_eq!(upgrade(door, &rebound, "").await, "HTTP/1.1 403");
    assert_eq!(upgrade(door, &rebound, "Origin: tauri://localhost\r\n").await, "HTTP/1.1 403");
}

#[cfg(unix)]
#[tokio::test]
async fn the_door_file_is_for_its_owner_alone_and_goes_with_the_door() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = open();
    let path = fixture.door.file();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    drop(fixture.door);
    assert!(!path.exists());
}

#[tokio::test]
async fn one_core_runs_per_folder() {
    let fixture = open();
    let data = fixture.data.path();
    let second = Door::open(TestCore::new(), config(data));
    let pid = std::process::id();
    assert!(
        matches!(second, Err(DoorError::AlreadyRunning { pid: Some(found) }) if found == pid),
        "{second:?}"
    );
    assert!(DoorClient::connect(data).await.is_ok(), "the loser must leave the winner's door file alone");
    drop(fixture.door);
    let door = Door::open(TestCore::new(), config(data)).unwrap();
    assert!(DoorClient::connect(data).await.is_ok());
    drop(door);
    drop(FolderLock::take(data).unwrap());
}

#[tokio::test]
async fn a_door_file_left_by_a_killed_core_leads_nowhere_and_is_replaced() {
    let data = tempfile::tempdir().unwrap();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let stale = DoorFile { url: format!("ws://{nobody}/control"), token: "t".into(), pid: 1, web_api: None };
    std::fs::write(DoorFile::path(data.path()), serde_json::to_vec(&stale).unwrap()).unwrap();
    assert!(matches!(DoorClient::connect(data.path()).await, Err(ClientError::NotRunning)));

    let _door = Door::open(TestCore::new(), config(data.path())).unwrap();
    assert!(DoorClient::connect(data.path()).await.is_ok());
    std::fs::write(DoorFile::path(data.path()), "{").unwrap();
    assert!(matches!(DoorClient::connect(data.path()).await, Err(ClientError::Unreadable(_))));
}

#[tokio::test]
async fn no_door_file_means_no_core() {
    let data = tempfile::tempdir().unwrap();
    assert!(matches!(DoorClient::connect(data.path()).await, Err(ClientError::NotRunning)));
}

#[tokio::test]
async fn a_slow_client_gets_the_newest_state_and_not_all_of_them() {
    let fixture = open();
    let door = DoorFile::read(fixture.data.path()).unwrap();
    let mut socket = raw(&door).await;
    socket.send(Message::text(format!(r#"{{"frame":"hello","token":"{}"}}"#, door.token))).await.unwrap();
    assert!(matches!(within(socket.next()).await, Some(Ok(Message::Text(_)))));

    // 64 KiB each, 256 MiB in all: far more than the sockets of both ends hold.
    const STATES: usize = 4096;
    let filling = "x".repeat(64 << 10);
    for number in 1..=STATES {
        fixture.core.change(|state| {
            state.version = number.to_string();
            state.suggested_name = filling.clone();
        });
        tokio::task::yield_now().await;
    }
    let mut received = 0;
    loop {
        let Some(Ok(Message::Text(text))) = within(socket.next()).await else { panic!("closed") };
        received += 1;
        if let CoreFrame::Event { event: Event::State { state } } = serde_json::from_str(&text).unwrap()
            && state.version == STATES.to_string()
        {
            break;
        }
    }
    assert!(received < STATES / 4, "{received} states were kept for a client that did not read");
}

#[tokio::test]
async fn happenings_arrive_complete_and_in_order_at_a_client_that_reads() {
    let fixture = open();
    let client = DoorClient::connect(fixture.data.path()).await.unwrap();
    let mut events = client.events();
    for number in 0..200 {
        let happening =
            CallHappening::Status { participant: Some(number.to_string()), status: Status::Ringing };
        let _ = fixture.core.events.send(Event::Call { call: "1".into(), happening });
        let Event::Call { happening: CallHappening::Status { participant, .. }, .. } =
            within(events.recv()).await.unwrap()
        else {
            panic!()
        };
        assert_eq!(participant, Some(number.to_string()));
    }
}

#[tokio::test]
async fn commands_of_one_client_are_begun_in_order_and_none_blocks_another() {
    let fixture = open();
    let client = DoorClient::connect(fixture.data.path()).await.unwrap();
    let stuck = client.clone();
    let stuck = tokio::spawn(async move { stuck.command(Command::ShowWindow).await });
    let mut answers = Vec::new();
    for number in 0..100 {
        answers.push(Box::pin(client.command(Command::SignOut { account: number.to_string() })));
        // One poll puts the request into the client's queue; the answer is waited for later.
        let _ = futures_util::poll!(answers.last_mut().unwrap());
        if number % 16 == 15 {
            for answer in answers.drain(..) {
                within(answer).await.unwrap();
            }
        }
    }
    for answer in answers {
        within(answer).await.unwrap();
    }
    let expected: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    assert_eq!(*fixture.core.seen.lock().unwrap(), expected);
    stuck.abort();
}

#[tokio::test]
async fn an_oversized_frame_ends_the_conversation_and_no_other() {
    let fixture = open();
    let door = DoorFile::read(fixture.data.path()).unwrap();
    let client = DoorClient::connect(fixture.data.path()).await.unwrap();
    let mut socket = raw(&door).await;
    socket.send(Message::text(format!(r#"{{"frame":"hello","token":"{}"}}"#, door.token))).await.unwrap();
    for _ in 0..2 {
        assert!(matches!(within(socket.next()).await, Some(Ok(Message::Text(_)))));
    }
    let _ = socket.send(Message::text("x".repeat(1 << 20))).await;
    while let Some(Ok(_)) = within(socket.next()).await {}
    assert!(within(client.command(Command::Status)).await.is_ok());
}

#[tokio::test]
async fn a_client_notices_the_core_going_and_finds_the_next_one() {
    let fixture = open();
    let client = DoorClient::connect(fixture.data.path()).await.unwrap();
    drop(fixture.door);
    within(client.closed()).await;
    let problem = within(client.command(Command::Status)).await.unwrap_err();
    assert_eq!(problem.code, bellbird_control::CORE_GONE);
    assert!(matches!(DoorClient::connect(fixture.data.path()).await, Err(ClientError::NotRunning)));

    let core = TestCore::new();
    core.change(|state| state.suggested_name = "after".into());
    let _door = Door::open(core, config(fixture.data.path())).unwrap();
    let again = DoorClient::connect(fixture.data.path()).await.unwrap();
    assert_eq!(again.state().borrow().suggested_name, "after");
}

#[tokio::test]
async fn windows_are_counted_while_they_are_attached() {
    let fixture = open();
    let door = DoorFile::read(fixture.data.path()).unwrap();
    let _script = DoorClient::connect(fixture.data.path()).await.unwrap();
    assert_eq!(fixture.door.windows(), 0);
    use tokio_tungstenite::tungstenite::client::IntoClientRequest;
    let mut request = door.url.as_str().into_client_request().unwrap();
    request.headers_mut().insert("Origin", "tauri://localhost".parse().unwrap());
    let (mut page, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    page.send(Message::text(format!(r#"{{"frame":"hello","token":"{}"}}"#, door.token))).await.unwrap();
    assert!(matches!(within(page.next()).await, Some(Ok(Message::Text(_)))));
    assert_eq!(fixture.door.windows(), 1);
    page.close(None).await.unwrap();
    within(async {
        while fixture.door.windows() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn pictures_come_to_whoever_has_the_token_and_draws() {
    let fixture = open();
    let door = DoorFile::read(fixture.data.path()).unwrap();
    let pictures = DoorFile { url: door.url.replace(CONTROL_PATH, PICTURES_PATH), ..door };

    let mut stranger = raw(&pictures).await;
    stranger.send(Message::text(r#"{"frame":"hello","token":"guessed"}"#)).await.unwrap();
    assert!(matches!(within(stranger.next()).await, Some(Ok(Message::Close(Some(_))))));

    let mut page = raw(&pictures).await;
    page.send(Message::text(format!(r#"{{"frame":"hello","token":"{}"}}"#, pictures.token))).await.unwrap();
    let shown = r#"{"number":7,"call":"1","participant":null,"kind":"video","width":640}"#;
    page.send(Message::text(format!(r#"{{"frame":"show","pictures":[{shown}]}}"#))).await.unwrap();
    for _ in 0..3 {
        let Some(Ok(Message::Binary(picture))) = within(page.next()).await else { panic!("no picture") };
        assert_eq!(picture[..4], 7_u32.to_le_bytes());
        page.send(Message::text(r#"{"frame":"drawn","number":7}"#)).await.unwrap();
    }
    page.send(Message::text(r#"{"frame":"command","id":1,"command":{"command":"quit"}}"#)).await.unwrap();
    while let Some(Ok(_)) = within(page.next()).await {}
}
