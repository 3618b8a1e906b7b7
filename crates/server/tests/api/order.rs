//! The order in which refusals are decided (talk-rest.md section 2): one test for each pair that can meet.

use serde_json::json;

use crate::support::{Client, V4, World};

struct Scene {
    world: World,
    owner: Client,
    member: Client,
    token: String,
}

impl Scene {
    async fn new() -> Self {
        let (world, [owner, member]) = World::with(["owner", "member"]).await;
        let token = owner.create_room(2, &["member"]).await;
        Self { world, owner, member, token }
    }

    async fn lock(&self, on: u8) {
        let path = format!("{V4}/room/{}/read-only", self.token);
        self.owner.put(&path, json!({ "state": on })).await.expect(200);
    }

    async fn lobby(&self, on: u8) {
        let path = format!("{V4}/room/{}/webinar/lobby", self.token);
        self.owner.put(&path, json!({ "state": on })).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn not_a_participant_comes_before_everything() {
    let scene = Scene::new().await;
    scene.lock(1).await;
    scene.lobby(1).await;
    scene.world.config("recording-consent", "1").await;
    let stranger = scene.world.user("stranger").await;
    for who in [&stranger, &scene.world.guest()] {
        who.join(&scene.token).await.expect(404);
        who.join_with(&scene.token, json!({ "flags": "x" })).await.expect(404);
        who.peers(&scene.token).await.expect(404);
        who.enter(&scene.token).await.expect(404);
        who.exit(&scene.token).await.expect(200);
    }
    scene.member.join("doesnotexist").await.expect(404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn locked_comes_before_the_lobby_and_both_before_everything_else() {
    let scene = Scene::new().await;
    let Scene { world, owner, member, token } = &scene;
    world.config("recording-consent", "1").await;
    scene.lock(1).await;
    scene.lobby(1).await;
    // Nobody has joined the room: no session, no consent, nonsense for flags.
    let nonsense = json!({ "flags": "x" });
    for who in [owner, member] {
        who.join_with(token, nonsense.clone()).await.expect(403);
        who.peers(token).await.expect(403);
    }
    scene.lock(0).await;
    member.join_with(token, nonsense.clone()).await.expect(412);
    member.peers(token).await.expect(412);
    owner.peers(token).await.expect(200);
    scene.lobby(0).await;
    // Wrong parameters, then consent, then the session.
    member.join_with(token, nonsense).await.expect(400);
    member.join(token).await.refuse(400, "consent");
    let consents = json!({ "flags": 3, "recordingConsent": true });
    member.join_with(token, consents.clone()).await.expect(404);
    // The session comes before the right to start.
    owner
        .put(&format!("{V4}/room/{token}/permissions/default"), json!({ "permissions": 4 }))
        .await
        .expect(200);
    member.join_with(token, consents.clone()).await.expect(404);
    member.enter(token).await.expect(200);
    member.join(token).await.refuse(400, "consent");
    member.join_with(token, consents.clone()).await.expect(403);
    owner.enter(token).await.expect(200);
    owner.join_with(token, consents.clone()).await.expect(200);
    member.join_with(token, consents).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_switched_off_come_first() {
    let scene = Scene::new().await;
    scene.world.config("calls", "0").await;
    scene.member.peers("doesnotexist").await.expect(403);
    scene.member.join(&scene.token).await.expect(403);
    scene.world.config("calls", "1").await;
    scene.member.join(&scene.token).await.expect(404);
    // Whoever is in a call then can leave it.
    scene.member.enter(&scene.token).await.expect(200);
    scene.member.join(&scene.token).await.expect(200);
    scene.world.config("start-calls", "3").await;
    scene.member.peers(&scene.token).await.expect(403);
    scene.member.leave(&scene.token).await.expect(200);
    let all = scene.member.get("/ocs/v2.php/cloud/capabilities").await.expect(200);
    assert_eq!(all["capabilities"]["spreed"]["config"]["call"]["enabled"], false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_comes_before_all_and_nobody_before_room_lists() {
    let scene = Scene::new().await;
    let wrong = Client { password: Some("wrong".into()), ..scene.member.clone() };
    wrong.peers(&scene.token).await.expect(401);
    wrong.peers("doesnotexist").await.expect(401);
    scene.world.guest().get(&format!("{V4}/room")).await.expect(401);
    let guest = scene.world.guest();
    guest.post(&format!("{V4}/room"), json!({ "roomType": 2, "roomName": "x" })).await.expect(401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn locking_ends_the_call_and_unlocking_allows_it_again() {
    let scene = Scene::new().await;
    let Scene { owner, member, token, .. } = &scene;
    for who in [owner, member] {
        who.enter(token).await.expect(200);
        who.join(token).await.expect(200);
    }
    scene.lock(1).await;
    assert_eq!(member.room(token).await.expect(200)["hasCall"], false);
    member.peers(token).await.expect(403);
    member.join(token).await.expect(403);
    // Never trapped: leaving works, and so does coming back into the room.
    member.leave(token).await.expect(200);
    member.exit(token).await.expect(200);
    member.enter(token).await.expect(200);
    scene.lock(0).await;
    member.join(token).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lobby_lets_moderators_and_holders_of_its_permission_pass() {
    let scene = Scene::new().await;
    let Scene { world, owner, token, .. } = &scene;
    let passes = world.user("passes").await;
    let add = json!({ "newParticipant": "passes" });
    owner.post(&format!("{V4}/room/{token}/participants"), add).await.expect(200);
    let id = owner.attendee_id(token, "passes").await;
    let set = json!({ "attendeeId": id, "mode": "add", "permissions": 8 });
    owner.put(&format!("{V4}/room/{token}/attendees/permissions"), set).await.expect(200);
    for who in [owner, &passes, &scene.member] {
        who.enter(token).await.expect(200);
        who.join(token).await.expect(200);
    }
    scene.lobby(1).await;
    assert_eq!(scene.member.room(token).await.expect(200)["participantFlags"], 0);
    scene.member.join(token).await.expect(412);
    scene.member.get(&format!("{V4}/room/{token}/participants")).await.expect(412);
    assert_eq!(passes.room(token).await.expect(200)["participantFlags"], 3);
    owner.join(token).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recording_consent_by_server_and_by_room() {
    let scene = Scene::new().await;
    let Scene { world, owner, token, .. } = &scene;
    let set = |value: i64| owner.put_later(format!("{V4}/room/{token}/recording-consent"), value);
    owner.enter(token).await.expect(200);
    world.config("recording-consent", "2").await;
    owner.join(token).await.expect(200);
    set(1).await.refuse(400, "call");
    set(0).await.expect(200);
    owner.leave(token).await.expect(200);
    set(2).await.refuse(400, "value");
    set(1).await.expect(200);
    owner.join(token).await.refuse(400, "consent");
    owner.join_with(token, json!({ "recordingConsent": "true" })).await.expect(200);
    set(0).await.expect(200);
    scene
        .member
        .put(&format!("{V4}/room/{token}/recording-consent"), json!({ "recordingConsent": 0 }))
        .await
        .expect(403);
}

impl Client {
    async fn put_later(&self, path: String, value: i64) -> crate::support::Answer {
        self.put(&path, json!({ "recordingConsent": value })).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn official_clients_that_are_too_old_are_told_the_version_they_need() {
    let scene = Scene::new().await;
    let ask = async |agent: &str, path: &str| {
        let request = scene.member.request(reqwest::Method::GET, path).header("User-Agent", agent);
        scene.member.send(request).await
    };
    let old = "Mozilla/5.0 (Android) Nextcloud-Talk v14.0.0";
    let newer = "Mozilla/5.0 (iOS) Nextcloud-Talk v17.1.0";
    for path in [format!("{V4}/call/doesnotexist"), format!("{V4}/room")] {
        let refused = ask(old, &path).await;
        assert!(refused.body.contains("\"15.0.0\""), "{}", refused.body);
        refused.expect(426);
    }
    ask(old, "/ocs/v2.php/cloud/capabilities").await.expect(200);
    ask(newer, &format!("{V4}/room")).await.expect(200);
    scene.world.config("recording-consent", "2").await;
    let refused = ask(newer, &format!("{V4}/room")).await;
    assert!(refused.body.contains("\"18.0.0\""), "{}", refused.body);
    refused.expect(426);
    ask("Mozilla/5.0 (iOS) Nextcloud-Talk v18.0.0", &format!("{V4}/room")).await.expect(200);
}
