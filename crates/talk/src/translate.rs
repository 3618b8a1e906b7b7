//! Between the wire's words and the call's. Nothing beyond this crate sees the wire's.

use bellbird_call::{IceCandidate, IceServer, MediaKind, MediaKinds, VideoSwitch};
use bellbird_talk_wire::constants::{IN_CALL, IN_CALL_AUDIO, IN_CALL_VIDEO, MAX_NAME_BYTES};
use bellbird_talk_wire::{Candidate, DataMessage, IceServerEntry, MuteName, SignalingSettings, SwitchName};

/// Most STUN or TURN servers taken from a server's settings, and most URLs of each.
const MAX_ICE_SERVERS: usize = 16;

/// In-call flags of someone who brings `media`.
pub(crate) fn flags(media: MediaKinds) -> u32 {
    let mut flags = IN_CALL;
    if media.audio {
        flags |= IN_CALL_AUDIO;
    }
    if media.video {
        flags |= IN_CALL_VIDEO;
    }
    flags
}

/// What someone with these in-call flags brings.
pub(crate) fn media(flags: u32) -> MediaKinds {
    MediaKinds { audio: flags & IN_CALL_AUDIO != 0, video: flags & IN_CALL_VIDEO != 0 }
}

/// A candidate of the far end.
pub(crate) fn candidate_from_wire(candidate: Candidate) -> IceCandidate {
    IceCandidate {
        candidate: candidate.candidate,
        sdp_mid: candidate.sdp_mid,
        sdp_mline_index: candidate.sdp_mline_index,
    }
}

/// A candidate of ours.
pub(crate) fn candidate_to_wire(candidate: IceCandidate) -> Candidate {
    Candidate {
        candidate: candidate.candidate,
        sdp_mid: candidate.sdp_mid,
        sdp_mline_index: candidate.sdp_mline_index,
    }
}

/// STUN and TURN servers of a room.
pub(crate) fn ice_servers(settings: &SignalingSettings) -> Vec<IceServer> {
    let translate = |entry: &IceServerEntry| IceServer {
        urls: entry.urls.iter().take(MAX_ICE_SERVERS).cloned().collect(),
        username: entry.username.clone(),
        credential: entry.credential.clone(),
    };
    settings
        .stunservers
        .iter()
        .chain(&settings.turnservers)
        .filter(|entry| !entry.urls.is_empty())
        .take(MAX_ICE_SERVERS)
        .map(translate)
        .collect()
}

/// What a mute message of the far end is about.
pub(crate) fn kind_from_wire(name: MuteName) -> MediaKind {
    match name {
        MuteName::Audio => MediaKind::Audio,
        MuteName::Video => MediaKind::Video,
    }
}

/// What our mute message is about; a screen is not muted but unshared.
pub(crate) fn kind_to_wire(kind: MediaKind) -> Option<MuteName> {
    match kind {
        MediaKind::Audio => Some(MuteName::Audio),
        MediaKind::Video => Some(MuteName::Video),
        MediaKind::Screen => None,
    }
}

/// What somebody says about going to video.
pub(crate) fn switch_from_wire(name: SwitchName) -> VideoSwitch {
    match name {
        SwitchName::Request => VideoSwitch::Request,
        SwitchName::Accept => VideoSwitch::Accept,
        SwitchName::Decline => VideoSwitch::Decline,
        SwitchName::Cancel => VideoSwitch::Cancel,
    }
}

/// What we say about going to video.
pub(crate) fn switch_to_wire(word: VideoSwitch) -> SwitchName {
    match word {
        VideoSwitch::Request => SwitchName::Request,
        VideoSwitch::Accept => SwitchName::Accept,
        VideoSwitch::Decline => SwitchName::Decline,
        VideoSwitch::Cancel => SwitchName::Cancel,
    }
}

/// The data channel's form of a mute announcement.
pub(crate) fn mute_data(name: MuteName, muted: bool) -> DataMessage {
    match (name, muted) {
        (MuteName::Audio, true) => DataMessage::AudioOff,
        (MuteName::Audio, false) => DataMessage::AudioOn,
        (MuteName::Video, true) => DataMessage::VideoOff,
        (MuteName::Video, false) => DataMessage::VideoOn,
    }
}

/// JSON text of a data channel message.
pub(crate) fn data_text(message: &DataMessage) -> String {
    // Text and maps with text keys only: serializing them cannot fail.
    serde_json::to_string(message).unwrap_or_default()
}

/// A name for people, cut to a sane length, without line breaks and other control characters.
pub(crate) fn display_name(name: &str) -> String {
    let mut clean: String = name.trim().chars().filter(|c| !c.is_control()).collect();
    if clean.len() > MAX_NAME_BYTES {
        let end = (0..=MAX_NAME_BYTES).rev().find(|end| clean.is_char_boundary(*end)).unwrap_or(0);
        clean.truncate(end);
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_and_media_agree() {
        for (kinds, expected) in [(MediaKinds::NONE, 1), (MediaKinds::VOICE, 3), (MediaKinds::VIDEO, 7)] {
            assert_eq!(flags(kinds), expected);
            assert_eq!(media(expected), kinds);
        }
        assert_eq!(media(8 | 1), MediaKinds::NONE);
    }

    #[test]
    fn names_are_cut_and_cleaned() {
        assert_eq!(display_name(" Ann\n\u{7}e "), "Anne");
        let long = display_name(&"ü".repeat(1000));
        assert!(long.len() <= MAX_NAME_BYTES && long.chars().all(|c| c == 'ü'));
    }

    #[test]
    fn floods_of_ice_servers_are_cut() {
        let entry = IceServerEntry { urls: vec!["stun:a".into(); 100], ..IceServerEntry::default() };
        let settings = SignalingSettings { stunservers: vec![entry; 100], ..SignalingSettings::default() };
        let servers = ice_servers(&settings);
        assert_eq!(servers.len(), MAX_ICE_SERVERS);
        assert!(servers.iter().all(|server| server.urls.len() == MAX_ICE_SERVERS));
    }
}
