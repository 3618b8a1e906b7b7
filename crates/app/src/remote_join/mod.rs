//! Being steered by others on behalf of the person: by a program at the door, or by the server (cowork-calls).
//!
//! ```text
//!  program ─▶ door ─▶ App::remote_order ─┐
//!  server ─▶ push ─▶ talk's order sink ──┴▶ rules.rs (pure) ─▶ refused
//!                                               │        └──▶ asking.rs: waits for the person ─▶ AnswerRemoteJoin
//!                                               └─▶ orders.rs ─▶ calls       client.rs ─▶ what is told of this client
//! ```
//!
//! Whoever is asked has checked the rules of the seed already, but a server may be hostile and a program wrong: they are
//! checked here again, and nothing of microphone, camera or screen leaves without the person's word, given before
//! (their policy), now (they are asked), or by starting a program that has nobody to ask.

mod asking;
mod client;
mod orders;
mod rules;
mod through_server;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bellbird_call::ports::{Problem, ProblemCode};
use bellbird_call::{CallId, Intent, MediaKind};
use bellbird_capture::VideoSource;
use bellbird_contract::{RemoteJoinPolicy, RemoteJoinRequestView};

use crate::app::{App, Inner};
use crate::calls::Wanted;
use crate::state::State;
use asking::{Asking, Request};
use client::Shares;

/// What the person did last is told to servers no more often than this.
const COARSE: Duration = Duration::from_millis(250);

/// How long what is known of a call is kept without one.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(10);

/// Longest id of a conversation or an account that is taken from others, bytes.
const LONGEST_ID: usize = 200;

/// A program that runs without anybody to ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unattended {
    /// It may be joined to calls.
    pub allowed: bool,
    /// It was given a camera to show.
    pub camera: bool,
    /// It was given a screen to show.
    pub screen: bool,
}

/// A conversation of an account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    pub(crate) account: String,
    pub(crate) room: String,
}

/// What is so because others steer this client.
pub(crate) struct Remote {
    /// `cowork-<uuid>`.
    client_id: String,
    unattended: Option<Unattended>,
    begun: Instant,
    last_interaction: Instant,
    interaction_told: Instant,
    /// It will be told as soon as that may be.
    interaction_waits: bool,
    looked_at: Option<Place>,
    last_called: Option<Place>,
    asking: Asking,
    /// What is known of calls, by id.
    calls: BTreeMap<CallId, Steered>,
}

/// When servers are told of something the person did.
enum Telling {
    Now,
    Soon,
    /// That is under way.
    Awaited,
}

/// One call as far as others steer it.
#[derive(Default)]
struct Steered {
    /// Who had us join; `None`: the person did.
    by: Option<String>,
    shares: Shares,
    /// To be shared as soon as we are in the call.
    pending: Option<VideoSource>,
    /// Since when no call has its id.
    absent_since: Option<Instant>,
}

impl Default for Remote {
    fn default() -> Self {
        let now = Instant::now();
        Self {
            client_id: client::new_id(rand::random()),
            unattended: None,
            begun: now,
            last_interaction: now,
            interaction_told: now,
            interaction_waits: false,
            looked_at: None,
            last_called: None,
            asking: Asking::default(),
            calls: BTreeMap::new(),
        }
    }
}

impl Remote {
    /// What waits for the person.
    pub(crate) fn requests(&self) -> Vec<RemoteJoinRequestView> {
        self.asking.views()
    }
}

impl App {
    /// This app runs without anybody to ask. Before the first account is there.
    pub fn run_unattended(&self, unattended: Unattended) {
        self.inner.change(|state| state.remote.unattended = Some(unattended));
    }

    /// A person did something in this client: among several of theirs, the one used last is joined to calls.
    pub fn interacted(&self) {
        self.inner.interacted();
    }
}

impl Inner {
    fn interacted(self: &Arc<Self>) {
        let now = Instant::now();
        let told = self.amend(|state| {
            let remote = &mut state.remote;
            remote.last_interaction = now;
            let recently = now.saturating_duration_since(remote.interaction_told) < COARSE;
            if !recently {
                remote.interaction_told = now;
                return Telling::Now;
            }
            match std::mem::replace(&mut remote.interaction_waits, true) {
                false => Telling::Soon,
                true => Telling::Awaited,
            }
        });
        match told {
            Telling::Now => self.changed.notify_one(),
            Telling::Awaited => {}
            Telling::Soon => {
                let app = Arc::downgrade(self);
                self.runtime.spawn(async move {
                    tokio::time::sleep(COARSE).await;
                    if let Some(inner) = app.upgrade() {
                        inner.change(|state| {
                            state.remote.interaction_waits = false;
                            state.remote.interaction_told = Instant::now();
                        });
                    }
                });
            }
        }
    }

    /// Keeps whether an account may be joined to calls. Requests that wait are settled by it.
    pub(crate) fn set_remote_join(
        self: &Arc<Self>,
        account: &str,
        policy: RemoteJoinPolicy,
    ) -> Result<(), Problem> {
        self.change(|state| {
            state.account(Some(account))?;
            state.keep(|settings| match policy {
                RemoteJoinPolicy::Ask => drop(settings.remote_joins.remove(account)),
                RemoteJoinPolicy::Allow | RemoteJoinPolicy::Forbid => {
                    settings.remote_joins.insert(account.to_owned(), policy);
                }
            });
            if policy == RemoteJoinPolicy::Forbid {
                state.remote.asking.forget_account(account);
            }
            Ok(())
        })
    }

    /// The person's word about a request. An agreement to voice or video is kept for the account.
    pub(crate) fn answer_remote_join(
        self: &Arc<Self>,
        request: &str,
        allow: bool,
        screen: Option<&str>,
    ) -> Result<(), Problem> {
        let gone = || Problem::new(ProblemCode::NotNow, "nobody asks for this any more");
        if !allow {
            let asked = self.change(|state| state.remote.asking.take(request));
            return asked.map(drop).ok_or_else(gone);
        }
        let now = Instant::now();
        let asked = self.change(|state| {
            state.settle_remote(now);
            let asked = state.remote.asking.find(request).cloned().ok_or_else(gone)?;
            if asked.is_screen() && screen.is_none() {
                return Err(Problem::new(ProblemCode::NoScreen, "which screen is to be shared was not said"));
            }
            drop(state.remote.asking.take(request));
            Ok(asked)
        })?;
        self.grant(&asked, screen)?;
        if !asked.is_screen() {
            // What waits for the same account's voice or camera has its answer by this, too.
            self.set_remote_join(&asked.place.account, RemoteJoinPolicy::Allow)?;
        }
        Ok(())
    }

    fn grant(self: &Arc<Self>, asked: &Request, screen: Option<&str>) -> Result<(), Problem> {
        let source = match screen.filter(|_| asked.is_screen()) {
            Some(screen) => Some(self.screen_source(screen)?),
            None => None,
        };
        let deed = asked.deed(source);
        self.do_order(&asked.place.account, &asked.by, deed)
            .map(drop)
            .map_err(|refusal| Problem::new(ProblemCode::NotNow, refusal.text))
    }

    /// The person looks at a conversation, or at none any more.
    pub(crate) fn open_room(&self, account: Option<&str>, room: Option<&str>) -> Result<(), Problem> {
        let now = Instant::now();
        self.change(|state| {
            let place = match room {
                None => None,
                Some(room) if room.is_empty() || room.len() > LONGEST_ID => {
                    return Err(Problem::new(ProblemCode::UnknownRoom, "no conversation has such a token"));
                }
                Some(room) => {
                    let account = state.account(account)?.stored.id.clone();
                    Some(Place { account, room: room.to_owned() })
                }
            };
            state.remote.looked_at = place;
            state.remote.last_interaction = now;
            Ok(())
        })
    }
}

impl State {
    /// Whether an account may be joined to calls.
    pub(crate) fn remote_join_policy(&self, account: &str) -> RemoteJoinPolicy {
        match self.remote.unattended {
            Some(Unattended { allowed: true, .. }) => RemoteJoinPolicy::Allow,
            Some(Unattended { allowed: false, .. }) => RemoteJoinPolicy::Forbid,
            None => self.settings.remote_joins.get(account).copied().unwrap_or_default(),
        }
    }

    /// Who had us join a call.
    pub(crate) fn joined_by(&self, call: &str) -> Option<String> {
        let steered = self.remote.calls.iter().find(|(id, _)| id.as_str() == call);
        steered.and_then(|(_, steered)| steered.by.clone())
    }

    /// Brings what is known here into line with the calls: after every change, and before anybody is told or judged.
    pub(crate) fn settle_remote(&mut self, now: Instant) {
        let Self { remote, calls, .. } = self;
        remote.calls.retain(|id, steered| {
            if calls.knows(id) {
                steered.absent_since = None;
                return true;
            }
            // Past its entrance a call is in neither list for a moment, and comes.
            let since = *steered.absent_since.get_or_insert(now);
            now.saturating_duration_since(since) < FORGOTTEN_AFTER
        });
        if let Some((account, room)) = calls.last_called() {
            remote.last_called = Some(Place { account: account.to_owned(), room: room.to_owned() });
        }
        if let Some(current) = calls.current_call() {
            let id = current.view.id.clone();
            let (joined, sharing) = (current.view.joined, current.view.sharing_screen);
            let steered = remote.calls.entry(id.clone()).or_default();
            steered.shares.see(sharing);
            if joined && let Some(source) = steered.pending.take() {
                calls.share(&id, source);
            }
        }
        let current = calls.current_call();
        remote.asking.settle(current.as_ref(), now);
    }

    /// Begins to keep a call that somebody else had us join.
    pub(crate) fn begin_steered(&mut self, call: &CallId, wanted: Option<&Wanted>) {
        if let Some(wanted) = wanted {
            self.remote.calls.entry(call.clone()).or_default().by = Some(wanted.by.clone());
        }
    }
}

/// What mutes a call that shall only show a screen.
pub(crate) const MUTE: Intent = Intent::Mute(MediaKind::Audio);
