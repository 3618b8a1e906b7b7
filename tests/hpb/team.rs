//! A team on our server with a signaling server, and its members' command lines in one conversation's call.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bellbird_testkit::hpb_stack::{HpbOptions, HpbStack, HpbVersion, free_port};
use bellbird_testkit::process::LineProcess;
use bellbird_testkit::tone_meter;
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::http;
use crate::harness::pair::PASSWORD;
use crate::harness::stage::{Cli, PATIENCE, program};

/// Samples a second of everything recorded.
const RATE: usize = 48_000;
/// What is judged at a time: half a second.
const WINDOW: usize = RATE / 2;
/// What silence is counted in: a tenth of a second, in which each tone has whole periods and so hides no other.
const MOMENT: usize = RATE / 10;
/// A tone this much below full scale is not heard.
const AUDIBLE: f64 = -45.0;

static TURN: Mutex<()> = Mutex::new(());

/// One scenario at a time: each has a dozen processes, and two cores are all that a test machine has.
pub(crate) fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Someone with an account and a tone for a voice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Person {
    pub(crate) name: &'static str,
    /// Hz. No multiple of another's.
    pub(crate) tone: u32,
}

/// The members of the scenarios.
pub(crate) const ADA: Person = Person { name: "ada", tone: 440 };
pub(crate) const BOB: Person = Person { name: "bob", tone: 700 };
pub(crate) const CY: Person = Person { name: "cy", tone: 1100 };

/// Server, signaling server and one group conversation. Fields are dropped in the order of declaration.
pub(crate) struct Team {
    stack: Option<HpbStack>,
    server: Cli,
    url: String,
    room: String,
    folder: TempDir,
    /// What our programs take for the system's trust store, where there is TLS.
    trust: Option<PathBuf>,
}

impl Team {
    /// Starts everything, with accounts for these people and a conversation they are all in.
    pub(crate) fn start(version: HpbVersion, people: &[Person]) -> Self {
        Self::start_with(Some(HpbOptions::new(version, "").with_turn()), people)
    }

    /// The same without a signaling server: calls are a mesh.
    pub(crate) fn start_mesh(people: &[Person]) -> Self {
        Self::start_with(None, people)
    }

    /// The same with a stack like this, whichever backends it names.
    pub(crate) fn start_with(options: Option<HpbOptions>, people: &[Person]) -> Self {
        let folder = tempfile::Builder::new().prefix("bellbird-team-").tempdir().expect("a temporary folder");
        let port = free_port(std::net::Ipv4Addr::LOCALHOST.into());
        let certificate = options.as_ref().filter(|options| options.encrypted);
        let certificate = certificate.and_then(|options| options.certificate.clone());
        // On loopback alone, our server speaks no TLS.
        let (scheme, host) = if certificate.is_some() { ("https", "0.0.0.0") } else { ("http", "127.0.0.1") };
        let url = format!("{scheme}://127.0.0.1:{port}");
        let stack =
            options.map(|options| HpbStack::start(HpbOptions { backends: vec![url.clone()], ..options }));
        let data = folder.path().join("server-data").display().to_string();
        let listen = format!("{host}:{port}");
        let mut arguments = vec!["serve", "--listen", &listen, "--data", &data, "--no-echo", "--json"];
        let named = stack.as_ref().map(|stack| {
            let file = |path: PathBuf| path.display().to_string();
            [stack.url(), file(stack.secret_file()), stack.turn_uri(), file(stack.turn_secret_file())]
        });
        if let Some([signaling, secret, turn, turn_secret]) = &named {
            arguments.extend(["--hpb", signaling, "--hpb-secret-file", secret]);
            arguments.extend(["--turn", turn, "--turn-secret-file", turn_secret]);
        }
        let files = certificate.map(|(chain, key)| (chain.display().to_string(), key.display().to_string()));
        if let Some((chain, key)) = &files {
            arguments.extend(["--tls-cert", chain, "--tls-key", key]);
        }
        let trust = files.as_ref().map(|(chain, _)| PathBuf::from(chain));
        let mut command = cli(folder.path(), "server", &arguments);
        let mut server = Cli(LineProcess::start(trusting(&mut command, trust.as_deref())));
        server.event("listening");
        for person in people {
            let mut add = cli(folder.path(), "server", &["user", "add", person.name, "--data", &data]);
            let added = add.stdout(Stdio::null()).status().expect("bellbird-cli runs");
            assert!(added.success(), "no account for {}", person.name);
        }
        let mut team = Self { stack, server, url, room: String::new(), folder, trust };
        let mut words = vec!["room", "create", "--name", "team", "--type", "group"];
        for person in &people[1..] {
            words.extend(["--invite", person.name]);
        }
        let mut created = team.command(&people[0], &words);
        team.room = created.event("room")["token"].as_str().expect("a token").to_owned();
        team
    }

    /// Our server's address.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The conversation's token.
    pub(crate) fn room(&self) -> &str {
        &self.room
    }

    /// The signaling server and its companions.
    pub(crate) fn stack(&mut self) -> &mut HpbStack {
        self.stack.as_mut().expect("this team has a signaling server")
    }

    /// Our server's port on 127.0.0.1.
    pub(crate) fn server_port(&self) -> u16 {
        self.url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("the address ends in a port")
    }

    /// Starts a command of someone with their account.
    fn command(&self, person: &Person, words: &[&str]) -> Cli {
        Cli(LineProcess::start(&mut self.prepare(person, words)))
    }

    fn log_of(&self, person: &Person) -> Stdio {
        log_file(&home(self.folder.path(), person.name))
    }

    fn prepare(&self, person: &Person, words: &[&str]) -> Command {
        let mut all = words.to_vec();
        all.extend(["--server", &self.url, "--user", person.name, "--json"]);
        let mut command = cli(self.folder.path(), person.name, &all);
        trusting(&mut command, self.trust.as_deref());
        command
    }

    /// Someone joins the conversation's call: says their tone, and records what they hear.
    pub(crate) fn join(&self, person: Person) -> Member {
        self.join_by(person, &format!("tone:{}", person.tone), LineProcess::start)
    }

    /// Opens the conversation to whoever has the link, and yields that.
    pub(crate) fn open_link(&self, moderator: &Person) -> String {
        let mut opened = self.command(moderator, &["room", "link", &self.room, "--open"]);
        opened.event("room")["link"].as_str().expect("a link").to_owned()
    }

    /// Someone without an account joins by a link, their person's name for a guest's.
    pub(crate) fn join_as_guest(&self, person: Person, link: &str) -> Member {
        let words = ["join", link, "--as-guest", person.name, "--json"];
        self.join_with(person, &words, &format!("tone:{}", person.tone), LineProcess::start)
    }

    /// A moderator says what a member may, as Talk's other clients do: by the server's own API.
    pub(crate) fn permit(&self, moderator: Person, member: Person, permissions: u32) {
        let list = self.ask(moderator, "GET", "participants", "");
        let found = list["ocs"]["data"].as_array().into_iter().flatten();
        let mut attendees = found.filter(|attendee| attendee["actorId"] == member.name);
        let attendee = attendees.next().expect("a member")["attendeeId"].clone();
        let body = serde_json::json!({"attendeeId": attendee, "method": "set", "permissions": permissions});
        self.ask(moderator, "PUT", "attendees/permissions", &body.to_string());
    }

    /// Changes a setting of our server.
    pub(crate) fn configure(&self, key: &str, value: &str) {
        let data = self.folder.path().join("server-data").display().to_string();
        let mut set = cli(self.folder.path(), "server", &["config", "set", key, value, "--data", &data]);
        let done = set.stdout(Stdio::null()).status().expect("bellbird-cli runs");
        assert!(done.success(), "{key} cannot be set: {done}");
    }

    /// A request about the conversation.
    fn ask(&self, who: Person, method: &str, path: &str, body: &str) -> Value {
        use base64::Engine as _;
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{}:{PASSWORD}", who.name));
        let headers = http::headers(&[
            ("Authorization", &format!("Basic {pair}")),
            ("OCS-APIRequest", "true"),
            ("Accept", "application/json"),
            ("Content-Type", "application/json"),
        ]);
        let host = self.url.trim_start_matches("http://");
        let path = format!("/ocs/v2.php/apps/spreed/api/v4/room/{}/{path}?format=json", self.room);
        let answer = http::request(host, method, &path, &headers, body.as_bytes(), PATIENCE);
        let answer = answer.expect("the server answers");
        assert_eq!(answer.status(), 200, "{method} {path}: {}", answer.json());
        answer.json()
    }

    /// Someone joins whose command is started by the program and arguments of `before`.
    pub(crate) fn join_through(&self, person: Person, before: &[&str]) -> Member {
        self.join_by(person, &format!("tone:{}", person.tone), |command| {
            let mut wrapped = Command::new(before[0]);
            wrapped.args(&before[1..]).arg(command.get_program()).args(command.get_args());
            for (name, value) in command.get_envs() {
                match value {
                    Some(value) => wrapped.env(name, value),
                    None => wrapped.env_remove(name),
                };
            }
            LineProcess::start(wrapped.stderr(self.log_of(&person)))
        })
    }

    fn join_by(
        &self,
        person: Person,
        microphone: &str,
        start: impl FnOnce(&mut Command) -> LineProcess,
    ) -> Member {
        let words = ["join", &self.room, "--server", &self.url, "--user", person.name, "--json"];
        self.join_with(person, &words, microphone, |command| start(trusting(command, self.trust.as_deref())))
    }

    fn join_with(
        &self,
        person: Person,
        words: &[&str],
        microphone: &str,
        start: impl FnOnce(&mut Command) -> LineProcess,
    ) -> Member {
        let home = home(self.folder.path(), person.name);
        let count = std::fs::read_dir(&home).map_or(0, Iterator::count);
        let recording = home.join(format!("heard-{count}.wav"));
        let speaker = format!("file:{}", recording.display());
        let mut words = words.to_vec();
        words.extend(["--mic", microphone, "--speaker", &speaker, "--no-processing"]);
        let mut command = cli(self.folder.path(), person.name, &words);
        Member { person, cli: Cli(start(&mut command)), recording }
    }

    /// What someone's programs logged so far.
    pub(crate) fn log(&self, person: &Person) -> String {
        std::fs::read_to_string(home(self.folder.path(), person.name).join("log.txt")).unwrap_or_default()
    }

    /// What all programs of ours logged, for a failure.
    fn show_logs(&self) {
        for entry in std::fs::read_dir(self.folder.path()).into_iter().flatten().flatten() {
            if let Ok(text) = std::fs::read_to_string(entry.path().join("log.txt")) {
                let lines: Vec<&str> = text.lines().collect();
                let from = lines.len().saturating_sub(40);
                eprintln!("--- the last that {:?} logged:\n{}", entry.file_name(), lines[from..].join("\n"));
            }
        }
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the server is {}", if self.server.0.is_running() { "running" } else { "gone" });
            self.show_logs();
        }
    }
}

fn home(folder: &Path, person: &str) -> PathBuf {
    let home = folder.join(person);
    std::fs::create_dir_all(&home).expect("a folder in the temporary folder");
    home
}

fn log_file(home: &Path) -> Stdio {
    let file = std::fs::File::options().create(true).append(true).open(home.join("log.txt"));
    file.expect("a log file").into()
}

/// Has a program trust whom this file names, instead of whom the system does.
fn trusting<'a>(command: &'a mut Command, trust: Option<&Path>) -> &'a mut Command {
    if let Some(file) = trust {
        command.env("SSL_CERT_FILE", file).env_remove("SSL_CERT_DIR");
    }
    command
}

/// `bellbird-cli` in a home of its own.
fn cli(folder: &Path, person: &str, words: &[&str]) -> Command {
    let home = home(folder, person);
    let mut command = Command::new(program("bellbird-cli"));
    command
        .args(words)
        .env("HOME", &home)
        .env("BELLBIRD_DATA", home.join("data"))
        .env("BELLBIRD_PASSWORD", PASSWORD)
        .env("LANG", "C.UTF-8")
        .env("RUST_LOG", "info,bellbird=debug")
        .stderr(log_file(&home));
    for name in ["XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"] {
        command.env_remove(name);
    }
    command
}

/// Someone in the call.
pub(crate) struct Member {
    pub(crate) person: Person,
    pub(crate) cli: Cli,
    recording: PathBuf,
}

/// A place in a recording, samples.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Mark(usize);

impl Member {
    /// Waits until something of the call is connected.
    pub(crate) fn connected(&mut self) -> Value {
        self.cli.status("connected")
    }

    /// Leaves as Ctrl-C does.
    pub(crate) fn leave(self) {
        self.cli.interrupt();
    }

    fn heard(&self) -> Vec<f32> {
        let Ok(mut reader) = hound::WavReader::open(&self.recording) else { return Vec::new() };
        reader.samples::<i16>().map_while(Result::ok).map(|sample| f32::from(sample) / 32_768.0).collect()
    }

    /// The end of what is recorded by now.
    pub(crate) fn mark(&self) -> Mark {
        Mark(self.heard().len())
    }

    /// Waits until so much more is recorded: the loudspeaker's time, which runs whether there is sound or not.
    pub(crate) fn listen_on(&self, from: Mark, length: Duration) {
        let wanted = from.0 + (length.as_secs_f64() * RATE as f64) as usize;
        let deadline = Instant::now() + length * 3 + PATIENCE;
        while self.mark().0 < wanted {
            assert!(Instant::now() < deadline, "{}'s loudspeaker stands still", self.person.name);
            std::thread::park_timeout(Duration::from_millis(200));
        }
    }

    /// Waits until everyone of `others` is heard at once, recorded after `from`.
    pub(crate) fn hears_after(&self, from: Mark, others: &[Person]) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let heard = self.heard();
            let windows = heard.get(from.0..).unwrap_or_default().chunks_exact(WINDOW);
            let mut last = Vec::new();
            for window in windows {
                last = others.iter().map(|other| level_of(window, *other)).collect();
                if last.iter().all(|level| *level > AUDIBLE) {
                    return;
                }
            }
            assert!(
                Instant::now() < deadline,
                "{} does not hear all of {others:?}; their levels at last: {last:?}",
                self.person.name
            );
            std::thread::park_timeout(Duration::from_millis(100));
        }
    }

    /// Waits until everyone of `others` is heard at once.
    pub(crate) fn hears(&self, others: &[Person]) {
        self.hears_after(Mark(0), others);
    }

    /// Waits until `other` has not been heard for a while, recorded after `from`, and everyone of `still` was meanwhile.
    pub(crate) fn misses_after(&self, from: Mark, other: Person, still: &[Person]) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let heard = self.heard();
            let windows: Vec<_> = heard.get(from.0..).unwrap_or_default().chunks_exact(WINDOW).collect();
            let is_so = |window: &&[f32]| {
                level_of(window, other) <= AUDIBLE && still.iter().all(|one| level_of(window, *one) > AUDIBLE)
            };
            if windows.windows(4).any(|stretch| stretch.iter().all(is_so)) {
                return;
            }
            assert!(Instant::now() < deadline, "{} still hears {}", self.person.name, other.name);
            std::thread::park_timeout(Duration::from_millis(100));
        }
    }

    /// The share of half seconds between two marks in which `other` was heard, 0 to 1.
    pub(crate) fn share_heard(&self, from: Mark, to: Mark, other: Person) -> f64 {
        let heard = self.heard();
        let between = heard.get(from.0..to.0.min(heard.len())).unwrap_or_default();
        let windows: Vec<bool> =
            between.chunks_exact(WINDOW).map(|window| level_of(window, other) > AUDIBLE).collect();
        windows.iter().filter(|audible| **audible).count() as f64 / windows.len().max(1) as f64
    }

    /// The longest that `other` was not heard between two marks, to a tenth of a second.
    pub(crate) fn longest_silence(&self, from: Mark, to: Mark, other: Person) -> Duration {
        let heard = self.heard();
        longest_silence(heard.get(from.0..to.0.min(heard.len())).unwrap_or_default(), other)
    }
}

/// The longest stretch of these in which `other` was not heard.
fn longest_silence(heard: &[f32], other: Person) -> Duration {
    let tone = f64::from(other.tone);
    let (mut longest, mut current) = (0, 0);
    for window in heard.chunks_exact(MOMENT) {
        let reading = tone_meter::measure(window, RATE as u32, tone - 5.0, tone + 5.0);
        current = if reading.is_some_and(|reading| reading.level > AUDIBLE) { 0 } else { current + 1 };
        longest = longest.max(current);
    }
    Duration::from_secs_f64((longest * MOMENT) as f64 / RATE as f64)
}

/// How loud someone's tone is, dBov.
fn level_of(window: &[f32], person: Person) -> f64 {
    let tone = f64::from(person.tone);
    match tone_meter::measure(window, RATE as u32, tone - 15.0, tone + 15.0) {
        Some(reading) if (reading.frequency - tone).abs() < 4.0 => reading.level,
        Some(_) | None => f64::NEG_INFINITY,
    }
}
