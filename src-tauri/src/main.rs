//! `bellbird`: the window. See the library for what it does.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

use std::process::ExitCode;

fn main() -> ExitCode {
    bellbird_window::run()
}
