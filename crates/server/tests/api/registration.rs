//! Registration by invitation.

use std::time::Duration;

use bellbird_server::Admin;
use serde_json::{Value, json};

use crate::support::{Answer, Client, World};

const PATH: &str = "/index.php/apps/bellbird/api/v1/registration";

fn form(code: &str, name: &str) -> Value {
    json!({ "code": code, "loginName": name, "displayName": "Dora", "password": "long enough" })
}

async fn register(world: &World, body: Value) -> Answer {
    world.guest().post(PATH, body).await
}

async fn invitation(world: &World, uses: u32) -> String {
    world.admin(move |admin: Admin| admin.create_invitation(Duration::from_secs(600), uses).unwrap()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_makes_an_account_that_works_at_once() {
    let world = World::start().await;
    let code = invitation(&world, 1).await;
    let link = world.listening.invitation_link(&code);
    assert_eq!(link.as_str(), format!("{}invite/{code}", world.listening.url));
    assert_eq!(world.guest().get(link.path()).await.status, 200);
    let made = register(&world, form(&code, "dora")).await.expect(201);
    assert_eq!(made["userId"], "dora");
    let password = made["appPassword"].as_str().unwrap();
    let dora = Client::new(world.listening.url.as_str(), "dora", Some(password));
    assert_eq!(dora.get("/ocs/v2.php/cloud/user").await.expect(200)["display-name"], "Dora");
    let typed = Client::new(world.listening.url.as_str(), "dora", Some("long enough"));
    typed.get("/ocs/v2.php/core/getapppassword").await.expect(200);
    register(&world, form(&code, "erik")).await.refuse(400, "code");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_named_and_costs_no_use() {
    let (world, [_alice]) = World::with(["alice"]).await;
    let code = invitation(&world, 1).await;
    register(&world, form("nonsense", "dora")).await.refuse(400, "code");
    register(&world, json!({})).await.refuse(400, "code");
    for name in ["", "a/b", &"x".repeat(65), "ä"] {
        register(&world, form(&code, name)).await.refuse(400, "login-name");
    }
    register(&world, form(&code, "ALICE")).await.refuse(400, "taken");
    for password in ["short", &"x".repeat(5000)] {
        let mut body = form(&code, "dora");
        body["password"] = json!(password);
        register(&world, body).await.refuse(400, "password");
    }
    let guest = world.guest();
    let request = guest.request(reqwest::Method::POST, PATH).form(&[("code", &code)]);
    guest.send(request).await.expect(415);
    world.config("allowed-registrations", "none").await;
    register(&world, form(&code, "dora")).await.refuse(400, "code");
    world.config("allowed-registrations", "invitation").await;
    register(&world, form(&code, "dora")).await.expect(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_is_used_as_often_as_it_says_and_not_after_its_end() {
    let world = World::start().await;
    let over = world.admin(|admin| admin.create_invitation(Duration::ZERO, 5).unwrap()).await;
    register(&world, form(&over, "dora")).await.refuse(400, "code");
    let code = invitation(&world, 2).await;
    let tries = (0..6).map(|n| {
        let (guest, body) = (world.guest(), form(&code, &format!("u{n}")));
        tokio::spawn(async move { guest.post(PATH, body).await.status })
    });
    let mut statuses = Vec::new();
    for one in tries.collect::<Vec<_>>() {
        statuses.push(one.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 201, 400, 400, 400, 400]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guessing_codes_is_slowed_down() {
    let world = World::start().await;
    let code = invitation(&world, 1).await;
    world.config("brute-force-delays", "0").await;
    for n in 0..10 {
        register(&world, form(&format!("guess{n}"), "dora")).await.refuse(400, "code");
    }
    register(&world, form(&code, "dora")).await.expect(429);
}
