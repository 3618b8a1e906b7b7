//! The requests that lead into a room and its call.

use bellbird_call::ports::{Problem, ProblemCode};
use bellbird_call::{CallTarget, ContactId, RoomId};
use bellbird_talk_wire::constants::{MODE_INTERNAL, NO_SESSION};

use super::input::{EnterFailure, Entered};
use crate::account::TalkAccount;
use crate::rest::{RestError, Session, Subject};

/// Finds the room and enters it, fetching the signaling settings meanwhile.
pub(super) async fn enter(
    account: TalkAccount,
    session: Session,
    target: CallTarget,
) -> Result<Entered, EnterFailure> {
    let entered = match target {
        CallTarget::Contact(contact) => enter_with(&account, &session, contact).await,
        CallTarget::Room(room) => {
            enter_room(&session, &room).await.map_err(|error| failure(error, Subject::Room))
        }
    }?;
    let refuse =
        |code, detail: &str| Err(EnterFailure { problem: Problem::new(code, detail), passing: false });
    if entered.settings.signaling_mode != MODE_INTERNAL && !entered.settings.signaling_mode.is_empty() {
        // Leaves no session behind that would look present.
        let _ = session.leave_room(&entered.room.token).await;
        return refuse(
            ProblemCode::NotNow,
            "this server uses a separate signaling server, which this version cannot talk to",
        );
    }
    if entered.room.session_id.is_empty() || entered.room.session_id == NO_SESSION {
        return refuse(ProblemCode::NotATalkServer, "the server let us in without a session");
    }
    account.remember(&entered.room);
    Ok(entered)
}

async fn enter_with(
    account: &TalkAccount,
    session: &Session,
    contact: ContactId,
) -> Result<Entered, EnterFailure> {
    if let Some(room) = account.remembered_room(&contact) {
        match enter_room(session, &room).await {
            // The room may have been deleted since.
            Err(RestError::Refused { status: 404, .. }) => account.forget_room(&contact),
            Err(error) => return Err(failure(error, Subject::Room)),
            Ok(entered) => return Ok(entered),
        }
    }
    let room = session.one_to_one(contact.as_str()).await.map_err(|error| failure(error, Subject::Person))?;
    enter_room(session, &RoomId::new(&room.token)).await.map_err(|error| failure(error, Subject::Room))
}

async fn enter_room(session: &Session, room: &RoomId) -> Result<Entered, RestError> {
    let token = room.as_str();
    let (room, settings) = tokio::try_join!(session.enter_room(token), session.signaling_settings(token))?;
    Ok(Entered { room, settings })
}

fn failure(error: RestError, subject: Subject) -> EnterFailure {
    EnterFailure { passing: error.is_passing(), problem: error.into_problem(subject) }
}

/// Joins the call of the room entered.
pub(super) async fn join(
    account: TalkAccount,
    session: Session,
    token: String,
    flags: u32,
    silent: bool,
    read_only: bool,
) -> Result<(), Problem> {
    // An older server would refuse nothing but ring all the same: better to say so than to ring people.
    if silent && !account.has_feature("silent-call").await? {
        return Err(Problem::new(ProblemCode::Forbidden, "this server cannot start calls without ringing"));
    }
    session
        .join_call(&token, flags, silent)
        .await
        .map_err(|error| error.into_problem(Subject::Call { read_only }))
}
