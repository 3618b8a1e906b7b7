//! Which picture may be decoded after which, when packets between them are missing.

use std::collections::VecDeque;

use crate::rtp::{PictureId, PicturePlace};

/// How many decoded pictures are remembered: as far back as VP9 can refer.
const MEMORY: usize = 128;

/// What was decoded.
#[derive(Clone, Debug, Default)]
pub(super) struct Continuity {
    /// The last ones, newest last.
    decoded: VecDeque<PictureId>,
    base_index: Option<u8>,
}

impl Continuity {
    /// A picture was decoded. After a keyframe nothing of before counts.
    pub(super) fn decoded(&mut self, place: &PicturePlace, keyframe: bool) {
        if keyframe {
            self.decoded.clear();
        }
        if let Some(id) = place.picture_id {
            if self.decoded.len() == MEMORY {
                self.decoded.pop_front();
            }
            self.decoded.push_back(id);
        } else {
            self.decoded.clear();
        }
        if place.temporal_layer == 0 || self.base_index.is_none() {
            self.base_index = place.base_index;
        }
    }

    /// Nothing was lost between the last picture and this one, whatever packets are missing.
    pub(super) fn is_next(&self, place: &PicturePlace) -> bool {
        match (self.decoded.back(), place.picture_id) {
            (Some(last), Some(id)) => id.after(*last) == Some(1),
            (Some(_) | None, _) => false,
        }
    }

    /// Everything this picture builds on was decoded, though others may have been lost.
    pub(super) fn can_follow(&self, place: &PicturePlace) -> bool {
        if self.is_next(place) {
            return true;
        }
        if let (Some(references), Some(id)) = (place.builds_on, place.picture_id) {
            return references.count > 0
                && references.distances[..references.count].iter().all(|&distance| {
                    distance > 0
                        && self.decoded.iter().any(|decoded| id.after(*decoded) == Some(distance.into()))
                });
        }
        match (self.base_index, place.base_index) {
            // Layer 0 builds on itself alone.
            (Some(last), Some(index)) if place.temporal_layer == 0 => index == last.wrapping_add(1),
            (Some(last), Some(index)) => place.sync && index == last,
            (Some(_) | None, _) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::References;

    fn place(number: u16) -> PicturePlace {
        let picture_id = Some(PictureId { number, is_long: true });
        PicturePlace { picture_id, predicted: true, ..PicturePlace::default() }
    }

    fn layered(number: u16, base_index: u8, temporal_layer: u8, sync: bool) -> PicturePlace {
        PicturePlace { base_index: Some(base_index), temporal_layer, sync, ..place(number) }
    }

    #[test]
    fn the_next_number_follows_even_over_the_wrap() {
        let mut continuity = Continuity::default();
        assert!(!continuity.can_follow(&place(0)));
        continuity.decoded(&place(0x7fff), true);
        assert!(continuity.is_next(&place(0)));
        assert!(!continuity.can_follow(&place(1)) && !continuity.can_follow(&place(0x7fff)));
        let short = PicturePlace { picture_id: Some(PictureId { number: 0, is_long: false }), ..place(0) };
        assert!(!continuity.can_follow(&short), "another kind of number");
    }

    #[test]
    fn layer_0_follows_layer_0_and_a_sync_picture_its_base() {
        let mut continuity = Continuity::default();
        continuity.decoded(&layered(1, 255, 0, false), true);
        continuity.decoded(&layered(2, 255, 2, false), false);
        // 3 was lost.
        assert!(!continuity.can_follow(&layered(4, 255, 2, false)));
        assert!(continuity.can_follow(&layered(4, 255, 1, true)));
        assert!(continuity.can_follow(&layered(5, 0, 0, false)));
        assert!(!continuity.can_follow(&layered(9, 1, 0, false)), "a base picture was lost");
        assert!(!continuity.can_follow(&layered(6, 0, 1, true)), "its base was lost");
    }

    #[test]
    fn references_by_distance_must_all_be_there() {
        let mut continuity = Continuity::default();
        let with = |number, distances, count| PicturePlace {
            builds_on: Some(References { distances, count }),
            ..place(number)
        };
        continuity.decoded(&place(10), true);
        continuity.decoded(&place(11), false);
        assert!(continuity.can_follow(&with(13, [2, 3, 0], 2)));
        assert!(!continuity.can_follow(&with(13, [1, 2, 0], 2)));
        assert!(!continuity.can_follow(&with(13, [0; 3], 0)), "without a reference it would be a keyframe");
        continuity.decoded(&place(20), true);
        assert!(!continuity.can_follow(&with(22, [2, 11, 0], 2)), "before the keyframe");
    }
}
