//! What everybody at one door shares, and the one place that says who may do what.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Instant;

use bellbird_contract::{AppView, Command, Outcome, Problem};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::Core;
use super::allowance::Allowances;
use super::audit::Audit;
use super::gate::{Gate, Way};
use super::token::DoorToken;
use super::visitor::{Errand, Guests, Visitor};
use crate::{PERSON_ALONE, PROGRAMS_OFF, WRONG_TOKEN};

/// Requests to the web API that are being answered at most. Further ones are told to come again.
pub(crate) const MAX_REQUESTS: usize = 48;

pub(crate) struct Shared<C> {
    pub(crate) core: C,
    pub(crate) gate: Gate,
    pub(crate) token: DoorToken,
    pub(crate) version: String,
    pub(crate) stop: CancellationToken,
    pub(crate) audit: Audit,
    pub(crate) allowances: Allowances,
    pub(crate) guests: Arc<Guests>,
    pub(crate) requests: Semaphore,
    /// Pages of the window that are attached.
    pub(crate) windows: Arc<AtomicUsize>,
    pub(crate) conversations: Crowd,
    pub(crate) viewers: Crowd,
}

/// How many have one kind of WebSocket open.
#[derive(Default)]
pub(crate) struct Crowd {
    pub(crate) all: AtomicUsize,
    pub(crate) programs: AtomicUsize,
}

/// Why nobody is let in with a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NoEntry {
    /// It is nobody's.
    WrongToken,
    /// It is a program's, and programs are not let in.
    ProgramsOff,
}

impl NoEntry {
    /// Its name to the visitor and in the audit.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::WrongToken => WRONG_TOKEN,
            Self::ProgramsOff => PROGRAMS_OFF,
        }
    }
}

impl<C: Core> Shared<C> {
    /// Whose token it is.
    pub(crate) fn recognise(&self, token: &str, way: Way, says_window: bool) -> Result<Visitor, NoEntry> {
        if self.token.opens(token) {
            return Ok(match way {
                Way::Page => Visitor::Window,
                Way::Program if says_window => Visitor::Window,
                Way::Program => Visitor::Person,
            });
        }
        let program = self.core.program(token).ok_or(NoEntry::WrongToken)?;
        if self.core.programs_allowed() { Ok(Visitor::Program(program)) } else { Err(NoEntry::ProgramsOff) }
    }

    /// Whether someone who was let in may still be here.
    pub(crate) fn may_stay(&self, visitor: &Visitor, errand: Errand) -> Result<(), NoEntry> {
        match (visitor, errand) {
            (Visitor::Window, _) | (Visitor::Person, Errand::Conversation) => Ok(()),
            (Visitor::Person, Errand::Pictures) if self.core.programs_allowed() => Ok(()),
            (Visitor::Program(program), _) if !self.core.has_program(&program.id) => Err(NoEntry::WrongToken),
            (Visitor::Program(_), _) if self.core.programs_allowed() => Ok(()),
            (Visitor::Person, Errand::Pictures) | (Visitor::Program(_), _) => Err(NoEntry::ProgramsOff),
        }
    }

    /// Whether someone in a conversation hears what happens: the person's shell does not while others are kept out.
    pub(crate) fn hears(&self, visitor: &Visitor) -> bool {
        match visitor {
            Visitor::Window => true,
            Visitor::Person | Visitor::Program(_) => self.core.programs_allowed(),
        }
    }

    /// The state as this visitor may see it.
    pub(crate) fn state_for(&self, visitor: &Visitor) -> AppView {
        let state = self.core.state();
        if self.hears(visitor) {
            return state;
        }
        AppView { version: state.version, control: state.control, ..AppView::default() }
    }

    /// Carries out what a visitor asks, when they may, and writes it down.
    pub(crate) async fn carry_out(&self, visitor: &Visitor, command: Command) -> Outcome {
        let asked = self.audit.asked(visitor, format!("{command:?}"));
        if !self.allowances.take(visitor, Instant::now()) {
            asked.throttled();
            return failed("throttled", "too many commands at once; ask again in a second");
        }
        if let Err((code, detail)) = self.judge(visitor, &command) {
            asked.ended(code);
            return failed(code, detail);
        }
        match visitor {
            Visitor::Window | Visitor::Person if command != Command::Status => self.core.person_acted(),
            Visitor::Window | Visitor::Person | Visitor::Program(_) => {}
        }
        match Box::pin(self.core.handle(command)).await {
            Ok(reply) => {
                asked.ended("done");
                Outcome::Done { reply }
            }
            Err(problem) => {
                asked.ended(&problem.code);
                Outcome::Failed { problem }
            }
        }
    }

    fn judge(&self, visitor: &Visitor, command: &Command) -> Result<(), (&'static str, &'static str)> {
        match visitor {
            Visitor::Window => Ok(()),
            Visitor::Person if matches!(command, Command::AllowPrograms { .. }) => Ok(()),
            Visitor::Person => self.open_to_programs(),
            Visitor::Program(program) => {
                if !self.core.has_program(&program.id) {
                    return Err(("forbidden", "this program's token was revoked"));
                }
                self.open_to_programs()?;
                if command.is_for_the_person_alone() { Err(("forbidden", PERSON_ALONE)) } else { Ok(()) }
            }
        }
    }

    fn open_to_programs(&self) -> Result<(), (&'static str, &'static str)> {
        let allowed = self.core.programs_allowed();
        if allowed { Ok(()) } else { Err((PROGRAMS_OFF, "other programs are not let in")) }
    }
}

/// A command that came to nothing at the door.
pub(crate) fn failed(code: &str, detail: impl Into<String>) -> Outcome {
    Outcome::Failed { problem: Problem { number: 0, code: code.to_owned(), detail: detail.into() } }
}
