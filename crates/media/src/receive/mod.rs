//! From a peer's packets to 10 ms frames.
//!
//! ```text
//!  insert ─▶ sequence ─▶ storage ─┐                         ┌─▶ adjust (drop or repeat 10 ms) ─▶ pull
//!            (unwrap,             ├─▶ Receiver: decode,  ───┘      the place of a time stretcher
//!             restart)            │   recover or conceal
//!            policy (target delay)┘
//! ```
//!
//! [`storage`] keeps packets and refuses what it must, [`sequence`] turns wrapping counters into running ones and
//! notices a stream that began anew, [`policy`] alone decides *when*: how much delay to keep, when to begin, when to
//! mend the delay. [`receiver`] does what they say with the decoder. All of it is told the time and bounded.

pub(crate) mod adjust;
pub(crate) mod decoder;
pub(crate) mod operations;
pub(crate) mod policy;
pub(crate) mod receiver;
pub(crate) mod sequence;
pub(crate) mod storage;

pub(crate) use decoder::OpusDecoder;
pub(crate) use receiver::{Pulled, Receiver};
