//! What the tray says about a state.

use bellbird_contract::{AccountState, AppView, CallView, Status};

use crate::wording::clean;

/// How the icon looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mood {
    /// Nobody can ring us.
    Offline,
    /// We can be rung.
    Online,
    /// A call runs.
    InCall,
    /// A call waits for an answer.
    Ringing,
}

/// A call that the tray's menu can act on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrayCall {
    /// Its id.
    pub id: String,
    /// The other's name, cleaned.
    pub name: String,
    /// Our microphone is off.
    pub muted: bool,
}

/// Everything the tray shows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrayView {
    /// One sentence.
    pub headline: String,
    /// The look.
    pub mood: Mood,
    /// The call that waits for an answer.
    pub ringing: Option<TrayCall>,
    /// The call that runs.
    pub running: Option<TrayCall>,
}

impl TrayView {
    /// What to show for a state.
    pub fn of(state: &AppView) -> Self {
        let open = |call: &&CallView| call.ended.is_none();
        let ringing = state.calls.iter().filter(open).find(|call| call.incoming && call.can_answer);
        let running = state.calls.iter().filter(open).find(|call| !call.can_answer);
        let (mood, headline) = match (ringing, running) {
            (Some(call), _) => (Mood::Ringing, format!("{} is calling", clean(&call.display_name))),
            (None, Some(call)) => (Mood::InCall, call_in_words(call)),
            (None, None) => accounts_in_words(state),
        };
        Self { headline, mood, ringing: ringing.map(tray_call), running: running.map(tray_call) }
    }
}

fn tray_call(call: &CallView) -> TrayCall {
    TrayCall { id: call.id.clone(), name: clean(&call.display_name), muted: call.muted }
}

fn call_in_words(call: &CallView) -> String {
    let name = clean(&call.display_name);
    match call.status {
        Status::Calling => format!("Calling {name}"),
        Status::Ringing => format!("Ringing at {name}'s"),
        Status::Connecting => format!("Connecting to {name}"),
        Status::Connected => format!("In a call with {name}"),
        Status::Reconnecting => format!("Reconnecting to {name}"),
        Status::Hold => format!("{name} is on hold"),
        Status::Busy | Status::Engaged | Status::Disconnected | Status::Ended => {
            format!("The call with {name} is over")
        }
    }
}

fn accounts_in_words(state: &AppView) -> (Mood, String) {
    let online: Vec<&str> = state
        .accounts
        .iter()
        .filter(|account| account.state == AccountState::Online)
        .map(|account| account.display_name.as_str())
        .collect();
    let [first, more @ ..] = online.as_slice() else {
        let words = match state.accounts.first().map(|account| &account.state) {
            None => "Not signed in",
            Some(AccountState::Connecting | AccountState::Online) => "Connecting",
            Some(AccountState::Offline { .. }) => "Offline, trying again",
            Some(AccountState::SignedOut) => "Signed out",
        };
        return (Mood::Offline, words.to_owned());
    };
    if more.is_empty() {
        (Mood::Online, format!("Ready, as {}", clean(first)))
    } else {
        (Mood::Online, format!("Ready, with {} accounts", online.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bellbird_contract::{AccountView, EndReason, Media, Problem};

    fn account(name: &str, state: AccountState) -> AccountView {
        AccountView {
            id: name.into(),
            user: name.into(),
            display_name: name.into(),
            server: String::new(),
            local: true,
            state,
            remote_join: bellbird_contract::RemoteJoinPolicy::default(),
        }
    }

    fn call(id: &str, incoming: bool, can_answer: bool, status: Status) -> CallView {
        CallView {
            id: id.into(),
            account: "a".into(),
            guest_on: None,
            entrance: None,
            asks_consent: false,
            incoming,
            room: None,
            display_name: "Bob".into(),
            contact: None,
            echo: false,
            status,
            can_answer,
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
            participants: vec![],
            ended: None,
            duration_s: None,
        }
    }

    #[test]
    fn states_in_words() {
        let offline =
            AccountState::Offline { problem: Problem { number: 0, code: "x".into(), detail: "y".into() } };
        let ada = || account("Ada", AccountState::Online);
        let over =
            CallView { ended: Some(EndReason::RemoteHangup), ..call("1", false, false, Status::Ended) };
        let table = [
            (vec![], vec![], Mood::Offline, "Not signed in"),
            (vec![account("Ada", AccountState::Connecting)], vec![], Mood::Offline, "Connecting"),
            (vec![account("Ada", offline.clone())], vec![], Mood::Offline, "Offline, trying again"),
            (vec![account("Ada", AccountState::SignedOut)], vec![], Mood::Offline, "Signed out"),
            (vec![account("Eve", offline), ada()], vec![], Mood::Online, "Ready, as Ada"),
            (vec![ada(), ada()], vec![], Mood::Online, "Ready, with 2 accounts"),
            (vec![ada()], vec![over], Mood::Online, "Ready, as Ada"),
            (vec![ada()], vec![call("1", true, true, Status::Calling)], Mood::Ringing, "Bob is calling"),
            (
                vec![ada()],
                vec![call("1", false, false, Status::Connected)],
                Mood::InCall,
                "In a call with Bob",
            ),
            (
                vec![ada()],
                vec![call("1", false, false, Status::Connected), call("2", true, true, Status::Calling)],
                Mood::Ringing,
                "Bob is calling",
            ),
        ];
        for (accounts, calls, mood, headline) in table {
            let view = TrayView::of(&AppView { accounts, calls, ..AppView::default() });
            assert_eq!((view.mood, view.headline.as_str()), (mood, headline));
        }
    }

    #[test]
    fn both_calls_can_be_acted_on() {
        let calls = vec![call("1", false, false, Status::Connected), call("2", true, true, Status::Calling)];
        let view = TrayView::of(&AppView { calls, ..AppView::default() });
        assert_eq!(view.running.map(|call| call.id).as_deref(), Some("1"));
        assert_eq!(view.ringing.map(|call| call.id).as_deref(), Some("2"));
    }
}
