//! Turns away official Talk clients that are too old for this API (talk-rest.md section 1): 426 with the version they
//! need as message.

use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::ocs::Ocs;
use crate::config_keys::Settings;
use crate::state::App;

/// What all official clients call themselves, after a word for their system.
const BEGIN: &str = "Mozilla/5.0 (";
const NAME: &str = ") Nextcloud-Talk v";

type Version = [u32; 3];

/// The version a client needs who says this of itself, unless it has it. `asks`: joining calls needs consent to their
/// recording, which older clients do not know.
fn needed(agent: &str, asks: bool) -> Option<&'static str> {
    let (system, rest) = agent.strip_prefix(BEGIN)?.split_once(NAME)?;
    let needed = match system {
        "Android" | "iOS" if asks => "18.0.0",
        "Android" | "iOS" => "15.0.0",
        _ if system.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b' ') => "1.0.0",
        _ => return None,
    };
    // What comes before a version counts as that version.
    let own = rest.split([' ', '-']).next().unwrap_or("");
    (version(own) < version(needed)).then_some(needed)
}

fn version(text: &str) -> Version {
    let mut parts = text.split('.').map(|part| part.parse().unwrap_or(0));
    std::array::from_fn(|_| parts.next().unwrap_or(0))
}

/// Asks for a newer client where there has to be one.
pub(super) async fn refuse(State(app): State<App>, request: Request, next: Next) -> Response {
    let agent = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or("");
    let ours = request.uri().path().contains("/apps/spreed/");
    if ours && needed(agent, true).is_some() {
        match app.store.read(Settings::read).await {
            Ok(settings) => {
                if let Some(version) = needed(agent, settings.recording_consent != 0) {
                    return Ocs::status(426).message(version).into_response();
                }
            }
            Err(error) => return Ocs::from(error).into_response(),
        }
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::needed;

    #[test]
    fn only_official_clients_are_asked_for_their_version() {
        for (agent, without, with) in [
            ("Mozilla/5.0 (Android) Nextcloud-Talk v14.9.9", Some("15.0.0"), Some("18.0.0")),
            ("Mozilla/5.0 (Android) Nextcloud-Talk v15.0.0", None, Some("18.0.0")),
            ("Mozilla/5.0 (iOS) Nextcloud-Talk v18.0.0-rc.1", None, None),
            ("Mozilla/5.0 (iOS) Nextcloud-Talk v20.1", None, None),
            ("Mozilla/5.0 (Linux) Nextcloud-Talk v0.16.0", Some("1.0.0"), Some("1.0.0")),
            ("Mozilla/5.0 (Mac OS) Nextcloud-Talk v1.0.0 and more", None, None),
            ("Mozilla/5.0 (Linux) Nextcloud-Talk v", Some("1.0.0"), Some("1.0.0")),
            ("Mozilla/5.0 (X11; Linux x86_64) Nextcloud-Talk v0.1", None, None),
            ("Bellbird/0.1", None, None),
            ("", None, None),
        ] {
            assert_eq!((needed(agent, false), needed(agent, true)), (without, with), "{agent}");
        }
    }
}
