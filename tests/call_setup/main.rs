//! Whole calls between two and more ends on a virtual clock, over a network that is late, loses, doubles and
//! disorders. The seed is printed; `BELLBIRD_SEED` repeats or varies a run.

mod groups;
mod one_to_one;
mod pictures;
mod trouble;
mod world;
