//! The door as other programs meet it: tokens of their own, the web API, limits, the audit, the switch.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in what its cases share too")]

mod audit;
mod conversations;
mod core;
mod flood;
mod http;
mod web_api;
