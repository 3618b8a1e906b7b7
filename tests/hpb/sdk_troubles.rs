//! The call SDK through a real signaling server: calls that do not go as somebody wished, told in order and whole.

use bellbird_talk_wire::constants::{
    PERMISSION_AUDIO, PERMISSION_CHAT, PERMISSION_CUSTOM, PERMISSION_JOIN_CALL,
};
use bellbird_testkit::hpb_stack::HpbVersion;
use serde_json::{Value, json};

use crate::sdk_program::Program;
use crate::team::{ADA, BOB, CY, Person, Team, turn};

const DEE: Person = Person { name: "dee", tone: 1700 };
const JOINS: u32 = PERMISSION_CUSTOM | PERMISSION_JOIN_CALL | PERMISSION_AUDIO | PERMISSION_CHAT;
/// A device that no machine has.
const MISSING: &str = "device:No such device";

#[test]
fn calls_that_go_wrong_are_told_through_a_media_server() {
    calls_that_go_wrong(HpbVersion::V1);
}

#[test]
fn likewise_on_version_2() {
    calls_that_go_wrong(HpbVersion::V2);
}

fn calls_that_go_wrong(version: HpbVersion) {
    let _turn = turn();
    let team = Team::start(version, &[ADA, BOB, CY, DEE]);
    let (mut ada, mut bob) = (Program::start(&team, ADA), Program::start(&team, BOB));
    let mut cy = Program::with(&team, CY, &format!("tone:{}", CY.tone), MISSING);
    let mut dee = Program::with(&team, DEE, MISSING, "pattern");

    // It rings until the caller has had enough of it. The others play meanwhile.
    let unanswered = cy.asks("makeVoiceCall", &json!([cy.jid(DEE)]));
    cy.until_status("ringing", DEE);
    dee.until_incoming(CY);

    // A call that was thought better of, and made again in the same second, rings again.
    for _ in 0..3 {
        let made = ada.asks("makeVoiceCall", &json!([ada.jid(BOB)]));
        ada.until_status("ringing", BOB);
        bob.until_incoming(ADA);
        ada.does("endCall");
        comes_to_nothing(&mut ada, &mut bob, &made, ADA);
    }

    another_device_answers(&team, &mut bob, &mut ada);
    comes_to_nothing(&mut cy, &mut dee, &unanswered, DEE);
    is_engaged(&mut ada, &mut bob, &mut cy);
    devices_are_missing(&mut dee, &mut cy);
    may_not_call(&team, &ada, &bob);
    for program in [ada, bob, cy, dee] {
        program.finish();
    }
}

/// A call that rang, and that nobody took, ends; by the word of `ender`, as the caller is told.
fn comes_to_nothing(caller: &mut Program, callee: &mut Program, made: &Value, ender: Person) {
    caller.until_closed();
    callee.until_closed();
    let (from, to) = (caller.person, callee.person);
    let both = |status| [(from, status), (to, status)];
    assert_eq!(
        caller.statuses(),
        [
            caller.status("calling", from, false, &both("calling")),
            caller.status("ringing", to, false, &[(from, "calling"), (to, "ringing")]),
            caller.status("ended", ender, true, &both("ended")),
        ]
    );
    // And nothing else: not even a device was looked for.
    assert_eq!(callee.listeners(), ["incomingCallListener", "missedCallListener", "callStatusListener"]);
    let (own, theirs) = (callee.jid(to), callee.jid(from));
    let missed = json!({
        "callMode": "onetoone", "callType": "audio", "from": own, "userJid": theirs,
        "roomId": made["roomId"], "allUsers": [theirs, own], "groupId": null,
    });
    assert_eq!(callee.of_listener("missedCallListener"), [missed]);
    assert_eq!(callee.statuses(), [callee.status("ended", from, true, &both("ended"))]);
    caller.over();
    callee.over();
}

/// The server lets only some begin calls, then a conversation's moderator does. Nobody is told anything of it, which the
/// end of the programs shows.
fn may_not_call(team: &Team, ada: &Program, bob: &Program) {
    let forbidden = json!([403, "forbidden"]);
    team.configure("start-calls-groups", "callers");
    for method in ["makeVoiceCall", "makeVideoCall"] {
        assert_eq!(ada.is_refused(method, &json!([ada.jid(BOB)])), forbidden, "{method}");
    }
    team.configure("start-calls-groups", "");
    team.permit(ADA, BOB, JOINS);
    let conversation = format!("{}@mix.{}", team.room(), bob.host);
    assert_eq!(bob.is_refused("makeVoiceCall", &json!([[], conversation])), forbidden);
}

fn another_device_answers(team: &Team, bob: &mut Program, here: &mut Program) {
    let mut there = Program::start(team, ADA);
    bob.asks("makeVoiceCall", &json!([bob.jid(ADA)]));
    bob.until_status("ringing", ADA);
    here.until_incoming(BOB);
    there.until_incoming(BOB);
    here.does("answerCall");
    there.until_closed();
    let both = |status| [(BOB, status), (ADA, status)];
    let mut elsewhere = there.status("ended", ADA, true, &both("ended"));
    elsewhere["carbonAttended"] = json!(true);
    assert_eq!(there.statuses(), [elsewhere]);
    assert_eq!(there.listeners(), ["incomingCallListener", "callStatusListener"], "no call was missed");
    there.over();

    bob.until_status("connected", ADA);
    here.until_status("connected", BOB);
    here.does("endCall");
    bob.until_closed();
    here.until_closed();
    assert_eq!(
        bob.statuses(),
        [
            bob.status("calling", BOB, false, &both("calling")),
            bob.status("ringing", ADA, false, &[(BOB, "calling"), (ADA, "ringing")]),
            bob.status("connecting", ADA, false, &both("connecting")),
            bob.status("connected", ADA, false, &both("connected")),
            bob.status("ended", ADA, true, &both("ended")),
        ]
    );
    assert_eq!(
        here.statuses(),
        [
            here.status("connecting", ADA, false, &both("connecting")),
            here.status("connected", BOB, false, &both("connected")),
            here.status("ended", ADA, true, &both("ended")),
        ]
    );
    bob.over();
    here.over();
    there.finish();
}

/// Whoever calls Bob while he talks to Ada is told so, and Ada and Bob talk on.
fn is_engaged(ada: &mut Program, bob: &mut Program, cy: &mut Program) {
    ada.asks("makeVoiceCall", &json!([ada.jid(BOB)]));
    ada.until_status("ringing", BOB);
    bob.until_incoming(ADA);
    bob.does("answerCall");
    ada.until_status("connected", BOB);
    bob.until_status("connected", ADA);

    cy.asks("makeVoiceCall", &json!([cy.jid(BOB)]));
    cy.until_status("ringing", BOB);
    bob.until_incoming(CY);
    bob.does("callEngaged");
    cy.until_closed();
    bob.until_status("ended", CY);
    assert_eq!(
        cy.statuses(),
        [
            cy.status("calling", CY, false, &[(CY, "calling"), (BOB, "calling")]),
            cy.status("ringing", BOB, false, &[(CY, "calling"), (BOB, "ringing")]),
            cy.status("engaged", BOB, true, &[(CY, "ended"), (BOB, "engaged")]),
        ]
    );
    cy.over();
    assert_eq!(bob.is_refused("callEngaged", &json!([])), json!([400, "not-now"]));
    let both = |status| [(ADA, status), (BOB, status)];
    for program in [&*ada, &*bob] {
        let info = &program.asks("getCallInfo", &json!([]))["callInfo"];
        let connected = program.status("connected", ADA, false, &both("connected"));
        assert_eq!(info["usersStatus"], connected["usersStatus"], "they talk on");
    }
    ada.does("endCall");
    ada.until_closed();
    bob.until_closed();
    assert_eq!(
        bob.statuses(),
        [
            bob.status("connecting", BOB, false, &both("connecting")),
            bob.status("connected", ADA, false, &both("connected")),
            bob.status("ended", CY, false, &[(CY, "ended"), (BOB, "ended")]),
            bob.status("ended", ADA, true, &both("ended")),
        ]
    );
    ada.over();
    bob.over();
}

/// One has no microphone, the other no camera: both are told of their own, and the call goes on.
fn devices_are_missing(dee: &mut Program, cy: &mut Program) {
    let failed = |callback: &Value| callback["listener"] == "mediaErrorListener";
    let error =
        |action| json!({ "action": action, "statusCode": 100_608, "callStatus": "MEDIA_DEVICE_ERROR" });
    dee.asks("makeVoiceCall", &json!([dee.jid(CY)]));
    dee.until_status("ringing", CY);
    cy.until_incoming(DEE);
    cy.does("answerCall");
    dee.until_status("connected", CY);
    cy.until_status("connected", DEE);
    dee.until_told("the microphone that is missing", failed);
    assert_eq!(cy.of_listener("mediaErrorListener"), [] as [Value; 0]);
    cy.asks("muteVideo", &json!([false]));
    cy.until_told("the camera that is missing", failed);
    let jid = cy.jid(CY);
    let own = cy.of_listener("muteStatusListener").into_iter().filter(|mute| mute["userJid"] == jid);
    let mutes: Vec<Value> = own.map(|mute| mute["isMuted"].clone()).collect();
    assert_eq!(mutes, [false, true], "off again");
    cy.does("endCall");
    cy.until_closed();
    dee.until_closed();
    assert_eq!(cy.of_listener("mediaErrorListener"), [error("video")]);
    assert_eq!(dee.of_listener("mediaErrorListener"), [error("audio")]);
    let words = |program: &Program| -> Vec<Value> {
        program.statuses().into_iter().map(|status| status["status"].clone()).collect()
    };
    assert_eq!(words(dee), ["calling", "ringing", "connecting", "connected", "ended"]);
    assert_eq!(words(cy), ["connecting", "connected", "ended"]);
    cy.over();
    dee.over();
}
