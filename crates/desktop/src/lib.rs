//! What a running core shows on the desktop without a window of its own: notifications and an icon in the tray.
//!
//! The crate is told the whole state after every change and turns differences into actions; what a person clicks
//! comes back as a [`bellbird_contract::Command`]. It refuses to know calls, sound or accounts beyond what that
//! state says, and it is never needed: with no session bus, no notification daemon or no tray host it says so once
//! in the log and the core goes on.
//!
//! ```text
//!   Event::State ──▶ Notices (pure) ──▶ Show / Withdraw ──▶ notifier (one task per notification) ──▶ daemon
//!        │                                                        └── Answer, Decline, … ──▶ Command
//!        └────────▶ TrayView (pure) ──▶ tray (Linux: StatusNotifierItem over D-Bus) ──────────▶ Command
//! ```
//!
//! Notifications work where notify-rust does (Linux and the BSDs over D-Bus, macOS, Windows); only the D-Bus kind
//! can be withdrawn. The tray exists on Linux; other systems have none yet.
//!
//! ```no_run
//! # async fn example(events: tokio::sync::broadcast::Receiver<bellbird_contract::Event>) {
//! use bellbird_contract::AppView;
//! use bellbird_desktop::{Desktop, DesktopConfig};
//!
//! let commands = std::sync::Arc::new(|command| println!("{command:?}"));
//! let desktop = Desktop::start(DesktopConfig::default(), events, AppView::default(), commands);
//! desktop.stop().await;
//! # }
//! ```

mod browser;
mod desktop;
mod notices;
mod notifier;
mod tray;
mod wording;

pub use browser::open_in_browser;
pub use desktop::{CommandSink, Desktop, DesktopConfig};
pub use notices::{Notice, NoticeChange, NoticeKind, Notices};
pub use tray::{Mood, TrayCall, TrayView};
