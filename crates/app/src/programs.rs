//! Other programs that may come through the door: each has a token of its own, of which only a digest is kept.
//!
//! A token is 256 bits from the system, so its SHA-256 can be kept without salt or stretching: there is nothing to guess.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bellbird_call::ports::{Problem, ProblemCode};
use bellbird_contract::{ControlView, ProgramView, Reply};
use rand::TryRngCore;
use rand::rngs::OsRng;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::app::{App, Inner};
use crate::settings::StoredProgram;
use crate::state::State;

/// Programs at most.
const MAX_PROGRAMS: usize = 64;

/// The longest name, characters.
const MAX_NAME: usize = 60;

/// When a program came last is shown to this precision, so that one that comes often does not have everything shown anew
/// each time.
const SHOWN_TO: Duration = Duration::from_secs(10);

/// A program that has a token of its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KnownProgram {
    /// Its id.
    pub id: String,
    /// As the person called it.
    pub name: String,
}

/// What is known of the door and those that come through it, and not kept.
#[derive(Debug, Default)]
pub(crate) struct DoorUse {
    web_api: Option<String>,
    /// By the program's id, Unix milliseconds.
    last_used: BTreeMap<String, i64>,
}

impl App {
    /// Tells the app where its door's web API is, for whoever shows it.
    pub fn door_opened(&self, web_api: Option<&str>) {
        self.inner.change(|state| state.door.web_api = web_api.map(str::to_owned));
    }

    /// The program with this token, which came just now.
    pub fn program(&self, token: &str) -> Option<KnownProgram> {
        self.inner.program(token, now_ms())
    }

    /// Whether a program of this id still has its token.
    pub fn has_program(&self, id: &str) -> bool {
        self.inner.with(|state| state.settings.programs.iter().any(|program| program.id == id))
    }

    /// Whether anybody but the window may come through the door.
    pub fn programs_allowed(&self) -> bool {
        self.inner.with(|state| state.settings.control.allowed)
    }
}

impl Inner {
    pub(crate) fn add_program(&self, name: &str) -> Result<Reply, Problem> {
        let refused = |why: &str| Err(Problem::new(ProblemCode::NotNow, why));
        let name = name.trim();
        if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
            return refused("a program's name has 1 to 60 characters, all of which can be seen");
        }
        let (token, id) = (random_hex::<32>()?, random_hex::<6>()?);
        let program =
            StoredProgram { id, name: name.to_owned(), digest: digest_of(&token), created_at_ms: now_ms() };
        self.change(|state| {
            let programs = &state.settings.programs;
            if programs.len() >= MAX_PROGRAMS {
                return refused("64 programs have a token already; revoke one first");
            }
            if programs.iter().any(|known| known.name == program.name || known.id == program.id) {
                return refused(
                    "a program of this name has a token already; revoke it first, or choose another name",
                );
            }
            let view = state.program_view(&program);
            state.keep(|settings| settings.programs.push(program));
            Ok(Reply::Program { program: view, token })
        })
    }

    pub(crate) fn revoke_program(&self, id: &str) -> Result<(), Problem> {
        self.change(|state| {
            if !state.settings.programs.iter().any(|program| program.id == id) {
                return Err(Problem::new(ProblemCode::NotNow, "there is no program of this id"));
            }
            state.door.last_used.remove(id);
            state.keep(|settings| settings.programs.retain(|program| program.id != id));
            Ok(())
        })
    }

    pub(crate) fn allow_programs(&self, allowed: bool) -> Result<(), Problem> {
        self.change(|state| {
            if state.settings.control.allowed != allowed {
                state.keep(|settings| settings.control.allowed = allowed);
            }
        });
        Ok(())
    }

    /// The program with this token, which comes at `now_ms`.
    fn program(&self, token: &str, now_ms: i64) -> Option<KnownProgram> {
        let digest = digest_of(token);
        let (known, shown) = self.with(|state| {
            // All are compared, and each as a whole, so that the time tells nothing.
            let mut found = None;
            for program in &state.settings.programs {
                if program.digest.as_bytes().ct_eq(digest.as_bytes()).into() {
                    found = Some(KnownProgram { id: program.id.clone(), name: program.name.clone() });
                }
            }
            let found = found?;
            let shown = state.door.last_used.get(&found.id).copied();
            Some((found, shown))
        })?;
        let precision = i64::try_from(SHOWN_TO.as_millis()).unwrap_or(i64::MAX);
        // A clock that was put back is shown, too.
        if shown.is_none_or(|shown| now_ms.abs_diff(shown) >= precision.unsigned_abs()) {
            self.change(|state| state.door.last_used.insert(known.id.clone(), now_ms));
        }
        Some(known)
    }
}

impl State {
    pub(crate) fn control_view(&self) -> ControlView {
        ControlView {
            allowed: self.settings.control.allowed,
            web_api: self.door.web_api.clone(),
            programs: self.settings.programs.iter().map(|program| self.program_view(program)).collect(),
        }
    }

    fn program_view(&self, program: &StoredProgram) -> ProgramView {
        ProgramView {
            id: program.id.clone(),
            name: program.name.clone(),
            created_at_ms: program.created_at_ms,
            last_used_at_ms: self.door.last_used.get(&program.id).copied(),
        }
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn random_hex<const BYTES: usize>() -> Result<String, Problem> {
    let mut bytes = [0_u8; BYTES];
    OsRng.try_fill_bytes(&mut bytes).map_err(|error| Problem::new(ProblemCode::Internal, error))?;
    Ok(hex(&bytes))
}

fn digest_of(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
