//! Runs one call: the loop, its timers and its recovery policy.
