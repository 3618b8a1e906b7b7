//! What is told about calls, clients and channels.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// What one connection carries (cowork-calls section 2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Media {
    /// The microphone, with or without a camera: `camera`.
    Camera,
    /// The share with this number: `screen0`, `screen1`, …
    Screen(u16),
}

/// A word that names no medium.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no medium is called so; there are camera and screen0, screen1, …")]
pub struct UnknownMedia;

/// Largest number of a screen.
const MAX_SCREEN: u16 = 999;

impl fmt::Display for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Camera => f.write_str("camera"),
            Self::Screen(number) => write!(f, "screen{number}"),
        }
    }
}

impl FromStr for Media {
    type Err = UnknownMedia;

    fn from_str(text: &str) -> Result<Self, UnknownMedia> {
        if text == "camera" {
            return Ok(Self::Camera);
        }
        let digits = text.strip_prefix("screen").ok_or(UnknownMedia)?;
        let plain = digits.bytes().all(|b| b.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
        let number = digits.parse().ok().filter(|number| plain && *number <= MAX_SCREEN);
        number.map(Self::Screen).ok_or(UnknownMedia)
    }
}

impl Serialize for Media {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The state of one connection; its key is client and medium (cowork-calls section 2).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = State)]
pub struct Connection {
    /// The account.
    pub user_id: String,
    /// Its name for people.
    pub display_name: String,
    /// The client, `cowork-<uuid>`.
    pub client_id: String,
    /// `camera` (the microphone with or without a picture) or `screen0`, `screen1`, …
    #[schema(value_type = String, pattern = "^(camera|screen(0|[1-9][0-9]{0,2}))$")]
    pub media: Media,
    /// The microphone is off.
    pub muted: bool,
    /// The loudspeaker is off.
    pub silent: bool,
    /// The camera is on.
    pub video: bool,
    /// The hand is raised.
    pub hand_up: bool,
}

/// A call one client is in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientCall {
    /// The team of the channel.
    pub team_id: String,
    /// Where the call is.
    pub channel_id: String,
    /// What the client has in it.
    pub connections: Vec<Connection>,
}

/// One open client of a person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientState {
    /// `cowork-<uuid>`.
    pub client_id: String,
    /// When a person last did something in it, milliseconds since any moment that is the same for all clients of the
    /// person: only compared.
    pub last_interaction: u64,
    /// The channel it shows.
    pub open_channel: Option<String>,
    /// The call it is in.
    pub call: Option<ClientCall>,
}

impl ClientState {
    /// The channel it is in: the one of its call, else the one it shows.
    pub fn channel(&self) -> Option<&str> {
        let of_call = self.call.as_ref().map(|call| call.channel_id.as_str());
        of_call.or(self.open_channel.as_deref())
    }

    /// Whether it shows the channel, or is in a call there.
    pub fn is_at(&self, channel: &str) -> bool {
        self.open_channel.as_deref() == Some(channel)
            || self.call.as_ref().is_some_and(|call| call.channel_id == channel)
    }

    /// Its connections.
    pub fn connections(&self) -> &[Connection] {
        self.call.as_ref().map_or(&[], |call| &call.connections)
    }
}

/// A team (cowork-calls section 6).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Team {
    /// Its id.
    pub id: String,
    /// Its name for people.
    pub display_name: String,
}

/// A channel (cowork-calls section 6).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Channel {
    /// Its id.
    pub channel_id: String,
    /// The team it belongs to.
    pub team_id: String,
    /// Its name for people.
    pub display_name: String,
    /// What it is for; often empty.
    pub description: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_are_read_and_written_alike() {
        for (text, media) in [
            ("camera", Some(Media::Camera)),
            ("screen0", Some(Media::Screen(0))),
            ("screen12", Some(Media::Screen(12))),
            ("screen999", Some(Media::Screen(999))),
            ("screen1000", None),
            ("screen007", None),
            ("screen", None),
            ("screen+1", None),
            ("Camera", None),
            ("", None),
        ] {
            assert_eq!(text.parse().ok(), media, "{text}");
            if let Some(media) = media {
                assert_eq!(media.to_string(), text);
            }
        }
    }
}
