//! Whole calls between two ends in one process, over real sockets, with measured sound.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on ends, and figures are read by people"
)]

mod harness;
mod relay;

mod browser;
mod hostile;
mod links;
mod loss;
mod one_way;
mod privacy;
mod sound;
mod turn;
