//! Our camera and our screen, and the others': what is opened when, who is told, and what is asked for.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::time::Instant;

use bellbird_call::ports::{
    MediaCommand, MediaEvent, Problem, ProblemCode, SignalingCommand, SignalingEvent,
};
use bellbird_call::*;

const CAMERA: MediaKind = MediaKind::Video;
const SCREEN: MediaKind = MediaKind::Screen;

struct Bench {
    call: CallMachine,
    now: Instant,
}

fn bob() -> ParticipantId {
    ParticipantId::new("bob-1")
}

fn media(command: MediaCommand) -> CallOutput {
    CallOutput::Media(command)
}

fn open(kind: MediaKind) -> CallOutput {
    media(MediaCommand::SetMuted { kind, muted: false })
}

fn close(kind: MediaKind) -> CallOutput {
    media(MediaCommand::SetMuted { kind, muted: true })
}

fn signal(command: SignalingCommand) -> CallOutput {
    CallOutput::Signaling(command)
}

fn announced(kind: MediaKind, muted: bool) -> CallOutput {
    signal(SignalingCommand::AnnounceMute { kind, muted })
}

fn shared(on: bool) -> CallOutput {
    signal(SignalingCommand::ShareScreen(on))
}

fn told(kind: MediaKind, muted: bool) -> CallOutput {
    CallOutput::Event(CallEvent::Mute { participant: None, kind, muted })
}

fn ours(kind: MediaKind, added: bool) -> CallOutput {
    CallOutput::Event(CallEvent::Track { participant: None, kind, added })
}

fn problem(code: ProblemCode) -> Problem {
    Problem::new(code, "it is so")
}

fn problems(outputs: &[CallOutput]) -> Vec<ProblemCode> {
    let code = |output: &CallOutput| match output {
        CallOutput::Event(CallEvent::Problem(problem)) => Some(problem.code),
        CallOutput::Event(_) | CallOutput::Media(_) | CallOutput::Signaling(_) => None,
    };
    outputs.iter().filter_map(code).collect()
}

impl Bench {
    fn dialing(media: MediaKinds) -> (Self, Vec<CallOutput>) {
        let (now, config) = (Instant::now(), CallConfig::default());
        let target = CallTarget::Room(RoomId::new("team"));
        let call = CallMachine::outgoing(CallId::new("1"), target, "Team".into(), media, false, config, now);
        let mut bench = Self { call, now };
        let begun = bench.give(CallInput::Start);
        (bench, begun)
    }

    /// In a call with Bob, whose link is connected.
    fn in_call(media: MediaKinds) -> Self {
        let (mut bench, _) = Self::dialing(media);
        bench.join();
        bench.comes(bob());
        bench.link(LinkId(1), LinkSource::Person, LinkDirection::SendReceive);
        bench.give(CallInput::Media(MediaEvent::LinkState { link: LinkId(1), state: LinkState::Connected }));
        bench
    }

    fn ringing() -> Self {
        let now = Instant::now();
        let invitation = Invitation {
            room: RoomId::new("room"),
            from: Some(ContactId::new("bob")),
            display_name: "Bob".into(),
            one_to_one: true,
            media: MediaKinds::VIDEO,
        };
        let call = CallMachine::incoming(CallId::new("1"), invitation, CallConfig::default(), now);
        let mut bench = Self { call, now };
        bench.give(CallInput::Start);
        bench
    }

    fn give(&mut self, input: CallInput) -> Vec<CallOutput> {
        self.call.handle(input, self.now);
        std::iter::from_fn(|| self.call.poll_output()).collect()
    }

    fn say(&mut self, event: SignalingEvent) -> Vec<CallOutput> {
        self.give(CallInput::Signaling(event))
    }

    fn want(&mut self, intent: Intent) -> Vec<CallOutput> {
        self.give(CallInput::Intent(intent))
    }

    fn happens(&mut self, event: MediaEvent) -> Vec<CallOutput> {
        self.give(CallInput::Media(event))
    }

    fn join(&mut self) -> Vec<CallOutput> {
        self.say(SignalingEvent::Joined { local: ParticipantId::new("me"), ice_servers: vec![] })
    }

    fn comes(&mut self, id: ParticipantId) {
        let media = MediaKinds::VOICE;
        let who = RemoteParticipant { id, contact: None, display_name: "Bob".into(), media };
        self.say(SignalingEvent::ParticipantJoined(who));
    }

    fn link(&mut self, id: LinkId, source: LinkSource, direction: LinkDirection) -> Vec<CallOutput> {
        self.say(SignalingEvent::LinkOpened(Link {
            id,
            participant: Some(bob()),
            source,
            role: LinkRole::Offerer,
            direction,
            may_send: MediaKinds::VIDEO,
            simulcast: false,
        }))
    }

    fn rights(&mut self, camera: bool, screen: bool) -> Vec<CallOutput> {
        let facts = RoomFacts { may_publish_video: camera, may_share_screen: screen, ..RoomFacts::default() };
        self.say(SignalingEvent::Facts(facts))
    }

    /// Shares a screen that opens at once.
    fn shares(&mut self) {
        assert_eq!(self.want(Intent::ShareScreen(true)), [open(SCREEN)]);
        let done = self.happens(MediaEvent::LocalTrack { kind: SCREEN, added: true });
        assert_eq!(done, [ours(SCREEN, true), shared(true)]);
    }

    fn view(&self) -> CallView {
        self.call.view(self.now)
    }
}

#[test]
fn dialing_with_a_camera_opens_it_right_after_the_microphone() {
    let (bench, begun) = Bench::dialing(MediaKinds::VIDEO);
    let at = |wanted: &CallOutput| begun.iter().position(|output| output == wanted).unwrap();
    assert_eq!(at(&open(CAMERA)), at(&media(MediaCommand::StartCapture)) + 1, "{begun:?}");
    assert!(bench.view().camera_on);
    let (bench, begun) = Bench::dialing(MediaKinds::VOICE);
    assert!(!begun.contains(&open(CAMERA)) && !bench.view().camera_on);
}

#[test]
fn a_video_call_rings_without_a_camera_and_is_answered_with_or_without() {
    for (answer, camera) in [(MediaKinds::VIDEO, true), (MediaKinds::VOICE, false)] {
        let mut bench = Bench::ringing();
        assert!(bench.view().media.video, "the person sees that it is a video call");
        assert!(!bench.view().camera_on);
        for intent in [Intent::Unmute(CAMERA), Intent::ShareScreen(true)] {
            assert_eq!(problems(&bench.want(intent)), [ProblemCode::NotNow], "not before it was answered");
        }
        let outputs = bench.want(Intent::Answer(answer));
        assert!(outputs.contains(&signal(SignalingCommand::Accept { media: answer })));
        assert_eq!(outputs.contains(&open(CAMERA)), camera);
        let start = outputs.iter().position(|output| *output == media(MediaCommand::StartCapture));
        let opened = outputs.iter().position(|output| *output == open(CAMERA));
        assert!(opened.is_none_or(|opened| Some(opened) > start));
        assert_eq!((bench.view().camera_on, bench.view().media.video), (camera, camera));
    }
}

#[test]
fn the_camera_goes_on_and_off_and_everybody_is_told() {
    let mut bench = Bench::in_call(MediaKinds::VOICE);
    let expected = [open(CAMERA), announced(CAMERA, false), told(CAMERA, false)];
    assert_eq!(bench.want(Intent::Unmute(CAMERA)), expected);
    assert_eq!(bench.want(Intent::Unmute(CAMERA)), []);
    assert!(bench.view().camera_on);
    assert_eq!(bench.happens(MediaEvent::LocalTrack { kind: CAMERA, added: true }), [ours(CAMERA, true)]);
    let expected = [close(CAMERA), announced(CAMERA, true), told(CAMERA, true)];
    assert_eq!(bench.want(Intent::Mute(CAMERA)), expected);
    assert!(!bench.view().camera_on);
}

#[test]
fn what_was_switched_on_before_joining_is_told_on_joining() {
    let (mut bench, _) = Bench::dialing(MediaKinds::VOICE);
    assert!(!bench.want(Intent::Unmute(CAMERA)).contains(&announced(CAMERA, false)));
    assert!(bench.join().contains(&announced(CAMERA, false)));
    let (mut bench, _) = Bench::dialing(MediaKinds::VIDEO);
    bench.want(Intent::Mute(CAMERA));
    assert!(bench.join().contains(&announced(CAMERA, true)));
}

#[test]
fn a_hold_hides_the_camera_and_a_resume_shows_it() {
    let mut bench = Bench::in_call(MediaKinds::VIDEO);
    assert!(bench.want(Intent::Hold).contains(&announced(CAMERA, true)));
    assert!(bench.view().camera_on, "it is on, and paused");
    assert!(bench.want(Intent::Resume).contains(&announced(CAMERA, false)));
    // Switched off meanwhile, it stays off.
    bench.want(Intent::Hold);
    let muted = bench.want(Intent::Mute(CAMERA));
    assert!(muted.contains(&close(CAMERA)) && !muted.contains(&announced(CAMERA, true)));
    assert!(!bench.want(Intent::Resume).contains(&announced(CAMERA, false)));
}

#[test]
fn a_camera_that_fails_is_off_and_the_call_goes_on() {
    let mut bench = Bench::in_call(MediaKinds::VIDEO);
    let lost = MediaEvent::CaptureFailed { kind: CAMERA, problem: problem(ProblemCode::CameraLost) };
    let outputs = bench.happens(lost.clone());
    assert!(outputs.contains(&announced(CAMERA, true)) && outputs.contains(&told(CAMERA, true)));
    assert_eq!(problems(&outputs), [ProblemCode::CameraLost]);
    assert!(!bench.view().camera_on && bench.view().ended.is_none());
    // Told once more it is only said once more.
    assert_eq!(
        bench.happens(lost),
        [CallOutput::Event(CallEvent::Problem(problem(ProblemCode::CameraLost)))]
    );
    // Before anybody is there it is told on joining.
    let (mut bench, _) = Bench::dialing(MediaKinds::VIDEO);
    bench.happens(MediaEvent::CaptureFailed { kind: CAMERA, problem: problem(ProblemCode::NoCamera) });
    assert!(bench.join().contains(&announced(CAMERA, true)));
}

#[test]
fn a_screen_is_told_of_when_it_runs_and_not_before() {
    let mut bench = Bench::in_call(MediaKinds::VOICE);
    assert_eq!(bench.want(Intent::ShareScreen(true)), [open(SCREEN)]);
    assert!(!bench.view().sharing_screen);
    assert_eq!(bench.want(Intent::ShareScreen(true)), []);
    let runs = MediaEvent::LocalTrack { kind: SCREEN, added: true };
    assert_eq!(bench.happens(runs.clone()), [ours(SCREEN, true), shared(true)]);
    assert!(bench.view().sharing_screen);
    assert_eq!(bench.want(Intent::ShareScreen(false)), [shared(false), close(SCREEN)]);
    assert!(!bench.view().sharing_screen);
    assert_eq!(bench.want(Intent::ShareScreen(false)), []);
    // One that opens too late is nobody's business.
    assert_eq!(bench.happens(runs), [ours(SCREEN, true)]);
}

#[test]
fn nobody_learns_of_a_screen_that_was_never_chosen() {
    let mut bench = Bench::in_call(MediaKinds::VOICE);
    bench.want(Intent::ShareScreen(true));
    let refused = MediaEvent::CaptureFailed { kind: SCREEN, problem: problem(ProblemCode::ScreenDenied) };
    let outputs = bench.happens(refused);
    assert_eq!(problems(&outputs), [ProblemCode::ScreenDenied]);
    assert!(!outputs.iter().any(|output| matches!(output, CallOutput::Signaling(_))), "{outputs:?}");
    bench.shares();
}

#[test]
fn a_window_that_closes_ends_its_share_everywhere() {
    let mut bench = Bench::in_call(MediaKinds::VOICE);
    bench.shares();
    let gone = MediaEvent::CaptureFailed { kind: SCREEN, problem: problem(ProblemCode::ScreenLost) };
    let outputs = bench.happens(gone);
    assert_eq!(outputs[..3], [shared(false), close(SCREEN), ours(SCREEN, false)]);
    assert_eq!(problems(&outputs), [ProblemCode::ScreenLost]);
    assert!(!bench.view().sharing_screen);
    // What stopped is not told of twice.
    assert_eq!(bench.happens(MediaEvent::LocalTrack { kind: SCREEN, added: false }), []);
}

#[test]
fn a_screen_needs_somebody_to_see_it_and_survives_joining_anew() {
    let (mut bench, _) = Bench::dialing(MediaKinds::VOICE);
    assert_eq!(problems(&bench.want(Intent::ShareScreen(true))), [ProblemCode::NotNow]);
    let mut bench = Bench::in_call(MediaKinds::VOICE);
    bench.shares();
    assert!(bench.join().contains(&shared(true)), "the service begins anew");
    for intent in [Intent::Mute(SCREEN), Intent::Unmute(SCREEN)] {
        assert_eq!(problems(&bench.want(intent)), [ProblemCode::NotNow]);
    }
}

#[test]
fn what_the_room_forbids_is_refused_in_plain_words() {
    let mut bench = Bench::in_call(MediaKinds::VOICE);
    assert_eq!(bench.rights(false, false), []);
    for intent in [Intent::Unmute(CAMERA), Intent::ShareScreen(true)] {
        let outputs = bench.want(intent);
        assert_eq!((problems(&outputs), outputs.len()), (vec![ProblemCode::Forbidden], 1));
    }
    assert!(!bench.want(Intent::Mute(MediaKind::Audio)).is_empty(), "the rest goes on");
    bench.rights(true, true);
    assert!(bench.want(Intent::Unmute(CAMERA)).contains(&open(CAMERA)));
    bench.shares();
}

#[test]
fn a_right_that_is_taken_closes_camera_and_screen() {
    let mut bench = Bench::in_call(MediaKinds::VIDEO);
    bench.shares();
    let outputs = bench.rights(true, false);
    assert_eq!(outputs[..2], [shared(false), close(SCREEN)]);
    assert_eq!(problems(&outputs), [ProblemCode::Forbidden]);
    assert_eq!((bench.view().camera_on, bench.view().sharing_screen), (true, false));
    let outputs = bench.rights(false, true);
    assert_eq!(outputs[..3], [close(CAMERA), announced(CAMERA, true), told(CAMERA, true)]);
    assert_eq!(problems(&outputs), [ProblemCode::Forbidden]);
    assert!(!bench.view().camera_on);
    assert_eq!(bench.rights(false, true), [], "said once");
    // While the screen is still being chosen, likewise.
    bench.want(Intent::ShareScreen(true));
    assert_eq!(bench.rights(false, false)[0], close(SCREEN));
    assert_eq!(bench.happens(MediaEvent::LocalTrack { kind: SCREEN, added: true }), [ours(SCREEN, true)]);
}

#[test]
fn a_room_without_the_right_to_show_a_camera_is_entered_without() {
    // Dialed: the room is only known by then.
    let (mut bench, begun) = Bench::dialing(MediaKinds::VIDEO);
    assert!(begun.contains(&open(CAMERA)));
    let outputs = bench.rights(false, true);
    assert!(outputs.contains(&close(CAMERA)) && problems(&outputs) == [ProblemCode::Forbidden]);
    // Rung for: it is known before the person answers.
    let mut bench = Bench::ringing();
    bench.rights(false, true);
    let outputs = bench.want(Intent::Answer(MediaKinds::VIDEO));
    assert!(!outputs.contains(&open(CAMERA)), "{outputs:?}");
    assert!(outputs.contains(&media(MediaCommand::StartCapture)));
    assert_eq!(problems(&outputs), [ProblemCode::Forbidden]);
}

#[test]
fn what_others_show_is_shown_as_theirs() {
    let mut bench = Bench::in_call(MediaKinds::VOICE);
    let shown = |bench: &Bench| {
        let bob = &bench.view().participants[0];
        (bob.has_video, bob.has_screen, bob.video_muted)
    };
    assert_eq!(shown(&bench), (false, false, true));
    let track = |link, kind, added| MediaEvent::RemoteTrack { link: LinkId(link), kind, added };
    bench.happens(track(1, CAMERA, true));
    assert_eq!(shown(&bench), (true, false, true), "it can come, and does not yet");
    bench.say(SignalingEvent::RemoteMute { participant: bob(), kind: CAMERA, muted: false });
    assert_eq!(shown(&bench), (true, false, false));

    // Their screen comes on a link of its own, whatever the engine calls what it carries.
    let opened = bench.link(LinkId(2), LinkSource::Screen, LinkDirection::ReceiveOnly);
    assert!(matches!(opened[0], CallOutput::Media(MediaCommand::OpenLink(_))));
    let added = bench.happens(track(2, CAMERA, true));
    let screen = CallEvent::Track { participant: Some(bob()), kind: SCREEN, added: true };
    assert_eq!(added, [CallOutput::Event(screen)]);
    assert_eq!(shown(&bench), (true, true, false));
    let first = MediaEvent::FirstMedia { link: LinkId(2), kind: SCREEN, stage: MediaStage::Frame };
    let frame = CallEvent::FirstMedia { participant: bob(), kind: SCREEN, stage: MediaStage::Frame };
    assert_eq!(bench.happens(first), [CallOutput::Event(frame)]);
    // It says nothing about the person.
    bench.happens(MediaEvent::LinkState { link: LinkId(2), state: LinkState::Failed });
    assert_eq!(bench.view().status, CallStatus::Connected);
    bench.say(SignalingEvent::LinkClosed(LinkId(2)));
    assert_eq!(shown(&bench), (true, false, false));
}

#[test]
fn a_screen_that_never_works_out_does_not_cost_the_person() {
    let mut bench = Bench::in_call(MediaKinds::VOICE);
    for n in 10..30 {
        bench.link(LinkId(n), LinkSource::Screen, LinkDirection::ReceiveOnly);
        let problem = problem(ProblemCode::BadDescription);
        bench.happens(MediaEvent::LinkFailed { link: LinkId(n), problem });
    }
    let refused = bench.link(LinkId(50), LinkSource::Screen, LinkDirection::ReceiveOnly);
    assert_eq!(refused, [signal(SignalingCommand::GiveUpLink(LinkId(50)))]);
    let opened = bench.link(LinkId(51), LinkSource::Person, LinkDirection::SendReceive);
    assert!(matches!(opened[0], CallOutput::Media(MediaCommand::OpenLink(_))), "{opened:?}");
    assert_eq!(bench.view().status, CallStatus::Connected);
}

#[test]
fn only_what_is_looked_at_is_asked_for_in_the_size_it_is_shown() {
    let mut bench = Bench::in_call(MediaKinds::VOICE);
    let watch = |participant, kind, width| Watch { participant, kind, width };
    let select = |kind, layer| signal(SignalingCommand::SelectLayer { participant: bob(), kind, layer });
    let small = vec![watch(Some(bob()), CAMERA, 320), watch(None, CAMERA, 200)];
    let expected = [select(CAMERA, Some(VideoLayer::Low)), media(MediaCommand::Watch(small.clone()))];
    assert_eq!(bench.want(Intent::Watch(small.clone())), expected);
    assert_eq!(bench.want(Intent::Watch(small.clone())), [media(MediaCommand::Watch(small))]);
    // Shown twice, the larger counts.
    let both = vec![
        watch(Some(bob()), CAMERA, 1200),
        watch(Some(bob()), CAMERA, 100),
        watch(Some(bob()), SCREEN, 9),
    ];
    let outputs = bench.want(Intent::Watch(both));
    assert_eq!(outputs[..2], [select(CAMERA, Some(VideoLayer::High)), select(SCREEN, Some(VideoLayer::Low))]);
    let outputs = bench.want(Intent::Watch(vec![]));
    assert_eq!(outputs, [select(CAMERA, None), select(SCREEN, None), media(MediaCommand::Watch(vec![]))]);
    // A window that names more than it can show is cut.
    let many: Vec<Watch> =
        (0..10_000).map(|n| watch(Some(ParticipantId::new(n.to_string())), CAMERA, 9)).collect();
    assert_eq!(bench.want(Intent::Watch(many)).len(), 128 + 1);
}

#[test]
fn a_call_that_is_over_shows_nothing_of_ours() {
    let mut bench = Bench::in_call(MediaKinds::VIDEO);
    bench.shares();
    bench.want(Intent::End);
    let view = bench.view();
    assert_eq!((view.camera_on, view.sharing_screen), (false, false));
}
