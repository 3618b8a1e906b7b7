//! What a server can do (`GET /ocs/v2.php/cloud/capabilities`).

use serde::{Deserialize, Serialize};

use crate::lenient;

/// The whole answer.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct CapabilitiesReply {
    /// Of the server as a whole.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub version: ServerVersion,
    /// By app.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub capabilities: Capabilities,
}

/// Version of the server.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ServerVersion {
    /// First number.
    #[serde(default, deserialize_with = "lenient::number")]
    pub major: u32,
    /// Second number.
    #[serde(default, deserialize_with = "lenient::number")]
    pub minor: u32,
    /// Third number.
    #[serde(default, deserialize_with = "lenient::number")]
    pub micro: u32,
    /// As shown.
    #[serde(default, deserialize_with = "lenient::text")]
    pub string: String,
    /// Of which edition.
    #[serde(default, deserialize_with = "lenient::text")]
    pub edition: String,
}

/// What we look at.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Capabilities {
    /// Talk; missing when it is not installed or not allowed for the account.
    #[serde(default, deserialize_with = "lenient::or_default", skip_serializing_if = "Option::is_none")]
    pub spreed: Option<Spreed>,
    /// Real-time push; missing when not served.
    #[serde(default, deserialize_with = "lenient::or_default", skip_serializing_if = "Option::is_none")]
    pub notify_push: Option<NotifyPush>,
    /// Notifications, as the server describes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notifications: Option<serde_json::Value>,
    /// The embedded server's extensions; missing elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bellbird: Option<serde_json::Value>,
}

/// Talk's part.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Spreed {
    /// Names of what is there.
    #[serde(default, deserialize_with = "lenient::list")]
    pub features: Vec<String>,
    /// Settings.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub config: SpreedConfig,
    /// Of Talk.
    #[serde(default, deserialize_with = "lenient::text")]
    pub version: String,
}

impl Spreed {
    /// Whether a feature is there.
    pub fn has(&self, feature: &str) -> bool {
        self.features.iter().any(|name| name == feature)
    }
}

/// Settings of Talk.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct SpreedConfig {
    /// Of calls.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub call: CallConfig,
    /// Of conversations.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub conversations: ConversationsConfig,
    /// Of signaling.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub signaling: SignalingConfig,
}

/// Settings of calls.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CallConfig {
    /// Whether calls are allowed at all.
    #[serde(default = "yes", deserialize_with = "lenient::boolean")]
    pub enabled: bool,
    /// Whether calls can be recorded.
    #[serde(default, deserialize_with = "lenient::boolean")]
    pub recording: bool,
    /// 0 no, 1 needed, 2 decided per conversation.
    #[serde(rename = "recording-consent", default, deserialize_with = "lenient::number")]
    pub recording_consent: u8,
    /// Emoji that may be sent as reactions.
    #[serde(rename = "supported-reactions", default, deserialize_with = "lenient::list")]
    pub supported_reactions: Vec<String>,
    /// Dial-in.
    #[serde(rename = "sip-enabled", default, deserialize_with = "lenient::boolean")]
    pub sip_enabled: bool,
    /// Dial-out.
    #[serde(rename = "sip-dialout-enabled", default, deserialize_with = "lenient::boolean")]
    pub sip_dialout_enabled: bool,
    /// Seconds; 0 is unlimited.
    #[serde(rename = "max-duration", default, deserialize_with = "lenient::number")]
    pub max_duration: u32,
    /// Calls are end-to-end encrypted.
    #[serde(rename = "end-to-end-encryption", default, deserialize_with = "lenient::boolean")]
    pub end_to_end_encryption: bool,
}

/// Settings of conversations.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ConversationsConfig {
    /// Whether the account may make group conversations.
    #[serde(rename = "can-create", default = "yes", deserialize_with = "lenient::boolean")]
    pub can_create: bool,
}

impl Default for ConversationsConfig {
    fn default() -> Self {
        Self { can_create: true }
    }
}

fn yes() -> bool {
    true
}

impl Default for CallConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            recording: false,
            recording_consent: 0,
            supported_reactions: Vec::new(),
            sip_enabled: false,
            sip_dialout_enabled: false,
            max_duration: 0,
            end_to_end_encryption: false,
        }
    }
}

/// Settings of signaling.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct SignalingConfig {
    /// How many sessions one ping may name.
    #[serde(rename = "session-ping-limit", default, deserialize_with = "lenient::number")]
    pub session_ping_limit: u32,
    /// Public key of the tokens for the signaling server.
    #[serde(
        rename = "hello-v2-token-key",
        default,
        deserialize_with = "lenient::optional_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub hello_v2_token_key: Option<String>,
}

/// Real-time push.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct NotifyPush {
    /// What is pushed, among them `notifications`.
    #[serde(rename = "type", default, deserialize_with = "lenient::list")]
    pub types: Vec<String>,
    /// Where.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub endpoints: NotifyPushEndpoints,
}

/// Addresses of the push service.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct NotifyPushEndpoints {
    /// `ws:` or `wss:` URL.
    #[serde(default, deserialize_with = "lenient::text")]
    pub websocket: String,
    /// Gives a token in place of a password.
    #[serde(default, deserialize_with = "lenient::text")]
    pub pre_auth: String,
}
