//! `bellbird-cli` as a script meets it: real processes, files for sound, events for what happened.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in what its cases share too")]

mod calls;
mod core;
mod demo;
mod described;
mod errors;
mod groups;
mod joining;
mod pictures;
mod programs;
mod proxy;
mod remote_join;
mod sdk;
mod serve;
mod stage;
