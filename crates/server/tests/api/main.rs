//! The embedded server's API over real HTTP: every status and the order of refusals (talk-rest.md), signaling, push,
//! registration, and what hostile clients try.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod calls;
mod signaling;
mod support;
