//! Orders of a server that steers clients, and what it is told of this one: talk's words and the API's.

use std::sync::{Arc, PoisonError};

use bellbird_call::RoomId;
use bellbird_cowork::{Connection, JoinKind, Order, Reason};
use bellbird_talk as talk;
use bellbird_talk::{ConnectionState, JoinWith, OrderRefusal, OrderTicket, TalkAccount};
use url::Url;

use crate::app::Inner;
use crate::settings::{AccountHome, StoredAccount};
use crate::state::State;

impl Inner {
    /// Takes the orders that an account's server gives.
    pub(crate) fn take_orders(self: &Arc<Self>, stored: &StoredAccount, talk: &TalkAccount) {
        let (app, account, by) = (Arc::downgrade(self), stored.id.clone(), server_name(stored));
        talk.set_order_sink(Some(Arc::new(move |ticket| {
            if let Some(inner) = app.upgrade() {
                inner.take_ticket(&account, &by, ticket);
            }
        })));
    }

    fn take_ticket(self: &Arc<Self>, account: &str, by: &str, ticket: OrderTicket) {
        let OrderTicket { order, answer } = ticket;
        let Some(order) = order_of(order) else {
            return answer.refuse(OrderRefusal::NotFound, "There is no such connection");
        };
        let events = self.events.subscribe();
        match self.begin_order(account, by, &order) {
            Err(refused) => answer.refuse(code_of(refused.reason), &refused.text),
            Ok(begun) => {
                let app = self.clone();
                self.runtime.spawn(async move {
                    let connections = app.finish_order(begun, events).await;
                    answer.done(connections.iter().map(connection_state).collect());
                });
            }
        }
    }

    /// Tells every account's server how this client is. They keep what they were told: the same again costs nothing.
    pub(crate) fn announce_client(&self) {
        // One after the other: what was seen earlier must not be told later.
        let _turn = self.announcing.lock().unwrap_or_else(PoisonError::into_inner);
        let all = self.with(|state| {
            let told = |account: &crate::accounts::Account| {
                Some((account.talk.clone()?, state.client_state(&account.stored.id)))
            };
            state.accounts.iter().filter_map(told).collect::<Vec<_>>()
        });
        for (talk, client) in all {
            talk.set_client_state(Some(client));
        }
    }
}

impl State {
    fn client_state(&self, account: &str) -> talk::ClientState {
        let client = self.remote_client(Some(account));
        talk::ClientState {
            client_id: client.client_id,
            last_interaction: self.remote.last_interaction,
            open_channel: client.open_channel.map(RoomId::new),
            call: client.call.map(|call| talk::ClientCall {
                channel: RoomId::new(call.channel_id),
                connections: call.connections.iter().map(connection_state).collect(),
            }),
        }
    }
}

/// What the person knows the server by; nothing for the one in this process, which passes on what others want.
fn server_name(stored: &StoredAccount) -> String {
    match &stored.home {
        AccountHome::Local => String::new(),
        AccountHome::Remote { server, .. } => {
            let host = Url::parse(server).ok().and_then(|url| url.host_str().map(str::to_owned));
            host.unwrap_or_default()
        }
    }
}

/// `None` for a medium that is none.
fn order_of(order: talk::Order) -> Option<Order> {
    Some(match order {
        talk::Order::Join { channel, kind } => Order::Join {
            channel: channel.as_str().to_owned(),
            kind: match kind {
                JoinWith::Audio => JoinKind::Audio,
                JoinWith::Video => JoinKind::Video,
                JoinWith::Screen => JoinKind::Screen,
            },
        },
        talk::Order::SetAudio { muted, silent } => Order::SetAudio { muted, silent },
        talk::Order::SetVideo { video } => Order::SetVideo { video },
        talk::Order::Raise { raise } => Order::Raise { raise },
        talk::Order::Leave { media } => {
            Order::Leave { media: media.map(|media| media.parse()).transpose().ok()? }
        }
    })
}

fn code_of(reason: Reason) -> OrderRefusal {
    match reason {
        Reason::Forbidden | Reason::Unauthenticated => OrderRefusal::Forbidden,
        Reason::NotFound => OrderRefusal::NotFound,
        Reason::Malformed
        | Reason::WrongMethod
        | Reason::TooSlow
        | Reason::Conflict
        | Reason::TooLarge
        | Reason::TooMany
        | Reason::Unavailable
        | Reason::Failed => OrderRefusal::Conflict,
    }
}

fn connection_state(connection: &Connection) -> ConnectionState {
    ConnectionState {
        media: connection.media.to_string(),
        muted: connection.muted,
        silent: connection.silent,
        video: connection.video,
        hand_up: connection.hand_up,
    }
}

#[cfg(test)]
mod tests {
    use bellbird_cowork::Media;

    use super::*;

    #[test]
    fn media_that_are_none_are_refused() {
        let leave = |media: Option<&str>| order_of(talk::Order::Leave { media: media.map(str::to_owned) });
        assert_eq!(leave(None), Some(Order::Leave { media: None }));
        assert_eq!(leave(Some("camera")), Some(Order::Leave { media: Some(Media::Camera) }));
        assert_eq!(leave(Some("screen7")), Some(Order::Leave { media: Some(Media::Screen(7)) }));
        assert_eq!(leave(Some("kitchen")), None);
    }

    #[test]
    fn a_server_is_known_by_its_host() {
        let stored = |home| StoredAccount {
            id: "a".into(),
            user_id: "ann".into(),
            login_name: "ann".into(),
            display_name: "Ann".into(),
            home,
        };
        let remote = |server: &str| stored(AccountHome::Remote { server: server.into(), fingerprint: None });
        assert_eq!(server_name(&remote("https://cloud.example.org:8443/sub/")), "cloud.example.org");
        assert_eq!(server_name(&remote("nonsense")), "");
        assert_eq!(server_name(&stored(AccountHome::Local)), "");
    }
}
