//! The requests that lead into a room and its call.

use bellbird_call::ports::{Problem, ProblemCode};
use bellbird_call::{CallTarget, ContactId, RoomId};
use bellbird_talk_wire::Room;
use bellbird_talk_wire::constants::{MODE_INTERNAL, NO_SESSION};

use super::input::{EnterFailure, Entered};
use super::way::Way;
use crate::Consent;
use crate::account::TalkAccount;
use crate::external::{self, Unadmitted};
use crate::rest::{RestError, Session, Subject};

/// Finds the room and enters it, fetching the signaling settings meanwhile.
pub(super) async fn enter(
    account: TalkAccount,
    session: Session,
    target: CallTarget,
    way: Way,
) -> Result<Entered, EnterFailure> {
    let mut entered = match target {
        CallTarget::Contact(contact) => enter_with(&account, &session, contact, &way).await,
        CallTarget::Room(room) => {
            enter_room(&account, &session, &room, &way).await.map_err(|error| failure(error, Subject::Room))
        }
    }?;
    let refuse =
        |code, detail: &str| Err(EnterFailure { problem: Problem::new(code, detail), passing: false });
    if entered.room.session_id.is_empty() || entered.room.session_id == NO_SESSION {
        return refuse(ProblemCode::NotATalkServer, "the server let us in without a session");
    }
    account.remember(&entered.room);
    let mode = entered.settings.signaling_mode.as_str();
    if mode != MODE_INTERNAL && !mode.is_empty() {
        let Room { token, session_id, .. } = &entered.room;
        match external::admit(&account, &session, token, session_id, &entered.settings).await {
            Ok(admission) => entered.admission = Some(admission),
            Err(Unadmitted { problem, passing }) => {
                // Leaves no session behind that would look present; one that stays times out.
                let _ = session.leave_room(token).await;
                return Err(EnterFailure { problem, passing });
            }
        }
    }
    Ok(entered)
}

async fn enter_with(
    account: &TalkAccount,
    session: &Session,
    contact: ContactId,
    way: &Way,
) -> Result<Entered, EnterFailure> {
    if let Some(room) = account.remembered_room(&contact) {
        match enter_room(account, session, &room, way).await {
            // The room may have been deleted since.
            Err(RestError::Refused { status: 404, .. }) => account.forget_room(&contact),
            Err(error) => return Err(failure(error, Subject::Room)),
            Ok(entered) => return Ok(entered),
        }
    }
    let room = session.one_to_one(contact.as_str()).await.map_err(|error| failure(error, Subject::Person))?;
    let room = RoomId::new(&room.token);
    enter_room(account, session, &room, way).await.map_err(|error| failure(error, Subject::Room))
}

async fn enter_room(
    account: &TalkAccount,
    session: &Session,
    room: &RoomId,
    way: &Way,
) -> Result<Entered, RestError> {
    let (room, settings) = way.enter(account, session, room.as_str()).await?;
    Ok(Entered { room, settings, admission: None })
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
    (room_consent, consent): (u8, Consent),
) -> Result<(), Problem> {
    // An older server would refuse nothing but ring all the same: better to say so than to ring people.
    if silent && !account.has_feature("silent-call").await? {
        return Err(Problem::new(ProblemCode::Forbidden, "this server cannot start calls without ringing"));
    }
    // Asked of the person before anything is sent: a refusal would only say the same.
    let recorded = account.needs_consent(room_consent).await;
    if recorded && !consent.is_given() {
        return Err(Problem::new(ProblemCode::ConsentNeeded, "calls are recorded here, which needs consent"));
    }
    session
        .join_call(&token, flags, silent, recorded)
        .await
        .map_err(|error| error.into_problem(Subject::Call { read_only }))
}
