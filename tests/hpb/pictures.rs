//! Cameras and screens through real signaling servers and a real Janus, the media of each member in this process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bellbird_call::{
    CallConfig, CallId, CallMachine, CallStatus, CallTarget, CallView, Intent, LinkQuality, MediaKind,
    MediaKinds, ParticipantId, ParticipantView, RoomId, Secret, Watch,
};
use bellbird_capture::VideoSource;
use bellbird_devices::{CaptureSource, PlayoutSink};
use bellbird_media::{CallMediaOptions, MediaRuntime, Picture};
use bellbird_session::{CallHandle, Meter};
use bellbird_talk::{CallOptions, ClientName, TalkAccount};
use bellbird_talk_wire::constants::{
    PERMISSION_AUDIO, PERMISSION_CUSTOM, PERMISSION_JOIN_CALL, PERMISSION_SCREEN, PERMISSION_START_CALL,
    PERMISSION_VIDEO,
};
use bellbird_testkit::hpb_stack::{HpbVersion, Part};
use tokio::sync::{broadcast, watch};

use crate::harness::pair::PASSWORD;
use crate::harness::stage::PATIENCE;
use crate::team::{ADA, BOB, CY, Person, Team, turn};

const CAMERA: MediaKind = MediaKind::Video;
const SCREEN: MediaKind = MediaKind::Screen;
const LISTENS: u32 = PERMISSION_CUSTOM | PERMISSION_START_CALL | PERMISSION_JOIN_CALL | PERMISSION_AUDIO;
const EVERYTHING: u32 = LISTENS | PERMISSION_VIDEO | PERMISSION_SCREEN;

/// Whose picture, and of what.
type Whose = (Option<ParticipantId>, MediaKind);

/// How many pictures were shown, and how wide the last one was.
type Wall = Arc<Mutex<BTreeMap<Whose, (u64, u32)>>>;

/// Someone in the call.
struct Seat {
    call: CallHandle,
    view: watch::Receiver<CallView>,
    wall: Wall,
    grew: watch::Receiver<u64>,
    meters: broadcast::Receiver<Meter>,
}

fn locked(wall: &Wall) -> MutexGuard<'_, BTreeMap<Whose, (u64, u32)>> {
    wall.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Seat {
    async fn join(team: &Team, media: &MediaRuntime, person: Person, kinds: MediaKinds) -> Self {
        let name = ClientName::default();
        let account = TalkAccount::sign_in(team.url(), person.name, &Secret::new(PASSWORD), name).await;
        let account = account.expect("the account is there");
        let wall = Wall::default();
        let (grow, grew) = watch::channel(0);
        let own_wall = wall.clone();
        let options = CallMediaOptions {
            microphone: CaptureSource::Tone { hz: person.tone as f32 },
            speaker: PlayoutSink::Null,
            ringer: PlayoutSink::Null,
            processing: false,
            camera: VideoSource::Pattern,
            screen: VideoSource::ScreenPattern,
            pictures: Arc::new(move |Picture { participant, kind, frame }| {
                let mut wall = locked(&own_wall);
                let (count, width) = wall.entry((participant, kind)).or_default();
                (*count, *width) = (*count + 1, frame.width());
                drop(wall);
                grow.send_modify(|count| *count += 1);
            }),
        };
        let (builder, inlet) = bellbird_session::prepare();
        let signaling = account.open_call_with(inlet.signaling_sink(), CallOptions::default());
        let media = media.open_call(options, inlet.media_sink());
        let target = CallTarget::Room(RoomId::new(team.room()));
        let (id, config) = (CallId::new(person.name), CallConfig::without_tones());
        let machine = CallMachine::outgoing(id, target, "team".into(), kinds, true, config, Instant::now());
        let call = builder.start(machine, Box::new(signaling), Box::new(media));
        let (view, meters) = (call.view(), call.meters());
        Self { call, view, wall, grew, meters }
    }

    /// Waits until the call looks so.
    async fn sees(&mut self, what: &str, fits: impl FnMut(&CallView) -> bool) -> CallView {
        let seen = tokio::time::timeout(PATIENCE, self.view.wait_for(fits)).await;
        let seen = seen.map(|view| view.expect("the call runs").clone());
        seen.unwrap_or_else(|_| panic!("waited in vain for {what}: {:#?}", self.call.view().borrow().clone()))
    }

    async fn connected(&mut self, others: usize) {
        let connected = |view: &CallView| {
            let count = view.participants.iter().filter(|who| who.status == CallStatus::Connected).count();
            count == others
        };
        self.sees(&format!("{others} others"), connected).await;
    }

    async fn sees_of(&mut self, who: Person, what: &str, fits: impl Fn(&ParticipantView) -> bool) {
        let of = |view: &CallView| view.participants.iter().any(|other| is(other, who) && fits(other));
        self.sees(&format!("{what} of {}", who.name), of).await;
    }

    fn id_of(&self, who: Person) -> ParticipantId {
        let view = self.view.borrow();
        view.participants.iter().find(|other| is(other, who)).expect("they are in the call").id.clone()
    }

    fn look_at(&self, pictures: &[(Person, MediaKind, u16)]) {
        let watch = |(who, kind, width): &(Person, MediaKind, u16)| Watch {
            participant: Some(self.id_of(*who)),
            kind: *kind,
            width: *width,
        };
        self.call.send(Intent::Watch(pictures.iter().map(watch).collect()));
    }

    /// Waits for so many more pictures that are as wide as `fits` wants.
    async fn is_shown(&mut self, who: Person, kind: MediaKind, count: u64, fits: impl Fn(u32) -> bool) {
        let whose = (Some(self.id_of(who)), kind);
        let wall = self.wall.clone();
        let before = locked(&wall).get(&whose).map_or(0, |(count, _)| *count);
        let enough = |_: &u64| {
            let wall = locked(&wall);
            wall.get(&whose).is_some_and(|(now, width)| *now >= before + count && fits(*width))
        };
        let waited = tokio::time::timeout(PATIENCE, self.grew.wait_for(enough)).await.map(|_| ());
        assert!(waited.is_ok(), "{kind:?} of {} was not shown: {:?}", who.name, locked(&self.wall));
    }

    /// Looks at whoever there is until so many more pictures were shown. Sessions may be made anew meanwhile, and with
    /// them everybody's id.
    async fn is_shown_anyones(&mut self, kind: MediaKind, count: u64) {
        let wall = self.wall.clone();
        let shown = || {
            let of_kind = |((_, of), (count, _)): (&Whose, &(u64, u32))| (*of == kind).then_some(*count);
            locked(&wall).iter().filter_map(of_kind).sum::<u64>()
        };
        let wanted = shown() + count;
        let waiting = async {
            loop {
                let people = self.view.borrow_and_update().participants.clone();
                let watch = |who: ParticipantView| Watch { participant: Some(who.id), kind, width: 1920 };
                self.call.send(Intent::Watch(people.into_iter().map(watch).collect()));
                tokio::select! {
                    _ = self.grew.wait_for(|_| shown() >= wanted) => return,
                    changed = self.view.changed() => changed.expect("the call runs"),
                }
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(waited.is_ok(), "no {kind:?} was shown: {:?}", locked(&self.wall));
    }

    /// The figures of somebody's person, once they fit.
    async fn measures(&mut self, who: Person, what: &str, fits: impl Fn(&LinkQuality) -> bool) {
        let id = self.id_of(who);
        self.meters = self.call.meters();
        let mut last = None;
        let waiting = async {
            loop {
                let Ok(Meter::Quality(links)) = self.meters.recv().await else { continue };
                let mut theirs = links.into_iter().filter(|link| link.participant.as_ref() == Some(&id));
                if theirs.any(|link| {
                    let fits = fits(&link);
                    last = Some(link);
                    fits
                }) {
                    return;
                }
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(waited.is_ok(), "{what} of {}: {last:?}", who.name);
    }

    async fn leave(self) {
        self.call.send(Intent::End);
        self.call.finished().await;
    }
}

fn is(other: &ParticipantView, who: Person) -> bool {
    other.contact.as_ref().is_some_and(|contact| contact.as_str() == who.name)
}

fn play(scenario: impl AsyncFnOnce(MediaRuntime)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let media = MediaRuntime::new(runtime.handle().clone());
    runtime.block_on(scenario(media));
}

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
