//! What people show each other in a call beside sound and pictures, and what a conversation lets us do in it.

use std::fmt;
use std::sync::Arc;

/// Most reactions a conversation offers; a service could name any number.
pub const MAX_REACTIONS: usize = 64;

/// An emoji shown for a moment. Never letters: nobody can write others a message that looks like ours.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reaction(Arc<str>);

impl Reaction {
    /// Most bytes of UTF-8: the longest emoji sequences (a family with skin tones) take some 40.
    pub const MAX_BYTES: usize = 64;

    /// `None` for what is no emoji: empty, too long, or with letters, spaces or characters that steer text.
    pub fn new(text: &str) -> Option<Self> {
        let fits = !text.is_empty() && text.len() <= Self::MAX_BYTES && !text.is_ascii();
        (fits && text.chars().all(is_part)).then(|| Self(Arc::from(text)))
    }

    /// The emoji.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Reaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Reaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reaction({})", self.0)
    }
}

/// Whether a character can be part of an emoji. Digits, `#` and `*` begin keycaps.
fn is_part(c: char) -> bool {
    match c {
        '0'..='9' | '#' | '*' | '\u{200d}' | '\u{1f000}'..='\u{1ffff}' | '\u{e0020}'..='\u{e007f}' => true,
        // Directions and other invisible characters.
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => false,
        _ => !c.is_ascii() && !c.is_alphanumeric() && !c.is_control() && !c.is_whitespace(),
    }
}

/// What a conversation is, and what it lets us do in its call. Only the service can say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoomFacts {
    /// We may ask others to mute, and end the call for all.
    pub moderator: bool,
    /// We may add people.
    pub may_add: bool,
    /// Whoever has its link may enter.
    pub open_by_link: bool,
    /// Everyone sends to everyone, without a media server between: fit for a few.
    pub mesh: bool,
    /// We may show our camera. Can be taken, or given, while the call runs.
    pub may_publish_video: bool,
    /// We may share a screen. Likewise.
    pub may_share_screen: bool,
    /// The call is recorded, or is about to be. Begins and ends while the call runs.
    pub recorded: bool,
    /// What can be shown as a reaction; empty where the service knows none.
    pub reactions: Vec<Reaction>,
}

/// What is assumed before the service says anything: no powers over others, and nothing forbidden.
impl Default for RoomFacts {
    fn default() -> Self {
        Self {
            moderator: false,
            may_add: false,
            open_by_link: false,
            mesh: false,
            may_publish_video: true,
            may_share_screen: true,
            recorded: false,
            reactions: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_emojis_are_reactions() {
        for good in ["👍", "❤️", "🏳️‍🌈", "1️⃣", "🇩🇪", "👨‍👩‍👧‍👦", "☕", "🅰️"]
        {
            assert_eq!(Reaction::new(good).unwrap().as_str(), good);
        }
        let long = "👍".repeat(17);
        for bad in ["", "1", "ok", "👍 👍", "👍\n", "\u{202e}👍", "да", "你好", "a👍", "\u{200b}", &long]
        {
            assert!(Reaction::new(bad).is_none(), "{bad:?}");
        }
    }
}
