//! Cameras and screens through real signaling servers and a real Janus, the media of each member in this process.

use bellbird_call::{Intent, MediaKind, MediaKinds};
use bellbird_talk_wire::constants::{
    PERMISSION_AUDIO, PERMISSION_CUSTOM, PERMISSION_JOIN_CALL, PERMISSION_SCREEN, PERMISSION_START_CALL,
    PERMISSION_VIDEO,
};
use bellbird_testkit::hpb_stack::{HpbVersion, Part};

use crate::seat::{Seat, play};
use crate::team::{ADA, BOB, CY, Team, turn};

const CAMERA: MediaKind = MediaKind::Video;
const SCREEN: MediaKind = MediaKind::Screen;
const LISTENS: u32 = PERMISSION_CUSTOM | PERMISSION_START_CALL | PERMISSION_JOIN_CALL | PERMISSION_AUDIO;
const EVERYTHING: u32 = LISTENS | PERMISSION_VIDEO | PERMISSION_SCREEN;

#[test]
fn a_camera_is_seen_in_the_size_it_is_looked_at_and_costs_nothing_where_it_is_not() {
    cameras(HpbVersion::V1);
}

#[test]
fn a_camera_likewise_on_version_2() {
    cameras(HpbVersion::V2);
}

fn cameras(version: HpbVersion) {
    let _turn = turn();
    let team = Team::start(version, &[ADA, BOB, CY]);
    play(async |media| {
        let mut ada = Seat::join(&team, &media, ADA, MediaKinds::VIDEO).await;
        let mut bob = Seat::join(&team, &media, BOB, MediaKinds::VOICE).await;
        let mut cy = Seat::join(&team, &media, CY, MediaKinds::VOICE).await;
        for seat in [&mut ada, &mut bob, &mut cy] {
            seat.connected(2).await;
        }
        bob.look_at(&[(ADA, CAMERA, 1280)]);
        bob.is_shown(ADA, CAMERA, 30, |width| width >= 640).await;
        // Nobody looks at it here, so it is not even sent.
        cy.measures(ADA, "sound alone", |link| link.kbit_in > 5.0 && link.kbit_in < 80.0).await;
        cy.look_at(&[(ADA, CAMERA, 160)]);
        cy.is_shown(ADA, CAMERA, 30, |width| width <= 320).await;
        bob.is_shown(ADA, CAMERA, 30, |width| width >= 640).await;
        cy.look_at(&[]);
        cy.measures(ADA, "sound alone", |link| link.kbit_in > 5.0 && link.kbit_in < 80.0).await;

        // Off and on: told, and seen.
        ada.call.send(Intent::Mute(CAMERA));
        bob.sees_of(ADA, "a camera that is off", |ada| ada.video_muted).await;
        ada.call.send(Intent::Unmute(CAMERA));
        bob.sees_of(ADA, "a camera that is on", |ada| !ada.video_muted).await;
        bob.is_shown(ADA, CAMERA, 30, |_| true).await;

        // A moderator takes the right to it, and gives it back.
        bob.call.send(Intent::Unmute(CAMERA));
        ada.look_at(&[(BOB, CAMERA, 1280)]);
        ada.is_shown(BOB, CAMERA, 10, |_| true).await;
        team.permit(ADA, BOB, LISTENS);
        bob.sees("no right to a camera", |view| !view.facts.may_publish_video && !view.camera_on).await;
        ada.sees_of(BOB, "a camera that is off", |bob| bob.video_muted).await;
        ada.measures(BOB, "sound alone", |link| link.kbit_in > 5.0 && link.kbit_in < 80.0).await;
        team.permit(ADA, BOB, EVERYTHING);
        bob.sees("the right to a camera", |view| view.facts.may_publish_video).await;
        bob.call.send(Intent::Unmute(CAMERA));
        ada.is_shown(BOB, CAMERA, 10, |_| true).await;
        for seat in [bob, cy, ada] {
            seat.leave().await;
        }
    });
}

#[test]
fn a_screen_is_published_once_and_seen_by_all_and_by_those_who_come_later() {
    let _turn = turn();
    screens(&Team::start(HpbVersion::V1, &[ADA, BOB, CY]));
}

#[test]
fn a_screen_likewise_on_version_2() {
    let _turn = turn();
    screens(&Team::start(HpbVersion::V2, &[ADA, BOB, CY]));
}

#[test]
fn a_screen_goes_straight_to_each_without_a_signaling_server() {
    let _turn = turn();
    screens(&Team::start_mesh(&[ADA, BOB, CY]));
}

fn screens(team: &Team) {
    play(async |media| {
        let mut ada = Seat::join(team, &media, ADA, MediaKinds::VOICE).await;
        let mut bob = Seat::join(team, &media, BOB, MediaKinds::VOICE).await;
        ada.connected(1).await;
        bob.connected(1).await;
        ada.call.send(Intent::ShareScreen(true));
        ada.sees("sharing", |view| view.sharing_screen).await;
        bob.sees_of(ADA, "a screen", |ada| ada.has_screen).await;
        bob.look_at(&[(ADA, SCREEN, 1920)]);
        bob.is_shown(ADA, SCREEN, 5, |_| true).await;

        let mut cy = Seat::join(team, &media, CY, MediaKinds::VOICE).await;
        cy.connected(2).await;
        cy.sees_of(ADA, "a screen", |ada| ada.has_screen).await;
        // Two at once.
        cy.call.send(Intent::ShareScreen(true));
        ada.sees_of(CY, "a screen", |cy| cy.has_screen).await;
        bob.sees_of(CY, "a screen", |cy| cy.has_screen).await;
        cy.look_at(&[(ADA, SCREEN, 1920)]);
        cy.is_shown(ADA, SCREEN, 5, |_| true).await;
        bob.look_at(&[(ADA, SCREEN, 1920), (CY, SCREEN, 1920)]);
        bob.is_shown(CY, SCREEN, 5, |_| true).await;

        // One stops; and shares again at once, which the server takes only after a while.
        ada.call.send(Intent::ShareScreen(false));
        for seat in [&mut bob, &mut cy] {
            seat.sees_of(ADA, "no screen", |ada| !ada.has_screen).await;
        }
        bob.sees_of(CY, "a screen", |cy| cy.has_screen).await;
        ada.call.send(Intent::ShareScreen(true));
        for seat in [&mut bob, &mut cy] {
            seat.sees_of(ADA, "a screen again", |ada| ada.has_screen).await;
            seat.is_shown(ADA, SCREEN, 5, |_| true).await;
        }
        // Whoever shares leaves.
        ada.leave().await;
        bob.sees("who is left", |view| view.participants.len() == 1).await;
        bob.is_shown(CY, SCREEN, 5, |_| true).await;
        for seat in [bob, cy] {
            seat.leave().await;
        }
    });
}

#[test]
fn a_screen_comes_back_after_the_media_server_was_killed() {
    let _turn = turn();
    let mut team = Team::start(HpbVersion::V1, &[ADA, BOB]);
    play(async |media| {
        let mut ada = Seat::join(&team, &media, ADA, MediaKinds::VOICE).await;
        let mut bob = Seat::join(&team, &media, BOB, MediaKinds::VOICE).await;
        ada.connected(1).await;
        bob.connected(1).await;
        ada.call.send(Intent::ShareScreen(true));
        bob.sees_of(ADA, "a screen", |ada| ada.has_screen).await;
        bob.look_at(&[(ADA, SCREEN, 1920)]);
        bob.is_shown(ADA, SCREEN, 5, |_| true).await;
        team.stack().kill(Part::Janus);
        bob.sees_of(ADA, "no screen", |ada| !ada.has_screen).await;
        team.stack().start_part(Part::Janus);
        bob.is_shown_anyones(SCREEN, 5).await;
        for seat in [bob, ada] {
            seat.leave().await;
        }
    });
}
