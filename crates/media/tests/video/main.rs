//! Pictures between ends in one process, over real sockets: what is sent, what arrives, and what must not leave.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on ends, and figures are read by people"
)]

mod gallery;
mod room;
mod wire;

mod cameras;
mod privacy;
mod rough;
mod screens;
