//! What scenarios are played with: real programs, a screen, a session bus, a sound server, browsers.
#![allow(dead_code, reason = "shared by tests/e2e and tests/bench, each of which uses a part")]

pub(crate) mod display;
pub(crate) mod door;
pub(crate) mod household;
pub(crate) mod http;
pub(crate) mod likeness;
pub(crate) mod pair;
pub(crate) mod process_list;
pub(crate) mod sound;
pub(crate) mod stage;
pub(crate) mod web_driver;
pub(crate) mod web_server;
