//! .
pub(super) struct Opened;
