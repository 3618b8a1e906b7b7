//! What each command does. A new command does not compile until it is handled here.

use std::sync::Arc;

use bellbird_call::ports::{Problem, ProblemCode};
use bellbird_call::{ContactId, Intent, MediaKinds, ParticipantId, Reaction, RoomId, Secret};
use bellbird_contract::{Command, ContactView, Event, Reply, RoomView};
use bellbird_talk::{Contact, LinkChange, Room, RoomKind, TalkAccount};

use crate::app::{App, Inner};
use crate::convert;
use crate::echo::ECHO;
use crate::state::State;

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
        let room = self.inner.create_room(None, name, public, invite).await;
        room.map_err(|problem| convert::problem(&problem))
    }

    /// Changes whom the link of a conversation of the first account lets in.
    ///
    /// # Errors
    /// `unknown-room`, `forbidden`, `not-now` when it has no link or links do not expire there, and what keeps the
    /// server from being reached.
    pub async fn change_link(
        &self,
        room: &str,
        change: LinkChange,
    ) -> Result<RoomView, bellbird_contract::Problem> {
        let room = self.inner.change_link(room, change).await;
        room.map_err(|problem| convert::problem(&problem))
    }

    /// Joins a conversation's call with the account it is for, or as a guest, by voice and without ringing anybody.
    /// Yields the call's id.
    ///
    /// # Errors
    /// `bad-link` for what is neither token nor link, `not-now` in a call or without an account.
    pub fn join_silently(
        &self,
        room: &str,
        guest_name: Option<&str>,
    ) -> Result<String, bellbird_contract::Problem> {
        let call = self.inner.join_room(None, room, MediaKinds::VOICE, true, guest_name);
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
                let call = self.make_call(account.as_deref(), &contact, convert::kinds(media))?;
                Ok(Reply::Call { call: call.as_str().into() })
            }
            Command::JoinRoom { account, room, media, guest_name } => {
                let (account, guest) = (account.as_deref(), guest_name.as_deref());
                let call = self.join_room(account, &room, convert::kinds(media), false, guest)?;
                Ok(Reply::Call { call: call.as_str().into() })
            }
            Command::EnterPassword { call, password } => {
                done(self.enter_password(&call, Secret::new(password)))
            }
            Command::GiveConsent { call } => done(self.give_consent(&call)),
            Command::CancelSignIn => {
                self.cancel_sign_in();
                Ok(Reply::Ok)
            }
            Command::Answer { call, media } => done(self.answer_call(call.as_deref(), convert::kinds(media))),
            Command::Decline { call } => done(self.decline_call(call.as_deref())),
            Command::End { call } => done(self.end_call(call.as_deref())),
            Command::EndForEveryone { call } => {
                done(self.steer_call(call.as_deref(), Intent::EndForEveryone))
            }
            Command::SetHand { call, raised } => {
                done(self.steer_call(call.as_deref(), Intent::RaiseHand(raised)))
            }
            Command::React { call, reaction } => {
                let reaction = Reaction::new(reaction.trim())
                    .ok_or_else(|| Problem::new(ProblemCode::NotNow, "a reaction is one emoji"))?;
                done(self.steer_call(call.as_deref(), Intent::React(reaction)))
            }
            Command::AskToMute { call, participant } => {
                let intent = Intent::AskToMute(ParticipantId::new(participant));
                done(self.steer_call(call.as_deref(), intent))
            }
            Command::AddPerson { call, contact } => {
                let intent = Intent::AddPerson(ContactId::new(contact.trim()));
                done(self.steer_call(call.as_deref(), intent))
            }
            Command::SetMuted { call, kind, muted } => {
                done(self.mute(call.as_deref(), convert::kind_of_track(kind), muted))
            }
            Command::ShareScreen { call, screen } => done(self.share_screen(call.as_deref(), &screen)),
            Command::StopSharing { call } => {
                done(self.steer_call(call.as_deref(), Intent::ShareScreen(false)))
            }
            Command::SetHold { call, held } => done(self.hold(call.as_deref(), held)),
            Command::SetSilent { call, silent } => done(self.silence(call.as_deref(), silent)),
            Command::SelectDevice { role, name } => {
                self.select_device(role, name);
                Ok(Reply::Ok)
            }
            Command::DismissProblem { number } => {
                self.change(|state| state.problems.dismiss(number));
                Ok(Reply::Ok)
            }
            Command::Sdk { account, method } => {
                Ok(Reply::Sdk { result: self.sdk_method(account.as_deref(), method).await })
            }
            Command::AddProgram { name } => self.add_program(&name),
            Command::RevokeProgram { program } => done(self.revoke_program(&program)),
            Command::AllowPrograms { allowed } => done(self.allow_programs(allowed)),
            Command::SetRemoteJoin { account, policy } => done(self.set_remote_join(&account, policy)),
            Command::AnswerRemoteJoin { request, allow, screen } => {
                done(self.answer_remote_join(&request, allow, screen.as_deref()))
            }
            Command::OpenRoom { account, room } => done(self.open_room(account.as_deref(), room.as_deref())),
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
            | Command::SignInByBrowser { .. }
            | Command::AcceptInvitation { .. }
            | Command::SignOut { .. }
            | Command::SetDisplayName { .. }
            | Command::CreateInvitation
            | Command::SearchContacts { .. }
            | Command::Avatar { .. }
            | Command::CreateRoom { .. }
            | Command::ListScreens
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
            Command::SignInByBrowser { server } => {
                Ok(Reply::SignIn { address: self.sign_in_by_browser(&server).await? })
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
                let text = text.trim().to_owned();
                let ask = |account: String, talk: TalkAccount| {
                    let text = text.clone();
                    async move {
                        let own = talk.login().user_id.clone();
                        let contacts = talk.contacts(&text).await?;
                        Ok(contact_views(&account, contacts, &own))
                    }
                };
                let mut contacts = self.of_accounts(account.as_deref(), ask).await?;
                contacts.sort_by_key(|view| !view.echo);
                Ok(Reply::Contacts { contacts })
            }
            Command::CreateRoom { account, name, public, people } => {
                Ok(Reply::Room { room: self.create_room(account.as_deref(), &name, public, &people).await? })
            }
            Command::Avatar { account, contact } => {
                let (_, talk) = self.with(|state| state.account(Some(&account))?.place())?;
                let avatar = talk.avatar(&ContactId::new(contact)).await?;
                Ok(Reply::Avatar { image: avatar.map(|avatar| avatar.data_url()) })
            }
            Command::ListRooms { account } => {
                let ask = |account: String, talk: TalkAccount| async move {
                    Ok(talk.rooms().await?.iter().map(|room| room_view(&account, room)).collect())
                };
                let mut rooms: Vec<RoomView> = self.of_accounts(account.as_deref(), ask).await?;
                self.with(|state| rooms.iter_mut().for_each(|room| add_link(state, room)));
                rooms.sort_by_key(|room| std::cmp::Reverse(room.last_activity));
                Ok(Reply::Rooms { rooms })
            }
            Command::ListScreens => Ok(Reply::Screens { screens: self.list_screens().await? }),
            Command::MakeCall { .. }
            | Command::JoinRoom { .. }
            | Command::EnterPassword { .. }
            | Command::GiveConsent { .. }
            | Command::CancelSignIn
            | Command::Answer { .. }
            | Command::Decline { .. }
            | Command::End { .. }
            | Command::EndForEveryone { .. }
            | Command::SetHand { .. }
            | Command::React { .. }
            | Command::AskToMute { .. }
            | Command::AddPerson { .. }
            | Command::SetMuted { .. }
            | Command::ShareScreen { .. }
            | Command::StopSharing { .. }
            | Command::SetHold { .. }
            | Command::SetSilent { .. }
            | Command::SelectDevice { .. }
            | Command::DismissProblem { .. }
            | Command::Sdk { .. }
            | Command::AddProgram { .. }
            | Command::RevokeProgram { .. }
            | Command::AllowPrograms { .. }
            | Command::SetRemoteJoin { .. }
            | Command::AnswerRemoteJoin { .. }
            | Command::OpenRoom { .. }
            | Command::Status
            | Command::ShowWindow
            | Command::Quit => Err(Problem::new(ProblemCode::Internal, "this command asks no server")),
        }
    }

    /// Makes a conversation of several with people of the same server.
    async fn create_room(
        &self,
        account: Option<&str>,
        name: &str,
        public: bool,
        people: &[String],
    ) -> Result<RoomView, Problem> {
        let name = name.trim();
        if name.is_empty() {
            return Err(Problem::new(ProblemCode::NotNow, "a conversation needs a name"));
        }
        let (account, talk) = self.with(|state| state.account(account)?.place())?;
        let kind = if public { RoomKind::Public } else { RoomKind::Group };
        let people: Vec<ContactId> = people.iter().map(ContactId::new).collect();
        let mut room = room_view(&account, &talk.create_room(name, kind, &people).await?);
        self.with(|state| add_link(state, &mut room));
        Ok(room)
    }

    async fn change_link(&self, room: &str, change: LinkChange) -> Result<RoomView, Problem> {
        let (account, talk) = self.with(|state| state.account(None)?.place())?;
        let mut room = room_view(&account, &talk.change_link(&RoomId::new(room), change).await?);
        self.with(|state| add_link(state, &mut room));
        Ok(room)
    }

    /// Asks the account meant, or all that can be asked, at once. One of several that does not answer is left out.
    async fn of_accounts<T, F>(
        &self,
        wanted: Option<&str>,
        ask: impl Fn(String, TalkAccount) -> F,
    ) -> Result<Vec<T>, Problem>
    where
        T: Send + 'static,
        F: Future<Output = Result<Vec<T>, Problem>> + Send + 'static,
    {
        let places = self.with(|state| match wanted {
            Some(_) => Ok::<_, Problem>(vec![state.account(wanted)?.place()?]),
            None => {
                let all: Vec<_> = state.accounts.iter().filter_map(|account| account.place().ok()).collect();
                if all.is_empty() { Ok(vec![state.account(None)?.place()?]) } else { Ok(all) }
            }
        })?;
        let asked: Vec<_> =
            places.into_iter().map(|(account, talk)| self.runtime.spawn(ask(account, talk))).collect();
        let (mut all, mut failure, mut any) = (Vec::new(), None, false);
        for answer in asked {
            match answer.await {
                Ok(Ok(some)) => {
                    any = true;
                    all.extend(some);
                }
                Ok(Err(problem)) => failure = Some(problem),
                Err(error) => failure = Some(Problem::new(ProblemCode::Internal, error)),
            }
        }
        match failure {
            Some(problem) if !any => Err(problem),
            Some(_) | None => Ok(all),
        }
    }
}

/// The kind of a conversation that whoever has its link may enter.
const PUBLIC: &str = "public";

fn done(result: Result<(), Problem>) -> Result<Reply, Problem> {
    result.map(|()| Reply::Ok)
}

/// Echo first, then in the server's order, without ourselves.
fn contact_views(account: &str, contacts: Vec<Contact>, own: &str) -> Vec<ContactView> {
    let mut views: Vec<ContactView> = contacts
        .into_iter()
        .filter(|contact| contact.id.as_str() != own)
        .map(|contact| ContactView {
            account: account.to_owned(),
            id: contact.id.as_str().into(),
            display_name: contact.display_name,
            presence: contact.presence,
            echo: contact.id.as_str() == ECHO,
        })
        .collect();
    views.sort_by_key(|view| !view.echo);
    views
}

fn room_view(account: &str, room: &Room) -> RoomView {
    RoomView {
        account: account.to_owned(),
        token: room.id.as_str().into(),
        display_name: room.display_name.clone(),
        kind: match room.kind {
            RoomKind::OneToOne => "one_to_one",
            RoomKind::Group => "group",
            RoomKind::Public => PUBLIC,
        }
        .into(),
        has_call: room.has_call,
        last_activity: room.last_activity,
        link: None,
    }
}

/// Gives a conversation that anyone may enter its link.
fn add_link(state: &State, room: &mut RoomView) {
    if room.kind == PUBLIC {
        room.link = state.link_of(&room.account, &room.token);
    }
}
