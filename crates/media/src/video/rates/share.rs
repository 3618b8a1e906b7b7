//! How bits are shared out: between a screen and a camera that go to the same person, and between the sizes of one camera.

use bellbird_call::MediaKind;

/// A camera's most in a call of two, bits per second.
pub(in crate::video) const CAMERA_MOST: u64 = 2_000_000;
/// A camera's most where it goes to several people directly: the line out carries it several times.
pub(in crate::video) const CAMERA_MOST_IN_MESH: u64 = 1_500_000;
/// A screen's most.
pub(in crate::video) const SCREEN_MOST: u64 = 2_500_000;
/// What a camera keeps beside a screen: a face at a stamp's size.
const CAMERA_BESIDE_SCREEN: u64 = 150_000;
/// What a screen is left to grow into even while it says little.
const SCREEN_RESERVE: u64 = 400_000;

/// The most of each size of a camera for a media server, highest first (talk-signaling section 6.7).
pub(in crate::video) const LAYER_MOST: [u64; 3] = [900_000, 300_000, 100_000];
/// Below this a size is not worth sending.
const LAYER_LEAST: [u64; 3] = [350_000, 120_000, 0];
/// How much more a size that is off needs to come back on.
const LAYER_RETURN: f64 = 1.25;

/// What a link has to carry so that nothing is held back on it, headers and repetitions included, bits per second.
pub(in crate::video) fn useful(kind: MediaKind, layers: usize) -> u64 {
    let pictures = match kind {
        MediaKind::Audio | MediaKind::Video if layers > 1 => LAYER_MOST.iter().sum(),
        MediaKind::Audio | MediaKind::Video => CAMERA_MOST,
        MediaKind::Screen => SCREEN_MOST,
    };
    pictures * 5 / 4
}

/// What a camera may take of its link's estimate while a screen goes to the same person: both estimates measure the same
/// line, and the screen comes first. `screen_uses` is what the screen really sent of late.
pub(in crate::video) fn camera_beside_screen(camera: u64, screen: u64, screen_uses: u64) -> u64 {
    let wanted = (screen_uses * 3 / 2).clamp(SCREEN_RESERVE, SCREEN_MOST);
    let left = (camera + screen).saturating_sub(wanted);
    camera.min(left.max(CAMERA_BESIDE_SCREEN))
}

/// The rates of the three sizes, highest first; 0 means off. The lower sizes come first: everybody can use them.
pub(in crate::video) fn layers(total: u64, were_on: [bool; 3]) -> [u64; 3] {
    let mut left = total;
    let mut rates = [0; 3];
    for layer in (0..3).rev() {
        let least = if were_on[layer] {
            LAYER_LEAST[layer]
        } else {
            (LAYER_LEAST[layer] as f64 * LAYER_RETURN) as u64
        };
        if left < least || left == 0 {
            break;
        }
        rates[layer] = left.min(LAYER_MOST[layer]);
        left -= rates[layer];
    }
    rates
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_screen_comes_first_and_the_face_stays() {
        assert_eq!(camera_beside_screen(1_000_000, 1_000_000, 1_000_000), 500_000);
        assert_eq!(camera_beside_screen(600_000, 600_000, 2_000_000), CAMERA_BESIDE_SCREEN);
        assert_eq!(
            camera_beside_screen(1_500_000, 2_500_000, 20_000),
            1_500_000,
            "a still screen takes nothing away"
        );
        assert_eq!(
            camera_beside_screen(100_000, 60_000, 60_000),
            100_000,
            "and nothing is given beyond the estimate"
        );
    }

    #[test]
    fn lower_sizes_are_served_first() {
        let on = [true; 3];
        assert_eq!(layers(5_000_000, on), LAYER_MOST);
        assert_eq!(layers(800_000, on), [400_000, 300_000, 100_000]);
        assert_eq!(layers(500_000, on), [0, 300_000, 100_000]);
        assert_eq!(layers(150_000, on), [0, 0, 100_000]);
        assert_eq!(layers(60_000, on), [0, 0, 60_000]);
        assert_eq!(layers(800_000, [false; 3])[0], 0, "what is off needs more to come back");
        assert_eq!(layers(900_000, [false; 3])[0], 500_000);
    }
}
