//! A real server on a free loopback port, and clients that speak to it over real HTTP.

use std::sync::Arc;
use std::time::Duration;

use bellbird_server::{Admin, Listening, Server, ServerConfig};
use reqwest::cookie::{CookieStore, Jar};
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const V4: &str = "/ocs/v2.php/apps/spreed/api/v4";
pub(crate) const V3: &str = "/ocs/v2.php/apps/spreed/api/v3";
pub(crate) const V1: &str = "/ocs/v2.php/apps/spreed/api/v1";
pub(crate) const NOTIFICATIONS: &str = "/ocs/v2.php/apps/notifications/api/v2/notifications";
pub(crate) const PASSWORD: &str = "a long enough password";

/// Longest anything may take before a test fails as hung.
pub(crate) const HANG: Duration = Duration::from_secs(60);

pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) listening: Listening,
    pub(crate) data: TempDir,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) data: Value,
    pub(crate) body: String,
    pub(crate) headers: HeaderMap,
}

impl Answer {
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.data
    }

    #[track_caller]
    pub(crate) fn refuse(self, status: u16, key: &str) {
        assert_eq!((self.status, self.data["error"].as_str()), (status, Some(key)), "{}", self.body);
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) http: reqwest::Client,
    pub(crate) jar: Arc<Jar>,
    pub(crate) base: String,
    pub(crate) name: String,
    pub(crate) password: Option<String>,
}

impl World {
    pub(crate) async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let server = Server::open(ServerConfig::new(data.path())).await.unwrap();
        let listening = server.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        Self { server, listening, data }
    }

    /// With accounts that are signed in.
    pub(crate) async fn with<const N: usize>(names: [&str; N]) -> (Self, [Client; N]) {
        let world = Self::start().await;
        let mut clients = Vec::new();
        for name in names {
            clients.push(world.user(name).await);
        }
        let Ok(clients) = clients.try_into() else { panic!("as many clients as names") };
        (world, clients)
    }

    /// Runs an administrative command where it may block.
    pub(crate) async fn admin<T: Send + 'static>(&self, job: impl FnOnce(Admin) -> T + Send + 'static) -> T {
        let admin = self.server.admin();
        tokio::task::spawn_blocking(move || job(admin)).await.unwrap()
    }

    pub(crate) async fn user(&self, name: &str) -> Client {
        self.user_of(name, false).await
    }

    pub(crate) async fn user_of(&self, name: &str, guest_app: bool) -> Client {
        let wanted = name.to_owned();
        let password = self
            .admin(move |admin| {
                let shown = format!("{}{} Test", wanted[..1].to_uppercase(), &wanted[1..]);
                admin.add_user(&wanted, Some(&shown), PASSWORD, guest_app).unwrap();
                admin.new_app_password(&wanted).unwrap()
            })
            .await;
        Client { name: name.into(), password: Some(password), ..self.guest() }
    }

    pub(crate) fn guest(&self) -> Client {
        Client::new(self.listening.url.as_str(), "", None)
    }

    pub(crate) async fn config(&self, key: &str, value: &str) {
        let (key, value) = (key.to_owned(), value.to_owned());
        self.admin(move |admin| admin.set_config(&key, &value).unwrap()).await;
    }
}

impl Client {
    pub(crate) fn new(base: &str, name: &str, password: Option<&str>) -> Self {
        // Several tests in one process: the first sets it, the others find it set.
        drop(rustls::crypto::ring::default_provider().install_default());
        let jar = Arc::new(Jar::default());
        let http = reqwest::Client::builder().cookie_provider(Arc::clone(&jar)).no_proxy().build().unwrap();
        Self {
            http,
            jar,
            base: base.trim_end_matches('/').into(),
            name: name.into(),
            password: password.map(str::to_owned),
        }
    }

    /// The same person on another device: its own cookies.
    pub(crate) fn other_device(&self) -> Self {
        Self::new(&self.base, &self.name, self.password.as_deref())
    }

    pub(crate) fn cookies(&self) -> Option<HeaderValue> {
        self.jar.cookies(&self.base.parse().unwrap())
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self
            .http
            .request(method, format!("{}{path}", self.base))
            .header("OCS-APIRequest", "true")
            .header("Accept", "application/json")
            .timeout(HANG);
        match &self.password {
            Some(password) => request.basic_auth(&self.name, Some(password)),
            None => request,
        }
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.text().await.unwrap();
        let parsed: Value = serde_json::from_str(&body).unwrap_or(Value::Null);
        if let Some(code) = parsed["ocs"]["meta"]["statuscode"].as_u64() {
            assert_eq!(code, u64::from(status.as_u16()), "envelope and status disagree: {body}");
        } else {
            assert!(
                matches!(status, StatusCode::NOT_MODIFIED) || parsed["ocs"].is_null(),
                "no status in the envelope: {body}"
            );
        }
        let data = parsed["ocs"]["data"].clone();
        Answer { status: status.as_u16(), data, body, headers }
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: Value) -> Answer {
        self.send(self.request(method, path).json(&body)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, body).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PUT, path, body).await
    }

    pub(crate) async fn delete(&self, path: &str, body: Value) -> Answer {
        self.call(Method::DELETE, path, body).await
    }

    // What nearly every test does.

    pub(crate) async fn create_room(&self, kind: u8, invite: &[&str]) -> String {
        let body = json!({ "roomType": kind, "roomName": "Room", "participants": { "users": invite } });
        let room = self.post(&format!("{V4}/room"), body).await.expect(201);
        room["token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn one_to_one(&self, other: &str) -> String {
        let body = json!({ "roomType": 1, "invite": other });
        let answer = self.post(&format!("{V4}/room"), body).await;
        assert!(matches!(answer.status, 200 | 201), "{}", answer.body);
        answer.data["token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn enter(&self, token: &str) -> Answer {
        self.enter_with(token, json!({})).await
    }

    pub(crate) async fn enter_with(&self, token: &str, body: Value) -> Answer {
        self.post(&format!("{V4}/room/{token}/participants/active"), body).await
    }

    pub(crate) async fn exit(&self, token: &str) -> Answer {
        self.delete(&format!("{V4}/room/{token}/participants/active"), json!({})).await
    }

    /// Joins the room and gives the session.
    pub(crate) async fn session(&self, token: &str) -> String {
        self.enter(token).await.expect(200)["sessionId"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn peers(&self, token: &str) -> Answer {
        self.get(&format!("{V4}/call/{token}")).await
    }

    pub(crate) async fn join(&self, token: &str) -> Answer {
        self.join_with(token, json!({ "flags": 3 })).await
    }

    pub(crate) async fn join_with(&self, token: &str, body: Value) -> Answer {
        self.post(&format!("{V4}/call/{token}"), body).await
    }

    pub(crate) async fn leave(&self, token: &str) -> Answer {
        self.delete(&format!("{V4}/call/{token}"), json!({})).await
    }

    pub(crate) async fn room(&self, token: &str) -> Answer {
        self.get(&format!("{V4}/room/{token}")).await
    }

    pub(crate) async fn state(&self, token: &str) -> u16 {
        self.get(&format!("{V4}/call/{token}/notification-state")).await.status
    }

    pub(crate) async fn pull(&self, token: &str) -> Answer {
        self.get(&format!("{V3}/signaling/{token}")).await
    }

    pub(crate) async fn signal(&self, token: &str, own: &str, message: Value) -> Answer {
        let element = json!([{ "ev": "message", "fn": message.to_string(), "sessionId": own }]);
        self.post(&format!("{V3}/signaling/{token}"), json!({ "messages": element.to_string() })).await
    }

    pub(crate) async fn notifications(&self) -> Vec<Value> {
        self.get(NOTIFICATIONS).await.expect(200).as_array().unwrap().clone()
    }

    pub(crate) async fn attendee_id(&self, token: &str, actor: &str) -> i64 {
        let list = self.get(&format!("{V4}/room/{token}/participants")).await.expect(200);
        let found = list.as_array().unwrap().iter().find(|p| p["actorId"] == actor);
        found.unwrap_or_else(|| panic!("{actor} is not in {list}"))["attendeeId"].as_i64().unwrap()
    }
}

/// Users of the list that ends a pull, as (actor id, in-call flags), in order of ids.
pub(crate) fn users(pulled: &Value) -> Vec<(String, u64)> {
    let last = pulled.as_array().unwrap().last().unwrap();
    assert_eq!(last["type"], "usersInRoom");
    let entry =
        |user: &Value| (user["actorId"].as_str().unwrap().to_owned(), user["inCall"].as_u64().unwrap());
    let mut users: Vec<_> = last["data"].as_array().unwrap().iter().map(entry).collect();
    users.sort();
    users
}

/// Peer messages of a pull, decoded.
pub(crate) fn messages(pulled: &Value) -> Vec<Value> {
    let messages = pulled.as_array().unwrap().iter().filter(|item| item["type"] == "message");
    messages.map(|item| serde_json::from_str(item["data"].as_str().unwrap()).unwrap()).collect()
}
