//! A client that is steered over a real push socket, and programs that steer it over real HTTP.

use std::time::Instant;

use futures_util::{SinkExt, StreamExt};
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Client, HANG, World};

/// How a scripted client takes orders.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Manner {
    /// Does what it is told.
    Obeys,
    /// Says that its person is being asked.
    Asks,
    /// Refuses with this code and text.
    Refuses(&'static str, &'static str),
    /// Never answers.
    Sleeps,
    /// Ends the connection.
    Flees,
}

/// What a test tells a scripted client.
enum Told {
    Behave(Manner),
    /// A person did something in it.
    Touch,
    Open(Option<String>),
    /// As if the person had joined by hand, with these media.
    Call(Option<(String, Vec<String>)>),
    Say(String),
    Reconnect(oneshot::Sender<()>),
}

pub(crate) struct Steered {
    /// All orders it got.
    orders: mpsc::UnboundedReceiver<Value>,
    told: mpsc::UnboundedSender<Told>,
}

struct Script {
    world: String,
    login: [String; 2],
    id: String,
    manner: Manner,
    touched: Instant,
    open: Option<String>,
    call: Option<(String, Vec<Value>)>,
    seen: mpsc::UnboundedSender<Value>,
}

type Socket = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

impl Steered {
    /// Connects, and returns when the server knows of it.
    pub(crate) async fn connect(world: &World, who: &Client, id: &str, open: Option<&str>) -> Self {
        let (seen, orders) = mpsc::unbounded_channel();
        let (told, tells) = mpsc::unbounded_channel();
        let script = Script {
            world: world.listening.address.to_string(),
            login: [who.name.clone(), who.password.clone().unwrap()],
            id: id.to_owned(),
            manner: Manner::Obeys,
            touched: Instant::now(),
            open: open.map(str::to_owned),
            call: None,
            seen,
        };
        let socket = script.connect().await;
        tokio::spawn(script.run(socket, tells));
        let steered = Self { orders, told };
        let id = id.to_owned();
        who.until(move |user| client_of(user, &id).is_some()).await;
        steered
    }

    fn tell(&self, told: Told) {
        assert!(self.told.send(told).is_ok(), "the script has ended");
    }

    pub(crate) fn behave(&self, manner: Manner) {
        self.tell(Told::Behave(manner));
    }

    pub(crate) fn touch(&self) {
        self.tell(Told::Touch);
    }

    pub(crate) fn open(&self, channel: Option<&str>) {
        self.tell(Told::Open(channel.map(str::to_owned)));
    }

    pub(crate) fn call(&self, call: Option<(&str, &[&str])>) {
        let call = call.map(|(channel, media)| {
            (channel.to_owned(), media.iter().map(|media| (*media).to_owned()).collect())
        });
        self.tell(Told::Call(call));
    }

    /// Sends a frame as it is.
    pub(crate) fn say(&self, frame: impl Into<String>) {
        self.tell(Told::Say(frame.into()));
    }

    /// Drops the connection and makes another one.
    pub(crate) async fn reconnect(&self) {
        let (done, waits) = oneshot::channel();
        self.tell(Told::Reconnect(done));
        waits.await.unwrap();
    }

    /// The next order.
    pub(crate) async fn order(&mut self) -> Value {
        tokio::time::timeout(HANG, self.orders.recv()).await.expect("an order").unwrap()
    }

    /// Whether none has come.
    pub(crate) fn is_idle(&mut self) -> bool {
        self.orders.try_recv().is_err()
    }
}

pub(crate) fn client_of<'a>(user: &'a Value, id: &str) -> Option<&'a Value> {
    user["clients"].as_array()?.iter().find(|client| client["clientId"] == id)
}

impl Script {
    async fn connect(&self) -> Socket {
        let (mut socket, _) = connect_async(format!("ws://{}/push/ws", self.world)).await.unwrap();
        for text in &self.login {
            socket.send(Message::text(text)).await.unwrap();
        }
        loop {
            let frame = tokio::time::timeout(HANG, socket.next()).await.unwrap().unwrap().unwrap();
            if let Message::Text(text) = frame {
                assert_eq!(text.as_str(), "authenticated");
                break;
            }
        }
        socket.send(Message::text(self.report())).await.unwrap();
        socket
    }

    fn report(&self) -> String {
        let call = self
            .call
            .as_ref()
            .map(|(channel, connections)| json!({ "channelId": channel, "connections": connections }));
        let idle = u64::try_from(self.touched.elapsed().as_millis()).unwrap();
        let report = json!({ "clientId": self.id, "idleMs": idle, "openChannel": self.open, "call": call });
        format!("bellbird-client {report}")
    }

    async fn run(mut self, mut socket: Socket, mut tells: mpsc::UnboundedReceiver<Told>) {
        loop {
            let frame = tokio::select! {
                told = tells.recv() => match told {
                    None => return,
                    Some(Told::Behave(manner)) => {
                        self.manner = manner;
                        continue;
                    }
                    Some(Told::Touch) => {
                        self.touched = Instant::now();
                        self.report()
                    }
                    Some(Told::Open(channel)) => {
                        self.open = channel;
                        self.report()
                    }
                    Some(Told::Call(call)) => {
                        self.call = call.map(|(channel, media)| (channel, media.iter().map(|m| connection(m)).collect()));
                        self.report()
                    }
                    Some(Told::Say(frame)) => frame,
                    Some(Told::Reconnect(done)) => {
                        drop(socket);
                        socket = self.connect().await;
                        let _ = done.send(());
                        continue;
                    }
                },
                frame = socket.next() => match frame {
                    Some(Ok(Message::Text(text))) => match self.answer(text.as_str()) {
                        Some(answer) => answer,
                        None if self.manner == Manner::Flees => return,
                        None => continue,
                    },
                    Some(Ok(_)) => continue,
                    Some(Err(_)) | None => return,
                },
            };
            if socket.send(Message::text(frame)).await.is_err() {
                return;
            }
        }
    }

    /// The answer to an order.
    fn answer(&mut self, text: &str) -> Option<String> {
        let frame: Value = serde_json::from_str(text.strip_prefix("bellbird-order ")?).unwrap();
        // The test may not look at them.
        let _ = self.seen.send(frame["order"].clone());
        let answer = match self.manner.clone() {
            Manner::Obeys => json!({ "id": frame["id"], "connections": self.obey(&frame["order"]) }),
            Manner::Asks => json!({ "id": frame["id"], "connections": [] }),
            Manner::Refuses(code, text) => {
                json!({ "id": frame["id"], "refusal": { "code": code, "text": text } })
            }
            Manner::Sleeps | Manner::Flees => return None,
        };
        Some(format!("bellbird-answer {answer}"))
    }

    /// The connections that are other then.
    fn obey(&mut self, order: &Value) -> Vec<Value> {
        let set = |connection: &mut Value, order: &Value, names: &[(&str, &str)]| {
            for (wire, name) in names {
                if order[*wire].is_boolean() {
                    connection[*name] = order[*wire].clone();
                }
            }
        };
        match order["type"].as_str().unwrap() {
            "join" => {
                let channel = order["channel"].as_str().unwrap().to_owned();
                let (_, connections) = self.call.get_or_insert((channel, Vec::new()));
                let mut new = match order["kind"].as_str().unwrap() {
                    "screen" => {
                        let shares = connections.iter().filter(|c| c["media"] != "camera").count();
                        connection(&format!("screen{shares}"))
                    }
                    _ => connection("camera"),
                };
                new["video"] = json!(order["kind"] == "video");
                connections.push(new.clone());
                vec![new]
            }
            "setAudio" | "setVideo" | "raise" => {
                let Some((_, connections)) = &mut self.call else { return Vec::new() };
                let Some(camera) = connections.iter_mut().find(|c| c["media"] == "camera") else {
                    return Vec::new();
                };
                set(
                    camera,
                    order,
                    &[("muted", "muted"), ("silent", "silent"), ("video", "video"), ("raise", "handUp")],
                );
                vec![camera.clone()]
            }
            "leave" => {
                match (&mut self.call, order["media"].as_str()) {
                    (Some((_, connections)), Some(media)) if media != "camera" => {
                        connections.retain(|c| c["media"] != media);
                    }
                    (call, _) => *call = None,
                }
                Vec::new()
            }
            other => panic!("an order {other:?}"),
        }
    }
}

fn connection(media: &str) -> Value {
    json!({ "media": media, "muted": false, "silent": false, "video": false, "handUp": false })
}

/// What a program gets.
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) text: String,
    pub(crate) json: Value,
    pub(crate) headers: HeaderMap,
}

impl Got {
    /// A success with JSON.
    #[track_caller]
    pub(crate) fn fine(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        assert_eq!(self.headers["content-type"], "application/json");
        self.json
    }

    /// A refusal in the form that all have.
    #[track_caller]
    pub(crate) fn refused(self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.headers["content-type"], "application/json");
        assert_eq!(self.json.as_object().map(serde_json::Map::len), Some(1), "{}", self.text);
        self.json["error"].as_str().unwrap().to_owned()
    }
}

/// The Web API, used with a client's own login.
impl Client {
    pub(crate) fn cowork(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}/api/cowork/{path}", self.base)).timeout(HANG);
        match &self.password {
            Some(password) => request.basic_auth(&self.name, Some(password)),
            None => request,
        }
    }

    pub(crate) async fn ask(&self, path: &str) -> Got {
        got(self.cowork(Method::GET, path)).await
    }

    pub(crate) async fn steer(&self, path: &str, body: Value) -> Got {
        got(self.cowork(Method::POST, path).json(&body)).await
    }

    /// Waits until the user looks so to programs.
    pub(crate) async fn until(&self, fine: impl Fn(&Value) -> bool) {
        let wait = async {
            loop {
                let user = self.ask("user").await.fine();
                if fine(&user) {
                    return;
                }
            }
        };
        tokio::time::timeout(HANG, wait).await.expect("the clients to be so");
    }
}

pub(crate) async fn got(request: reqwest::RequestBuilder) -> Got {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.unwrap();
    let json = serde_json::from_str(&text).unwrap_or(Value::Null);
    Got { status, text, json, headers }
}
