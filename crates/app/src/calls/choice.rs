//! Which call a command means, and what may be done with it. Pure: what there is goes in, a choice comes out.
//!
//! There is one *current* call at most: the one the person is in or on the way into. Others may ring beside it; the
//! person hears of them, and declining one then tells its caller "engaged" rather than "declined".

use bellbird_call::ports::{Problem, ProblemCode};
use bellbird_call::{CallId, CallView, glare};
use bellbird_call::{ContactId, Intent, Invitation};

/// Calls that ring beside each other at most; a further caller hears at once that we are engaged.
const MAX_RINGING: usize = 3;

/// One call as far as choosing goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate<'a> {
    /// Of which account.
    pub(crate) account: &'a str,
    /// What it shows.
    pub(crate) view: &'a CallView,
    /// Whether Answer or Decline was given already, though the view may not show it yet.
    pub(crate) settled: bool,
}

impl Candidate<'_> {
    fn is_over(&self) -> bool {
        self.view.ended.is_some()
    }

    /// Waits for Answer or Decline.
    pub(crate) fn rings(&self) -> bool {
        !self.is_over() && self.view.can_answer && !self.settled
    }

    /// The person is in it, or on the way into it.
    fn is_current(&self) -> bool {
        !self.is_over() && !self.rings()
    }
}

/// What becomes of a wish to call someone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Dial {
    /// Dial.
    New,
    /// That person rings us just now: answer.
    Answer(CallId),
}

/// What becomes of a call that reaches us.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Reception {
    /// Ring, beside a current call too.
    Ring,
    /// It is a call we have already.
    Known,
    /// Too many ring already.
    Engaged,
}

fn not_now(detail: &str) -> Problem {
    Problem::new(ProblemCode::NotNow, detail)
}

/// The current call.
pub(crate) fn current<'a>(calls: &[Candidate<'a>]) -> Option<&'a CallView> {
    calls.iter().find(|call| call.is_current()).map(|call| call.view)
}

/// The call meant by `wanted`, or the one that rings. The oldest, when several do.
pub(crate) fn ringing<'a>(calls: &[Candidate<'a>], wanted: Option<&str>) -> Result<&'a CallView, Problem> {
    match wanted {
        Some(id) => {
            let call = find(calls, id)?;
            if call.rings() { Ok(call.view) } else { Err(not_now("this call does not ring")) }
        }
        None => calls
            .iter()
            .find(|call| call.rings())
            .map(|call| call.view)
            .ok_or_else(|| not_now("no call rings")),
    }
}

/// The call meant by `wanted`, or the current one.
pub(crate) fn running<'a>(calls: &[Candidate<'a>], wanted: Option<&str>) -> Result<&'a CallView, Problem> {
    match wanted {
        Some(id) => {
            let call = find(calls, id)?;
            if call.is_current() { Ok(call.view) } else { Err(not_now("this call does not run")) }
        }
        None => current(calls).ok_or_else(|| not_now("there is no call")),
    }
}

/// The call to end: like [`running`], and one that rings when there is no other (ending it is declining it).
pub(crate) fn to_end<'a>(calls: &[Candidate<'a>], wanted: Option<&str>) -> Result<&'a CallView, Problem> {
    running(calls, wanted).or_else(|problem| ringing(calls, wanted).map_err(|_| problem))
}

/// The call that rings beside another one: the latest, when several do.
pub(crate) fn beside<'a>(calls: &[Candidate<'a>]) -> Result<&'a CallView, Problem> {
    let rings = || calls.iter().filter(|call| call.rings());
    let alone = current(calls).is_none() && rings().count() < 2;
    match rings().next_back() {
        Some(call) if !alone => Ok(call.view),
        Some(_) | None => Err(not_now("no call rings beside another")),
    }
}

/// How a call that rings is declined: beside a current call, its caller hears that we are engaged.
pub(crate) fn declining(calls: &[Candidate<'_>]) -> Intent {
    if current(calls).is_some() { Intent::DeclineEngaged } else { Intent::Decline }
}

/// Whether someone can be called now.
///
/// # Errors
/// `not-now` while there is a current call.
pub(crate) fn dial(calls: &[Candidate<'_>], account: &str, contact: &ContactId) -> Result<Dial, Problem> {
    let rings = calls
        .iter()
        .find(|call| call.rings() && call.account == account && call.view.contact.as_ref() == Some(contact));
    if let Some(call) = rings {
        return Ok(Dial::Answer(call.view.id.clone()));
    }
    match current(calls) {
        Some(_) => Err(not_now("you are in a call: end it first")),
        None => Ok(Dial::New),
    }
}

/// What becomes of an invitation to `account`.
pub(crate) fn receive(calls: &[Candidate<'_>], account: &str, invitation: &Invitation) -> Reception {
    let own = calls.iter().filter(|call| call.account == account).map(|call| call.view);
    if let glare::Reception::SameCall(_) = glare::receive(invitation, own) {
        return Reception::Known;
    }
    if calls.iter().filter(|call| call.rings()).count() >= MAX_RINGING {
        return Reception::Engaged;
    }
    Reception::Ring
}

fn find<'c, 'a>(calls: &'c [Candidate<'a>], id: &str) -> Result<&'c Candidate<'a>, Problem> {
    calls
        .iter()
        .find(|call| call.view.id.as_str() == id && !call.is_over())
        .ok_or_else(|| not_now("there is no such call"))
}

#[cfg(test)]
mod tests {
    use bellbird_call::{CallDirection, CallStatus, EndReason, MediaKinds, RoomFacts, RoomId};

    use super::*;

    fn view(id: &str, contact: &str, direction: CallDirection) -> CallView {
        CallView {
            id: CallId::new(id),
            direction,
            room: Some(RoomId::new(format!("room-{contact}"))),
            display_name: contact.into(),
            contact: Some(ContactId::new(contact)),
            one_to_one: true,
            facts: RoomFacts::default(),
            status: CallStatus::Calling,
            joined: false,
            can_answer: direction == CallDirection::Incoming,
            media: MediaKinds::VOICE,
            muted: false,
            camera_on: false,
            sharing_screen: false,
            on_hold: false,
            hand_raised: false,
            video_request: bellbird_call::VideoRequest::None,
            connected_at: None,
            connected_for: None,
            reconnecting_at: None,
            reconnecting_for: None,
            participants: Vec::new(),
            ended: None,
        }
    }

    fn candidates<'a>(account: &'a str, views: &'a [CallView]) -> Vec<Candidate<'a>> {
        views.iter().map(|view| Candidate { account, view, settled: false }).collect()
    }

    fn invitation(from: &str) -> Invitation {
        Invitation {
            room: RoomId::new(format!("room-{from}")),
            from: Some(ContactId::new(from)),
            display_name: from.into(),
            one_to_one: true,
            media: MediaKinds::VOICE,
        }
    }

    #[test]
    fn commands_without_an_id_mean_the_call_in_question() {
        let views = [
            view("1", "bob", CallDirection::Outgoing),
            view("2", "eve", CallDirection::Incoming),
            view("3", "mia", CallDirection::Incoming),
        ];
        let calls = candidates("a", &views);
        assert_eq!(ringing(&calls, None).unwrap().id.as_str(), "2");
        assert_eq!(ringing(&calls, Some("3")).unwrap().id.as_str(), "3");
        assert_eq!(running(&calls, None).unwrap().id.as_str(), "1");
        assert_eq!(to_end(&calls, None).unwrap().id.as_str(), "1");
        assert_eq!(to_end(&calls, Some("3")).unwrap().id.as_str(), "3");
        for refused in [ringing(&calls, Some("1")), running(&calls, Some("2")), running(&calls, Some("9"))] {
            assert_eq!(refused.unwrap_err().code, ProblemCode::NotNow);
        }
        assert_eq!(to_end(&calls[1..], None).unwrap().id.as_str(), "2");
        assert!(to_end(&[], None).is_err());
    }

    #[test]
    fn declining_beside_a_call_says_engaged() {
        let views = [view("1", "bob", CallDirection::Outgoing), view("2", "eve", CallDirection::Incoming)];
        let calls = candidates("a", &views);
        assert_eq!(declining(&calls), Intent::DeclineEngaged);
        assert_eq!(declining(&calls[1..]), Intent::Decline);
    }

    #[test]
    fn what_rings_beside_another_call_is_the_latest() {
        let views = [
            view("1", "bob", CallDirection::Outgoing),
            view("2", "eve", CallDirection::Incoming),
            view("3", "mia", CallDirection::Incoming),
        ];
        let calls = candidates("a", &views);
        for (some, expected) in [(&calls[..], "3"), (&calls[..2], "2"), (&calls[1..], "3")] {
            assert_eq!(beside(some).unwrap().id.as_str(), expected);
        }
        for none in [&calls[..1], &calls[1..2], &[]] {
            assert_eq!(beside(none).unwrap_err().code, ProblemCode::NotNow);
        }
    }

    #[test]
    fn a_call_that_was_answered_is_current_before_its_view_says_so() {
        let views = [view("1", "bob", CallDirection::Incoming)];
        let calls = [Candidate { account: "a", view: &views[0], settled: true }];
        assert!(ringing(&calls, None).is_err(), "it cannot be answered twice");
        assert_eq!(running(&calls, None).unwrap().id.as_str(), "1");
        assert!(dial(&calls, "a", &ContactId::new("eve")).is_err());
    }

    #[test]
    fn a_call_that_is_over_is_in_nobodys_way() {
        let mut over = view("1", "bob", CallDirection::Outgoing);
        over.ended = Some(EndReason::LocalHangup);
        let views = [over];
        let calls = candidates("a", &views);
        assert!(running(&calls, Some("1")).is_err());
        assert_eq!(dial(&calls, "a", &ContactId::new("bob")), Ok(Dial::New));
        assert_eq!(receive(&calls, "a", &invitation("bob")), Reception::Ring);
    }

    #[test]
    fn dialing_who_rings_us_is_answering() {
        let views = [view("1", "bob", CallDirection::Incoming)];
        let calls = candidates("a", &views);
        assert_eq!(dial(&calls, "a", &ContactId::new("bob")), Ok(Dial::Answer(CallId::new("1"))));
        assert_eq!(dial(&calls, "b", &ContactId::new("bob")), Ok(Dial::New), "another account, another bob");
        assert_eq!(dial(&calls, "a", &ContactId::new("eve")), Ok(Dial::New));
    }

    #[test]
    fn being_rung_by_whom_we_dial_is_the_same_call() {
        let mut dialing = view("1", "bob", CallDirection::Outgoing);
        dialing.room = None;
        let views = [dialing];
        let calls = candidates("a", &views);
        assert_eq!(receive(&calls, "a", &invitation("bob")), Reception::Known);
        assert_eq!(receive(&calls, "b", &invitation("bob")), Reception::Ring, "another account");
        assert_eq!(receive(&calls, "a", &invitation("eve")), Reception::Ring, "rings beside the call");
    }

    #[test]
    fn callers_beyond_measure_hear_that_we_are_engaged() {
        let views: Vec<CallView> = (0..MAX_RINGING)
            .map(|number| view(&number.to_string(), &format!("caller{number}"), CallDirection::Incoming))
            .collect();
        let calls = candidates("a", &views);
        assert_eq!(receive(&calls, "a", &invitation("bob")), Reception::Engaged);
        assert_eq!(receive(&calls[1..], "a", &invitation("bob")), Reception::Ring);
        assert_eq!(receive(&calls, "a", &invitation("caller1")), Reception::Known);
    }
}
