//! The sentences of the command line: for each error code, what happened and what to do about it.

/// A sentence for a code. `None` for a code of a newer part that has no words yet.
fn sentence(code: &str) -> Option<&'static str> {
    Some(match code {
        // Signing in.
        "wrong-password" => {
            "The server refused this name and password. Check both; the password is read from BELLBIRD_PASSWORD."
        }
        "password-missing" => {
            "No password was given. Put it into the environment variable BELLBIRD_PASSWORD."
        }
        "no-browser-sign-in" => {
            "This server does not sign people in through a browser. Pass --user, with the password in BELLBIRD_PASSWORD."
        }
        "signed-out" => "The password that worked before was revoked. Sign in again.",
        "server-unreachable" => {
            "Nothing answers at the server's address. Check the address, and whether the server runs."
        }
        "not-a-talk-server" => {
            "What answers at this address is not a server we can talk to. Check the address."
        }
        "server-failed" => "The server fails or is in maintenance. Try again later.",
        "throttled" => "The server asks to wait after too many attempts. Try again in a while.",
        "certificate-refused" => {
            "The server's certificate is not trusted, so nothing was sent. Ask for a new invitation, or have the server's certificate put right. If the server made its certificate itself, put its SHA-256 fingerprint behind the address: https://HOST#fp=FINGERPRINT."
        }
        "bad-link" => "This link or address cannot be read. Copy it again, as a whole.",
        "invitation-expired" => "This invitation was used up, withdrawn or is too old. Ask for a new one.",
        "no-key-store" => {
            "No key store is there to keep the password in. Start one (such as GNOME Keyring or KWallet), or pass --server and --user instead."
        }
        // Calling.
        "unknown-user" => "There is nobody of that name. Check the spelling.",
        "unknown-room" => "There is no such conversation, or you cannot see it. Check the link.",
        "forbidden" => "The server does not allow this account to do that. Ask whoever runs the server.",
        "read-only" => "The conversation is locked. Ask a moderator to unlock it.",
        "lobby" => "A moderator has to let you in. Wait, and try again.",
        "password-needed" => {
            "The conversation needs another password. Put it into the environment variable BELLBIRD_ROOM_PASSWORD."
        }
        "consent-needed" => "Calls are recorded here. To agree to that, pass --recording-consent.",
        "declined" => "The call was declined.",
        "engaged" => "They are in another call. Try again later.",
        "no-answer" => "Nobody answered. Try again later.",
        "hung-up" => "The other side ended the call before it was connected.",
        "ended-by-moderator" => "A moderator ended the call.",
        "connection-lost" => {
            "The connection was lost and did not come back. Check the network, and call again."
        }
        "timed-out" => "Nothing was connected within the time given by --wait.",
        "no-media-path" => {
            "No path for sound was found between the two ends. A firewall may be in the way; a TURN server helps."
        }
        "signaling-lost" => "The connection to the server was lost. Check the network.",
        "bad-description" => "The other side sent something that makes no sense. It may need an update.",
        "not-now" => "That is not possible at the moment.",
        // Sound.
        "no-microphone" => "There is no microphone. Plug one in, or choose another with --mic.",
        "no-speaker" => "There is no loudspeaker. Plug one in, or choose another with --speaker.",
        "device-denied" => {
            "The system does not let us use the device. Allow it in the system's privacy settings."
        }
        "device-busy" => "Another program uses the device. Close that program, or choose another device.",
        "device-lost" => "The device was removed. Plug it in again, or choose another.",
        // Pictures.
        "no-camera" => {
            "There is no camera. Plug one in, choose another with --camera, or use --camera pattern."
        }
        "camera-denied" => {
            "The system does not let us use the camera. Allow it in the system's privacy settings."
        }
        "camera-busy" => "Another program uses the camera. Close that program, or choose another camera.",
        "camera-lost" => "The camera was removed. Plug it in again, or choose another.",
        "no-screen" => {
            "There is no such screen or window, or the desktop does not hand it over. `bellbird-cli devices` lists those that can be shared."
        }
        "screen-denied" => "Sharing the screen was refused.",
        "screen-lost" => "The shared window or screen is gone, so that sharing ended.",
        "video-file" => {
            "The video file cannot be used. A camera file must be a Y4M with 4:2:0 pictures, and --save-video needs a folder that can be written."
        }
        "sound-file" => {
            "The sound file cannot be used. A microphone file must be a WAV, and a loudspeaker file needs a folder that can be written."
        }
        // Serving.
        "port-in-use" => {
            "Another program uses this port. Choose another with --listen, or port 0 for any free one."
        }
        "port-denied" => "The system does not allow this port. Choose one above 1023 with --listen.",
        "no-such-address" => "This machine does not have that address. Choose another with --listen.",
        "listen-failed" => "The server could not open its port.",
        "already-serving" => {
            "Another server runs on this data folder. Stop it first, or choose another with --data."
        }
        "already-running" => {
            "Bellbird is running already. Steer it with `bellbird-cli ctl`, or choose another folder with --data."
        }
        "disk-full" => "The disk is full. Free some space, and try again.",
        "read-only-folder" => {
            "The data folder cannot be written. Check its rights, or choose another with --data."
        }
        "newer-data" => "The data folder was written by a newer version. Update Bellbird.",
        "damaged" => "The data folder's database is damaged. Put back a copy of it.",
        "busy" => "Another program holds the data folder's database. Try again.",
        "certificate" => {
            "The server's own certificate cannot be read or made. Remove it from the data folder to get a new one."
        }
        "tls-certificate" => {
            "The given certificate cannot be used. --tls-cert takes the certificate with its authority's after it, --tls-key its key."
        }
        "signaling-server" => {
            "The external signaling server cannot be used. Check --hpb, and that the secret's file can be read."
        }
        "turn-server" => {
            "The TURN servers cannot be used. Check --turn, and that the secret's file can be read."
        }
        "file" => "A file could not be read or written.",
        "stopped" => "The server has stopped.",
        "bad-name" => "This name cannot be used. Take letters, digits, dots, dashes and underscores.",
        "name-taken" => "This name is taken. Choose another.",
        "bad-password" => "This password cannot be used.",
        "unknown-group" => "There is no such group. See `bellbird-cli group list`.",
        "unknown-setting" => "There is no such setting. See `bellbird-cli config list`.",
        "bad-value" => "The setting does not take this value. See `bellbird-cli config list`.",
        // Steering.
        "no-core" => "Nothing runs here that could be steered. Start it with `bellbird-cli core`.",
        "core-refused" => {
            "What answers is not the Bellbird that was expected. Start it anew with `bellbird-cli core`."
        }
        "core-gone" => "Bellbird ended before it answered.",
        "programs-off" => {
            "Bellbird lets no other programs in at the moment. To change that, use its settings or `bellbird-cli ctl allow-programs on`."
        }
        "wrong-token" => {
            "This token opens nothing here: it was revoked, or is another Bellbird's. `bellbird-cli ctl program add` makes a new one."
        }
        "person-alone" => {
            "A program may not do that. Run it without --token-file and BELLBIRD_TOKEN, as the person."
        }
        "not-understood" => "The Bellbird that runs does not know this command. It may need an update.",
        "unknown-command" => {
            "This line is not understood. Use mute, unmute, hand up, hand down, react EMOJI, hold, resume or end."
        }
        "bad-arguments" => "The call SDK has no such method, or it takes other arguments.",
        "no-data-folder" => "The system names no home to keep data in. Choose a folder with --data.",
        // The rest.
        "demo-failed" => "The call did not carry speech as it should.",
        "internal" => "Something went wrong inside Bellbird. Run again with RUST_LOG=debug to see more.",
        _ => return None,
    })
}

/// The sentence for a code with its details.
pub(crate) fn message(code: &str, detail: &str) -> String {
    let detail = detail.trim().trim_end_matches('.');
    match (sentence(code), detail.is_empty()) {
        (Some(sentence), true) => sentence.to_owned(),
        (Some(sentence), false) => format!("{sentence} ({detail})"),
        (None, _) => format!("{detail}."),
    }
}

#[cfg(test)]
mod tests {
    use bellbird_app::ProblemCode;

    use super::*;

    #[test]
    fn every_problem_has_a_sentence_of_its_own() {
        let mut seen = std::collections::HashSet::new();
        for code in ProblemCode::ALL {
            let sentence = sentence(code.as_str());
            let sentence = sentence.unwrap_or_else(|| panic!("{} has no words", code.as_str()));
            assert!(seen.insert(sentence), "{} shares its words", code.as_str());
            assert!(sentence.ends_with('.'), "{sentence}");
        }
    }

    #[test]
    fn details_follow_in_brackets() {
        assert_eq!(message("declined", ""), "The call was declined.");
        assert_eq!(message("declined", "by bob."), "The call was declined. (by bob)");
        assert_eq!(message("of-tomorrow", "it rains"), "it rains.");
    }
}
