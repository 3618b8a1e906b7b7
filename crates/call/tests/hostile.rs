//! Whatever comes, in whatever order: nothing of ours leaves before the person wants it, the end is the end, nothing
//! panics and nothing grows without bound.

use std::time::{Duration, Instant};

use bellbird_call::ports::{
    AudioLevels, CallEndedBy, MediaCommand, MediaEvent, Problem, ProblemCode, SignalingCommand,
    SignalingEvent,
};
use bellbird_call::*;
use bellbird_testkit::random::{self, Random};

/// Makes inputs of every kind, with ids and links drawn from few enough to collide.
struct Storm {
    random: Random,
    /// How many different participants and links there are to draw from.
    variety: usize,
}

impl Storm {
    fn participant(&mut self) -> ParticipantId {
        ParticipantId::new(format!("p{}", self.random.below(self.variety)))
    }

    fn link_id(&mut self) -> LinkId {
        LinkId(self.random.below(self.variety) as u64)
    }

    fn remote(&mut self) -> RemoteParticipant {
        let media = [MediaKinds::VOICE, MediaKinds::VIDEO, MediaKinds::NONE][self.random.below(3)];
        let display_name = "x".repeat(self.random.below(2000));
        RemoteParticipant { id: self.participant(), contact: None, display_name, media }
    }

    fn link(&mut self) -> Link {
        let participant = self.participant();
        Link {
            id: self.link_id(),
            participant: self.random.chance(0.9).then_some(participant),
            source: if self.random.chance(0.8) { LinkSource::Person } else { LinkSource::Screen },
            role: if self.random.chance(0.5) { LinkRole::Offerer } else { LinkRole::Answerer },
            may_send: MediaKinds::VIDEO,
            simulcast: false,
            direction: [LinkDirection::SendReceive, LinkDirection::SendOnly, LinkDirection::ReceiveOnly]
                [self.random.below(3)],
        }
    }

    fn kind(&mut self) -> MediaKind {
        [MediaKind::Audio, MediaKind::Video, MediaKind::Screen][self.random.below(3)]
    }

    fn problem(&mut self) -> Problem {
        let code = *self.random.pick(ProblemCode::ALL).expect("there are codes");
        Problem::new(code, "made up")
    }

    fn description(&mut self) -> SessionDescription {
        if self.random.chance(0.5) {
            SessionDescription::Offer("v=0".into())
        } else {
            SessionDescription::Answer("v=0".into())
        }
    }

    fn switch(&mut self) -> VideoSwitch {
        [VideoSwitch::Request, VideoSwitch::Accept, VideoSwitch::Decline, VideoSwitch::Cancel]
            [self.random.below(4)]
    }

    fn candidate(&mut self) -> IceCandidate {
        IceCandidate { candidate: String::new(), sdp_mid: None, sdp_mline_index: None }
    }

    fn signaling(&mut self) -> SignalingEvent {
        match self.random.below(31) {
            0 => SignalingEvent::RoomEntered {
                room: RoomId::new("r"),
                display_name: "y".repeat(self.random.below(2000)),
                one_to_one: self.random.chance(0.5),
                contact: None,
            },
            1..=3 => SignalingEvent::Joined { local: self.participant(), ice_servers: Vec::new() },
            4 => SignalingEvent::RemoteRinging,
            5 if self.random.chance(0.1) => SignalingEvent::RemoteDeclined,
            6 if self.random.chance(0.1) => SignalingEvent::RemoteEngaged,
            7..=9 => SignalingEvent::ParticipantJoined(self.remote()),
            10 => SignalingEvent::ParticipantChanged(self.remote()),
            11 => SignalingEvent::ParticipantLeft(self.participant()),
            12..=14 => SignalingEvent::LinkOpened(self.link()),
            15 => SignalingEvent::LinkDescription { link: self.link_id(), description: self.description() },
            16 => SignalingEvent::LinkCandidate { link: self.link_id(), candidate: self.candidate() },
            17 => SignalingEvent::LinkClosed(self.link_id()),
            18 => SignalingEvent::SendData { link: self.link_id(), text: "t".into() },
            19 => {
                let (participant, kind) = (self.participant(), self.kind());
                SignalingEvent::RemoteMute { participant, kind, muted: self.random.chance(0.5) }
            }
            20 => SignalingEvent::MuteRequested,
            21 if self.random.chance(0.1) => SignalingEvent::AnsweredElsewhere,
            22 if self.random.chance(0.1) => SignalingEvent::InvitationWithdrawn,
            23 if self.random.chance(0.05) => SignalingEvent::CallEnded(CallEndedBy::Remote),
            24 if self.random.chance(0.05) => SignalingEvent::Failed(self.problem()),
            25 => SignalingEvent::Interrupted,
            26 => SignalingEvent::Restored,
            27 => {
                let since = self.random.chance(0.5).then_some(self.random.below(9) as u64);
                SignalingEvent::RemoteHand { participant: self.participant(), since }
            }
            28 => {
                let reaction = Reaction::new("👍").expect("it is one");
                SignalingEvent::RemoteReaction { participant: self.participant(), reaction }
            }
            30 => {
                let (participant, word) = (self.participant(), self.switch());
                SignalingEvent::RemoteVideoSwitch { participant, word }
            }
            29 => SignalingEvent::Facts(RoomFacts {
                moderator: self.random.chance(0.5),
                may_add: self.random.chance(0.5),
                may_publish_video: self.random.chance(0.7),
                may_share_screen: self.random.chance(0.7),
                ..RoomFacts::default()
            }),
            _ => SignalingEvent::Trouble(self.problem()),
        }
    }

    fn media(&mut self) -> MediaEvent {
        let link = self.link_id();
        match self.random.below(12) {
            0 => MediaEvent::LocalDescription { link, description: self.description() },
            1 => MediaEvent::LocalCandidate { link, candidate: self.candidate() },
            2..=5 => {
                let states = [
                    LinkState::Connecting,
                    LinkState::Connected,
                    LinkState::Connected,
                    LinkState::Disconnected,
                    LinkState::Failed,
                    LinkState::Closed,
                ];
                MediaEvent::LinkState { link, state: states[self.random.below(states.len())] }
            }
            6 => MediaEvent::RemoteTrack { link, kind: self.kind(), added: self.random.chance(0.7) },
            7 => MediaEvent::LocalTrack { kind: self.kind(), added: self.random.chance(0.7) },
            8 => {
                let stages = [MediaStage::Rtp, MediaStage::Played, MediaStage::Frame];
                MediaEvent::FirstMedia { link, kind: self.kind(), stage: stages[self.random.below(3)] }
            }
            9 => MediaEvent::Levels(AudioLevels { local: 0.0, remote: Vec::new() }),
            10 if self.random.chance(0.3) => {
                MediaEvent::CaptureFailed { kind: self.kind(), problem: self.problem() }
            }
            _ if self.random.chance(0.2) => MediaEvent::LinkFailed { link, problem: self.problem() },
            _ => MediaEvent::DataReceived { link, text: "t".into() },
        }
    }

    /// What the person may do without wanting the call.
    fn idle_intent(&mut self) -> Intent {
        match self.random.below(10) {
            8 => Intent::VideoSwitch(self.switch()),
            0 => Intent::Mute(self.kind()),
            1 => Intent::Unmute(self.kind()),
            2 => Intent::Hold,
            3 => Intent::RaiseHand(self.random.chance(0.5)),
            4 => Intent::AskToMute(self.participant()),
            5 => Intent::AddPerson(ContactId::new("carol")),
            6 => Intent::ShareScreen(self.random.chance(0.8)),
            7 => {
                let (participant, kind) = (Some(self.participant()), self.kind());
                let width = self.random.below(2000) as u16;
                Intent::Watch(vec![bellbird_call::Watch { participant, kind, width }])
            }
            _ => Intent::Resume,
        }
    }

    /// Anything the far end, the service or the engine may bring about.
    fn remote_input(&mut self) -> CallInput {
        match self.random.below(5) {
            0 | 1 => CallInput::Signaling(self.signaling()),
            2 | 3 => CallInput::Media(self.media()),
            _ => CallInput::Timeout,
        }
    }
}

/// Watches the outputs of one call and objects.
#[derive(Default)]
struct Watch {
    willed: bool,
    captures: usize,
    firsts: std::collections::HashSet<String>,
    /// We asked to go to video, and that is open.
    video_asked: bool,
    ended: bool,
    outputs: usize,
}

impl Watch {
    fn drain(&mut self, call: &mut CallMachine, met: &str) {
        let mut outputs = 0;
        while let Some(output) = call.poll_output() {
            outputs += 1;
            assert!(!self.ended, "{output:?} after the end, met {met}");
            match &output {
                CallOutput::Media(MediaCommand::StartCapture) => {
                    self.captures += 1;
                    assert!(self.willed, "capture before the person wanted it, met {met}");
                    assert_eq!(self.captures, 1, "capture started twice, met {met}");
                }
                CallOutput::Media(MediaCommand::SetMuted {
                    kind: MediaKind::Video | MediaKind::Screen,
                    muted: false,
                }) => {
                    let by_person = met.starts_with("intent") || met.starts_with("start");
                    let asked = by_person || std::mem::take(&mut self.video_asked);
                    assert!(self.captures == 1 && asked, "a picture of ours nobody asked for, met {met}");
                }
                CallOutput::Signaling(SignalingCommand::ShareScreen(true)) => {
                    assert!(self.willed, "a screen told of before the person wanted it, met {met}");
                }
                CallOutput::Media(MediaCommand::OpenLink(_) | MediaCommand::SetRemoteDescription { .. })
                | CallOutput::Signaling(
                    SignalingCommand::SendDescription { .. }
                    | SignalingCommand::SendCandidate { .. }
                    | SignalingCommand::Accept { .. }
                    | SignalingCommand::Dial { .. },
                ) => assert!(self.willed, "{output:?} before the person wanted it, met {met}"),
                CallOutput::Event(CallEvent::VideoSwitch { participant, word }) => {
                    match (participant, word) {
                        (None, VideoSwitch::Request) => {
                            assert!(met.starts_with("intent"), "a question nobody asked, met {met}");
                            self.video_asked = true;
                        }
                        (_, VideoSwitch::Decline) | (None, VideoSwitch::Cancel) => self.video_asked = false,
                        (_, VideoSwitch::Accept) | (Some(_), VideoSwitch::Request | VideoSwitch::Cancel) => {}
                    }
                }
                CallOutput::Event(CallEvent::Ended(_)) => self.ended = true,
                CallOutput::Event(event @ CallEvent::FirstMedia { .. }) => {
                    // Someone who left and came back under the same id is heard for the first time again.
                    assert!(self.firsts.insert(format!("{event:?}")), "{event:?} twice");
                }
                CallOutput::Event(CallEvent::Status {
                    participant: Some(who),
                    status: CallStatus::Disconnected,
                }) => {
                    let mark = format!("{who:?}");
                    self.firsts.retain(|first| !first.contains(&mark));
                }
                CallOutput::Media(_) | CallOutput::Signaling(_) | CallOutput::Event(_) => {}
            }
        }
        // At most: everyone's status, tracks and firsts, and every link closed.
        assert!(outputs < 256 * 8 + 512 + 16, "{outputs} outputs of one input, met {met}");
        self.outputs += outputs;
    }
}

fn invitation(one_to_one: bool) -> Invitation {
    Invitation {
        room: RoomId::new("room"),
        from: Some(ContactId::new("eve")),
        display_name: "Eve".into(),
        one_to_one,
        media: MediaKinds::VIDEO,
    }
}

fn outgoing(now: Instant, random: &mut Random) -> CallMachine {
    let target = if random.chance(0.5) {
        CallTarget::Contact(ContactId::new("bob"))
    } else {
        CallTarget::Room(RoomId::new("group"))
    };
    let id = CallId::new("out");
    let media = if random.chance(0.5) { MediaKinds::VOICE } else { MediaKinds::VIDEO };
    CallMachine::outgoing(id, target, "Bob".into(), media, false, CallConfig::default(), now)
}

#[test]
fn nothing_leaves_before_the_person_answered() {
    let seed = random::seed("nothing_leaves_before_the_person_answered", 11);
    for round in 0..400 {
        let mut storm = Storm { random: Random::new(seed ^ round), variety: 4 };
        let mut now = Instant::now();
        let one_to_one = storm.random.chance(0.5);
        let mut call =
            CallMachine::incoming(CallId::new("in"), invitation(one_to_one), CallConfig::default(), now);
        let mut watch = Watch::default();
        let answers_at = storm.random.chance(0.5).then(|| storm.random.below(60));
        for step in 0..200 {
            let input = match answers_at {
                Some(at) if at == step => CallInput::Intent(Intent::Answer(MediaKinds::VIDEO)),
                _ if storm.random.chance(0.05) => CallInput::Start,
                _ if storm.random.chance(0.1) => CallInput::Intent(storm.idle_intent()),
                _ => storm.remote_input(),
            };
            if matches!(input, CallInput::Intent(Intent::Answer(_))) {
                watch.willed = call.view(now).can_answer;
            }
            now += Duration::from_millis(storm.random.below(400) as u64);
            let met = format!("{input} in {} (round {round}, step {step})", call.state_name());
            call.handle(input, now);
            watch.drain(&mut call, &met);
            let view = call.view(now);
            assert_eq!(view.ended.is_some(), watch.ended);
            assert!(watch.willed || view.connected_at.is_none());
            assert!(watch.willed || !(view.camera_on || view.sharing_screen));
            assert!(view.facts.may_publish_video || !view.camera_on, "met {met}");
            assert!(view.facts.may_share_screen || !view.sharing_screen, "met {met}");
        }
    }
}

#[test]
fn any_sequence_ends_once_and_is_silent_after() {
    let seed = random::seed("any_sequence_ends_once_and_is_silent_after", 23);
    let mut reasons = std::collections::HashSet::new();
    let mut longest = 0;
    for round in 0..600 {
        let mut storm = Storm { random: Random::new(seed ^ round), variety: 5 };
        let mut now = Instant::now();
        let mut call = outgoing(now, &mut storm.random);
        let mut watch = Watch { willed: true, ..Watch::default() };
        call.handle(CallInput::Start, now);
        watch.drain(&mut call, "start");
        assert_eq!(watch.captures, 1, "dialing opens the microphone");
        for step in 0..300 {
            let input = if storm.random.chance(0.08) {
                match storm.random.below(20) {
                    0 => CallInput::Intent(Intent::End),
                    1 => CallInput::Intent(Intent::EndForEveryone),
                    2 => CallInput::Intent(Intent::Answer(MediaKinds::VIDEO)),
                    3 => CallInput::Intent(Intent::Decline),
                    _ => CallInput::Intent(storm.idle_intent()),
                }
            } else {
                storm.remote_input()
            };
            now += Duration::from_millis(storm.random.below(300) as u64);
            let met = format!("{input} in {} (round {round}, step {step})", call.state_name());
            call.handle(input, now);
            watch.drain(&mut call, &met);
            longest = longest.max(step * usize::from(call.state_name() == "Active"));
        }
        call.handle(CallInput::Intent(Intent::End), now);
        call.handle(CallInput::Intent(Intent::End), now);
        watch.drain(&mut call, "end");
        assert!(watch.ended && call.is_over() && call.poll_timeout().is_none());
        reasons.insert(call.view(now).ended);
    }
    // The storm must have reached the depths of the machine for the above to mean anything.
    assert!(longest > 20, "no call lived");
    assert!(reasons.len() >= 6, "only {reasons:?}");
}

#[test]
fn time_alone_ends_every_call_that_nobody_answers() {
    for one_to_one in [true, false] {
        let mut now = Instant::now();
        let mut call =
            CallMachine::incoming(CallId::new("in"), invitation(one_to_one), CallConfig::default(), now);
        call.handle(CallInput::Start, now);
        while let Some(at) = call.poll_timeout() {
            assert!(at > now);
            now = at;
            call.handle(CallInput::Timeout, now);
        }
        assert_eq!(call.view(now).ended, Some(EndReason::Missed));
    }
}

#[test]
fn a_flood_of_participants_and_links_is_bounded() {
    let mut now = Instant::now();
    let mut storm = Storm { random: Random::new(1), variety: 100_000 };
    let target = CallTarget::Room(RoomId::new("group"));
    let mut call = CallMachine::outgoing(
        CallId::new("out"),
        target,
        "Group".into(),
        MediaKinds::VOICE,
        false,
        CallConfig::default(),
        now,
    );
    call.handle(CallInput::Start, now);
    call.handle(
        CallInput::Signaling(SignalingEvent::Joined {
            local: ParticipantId::new("me"),
            ice_servers: Vec::new(),
        }),
        now,
    );
    let (mut opened, mut closed, mut refused) = (0_i64, 0_i64, 0);
    for _ in 0..20_000 {
        let input = match storm.random.below(4) {
            0 => CallInput::Signaling(SignalingEvent::ParticipantJoined(storm.remote())),
            1 => CallInput::Media(MediaEvent::LinkFailed { link: storm.link_id(), problem: storm.problem() }),
            _ => CallInput::Signaling(SignalingEvent::LinkOpened(storm.link())),
        };
        now += Duration::from_millis(1);
        call.handle(input, now);
        while let Some(output) = call.poll_output() {
            match output {
                CallOutput::Media(MediaCommand::OpenLink(_)) => opened += 1,
                CallOutput::Media(MediaCommand::CloseLink(_)) => closed += 1,
                CallOutput::Signaling(SignalingCommand::GiveUpLink(_)) => refused += 1,
                CallOutput::Media(_) | CallOutput::Signaling(_) | CallOutput::Event(_) => {}
            }
        }
        assert!(opened - closed <= 512, "{opened} opened, {closed} closed");
    }
    assert!(refused > 1000, "{refused} refused");
    let view = call.view(now);
    assert_eq!(view.participants.len(), 256);
    assert!(view.participants.iter().all(|who| who.display_name.chars().count() <= 200));
}

#[test]
fn someone_whose_links_keep_failing_is_given_up() {
    let mut now = Instant::now();
    let mut call = CallMachine::outgoing(
        CallId::new("out"),
        CallTarget::Room(RoomId::new("group")),
        "Group".into(),
        MediaKinds::VOICE,
        false,
        CallConfig::default(),
        now,
    );
    call.handle(CallInput::Start, now);
    let me = ParticipantId::new("me");
    call.handle(CallInput::Signaling(SignalingEvent::Joined { local: me, ice_servers: Vec::new() }), now);
    let (mut opened, mut told) = (0, 0);
    for n in 0..1000 {
        let link = Link {
            id: LinkId(n),
            participant: Some(ParticipantId::new("mallory")),
            source: LinkSource::Person,
            role: LinkRole::Answerer,
            direction: LinkDirection::SendReceive,
            may_send: MediaKinds::VIDEO,
            simulcast: false,
        };
        now += Duration::from_millis(10);
        call.handle(CallInput::Signaling(SignalingEvent::LinkOpened(link)), now);
        let problem = Problem::new(ProblemCode::BadDescription, "nonsense");
        call.handle(CallInput::Media(MediaEvent::LinkFailed { link: LinkId(n), problem }), now);
        while let Some(output) = call.poll_output() {
            opened += usize::from(matches!(output, CallOutput::Media(MediaCommand::OpenLink(_))));
            told += usize::from(matches!(output, CallOutput::Event(CallEvent::Problem(_))));
        }
    }
    assert_eq!((opened, told), (5, 5));
    assert_eq!(call.view(now).ended, None, "one bad participant does not end a group's call");
}
