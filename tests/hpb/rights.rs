//! Rights that a moderator takes and gives while the call runs, and those who come without an account.

use bellbird_talk_wire::constants::{
    PERMISSION_AUDIO, PERMISSION_CHAT, PERMISSION_CUSTOM, PERMISSION_JOIN_CALL, PERMISSION_START_CALL,
};
use bellbird_testkit::hpb_stack::HpbVersion;

use crate::team::{ADA, BOB, CY, Member, Team, turn};

const LISTENS: u32 = PERMISSION_CUSTOM | PERMISSION_START_CALL | PERMISSION_JOIN_CALL | PERMISSION_CHAT;
const SPEAKS: u32 = LISTENS | PERMISSION_AUDIO;

#[test]
fn the_right_to_speak_is_taken_and_given_in_a_running_call() {
    rights_in_a_running_call(HpbVersion::V1);
}

#[test]
fn the_right_to_speak_likewise_on_version_2() {
    rights_in_a_running_call(HpbVersion::V2);
}

fn rights_in_a_running_call(version: HpbVersion) {
    let _turn = turn();
    let team = Team::start(version, &[ADA, BOB, CY]);
    let mut members = [team.join(ADA), team.join(BOB), team.join(CY)];
    for member in &mut members {
        member.connected();
    }
    let [ada, bob, cy] = &members;
    ada.hears(&[BOB, CY]);
    bob.hears(&[ADA, CY]);
    cy.hears(&[ADA, BOB]);

    let marks = [ada.mark(), bob.mark(), cy.mark()];
    team.permit(ADA, BOB, LISTENS);
    ada.misses_after(marks[0], BOB, &[CY]);
    cy.misses_after(marks[2], BOB, &[ADA]);
    // Who may not speak hears as before.
    let mark = bob.mark();
    bob.hears_after(mark, &[ADA, CY]);

    let marks = [ada.mark(), bob.mark(), cy.mark()];
    team.permit(ADA, BOB, SPEAKS);
    ada.hears_after(marks[0], &[BOB, CY]);
    cy.hears_after(marks[2], &[ADA, BOB]);
    members.into_iter().for_each(Member::leave);
}

#[test]
fn a_listener_from_the_beginning_is_made_a_speaker() {
    let _turn = turn();
    let team = Team::start(HpbVersion::V1, &[ADA, BOB, CY]);
    team.permit(ADA, CY, LISTENS);
    let mut members = [team.join(ADA), team.join(BOB), team.join(CY)];
    for member in &mut members {
        member.connected();
    }
    let [ada, bob, cy] = &members;
    cy.hears(&[ADA, BOB]);
    ada.misses_after(ada.mark(), CY, &[BOB]);
    let marks = [ada.mark(), bob.mark()];
    team.permit(ADA, CY, SPEAKS);
    ada.hears_after(marks[0], &[BOB, CY]);
    bob.hears_after(marks[1], &[ADA, CY]);
    members.into_iter().for_each(Member::leave);
}

#[test]
fn a_guest_with_the_link_speaks_and_hears() {
    for version in HpbVersion::ALL {
        let _turn = turn();
        let team = Team::start(version, &[ADA, BOB]);
        let link = team.open_link(&ADA);
        let mut members = [team.join(ADA), team.join(BOB), team.join_as_guest(CY, &link)];
        for member in &mut members {
            member.connected();
        }
        let [ada, bob, guest] = &members;
        guest.hears(&[ADA, BOB]);
        ada.hears(&[BOB, CY]);
        bob.hears(&[ADA, CY]);
        members.into_iter().for_each(Member::leave);
    }
}
