//! The tray icon, drawn rather than loaded: a bell in the colour of the mood, sharp at any size.

use ksni::Icon;

use crate::tray::Mood;

/// Sizes handed out, in pixels: one for plain and one for dense screens.
const SIZES: [i32; 2] = [22, 44];

/// Sample points per pixel and direction, for smooth edges.
const SAMPLES: i32 = 4;

/// The icon of a mood in every size, ARGB32 in network byte order as the StatusNotifierItem specification wants it.
pub(crate) fn icons(mood: Mood) -> Vec<Icon> {
    let [red, green, blue] = match mood {
        Mood::Offline => [0x8a, 0x8f, 0x98],
        Mood::Online => [0x2f, 0x9e, 0x6e],
        Mood::InCall => [0x2f, 0x7d, 0xd1],
        Mood::Ringing => [0xe0, 0x8a, 0x1e],
    };
    SIZES
        .iter()
        .map(|&size| {
            let mut data = Vec::with_capacity((size * size * 4) as usize);
            for y in 0..size {
                for x in 0..size {
                    data.extend([coverage(x, y, size), red, green, blue]);
                }
            }
            Icon { width: size, height: size, data }
        })
        .collect()
}

/// How much of a pixel lies inside the bell, 0 to 255.
fn coverage(x: i32, y: i32, size: i32) -> u8 {
    let at = |pixel: i32, sample: i32| {
        let fraction = (sample as f32 + 0.5) / SAMPLES as f32;
        (pixel as f32 + fraction) / size as f32 * 2.0 - 1.0
    };
    let hits = (0..SAMPLES * SAMPLES).filter(|i| inside_bell(at(x, i % SAMPLES), at(y, i / SAMPLES))).count();
    (hits * 255 / (SAMPLES * SAMPLES) as usize) as u8
}

/// Whether a point of the square from -1 to 1 (y downwards) lies in the bell.
fn inside_bell(x: f32, y: f32) -> bool {
    let in_circle = |cx: f32, cy: f32, radius: f32| (x - cx).powi(2) + (y - cy).powi(2) <= radius * radius;
    let knob = in_circle(0.0, -0.78, 0.14);
    let dome = y <= -0.1 && in_circle(0.0, -0.1, 0.58);
    let flare = ((y + 0.1) / 0.6).clamp(0.0, 1.0).powi(2);
    let body = (-0.1..=0.5).contains(&y) && x.abs() <= 0.58 + 0.28 * flare;
    let clapper = y > 0.58 && in_circle(0.0, 0.58, 0.26);
    knob || dome || body || clapper
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_is_whole_and_has_a_bell_on_a_clear_ground() {
        for mood in [Mood::Offline, Mood::Online, Mood::InCall, Mood::Ringing] {
            for icon in icons(mood) {
                assert_eq!(icon.data.len(), (icon.width * icon.height * 4) as usize);
                let alpha = |x: i32, y: i32| icon.data[((y * icon.width + x) * 4) as usize];
                assert_eq!(alpha(0, 0), 0, "corner");
                assert_eq!(alpha(icon.width / 2, icon.height / 2), 255, "middle");
                let edges =
                    (0..icon.width).filter(|&x| (1..255).contains(&alpha(x, icon.height / 3))).count();
                assert!(edges >= 1, "smooth edges");
            }
        }
    }
}
