//! The camera's picture outside of a call.

use std::sync::Arc;

use crate::app::Inner;

/// The camera while it is looked at outside of a call.
#[derive(Default)]
pub(crate) struct Preview;

impl Preview {
    pub(super) fn update(self: &Arc<Self>, _app: &Arc<Inner>, _shown: bool) {}

    /// Takes the chosen camera anew.
    pub(crate) fn reopen(self: &Arc<Self>, _app: &Arc<Inner>) {}

    /// Closes the camera before a call opens it.
    pub(crate) fn give_way(&self) {}
}
