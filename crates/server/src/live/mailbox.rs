//! What waits for one session until it pulls.

use std::collections::VecDeque;

use bellbird_talk_wire::constants::MAX_QUEUED_MESSAGES;

use super::SessionId;

/// Most bytes kept for one session.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// Most messages of one sender, so that one participant cannot keep the others' messages out.
const MAX_PER_SENDER: usize = 300;

struct Letter {
    from: SessionId,
    text: String,
}

/// A bounded queue, first in, first out. What does not fit is refused: the oldest messages are the ones later ones
/// depend on.
#[derive(Default)]
pub(crate) struct Mailbox {
    letters: VecDeque<Letter>,
    bytes: usize,
}

impl Mailbox {
    /// False when the message did not fit.
    pub(crate) fn push(&mut self, from: &SessionId, text: String) -> bool {
        let of_sender = self.letters.iter().filter(|letter| letter.from == *from).count();
        if self.letters.len() >= MAX_QUEUED_MESSAGES
            || of_sender >= MAX_PER_SENDER
            || self.bytes + text.len() > MAX_BYTES
        {
            return false;
        }
        self.bytes += text.len();
        self.letters.push_back(Letter { from: from.clone(), text });
        true
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.letters.is_empty()
    }

    /// Everything, in order; the queue gives its memory back, since most sessions rest for hours.
    pub(crate) fn take(&mut self) -> Vec<String> {
        self.bytes = 0;
        std::mem::take(&mut self.letters).into_iter().map(|letter| letter.text).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sender_cannot_fill_it() {
        let (noisy, quiet): (SessionId, SessionId) = ("a".into(), "b".into());
        let mut mailbox = Mailbox::default();
        let taken = (0..2000).filter(|n| mailbox.push(&noisy, n.to_string())).count();
        assert_eq!(taken, MAX_PER_SENDER);
        assert!(mailbox.push(&quiet, "hello".into()));
        let all = mailbox.take();
        assert_eq!(all.len(), MAX_PER_SENDER + 1);
        assert_eq!((all[0].as_str(), all[MAX_PER_SENDER].as_str()), ("0", "hello"));
        assert!(mailbox.is_empty() && mailbox.push(&noisy, "again".into()));
    }

    #[test]
    fn bytes_are_bounded() {
        let mut mailbox = Mailbox::default();
        let megabyte = "x".repeat(1 << 20);
        let taken = (0..20).filter(|n| mailbox.push(&format!("s{n}").into(), megabyte.clone())).count();
        assert_eq!(taken, 4);
    }
}
