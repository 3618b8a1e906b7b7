//! How many streams may come in on a link.
//!
//! The library remembers something of every stream that a datagram names, before it knows whether the datagram is the
//! peer's, and never forgets it. So new names are let through only now and then.
//!
//! Pure, told the time.

use std::collections::HashSet;
use std::time::Instant;

/// How many streams may begin at once: sound and pictures of a browser, with repetitions and reports, are a dozen.
const BURST: f64 = 64.0;
/// How many may begin for each second after that. A media server that switches between people begins fewer.
const PER_SECOND: f64 = 1.0;
/// How many there may ever be.
const MOST: usize = 16_384;

/// The streams of one link.
#[derive(Debug)]
pub(super) struct Sources {
    /// With whether it is named by RTCP: the library keeps both apart.
    known: HashSet<(bool, u32)>,
    allowance: f64,
    counted: Option<Instant>,
}

impl Default for Sources {
    fn default() -> Self {
        Self { known: HashSet::new(), allowance: BURST, counted: None }
    }
}

impl Sources {
    /// Whether a datagram may go on to the library. Those that are neither RTP nor RTCP (RFC 7983) always may.
    pub(super) fn admits(&mut self, now: Instant, datagram: &[u8]) -> bool {
        let [first, second, ..] = datagram else { return true };
        if !(128..192).contains(first) {
            return true;
        }
        let is_rtcp = (192..224).contains(second);
        // RFC 3550 sections 5.1 and 6.4.
        let at = if is_rtcp { 4 } else { 8 };
        let Some(Ok(ssrc)) = datagram.get(at..at + 4).map(<[u8; 4]>::try_from) else { return false };
        let stream = (is_rtcp, u32::from_be_bytes(ssrc));
        if self.known.contains(&stream) {
            return true;
        }
        let since = self.counted.map_or(0.0, |at| now.saturating_duration_since(at).as_secs_f64());
        self.counted = Some(now);
        self.allowance = (self.allowance + since * PER_SECOND).min(BURST);
        if self.allowance < 1.0 || self.known.len() == MOST {
            return false;
        }
        self.allowance -= 1.0;
        self.known.insert(stream)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn rtp(ssrc: u32) -> Vec<u8> {
        [&[0x80, 96, 0, 1, 0, 0, 0, 0], &ssrc.to_be_bytes()[..], &[1, 2, 3]].concat()
    }

    fn rtcp(ssrc: u32) -> Vec<u8> {
        [&[0x80, 200, 0, 1], &ssrc.to_be_bytes()[..]].concat()
    }

    #[test]
    fn streams_are_known_once_they_began() {
        let now = Instant::now();
        let mut sources = Sources::default();
        for ssrc in 0..32 {
            assert!(sources.admits(now, &rtp(ssrc)) && sources.admits(now, &rtcp(ssrc)));
        }
        for _ in 0..1000 {
            assert!(sources.admits(now, &rtp(7)) && sources.admits(now, &rtcp(7)));
        }
    }

    #[test]
    fn a_flood_of_names_is_let_through_in_drops_and_hurts_no_stream_that_is_known() {
        let start = Instant::now();
        let mut sources = Sources::default();
        sources.admits(start, &rtp(u32::MAX));
        let admitted = (0..100_000u32)
            .filter(|ssrc| {
                let now = start + Duration::from_millis(u64::from(*ssrc));
                sources.admits(now, &rtp(*ssrc))
            })
            .count();
        assert!((160..=165).contains(&admitted), "{admitted}");
        assert!(sources.admits(start + Duration::from_secs(100), &rtp(u32::MAX)));
    }

    #[test]
    fn everything_else_passes_but_what_is_cut_short() {
        let now = Instant::now();
        let mut sources = Sources::default();
        for datagram in [&[][..], &[22], &[22, 254, 255], &[0, 1, 2], &[64, 0], &[255; 20]] {
            assert!(sources.admits(now, datagram), "{datagram:?}");
        }
        for datagram in [&[128, 96][..], &[128, 96, 0, 1, 0, 0, 0, 0, 1, 2, 3], &[128, 200, 0, 1, 2]] {
            assert!(!sources.admits(now, datagram), "{datagram:?}");
        }
    }
}
