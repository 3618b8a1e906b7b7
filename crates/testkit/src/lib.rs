//! What tests are made of: virtual clock, simulated link, scripted backend, fake engine, tone meter, speech match,
//! log watcher, fuzz driver, a machine of its own. A dev-dependency only.

pub mod clock;
pub mod conformance;
pub mod display;
pub mod fake_engine;
pub mod hpb_stack;
pub mod log_watch;
pub mod machine;
pub mod mutate;
pub mod network;
pub mod process;
pub mod pulse;
pub mod random;
pub mod scripted_backend;
pub mod service;
pub mod session_bus;
pub mod speech;
pub mod tone_meter;
pub mod turn_server;
