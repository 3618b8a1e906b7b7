//! One test a decision: what the machine makes of one situation.

use std::time::{Duration, Instant};

use bellbird_call::ports::{
    CallEndedBy, MediaCommand, MediaEvent, Problem, ProblemCode, SignalingCommand, SignalingEvent, Tone,
};
use bellbird_call::*;

const LINK: LinkId = LinkId(7);

/// A machine and what it put out since last asked.
struct Bench {
    call: CallMachine,
    now: Instant,
}

fn bob() -> ParticipantId {
    ParticipantId::new("bob-1")
}

fn invitation(one_to_one: bool) -> Invitation {
    Invitation {
        room: RoomId::new("room"),
        from: Some(ContactId::new("bob")),
        display_name: "Bob".into(),
        one_to_one,
        media: MediaKinds::VOICE,
    }
}

impl Bench {
    fn dialing() -> Self {
        Self::dialing_with(CallConfig::default())
    }

    fn dialing_with(config: CallConfig) -> Self {
        let now = Instant::now();
        let target = CallTarget::Contact(ContactId::new("bob"));
        let id = CallId::new("1");
        let call = CallMachine::outgoing(id, target, "Bob".into(), MediaKinds::VOICE, false, config, now);
        let mut bench = Self { call, now };
        bench.give(CallInput::Start);
        bench
    }

    fn in_group() -> Self {
        let now = Instant::now();
        let target = CallTarget::Room(RoomId::new("group"));
        let id = CallId::new("1");
        let config = CallConfig::default();
        let call = CallMachine::outgoing(id, target, "Group".into(), MediaKinds::VOICE, false, config, now);
        let mut bench = Self { call, now };
        bench.give(CallInput::Start);
        bench.joined();
        bench
    }

    fn ringing() -> Self {
        let now = Instant::now();
        let call = CallMachine::incoming(CallId::new("1"), invitation(true), CallConfig::default(), now);
        let mut bench = Self { call, now };
        bench.give(CallInput::Start);
        bench
    }

    fn active() -> Self {
        let mut bench = Self::dialing();
        bench.joined();
        bench.participant(bob());
        bench.link(LINK, bob());
        bench.state(LINK, LinkState::Connected);
        assert_eq!(bench.call.state_name(), "Active");
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

    fn joined(&mut self) -> Vec<CallOutput> {
        self.say(SignalingEvent::Joined { local: ParticipantId::new("me-1"), ice_servers: Vec::new() })
    }

    fn participant(&mut self, id: ParticipantId) -> Vec<CallOutput> {
        let media = MediaKinds::VOICE;
        let who = RemoteParticipant { id, contact: None, display_name: "Bob".into(), media };
        self.say(SignalingEvent::ParticipantJoined(who))
    }

    fn link(&mut self, id: LinkId, participant: ParticipantId) -> Vec<CallOutput> {
        self.say(SignalingEvent::LinkOpened(Link {
            id,
            participant: Some(participant),
            source: LinkSource::Person,
            role: LinkRole::Offerer,
            direction: LinkDirection::SendReceive,
            may_send: MediaKinds::VIDEO,
            simulcast: false,
        }))
    }

    fn state(&mut self, link: LinkId, state: LinkState) -> Vec<CallOutput> {
        self.give(CallInput::Media(MediaEvent::LinkState { link, state }))
    }

    fn wait(&mut self, time: Duration) -> Vec<CallOutput> {
        self.now += time;
        self.give(CallInput::Timeout)
    }

    fn ended(&self) -> Option<EndReason> {
        self.call.view(self.now).ended
    }
}

fn events(outputs: &[CallOutput]) -> Vec<CallEvent> {
    let event = |output: &CallOutput| match output {
        CallOutput::Event(event) => Some(event.clone()),
        CallOutput::Signaling(_) | CallOutput::Media(_) => None,
    };
    outputs.iter().filter_map(event).collect()
}

fn status(participant: Option<ParticipantId>, status: CallStatus) -> CallEvent {
    CallEvent::Status { participant, status }
}

#[test]
fn acceptance_then_media_and_media_then_acceptance_lead_to_the_same_place() {
    let mut bench = Bench::dialing();
    bench.joined();
    let mut seen = events(&bench.participant(bob()));
    bench.link(LINK, bob());
    seen.extend(events(&bench.state(LINK, LinkState::Connected)));
    let expected = [
        status(Some(bob()), CallStatus::Connecting),
        status(None, CallStatus::Connecting),
        status(Some(bob()), CallStatus::Connected),
        status(None, CallStatus::Connected),
    ];
    assert_eq!(seen, expected);

    let mut bench = Bench::dialing();
    bench.joined();
    bench.link(LINK, bob());
    assert_eq!(events(&bench.state(LINK, LinkState::Connected)), [], "media alone are no acceptance");
    let mut both = events(&bench.participant(bob()));
    both.sort_by_key(|event| expected.iter().position(|e| e == event));
    assert_eq!(both, expected);
    assert_eq!(bench.call.state_name(), "Active");
}

#[test]
fn what_a_link_brought_before_its_participant_is_told_with_them() {
    let mut bench = Bench::dialing();
    bench.joined();
    bench.link(LINK, bob());
    bench.give(CallInput::Media(MediaEvent::RemoteTrack { link: LINK, kind: MediaKind::Audio, added: true }));
    let first = MediaEvent::FirstMedia { link: LINK, kind: MediaKind::Audio, stage: MediaStage::Rtp };
    assert_eq!(events(&bench.give(CallInput::Media(first.clone()))), []);
    let told = events(&bench.participant(bob()));
    let track = CallEvent::Track { participant: Some(bob()), kind: MediaKind::Audio, added: true };
    let rtp = CallEvent::FirstMedia { participant: bob(), kind: MediaKind::Audio, stage: MediaStage::Rtp };
    assert!(told.contains(&track) && told.contains(&rtp), "{told:?}");
    assert_eq!(events(&bench.give(CallInput::Media(first))), [], "once");
}

#[test]
fn ringing_sounds_ringback_until_accepted() {
    let mut bench = Bench::dialing();
    let joined = bench.joined();
    assert!(joined.contains(&CallOutput::Media(MediaCommand::PlayTone(Tone::Ringback))));
    assert_eq!(events(&bench.say(SignalingEvent::RemoteRinging)), [status(None, CallStatus::Ringing)]);
    assert!(bench.participant(bob()).contains(&CallOutput::Media(MediaCommand::StopTone)));
    let mut quiet = Bench::dialing_with(CallConfig::without_tones());
    let outputs = [quiet.joined(), quiet.say(SignalingEvent::RemoteDeclined)].concat();
    assert!(
        !outputs.iter().any(|o| matches!(o, CallOutput::Media(MediaCommand::PlayTone(_)))),
        "{outputs:?}"
    );
    assert!(quiet.call.is_over(), "nothing to wait for without tones");
}

#[test]
fn a_decline_sounds_busy_and_keeps_media_until_it_was_heard() {
    let mut bench = Bench::dialing();
    bench.joined();
    let outputs = bench.say(SignalingEvent::RemoteDeclined);
    assert!(outputs.contains(&CallOutput::Media(MediaCommand::PlayTone(Tone::Busy))));
    let told = [status(None, CallStatus::Busy), CallEvent::Ended(EndReason::RemoteDecline)];
    assert_eq!(events(&outputs), told);
    assert!(!bench.call.is_over());
    assert_eq!(bench.wait(Duration::from_secs(2)), []);
    assert!(bench.call.is_over());
}

#[test]
fn a_decline_after_someone_accepted_is_another_devices_and_changes_nothing() {
    let mut bench = Bench::active();
    assert_eq!(bench.say(SignalingEvent::RemoteDeclined), []);
    assert_eq!(bench.say(SignalingEvent::RemoteEngaged), []);
    assert_eq!(bench.ended(), None);
}

#[test]
fn nobody_answers_for_45_seconds() {
    let mut bench = Bench::dialing();
    bench.joined();
    bench.wait(Duration::from_secs(44));
    assert_eq!(bench.ended(), None);
    let outputs = bench.wait(Duration::from_secs(1));
    assert_eq!(bench.ended(), Some(EndReason::NoAnswer));
    assert!(outputs.contains(&CallOutput::Signaling(SignalingCommand::Leave(LeaveScope::Everyone))));
}

#[test]
fn a_service_that_never_lets_us_in_has_failed() {
    let mut bench = Bench::dialing();
    let told = events(&bench.wait(Duration::from_secs(30)));
    assert!(matches!(&told[0], CallEvent::Problem(p) if p.code == ProblemCode::TimedOut), "{told:?}");
    assert_eq!(bench.ended(), Some(EndReason::SignalingFailed));
}

#[test]
fn in_a_group_one_may_wait_alone() {
    let mut bench = Bench::in_group();
    bench.wait(Duration::from_secs(600));
    assert_eq!(bench.ended(), None);
    assert_eq!(bench.say(SignalingEvent::RemoteDeclined), [], "others may still come");
}

#[test]
fn an_incoming_call_can_be_answered_from_the_first_view_of_it_on() {
    let now = Instant::now();
    let mut call = CallMachine::incoming(CallId::new("1"), invitation(true), CallConfig::default(), now);
    assert!(call.view(now).can_answer);
    call.handle(CallInput::Start, now);
    assert!(call.view(now).can_answer);
    let target = CallTarget::Contact(ContactId::new("bob"));
    let id = CallId::new("2");
    let dialed =
        CallMachine::outgoing(id, target, "Bob".into(), MediaKinds::VOICE, false, CallConfig::default(), now);
    assert!(!dialed.view(now).can_answer);
}

#[test]
fn answering_opens_the_microphone_and_only_that() {
    let mut bench = Bench::ringing();
    assert!(bench.call.view(bench.now).can_answer);
    let capture = CallOutput::Media(MediaCommand::StartCapture);
    assert!(!bench.joined().contains(&capture));
    assert!(!bench.link(LINK, bob()).iter().any(|o| matches!(o, CallOutput::Media(_))));
    let outputs = bench.want(Intent::Answer(MediaKinds::VOICE));
    let expected = [
        CallOutput::Media(MediaCommand::StopTone),
        CallOutput::Signaling(SignalingCommand::Accept { media: MediaKinds::VOICE }),
        capture,
        CallOutput::Event(status(None, CallStatus::Connecting)),
    ];
    assert_eq!(outputs, expected);
    assert_eq!(bench.want(Intent::Answer(MediaKinds::VOICE)), [], "a second answer is no mistake");
}

#[test]
fn answering_without_a_microphone_sends_silence() {
    let mut bench = Bench::ringing();
    let outputs = bench.want(Intent::Answer(MediaKinds::NONE));
    let position = |wanted: &MediaCommand| {
        outputs.iter().position(|o| matches!(o, CallOutput::Media(command) if command == wanted))
    };
    let muted = position(&MediaCommand::SetMuted { kind: MediaKind::Audio, muted: true });
    assert!(muted.is_some() && muted < position(&MediaCommand::StartCapture), "{outputs:?}");
}

#[test]
fn how_an_unanswered_call_to_us_ends() {
    type Situation = (CallInput, EndReason, SignalingCommand);
    let leave = SignalingCommand::Leave(LeaveScope::Us);
    let signaling = CallInput::Signaling;
    let intent = CallInput::Intent;
    let cases: [Situation; 8] = [
        (signaling(SignalingEvent::InvitationWithdrawn), EndReason::Missed, leave.clone()),
        (signaling(SignalingEvent::CallEnded(CallEndedBy::Moderator)), EndReason::Missed, leave.clone()),
        (signaling(SignalingEvent::AnsweredElsewhere), EndReason::AnsweredElsewhere, leave.clone()),
        (
            signaling(SignalingEvent::Failed(Problem::new(ProblemCode::ServerFailed, "x"))),
            EndReason::SignalingFailed,
            leave,
        ),
        (intent(Intent::Decline), EndReason::LocalDecline, SignalingCommand::Decline),
        (intent(Intent::End), EndReason::LocalDecline, SignalingCommand::Decline),
        (intent(Intent::EndForEveryone), EndReason::LocalDecline, SignalingCommand::Decline),
        (intent(Intent::DeclineEngaged), EndReason::LocalEngaged, SignalingCommand::DeclineEngaged),
    ];
    for (input, reason, command) in cases {
        let mut bench = Bench::ringing();
        let outputs = bench.give(input.clone());
        assert_eq!(bench.ended(), Some(reason), "{input}");
        assert!(bench.call.is_over(), "{input}: no tone for a call one never took part in");
        assert!(outputs.contains(&CallOutput::Signaling(command)), "{input}: {outputs:?}");
        assert!(outputs.contains(&CallOutput::Media(MediaCommand::StopTone)), "{input}: {outputs:?}");
        assert_eq!(events(&outputs).last(), Some(&CallEvent::Ended(reason)), "{input}");
    }
}

#[test]
fn the_caller_gives_up_just_as_the_person_answers() {
    let mut bench = Bench::ringing();
    bench.want(Intent::Answer(MediaKinds::VOICE));
    bench.say(SignalingEvent::InvitationWithdrawn);
    assert_eq!(bench.ended(), Some(EndReason::RemoteHangup));
    // Once they are in the call together a late word about the ring means nothing.
    let mut bench = Bench::ringing();
    bench.want(Intent::Answer(MediaKinds::VOICE));
    bench.joined();
    bench.participant(bob());
    assert_eq!(bench.say(SignalingEvent::InvitationWithdrawn), []);
}

#[test]
fn no_path_within_the_connect_time_ends_a_one_to_one_call() {
    let mut bench = Bench::dialing();
    bench.joined();
    bench.participant(bob());
    bench.link(LINK, bob());
    bench.wait(Duration::from_secs(29));
    assert_eq!(bench.ended(), None);
    bench.wait(Duration::from_secs(1));
    assert_eq!(bench.ended(), Some(EndReason::ConnectionLost));
}

#[test]
fn mute_is_told_once_and_kept_over_a_hold() {
    let mut bench = Bench::active();
    let audio = MediaKind::Audio;
    let announced = |muted| CallOutput::Signaling(SignalingCommand::AnnounceMute { kind: audio, muted });
    let outputs = bench.want(Intent::Mute(audio));
    let expected = [
        CallOutput::Media(MediaCommand::SetMuted { kind: audio, muted: true }),
        announced(true),
        CallOutput::Event(CallEvent::Mute { participant: None, kind: audio, muted: true }),
    ];
    assert_eq!(outputs, expected);
    assert_eq!(bench.want(Intent::Mute(audio)), []);
    let held = bench.want(Intent::Hold);
    assert!(held.contains(&CallOutput::Media(MediaCommand::SetHold(true))));
    assert!(!held.contains(&announced(true)), "already muted");
    let unmuted = bench.want(Intent::Unmute(audio));
    assert!(!unmuted.contains(&announced(false)), "on hold we are silent, whatever the microphone");
    assert!(bench.want(Intent::Resume).contains(&announced(false)));
    assert_eq!(bench.call.state_name(), "Active");
}

#[test]
fn a_mute_before_joining_is_announced_on_joining() {
    let mut bench = Bench::dialing();
    let announced =
        CallOutput::Signaling(SignalingCommand::AnnounceMute { kind: MediaKind::Audio, muted: true });
    assert!(!bench.want(Intent::Mute(MediaKind::Audio)).contains(&announced));
    assert!(bench.joined().contains(&announced));
}

#[test]
fn a_moderators_wish_mutes_us_and_we_may_unmute() {
    let mut bench = Bench::active();
    assert!(!bench.say(SignalingEvent::MuteRequested).is_empty());
    assert!(bench.call.view(bench.now).muted);
    bench.want(Intent::Unmute(MediaKind::Audio));
    assert!(!bench.call.view(bench.now).muted);
}

#[test]
fn what_cannot_be_done_now_is_said() {
    for (mut bench, intent) in [
        (Bench::active(), Intent::Decline),
        (Bench::active(), Intent::Resume),
        (Bench::dialing(), Intent::Hold),
        (Bench::dialing(), Intent::Answer(MediaKinds::VOICE)),
        (Bench::ringing(), Intent::Mute(MediaKind::Audio)),
    ] {
        let told = events(&bench.want(intent.clone()));
        assert!(
            matches!(&told[..], [CallEvent::Problem(p)] if p.code == ProblemCode::NotNow),
            "{intent:?} {told:?}"
        );
    }
}

#[test]
fn a_lost_path_shows_as_reconnecting_held_or_not_and_comes_back() {
    let mut bench = Bench::active();
    bench.want(Intent::Hold);
    let lost = events(&bench.state(LINK, LinkState::Disconnected));
    let reconnecting = CallStatus::Reconnecting;
    assert_eq!(lost, [status(Some(bob()), reconnecting), status(None, reconnecting)]);
    bench.now += Duration::from_secs(3);
    let view = bench.call.view(bench.now);
    assert_eq!((view.on_hold, view.reconnecting_for), (true, Some(Duration::from_secs(3))));
    let back = events(&bench.state(LINK, LinkState::Connected));
    assert_eq!(back, [status(Some(bob()), CallStatus::Connected), status(None, CallStatus::Hold)]);
}

#[test]
fn a_link_given_up_ends_a_one_to_one_call_and_not_a_group() {
    let lost = |bench: &mut Bench| {
        let problem = Problem::new(ProblemCode::NoMediaPath, "gone");
        bench.give(CallInput::Media(MediaEvent::LinkFailed { link: LINK, problem }))
    };
    let mut bench = Bench::active();
    assert!(lost(&mut bench).contains(&CallOutput::Signaling(SignalingCommand::GiveUpLink(LINK))));
    assert_eq!(bench.ended(), Some(EndReason::ConnectionLost));

    let mut group = Bench::in_group();
    group.participant(bob());
    group.link(LINK, bob());
    group.state(LINK, LinkState::Connected);
    let told = events(&lost(&mut group));
    assert!(told.contains(&status(Some(bob()), CallStatus::Disconnected)), "{told:?}");
    assert_eq!(group.ended(), None);
    group.link(LinkId(8), bob());
    let told = events(&group.state(LinkId(8), LinkState::Connected));
    assert!(told.contains(&status(None, CallStatus::Connected)), "{told:?}");
}

#[test]
fn a_bad_description_lets_the_service_try_another_link() {
    let mut bench = Bench::dialing();
    bench.joined();
    bench.participant(bob());
    bench.link(LINK, bob());
    let problem = Problem::new(ProblemCode::BadDescription, "nonsense");
    let outputs = bench.give(CallInput::Media(MediaEvent::LinkFailed { link: LINK, problem }));
    assert!(outputs.contains(&CallOutput::Signaling(SignalingCommand::GiveUpLink(LINK))));
    assert_eq!(bench.ended(), None);
    bench.link(LinkId(8), bob());
    bench.state(LinkId(8), LinkState::Connected);
    assert_eq!(bench.call.state_name(), "Active");
}

#[test]
fn someone_who_leaves_and_returns_at_once_was_never_gone() {
    let mut bench = Bench::active();
    let told = events(&bench.say(SignalingEvent::ParticipantLeft(bob())));
    assert_eq!(told, [status(Some(bob()), CallStatus::Disconnected)]);
    bench.now += Duration::from_secs(1);
    let again = ParticipantId::new("bob-2");
    bench.participant(again.clone());
    bench.link(LinkId(8), again);
    bench.state(LinkId(8), LinkState::Connected);
    bench.wait(Duration::from_secs(10));
    assert_eq!(bench.ended(), None);
    // Without the return the call is over two seconds later.
    let mut bench = Bench::active();
    bench.say(SignalingEvent::ParticipantLeft(bob()));
    bench.wait(Duration::from_secs(2));
    assert_eq!(bench.ended(), Some(EndReason::RemoteHangup));
}

#[test]
fn a_link_the_service_closes_says_nothing_until_it_stays_away() {
    let mut bench = Bench::active();
    assert_eq!(events(&bench.say(SignalingEvent::LinkClosed(LINK))), []);
    let told = events(&bench.wait(Duration::from_secs(2)));
    let reconnecting = CallStatus::Reconnecting;
    assert_eq!(told, [status(Some(bob()), reconnecting), status(None, reconnecting)]);
    bench.link(LinkId(8), bob());
    bench.state(LinkId(8), LinkState::Connected);
    assert_eq!(bench.call.state_name(), "Active");
    // As a rule someone leaves: then the end follows, and nothing else was shown.
    let mut bench = Bench::active();
    bench.say(SignalingEvent::LinkClosed(LINK));
    let told = events(&bench.say(SignalingEvent::CallEnded(CallEndedBy::Remote)));
    assert_eq!(told, [status(None, CallStatus::Ended), CallEvent::Ended(EndReason::RemoteHangup)]);
}

#[test]
fn the_service_may_go_and_come_while_media_flow() {
    let mut bench = Bench::active();
    assert_eq!(bench.say(SignalingEvent::Interrupted), []);
    assert_eq!(bench.say(SignalingEvent::Restored), []);
    assert_eq!(bench.call.view(bench.now).status, CallStatus::Connected);
}

#[test]
fn connected_time_stops_with_the_call() {
    let mut bench = Bench::active();
    bench.now += Duration::from_secs(61);
    bench.want(Intent::End);
    bench.now += Duration::from_secs(5);
    assert_eq!(bench.call.view(bench.now).connected_for, Some(Duration::from_secs(61)));
}

#[test]
fn an_invitation_to_a_call_we_are_in_or_dialing_is_that_call() {
    use bellbird_call::glare::{Reception, dialed_by, receive};
    let view = |bench: &Bench| bench.call.view(bench.now);
    let dialing = view(&Bench::dialing());
    assert_eq!(receive(&invitation(true), [&dialing]), Reception::SameCall(dialing.id.clone()));
    assert_eq!(receive(&invitation(false), [&dialing]), Reception::Engaged(dialing.id.clone()));
    let mut entered = Bench::dialing();
    entered.say(SignalingEvent::RoomEntered {
        room: RoomId::new("other"),
        display_name: String::new(),
        one_to_one: true,
        contact: None,
    });
    let entered = view(&entered);
    assert_eq!(receive(&invitation(true), [&entered]), Reception::Engaged(entered.id.clone()));
    let ringing = view(&Bench::ringing());
    assert_eq!(receive(&invitation(true), [&ringing]), Reception::SameCall(ringing.id.clone()));
    assert_eq!(dialed_by(&ContactId::new("bob"), [&ringing]), Some(ringing.id.clone()));
    assert_eq!(dialed_by(&ContactId::new("carol"), [&ringing]), None);
    let mut over = Bench::dialing();
    over.want(Intent::End);
    assert_eq!(receive(&invitation(true), [&view(&over)]), Reception::Ring);
    assert_eq!(receive(&invitation(true), []), Reception::Ring);
}

#[test]
fn inputs_are_described_without_what_is_private() {
    let description = SessionDescription::Offer("v=0 c=IN IP4 192.0.2.7".into());
    let long = ParticipantId::new("abcdefghijklmnopqrstuvwxyz");
    let who = RemoteParticipant {
        id: long.clone(),
        contact: Some(ContactId::new("contact")),
        display_name: "Display".into(),
        media: MediaKinds::VOICE,
    };
    for (input, shown) in [
        (SignalingEvent::LinkDescription { link: LINK, description }, "signaling link-7 Offer(22 bytes)"),
        (SignalingEvent::ParticipantJoined(who), "signaling participant abcdef joined"),
        (
            SignalingEvent::SendData { link: LINK, text: "secret".into() },
            "signaling link-7 data to send, 6 bytes",
        ),
    ] {
        assert_eq!(CallInput::Signaling(input).to_string(), shown);
    }
}
