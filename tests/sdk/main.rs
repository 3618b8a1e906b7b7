//! The call SDK as other people's programs have it: the packed npm package in Node, and the examples of the
//! documentation, against real cores that call each other through a real server.
//!
//! Needs Node, npm and the UI's packages (`cargo xtask setup` sees to them), and `bellbird-cli` to be built.
#![cfg(unix)]

mod examples;
mod node;
mod world;
