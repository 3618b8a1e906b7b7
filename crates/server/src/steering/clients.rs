//! The clients that are connected and may be steered, what they say of themselves, and the orders they have not answered.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bellbird_cowork::Media;
use bellbird_talk_wire::{
    ClientFrame, ClientOrder, ClientReport, ConnectionState, MAX_CLIENT_CONNECTIONS, MAX_CLIENT_ID,
    MAX_OPEN_ORDERS, ORDER_SECONDS, OrderAnswer, OrderFrame, RefusedOrder, ReportedCall,
};
use tokio::sync::{mpsc, oneshot};

/// Longest token of a conversation that is believed, bytes.
const MAX_TOKEN: usize = 255;
/// What a client's idle time is taken from, so that what was done before this server started can be told apart too.
const LONG_AGO_MS: u64 = 1 << 50;

/// What a client says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClientSeen {
    pub(crate) id: String,
    /// By this server's clock, milliseconds; only compared.
    pub(crate) last_interaction: u64,
    pub(crate) open_channel: Option<String>,
    pub(crate) call: Option<ReportedCall>,
}

/// Why an order was not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unordered {
    /// There is no such client, or it went away before it answered.
    Gone,
    /// It has too many orders that it has not answered.
    Busy,
    /// It did not answer in time.
    Silent,
    /// It does not want to, or cannot.
    Refused(RefusedOrder),
}

struct Waiting {
    id: u64,
    order: ClientOrder,
    answer: oneshot::Sender<OrderAnswer>,
}

struct Client {
    /// Of its socket.
    number: u64,
    seen: ClientSeen,
    orders: mpsc::Sender<OrderFrame>,
    waiting: Vec<Waiting>,
}

#[derive(Default)]
struct Clients {
    by_account: HashMap<String, Vec<Client>>,
    last_socket: u64,
    last_order: u64,
}

/// All of it. As many clients per account as it has push sockets, each with a bounded list of orders.
pub(crate) struct ClientHub {
    clients: Mutex<Clients>,
    started: Instant,
    /// How long an answer is waited for.
    patience: Duration,
}

/// One push socket's half; dropping it takes its client away.
pub(crate) struct Steered<'a> {
    hub: &'a ClientHub,
    account: String,
    number: u64,
    sender: mpsc::Sender<OrderFrame>,
    orders: mpsc::Receiver<OrderFrame>,
}

impl ClientHub {
    pub(crate) fn new(now: Instant) -> Self {
        Self { clients: Mutex::default(), started: now, patience: Duration::from_secs(ORDER_SECONDS) }
    }

    fn clients(&self) -> MutexGuard<'_, Clients> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For a push socket of the account.
    pub(crate) fn connect(&self, account: &str) -> Steered<'_> {
        let (sender, orders) = mpsc::channel(MAX_OPEN_ORDERS);
        let mut clients = self.clients();
        clients.last_socket += 1;
        Steered { hub: self, account: account.to_owned(), number: clients.last_socket, sender, orders }
    }

    /// What the account's clients say of themselves.
    pub(crate) fn of(&self, account: &str) -> Vec<ClientSeen> {
        let clients = self.clients();
        clients.by_account.get(account).into_iter().flatten().map(|client| client.seen.clone()).collect()
    }

    /// Tells a client what to do and waits for its answer.
    pub(crate) async fn order(
        &self,
        account: &str,
        client: &str,
        order: ClientOrder,
    ) -> Result<Vec<ConnectionState>, Unordered> {
        let (id, answer) = self.send(account, client, order)?;
        // Whoever no longer waits, for whatever reason, makes room.
        let _place = Place { hub: self, account, client, id };
        match tokio::time::timeout(self.patience, answer).await {
            Ok(Ok(OrderAnswer { refusal: Some(refusal), .. })) => Err(Unordered::Refused(refusal)),
            Ok(Ok(OrderAnswer { connections, .. })) => Ok(connections),
            Ok(Err(_)) => Err(Unordered::Gone),
            Err(_) => Err(Unordered::Silent),
        }
    }

    fn send(
        &self,
        account: &str,
        client: &str,
        order: ClientOrder,
    ) -> Result<(u64, oneshot::Receiver<OrderAnswer>), Unordered> {
        let mut clients = self.clients();
        clients.last_order += 1;
        let id = clients.last_order;
        let own = clients.by_account.get_mut(account).map_or(&mut [][..], Vec::as_mut_slice);
        let client = own.iter_mut().find(|known| known.seen.id == client).ok_or(Unordered::Gone)?;
        if client.waiting.len() >= MAX_OPEN_ORDERS {
            return Err(Unordered::Busy);
        }
        client.orders.try_send(OrderFrame { id, order: order.clone() }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Unordered::Busy,
            mpsc::error::TrySendError::Closed(_) => Unordered::Gone,
        })?;
        let (sender, answer) = oneshot::channel();
        client.waiting.push(Waiting { id, order, answer: sender });
        Ok((id, answer))
    }

    fn report(
        &self,
        (account, number): (&str, u64),
        report: ClientReport,
        orders: &mpsc::Sender<OrderFrame>,
        now: Instant,
    ) {
        let Some(seen) = self.believe(report, now) else { return };
        let mut clients = self.clients();
        let own = clients.by_account.entry(account.to_owned()).or_default();
        // A client that has connected anew is the same one, though its old socket may not have noticed yet.
        own.retain(|client| client.number == number || client.seen.id != seen.id);
        match own.iter_mut().find(|client| client.number == number) {
            Some(client) if client.seen.id == seen.id => client.seen = seen,
            Some(client) => *client = Client { number, seen, orders: orders.clone(), waiting: Vec::new() },
            None => own.push(Client { number, seen, orders: orders.clone(), waiting: Vec::new() }),
        }
    }

    /// What of a report is taken over; nothing when it does not say who it is about.
    fn believe(&self, report: ClientReport, now: Instant) -> Option<ClientSeen> {
        let ClientReport { client_id, idle_ms, open_channel, call } = report;
        let plain = client_id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if client_id.is_empty() || client_id.len() > MAX_CLIENT_ID || !plain {
            return None;
        }
        let is_token = |token: &String| !token.is_empty() && token.len() <= MAX_TOKEN;
        let since_start = now.saturating_duration_since(self.started).as_millis();
        let now_ms = LONG_AGO_MS + u64::try_from(since_start).unwrap_or(0);
        let call = call.filter(|call| is_token(&call.channel_id)).map(|mut call| {
            call.connections = cleaned(call.connections);
            call
        });
        Some(ClientSeen {
            id: client_id,
            last_interaction: now_ms.saturating_sub(idle_ms),
            open_channel: open_channel.filter(is_token),
            // In a call without a connection is in no call.
            call: call.filter(|call| !call.connections.is_empty()),
        })
    }

    fn answered(&self, account: &str, number: u64, answer: OrderAnswer) {
        let mut clients = self.clients();
        let own = clients.by_account.get_mut(account).map_or(&mut [][..], Vec::as_mut_slice);
        let Some(client) = own.iter_mut().find(|client| client.number == number) else { return };
        let Some(index) = client.waiting.iter().position(|waiting| waiting.id == answer.id) else { return };
        let Waiting { order, answer: waiter, .. } = client.waiting.swap_remove(index);
        let answer = OrderAnswer { connections: cleaned(answer.connections), ..answer };
        if answer.refusal.is_none() {
            take_over(&mut client.seen, &order, &answer.connections);
        }
        // Nobody may be waiting any more.
        let _ = waiter.send(answer);
    }

    fn withdraw(&self, account: &str, number: u64) {
        let mut clients = self.clients();
        if let Some(own) = clients.by_account.get_mut(account) {
            own.retain(|client| client.number != number);
            if own.is_empty() {
                clients.by_account.remove(account);
            }
        }
    }
}

/// Connections with a medium that there is, each once, not too many.
fn cleaned(connections: Vec<ConnectionState>) -> Vec<ConnectionState> {
    let mut clean: Vec<ConnectionState> = Vec::new();
    for connection in connections {
        let fine = connection.media.parse::<Media>().is_ok();
        if fine && clean.len() < MAX_CLIENT_CONNECTIONS && !clean.iter().any(|c| c.media == connection.media)
        {
            clean.push(connection);
        }
    }
    clean
}

/// What an answer says is so from now on, whether or not the client has reported it yet: whoever asks next shall see it.
fn take_over(seen: &mut ClientSeen, order: &ClientOrder, connections: &[ConnectionState]) {
    match order {
        ClientOrder::Join { channel, .. } => {
            // The person is being asked.
            if connections.is_empty() {
                return;
            }
            match &mut seen.call {
                Some(call) if call.channel_id == *channel => update(call, connections, true),
                Some(_) | None => {
                    let connections = connections.to_vec();
                    seen.call = Some(ReportedCall { channel_id: channel.clone(), connections });
                }
            }
        }
        ClientOrder::SetAudio { .. } | ClientOrder::SetVideo { .. } | ClientOrder::Raise { .. } => {
            if let Some(call) = &mut seen.call {
                update(call, connections, false);
            }
        }
        ClientOrder::Leave { media } => {
            let screen = media.as_deref().filter(|media| *media != "camera");
            match (&mut seen.call, screen) {
                (Some(call), Some(screen)) => {
                    call.connections.retain(|connection| connection.media != screen);
                    if call.connections.is_empty() {
                        seen.call = None;
                    }
                }
                (call, None) => *call = None,
                (None, Some(_)) => {}
            }
        }
        ClientOrder::Unknown => {}
    }
}

fn update(call: &mut ReportedCall, connections: &[ConnectionState], add: bool) {
    for connection in connections {
        let has_room = call.connections.len() < MAX_CLIENT_CONNECTIONS;
        match call.connections.iter_mut().find(|known| known.media == connection.media) {
            Some(known) => *known = connection.clone(),
            None if add && has_room => call.connections.push(connection.clone()),
            None => {}
        }
    }
}

/// An order's place among those that a client has not answered.
struct Place<'a> {
    hub: &'a ClientHub,
    account: &'a str,
    client: &'a str,
    id: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut clients = self.hub.clients();
        let own = clients.by_account.get_mut(self.account).map_or(&mut [][..], Vec::as_mut_slice);
        if let Some(client) = own.iter_mut().find(|client| client.seen.id == self.client) {
            client.waiting.retain(|waiting| waiting.id != self.id);
        }
    }
}

impl Steered<'_> {
    /// The next order for the client. Dropping the future loses none.
    pub(crate) async fn next(&mut self) -> OrderFrame {
        match self.orders.recv().await {
            Some(order) => order,
            // We hold a sender ourselves.
            None => std::future::pending().await,
        }
    }

    /// A text frame that the client sent; what is none of ours is passed over.
    pub(crate) fn handle(&self, text: &str, now: Instant) {
        match ClientFrame::read(text) {
            Some(ClientFrame::Report(Some(report))) => {
                self.hub.report((&self.account, self.number), report, &self.sender, now);
            }
            Some(ClientFrame::Report(None)) => self.hub.withdraw(&self.account, self.number),
            Some(ClientFrame::Answer(answer)) => self.hub.answered(&self.account, self.number, answer),
            None => {}
        }
    }
}

impl Drop for Steered<'_> {
    fn drop(&mut self) {
        self.hub.withdraw(&self.account, self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bellbird_talk_wire::JoinWith;

    fn report(id: &str, idle_ms: u64) -> String {
        let report = ClientReport { client_id: id.to_owned(), idle_ms, ..Default::default() };
        ClientFrame::Report(Some(report)).write()
    }

    fn connection(media: &str) -> ConnectionState {
        ConnectionState { media: media.to_owned(), ..Default::default() }
    }

    #[test]
    fn the_newest_socket_of_a_client_counts_and_its_end_is_its_own() {
        let now = Instant::now();
        let hub = ClientHub::new(now);
        let ids = |account: &str| hub.of(account).into_iter().map(|seen| seen.id).collect::<Vec<_>>();
        let old = hub.connect("ann");
        old.handle(&report("cowork-1", 0), now);
        let new = hub.connect("ann");
        new.handle(&report("cowork-1", 0), now);
        let other = hub.connect("bob");
        other.handle(&report("cowork-1", 0), now);
        assert_eq!((ids("ann"), ids("bob")), (vec!["cowork-1".into()], vec!["cowork-1".into()]));
        drop(old);
        assert_eq!(ids("ann"), ["cowork-1"], "the old socket's end takes nothing from the new one");
        new.handle("bellbird-client null", now);
        assert_eq!(ids("ann"), [""; 0]);
        drop(other);
        assert!(hub.clients().by_account.is_empty(), "nothing is kept of who is gone");
    }

    #[test]
    fn idle_times_are_compared_across_reports_and_before_the_start() {
        let start = Instant::now();
        let hub = ClientHub::new(start);
        let (one, two) = (hub.connect("ann"), hub.connect("ann"));
        let later = start + Duration::from_secs(10);
        one.handle(&report("a", 3_600_000), start);
        two.handle(&report("b", 3_605_000), later);
        let seen = hub.of("ann");
        assert!(seen[1].last_interaction > seen[0].last_interaction, "{seen:?}");
        two.handle(&report("b", u64::MAX), later);
        assert_eq!(hub.of("ann").len(), 2);
    }

    #[test]
    fn what_a_client_cannot_be_called_or_have_is_not_believed() {
        let now = Instant::now();
        let hub = ClientHub::new(now);
        let socket = hub.connect("ann");
        for id in ["", "cowork 1", "cowork-é", &"x".repeat(65)] {
            socket.handle(&report(id, 0), now);
        }
        assert!(hub.of("ann").is_empty());
        let media = ["camera", "camera", "phone", "screen1", "screen01"];
        let connections = media.into_iter().map(connection).collect();
        let call = Some(ReportedCall { channel_id: "x".to_owned(), connections });
        let odd =
            ClientReport { client_id: "c".to_owned(), idle_ms: 0, open_channel: Some(String::new()), call };
        socket.handle(&ClientFrame::Report(Some(odd)).write(), now);
        let seen = hub.of("ann").remove(0);
        let media: Vec<_> =
            seen.call.iter().flat_map(|call| &call.connections).map(|c| c.media.as_str()).collect();
        assert_eq!((seen.open_channel, media), (None, vec!["camera", "screen1"]));
    }

    #[tokio::test]
    async fn orders_are_answered_refused_or_given_up() {
        let now = Instant::now();
        let hub = ClientHub::new(now);
        let mut socket = hub.connect("ann");
        socket.handle(&report("c", 0), now);
        let order = ClientOrder::Join { channel: "x".to_owned(), kind: JoinWith::Audio };
        assert_eq!(hub.order("ann", "d", order.clone()).await, Err(Unordered::Gone));
        assert_eq!(hub.order("bob", "c", order.clone()).await, Err(Unordered::Gone));
        let answer =
            |id, connections, refusal| ClientFrame::Answer(OrderAnswer { id, connections, refusal }).write();

        let (done, ()) = tokio::join!(hub.order("ann", "c", order.clone()), async {
            let got = socket.next().await;
            assert_eq!(got.order, order);
            socket.handle(&answer(got.id + 1, vec![connection("screen0")], None), now);
            socket.handle(&answer(got.id, vec![connection("camera")], None), now);
        });
        assert_eq!(done, Ok(vec![connection("camera")]));
        let call = hub.of("ann")[0].call.clone().expect("what was answered is so at once");
        assert_eq!((call.channel_id.as_str(), call.connections.len()), ("x", 1));

        let refusal =
            RefusedOrder { code: bellbird_talk_wire::OrderRefusal::Forbidden, text: "no".to_owned() };
        let (refused, ()) = tokio::join!(hub.order("ann", "c", order.clone()), async {
            let got = socket.next().await;
            socket.handle(&answer(got.id, vec![], Some(refusal.clone())), now);
        });
        assert_eq!(refused, Err(Unordered::Refused(refusal)));

        // Nobody takes them from the socket, and nobody answers: the bound holds, and what is given up leaves nothing.
        let hub = ClientHub { patience: Duration::from_millis(50), ..ClientHub::new(now) };
        let socket = hub.connect("ann");
        socket.handle(&report("c", 0), now);
        let many =
            futures_util::future::join_all((0..40).map(|_| hub.order("ann", "c", order.clone()))).await;
        let count = |why: &Unordered| many.iter().filter(|outcome| outcome.as_ref() == Err(why)).count();
        assert_eq!(
            (count(&Unordered::Silent), count(&Unordered::Busy)),
            (MAX_OPEN_ORDERS, 40 - MAX_OPEN_ORDERS)
        );
        assert!(hub.clients().by_account["ann"][0].waiting.is_empty());
    }

    #[tokio::test]
    async fn a_client_that_goes_ends_what_waits_for_it() {
        let hub = ClientHub::new(Instant::now());
        let mut socket = hub.connect("ann");
        socket.handle(&report("c", 0), Instant::now());
        let (gone, ()) =
            tokio::join!(hub.order("ann", "c", ClientOrder::Raise { raise: true }), async move {
                socket.next().await;
                drop(socket);
            });
        assert_eq!(gone, Err(Unordered::Gone));
    }

    #[test]
    fn answers_are_taken_over() {
        let mut seen = ClientSeen { id: "c".into(), last_interaction: 0, open_channel: None, call: None };
        let join = |channel: &str| ClientOrder::Join { channel: channel.to_owned(), kind: JoinWith::Audio };
        let media = |seen: &ClientSeen| -> Vec<String> {
            seen.call.iter().flat_map(|call| &call.connections).map(|c| c.media.clone()).collect()
        };
        take_over(&mut seen, &join("x"), &[]);
        assert_eq!(seen.call, None, "the person is being asked");
        take_over(&mut seen, &join("x"), &[connection("camera")]);
        take_over(&mut seen, &join("x"), &[connection("screen0")]);
        assert_eq!(media(&seen), ["camera", "screen0"]);
        let raised = ConnectionState { hand_up: true, ..connection("camera") };
        take_over(&mut seen, &ClientOrder::Raise { raise: true }, &[raised, connection("screen5")]);
        assert_eq!(media(&seen), ["camera", "screen0"]);
        assert!(seen.call.as_ref().is_some_and(|call| call.connections[0].hand_up));
        take_over(&mut seen, &ClientOrder::Leave { media: Some("screen0".to_owned()) }, &[]);
        assert_eq!(media(&seen), ["camera"]);
        take_over(&mut seen, &ClientOrder::Leave { media: Some("camera".to_owned()) }, &[]);
        assert_eq!(seen.call, None);
        take_over(&mut seen, &ClientOrder::Leave { media: None }, &[]);
        assert_eq!(seen.call, None);
    }
}
