//! What programs can ask (mirrorfly-sdk section 3).

use std::sync::Arc;

use bellbird_call::ports::{Problem, ProblemCode};
use bellbird_call::{CallId, CallView, ContactId, Intent, MediaKind, MediaKinds, VideoRequest, VideoSwitch};
use bellbird_contract::{CallHappening, CallType, EntranceView, Event, SdkEvent, SdkMethod, SdkResult};
use bellbird_talk::{RoomKind, TalkAccount};
use tokio::sync::broadcast;
use tokio::time::{Instant, timeout_at};

use super::PATIENCE;
use super::jid::{Domain, Named};
use super::result::{accepted, begun, not_named, outcome, problem_of, refused};
use crate::app::Inner;
use crate::calls::Begun;

/// More than any call is made to at once.
const MAX_USERS: usize = 100;
/// The longest name of a conversation made for a call, characters.
const MAX_NAME: usize = 120;

/// Whom or what a call is made to.
enum Callee {
    /// One person.
    User(String),
    /// Several, for whom a conversation is made.
    Users(Vec<String>),
    /// Those of a conversation, by its token.
    Room(String),
}

fn problem(code: ProblemCode, detail: &str) -> Problem {
    Problem::new(code, detail)
}

fn not_now(detail: &str) -> Problem {
    problem(ProblemCode::NotNow, detail)
}

fn forbidden(detail: &str) -> Problem {
    problem(ProblemCode::Forbidden, detail)
}

impl Inner {
    /// Carries out a method. What waits for a server is finished also when whoever asks is gone.
    pub(crate) async fn sdk_method(self: &Arc<Self>, account: Option<&str>, method: SdkMethod) -> SdkResult {
        match method {
            SdkMethod::MakeVoiceCall { users, group_id } => {
                self.sdk_make(account, users, group_id, MediaKinds::VOICE).await
            }
            SdkMethod::MakeVideoCall { users, group_id } => {
                self.sdk_make(account, users, group_id, MediaKinds::VIDEO).await
            }
            SdkMethod::AnswerCall => outcome(self.sdk_answer().await, "answered"),
            SdkMethod::DeclineCall => outcome(self.decline_call(None), "declined"),
            SdkMethod::EndCall => outcome(self.end_call(None), "ended"),
            SdkMethod::CallEngaged => outcome(self.refuse_engaged(), "refused: engaged"),
            SdkMethod::MuteAudio { mute } => outcome(self.sdk_mute(MediaKind::Audio, mute), "done"),
            SdkMethod::MuteVideo { mute } => outcome(self.sdk_mute(MediaKind::Video, mute), "done"),
            SdkMethod::InviteUsers { users } => {
                let (app, work) = (self.clone(), self.runtime.clone());
                let invited = work.spawn(async move { app.sdk_invite(&users).await }).await;
                outcome(
                    invited.unwrap_or_else(|error| Err(Problem::new(ProblemCode::Internal, error))),
                    "invited",
                )
            }
            SdkMethod::RequestVideoCallSwitch => outcome(self.sdk_switch(VideoSwitch::Request), "asked"),
            SdkMethod::CancelVideoCallSwitchRequest => {
                outcome(self.sdk_switch(VideoSwitch::Cancel), "taken back")
            }
            SdkMethod::AcceptVideoCallSwitchRequest => {
                outcome(self.sdk_switch(VideoSwitch::Accept), "accepted")
            }
            SdkMethod::DeclineVideoCallSwitchRequest => {
                outcome(self.sdk_switch(VideoSwitch::Decline), "declined")
            }
            SdkMethod::GetCallInfo => self.sdk_info(),
        }
    }

    async fn sdk_make(
        self: &Arc<Self>,
        account: Option<&str>,
        users: Vec<String>,
        group: Option<String>,
        kinds: MediaKinds,
    ) -> SdkResult {
        let (app, account) = (self.clone(), account.map(str::to_owned));
        let work = self
            .runtime
            .spawn(async move { app.make(account.as_deref(), &users, group.as_deref(), kinds).await });
        match work.await {
            Ok(Ok(result)) => result,
            Ok(Err(problem)) => refused(&problem),
            Err(error) => refused(&Problem::new(ProblemCode::Internal, error)),
        }
    }

    async fn make(
        self: &Arc<Self>,
        account: Option<&str>,
        users: &[String],
        group: Option<&str>,
        kinds: MediaKinds,
    ) -> Result<SdkResult, Problem> {
        let (account, talk) = self.with(|state| state.account(account)?.place())?;
        let callee = callee(&talk, users, group)?;
        let contact = match &callee {
            Callee::User(user) => Some(user.as_str()),
            Callee::Users(_) | Callee::Room(_) => None,
        };
        // Whoever rings us just now is answered instead: both want the same call.
        if self.is_engaged(&account, contact) {
            return Err(not_now("there is a call already: answer, decline or end it first"));
        }
        let features = match tokio::time::timeout(PATIENCE, talk.call_features()).await {
            Ok(features) => features?,
            Err(_) => return Err(problem(ProblemCode::ServerUnreachable, "the server does not answer")),
        };
        if !features.calls {
            return Err(forbidden("this server has no calls"));
        }
        // From before the call begins, so that nothing of it is missed.
        let events = self.events.subscribe();
        let by = Instant::now() + PATIENCE;
        let id = match callee {
            Callee::User(user) => self.make_call(Some(&account), &user, kinds)?,
            Callee::Users(_) if !features.groups => {
                return Err(forbidden("this account may not make conversations of several"));
            }
            Callee::Users(users) => {
                let contacts: Vec<ContactId> = users.iter().map(ContactId::new).collect();
                let name = name_of(&talk, &users);
                let room = talk.create_room(&name, RoomKind::Group, &contacts).await?;
                self.with_translator(|translator| translator.expect(room.id.as_str(), users));
                self.join_room(Some(&account), room.id.as_str(), kinds, false, None)?
            }
            Callee::Room(token) => self.join_room(Some(&account), &token, kinds, false, None)?,
        };
        let message = self.wait_for_beginning(&id, events, by).await?;
        self.with_translator(|translator| translator.promise(&id));
        let call_type = if kinds.video { CallType::Video } else { CallType::Audio };
        let room_id = self.room_of(&id).unwrap_or_else(|| id.as_str().to_owned());
        Ok(begun(call_type, room_id, message))
    }

    /// Waits until the server let us into a call, or did not; for a slow server not to the end.
    async fn wait_for_beginning(
        &self,
        id: &CallId,
        mut events: broadcast::Receiver<Event>,
        by: Instant,
    ) -> Result<&'static str, Problem> {
        let mut why = None;
        loop {
            match self.begun(id) {
                Begun::UnderWay => return Ok("the call has begun"),
                Begun::Asked(step) => return Ok(asked(step)),
                Begun::Over(_) => {
                    // What was wrong was told before its end was.
                    while let Ok(event) = events.try_recv() {
                        why = problem_in(&event, id).or(why);
                    }
                    return Err(why.unwrap_or_else(|| not_now("the call was ended")));
                }
                Begun::OnItsWay => {}
            }
            match timeout_at(by, events.recv()).await {
                Ok(Ok(event)) => why = problem_in(&event, id).or(why),
                Ok(Err(broadcast::error::RecvError::Lagged(_))) => {}
                Ok(Err(broadcast::error::RecvError::Closed)) => return Err(not_now("the app ends")),
                Err(_) => return Ok("the call is on its way"),
            }
        }
    }

    /// Takes the call that rings with what its caller brings. A call in the way ends first.
    async fn sdk_answer(self: &Arc<Self>) -> Result<(), Problem> {
        let ringing = self.ringing_call()?;
        if let Some(other) = ringing.in_the_way {
            let mut events = self.events.subscribe();
            self.end_call(Some(other.as_str()))?;
            let by = Instant::now() + PATIENCE;
            while !self.is_over(&other) {
                if timeout_at(by, events.recv()).await.is_err() {
                    break;
                }
            }
        }
        self.answer_call(Some(ringing.id.as_str()), ringing.offered)
    }

    fn sdk_mute(&self, kind: MediaKind, mute: bool) -> Result<(), Problem> {
        let view = self.running_call()?;
        if kind == MediaKind::Video && !mute && !view.facts.may_publish_video {
            return Err(forbidden("showing our camera is not allowed in this conversation"));
        }
        self.mute(Some(view.id.as_str()), kind, mute)
    }

    async fn sdk_invite(self: &Arc<Self>, users: &[String]) -> Result<(), Problem> {
        let view = self.running_call()?;
        let talk = self.talk_of(&view.id)?;
        let users = user_ids(&talk, users)?;
        if users.is_empty() {
            return Err(problem(ProblemCode::BadLink, "nobody was named"));
        }
        if !view.joined {
            return Err(not_now("the call has not begun yet"));
        }
        if view.one_to_one {
            return Err(forbidden("nobody can be added to a conversation of two: call several instead"));
        }
        if !view.facts.may_add {
            return Err(forbidden("only a moderator can add people here"));
        }
        for user in users {
            let mut events = self.events.subscribe();
            let jid = Domain::of(&talk.login().server).user(&user);
            let call = view.id.as_str();
            self.steer_call(Some(call), Intent::AddPerson(ContactId::new(&user)))?;
            let by = Instant::now() + PATIENCE;
            loop {
                match timeout_at(by, events.recv()).await {
                    Ok(Ok(Event::Sdk { callback })) if is_invited(&callback, &jid) => break,
                    Ok(Ok(event)) => match problem_in(&event, &view.id).filter(is_about_people) {
                        Some(problem) => return Err(problem),
                        None => continue,
                    },
                    Ok(Err(broadcast::error::RecvError::Lagged(_))) => continue,
                    Ok(Err(broadcast::error::RecvError::Closed)) => return Err(not_now("the app ends")),
                    Err(_) => return Err(problem(ProblemCode::TimedOut, "the server does not answer")),
                }
            }
        }
        Ok(())
    }

    fn sdk_switch(&self, word: VideoSwitch) -> Result<(), Problem> {
        let view = self.running_call()?;
        may_switch(&view, word)?;
        if matches!(word, VideoSwitch::Request | VideoSwitch::Accept) {
            self.preview.give_way();
        }
        self.steer_call(Some(view.id.as_str()), Intent::VideoSwitch(word))
    }

    fn sdk_info(self: &Arc<Self>) -> SdkResult {
        let Some(current) = self.with_translator(|translator| translator.current().map(str::to_owned)) else {
            return refused(&not_now("there is no call"));
        };
        // The link is the state's to know; its lock is not taken within the translator's.
        let link = self.link_of_call(&current);
        match self.with_translator(|translator| translator.info(|call| link.filter(|_| call == current))) {
            Some(info) => SdkResult { call_info: Some(info), ..accepted("the current call") },
            None => refused(&not_now("there is no call")),
        }
    }
}

/// Whether a word about going to video can be said now.
fn may_switch(view: &CallView, word: VideoSwitch) -> Result<(), Problem> {
    if !view.one_to_one {
        return Err(not_now(
            "only a call of two goes to video by agreement: muteVideo switches the camera on",
        ));
    }
    let theirs = view.video_request == VideoRequest::ByThem;
    let refusal = match word {
        VideoSwitch::Request if theirs => None,
        VideoSwitch::Request if view.participants.is_empty() => Some("nobody has answered yet"),
        VideoSwitch::Request if view.media.video => Some("this is a video call already"),
        VideoSwitch::Request if view.video_request == VideoRequest::ByUs => Some("that was asked already"),
        VideoSwitch::Request => None,
        VideoSwitch::Cancel if view.video_request != VideoRequest::ByUs => Some("nothing was asked"),
        VideoSwitch::Accept | VideoSwitch::Decline if !theirs => Some("they did not ask"),
        VideoSwitch::Cancel | VideoSwitch::Accept | VideoSwitch::Decline => None,
    };
    if let Some(refusal) = refusal {
        return Err(not_now(refusal));
    }
    let shows = matches!(word, VideoSwitch::Request | VideoSwitch::Accept);
    if shows && !view.facts.may_publish_video {
        return Err(forbidden("showing our camera is not allowed in this conversation"));
    }
    Ok(())
}

/// Whom a call is made to.
fn callee(talk: &TalkAccount, users: &[String], group: Option<&str>) -> Result<Callee, Problem> {
    let mut users = user_ids(talk, users)?;
    if let Some(group) = group {
        return match Domain::of(&talk.login().server).read(group) {
            Ok(Named::Room(token)) => Ok(Callee::Room(token)),
            Ok(Named::User(_)) => {
                Err(problem(ProblemCode::BadLink, "groupId names a person, not a conversation"))
            }
            Err(why) => Err(not_named(why, group)),
        };
    }
    match users.len() {
        0 => Err(problem(ProblemCode::BadLink, "nobody was named")),
        1 => Ok(Callee::User(users.swap_remove(0))),
        _ => Ok(Callee::Users(users)),
    }
}

/// User ids of these JIDs, each once.
fn user_ids(talk: &TalkAccount, jids: &[String]) -> Result<Vec<String>, Problem> {
    if jids.len() > MAX_USERS {
        return Err(problem(ProblemCode::BadLink, "so many cannot be called at once"));
    }
    let domain = Domain::of(&talk.login().server);
    let mut users: Vec<String> = Vec::new();
    for jid in jids {
        match domain.read(jid) {
            Ok(Named::User(user)) if user == talk.login().user_id => {
                return Err(problem(ProblemCode::BadLink, "one cannot call oneself"));
            }
            Ok(Named::User(user)) if users.contains(&user) => {}
            Ok(Named::User(user)) => users.push(user),
            Ok(Named::Room(_)) => {
                return Err(problem(ProblemCode::BadLink, "a conversation is named by groupId"));
            }
            Err(why) => return Err(not_named(why, jid)),
        }
    }
    Ok(users)
}

/// The name of a conversation made for a call: who is in it.
fn name_of(talk: &TalkAccount, users: &[String]) -> String {
    let mut name = talk.login().display_name.clone();
    for user in users {
        name.push_str(", ");
        name.push_str(user);
    }
    name.chars().take(MAX_NAME).collect()
}

fn problem_in(event: &Event, id: &CallId) -> Option<Problem> {
    match event {
        Event::Call { call, happening: CallHappening::Problem { problem } } if call == id.as_str() => {
            Some(problem_of(problem))
        }
        Event::Call { .. }
        | Event::State { .. }
        | Event::Levels { .. }
        | Event::Quality { .. }
        | Event::Sdk { .. }
        | Event::RaiseWindow
        | Event::Stopping => None,
    }
}

/// Not one of a device or a path, which a call may have at any time.
fn is_about_people(problem: &Problem) -> bool {
    use ProblemCode as Code;
    matches!(
        problem.code,
        Code::UnknownUser
            | Code::UnknownRoom
            | Code::Forbidden
            | Code::ReadOnly
            | Code::NotNow
            | Code::NotATalkServer
            | Code::ServerUnreachable
            | Code::ServerFailed
            | Code::Throttled
            | Code::SignedOut
    )
}

fn is_invited(callback: &SdkEvent, jid: &str) -> bool {
    matches!(callback, SdkEvent::InviteUsersListener(payload) if payload.user_list.iter().any(|user| user == jid))
}

fn asked(step: EntranceView) -> &'static str {
    match step {
        EntranceView::Entering => "the call is on its way",
        EntranceView::Password { .. } => "the conversation asks for its password",
        EntranceView::Lobby { .. } => "a moderator has to let us in",
        EntranceView::Consent => "the person is asked for their consent to recordings",
    }
}
