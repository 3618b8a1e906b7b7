//! What all requests share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tokio_util::sync::CancellationToken;

use crate::config_keys::Settings;
use crate::hpb::{self, Switch};
use crate::http::auth::PasswordChecker;
use crate::http::throttle::Throttle;
use crate::live::{AttendeeFacts, Effect, Live, Moment, RoomFacts};
use crate::login_flows::LoginFlows;
use crate::push::PushHub;
use crate::recording::{self, Recording};
use crate::steering::ClientHub;
use crate::store::attendees::AttendeeRow;
use crate::store::rooms::RoomRow;
use crate::store::{Store, StoreError, attendees, notifications, rooms};
use crate::words::{ActorKind, effective_permissions};
use bellbird_talk_wire::constants::PERMISSION_IGNORE_LOBBY;

/// Shared by every connection.
pub(crate) type App = Arc<Shared>;

/// See the module.
pub(crate) struct Shared {
    pub(crate) store: Store,
    /// Never held across an await.
    live: Mutex<Live>,
    throttle: Mutex<Throttle>,
    login_flows: Mutex<LoginFlows>,
    pub(crate) passwords: PasswordChecker,
    pub(crate) push: PushHub,
    /// Clients that programs may steer.
    pub(crate) clients: ClientHub,
    /// The external signaling server, if there is one.
    pub(crate) hpb: Switch,
    pub(crate) recording: Recording,
    /// Tells this installation from others, for as long as its data folder.
    pub(crate) instance: String,
    /// Tells this installation's cookies from others' on the same host.
    pub(crate) cookie_name: String,
    /// Cancelled by a shutdown.
    pub(crate) closing: CancellationToken,
    /// Keeps "read the room, apply it to the live side" whole, so that the last write is the one applied last.
    syncing: tokio::sync::Mutex<()>,
}

/// Effective permissions of an attendee.
pub(crate) fn permissions_of(attendee: &AttendeeRow, room: &RoomRow, settings: &Settings) -> u32 {
    effective_permissions(
        attendee.kind,
        attendee.permissions,
        room.call_permissions,
        room.default_permissions,
        settings.default_permissions,
    )
}

/// Whether the lobby keeps the attendee out.
pub(crate) fn waits_in_lobby(attendee: &AttendeeRow, room: &RoomRow, permissions: u32, unix: i64) -> bool {
    room.lobby_is_active(unix) && !attendee.kind.moderates() && permissions & PERMISSION_IGNORE_LOBBY == 0
}

/// What a session has to know of its attendee.
pub(crate) fn facts_of(
    attendee: &AttendeeRow,
    room: &RoomRow,
    settings: &Settings,
    unix: i64,
) -> AttendeeFacts {
    let permissions = permissions_of(attendee, room, settings);
    AttendeeFacts {
        attendee: attendee.id,
        actor: attendee.actor.clone(),
        display_name: attendee.display_name.clone(),
        kind: attendee.kind,
        permissions,
        waits: waits_in_lobby(attendee, room, permissions, unix),
    }
}

impl Shared {
    pub(crate) fn new(
        store: Store,
        instance: &str,
        hpb: Switch,
        recording: Recording,
        closing: CancellationToken,
    ) -> App {
        Arc::new(Self {
            store,
            live: Mutex::default(),
            throttle: Mutex::default(),
            login_flows: Mutex::new(LoginFlows::new()),
            passwords: PasswordChecker::new(),
            push: PushHub::default(),
            clients: ClientHub::new(Instant::now()),
            hpb,
            recording,
            instance: instance.to_owned(),
            cookie_name: format!("oc{instance}"),
            closing,
            syncing: tokio::sync::Mutex::new(()),
        })
    }

    pub(crate) fn now(&self) -> Moment {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_secs().cast_signed());
        Moment { at: Instant::now(), unix }
    }

    pub(crate) fn live(&self) -> MutexGuard<'_, Live> {
        // A panic in between can leave at worst one session half changed; it expires like any other.
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn login_flows(&self) -> MutexGuard<'_, LoginFlows> {
        self.login_flows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings a room's sessions in line with the database after a change there.
    pub(crate) async fn sync_room(self: &Arc<Self>, room: i64) -> Result<(), StoreError> {
        let effects = {
            let _whole = self.syncing.lock().await;
            let unix = self.now().unix;
            let facts = self
                .store
                .read(move |c| {
                    let Some(row) = rooms::by_id(c, room)? else { return Ok(None) };
                    let settings = Settings::read(c)?;
                    let facts_of =
                        |attendee: AttendeeRow| (attendee.id, facts_of(&attendee, &row, &settings, unix));
                    let attendees: HashMap<_, _> =
                        attendees::of_room(c, room)?.into_iter().map(facts_of).collect();
                    Ok(Some(RoomFacts { read_only: row.read_only, attendees }))
                })
                .await?;
            self.live().reconcile(room, facts.as_ref())
        };
        self.settle(effects).await
    }

    /// Does what a change of the live side asks for.
    pub(crate) async fn settle(self: &Arc<Self>, effects: Vec<Effect>) -> Result<(), StoreError> {
        for effect in effects {
            match effect {
                Effect::CallEnded { room } => {
                    let told = self
                        .store
                        .write(move |c| {
                            rooms::clear_call_permissions(c, room)?;
                            notifications::accounts_in_room(c, room)
                        })
                        .await?;
                    // The same notifications mean "missed" from now on.
                    for account in told {
                        self.push.notify(&account);
                    }
                    self.end_recording(room);
                }
                Effect::Vacated { room, attendee } => {
                    let shared = Arc::clone(self);
                    self.store
                        .write(move |c| {
                            // Who has come back meanwhile stays. Who comes back from now on finds itself removed
                            // right after entering, and enters anew.
                            let now = shared.now();
                            let back = shared.live().session_of_attendee(room, attendee, now).is_some();
                            match attendees::by_id(c, room, attendee)? {
                                Some(row) if row.kind.vanishes() && !back => attendees::remove(c, &row),
                                Some(_) | None => Ok(()),
                            }
                        })
                        .await?;
                }
            }
        }
        Ok(())
    }

    /// Takes the room's notifications away from an account that has joined the call, on all its devices.
    pub(crate) async fn withdraw(&self, account: &str, room: i64) -> Result<(), StoreError> {
        // The starter's notifications may still be on their way to the disk, behind which only a write can queue.
        let fresh = self.live().call(room).is_some_and(|call| self.now().unix - call.started < 3);
        let name = account.to_owned();
        if !fresh && !self.store.read(move |c| notifications::has_any_in_room(c, &name, room)).await? {
            return Ok(());
        }
        let name = account.to_owned();
        if self.store.write(move |c| notifications::remove_of_room(c, &name, room)).await? {
            self.push.notify(account);
        }
        Ok(())
    }

    /// Opens the lobbies whose time has come, so that whoever waits there is let in at once.
    async fn open_lobbies(self: &Arc<Self>, unix: i64) -> Result<(), StoreError> {
        if self.store.read(move |c| rooms::lobbies_over(c, unix)).await?.is_empty() {
            return Ok(());
        }
        // Asked again where nobody can come in between: a moderator may have moved the time.
        let opened = self
            .store
            .write(move |c| {
                let opened = rooms::lobbies_over(c, unix)?;
                for &room in &opened {
                    rooms::open_lobby(c, room)?;
                }
                Ok(opened)
            })
            .await?;
        for room in opened {
            self.sync_room(room).await?;
        }
        Ok(())
    }

    /// Every second: opens lobbies by their timers, expires sessions, and with `look_again` takes over what the database says now.
    pub(crate) async fn keep_house(self: &Arc<Self>, look_again: bool) {
        let now = self.now();
        let effects = self.live().tick(now);
        let mut outcome = self.settle(effects).await;
        outcome = outcome.and(self.open_lobbies(now.unix).await);
        if look_again {
            if let Err(error) = hpb::take_up(self).await {
                tracing::error!(%error, "the signaling server of the settings cannot be used");
            }
            if let Err(reason) = recording::take_up(self).await {
                tracing::error!(%reason, "the recording server of the settings cannot be used");
            }
            let occupied = self.live().occupied_rooms();
            for room in occupied {
                outcome = outcome.and(self.sync_room(room).await);
            }
            outcome = outcome.and(self.push.drop_revoked(&self.store).await);
        }
        if let Err(error) = outcome {
            tracing::error!(%error, "housekeeping failed");
        }
    }
}

/// Accounts among attendees who are to be rung.
pub(crate) fn rung_accounts(
    attendees: &[AttendeeRow],
    room: &RoomRow,
    settings: &Settings,
    unix: i64,
) -> Vec<(i64, String)> {
    attendees
        .iter()
        .filter(|attendee| attendee.actor.kind == ActorKind::Users && attendee.notify_calls)
        .filter(|a| !waits_in_lobby(a, room, permissions_of(a, room, settings), unix))
        .map(|attendee| (attendee.id, attendee.actor.id.clone()))
        .collect()
}
