//! `bellbird-cli` as a script meets it: real processes, files for sound, events for what happened.

mod calls;
mod core;
mod demo;
mod errors;
mod serve;
mod stage;
