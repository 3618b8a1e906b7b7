//! The scripts of `docs/examples`, run as their first lines say, by a program with a token of its own.

use std::process::Command;
use std::time::{Duration, Instant};

use bellbird_testkit::process::LineProcess;
use serde_json::Value;

use crate::world::{Core, PATIENCE, World, cli, event, installed, root, run};

/// Alice with a core that may be joined, and Bob in the call of a conversation of both.
struct Team {
    world: World,
    alice: Core,
    _bob: LineProcess,
    room: String,
    token: String,
}

impl Team {
    fn meet() -> Self {
        let world = World::with(&["alice", "bob"]);
        let alice = world.core("alice", &[]);
        alice.ask(&["remote-join", "allow"]);
        let token = text(&alice.ask(&["program", "add", "Example"])["token"]);
        let room = text(&alice.ask(&["create-room", "--name", "Team", "--invite", "bob"])["token"]);
        let arguments = ["join", &room, "--server", &world.server, "--user", "bob", "--json"];
        let mut command = cli(&arguments);
        command.args(["--mic", "tone:600", "--speaker", "null"]);
        let mut bob = LineProcess::start(&mut command);
        event(&mut bob, "status");
        Self { world, alice, _bob: bob, room, token }
    }

    /// Runs an example, and sees what came of it at Alice's core.
    fn run(self, program: &str, example: &str) {
        let mut command = Command::new(program);
        command.arg(root().join("docs/examples").join(example)).arg(&self.room);
        command.env("BELLBIRD_DATA", self.world.data("alice")).env("BELLBIRD_TOKEN", &self.token);
        let said = run(&mut command);
        let line = |name: &str| -> Value {
            let found = said.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
            let found = found.unwrap_or_else(|| panic!("no {name} in {said}"));
            serde_json::from_str(found).unwrap_or(Value::Null)
        };
        let calls = line("calls");
        assert_eq!(calls[0]["channelId"], self.room.as_str(), "{said}");
        let state = &calls[0]["states"][0];
        assert_eq!((&state["displayName"], &state["media"]), (&"alice".into(), &"camera".into()), "{said}");
        assert_eq!(line("mute")[0]["states"][0]["muted"], true, "{said}");
        assert_eq!(line("leave"), Value::Null, "{said}");
        for what in ["join", "audio", "leave"] {
            self.wait_for_audit(&format!("POST /api/cowork/user/calls/{what}"));
        }
        drop(self.alice);
    }
}

impl Team {
    /// Waits until what the program asked for stands in the audit, under its name and as carried out.
    fn wait_for_audit(&self, what: &str) {
        let path = self.world.data("alice").join("control-audit.log");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let audit = std::fs::read_to_string(&path).unwrap_or_default();
            let found = audit
                .lines()
                .filter_map(|line| serde_json::from_str::<Value>(line).ok())
                .any(|line| line["name"] == "Example" && line["what"] == what && line["outcome"] == "200");
            if found {
                return;
            }
            assert!(Instant::now() < deadline, "no {what} in {audit}");
            // The core writes it when it finds the time.
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

#[test]
fn curl_joins_a_conversation() {
    Team::meet().run("sh", "join.sh");
}

#[test]
fn python_joins_a_conversation() {
    Team::meet().run("python3", "join.py");
}

#[test]
fn typescript_rings_somebody() {
    let folder = installed();
    std::fs::copy(root().join("docs/examples/call.ts"), folder.join("call.ts"))
        .expect("the example is copied");
    let compiler = root().join("ui/node_modules/typescript/bin/tsc");
    let options = ["call.ts", "--module", "nodenext", "--target", "es2022", "--skipLibCheck", "--strict"];
    run(Command::new("node").arg(compiler).args(options).current_dir(folder));

    let world = World::with(&["alice", "bob"]);
    let _alice = world.core("alice", &[]);
    let mut listen = cli(&["listen", "--server", &world.server, "--user", "bob", "--json"]);
    let mut bob = LineProcess::start(listen.args(["--mic", "tone:600", "--speaker", "null"]));
    event(&mut bob, "registered");
    let host = world.server.trim_start_matches("http://").trim_end_matches('/');
    let callee = format!("bob@{host}");
    let mut node = world.node(folder, &["call.js", &callee]);
    let said = run(node.env("BELLBIRD_DATA", world.data("alice")));
    let steps = [
        "connection CONNECTED",
        "connect 200",
        "makeVoiceCall 200",
        &format!("status connected {callee}"),
        "muteAudio 200",
    ];
    let mut rest = said.as_str();
    for step in steps {
        let at = rest.find(step).unwrap_or_else(|| panic!("no {step:?} in its place in\n{said}"));
        rest = &rest[at + step.len()..];
    }
    // The end may be told before the method that asked for it is answered.
    assert!(rest.contains("endCall 200") && rest.contains("status ended"), "{said}");
    event(&mut bob, "ended");
}
