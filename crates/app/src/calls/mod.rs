//! Calls: made, received, steered, shown.

pub(crate) mod choice;
mod entrance;
mod follow;
mod joining;
mod missed;
mod remote;
mod steered;
#[cfg(test)]
pub(crate) mod testing;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bellbird_call::ports::{Problem, ProblemCode};
use bellbird_call::{
    CallId, CallMachine, CallTarget, CallView, ContactId, Intent, Invitation, MediaKind, MediaKinds, RoomId,
    Watch,
};
use bellbird_contract as contract;
use bellbird_devices::CaptureSource;
use bellbird_media::{CallMediaOptions, DeviceControl, MediaRuntime, Picture, PictureSink};
use bellbird_session::{CallHandle, Inlet};
use bellbird_talk::{CallOptions, Consent, Outcome, TalkAccount};
use tokio_util::sync::CancellationToken;

use crate::app::Inner;
use crate::convert::{self, CallSetting, Clocks};
use crate::devices;
use crate::echo::ECHO;
use crate::pictures::Origin;
use crate::remote_join::MUTE;
use choice::{Candidate, Dial, Reception};
use entrance::{Waiting, Wish};
pub(crate) use remote::{CurrentCall, Wanted};
pub(crate) use steered::Begun;

/// How long a call that is over stays in the state, so that its end can be read.
const AFTERGLOW: Duration = Duration::from_secs(4);

/// Calls that ring or run, those on the way into a conversation, and those that ended just now.
#[derive(Default)]
pub(crate) struct Calls {
    calls: Vec<Call>,
    waiting: Vec<Waiting>,
}

/// Over whose login a call goes.
#[derive(Clone)]
pub(crate) struct Line {
    /// The account's id; empty for guests.
    account: String,
    talk: TalkAccount,
    /// The server we are a guest on.
    guest_on: Option<String>,
}

/// What is on its way out when the app stops.
pub(crate) struct Farewells {
    pub(crate) calls: Vec<CallHandle>,
    pub(crate) entrances: Vec<CancellationToken>,
    /// No account's list has these.
    pub(crate) guests: Vec<TalkAccount>,
}

/// One call.
pub(crate) struct Call {
    line: Line,
    /// To being recorded, and whether answering needs it.
    consent: Consent,
    recorded: bool,
    echo: bool,
    handle: CallHandle,
    inlet: Inlet,
    devices: DeviceControl,
    view: CallView,
    /// Which of its pictures are looked at, as it was last told.
    watched: Mutex<Vec<Watch>>,
    settled: bool,
    /// The others are not heard.
    silent: bool,
    /// Joined for a screen alone, and not spoken in since: it has no microphone.
    quiet: bool,
    /// Where we go, before the service has said where we are.
    room_wanted: Option<RoomId>,
}

/// A call about to start: the machine's side of it.
pub(crate) enum Begin {
    Dial {
        target: CallTarget,
        name: String,
        kinds: MediaKinds,
        silent: bool,
    },
    Ring(Invitation),
    /// It rings nobody here: its caller hears that we are engaged.
    Refuse(Invitation),
}

/// Starts a call's session: what the app's own calls and those of the echo contact have in common. Nothing of the
/// microphone leaves before the machine, told by a person, asks for it.
pub(crate) fn start_session(
    media: &MediaRuntime,
    talk: &TalkAccount,
    (options, call): (CallMediaOptions, CallOptions),
    id: CallId,
    begin: Begin,
    config: bellbird_call::CallConfig,
) -> (CallHandle, Inlet, DeviceControl) {
    let (builder, inlet) = bellbird_session::prepare();
    let signaling = talk.open_call_with(inlet.signaling_sink(), call);
    let media = media.open_call(options, inlet.media_sink());
    let devices = media.devices();
    let now = Instant::now();
    let machine = match begin {
        Begin::Dial { target, name, kinds, silent } => {
            CallMachine::outgoing(id, target, name, kinds, silent, config, now)
        }
        Begin::Ring(invitation) | Begin::Refuse(invitation) => {
            CallMachine::incoming(id, invitation, config, now)
        }
    };
    (builder.start(machine, Box::new(signaling), Box::new(media)), inlet, devices)
}

impl Call {
    /// It rings, and answering it would be being recorded.
    fn asks_consent(&self) -> bool {
        self.recorded && self.view.can_answer && !self.consent.is_given()
    }
}

impl Calls {
    pub(crate) fn views(&self, clocks: Clocks) -> Vec<contract::CallView> {
        let running = self.calls.iter().map(|call| {
            let setting = CallSetting {
                account: &call.line.account,
                guest_on: call.line.guest_on.as_deref(),
                entrance: None,
                asks_consent: call.asks_consent(),
                silent: call.silent,
                echo: call.echo,
                clocks,
            };
            convert::call_view(&call.view, &setting)
        });
        let waiting = self.waiting.iter().map(|waiting| {
            let setting = CallSetting {
                account: &waiting.line.account,
                guest_on: waiting.line.guest_on.as_deref(),
                entrance: (!waiting.is_over()).then_some(waiting.step),
                asks_consent: false,
                silent: false,
                echo: false,
                clocks,
            };
            convert::call_view(&waiting.view, &setting)
        });
        running.chain(waiting).collect()
    }

    /// Tells each call which of its pictures are looked at, where that changed.
    pub(crate) fn watch(&self, wanted: impl Fn(&CallView) -> Vec<Watch>) {
        for call in self.calls.iter().filter(|call| call.view.ended.is_none()) {
            let wanted = wanted(&call.view);
            let mut watched = call.watched.lock().unwrap_or_else(PoisonError::into_inner);
            if *watched != wanted {
                watched.clone_from(&wanted);
                call.handle.send(Intent::Watch(wanted));
            }
        }
    }

    pub(crate) fn any_camera_on(&self) -> bool {
        self.calls.iter().any(|call| call.view.ended.is_none() && call.view.camera_on)
    }

    pub(crate) fn devices(&self) -> Vec<DeviceControl> {
        self.calls.iter().filter(|call| call.view.ended.is_none()).map(|call| call.devices.clone()).collect()
    }

    /// Ends every call and yields those that were alive. One that rings is left to ring elsewhere.
    pub(crate) fn end_all(&mut self) -> Farewells {
        let guest = |line: &Line| line.guest_on.is_some().then(|| line.talk.clone());
        let guests = self.calls.iter().filter_map(|call| guest(&call.line)).collect();
        let entrances = self.waiting.iter_mut().map(Waiting::give_up).collect();
        let mut ending = Vec::new();
        self.calls.retain(|call| {
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
        Farewells { calls: ending, entrances, guests }
    }

    /// Ends every call of an account.
    pub(crate) fn end_of_account(&mut self, account: &str) {
        for call in self.calls.iter().filter(|call| call.line.account == account) {
            call.handle.send(Intent::End);
        }
        for waiting in self.waiting.iter_mut().filter(|waiting| waiting.line.account == account) {
            waiting.give_up();
        }
    }

    fn candidates(&self) -> Vec<Candidate<'_>> {
        let running = self.calls.iter().map(|call| Candidate {
            account: &call.line.account,
            view: &call.view,
            settled: call.settled,
        });
        let waiting = self.waiting.iter().map(|waiting| Candidate {
            account: &waiting.line.account,
            view: &waiting.view,
            settled: false,
        });
        running.chain(waiting).collect()
    }

    fn get(&self, id: &CallId) -> Option<&Call> {
        self.calls.iter().find(|call| call.view.id == *id)
    }

    fn get_mut(&mut self, id: &CallId) -> Option<&mut Call> {
        self.calls.iter_mut().find(|call| call.view.id == *id)
    }

    fn send(&self, id: &CallId, intent: Intent) {
        if let Some(call) = self.get(id) {
            call.handle.send(intent);
        }
    }

    /// Ends a call, or gives up the way to it.
    pub(crate) fn end(&mut self, id: &CallId) {
        self.send(id, Intent::End);
        if let Some(waiting) = self.waiting.iter_mut().find(|waiting| waiting.view.id == *id) {
            waiting.give_up();
        }
    }

    /// Answers a call that rings. The one the person was in, if any, ends first: there is one current call.
    fn answer(&mut self, id: &CallId, kinds: MediaKinds) {
        if let Some(current) = choice::current(&self.candidates()).map(|view| view.id.clone()) {
            self.end(&current);
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
                let line = Line { account, talk, guest_on: None };
                let name = if contact == ECHO { "Echo" } else { contact };
                let target = CallTarget::Contact(target);
                // Where calls may be recorded, the person is asked before anyone is rung.
                if line.talk.may_be_recorded() {
                    return Ok(self.approach(Wish {
                        line,
                        target,
                        kinds,
                        silent: false,
                        name: name.into(),
                        wanted: None,
                    }));
                }
                let begin = Begin::Dial { target, name: name.into(), kinds, silent: false };
                let id = self.new_call_id();
                self.start_call(id.clone(), line, begin, CallOptions::default(), contact == ECHO, false);
                Ok(id)
            }
        }
    }

    /// A call reaches an account.
    pub(crate) fn receive_call(self: &Arc<Self>, account: &str, invitation: Invitation) {
        let (reception, talk) = self.with(|state| {
            let talk = state.account(Some(account)).ok().and_then(|account| account.talk.clone());
            (choice::receive(&state.calls.candidates(), account, &invitation), talk)
        });
        let Some(talk) = talk else { return };
        let line = Line { account: account.to_owned(), talk, guest_on: None };
        let id = self.new_call_id();
        match reception {
            Reception::Known => tracing::debug!(account, "rung for a call that is known"),
            Reception::Ring => {
                self.start_call(id, line, Begin::Ring(invitation), CallOptions::default(), false, false);
            }
            Reception::Engaged => {
                tracing::info!(account, "too many calls ring; a further caller hears that we are engaged");
                let refuse = Begin::Refuse(invitation);
                self.start_call(id.clone(), line, refuse, CallOptions::default(), false, false);
                self.change(|state| state.calls.decline(&id, Intent::DeclineEngaged));
            }
        }
    }

    /// A call that rang is over, or was answered on another device. Its own line tells so too; this comes by the
    /// account's, in case it is sooner.
    pub(crate) fn withdraw_call(&self, account: &str, room: &RoomId, outcome: Outcome) {
        let inlet = self.with(|state| {
            let rings = |call: &&Call| {
                call.line.account == account
                    && call.view.room.as_ref() == Some(room)
                    && call.view.can_answer
                    && !call.settled
            };
            state.calls.calls.iter().find(rings).map(|call| call.inlet.clone())
        });
        if let Some(inlet) = inlet {
            inlet.signaling_sink()(outcome.into());
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
            if state.calls.get(&id).is_some_and(Call::asks_consent) {
                // Asked in the window; the call goes on ringing meanwhile.
                let _ = self.events.send(contract::Event::RaiseWindow);
                let detail = "calls are recorded here: agree to that first";
                return Err(Problem::new(ProblemCode::ConsentNeeded, detail));
            }
            if kinds.video {
                self.preview.give_way();
            }
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
                self.change(|state| state.calls.end(&id));
                Ok(())
            }
        }
    }

    pub(crate) fn mute(&self, wanted: Option<&str>, kind: MediaKind, muted: bool) -> Result<(), Problem> {
        if kind == MediaKind::Audio && !muted {
            self.open_microphone(wanted);
        }
        if kind == MediaKind::Video && !muted {
            self.preview.give_way();
        }
        self.steer_call(wanted, if muted { Intent::Mute(kind) } else { Intent::Unmute(kind) })
    }

    /// Gives a call its microphone that was joined without.
    fn open_microphone(&self, wanted: Option<&str>) {
        self.change(|state| {
            let running = choice::running(&state.calls.candidates(), wanted).map(|view| view.id.clone());
            let chosen = &state.settings.devices;
            let options = devices::options(&self.config.sound, &self.config.pictures, chosen, &state.devices);
            if let Some(call) = running.ok().and_then(|id| state.calls.get_mut(&id))
                && std::mem::take(&mut call.quiet)
            {
                call.devices.select_microphone(options.microphone);
            }
        });
    }

    /// Plays nothing of a call, or plays it again.
    pub(crate) fn silence(&self, wanted: Option<&str>, silent: bool) -> Result<(), Problem> {
        self.change(|state| {
            let id = choice::running(&state.calls.candidates(), wanted)?.id.clone();
            let call = state.calls.get_mut(&id);
            let call = call.ok_or_else(|| Problem::new(ProblemCode::NotNow, "this call does not run yet"))?;
            call.silent = silent;
            call.devices.set_silent(silent);
            Ok(())
        })
    }

    pub(crate) fn hold(&self, wanted: Option<&str>, held: bool) -> Result<(), Problem> {
        self.steer_call(wanted, if held { Intent::Hold } else { Intent::Resume })
    }

    /// Passes on what the person wants of a call that was dialed or answered.
    pub(crate) fn steer_call(&self, wanted: Option<&str>, intent: Intent) -> Result<(), Problem> {
        self.with(|state| {
            let id = choice::running(&state.calls.candidates(), wanted)?.id.clone();
            state.calls.send(&id, intent);
            Ok(())
        })
    }

    /// Where a call's pictures go: to whoever looks at them, and to who keeps them all.
    fn picture_sink(&self, call: CallId) -> PictureSink {
        let (board, keep) = (self.board.clone(), self.config.pictures.keep.clone());
        Arc::new(move |picture: Picture| {
            let origin = Origin {
                call: Some(call.as_str()),
                participant: picture.participant.as_ref().map(|id| id.as_str()),
                kind: convert::track_kind(picture.kind),
            };
            board.put(origin, &picture.frame);
            if let Some(keep) = keep.as_ref().filter(|_| picture.participant.is_some()) {
                keep(&call, &picture);
            }
        })
    }

    fn new_call_id(&self) -> CallId {
        let number = self.call_number.fetch_add(1, Ordering::Relaxed) + 1;
        CallId::new(number.to_string())
    }

    /// Begins a call, in the place of the one at the entrance with this id. `quiet`: without a microphone.
    fn start_call(
        self: &Arc<Self>,
        id: CallId,
        line: Line,
        begin: Begin,
        options: CallOptions,
        echo: bool,
        quiet: bool,
    ) {
        let consent = options.consent.clone();
        let recorded = match &begin {
            Begin::Dial { .. } => false,
            Begin::Ring(invitation) | Begin::Refuse(invitation) => line.talk.is_recorded(&invitation.room),
        };
        let mut media = self.with(|state| {
            let chosen = &state.settings.devices;
            devices::options(&self.config.sound, &self.config.pictures, chosen, &state.devices)
        });
        media.pictures = self.picture_sink(id.clone());
        let room_wanted = match &begin {
            Begin::Dial { target: CallTarget::Room(room), .. } => Some(room.clone()),
            Begin::Dial { target: CallTarget::Contact(_), .. } | Begin::Ring(_) | Begin::Refuse(_) => None,
        };
        if quiet {
            media.microphone = CaptureSource::Silence;
        }
        let refused = matches!(begin, Begin::Refuse(_));
        if let Begin::Dial { kinds: MediaKinds { video: true, .. }, .. } = &begin {
            self.preview.give_way();
        }
        let _within = self.runtime.enter();
        let (handle, inlet, devices) =
            start_session(&self.media, &line.talk, (media, options), id, begin, self.config.call.clone());
        if quiet {
            handle.send(MUTE);
        }
        let view = handle.view().borrow().clone();
        let events = handle.take_events();
        let (talk, shown) = (line.talk.clone(), view.clone());
        self.change(|state| {
            let entered = state.calls.waiting.iter().position(|waiting| waiting.view.id == *handle.id());
            let given_up = entered.is_some_and(|at| state.calls.waiting.remove(at).is_over());
            if given_up {
                handle.send(Intent::End);
            }
            state.calls.calls.push(Call {
                line,
                consent,
                recorded,
                echo,
                handle: handle.clone(),
                inlet,
                devices,
                view,
                watched: Mutex::default(),
                settled: refused,
                silent: false,
                quiet,
                room_wanted,
            });
        });
        self.programs_hear_of(&talk, &shown, !refused);
        if let Some(events) = events {
            self.runtime.spawn(follow::run(Arc::downgrade(self), handle, events));
        }
    }
}
