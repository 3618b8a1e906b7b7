//! Registration by invitation: an extension of this server, reached through a link that carries the code.

use axum::http::header;
use bellbird_talk_wire::Registered;

use super::asked::Asked;
use super::ocs::{Ocs, OcsResult};
use super::throttle::Guess;
use crate::config_keys::Settings;
use crate::registry::{self, NameProblem};
use crate::secrets;
use crate::store::{accounts, invitations};

/// How a registration ends inside of the transaction.
enum Outcome {
    Registered(String),
    BadCode,
    Taken,
}

/// `POST /index.php/apps/bellbird/api/v1/registration`
pub(super) async fn register(asked: Asked) -> OcsResult {
    // A form could be sent by any web page; JSON could not.
    if !asked.header_text(header::CONTENT_TYPE).starts_with("application/json") {
        return Err(Ocs::status(415));
    }
    let (address, now) = (asked.caller.address, asked.app.now());
    asked.app.slow_down(Guess::Invitation, address, "").await?;
    let params = &asked.params;
    let digest = secrets::digest(params.text("code")?.trim());
    let allowed = asked
        .app
        .store
        .read(move |c| {
            let open = Settings::read(c)?.registrations_by_invitation;
            Ok(open && invitations::is_valid(c, &digest, now.unix)?)
        })
        .await?;
    if !allowed {
        asked.app.throttle().failed(Guess::Invitation, address, "", digest, now.at);
        return Err(Ocs::error(400, "code"));
    }
    let name = params.text("loginName")?.trim().to_owned();
    let password = params.text("password")?;
    for checked in [registry::check_name(&name), registry::check_password(&password)] {
        match checked {
            Ok(()) => {}
            Err(NameProblem::Name) => return Err(Ocs::error(400, "login-name")),
            Err(NameProblem::Password) => return Err(Ocs::error(400, "password")),
        }
    }
    let display_name = registry::display_name(&params.text("displayName")?, &name);
    let wanted = name.clone();
    if asked.app.store.read(move |c| accounts::find(c, &wanted)).await?.is_some() {
        return Err(Ocs::error(400, "taken"));
    }
    let hash = asked.app.passwords.hash(&password).await?;
    let user_id = name.clone();
    let outcome = asked
        .app
        .store
        .write(move |c| {
            // Both are decided again here, where nobody can come in between.
            if accounts::find(c, &name)?.is_some() {
                return Ok(Outcome::Taken);
            }
            if !invitations::consume(c, &digest, now.unix)? {
                return Ok(Outcome::BadCode);
            }
            accounts::insert(c, &name, &display_name, &hash, false, now.unix)?;
            registry::new_app_password(c, &name, "registration", now.unix).map(Outcome::Registered)
        })
        .await?;
    match outcome {
        Outcome::Registered(app_password) => {
            Ok(Ocs::ok(Registered { user_id, app_password }).with_status(201))
        }
        Outcome::BadCode => Err(Ocs::error(400, "code")),
        Outcome::Taken => Err(Ocs::error(400, "taken")),
    }
}
