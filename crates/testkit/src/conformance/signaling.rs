//! The signaling port.

use std::sync::{Arc, Mutex, PoisonError};

use bellbird_call::ports::{CallEndedBy, SignalingBackend, SignalingCommand, SignalingEvent, SignalingSink};
use bellbird_call::{
    CallTarget, IceCandidate, Invitation, LeaveScope, Link, LinkRole, MediaKind, MediaKinds,
    SessionDescription,
};

use super::PATIENCE;

/// The two sides of a one-to-one call, each with its own account on the same service.
pub struct SignalingParties<'a> {
    /// Makes a caller's backend, for one call.
    pub caller: &'a mut dyn FnMut(SignalingSink) -> Box<dyn SignalingBackend>,
    /// Makes a callee's backend, for one call.
    pub callee: &'a mut dyn FnMut(SignalingSink) -> Box<dyn SignalingBackend>,
    /// Whom the caller dials: the callee.
    pub target: CallTarget,
    /// The invitation that has reached the callee's account since last asked.
    pub invited: &'a mut dyn FnMut() -> Option<Invitation>,
    /// Lets things happen.
    pub carry: &'a mut dyn FnMut(),
    /// Whether the service reports ringing and declining: not every one does.
    pub reports_ringing: bool,
}

struct Side {
    backend: Box<dyn SignalingBackend>,
    inbox: Arc<Mutex<Vec<SignalingEvent>>>,
}

impl Side {
    fn new(make: &mut dyn FnMut(SignalingSink) -> Box<dyn SignalingBackend>) -> Self {
        let inbox: Arc<Mutex<Vec<SignalingEvent>>> = Arc::default();
        let sink_inbox = inbox.clone();
        let sink: SignalingSink = Arc::new(move |event| {
            sink_inbox.lock().unwrap_or_else(PoisonError::into_inner).push(event);
        });
        Self { backend: make(sink), inbox }
    }

    fn seen(&self) -> Vec<SignalingEvent> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn link(&self) -> Option<Link> {
        self.seen().into_iter().find_map(|event| match event {
            SignalingEvent::LinkOpened(link) => Some(link),
            _ => None,
        })
    }

    fn position(&self, what: &str, is: impl Fn(&SignalingEvent) -> bool) -> usize {
        self.seen().iter().position(is).unwrap_or_else(|| panic!("{what} is missing: {:#?}", self.seen()))
    }
}

/// Checks one call that is answered and ended, and one that is declined.
///
/// # Panics
/// When a promise of [`SignalingBackend`] is not kept.
pub fn signaling(mut parties: SignalingParties<'_>) {
    answered(&mut parties);
    if parties.reports_ringing {
        declined(&mut parties);
    }
}

fn ring(parties: &mut SignalingParties<'_>) -> (Side, Side) {
    let mut caller = Side::new(parties.caller);
    let target = parties.target.clone();
    caller.backend.send(SignalingCommand::Dial { target, media: MediaKinds::VOICE, silent: false });
    let mut invitation = None;
    wait(parties, "the callee is invited", |parties| {
        invitation = (parties.invited)();
        invitation.is_some()
    });
    let mut callee = Side::new(parties.callee);
    callee.backend.send(SignalingCommand::Ring(invitation.expect("waited for")));
    if parties.reports_ringing {
        wait(parties, "the caller learns that it rings", |_| {
            caller.seen().contains(&SignalingEvent::RemoteRinging)
        });
    }
    assert_eq!(callee.link(), None, "no link before the callee accepted");
    assert_eq!(caller.link(), None, "no link before the callee accepted");
    (caller, callee)
}

fn answered(parties: &mut SignalingParties<'_>) {
    let (mut caller, mut callee) = ring(parties);
    callee.backend.send(SignalingCommand::Accept { media: MediaKinds::VOICE });
    wait(parties, "both get a link", |_| caller.link().is_some() && callee.link().is_some());
    for side in [&caller, &callee] {
        let joined = side.position("Joined", |event| matches!(event, SignalingEvent::Joined { .. }));
        let opened = side.position("LinkOpened", |event| matches!(event, SignalingEvent::LinkOpened(_)));
        assert!(joined < opened, "links come after joining");
    }
    let entered = caller.position("RoomEntered", |event| matches!(event, SignalingEvent::RoomEntered { .. }));
    let joined = caller.position("Joined", |event| matches!(event, SignalingEvent::Joined { .. }));
    assert!(entered < joined, "the room is entered before its call is joined");

    let roles = [&caller, &callee].map(|side| side.link().map(|link| link.role));
    assert!(
        roles.contains(&Some(LinkRole::Offerer)) && roles.contains(&Some(LinkRole::Answerer)),
        "{roles:?}"
    );
    let (from, to) = if roles[0] == Some(LinkRole::Offerer) {
        (&mut caller, &mut callee)
    } else {
        (&mut callee, &mut caller)
    };
    let (near, far) = (from.link().expect("opened").id, to.link().expect("opened").id);
    let offer = SessionDescription::Offer("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n".into());
    from.backend.send(SignalingCommand::SendDescription { link: near, description: offer.clone() });
    let candidate = IceCandidate {
        candidate: "candidate:1 1 udp 2130706431 127.0.0.1 9 typ host".into(),
        sdp_mid: Some("0".into()),
        sdp_mline_index: Some(0),
    };
    from.backend.send(SignalingCommand::SendCandidate { link: near, candidate: candidate.clone() });
    wait(parties, "description and candidate arrive, in this order", |_| {
        let seen = to.seen();
        let described = seen.iter().position(|event| {
            *event == SignalingEvent::LinkDescription { link: far, description: offer.clone() }
        });
        let offered = seen.iter().position(|event| {
            matches!(event, SignalingEvent::LinkCandidate { link, candidate: c }
                if *link == far && c.candidate.trim_start_matches("candidate:") == candidate.candidate.trim_start_matches("candidate:"))
        });
        described.is_some() && described < offered
    });
    from.backend.send(SignalingCommand::AnnounceMute { kind: MediaKind::Audio, muted: true });
    wait(parties, "the mute arrives", |_| {
        to.seen().iter().any(|event| {
            matches!(event, SignalingEvent::RemoteMute { kind: MediaKind::Audio, muted: true, .. })
        })
    });
    caller.backend.send(SignalingCommand::Leave(LeaveScope::Everyone));
    wait(parties, "the call ends for the callee", |_| {
        callee.seen().contains(&SignalingEvent::CallEnded(CallEndedBy::Remote))
            || callee.seen().iter().any(|event| matches!(event, SignalingEvent::ParticipantLeft(_)))
    });
    callee.backend.send(SignalingCommand::Leave(LeaveScope::Us));
}

fn declined(parties: &mut SignalingParties<'_>) {
    let (mut caller, mut callee) = ring(parties);
    callee.backend.send(SignalingCommand::Decline);
    wait(parties, "the caller learns of the decline", |_| {
        caller.seen().contains(&SignalingEvent::RemoteDeclined)
    });
    caller.backend.send(SignalingCommand::Leave(LeaveScope::Everyone));
}

fn wait<'a>(
    parties: &mut SignalingParties<'a>,
    what: &str,
    mut done: impl FnMut(&mut SignalingParties<'a>) -> bool,
) {
    for _ in 0..PATIENCE {
        (parties.carry)();
        if done(parties) {
            return;
        }
    }
    panic!("{what}: it did not happen");
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use bellbird_call::ContactId;

    use super::*;
    use crate::scripted_backend::ScriptedBackend;
    use crate::service::{Line, SimulatedService, Told};

    type Queue<T> = Arc<Mutex<VecDeque<T>>>;

    #[test]
    fn the_simulated_service_conforms() {
        let commands: Queue<(Line, SignalingCommand)> = Arc::default();
        let sinks: Arc<Mutex<Vec<SignalingSink>>> = Arc::default();
        let invitations: Queue<Invitation> = Arc::default();
        let maker = |device: usize| {
            let (commands, sinks) = (commands.clone(), sinks.clone());
            move |sink: SignalingSink| -> Box<dyn SignalingBackend> {
                let mut sinks = sinks.lock().expect("not poisoned");
                let line = Line { device, call: sinks.len() as u64 };
                sinks.push(sink.clone());
                let commands = commands.clone();
                let script = move |command: &SignalingCommand| {
                    commands.lock().expect("not poisoned").push_back((line, command.clone()));
                    Vec::new()
                };
                Box::new(ScriptedBackend::new(sink, script).0)
            }
        };
        let mut service = SimulatedService::new(&["alice", "bob"]);
        let mut carry = || {
            while let Some((line, command)) = commands.lock().expect("not poisoned").pop_front() {
                service.handle(line, command);
            }
            while let Some((_, told)) = service.poll() {
                match told {
                    Told::Event(call, event) => {
                        let sink = sinks.lock().expect("not poisoned")[call as usize].clone();
                        sink(event);
                    }
                    Told::Invited(invitation) => {
                        invitations.lock().expect("not poisoned").push_back(invitation)
                    }
                }
            }
        };
        signaling(SignalingParties {
            caller: &mut maker(0),
            callee: &mut maker(1),
            target: CallTarget::Contact(ContactId::new("bob")),
            invited: &mut || invitations.lock().expect("not poisoned").pop_front(),
            carry: &mut carry,
            reports_ringing: true,
        });
    }
}
