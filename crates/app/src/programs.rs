//! Other programs that may come through the door: each has a token of its own, of which only a digest is kept.

use bellbird_call::ports::{Problem, ProblemCode};
use bellbird_contract::Reply;

use crate::app::Inner;

impl Inner {
    pub(crate) fn add_program(&self, _name: &str) -> Result<Reply, Problem> {
        Err(Problem::new(ProblemCode::NotNow, "programs have no tokens of their own yet"))
    }

    pub(crate) fn revoke_program(&self, _program: &str) -> Result<(), Problem> {
        Err(Problem::new(ProblemCode::NotNow, "programs have no tokens of their own yet"))
    }

    pub(crate) fn allow_programs(&self, _allowed: bool) -> Result<(), Problem> {
        Err(Problem::new(ProblemCode::NotNow, "programs have no tokens of their own yet"))
    }
}
