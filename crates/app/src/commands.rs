//! What each command does. A new command does not compile until it is handled here.

use std::sync::Arc;

use bellbird_call::ports::{Problem, ProblemCode};
use bellbird_call::{ContactId, MediaKinds, Secret};
use bellbird_contract::{Command, ContactView, Event, Media, Reply, RoomView};
use bellbird_talk::{Contact, Room, RoomKind};

use crate::app::{App, Inner};
use crate::convert;
use crate::echo::ECHO;

impl App {
    /// Makes a conversation of the first account: a group, or one that is open to all who have its link.
    ///
    /// # Errors
    /// `not-now` without an account, `unknown-user`, `forbidden`, and what keeps the server from being reached.
    pub async fn create_room(
        &self,
        name: &str,
        public: bool,
        invite: &[String],
    ) -> Result<RoomView, bellbird_contract::Problem> {
        let place = self.inner.with(|state| state.account(None)?.place());
        let (_, talk) = place.map_err(|problem| convert::problem(&problem))?;
        let kind = if public { RoomKind::Public } else { RoomKind::Group };
        let invite: Vec<ContactId> = invite.iter().map(ContactId::new).collect();
        let room = talk.create_room(name.trim(), kind, &invite).await;
        room.map(|room| room_view(&room)).map_err(|problem| convert::problem(&problem))
    }

    /// Joins a conversation's call with the first account, by voice and without ringing anybody. Yields the call's
    /// id.
    ///
    /// # Errors
    /// `bad-link` for what is neither token nor link, `not-now` in a call or without an account.
    pub fn join_silently(&self, room: &str) -> Result<String, bellbird_contract::Problem> {
        let call = self.inner.join_room(None, room, MediaKinds::VOICE, true);
        call.map(|id| id.as_str().to_owned()).map_err(|problem| convert::problem(&problem))
    }

    /// Tells the caller of a call that rings that we are in another call, whether or not we are.
    ///
    /// # Errors
    /// `not-now` when it does not ring.
    pub fn decline_engaged(&self, call: &str) -> Result<(), bellbird_contract::Problem> {
        self.inner.decline_engaged(call).map_err(|problem| convert::problem(&problem))
    }
}

impl Inner {
    /// Carries out a command. What concerns a call is done before this first waits, so that commands given in order
    /// take effect in order; what waits for a server runs in a task of its own, so that it is finished even when the
    /// asking window goes.
    pub(crate) async fn carry_out(self: Arc<Self>, command: Command) -> Result<Reply, Problem> {
        match command {
            Command::MakeCall { account, contact, media } => {
                self.only_voice(media)?;
                let call = self.make_call(account.as_deref(), &contact, convert::kinds(media))?;
                Ok(Reply::Call { call: call.as_str().into() })
            }
            Command::JoinRoom { account, room, media } => {
                self.only_voice(media)?;
                let call = self.join_room(account.as_deref(), &room, convert::kinds(media), false)?;
                Ok(Reply::Call { call: call.as_str().into() })
            }
            // Cameras are not served: a video call is answered by voice.
            Command::Answer { call, media: Media::Voice | Media::Video } => {
                done(self.answer_call(call.as_deref(), MediaKinds::VOICE))
            }
            Command::Decline { call } => done(self.decline_call(call.as_deref())),
            Command::End { call } => done(self.end_call(call.as_deref())),
            Command::SetMuted { call, kind, muted } => {
                done(self.mute(call.as_deref(), convert::kind_of_track(kind), muted))
            }
            Command::SetHold { call, held } => done(self.hold(call.as_deref(), held)),
            Command::SelectDevice { role, name } => {
                self.select_device(role, name);
                Ok(Reply::Ok)
            }
            Command::DismissProblem { number } => {
                self.change(|state| state.problems.dismiss(number));
                Ok(Reply::Ok)
            }
            Command::Status => Ok(Reply::State { state: Box::new(self.view()) }),
            Command::ShowWindow => {
                // No listener is no error.
                let _ = self.events.send(Event::RaiseWindow);
                Ok(Reply::Ok)
            }
            Command::Quit => {
                self.quit.cancel();
                Ok(Reply::Ok)
            }
            Command::StartHere
            | Command::SignIn { .. }
            | Command::AcceptInvitation { .. }
            | Command::SignOut { .. }
            | Command::SetDisplayName { .. }
            | Command::CreateInvitation
            | Command::SearchContacts { .. }
            | Command::ListRooms { .. } => {
                let work = self.runtime.spawn(self.clone().ask_server(command));
                work.await.unwrap_or_else(|error| Err(Problem::new(ProblemCode::Internal, error)))
            }
        }
    }

    /// The commands that wait for a server.
    async fn ask_server(self: Arc<Self>, command: Command) -> Result<Reply, Problem> {
        match command {
            Command::StartHere => done(self.start_here().await),
            Command::SignIn { server, login_name, password } => {
                done(self.sign_in(&server, &login_name, &Secret::new(password)).await)
            }
            Command::AcceptInvitation { link, login_name, display_name, password } => {
                let password = Secret::new(password);
                done(self.accept_invitation(&link, &login_name, &display_name, &password).await)
            }
            Command::SignOut { account } => done(self.sign_out(&account).await),
            Command::SetDisplayName { account, display_name } => {
                done(self.set_display_name(account.as_deref(), display_name.trim()).await)
            }
            Command::CreateInvitation => {
                Ok(Reply::Invitation { invitation: self.create_invitation().await? })
            }
            Command::SearchContacts { account, text } => {
                let (_, talk) = self.with(|state| state.account(account.as_deref())?.place())?;
                let own = talk.login().user_id.clone();
                let contacts = talk.contacts(text.trim()).await?;
                Ok(Reply::Contacts { contacts: contact_views(contacts, &own) })
            }
            Command::ListRooms { account } => {
                let (_, talk) = self.with(|state| state.account(account.as_deref())?.place())?;
                let mut rooms = talk.rooms().await?;
                rooms.sort_by_key(|room| std::cmp::Reverse(room.last_activity));
                Ok(Reply::Rooms { rooms: rooms.iter().map(room_view).collect() })
            }
            Command::MakeCall { .. }
            | Command::JoinRoom { .. }
            | Command::Answer { .. }
            | Command::Decline { .. }
            | Command::End { .. }
            | Command::SetMuted { .. }
            | Command::SetHold { .. }
            | Command::SelectDevice { .. }
            | Command::DismissProblem { .. }
            | Command::Status
            | Command::ShowWindow
            | Command::Quit => Err(Problem::new(ProblemCode::Internal, "this command asks no server")),
        }
    }

    /// Cameras are not served: a call offered with one would show nothing.
    fn only_voice(&self, media: Media) -> Result<(), Problem> {
        match media {
            Media::Voice => Ok(()),
            Media::Video => {
                Err(Problem::new(ProblemCode::NotNow, "video calls are not possible: call by voice"))
            }
        }
    }
}

fn done(result: Result<(), Problem>) -> Result<Reply, Problem> {
    result.map(|()| Reply::Ok)
}

/// Echo first, then in the server's order, without ourselves.
fn contact_views(contacts: Vec<Contact>, own: &str) -> Vec<ContactView> {
    let mut views: Vec<ContactView> = contacts
        .into_iter()
        .filter(|contact| contact.id.as_str() != own)
        .map(|contact| ContactView {
            id: contact.id.as_str().into(),
            display_name: contact.display_name,
            presence: contact.presence,
            echo: contact.id.as_str() == ECHO,
        })
        .collect();
    views.sort_by_key(|view| !view.echo);
    views
}

fn room_view(room: &Room) -> RoomView {
    RoomView {
        token: room.id.as_str().into(),
        display_name: room.display_name.clone(),
        kind: match room.kind {
            RoomKind::OneToOne => "one_to_one",
            RoomKind::Group => "group",
            RoomKind::Public => "public",
        }
        .into(),
        has_call: room.has_call,
        last_activity: room.last_activity,
    }
}
