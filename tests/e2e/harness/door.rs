//! A script's hold on a running core.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bellbird_contract::{AppView, CallView, Command, Reply, Status};
use bellbird_control::{DoorClient, DoorFile};
use tokio::runtime::Runtime;

use super::stage::PATIENCE;

/// The door of one core. Blocking, as the scenarios are.
#[derive(Clone)]
pub(crate) struct Door {
    runtime: Arc<Runtime>,
    client: DoorClient,
    file: DoorFile,
}

impl Door {
    /// Attaches to the core of a data folder, once there is one.
    pub(crate) fn of(data: &Path) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = Arc::new(runtime.expect("an async runtime"));
        let deadline = Instant::now() + PATIENCE;
        loop {
            match (runtime.block_on(DoorClient::connect(data)), DoorFile::read(data)) {
                (Ok(client), Ok(file)) => return Self { runtime, client, file },
                (Err(error), _) if Instant::now() > deadline => panic!("no way into the core: {error}"),
                _ => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }

    /// Where a browser finds it.
    pub(crate) fn file(&self) -> &DoorFile {
        &self.file
    }

    pub(crate) fn try_command(&self, command: Command) -> Result<Reply, bellbird_contract::Problem> {
        self.runtime.block_on(self.client.command(command))
    }

    pub(crate) fn command(&self, command: Command) -> Reply {
        let name = format!("{command:?}");
        self.try_command(command).unwrap_or_else(|problem| panic!("{name}: {problem:?}"))
    }

    pub(crate) fn state(&self) -> AppView {
        self.client.state().borrow().clone()
    }

    /// Waits until the state fits.
    pub(crate) fn wait_until<T>(&self, what: &str, mut pick: impl FnMut(&AppView) -> Option<T>) -> T {
        let mut states = self.client.state();
        self.runtime.block_on(async {
            let found = tokio::time::timeout(PATIENCE, async {
                loop {
                    let found = pick(&states.borrow_and_update());
                    if let Some(found) = found {
                        return Some(found);
                    }
                    if states.changed().await.is_err() {
                        return None;
                    }
                }
            });
            match found.await {
                Ok(Some(found)) => found,
                Ok(None) => panic!("the core went away while we waited for {what}"),
                Err(_) => panic!("waited in vain for {what}; the state is {:#?}", self.state()),
            }
        })
    }

    /// Waits for a call with that status.
    pub(crate) fn call(&self, status: Status) -> CallView {
        self.wait_until(&format!("a call that is {status:?}"), |state| {
            state.calls.iter().find(|call| call.status == status && call.ended.is_none()).cloned()
        })
    }

    /// Waits until no call rings or runs.
    pub(crate) fn no_call(&self) {
        self.wait_until("the end of every call", |state| {
            state.calls.iter().all(|call| call.ended.is_some()).then_some(())
        });
    }
}
