//! The call SDK across processes: two cores with a door each, methods by `ctl sdk`, callbacks as `ctl watch` prints them.

use std::path::Path;

use bellbird_testkit::process::LineProcess;
use serde_json::{Value, json};

use crate::stage::{HANG, Stage, cli, error_code, events, wait_for};

/// Somebody's core, and what watches it.
struct Program {
    name: &'static str,
    folder: tempfile::TempDir,
    host: String,
    watch: LineProcess,
    all: Vec<Value>,
    _core: LineProcess,
}

fn ctl(folder: &Path, arguments: &[&str]) -> std::process::Output {
    cli(folder).arg("ctl").args(arguments).output().unwrap()
}

impl Program {
    fn start(stage: &Stage, name: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = cli(folder.path());
        command.args(["core", "--background", "--no-desktop", "--mic", "tone:600", "--speaker", "null"]);
        let mut core = LineProcess::start(&mut command);
        wait_for(&mut core, "ready", |_| true);
        let signed = ctl(folder.path(), &["sign-in", "--server", &stage.url, "--user", name]);
        assert!(signed.status.success(), "{:?}", events(&signed));
        let mut watch = LineProcess::start(cli(folder.path()).args(["ctl", "watch"]));
        wait_for(&mut watch, "state", |event| event["state"]["accounts"][0]["state"]["state"] == "online");
        let host = stage.url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        Self { name, folder, host, watch, all: Vec::new(), _core: core }
    }

    fn jid(&self, name: &str) -> String {
        format!("{name}@{}", self.host)
    }

    /// What a method yields.
    fn asks(&self, method: &str, arguments: &str) -> Value {
        let output = ctl(self.folder.path(), &["sdk", method, arguments]);
        let first = events(&output)[0].clone();
        assert_eq!(first["event"], "sdk", "{first}");
        let result = first["result"].clone();
        assert_eq!(output.status.success(), result["statusCode"] == 200, "{result}");
        if result["statusCode"] != 200 {
            assert_eq!(result["code"], error_code(&output));
        }
        result
    }

    fn until(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        let all = &mut self.all;
        self.watch.wait_for("a callback", HANG, |line| {
            let event: Value = serde_json::from_str(line).ok()?;
            let callback = (event["event"] == "sdk").then(|| event["callback"].clone())?;
            all.push(callback.clone());
            fits(&callback).then_some(callback)
        })
    }

    fn until_status(&mut self, status: &str) {
        self.until(|callback| {
            callback["listener"] == "callStatusListener" && callback["payload"]["status"] == status
        });
    }

    fn until_closed(&mut self) {
        self.until(|callback| callback["payload"]["sessionStatus"] == "closed");
    }

    /// Status, of whom, whether it was ours, whether it was the last; and how everyone stood.
    fn statuses(&self) -> Vec<Value> {
        let of = |callback: &&Value| callback["listener"] == "callStatusListener";
        self.all.iter().filter(of).map(|callback| callback["payload"].clone()).collect()
    }

    fn status(&self, status: &str, of: &str, closed: bool, users: [(&str, &str); 2]) -> Value {
        let user = |(name, status): &(&str, &str)| json!({ "userJid": self.jid(name), "status": status, "audioMuted": false, "videoMuted": true });
        json!({
            "status": status, "userJid": self.jid(of), "localUser": of == self.name,
            "sessionStatus": if closed { json!("closed") } else { Value::Null },
            "usersStatus": users.iter().map(user).collect::<Value>(),
        })
    }
}

#[test]
fn programs_call_each_other_through_their_cores() {
    let stage = Stage::open();
    let (mut ann, mut bob) = (Program::start(&stage, "ann"), Program::start(&stage, "bob"));
    let callee = json!([ann.jid("bob")]).to_string();

    for (method, arguments, code) in [
        ("makeVoiceCall", r#"["bob@elsewhere.example"]"#, 404),
        ("makeVoiceCall", r#"["bob"]"#, 400),
        ("endCall", "[]", 400),
        ("getCallInfo", "[]", 400),
    ] {
        assert_eq!(ann.asks(method, arguments)["statusCode"], code, "{method} {arguments}");
    }

    let made = ann.asks("makeVoiceCall", &callee);
    assert_eq!((&made["statusCode"], &made["callType"]), (&json!(200), &json!("audio")), "{made}");
    ann.until_status("ringing");
    let incoming = bob.until(|callback| callback["listener"] == "incomingCallListener");
    assert_eq!(incoming["payload"]["roomId"], made["roomId"]);
    assert_eq!(incoming["payload"]["userJid"], bob.jid("ann"));
    assert_eq!(bob.asks("answerCall", "[]")["statusCode"], 200);
    ann.until_status("connected");
    bob.until_status("connected");
    assert_eq!(ann.asks("getCallInfo", "[]")["callInfo"]["roomId"], made["roomId"]);
    assert_eq!(bob.asks("muteAudio", "true")["statusCode"], 200);
    let muted = |callback: &Value| callback["listener"] == "muteStatusListener";
    let told = ann.until(muted)["payload"].clone();
    let expected =
        json!({ "userJid": ann.jid("bob"), "localUser": false, "trackType": "audio", "isMuted": true });
    assert_eq!(told, expected);
    assert_eq!(bob.asks("muteAudio", "false")["statusCode"], 200);
    assert_eq!(ann.until(muted)["payload"]["isMuted"], false);
    assert_eq!(bob.asks("endCall", "[]")["statusCode"], 200);
    ann.until_closed();
    bob.until_closed();
    let both = |status| [("ann", status), ("bob", status)];
    assert_eq!(
        ann.statuses(),
        [
            ann.status("calling", "ann", false, both("calling")),
            ann.status("ringing", "bob", false, [("ann", "calling"), ("bob", "ringing")]),
            ann.status("connecting", "bob", false, both("connecting")),
            ann.status("connected", "bob", false, both("connected")),
            ann.status("ended", "bob", true, both("ended")),
        ]
    );
    assert_eq!(
        bob.statuses(),
        [
            bob.status("connecting", "bob", false, both("connecting")),
            bob.status("connected", "ann", false, both("connected")),
            bob.status("ended", "bob", true, both("ended")),
        ]
    );

    // The other way round, and declined.
    (ann.all, bob.all) = (Vec::new(), Vec::new());
    let caller = json!([bob.jid("ann")]).to_string();
    assert_eq!(bob.asks("makeVoiceCall", &caller)["statusCode"], 200);
    bob.until_status("ringing");
    ann.until(|callback| callback["listener"] == "incomingCallListener");
    assert_eq!(ann.asks("declineCall", "[]")["statusCode"], 200);
    ann.until_closed();
    bob.until_closed();
    assert_eq!(
        bob.statuses(),
        [
            bob.status("calling", "bob", false, [("bob", "calling"), ("ann", "calling")]),
            bob.status("ringing", "ann", false, [("bob", "calling"), ("ann", "ringing")]),
            bob.status("busy", "ann", true, [("bob", "ended"), ("ann", "busy")]),
        ]
    );
    assert_eq!(ann.statuses(), [ann.status("ended", "ann", true, [("bob", "ended"), ("ann", "ended")])]);
}
