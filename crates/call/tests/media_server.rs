//! Calls whose media go through a media server: one link to publish on, and one for each who sends.

use std::time::{Duration, Instant};

use bellbird_call::ports::{
    MediaCommand, MediaEvent, Problem, ProblemCode, SignalingCommand, SignalingEvent,
};
use bellbird_call::*;

const OURS: LinkId = LinkId(1);
const BOBS: LinkId = LinkId(2);
const CYS: LinkId = LinkId(3);

struct Bench {
    call: CallMachine,
    now: Instant,
}

impl Bench {
    /// In a call of two, or of several.
    fn joined(target: CallTarget) -> Self {
        let now = Instant::now();
        let (id, config) = (CallId::new("1"), CallConfig::default());
        let call = CallMachine::outgoing(id, target, "Call".into(), MediaKinds::VOICE, false, config, now);
        let mut bench = Self { call, now };
        bench.give(CallInput::Start);
        bench.say(SignalingEvent::Joined { local: ParticipantId::new("me"), ice_servers: Vec::new() });
        bench
    }

    fn of_two() -> Self {
        Self::joined(CallTarget::Contact(ContactId::new("bob")))
    }

    fn of_several() -> Self {
        Self::joined(CallTarget::Room(RoomId::new("team")))
    }

    fn give(&mut self, input: CallInput) -> Vec<CallOutput> {
        self.call.handle(input, self.now);
        std::iter::from_fn(|| self.call.poll_output()).collect()
    }

    fn say(&mut self, event: SignalingEvent) -> Vec<CallOutput> {
        self.give(CallInput::Signaling(event))
    }

    fn comes(&mut self, name: &str, media: MediaKinds) {
        let id = ParticipantId::new(name);
        let who = RemoteParticipant { id, contact: None, display_name: name.into(), media };
        self.say(SignalingEvent::ParticipantJoined(who));
    }

    fn publishes(&mut self, id: LinkId) -> Vec<CallOutput> {
        let (role, direction) = (LinkRole::Offerer, LinkDirection::SendOnly);
        let link = Link {
            id,
            participant: None,
            source: LinkSource::Person,
            role,
            direction,
            may_send: MediaKinds::VIDEO,
            simulcast: false,
        };
        self.say(SignalingEvent::LinkOpened(link))
    }

    fn subscribes(&mut self, id: LinkId, name: &str) -> Vec<CallOutput> {
        let (role, direction) = (LinkRole::Answerer, LinkDirection::ReceiveOnly);
        let participant = Some(ParticipantId::new(name));
        let link = Link {
            id,
            participant,
            source: LinkSource::Person,
            role,
            direction,
            may_send: MediaKinds::VIDEO,
            simulcast: false,
        };
        self.say(SignalingEvent::LinkOpened(link))
    }

    fn state(&mut self, link: LinkId, state: LinkState) -> Vec<CallOutput> {
        self.give(CallInput::Media(MediaEvent::LinkState { link, state }))
    }

    fn status_of(&self, name: &str) -> CallStatus {
        let view = self.call.view(self.now);
        let person = view.participants.iter().find(|person| person.id == ParticipantId::new(name));
        person.unwrap_or_else(|| panic!("{name} is not in the call")).status
    }
}

#[test]
fn each_is_connected_by_their_own_link_and_none_by_ours() {
    let mut bench = Bench::of_several();
    bench.comes("bob", MediaKinds::VOICE);
    bench.comes("cy", MediaKinds::VOICE);
    let opened = bench.publishes(OURS);
    assert!(
        opened.iter().any(
            |output| matches!(output, CallOutput::Media(MediaCommand::OpenLink(link)) if link.id == OURS)
        )
    );
    let told = bench.state(OURS, LinkState::Connected);
    assert!(told.contains(&CallOutput::Signaling(SignalingCommand::LinkConnected(OURS))));
    assert_eq!((bench.status_of("bob"), bench.call.state_name()), (CallStatus::Connecting, "Connecting"));
    bench.subscribes(BOBS, "bob");
    bench.subscribes(CYS, "cy");
    bench.state(BOBS, LinkState::Connected);
    assert_eq!(
        (bench.status_of("bob"), bench.status_of("cy")),
        (CallStatus::Connected, CallStatus::Connecting)
    );
    assert_eq!(bench.call.state_name(), "Active");
    bench.state(CYS, LinkState::Connected);

    // What we publish is made anew: those we hear are heard all the same.
    bench.state(OURS, LinkState::Failed);
    bench.say(SignalingEvent::LinkClosed(OURS));
    bench.publishes(LinkId(4));
    assert_eq!((bench.status_of("bob"), bench.call.state_name()), (CallStatus::Connected, "Active"));
    // And so is one of those we hear, alone.
    bench.state(BOBS, LinkState::Failed);
    assert_eq!(
        (bench.status_of("bob"), bench.status_of("cy")),
        (CallStatus::Reconnecting, CallStatus::Connected)
    );
    assert_eq!(bench.call.state_name(), "Active");
    bench.say(SignalingEvent::LinkClosed(BOBS));
    bench.subscribes(LinkId(5), "bob");
    bench.state(LinkId(5), LinkState::Connected);
    assert_eq!(bench.status_of("bob"), CallStatus::Connected);
}

#[test]
fn who_only_listens_is_connected_by_what_we_publish() {
    let mut bench = Bench::of_two();
    bench.comes("bob", MediaKinds::NONE);
    bench.publishes(OURS);
    assert_eq!(bench.status_of("bob"), CallStatus::Connecting);
    bench.state(OURS, LinkState::Connected);
    assert_eq!((bench.status_of("bob"), bench.call.state_name()), (CallStatus::Connected, "Active"));
    bench.now += Duration::from_secs(3600);
    bench.give(CallInput::Timeout);
    assert_eq!(bench.call.state_name(), "Active");
    bench.state(OURS, LinkState::Disconnected);
    assert_eq!(bench.call.state_name(), "Reconnecting");
}

#[test]
fn both_lost_at_once_is_reconnecting_and_comes_back() {
    let mut bench = Bench::of_two();
    bench.comes("bob", MediaKinds::VOICE);
    bench.publishes(OURS);
    bench.subscribes(BOBS, "bob");
    bench.state(OURS, LinkState::Connected);
    bench.state(BOBS, LinkState::Connected);
    assert_eq!(bench.call.state_name(), "Active");
    for link in [OURS, BOBS] {
        bench.state(link, LinkState::Disconnected);
        bench.say(SignalingEvent::LinkClosed(link));
    }
    bench.now += Duration::from_secs(3);
    bench.give(CallInput::Timeout);
    assert_eq!(bench.call.state_name(), "Reconnecting");
    bench.publishes(LinkId(4));
    bench.subscribes(LinkId(5), "bob");
    bench.state(LinkId(4), LinkState::Connected);
    assert_eq!(bench.call.state_name(), "Reconnecting", "we do not hear them yet");
    bench.state(LinkId(5), LinkState::Connected);
    assert_eq!((bench.call.state_name(), bench.status_of("bob")), ("Active", CallStatus::Connected));
}

#[test]
fn what_cannot_be_published_does_not_end_a_call_in_which_we_hear() {
    let mut bench = Bench::of_two();
    bench.comes("bob", MediaKinds::VOICE);
    bench.publishes(OURS);
    bench.subscribes(BOBS, "bob");
    bench.state(BOBS, LinkState::Connected);
    let problem = Problem::new(ProblemCode::NoMediaPath, "no path");
    let told = bench.give(CallInput::Media(MediaEvent::LinkFailed { link: OURS, problem }));
    assert!(told.contains(&CallOutput::Signaling(SignalingCommand::GiveUpLink(OURS))));
    assert_eq!(bench.call.state_name(), "Active");
}
