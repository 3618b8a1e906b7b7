//! Calls through real signaling servers (HPB 1.2 and 2.0) with a real Janus and coturn, as a larger team has them.
//!
//! Needs `cargo xtask setup test`, which unpacks them, and the built command line. One scenario plays at a time.
#![cfg(target_os = "linux")]

mod dialogue;
mod encrypted;
mod group;
mod moving;
mod nextcloud;
mod pictures;
mod readme;
mod relayed;
mod rights;
mod sdk;
mod sdk_program;
mod sdk_troubles;
#[allow(dead_code, reason = "tests/bench uses more of it")]
mod seat;
mod starter;
#[allow(dead_code, reason = "tests/bench uses more of it")]
mod team;

#[path = "../e2e/harness/mod.rs"]
mod harness;
