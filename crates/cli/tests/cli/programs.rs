//! Other programs at the door of a real core.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Output;

use bellbird_testkit::process::LineProcess;
use serde_json::Value;

use crate::stage::{HANG, cli, error_code, events, wait_for};

fn start(folder: &Path) -> (LineProcess, Value) {
    let mut command = cli(folder);
    command.args(["core", "--background", "--no-desktop", "--mic", "tone:600", "--speaker", "null"]);
    let mut core = LineProcess::start(&mut command);
    let ready = wait_for(&mut core, "ready", |_| true);
    (core, ready)
}

fn try_ctl(folder: &Path, token: Option<&str>, arguments: &[&str]) -> Output {
    let mut command = cli(folder);
    command.env_remove("BELLBIRD_TOKEN");
    if let Some(token) = token {
        command.env("BELLBIRD_TOKEN", token);
    }
    command.arg("ctl").args(arguments).output().unwrap()
}

fn ctl(folder: &Path, token: Option<&str>, arguments: &[&str]) -> Vec<Value> {
    let output = try_ctl(folder, token, arguments);
    assert!(output.status.success(), "{arguments:?}: {:?}", events(&output));
    events(&output)
}

fn refusal(folder: &Path, token: Option<&str>, arguments: &[&str]) -> String {
    let output = try_ctl(folder, token, arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {:?}", events(&output));
    error_code(&output)
}

/// Where the door is, `127.0.0.1:PORT`, and the token of its file.
fn door(ready: &Value) -> (String, String) {
    let address = ready["control"].as_str().unwrap();
    let address = address.trim_start_matches("ws://").trim_end_matches("/control").to_owned();
    let file = std::fs::read_to_string(ready["token_file"].as_str().unwrap()).unwrap();
    let file: Value = serde_json::from_str(&file).unwrap();
    (address, file["token"].as_str().unwrap().to_owned())
}

/// Asks the web API for the teams; yields the status.
fn teams(ready: &Value, authorization: &str) -> u16 {
    let (address, _) = door(ready);
    assert_eq!(ready["web_api"], format!("http://{address}/api/cowork"));
    let mut stream = TcpStream::connect(&address).unwrap();
    let request = format!(
        "GET /api/cowork/teams HTTP/1.1\r\nHost: {address}\r\nAuthorization: {authorization}\r\n\
         Connection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{answer}"))
}

#[test]
fn the_web_api_opens_with_the_same_tokens_until_they_are_revoked_or_it_is_switched_off() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let (_core, ready) = start(path);
    ctl(path, None, &["start-here"]);
    let added = &ctl(path, None, &["program", "add", "Deploy"])[0];
    let program = format!("Bearer {}", added["token"].as_str().unwrap());
    let person = format!("Bearer {}", door(&ready).1);
    let all = |expected: [u16; 3]| {
        let answers = [program.as_str(), &person, "Bearer guessed"].map(|token| teams(&ready, token));
        assert_eq!(answers, expected);
    };
    all([200, 200, 401]);
    ctl(path, None, &["allow-programs", "off"]);
    all([403, 403, 401]);
    ctl(path, None, &["allow-programs", "on"]);
    all([200, 200, 401]);
    ctl(path, None, &["program", "revoke", added["id"].as_str().unwrap()]);
    all([401, 200, 401]);
    let state = &ctl(path, None, &["status"])[0]["state"];
    assert_eq!(state["control"]["web_api"], ready["web_api"]);
}

#[test]
fn a_program_gets_a_token_uses_it_and_loses_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let (_core, _) = start(path);
    assert_eq!(ctl(path, None, &["programs"]).len(), 1, "nobody but what the door is");
    let added = &ctl(path, None, &["program", "add", "Deploy bot"])[0];
    assert_eq!((&added["event"], &added["name"]), (&Value::from("program"), &Value::from("Deploy bot")));
    let (token, id) = (added["token"].as_str().unwrap(), added["id"].as_str().unwrap());
    let settings = std::fs::read_to_string(path.join("app/settings.json")).unwrap();
    assert!(settings.contains(id) && !settings.contains(token));

    let state = &ctl(path, Some(token), &["status"])[0]["state"];
    assert!(state["control"]["programs"][0]["last_used_at_ms"].is_i64(), "{state}");
    assert_eq!(refusal(path, Some(token), &["quit"]), "person-alone");
    assert_eq!(refusal(path, Some(token), &["program", "add", "A friend"]), "person-alone");
    assert_eq!(refusal(path, Some("guessed"), &["status"]), "wrong-token");
    let file = path.join("token");
    std::fs::write(&file, format!("{token}\n")).unwrap();
    ctl(path, None, &["status", "--token-file", file.to_str().unwrap()]);
    assert_eq!(refusal(path, None, &["program", "add", "Deploy bot"]), "not-now");

    let programs = ctl(path, None, &["programs"]);
    assert_eq!((&programs[0]["event"], &programs[0]["allowed"]), (&"control".into(), &true.into()));
    assert_eq!((&programs[1]["id"], &programs[1]["token"]), (&id.into(), &Value::Null));

    let mut watching = cli(path);
    let mut watching = LineProcess::start(watching.env("BELLBIRD_TOKEN", token).args(["ctl", "watch"]));
    wait_for(&mut watching, "state", |_| true);
    ctl(path, None, &["program", "revoke", id]);
    wait_for(&mut watching, "error", |event| event["code"] == "core-gone");
    assert_eq!(refusal(path, Some(token), &["status"]), "wrong-token");
    assert_eq!(refusal(path, None, &["program", "revoke", id]), "not-now");

    let audit = std::fs::read_to_string(path.join("app/control-audit.log")).unwrap();
    assert!(audit.contains("\"Deploy bot\"") && audit.contains("\"quit\"") && !audit.contains(token));
}

#[test]
fn switched_off_ctl_says_so_and_can_switch_it_on_after_a_restart_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let (mut core, _) = start(path);
    let added = &ctl(path, None, &["program", "add", "Deploy"])[0];
    let token = Some(added["token"].as_str().unwrap());
    assert_eq!(refusal(path, token, &["allow-programs", "off"]), "person-alone");
    ctl(path, None, &["allow-programs", "off"]);
    for (token, command) in
        [(token, "status"), (token, "watch"), (None, "status"), (None, "watch"), (None, "quit")]
    {
        assert_eq!(refusal(path, token, &[command]), "programs-off", "{command}");
    }
    core.signal("INT");
    core.wait(HANG);
    let (_core, _) = start(path);
    assert_eq!(refusal(path, None, &["status"]), "programs-off");
    assert_eq!(ctl(path, None, &["programs"])[0]["allowed"], false);
    ctl(path, None, &["allow-programs", "on"]);
    ctl(path, token, &["status"]);
}

/// The link's packets as the core counts them each second: received, lost.
fn packets(watch: &mut LineProcess) -> (u64, u64) {
    let quality = wait_for(watch, "quality", |event| event["links"][0]["packets_received"].is_u64());
    let count = |name: &str| quality["links"][0][name].as_u64().unwrap();
    (count("packets_received"), count("packets_lost"))
}

#[test]
fn a_call_goes_on_unharmed_while_strangers_hammer_the_door() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let (_core, ready) = start(path);
    let (address, token) = door(&ready);
    ctl(path, None, &["start-here"]);
    ctl(path, None, &["call", "echo"]);
    let mut watch = LineProcess::start(cli(path).args(["ctl", "watch"]));
    wait_for(&mut watch, "state", |event| event["state"]["calls"][0]["status"] == "connected");
    let (mut received, lost) = packets(&mut watch);

    let beginnings = [
        String::new(),
        "GET /control HTTP/1.1\r\nHo".to_owned(),
        format!("POST /api/cowork/user/calls/join HTTP/1.1\r\nHost: {address}\r\nContent-Length: 99\r\n\r\n"),
        format!(
            "GET /control HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        ),
    ];
    let mut held = Vec::new();
    for number in 0..1000 {
        // Some systems let a process have a thousand files, others not quite; the door has closed the first long since.
        if held.len() == 900 {
            held.remove(0);
        }
        let mut stream = TcpStream::connect(&address).unwrap();
        let _ = stream.write_all(beginnings[number % 4].as_bytes());
        held.push(stream);
    }
    let long = vec![b'x'; 10 << 20];
    for (credentials, expected) in
        [(String::new(), "401"), (format!("Authorization: Bearer {token}\r\n"), "413")]
    {
        let mut stream = TcpStream::connect(&address).unwrap();
        let head = format!(
            "POST /api/cowork/user/calls/join HTTP/1.1\r\nHost: {address}\r\n{credentials}Connection: close\r\n\
             Content-Length: {}\r\n\r\n",
            long.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&long).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected} ")), "{answer}");
    }

    // The sockets are held all the while.
    for _ in 0..4 {
        let (now, lost_now) = packets(&mut watch);
        assert!(now > received, "packets stopped coming at {now}");
        assert_eq!(lost_now, lost);
        received = now;
    }
    let state = &ctl(path, None, &["status"])[0]["state"];
    assert_eq!(state["calls"][0]["status"], "connected", "{state}");
    drop(held);
}
