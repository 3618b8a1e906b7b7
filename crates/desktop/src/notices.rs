//! Which notifications should be there: a pure fold over successive states.

use std::collections::BTreeSet;

use bellbird_contract::{AppView, CallView, EndReason, Media, RemoteJoinRequestView, TrackKind};

/// A notification that should be shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notice {
    /// The call it is about, or for what others ask a name of its own.
    pub call: String,
    /// The other one's name or the conversation's, as the service told it: a peer's text, to be cleaned before it is shown.
    pub name: String,
    /// Which of our accounts was rung, when there are several.
    pub account_name: Option<String>,
    /// What it says.
    pub kind: NoticeKind,
}

/// What a notification says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NoticeKind {
    /// Someone rings; Answer and Decline.
    Incoming {
        /// What they offer, and what answering takes.
        media: Media,
    },
    /// Someone rang in vain.
    Missed {
        /// Our account, for calling back.
        account: String,
        /// Whom to call back; `None` when the call was in a conversation of many.
        contact: Option<String>,
    },
    /// A program or a server wants something of the person, who answers in the window.
    Asked {
        /// Names the request.
        request: String,
        /// Who wants it, as they call themselves; empty when unknown.
        by: String,
        /// Microphone, camera or screen.
        kind: TrackKind,
        /// In the call the person is in already.
        inside: bool,
    },
}

/// A step from what is shown to what should be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NoticeChange {
    /// Show this one.
    Show(Notice),
    /// Take away the notification of a call that rings, or of a request, by its name.
    Withdraw {
        /// Which call.
        call: String,
    },
}

/// What was told so far. Bounded by the calls in the state.
#[derive(Default, Debug)]
pub struct Notices {
    /// Calls whose incoming notification is up.
    ringing: BTreeSet<String>,
    /// Calls in the state that were already reported as missed.
    missed: BTreeSet<String>,
    /// Requests whose notification is up.
    asked: BTreeSet<String>,
}

impl Notices {
    /// Takes in the next whole state and yields what has to change, withdrawals first.
    pub fn update(&mut self, state: &AppView) -> Vec<NoticeChange> {
        let ringing_now: BTreeSet<String> =
            state.calls.iter().filter(|call| rings_here(call)).map(|call| call.id.clone()).collect();
        let mut changes: Vec<NoticeChange> = self
            .ringing
            .difference(&ringing_now)
            .map(|call| NoticeChange::Withdraw { call: call.clone() })
            .collect();
        let asked_now: BTreeSet<String> =
            state.remote_joins.iter().map(|request| request.id.clone()).collect();
        let over = self.asked.difference(&asked_now);
        changes.extend(over.map(|id| NoticeChange::Withdraw { call: name_of(id) }));
        let new = |request: &&RemoteJoinRequestView| !self.asked.contains(&request.id);
        let asks = state.remote_joins.iter().filter(new).map(|request| asked(state, request));
        changes.extend(asks.map(NoticeChange::Show));
        self.asked = asked_now;
        self.missed.retain(|id| state.calls.iter().any(|call| call.id == *id));
        for call in &state.calls {
            if rings_here(call) && !self.ringing.contains(&call.id) {
                changes.push(NoticeChange::Show(notice(
                    state,
                    call,
                    NoticeKind::Incoming { media: call.media },
                )));
            }
            if was_missed(call) && self.missed.insert(call.id.clone()) {
                let kind =
                    NoticeKind::Missed { account: call.account.clone(), contact: call.contact.clone() };
                changes.push(NoticeChange::Show(notice(state, call, kind)));
            }
        }
        self.ringing = ringing_now;
        changes
    }
}

fn rings_here(call: &CallView) -> bool {
    call.incoming && call.can_answer && call.ended.is_none()
}

fn was_missed(call: &CallView) -> bool {
    let Some(reason) = call.ended else { return false };
    call.incoming
        && match reason {
            EndReason::Missed | EndReason::LocalEngaged => true,
            EndReason::LocalHangup
            | EndReason::RemoteHangup
            | EndReason::LocalDecline
            | EndReason::RemoteDecline
            | EndReason::RemoteEngaged
            | EndReason::NoAnswer
            | EndReason::AnsweredElsewhere
            | EndReason::EndedByModerator
            | EndReason::ConnectionLost
            | EndReason::SignalingFailed
            | EndReason::MediaFailed => false,
        }
}

fn notice(state: &AppView, call: &CallView, kind: NoticeKind) -> Notice {
    let account_name = account_name(state, &call.account);
    Notice { call: call.id.clone(), name: call.display_name.clone(), account_name, kind }
}

fn asked(state: &AppView, request: &RemoteJoinRequestView) -> Notice {
    let here = |call: &CallView| {
        call.account == request.account && call.room.as_ref() == Some(&request.room) && !call.can_answer
    };
    let kind = NoticeKind::Asked {
        request: request.id.clone(),
        by: request.by.clone(),
        kind: request.kind,
        inside: state.calls.iter().any(|call| call.ended.is_none() && here(call)),
    };
    let account_name = account_name(state, &request.account);
    Notice { call: name_of(&request.id), name: request.display_name.clone(), account_name, kind }
}

/// What a request's notification is known by; no call has such an id.
fn name_of(request: &str) -> String {
    format!("asked {request}")
}

/// Said only when there are several.
fn account_name(state: &AppView, id: &str) -> Option<String> {
    (state.accounts.len() > 1)
        .then(|| state.accounts.iter().find(|account| account.id == id))
        .flatten()
        .map(|account| format!("{} ({})", account.display_name, account.server))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bellbird_contract::{AccountState, AccountView, Status};

    fn call(id: &str) -> CallView {
        CallView {
            id: id.into(),
            account: "a1".into(),
            guest_on: None,
            entrance: None,
            asks_consent: false,
            incoming: true,
            room: Some("r".into()),
            display_name: "Ada".into(),
            contact: Some("ada".into()),
            echo: false,
            status: Status::Calling,
            can_answer: true,
            media: Media::Voice,
            joined_by: None,
            muted: false,
            silent: false,
            camera_on: false,
            sharing_screen: false,
            may_show_camera: true,
            may_share_screen: true,
            recorded: false,
            on_hold: false,
            hand_raised: false,
            video_request: bellbird_contract::VideoRequest::None,
            reactions: Vec::new(),
            group: None,
            connected_at_ms: None,
            reconnecting_since_ms: None,
            participants: Vec::new(),
            ended: None,
            duration_s: None,
        }
    }

    fn ended(id: &str, reason: EndReason) -> CallView {
        CallView { can_answer: false, ended: Some(reason), status: Status::Ended, ..call(id) }
    }

    fn account(id: &str) -> AccountView {
        AccountView {
            id: id.into(),
            user: id.into(),
            display_name: format!("Name of {id}"),
            server: "https://talk.example".into(),
            local: false,
            state: AccountState::Online,
            remote_join: bellbird_contract::RemoteJoinPolicy::default(),
        }
    }

    /// Short form of what came out: `+id` incoming shown, `-id` withdrawn, `!id` missed shown.
    fn steps(states: &[Vec<CallView>]) -> Vec<String> {
        let mut notices = Notices::default();
        states
            .iter()
            .map(|calls| {
                let state = AppView { calls: calls.clone(), ..AppView::default() };
                let words: Vec<String> = notices
                    .update(&state)
                    .iter()
                    .map(|change| match change {
                        NoticeChange::Show(Notice { call, kind: NoticeKind::Incoming { .. }, .. }) => {
                            format!("+{call}")
                        }
                        NoticeChange::Show(Notice { call, kind: NoticeKind::Missed { .. }, .. }) => {
                            format!("!{call}")
                        }
                        NoticeChange::Show(Notice { call, kind: NoticeKind::Asked { .. }, .. }) => {
                            format!("?{call}")
                        }
                        NoticeChange::Withdraw { call } => format!("-{call}"),
                    })
                    .collect();
                words.join(" ")
            })
            .collect()
    }

    #[test]
    fn each_road_a_call_can_take() {
        let answered = CallView { can_answer: false, status: Status::Connecting, ..call("1") };
        let outgoing = CallView { incoming: false, can_answer: false, ..call("1") };
        /// What happens, the calls shown one after the other, and what each changes.
        type Road = (&'static str, Vec<Vec<CallView>>, Vec<&'static str>);
        let table: Vec<Road> = vec![
            ("nothing", vec![vec![], vec![]], vec!["", ""]),
            ("rings once though told thrice", vec![vec![call("1")]; 3], vec!["+1", "", ""]),
            ("answered here", vec![vec![call("1")], vec![answered]], vec!["+1", "-1"]),
            (
                "answered elsewhere",
                vec![vec![call("1")], vec![ended("1", EndReason::AnsweredElsewhere)], vec![]],
                vec!["+1", "-1", ""],
            ),
            ("declined", vec![vec![call("1")], vec![ended("1", EndReason::LocalDecline)]], vec!["+1", "-1"]),
            ("gone without a word", vec![vec![call("1")], vec![]], vec!["+1", "-1"]),
            (
                "missed, told once",
                vec![
                    vec![call("1")],
                    vec![ended("1", EndReason::Missed)],
                    vec![ended("1", EndReason::Missed)],
                ],
                vec!["+1", "-1 !1", ""],
            ),
            ("missed before we saw it ring", vec![vec![ended("1", EndReason::Missed)]], vec!["!1"]),
            ("came while we were in a call", vec![vec![ended("1", EndReason::LocalEngaged)]], vec!["!1"]),
            ("our own call", vec![vec![outgoing]], vec![""]),
            (
                "our own call that nobody answered",
                vec![vec![CallView { incoming: false, ..ended("1", EndReason::NoAnswer) }]],
                vec![""],
            ),
            (
                "the second one while the first rings",
                vec![vec![call("1")], vec![call("1"), call("2")], vec![call("2")]],
                vec!["+1", "+2", "-1"],
            ),
        ];
        for (name, states, expected) in table {
            assert_eq!(steps(&states), expected, "{name}");
        }
    }

    #[test]
    fn the_account_is_named_only_when_there_are_several() {
        for (accounts, expected) in [
            (vec![account("a1")], None),
            (vec![account("a0"), account("a1")], Some("Name of a1 (https://talk.example)".to_owned())),
        ] {
            let state = AppView { calls: vec![call("1")], accounts, ..AppView::default() };
            let changes = Notices::default().update(&state);
            let [NoticeChange::Show(notice)] = changes.as_slice() else { panic!("{changes:?}") };
            assert_eq!(notice.account_name, expected);
        }
    }

    #[test]
    fn what_others_ask_is_shown_once_and_taken_away_when_it_is_settled() {
        let request = |id: &str, room: &str| RemoteJoinRequestView {
            id: id.into(),
            account: "a1".into(),
            room: room.into(),
            display_name: "Team".into(),
            kind: TrackKind::Video,
            by: "bot".into(),
        };
        let mut notices = Notices::default();
        let running = CallView { can_answer: false, ..call("1") };
        let state =
            |remote_joins| AppView { remote_joins, calls: vec![running.clone()], ..AppView::default() };
        let changes = notices.update(&state(vec![request("1", "r"), request("2", "elsewhere")]));
        let shown: Vec<_> = changes
            .iter()
            .map(|change| match change {
                NoticeChange::Show(Notice { call, kind: NoticeKind::Asked { inside, .. }, .. }) => {
                    (call.as_str(), *inside)
                }
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(shown, [("asked 1", true), ("asked 2", false)]);
        assert_eq!(notices.update(&state(vec![request("2", "elsewhere")])).len(), 1);
        let gone = NoticeChange::Withdraw { call: "asked 2".into() };
        assert_eq!(notices.update(&state(Vec::new())), [gone]);
    }

    #[test]
    fn what_was_missed_is_forgotten_with_its_call() {
        let mut notices = Notices::default();
        let missed = AppView { calls: vec![ended("1", EndReason::Missed)], ..AppView::default() };
        notices.update(&missed);
        notices.update(&AppView::default());
        assert!(notices.missed.is_empty() && notices.ringing.is_empty());
    }
}
