//! The call SDK through a real signaling server: cores in processes of their own, methods by `ctl sdk`, callbacks as
//! `ctl watch` prints them.

use std::process::Command;

use bellbird_testkit::hpb_stack::HpbVersion;
use bellbird_testkit::process::LineProcess;
use serde_json::{Value, json};

use crate::harness::pair::PASSWORD;
use crate::harness::stage::{PATIENCE, program};
use crate::team::{ADA, BOB, CY, Person, Team, turn};

/// Somebody's core, and what watches it. The watcher ends first.
struct Program {
    name: &'static str,
    host: String,
    watch: LineProcess,
    all: Vec<Value>,
    _core: LineProcess,
    folder: tempfile::TempDir,
}

fn command(folder: &tempfile::TempDir, words: &[&str]) -> Command {
    let mut command = Command::new(program("bellbird-cli"));
    command
        .arg("--json")
        .args(words)
        .env("BELLBIRD_DATA", folder.path())
        .env("BELLBIRD_PASSWORD", PASSWORD)
        .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
        .env_remove("RUST_LOG")
        .stdin(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    command
}

fn lines(output: &[u8]) -> Vec<Value> {
    let text = String::from_utf8_lossy(output);
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

impl Program {
    fn start(team: &Team, person: Person) -> Self {
        let folder = tempfile::Builder::new().prefix("bellbird-sdk-").tempdir().expect("a temporary folder");
        let voice = format!("tone:{}", person.tone);
        let mut words = vec!["core", "--background", "--no-desktop", "--mic", &voice, "--speaker", "null"];
        words.extend(["--no-processing", "--camera", "pattern"]);
        let mut core = LineProcess::start(&mut command(&folder, &words));
        let ready = |line: &str| line.contains(r#""event":"ready""#).then_some(());
        core.wait_for("the core", PATIENCE, ready);
        let words = ["ctl", "sign-in", "--server", team.url(), "--user", person.name];
        let signed = command(&folder, &words).output().expect("bellbird-cli runs");
        assert!(signed.status.success(), "{:?}", lines(&signed.stdout));
        let mut watch = LineProcess::start(&mut command(&folder, &["ctl", "watch"]));
        watch.wait_for("being online", PATIENCE, |line| {
            let event: Value = serde_json::from_str(line).ok()?;
            (event["state"]["accounts"][0]["state"]["state"] == "online").then_some(())
        });
        let host = team.url().trim_start_matches("http://").to_owned();
        Self { name: person.name, host, watch, all: Vec::new(), _core: core, folder }
    }

    fn jid(&self, person: Person) -> String {
        format!("{}@{}", person.name, self.host)
    }

    fn asks(&self, method: &str, arguments: &Value) -> Value {
        let words = ["ctl", "sdk", method, &arguments.to_string()];
        let output = command(&self.folder, &words).output().expect("bellbird-cli runs");
        let result = lines(&output.stdout)[0]["result"].clone();
        assert_eq!(result["statusCode"], 200, "{method} {arguments}: {result}");
        result
    }

    fn does(&self, method: &str) {
        self.asks(method, &json!([]));
    }

    fn until(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let all = &mut self.all;
        self.watch.wait_for(what, PATIENCE, |line| {
            let event: Value = serde_json::from_str(line).ok()?;
            let callback = (event["event"] == "sdk").then(|| event["callback"].clone())?;
            all.push(callback.clone());
            fits(&callback).then_some(callback)
        })
    }

    fn until_told(&mut self, what: &str, fits: impl Fn(&Value) -> bool) {
        if !self.all.iter().any(&fits) {
            self.until(what, fits);
        }
    }

    fn until_status(&mut self, status: &str, of: Person) {
        let jid = self.jid(of);
        self.until(&format!("{} {status}", of.name), |callback| {
            let payload = &callback["payload"];
            callback["listener"] == "callStatusListener"
                && payload["status"] == status
                && payload["userJid"] == jid
        });
    }

    fn until_incoming(&mut self) -> Value {
        self.until("being called", |callback| callback["listener"] == "incomingCallListener")["payload"]
            .clone()
    }

    fn until_closed(&mut self) {
        self.until("the end", |callback| callback["payload"]["sessionStatus"] == "closed");
    }

    fn statuses(&self) -> Vec<Value> {
        let of = |callback: &&Value| callback["listener"] == "callStatusListener";
        self.all.iter().filter(of).map(|callback| callback["payload"].clone()).collect()
    }

    /// In a voice call. `users`: who, and how they stand.
    fn status(&self, status: &str, of: Person, closed: bool, users: &[(Person, &str)]) -> Value {
        let user = |(person, status): &(Person, &str)| json!({ "userJid": self.jid(*person), "status": status, "audioMuted": false, "videoMuted": true });
        json!({
            "status": status, "userJid": self.jid(of), "localUser": of.name == self.name,
            "sessionStatus": if closed { json!("closed") } else { Value::Null },
            "usersStatus": users.iter().map(user).collect::<Value>(),
        })
    }
}

#[test]
fn programs_call_each_other_through_a_media_server() {
    programs_call_each_other(HpbVersion::V1);
}

#[test]
fn likewise_on_version_2() {
    programs_call_each_other(HpbVersion::V2);
}

fn programs_call_each_other(version: HpbVersion) {
    let _turn = turn();
    let team = Team::start(version, &[ADA, BOB, CY]);
    let (mut ada, mut bob) = (Program::start(&team, ADA), Program::start(&team, BOB));
    let mut cy = Program::start(&team, CY);

    // Answered, gone to video, ended.
    let made = ada.asks("makeVoiceCall", &json!([ada.jid(BOB)]));
    ada.until_status("ringing", BOB);
    let incoming = bob.until_incoming();
    assert_eq!((&incoming["roomId"], &incoming["callMode"]), (&made["roomId"], &json!("onetoone")));
    bob.does("answerCall");
    ada.until_status("connected", BOB);
    bob.until_status("connected", ADA);
    let both = |status| [(ADA, status), (BOB, status)];
    assert_eq!(
        ada.statuses(),
        [
            ada.status("calling", ADA, false, &both("calling")),
            ada.status("ringing", BOB, false, &[(ADA, "calling"), (BOB, "ringing")]),
            ada.status("connecting", BOB, false, &both("connecting")),
            ada.status("connected", BOB, false, &both("connected")),
        ]
    );
    assert_eq!(
        bob.statuses(),
        [
            bob.status("connecting", BOB, false, &both("connecting")),
            bob.status("connected", ADA, false, &both("connected")),
        ]
    );
    let switched = |callback: &Value| callback["listener"] == "callSwitchListener";
    ada.does("requestVideoCallSwitch");
    let asked = bob.until("the request", switched)["payload"].clone();
    assert_eq!(asked, json!({ "status": "request", "userJid": bob.jid(ADA) }));
    bob.does("declineVideoCallSwitchRequest");
    let refused = ada.until("the refusal", switched)["payload"].clone();
    assert_eq!(refused, json!({ "status": "decline", "userJid": ada.jid(BOB) }));
    ada.does("requestVideoCallSwitch");
    bob.until("the request", switched);
    bob.does("acceptVideoCallSwitchRequest");
    let agreed = ada.until("the consent", switched)["payload"].clone();
    assert_eq!(agreed, json!({ "status": "accept", "userJid": ada.jid(BOB) }));
    for (program, other) in [(&mut ada, BOB), (&mut bob, ADA)] {
        let jid = program.jid(other);
        program.until_told("their camera", |callback| {
            let payload = &callback["payload"];
            callback["listener"] == "userTrackListener"
                && payload["trackType"] == "video"
                && payload["track"].is_string()
                && payload["userJid"] == jid
        });
        assert_eq!(program.asks("getCallInfo", &json!([]))["callInfo"]["callType"], "video");
    }
    ada.does("endCall");
    ada.until_closed();
    bob.until_closed();
    for program in [&ada, &bob] {
        let last = program.statuses().pop().expect("a status");
        assert_eq!((&last["status"], &last["userJid"]), (&json!("ended"), &json!(program.jid(ADA))));
    }

    // Declined.
    (ada.all, bob.all) = (Vec::new(), Vec::new());
    bob.asks("makeVoiceCall", &json!([bob.jid(CY)]));
    bob.until_status("ringing", CY);
    cy.until_incoming();
    cy.does("declineCall");
    bob.until_closed();
    cy.until_closed();
    assert_eq!(
        bob.statuses(),
        [
            bob.status("calling", BOB, false, &[(BOB, "calling"), (CY, "calling")]),
            bob.status("ringing", CY, false, &[(BOB, "calling"), (CY, "ringing")]),
            bob.status("busy", CY, true, &[(BOB, "ended"), (CY, "busy")]),
        ]
    );
    assert_eq!(cy.statuses(), [cy.status("ended", CY, true, &[(BOB, "ended"), (CY, "ended")])]);

    // Several, of whom one leaves.
    (bob.all, cy.all) = (Vec::new(), Vec::new());
    let made = ada.asks("makeVoiceCall", &json!([ada.jid(BOB), ada.jid(CY)]));
    let group = format!("{}@mix.{}", made["roomId"].as_str().expect("a token"), ada.host);
    for (program, person) in [(&mut bob, BOB), (&mut cy, CY)] {
        let incoming = program.until_incoming();
        assert_eq!((&incoming["groupId"], &incoming["to"]), (&json!(group), &json!(group)));
        assert_eq!(
            (&incoming["from"], &incoming["callMode"]),
            (&json!(program.jid(ADA)), &json!("onetomany"))
        );
        program.does("answerCall");
        ada.until_status("connected", person);
        program.until_status("connected", ADA);
    }
    bob.until_status("connected", CY);
    cy.does("endCall");
    cy.until_closed();
    ada.until_status("ended", CY);
    bob.until_status("ended", CY);
    let all = |ada, bob, cy| [(ADA, ada), (BOB, bob), (CY, cy)];
    assert_eq!(
        ada.statuses(),
        [
            ada.status("calling", ADA, false, &all("calling", "calling", "calling")),
            ada.status("connecting", BOB, false, &all("connecting", "connecting", "calling")),
            ada.status("connected", BOB, false, &all("connected", "connected", "calling")),
            ada.status("connecting", CY, false, &all("connected", "connected", "connecting")),
            ada.status("connected", CY, false, &all("connected", "connected", "connected")),
            ada.status("ended", CY, false, &all("connected", "connected", "ended")),
        ]
    );
    ada.does("endCall");
    ada.until_closed();
    bob.until_status("ended", ADA);
    bob.does("endCall");
    bob.until_closed();
}
