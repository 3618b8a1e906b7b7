//! What the devices of whoever is called said before we knew whose they are: a call rings there while our request to join
//! it is still on its way, and a message can overtake the list that names its sender. Kept with a bound.

use std::collections::VecDeque;

use bellbird_call::ports::SignalingEvent;

/// Most words kept in all, and of one sender: who is called has few devices, and each says two things at most.
const MAX_KEPT: usize = 32;
const MAX_PER_SENDER: usize = 2;

/// Those kept, oldest first.
#[derive(Default)]
pub(super) struct EarlyWords {
    kept: VecDeque<(String, SignalingEvent)>,
}

impl EarlyWords {
    /// Keeps one, or drops it when there are too many.
    pub(super) fn keep(&mut self, from: &str, word: SignalingEvent) {
        let of_sender = self.kept.iter().filter(|(sender, _)| sender == from).count();
        if self.kept.len() < MAX_KEPT && of_sender < MAX_PER_SENDER {
            self.kept.push_back((from.to_owned(), word));
        }
    }

    /// Takes all, in the order they came.
    pub(super) fn take(&mut self) -> VecDeque<(String, SignalingEvent)> {
        std::mem::take(&mut self.kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_out_in_order_and_a_flood_is_cut() {
        let mut words = EarlyWords::default();
        words.keep("b", SignalingEvent::RemoteRinging);
        words.keep("b", SignalingEvent::RemoteDeclined);
        words.keep("b", SignalingEvent::RemoteEngaged);
        let expected = [
            ("b".to_owned(), SignalingEvent::RemoteRinging),
            ("b".to_owned(), SignalingEvent::RemoteDeclined),
        ];
        assert_eq!(words.take(), expected);
        assert!(words.take().is_empty());
        for stranger in 0..1000 {
            words.keep(&stranger.to_string(), SignalingEvent::RemoteRinging);
        }
        assert_eq!(words.take().len(), MAX_KEPT);
    }
}
