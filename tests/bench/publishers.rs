//! People who speak in a call through Janus and listen to nobody. Thirty programs that all hear all others are 870
//! connections on one machine, which measures the machine; these are one connection each, so that what one client of
//! thirty costs can be seen.
//!
//! They enter by the conversation's link, as guests, and share one microphone.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bellbird_call::ports::{MediaCommand, MediaEvent};
use bellbird_call::{
    IceCandidate, Link, LinkDirection, LinkId, LinkRole, LinkSource, LinkState, MediaKinds,
    SessionDescription,
};
use bellbird_devices::CaptureSource;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use url::Url;

use crate::harness::http::{headers, request};
use crate::harness::stage::PATIENCE;
use crate::media_ends::End;

/// Those who speak. They fall silent when dropped.
pub(crate) struct Publishers {
    _runtime: Runtime,
    _media: Arc<End>,
}

impl Publishers {
    /// So many enter by `link`, one after the other, and are heard once this returns.
    pub(crate) fn start(link: &str, websocket: &str, count: u64) -> Self {
        let runtime = Runtime::new().expect("an async runtime");
        let (media, mut said) = runtime.block_on(async {
            let (out, said) = unbounded_channel();
            let media = End::new(CaptureSource::Tone { hz: 300.0 }, Some(out));
            media.send(MediaCommand::StartCapture);
            (media, said)
        });
        runtime.block_on(async {
            let mut lines = HashMap::new();
            for number in 1..=count {
                let id = LinkId(number);
                let publisher = enter(link, websocket).await;
                let offer = offer_of(&media, id, &mut said, &lines).await;
                let (to_line, from_media) = unbounded_channel();
                lines.insert(id, to_line);
                tokio::spawn(publisher.run(id, media.clone(), offer, from_media));
                let mark = media.mark();
                pass_on_until_connected(&media, mark, id, &mut said, &lines).await;
            }
            // What is said from now on is of no use: everyone is connected.
            tokio::spawn(async move { while said.recv().await.is_some() {} });
            // Their lines stay as long as these.
            tokio::spawn(async move {
                std::future::pending::<()>().await;
                drop(lines);
            });
        });
        Self { _runtime: runtime, _media: media }
    }
}

type Lines = HashMap<LinkId, UnboundedSender<IceCandidate>>;

/// Opens a link and waits for its offer.
async fn offer_of(
    media: &End,
    id: LinkId,
    said: &mut UnboundedReceiver<MediaEvent>,
    lines: &Lines,
) -> String {
    media.send(MediaCommand::OpenLink(Link {
        id,
        participant: None,
        source: LinkSource::Person,
        role: LinkRole::Offerer,
        direction: LinkDirection::SendOnly,
        may_send: MediaKinds::VOICE,
        simulcast: false,
    }));
    loop {
        match said.recv().await.expect("the media engine runs") {
            MediaEvent::LocalDescription { link, description: SessionDescription::Offer(sdp) }
                if link == id =>
            {
                return sdp;
            }
            event => pass_on(event, lines),
        }
    }
}

fn pass_on(event: MediaEvent, lines: &Lines) {
    if let MediaEvent::LocalCandidate { link, candidate } = event
        && let Some(line) = lines.get(&link)
    {
        let _ = line.send(candidate);
    }
}

async fn pass_on_until_connected(
    media: &End,
    mark: usize,
    id: LinkId,
    said: &mut UnboundedReceiver<MediaEvent>,
    lines: &Lines,
) {
    let connected = media.wait_from(mark, "a connected publisher", |event| match event {
        MediaEvent::LinkState { link, state: LinkState::Connected } if *link == id => Some(()),
        _ => None,
    });
    tokio::pin!(connected);
    loop {
        tokio::select! {
            _ = &mut connected => return,
            Some(event) = said.recv() => pass_on(event, lines),
        }
    }
}

/// One of them, in the call and about to publish.
struct Publisher {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    session: String,
}

/// Enters the conversation behind `link` and its call, as a web client does.
async fn enter(link: &str, websocket: &str) -> Publisher {
    let url = Url::parse(link).expect("an address");
    let base = format!("http://{}:{}", url.host_str().expect("a host"), url.port().expect("a port"));
    let room = url.path_segments().and_then(Iterator::last).expect("a token").to_owned();
    let api = "/ocs/v2.php/apps/spreed/api";
    let mut guest = Guest { base: base.clone(), cookie: String::new() };
    let entered = guest.ask("POST", &format!("{api}/v4/room/{room}/participants/active"), &json!({}));
    let settings = guest.ask("GET", &format!("{api}/v3/signaling/settings?token={room}"), &Value::Null);
    let (socket, _) =
        tokio_tungstenite::connect_async(websocket).await.expect("the signaling server listens");
    let mut publisher = Publisher { socket, session: String::new() };
    let backend = format!("{base}{api}/v3/signaling/backend");
    let auth = json!({"url": backend, "params": settings["helloAuthParams"]["1.0"]});
    publisher.say(json!({"id": "1", "type": "hello", "hello": {"version": "1.0", "auth": auth}})).await;
    let hello = publisher.hear(|frame| frame["type"] == "hello").await;
    publisher.session = hello["hello"]["sessionid"].as_str().expect("a session").to_owned();
    let content = json!({"roomid": room, "sessionid": entered["sessionId"]});
    publisher.say(json!({"id": "2", "type": "room", "room": content})).await;
    publisher.hear(|frame| frame["type"] == "room").await;
    guest.ask("POST", &format!("{api}/v4/call/{room}"), &json!({"flags": 3}));
    // Only who is in the call may publish, and the signaling server learns of it by the way of our server.
    let own = publisher.session.clone();
    publisher
        .hear(|frame| {
            let users = frame["event"]["update"]["users"].as_array();
            let is_us = |user: &&Value| user["sessionId"] == own.as_str() && user["inCall"] != 0;
            users.is_some_and(|users| users.iter().any(|user| is_us(&user)))
        })
        .await;
    publisher
}

/// Who asks our server.
struct Guest {
    base: String,
    cookie: String,
}

impl Guest {
    fn ask(&mut self, method: &str, path: &str, body: &Value) -> Value {
        let mut all = headers(&[
            ("OCS-APIRequest", "true"),
            ("Accept", "application/json"),
            ("Content-Type", "application/json"),
        ]);
        if !self.cookie.is_empty() {
            all.push(("Cookie".to_owned(), self.cookie.clone()));
        }
        let host = self.base.trim_start_matches("http://");
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let answer = request(host, method, path, &all, &body, PATIENCE).expect("the server answers");
        assert_eq!(answer.status(), 200, "{method} {path}: {}", answer.json());
        let set = answer.headers.iter().filter(|(name, _)| name == "set-cookie");
        let pairs: Vec<&str> = set.filter_map(|(_, value)| value.split(';').next()).collect();
        if !pairs.is_empty() {
            self.cookie = pairs.join("; ");
        }
        answer.json()["ocs"]["data"].clone()
    }
}

impl Publisher {
    async fn say(&mut self, frame: Value) {
        self.socket.send(Message::text(frame.to_string())).await.expect("the signaling server reads");
    }

    /// Reads on until a frame fits. An error fails the measurement.
    async fn hear(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        let search = async {
            loop {
                let frame = self.next().await.expect("the line stands");
                assert_ne!(frame["type"], "error", "{frame}");
                if fits(&frame) {
                    return frame;
                }
            }
        };
        tokio::time::timeout(PATIENCE, search).await.expect("the signaling server answers")
    }

    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Message::Text(text) = self.socket.next().await?.ok()? {
                return serde_json::from_str(text.as_str()).ok();
            }
        }
    }

    async fn send_to_ourselves(&mut self, kind: &str, payload: Value) {
        let data =
            json!({"to": self.session, "type": kind, "roomType": "video", "sid": "1", "payload": payload});
        let recipient = json!({"type": "session", "sessionid": self.session});
        self.say(json!({"id": "3", "type": "message", "message": {"recipient": recipient, "data": data}}))
            .await;
    }

    /// Publishes, until the runtime ends.
    async fn run(
        mut self,
        id: LinkId,
        media: Arc<End>,
        offer: String,
        mut candidates: UnboundedReceiver<IceCandidate>,
    ) {
        self.send_to_ourselves("offer", json!({"type": "offer", "sdp": offer})).await;
        loop {
            tokio::select! {
                Some(candidate) = candidates.recv() => {
                    let IceCandidate { candidate, sdp_mid, sdp_mline_index } = candidate;
                    let inner = json!({"candidate": candidate, "sdpMid": sdp_mid, "sdpMLineIndex": sdp_mline_index});
                    self.send_to_ourselves("candidate", json!({"candidate": inner})).await;
                }
                frame = self.next() => {
                    let Some(frame) = frame else { return };
                    self.take(id, &media, &frame["message"]["data"]);
                }
            }
        }
    }

    fn take(&self, link: LinkId, media: &End, data: &Value) {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        match data["type"].as_str() {
            Some("answer") => {
                let description =
                    SessionDescription::Answer(text(&data["payload"]["sdp"]).unwrap_or_default());
                media.send(MediaCommand::SetRemoteDescription { link, description });
            }
            Some("candidate") => {
                let told = &data["payload"]["candidate"];
                let candidate = IceCandidate {
                    candidate: text(&told["candidate"]).unwrap_or_default(),
                    sdp_mid: text(&told["sdpMid"]),
                    sdp_mline_index: told["sdpMLineIndex"]
                        .as_u64()
                        .and_then(|index| u16::try_from(index).ok()),
                };
                media.send(MediaCommand::AddRemoteCandidate { link, candidate });
            }
            Some(_) | None => {}
        }
    }
}

/// How long those who speak may go on before what they cost has settled.
pub(crate) const SETTLING: Duration = Duration::from_secs(5);
