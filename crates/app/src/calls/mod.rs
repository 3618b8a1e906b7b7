//! Calls: made, received, steered, shown.

pub(crate) mod choice;
mod follow;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bellbird_call::ports::{Problem, ProblemCode, SignalingEvent};
use bellbird_call::{
    CallId, CallMachine, CallTarget, CallView, ContactId, Intent, Invitation, MediaKind, MediaKinds, RoomId,
};
use bellbird_contract as contract;
use bellbird_media::{CallMediaOptions, DeviceControl, MediaRuntime};
use bellbird_session::{CallHandle, Inlet};
use bellbird_talk::{Outcome, TalkAccount};

use crate::app::Inner;
use crate::convert::{self, CallSetting, Clocks};
use crate::devices;
use crate::echo::ECHO;
use choice::{Candidate, Dial, Reception};

/// How long a call that is over stays in the state, so that its end can be read.
const AFTERGLOW: Duration = Duration::from_secs(4);

/// Calls that ring or run, and those that ended just now.
#[derive(Default)]
pub(crate) struct Calls(Vec<Call>);

/// One call.
pub(crate) struct Call {
    account: String,
    echo: bool,
    handle: CallHandle,
    inlet: Inlet,
    devices: DeviceControl,
    view: CallView,
    settled: bool,
}

/// A call about to start: the machine's side of it.
pub(crate) enum Begin {
    Dial { target: CallTarget, name: String, kinds: MediaKinds, silent: bool },
    Ring(Invitation),
}

/// Starts a call's session: what the app's own calls and those of the echo contact have in common. Nothing of the
/// microphone leaves before the machine, told by a person, asks for it.
pub(crate) fn start_session(
    media: &MediaRuntime,
    talk: &TalkAccount,
    options: CallMediaOptions,
    id: CallId,
    begin: Begin,
    config: bellbird_call::CallConfig,
) -> (CallHandle, Inlet, DeviceControl) {
    let (builder, inlet) = bellbird_session::prepare();
    let signaling = talk.open_call(inlet.signaling_sink());
    let media = media.open_call(options, inlet.media_sink());
    let devices = media.devices();
    let now = Instant::now();
    let machine = match begin {
        Begin::Dial { target, name, kinds, silent } => {
            CallMachine::outgoing(id, target, name, kinds, silent, config, now)
        }
        Begin::Ring(invitation) => CallMachine::incoming(id, invitation, config, now),
    };
    (builder.start(machine, Box::new(signaling), Box::new(media)), inlet, devices)
}

impl Calls {
    pub(crate) fn views(&self, clocks: Clocks) -> Vec<contract::CallView> {
        let setting = |call: &Call| {
            convert::call_view(&call.view, &CallSetting { account: &call.account, echo: call.echo, clocks })
        };
        self.0.iter().map(setting).collect()
    }

    pub(crate) fn devices(&self) -> Vec<DeviceControl> {
        self.0.iter().filter(|call| call.view.ended.is_none()).map(|call| call.devices.clone()).collect()
    }

    /// Ends every call and yields those that were alive. One that rings is left to ring elsewhere.
    pub(crate) fn end_all(&mut self) -> Vec<CallHandle> {
        let mut ending = Vec::new();
        self.0.retain(|call| {
            if call.view.ended.is_some() {
                return true;
            }
            if call.view.can_answer && !call.settled {
                // Dropped: its session leaves without a word to the caller.
                return false;
            }
            call.handle.send(Intent::End);
            ending.push(call.handle.clone());
            true
        });
        ending
    }

    /// Ends every call of an account.
    pub(crate) fn end_of_account(&mut self, account: &str) {
        for call in self.0.iter().filter(|call| call.account == account) {
            call.handle.send(Intent::End);
        }
    }

    fn candidates(&self) -> Vec<Candidate<'_>> {
        self.0
            .iter()
            .map(|call| Candidate { account: &call.account, view: &call.view, settled: call.settled })
            .collect()
    }

    fn get(&self, id: &CallId) -> Option<&Call> {
        self.0.iter().find(|call| call.view.id == *id)
    }

    fn get_mut(&mut self, id: &CallId) -> Option<&mut Call> {
        self.0.iter_mut().find(|call| call.view.id == *id)
    }

    fn send(&self, id: &CallId, intent: Intent) {
        if let Some(call) = self.get(id) {
            call.handle.send(intent);
        }
    }

    /// Answers a call that rings. The one the person was in, if any, ends first: there is one current call.
    fn answer(&mut self, id: &CallId, kinds: MediaKinds) {
        if let Some(current) = choice::current(&self.candidates()).map(|view| view.id.clone()) {
            self.send(&current, Intent::End);
        }
        if let Some(call) = self.get_mut(id) {
            call.settled = true;
            call.handle.send(Intent::Answer(kinds));
        }
    }

    fn decline(&mut self, id: &CallId, intent: Intent) {
        if let Some(call) = self.get_mut(id) {
            call.settled = true;
            call.handle.send(intent);
        }
    }
}

impl Inner {
    /// Rings someone, or answers when that person rings us just now.
    pub(crate) fn make_call(
        self: &Arc<Self>,
        account: Option<&str>,
        contact: &str,
        kinds: MediaKinds,
    ) -> Result<CallId, Problem> {
        let contact = contact.trim();
        if contact.is_empty() {
            return Err(Problem::new(ProblemCode::UnknownUser, "no name was given"));
        }
        let target = ContactId::new(contact);
        let dial = self.change(|state| {
            let account = state.account(account)?;
            let dial = choice::dial(&state.calls.candidates(), &account.stored.id, &target)?;
            let place = account.place()?;
            if let Dial::Answer(call) = &dial {
                state.calls.answer(&call.clone(), kinds);
            }
            Ok::<_, Problem>((dial, place))
        })?;
        match dial {
            (Dial::Answer(call), _) => Ok(call),
            (Dial::New, (account, talk)) => {
                let name = if contact == ECHO { "Echo" } else { contact };
                let target = CallTarget::Contact(target);
                let begin = Begin::Dial { target, name: name.into(), kinds, silent: false };
                Ok(self.start_call(account, &talk, begin, contact == ECHO))
            }
        }
    }

    /// Joins a conversation's call by the conversation's token or link; `silent` rings nobody.
    pub(crate) fn join_room(
        self: &Arc<Self>,
        account: Option<&str>,
        room: &str,
        kinds: MediaKinds,
        silent: bool,
    ) -> Result<CallId, Problem> {
        let token = room_token(room)?;
        let (account, talk) = self.with(|state| {
            let account = state.account(account)?;
            if choice::current(&state.calls.candidates()).is_some() {
                return Err(Problem::new(ProblemCode::NotNow, "you are in a call: end it first"));
            }
            account.place()
        })?;
        let target = CallTarget::Room(RoomId::new(token));
        let begin = Begin::Dial { target, name: String::new(), kinds, silent };
        Ok(self.start_call(account, &talk, begin, false))
    }

    /// A call reaches an account.
    pub(crate) fn receive_call(self: &Arc<Self>, account: &str, invitation: Invitation) {
        let (reception, talk) = self.with(|state| {
            let talk = state.account(Some(account)).ok().and_then(|account| account.talk.clone());
            (choice::receive(&state.calls.candidates(), account, &invitation), talk)
        });
        let Some(talk) = talk else { return };
        match reception {
            Reception::Known => tracing::debug!(account, "rung for a call that is known"),
            Reception::Ring => {
                self.start_call(account.to_owned(), &talk, Begin::Ring(invitation), false);
            }
            Reception::Engaged => {
                tracing::info!(account, "too many calls ring; a further caller hears that we are engaged");
                let id = self.start_call(account.to_owned(), &talk, Begin::Ring(invitation), false);
                self.change(|state| state.calls.decline(&id, Intent::DeclineEngaged));
            }
        }
    }

    /// A call that rang is over, or was answered on another device. Its own line tells so too; this comes by the
    /// account's, in case it is sooner.
    pub(crate) fn withdraw_call(&self, account: &str, room: &RoomId, outcome: Outcome) {
        let inlet = self.with(|state| {
            let rings = |call: &&Call| {
                call.account == account
                    && call.view.room.as_ref() == Some(room)
                    && call.view.can_answer
                    && !call.settled
            };
            state.calls.0.iter().find(rings).map(|call| call.inlet.clone())
        });
        if let Some(inlet) = inlet {
            inlet.signaling_sink()(match outcome {
                Outcome::Missed => SignalingEvent::InvitationWithdrawn,
                Outcome::AnsweredElsewhere => SignalingEvent::AnsweredElsewhere,
            });
        }
    }

    /// Tells the caller of a call that rings that we are in another call, whether or not we are.
    pub(crate) fn decline_engaged(&self, wanted: &str) -> Result<(), Problem> {
        self.change(|state| {
            let id = choice::ringing(&state.calls.candidates(), Some(wanted))?.id.clone();
            state.calls.decline(&id, Intent::DeclineEngaged);
            Ok(())
        })
    }

    pub(crate) fn answer_call(&self, wanted: Option<&str>, kinds: MediaKinds) -> Result<(), Problem> {
        self.change(|state| {
            let id = choice::ringing(&state.calls.candidates(), wanted)?.id.clone();
            state.calls.answer(&id, kinds);
            Ok(())
        })
    }

    pub(crate) fn decline_call(&self, wanted: Option<&str>) -> Result<(), Problem> {
        self.change(|state| {
            let candidates = state.calls.candidates();
            let id = choice::ringing(&candidates, wanted)?.id.clone();
            let intent = choice::declining(&candidates);
            state.calls.decline(&id, intent);
            Ok(())
        })
    }

    /// Ends a call; ending one that rings is declining it.
    pub(crate) fn end_call(&self, wanted: Option<&str>) -> Result<(), Problem> {
        let rings = self.with(|state| {
            choice::to_end(&state.calls.candidates(), wanted).map(|view| (view.id.clone(), view.can_answer))
        })?;
        match rings {
            (id, true) if self.decline_call(Some(id.as_str())).is_ok() => Ok(()),
            (id, _) => {
                self.with(|state| state.calls.send(&id, Intent::End));
                Ok(())
            }
        }
    }

    pub(crate) fn mute(&self, wanted: Option<&str>, kind: MediaKind, muted: bool) -> Result<(), Problem> {
        self.steer(wanted, if muted { Intent::Mute(kind) } else { Intent::Unmute(kind) })
    }

    pub(crate) fn hold(&self, wanted: Option<&str>, held: bool) -> Result<(), Problem> {
        self.steer(wanted, if held { Intent::Hold } else { Intent::Resume })
    }

    fn steer(&self, wanted: Option<&str>, intent: Intent) -> Result<(), Problem> {
        self.with(|state| {
            let id = choice::running(&state.calls.candidates(), wanted)?.id.clone();
            state.calls.send(&id, intent);
            Ok(())
        })
    }

    fn start_call(self: &Arc<Self>, account: String, talk: &TalkAccount, begin: Begin, echo: bool) -> CallId {
        let number = self.call_number.fetch_add(1, Ordering::Relaxed) + 1;
        let id = CallId::new(number.to_string());
        let options =
            self.with(|state| devices::options(&self.config.sound, &state.settings.devices, &state.devices));
        let _within = self.runtime.enter();
        let (handle, inlet, devices) =
            start_session(&self.media, talk, options, id.clone(), begin, self.config.call.clone());
        let view = handle.view().borrow().clone();
        let events = handle.take_events();
        self.change(|state| {
            state.calls.0.push(Call {
                account,
                echo,
                handle: handle.clone(),
                inlet,
                devices,
                view,
                settled: false,
            });
        });
        if let Some(events) = events {
            self.runtime.spawn(follow::run(Arc::downgrade(self), handle, events));
        }
        id
    }
}

/// The token in `text`: a bare one, or the last part of a conversation's link.
fn room_token(text: &str) -> Result<String, Problem> {
    let text = text.trim();
    let token = match url::Url::parse(text) {
        Ok(link) => {
            let mut parts = link.path_segments().into_iter().flatten().skip_while(|part| *part != "call");
            parts.nth(1).unwrap_or_default().to_owned()
        }
        Err(_) => text.to_owned(),
    };
    if token.is_empty() || !token.chars().all(|letter| letter.is_ascii_alphanumeric()) {
        return Err(Problem::new(
            ProblemCode::BadLink,
            "that is neither a conversation's token nor its link",
        ));
    }
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_are_named_by_token_or_link() {
        for (text, token) in [
            ("abc123", "abc123"),
            (" abc123 ", "abc123"),
            ("https://cloud.example.org/call/abc123", "abc123"),
            ("https://cloud.example.org/index.php/call/abc123?x=1#y", "abc123"),
        ] {
            assert_eq!(room_token(text).unwrap(), token, "{text}");
        }
        for bad in ["", "https://cloud.example.org/", "https://cloud.example.org/call/", "a b", "../x"] {
            assert_eq!(room_token(bad).unwrap_err().code, ProblemCode::BadLink, "{bad}");
        }
    }
}
