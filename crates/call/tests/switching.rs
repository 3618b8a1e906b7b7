//! Going from audio to video by agreement, and that nothing but agreement opens a camera.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::time::{Duration, Instant};

use bellbird_call::ports::{MediaCommand, ProblemCode, SignalingCommand, SignalingEvent};
use bellbird_call::*;

const S: fn(u64) -> Duration = Duration::from_secs;

struct Bench {
    call: CallMachine,
    now: Instant,
}

fn bob() -> ParticipantId {
    ParticipantId::new("bob-1")
}

impl Bench {
    /// A call of two that was accepted.
    fn of_two() -> Self {
        Self::with(CallTarget::Contact(ContactId::new("bob")), MediaKinds::VOICE)
    }

    fn with(target: CallTarget, media: MediaKinds) -> Self {
        let (now, id, config) = (Instant::now(), CallId::new("1"), CallConfig::default());
        let call = CallMachine::outgoing(id, target, "Bob".into(), media, false, config, now);
        let mut bench = Self { call, now };
        bench.give(CallInput::Start);
        bench.say(SignalingEvent::Joined { local: ParticipantId::new("me"), ice_servers: vec![] });
        let who = RemoteParticipant { id: bob(), contact: None, display_name: "Bob".into(), media };
        bench.say(SignalingEvent::ParticipantJoined(who));
        bench
    }

    fn give(&mut self, input: CallInput) -> Vec<CallOutput> {
        self.call.handle(input, self.now);
        std::iter::from_fn(|| self.call.poll_output()).collect()
    }

    fn say(&mut self, event: SignalingEvent) -> Vec<CallOutput> {
        self.give(CallInput::Signaling(event))
    }

    fn want(&mut self, word: VideoSwitch) -> Vec<CallOutput> {
        self.give(CallInput::Intent(Intent::VideoSwitch(word)))
    }

    fn hear(&mut self, word: VideoSwitch) -> Vec<CallOutput> {
        self.say(SignalingEvent::RemoteVideoSwitch { participant: bob(), word })
    }

    fn refuses(&mut self, word: VideoSwitch, code: ProblemCode) {
        let out = self.want(word);
        let [CallOutput::Event(CallEvent::Problem(problem))] = out.as_slice() else {
            panic!("{word:?} yielded {out:?}");
        };
        assert_eq!(problem.code, code);
    }

    fn view(&self) -> CallView {
        self.call.view(self.now)
    }
}

fn sent(word: VideoSwitch) -> CallOutput {
    CallOutput::Signaling(SignalingCommand::SendVideoSwitch { to: bob(), word })
}

fn told(participant: Option<ParticipantId>, word: VideoSwitch) -> CallOutput {
    CallOutput::Event(CallEvent::VideoSwitch { participant, word })
}

/// What follows when both agreed, after what was said of it.
fn camera_opens() -> [CallOutput; 3] {
    let kind = MediaKind::Video;
    [
        CallOutput::Media(MediaCommand::SetMuted { kind, muted: false }),
        CallOutput::Signaling(SignalingCommand::AnnounceMute { kind, muted: false }),
        CallOutput::Event(CallEvent::Mute { participant: None, kind, muted: false }),
    ]
}

#[test]
fn what_we_ask_and_they_accept_opens_our_camera() {
    let mut bench = Bench::of_two();
    assert_eq!(
        bench.want(VideoSwitch::Request),
        [sent(VideoSwitch::Request), told(None, VideoSwitch::Request)]
    );
    assert_eq!(bench.view().video_request, VideoRequest::ByUs);
    assert_eq!(bench.want(VideoSwitch::Request), [], "asked once is asked");
    let mut expected = vec![told(Some(bob()), VideoSwitch::Accept)];
    expected.extend(camera_opens());
    assert_eq!(bench.hear(VideoSwitch::Accept), expected);
    let view = bench.view();
    assert!(view.camera_on && view.media.video && view.video_request == VideoRequest::None);
    bench.refuses(VideoSwitch::Request, ProblemCode::NotNow);
    assert_eq!(bench.hear(VideoSwitch::Request), [], "it is a video call already");
}

#[test]
fn what_they_ask_opens_our_camera_when_we_agree_and_not_before() {
    let mut bench = Bench::of_two();
    assert_eq!(bench.hear(VideoSwitch::Request), [told(Some(bob()), VideoSwitch::Request)]);
    assert_eq!(bench.view().video_request, VideoRequest::ByThem);
    assert!(!bench.view().camera_on && !bench.view().media.video);
    for word in [VideoSwitch::Request, VideoSwitch::Accept, VideoSwitch::Decline] {
        assert_eq!(bench.hear(word), [], "{word:?}");
    }
    let mut expected = vec![sent(VideoSwitch::Accept), told(None, VideoSwitch::Accept)];
    expected.extend(camera_opens());
    assert_eq!(bench.want(VideoSwitch::Accept), expected);
    assert!(bench.view().camera_on && bench.view().media.video);
}

#[test]
fn declined_or_taken_back_nothing_changes() {
    let mut bench = Bench::of_two();
    let before = bench.view();
    bench.want(VideoSwitch::Request);
    assert_eq!(bench.hear(VideoSwitch::Decline), [told(Some(bob()), VideoSwitch::Decline)]);
    bench.want(VideoSwitch::Request);
    assert_eq!(bench.want(VideoSwitch::Cancel), [sent(VideoSwitch::Cancel), told(None, VideoSwitch::Cancel)]);
    assert_eq!(bench.hear(VideoSwitch::Accept), [], "too late");
    bench.hear(VideoSwitch::Request);
    assert_eq!(
        bench.want(VideoSwitch::Decline),
        [sent(VideoSwitch::Decline), told(None, VideoSwitch::Decline)]
    );
    bench.hear(VideoSwitch::Request);
    assert_eq!(bench.hear(VideoSwitch::Cancel), [told(Some(bob()), VideoSwitch::Cancel)]);
    for word in [VideoSwitch::Accept, VideoSwitch::Decline, VideoSwitch::Cancel] {
        bench.refuses(word, ProblemCode::NotNow);
    }
    assert!(before.same_but_for_time(&bench.view()));
}

#[test]
fn a_question_does_not_stay_open() {
    let mut bench = Bench::of_two();
    bench.want(VideoSwitch::Request);
    bench.now += S(30);
    let out = bench.give(CallInput::Timeout);
    assert_eq!(out[..2], [sent(VideoSwitch::Cancel), told(None, VideoSwitch::Cancel)]);

    let mut bench = Bench::of_two();
    // No link within the test: the time to find one must not end the call first.
    bench.now += S(20);
    bench.hear(VideoSwitch::Request);
    bench.say(SignalingEvent::ParticipantLeft(bob()));
    assert_eq!(bench.view().video_request, VideoRequest::None, "who asked is gone");

    let mut bench = Bench::of_two();
    bench.want(VideoSwitch::Request);
    assert_eq!(bench.call.poll_timeout(), Some(bench.now + S(30)));
    let out = bench.say(SignalingEvent::ParticipantLeft(bob()));
    assert!(out.contains(&told(None, VideoSwitch::Cancel)), "{out:?}");
}

#[test]
fn both_asking_at_once_is_agreeing() {
    let mut bench = Bench::of_two();
    bench.want(VideoSwitch::Request);
    let mut expected = vec![told(Some(bob()), VideoSwitch::Accept)];
    expected.extend(camera_opens());
    assert_eq!(bench.hear(VideoSwitch::Request), expected);
    let mut other = Bench::of_two();
    other.hear(VideoSwitch::Request);
    let mut expected = vec![sent(VideoSwitch::Accept), told(None, VideoSwitch::Accept)];
    expected.extend(camera_opens());
    assert_eq!(other.want(VideoSwitch::Request), expected, "asking what was asked is agreeing, too");
}

#[test]
fn whatever_they_say_our_camera_stays_shut_unless_we_wished_it() {
    let words = [VideoSwitch::Request, VideoSwitch::Accept, VideoSwitch::Decline, VideoSwitch::Cancel];
    let mut bench = Bench::of_two();
    let mut asked = 0;
    for round in 0..2000 {
        let word = words[(round * 7 + round / 5) % words.len()];
        let stranger = SignalingEvent::RemoteVideoSwitch { participant: ParticipantId::new("eve"), word };
        assert_eq!(bench.say(stranger), []);
        for output in bench.hear(word) {
            asked += usize::from(output == told(Some(bob()), VideoSwitch::Request));
            assert!(!matches!(output, CallOutput::Media(_) | CallOutput::Signaling(_)), "{output:?}");
        }
    }
    assert!((1..=5).contains(&asked), "asked {asked} times within a moment");
    assert!(!bench.view().camera_on);
}

#[test]
fn it_is_for_two_who_may_show_a_camera() {
    let mut group = Bench::with(CallTarget::Room(RoomId::new("team")), MediaKinds::VOICE);
    group.refuses(VideoSwitch::Request, ProblemCode::NotNow);
    assert_eq!(group.hear(VideoSwitch::Request), []);
    let mut bench = Bench::of_two();
    bench.hear(VideoSwitch::Request);
    bench.say(SignalingEvent::Facts(RoomFacts { may_publish_video: false, ..RoomFacts::default() }));
    bench.refuses(VideoSwitch::Accept, ProblemCode::Forbidden);
    assert!(!bench.view().camera_on && !bench.view().media.video);
    bench.want(VideoSwitch::Decline);
    bench.refuses(VideoSwitch::Request, ProblemCode::Forbidden);
    let mut video = Bench::with(CallTarget::Contact(ContactId::new("bob")), MediaKinds::VIDEO);
    video.refuses(VideoSwitch::Request, ProblemCode::NotNow);
}
