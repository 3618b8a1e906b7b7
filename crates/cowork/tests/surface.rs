//! The HTTP surface over a service that is made up: what is asked of it, and what becomes of its answers.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Extensions, Method, Request, StatusCode};
use bellbird_cowork::{
    Calls, Channel, ClientCall, ClientState, Connection, Credentials, MAX_BODY, Media, Order, Reason,
    Refusal, Team, User, async_trait, router,
};
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// Two clients of one person, who do what they are told unless they refuse.
#[derive(Clone, Default)]
struct House {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    clients: Vec<ClientState>,
    orders: Vec<(String, Order)>,
    refuses: Vec<String>,
}

fn connection(client: &str, media: Media) -> Connection {
    Connection {
        user_id: "u1".to_owned(),
        display_name: "Jane Doe".to_owned(),
        client_id: client.to_owned(),
        media,
        muted: false,
        silent: false,
        video: false,
        hand_up: false,
    }
}

impl House {
    fn with(clients: &[(&str, Option<&str>, &[Media])]) -> Self {
        let state = |(number, (id, channel, media)): (usize, &(&str, Option<&str>, &[Media]))| ClientState {
            client_id: (*id).to_owned(),
            last_interaction: number as u64,
            open_channel: channel.map(str::to_owned),
            call: (!media.is_empty()).then(|| ClientCall {
                team_id: "t".to_owned(),
                channel_id: channel.unwrap().to_owned(),
                connections: media.iter().map(|media| connection(id, *media)).collect(),
            }),
        };
        let house = Self::default();
        house.inner.lock().unwrap().clients = clients.iter().enumerate().map(state).collect();
        house
    }

    fn orders(&self) -> Vec<(String, Order)> {
        std::mem::take(&mut self.inner.lock().unwrap().orders)
    }
}

#[async_trait]
impl Calls for House {
    async fn authenticate(&self, credentials: Credentials, _: &Extensions) -> Result<User, Refusal> {
        let right = Credentials::Bearer { token: "right".to_owned() };
        if credentials != right {
            return Err(Refusal::new(Reason::TooMany, "Come back later").retry_after(7));
        }
        let text = str::to_owned;
        Ok(User { id: text("u1"), display_name: text("Jane Doe"), key: text("k"), program: text("p") })
    }

    async fn clients(&self, _: &User) -> Result<Vec<ClientState>, Refusal> {
        Ok(self.inner.lock().unwrap().clients.clone())
    }

    async fn may_enter(&self, _: &User, channel: &str) -> Result<(), Refusal> {
        match channel {
            "x" | "y" => Ok(()),
            _ => Err(Refusal::new(Reason::NotFound, "There is no such channel")),
        }
    }

    async fn order(&self, _: &User, client: &str, order: Order) -> Result<Vec<Connection>, Refusal> {
        // Long enough for another request to come in between, were it let in.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        let mut inner = self.inner.lock().unwrap();
        inner.orders.push((client.to_owned(), order.clone()));
        if inner.refuses.iter().any(|id| id == client) {
            return Err(Refusal::new(Reason::Forbidden, "Not me"));
        }
        let state = inner.clients.iter_mut().find(|state| state.client_id == client).unwrap();
        match order {
            Order::Join { channel, .. } => {
                let connections = vec![connection(client, Media::Camera)];
                state.call = Some(ClientCall {
                    team_id: "t".to_owned(),
                    channel_id: channel,
                    connections: connections.clone(),
                });
                Ok(connections)
            }
            Order::SetAudio { .. } | Order::SetVideo { .. } | Order::Raise { .. } => {
                Ok(state.connections().to_vec())
            }
            Order::Leave { .. } => Ok(Vec::new()),
        }
    }

    async fn teams(&self, _: &User) -> Result<Vec<Team>, Refusal> {
        Ok(vec![Team { id: "t".to_owned(), display_name: "Team".to_owned() }])
    }

    async fn channels(&self, _: &User, _: &str) -> Result<Vec<Channel>, Refusal> {
        Ok(Vec::new())
    }

    async fn direct_messages(&self, _: &User) -> Result<Vec<Channel>, Refusal> {
        Err(Refusal::new(Reason::Failed, "The disk is full"))
    }

    async fn channel_calls(&self, _: &User, _: &str, channel: &str) -> Result<Vec<Connection>, Refusal> {
        // What the path says arrives as it was meant.
        Err(Refusal::new(Reason::NotFound, channel))
    }
}

async fn send(app: &Router, method: Method, path: &str, body: impl Into<Body>) -> (StatusCode, Value) {
    let request = Request::builder()
        .method(method)
        .uri(format!("/api/cowork/{path}"))
        .header("Authorization", "Bearer right")
        .body(body.into())
        .unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

async fn post(app: &Router, path: &str, body: Value) -> (StatusCode, Value) {
    send(app, Method::POST, path, body.to_string()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_joins_at_once_one_is_carried_out() {
    for _ in 0..20 {
        let house = House::with(&[("a", Some("x"), &[]), ("b", Some("y"), &[])]);
        let app = router(house.clone());
        let mut joins = Vec::new();
        for number in 0..8 {
            let (app, client) = (app.clone(), if number % 2 == 0 { "a" } else { "b" });
            joins.push(tokio::spawn(async move {
                post(&app, "user/calls/join", json!({ "clientId": client, "joinType": "video" })).await.0
            }));
        }
        let mut statuses = Vec::new();
        for join in joins {
            statuses.push(join.await.unwrap().as_u16());
        }
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409, 409, 409, 409, 409, 409, 409]);
        assert_eq!(house.orders().len(), 1);
    }
}

#[tokio::test]
async fn media_of_one_client_are_told_apart_and_each_client_is_told_once() {
    let house = House::with(&[
        ("a", Some("x"), &[Media::Camera, Media::Screen(0), Media::Screen(1)]),
        ("b", Some("x"), &[Media::Screen(0)]),
        ("c", Some("y"), &[Media::Camera]),
        ("d", Some("x"), &[]),
    ]);
    let app = router(house.clone());
    let screen = |number| Order::Leave { media: Some(Media::Screen(number)) };
    let entry = |client: &str, media: Option<&str>| match media {
        Some(media) => json!({ "clientId": client, "media": media }),
        None => json!({ "clientId": client }),
    };
    for (path, body, expected) in [
        (
            "leave",
            json!([entry("a", Some("screen1")), entry("a", Some("screen0"))]),
            vec![("a", screen(0)), ("a", screen(1))],
        ),
        ("leave", json!([entry("a", Some("screen7"))]), vec![]),
        (
            "leave",
            json!([entry("a", Some("screen0")), entry("a", None)]),
            vec![("a", Order::Leave { media: None })],
        ),
        (
            "leave",
            json!([entry("a", None), entry("a", Some("camera"))]),
            vec![("a", Order::Leave { media: None })],
        ),
        ("leave", json!([entry("d", None)]), vec![]),
        ("leave", json!([]), vec![]),
    ] {
        let (status, answer) = post(&app, &format!("user/calls/{path}"), json!({ "clients": body })).await;
        assert_eq!((status, answer), (StatusCode::OK, Value::Null));
        let mut orders = house.orders();
        orders.sort_by_key(|(client, order)| (client.clone(), format!("{order:?}")));
        let expected: Vec<_> =
            expected.into_iter().map(|(client, order)| (client.to_owned(), order)).collect();
        assert_eq!(orders, expected, "{body}");
    }
    // A share alone has no microphone, but its hand can be raised.
    post(&app, "user/calls/audio", json!({ "muted": true })).await;
    let told: Vec<String> = house.orders().into_iter().map(|(client, _)| client).collect();
    assert_eq!(told.len(), 2);
    assert!(told.contains(&"a".to_owned()) && told.contains(&"c".to_owned()));
    post(&app, "user/calls/raise", json!({ "raise": true })).await;
    assert_eq!(house.orders().len(), 3);
    // In one channel alone.
    post(&app, "teams/t/channels/y/calls/raise", json!({ "raise": false })).await;
    assert_eq!(house.orders(), [("c".to_owned(), Order::Raise { raise: false })]);
}

#[tokio::test]
async fn a_refusal_is_told_when_nobody_did_it() {
    let house = House::with(&[("a", Some("x"), &[Media::Camera]), ("b", Some("y"), &[Media::Camera])]);
    let app = router(house.clone());
    house.inner.lock().unwrap().refuses = vec!["a".to_owned()];
    let (status, answer) = post(&app, "user/calls/audio", json!({ "muted": true })).await;
    assert_eq!(
        (status, answer.as_array().unwrap().len(), &answer[0]["channelId"]),
        (StatusCode::OK, 1, &json!("y"))
    );
    house.inner.lock().unwrap().refuses.push("b".to_owned());
    let refused = post(&app, "user/calls/audio", json!({ "muted": true })).await;
    assert_eq!(refused, (StatusCode::FORBIDDEN, json!({ "error": "Not me" })));
}

#[tokio::test]
async fn refusals_have_one_form() {
    let app = router(House::with(&[("a", Some("x"), &[])]));
    let large = format!("{{\"x\":\"{}\"}}", "y".repeat(MAX_BODY));
    for (method, path, body, status) in [
        (Method::PUT, "user/calls/join", String::new(), 405),
        (Method::GET, "nothing", String::new(), 404),
        (Method::POST, "user/calls/join", large, 413),
        (Method::POST, "user/calls/join", "[]".to_owned(), 400),
        (Method::GET, "teams/directmessages", String::new(), 500),
        (Method::GET, "teams/%ff/channels", String::new(), 400),
    ] {
        let (got, answer) = send(&app, method, path, body).await;
        assert_eq!(got.as_u16(), status, "{path}");
        assert!(answer["error"].is_string() && answer.as_object().unwrap().len() == 1, "{answer}");
    }
    let (_, answer) = send(&app, Method::GET, "teams/t/channels/a%2Fb%20%C3%A9/calls", "").await;
    assert_eq!(answer["error"], "a/b é");
    let request = Request::builder().uri("/api/cowork/user").header("Authorization", "Bearer wrong");
    let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers()["retry-after"].to_str().unwrap()), (429, "7"));
    // Elsewhere is somebody else's.
    let request = Request::builder().uri("/elsewhere").body(Body::empty()).unwrap();
    assert_eq!(app.oneshot(request).await.unwrap().status(), 404);
}
