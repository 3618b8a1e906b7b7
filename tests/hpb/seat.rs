//! A member of a call through a signaling server, whose media are in this process: it is told what to show, and what it was
//! shown is counted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bellbird_call::{
    CallConfig, CallId, CallMachine, CallStatus, CallTarget, CallView, Intent, LinkQuality, MediaKind,
    MediaKinds, ParticipantId, ParticipantView, RoomId, Secret, Watch,
};
use bellbird_capture::VideoSource;
use bellbird_devices::{CaptureSource, PlayoutSink};
use bellbird_media::{CallMediaOptions, MediaRuntime, Picture, PictureSink};
use bellbird_session::{CallHandle, Meter};
use bellbird_talk::{CallOptions, ClientName, TalkAccount};
use tokio::sync::{broadcast, watch};

use crate::harness::pair::PASSWORD;
use crate::harness::stage::PATIENCE;
use crate::team::{Person, Team};

/// Whose picture, and of what.
type Whose = (Option<ParticipantId>, MediaKind);

/// How many pictures were shown, and how wide the last one was.
type Wall = Arc<Mutex<BTreeMap<Whose, (u64, u32)>>>;

/// Someone in the call.
pub(crate) struct Seat {
    pub(crate) call: CallHandle,
    view: watch::Receiver<CallView>,
    wall: Wall,
    grew: watch::Receiver<u64>,
    meters: broadcast::Receiver<Meter>,
}

fn locked(wall: &Wall) -> MutexGuard<'_, BTreeMap<Whose, (u64, u32)>> {
    wall.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Seat {
    /// Enters with a test pattern for a camera.
    pub(crate) async fn join(team: &Team, media: &MediaRuntime, person: Person, kinds: MediaKinds) -> Self {
        Self::join_with(team, media, person, kinds, VideoSource::Pattern, Arc::new(|_| {})).await
    }

    /// Enters with this camera. What is shown also goes to `also`, on a decoder's thread.
    pub(crate) async fn join_with(
        team: &Team,
        media: &MediaRuntime,
        person: Person,
        kinds: MediaKinds,
        camera: VideoSource,
        also: PictureSink,
    ) -> Self {
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
            camera,
            screen: VideoSource::ScreenPattern,
            pictures: Arc::new(move |picture: Picture| {
                also(picture.clone());
                let Picture { participant, kind, frame } = picture;
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
    pub(crate) async fn sees(&mut self, what: &str, fits: impl FnMut(&CallView) -> bool) -> CallView {
        let seen = tokio::time::timeout(PATIENCE, self.view.wait_for(fits)).await;
        let seen = seen.map(|view| view.expect("the call runs").clone());
        seen.unwrap_or_else(|_| panic!("waited in vain for {what}: {:#?}", self.call.view().borrow().clone()))
    }

    /// Waits until so many others are connected.
    pub(crate) async fn connected(&mut self, others: usize) {
        let connected = |view: &CallView| {
            let count = view.participants.iter().filter(|who| who.status == CallStatus::Connected).count();
            count == others
        };
        self.sees(&format!("{others} others"), connected).await;
    }

    pub(crate) async fn sees_of(&mut self, who: Person, what: &str, fits: impl Fn(&ParticipantView) -> bool) {
        let of = |view: &CallView| view.participants.iter().any(|other| is(other, who) && fits(other));
        self.sees(&format!("{what} of {}", who.name), of).await;
    }

    pub(crate) fn id_of(&self, who: Person) -> ParticipantId {
        let view = self.view.borrow();
        view.participants.iter().find(|other| is(other, who)).expect("they are in the call").id.clone()
    }

    /// Looks at these and no others, each so wide.
    pub(crate) fn look_at(&self, pictures: &[(Person, MediaKind, u16)]) {
        let watch = |(who, kind, width): &(Person, MediaKind, u16)| Watch {
            participant: Some(self.id_of(*who)),
            kind: *kind,
            width: *width,
        };
        self.call.send(Intent::Watch(pictures.iter().map(watch).collect()));
    }

    /// Waits for so many more pictures that are as wide as `fits` wants.
    pub(crate) async fn is_shown(
        &mut self,
        who: Person,
        kind: MediaKind,
        count: u64,
        fits: impl Fn(u32) -> bool,
    ) {
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
    pub(crate) async fn is_shown_anyones(&mut self, kind: MediaKind, count: u64) {
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
    pub(crate) async fn measures(&mut self, who: Person, what: &str, fits: impl Fn(&LinkQuality) -> bool) {
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

    pub(crate) async fn leave(self) {
        self.call.send(Intent::End);
        self.call.finished().await;
    }
}

fn is(other: &ParticipantView, who: Person) -> bool {
    other.contact.as_ref().is_some_and(|contact| contact.as_str() == who.name)
}

/// Plays a scenario on a runtime of its own.
pub(crate) fn play(scenario: impl AsyncFnOnce(MediaRuntime)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let media = MediaRuntime::new(runtime.handle().clone());
    runtime.block_on(scenario(media));
}
