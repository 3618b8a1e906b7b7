//! Calls recorded by a recording server (talk-rest.md section 7): every state, who is told, the file, and forgeries.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::StatusCode;
use bellbird_server::Server;
use serde_json::{Value, json};

use crate::fake_hpb::{FakeHpb, checksum};
use crate::fake_recorder::{FakeRecorder, SECRET, can_record, multipart, say, stored, upload};
use crate::support::{Client, HANG, V1, V4, World, messages};

/// An owner and a member in a running call of a server that can record.
struct Stage {
    hpb: FakeHpb,
    recorder: FakeRecorder,
    world: World,
    owner: Client,
    member: Client,
    token: String,
}

impl Stage {
    async fn with_call() -> Self {
        let (hpb, world, [owner, member]) = FakeHpb::with(["owner", "member"]).await;
        let recorder = FakeRecorder::start().await;
        recorder.configure(&world, &owner).await;
        let token = owner.create_room(2, &["member"]).await;
        hpb.expect("invite").await;
        for who in [&owner, &member] {
            who.enter(&token).await.expect(200);
            who.join(&token).await.expect(200);
            hpb.expect("incall").await;
        }
        Self { hpb, recorder, world, owner, member, token }
    }

    fn path(&self) -> String {
        format!("{V1}/recording/{}", self.token)
    }

    async fn status(&self) -> Value {
        self.member.room(&self.token).await.expect(200)["callRecording"].clone()
    }

    /// What those in the room hear next, which has to be how the recording stands.
    async fn heard(&self) -> Value {
        let data = self.hpb.expect("message").await["data"].clone();
        assert_eq!(data["type"], "recording");
        data["recording"]["status"].clone()
    }

    /// Starts and is confirmed; gives the address to call back at.
    async fn record(&self, status: u8) -> String {
        self.owner.post(&self.path(), json!({ "status": status })).await.expect(200);
        let base = self.recorder.expect("start").await.base;
        assert_eq!(self.heard().await, status + 2);
        let started =
            json!({ "token": self.token, "status": status, "actor": { "type": "users", "id": "owner" } });
        self.recorder.says(&base, "started", started).await.expect(200);
        assert_eq!(self.heard().await, status);
        base
    }

    async fn stopped(&self, base: &str) {
        self.recorder.says(base, "stopped", json!({ "token": self.token })).await.expect(200);
        assert_eq!(self.heard().await, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_goes_as_the_recording_server_says() {
    let stage = Stage::with_call().await;
    let Stage { owner, recorder, token, .. } = &stage;
    for (status, starting) in [(1, 3), (2, 4)] {
        owner.post(&stage.path(), json!({ "status": status })).await.expect(200);
        let asked = recorder.expect("start").await;
        let actor = json!({ "type": "users", "id": "owner" });
        assert_eq!(asked.body["start"], json!({ "status": status, "owner": "owner", "actor": actor }));
        assert_eq!((&asked.token, asked.base.as_str()), (token, stage.owner.base.as_str()));
        assert_eq!((stage.status().await, stage.heard().await), (json!(starting), json!(starting)));
        owner.post(&stage.path(), json!({ "status": status })).await.refuse(400, "recording");

        let started = json!({ "token": token, "status": status, "actor": actor });
        recorder.says(&asked.base, "started", started.clone()).await.expect(200);
        assert_eq!((stage.status().await, stage.heard().await), (json!(status), json!(status)));
        owner.post(&stage.path(), json!({ "status": 1 })).await.refuse(400, "recording");
        let again = recorder.says(&asked.base, "started", started).await;
        assert_eq!(again.expect(404)["error"]["code"], "no_such_room");

        // It runs on until it is confirmed that it does not.
        for _ in 0..2 {
            owner.delete(&stage.path(), json!({})).await.expect(200);
            assert_eq!(recorder.expect("stop").await.body["stop"], json!({ "actor": actor }));
            assert_eq!(stage.status().await, status);
        }
        let stopped = json!({ "token": token, "actor": actor });
        recorder.says(&asked.base, "stopped", stopped.clone()).await.expect(200);
        assert_eq!((stage.status().await, stage.heard().await), (json!(0), json!(0)));
        recorder.says(&asked.base, "stopped", stopped).await.expect(200);
        owner.delete(&stage.path(), json!({})).await.expect(200);
        assert!(recorder.is_idle().await, "there is nothing to stop");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_come_in_their_order() {
    let stage = Stage::with_call().await;
    let Stage { owner, member, recorder, world, token, .. } = &stage;
    let path = stage.path();
    world.guest().post(&path, json!({ "status": 1 })).await.expect(401);
    member.post(&path, json!({ "status": 1 })).await.expect(403);
    member.delete(&path, json!({})).await.expect(403);
    let base = stage.record(1).await;
    for wrong in [json!({}), json!({ "status": 0 }), json!({ "status": 3 }), json!({ "status": 5 })] {
        owner.post(&path, wrong).await.refuse(400, "status");
    }
    owner.delete(&format!("{V4}/call/{token}"), json!({ "all": true })).await.expect(200);
    recorder.expect("stop").await;
    stage.hpb.expect("incall").await;
    // Already running comes before there being no call, and that before the settings.
    owner.post(&path, json!({ "status": 1 })).await.refuse(400, "recording");
    stage.stopped(&base).await;
    owner.post(&path, json!({ "status": 1 })).await.refuse(400, "call");
    world.config("recording-url", "").await;
    can_record(owner, false).await;
    owner.post(&path, json!({ "status": 1 })).await.refuse(400, "call");
    owner.join(token).await.expect(200);
    owner.post(&path, json!({ "status": 1 })).await.refuse(400, "config");
    // A secret that cannot be read is no recording server either.
    world.config("recording-secret-file", "/nowhere/secret").await;
    world.config("recording-url", &recorder.url).await;
    owner.post(&path, json!({ "status": 1 })).await.refuse(400, "config");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_moderators_at_once_start_one_recording() {
    let stage = Stage::with_call().await;
    let id = stage.owner.attendee_id(&stage.token, "member").await;
    let moderators = format!("{V4}/room/{}/moderators", stage.token);
    stage.owner.post(&moderators, json!({ "attendeeId": id })).await.expect(200);
    let path = stage.path();
    let (one, other) = tokio::join!(
        stage.owner.post(&path, json!({ "status": 1 })),
        stage.member.post(&path, json!({ "status": 2 })),
    );
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
    stage.recorder.expect("start").await;
    assert!(stage.recorder.is_idle().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_is_told_and_can_be_followed_by_another_try() {
    let stage = Stage::with_call().await;
    let Stage { owner, recorder, token, .. } = &stage;
    let failed = json!({ "token": token });
    // Before it ran, and after.
    owner.post(&stage.path(), json!({ "status": 2 })).await.expect(200);
    let base = recorder.expect("start").await.base;
    assert_eq!(stage.heard().await, 4);
    recorder.says(&base, "failed", failed.clone()).await.expect(200);
    assert_eq!((stage.status().await, stage.heard().await), (json!(5), json!(5)));
    stage.record(1).await;
    recorder.says(&base, "failed", failed.clone()).await.expect(200);
    assert_eq!((stage.status().await, stage.heard().await), (json!(5), json!(5)));
    stage.record(2).await;
    stage.stopped(&base).await;
    // What comes after the end is none.
    recorder.says(&base, "failed", failed).await.expect(200);
    assert_eq!(stage.status().await, 0);

    // A recording server that fails is asked three times; one that refuses, once.
    let broken = StatusCode::INTERNAL_SERVER_ERROR;
    recorder.answer_next(&[broken, broken]);
    stage.record(1).await;
    recorder.answer_next(&[broken, broken, broken]);
    owner.delete(&stage.path(), json!({})).await.expect(500);
    assert_eq!(stage.status().await, 1);
    // One that knows nothing of it will never say that it has ended.
    recorder.answer_next(&[StatusCode::NOT_FOUND]);
    owner.delete(&stage.path(), json!({})).await.expect(200);
    recorder.expect("stop").await;
    assert_eq!((stage.status().await, stage.heard().await), (json!(5), json!(5)));
    recorder.answer_next(&[StatusCode::FORBIDDEN]);
    owner.post(&stage.path(), json!({ "status": 1 })).await.expect(500);
    recorder.expect("start").await;
    assert_eq!(stage.status().await, 5, "as before");
    stage.record(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_call_ends_its_recording() {
    let stage = Stage::with_call().await;
    let Stage { owner, member, recorder, hpb, token, .. } = &stage;
    let base = stage.record(1).await;
    for who in [owner, member] {
        who.leave(token).await.expect(200);
        hpb.expect("incall").await;
    }
    assert_eq!(recorder.expect("stop").await.body["stop"], json!({}), "nobody has stopped it");
    assert_eq!(stage.status().await, 1);
    stage.stopped(&base).await;
    owner.join(token).await.expect(200);
    hpb.expect("incall").await;
    let base = stage.record(2).await;
    owner.delete(&format!("{V4}/call/{token}"), json!({ "all": true })).await.expect(200);
    hpb.expect("incall").await;
    recorder.expect("stop").await;
    stage.stopped(&base).await;

    // A deleted room's is ended as well.
    owner.join(token).await.expect(200);
    hpb.expect("incall").await;
    stage.record(1).await;
    owner.delete(&format!("{V4}/room/{token}"), json!({})).await.expect(200);
    assert_eq!(&recorder.expect("stop").await.token, token);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_starts_ends_what_was_recorded_before() {
    let stage = Stage::with_call().await;
    stage.record(1).await;
    let Stage { hpb, recorder, world, mut owner, token, .. } = stage;
    world.server.shutdown().await;
    let server = Server::open(hpb.config(world.data.path())).await.unwrap();
    let asked = recorder.expect("stop").await;
    assert_eq!((asked.token.as_str(), asked.base), (token.as_str(), owner.base.clone()));
    let listening = server.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    owner.base = listening.url.as_str().trim_end_matches('/').into();
    assert_eq!(owner.room(&token).await.expect(200)["callRecording"], 1);
    recorder.says(&owner.base, "stopped", json!({ "token": token })).await.expect(200);
    assert_eq!(owner.room(&token).await.expect(200)["callRecording"], 0);
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_in_a_mesh_hears_of_it_too() {
    let stage = Stage::with_call().await;
    let base = stage.record(1).await;
    // Without the signaling server there is nothing to listen in by, but the recording is not over yet.
    let data = stage.world.data.path().to_owned();
    let Stage { recorder, world, owner, member, token, .. } = stage;
    world.server.shutdown().await;
    let server = Server::open(bellbird_server::ServerConfig::new(&data)).await.unwrap();
    recorder.expect("stop").await;
    let listening = server.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let at_new = |who: &Client| Client::new(listening.url.as_str(), &who.name, who.password.as_deref());
    let (owner, member) = (at_new(&owner), at_new(&member));
    for who in [&owner, &member] {
        who.enter(&token).await.expect(200);
    }
    member.join(&token).await.expect(200);
    member.pull(&token).await.expect(200);
    recorder.says(&owner.base, "failed", json!({ "token": token })).await.expect(200);
    let heard = messages(&member.pull(&token).await.expect(200));
    assert_eq!(heard, [json!({ "type": "recording", "recording": { "status": 5 } })]);
    assert!(messages(&owner.pull(&token).await.expect(200)).is_empty(), "it is not in the call");
    owner.post(&format!("{V1}/recording/{token}"), json!({ "status": 1 })).await.refuse(400, "config");
    assert!(base.starts_with("http://"));
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_recording_server_is_heard() {
    let stage = Stage::with_call().await;
    let Stage { owner, recorder, world, token, .. } = &stage;
    world.config("brute-force-delays", "0").await;
    owner.post(&stage.path(), json!({ "status": 1 })).await.expect(200);
    let base = recorder.expect("start").await.base;
    let started = json!({ "type": "started", "started": { "token": token, "status": 1 } }).to_string();
    let random = "r".repeat(64);
    let right = checksum(SECRET, &random, started.as_bytes());
    let short = "r".repeat(31);
    let cases = [
        (random.as_str(), checksum("another secret", &random, started.as_bytes())),
        (random.as_str(), checksum(SECRET, &random, b"{}")),
        (random.as_str(), String::new()),
        (random.as_str(), right[..60].to_owned()),
        ("", checksum(SECRET, "", started.as_bytes())),
        (short.as_str(), checksum(SECRET, &short, started.as_bytes())),
    ];
    for (random, proof) in &cases {
        let refused = say(&base, random, proof, started.clone()).await.expect(403);
        assert_eq!(refused["error"]["code"], "invalid_request");
    }
    assert_eq!(stage.status().await, 3);
    let says = |kind: &'static str, inner: Value| recorder.says(&base, kind, inner);
    assert_eq!(says("paused", json!({})).await.expect(400)["error"]["code"], "unknown_type");
    for wrong in [
        json!({ "token": token }),
        json!({ "token": token, "status": 3 }),
        json!({ "token": token, "status": "x" }),
    ] {
        says("started", wrong).await.expect(400);
    }
    for kind in ["started", "stopped", "failed"] {
        for nowhere in
            [json!({ "token": "nowhere1", "status": 1 }), json!({ "token": 7 }), json!(null), json!([1])]
        {
            assert_eq!(says(kind, nowhere).await.expect(404)["error"]["code"], "no_such_room");
        }
    }
    let proven = |body: String| {
        let (random, base) = (random.clone(), base.clone());
        async move { say(&base, &random, &checksum(SECRET, &random, body.as_bytes()), body).await }
    };
    proven("no json".into()).await.expect(400);
    proven("x".repeat(65 * 1024)).await.expect(413);
    // Written in capitals it is the same number.
    say(&base, &random, &right.to_uppercase(), started).await.expect(200);
    assert_eq!(stage.status().await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_recording_server_is_told_how_to_signal_in_any_room() {
    let stage = Stage::with_call().await;
    let path = format!("/ocs/v2.php/apps/spreed/api/v3/signaling/settings?token={}", stage.token);
    let random = "s".repeat(64);
    let with = async |proof: String| {
        let guest = stage.world.guest();
        let request = guest
            .request(reqwest::Method::GET, &path)
            .header("talk-recording-random", &random)
            .header("talk-recording-checksum", proof);
        guest.send(request).await
    };
    stage.world.guest().get(&path).await.expect(404);
    with(checksum("another", &random, stage.token.as_bytes())).await.expect(401);
    with(checksum(SECRET, &random, b"another room")).await.expect(401);
    let told = with(checksum(SECRET, &random, stage.token.as_bytes())).await.expect(200);
    assert_eq!((&told["signalingMode"], &told["server"]), (&json!("external"), &json!(stage.hpb.url)));
    assert_eq!(told["userId"], Value::Null);
}

/// The first bytes of the kinds of files there are.
const WEBM: &[u8] = &[0x1a, 0x45, 0xdf, 0xa3, 1, 2, 3, 4, 5, 6, 7, 8];
const OGG: &[u8] = b"OggS and then some";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_file_is_stored_and_its_owner_told() {
    let stage = Stage::with_call().await;
    let Stage { owner, member, recorder, world, token, .. } = &stage;
    let base = stage.record(1).await;
    owner.delete(&stage.path(), json!({})).await.expect(200);
    recorder.expect("stop").await;
    stage.stopped(&base).await;
    let mut film = WEBM.to_vec();
    film.extend((0..3_000_000_u32).map(|n| n.to_le_bytes()[1]));
    let name = "Recording 2026-01-02 03-04-05.webm";
    let parts: [(&str, Option<&str>, &[u8]); 2] = [("owner", None, b"owner"), ("file", Some(name), &film)];
    recorder.uploads(&base, token, multipart(&parts)).await.expect(200);
    assert_eq!(stored(world.data.path()), [(name.to_owned(), film.clone())]);

    let list = owner.notifications().await;
    let notice = &list[0];
    assert_eq!((&notice["object_type"], &notice["object_id"]), (&json!("recording"), &json!(token)));
    assert!(notice["message"].as_str().unwrap().contains(name), "{notice}");
    assert_eq!(notice["messageRichParameters"]["file"]["name"], name);
    assert!(member.notifications().await.is_empty());
    // Joining again settles calls, not this.
    owner.leave(token).await.expect(200);
    owner.join(token).await.expect(200);
    assert_eq!(owner.notifications().await.len(), 1);

    let link = notice["link"].as_str().unwrap().strip_prefix(owner.base.as_str()).unwrap().to_owned();
    let fetch = |who: &Client| who.request(reqwest::Method::GET, &link).send();
    let got = fetch(owner).await.unwrap();
    assert_eq!(got.status(), 200);
    let disposition = got.headers()["content-disposition"].to_str().unwrap().to_owned();
    assert_eq!(disposition, "attachment; filename*=UTF-8''Recording%202026-01-02%2003-04-05.webm");
    assert_eq!(got.headers()["x-content-type-options"], "nosniff");
    assert_eq!(got.bytes().await.unwrap(), film);
    assert_eq!(fetch(member).await.unwrap().status(), 404, "it is the owner's");
    let stranger = fetch(&world.guest()).await.unwrap();
    assert_eq!(stranger.status(), 401);
    assert!(stranger.headers()["www-authenticate"].to_str().unwrap().starts_with("Basic"));

    // Another of the same name stands beside it; the owner may come last, and capitals do not matter.
    let capitals = "../../Recording 2026-01-02 03-04-05.WEBM";
    let parts: [(&str, Option<&str>, &[u8]); 3] =
        [("file", Some(capitals), WEBM), ("note", None, b"of no interest"), ("owner", None, b"owner")];
    recorder.uploads(&base, token, multipart(&parts)).await.expect(200);
    let names: Vec<String> = stored(world.data.path()).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["Recording 2026-01-02 03-04-05 (2).webm", name]);
    assert_eq!(owner.notifications().await.len(), 2);

    let dismiss = format!("{V1}/recording/{token}/notification");
    member.delete(&dismiss, json!({ "timestamp": 1 })).await.expect(403);
    owner.delete(&dismiss, json!({ "timestamp": 1 })).await.expect(200);
    assert_eq!(owner.notifications().await.len(), 2);
    // By the second at which one was told.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    for timestamp in now - HANG.as_secs()..=now {
        owner.delete(&dismiss, json!({ "timestamp": timestamp })).await.expect(200);
    }
    assert!(owner.notifications().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_recording_is_not_stored() {
    let stage = Stage::with_call().await;
    let Stage { owner, recorder, world, token, .. } = &stage;
    world.config("recording-max-megabytes", "1").await;
    let base = stage.record(2).await;
    let random = "u".repeat(64);
    let right = checksum(SECRET, &random, token.as_bytes());
    let good: [(&str, Option<&str>, &[u8]); 2] = [("owner", None, b"owner"), ("file", Some("a.ogg"), OGG)];
    let wrong = checksum("other", &random, token.as_bytes());
    let refused = upload(&base, token, &random, &wrong, multipart(&good)).await;
    assert_eq!(refused.expect(401)["error"]["code"], "invalid_request");
    upload(&base, "nowhere1", &random, &right, multipart(&good)).await.expect(404);
    let other_room = owner.create_room(2, &[]).await;
    upload(&base, &other_room, &random, &right, multipart(&good)).await.expect(401);

    type Parts<'a> = Vec<(&'a str, Option<&'a str>, &'a [u8])>;
    let with = |owner: &'static [u8], name: &'static str, file: &'static [u8]| -> Parts<'static> {
        vec![("owner", None, owner), ("file", Some(name), file)]
    };
    let cases: [(Parts, &str); 9] = [
        (with(b"owner", "a.ogg", b""), "empty_file"),
        (with(b"owner", "a.sh", OGG), "file_extension"),
        (with(b"owner", "", OGG), "file_extension"),
        (with(b"owner", "a.webm", OGG), "file_mimetype"),
        (with(b"owner", "a.ogg", b"Ogg"), "file_mimetype"),
        (with(b"nobody", "a.ogg", OGG), "owner_participant"),
        (with(b"", "a.ogg", OGG), "size"),
        (vec![("owner", None, b"owner")], "invalid_file"),
        (vec![("file", Some("a.ogg"), OGG)], "size"),
    ];
    for (parts, key) in &cases {
        recorder.uploads(&base, token, multipart(parts)).await.refuse(400, key);
    }
    let many: Parts = (0..40).map(|_| ("owner", None, &b"owner"[..])).collect();
    recorder.uploads(&base, token, multipart(&many)).await.refuse(400, "size");
    for broken in [
        &b"no parts"[..],
        b"",
        b"--parts\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.ogg\"\r\n\r\nOggS",
    ] {
        recorder.uploads(&base, token, broken.to_vec()).await.refuse(400, "invalid_file");
    }
    assert!(stored(world.data.path()).is_empty());

    let mut large = OGG.to_vec();
    large.resize(1_500_000, 7);
    let parts: Parts = vec![("owner", None, b"owner"), ("file", Some("a.ogg"), &large)];
    recorder.uploads(&base, token, multipart(&parts)).await.refuse(400, "size");
    assert!(stored(world.data.path()).is_empty());
    let lost = owner.notifications().await;
    let kinds: Vec<&Value> = lost.iter().map(|notice| &notice["object_type"]).collect();
    assert_eq!(kinds, ["recording_information"], "told once, however often it was tried");
    // The next try succeeds, which settles it.
    recorder.uploads(&base, token, multipart(&good)).await.expect(200);
    let told = owner.notifications().await;
    let kinds: Vec<&Value> = told.iter().map(|notice| &notice["object_type"]).collect();
    assert_eq!(kinds, ["recording"]);
    assert_eq!(stored(world.data.path()), [("a.ogg".to_owned(), OGG.to_vec())]);
    let hung = tokio::time::timeout(HANG, world.server.shutdown());
    hung.await.expect("nothing is left open");
}
