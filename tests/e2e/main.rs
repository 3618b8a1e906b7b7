//! The whole product as a person meets it: real core, real window, real browser, sound in and sound out.
//!
//! Needs the programs to be built (`cargo xtask test` does) and the packages of the `test` list in `xtask/packages`.
//! One scenario plays at a time. When one fails, its screen and logs are kept in `target/<profile>/e2e/<name>`.
#![cfg(target_os = "linux")]

mod commands;
mod crashes;
mod far_end;
mod guests;
mod harness;
mod incoming;
mod onboarding;
mod pictures;
mod remote_join;
mod same_ui_in_a_browser;
mod sdk_page;
mod several;
mod two_people;
