//! Virtual clock, simulated link, scripted backend, fake engine, tone meter.

pub mod process;
pub mod session_bus;
