//! Pictures on their way from calls to whoever looks at them. What nobody looks at is not even decoded.
//!
//! ```text
//!  decoder's thread ─▶ Board::put ─▶ newest picture of each viewer ─▶ Viewer::next (scaled, laid out) ─▶ the door
//!                        ▲                                                │
//!  watch::update ◀───────┴── what all viewers show together ◀── Viewer::show
//! ```

mod board;
mod preview;
mod viewer;
mod watch;

pub(crate) use board::{Board, Origin};
pub(crate) use preview::Preview;
pub use viewer::PictureViewer;
