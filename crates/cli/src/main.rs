//! Bellbird without a window.
fn main() {}
