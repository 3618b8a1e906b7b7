//! The caller in a conversation, and the refusals in the order clients rely on (talk-rest.md section 2).

use super::asked::Asked;
use super::ocs::Ocs;
use super::throttle::Guess;
use crate::config_keys::Settings;
use crate::live::SessionView;
use crate::secrets;
use crate::state::{permissions_of, waits_in_lobby};
use crate::store::attendees::{self, AttendeeRow};
use crate::store::rooms::{self, RoomRow};
use crate::words::{Actor, ActorKind};
use bellbird_talk_wire::constants::{PERMISSION_START_CALL, ROOM_CHANGELOG};

/// A participant's view of a conversation at the moment of asking.
pub(crate) struct Place {
    pub(crate) room: RoomRow,
    pub(crate) me: AttendeeRow,
    pub(crate) settings: Settings,
    pub(crate) permissions: u32,
    /// The caller's session: the cookie's, else another one of the same attendee.
    pub(crate) session: Option<SessionView>,
}

impl Asked {
    /// Who asks, as an actor: the account, or the guest the cookie stands for.
    pub(crate) fn actor(&self) -> Option<Actor> {
        match &self.user {
            Some(user) => Some(Actor::user(&user.account.id)),
            None => {
                let now = self.app.now().at;
                self.app.live().web.find(&self.web?, None, now).map(|web| web.actor.clone())
            }
        }
    }

    /// 404 and counting: an unknown room and one the caller has no part in cannot be told apart.
    pub(crate) fn no_such_room(&self) -> Ocs {
        let token = self.path("token");
        let subject = self.user_id().unwrap_or("");
        let (tried, now) = (secrets::digest(token), self.app.now().at);
        self.app.throttle().failed(Guess::RoomToken, self.caller.address, subject, tried, now);
        Ocs::status(404)
    }

    /// Waits, or 429, while the caller has asked for too many rooms that are not there.
    pub(crate) async fn may_ask_for_rooms(&self) -> Result<(), Ocs> {
        self.app.slow_down(Guess::RoomToken, self.caller.address, self.user_id().unwrap_or("")).await
    }

    /// The room named in the path, with the caller in it. 404 when the room is unknown or the caller no participant;
    /// 429 after too many of those.
    pub(crate) async fn place(&self) -> Result<Place, Ocs> {
        self.place_if(|_| true).await
    }

    /// As [`place`](Self::place), where calls are allowed at all; else 403, whatever the room.
    pub(crate) async fn call_place(&self) -> Result<Place, Ocs> {
        self.place_if(|settings| settings.calls).await
    }

    async fn place_if(&self, allowed: fn(&Settings) -> bool) -> Result<Place, Ocs> {
        let actor = self.actor();
        let token = self.path("token").to_owned();
        let found = self
            .app
            .store
            .read(move |c| {
                let settings = Settings::read(c)?;
                let Some(room) = rooms::by_token(c, &token)? else { return Ok((None, settings)) };
                let me = match &actor {
                    Some(actor) => attendees::by_actor(c, room.id, actor)?,
                    None => None,
                };
                Ok((me.map(|me| (room, me)), settings))
            })
            .await?;
        let (found, settings) = found;
        if !allowed(&settings) {
            return Err(Ocs::status(403));
        }
        let Some((room, me)) = found else {
            self.may_ask_for_rooms().await?;
            return Err(self.no_such_room());
        };
        // Accounts that are banned are no participants any more.
        if me.actor.kind == ActorKind::Guests && !me.kind.moderates() {
            self.is_not_banned(room.id, &me.actor).await?;
        }
        let permissions = permissions_of(&me, &room, &settings);
        let session = self.session_in(room.id, Some(me.id));
        Ok(Place { room, me, settings, permissions, session })
    }

    /// The cookie's session in the room; with an attendee, another session of it will do.
    pub(crate) fn session_in(&self, room: i64, attendee: Option<i64>) -> Option<SessionView> {
        let now = self.app.now();
        let mut live = self.app.live();
        let own = self.web.and_then(|key| live.session_of_web(&key, self.user_id(), room, now));
        own.or_else(|| live.session_of_attendee(room, attendee?, now))
    }
}

impl Place {
    /// 403 for who is no moderator.
    pub(crate) fn moderator(&self) -> Result<(), Ocs> {
        if self.me.kind.moderates() { Ok(()) } else { Err(Ocs::status(403)) }
    }

    /// 403 in a locked conversation.
    pub(crate) fn writable(&self) -> Result<(), Ocs> {
        let locked = self.room.read_only || self.room.room_type == ROOM_CHANGELOG;
        if locked { Err(Ocs::status(403)) } else { Ok(()) }
    }

    /// 412 for who has to wait in the lobby.
    pub(crate) fn no_lobby(&self, unix: i64) -> Result<(), Ocs> {
        if waits_in_lobby(&self.me, &self.room, self.permissions, unix) {
            return Err(Ocs::status(412).message("The lobby is active"));
        }
        Ok(())
    }

    /// 403 without this permission bit.
    pub(crate) fn permission(&self, bit: u32) -> Result<(), Ocs> {
        if self.permissions & bit == 0 { Err(Ocs::status(403)) } else { Ok(()) }
    }

    /// Whether the caller may start a call here. `in_group`: it is in one of the groups that may.
    pub(crate) fn may_start_call(&self, in_group: bool) -> bool {
        may_start_call(&self.room, &self.me, &self.settings, self.permissions, in_group)
    }
}

/// As [`Place::may_start_call`].
pub(crate) fn may_start_call(
    room: &RoomRow,
    me: &AttendeeRow,
    settings: &Settings,
    permissions: u32,
    in_group: bool,
) -> bool {
    // Whoever is to be let into a shared file asks through a call.
    if room.object_type == "share:password" {
        return true;
    }
    let by_policy = match settings.start_calls {
        0 => true,
        1 => me.kind.moderates() || me.actor.kind == ActorKind::Users,
        2 => me.kind.moderates(),
        _ => false,
    };
    by_policy && in_group && permissions & PERMISSION_START_CALL != 0
}
