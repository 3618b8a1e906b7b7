//! The calls Web API (cowork-calls) of a client by itself: its teams are the accounts, their channels the conversations.
//! The door has looked at the token already; what is answered here is for whom, and what this one client can do.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use bellbird_app::App;
use bellbird_contract::{AccountView, Command, Reply, RoomView};
use bellbird_control::{Router, Visitor};
use bellbird_cowork::{
    Calls, Channel, ClientState, Connection, Credentials, Extensions, Order, Reason, Refusal, Team, User,
};

/// Conversations whose account was found lately.
const REMEMBERED: usize = 32;

/// Two people alone.
const ONE_TO_ONE: &str = "one_to_one";

/// What answers at the door of a client.
pub(crate) fn router(app: &App) -> Router {
    bellbird_cowork::router(RemoteApi { app: app.clone(), places: Mutex::default() })
}

struct RemoteApi {
    app: App,
    /// Conversations and their accounts, as found when access was asked for.
    places: Mutex<VecDeque<(String, String)>>,
}

#[async_trait]
impl Calls for RemoteApi {
    async fn authenticate(&self, credentials: Credentials, request: &Extensions) -> Result<User, Refusal> {
        let program = match request.get::<Visitor>() {
            Some(Visitor::Program(program)) => program.name.clone(),
            // A script of the person's own has no name.
            Some(Visitor::Window | Visitor::Person) => String::new(),
            None => return Err(Refusal::new(Reason::Unauthenticated, "The token opens nothing here")),
        };
        let accounts = self.app.state().accounts;
        let (account, key) = match &credentials {
            Credentials::Bearer { .. } => {
                let none = || Refusal::new(Reason::Forbidden, "Nobody is signed in here");
                (accounts.first().ok_or_else(none)?, String::new())
            }
            Credentials::Basic { name, .. } => {
                let account = named(&accounts, name)?;
                (account, account.id.clone())
            }
        };
        Ok(User { id: account.user.clone(), display_name: account.display_name.clone(), key, program })
    }

    async fn clients(&self, user: &User) -> Result<Vec<ClientState>, Refusal> {
        Ok(vec![self.app.remote_client(account_of(user))])
    }

    async fn may_enter(&self, user: &User, channel: &str) -> Result<(), Refusal> {
        let rooms = self.rooms(account_of(user)).await?;
        let room = rooms.into_iter().find(|room| room.token == channel).ok_or_else(unknown_channel)?;
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.retain(|(token, _)| *token != room.token);
        if places.len() >= REMEMBERED {
            places.pop_front();
        }
        places.push_back((room.token, room.account));
        Ok(())
    }

    async fn order(&self, user: &User, client_id: &str, order: Order) -> Result<Vec<Connection>, Refusal> {
        let client = self.app.remote_client(account_of(user));
        if client.client_id != client_id {
            return Err(Refusal::new(Reason::NotFound, "The user has no such client open"));
        }
        let account = match (&order, account_of(user)) {
            (_, Some(account)) => Some(account.to_owned()),
            (Order::Join { channel, .. }, None) => {
                let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
                places.iter().find(|(token, _)| token == channel).map(|(_, account)| account.clone())
            }
            (
                Order::SetAudio { .. } | Order::SetVideo { .. } | Order::Raise { .. } | Order::Leave { .. },
                None,
            ) => client.call.map(|call| call.team_id),
        };
        let first = || self.app.state().accounts.into_iter().next().map(|account| account.id);
        let account = account.or_else(first).ok_or_else(unknown_channel)?;
        self.app.remote_order(&account, &user.program, order).await
    }

    async fn teams(&self, user: &User) -> Result<Vec<Team>, Refusal> {
        let team = |account: AccountView| Team { display_name: team_name(&account), id: account.id };
        let own = |account: &AccountView| account_of(user).is_none_or(|own| own == account.id);
        Ok(self.app.state().accounts.into_iter().filter(own).map(team).collect())
    }

    async fn channels(&self, user: &User, team: &str) -> Result<Vec<Channel>, Refusal> {
        self.own_team(user, team)?;
        let rooms = self.rooms(Some(team)).await?;
        Ok(rooms.into_iter().filter(|room| room.kind != ONE_TO_ONE).map(channel).collect())
    }

    async fn direct_messages(&self, user: &User) -> Result<Vec<Channel>, Refusal> {
        let rooms = self.rooms(account_of(user)).await?;
        Ok(rooms.into_iter().filter(|room| room.kind == ONE_TO_ONE).map(channel).collect())
    }

    async fn channel_calls(
        &self,
        user: &User,
        team: &str,
        channel: &str,
    ) -> Result<Vec<Connection>, Refusal> {
        self.own_team(user, team)?;
        let rooms = self.rooms(Some(team)).await?;
        rooms.iter().find(|room| room.token == channel).ok_or_else(unknown_channel)?;
        self.app.remote_channel(team, channel).await
    }
}

impl RemoteApi {
    /// The conversations of an account, or of all.
    async fn rooms(&self, account: Option<&str>) -> Result<Vec<RoomView>, Refusal> {
        let account = account.map(str::to_owned);
        match self.app.handle(Command::ListRooms { account }).await {
            Ok(Reply::Rooms { rooms }) => Ok(rooms),
            Ok(_) => Err(Refusal::new(Reason::Failed, "The conversations could not be listed")),
            // Its server, or that it is signed out: not for long, one may hope.
            Err(problem) => Err(Refusal::new(
                Reason::Conflict,
                format!("The account's server could not be asked ({})", problem.code),
            )),
        }
    }

    fn own_team(&self, user: &User, team: &str) -> Result<(), Refusal> {
        let own = account_of(user).is_none_or(|own| own == team);
        let known = self.app.state().accounts.iter().any(|account| account.id == team);
        if own && known { Ok(()) } else { Err(Refusal::new(Reason::NotFound, "The user is in no such team")) }
    }
}

/// The account a program asks for; `None`: whichever it is about.
fn account_of(user: &User) -> Option<&str> {
    Some(user.key.as_str()).filter(|key| !key.is_empty())
}

/// The account meant by a name: its id, its user id, or `user@host` with or without the port.
fn named<'a>(accounts: &'a [AccountView], name: &str) -> Result<&'a AccountView, Refusal> {
    if let Some(account) = accounts.iter().find(|account| account.id == name) {
        return Ok(account);
    }
    let fits = |account: &&AccountView| {
        let server = url::Url::parse(&account.server).ok();
        let host = server.as_ref().and_then(url::Url::host_str);
        let port = server.as_ref().and_then(url::Url::port);
        let at_host = |(user, place): (&str, &str)| {
            let whole = host.zip(port).map(|(host, port)| format!("{host}:{port}"));
            user == account.user && (Some(place) == host || Some(place) == whole.as_deref())
        };
        account.user == name || name.rsplit_once('@').is_some_and(at_host)
    };
    let mut found = accounts.iter().filter(fits);
    match (found.next(), found.next()) {
        (Some(account), None) => Ok(account),
        (Some(_), Some(_)) => {
            Err(Refusal::new(Reason::Unauthenticated, "Several accounts have this name: use the whole id"))
        }
        (None, _) => Err(Refusal::new(Reason::Unauthenticated, "No account here has this name")),
    }
}

fn team_name(account: &AccountView) -> String {
    let host = url::Url::parse(&account.server).ok().and_then(|url| url.host_str().map(str::to_owned));
    match host.filter(|_| !account.local) {
        Some(host) => format!("{} ({host})", account.display_name),
        None => account.display_name.clone(),
    }
}

fn channel(room: RoomView) -> Channel {
    Channel {
        channel_id: room.token,
        team_id: room.account,
        display_name: room.display_name,
        description: String::new(),
    }
}

fn unknown_channel() -> Refusal {
    Refusal::new(Reason::NotFound, "There is no such channel")
}

#[cfg(test)]
mod tests {
    use bellbird_contract::{AccountState, RemoteJoinPolicy};

    use super::*;

    fn account(id: &str, user: &str, server: &str) -> AccountView {
        AccountView {
            id: id.into(),
            user: user.into(),
            display_name: user.to_uppercase(),
            server: server.into(),
            local: id == "local",
            state: AccountState::Online,
            remote_join: RemoteJoinPolicy::Ask,
        }
    }

    #[test]
    fn accounts_are_named_in_several_ways() {
        let accounts = [
            account("local", "ann", "http://127.0.0.1:4000/"),
            account("ann@cloud.example", "ann", "https://cloud.example/"),
            account("bob@cloud.example:8443", "bob", "https://cloud.example:8443/"),
        ];
        for (name, id) in [
            ("local", Some("local")),
            ("ann@cloud.example", Some("ann@cloud.example")),
            ("ann@127.0.0.1:4000", Some("local")),
            ("ann@127.0.0.1", Some("local")),
            ("bob", Some("bob@cloud.example:8443")),
            ("bob@cloud.example", Some("bob@cloud.example:8443")),
            ("bob@cloud.example:8443", Some("bob@cloud.example:8443")),
            // Two have it.
            ("ann", None),
            ("eve", None),
            ("", None),
        ] {
            let found = named(&accounts, name);
            assert_eq!(found.as_ref().ok().map(|account| account.id.as_str()), id, "{name}");
            if let Err(refused) = found {
                assert_eq!(refused.reason, Reason::Unauthenticated);
            }
        }
        assert_eq!(team_name(&accounts[0]), "ANN");
        assert_eq!(team_name(&accounts[1]), "ANN (cloud.example)");
    }
}
