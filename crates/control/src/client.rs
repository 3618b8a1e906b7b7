//! The window's and the scripts' half of the door.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::time::Duration;

use bellbird_contract::{AppView, ClientFrame, Command, CoreFrame, Event, Outcome, Problem, Reply};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use crate::{CORE_GONE, DoorFile};

/// How long a core may take to greet us.
const GREETING_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest frame a core sends: a state with some thousand contacts is far below it.
const MAX_FRAME: usize = 4 << 20;

/// Events a slow reader may be behind before it misses some; the state is never missed.
const EVENT_BACKLOG: usize = 1024;

/// Why there is no way into the core.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No core runs on this data folder: there is no door file, or nobody behind it.
    #[error("no core is running on this data folder")]
    NotRunning,
    /// Something answers, and it is not our core: the door file is another run's.
    #[error("what answers at the core's address is not the core: {0}")]
    Refused(String),
    /// A core answers, and does not let us in: [`crate::WRONG_TOKEN`], [`crate::PROGRAMS_OFF`], or too many are inside.
    #[error("the core does not let us in: {0}")]
    TurnedAway(String),
    /// The door file could not be read.
    #[error("the door file could not be read: {0}")]
    Unreadable(#[source] io::Error),
}

/// A conversation with a running core. Clones share it; it ends when the last one is dropped or the core goes.
#[derive(Clone, Debug)]
pub struct DoorClient {
    requests: mpsc::Sender<Request>,
    events: broadcast::Sender<Event>,
    state: watch::Receiver<AppView>,
    version: String,
}

#[derive(Debug)]
struct Request {
    command: Command,
    reply: oneshot::Sender<Result<Reply, Problem>>,
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

impl DoorClient {
    /// Finds the core of `data` by its door file and greets it. Returns with the whole state at hand.
    ///
    /// # Errors
    /// See [`ClientError`]; `NotRunning` is the everyday one.
    pub async fn connect(data: &Path) -> Result<Self, ClientError> {
        let door = DoorFile::read(data).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => ClientError::NotRunning,
            _ => ClientError::Unreadable(error),
        })?;
        Self::connect_to(&door).await
    }

    /// Greets the core a door file names. A program puts its own token in the place of the file's.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn connect_to(door: &DoorFile) -> Result<Self, ClientError> {
        Self::greet_in_time(door, None).await
    }

    /// Likewise, as the window's process: it is let in when other programs are not.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn connect_window(door: &DoorFile) -> Result<Self, ClientError> {
        Self::greet_in_time(door, Some(true)).await
    }

    async fn greet_in_time(door: &DoorFile, window: Option<bool>) -> Result<Self, ClientError> {
        tokio::time::timeout(GREETING_TIMEOUT, Box::pin(Self::greet(door, window)))
            .await
            .unwrap_or_else(|_| Err(ClientError::Refused("it does not greet".into())))
    }

    async fn greet(door: &DoorFile, window: Option<bool>) -> Result<Self, ClientError> {
        let config = WebSocketConfig::default()
            .read_buffer_size(16 << 10)
            .max_message_size(Some(MAX_FRAME))
            .max_frame_size(Some(MAX_FRAME));
        let (mut socket, _) =
            connect_async_with_config(&door.url, Some(config), true).await.map_err(|error| match error {
                tokio_tungstenite::tungstenite::Error::Io(_) => ClientError::NotRunning,
                other => ClientError::Refused(other.to_string()),
            })?;
        let hello = ClientFrame::Hello { token: door.token.clone(), window };
        socket.send(text(&hello)).await.map_err(refused)?;
        let CoreFrame::Welcome { version } = receive(&mut socket).await? else {
            return Err(ClientError::Refused("its first frame is no welcome".into()));
        };
        let CoreFrame::Event { event: Event::State { state } } = receive(&mut socket).await? else {
            return Err(ClientError::Refused("its second frame is no state".into()));
        };
        let (requests, queue) = mpsc::channel(32);
        let (events, _) = broadcast::channel(EVENT_BACKLOG);
        let (state_sender, state) = watch::channel(*state);
        let conversation =
            Conversation { events: events.clone(), state: state_sender, waiting: HashMap::new() };
        tokio::spawn(conversation.run(socket, queue));
        Ok(Self { requests, events, state, version })
    }

    /// Asks for something and waits for the answer.
    ///
    /// # Errors
    /// The core's [`Problem`], or one with the code [`CORE_GONE`] when the core went away first.
    pub async fn command(&self, command: Command) -> Result<Reply, Problem> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(Request { command, reply }).await.map_err(|_| gone())?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    /// What happens from now on.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// The newest whole state; the channel closes when the core goes.
    pub fn state(&self) -> watch::Receiver<AppView> {
        self.state.clone()
    }

    /// Returns when the core is gone.
    pub async fn closed(&self) {
        let mut state = self.state.clone();
        while state.changed().await.is_ok() {}
    }

    /// The core's version.
    pub fn version(&self) -> &str {
        &self.version
    }
}

struct Conversation {
    events: broadcast::Sender<Event>,
    state: watch::Sender<AppView>,
    waiting: HashMap<u32, oneshot::Sender<Result<Reply, Problem>>>,
}

impl Conversation {
    /// Runs until either side goes. Dropping `self` then fails every unanswered command.
    async fn run(mut self, mut socket: Socket, mut queue: mpsc::Receiver<Request>) {
        let mut next_id = 0_u32;
        loop {
            tokio::select! {
                request = queue.recv() => {
                    let Some(Request { command, reply }) = request else { break };
                    next_id = next_id.wrapping_add(1);
                    self.waiting.insert(next_id, reply);
                    if socket.send(text(&ClientFrame::Command { id: next_id, command })).await.is_err() {
                        break;
                    }
                }
                message = socket.next() => match message {
                    Some(Ok(Message::Text(frame))) => {
                        match serde_json::from_str(&frame) {
                            Ok(frame) => self.take(frame),
                            // A newer core may say more than we know; what we know still holds.
                            Err(error) => tracing::debug!(%error, "frame of the core not understood"),
                        }
                    }
                    Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                    Some(Ok(_)) => {}
                },
            }
        }
        let _ = socket.close(None).await;
    }

    fn take(&mut self, frame: CoreFrame) {
        match frame {
            CoreFrame::Welcome { .. } => {}
            CoreFrame::Reply { id, outcome } => {
                if let Some(reply) = self.waiting.remove(&id) {
                    let _ = reply.send(match outcome {
                        Outcome::Done { reply } => Ok(reply),
                        Outcome::Failed { problem } => Err(problem),
                    });
                }
            }
            CoreFrame::Event { event } => {
                if let Event::State { state } = &event {
                    self.state.send_replace((**state).clone());
                }
                let _ = self.events.send(event);
            }
        }
    }
}

fn text(frame: &ClientFrame) -> Message {
    Message::text(serde_json::to_string(frame).expect("frames hold nothing but strings, numbers and lists"))
}

async fn receive(socket: &mut Socket) -> Result<CoreFrame, ClientError> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(frame))) => {
                return serde_json::from_str(&frame).map_err(|error| ClientError::Refused(error.to_string()));
            }
            Some(Ok(Message::Close(Some(frame)))) => {
                return Err(ClientError::TurnedAway(frame.reason.to_string()));
            }
            Some(Ok(Message::Close(None))) | None => {
                return Err(ClientError::Refused("it closed the conversation".into()));
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(refused(error)),
        }
    }
}

fn refused(error: tokio_tungstenite::tungstenite::Error) -> ClientError {
    ClientError::Refused(error.to_string())
}

fn gone() -> Problem {
    Problem { number: 0, code: CORE_GONE.into(), detail: "the core ended before it answered".into() }
}
