//! Being steered through the server: what this client says of itself, and the orders it gets (cowork-calls section 4).
//!
//! Only an embedded server offers it; elsewhere the state is kept and told to nobody, and no order comes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bellbird_call::RoomId;
use bellbird_talk_wire as wire;
use bellbird_talk_wire::{
    ClientFrame, ClientOrder, ConnectionState, JoinWith, MAX_CLIENT_CONNECTIONS, MAX_OPEN_ORDERS,
    OrderAnswer, OrderFrame, OrderRefusal, RefusedOrder,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

/// Longest text of a refusal passed on, characters.
const MAX_TEXT: usize = 200;

/// What this client says of itself. The server is told at once, and again after each reconnection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientState {
    /// `cowork-<uuid>`, the same for as long as the program runs; at most 64 letters, digits and `-`.
    pub client_id: String,
    /// When a person last did something in it. Need not be told more often than once a second.
    pub last_interaction: Instant,
    /// The conversation it shows.
    pub open_channel: Option<RoomId>,
    /// The call of this account that it is in.
    pub call: Option<ClientCall>,
}

/// The call this client is in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientCall {
    /// Where.
    pub channel: RoomId,
    /// What it has in it; at most 16 are told.
    pub connections: Vec<ConnectionState>,
}

/// An order of the server, made by a program with this account's credentials. The server waits for the answer for ten
/// seconds.
#[derive(Debug)]
pub struct OrderTicket {
    /// What to do.
    pub order: Order,
    /// To be answered with.
    pub answer: OrderReply,
}

/// What this client is told to do. What is `None` stays as it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Order {
    /// Join the conversation's call, or start it.
    Join {
        /// Where.
        channel: RoomId,
        /// With what; a screen beside whatever call there is.
        kind: JoinWith,
    },
    /// Microphone and loudspeaker.
    SetAudio {
        /// The microphone is off.
        muted: Option<bool>,
        /// The loudspeaker is off.
        silent: Option<bool>,
    },
    /// The camera.
    SetVideo {
        /// It is on.
        video: bool,
    },
    /// The hand.
    Raise {
        /// It is up.
        raise: bool,
    },
    /// Leave the call, or end one share.
    Leave {
        /// `camera`, which is the call, or `screen0`, `screen1`, …; everything when missing.
        media: Option<String>,
    },
}

/// Where orders go. Called from a task of the runtime; must not block.
pub type OrderSink = Arc<dyn Fn(OrderTicket) + Send + Sync>;

/// Answers one order. Dropped unanswered, it refuses. An answer after the connection was lost goes nowhere.
#[derive(Debug)]
pub struct OrderReply {
    id: u64,
    answers: mpsc::Sender<OrderAnswer>,
    answered: bool,
    _place: OwnedSemaphorePermit,
}

impl OrderReply {
    /// It is done: these connections are other now. None when the person is being asked, or when something ended.
    ///
    /// A state that follows from it is best set before, so that the server has it first.
    pub fn done(mut self, connections: Vec<ConnectionState>) {
        self.send(connections, None);
    }

    /// It is not done. `text` is for whoever wrote the program, in English.
    pub fn refuse(mut self, code: OrderRefusal, text: &str) {
        self.refuse_with(code, text);
    }

    fn refuse_with(&mut self, code: OrderRefusal, text: &str) {
        let text = text.chars().take(MAX_TEXT).collect();
        self.send(Vec::new(), Some(RefusedOrder { code, text }));
    }

    fn send(&mut self, mut connections: Vec<ConnectionState>, refusal: Option<RefusedOrder>) {
        self.answered = true;
        connections.truncate(MAX_CLIENT_CONNECTIONS);
        // There is room for the answer to each order that has a place; a closed channel is a lost connection.
        let _ = self.answers.try_send(OrderAnswer { id: self.id, connections, refusal });
    }
}

impl Drop for OrderReply {
    fn drop(&mut self) {
        if !self.answered {
            self.refuse_with(OrderRefusal::Conflict, "the client could not do it");
        }
    }
}

/// What an account keeps for all its watches.
pub(crate) struct Steering {
    state: watch::Sender<Option<ClientState>>,
    sink: Mutex<Option<OrderSink>>,
}

impl Default for Steering {
    fn default() -> Self {
        Self { state: watch::Sender::new(None), sink: Mutex::new(None) }
    }
}

impl Steering {
    pub(crate) fn set_state(&self, state: Option<ClientState>) {
        self.state.send_if_modified(|known| {
            let other = *known != state;
            *known = state;
            other
        });
    }

    pub(crate) fn set_sink(&self, sink: Option<OrderSink>) {
        *self.sink.lock().unwrap_or_else(PoisonError::into_inner) = sink;
    }

    fn sink(&self) -> Option<OrderSink> {
        self.sink.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// One connection's half of it: what is to be sent, and what is done with what comes.
pub(crate) struct Steered {
    steering: Arc<Steering>,
    states: watch::Receiver<Option<ClientState>>,
    answers: (mpsc::Sender<OrderAnswer>, mpsc::Receiver<OrderAnswer>),
    places: Arc<Semaphore>,
}

impl Steered {
    /// For a new connection. Whatever the state is now is to be sent first.
    pub(crate) fn new(steering: &Arc<Steering>) -> Self {
        let mut states = steering.state.subscribe();
        states.mark_changed();
        Self {
            steering: steering.clone(),
            states,
            // Those refused for want of a place are answered too.
            answers: mpsc::channel(2 * MAX_OPEN_ORDERS),
            places: Arc::new(Semaphore::new(MAX_OPEN_ORDERS)),
        }
    }

    /// The next frame to send. Dropping the future loses nothing. A state goes before the answers given after it.
    pub(crate) async fn next(&mut self) -> String {
        let frame = tokio::select! {
            biased;
            changed = self.states.changed() => match changed {
                Ok(()) => ClientFrame::Report(self.states.borrow_and_update().as_ref().map(report)),
                // The account holds the sender, and we hold the account's half.
                Err(_) => std::future::pending().await,
            },
            Some(answer) = self.answers.1.recv() => ClientFrame::Answer(answer),
        };
        frame.write()
    }

    /// A text frame that came.
    pub(crate) fn handle(&self, text: &str) {
        let Some(OrderFrame { id, order }) = OrderFrame::read(text) else { return };
        let refuse = |text: &str| {
            let refusal = Some(RefusedOrder { code: OrderRefusal::Conflict, text: text.to_owned() });
            let _ = self.answers.0.try_send(OrderAnswer { id, connections: Vec::new(), refusal });
        };
        let Some(order) = Order::from_wire(order) else {
            return refuse("the client does not know this order");
        };
        let Some(sink) = self.steering.sink() else { return refuse("the client takes no orders") };
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            return refuse("the client has too many orders already");
        };
        let answer = OrderReply { id, answers: self.answers.0.clone(), answered: false, _place: place };
        sink(OrderTicket { order, answer });
    }
}

impl Order {
    fn from_wire(order: ClientOrder) -> Option<Self> {
        Some(match order {
            ClientOrder::Join { channel, kind } => Self::Join { channel: RoomId::new(&channel), kind },
            ClientOrder::SetAudio { muted, silent } => Self::SetAudio { muted, silent },
            ClientOrder::SetVideo { video } => Self::SetVideo { video },
            ClientOrder::Raise { raise } => Self::Raise { raise },
            ClientOrder::Leave { media } => Self::Leave { media },
            ClientOrder::Unknown => return None,
        })
    }
}

fn report(state: &ClientState) -> wire::ClientReport {
    let call = state.call.as_ref().map(|call| wire::ReportedCall {
        channel_id: call.channel.as_str().to_owned(),
        connections: call.connections.iter().take(MAX_CLIENT_CONNECTIONS).cloned().collect(),
    });
    wire::ClientReport {
        client_id: state.client_id.clone(),
        idle_ms: u64::try_from(state.last_interaction.elapsed().as_millis()).unwrap_or(u64::MAX),
        open_channel: state.open_channel.as_ref().map(|room| room.as_str().to_owned()),
        call,
    }
}
