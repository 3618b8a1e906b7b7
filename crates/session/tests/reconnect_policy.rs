//! When recovery acts, as tables of seconds.

use std::time::{Duration, Instant};

use bellbird_call::ports::{MediaCommand, MediaEvent, SignalingEvent};
use bellbird_call::*;
use bellbird_session::reconnect::{ReconnectPolicy, Recovery, Remedy};

const LINK: LinkId = LinkId(1);

/// What happens at which second.
#[derive(Clone)]
enum Happens {
    State(LinkState),
    Interrupted,
    Restored,
    AddressLost,
    Closed,
}

use Happens::{AddressLost, Closed, Interrupted, Restored, State};
use LinkState::{Connected, Connecting, Disconnected, Failed};

/// Plays a script and yields what recovery did at which second, looked at ten times a second for 120 s.
fn play(role: LinkRole, script: &[(u64, Happens)]) -> Vec<(f64, Remedy)> {
    play_on(role, LinkDirection::SendReceive, script)
}

fn play_on(role: LinkRole, direction: LinkDirection, script: &[(u64, Happens)]) -> Vec<(f64, Remedy)> {
    let start = Instant::now();
    let mut recovery = Recovery::new(ReconnectPolicy::default());
    let link = Link {
        id: LINK,
        participant: None,
        source: LinkSource::Person,
        role,
        direction,
        may_send: MediaKinds::VIDEO,
        simulcast: false,
    };
    recovery.observe_output(&CallOutput::Media(MediaCommand::OpenLink(link)), start);
    let mut done = Vec::new();
    for tenth in 0..1200_u32 {
        let now = start + Duration::from_millis(100) * tenth;
        for (_, happens) in script.iter().filter(|(second, _)| second * 10 == u64::from(tenth)) {
            let input = match happens {
                State(state) => CallInput::Media(MediaEvent::LinkState { link: LINK, state: *state }),
                Interrupted => CallInput::Signaling(SignalingEvent::Interrupted),
                Restored => CallInput::Signaling(SignalingEvent::Restored),
                AddressLost => CallInput::Media(MediaEvent::AddressLost),
                Closed => {
                    recovery.observe_output(&CallOutput::Media(MediaCommand::CloseLink(LINK)), now);
                    continue;
                }
            };
            recovery.observe_input(&input, now);
        }
        let due = recovery.poll_timeout().is_some_and(|at| at <= now);
        let mut acted = false;
        while let Some(remedy) = recovery.poll(now) {
            acted = true;
            done.push((f64::from(tenth) / 10.0, remedy));
        }
        assert_eq!(due, acted, "the timer tells when to act");
    }
    done
}

fn restarts(at: &[f64], give_up: Option<f64>) -> Vec<(f64, Remedy)> {
    let restarts = at.iter().map(|at| (*at, Remedy::Restart(LINK)));
    restarts.chain(give_up.map(|at| (at, Remedy::GiveUp(LINK)))).collect()
}

#[test]
fn an_offerer_restarts_five_times_and_gives_up() {
    let script = [(1, State(Connected)), (10, State(Disconnected))];
    assert_eq!(play(LinkRole::Offerer, &script), restarts(&[12.0, 17.0, 22.0, 27.0, 32.0], Some(37.0)));
}

#[test]
fn an_answerer_waits_longer_than_that_and_never_restarts() {
    let script = [(1, State(Connected)), (10, State(Disconnected)), (25, State(Failed))];
    assert_eq!(play(LinkRole::Answerer, &script), restarts(&[], Some(50.0)));
}

#[test]
fn what_comes_back_by_itself_is_left_alone() {
    let script = [(1, State(Connected)), (10, State(Disconnected)), (11, State(Connected))];
    assert_eq!(play(LinkRole::Offerer, &script), []);
}

#[test]
fn what_comes_back_after_restarts_starts_counting_anew() {
    let script = [
        (1, State(Connected)),
        (10, State(Disconnected)),
        (18, State(Connected)),
        (40, State(Disconnected)),
        (43, State(Connected)),
    ];
    assert_eq!(play(LinkRole::Offerer, &script), restarts(&[12.0, 17.0, 42.0], None));
}

#[test]
fn a_failure_is_acted_on_at_once_but_not_in_a_rush() {
    let failures = |second| (second, State(Failed));
    let script: Vec<_> = [(1, State(Connected))].into_iter().chain((10..40).map(failures)).collect();
    assert_eq!(play(LinkRole::Offerer, &script), restarts(&[10.0, 12.0, 14.0, 16.0, 18.0], Some(20.0)));
}

#[test]
fn a_first_path_that_fails_is_sought_again_and_one_that_never_comes_is_given_up() {
    let script = [(3, State(Failed)), (6, State(Connected))];
    assert_eq!(play(LinkRole::Offerer, &script), restarts(&[3.0], None));
    assert_eq!(play(LinkRole::Offerer, &[(1, State(Connecting))]), restarts(&[], Some(30.0)));
}

#[test]
fn another_network_is_a_reason_to_restart_at_once_for_who_offers() {
    let moved = [(0, State(Connected)), (10, AddressLost), (11, State(Connecting)), (12, State(Connected))];
    assert_eq!(play(LinkRole::Offerer, &moved), restarts(&[10.0], None));
    assert_eq!(play(LinkRole::Answerer, &moved), restarts(&[], None));
    let opening = [(0, AddressLost), (1, State(Connected))];
    assert_eq!(
        play(LinkRole::Offerer, &opening),
        restarts(&[], None),
        "its first path is being sought anyway"
    );
}

#[test]
fn restarts_wait_for_the_service() {
    let script = [
        (1, State(Connected)),
        (9, Interrupted),
        (10, State(Disconnected)),
        (50, Restored),
        (52, State(Connected)),
    ];
    assert_eq!(play(LinkRole::Offerer, &script), restarts(&[50.0], None));
    let for_ever = &script[..3];
    assert_eq!(play(LinkRole::Offerer, for_ever), restarts(&[], Some(85.0)));
    assert_eq!(play(LinkRole::Answerer, for_ever), restarts(&[], Some(85.0)));
}

#[test]
fn what_the_far_end_closed_is_kept_only_for_the_service_to_explain() {
    let script = [(1, State(Connected)), (10, State(LinkState::Closed)), (11, State(Disconnected))];
    assert_eq!(play(LinkRole::Offerer, &script), restarts(&[], Some(13.0)));
    let script = [(1, State(Connected)), (10, State(LinkState::Closed)), (11, Closed)];
    assert_eq!(play(LinkRole::Offerer, &script), []);
}

#[test]
fn a_link_with_a_media_server_is_made_anew() {
    for (role, direction) in
        [(LinkRole::Offerer, LinkDirection::SendOnly), (LinkRole::Answerer, LinkDirection::ReceiveOnly)]
    {
        let made_anew = |script: &[(u64, Happens)]| play_on(role, direction, script);
        let lost = [(1, State(Connected)), (10, State(Disconnected)), (13, Closed)];
        assert_eq!(made_anew(&lost), [(12.0, Remedy::Renew(LINK))]);
        let failed = [(1, State(Connected)), (10, State(Failed)), (11, Closed)];
        assert_eq!(made_anew(&failed), [(10.0, Remedy::Renew(LINK))]);
        // The server has forgotten it, and nothing says that whoever sent on it left.
        let forgotten = [(1, State(Connected)), (10, State(LinkState::Closed)), (13, Closed)];
        assert_eq!(made_anew(&forgotten), [(12.0, Remedy::Renew(LINK))]);
        let away =
            [(1, State(Connected)), (10, Interrupted), (11, State(Failed)), (40, Restored), (41, Closed)];
        assert_eq!(made_anew(&away), [(40.0, Remedy::Renew(LINK))]);
        let moved = [(1, State(Connected)), (10, AddressLost), (11, Closed)];
        assert_eq!(made_anew(&moved), [(10.0, Remedy::Renew(LINK))]);
        let back = [(1, State(Connected)), (10, State(Disconnected)), (11, State(Connected))];
        assert!(made_anew(&back).is_empty());
        let hopeless = made_anew(&[(1, State(Connected)), (10, State(Failed))]);
        assert_eq!(hopeless.len(), 6);
        assert_eq!(hopeless[5].1, Remedy::GiveUp(LINK));
    }
}

#[test]
fn a_screen_sent_straight_to_someone_is_restarted_by_us() {
    let start = Instant::now();
    let mut recovery = Recovery::new(ReconnectPolicy::default());
    let link = |id, direction, role| Link {
        id: LinkId(id),
        participant: Some(ParticipantId::new("bob")),
        source: LinkSource::Screen,
        role,
        direction,
        may_send: MediaKinds::VIDEO,
        simulcast: false,
    };
    let links = [
        link(1, LinkDirection::SendOnly, LinkRole::Offerer),
        link(2, LinkDirection::ReceiveOnly, LinkRole::Answerer),
    ];
    for link in links {
        recovery.observe_output(&CallOutput::Media(MediaCommand::OpenLink(link)), start);
    }
    for link in [LinkId(1), LinkId(2)] {
        for state in [Connected, Disconnected] {
            recovery.observe_input(&CallInput::Media(MediaEvent::LinkState { link, state }), start);
        }
    }
    let now = start + Duration::from_secs(2);
    let remedies: Vec<Remedy> = std::iter::from_fn(|| recovery.poll(now)).collect();
    assert_eq!(remedies, [Remedy::Restart(LinkId(1)), Remedy::Renew(LinkId(2))]);
}
