//! Orders, carried out: judged and begun at once, in the order they came, and answered when what they do can be seen.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bellbird_call::ports::{Problem, ProblemCode};
use bellbird_call::{CallId, Intent, MediaKind, MediaKinds};
use bellbird_capture::VideoSource;
use bellbird_contract::Event;
use bellbird_cowork::{Connection, Media, Order, Reason, Refusal};
use tokio::sync::broadcast;

use super::Place;
use super::asking::{Asked, Asking, Purpose};
use super::rules::{Deed, Situation, Verdict};
use crate::app::{App, Inner};
use crate::calls::{CurrentCall, Wanted};
use crate::screens::GIVEN_SCREEN;
use crate::state::State;

/// How long an answer waits for what was done to be seen. What takes longer, such as the system's own choice of a screen,
/// is answered as accepted.
const SEEN_WITHIN: Duration = Duration::from_secs(2);

/// How long a conversation's name is looked for before its token has to do.
const NAMED_WITHIN: Duration = Duration::from_secs(3);

/// What was begun.
pub(super) struct Begun {
    /// The connections that will be other.
    connections: Vec<Connection>,
    until: Until,
}

/// What there is to be seen before the answer.
enum Until {
    Now,
    /// The call can be steered, or waits for its person.
    InCall(CallId),
    /// The connection of microphone and camera is like this.
    Like(CallId, Connection),
    Shares(CallId, u16),
    SharesNothing(CallId),
    Gone(CallId),
}

impl Begun {
    fn nothing() -> Self {
        Self { connections: Vec::new(), until: Until::Now }
    }
}

impl App {
    /// Carries out an order for an account; `by` names who gives it to the person. Yields the connections that are other
    /// now; none while the person is being asked, or when something ended.
    ///
    /// # Errors
    /// 403 when the person forbids it, 404 for what is not there, 409 when it cannot be done now, 429 when too much is
    /// asked of the person already.
    pub async fn remote_order(
        &self,
        account: &str,
        by: &str,
        order: Order,
    ) -> Result<Vec<Connection>, Refusal> {
        let events = self.events();
        let begun = self.inner.begin_order(account, by, &order)?;
        Ok(self.inner.finish_order(begun, events).await)
    }
}

impl Inner {
    /// Judges an order and begins what it wants, or asks the person.
    pub(super) fn begin_order(
        self: &Arc<Self>,
        account: &str,
        by: &str,
        order: &Order,
    ) -> Result<Begun, Refusal> {
        let now = Instant::now();
        let verdict = self.amend(|state| {
            state.settle_remote(now);
            state.account(Some(account)).map_err(refusal)?.place().map_err(refusal)?;
            state.remote_situation(account).judge(order)
        })?;
        tracing::debug!(account, by, ?order, ?verdict, "an order of others");
        match verdict {
            Verdict::Do(deed) => self.do_order(account, by, deed),
            Verdict::Ask { room, purpose, meanwhile } => {
                self.ask_person(Place { account: account.to_owned(), room }, purpose, by, now)?;
                self.do_order(account, by, meanwhile)
            }
        }
    }

    /// Waits until what was begun can be seen.
    pub(super) async fn finish_order(
        &self,
        begun: Begun,
        mut events: broadcast::Receiver<Event>,
    ) -> Vec<Connection> {
        let seen = async {
            // A state is published after each change.
            while !matches!(events.recv().await, Err(broadcast::error::RecvError::Closed)) {
                if self.with(|state| state.has_come_to(&begun.until)) {
                    return;
                }
            }
        };
        match begun.until {
            Until::Now => {}
            Until::InCall(_)
            | Until::Like(..)
            | Until::Shares(..)
            | Until::SharesNothing(_)
            | Until::Gone(_) => drop(tokio::time::timeout(SEEN_WITHIN, seen).await),
        }
        // The event seen may be of an earlier change than what it has come to: servers hear that before the answer.
        self.announce_client();
        begun.connections
    }

    /// Begins a deed.
    pub(super) fn do_order(self: &Arc<Self>, account: &str, by: &str, deed: Deed) -> Result<Begun, Refusal> {
        match deed {
            Deed::Nothing => Ok(Begun::nothing()),
            Deed::Join { room, kinds } => {
                let wanted = Wanted { by: by.to_owned(), quiet: false };
                let call = self.join_wanted(account, &room, kinds, wanted).map_err(refusal)?;
                let camera = self.camera(&call)?;
                let connections = vec![Connection { muted: false, video: kinds.video, ..camera }];
                Ok(Begun { connections, until: Until::InCall(call) })
            }
            Deed::Share { room, source } => {
                let source = match source {
                    Some(source) => source,
                    None => self.screen_source(GIVEN_SCREEN).map_err(refusal)?,
                };
                self.begin_share(account, by, &room, source)
            }
            Deed::Audio { muted, silent } => {
                let call = self.own_call(account)?;
                let wanted = Some(call.as_str());
                if let Some(silent) = silent {
                    self.silence(wanted, silent).map_err(refusal)?;
                }
                if let Some(muted) = muted {
                    self.mute(wanted, MediaKind::Audio, muted).map_err(refusal)?;
                }
                let camera = self.camera(&call)?;
                let (muted, silent) = (muted.unwrap_or(camera.muted), silent.unwrap_or(camera.silent));
                Ok(like(call, Connection { muted, silent, ..camera }))
            }
            Deed::Video(video) => {
                let call = self.own_call(account)?;
                self.mute(Some(call.as_str()), MediaKind::Video, !video).map_err(refusal)?;
                let camera = self.camera(&call)?;
                Ok(like(call, Connection { video, ..camera }))
            }
            Deed::Raise(raise) => {
                let call = self.own_call(account)?;
                self.steer_call(Some(call.as_str()), Intent::RaiseHand(raise)).map_err(refusal)?;
                let camera = self.camera(&call)?;
                Ok(like(call, Connection { hand_up: raise, ..camera }))
            }
            Deed::Leave => {
                let call = self.own_call(account)?;
                self.change(|state| state.calls.end(&call));
                Ok(Begun { connections: Vec::new(), until: Until::Gone(call) })
            }
            Deed::StopShare => {
                let call = self.own_call(account)?;
                self.steer_call(Some(call.as_str()), Intent::ShareScreen(false)).map_err(refusal)?;
                Ok(Begun { connections: Vec::new(), until: Until::SharesNothing(call) })
            }
        }
    }

    fn begin_share(
        self: &Arc<Self>,
        account: &str,
        by: &str,
        room: &str,
        source: VideoSource,
    ) -> Result<Begun, Refusal> {
        let running = self.with(|state| {
            let current = state.calls.current_call();
            current.map(|call| (call.view.id.clone(), call.is_in(account, room)))
        });
        let (call, joined_for_it) = match running {
            Some((call, true)) => (call, false),
            Some((_, false)) => {
                return Err(Refusal::new(Reason::Conflict, "The client is in a call elsewhere"));
            }
            None => {
                let wanted = Wanted { by: by.to_owned(), quiet: true };
                let call = self.join_wanted(account, room, MediaKinds::VOICE, wanted).map_err(refusal)?;
                (call, true)
            }
        };
        self.change(|state| {
            let steered = state.remote.calls.entry(call.clone()).or_default();
            let number = steered.shares.promise();
            let current = state.calls.current_call().filter(|current| current.view.id == call);
            let gone = || Refusal::new(Reason::Conflict, "The call ended just now");
            let current = current.ok_or_else(gone)?;
            let screen = state.remote_connection(&current, Media::Screen(number));
            let camera = state.remote_connection(&current, Media::Camera);
            let camera = joined_for_it.then_some(Connection { muted: true, video: false, ..camera });
            let (joined, sharing) = (current.view.joined, current.view.sharing_screen);
            let steered = state.remote.calls.entry(call.clone()).or_default();
            if joined {
                if sharing {
                    // A client of this service shows one screen: the new one takes the place of the old.
                    steered.shares.replace();
                }
                state.calls.share(&call, source);
            } else {
                steered.pending = Some(source);
            }
            let connections = camera.into_iter().chain([screen]).collect();
            Ok(Begun { connections, until: Until::Shares(call, number) })
        })
    }

    /// Asks the person, who is shown the request as soon as the conversation's name is known.
    fn ask_person(
        self: &Arc<Self>,
        place: Place,
        purpose: Purpose,
        by: &str,
        now: Instant,
    ) -> Result<(), Refusal> {
        let (asked, named) = self.change(|state| {
            let name = state.calls.name_of(&place.account, &place.room);
            let named = name.is_some();
            state.remote.asking.ask(place.clone(), purpose, by, name, now).map(|asked| (asked, named))
        })?;
        let Asked::New(id) = asked else { return Ok(()) };
        let app = Arc::downgrade(self);
        self.runtime.spawn(async move {
            if let Some(inner) = app.upgrade() {
                if !named {
                    let name = inner.name_of_room(&place).await;
                    inner.change(|state| state.remote.asking.name(&id, name));
                }
                // No listener is no error.
                let _ = inner.events.send(Event::RaiseWindow);
            }
            tokio::time::sleep_until((now + Asking::patience()).into()).await;
            if let Some(inner) = app.upgrade() {
                inner.change(|state| state.settle_remote(Instant::now()));
            }
        });
        Ok(())
    }

    async fn name_of_room(&self, place: &Place) -> String {
        let talk =
            self.with(|state| state.account(Some(&place.account)).and_then(crate::accounts::Account::place));
        let Ok((_, talk)) = talk else { return place.room.clone() };
        let rooms = tokio::time::timeout(NAMED_WITHIN, talk.rooms()).await;
        let rooms = rooms.ok().and_then(Result::ok).unwrap_or_default();
        let found = rooms.into_iter().find(|room| room.id.as_str() == place.room);
        found.map(|room| room.display_name).filter(|name| !name.is_empty()).unwrap_or(place.room.clone())
    }

    /// The call the person is in, when it is this account's.
    fn own_call(&self, account: &str) -> Result<CallId, Refusal> {
        let call = self.with(|state| {
            let current = state.calls.current_call().filter(|call| call.account == account);
            current.map(|call| call.view.id.clone())
        });
        call.ok_or_else(|| Refusal::new(Reason::Conflict, "The client is in no call"))
    }

    fn camera(&self, call: &CallId) -> Result<Connection, Refusal> {
        let camera = self.with(|state| state.camera_of(call));
        camera.ok_or_else(|| Refusal::new(Reason::Conflict, "The call ended just now"))
    }
}

fn like(call: CallId, camera: Connection) -> Begun {
    Begun { connections: vec![camera.clone()], until: Until::Like(call, camera) }
}

impl State {
    fn remote_situation<'a>(&'a self, account: &'a str) -> Situation<'a> {
        let current = self.calls.current_call();
        let of_call = |call: &CurrentCall<'_>| self.remote.calls.get(&call.view.id)?.shares.on();
        Situation {
            account,
            policy: self.remote_join_policy(account),
            unattended: self.remote.unattended,
            share: current.as_ref().and_then(of_call),
            current,
        }
    }

    fn camera_of(&self, id: &CallId) -> Option<Connection> {
        let current = self.calls.current_call().filter(|call| call.view.id == *id)?;
        Some(self.remote_connection(&current, Media::Camera))
    }

    /// Whether it has come to that, or never will because the call is over.
    fn has_come_to(&self, until: &Until) -> bool {
        let shared = |call| self.remote.calls.get(call).and_then(|steered| steered.shares.on());
        match until {
            Until::Now => true,
            Until::InCall(call) => !self.calls.is_alive(call) || self.calls.is_past_entering(call),
            Until::Like(call, camera) => self.camera_of(call).is_none_or(|now| now == *camera),
            Until::Shares(call, number) => !self.calls.is_alive(call) || shared(call) == Some(*number),
            Until::SharesNothing(call) => shared(call).is_none(),
            Until::Gone(call) => !self.calls.is_alive(call),
        }
    }
}

/// In the API's words. The details of a problem name neither secrets nor peers.
pub(super) fn refusal(problem: Problem) -> Refusal {
    let reason = if matches!(problem.code, ProblemCode::Forbidden | ProblemCode::ReadOnly) {
        Reason::Forbidden
    } else if matches!(problem.code, ProblemCode::UnknownRoom | ProblemCode::BadLink) {
        Reason::NotFound
    } else {
        Reason::Conflict
    };
    Refusal::new(reason, problem.detail)
}
