//! Whole calls between two ends in one process, over real sockets, with measured sound.

mod harness;
mod relay;

mod browser;
mod hostile;
mod links;
mod loss;
mod privacy;
mod sound;
