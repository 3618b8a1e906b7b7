//! Joining a conversation by its token or link: with which account, or as whose guest.

use std::sync::Arc;

use bellbird_call::ports::{Problem, ProblemCode};
use bellbird_call::{CallId, MediaKinds, Secret};
use bellbird_talk::{CallLink, StoredLogin, TalkAccount};

use super::entrance::{Wish, to_room};
use super::{Calls, Line, Wanted, choice};
use crate::app::Inner;
use crate::settings::AccountHome;
use crate::state::State;

impl Inner {
    /// Joins a conversation's call by the conversation's token or link; `silent` rings nobody. With `guest_name` as a
    /// guest, which takes a link.
    pub(crate) fn join_room(
        self: &Arc<Self>,
        account: Option<&str>,
        room: &str,
        kinds: MediaKinds,
        silent: bool,
        guest_name: Option<&str>,
    ) -> Result<CallId, Problem> {
        self.join_room_for(account, room, kinds, silent, guest_name, None)
    }

    /// The same at the wish of somebody else than the person.
    pub(super) fn join_room_for(
        self: &Arc<Self>,
        account: Option<&str>,
        room: &str,
        kinds: MediaKinds,
        silent: bool,
        guest_name: Option<&str>,
        wanted: Option<Wanted>,
    ) -> Result<CallId, Problem> {
        let room = room.trim();
        let (line, target) = match (CallLink::is_link(room), guest_name) {
            (true, None) => {
                let link = CallLink::parse(room)?;
                let place = self.with(|state| account_for(state, account, &link))?;
                (Line::of_account(place), to_room(link.room.as_str()))
            }
            (true, Some(name)) => {
                let link = CallLink::parse(room)?;
                if link.members_only {
                    let detail = "this link is for people with an account on its server, not for guests";
                    return Err(Problem::new(ProblemCode::BadLink, detail));
                }
                let talk = TalkAccount::guest(&link, name.trim())?;
                let host = link.server.host_str().unwrap_or_default().to_owned();
                (Line { account: String::new(), talk, guest_on: Some(host) }, to_room(link.room.as_str()))
            }
            (false, None) => {
                let token = bare_token(room)?;
                (Line::of_account(self.with(|state| state.account(account)?.place())?), to_room(token))
            }
            (false, Some(_)) => {
                let detail = "a guest needs the conversation's whole link, from https:// on";
                return Err(Problem::new(ProblemCode::BadLink, detail));
            }
        };
        if self.with(|state| choice::current(&state.calls.candidates()).is_some()) {
            return Err(Problem::new(ProblemCode::NotNow, "you are in a call: end it first"));
        }
        Ok(self.approach(Wish { line, target, kinds, silent, name: String::new(), wanted }))
    }

    /// The password that an entrance asks for.
    pub(crate) fn enter_password(&self, call: &str, password: Secret) -> Result<(), Problem> {
        self.with(|state| {
            let waiting =
                state.calls.waiting.iter().find(|one| one.view.id.as_str() == call && !one.is_over());
            let waiting =
                waiting.ok_or_else(|| Problem::new(ProblemCode::NotNow, "nothing asks for a password"))?;
            waiting.enter_password(password);
            Ok(())
        })
    }

    /// The person agrees to being recorded in a call.
    pub(crate) fn give_consent(&self, call: &str) -> Result<(), Problem> {
        self.change(|state| {
            let waiting =
                state.calls.waiting.iter().find(|one| one.view.id.as_str() == call && !one.is_over());
            if let Some(waiting) = waiting {
                waiting.give_consent();
                return Ok(());
            }
            match state
                .calls
                .calls
                .iter()
                .find(|one| one.view.id.as_str() == call && one.view.ended.is_none())
            {
                Some(call) => {
                    call.consent.give();
                    Ok(())
                }
                None => Err(Problem::new(ProblemCode::NotNow, "there is no such call")),
            }
        })
    }
}

impl Calls {
    /// The server a call is on, and its certificate; `None` when there is no such call.
    pub(crate) fn place_of(&self, call: &str) -> Option<&StoredLogin> {
        let waiting = self.waiting.iter().map(|waiting| (&waiting.view.id, &waiting.line));
        let running = self.calls.iter().map(|running| (&running.view.id, &running.line));
        running.chain(waiting).find(|(id, _)| id.as_str() == call).map(|(_, line)| line.talk.login())
    }
}

/// The account a link is for: the one named, when its server is the link's; else the first that is.
fn account_for(
    state: &State,
    wanted: Option<&str>,
    link: &CallLink,
) -> Result<(String, TalkAccount), Problem> {
    // Links of our own embedded server name its address in the network.
    let ours = |account: &crate::accounts::Account| {
        let public = state.local_server.as_ref().and_then(|server| server.public_url.as_ref());
        account.stored.home == AccountHome::Local
            && public.is_some_and(|public| public.origin() == link.server.origin())
    };
    let fits = |account: &&crate::accounts::Account| {
        wanted.is_none_or(|wanted| wanted == account.stored.id)
            && (ours(account) || account.talk.as_ref().is_some_and(|talk| talk.is_meant_by(link)))
    };
    match state.accounts.iter().find(fits) {
        Some(account) => account.place(),
        None => Err(Problem::new(
            ProblemCode::NotNow,
            "no account here belongs to the server of this link: give a name to join as a guest",
        )),
    }
}

/// A bare token.
fn bare_token(text: &str) -> Result<&str, Problem> {
    if text.is_empty() || !text.chars().all(|letter| letter.is_ascii_alphanumeric()) {
        return Err(Problem::new(
            ProblemCode::BadLink,
            "that is neither a conversation's token nor its link",
        ));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_told_from_other_text() {
        assert_eq!(bare_token("abc123").unwrap(), "abc123");
        for bad in ["", "a b", "../x", "abc/def"] {
            assert_eq!(bare_token(bad).unwrap_err().code, ProblemCode::BadLink, "{bad}");
        }
    }
}
