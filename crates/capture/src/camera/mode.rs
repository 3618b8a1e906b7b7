//! Which of a camera's modes is the right one.

use crate::CaptureFormat;

/// How a camera delivers its pixels; the ones that we read, the dearest to read last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum CameraPixels {
    I420,
    Nv12,
    Yuyv,
    Jpeg,
}

impl CameraPixels {
    pub(crate) const ALL: [Self; 4] = [Self::I420, Self::Nv12, Self::Yuyv, Self::Jpeg];

    /// What reading costs, as a share of the whole picture's worth.
    fn cost(self) -> f64 {
        match self {
            Self::I420 | Self::Nv12 => 0.0,
            Self::Yuyv => 0.01,
            Self::Jpeg => 0.03,
        }
    }
}

/// One thing a camera can do.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Mode {
    pub(crate) pixels: CameraPixels,
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Pictures a second.
    pub(crate) fps: f64,
}

/// The mode that comes nearest to what is asked. Too few pictures a second are worse than a picture too small, which is
/// worse than one too large; USB cameras have their larger sizes uncompressed at a few pictures a second only.
pub(crate) fn nearest(modes: impl IntoIterator<Item = Mode>, wanted: CaptureFormat) -> Option<Mode> {
    modes
        .into_iter()
        .filter(|mode| mode.width >= 2 && mode.height >= 2 && mode.fps.is_finite() && mode.fps > 0.0)
        .min_by(|a, b| cost(*a, wanted).total_cmp(&cost(*b, wanted)))
}

fn cost(mode: Mode, wanted: CaptureFormat) -> f64 {
    let fps = f64::from(wanted.max_fps.max(1));
    let missing_pictures = ((fps - mode.fps) / fps).max(0.0);
    let spare_pictures = ((mode.fps - fps) / fps).clamp(0.0, 1.0);
    // A mode of another shape is judged by what is left of it within what is asked.
    let scale = (f64::from(wanted.max_width) / f64::from(mode.width))
        .min(f64::from(wanted.max_height) / f64::from(mode.height));
    let shown = scale.min(1.0);
    let area = |width: f64, height: f64| width * height;
    let seen = area(f64::from(mode.width) * shown, f64::from(mode.height) * shown);
    let asked = area(f64::from(wanted.max_width), f64::from(wanted.max_height)).max(1.0);
    let missing_pixels = ((asked - seen) / asked).max(0.0);
    let spare_pixels = (1.0 / shown.max(0.01) - 1.0).min(4.0);
    2.0 * missing_pictures + missing_pixels + 0.1 * spare_pixels + 0.05 * spare_pictures + mode.pixels.cost()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(pixels: CameraPixels, width: u32, height: u32, fps: f64) -> Mode {
        Mode { pixels, width, height, fps }
    }

    const HD: CaptureFormat = CaptureFormat { max_width: 1280, max_height: 720, max_fps: 30 };

    #[test]
    fn a_usual_usb_camera_delivers_jpeg_at_full_rate() {
        use CameraPixels::{Jpeg, Yuyv};
        let modes = [
            mode(Yuyv, 640, 480, 30.0),
            mode(Yuyv, 1280, 720, 10.0),
            mode(Jpeg, 640, 480, 30.0),
            mode(Jpeg, 1280, 720, 30.0),
            mode(Jpeg, 1920, 1080, 30.0),
        ];
        assert_eq!(nearest(modes, HD), Some(modes[3]));
        let small = CaptureFormat { max_width: 640, max_height: 360, max_fps: 30 };
        // Of 640x480 only 480x360 would be left.
        assert_eq!(nearest(modes, small), Some(modes[3]));
        let four_to_three = CaptureFormat { max_width: 640, max_height: 480, max_fps: 30 };
        assert_eq!(nearest(modes, four_to_three), Some(modes[0]));
        let slow = CaptureFormat { max_fps: 10, ..HD };
        assert_eq!(nearest(modes, slow), Some(modes[1]));
    }

    #[test]
    fn too_large_is_better_than_too_small_and_anything_than_nothing() {
        use CameraPixels::{Nv12, Yuyv};
        let modes = [mode(Yuyv, 320, 240, 30.0), mode(Yuyv, 1920, 1080, 30.0)];
        assert_eq!(nearest(modes, HD), Some(modes[1]));
        assert_eq!(nearest([modes[0]], HD), Some(modes[0]));
        assert_eq!(nearest([], HD), None);
        let broken = [mode(Yuyv, 0, 0, 30.0), mode(Yuyv, 640, 480, 0.0), mode(Yuyv, 640, 480, f64::INFINITY)];
        assert_eq!(nearest(broken, HD), None);
        let same = [mode(Yuyv, 1280, 720, 30.0), mode(Nv12, 1280, 720, 30.0)];
        assert_eq!(nearest(same, HD), Some(same[1]));
    }
}
