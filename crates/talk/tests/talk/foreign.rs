//! Somebody else's Talk server, as far as a client can tell: written here, with what it is asked kept for the tests.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::sync::Notify;

/// A login name that is not the user id, as with servers that sign people in by e-mail address.
pub(crate) const LOGIN: &str = "ann@example.org";
pub(crate) const USER: &str = "4711";
pub(crate) const APP_PASSWORD: &str = "app-password";

/// One request, as answered.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) body: String,
    pub(crate) status: u16,
    pub(crate) guest: Option<String>,
}

/// What the server is like.
pub(crate) struct World {
    pub(crate) features: Vec<&'static str>,
    pub(crate) call_config: Value,
    pub(crate) notifications: bool,
    /// Merged into what it says it can do.
    pub(crate) more_capabilities: Value,
    pub(crate) hash: &'static str,
    pub(crate) room: Value,
    pub(crate) password: Option<&'static str>,
    pub(crate) throttled: bool,
    /// `None`: no login flow. Otherwise how many polls find nothing.
    pub(crate) login_flow: Option<u32>,
    pub(crate) login_elsewhere: bool,
    pub(crate) user_fails: u32,
    pub(crate) names: HashMap<String, String>,
    pub(crate) revoked: bool,
    pub(crate) list: Value,
    /// What is answered about the room's call by who is told of it; `None`: nobody is.
    pub(crate) rung: Option<u16>,
    /// Our own, told with the notifications.
    pub(crate) status: Option<&'static str>,
    /// Lists of those in the call, for one question each; the last stays.
    pub(crate) peers: VecDeque<Value>,
    inside: HashSet<String>,
    in_call: HashSet<String>,
    guests: u32,
    webs: u32,
    /// The web session, by its cookie, that entered the room last as the account.
    entered_by: Option<String>,
    pub(crate) asked: Vec<Asked>,
}

#[derive(Clone)]
pub(crate) struct Foreign {
    pub(crate) url: String,
    world: Arc<Mutex<World>>,
    news: Arc<Notify>,
}

impl Foreign {
    pub(crate) async fn open() -> Self {
        let world = World {
            features: vec!["conversation-v4", "signaling-v3", "audio", "in-call-flags"],
            call_config: json!({ "enabled": true }),
            notifications: true,
            more_capabilities: json!({}),
            hash: "one",
            room: json!({
                "token": "room1", "type": 3, "name": "Choir", "displayName": "Choir", "participantType": 3, "permissions": 246,
                "readOnly": 0, "lobbyState": 0, "lobbyTimer": 0, "recordingConsent": 0,
            }),
            password: None,
            throttled: false,
            login_flow: None,
            login_elsewhere: false,
            user_fails: 0,
            names: HashMap::new(),
            revoked: false,
            list: json!([]),
            rung: None,
            status: None,
            peers: VecDeque::new(),
            inside: HashSet::new(),
            in_call: HashSet::new(),
            guests: 0,
            webs: 0,
            entered_by: None,
            asked: Vec::new(),
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let foreign = Self { url, world: Arc::new(Mutex::new(world)), news: Arc::default() };
        let router = Router::new().fallback(answer).with_state(foreign.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        foreign
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// Every request whose first line has `part` in it.
    pub(crate) fn asked(&self, part: &str) -> Vec<Asked> {
        self.world().asked.iter().filter(|asked| asked.line.contains(part)).cloned().collect()
    }

    /// Every request that was refused.
    pub(crate) fn refused(&self) -> Vec<Asked> {
        self.world().asked.iter().filter(|asked| asked.status >= 400).cloned().collect()
    }

    /// Waits until a request of this kind was made `times` times.
    pub(crate) async fn until_asked(&self, part: &str, times: usize) -> Vec<Asked> {
        let wait = async {
            loop {
                let asked = self.asked(part);
                if asked.len() >= times {
                    return asked;
                }
                // A look from time to time, in case the news came between the two lines before.
                let _ = tokio::time::timeout(Duration::from_millis(50), self.news.notified()).await;
            }
        };
        let found = tokio::time::timeout(crate::stage::HANG, wait).await;
        found.unwrap_or_else(|_| panic!("nobody asked for {part}; but: {:#?}", self.world().asked))
    }
}

fn ocs(status: u16, data: Value) -> (u16, Value) {
    (
        status,
        json!({ "ocs": { "meta": { "status": "any", "statuscode": status, "message": "" }, "data": data } }),
    )
}

fn is_signed_in(headers: &HeaderMap) -> bool {
    let expected = format!("Basic {}", STANDARD.encode(format!("{LOGIN}:{APP_PASSWORD}")));
    headers.get(header::AUTHORIZATION).is_some_and(|value| *value == *expected)
}

async fn answer(State(foreign): State<Foreign>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = String::from_utf8(to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap();
    let line = format!("{} {}", parts.method, parts.uri);
    let cookie = parts.headers.get(header::COOKIE).and_then(|value| value.to_str().ok());
    let known = cookie.and_then(|cookie| cookie.strip_prefix("guest=")).map(str::to_owned);
    let web = cookie.and_then(|cookie| cookie.strip_prefix("web=")).map(str::to_owned);
    let member = is_signed_in(&parts.headers);
    if parts.uri.path().contains("/signaling/room1") && parts.method == "GET" {
        // News of nothing, after a while.
        let _ = tokio::time::timeout(Duration::from_millis(20), std::future::pending::<()>()).await;
    }
    if parts.uri.path().ends_with("/signaling/settings") {
        // Whatever is asked at the same time is answered before.
        let _ = tokio::time::timeout(Duration::from_millis(20), std::future::pending::<()>()).await;
    }
    let mut world = foreign.world();
    // As Nextcloud does, an account that brings no cookie is given a web session, and being in a room belongs to that.
    let begun = (member && web.is_none()).then(|| {
        world.webs += 1;
        world.webs.to_string()
    });
    let web = web.or_else(|| begun.clone()).filter(|_| member);
    let fresh = known.is_none() && !member && line.contains("participants/active");
    let who = match (&known, member) {
        (_, true) => USER.to_owned(),
        (Some(guest), false) => guest.clone(),
        (None, false) => {
            world.guests += u32::from(fresh);
            format!("g{}", world.guests)
        }
    };
    if line.starts_with("POST") && line.contains("/participants/active") && member {
        world.entered_by.clone_from(&web);
    }
    let of_session = line.contains("/call/room1") || line.contains("/signaling/room1");
    let (status, data) = if of_session && member && world.entered_by.is_some() && world.entered_by != web {
        ocs(404, json!([]))
    } else {
        world.answer(&foreign.url, &line, &body, &who, member)
    };
    let guest = (!member).then(|| who.clone());
    world.asked.push(Asked { line, body, status, guest });
    let (hash, own_status) = (world.hash, world.status);
    drop(world);
    foreign.news.notify_one();
    let mut response = Response::builder()
        .status(StatusCode::from_u16(status).unwrap())
        .header("X-Nextcloud-Talk-Hash", hash)
        .header(header::CONTENT_TYPE, "application/json");
    if let Some(own_status) = own_status {
        response = response.header("X-Nextcloud-User-Status", own_status);
    }
    if fresh {
        response = response.header(header::SET_COOKIE, format!("guest={who}; Path=/; HttpOnly"));
    }
    if let Some(web) = begun {
        response = response.header(header::SET_COOKIE, format!("web={web}; Path=/; HttpOnly"));
    }
    response.body(Body::from(data.to_string())).unwrap()
}

impl World {
    fn seen_by(&self, who: &str, member: bool) -> Value {
        let mut room = self.room.clone();
        room["sessionId"] =
            json!(if self.inside.contains(who) { format!("session-{who}") } else { "0".into() });
        if !member {
            room["participantType"] = json!(4);
        }
        room
    }

    fn answer(&mut self, url: &str, line: &str, body: &str, who: &str, member: bool) -> (u16, Value) {
        let has = |part: &str| line.contains(part);
        let starts = |part: &str| line.starts_with(part);
        if has("/status.php") {
            return (200, json!({ "installed": true, "maintenance": false, "versionstring": "20" }));
        }
        if has("/login/v2") {
            return self.login_flow(url, line, body);
        }
        if has("/cloud/capabilities") {
            let mut capabilities = json!({
                "spreed": { "features": self.features, "config": { "call": self.call_config } },
            });
            if self.notifications {
                capabilities["notifications"] = json!({ "ocs-endpoints": ["list"] });
            }
            for (name, value) in self.more_capabilities.as_object().unwrap() {
                capabilities[name] = value.clone();
            }
            return ocs(200, json!({ "version": { "major": 20 }, "capabilities": capabilities }));
        }
        if has("/core/") || has("/cloud/user") || has("/apps/notifications/") {
            return self.of_account(line, member);
        }
        if has("/index.php/avatar/bob/64") {
            return (200, json!("a text is no picture"));
        }
        if has("/api/v1/guest/room1/name") {
            let name =
                serde_json::from_str::<Value>(body).unwrap()["displayName"].as_str().unwrap().to_owned();
            self.names.insert(who.to_owned(), name);
            return ocs(200, Value::Null);
        }
        if let Some(rung) = self.rung {
            if has("/call/room1/notification-state") {
                return ocs(rung, Value::Null);
            }
            if starts("GET") && line.ends_with("/room/room1") {
                return ocs(200, self.seen_by(who, member));
            }
        }
        if has("/room1/participants/active") {
            return self.active(line, body, who, member);
        }
        if starts("GET") && line.ends_with("/room/room1") {
            return if self.inside.contains(who) {
                ocs(200, self.seen_by(who, member))
            } else {
                ocs(404, json!([]))
            };
        }
        if line.contains("/room?") || line.ends_with("/room") {
            return ocs(200, json!([self.seen_by(who, member)]));
        }
        if has("/signaling/settings") {
            return ocs(200, json!({ "signalingMode": "internal", "stunservers": [], "turnservers": [] }));
        }
        if !self.inside.contains(who) {
            return ocs(404, json!([]));
        }
        if has("/signaling/room1") {
            let in_call = u8::from(self.in_call.contains(who));
            let users = json!([{ "userId": who, "sessionId": format!("session-{who}"), "inCall": in_call }]);
            return ocs(200, json!([{ "type": "usersInRoom", "data": users }]));
        }
        if has("/call/room1") {
            return self.call(line, body, who);
        }
        ocs(404, json!([]))
    }

    fn login_flow(&mut self, url: &str, line: &str, body: &str) -> (u16, Value) {
        let Some(left) = self.login_flow else { return (404, json!({})) };
        if line.ends_with("/login/v2/poll") {
            if body != "token=grant+me%26" || left > 0 {
                self.login_flow = Some(left.saturating_sub(1));
                return (404, json!([]));
            }
            return (200, json!({ "server": url, "loginName": LOGIN, "appPassword": APP_PASSWORD }));
        }
        let elsewhere = if self.login_elsewhere { "https://evil.example" } else { url };
        let poll = json!({ "token": "grant me&", "endpoint": format!("{url}/login/v2/poll") });
        (200, json!({ "poll": poll, "login": format!("{elsewhere}/login/v2/flow/abc") }))
    }

    fn of_account(&mut self, line: &str, member: bool) -> (u16, Value) {
        if !member || self.revoked {
            return ocs(401, json!([]));
        }
        if line.contains("getapppassword") {
            return ocs(403, json!([]));
        }
        if line.starts_with("DELETE") && line.contains("/core/apppassword") {
            self.revoked = true;
            return ocs(200, json!([]));
        }
        if line.contains("/cloud/user") {
            if self.user_fails > 0 {
                self.user_fails -= 1;
                return ocs(503, json!([]));
            }
            return ocs(200, json!({ "id": USER, "display-name": "Ann" }));
        }
        if line.contains("/apps/notifications/") {
            return if self.notifications { ocs(200, self.list.clone()) } else { ocs(404, json!([])) };
        }
        ocs(
            200,
            json!([{ "id": USER, "label": "Ann", "source": "users", "status": "" },
            { "id": "bob", "label": "Bob", "source": "users", "status": { "status": "away" } }]),
        )
    }

    fn active(&mut self, line: &str, body: &str, who: &str, member: bool) -> (u16, Value) {
        if line.starts_with("DELETE") {
            self.inside.remove(who);
            self.in_call.remove(who);
            return ocs(200, json!([]));
        }
        let given =
            serde_json::from_str::<Value>(body).unwrap()["password"].as_str().unwrap_or("").to_owned();
        if self.throttled {
            return ocs(429, json!([]));
        }
        if !member && self.password.is_some_and(|password| password != given) {
            // Nextcloud Talk 12 to 19 give no reason; the reason came together with bans.
            let says_why = self.features.contains(&"ban-v1");
            return ocs(403, if says_why { json!({ "error": "password" }) } else { json!([]) });
        }
        self.inside.insert(who.to_owned());
        ocs(200, self.seen_by(who, member))
    }

    fn call(&mut self, line: &str, body: &str, who: &str) -> (u16, Value) {
        let body: Value = serde_json::from_str(body).unwrap_or_default();
        let consent = self.call_config["recording-consent"].as_u64().unwrap_or(0);
        let needed = consent == 1 || (consent == 2 && self.room["recordingConsent"] == 1);
        if self.room["readOnly"] == 1 {
            ocs(403, json!([]))
        } else if self.room["lobbyState"] == 1 {
            ocs(412, json!([]))
        } else if line.starts_with("POST") && needed && body["recordingConsent"] != true {
            ocs(400, json!({ "error": "consent" }))
        } else if line.starts_with("POST") {
            self.in_call.insert(who.to_owned());
            ocs(200, Value::Null)
        } else if line.starts_with("DELETE") {
            self.in_call.remove(who);
            ocs(200, Value::Null)
        } else if self.peers.len() > 1 {
            ocs(200, self.peers.pop_front().unwrap())
        } else {
            ocs(200, self.peers.front().cloned().unwrap_or_else(|| json!([])))
        }
    }
}
