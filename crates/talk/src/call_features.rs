//! What a server lets an account do with calls, as its capabilities tell (talk-rest section 6).

use bellbird_call::ports::Problem;

use crate::account::TalkAccount;
use crate::rest::Subject;

/// What is allowed at all; a conversation may allow less.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CallFeatures {
    /// There are calls.
    pub calls: bool,
    /// Conversations of several can be made.
    pub groups: bool,
}

impl TalkAccount {
    /// What the account may do with calls. Mostly known without asking.
    ///
    /// # Errors
    /// As [`TalkAccount::contacts`].
    pub async fn call_features(&self) -> Result<CallFeatures, Problem> {
        let reply = self.capabilities(false).await.map_err(|error| error.into_problem(Subject::Account))?;
        Ok(match &reply.capabilities.spreed {
            Some(spreed) => CallFeatures {
                calls: spreed.config.call.enabled,
                groups: spreed.config.conversations.can_create,
            },
            // Talk is not there, or not for this account.
            None => CallFeatures { calls: false, groups: false },
        })
    }
}
