//! How much is sent, when, and what is given up for it. Pure: nothing here reads a clock.

pub(super) mod congestion;
pub(super) mod ladder;
pub(super) mod pacer;
pub(super) mod share;
pub(super) mod tier;
