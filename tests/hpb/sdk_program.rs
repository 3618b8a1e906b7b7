//! A program that steers somebody's core from beside it: methods by `ctl sdk`, callbacks as `ctl watch` prints them.

use std::process::Command;

use bellbird_testkit::process::LineProcess;
use serde_json::{Value, json};

use crate::harness::pair::PASSWORD;
use crate::harness::stage::{PATIENCE, program};
use crate::team::{Person, Team};

/// Somebody's core, and what watches it. The watcher ends first.
pub(crate) struct Program {
    pub(crate) person: Person,
    pub(crate) host: String,
    watch: LineProcess,
    /// What was told of the call so far.
    all: Vec<Value>,
    core: LineProcess,
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
    /// One whose voice is their tone, and whose camera shows a pattern.
    pub(crate) fn start(team: &Team, person: Person) -> Self {
        Self::with(team, person, &format!("tone:{}", person.tone), "pattern")
    }

    pub(crate) fn with(team: &Team, person: Person, microphone: &str, camera: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("bellbird-sdk-").tempdir().expect("a temporary folder");
        let mut words =
            vec!["core", "--background", "--no-desktop", "--mic", microphone, "--speaker", "null"];
        words.extend(["--no-processing", "--camera", camera]);
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
        Self { person, host, watch, all: Vec::new(), core, folder }
    }

    pub(crate) fn jid(&self, person: Person) -> String {
        format!("{}@{}", person.name, self.host)
    }

    /// What comes of a method.
    fn tries(&self, method: &str, arguments: &Value) -> Value {
        let words = ["ctl", "sdk", method, &arguments.to_string()];
        let output = command(&self.folder, &words).output().expect("bellbird-cli runs");
        lines(&output.stdout)[0]["result"].clone()
    }

    pub(crate) fn asks(&self, method: &str, arguments: &Value) -> Value {
        let result = self.tries(method, arguments);
        assert_eq!(result["statusCode"], 200, "{method} {arguments}: {result}");
        result
    }

    /// Status and stable code of a refusal.
    pub(crate) fn is_refused(&self, method: &str, arguments: &Value) -> Value {
        let result = self.tries(method, arguments);
        json!([result["statusCode"], result["code"]])
    }

    pub(crate) fn does(&self, method: &str) {
        self.asks(method, &json!([]));
    }

    /// Waits for a callback, and keeps all up to it.
    pub(crate) fn until(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let all = &mut self.all;
        self.watch.wait_for(what, PATIENCE, |line| {
            let callback = callback(line)?;
            all.push(callback.clone());
            fits(&callback).then_some(callback)
        })
    }

    /// Waits until something was told, now or before.
    pub(crate) fn until_told(&mut self, what: &str, fits: impl Fn(&Value) -> bool) {
        if !self.all.iter().any(&fits) {
            self.until(what, fits);
        }
    }

    pub(crate) fn until_status(&mut self, status: &str, of: Person) {
        let jid = self.jid(of);
        self.until(&format!("{} {status}", of.name), |callback| {
            let payload = &callback["payload"];
            callback["listener"] == "callStatusListener"
                && payload["status"] == status
                && payload["userJid"] == jid
        });
    }

    pub(crate) fn until_incoming(&mut self, from: Person) -> Value {
        let jid = self.jid(from);
        let called = |callback: &Value| {
            callback["listener"] == "incomingCallListener" && callback["payload"]["userJid"] == jid
        };
        self.until("being called", called)["payload"].clone()
    }

    pub(crate) fn until_closed(&mut self) {
        self.until("the end", is_closed);
    }

    /// The listeners that were told something, in order.
    pub(crate) fn listeners(&self) -> Vec<&str> {
        self.all.iter().filter_map(|callback| callback["listener"].as_str()).collect()
    }

    /// What one listener was told.
    pub(crate) fn of_listener(&self, listener: &str) -> Vec<Value> {
        let of = self.all.iter().filter(|callback| callback["listener"] == listener);
        of.map(|callback| callback["payload"].clone()).collect()
    }

    pub(crate) fn statuses(&self) -> Vec<Value> {
        self.of_listener("callStatusListener")
    }

    /// What a status looks like in a voice call. `users`: who, and how they stand.
    pub(crate) fn status(&self, status: &str, of: Person, closed: bool, users: &[(Person, &str)]) -> Value {
        let user = |(person, status): &(Person, &str)| json!({ "userJid": self.jid(*person), "status": status, "audioMuted": false, "videoMuted": true });
        json!({
            "status": status, "userJid": self.jid(of), "localUser": of.name == self.person.name,
            "sessionStatus": if closed { json!("closed") } else { Value::Null },
            "usersStatus": users.iter().map(user).collect::<Value>(),
        })
    }

    /// The call is over: its beginning was told first, and its end last and once.
    pub(crate) fn over(&mut self) {
        let all = std::mem::take(&mut self.all);
        let begins = |callback: &Value| {
            callback["listener"] == "incomingCallListener" || callback["payload"]["status"] == "calling"
        };
        // A device may fail before we are let into the call.
        let mut story = all.iter().filter(|callback| callback["listener"] != "mediaErrorListener");
        assert!(story.next().is_some_and(begins), "{all:#?}");
        assert_eq!(all.iter().filter(|callback| is_closed(callback)).count(), 1, "{all:#?}");
        assert!(all.last().is_some_and(is_closed), "{all:#?}");
    }

    /// Ends the core. Nothing was told since the last call was over.
    pub(crate) fn finish(mut self) {
        command(&self.folder, &["ctl", "quit"]).output().expect("bellbird-cli runs");
        while let Some(line) = self.watch.next_line(PATIENCE) {
            self.all.extend(callback(&line));
        }
        assert_eq!(self.all, [] as [Value; 0], "of {}", self.person.name);
        self.watch.wait(PATIENCE);
        let ended = self.core.wait(PATIENCE);
        assert!(ended.success(), "the core of {}: {ended}", self.person.name);
    }
}

fn callback(line: &str) -> Option<Value> {
    let mut event: Value = serde_json::from_str(line).ok()?;
    (event["event"] == "sdk").then(|| event["callback"].take())
}

fn is_closed(callback: &Value) -> bool {
    callback["payload"]["sessionStatus"] == "closed"
}
