//! Being joined to calls by a program or a server, on behalf of the person.

use bellbird_call::ports::{Problem, ProblemCode};
use bellbird_contract::RemoteJoinPolicy;

use crate::app::Inner;

impl Inner {
    pub(crate) fn set_remote_join(&self, _account: &str, _policy: RemoteJoinPolicy) -> Result<(), Problem> {
        Err(Problem::new(ProblemCode::NotNow, "nobody can be joined from afar yet"))
    }

    pub(crate) fn answer_remote_join(
        &self,
        _request: &str,
        _allow: bool,
        _screen: Option<&str>,
    ) -> Result<(), Problem> {
        Err(Problem::new(ProblemCode::NotNow, "nobody can be joined from afar yet"))
    }

    pub(crate) fn open_room(&self, _account: Option<&str>, _room: Option<&str>) -> Result<(), Problem> {
        Ok(())
    }
}
