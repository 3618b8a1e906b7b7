//! Orders of callbacks that real calls bring about seldom or late.

use std::time::{Duration, Instant};

use bellbird_call::ports::{AudioLevels, Problem, ProblemCode};
use bellbird_call::{
    CallConfig, CallEvent, CallId, CallMachine, CallStatus, CallTarget, CallView, ContactId, EndReason,
    Invitation, MediaKind, MediaKinds, ParticipantId, ParticipantView, RoomId, VideoSwitch,
};
use bellbird_contract::SdkEvent;
use bellbird_talk::StoredLogin;
use serde_json::{Value, json};

use super::Translator;
use super::home::Home;

/// One call, and all that was told of any.
struct Bench {
    translator: Translator,
    view: CallView,
    told: Vec<Value>,
}

fn home(user: &str) -> Home {
    let login = StoredLogin {
        server: "https://cloud.example.org".parse().unwrap(),
        user_id: user.into(),
        login_name: user.into(),
        display_name: user.into(),
        fingerprint: None,
    };
    Home::of(&login, false)
}

fn jid(user: &str) -> String {
    format!("{user}@cloud.example.org")
}

fn invitation(from: &str, one_to_one: bool, media: MediaKinds) -> Invitation {
    let (room, from) = (RoomId::new("room1"), Some(ContactId::new(from)));
    Invitation { room, from, display_name: "Team".into(), one_to_one, media }
}

fn outgoing(target: CallTarget) -> CallView {
    let (now, config) = (Instant::now(), CallConfig::default());
    let (id, name) = (CallId::new("1"), "Bob".to_owned());
    CallMachine::outgoing(id, target, name, MediaKinds::VOICE, false, config, now).view(now)
}

fn incoming(id: &str, invitation: Invitation) -> CallView {
    let now = Instant::now();
    CallMachine::incoming(CallId::new(id), invitation, CallConfig::default(), now).view(now)
}

impl Bench {
    fn dialing(target: CallTarget) -> Self {
        let mut bench = Self { translator: Translator::default(), view: outgoing(target), told: Vec::new() };
        let view = bench.view.clone();
        bench.note(|translator| translator.begin(home("ann"), &view, false, 7));
        bench
    }

    /// A call to Bob that runs.
    fn with_bob() -> Self {
        let mut bench = Self::dialing(CallTarget::Contact(ContactId::new("bob")));
        bench.join();
        bench.comes("p1", "bob");
        bench.happens(CallEvent::Status { participant: Some(id("p1")), status: CallStatus::Connected });
        bench.happens(CallEvent::Status { participant: None, status: CallStatus::Connected });
        bench.told.clear();
        bench
    }

    fn note(&mut self, translate: impl FnOnce(&mut Translator) -> Vec<SdkEvent>) {
        let told = translate(&mut self.translator);
        self.told.extend(told.iter().map(|callback| json!(callback)));
    }

    fn join(&mut self) {
        (self.view.joined, self.view.room) = (true, Some(RoomId::new("room1")));
        let view = self.view.clone();
        self.note(|translator| translator.view(&view));
    }

    fn happens(&mut self, event: CallEvent) {
        let view = self.view.clone();
        self.note(|translator| translator.happening(&view, &event));
    }

    fn comes(&mut self, device: &str, contact: &str) {
        self.view.participants.push(ParticipantView {
            id: id(device),
            contact: (contact != "guest").then(|| ContactId::new(contact)),
            display_name: contact.into(),
            status: CallStatus::Connecting,
            audio_muted: false,
            video_muted: true,
            has_video: false,
            has_screen: false,
            hand_raised: None,
        });
        self.happens(CallEvent::Status { participant: Some(id(device)), status: CallStatus::Connecting });
    }

    fn leaves(&mut self, device: &str) {
        self.view.participants.retain(|participant| participant.id != id(device));
        self.happens(CallEvent::Status { participant: Some(id(device)), status: CallStatus::Disconnected });
    }

    fn stands(&mut self, device: &str, status: CallStatus) {
        self.happens(CallEvent::Status { participant: Some(id(device)), status });
    }

    fn ends(&mut self, reason: EndReason) {
        self.happens(CallEvent::Ended(reason));
    }

    /// Status, whose, whether the last, and the statuses of everyone.
    fn statuses(&mut self) -> Vec<String> {
        let line = |payload: &Value| {
            let users = payload["usersStatus"].as_array().unwrap();
            let word = |value: &Value| value.as_str().unwrap_or("-").split('@').next().unwrap().to_owned();
            let users: Vec<String> = users.iter().map(|user| word(&user["status"])).collect();
            let (status, whose) = (word(&payload["status"]), word(&payload["userJid"]));
            format!("{status} {whose} {} {}", word(&payload["sessionStatus"]), users.join(","))
        };
        let statuses = self.told.iter().filter(|callback| callback["listener"] == "callStatusListener");
        let lines = statuses.map(|callback| line(&callback["payload"])).collect();
        self.told.clear();
        lines
    }

    fn listeners(&self) -> Vec<&str> {
        self.told.iter().map(|callback| callback["listener"].as_str().unwrap()).collect()
    }
}

fn id(device: &str) -> ParticipantId {
    ParticipantId::new(device)
}

#[test]
fn a_call_that_is_refused_is_told_by_its_result_alone() {
    for promised in [false, true] {
        let mut bench = Bench::dialing(CallTarget::Contact(ContactId::new("nobody")));
        bench.happens(CallEvent::Status { participant: None, status: CallStatus::Calling });
        bench.happens(CallEvent::Track { participant: None, kind: MediaKind::Audio, added: true });
        if promised {
            bench.translator.promise(&CallId::new("1"));
        }
        bench.happens(CallEvent::Problem(Problem::new(ProblemCode::UnknownUser, "")));
        bench.ends(EndReason::SignalingFailed);
        let expected = ["disconnected ann closed disconnected,ended".to_owned()];
        assert_eq!(bench.statuses(), if promised { expected.to_vec() } else { vec![] });
        // Whatever comes after the end is of no call.
        bench.ends(EndReason::SignalingFailed);
        bench.comes("p1", "bob");
        assert!(bench.told.is_empty() && bench.translator.current().is_none());
    }
}

#[test]
fn what_rings_before_we_are_in_the_call_is_told_after_the_calling() {
    let mut bench = Bench::dialing(CallTarget::Contact(ContactId::new("bob")));
    bench.happens(CallEvent::Track { participant: None, kind: MediaKind::Audio, added: true });
    bench.happens(CallEvent::Status { participant: None, status: CallStatus::Ringing });
    assert_eq!(bench.listeners(), ["callStatusListener", "userTrackListener", "callStatusListener"]);
    assert_eq!(bench.statuses(), ["calling ann - calling,calling", "ringing bob - calling,ringing"]);
    bench.join();
    assert!(bench.told.is_empty(), "told once");
    bench.ends(EndReason::NoAnswer);
    assert_eq!(bench.statuses(), ["ended bob closed ended,ended"]);
}

#[test]
fn every_reason_has_a_last_status() {
    for (reason, expected) in [
        (EndReason::LocalHangup, "ended ann closed ended,ended"),
        (EndReason::RemoteHangup, "ended bob closed ended,ended"),
        (EndReason::EndedByModerator, "ended ann closed ended,ended"),
        (EndReason::ConnectionLost, "disconnected ann closed disconnected,ended"),
        (EndReason::MediaFailed, "disconnected ann closed disconnected,ended"),
        (EndReason::RemoteDecline, "busy bob closed ended,busy"),
        (EndReason::RemoteEngaged, "engaged bob closed ended,engaged"),
    ] {
        let mut bench = Bench::with_bob();
        bench.ends(reason);
        assert_eq!(bench.listeners().last(), Some(&"callStatusListener"));
        assert_eq!(bench.statuses(), [expected], "{reason:?}");
    }
}

#[test]
fn a_path_that_is_lost_and_found_and_a_hold() {
    let mut bench = Bench::with_bob();
    bench.stands("p1", CallStatus::Reconnecting);
    bench.happens(CallEvent::Status { participant: None, status: CallStatus::Reconnecting });
    bench.stands("p1", CallStatus::Connected);
    bench.happens(CallEvent::Status { participant: None, status: CallStatus::Connected });
    bench.happens(CallEvent::Status { participant: None, status: CallStatus::Hold });
    bench.happens(CallEvent::Status { participant: None, status: CallStatus::Connected });
    assert_eq!(
        bench.statuses(),
        [
            "reconnecting bob - reconnecting,reconnecting",
            "connected bob - connected,connected",
            "hold ann - hold,connected",
            "connected ann - connected,connected",
        ]
    );
    // In a call of two somebody who leaves and comes back within moments was never gone for good.
    bench.leaves("p1");
    assert!(bench.told.is_empty());
    bench.comes("p2", "bob");
    bench.stands("p2", CallStatus::Connected);
    assert_eq!(
        bench.statuses(),
        ["connecting bob - connected,connecting", "connected bob - connected,connected"]
    );
}

#[test]
fn people_are_told_of_not_their_devices() {
    let mut bench = Bench::dialing(CallTarget::Room(RoomId::new("room1")));
    bench.join();
    bench.comes("p1", "bob");
    bench.stands("p1", CallStatus::Connected);
    bench.statuses();
    // A second device of his, one of ours, and someone without an account.
    bench.comes("p2", "bob");
    bench.comes("p3", "ann");
    assert!(bench.told.is_empty(), "{:?}", bench.told);
    bench.comes("p4", "guest");
    let joined = json!({ "userJid": "p4@guests.cloud.example.org", "localUser": false });
    assert_eq!(bench.told[1], json!({ "listener": "callUserJoinedListener", "payload": joined }));
    bench.told.clear();
    bench.leaves("p1");
    assert_eq!(bench.statuses(), ["connecting bob - connected,connecting,connecting"], "his other device");
    bench.leaves("p2");
    assert_eq!(bench.listeners(), ["callStatusListener", "callUserLeftListener", "callUsersUpdateListener"]);
    assert_eq!(bench.statuses(), ["ended bob - connected,ended,connecting"]);
    bench.leaves("p3");
    bench.leaves("nobody");
    assert!(bench.told.is_empty());
}

#[test]
fn a_camera_is_a_track_while_it_is_on() {
    let mut bench = Bench::with_bob();
    let video = |added| CallEvent::Track { participant: Some(id("p1")), kind: MediaKind::Video, added };
    let mute = |muted| CallEvent::Mute { participant: Some(id("p1")), kind: MediaKind::Video, muted };
    bench.happens(video(true));
    assert!(bench.told.is_empty(), "a path for pictures is no picture");
    bench.happens(mute(false));
    bench.happens(mute(true));
    bench.happens(mute(false));
    bench.happens(video(false));
    bench.ends(EndReason::RemoteHangup);
    let mute = "muteStatusListener";
    let track = "userTrackListener";
    assert_eq!(bench.listeners(), [mute, track, mute, track, mute, track, track, "callStatusListener"]);
    let tracks: Vec<&Value> = bench.told.iter().filter(|it| it["listener"] == track).collect();
    let names: Vec<&Value> = tracks.iter().map(|it| &it["payload"]["track"]).collect();
    assert_eq!(names, [&json!("1/p1/video"), &Value::Null, &json!("1/p1/video"), &Value::Null]);
}

#[test]
fn from_and_to_are_as_tabulated() {
    let group = "room1@mix.cloud.example.org".to_owned();
    for (one_to_one, mode, from, to, group) in [
        (true, "onetoone", jid("ann"), jid("bob"), None),
        (false, "onetomany", jid("bob"), group.clone(), Some(group)),
    ] {
        let view = incoming("1", invitation("bob", one_to_one, MediaKinds::VIDEO));
        let mut bench = Bench { translator: Translator::default(), view: view.clone(), told: Vec::new() };
        bench.note(|translator| translator.begin(home("ann"), &view, true, 7));
        bench.ends(EndReason::Missed);
        let order = ["incomingCallListener", "missedCallListener", "callStatusListener"];
        assert_eq!(bench.listeners(), order);
        let (rings, missed) = (bench.told[0]["payload"].clone(), bench.told[1]["payload"].clone());
        for (field, expected) in [
            ("from", json!(from)),
            ("userJid", json!(jid("bob"))),
            ("groupId", json!(group)),
            ("callMode", json!(mode)),
            ("callType", json!("video")),
            ("roomId", json!("room1")),
            ("allUsers", json!([jid("bob"), jid("ann")])),
        ] {
            assert_eq!((&rings[field], &missed[field]), (&expected, &expected), "{field}");
        }
        assert_eq!(
            (&rings["to"], &rings["callTime"], &rings["status"]),
            (&json!(to), &json!(7), &json!("ringing"))
        );
        assert_eq!(bench.statuses(), ["ended bob closed ended,ended"]);
    }
    // One that did not ring is missed, and one that is refused at once is nothing.
    let mut view = incoming("2", invitation("bob", true, MediaKinds::VOICE));
    let mut bench = Bench { translator: Translator::default(), view: view.clone(), told: Vec::new() };
    bench.note(|translator| translator.begin(home("ann"), &view, false, 7));
    assert!(bench.told.is_empty() && bench.translator.current().is_none());
    view.ended = Some(EndReason::Missed);
    bench.note(|translator| translator.begin(home("ann"), &view, false, 7));
    assert_eq!(bench.listeners(), ["missedCallListener"]);
}

#[test]
fn a_call_beside_the_current_one_does_not_close_it() {
    let mut bench = Bench::with_bob();
    let second = |call| incoming(call, invitation("eve", true, MediaKinds::VOICE));
    for (call, reason) in [
        ("2", EndReason::Missed),
        ("3", EndReason::LocalEngaged),
        ("4", EndReason::AnsweredElsewhere),
        ("5", EndReason::Missed),
    ] {
        let view = second(call);
        bench.note(|translator| translator.begin(home("ann"), &view, true, 7));
        assert_eq!(bench.translator.current(), Some("1"));
        if call == "5" {
            bench.told.clear();
            bench.ends(EndReason::RemoteHangup);
            assert_eq!(bench.statuses(), ["ended bob closed ended,ended"]);
            assert_eq!(bench.translator.current(), Some("5"), "it is the current one from now on");
        }
        bench.note(|translator| translator.happening(&view, &CallEvent::Ended(reason)));
        let closed = if call == "5" { "closed" } else { "-" };
        assert_eq!(bench.statuses(), [format!("ended eve {closed} ended,ended")], "{reason:?}");
    }
}

#[test]
fn words_about_video_are_told_where_they_are_news() {
    let mut bench = Bench::with_bob();
    let far = Some(id("p1"));
    for (participant, word) in [
        (None, VideoSwitch::Request),
        (far.clone(), VideoSwitch::Decline),
        (None, VideoSwitch::Cancel),
        (far.clone(), VideoSwitch::Request),
        (None, VideoSwitch::Decline),
        (far.clone(), VideoSwitch::Cancel),
        (None, VideoSwitch::Accept),
    ] {
        bench.happens(CallEvent::VideoSwitch { participant, word });
    }
    let words: Vec<(String, String)> = (bench.told.iter())
        .map(|it| (it["payload"]["status"].to_string(), it["payload"]["userJid"].to_string()))
        .collect();
    let expected = [("decline", "bob"), ("cancel", "ann"), ("request", "bob"), ("cancel", "bob")];
    let expected = expected.map(|(word, who)| (format!("{word:?}"), format!("{:?}", jid(who))));
    assert_eq!(words, expected);
    let info = json!(bench.translator.info(|_| Some("https://cloud.example.org/call/room1".into())));
    assert_eq!(
        (&info["callType"], &info["roomLink"]),
        (&json!("video"), &json!("https://cloud.example.org/call/room1"))
    );
}

#[test]
fn devices_of_ours_fail_in_numbers() {
    for (code, action, number) in [
        (ProblemCode::DeviceDenied, "audio", 100_607),
        (ProblemCode::NoMicrophone, "audio", 100_608),
        (ProblemCode::CameraDenied, "video", 100_607),
        (ProblemCode::CameraBusy, "video", 100_608),
        (ProblemCode::ScreenDenied, "screen", 100_607),
        (ProblemCode::ScreenLost, "screen", 100_608),
    ] {
        let mut bench = Bench::with_bob();
        bench.happens(CallEvent::Problem(Problem::new(code, "")));
        let name = if number == 100_607 { "MEDIA_PERMISSION_DENIED" } else { "MEDIA_DEVICE_ERROR" };
        let payload = json!({ "action": action, "statusCode": number, "callStatus": name });
        assert_eq!(bench.told, [json!({ "listener": "mediaErrorListener", "payload": payload })]);
    }
    let mut bench = Bench::with_bob();
    bench.happens(CallEvent::Problem(Problem::new(ProblemCode::NotNow, "")));
    assert!(bench.told.is_empty());
}

#[test]
fn who_is_muted_is_not_heard() {
    let mut bench = Bench::with_bob();
    let start = Instant::now();
    let hear = |bench: &mut Bench, after: u64, local: f32, remote: f32| {
        let levels = AudioLevels { local, remote: vec![(id("p1"), remote), (id("p9"), 0.0)] };
        let at = start + Duration::from_secs(after);
        bench.note(|translator| translator.levels(&CallId::new("1"), &levels, at));
        let told = bench.told.drain(..).map(|it| {
            (it["payload"]["localUser"].as_bool().unwrap(), it["payload"]["volumeLevel"].as_u64().unwrap())
        });
        told.collect::<Vec<_>>()
    };
    assert_eq!(hear(&mut bench, 0, -30.0, 0.0), [(true, 5), (false, 10)]);
    bench.happens(CallEvent::Mute { participant: None, kind: MediaKind::Audio, muted: true });
    bench.happens(CallEvent::Mute { participant: Some(id("p1")), kind: MediaKind::Audio, muted: true });
    bench.told.clear();
    assert_eq!(hear(&mut bench, 1, -30.0, 0.0), [(true, 0), (false, 0)]);
    assert_eq!(hear(&mut bench, 2, -30.0, 0.0), []);
}
