//! The call SDK through a real signaling server: calls that come about, and how they go on.

use bellbird_testkit::hpb_stack::HpbVersion;
use serde_json::{Value, json};

use crate::sdk_program::Program;
use crate::team::{ADA, BOB, CY, Team, turn};

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
    let incoming = bob.until_incoming(ADA);
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
    ada.does("cancelVideoCallSwitchRequest");
    for program in [&mut ada, &mut bob] {
        let cancelled = program.until("the cancelling", switched)["payload"].clone();
        assert_eq!(cancelled, json!({ "status": "cancel", "userJid": program.jid(ADA) }));
        assert_eq!(program.asks("getCallInfo", &json!([]))["callInfo"]["callType"], "audio");
        let mutes = program.of_listener("muteStatusListener");
        assert!(mutes.is_empty(), "nobody switched anything: {mutes:?}");
    }
    assert_eq!(bob.is_refused("acceptVideoCallSwitchRequest", &json!([])), json!([400, "not-now"]));
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
    let words = |program: &Program| -> Vec<Value> {
        let told = program.of_listener("callSwitchListener");
        told.into_iter().map(|payload| payload["status"].clone()).collect()
    };
    assert_eq!(words(&ada), ["decline", "cancel", "accept"]);
    assert_eq!(words(&bob), ["request", "request", "cancel", "request"]);
    for program in [&mut ada, &mut bob] {
        let last = program.statuses().pop().expect("a status");
        assert_eq!((&last["status"], &last["userJid"]), (&json!("ended"), &json!(program.jid(ADA))));
        program.over();
    }

    // Declined.
    bob.asks("makeVoiceCall", &json!([bob.jid(CY)]));
    bob.until_status("ringing", CY);
    cy.until_incoming(BOB);
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

    bob.over();
    cy.over();

    // Several, of whom one leaves.
    let made = ada.asks("makeVoiceCall", &json!([ada.jid(BOB), ada.jid(CY)]));
    let group = format!("{}@mix.{}", made["roomId"].as_str().expect("a token"), ada.host);
    for (program, person) in [(&mut bob, BOB), (&mut cy, CY)] {
        let incoming = program.until_incoming(ADA);
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
    for mut program in [ada, bob, cy] {
        program.over();
        program.finish();
    }
}
