//! The signaling server, and the telephone that meets it.

use std::sync::Arc;
use std::time::Duration;

use bellbird_call::ports::{SignalingBackend, SignalingCommand, SignalingEvent};
use bellbird_call::{CallTarget, Link, LinkId, MediaKinds, RoomId, SessionDescription};
use bellbird_talk::{TalkAccount, TalkCall};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::nextcloud::{Nextcloud, ROOM};

/// Ends a hang; never decides a test.
pub(crate) const HANG: Duration = Duration::from_secs(60);

/// A signaling server that does nothing by itself.
pub(crate) struct Hpb {
    listener: TcpListener,
    pub(crate) url: String,
}

/// A client's connection to it.
pub(crate) struct Client {
    socket: WebSocketStream<TcpStream>,
}

impl Hpb {
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        Self { listener, url }
    }

    pub(crate) async fn accept(&self) -> Client {
        let accepting = async {
            let (stream, _) = self.listener.accept().await.unwrap();
            tokio_tungstenite::accept_async(stream).await.unwrap()
        };
        Client { socket: tokio::time::timeout(HANG, accepting).await.expect("a client comes") }
    }

    /// A client comes, greets, and enters the room as `session`.
    pub(crate) async fn admit(&self, session: &str, features: &[&str]) -> Client {
        let mut client = self.accept().await;
        client.send(json!({"type":"welcome","welcome":{"features":["hello-v2"],"version":"1.2.4"}})).await;
        let hello = client.next("hello").await;
        assert!(hello["hello"]["auth"]["url"].as_str().unwrap().ends_with("/api/v3/signaling/backend"));
        client.greet(&hello, session, features).await;
        let room = client.next("room").await;
        assert_eq!(room["room"]["roomid"], ROOM);
        client.send(json!({"id":room["id"],"type":"room","room":{"roomid":ROOM,"properties":{}}})).await;
        client.join(session, "alice").await;
        client
    }
}

impl Client {
    pub(crate) async fn send(&mut self, frame: Value) {
        self.socket.send(Message::text(frame.to_string())).await.unwrap();
    }

    pub(crate) async fn send_raw(&mut self, message: Message) {
        // The client may hang up on it.
        let _ = self.socket.send(message).await;
    }

    /// The next frame of a kind; others are skipped.
    pub(crate) async fn next(&mut self, kind: &str) -> Value {
        self.find(kind, |frame| frame["type"] == kind).await
    }

    /// The next peer message of a kind, as a whole frame.
    pub(crate) async fn message(&mut self, kind: &str) -> Value {
        self.find(kind, |frame| frame["message"]["data"]["type"] == kind).await
    }

    async fn find(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let mut skipped = Vec::new();
        let finding = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Text(text))) => {
                        let frame: Value = serde_json::from_str(text.as_str()).unwrap();
                        assert!(frame["id"].is_string(), "every message has an id: {frame}");
                        if fits(&frame) {
                            return frame;
                        }
                        skipped.push(frame);
                    }
                    Some(Ok(_)) => {}
                    other => panic!("waited for {what}, got {other:?}; before: {skipped:#?}"),
                }
            }
        };
        tokio::time::timeout(HANG, finding).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
    }

    /// What comes up to the answer to a ping.
    pub(crate) async fn until_pong(&mut self) -> Vec<Value> {
        let mut before = Vec::new();
        let waiting = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Text(text))) => {
                        before.push(serde_json::from_str(text.as_str()).unwrap())
                    }
                    Some(Ok(Message::Pong(_))) => return,
                    Some(Ok(_)) => {}
                    other => panic!("waited for a pong, got {other:?}"),
                }
            }
        };
        tokio::time::timeout(HANG, waiting).await.expect("waited in vain for a pong");
        before
    }

    pub(crate) async fn greet(&mut self, hello: &Value, session: &str, features: &[&str]) {
        self.send(json!({"id":hello["id"],"type":"hello","hello":{"version":"2.0","sessionid":session,
            "resumeid":format!("resume-{session}"),"userid":"alice",
            "server":{"version":"1.2.4","features":features}}}))
            .await;
    }

    pub(crate) async fn join(&mut self, session: &str, user: &str) {
        self.send(json!({"type":"event","event":{"target":"room","type":"join","join":[
            {"sessionid":session,"userid":user,"user":{"displayname":user.to_uppercase()},
             "roomsessionid":format!("nc-of-{session}")}]}}))
            .await;
    }

    /// Tells who is in the call, by session and flags.
    pub(crate) async fn in_call(&mut self, users: &[(&str, u32)]) {
        let users: Vec<Value> =
            users.iter().map(|(session, flags)| json!({"sessionId":session,"inCall":flags})).collect();
        self.update(json!(users)).await;
    }

    pub(crate) async fn update(&mut self, users: Value) {
        self.send(json!({"type":"event","event":{"target":"participants","type":"update",
            "update":{"roomid":ROOM,"users":users}}}))
            .await;
    }

    pub(crate) async fn relay(&mut self, sender: &str, data: Value) {
        self.send(
            json!({"type":"message","message":{"sender":{"type":"session","sessionid":sender},"data":data}}),
        )
        .await;
    }

    pub(crate) async fn refuse(&mut self, frame: &Value, code: &str) {
        self.send(json!({"id":frame["id"],"type":"error","error":{"code":code,"message":"no"}})).await;
    }
}

/// One call.
pub(crate) struct Phone {
    pub(crate) call: TalkCall,
    events: UnboundedReceiver<SignalingEvent>,
    skipped: Vec<String>,
}

impl Phone {
    pub(crate) fn new(account: &TalkAccount) -> Self {
        let (sender, events) = unbounded_channel();
        let sink = Arc::new(move |event| {
            let _ = sender.send(event);
        });
        Self { call: account.open_call(sink), events, skipped: Vec::new() }
    }

    pub(crate) fn dial(account: &TalkAccount) -> Self {
        let mut phone = Self::new(account);
        let target = CallTarget::Room(RoomId::new(ROOM));
        phone.send(SignalingCommand::Dial { target, media: MediaKinds::VOICE, silent: false });
        phone
    }

    pub(crate) fn send(&mut self, command: SignalingCommand) {
        self.call.send(command);
    }

    /// The first event that fits; others are skipped.
    pub(crate) async fn wait<R>(&mut self, what: &str, fits: impl Fn(&SignalingEvent) -> Option<R>) -> R {
        let waiting = async {
            loop {
                let event = self.events.recv().await.unwrap_or_else(|| panic!("no more events"));
                if let Some(result) = fits(&event) {
                    return result;
                }
                self.skipped.push(format!("{event:?}"));
            }
        };
        let result = tokio::time::timeout(HANG, waiting).await;
        result.unwrap_or_else(|_| panic!("waited in vain for {what}; came: {:#?}", self.skipped))
    }

    pub(crate) async fn wait_for(&mut self, expected: &SignalingEvent) {
        self.wait(&format!("{expected:?}"), |event| (event == expected).then_some(())).await;
    }

    pub(crate) async fn joined(&mut self) {
        self.wait("joining", |event| matches!(event, SignalingEvent::Joined { .. }).then_some(())).await;
    }

    pub(crate) async fn link(&mut self) -> Link {
        self.wait("a link", |event| match event {
            SignalingEvent::LinkOpened(link) => Some(link.clone()),
            _ => None,
        })
        .await
    }

    pub(crate) async fn description(&mut self, link: LinkId) -> SessionDescription {
        self.wait("a description", |event| match event {
            SignalingEvent::LinkDescription { link: of, description } if *of == link => {
                Some(description.clone())
            }
            _ => None,
        })
        .await
    }

    /// What came and was not waited for, as text.
    pub(crate) fn everything(&mut self) -> Vec<String> {
        let rest = self.rest();
        self.skipped.iter().cloned().chain(rest.iter().map(|event| format!("{event:?}"))).collect()
    }

    /// What came and was not looked at.
    pub(crate) fn rest(&mut self) -> Vec<SignalingEvent> {
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }
}

/// A call of Alice with `others` in it, through a server with these features.
pub(crate) async fn in_call(others: &[&str], features: &[&str]) -> (Hpb, Nextcloud, Client, Phone) {
    let hpb = Hpb::open().await;
    let nextcloud = Nextcloud::open(&hpb.url).await;
    let account = nextcloud.sign_in().await;
    let mut phone = Phone::dial(&account);
    let mut client = hpb.admit("me", features).await;
    let mut users = vec![("me", 3)];
    for other in others {
        client.join(other, other).await;
        users.push((other, 3));
    }
    client.in_call(&users).await;
    let peer = |other: &&str| json!({"actorType":"users","actorId":other,"sessionId":format!("nc-of-{other}"),"token":ROOM});
    nextcloud.world().peers = others.iter().map(peer).collect();
    phone.joined().await;
    (hpb, nextcloud, client, phone)
}
