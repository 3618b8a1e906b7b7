//! Calls that are not calls yet: on the way into a conversation, past its password, its lobby and its question whether
//! one may be recorded. No device is opened and nothing is sent before the way is free and the call begins.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use bellbird_call::ports::Problem;
use bellbird_call::{
    CallId, CallMachine, CallStatus, CallTarget, CallView, EndReason, MediaKinds, RoomId, Secret,
};
use bellbird_contract::{CallHappening, EntranceView, Event};
use bellbird_talk::{CallOptions, Consent, Entrance, EntranceStep, TalkAccount};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{AFTERGLOW, Begin, Line, Wanted};
use crate::app::Inner;
use crate::convert;

/// Words of the person that may wait for an entrance.
const INPUTS: usize = 8;
/// How long a request on its way is waited for when the person gives up, so that what it enters is left again.
const GIVE_UP_LIMIT: Duration = Duration::from_secs(2);

/// Someone at the entrance of a conversation.
pub(crate) struct Waiting {
    pub(super) line: Line,
    pub(super) view: CallView,
    pub(super) step: EntranceView,
    consent: Consent,
    inputs: mpsc::Sender<Input>,
    /// Cancelled once nothing is left to be done for it.
    done: CancellationToken,
}

/// What the person, or a later decision, tells an entrance.
enum Input {
    Password(Secret),
    Consent,
    GiveUp,
}

impl Waiting {
    /// What came and went without anything being asked of the person.
    pub(super) fn gone(line: Line, view: CallView) -> Self {
        let done = CancellationToken::new();
        done.cancel();
        let (inputs, _) = mpsc::channel(1);
        Self { line, view, step: EntranceView::Entering, consent: Consent::default(), inputs, done }
    }

    /// Not any more.
    pub(super) fn is_over(&self) -> bool {
        self.view.ended.is_some()
    }

    /// The person agrees to being recorded.
    pub(super) fn give_consent(&self) {
        self.consent.give();
        // A full queue holds something that makes it look again, too.
        let _ = self.inputs.try_send(Input::Consent);
    }

    pub(super) fn enter_password(&self, password: Secret) {
        let _ = self.inputs.try_send(Input::Password(password));
    }

    /// Over at once for whoever looks; its task cleans up.
    pub(super) fn give_up(&mut self) -> CancellationToken {
        if !self.is_over() {
            self.view.ended = Some(EndReason::LocalHangup);
            self.view.status = CallStatus::Ended;
            let _ = self.inputs.try_send(Input::GiveUp);
        }
        self.done.clone()
    }
}

/// What becomes a call once the way is free.
pub(super) struct Wish {
    pub(super) line: Line,
    pub(super) target: CallTarget,
    pub(super) kinds: MediaKinds,
    pub(super) silent: bool,
    pub(super) name: String,
    /// Somebody else than the person wants it.
    pub(super) wanted: Option<Wanted>,
}

impl Inner {
    /// Goes to a conversation's entrance. Yields the id of the call that follows.
    pub(super) fn approach(self: &Arc<Self>, wish: Wish) -> CallId {
        let id = self.new_call_id();
        let entrance = Entrance::new(&wish.line.talk, wish.target.clone());
        let (inputs, heard) = mpsc::channel(INPUTS);
        let done = CancellationToken::new();
        // What a call shows before anything was asked for; it is thrown away unstarted.
        let now = Instant::now();
        let (target, config) = (wish.target.clone(), self.config.call.clone());
        let blank = CallMachine::outgoing(
            id.clone(),
            target,
            wish.name.clone(),
            wish.kinds,
            wish.silent,
            config,
            now,
        );
        let mut view = blank.view(now);
        if let CallTarget::Room(room) = &wish.target {
            view.room = Some(room.clone());
        }
        let waiting = Waiting {
            line: wish.line.clone(),
            view,
            step: EntranceView::Entering,
            consent: entrance.consent().clone(),
            inputs,
            done: done.clone(),
        };
        let shown = waiting.view.clone();
        self.change(|state| {
            state.calls.waiting.push(waiting);
            state.begin_steered(&id, wish.wanted.as_ref());
        });
        self.programs_hear_of(&wish.line.talk, &shown, false);
        let task = run(Arc::downgrade(self), id.clone(), wish, entrance, heard);
        self.runtime.spawn(async move {
            let _finished = done.drop_guard();
            task.await;
        });
        id
    }

    fn show_entrance(&self, id: &CallId, step: EntranceView, entrance: &Entrance) {
        let news = self.change(|state| {
            let waiting = state.calls.waiting.iter_mut().find(|waiting| waiting.view.id == *id)?;
            if let Some(room) = entrance.room() {
                waiting.view.display_name = room.display_name;
                waiting.view.contact = room.contact;
                waiting.view.room = Some(room.room);
            }
            (std::mem::replace(&mut waiting.step, step) != step).then_some(())
        });
        if news.is_some() {
            self.tell_call(id, CallHappening::Entrance { entrance: step });
        }
    }

    fn entrance_failed(&self, id: &CallId, problem: &Problem) {
        self.change(|state| {
            state.problems.show(problem.clone());
            if let Some(waiting) = state.calls.waiting.iter_mut().find(|waiting| waiting.view.id == *id) {
                waiting.view.ended.get_or_insert(EndReason::SignalingFailed);
                waiting.view.status = CallStatus::Ended;
            }
        });
        self.tell_call(id, CallHappening::Problem { problem: convert::problem(problem) });
        self.entrance_ended(id, EndReason::SignalingFailed);
    }

    pub(super) fn entrance_ended(&self, id: &CallId, reason: EndReason) {
        let event = bellbird_call::CallEvent::Ended(reason);
        if let Some(happening) = convert::happening(&event, Duration::ZERO) {
            self.tell_call(id, happening);
        }
        let view = self.with(|state| {
            state.calls.waiting.iter().find(|waiting| waiting.view.id == *id).map(|it| it.view.clone())
        });
        if let Some(view) = view {
            self.tell_programs(|translator| translator.happening(&view, &event));
        }
    }

    fn tell_call(&self, id: &CallId, happening: CallHappening) {
        // No listener is no error.
        let _ = self.events.send(Event::Call { call: id.as_str().into(), happening });
    }

    /// Turns an entrance into its call. Gives it back when the person gave up meanwhile.
    fn pass(self: &Arc<Self>, id: &CallId, wish: &Wish, entrance: Entrance) -> Option<Entrance> {
        // It stays there until the call has taken its place, so that there is one all the time.
        let willed = self.with(|state| {
            state.calls.waiting.iter().any(|waiting| waiting.view.id == *id && !waiting.is_over())
        });
        if !willed {
            return Some(entrance);
        }
        let known = entrance.room();
        let target = known.as_ref().map_or(wish.target.clone(), |room| CallTarget::Room(room.room.clone()));
        let name = known.map_or(wish.name.clone(), |room| room.display_name);
        let begin = Begin::Dial { target, name, kinds: wish.kinds, silent: wish.silent };
        let options = CallOptions { entrance: Some(entrance), ..CallOptions::default() };
        let quiet = wish.wanted.as_ref().is_some_and(|wanted| wanted.quiet);
        self.start_call(id.clone(), wish.line.clone(), begin, options, false, quiet);
        None
    }
}

/// What ended an attempt.
enum End {
    GivenUp,
    Failed(Problem),
    Free,
}

async fn run(
    app: Weak<Inner>,
    id: CallId,
    wish: Wish,
    mut entrance: Entrance,
    mut inputs: mpsc::Receiver<Input>,
) {
    match attempt(&app, &id, &mut entrance, &mut inputs).await {
        End::Free => {
            let Some(inner) = app.upgrade() else { return entrance.leave().await };
            match inner.pass(&id, &wish, entrance) {
                None => return,
                Some(entrance) => {
                    inner.entrance_ended(&id, EndReason::LocalHangup);
                    entrance.leave().await;
                }
            }
        }
        End::GivenUp => {
            if let Some(inner) = app.upgrade() {
                inner.entrance_ended(&id, EndReason::LocalHangup);
            }
            entrance.leave().await;
        }
        End::Failed(problem) => {
            if let Some(inner) = app.upgrade() {
                inner.entrance_failed(&id, &problem);
            }
            entrance.leave().await;
        }
    }
    // Beside it: a program that ends does not wait for what is only to be read.
    tokio::spawn(fade(app, id));
}

/// Takes what is over from the state once it has been read.
pub(super) async fn fade(app: Weak<Inner>, id: CallId) {
    tokio::time::sleep(AFTERGLOW).await;
    if let Some(inner) = app.upgrade() {
        inner.change(|state| state.calls.waiting.retain(|waiting| waiting.view.id != id));
    }
}

/// Goes on until there is nothing in the way, or nothing to be done about it.
async fn attempt(
    app: &Weak<Inner>,
    id: &CallId,
    entrance: &mut Entrance,
    inputs: &mut mpsc::Receiver<Input>,
) -> End {
    let mut typed = None;
    loop {
        if let Some(password) = typed.take() {
            entrance.set_password(password);
        }
        let step = {
            let mut step = std::pin::pin!(entrance.step());
            loop {
                tokio::select! {
                    step = &mut step => break step,
                    input = inputs.recv() => match input {
                        Some(Input::Password(password)) => typed = Some(password),
                        Some(Input::Consent) => {}
                        Some(Input::GiveUp) | None => {
                            let _ = tokio::time::timeout(GIVE_UP_LIMIT, &mut step).await;
                            return End::GivenUp;
                        }
                    },
                }
            }
        };
        let (shown, pause) = match step {
            Err(problem) => return End::Failed(problem),
            Ok(EntranceStep::Open) => return End::Free,
            Ok(EntranceStep::Password { refused, throttled }) => {
                (EntranceView::Password { refused, throttled }, None)
            }
            Ok(EntranceStep::Lobby { opens_at }) => {
                let opens_at_ms = opens_at.map(|seconds| seconds.saturating_mul(1000));
                (EntranceView::Lobby { opens_at_ms }, Some(entrance.pause()))
            }
            Ok(EntranceStep::Consent) => (EntranceView::Consent, None),
        };
        match app.upgrade() {
            Some(inner) => inner.show_entrance(id, shown, entrance),
            None => return End::GivenUp,
        }
        if typed.is_some() {
            continue;
        }
        let wait = async {
            match pause {
                Some(pause) => tokio::time::sleep(pause).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = wait => {}
            input = inputs.recv() => match input {
                Some(Input::Password(password)) => typed = Some(password),
                Some(Input::Consent) => {}
                Some(Input::GiveUp) | None => return End::GivenUp,
            },
        }
    }
}

impl Line {
    /// Of an account of ours.
    pub(super) fn of_account((account, talk): (String, TalkAccount)) -> Self {
        Self { account, talk, guest_on: None }
    }
}

/// Where an entrance leads, for a bare token.
pub(super) fn to_room(token: impl AsRef<str>) -> CallTarget {
    CallTarget::Room(RoomId::new(token))
}
