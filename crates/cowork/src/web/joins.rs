//! One join after the other for each user: two at once would each find that there is no call yet, and both make one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;

use crate::{Reason, Refusal};

/// As long as one order may take.
const PATIENCE: Duration = Duration::from_secs(10);

type Gate = Arc<tokio::sync::Mutex<()>>;

/// Whose joins are under way.
#[derive(Clone, Default)]
pub(super) struct Joins {
    gates: Arc<Mutex<HashMap<String, Gate>>>,
}

/// A user's turn; dropping it lets the next one in.
pub(super) struct Turn {
    joins: Joins,
    key: String,
    held: Option<OwnedMutexGuard<()>>,
}

impl Joins {
    fn gates(&self) -> MutexGuard<'_, HashMap<String, Gate>> {
        self.gates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until no other join of this user is under way.
    ///
    /// # Errors
    /// 409 when that takes too long.
    pub(super) async fn turn(&self, key: &str) -> Result<Turn, Refusal> {
        let gate = self.gates().entry(key.to_owned()).or_default().clone();
        let held = tokio::time::timeout(PATIENCE, gate.lock_owned())
            .await
            .map_err(|_| Refusal::new(Reason::Conflict, "Another join of the user is under way"))?;
        Ok(Turn { joins: self.clone(), key: key.to_owned(), held: Some(held) })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        drop(self.held.take());
        let mut gates = self.joins.gates();
        // Whoever waits holds the gate too.
        if gates.get(&self.key).is_some_and(|gate| Arc::strong_count(gate) == 1) {
            gates.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn turns_are_taken_one_after_the_other_and_leave_nothing() {
        let joins = Joins::default();
        let first = joins.turn("ann").await.unwrap();
        let other = joins.turn("bob").await.unwrap();
        let (joins_too, order) = (joins.clone(), Arc::new(Mutex::new(Vec::new())));
        let seen = order.clone();
        let second = tokio::spawn(async move {
            let turn = joins_too.turn("ann").await.unwrap();
            seen.lock().unwrap().push("second");
            drop(turn);
        });
        tokio::task::yield_now().await;
        order.lock().unwrap().push("first");
        drop((first, other));
        second.await.unwrap();
        assert_eq!(*order.lock().unwrap(), ["first", "second"]);
        assert!(joins.gates().is_empty());
    }
}
