//! The embedded server's API over real HTTP: every status and the order of refusals (talk-rest.md), signaling, push,
//! registration, and what hostile clients try.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod accounts;
mod bans;
mod calls;
mod closed_rooms;
mod cowork;
mod durability;
mod fake_hpb;
mod fake_recorder;
mod guest_page;
mod hostile;
mod hpb;
mod listening;
mod login;
mod notifications;
mod open_rooms;
mod order;
mod participants;
mod push;
mod recording;
mod registration;
mod rights;
mod rooms;
mod signaling;
mod steered;
mod support;
