//! The CoWork calls Web API (cowork-calls): its rules and response shapes over real HTTP, with clients on real push sockets.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::steered::{Manner, Steered, client_of, got};
use crate::support::{Client, PASSWORD, V4, World};

const ONE: &str = "cowork-00000000-0000-0000-0000-000000000001";
const TWO: &str = "cowork-00000000-0000-0000-0000-000000000002";

/// A world with alice, one client of hers and a channel that it shows.
async fn one_client() -> (World, Client, String, Steered) {
    let (world, [alice]) = World::with(["alice"]).await;
    let channel = alice.create_room(2, &[]).await;
    let client = Steered::connect(&world, &alice, ONE, Some(&channel)).await;
    (world, alice, channel, client)
}

/// Two clients: the first shows one channel and is the more recently used, the second shows another.
async fn two_clients() -> (World, Client, [String; 2], [Steered; 2]) {
    let (world, [alice]) = World::with(["alice"]).await;
    let channels = [alice.create_room(2, &[]).await, alice.create_room(2, &[]).await];
    let second = Steered::connect(&world, &alice, TWO, Some(&channels[1])).await;
    let first = Steered::connect(&world, &alice, ONE, Some(&channels[0])).await;
    first.touch();
    alice.until(|user| user["clients"][0]["clientId"] == ONE).await;
    (world, alice, channels, [first, second])
}

fn state(client: &str, media: &str) -> Value {
    json!({
        "userId": "alice", "displayName": "Alice Test", "clientId": client, "media": media,
        "muted": false, "silent": false, "video": false, "handUp": false,
    })
}

fn with(mut state: Value, name: &str, value: bool) -> Value {
    state[name] = json!(value);
    state
}

/// Waits until the server knows that the client is in a call, or in none.
async fn until_in_call(who: &Client, id: &str, is: bool) {
    who.until(|user| client_of(user, id).is_some_and(|client| client["inCall"] == is)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn join_answers_a_flat_list_as_the_documentation_shows_it() {
    let (_world, alice, channel, mut client) = one_client().await;
    let body = json!({ "clientId": ONE, "joinType": "audio" });
    let answer = alice.steer("user/calls/join", body).await.fine();
    assert_eq!(answer, json!([state(ONE, "camera")]));
    assert_eq!(client.order().await, json!({ "type": "join", "channel": channel, "kind": "audio" }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn join_types_are_taken_in_any_case_and_others_refused() {
    let (_world, alice, _channel, mut client) = one_client().await;
    for (word, kind) in [
        (json!("AUDIO"), "audio"),
        (json!("audio"), "audio"),
        (json!("VIDEO"), "video"),
        (json!("video"), "video"),
        (json!("SCREEN"), "screen"),
        (json!("screen"), "screen"),
        (json!("ScReEn"), "screen"),
        (Value::Null, "audio"),
    ] {
        let answer = alice.steer("user/calls/join", json!({ "joinType": word })).await.fine();
        let media = if kind == "screen" { "screen0" } else { "camera" };
        assert_eq!((&answer[0]["media"], &answer[0]["video"]), (&json!(media), &json!(kind == "video")));
        assert_eq!(client.order().await["kind"], kind);
        alice.steer("user/calls/leave", json!({})).await;
        client.order().await;
    }
    // Without a body at all.
    let answer = got(alice.cowork(Method::POST, "user/calls/join")).await.fine();
    assert_eq!(answer, json!([state(ONE, "camera")]));
    for word in [json!("phone"), json!(""), json!("audio "), json!(5), json!(["audio"]), json!({})] {
        alice.steer("user/calls/join", json!({ "joinType": word })).await.refused(400);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_an_audio_call_only_screens_join_in_addition() {
    let (_world, alice, channel, mut client) = one_client().await;
    alice.steer("user/calls/join", json!({})).await.fine();
    client.order().await;
    for kind in ["audio", "VIDEO"] {
        for body in
            [json!({ "joinType": kind }), json!({ "joinType": kind, "clientId": ONE, "channelId": channel })]
        {
            let why = alice.steer("user/calls/join", body).await.refused(409);
            assert_eq!(why.contains("user/calls/video"), kind == "VIDEO", "{why}");
        }
    }
    assert!(client.is_idle(), "what is refused reaches no client");
    let first = alice.steer("user/calls/join", json!({ "joinType": "screen" })).await.fine();
    let second = alice.steer("user/calls/join", json!({ "joinType": "SCREEN" })).await.fine();
    assert_eq!((first, second), (json!([state(ONE, "screen0")]), json!([state(ONE, "screen1")])));
    let calls = alice.ask("user/calls").await.fine();
    let states = [state(ONE, "camera"), state(ONE, "screen0"), state(ONE, "screen1")];
    assert_eq!(calls[0]["states"], json!(states));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_on_another_client_counts_too() {
    let (_world, alice, channels, [first, mut second]) = two_clients().await;
    first.call(Some((&channels[0], &["camera"])));
    until_in_call(&alice, ONE, true).await;
    let body = json!({ "clientId": TWO, "channelId": channels[1] });
    alice.steer("user/calls/join", body).await.refused(409);
    assert!(second.is_idle());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_ids_the_client_used_last_joins_in_its_channel() {
    let (world, [alice]) = World::with(["alice"]).await;
    alice.steer("user/calls/join", json!({})).await.refused(409);
    let channels = [alice.create_room(2, &[]).await, alice.create_room(2, &[]).await];
    let mut first = Steered::connect(&world, &alice, ONE, Some(&channels[0])).await;
    let answer = alice.steer("user/calls/join", json!({})).await.fine();
    assert_eq!(answer[0]["clientId"], ONE);
    assert_eq!(first.order().await["channel"], json!(channels[0]));
    alice.steer("user/calls/leave", json!({})).await;
    first.order().await;

    let mut second = Steered::connect(&world, &alice, TWO, Some(&channels[1])).await;
    for (client, id, channel) in [(&mut first, ONE, &channels[0]), (&mut second, TWO, &channels[1])] {
        client.touch();
        alice.until(|user| user["clients"][0]["clientId"] == id).await;
        let answer = alice.steer("user/calls/join", json!({})).await.fine();
        assert_eq!(answer[0]["clientId"], id);
        assert_eq!(client.order().await["channel"], json!(channel));
        alice.steer("user/calls/leave", json!({})).await;
        client.order().await;
    }
    // The one used last shows no channel.
    second.open(None);
    alice.until(|user| client_of(user, TWO).is_some_and(|client| client.get("channelId").is_none())).await;
    assert_eq!(alice.steer("user/calls/join", json!({})).await.fine()[0]["clientId"], ONE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_channel_the_client_that_shows_it_joins_first() {
    let (_world, alice, channels, [mut first, mut second]) = two_clients().await;
    let body = |channel: &str| json!({ "channelId": channel });
    let answer = alice.steer("user/calls/join", body(&channels[1])).await.fine();
    assert_eq!(answer[0]["clientId"], TWO, "open there, though the other one was used last");
    assert_eq!(second.order().await["channel"], json!(channels[1]));
    alice.steer("user/calls/leave", json!({})).await;
    // Shown by none: used last.
    let third = alice.create_room(2, &[]).await;
    let answer = alice.steer("user/calls/join", body(&third)).await.fine();
    assert_eq!(answer[0]["clientId"], ONE);
    assert_eq!(first.order().await["channel"], json!(third));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_client_it_joins_where_it_is_told_or_in_its_own_channel() {
    let (_world, alice, channels, [first, mut second]) = two_clients().await;
    let answer = alice.steer("user/calls/join", json!({ "clientId": TWO })).await.fine();
    assert_eq!(answer, json!([state(TWO, "camera")]));
    assert_eq!(second.order().await["channel"], json!(channels[1]));
    alice.steer("user/calls/leave", json!({})).await;
    second.order().await;
    let body = json!({ "clientId": TWO, "channelId": channels[0] });
    alice.steer("user/calls/join", body).await.fine();
    assert_eq!(second.order().await["channel"], json!(channels[0]));
    alice.steer("user/calls/leave", json!({})).await;
    first.open(None);
    alice.until(|user| client_of(user, ONE).is_some_and(|client| client.get("channelId").is_none())).await;
    alice.steer("user/calls/join", json!({ "clientId": ONE })).await.refused(409);
    alice.steer("user/calls/join", json!({ "clientId": "cowork-nobody" })).await.refused(404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_needs_access() {
    let (world, alice, _channel, mut client) = one_client().await;
    let bob = world.user("bob").await;
    let (closed, public) = (bob.create_room(2, &[]).await, bob.create_room(3, &[]).await);
    let shared = bob.create_room(2, &["alice"]).await;
    let join = |channel: &str| {
        let body = json!({ "channelId": channel });
        let alice = &alice;
        async move { alice.steer("user/calls/join", body).await }
    };
    join(&closed).await.refused(403);
    join("nothinghere").await.refused(404);
    join("").await.refused(404);
    join("../../x").await.refused(404);
    for channel in [&shared, &public] {
        join(channel).await.fine();
        assert_eq!(client.order().await["channel"], json!(channel));
        alice.steer("user/calls/leave", json!({})).await;
        client.order().await;
    }
    // What a client says that it shows is no proof.
    client.open(Some(&closed));
    alice.until(|user| client_of(user, ONE).is_some_and(|client| client["channelId"] == json!(closed))).await;
    alice.steer("user/calls/join", json!({})).await.refused(403);
    alice.steer("user/calls/join", json!({ "clientId": ONE })).await.refused(403);
    assert!(client.is_idle());
    for (path, on, off) in [
        ("webinar/lobby", json!({ "state": 1 }), json!({ "state": 0 })),
        ("read-only", json!({ "state": 1 }), json!({ "state": 0 })),
    ] {
        let path = format!("{V4}/room/{shared}/{path}");
        bob.put(&path, on).await.expect(200);
        join(&shared).await.refused(403);
        bob.put(&path, off).await.expect(200);
    }
    join(&shared).await.fine();
    alice.steer("user/calls/leave", json!({})).await;
    world.config("calls", "0").await;
    join(&shared).await.refused(403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guessing_channels_ends() {
    let (_world, alice, channel, _client) = one_client().await;
    let mut last = 0;
    for number in 0..31 {
        last = alice.steer("user/calls/join", json!({ "channelId": format!("guess{number}") })).await.status;
    }
    assert_eq!(last, 429);
    alice.steer("user/calls/join", json!({ "channelId": channel })).await.fine();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn audio_changes_what_is_named_and_answers_by_channel() {
    let (world, alice, channel, mut client) = one_client().await;
    let team = alice.ask("teams").await.fine()[0]["id"].clone();
    assert_eq!(alice.steer("user/calls/audio", json!({ "muted": true })).await.fine(), json!([]));
    alice.steer("user/calls/join", json!({})).await.fine();
    client.order().await;
    let group = |state: Value| json!([{ "teamId": team, "channelId": channel, "states": [state] }]);
    let answer = alice.steer("user/calls/audio", json!({ "muted": true })).await.fine();
    let muted = with(state(ONE, "camera"), "muted", true);
    assert_eq!(answer, group(muted.clone()));
    assert_eq!(client.order().await, json!({ "type": "setAudio", "muted": true }));
    // Neither field: how it is.
    for body in [json!({}), json!({ "muted": null, "other": 1 })] {
        assert_eq!(alice.steer("user/calls/audio", body).await.fine(), group(muted.clone()));
    }
    assert!(client.is_idle(), "nothing changes, so nobody is told");
    let answer = alice.steer("user/calls/audio", json!({ "silent": true, "muted": false })).await.fine();
    assert_eq!(answer, group(with(state(ONE, "camera"), "silent", true)));
    // Reading says the same as was answered.
    assert_eq!(alice.ask("user/calls").await.fine(), answer);
    for body in [json!({ "muted": "true" }), json!({ "clients": {} }), json!({ "clients": [5] }), json!([])] {
        alice.steer("user/calls/audio", body).await.refused(400);
    }
    drop(world);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn audio_may_be_meant_for_one_of_two_clients() {
    let (_world, alice, channels, [mut first, mut second]) = two_clients().await;
    first.call(Some((&channels[0], &["camera"])));
    second.call(Some((&channels[1], &["camera", "screen0"])));
    until_in_call(&alice, ONE, true).await;
    until_in_call(&alice, TWO, true).await;
    let body = json!({ "muted": true, "clients": [{ "clientId": TWO }] });
    let answer = alice.steer("user/calls/audio", body).await.fine();
    assert_eq!(answer[0]["states"], json!([with(state(TWO, "camera"), "muted", true)]));
    assert_eq!(answer.as_array().unwrap().len(), 1);
    second.order().await;
    assert!(first.is_idle());
    // A screen has no microphone.
    let body = json!({ "muted": false, "clients": [{ "clientId": TWO, "media": "screen0" }] });
    let answer = alice.steer("user/calls/audio", body).await.fine();
    assert_eq!(answer[0]["states"], json!([state(TWO, "screen0")]));
    assert!(second.is_idle());
    // Both at once, each in its own channel.
    let answer = alice.steer("user/calls/audio", json!({ "silent": true })).await.fine();
    assert_eq!(answer.as_array().unwrap().len(), 2);
    let body = json!({ "muted": true, "clients": [{ "clientId": "cowork-nobody" }] });
    alice.steer("user/calls/audio", body).await.refused(404);
    // One refuses, the other does it.
    first.behave(Manner::Refuses("forbidden", "not me"));
    let answer = alice.steer("user/calls/audio", json!({ "silent": false })).await.fine();
    assert_eq!(answer[0]["states"], json!([with(state(TWO, "camera"), "muted", true)]));
    second.behave(Manner::Refuses("conflict", "not me either"));
    alice.steer("user/calls/audio", json!({ "silent": false })).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn video_and_raise_answer_flat_lists() {
    let (_world, alice, _channel, mut client) = one_client().await;
    for (path, field) in [("user/calls/video", "video"), ("user/calls/raise", "raise")] {
        assert_eq!(alice.steer(path, json!({ field: true })).await.fine(), json!([]), "in no call");
        alice.steer(path, json!({ field: "yes" })).await.refused(400);
    }
    alice.steer("user/calls/join", json!({})).await.fine();
    client.order().await;
    for (path, field, name) in
        [("user/calls/video", "video", "video"), ("user/calls/raise", "raise", "handUp")]
    {
        for value in [true, false] {
            let answer = alice.steer(path, json!({ field: value })).await.fine();
            assert_eq!(answer, json!([with(state(ONE, "camera"), name, value)]));
            assert_eq!(client.order().await[field], json!(value));
        }
        let body = json!({ field: true, "clients": [{ "clientId": ONE, "media": "camera" }] });
        assert_eq!(alice.steer(path, body).await.fine()[0][name], true);
        client.order().await;
        assert_eq!(alice.steer(path, json!({})).await.fine()[0][name], true, "unchanged");
        assert!(client.is_idle());
        alice.steer(path, json!({ field: false })).await.fine();
        client.order().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leave_ends_one_then_all_then_nothing_and_is_always_empty() {
    let (_world, alice, channels, [mut first, mut second]) = two_clients().await;
    first.call(Some((&channels[0], &["camera", "screen0", "screen1"])));
    second.call(Some((&channels[1], &["camera"])));
    until_in_call(&alice, ONE, true).await;
    until_in_call(&alice, TWO, true).await;
    let leave = async |body: Value| {
        let answer = alice.steer("user/calls/leave", body).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, ""));
        alice.ask("user/calls").await.fine()
    };
    let left = leave(json!({ "clients": [{ "clientId": ONE, "media": "screen0" }] })).await;
    let here =
        left.as_array().unwrap().iter().find(|group| group["channelId"] == json!(channels[0])).unwrap();
    assert_eq!(here["states"], json!([state(ONE, "camera"), state(ONE, "screen1")]));
    assert_eq!(first.order().await, json!({ "type": "leave", "media": "screen0" }));
    let left = leave(json!({ "clients": [{ "clientId": ONE }] })).await;
    assert_eq!(left.as_array().unwrap().len(), 1);
    assert_eq!(first.order().await, json!({ "type": "leave" }));
    assert!(second.is_idle());
    assert_eq!(leave(json!({})).await, json!([]));
    second.order().await;
    assert_eq!(leave(json!({})).await, json!([]));
    assert_eq!(got(alice.cowork(Method::POST, "user/calls/leave")).await.status, 200);
    assert!(first.is_idle() && second.is_idle());
    let body = json!({ "clients": [{ "clientId": "cowork-nobody" }] });
    alice.steer("user/calls/leave", body).await.refused(404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_are_listed_by_channel() {
    let (_world, alice, channels, [first, second]) = two_clients().await;
    assert_eq!(alice.ask("user/calls").await.fine(), json!([]));
    let team = alice.ask("teams").await.fine()[0]["id"].clone();
    first.call(Some((&channels[0], &["camera"])));
    second.call(Some((&channels[0], &["screen0"])));
    until_in_call(&alice, ONE, true).await;
    alice
        .until(|user| client_of(user, TWO).is_some_and(|client| client["channelId"] == json!(channels[0])))
        .await;
    let calls = alice.ask("user/calls").await.fine();
    assert_eq!(calls.as_array().unwrap().len(), 1, "{calls}");
    assert_eq!((&calls[0]["teamId"], &calls[0]["channelId"]), (&team, &json!(channels[0])));
    let states = calls[0]["states"].as_array().unwrap();
    assert!(states.contains(&state(ONE, "camera")) && states.contains(&state(TWO, "screen0")), "{calls}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn teams_channels_and_direct_messages_have_ids_and_names() {
    let (world, [alice, _bob]) = World::with(["alice", "bob"]).await;
    world.config("server-name", "Our house").await;
    let teams = alice.ask("teams").await.fine();
    let team = teams[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(teams, json!([{ "id": team, "displayName": "Our house" }]));
    let room = alice.create_room(3, &[]).await;
    let direct = alice.one_to_one("bob").await;
    let channel = json!({ "channelId": room, "teamId": team, "displayName": "Room", "description": "" });
    assert_eq!(alice.ask(&format!("teams/{team}/channels")).await.fine(), json!([channel]));
    let channel =
        json!({ "channelId": direct, "teamId": team, "displayName": "Bob Test", "description": "" });
    assert_eq!(alice.ask("teams/directmessages").await.fine(), json!([channel]));
    let client = Steered::connect(&world, &alice, ONE, Some(&room)).await;
    let open = json!({ "clientId": ONE, "channelId": room, "inCall": false });
    let user = json!({ "id": "alice", "displayName": "Alice Test", "clients": [open] });
    assert_eq!(alice.ask("user").await.fine(), user);
    for path in
        ["teams/other/channels", "teams/other/channels/x/calls", &format!("teams/{team}/channels/x/calls")]
    {
        alice.ask(path).await.refused(404);
    }
    // The same after a restart.
    drop(client);
    let data = world.data;
    world.server.shutdown().await;
    let config = bellbird_server::ServerConfig::new(data.path());
    let server = bellbird_server::Server::open(config).await.unwrap();
    let listening = server.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let again = Client::new(listening.url.as_str(), "alice", alice.password.as_deref());
    assert_eq!(again.ask("teams").await.fine()[0]["id"], json!(team));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_shows_everybody_in_its_call() {
    let (world, alice, channel, mut client) = one_client().await;
    let (bob, guest) = (world.user("bob").await, world.guest());
    let open = alice.create_room(3, &["bob"]).await;
    let team = alice.ask("teams").await.fine()[0]["id"].as_str().unwrap().to_owned();
    let path = format!("teams/{team}/channels/{open}/calls");
    assert_eq!(alice.ask(&path).await.fine(), json!([]));
    for who in [&alice, &bob, &guest] {
        who.enter(&open).await.expect(200);
    }
    alice.join(&open).await.expect(200);
    bob.join_with(&open, json!({ "flags": 5 })).await.expect(200);
    guest.join_with(&open, json!({ "flags": 3 })).await.expect(200);
    client.call(Some((&open, &["camera", "screen0"])));
    until_in_call(&alice, ONE, true).await;
    for who in [&alice, &bob] {
        let list = who.ask(&path).await.fine();
        let list = list.as_array().unwrap();
        assert_eq!(list.len(), 4, "{list:?}");
        assert_eq!(list.iter().filter(|s| **s == state(ONE, "camera")).count(), 1);
        assert_eq!(list.iter().filter(|s| **s == state(ONE, "screen0")).count(), 1);
        let bobs = list.iter().find(|s| s["userId"] == "bob").unwrap();
        assert_eq!((&bobs["muted"], &bobs["video"]), (&json!(true), &json!(true)));
        assert!(list.iter().any(|s| s["userId"].as_str().unwrap().starts_with("guests/")));
    }
    // Own connections there can be changed, those elsewhere and those of others not.
    let answer = alice.steer(&format!("{path}/audio"), json!({ "muted": true })).await.fine();
    assert_eq!(answer, json!([with(state(ONE, "camera"), "muted", true)]));
    client.order().await;
    let answer = alice.steer(&format!("{path}/video"), json!({ "video": true })).await.fine();
    assert_eq!(answer[0]["video"], true);
    client.order().await;
    let answer = alice.steer(&format!("{path}/raise"), json!({ "raise": true })).await.fine();
    assert_eq!(answer[0]["handUp"], true);
    client.order().await;
    let elsewhere = format!("teams/{team}/channels/{channel}/calls");
    assert_eq!(alice.steer(&format!("{elsewhere}/audio"), json!({ "muted": true })).await.fine(), json!([]));
    assert_eq!(bob.steer(&format!("{path}/audio"), json!({ "muted": true })).await.fine(), json!([]));
    assert!(client.is_idle());
    let body = json!({ "muted": true, "clients": [{ "clientId": ONE }] });
    bob.steer(&format!("{path}/audio"), body).await.refused(404);
    bob.ask(&elsewhere).await.refused(403);
    bob.steer(&format!("{elsewhere}/raise"), json!({ "raise": true })).await.refused(403);
    alice.steer(&format!("teams/x/channels/{open}/calls/raise"), json!({})).await.refused(404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn basic_and_bearer_open_and_nothing_else_does() {
    let (world, [alice, _bob]) = World::with(["alice", "bob"]).await;
    let url = format!("{}/api/cowork/user", alice.base);
    let secret = alice.password.clone().unwrap();
    let http = &alice.http;
    let ok = async |request: reqwest::RequestBuilder| got(request).await.fine()["id"].clone();
    assert_eq!(ok(http.get(&url).basic_auth("alice", Some(&secret))).await, "alice");
    assert_eq!(ok(http.get(&url).basic_auth("ALICE", Some(PASSWORD))).await, "alice");
    assert_eq!(ok(http.get(&url).bearer_auth(&secret)).await, "alice");
    let refused = got(http.get(&url)).await;
    let offers: Vec<_> =
        refused.headers.get_all("www-authenticate").iter().map(|v| v.to_str().unwrap()).collect();
    assert_eq!(offers, ["Basic realm=\"Bellbird\"", "Bearer"]);
    refused.refused(401);
    for request in [
        http.get(&url).basic_auth("bob", Some(&secret)),
        http.get(&url).bearer_auth("wrong"),
        http.get(&url).bearer_auth(PASSWORD),
        http.get(&url).header("Authorization", "Digest x"),
        http.get(&url).header("Authorization", "Bearer"),
        http.get(&url).header("Authorization", "Basic ???"),
    ] {
        got(request).await.refused(401);
    }
    // A revoked one is worth nothing.
    alice.delete("/ocs/v2.php/core/apppassword", json!({})).await.expect(200);
    got(http.get(&url).bearer_auth(&secret)).await.refused(401);
    drop(world);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guessing_passwords_and_tokens_ends() {
    let (world, [alice]) = World::with(["alice"]).await;
    world.config("brute-force-delays", "0").await;
    let url = format!("{}/api/cowork/user", alice.base);
    let secret = alice.password.clone().unwrap();
    let mut last = (0, 0);
    for number in 0..11 {
        let wrong = format!("wrong{number}");
        let basic = got(alice.http.get(&url).basic_auth("alice", Some(&wrong))).await;
        let bearer = got(alice.http.get(&url).bearer_auth(&wrong)).await;
        last = (basic.status, bearer.status);
        if number == 10 {
            assert!(bearer.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() > 0);
        }
    }
    assert_eq!(last, (429, 429));
    assert_eq!(
        got(alice.http.get(&url).bearer_auth(&secret)).await.status,
        200,
        "a right one cannot be guessed"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_methods_paths_and_sizes_are_refused_in_one_form() {
    let (_world, alice, _channel, mut client) = one_client().await;
    for (method, path, allow) in [
        (Method::GET, "user/calls/join", "POST"),
        (Method::PUT, "user/calls/audio", "POST"),
        (Method::DELETE, "user/calls", "GET,HEAD"),
        (Method::POST, "teams", "GET,HEAD"),
        (Method::PATCH, "teams/x/channels/y/calls/raise", "POST"),
    ] {
        let answer = got(alice.cowork(method, path)).await;
        assert_eq!(answer.headers["allow"], allow);
        answer.refused(405);
    }
    for path in ["", "nothing", "user/", "user/calls/other", "teams/a/b", "teams/a/channels/b"] {
        alice.ask(path).await.refused(404);
    }
    alice.ask("teams/%ff/channels").await.refused(400);
    for text in ["{", "[]", "\"audio\"", "5", "\u{0}", &"[".repeat(5000)] {
        got(alice.cowork(Method::POST, "user/calls/join").body(text.to_owned())).await.refused(400);
    }
    // Ten megabytes are refused in words too, not by a broken connection.
    for length in [64 * 1024, 10_000_000] {
        let large = format!("{{\"x\":\"{}\"}}", "y".repeat(length));
        got(alice.cowork(Method::POST, "user/calls/join").body(large)).await.refused(413);
    }
    let fits = format!("{{\"x\":\"{}\"}}", "y".repeat(60 * 1024));
    assert_eq!(got(alice.cowork(Method::POST, "user/calls/audio").body(fits)).await.status, 200);
    assert!(client.is_idle());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_client_answers_is_told() {
    let (_world, alice, _channel, client) = one_client().await;
    client.behave(Manner::Asks);
    assert_eq!(alice.steer("user/calls/join", json!({})).await.fine(), json!([]));
    assert_eq!(alice.ask("user/calls").await.fine(), json!([]), "asked is not joined");
    for (code, status) in [("forbidden", 403), ("not-found", 404), ("conflict", 409), ("newer", 409)] {
        client.behave(Manner::Refuses(code, "The person does not want to"));
        let why = alice.steer("user/calls/join", json!({})).await.refused(status);
        assert_eq!(why, "The person does not want to");
    }
    client.behave(Manner::Flees);
    alice.steer("user/calls/join", json!({})).await.refused(409);
    alice.until(|user| user["clients"] == json!([])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_never_answers_is_given_up() {
    let (_world, alice, _channel, client) = one_client().await;
    client.behave(Manner::Sleeps);
    let begin = Instant::now();
    alice.steer("user/calls/join", json!({})).await.refused(409);
    assert!(begin.elapsed() >= Duration::from_secs(9), "it was not waited for");
    client.behave(Manner::Obeys);
    alice.steer("user/calls/join", json!({})).await.fine();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_steers_anybody_else() {
    let (world, alice, channel, mut client) = one_client().await;
    let bob = world.user("bob").await;
    let shared = bob.create_room(3, &["alice"]).await;
    for body in [
        json!({ "clientId": ONE }),
        json!({ "clientId": ONE, "channelId": shared }),
        json!({ "clientId": ONE, "joinType": "screen", "channelId": shared }),
    ] {
        bob.steer("user/calls/join", body).await.refused(404);
    }
    // Nor by taking its name.
    let mut thief = Steered::connect(&world, &bob, ONE, Some(&shared)).await;
    bob.steer("user/calls/join", json!({ "clientId": ONE })).await.fine();
    thief.order().await;
    assert!(client.is_idle());
    alice.steer("user/calls/join", json!({ "clientId": ONE })).await.fine();
    assert_eq!(client.order().await["channel"], json!(channel));
    assert!(thief.is_idle());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_reconnects_is_the_same_and_nonsense_harms_nobody() {
    let (_world, alice, _channel, mut client) = one_client().await;
    alice.steer("user/calls/join", json!({})).await.fine();
    client.order().await;
    client.reconnect().await;
    until_in_call(&alice, ONE, true).await;
    let user = alice.ask("user").await.fine();
    assert_eq!(user["clients"].as_array().unwrap().len(), 1, "{user}");
    for frame in [
        "bellbird-client",
        "bellbird-client {",
        "bellbird-client []",
        "bellbird-client {\"clientId\":\"a b\"}",
        "bellbird-answer {\"id\":99999,\"connections\":[]}",
        "bellbird-answer {\"id\":\"x\"}",
        "bellbird-order {}",
        "?",
    ] {
        client.say(frame);
    }
    let answer = alice.steer("user/calls/audio", json!({ "muted": true })).await.fine();
    assert_eq!(answer[0]["states"], json!([with(state(ONE, "camera"), "muted", true)]));
    client.say("bellbird-client null");
    alice.until(|user| user["clients"] == json!([])).await;
    alice.steer("user/calls/join", json!({})).await.refused(409);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_description_is_whole_and_served_to_everybody() {
    let (world, _alice, _channel, _client) = one_client().await;
    let answer = got(world.guest().cowork(Method::GET, "openapi.json")).await.fine();
    assert_eq!(answer["openapi"].as_str().map(|version| &version[..4]), Some("3.1."));
    let paths = answer["paths"].as_object().unwrap();
    let mut list: Vec<String> = paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().unwrap().keys().map(move |method| format!("{method} {path}"))
        })
        .filter(|line| !line.starts_with("parameters"))
        .collect();
    list.sort();
    let calls = "/api/cowork/teams/{teamId}/channels/{channelId}/calls";
    let mut expected: Vec<String> = [
        "get /api/cowork/openapi.json",
        "get /api/cowork/user",
        "get /api/cowork/user/calls",
        "post /api/cowork/user/calls/join",
        "post /api/cowork/user/calls/audio",
        "post /api/cowork/user/calls/video",
        "post /api/cowork/user/calls/raise",
        "post /api/cowork/user/calls/leave",
        "get /api/cowork/teams",
        "get /api/cowork/teams/directmessages",
        "get /api/cowork/teams/{teamId}/channels",
    ]
    .map(str::to_owned)
    .into();
    expected.push(format!("get {calls}"));
    expected.extend(["audio", "video", "raise"].map(|word| format!("post {calls}/{word}")));
    expected.sort();
    assert_eq!(list, expected);
    let join = &paths["/api/cowork/user/calls/join"]["post"]["responses"];
    for status in ["200", "400", "401", "403", "404", "405", "408", "409", "413", "429", "500", "503"] {
        assert!(join[status].is_object(), "{status} is not described");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_says_that_it_steers() {
    let (_world, [alice]) = World::with(["alice"]).await;
    let answer = alice.get("/ocs/v2.php/cloud/capabilities").await.expect(200);
    assert_eq!(answer["capabilities"]["bellbird"]["client-orders"], true);
}
