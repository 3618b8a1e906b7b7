//! Being joined to calls by others: through the embedded server's API and through the door of each client.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use bellbird_testkit::process::LineProcess;
use serde_json::{Value, json};

use crate::stage::{HANG, PASSWORD, Stage, cli, events, is_status, tone_of, wait_for};

/// Somebody who asks the web API of one place.
struct Asker {
    address: String,
    authorization: String,
}

impl Asker {
    /// With a name and password at the embedded server.
    fn at_server(stage: &Stage, name: &str) -> Self {
        let pair = base64(format!("{name}:{PASSWORD}").as_bytes());
        Self {
            address: stage.url.trim_start_matches("http://").to_owned(),
            authorization: format!("Basic {pair}"),
        }
    }

    /// With the token of a door file.
    fn at_door(folder: &Path) -> Self {
        let file: Value = serde_json::from_slice(&std::fs::read(folder.join("door.json")).unwrap()).unwrap();
        let address = file["url"].as_str().unwrap().trim_start_matches("ws://").trim_end_matches("/control");
        Self {
            address: address.to_owned(),
            authorization: format!("Bearer {}", file["token"].as_str().unwrap()),
        }
    }

    /// The status and the body, `null` where it is empty.
    fn ask(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(HANG)).unwrap();
        write!(
            stream,
            "{method} /api/cowork/{path} HTTP/1.1\r\nHost: {}\r\nAuthorization: {}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            self.authorization,
            body.len()
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let body = if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
            body.split("\r\n").skip(1).step_by(2).collect()
        } else {
            body.to_owned()
        };
        let body = if body.is_empty() { Value::Null } else { serde_json::from_str(&body).unwrap() };
        (status, body)
    }

    fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.ask("POST", &format!("user/calls/{path}"), Some(body))
    }

    /// What must work.
    fn done(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.post(path, body.clone());
        assert_eq!(status, 200, "{path} {body}: {answer}");
        answer
    }

    fn calls(&self) -> Value {
        let (status, calls) = self.ask("GET", "user/calls", None);
        assert_eq!(status, 200, "{calls}");
        calls
    }
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits =
            three.iter().chain([0, 0].iter()).take(3).fold(0_u32, |all, byte| all << 8 | u32::from(*byte));
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place)) as usize & 63];
            text.push(if place <= three.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

/// A conversation of ann's with bob.
fn team(stage: &Stage) -> String {
    let create = ["room", "create", "--name", "Team", "--invite", "bob"];
    let made = events(&stage.with_account(&create, "ann").output().unwrap());
    let room = made.iter().find(|event| event["event"] == "room").unwrap_or_else(|| panic!("{made:?}"));
    room["token"].as_str().unwrap().to_owned()
}

/// Ann, in the conversation's call by herself.
fn ann_in(stage: &Stage, room: &str) -> LineProcess {
    let mut ann = LineProcess::start(&mut stage.calling(&["join", room, "--silent"], "ann"));
    wait_for(&mut ann, "status", |event| is_status(event, "calling"));
    ann
}

/// Waits for an event that may have been told already.
fn has_told(process: &mut LineProcess, name: &str, fits: impl Fn(&Value) -> bool) {
    let told = |line: &String| {
        serde_json::from_str(line).is_ok_and(|event: Value| event["event"] == name && fits(&event))
    };
    if !process.seen().iter().any(told) {
        wait_for(process, name, fits);
    }
}

/// Bob's client, which speaks.
fn bob_waits(stage: &Stage, more: &[&str]) -> LineProcess {
    let voice = ["--mic", "tone:700", "--speaker", "null"];
    stage.listening("bob", &[&voice[..], more].concat())
}

#[test]
fn the_server_has_a_waiting_client_join_hear_and_leave() {
    let stage = Stage::open();
    let room = team(&stage);
    let heard = stage.path().join("heard.wav");
    let mut ann = LineProcess::start(
        stage
            .with_account(&["join", &room, "--silent", "--no-processing", "--mic", "tone:600"], "ann")
            .args(["--speaker", &format!("file:{}", heard.display())]),
    );
    wait_for(&mut ann, "status", |event| is_status(event, "calling"));
    let silenced = stage.path().join("silenced.wav");
    let silenced_file = format!("file:{}", silenced.display());
    let voice = ["--mic", "tone:700", "--speaker", silenced_file.as_str(), "--stats", "1"];
    let mut bob = stage.listening("bob", &voice);
    let asker = Asker::at_server(&stage, "bob");
    assert_eq!(asker.calls(), json!([]));

    let joined = asker.done("join", json!({ "channelId": room, "joinType": "AUDIO" }));
    let client = joined[0]["clientId"].as_str().unwrap().to_owned();
    assert!(client.starts_with("cowork-") && client.len() == 43, "{client}");
    assert_eq!(
        joined,
        json!([{
            "userId": "bob", "displayName": "bob", "clientId": client, "media": "camera", "muted": false,
            "silent": false, "video": false, "handUp": false,
        }])
    );
    let told = wait_for(&mut bob, "remote_join", |_| true);
    assert_eq!((&told["by"], &told["room"]), (&json!("127.0.0.1"), &json!(room)));
    wait_for(&mut bob, "status", |event| is_status(event, "connected"));
    wait_for(&mut ann, "media", |event| event["first"] == "played");

    // From here on the loudspeaker is off, while Ann goes on hearing.
    let silent = asker.done("audio", json!({ "silent": true }));
    assert_eq!(silent[0]["channelId"], json!(room));
    assert_eq!(silent[0]["states"][0]["silent"], true);
    for kind in ["AUDIO", "audio", "Video", "VIDEO"] {
        let (status, refused) = asker.post("join", json!({ "channelId": room, "joinType": kind }));
        assert_eq!(status, 409, "{kind}: {refused}");
    }
    asker.done("raise", json!({ "raise": true, "clients": [{ "clientId": client }] }));
    wait_for(&mut ann, "hand", |event| event["raised"] == true && event["local"] == false);
    for _ in 0..4 {
        wait_for(&mut bob, "stats", |event| event["participants"][0]["kbit_in"].as_f64() > Some(5.0));
    }
    let state = &asker.calls()[0]["states"][0];
    assert_eq!(
        (&state["silent"], &state["handUp"], &state["muted"]),
        (&json!(true), &json!(true), &json!(false))
    );
    asker.done("audio", json!({ "muted": true }));
    wait_for(&mut ann, "mute", |event| event["muted"] == true && event["kind"] == "audio");

    let left = || asker.post("leave", json!({}));
    assert_eq!(left(), (200, Value::Null));
    wait_for(&mut bob, "ended", |event| event["reason"] == "local_hangup");
    assert_eq!(asker.calls(), json!([]));
    assert_eq!(left(), (200, Value::Null), "again");
    // It goes on waiting, now with the conversation it was in.
    asker.done("join", json!({}));
    wait_for(&mut bob, "status", |event| is_status(event, "connected"));
    bob.signal("INT");
    assert_eq!(bob.wait(HANG).code(), Some(0));
    ann.signal("INT");
    assert_eq!(ann.wait(HANG).code(), Some(0));
    let (_, loud) = tone_of(&heard);
    assert!(loud > 0.01, "ann heard {loud}");
}

#[test]
fn silent_silences_and_muted_is_no_part_of_it() {
    let stage = Stage::open();
    let room = team(&stage);
    let _ann = ann_in(&stage, &room);
    let heard = stage.path().join("heard.wav");
    let file = format!("file:{}", heard.display());
    let voice = ["--mic", "tone:700", "--speaker", file.as_str(), "--stats", "1"];
    let mut bob = stage.listening("bob", &voice);
    let asker = Asker::at_server(&stage, "bob");
    asker.done("join", json!({ "channelId": room }));
    wait_for(&mut bob, "status", |event| is_status(event, "connected"));
    asker.done("audio", json!({ "silent": true }));
    for _ in 0..6 {
        wait_for(&mut bob, "stats", |event| event["participants"][0]["kbit_in"].as_f64() > Some(5.0));
    }
    bob.signal("INT");
    assert_eq!(bob.wait(HANG).code(), Some(0));
    let (_, loud) = tone_of(&heard);
    assert!(loud < 1e-3, "bob heard {loud} with the loudspeaker off");
}

#[test]
fn screens_are_shared_one_after_the_other_each_with_a_number() {
    let stage = Stage::open();
    let room = team(&stage);
    let mut ann = ann_in(&stage, &room);
    let mut bob = bob_waits(&stage, &["--screen", "pattern", "--camera", "pattern"]);
    let asker = Asker::at_server(&stage, "bob");
    // A screen alone: joined for it, and not heard.
    let shown = asker.done("join", json!({ "channelId": room, "joinType": "screen" }));
    let media: Vec<_> = shown.as_array().unwrap().iter().map(|one| one["media"].clone()).collect();
    assert_eq!(media, ["camera", "screen0"]);
    assert_eq!((&shown[0]["muted"], &shown[0]["video"]), (&json!(true), &json!(false)));
    wait_for(&mut ann, "track", |event| event["kind"] == "screen" && event["state"] == "added");
    has_told(&mut ann, "mute", |event| event["kind"] == "audio" && event["muted"] == true);
    let again = asker.done("join", json!({ "joinType": "SCREEN" }));
    assert_eq!(again[0]["media"], "screen1");
    assert_eq!(asker.calls()[0]["states"][1]["media"], "screen1");
    // With a word about it, the voice and the camera go out.
    asker.done("audio", json!({ "muted": false }));
    wait_for(&mut ann, "mute", |event| event["kind"] == "audio" && event["muted"] == false);
    let seen = asker.done("video", json!({ "video": true }));
    assert_eq!(seen[0]["video"], true);
    wait_for(&mut ann, "mute", |event| event["kind"] == "video" && event["muted"] == false);

    let client = again[0]["clientId"].clone();
    let leave =
        |media: &str| asker.post("leave", json!({ "clients": [{ "clientId": client, "media": media }] }));
    assert_eq!(leave("screen1").0, 200);
    wait_for(&mut ann, "track", |event| event["kind"] == "screen" && event["state"] == "removed");
    let states = asker.calls()[0]["states"].clone();
    assert_eq!(states.as_array().map(Vec::len), Some(1), "{states}");
    assert_eq!(leave("camera").0, 200);
    wait_for(&mut bob, "ended", |_| true);
}

#[test]
fn what_a_client_was_not_given_is_refused_and_so_is_everything_where_it_is_forbidden() {
    let stage = Stage::open();
    let room = team(&stage);
    let mut bob = bob_waits(&stage, &[]);
    let asker = Asker::at_server(&stage, "bob");
    let join = |kind: &str| asker.post("join", json!({ "channelId": room, "joinType": kind }));
    let (status, refused) = join("screen");
    assert_eq!(status, 409);
    assert!(refused["error"].as_str().unwrap().contains("--screen"), "{refused}");
    // No camera was given either: by voice then, as it answers.
    let (status, joined) = join("video");
    assert_eq!((status, &joined[0]["video"]), (200, &json!(false)));
    let (status, refused) = asker.post("video", json!({ "video": true }));
    assert_eq!(status, 409, "{refused}");
    bob.signal("INT");
    bob.wait(HANG);

    let mut bob = bob_waits(&stage, &["--no-remote-join", "--screen", "pattern"]);
    for kind in ["audio", "video", "screen"] {
        let (status, refused) = join(kind);
        assert_eq!(status, 403, "{kind}: {refused}");
    }
    let door = Asker::at_door(&stage.path().join("app/cli"));
    let (status, refused) = door.post("join", json!({ "channelId": room }));
    assert_eq!(status, 403, "{refused}");
    assert!(bob.is_running());
}

#[test]
fn among_several_clients_the_one_used_last_joins() {
    let stage = Stage::open();
    let room = team(&stage);
    let asker = Asker::at_server(&stage, "bob");
    assert_eq!(asker.post("join", json!({})).0, 409, "no client");
    let mut one = bob_waits(&stage, &["--open", &room, "--stdin"]);
    let mut two = bob_waits(&stage, &["--open", &room]);
    let mut three = bob_waits(&stage, &[]);
    let joined = asker.done("join", json!({}));
    // Three was started last and looks at nothing; two looks at the conversation and was used after one.
    wait_for(&mut two, "remote_join", |_| true);
    asker.done("leave", json!({}));
    wait_for(&mut two, "ended", |_| true);
    one.say("hand up");
    wait_for(&mut one, "error", |event| event["code"] == "not-now");
    // The server hears of it when it does.
    let is_first = || {
        let (_, user) = asker.ask("GET", "user", None);
        let first = user["clients"][0].clone();
        first["channelId"] == json!(room) && first["clientId"] != joined[0]["clientId"]
    };
    let begun = Instant::now();
    while !is_first() {
        assert!(begun.elapsed() < HANG, "the server does not hear that a client was used");
        std::thread::park_timeout(Duration::from_millis(200));
    }
    let joined = asker.done("join", json!({}));
    wait_for(&mut one, "remote_join", |_| true);
    let first = joined[0]["clientId"].clone();
    asker.done("leave", json!({}));
    wait_for(&mut one, "ended", |_| true);
    // By name, the one that looks at it; and a client by its id.
    asker.done("join", json!({ "channelId": room, "clientId": first }));
    wait_for(&mut one, "remote_join", |_| true);
    let (status, refused) = asker.post("join", json!({ "clientId": "cowork-no-such" }));
    assert_eq!(status, 404, "{refused}");
    assert!(three.is_running());
}

#[test]
fn each_client_serves_the_api_at_its_own_door() {
    let stage = Stage::open();
    let room = team(&stage);
    let mut ann = ann_in(&stage, &room);
    let folder = stage.path().join("elsewhere");
    let mut command = stage.with_account(&["listen", "--no-processing", "--stats", "1"], "bob");
    command.args(["--mic", "tone:700", "--speaker", "null"]).env("BELLBIRD_DATA", &folder);
    let mut bob = LineProcess::start(&mut command);
    wait_for(&mut bob, "registered", |_| true);
    let asker = Asker::at_door(&folder.join("cli"));
    let (status, teams) = asker.ask("GET", "teams", None);
    assert_eq!((status, teams.as_array().map(Vec::len)), (200, Some(1)), "{teams}");
    let team = teams[0]["id"].as_str().unwrap();
    let (status, channels) = asker.ask("GET", &format!("teams/{team}/channels"), None);
    assert_eq!(status, 200, "{channels}");
    let channel = channels.as_array().unwrap().iter().find(|channel| channel["channelId"] == json!(room));
    assert_eq!(channel.map(|channel| &channel["displayName"]), Some(&json!("Team")), "{channels}");
    assert_eq!(asker.ask("GET", "teams/nobody/channels", None).0, 404);
    assert_eq!(asker.post("join", json!({ "channelId": "nosuchroom" })).0, 404);
    assert_eq!(asker.post("join", json!({})).0, 409, "nothing is open");

    let in_call = || {
        let (status, everybody) = asker.ask("GET", &format!("teams/{team}/channels/{room}/calls"), None);
        assert_eq!(status, 200, "{everybody}");
        let name = |one: &Value| one["userId"].as_str().unwrap().to_owned();
        let mut people: Vec<_> = everybody.as_array().unwrap().iter().map(name).collect();
        people.sort_unstable();
        people
    };
    assert_eq!(in_call(), ["ann"], "as seen from outside");

    let joined = asker.done("join", json!({ "channelId": room, "joinType": "audio" }));
    assert_eq!((&joined[0]["userId"], &joined[0]["media"]), (&json!("bob"), &json!("camera")));
    wait_for(&mut bob, "status", |event| is_status(event, "connected"));
    wait_for(&mut ann, "media", |event| event["first"] == "played");
    assert_eq!(asker.calls()[0]["teamId"], json!(team));
    assert_eq!(in_call(), ["ann", "bob"]);
    // The server knows of it, too.
    assert_eq!(Asker::at_server(&stage, "bob").calls()[0]["states"][0]["clientId"], joined[0]["clientId"]);
    assert_eq!(asker.post("leave", json!({})), (200, Value::Null));
    wait_for(&mut bob, "ended", |_| true);
}

#[test]
fn a_core_asks_its_person_once_and_keeps_the_answer() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = cli(folder.path());
    command.args(["core", "--background", "--no-desktop", "--mic", "tone:600", "--speaker", "null"]);
    let mut core = LineProcess::start(&mut command);
    wait_for(&mut core, "ready", |_| true);
    let ctl = |arguments: &[&str]| {
        let output = cli(folder.path()).arg("ctl").args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {:?}", events(&output));
        events(&output)
    };
    ctl(&["start-here"]);
    let room = ctl(&["create-room", "--name", "Open", "--type", "public"])[0]["token"].clone();
    let mut watch = LineProcess::start(cli(folder.path()).args(["ctl", "watch"]));
    // Each is shown by several states; the next one has another id.
    let mut last = Value::Null;
    let mut request = |kind: &str| {
        let asked = wait_for(&mut watch, "state", |event| {
            let asked = &event["state"]["remote_joins"][0];
            asked["kind"] == kind && asked["id"] != last
        });
        last = asked["state"]["remote_joins"][0]["id"].clone();
        asked["state"]["remote_joins"][0].clone()
    };
    let door = Asker::at_door(&folder.path().join("app"));
    let join = |kind: &str| door.post("join", json!({ "channelId": room, "joinType": kind }));

    // Asked, refused: nothing happened. Asking twice is asking once.
    assert_eq!(join("audio"), (200, json!([])));
    assert_eq!(join("audio"), (200, json!([])));
    let asked = request("audio");
    assert_eq!((&asked["display_name"], &asked["room"]), (&json!("Open"), &room));
    ctl(&["refuse", asked["id"].as_str().unwrap()]);
    assert_eq!(door.calls(), json!([]));
    let state = ctl(&["status"])[0]["state"].clone();
    assert_eq!((&state["remote_joins"], &state["calls"]), (&json!([]), &json!([])));

    // Asked, allowed: it joins, and is not asked again.
    assert_eq!(join("audio"), (200, json!([])));
    ctl(&["allow", request("audio")["id"].as_str().unwrap()]);
    let state = ctl(&["status"])[0]["state"].clone();
    assert_eq!((&state["calls"][0]["room"], &state["calls"][0]["joined_by"]), (&room, &json!("")));
    assert_eq!(state["accounts"][0]["remote_join"], "allow");
    assert_eq!(door.calls()[0]["states"][0]["media"], "camera");
    assert_eq!(join("audio").0, 409);
    // A screen is asked for all the same.
    assert_eq!(join("screen"), (200, json!([])));
    ctl(&["refuse", request("screen")["id"].as_str().unwrap()]);
    assert_eq!(door.post("leave", json!({})), (200, Value::Null));
    let (status, joined) = join("audio");
    assert_eq!((status, joined[0]["muted"].clone()), (200, json!(false)), "{joined}");
    door.post("leave", json!({}));
    ctl(&["remote-join", "forbid"]);
    assert_eq!(join("audio").0, 403);
    core.signal("INT");
    assert_eq!(core.wait(HANG).code(), Some(0));
    let settings = std::fs::read_to_string(folder.path().join("app/settings.json")).unwrap();
    let settings: Value = serde_json::from_str(&settings).unwrap();
    assert_eq!(settings["remote_joins"]["local"], "forbid");
}

#[test]
fn one_command_is_several_clients() {
    let stage = Stage::open();
    let create = ["room", "create", "--name", "Open house", "--type", "public"];
    let made = events(&stage.with_account(&create, "ann").output().unwrap());
    let link = made.iter().find_map(|event| event["link"].as_str()).unwrap().to_owned();
    let mut ann = LineProcess::start(&mut stage.calling(&["join", &link, "--silent"], "ann"));
    wait_for(&mut ann, "status", |event| is_status(event, "calling"));
    let films = stage.path().join("films");
    let mut command = stage.cli();
    command.args(["join", &link, "--as-guest", "Tester", "--count", "3", "--stdin", "--no-processing"]);
    command
        .args(["--mic", "tone:600", "--speaker", "null", "--camera", "pattern", "--save-video"])
        .arg(&films);
    let mut testers = LineProcess::start(command.env_remove("BELLBIRD_PASSWORD"));
    // Each hears all three others.
    let mut heard: Vec<(Value, Value)> = Vec::new();
    let mut seen = 0;
    while heard.len() < 9 || seen < 6 {
        let media = wait_for(&mut testers, "media", |event| event["first"] != "rtp");
        if media["first"] == "frame" {
            seen += 1;
            continue;
        }
        let pair = (media["client"].clone(), media["participant"].clone());
        assert!(!heard.contains(&pair), "{pair:?} twice");
        heard.push(pair);
    }
    for client in 1..=3 {
        assert_eq!(heard.iter().filter(|(one, _)| *one == json!(client)).count(), 3, "{heard:?}");
    }
    testers.say("2: hand up");
    let raised = wait_for(&mut testers, "hand", |event| event["local"] == true);
    assert_eq!(raised["client"], 2);
    let hand = wait_for(&mut ann, "hand", |event| event["raised"] == true);
    assert!(hand["participant"].is_string());
    testers.say("end");
    assert_eq!(testers.wait(HANG).code(), Some(0));
    for client in 1..=3 {
        let own = films.join(client.to_string());
        assert_eq!(std::fs::read_dir(&own).unwrap().count(), 2, "the films of both others in {own:?}");
    }

    let output = stage.calling(&["join", "nosuchroom", "--count", "2"], "ann").output().unwrap();
    let told = events(&output);
    assert_eq!(output.status.code(), Some(1));
    let of =
        |client: u32| told.iter().any(|event| event["client"] == client && event["code"] == "unknown-room");
    assert!(of(1) && of(2), "{told:?}");
    assert_eq!(told.last().unwrap()["client"], Value::Null);
}
