//! A signaling backend that answers by script: for tests of what stands before the port.

use std::sync::{Arc, Mutex, PoisonError};

use bellbird_call::ports::{SignalingBackend, SignalingCommand, SignalingEvent, SignalingSink};

/// What to answer to a command.
pub type Script = Box<dyn FnMut(&SignalingCommand) -> Vec<SignalingEvent> + Send>;

/// The backend.
pub struct ScriptedBackend {
    sink: SignalingSink,
    script: Script,
    commands: Arc<Mutex<Vec<SignalingCommand>>>,
}

/// A test's hold on a [`ScriptedBackend`].
#[derive(Clone)]
pub struct BackendProbe {
    sink: SignalingSink,
    commands: Arc<Mutex<Vec<SignalingCommand>>>,
}

impl ScriptedBackend {
    /// A backend that answers by `script`, and the test's hold on it.
    pub fn new(
        sink: SignalingSink,
        script: impl FnMut(&SignalingCommand) -> Vec<SignalingEvent> + Send + 'static,
    ) -> (Self, BackendProbe) {
        let commands = Arc::new(Mutex::new(Vec::new()));
        let probe = BackendProbe { sink: sink.clone(), commands: commands.clone() };
        (Self { sink, script: Box::new(script), commands }, probe)
    }
}

impl std::fmt::Debug for ScriptedBackend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ScriptedBackend")
    }
}

impl std::fmt::Debug for BackendProbe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BackendProbe")
    }
}

impl SignalingBackend for ScriptedBackend {
    fn send(&mut self, command: SignalingCommand) {
        let answers = (self.script)(&command);
        self.commands.lock().unwrap_or_else(PoisonError::into_inner).push(command);
        answers.into_iter().for_each(|event| (self.sink)(event));
    }
}

impl BackendProbe {
    /// Lets the service tell something unasked.
    pub fn say(&self, event: SignalingEvent) {
        (self.sink)(event);
    }

    /// Everything it was asked so far.
    pub fn commands(&self) -> Vec<SignalingCommand> {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
