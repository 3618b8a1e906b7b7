//! Sound capture and playout, and the devices that stand in for them.
