//! The Talk backend against the real embedded server, over real sockets. Media are hand-written text: this crate only
//! carries them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod calls;
mod entrances;
mod foreign;
mod gestures;
mod hostile;
mod login_flow;
mod older_server;
mod outage;
mod pictures;
mod refusals;
mod sign_in;
mod stage;
mod statuses;
mod steering;
mod watching;
