//! Signing in, the own account, people, pictures, status (talk-accounts.md).

use reqwest::Method;
use serde_json::json;

use crate::support::{Client, PASSWORD, V1, World};

const GET_APP_PASSWORD: &str = "/ocs/v2.php/core/getapppassword";
const APP_PASSWORD: &str = "/ocs/v2.php/core/apppassword";
const USER: &str = "/ocs/v2.php/cloud/user";
const AUTOCOMPLETE: &str = "/ocs/v2.php/core/autocomplete/get";
const STATUS: &str = "/ocs/v2.php/apps/user_status/api/v1";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_is_traded_for_an_app_password_and_that_revoked() {
    let (_world, [alice]) = World::with(["alice"]).await;
    let typed = Client { name: "ALICE".into(), password: Some(PASSWORD.into()), ..alice.clone() };
    let made = typed.get(GET_APP_PASSWORD).await.expect(200)["apppassword"].as_str().unwrap().to_owned();
    assert_eq!(made.len(), 72);
    let device = Client { password: Some(made), ..alice.clone() };
    let user = device.get(USER).await.expect(200);
    assert_eq!((&user["id"], &user["display-name"]), (&json!("alice"), &json!("Alice Test")));
    device.get(GET_APP_PASSWORD).await.expect(403);
    // Somebody else's name with this app password is nobody.
    let mixed = Client { name: "bob".into(), ..device.clone() };
    mixed.get(USER).await.expect(401);
    device.delete(APP_PASSWORD, json!({})).await.expect(200);
    device.get(USER).await.expect(401);
    typed.get(USER).await.expect(200);
    typed.delete(APP_PASSWORD, json!({})).await.expect(403);
    alice.get(USER).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_passwords_are_refused_and_then_slowed_down() {
    let (world, [alice, bob]) = World::with(["alice", "bob"]).await;
    world.config("brute-force-delays", "0").await;
    let with = |password: &str| Client { password: Some(password.into()), ..alice.clone() };
    for n in 0..10 {
        with(&format!("guess {n}")).get(USER).await.expect(401);
    }
    let right = with(PASSWORD).get(USER).await;
    assert!(right.header("retry-after").parse::<u32>().unwrap() > 0);
    right.expect(429);
    // App passwords cannot be guessed, so those who have one are not locked out; nor is anybody else.
    alice.get(USER).await.expect(200);
    Client { password: Some(PASSWORD.into()), ..bob }.get(USER).await.expect(200);
    let unknown = Client { name: "nobody".into(), password: Some(PASSWORD.into()), ..world.guest() };
    unknown.get(USER).await.expect(401);
    for header in ["Basic", "Basic !!!", "Bearer x", "Basic bm9jb2xvbg==", "\u{e9}"] {
        let request = world.guest().request(Method::GET, USER).header("Authorization", header);
        world.guest().send(request).await.expect(401);
    }
    world.guest().get(USER).await.expect(401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_password_ends_the_old_one_at_once() {
    let (world, [alice]) = World::with(["alice"]).await;
    let typed = Client { password: Some(PASSWORD.into()), ..alice };
    typed.get(USER).await.expect(200);
    world.admin(|admin| admin.set_password("alice", "quite another one").unwrap()).await;
    typed.get(USER).await.expect(401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn capabilities_tell_what_is_served() {
    let (world, [alice]) = World::with(["alice"]).await;
    for who in [&alice, &world.guest()] {
        let told = who.get("/ocs/v2.php/cloud/capabilities?format=json").await.expect(200);
        let talk = &told["capabilities"]["spreed"];
        for feature in ["conversation-v4", "signaling-v3", "silent-call", "send-call-notification"] {
            assert!(talk["features"].as_array().unwrap().contains(&json!(feature)), "{feature}");
        }
        assert_eq!(talk["config"]["call"]["enabled"], true);
        let socket = told["capabilities"]["notify_push"]["endpoints"]["websocket"].as_str().unwrap();
        let port = world.listening.address.port();
        assert_eq!(socket, format!("ws://127.0.0.1:{port}/push/ws"));
    }
    // A forged host name does not end up in what we say.
    let request = alice.request(Method::GET, "/ocs/v2.php/cloud/capabilities").header("Host", "a\"><b");
    let told = alice.send(request).await.expect(200).to_string();
    assert!(!told.contains("<b"));
    let status: serde_json::Value =
        serde_json::from_str(&world.guest().get("/status.php").await.body).unwrap();
    assert_eq!((&status["installed"], &status["maintenance"]), (&json!(true), &json!(false)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_old_entry_point_says_how_it_went_in_the_envelope() {
    let (_world, [alice]) = World::with(["alice"]).await;
    for (path, http, code) in [("/cloud/user", 200, 100), ("/nonsense", 200, 998)] {
        let response = alice.request(Method::GET, &format!("/ocs/v1.php{path}")).send().await.unwrap();
        assert_eq!(response.status(), http);
        let body: serde_json::Value = response.json().await.unwrap();
        assert_eq!(body["ocs"]["meta"]["statuscode"], code);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_own_name_is_changed_everywhere() {
    let (_world, [alice, bob]) = World::with(["alice", "bob"]).await;
    let token = alice.one_to_one("bob").await;
    alice.enter(&token).await.expect(200);
    alice.join(&token).await.expect(200);
    let path = "/ocs/v2.php/cloud/users/alice";
    alice.put(path, json!({ "key": "displayname", "value": "Alice Liddell" })).await.expect(200);
    assert_eq!(bob.room(&token).await.expect(200)["displayName"], "Alice Liddell");
    assert_eq!(bob.peers(&token).await.expect(200)[0]["displayName"], "Alice Liddell");
    alice.put(path, json!({ "key": "email", "value": "a@b.c" })).await.expect(400);
    alice.put(path, json!({ "key": "display", "value": " \n" })).await.expect(400);
    bob.put(path, json!({ "key": "display", "value": "Mallory" })).await.expect(403);
    bob.get(path).await.expect(403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_are_found_by_name_but_not_oneself() {
    let (world, [alice, _bob, carol]) = World::with(["alice", "bob", "carol"]).await;
    world.admin(|admin| admin.add_group("band", &["bob".into()]).unwrap()).await;
    let find = |query: &str| {
        let (alice, path) = (alice.clone(), format!("{AUTOCOMPLETE}?itemType=call&itemId=new&{query}"));
        async move {
            let list = alice.get(&path).await.expect(200);
            let ids = list.as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap().to_owned());
            ids.collect::<Vec<_>>()
        }
    };
    assert_eq!(find("search=").await, ["bob", "carol"]);
    assert_eq!(find("search=B%20te").await, ["bob"]);
    assert_eq!(find("search=%25").await, [""; 0]);
    assert_eq!(find("search=b&shareTypes[]=0&shareTypes[]=1").await, ["bob", "band"]);
    assert_eq!(find("search=&shareTypes[]=1").await, ["band"]);
    assert_eq!(find("search=&limit=1&offset=1").await, ["bob"]);
    let token = alice.create_room(2, &["bob"]).await;
    let path = format!("{AUTOCOMPLETE}?search=&itemType=call&itemId={token}");
    let others = alice.get(&path).await.expect(200);
    assert_eq!(others.as_array().unwrap().len(), 1);
    assert_eq!((&others[0]["id"], &others[0]["source"]), (&json!("carol"), &json!("users")));
    carol.put(&format!("{STATUS}/user_status/status"), json!({ "statusType": "dnd" })).await.expect(200);
    let found = alice.get(&format!("{AUTOCOMPLETE}?search=carol")).await.expect(200);
    assert_eq!(found[0]["status"]["status"], "dnd");
    world.guest().get(AUTOCOMPLETE).await.expect(401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_has_a_picture() {
    let (world, [alice, bob]) = World::with(["alice", "bob"]).await;
    let token = alice.one_to_one("bob").await;
    for path in ["/index.php/avatar/alice/64", "/avatar/alice/512/dark", "/index.php/avatar/guest/Gus/64"] {
        let picture = bob.get(path).await;
        assert_eq!((picture.status, picture.header("content-type")), (200, "image/svg+xml"));
        assert!(picture.body.starts_with("<svg"));
    }
    assert!(bob.get("/index.php/avatar/alice/64").await.body.contains(">AT<"));
    // Strangers do not learn names, nor who exists.
    assert!(world.guest().get("/index.php/avatar/alice/64").await.body.contains(">A<"));
    assert_eq!(world.guest().get("/index.php/avatar/nobody/64").await.status, 200);
    let nasty = bob.get("/index.php/avatar/%3Cscript%3E/64").await;
    assert!(!nasty.body.contains("script"));
    let room = format!("{V1}/room/{token}/avatar");
    assert!(bob.get(&room).await.body.starts_with("<svg"));
    world.guest().get(&room).await.expect(404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_is_kept_and_shown() {
    let (_world, [alice, bob]) = World::with(["alice", "bob"]).await;
    let set = format!("{STATUS}/user_status/status");
    alice.put(&set, json!({ "statusType": "sleeping" })).await.expect(400);
    alice.put(&set, json!({ "statusType": "invisible" })).await.expect(200);
    let message = format!("{STATUS}/user_status/message/custom");
    alice.put(&message, json!({ "message": "On tour" })).await.expect(200);
    alice.put(&message, json!({ "message": "x".repeat(81) })).await.expect(400);
    let own = alice.get(&format!("{STATUS}/user_status")).await.expect(200);
    assert_eq!((&own["status"], &own["message"]), (&json!("invisible"), &json!("On tour")));
    assert_eq!(bob.get(&format!("{STATUS}/statuses/alice")).await.expect(200)["status"], "offline");
    bob.get(&format!("{STATUS}/statuses/nobody")).await.expect(404);
    alice.put(&format!("{STATUS}/heartbeat"), json!({ "status": "online" })).await.expect(200);
    assert_eq!(alice.get(&format!("{STATUS}/user_status")).await.expect(200)["status"], "invisible");
    let list = alice.get(crate::support::NOTIFICATIONS).await;
    assert_eq!(list.header("x-nextcloud-user-status"), "invisible");
}
