//! Other programs that may come through the door: each has a token of its own, of which only a digest is kept.
//!
//! A token is 256 bits from the system, so its SHA-256 can be kept without salt or stretching: there is nothing to guess.

use std::collections::BTreeMap;
use std::time::Duration;

use bellbird_call::ports::{Problem, ProblemCode};
use bellbird_contract::{ControlView, ProgramView, Reply};
use rand::TryRngCore;
use rand::rngs::OsRng;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::app::{App, Inner};
use crate::convert::Clocks;
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
        self.inner.program(token, Clocks::now_unix_ms())
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
        let program = StoredProgram {
            id,
            name: name.to_owned(),
            digest: digest_of(&token),
            created_at_ms: Clocks::now_unix_ms(),
        };
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

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use bellbird_call::CallConfig;
    use bellbird_contract::Command;

    use super::*;
    use crate::{AppConfig, MemoryKeyStore, Pictures, Sound};

    fn start(data: &Path) -> App {
        App::start(AppConfig {
            data: Some(data.to_owned()),
            client_name: "test".into(),
            sound: Sound::default(),
            pictures: Pictures::default(),
            call: CallConfig::default(),
            key_store: Arc::new(MemoryKeyStore::default()),
            local_server: None,
            browser: None,
            watch_devices: false,
        })
    }

    async fn add(app: &App, name: &str) -> Result<(ProgramView, String), String> {
        match app.handle(Command::AddProgram { name: name.into() }).await {
            Ok(Reply::Program { program, token }) => Ok((program, token)),
            Ok(other) => panic!("{other:?}"),
            Err(problem) => Err(problem.code),
        }
    }

    #[tokio::test]
    async fn a_token_is_told_once_kept_as_a_digest_and_works_after_a_restart_until_it_is_revoked() {
        let folder = tempfile::tempdir().unwrap();
        let app = start(folder.path());
        let (program, token) = add(&app, " Deploy ").await.unwrap();
        let (other, other_token) = add(&app, "Other").await.unwrap();
        assert_eq!((program.name.as_str(), token.len()), ("Deploy", 64));
        assert_ne!((&program.id, &token), (&other.id, &other_token));
        let kept = std::fs::read_to_string(folder.path().join("settings.json")).unwrap();
        assert!(kept.contains("Deploy") && !kept.contains(&token));
        assert_eq!(app.state().control.programs, [program.clone(), other.clone()]);
        app.stop().await;

        let app = start(folder.path());
        assert_eq!(app.state().control.programs[0].last_used_at_ms, None);
        let known = KnownProgram { id: program.id.clone(), name: "Deploy".into() };
        assert_eq!(app.program(&token), Some(known));
        assert!(app.state().control.programs[0].last_used_at_ms.is_some());
        assert_eq!(app.program(&token[1..]), None);
        assert_eq!(app.program(""), None);

        let revoke = Command::RevokeProgram { program: program.id.clone() };
        app.handle(revoke.clone()).await.unwrap();
        assert_eq!(app.handle(revoke).await.unwrap_err().code, "not-now");
        assert_eq!(app.program(&token), None);
        assert!(!app.has_program(&program.id) && app.has_program(&other.id));
        assert!(app.program(&other_token).is_some());
        app.stop().await;
    }

    #[tokio::test]
    async fn names_are_told_apart_and_programs_are_not_without_number() {
        let folder = tempfile::tempdir().unwrap();
        let app = start(folder.path());
        for bad in ["", "  ", "a\nb", "\u{1b}[31mred", &"x".repeat(61)] {
            assert_eq!(add(&app, bad).await.unwrap_err(), "not-now", "{bad:?}");
        }
        for number in 0..MAX_PROGRAMS {
            add(&app, &format!("{number}")).await.unwrap();
            if number == 0 {
                assert!(add(&app, "0").await.is_err());
            }
        }
        assert_eq!(add(&app, "one more").await.unwrap_err(), "not-now");
        app.stop().await;
    }

    #[tokio::test]
    async fn the_switch_is_on_at_first_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let app = start(folder.path());
        assert!(app.programs_allowed() && app.state().control.allowed);
        app.handle(Command::AllowPrograms { allowed: false }).await.unwrap();
        app.stop().await;
        let app = start(folder.path());
        assert!(!app.programs_allowed() && !app.state().control.allowed);
        app.door_opened(Some("http://127.0.0.1:1/api/cowork"));
        assert_eq!(app.state().control.web_api.as_deref(), Some("http://127.0.0.1:1/api/cowork"));
        app.stop().await;
    }

    #[tokio::test]
    async fn one_that_comes_often_is_shown_anew_now_and_then() {
        let folder = tempfile::tempdir().unwrap();
        let app = start(folder.path());
        let (_, token) = add(&app, "Deploy").await.unwrap();
        let shown = |now_ms| {
            app.inner.program(&token, now_ms).unwrap();
            app.state().control.programs[0].last_used_at_ms.unwrap()
        };
        assert_eq!(shown(100_000), 100_000);
        assert_eq!(shown(109_999), 100_000);
        assert_eq!(shown(110_000), 110_000);
        assert_eq!(shown(5), 5, "a clock put back");
        app.stop().await;
    }
}
