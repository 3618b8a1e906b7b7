//! Where the main window was, kept in the data folder from one start to the next.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The smallest the main window gets, logical pixels.
pub(crate) const MIN_SIZE: (f64, f64) = (360.0, 480.0);

/// Its size at the first start, logical pixels.
const FIRST_SIZE: (f64, f64) = (960.0, 640.0);

/// Size and place, logical pixels.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct MainPlace {
    pub(crate) width: f64,
    pub(crate) height: f64,
    /// Upper left corner; `None` lets the system choose.
    #[serde(default)]
    pub(crate) at: Option<(f64, f64)>,
    #[serde(default)]
    pub(crate) maximized: bool,
}

impl Default for MainPlace {
    fn default() -> Self {
        Self { width: FIRST_SIZE.0, height: FIRST_SIZE.1, at: None, maximized: false }
    }
}

/// A screen: corner and size, logical pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

impl MainPlace {
    /// Fits the place to the screens there are now: a window that would lie outside of all of them (a monitor is gone)
    /// is placed by the system, and one that is larger than every screen is made smaller.
    pub(crate) fn fitted(self, screens: &[Screen]) -> Self {
        let widest = screens.iter().map(|screen| screen.width).fold(MIN_SIZE.0, f64::max);
        let highest = screens.iter().map(|screen| screen.height).fold(MIN_SIZE.1, f64::max);
        let sane = |value: f64, least: f64, most: f64| {
            if value.is_finite() { value.clamp(least, most) } else { least }
        };
        let width = sane(self.width, MIN_SIZE.0, widest);
        let height = sane(self.height, MIN_SIZE.1, highest);
        // Enough of its top edge has to be on a screen to be dragged back by.
        let reachable = |(x, y): (f64, f64)| {
            screens.iter().any(|screen| {
                x + width > screen.x + 64.0
                    && x < screen.x + screen.width - 64.0
                    && y >= screen.y
                    && y < screen.y + screen.height - 64.0
            })
        };
        Self { width, height, at: self.at.filter(|&at| reachable(at)), maximized: self.maximized }
    }
}

fn file(data: &Path) -> PathBuf {
    data.join("window.json")
}

/// Reads the place; the first one when there is none or it cannot be read, since a window opens in any case.
pub(crate) fn load(data: &Path) -> MainPlace {
    let read = || -> io::Result<MainPlace> { Ok(serde_json::from_slice(&std::fs::read(file(data))?)?) };
    match read() {
        Ok(place) => place,
        Err(error) if error.kind() == io::ErrorKind::NotFound => MainPlace::default(),
        Err(error) => {
            tracing::warn!(%error, "the window's place could not be read");
            MainPlace::default()
        }
    }
}

/// Writes the place.
///
/// # Errors
/// What the system says.
pub(crate) fn save(data: &Path, place: MainPlace) -> io::Result<()> {
    std::fs::create_dir_all(data)?;
    std::fs::write(file(data), serde_json::to_vec(&place)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCREEN: Screen = Screen { x: 0.0, y: 0.0, width: 1366.0, height: 768.0 };

    #[test]
    fn a_place_survives_being_kept() {
        let data = tempfile::tempdir().unwrap();
        assert_eq!(load(data.path()), MainPlace::default());
        let place = MainPlace { width: 400.0, height: 700.0, at: Some((12.0, 30.0)), maximized: true };
        save(data.path(), place).unwrap();
        assert_eq!(load(data.path()), place);
        std::fs::write(file(data.path()), "{").unwrap();
        assert_eq!(load(data.path()), MainPlace::default());
    }

    #[test]
    fn a_place_on_a_screen_that_is_gone_is_left_to_the_system() {
        let place = MainPlace { width: 400.0, height: 700.0, at: Some((2000.0, 100.0)), maximized: false };
        assert_eq!(place.fitted(&[SCREEN]).at, None);
        let second = Screen { x: 1366.0, ..SCREEN };
        assert_eq!(place.fitted(&[SCREEN, second]).at, Some((2000.0, 100.0)));
    }

    #[test]
    fn a_size_stays_between_the_least_and_the_screen() {
        let tiny = MainPlace { width: 1.0, height: f64::NAN, at: None, maximized: false };
        let fitted = tiny.fitted(&[SCREEN]);
        assert_eq!((fitted.width, fitted.height), MIN_SIZE);
        let huge = MainPlace { width: 9000.0, height: 9000.0, at: None, maximized: false };
        let fitted = huge.fitted(&[SCREEN]);
        assert_eq!((fitted.width, fitted.height), (1366.0, 768.0));
    }
}
