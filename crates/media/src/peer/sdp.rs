//! Session descriptions as lines (RFC 8866): enough to read a peer's and to change ours.

use bellbird_call::ports::{Problem, ProblemCode};

/// The longest description read, bytes. Browsers with every codec and ten media sections stay below 40 KiB.
const MAX_BYTES: usize = 128 * 1024;
/// The most media sections read. A conversation needs three.
const MAX_SECTIONS: usize = 16;
/// The most lines read.
const MAX_LINES: usize = 4096;
/// The longest line read, bytes.
const MAX_LINE: usize = 8 * 1024;

/// A description cut into lines: those of the session, and one list per media section, its `m=` line first.
#[derive(Debug, Default)]
pub(super) struct Lines<'a> {
    pub(super) session: Vec<&'a str>,
    pub(super) media: Vec<Vec<&'a str>>,
}

impl<'a> Lines<'a> {
    /// Cuts `text` up. The lines borrow from it.
    ///
    /// # Errors
    /// `bad-description` when it is too long, is not made of `x=…` lines, or does not begin with `v=0`.
    pub(super) fn cut(text: &'a str) -> Result<Self, Problem> {
        if text.len() > MAX_BYTES {
            return Err(bad("the description is too long"));
        }
        let mut lines = Self::default();
        let mut count = 0;
        for line in text.split('\n') {
            let line = line.strip_suffix('\r').unwrap_or(line);
            if line.is_empty() {
                continue;
            }
            count += 1;
            if count > MAX_LINES || line.len() > MAX_LINE {
                return Err(bad("the description has too many lines, or too long ones"));
            }
            let mut start = line.bytes();
            let well_formed = start.next().is_some_and(|kind| kind.is_ascii_lowercase())
                && start.next() == Some(b'=')
                && !line.chars().any(|c| c.is_control() && c != '\t');
            if !well_formed {
                return Err(bad("the description has a line that is not one"));
            }
            if count == 1 && line != "v=0" {
                return Err(bad("the description does not begin with its version"));
            }
            if line.starts_with("m=") {
                if lines.media.len() == MAX_SECTIONS {
                    return Err(bad("the description has too many media sections"));
                }
                lines.media.push(vec![line]);
            } else {
                match lines.media.last_mut() {
                    Some(section) => section.push(line),
                    None => lines.session.push(line),
                }
            }
        }
        if count == 0 {
            return Err(bad("the description is empty"));
        }
        Ok(lines)
    }
}

/// The value of the first `a=name:value` line.
pub(super) fn attribute<'a>(lines: &[&'a str], name: &str) -> Option<&'a str> {
    attributes(lines, name).next()
}

/// The values of all `a=name:value` lines.
pub(super) fn attributes<'a: 'b, 'b>(
    lines: &'b [&'a str],
    name: &'b str,
) -> impl Iterator<Item = &'a str> + 'b {
    lines.iter().filter_map(move |line| line.strip_prefix("a=")?.strip_prefix(name)?.strip_prefix(':'))
}

/// Whether there is a line `a=name`.
pub(super) fn has_flag(lines: &[&str], name: &str) -> bool {
    lines.iter().any(|line| line.strip_prefix("a=") == Some(name))
}

/// A description that cannot be used, and why.
pub(super) fn bad(detail: &str) -> Problem {
    Problem::new(ProblemCode::BadDescription, detail)
}

/// Which ways one media section flows, seen from whoever wrote it (RFC 8866 section 6.7).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Flow {
    pub(super) send: bool,
    pub(super) receive: bool,
}

impl Flow {
    pub(super) const NONE: Self = Self { send: false, receive: false };

    /// What the section says; both ways when it says nothing.
    pub(super) fn of(section: &[&str], session: &[&str]) -> Self {
        [section, session].into_iter().find_map(Self::named_in).unwrap_or(Self { send: true, receive: true })
    }

    fn named_in(lines: &[&str]) -> Option<Self> {
        lines.iter().find_map(|line| match *line {
            "a=sendrecv" => Some(Self { send: true, receive: true }),
            "a=sendonly" => Some(Self { send: true, receive: false }),
            "a=recvonly" => Some(Self { send: false, receive: true }),
            "a=inactive" => Some(Self::NONE),
            _ => None,
        })
    }

    /// What we may do in answer to an offer that says `self`, wanting `ours` (RFC 3264 section 6.1).
    pub(super) fn answered_with(self, ours: Self) -> Self {
        Self { send: ours.send && self.receive, receive: ours.receive && self.send }
    }

    /// The same flow seen from the other side.
    pub(super) fn mirrored(self) -> Self {
        Self { send: self.receive, receive: self.send }
    }

    /// The attribute's name.
    pub(super) fn name(self) -> &'static str {
        match (self.send, self.receive) {
            (true, true) => "sendrecv",
            (true, false) => "sendonly",
            (false, true) => "recvonly",
            (false, false) => "inactive",
        }
    }
}

/// Whether a line is one of the four direction attributes.
pub(super) fn is_direction(line: &str) -> bool {
    matches!(line, "a=sendrecv" | "a=sendonly" | "a=recvonly" | "a=inactive")
}
