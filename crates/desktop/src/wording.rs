//! The sentences of notifications and of the tray, and the cleaning of names in them.

use bellbird_contract::{Media, TrackKind};

use crate::notices::{Notice, NoticeKind};

/// Longest name shown, in characters; a longer one is a prank or a mistake.
const LONGEST_NAME: usize = 80;

/// A notification in words. The summary is plain text by the notification specification; the body may be markup.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Words {
    pub(crate) summary: String,
    pub(crate) body: String,
    /// Key and label of each button, in order.
    pub(crate) actions: Vec<(&'static str, &'static str)>,
}

pub(crate) const ANSWER: &str = "answer";
pub(crate) const ANSWER_VOICE: &str = "answer-voice";
pub(crate) const DECLINE: &str = "decline";
pub(crate) const CALL_BACK: &str = "call-back";
pub(crate) const NOT_NOW: &str = "not-now";
/// The key that means a click on the notification itself.
pub(crate) const DEFAULT: &str = "default";

/// What the daemon that will show it can do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct DaemonAbilities {
    /// Shows buttons.
    pub(crate) actions: bool,
    /// Reads the body as markup, so that a name has to be escaped; a daemon that does not would show the escapes.
    pub(crate) markup: bool,
}

/// Puts a notice into words fit for that daemon.
pub(crate) fn words(notice: &Notice, abilities: DaemonAbilities) -> Words {
    let name = clean(&notice.name);
    let name = if name.is_empty() { "Someone".to_owned() } else { name };
    let (summary, mut sentence, buttons) = match &notice.kind {
        NoticeKind::Incoming { media: Media::Voice } => (
            "Incoming call",
            format!("{name} is calling"),
            vec![(ANSWER, "Answer"), (DECLINE, "Decline"), (DEFAULT, "Open Bellbird")],
        ),
        NoticeKind::Incoming { media: Media::Video } => (
            "Incoming video call",
            format!("{name} is calling with video"),
            vec![
                (ANSWER, "Answer"),
                (ANSWER_VOICE, "Answer without video"),
                (DECLINE, "Decline"),
                (DEFAULT, "Open Bellbird"),
            ],
        ),
        NoticeKind::Missed { contact: Some(_), .. } => (
            "Missed call",
            format!("{name} called"),
            vec![(CALL_BACK, "Call back"), (DEFAULT, "Open Bellbird")],
        ),
        NoticeKind::Asked { by, kind, inside, .. } => {
            let (summary, sentence) = asked(&name, by, *kind, *inside);
            // Allowing takes seeing what it means, which is in the window.
            (summary, sentence, vec![(DEFAULT, "Open Bellbird"), (NOT_NOW, "Not now")])
        }
        NoticeKind::Missed { contact: None, .. } => {
            ("Missed call", format!("A call in {name}"), vec![(DEFAULT, "Open Bellbird")])
        }
    };
    if let Some(account) = &notice.account_name {
        sentence.push_str(" · ");
        sentence.push_str(&clean(account));
    }
    let (hint, actions) = match (abilities.actions, &notice.kind) {
        (true, _) => ("", buttons),
        (false, NoticeKind::Incoming { .. }) => ("\nOpen Bellbird to answer.", Vec::new()),
        (false, NoticeKind::Asked { .. }) => ("\nOpen Bellbird to answer.", Vec::new()),
        (false, NoticeKind::Missed { .. }) => ("", Vec::new()),
    };
    let body = if abilities.markup { escape(&sentence) } else { sentence };
    Words { summary: summary.to_owned(), body: body + hint, actions }
}

/// What somebody else wants of the person.
fn asked(room: &str, by: &str, kind: TrackKind, inside: bool) -> (&'static str, String) {
    let by = clean(by);
    let who = if by.is_empty() { "Another program".to_owned() } else { by };
    match (kind, inside) {
        (TrackKind::Audio, false) => ("Join a call?", format!("{who} wants to join you to {room} by voice")),
        (TrackKind::Video, false) => {
            ("Join a call?", format!("{who} wants to join you to {room} with your camera"))
        }
        (TrackKind::Audio, true) => {
            ("Microphone on?", format!("{who} wants to turn your microphone on in {room}"))
        }
        (TrackKind::Video, true) => ("Camera on?", format!("{who} wants to turn your camera on in {room}")),
        (TrackKind::Screen, _) => ("Share a screen?", format!("{who} wants you to share a screen in {room}")),
    }
}

/// One line of at most [`LONGEST_NAME`] characters, without control characters and without those that turn the
/// reading direction of what follows (a name could otherwise rewrite the sentence around it).
pub(crate) fn clean(name: &str) -> String {
    let one_line: String = name
        .chars()
        .map(|c| if c.is_whitespace() || c.is_control() { ' ' } else { c })
        .filter(|c| !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
        .collect();
    let trimmed = one_line.trim();
    if trimmed.chars().count() <= LONGEST_NAME {
        return trimmed.to_owned();
    }
    trimmed.chars().take(LONGEST_NAME - 1).chain(['…']).collect()
}

/// Escapes the five characters that mean something in the markup subset of notification bodies.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: DaemonAbilities = DaemonAbilities { actions: true, markup: true };

    fn incoming(name: &str) -> Notice {
        Notice {
            call: "1".into(),
            name: name.into(),
            account_name: None,
            kind: NoticeKind::Incoming { media: Media::Voice },
        }
    }

    #[test]
    fn names_are_cleaned_and_escaped() {
        let long = "x".repeat(500);
        let long_shown = format!("{}… is calling", "x".repeat(79));
        for (name, body) in [
            ("Ada", "Ada is calling"),
            ("<b>Ada</b> & 'Co'", "&lt;b&gt;Ada&lt;/b&gt; &amp; &apos;Co&apos; is calling"),
            ("Ada\nis fine\u{7}", "Ada is fine is calling"),
            ("\u{202e}adA", "adA is calling"),
            ("", "Someone is calling"),
            (" \t", "Someone is calling"),
            (long.as_str(), long_shown.as_str()),
        ] {
            assert_eq!(words(&incoming(name), ALL).body, body, "{name:?}");
        }
    }

    #[test]
    fn a_daemon_without_markup_gets_no_escapes() {
        let plain = DaemonAbilities { markup: false, ..ALL };
        assert_eq!(words(&incoming("A & B"), plain).body, "A & B is calling");
    }

    #[test]
    fn a_daemon_without_buttons_gets_a_sentence_instead() {
        let shown = words(&incoming("Ada"), DaemonAbilities { actions: false, ..ALL });
        assert_eq!(shown.actions, []);
        assert_eq!(shown.body, "Ada is calling\nOpen Bellbird to answer.");
    }

    #[test]
    fn the_account_follows_the_name() {
        let notice = Notice { account_name: Some("Work <x>".into()), ..incoming("Ada") };
        assert_eq!(words(&notice, ALL).body, "Ada is calling · Work &lt;x&gt;");
    }

    #[test]
    fn who_asks_is_named_and_cleaned_and_nothing_is_allowed_unseen() {
        let asked = |by: &str, kind, inside| Notice {
            name: "Team".into(),
            kind: NoticeKind::Asked { request: "1".into(), by: by.into(), kind, inside },
            ..incoming("Ada")
        };
        for (by, kind, inside, body) in [
            ("bot", TrackKind::Audio, false, "bot wants to join you to Team by voice"),
            ("<b>", TrackKind::Video, false, "&lt;b&gt; wants to join you to Team with your camera"),
            ("", TrackKind::Video, true, "Another program wants to turn your camera on in Team"),
            ("bot", TrackKind::Audio, true, "bot wants to turn your microphone on in Team"),
            ("bot", TrackKind::Screen, true, "bot wants you to share a screen in Team"),
        ] {
            let shown = words(&asked(by, kind, inside), ALL);
            assert_eq!(shown.body, body);
            assert_eq!(shown.actions.iter().map(|(key, _)| *key).collect::<Vec<_>>(), [DEFAULT, NOT_NOW]);
        }
    }

    #[test]
    fn only_a_person_can_be_called_back() {
        let missed = |contact: Option<&str>| Notice {
            kind: NoticeKind::Missed { account: "a".into(), contact: contact.map(Into::into) },
            ..incoming("Ada")
        };
        let keys = |notice: &Notice| -> Vec<&str> {
            words(notice, ALL).actions.iter().map(|(key, _)| *key).collect()
        };
        assert_eq!(keys(&missed(Some("ada"))), [CALL_BACK, DEFAULT]);
        assert_eq!(keys(&missed(None)), [DEFAULT]);
    }
}
