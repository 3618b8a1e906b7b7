//! Calls of three, each with everyone.

use std::path::{Path, PathBuf};

use bellbird_testkit::process::LineProcess;

use crate::stage::{HANG, Stage, events, is_status, wait_for};

/// Someone in the call: a name, and the tone they send.
const PEOPLE: [(&str, f64); 3] = [("ann", 500.0), ("bob", 700.0), ("cat", 900.0)];

/// Everybody's process, their sound file, and what the others know each by.
struct Team {
    stage: Stage,
    people: Vec<LineProcess>,
    heard: Vec<PathBuf>,
}

impl Team {
    /// A conversation of the three, with a call in it in which each heard both others.
    fn gather() -> Self {
        let stage = Stage::open();
        let added = stage.cli().args(["user", "add", "cat", "--data"]).arg(stage.served()).output().unwrap();
        assert!(added.status.success(), "{:?}", events(&added));
        let invite = ["--invite", "bob", "--invite", "cat"];
        let made =
            stage.with_account(&["room", "create", "--name", "Team"], "ann").args(invite).output().unwrap();
        let made = events(&made);
        let room = made.iter().find(|event| event["event"] == "room").unwrap_or_else(|| panic!("{made:?}"));
        assert!(room["link"].is_null(), "a group is entered by invitation: {room}");
        let token = room["token"].as_str().unwrap();

        let mut people = Vec::new();
        let mut heard = Vec::new();
        for (name, hz) in PEOPLE {
            let file = stage.path().join(format!("{name}.wav"));
            let mut command =
                stage.with_account(&["join", token, "--stdin", "--no-processing", "--stats", "1"], name);
            command.args(["--mic", &format!("tone:{hz}"), "--speaker", &format!("file:{}", file.display())]);
            people.push(LineProcess::start(&mut command));
            heard.push(file);
        }
        for person in &mut people {
            let mut first = None;
            for _ in 0..2 {
                let played = wait_for(person, "media", |event| {
                    event["first"] == "played" && Some(&event["participant"]) != first.as_ref()
                });
                first = Some(played["participant"].clone());
            }
        }
        Self { stage, people, heard }
    }

    fn say(&mut self, who: usize, line: &str) {
        self.people[who].say(line);
    }
}

/// The mean power of one frequency in the middle half of a WAV, over windows of 100 ms (Goertzel's algorithm).
fn power_at(path: &Path, hz: f64) -> f64 {
    let bytes = std::fs::read(path).unwrap();
    // 16-bit mono at 48 kHz behind a plain header.
    let samples: Vec<f64> = bytes[44..]
        .chunks_exact(2)
        .map(|pair| f64::from(i16::from_le_bytes([pair[0], pair[1]])) / 32_768.0)
        .collect();
    let middle = &samples[samples.len() / 4..samples.len() * 3 / 4];
    let coefficient = 2.0 * (std::f64::consts::TAU * hz / 48_000.0).cos();
    let windows: Vec<f64> = middle
        .chunks_exact(4800)
        .map(|window| {
            let (one, two) =
                window.iter().fold((0.0, 0.0), |(one, two), sample| (sample + coefficient * one - two, one));
            (one * one + two * two - coefficient * one * two) / (4800.0 * 4800.0)
        })
        .collect();
    windows.iter().sum::<f64>() / windows.len() as f64
}

#[test]
fn three_hear_each_other_and_see_hands_and_reactions() {
    let mut team = Team::gather();
    // Enough sound behind the joining for a measurement.
    for person in &mut team.people {
        for _ in 0..2 {
            wait_for(person, "stats", |event| {
                event["participants"].as_array().is_some_and(|all| all.len() == 2)
            });
        }
    }
    team.say(1, "hand up");
    wait_for(&mut team.people[1], "hand", |event| event["local"] == true && event["raised"] == true);
    let bob = wait_for(&mut team.people[0], "hand", |event| event["raised"] == true);
    let same = wait_for(&mut team.people[2], "hand", |event| event["raised"] == true);
    assert_eq!(bob["participant"], same["participant"]);
    team.say(2, "react 👍");
    for who in [0, 1] {
        let reaction = wait_for(&mut team.people[who], "reaction", |event| event["local"] == false);
        assert_eq!(reaction["reaction"], "👍");
    }
    team.say(2, "react hello");
    wait_for(&mut team.people[2], "error", |event| event["code"] == "not-now");

    // Bob may ask for nothing; Ann made the conversation.
    let bob = bob["participant"].as_str().unwrap();
    team.say(2, &format!("ask-mute {bob}"));
    wait_for(&mut team.people[2], "error", |event| event["code"] == "not-now");
    team.say(0, &format!("ask-mute {bob}"));
    wait_for(&mut team.people[1], "muted_by_moderator", |_| true);
    wait_for(&mut team.people[2], "mute", |event| event["participant"] == bob && event["muted"] == true);
    team.say(1, "unmute");
    wait_for(&mut team.people[2], "mute", |event| event["participant"] == bob && event["muted"] == false);
    team.say(1, "hand down");
    wait_for(&mut team.people[0], "hand", |event| event["participant"] == bob && event["raised"] == false);

    team.say(0, "end all");
    for (who, reason) in ["local_hangup", "ended_by_moderator", "ended_by_moderator"].into_iter().enumerate()
    {
        wait_for(&mut team.people[who], "ended", |event| event["reason"] == reason);
        assert_eq!(team.people[who].wait(HANG).code(), Some(0));
    }
    for (file, (name, own)) in team.heard.iter().zip(PEOPLE) {
        for (other, hz) in PEOPLE.iter().filter(|(other, _)| *other != name) {
            let (theirs, ours) = (power_at(file, *hz), power_at(file, own));
            assert!(
                theirs > 20.0 * ours && theirs > 1e-5,
                "{name} heard {other} at {theirs}, themselves at {ours}"
            );
        }
    }
}

#[test]
fn the_link_of_a_public_conversation_lets_others_in() {
    let stage = Stage::open();
    let create = ["room", "create", "--name", "Open house", "--type", "public"];
    let made = events(&stage.with_account(&create, "ann").output().unwrap());
    let room = made.iter().find(|event| event["event"] == "room").unwrap_or_else(|| panic!("{made:?}"));
    let link = room["link"].as_str().unwrap_or_else(|| panic!("{room}"));
    assert_eq!(link, format!("{}/call/{}", stage.url, room["token"].as_str().unwrap()));
    let mut ann = LineProcess::start(&mut stage.calling(&["join", link], "ann"));
    let mut bob = LineProcess::start(&mut stage.calling(&["join", link], "bob"));
    for person in [&mut ann, &mut bob] {
        wait_for(person, "media", |event| event["first"] == "played");
    }
    let rooms = events(&stage.with_account(&["rooms"], "ann").output().unwrap());
    let same = rooms.iter().find(|event| event["display_name"] == "Open house");
    assert_eq!(same.map(|room| &room["link"]), Some(&room["link"]), "{rooms:?}");
}

#[test]
fn somebody_added_to_the_call_is_rung_and_joins() {
    let mut team = Team::gather();
    let added = ["user", "add", "dan", "--data"];
    let added = team.stage.cli().args(added).arg(team.stage.served()).output().unwrap();
    assert!(added.status.success(), "{:?}", events(&added));
    let mut dan = team.stage.listening("dan", &[]);
    team.say(1, "add dan");
    wait_for(&mut team.people[1], "error", |event| event["code"] == "not-now");
    team.say(0, "add dan");
    let incoming = wait_for(&mut dan, "incoming", |_| true);
    assert_eq!(incoming["display_name"], "Team");
    wait_for(&mut dan, "status", |event| is_status(event, "connected"));
    // Of each of the three once.
    for _ in 0..3 {
        wait_for(&mut dan, "media", |event| event["first"] == "played");
    }
}
