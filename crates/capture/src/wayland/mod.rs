//! Screens and windows of a Wayland session: the system's own dialog asks what to share (xdg-desktop-portal's
//! ScreenCast), and PipeWire carries the pictures.
//!
//! ```text
//!  portal (D-Bus): session ─▶ sources ─▶ the person chooses ─▶ node and a connection to PipeWire
//!  PipeWire's thread: newest buffer ─▶ slot ─▶ our thread: same as before? nothing : I420
//! ```
//!
//! PipeWire's library is loaded when a screen is shared and not before, so that programs start without it.

mod library;
mod pod;
mod portal;
mod source;
mod stream;
mod turn;

#[cfg(test)]
mod tests;

pub(crate) use source::PortalSource;
