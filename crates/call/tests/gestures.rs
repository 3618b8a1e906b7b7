//! Raised hands, reactions, and asking others to mute or to come.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::time::{Duration, Instant};

use bellbird_call::ports::{MediaCommand, ProblemCode, SignalingCommand, SignalingEvent};
use bellbird_call::*;

struct Bench {
    call: CallMachine,
    now: Instant,
}

fn bob() -> ParticipantId {
    ParticipantId::new("bob-1")
}

fn thumb() -> Reaction {
    Reaction::new("👍").unwrap()
}

fn moderated() -> RoomFacts {
    RoomFacts { moderator: true, may_add: true, reactions: vec![thumb()], ..RoomFacts::default() }
}

impl Bench {
    /// A call that was dialed and not joined.
    fn dialing(target: CallTarget) -> Self {
        let (now, id, config) = (Instant::now(), CallId::new("1"), CallConfig::default());
        let call = CallMachine::outgoing(id, target, "Team".into(), MediaKinds::VOICE, false, config, now);
        let mut bench = Self { call, now };
        bench.give(CallInput::Start);
        bench
    }

    fn in_group(facts: RoomFacts) -> Self {
        let mut bench = Self::dialing(CallTarget::Room(RoomId::new("team")));
        bench.say(SignalingEvent::Facts(facts));
        bench.join();
        bench
    }

    fn join(&mut self) -> Vec<CallOutput> {
        let out = self.say(SignalingEvent::Joined { local: ParticipantId::new("me"), ice_servers: vec![] });
        let who = RemoteParticipant {
            id: bob(),
            contact: None,
            display_name: "Bob".into(),
            media: MediaKinds::VOICE,
        };
        self.say(SignalingEvent::ParticipantJoined(who));
        out
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

    fn refuses(&mut self, intent: Intent) {
        let out = self.want(intent.clone());
        let [CallOutput::Event(CallEvent::Problem(problem))] = out.as_slice() else {
            panic!("{intent:?} yielded {out:?}");
        };
        assert_eq!(problem.code, ProblemCode::NotNow);
    }

    fn view(&self) -> CallView {
        self.call.view(self.now)
    }
}

fn signal(command: SignalingCommand) -> CallOutput {
    CallOutput::Signaling(command)
}

fn tell(event: CallEvent) -> CallOutput {
    CallOutput::Event(event)
}

#[test]
fn our_hand_is_announced_once_and_again_after_joining_anew() {
    let mut bench = Bench::in_group(moderated());
    let up = signal(SignalingCommand::AnnounceHand { raised: true });
    let told = |raised| tell(CallEvent::Hand { participant: None, raised });
    assert_eq!(bench.want(Intent::RaiseHand(true)), [up.clone(), told(true)]);
    assert_eq!(bench.want(Intent::RaiseHand(true)), []);
    assert!(bench.view().hand_raised);
    assert!(bench.join().contains(&up));
    let down = signal(SignalingCommand::AnnounceHand { raised: false });
    assert_eq!(bench.want(Intent::RaiseHand(false)), [down, told(false)]);
    assert!(!bench.view().hand_raised && !bench.join().contains(&up));

    let mut early = Bench::dialing(CallTarget::Room(RoomId::new("team")));
    assert_eq!(early.want(Intent::RaiseHand(true)), [told(true)]);
    assert!(early.join().contains(&up));
}

#[test]
fn a_call_that_rings_here_shows_nothing_of_us() {
    let invitation = Invitation {
        room: RoomId::new("team"),
        from: None,
        display_name: "Team".into(),
        one_to_one: false,
        media: MediaKinds::VOICE,
    };
    let now = Instant::now();
    let call = CallMachine::incoming(CallId::new("1"), invitation, CallConfig::default(), now);
    let mut bench = Bench { call, now };
    bench.give(CallInput::Start);
    bench.say(SignalingEvent::Facts(moderated()));
    bench.refuses(Intent::RaiseHand(true));
    bench.refuses(Intent::React(thumb()));
    bench.refuses(Intent::AskToMute(bob()));
    bench.refuses(Intent::AddPerson(ContactId::new("carol")));
}

#[test]
fn hands_of_others_keep_their_place_and_leave_with_them() {
    let mut bench = Bench::in_group(moderated());
    let hand = |since| SignalingEvent::RemoteHand { participant: bob(), since };
    let told = |raised| tell(CallEvent::Hand { participant: Some(bob()), raised });
    assert_eq!(bench.say(hand(Some(5))), [told(true)]);
    // The state is repeated by their client; the first time counts.
    assert_eq!(bench.say(hand(Some(9))), []);
    assert_eq!(bench.view().participants[0].hand_raised, Some(5));
    assert_eq!(bench.say(hand(None)), [told(false)]);
    assert_eq!(bench.say(hand(None)), []);
    let stranger = ParticipantId::new("nobody");
    assert_eq!(bench.say(SignalingEvent::RemoteHand { participant: stranger, since: Some(1) }), []);
    bench.say(hand(Some(11)));
    bench.say(SignalingEvent::ParticipantLeft(bob()));
    bench.join();
    assert_eq!(bench.view().participants[0].hand_raised, None);
}

#[test]
fn a_hand_that_flutters_comes_to_rest() {
    let mut bench = Bench::in_group(moderated());
    let mut told = 0;
    for step in 0..10_000 {
        bench.now += Duration::from_millis(1);
        let since = (step % 2 == 0).then_some(step);
        told += bench.say(SignalingEvent::RemoteHand { participant: bob(), since }).len();
    }
    assert!((50..=70).contains(&told), "{told} in ten seconds");
    assert_eq!(bench.view().participants[0].hand_raised, None);
    bench.now += Duration::from_secs(1);
    assert_eq!(bench.say(SignalingEvent::RemoteHand { participant: bob(), since: Some(1) }).len(), 1);
}

#[test]
fn only_reactions_the_conversation_knows_are_sent() {
    let mut bench = Bench::in_group(moderated());
    let sent = bench.want(Intent::React(thumb()));
    let told = tell(CallEvent::Reaction { participant: None, reaction: thumb() });
    assert_eq!(sent, [signal(SignalingCommand::SendReaction(thumb())), told]);
    bench.refuses(Intent::React(Reaction::new("🦆").unwrap()));
    Bench::dialing(CallTarget::Room(RoomId::new("team"))).refuses(Intent::React(thumb()));
}

#[test]
fn a_flood_of_reactions_is_thinned_for_each_sender() {
    let mut bench = Bench::in_group(moderated());
    let flood = SignalingEvent::RemoteReaction { participant: bob(), reaction: thumb() };
    let mut shown = 0;
    for _ in 0..10_000 {
        bench.now += Duration::from_millis(1);
        shown += bench.say(flood.clone()).len();
    }
    assert!((25..=35).contains(&shown), "{shown} in ten seconds");
    // A flood of others takes nothing from us, and a mashed key sends no flood.
    let sent: usize = (0..100).map(|_| bench.want(Intent::React(thumb())).len()).sum();
    assert_eq!(sent, 10, "five commands and five events");
    let stranger = ParticipantId::new("nobody");
    assert_eq!(bench.say(SignalingEvent::RemoteReaction { participant: stranger, reaction: thumb() }), []);
}

#[test]
fn a_moderator_mutes_at_once_and_never_unmutes() {
    let mut bench = Bench::in_group(moderated());
    let kind = MediaKind::Audio;
    assert_eq!(
        bench.say(SignalingEvent::MuteRequested),
        [
            CallOutput::Media(MediaCommand::SetMuted { kind, muted: true }),
            signal(SignalingCommand::AnnounceMute { kind, muted: true }),
            tell(CallEvent::Mute { participant: None, kind, muted: true }),
            tell(CallEvent::MutedByModerator),
        ]
    );
    assert_eq!(bench.say(SignalingEvent::MuteRequested), []);
    assert!(bench.view().muted);
    bench.want(Intent::Unmute(kind));
    assert!(!bench.view().muted);
}

#[test]
fn asking_others_to_mute_is_a_moderators() {
    let mut bench = Bench::in_group(moderated());
    assert_eq!(bench.want(Intent::AskToMute(bob())), [signal(SignalingCommand::AskToMute(bob()))]);
    bench.refuses(Intent::AskToMute(ParticipantId::new("nobody")));
    bench.say(SignalingEvent::Facts(RoomFacts::default()));
    bench.refuses(Intent::AskToMute(bob()));
}

#[test]
fn people_are_added_to_calls_of_several_by_those_who_may() {
    let mut bench = Bench::in_group(moderated());
    let carol = ContactId::new("carol");
    let added = [signal(SignalingCommand::AddPerson(carol.clone()))];
    assert_eq!(bench.want(Intent::AddPerson(carol.clone())), added);
    bench.say(SignalingEvent::Facts(RoomFacts { may_add: false, ..moderated() }));
    bench.refuses(Intent::AddPerson(carol.clone()));

    let mut pair = Bench::dialing(CallTarget::Contact(ContactId::new("bob")));
    pair.say(SignalingEvent::Facts(moderated()));
    pair.join();
    pair.refuses(Intent::AddPerson(carol));
    assert!(pair.view().one_to_one);
}

#[test]
fn what_is_logged_names_nobody() {
    let intent = Intent::AddPerson(ContactId::new("carol"));
    assert_eq!(CallInput::Intent(intent).to_string(), "intent add a person");
    let intent = Intent::AskToMute(ParticipantId::new("abcdefghijkl"));
    assert_eq!(CallInput::Intent(intent).to_string(), "intent ask abcdef to mute");
}
