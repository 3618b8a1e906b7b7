//! The icon in the tray: what it says (pure), and on Linux how it gets there.

#[cfg(target_os = "linux")]
mod drawing;
#[cfg(not(target_os = "linux"))]
mod none;
#[cfg(target_os = "linux")]
mod status_notifier;
mod view;

#[cfg(not(target_os = "linux"))]
pub(crate) use none::Tray;
#[cfg(target_os = "linux")]
pub(crate) use status_notifier::Tray;
pub use view::{Mood, TrayCall, TrayView};
