//! Apps that call each other through a real embedded server, with virtual devices.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in what its cases share too")]

mod answering;
mod declining;
mod joining;
mod sdk;
mod sdk_program;
mod signing_in;
mod stage;
mod steered;
