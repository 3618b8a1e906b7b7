//! The Talk backend against a signaling server written here, over real sockets: it says what the tests want, right or
//! wrong. Media are hand-written text: this crate only carries them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod entering;
mod hostile;
mod links;
mod nextcloud;
mod outages;
mod pictures;
mod script;
