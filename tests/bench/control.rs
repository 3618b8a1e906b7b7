//! The door under load, and how soon a program's wish is a call.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use bellbird_contract::{Command, Media, RemoteJoinPolicy, Reply, Status};

use crate::figure::{Figure, percentile};
use crate::harness::door::Door;
use crate::harness::household::Household;
use crate::harness::stage::{PATIENCE, Stage};

/// How long the door is kept busy.
const LENGTH: Duration = Duration::from_secs(60);

/// How long the same call is left alone before that, to know the machine by.
const REST: Duration = Duration::from_secs(15);

/// How often each of the two ways in is asked something: 200 requests a second together.
const APART: Duration = Duration::from_millis(10);

/// The tone each side says.
const TONE: &str = "tone:440";

/// Sound is looked at in pieces of this length, samples at 48 kHz: 2.5 ms, about one wave of the tone.
const PIECE: usize = 120;

/// 200 control requests a second for a minute against a core with a running call, half of them commands over the
/// WebSocket, half of them requests to the web API: the longest gap in the call's sound, both ways.
pub(crate) fn load() {
    let stage = Stage::new("bench-control-load");
    let heard_here = stage.folder("recordings").join("here.wav");
    let heard_there = stage.folder("recordings").join("there.wav");
    let file = |path: &Path| format!("file:{}", path.display());
    let arguments = ["--no-desktop", "--no-processing", "--mic", TONE, "--speaker", &file(&heard_here)]
        .map(str::to_owned);
    let mut household = Household::settle_with(&stage, "ada", &arguments.each_ref().map(String::as_str));
    household.add_friend(&stage, "bob");
    let speaker = file(&heard_there);
    let options = ["--mic", TONE, "--speaker", &speaker, "--no-processing", "--stats", "1"];
    let mut arguments = vec!["call", &household.user];
    arguments.extend_from_slice(&options);
    let mut call = household.friend_starts(&stage, "bob", &arguments);
    let door = household.door.clone();
    let door = &door;
    door.wait_until("a call to answer", |state| state.calls.iter().any(|call| call.can_answer).then_some(()));
    door.command(Command::Answer { call: None, media: Media::Voice });
    call.status("connected");
    std::thread::sleep(Duration::from_secs(3) + REST);

    let Reply::Program { token, .. } = door.command(Command::AddProgram { name: "Load".into() }) else {
        panic!("no token")
    };
    let (mut took, mut refused) = (Vec::new(), 0.0);
    std::thread::scope(|scope| {
        let commands = scope.spawn(|| keep_asking(|number| command(door, number)));
        let requests = scope.spawn(|| {
            let mut web = Web::of(door, &token);
            keep_asking(|number| web.get(["user/calls", "teams"][number % 2]) == 200)
        });
        for asker in [commands, requests] {
            let (times, failures) = asker.join().expect("asked to the end");
            took.extend(times);
            refused += failures;
        }
    });
    call.0.signal("INT");
    call.event("ended");
    let mut concealed = 0.0;
    for line in call.0.seen() {
        let stats: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
        if stats["event"] == "stats" {
            concealed += stats["participants"][0]["concealed"].as_f64().unwrap_or_default() * 1000.0;
        }
    }
    call.0.wait(PATIENCE);
    door.command(Command::Quit);
    household.core.0.wait(PATIENCE);
    let heard = [heard_here, heard_there].map(|path| loudness(&path));
    let second = Duration::from_secs(1);
    let rest = heard.each_ref().map(|heard| longest_gap(heard, LENGTH + REST, LENGTH + second));
    Figure::at_most("control_rest_gap", "ms", 20.0).with_goal(0.0).print(&rest);
    let busy = heard.each_ref().map(|heard| longest_gap(heard, LENGTH, second));
    Figure::at_most("control_load_gap", "ms", 20.0).with_goal(0.0).print(&busy);
    Figure::at_most("control_load_concealed", "ms", 20.0).with_goal(0.0).print(&[concealed]);
    Figure::at_most("control_load_refused", "requests", 0.0).print(&[refused]);
    Figure::at_least("control_load_rate", "requests/s", 190.0)
        .print(&[took.len() as f64 / LENGTH.as_secs_f64()]);
    Figure::at_most("control_load_answer", "ms", 50.0).print(&[percentile(&took, 0.99)]);
}

/// From the request of a program to the call that is connected, on loopback.
pub(crate) fn remote_join() {
    let stage = Stage::new("bench-remote-join");
    let arguments = ["--no-desktop", "--mic", TONE, "--speaker", "null"];
    let household = Household::settle_with(&stage, "ada", &arguments);
    household.add_friend(&stage, "bob");
    let door = &household.door;
    let account = door.state().accounts[0].id.clone();
    door.command(Command::SetRemoteJoin { account, policy: RemoteJoinPolicy::Allow });
    let made = door.command(Command::CreateRoom {
        account: None,
        name: "Team".into(),
        public: false,
        people: vec!["bob".into()],
    });
    let Reply::Room { room } = made else { panic!("no room: {made:?}") };
    let arguments = ["join", &room.token, "--silent", "--mic", TONE, "--speaker", "null"];
    let _bob = household.friend_starts(&stage, "bob", &arguments);
    let Reply::Program { token, .. } = door.command(Command::AddProgram { name: "Joiner".into() }) else {
        panic!("no token")
    };
    let mut web = Web::of(door, &token);
    std::thread::sleep(Duration::from_secs(2));
    let mut readings = Vec::new();
    for _ in 0..9 {
        let begin = Instant::now();
        let body = format!(r#"{{"channelId":"{}","joinType":"AUDIO"}}"#, room.token);
        let status = web.post("user/calls/join", &body);
        assert_eq!(status, 200, "the join was refused");
        door.call(Status::Connected);
        readings.push(begin.elapsed().as_secs_f64() * 1000.0);
        assert_eq!(web.post("user/calls/leave", "{}"), 200);
        door.no_call();
    }
    Figure::at_most("remote_join", "ms", 300.0).print(&readings);
}

/// Asks at even times and yields how long each answer took, ms, and how many were refused. Late ones are not skipped.
fn keep_asking(mut ask: impl FnMut(usize) -> bool) -> (Vec<f64>, f64) {
    let begin = Instant::now();
    let (mut took, mut refused) = (Vec::new(), 0.0);
    for number in 0.. {
        let due = begin + APART * number;
        if due >= begin + LENGTH || Instant::now() >= begin + LENGTH {
            break;
        }
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let asked = Instant::now();
        if !ask(number as usize) {
            refused += 1.0;
        }
        took.push(asked.elapsed().as_secs_f64() * 1000.0);
    }
    (took, refused)
}

/// One of several things a script asks during a call. `false`: refused.
fn command(door: &Door, number: usize) -> bool {
    let command = match number % 4 {
        0 => Command::Status,
        1 => Command::SetHand { call: None, raised: number % 8 == 1 },
        2 => Command::SearchContacts { account: None, text: "b".into() },
        _ => Command::ListRooms { account: None },
    };
    door.try_command(command).is_ok()
}

/// The web API over one connection that is kept.
struct Web {
    stream: BufReader<TcpStream>,
    head: String,
    path: String,
}

impl Web {
    fn of(door: &Door, token: &str) -> Self {
        let url = door.file().web_api.clone().expect("a web API");
        let (host, path) = url.trim_start_matches("http://").split_once('/').expect("a path");
        let stream = TcpStream::connect(host).expect("the door listens");
        stream.set_nodelay(true).expect("a socket");
        let head = format!("Host: {host}\r\nAuthorization: Bearer {token}\r\n");
        Self { stream: BufReader::new(stream), head, path: format!("/{path}") }
    }

    fn get(&mut self, what: &str) -> u16 {
        self.ask("GET", what, "")
    }

    fn post(&mut self, what: &str, body: &str) -> u16 {
        self.ask("POST", what, body)
    }

    /// Yields the status.
    fn ask(&mut self, method: &str, what: &str, body: &str) -> u16 {
        let Self { stream, head, path } = self;
        let length = body.len();
        let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
        let request =
            format!("{method} {path}/{what} HTTP/1.1\r\n{head}{kind}Content-Length: {length}\r\n\r\n{body}");
        stream.get_mut().write_all(request.as_bytes()).expect("the door listens");
        let mut line = String::new();
        stream.read_line(&mut line).expect("an answer");
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
        let mut length = 0;
        loop {
            line.clear();
            stream.read_line(&mut line).expect("a header");
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().unwrap_or_default();
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).expect("a body");
        status
    }
}

/// How loud each piece of a recording is.
fn loudness(path: &Path) -> Vec<f64> {
    let mut file = hound::WavReader::open(path).expect("a recording");
    let samples: Vec<f64> = match file.spec().sample_format {
        hound::SampleFormat::Int => {
            file.samples::<i16>().map(|sample| f64::from(sample.unwrap_or_default()) / 32_768.0).collect()
        }
        hound::SampleFormat::Float => {
            file.samples::<f32>().map(|sample| f64::from(sample.unwrap_or_default())).collect()
        }
    };
    samples
        .chunks_exact(PIECE)
        .map(|piece| (piece.iter().map(|sample| sample * sample).sum::<f64>() / PIECE as f64).sqrt())
        .collect()
}

/// The longest time without the tone, ms, in a part of what was heard, by how long before the tone's end it begins and ends.
fn longest_gap(heard: &[f64], begin: Duration, end: Duration) -> f64 {
    let usual = percentile(heard, 0.5);
    let loud = |level: &f64| *level > usual / 4.0;
    let Some(last) = heard.iter().rposition(loud) else { return f64::INFINITY };
    let before = |length: Duration| last.saturating_sub(length.as_secs() as usize * 48_000 / PIECE);
    let (mut longest, mut now) = (0_usize, 0);
    for level in heard.get(before(begin)..before(end)).unwrap_or_default() {
        now = if loud(level) { 0 } else { now + 1 };
        longest = longest.max(now);
    }
    longest as f64 * PIECE as f64 / 48.0
}
