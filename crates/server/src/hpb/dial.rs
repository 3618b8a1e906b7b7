//! Calling a telephone by way of the signaling server and its bridge (talk-signaling.md sections 7.3 and 7.4). How the
//! call goes on, clients hear from the signaling server, under the name that comes back from here.

use std::sync::PoisonError;
use std::time::Duration;

use serde_json::{Value, json};

use super::Hpb;

/// The bridge answers within 45 s.
const PATIENCE: Duration = Duration::from_secs(55);
/// Most names of calls remembered.
const MAX_DIALED: usize = 10_000;
/// Longest name of a call, bytes.
const MAX_CALL_ID: usize = 256;

/// Why the telephone was not called.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct DialFailure {
    /// The signaling server's word for it.
    pub(crate) code: String,
    /// For people.
    pub(crate) message: String,
}

impl Hpb {
    /// Has the bridge call `number` into the room. Waits for the bridge, not for the person.
    pub(crate) async fn dial(
        &self,
        room: i64,
        token: &str,
        attendee: i64,
        number: &str,
        caller: &str,
    ) -> Result<(), DialFailure> {
        let mut options = json!({ "attendeeId": attendee, "actorType": "phones", "actorId": number });
        if caller.is_empty() {
            options["anonymous"] = json!(true);
        } else {
            options["caller"] = json!(caller);
        }
        let body = json!({ "type": "dialout", "dialout": { "number": number, "options": options } });
        let answer = self.link.post(token, &body.to_string(), PATIENCE).await.map_err(|reason| {
            tracing::warn!(%reason, "the signaling server cannot be reached to dial out");
            failure("unreachable", "The signaling server does not answer")
        })?;
        let read: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let call_id =
            read["dialout"]["callid"].as_str().filter(|id| !id.is_empty() && id.len() <= MAX_CALL_ID);
        match call_id {
            Some(id) if answer.status.is_success() => {
                let mut dialed = self.dialed.lock().unwrap_or_else(PoisonError::into_inner);
                if dialed.len() >= MAX_DIALED {
                    dialed.clear();
                }
                dialed.insert((room, attendee), id.to_owned());
                Ok(())
            }
            Some(_) | None => {
                let error = &read["dialout"]["error"];
                let code = error["code"].as_str().filter(|code| !code.is_empty()).unwrap_or("failed");
                let message = error["message"].as_str().unwrap_or("The telephone could not be called");
                Err(failure(code, message))
            }
        }
    }
}

fn failure(code: &str, message: &str) -> DialFailure {
    // Both go on to a client.
    let short = |text: &str| text.chars().filter(|c| !c.is_control()).take(200).collect();
    DialFailure { code: short(code), message: short(message) }
}
