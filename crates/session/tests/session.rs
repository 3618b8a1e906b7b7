//! The running session, with a scripted backend and a fake engine behind its ports.

use std::time::Duration;

use bellbird_call::ports::{
    AudioLevels, CallEndedBy, MediaCommand, MediaEvent, MediaSink, Problem, ProblemCode, SignalingCommand,
    SignalingEvent,
};
use bellbird_call::*;
use bellbird_session::{CallHandle, Meter};
use bellbird_testkit::fake_engine::{EngineProbe, FakeEngine};
use bellbird_testkit::log_watch::LogWatch;
use bellbird_testkit::scripted_backend::{BackendProbe, ScriptedBackend};

const LINK: LinkId = LinkId(1);

/// Only fails a test that hangs.
const HANG: Duration = Duration::from_secs(60);

struct Run {
    call: CallHandle,
    backend: BackendProbe,
    engine: EngineProbe,
    media: MediaSink,
}

fn bob() -> ParticipantId {
    ParticipantId::new("bob-device-0123456789")
}

/// Accepts at once, like a far end that answers by itself.
fn answering(command: &SignalingCommand) -> Vec<SignalingEvent> {
    if !matches!(command, SignalingCommand::Dial { .. }) {
        return Vec::new();
    }
    let link = Link {
        id: LINK,
        participant: Some(bob()),
        source: LinkSource::Person,
        role: LinkRole::Answerer,
        direction: LinkDirection::SendReceive,
        may_send: MediaKinds::VIDEO,
        simulcast: false,
    };
    let who =
        RemoteParticipant { id: bob(), contact: None, display_name: "Bob".into(), media: MediaKinds::VOICE };
    vec![
        SignalingEvent::Joined { local: ParticipantId::new("me"), ice_servers: Vec::new() },
        SignalingEvent::ParticipantJoined(who),
        SignalingEvent::LinkOpened(link),
    ]
}

fn start(
    config: CallConfig,
    script: impl FnMut(&SignalingCommand) -> Vec<SignalingEvent> + Send + 'static,
) -> Run {
    let (builder, inlet) = bellbird_session::prepare();
    let (backend, backend_probe) = ScriptedBackend::new(inlet.signaling_sink(), script);
    let (engine, engine_probe) = FakeEngine::new(0, inlet.media_sink());
    let machine = CallMachine::outgoing(
        CallId::new("1"),
        CallTarget::Contact(ContactId::new("bob")),
        "Bob".into(),
        MediaKinds::VOICE,
        false,
        config,
        std::time::Instant::now(),
    );
    let call = builder.start(machine, Box::new(backend), Box::new(engine));
    Run { call, backend: backend_probe, engine: engine_probe, media: inlet.media_sink() }
}

async fn until(call: &CallHandle, what: &str, mut is: impl FnMut(&CallView) -> bool) {
    let mut view = call.view();
    let waited = tokio::time::timeout(HANG, view.wait_for(|view| is(view))).await;
    assert!(matches!(waited, Ok(Ok(_))), "{what}: never");
}

async fn all_events(call: &CallHandle) -> Vec<CallEvent> {
    let mut events = call.take_events().expect("not taken before");
    let mut seen = Vec::new();
    while let Some(event) = tokio::time::timeout(HANG, events.recv()).await.expect("the events end") {
        seen.push(event);
    }
    seen
}

#[tokio::test]
async fn a_call_runs_from_dialing_to_its_end() {
    let run = start(CallConfig::without_tones(), answering);
    until(&run.call, "connecting", |view| view.status == CallStatus::Connecting).await;
    (run.media)(MediaEvent::LinkState { link: LINK, state: LinkState::Connected });
    until(&run.call, "connected", |view| view.status == CallStatus::Connected).await;
    assert!(run.engine.is_capturing());
    run.call.send(Intent::End);
    let events = all_events(&run.call).await;
    assert_eq!(events.last(), Some(&CallEvent::Ended(EndReason::LocalHangup)));
    let local: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            CallEvent::Status { participant: None, status } => Some(*status),
            _ => None,
        })
        .collect();
    use CallStatus::{Calling, Connected, Connecting, Ended};
    assert_eq!(local, [Calling, Connecting, Connected, Ended]);
    tokio::time::timeout(HANG, run.call.finished()).await.expect("the session goes away");
    assert!(!run.engine.is_capturing(), "the engine was dropped");
    assert!(run.backend.commands().contains(&SignalingCommand::Leave(LeaveScope::Everyone)));
    assert_eq!(run.call.view().borrow().ended, Some(EndReason::LocalHangup));
}

#[tokio::test]
async fn timers_run() {
    let config = CallConfig { ring_timeout: Duration::from_millis(30), ..CallConfig::without_tones() };
    let run = start(config, |_| Vec::new());
    assert_eq!(all_events(&run.call).await.last(), Some(&CallEvent::Ended(EndReason::NoAnswer)));
}

#[tokio::test]
async fn recovery_restarts_ice_on_the_engine() {
    let script = |command: &SignalingCommand| {
        let mut events = answering(command);
        for event in &mut events {
            if let SignalingEvent::LinkOpened(link) = event {
                link.role = LinkRole::Offerer;
            }
        }
        events
    };
    let run = start(CallConfig::without_tones(), script);
    let state = |state| (run.media)(MediaEvent::LinkState { link: LINK, state });
    until(&run.call, "connecting", |view| view.status == CallStatus::Connecting).await;
    state(LinkState::Connected);
    state(LinkState::Failed);
    until(&run.call, "reconnecting", |view| view.status == CallStatus::Reconnecting).await;
    assert!(run.engine.commands().contains(&MediaCommand::RestartIce(LINK)));
    state(LinkState::Connected);
    until(&run.call, "connected again", |view| view.status == CallStatus::Connected).await;
}

#[tokio::test]
async fn the_last_tone_keeps_the_engine_but_not_the_person_waiting() {
    let config = CallConfig { busy_tone: Duration::from_millis(50), ..CallConfig::default() };
    let run = start(config, |command| match command {
        SignalingCommand::Dial { .. } => vec![SignalingEvent::RemoteDeclined],
        _ => Vec::new(),
    });
    let events = all_events(&run.call).await;
    assert_eq!(events.last(), Some(&CallEvent::Ended(EndReason::RemoteDecline)));
    tokio::time::timeout(HANG, run.call.finished()).await.expect("the tone ends");
    assert_eq!(run.engine.tone(), None);
    assert!(run.engine.commands().contains(&MediaCommand::PlayTone(bellbird_call::ports::Tone::Busy)));
}

#[tokio::test]
async fn a_flood_from_afar_ends_the_call_instead_of_filling_memory() {
    let run = start(CallConfig::without_tones(), answering);
    until(&run.call, "connecting", |view| view.status == CallStatus::Connecting).await;
    // Between two turns of the loop: this test does not wait meanwhile.
    for _ in 0..5_000 {
        run.backend.say(SignalingEvent::MuteRequested);
    }
    let events = all_events(&run.call).await;
    let tail = &events[events.len() - 3..];
    assert!(matches!(&tail[0], CallEvent::Problem(p) if p.code == ProblemCode::Internal), "{tail:?}");
    assert_eq!(tail[2], CallEvent::Ended(EndReason::SignalingFailed));
}

#[tokio::test]
async fn a_slow_reader_misses_nothing_and_one_who_never_reads_is_not_waited_for() {
    let run = start(CallConfig::without_tones(), answering);
    until(&run.call, "connecting", |view| view.status == CallStatus::Connecting).await;
    let toggle = async |times: usize| {
        for n in 0..times {
            let (kind, muted) = (MediaKind::Audio, n % 2 == 0);
            run.backend.say(SignalingEvent::RemoteMute { participant: bob(), kind, muted });
            if n % 100 == 99 {
                tokio::task::yield_now().await;
            }
        }
    };
    toggle(2_000).await;
    run.call.send(Intent::End);
    let events = all_events(&run.call).await;
    let mutes = events.iter().filter(|event| matches!(event, CallEvent::Mute { .. })).count();
    assert_eq!(mutes, 2_000);
    assert_eq!(events.last(), Some(&CallEvent::Ended(EndReason::LocalHangup)));

    let run = start(CallConfig::without_tones(), answering);
    until(&run.call, "connecting", |view| view.status == CallStatus::Connecting).await;
    for n in 0..20_000 {
        let (kind, muted) = (MediaKind::Audio, n % 2 == 0);
        run.backend.say(SignalingEvent::RemoteMute { participant: bob(), kind, muted });
        if n % 100 == 99 {
            tokio::task::yield_now().await;
        }
    }
    until(&run.call, "given up", |view| view.ended.is_some()).await;
    assert_eq!(run.call.view().borrow().ended, Some(EndReason::SignalingFailed));
}

#[tokio::test]
async fn a_call_nobody_holds_hangs_up() {
    let Run { call, backend, engine, media } = start(CallConfig::without_tones(), answering);
    until(&call, "connecting", |view| view.status == CallStatus::Connecting).await;
    let mut view = call.view();
    drop((call, media));
    while tokio::time::timeout(HANG, view.changed()).await.expect("it ends").is_ok() {}
    assert!(backend.commands().contains(&SignalingCommand::Leave(LeaveScope::Everyone)));
    assert!(!engine.is_capturing());
}

#[tokio::test]
async fn meters_go_past_the_machine_and_the_view_stays_still() {
    let run = start(CallConfig::without_tones(), answering);
    until(&run.call, "connecting", |view| view.status == CallStatus::Connecting).await;
    let mut meters = run.call.meters();
    let mut view = run.call.view();
    view.mark_unchanged();
    let levels = AudioLevels { local: -20.0, remote: Vec::new() };
    (run.media)(MediaEvent::Levels(levels.clone()));
    assert_eq!(meters.recv().await.expect("a meter"), Meter::Levels(levels));
    // Something the machine disregards wakes the loop and changes nothing.
    run.backend.say(SignalingEvent::Restored);
    let problem = Problem::new(ProblemCode::NoMicrophone, "none");
    (run.media)(MediaEvent::Trouble(problem.clone()));
    let mut events = run.call.take_events().expect("not taken");
    while events.recv().await.expect("the problem is told") != CallEvent::Problem(problem.clone()) {}
    assert!(!view.has_changed().expect("the call runs"));
}

#[tokio::test]
async fn logs_name_every_input_and_give_nothing_away() {
    let watch = LogWatch::this_thread();
    let run = start(CallConfig::without_tones(), answering);
    until(&run.call, "connecting", |view| view.status == CallStatus::Connecting).await;
    let sdp = "v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\na=ice-pwd:topsecretpassword\r\n";
    run.backend.say(SignalingEvent::LinkDescription {
        link: LINK,
        description: SessionDescription::Offer(sdp.into()),
    });
    let candidate = IceCandidate {
        candidate: "candidate:1 1 udp 1 203.0.113.9 5004 typ host".into(),
        sdp_mid: None,
        sdp_mline_index: None,
    };
    run.backend.say(SignalingEvent::LinkCandidate { link: LINK, candidate });
    run.backend.say(SignalingEvent::SendData { link: LINK, text: "private words".into() });
    (run.media)(MediaEvent::DataReceived { link: LINK, text: "private words".into() });
    (run.media)(MediaEvent::Levels(AudioLevels { local: -20.0, remote: Vec::new() }));
    run.backend.say(SignalingEvent::CallEnded(CallEndedBy::Remote));
    all_events(&run.call).await;
    watch.assert_private(&["topsecretpassword", "private words", bob().as_str()]);
    let text = watch.text();
    for line in ["start", "link-1 candidate", "call ended by remote"] {
        assert!(text.contains(line), "no line on {line:?} in:\n{text}");
    }
    assert!(text.contains("state=\"Connecting\""), "{text}");
    assert!(!text.contains("levels"), "meters are not logged");
}
