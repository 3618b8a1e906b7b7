//! A small fuzzer for ordinary tests: changes known inputs by seeded chance and feeds them to a body that must not
//! panic. It needs no special compiler; the coverage-guided targets in `fuzz/` call the same bodies.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::random::{self, Random};

/// The longest input made. Bodies see real messages of some kilobytes; longer ones find little more and take time.
const MAX_INPUT: usize = 64 * 1024;

/// Feeds `body` each entry of `corpus` as it is, then `inputs` mutations. Prints the seed; on a panic also the input,
/// then lets the panic go on.
///
/// # Panics
/// When the body does, or when the corpus is empty.
pub fn drive(subject: &str, corpus: &[&[u8]], inputs: usize, body: impl Fn(&[u8])) {
    assert!(!corpus.is_empty(), "{subject}: nothing to start from");
    let seed = random::seed(subject, 0xbe11_b12d);
    let mut mutator = Mutator::new(corpus, seed);
    for entry in corpus {
        run(subject, entry, &body);
    }
    for _ in 0..inputs {
        let input = mutator.next_input();
        run(subject, &input, &body);
    }
}

fn run(subject: &str, input: &[u8], body: impl Fn(&[u8])) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| body(input))) {
        let shown: String =
            input.iter().take(4096).flat_map(|byte| byte.escape_ascii()).map(char::from).collect();
        eprintln!("{subject}: panicked on {} bytes: {shown}", input.len());
        resume_unwind(panic);
    }
}

/// Makes inputs out of a corpus.
#[derive(Debug)]
pub struct Mutator<'a> {
    corpus: &'a [&'a [u8]],
    random: Random,
}

/// Numbers at which arithmetic breaks, in the widths that wire formats use.
const EDGES: [u64; 12] =
    [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, u64::MAX];

/// Pieces of text that parsers stumble over.
const WORDS: [&str; 16] = [
    "\"",
    "{",
    "[",
    "}",
    "]",
    "\\u0000",
    "\\ud800",
    "null",
    "-1",
    "1e999",
    "\r\n",
    "a=",
    "m=audio 9 ",
    ":",
    "\u{fffd}",
    "99999999999999999999",
];

impl<'a> Mutator<'a> {
    /// The same corpus and seed give the same inputs.
    pub fn new(corpus: &'a [&'a [u8]], seed: u64) -> Self {
        Self { corpus, random: Random::new(seed) }
    }

    /// The next input: an entry changed one to eight times.
    pub fn next_input(&mut self) -> Vec<u8> {
        let mut input = self.random.pick(self.corpus).copied().unwrap_or_default().to_vec();
        for _ in 0..=self.random.below(8) {
            self.change(&mut input);
        }
        input.truncate(MAX_INPUT);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.random.below(input.len() + 1);
        let length = self.random.below(input.len() - at + 1).min(1 << self.random.below(10));
        match self.random.below(10) {
            0 => {
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << self.random.below(8);
                }
            }
            1 => {
                if let Some(byte) = input.get_mut(at) {
                    *byte = self.random.number() as u8;
                }
            }
            2 => input.truncate(at),
            3 => {
                input.drain(at..at + length);
            }
            4 => {
                let piece = input[at..at + length].to_vec();
                self.insert(input, &piece);
            }
            5 => {
                let edge = EDGES[self.random.below(EDGES.len())];
                let width = 1 << self.random.below(4);
                let bytes = if self.random.chance(0.5) {
                    edge.to_be_bytes()
                } else {
                    edge.swap_bytes().to_be_bytes()
                };
                let bytes = if self.random.chance(0.5) { &bytes[8 - width..] } else { &bytes[..width] };
                for (target, byte) in input[at..].iter_mut().zip(bytes) {
                    *target = *byte;
                }
            }
            6 => {
                let word = WORDS[self.random.below(WORDS.len())];
                self.insert(input, word.as_bytes());
            }
            7 => {
                // The head of one and the tail of another.
                let other = self.random.pick(self.corpus).copied().unwrap_or_default();
                let from = self.random.below(other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            8 => {
                let digits: Vec<usize> =
                    input.iter().enumerate().filter(|(_, b)| b.is_ascii_digit()).map(|(at, _)| at).collect();
                if let Some(at) = self.random.pick(&digits).copied() {
                    input[at] = b'0' + self.random.below(10) as u8;
                }
            }
            _ => {
                let piece = input[at..at + length].to_vec();
                for _ in 0..self.random.below(64) {
                    if input.len() < MAX_INPUT {
                        self.insert(input, &piece);
                    }
                }
            }
        }
    }

    fn insert(&mut self, input: &mut Vec<u8>, piece: &[u8]) {
        let at = self.random.below(input.len() + 1);
        input.splice(at..at, piece.iter().copied());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn inputs_differ_and_repeat_with_the_seed() {
        let corpus: [&[u8]; 2] = [b"{\"type\":\"offer\",\"n\":12}", b"v=0\r\nm=audio 9 RTP/AVP 111\r\n"];
        let inputs = |seed| -> Vec<Vec<u8>> {
            let mut mutator = Mutator::new(&corpus, seed);
            (0..500).map(|_| mutator.next_input()).collect()
        };
        assert_eq!(inputs(1), inputs(1));
        let distinct: HashSet<_> = inputs(1).into_iter().collect();
        assert!(distinct.len() > 400, "{} distinct of 500", distinct.len());
    }

    #[test]
    fn a_body_that_breaks_on_a_rare_input_is_found_out() {
        let body = |input: &[u8]| assert!(!input.starts_with(b"{{"), "two braces");
        assert!(catch_unwind(|| drive("rare", &[b"{\"a\":1}"], 20_000, body)).is_err());
    }
}
