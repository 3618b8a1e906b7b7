//! The recording server, as this one asks it to start and stop.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use url::Url;

use crate::hpb::{SharedSecret, client_beside, read_secret_file};
use crate::secrets;
use crate::store::rooms::RoomRow;
use crate::words::{Actor, RecordingStatus};

/// Header with text that is new in every request.
pub(crate) const RANDOM_HEADER: &str = "talk-recording-random";
/// Header with the checksum over that text and what is proven by it.
pub(crate) const CHECKSUM_HEADER: &str = "talk-recording-checksum";
/// Header that says which server asks; the recording server answers it at this address.
const BACKEND_HEADER: &str = "talk-recording-backend";

/// How often a request is made that meets no answer, or a failure of the recording server.
const TRIES: u32 = 3;
/// How long one try may take. Recording servers answer before they begin.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a recording server is reached by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BackendConfig {
    pub(crate) url: Url,
    pub(crate) secret_file: PathBuf,
}

/// Why the recording server did not do as asked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It knows of no recording in that room.
    Unknown,
    /// It could not be reached, or does not want to; for the log, without addresses.
    Failed(String),
}

/// The recording server in use.
pub(crate) struct Backend {
    config: BackendConfig,
    secret: SharedSecret,
    http: Client,
}

impl Backend {
    /// Reads the secret. Blocks.
    pub(crate) fn open(config: BackendConfig) -> Result<Self, String> {
        let secret = SharedSecret::new(read_secret_file(&config.secret_file)?);
        Ok(Self { secret, http: client_beside(&config.url)?, config })
    }

    pub(crate) fn config(&self) -> &BackendConfig {
        &self.config
    }

    /// Whether what is proven was sent by the recording server.
    pub(crate) fn approves(&self, random: &str, checksum: &str, proven: &[u8]) -> bool {
        self.secret.approves(random, &checksum.to_ascii_lowercase(), proven)
    }

    /// Asks for a recording of the room's call. `base`: this server's address as the recording server is to use it.
    pub(crate) async fn start(
        &self,
        token: &str,
        base: &str,
        status: RecordingStatus,
        owner: &str,
    ) -> Result<(), Refusal> {
        let start = json!({ "status": status.number(), "owner": owner, "actor": who(&Actor::user(owner)) });
        self.ask(token, base, &json!({ "type": "start", "start": start })).await
    }

    /// Asks to end the recording. `by` is nobody when the call has ended by itself.
    pub(crate) async fn stop(&self, room: &RoomRow, by: Option<&Actor>) -> Result<(), Refusal> {
        let stop = by.map_or_else(|| json!({}), |by| json!({ "actor": who(by) }));
        self.ask(&room.token, &room.recording_base, &json!({ "type": "stop", "stop": stop })).await
    }

    async fn ask(&self, token: &str, base: &str, body: &Value) -> Result<(), Refusal> {
        let body = body.to_string();
        let mut tries = 0;
        loop {
            tries += 1;
            let reason = match self.post(token, base, &body).await {
                Ok(status) if status.is_success() => return Ok(()),
                Ok(StatusCode::NOT_FOUND) => return Err(Refusal::Unknown),
                Ok(status) if status.is_server_error() => format!("status {}", status.as_u16()),
                Ok(status) => return Err(Refusal::Failed(format!("status {}", status.as_u16()))),
                Err(error) => error.without_url().to_string(),
            };
            if tries == TRIES {
                return Err(Refusal::Failed(reason));
            }
        }
    }

    async fn post(&self, token: &str, base: &str, body: &str) -> Result<StatusCode, reqwest::Error> {
        let random = secrets::session_id();
        let mut url = self.config.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            // The address is http or https, so it takes a path.
            segments.pop_if_empty().extend(["api", "v1", "room", token]);
        }
        let request = self
            .http
            .post(url)
            .timeout(PATIENCE)
            .header("content-type", "application/json")
            .header(CHECKSUM_HEADER, self.secret.checksum(&random, body.as_bytes()))
            .header(RANDOM_HEADER, random)
            .header(BACKEND_HEADER, base)
            .body(body.to_owned());
        Ok(request.send().await?.status())
    }
}

fn who(actor: &Actor) -> Value {
    json!({ "type": actor.kind.as_str(), "id": actor.id })
}
