//! How a call gets into its room: what it brings along.

use bellbird_call::Secret;
use bellbird_talk_wire::{Room, SignalingSettings};

use crate::account::TalkAccount;
use crate::rest::{RestError, Session};

/// What opens a room to us.
#[derive(Default)]
pub(super) struct Way {
    /// The room as it was entered before there was a call; used up by the first entering.
    pub(super) admitted: Option<Room>,
    /// The room's password.
    pub(super) password: Option<Secret>,
    /// We may be nobody to the room before we entered, so that nothing can be asked about it earlier.
    pub(super) stranger: bool,
}

impl Way {
    /// For one entering; what can be used once is gone afterwards.
    pub(super) fn take(&mut self) -> Self {
        Self { admitted: self.admitted.take(), password: self.password.clone(), stranger: self.stranger }
    }

    /// Enters the room and fetches its signaling settings.
    pub(super) async fn enter(
        &self,
        account: &TalkAccount,
        session: &Session,
        token: &str,
    ) -> Result<(Room, SignalingSettings), RestError> {
        if let Some(room) = self.admitted.as_ref().filter(|room| room.token == token) {
            return Ok((room.clone(), session.signaling_settings(token).await?));
        }
        if self.stranger || account.is_guest() {
            let room = account.enter_room(session, token, self.password.as_ref()).await?;
            return Ok((room, session.signaling_settings(token).await?));
        }
        // Beside each other, but not with the same cookies: a server that knows neither request yet begins a web session
        // for each, and the later answer's would take the place of the one that is in the room.
        tokio::try_join!(session.enter_room(token, None), account.session().signaling_settings(token))
    }
}
