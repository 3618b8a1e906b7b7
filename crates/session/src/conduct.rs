//! The call machine and the recovery policy as one: still pure, so that a test can drive it on a virtual clock
//! exactly as the event loop does on a real one.

use std::collections::VecDeque;
use std::time::Instant;

use bellbird_call::ports::{MediaCommand, MediaEvent, Problem, ProblemCode, SignalingCommand};
use bellbird_call::{CallInput, CallMachine, CallOutput, CallView};

use crate::reconnect::{ReconnectPolicy, Recovery, Remedy};

/// A call with its recovery. Handled like a [`CallMachine`]: one input, then outputs until drained.
#[derive(Debug)]
pub struct Conductor {
    machine: CallMachine,
    recovery: Recovery,
    outputs: VecDeque<CallOutput>,
}

impl Conductor {
    /// Joins a machine and a policy.
    pub fn new(machine: CallMachine, policy: ReconnectPolicy) -> Self {
        Self { machine, recovery: Recovery::new(policy), outputs: VecDeque::new() }
    }

    /// Takes one input.
    pub fn handle(&mut self, input: CallInput, now: Instant) {
        self.recovery.observe_input(&input, now);
        self.machine.handle(input, now);
        self.drain_machine(now);
        while let Some(remedy) = self.recovery.poll(now) {
            match remedy {
                Remedy::Restart(link) => {
                    self.outputs.push_back(CallOutput::Media(MediaCommand::RestartIce(link)));
                }
                Remedy::Renew(link) => {
                    self.outputs.push_back(CallOutput::Signaling(SignalingCommand::RenewLink(link)));
                }
                Remedy::GiveUp(link) => {
                    let problem = Problem::new(ProblemCode::NoMediaPath, "no path for media could be found");
                    self.machine.handle(CallInput::Media(MediaEvent::LinkFailed { link, problem }), now);
                    self.drain_machine(now);
                }
            }
        }
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<CallOutput> {
        self.outputs.pop_front()
    }

    /// When to give [`CallInput::Timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        let recovery = if self.machine.is_over() { None } else { self.recovery.poll_timeout() };
        [self.machine.poll_timeout(), recovery].into_iter().flatten().min()
    }

    /// The whole call as it stands.
    pub fn view(&self, now: Instant) -> CallView {
        self.machine.view(now)
    }

    /// Whether nothing more will come of it.
    pub fn is_over(&self) -> bool {
        self.machine.is_over()
    }

    /// The machine, to look at.
    pub fn machine(&self) -> &CallMachine {
        &self.machine
    }

    fn drain_machine(&mut self, now: Instant) {
        while let Some(output) = self.machine.poll_output() {
            self.recovery.observe_output(&output, now);
            self.outputs.push_back(output);
        }
    }
}
