//! Recording a call (talk-rest.md section 7). No recording backend can be attached to this server, so all that is
//! left of it is to refuse in the right order and to have nothing to stop.

use super::asked::Asked;
use super::ocs::{Ocs, OcsResult};
use super::place::Place;

/// The values of `status` that start something.
const VIDEO: i64 = 1;
const AUDIO: i64 = 2;

/// 401 for guests, also for those who moderate; 403 for other members.
async fn moderated(asked: &Asked) -> Result<Place, Ocs> {
    asked.signed_in()?;
    let place = asked.place().await?;
    place.moderator()?;
    Ok(place)
}

/// `POST /api/v1/recording/{token}`
pub(super) async fn start(asked: Asked) -> OcsResult {
    let place = moderated(&asked).await?;
    match asked.params.int("status", 0)? {
        VIDEO | AUDIO => {}
        _ => return Err(Ocs::error(400, "status")),
    }
    if asked.app.live().call(place.room.id).is_none() {
        return Err(Ocs::error(400, "call"));
    }
    Err(Ocs::error(400, "config"))
}

/// `DELETE /api/v1/recording/{token}`: stopping what does not run is fine.
pub(super) async fn stop(asked: Asked) -> OcsResult {
    moderated(&asked).await?;
    Ok(Ocs::null())
}
