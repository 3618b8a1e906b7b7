//! What a client is told to do.

use std::str::FromStr;

use crate::Media;

/// How to join (cowork-calls section 4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JoinKind {
    /// With the microphone.
    Audio,
    /// With the microphone and the camera.
    Video,
    /// With one more screen; always possible.
    Screen,
}

/// A word that names no way to join.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("joinType must be one of AUDIO, VIDEO and SCREEN")]
pub struct UnknownJoinKind;

impl FromStr for JoinKind {
    type Err = UnknownJoinKind;

    /// In any case.
    fn from_str(text: &str) -> Result<Self, UnknownJoinKind> {
        [("audio", Self::Audio), ("video", Self::Video), ("screen", Self::Screen)]
            .into_iter()
            .find(|(word, _)| text.eq_ignore_ascii_case(word))
            .map(|(_, kind)| kind)
            .ok_or(UnknownJoinKind)
    }
}

/// What a client is told to do. `None` leaves as it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Order {
    /// Join the channel's call, or start it.
    Join {
        /// Where.
        channel: String,
        /// With what.
        kind: JoinKind,
    },
    /// Microphone and loudspeaker of the call it is in.
    SetAudio {
        /// The microphone is off.
        muted: Option<bool>,
        /// The loudspeaker is off.
        silent: Option<bool>,
    },
    /// The camera of the call it is in.
    SetVideo {
        /// The camera is on.
        video: bool,
    },
    /// The hand in the call it is in.
    Raise {
        /// It is up.
        raise: bool,
    },
    /// Leave the call, or end one share.
    Leave {
        /// What ends; everything when missing. Without the camera's connection the client is in no call.
        media: Option<Media>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn join_types_are_read_in_any_case() {
        for (text, kind) in [
            ("AUDIO", Some(JoinKind::Audio)),
            ("audio", Some(JoinKind::Audio)),
            ("VIDEO", Some(JoinKind::Video)),
            ("video", Some(JoinKind::Video)),
            ("SCREEN", Some(JoinKind::Screen)),
            ("screen", Some(JoinKind::Screen)),
            ("ScReEn", Some(JoinKind::Screen)),
            ("", None),
            ("audio ", None),
            ("phone", None),
        ] {
            assert_eq!(text.parse().ok(), kind, "{text:?}");
        }
    }
}
