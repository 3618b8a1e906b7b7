//! Apps that call each other through a real embedded server, with virtual devices.

mod answering;
mod declining;
mod stage;
