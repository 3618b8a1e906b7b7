//! What the call SDK's listeners are told, in order and whole, by two or three programs through a real server.

use std::path::PathBuf;
use std::time::Duration;

use bellbird_app::{CallConfig, VideoSource};
use bellbird_contract::{CallInfo, SdkEvent, SwitchStatus};
use serde_json::json;

use crate::sdk_program::{Program, accepted, of, refusal};
use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answered() {
    let stage = Stage::open().await;
    let (mut ann, mut bob) = (Program::of(&stage, "ann").await, Program::of(&stage, "bob").await);
    let made = ann.sdk.make_voice_call(&[&ann.jid("bob")], None).await;
    let room = made.room_id.clone().unwrap();
    assert_eq!(
        json!(made),
        json!({ "statusCode": 200, "message": made.message, "callType": "audio", "roomId": room })
    );
    ann.until_status("ringing", "bob").await;
    let incoming = bob.until_incoming("ann").await;
    let (from, to) = (ann.jid("bob"), ann.jid("ann"));
    assert!(incoming["callTime"].as_i64().is_some_and(|at| at > 1_600_000_000_000));
    assert_eq!(
        incoming,
        json!({
            "allUsers": [to, from], "callMode": "onetoone", "callTime": incoming["callTime"],
            "callType": "audio", "from": from, "to": to, "groupId": null, "localUser": false,
            "roomId": room, "roomLink": "", "status": "ringing", "toUsers": [from],
            "userDetails": [{
                "userJid": from, "displayName": "bob",
                "image": format!("{}index.php/avatar/bob/64", stage.url),
            }],
            "userJid": to, "usersStatus": bob.users(&[("ann", "calling"), ("bob", "ringing")]),
        })
    );
    accepted(bob.sdk.answer_call().await);
    ann.until_status("connected", "bob").await;
    bob.until_status("connected", "ann").await;
    let loud = |callback: &SdkEvent| match callback {
        SdkEvent::CallSpeakingListener(payload) => {
            assert!(payload.volume_level <= 10);
            !payload.local_user && payload.volume_level > 5
        }
        _ => false,
    };
    ann.until("bob's voice", loud).await;
    bob.until("ann's voice", loud).await;
    assert_eq!(refusal(bob.sdk.answer_call().await), (400, "not-now".into()));
    assert_eq!(refusal(bob.sdk.decline_call().await), (400, "not-now".into()));
    assert_eq!(refusal(ann.sdk.make_voice_call(&[&ann.jid("bob")], None).await), (400, "not-now".into()));
    let info = ann.sdk.get_call_info().await.call_info.unwrap();
    assert_eq!(
        json!(info),
        json!({
            "roomId": room, "roomLink": "", "callType": "audio", "callMode": "onetoone", "groupId": null,
            "usersStatus": ann.users(&[("ann", "connected"), ("bob", "connected")]),
        })
    );
    accepted(ann.sdk.end_call().await);
    ann.until_closed().await;
    bob.until_closed().await;

    let both = |status| [("ann", status), ("bob", status)];
    assert_eq!(
        ann.statuses(),
        [
            ann.status("calling", "ann", false, &both("calling")),
            ann.status("ringing", "bob", false, &[("ann", "calling"), ("bob", "ringing")]),
            ann.status("connecting", "bob", false, &both("connecting")),
            ann.status("connected", "bob", false, &both("connected")),
            ann.status("ended", "ann", true, &both("ended")),
        ]
    );
    assert_eq!(
        bob.statuses(),
        [
            bob.status("connecting", "bob", false, &both("connecting")),
            bob.status("connected", "ann", false, &both("connected")),
            bob.status("ended", "ann", true, &both("ended")),
        ]
    );
    for program in [&ann, &bob] {
        for name in ["ann", "bob"] {
            let expected = [("audio".to_owned(), true), ("audio".to_owned(), false)];
            assert_eq!(program.tracks(name), expected, "{name} with {}", program.name);
        }
        let other = if program.name == "ann" { "bob" } else { "ann" };
        let joined = json!({ "userJid": program.jid(other), "localUser": false });
        assert_eq!(program.of_listener("callUserJoinedListener"), [joined]);
        let user = |name: &str| json!({ "userJid": program.jid(name), "displayName": name, "localUser": name == program.name });
        let list = json!({ "usersList": [user("ann"), user("bob")] });
        assert_eq!(program.of_listener("callUsersUpdateListener"), [list]);
        for never in
            ["muteStatusListener", "missedCallListener", "callUserLeftListener", "mediaErrorListener"]
        {
            assert!(program.of_listener(never).is_empty(), "{never}");
        }
    }
    for none in [ann.sdk.end_call().await, bob.sdk.mute_audio(true).await, ann.sdk.get_call_info().await] {
        assert_eq!(refusal(none), (400, "not-now".into()));
    }
    ann.finish(1).await;
    bob.finish(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn declined() {
    let stage = Stage::open().await;
    let (mut ann, mut bob) = (Program::of(&stage, "ann").await, Program::of(&stage, "bob").await);
    accepted(ann.sdk.make_voice_call(&[&ann.jid("bob")], None).await);
    ann.until_status("ringing", "bob").await;
    bob.until_incoming("ann").await;
    assert_eq!(refusal(bob.sdk.mute_audio(true).await), (400, "not-now".into()));
    assert_eq!(refusal(bob.sdk.call_engaged().await), (400, "not-now".into()), "there is no other call");
    accepted(bob.sdk.decline_call().await);
    ann.until_closed().await;
    bob.until_closed().await;
    assert_eq!(
        ann.statuses()[1..],
        [
            ann.status("ringing", "bob", false, &[("ann", "calling"), ("bob", "ringing")]),
            ann.status("busy", "bob", true, &[("ann", "ended"), ("bob", "busy")]),
        ]
    );
    assert_eq!(bob.statuses(), [bob.status("ended", "bob", true, &[("ann", "ended"), ("bob", "ended")])]);
    ann.finish(1).await;
    bob.finish(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn not_answered() {
    comes_to_nothing(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelled() {
    comes_to_nothing(true).await;
}

async fn comes_to_nothing(cancels: bool) {
    let stage = Stage::open().await;
    let patience = CallConfig { ring_timeout: Duration::from_secs(8), ..CallConfig::without_tones() };
    let mut ann = Program::with(&stage, "ann", VideoSource::Pattern, patience).await;
    let mut bob = Program::of(&stage, "bob").await;
    let made = ann.sdk.make_video_call(&[&ann.jid("bob")], None).await;
    assert_eq!((made.status_code, json!(made.call_type)), (200, json!("video")));
    ann.until_status("ringing", "bob").await;
    let incoming = bob.until_incoming("ann").await;
    assert_eq!(incoming["callType"], "video");
    if cancels {
        accepted(ann.sdk.end_call().await);
    }
    ann.until_closed().await;
    bob.until_closed().await;
    let statuses = ann.statuses();
    let words: Vec<_> = statuses.iter().rev().take(3).rev().map(|it| it["status"].clone()).collect();
    assert_eq!(words, ["calling", "ringing", "ended"]);
    let last = statuses.last().unwrap();
    let ender = if cancels { "ann" } else { "bob" };
    assert_eq!(
        (&last["userJid"], &last["sessionStatus"]),
        (&json!(ann.jid(ender)), &json!("closed")),
        "{last}"
    );
    let (own, caller) = (bob.jid("bob"), bob.jid("ann"));
    let missed = json!({
        "callMode": "onetoone", "callType": "video", "from": own, "userJid": caller,
        "roomId": made.room_id, "allUsers": [caller, own], "groupId": null,
    });
    assert_eq!(bob.of_listener("missedCallListener").last(), Some(&missed));
    let ended = bob.statuses().last().cloned().unwrap();
    assert_eq!((&ended["status"], &ended["userJid"]), (&json!("ended"), &json!(caller)));
    assert!(bob.person.hears.is_empty(), "a device was opened for a call nobody answered");
    ann.finish(1).await;
    bob.finish(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn engaged() {
    let stage = Stage::open().await;
    let (mut ann, mut bob) = (Program::of(&stage, "ann").await, Program::of(&stage, "bob").await);
    let mut eve = Program::of(&stage, "eve").await;
    Program::connect(&mut ann, &mut bob).await;
    accepted(eve.sdk.make_voice_call(&[&eve.jid("bob")], None).await);
    eve.until_status("ringing", "bob").await;
    bob.until_incoming("eve").await;
    accepted(bob.sdk.call_engaged().await);
    eve.until_closed().await;
    bob.until_status("ended", "eve").await;
    assert_eq!(
        eve.statuses(),
        [
            eve.status("calling", "eve", false, &[("eve", "calling"), ("bob", "calling")]),
            eve.status("ringing", "bob", false, &[("eve", "calling"), ("bob", "ringing")]),
            eve.status("engaged", "bob", true, &[("eve", "ended"), ("bob", "engaged")]),
        ]
    );
    let second = bob.status("ended", "eve", false, &[("eve", "ended"), ("bob", "ended")]);
    assert_eq!(bob.statuses().last(), Some(&second), "the first call goes on");
    assert_eq!(refusal(bob.sdk.call_engaged().await), (400, "not-now".into()));
    let info = bob.sdk.get_call_info().await.call_info.unwrap();
    assert_eq!(json!(info.users_status), bob.users(&[("ann", "connected"), ("bob", "connected")]));

    // The other way: the first call makes room.
    let mut fay = Program::of(&stage, "fay").await;
    accepted(fay.sdk.make_voice_call(&[&fay.jid("bob")], None).await);
    bob.until_incoming("fay").await;
    accepted(bob.sdk.answer_call().await);
    bob.until_closed().await;
    bob.until_status("connected", "fay").await;
    ann.until_closed().await;
    fay.until_status("connected", "bob").await;
    accepted(bob.sdk.end_call().await);
    bob.until_closed().await;
    fay.until_closed().await;
    ann.finish(1).await;
    bob.finish(2).await;
    eve.finish(1).await;
    fay.finish(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_one_leaves() {
    let stage = Stage::open().await;
    let (mut ann, mut bob) = (Program::of(&stage, "ann").await, Program::of(&stage, "bob").await);
    let mut cid = Program::of(&stage, "cid").await;
    let made = ann.sdk.make_voice_call(&[&ann.jid("bob"), &ann.jid("cid")], None).await;
    accepted(made.clone());
    let room = made.room_id.unwrap();
    let group = ann.jid(&format!("{room}@mix.")).replace("@mix.@", "@mix.");
    for program in [&mut bob, &mut cid] {
        let incoming = program.until_incoming("ann").await;
        let (own, caller) = (program.jid(program.name), program.jid("ann"));
        for (field, expected) in [
            ("callMode", json!("onetomany")),
            ("from", json!(caller)),
            ("to", json!(group)),
            ("groupId", json!(group)),
            ("userJid", json!(caller)),
            ("roomId", json!(room)),
            ("allUsers", json!([caller, own])),
            ("toUsers", json!([own])),
        ] {
            assert_eq!(incoming[field], expected, "{field}");
        }
        accepted(program.sdk.answer_call().await);
        ann.until_status("connected", program.name).await;
        program.until_status("connected", "ann").await;
    }
    bob.until_status("connected", "cid").await;
    accepted(cid.sdk.end_call().await);
    cid.until_closed().await;
    ann.until_status("ended", "cid").await;
    bob.until_status("ended", "cid").await;
    let is_list = |callback: &SdkEvent| matches!(callback, SdkEvent::CallUsersUpdateListener(_));
    ann.until("the list without cid", is_list).await;
    bob.until("the list without cid", is_list).await;
    assert_eq!(
        ann.statuses(),
        [
            ann.status(
                "calling",
                "ann",
                false,
                &[("ann", "calling"), ("bob", "calling"), ("cid", "calling")]
            ),
            ann.status(
                "connecting",
                "bob",
                false,
                &[("ann", "connecting"), ("bob", "connecting"), ("cid", "calling")]
            ),
            ann.status(
                "connected",
                "bob",
                false,
                &[("ann", "connected"), ("bob", "connected"), ("cid", "calling")]
            ),
            ann.status(
                "connecting",
                "cid",
                false,
                &[("ann", "connected"), ("bob", "connected"), ("cid", "connecting")]
            ),
            ann.status(
                "connected",
                "cid",
                false,
                &[("ann", "connected"), ("bob", "connected"), ("cid", "connected")]
            ),
            ann.status(
                "ended",
                "cid",
                false,
                &[("ann", "connected"), ("bob", "connected"), ("cid", "ended")]
            ),
        ]
    );
    let left = json!({ "userJid": ann.jid("cid"), "localUser": false });
    assert_eq!(ann.of_listener("callUserLeftListener"), std::slice::from_ref(&left));
    assert_eq!(bob.of_listener("callUserLeftListener"), [left]);
    let names = |program: &Program| -> Vec<Vec<String>> {
        let updates = program.of_listener("callUsersUpdateListener");
        let name = |user: &serde_json::Value| user["displayName"].as_str().unwrap().to_owned();
        updates.iter().map(|it| it["usersList"].as_array().unwrap().iter().map(name).collect()).collect()
    };
    assert_eq!(names(&ann).last().unwrap(), &["ann", "bob"]);
    let info: CallInfo = ann.sdk.get_call_info().await.call_info.unwrap();
    assert_eq!((info.group_id, info.room_id), (Some(group.clone()), room));

    // Whom the one who made it adds is rung again; who is no moderator may add nobody.
    assert_eq!(refusal(bob.sdk.invite_users(&[&bob.jid("cid")]).await), (403, "forbidden".into()));
    assert_eq!(refusal(ann.sdk.invite_users(&[&ann.jid("nobody")]).await), (404, "unknown-user".into()));
    accepted(ann.sdk.invite_users(&[&ann.jid("cid")]).await);
    let invited = |callback: &SdkEvent| matches!(callback, SdkEvent::InviteUsersListener(_));
    ann.until("the invitation", invited).await;
    let expected = json!({
        "usersStatus": ann.users(&[("ann", "connected"), ("bob", "connected"), ("cid", "calling")]),
        "roomId": made_room(&group), "userList": [ann.jid("cid")],
    });
    assert_eq!(ann.of_listener("inviteUsersListener"), [expected]);
    cid.until_incoming("ann").await;
    accepted(cid.sdk.decline_call().await);
    cid.until_closed().await;

    accepted(ann.sdk.end_call().await);
    ann.until_closed().await;
    bob.until_status("ended", "ann").await;
    assert_eq!(bob.statuses().last().unwrap()["sessionStatus"], json!(null), "bob is still in it");
    accepted(bob.sdk.end_call().await);
    bob.until_closed().await;
    ann.finish(1).await;
    bob.finish(1).await;
    cid.finish(2).await;
}

fn made_room(group: &str) -> &str {
    group.split_once('@').unwrap().0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answered_on_another_device() {
    let stage = Stage::open().await;
    let mut ann = Program::of(&stage, "ann").await;
    let (mut here, mut there) = (Program::of(&stage, "bob").await, Program::of(&stage, "bob").await);
    accepted(ann.sdk.make_voice_call(&[&ann.jid("bob")], None).await);
    here.until_incoming("ann").await;
    there.until_incoming("ann").await;
    accepted(here.sdk.answer_call().await);
    there.until_closed().await;
    let mut expected = there.status("ended", "bob", true, &[("ann", "ended"), ("bob", "ended")]);
    expected["carbonAttended"] = json!(true);
    assert_eq!(there.statuses(), [expected]);
    assert!(there.of_listener("missedCallListener").is_empty());
    here.until_status("connected", "ann").await;
    accepted(here.sdk.end_call().await);
    ann.until_closed().await;
    here.until_closed().await;
    assert_eq!(ann.statuses().last().unwrap()["userJid"], json!(ann.jid("bob")));
    ann.finish(1).await;
    here.finish(1).await;
    there.finish(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_possible_is_said_by_number() {
    let stage = Stage::open().await;
    let (ann, bob) = (Program::of(&stage, "ann").await, Program::of(&stage, "bob").await);
    let host = ann.jid("").trim_start_matches('@').to_owned();
    let (forbidden, malformed) = ((403, "forbidden".to_owned()), (400, "bad-link".to_owned()));
    for (users, group, expected) in [
        (vec![], None, malformed.clone()),
        (vec!["bob".to_owned()], None, malformed.clone()),
        (vec![ann.jid("ann")], None, malformed.clone()),
        (vec![format!("x1@mix.{host}")], None, malformed.clone()),
        (vec![], Some(ann.jid("bob")), malformed),
        (vec!["bob@elsewhere.example".to_owned()], None, (404, "unknown-user".into())),
        (vec![ann.jid("nobody")], None, (404, "unknown-user".into())),
        (vec![], Some(format!("nosuchroom@mix.{host}")), (404, "unknown-room".into())),
    ] {
        let users: Vec<&str> = users.iter().map(String::as_str).collect();
        let refused = ann.sdk.make_voice_call(&users, group.as_deref()).await;
        assert_eq!(refusal(refused), expected, "{users:?} {group:?}");
    }
    // The server's permissions, told when the call is refused; then its capabilities, told before.
    stage.configure("start-calls-groups", "callers").await;
    assert_eq!(refusal(ann.sdk.make_voice_call(&[&ann.jid("bob")], None).await), forbidden);
    stage.configure("start-calls-groups", "").await;
    stage.configure("calls", "0").await;
    assert_eq!(refusal(ann.sdk.make_video_call(&[&ann.jid("bob")], None).await), forbidden);
    ann.finish(0).await;
    bob.finish(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mute_is_told_at_both_ends() {
    let stage = Stage::open().await;
    let (mut ann, mut bob) = (Program::of(&stage, "ann").await, Program::of(&stage, "bob").await);
    Program::connect(&mut ann, &mut bob).await;
    let is_mute = |callback: &SdkEvent| matches!(callback, SdkEvent::MuteStatusListener(_));
    let mut expected = Vec::new();
    for mute in [true, false] {
        accepted(bob.sdk.mute_audio(mute).await);
        bob.until("our mute", is_mute).await;
        ann.until("their mute", is_mute).await;
        let told = |program: &Program| {
            let own = program.name == "bob";
            json!({
                "userJid": program.jid("bob"), "localUser": own, "trackType": "audio", "isMuted": mute,
            })
        };
        expected.push((told(&ann), told(&bob)));
        let info = ann.sdk.get_call_info().await.call_info.unwrap();
        assert_eq!(of(&info.users_status, &ann.jid("bob")).audio_muted, mute);
    }
    let (at_ann, at_bob): (Vec<_>, Vec<_>) = expected.into_iter().unzip();
    assert_eq!(ann.of_listener("muteStatusListener"), at_ann);
    assert_eq!(bob.of_listener("muteStatusListener"), at_bob);
    accepted(bob.sdk.end_call().await);
    ann.until_closed().await;
    bob.until_closed().await;
    ann.finish(1).await;
    bob.finish(1).await;
}

fn switched(callback: &SdkEvent) -> bool {
    matches!(callback, SdkEvent::CallSwitchListener(_))
}

async fn call_type(program: &Program) -> serde_json::Value {
    json!(program.sdk.get_call_info().await.call_info.unwrap().call_type)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn going_to_video() {
    let stage = Stage::open().await;
    let (mut ann, mut bob) = (Program::of(&stage, "ann").await, Program::of(&stage, "bob").await);
    Program::connect(&mut ann, &mut bob).await;
    for early in [
        ann.sdk.cancel_video_call_switch_request().await,
        ann.sdk.accept_video_call_switch_request().await,
        bob.sdk.decline_video_call_switch_request().await,
    ] {
        assert_eq!(refusal(early), (400, "not-now".into()));
    }
    // Declined, then taken back: nothing changes.
    accepted(ann.sdk.request_video_call_switch().await);
    bob.until("the request", switched).await;
    accepted(bob.sdk.decline_video_call_switch_request().await);
    ann.until("the refusal", switched).await;
    accepted(ann.sdk.request_video_call_switch().await);
    bob.until("the request", switched).await;
    accepted(ann.sdk.cancel_video_call_switch_request().await);
    bob.until("the cancelling", switched).await;
    ann.until("the cancelling", switched).await;
    for program in [&ann, &bob] {
        assert_eq!(call_type(program).await, "audio");
        assert!(program.of_listener("muteStatusListener").is_empty(), "a camera was switched");
        assert_eq!(program.tracks(program.name), [("audio".to_owned(), true)]);
    }
    // Accepted: both show their cameras.
    accepted(ann.sdk.request_video_call_switch().await);
    bob.until("the request", switched).await;
    assert_eq!(call_type(&bob).await, "audio");
    accepted(bob.sdk.accept_video_call_switch_request().await);
    ann.until("the consent", switched).await;
    for (program, other) in [(&mut ann, "bob"), (&mut bob, "ann")] {
        let jid = program.jid(other);
        let shows = |callback: &SdkEvent| match callback {
            SdkEvent::MuteStatusListener(payload) => payload.user_jid == jid && !payload.is_muted,
            _ => false,
        };
        program.until_told("their camera", shows).await;
        assert_eq!(call_type(program).await, "video");
    }
    assert_eq!(refusal(ann.sdk.request_video_call_switch().await), (400, "not-now".into()));
    accepted(bob.sdk.end_call().await);
    ann.until_closed().await;
    bob.until_closed().await;
    let word = |program: &Program, status: SwitchStatus, who: &str| json!({ "status": status, "userJid": program.jid(who) });
    assert_eq!(
        ann.of_listener("callSwitchListener"),
        [
            word(&ann, SwitchStatus::Decline, "bob"),
            word(&ann, SwitchStatus::Cancel, "ann"),
            word(&ann, SwitchStatus::Accept, "bob"),
        ]
    );
    assert_eq!(
        bob.of_listener("callSwitchListener"),
        [
            word(&bob, SwitchStatus::Request, "ann"),
            word(&bob, SwitchStatus::Request, "ann"),
            word(&bob, SwitchStatus::Cancel, "ann"),
            word(&bob, SwitchStatus::Request, "ann"),
        ]
    );
    for program in [&ann, &bob] {
        for name in ["ann", "bob"] {
            let mute = json!({
                "userJid": program.jid(name), "localUser": name == program.name, "trackType": "video",
                "isMuted": false,
            });
            let told = program.of_listener("muteStatusListener");
            assert_eq!(told.iter().filter(|it| **it == mute).count(), 1, "{told:?}");
        }
    }
    ann.finish(1).await;
    bob.finish(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_camera_that_cannot_be_opened() {
    let stage = Stage::open().await;
    let missing = VideoSource::File(PathBuf::from("/nonexistent/film.y4m"));
    let mut ann = Program::with(&stage, "ann", missing, CallConfig::without_tones()).await;
    let mut bob = Program::of(&stage, "bob").await;
    Program::connect(&mut ann, &mut bob).await;
    accepted(ann.sdk.mute_video(false).await);
    ann.until("the error", |callback| matches!(callback, SdkEvent::MediaErrorListener(_))).await;
    let error = json!({ "action": "video", "statusCode": 100608, "callStatus": "MEDIA_DEVICE_ERROR" });
    assert_eq!(ann.of_listener("mediaErrorListener"), [error]);
    let mutes: Vec<_> =
        ann.of_listener("muteStatusListener").iter().map(|it| it["isMuted"].clone()).collect();
    assert_eq!(mutes, [false, true], "off again");
    accepted(ann.sdk.end_call().await);
    ann.until_closed().await;
    bob.until_closed().await;
    ann.finish(1).await;
    bob.finish(1).await;
}
