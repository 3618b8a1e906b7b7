//! One call as programs are told of it: what happens in it goes in, callbacks come out, in order. Pure.
//!
//! ```text
//!  Dialing ──we are in the call──▶ Calling ──▶ Ringing ──▶ Connecting ──▶ Connected ◀──▶ Hold
//!  Incoming ──answered──────────────────────────────────▶ Connecting      ▲   │ loss
//!                                                                    back │   ▼
//!  any ──ended──▶ told once as `closed`, the last of the call            Reconnecting
//! ```
//!
//! A call from us is told once the server let us into it. One that never came so far is told by the result of the
//! method that made it, and by nothing else.

use std::collections::BTreeSet;
use std::time::Instant;

use bellbird_call::ports::{AudioLevels, Problem, ProblemCode};
use bellbird_call::{
    CallDirection, CallEvent, CallStatus, CallView, EndReason, MediaKind, ParticipantId, VideoSwitch,
};
use bellbird_contract::{
    CallInfo, CallMode, CallStatusPayload, CallSwitchPayload, CallType, CallUser, CallUserPayload,
    CallUsersUpdate, IncomingCall, InviteUsersPayload, MediaErrorPayload, MissedCall, MuteStatus, SdkEvent,
    SdkStatus, SdkTrackType, SessionStatus, SpeakingPayload, SwitchStatus, UserDetails, UserStatus,
    UserTrack,
};

use super::home::Home;
use super::people::{Device, Person, Voice};

/// One call, from the moment it is known until it is over.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) call: String,
    pub(super) home: Home,
    pub(super) stage: Stage,
    /// The method that made it said that it was begun: its end is told, however far it came.
    pub(super) promised: bool,
    incoming: bool,
    room: Option<String>,
    one_to_one: bool,
    call_type: CallType,
    own_audio_muted: bool,
    own_video_muted: bool,
    own_tracks: BTreeSet<MediaKind>,
    /// Those that programs were told of.
    own_told: BTreeSet<MediaKind>,
    own_voice: Voice,
    /// The one who calls us, or whom we call, is the first.
    others: Vec<Person>,
}

/// Where a call stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    /// On our way into the call; nobody was told anything.
    Dialing,
    /// We are in it, nobody else is.
    Calling,
    /// It rings there.
    Ringing,
    /// It rings here.
    Incoming,
    /// Accepted, no media yet.
    Connecting,
    /// Media flow.
    Connected,
    /// Every path is lost.
    Reconnecting,
    /// We put it on hold.
    Hold,
}

/// Whose status it is.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Whose {
    Ours,
    Theirs(String),
}

impl Session {
    /// A call from us.
    pub(super) fn dialing(home: Home, view: &CallView) -> Self {
        let mut session = Self::blank(home, view, Stage::Dialing);
        session.own_video_muted = !view.media.video;
        session
    }

    /// A call to us.
    pub(super) fn ringing(home: Home, view: &CallView, now_ms: i64) -> (Self, SdkEvent) {
        let mut session = Self::blank(home, view, Stage::Incoming);
        session.meet_caller(view);
        let caller = session.caller();
        let own = session.home.own();
        let event = SdkEvent::IncomingCallListener(IncomingCall {
            all_users: vec![caller.clone(), own.clone()],
            call_mode: session.mode(),
            call_time: now_ms,
            call_type: session.call_type,
            from: session.from(),
            to: session.to(),
            group_id: session.group(),
            local_user: false,
            room_id: session.room_id(),
            room_link: session.home.link.clone().unwrap_or_default(),
            status: SdkStatus::Ringing,
            to_users: vec![own],
            user_details: vec![session.home.own_details()],
            user_jid: caller,
            users_status: session.users(),
        });
        (session, event)
    }

    /// A call to us that did not ring.
    pub(super) fn missed(home: Home, view: &CallView) -> SdkEvent {
        let mut session = Self::blank(home, view, Stage::Incoming);
        session.meet_caller(view);
        session.missed_event()
    }

    fn blank(home: Home, view: &CallView, stage: Stage) -> Self {
        let mut session = Self {
            call: view.id.as_str().to_owned(),
            home,
            stage,
            promised: false,
            incoming: view.direction == CallDirection::Incoming,
            room: None,
            one_to_one: view.one_to_one,
            call_type: if view.media.video { CallType::Video } else { CallType::Audio },
            own_audio_muted: false,
            own_video_muted: true,
            own_tracks: BTreeSet::new(),
            own_told: BTreeSet::new(),
            own_voice: Voice::default(),
            others: Vec::new(),
        };
        session.learn(view);
        session
    }

    /// What a view adds that only ever becomes known: it may be ahead of what happens.
    fn learn(&mut self, view: &CallView) {
        if let Some(room) = &view.room {
            self.room = Some(room.as_str().to_owned());
        }
        if self.stage == Stage::Dialing {
            self.one_to_one = view.one_to_one;
            if let (true, Some(contact), true) = (view.one_to_one, &view.contact, self.others.is_empty()) {
                let jid = self.home.domain.user(contact.as_str());
                self.others.push(Person::new(jid, &view.display_name, SdkStatus::Calling));
            }
        }
        if let [other] = self.others.as_mut_slice()
            && view.one_to_one
            && !view.display_name.is_empty()
        {
            other.name.clone_from(&view.display_name);
        }
    }

    fn meet_caller(&mut self, view: &CallView) {
        if let Some(contact) = &view.contact {
            let name = if view.one_to_one { view.display_name.as_str() } else { contact.as_str() };
            let jid = self.home.domain.user(contact.as_str());
            self.others.push(Person::new(jid, name, SdkStatus::Calling));
        }
    }

    /// Somebody we are about to ring with the others.
    pub(super) fn expect(&mut self, user: &str) {
        let jid = self.home.domain.user(user);
        if self.others.iter().all(|person| person.jid != jid) {
            self.others.push(Person::new(jid, user, SdkStatus::Calling));
        }
    }

    /// The call shows something new.
    pub(super) fn view(&mut self, view: &CallView, out: &mut Vec<SdkEvent>) {
        self.learn(view);
        if view.joined && self.stage == Stage::Dialing {
            self.announce(out);
        }
    }

    /// Something happened in it, but for its end.
    pub(super) fn happening(&mut self, view: &CallView, event: &CallEvent, out: &mut Vec<SdkEvent>) {
        self.view(view, out);
        match event {
            CallEvent::Status { participant: None, status } => self.own_status(*status, view, out),
            CallEvent::Status { participant: Some(who), status } => {
                self.announce(out);
                self.their_status(who, *status, view, out);
            }
            CallEvent::Track { participant, kind, added } => {
                self.track(participant.as_ref(), *kind, *added, out);
            }
            CallEvent::Mute { participant, kind, muted } => {
                self.mute(participant.as_ref(), *kind, *muted, out)
            }
            CallEvent::VideoSwitch { participant, word } => self.switch(participant.as_ref(), *word, out),
            CallEvent::PersonAdded(who) => {
                let jid = self.home.domain.user(who.as_str());
                self.expect(who.as_str());
                out.push(SdkEvent::InviteUsersListener(InviteUsersPayload {
                    users_status: self.users(),
                    room_id: self.room_id(),
                    user_list: vec![jid],
                }));
                out.push(self.people());
            }
            CallEvent::Problem(problem) => out.extend(media_error(problem)),
            CallEvent::Room(_)
            | CallEvent::FirstMedia { .. }
            | CallEvent::MutedByModerator
            | CallEvent::Hand { .. }
            | CallEvent::Reaction { .. }
            | CallEvent::Ended(_) => {}
        }
    }

    /// It is over. `current`: the program knows it as its call; one that rang beside it is told in a way that does not
    /// end that.
    pub(super) fn end(mut self, reason: EndReason, current: bool, out: &mut Vec<SdkEvent>) {
        if self.stage == Stage::Dialing && !self.promised {
            return;
        }
        self.drop_tracks(out);
        if reason == EndReason::Missed {
            out.push(self.missed_event());
        }
        let first = self.others.first().map_or(Whose::Ours, |person| Whose::Theirs(person.jid.clone()));
        let of_two = self.one_to_one || self.stage == Stage::Incoming;
        let far = if of_two { first.clone() } else { Whose::Ours };
        let (status, mut whose) = match reason {
            EndReason::LocalHangup
            | EndReason::LocalDecline
            | EndReason::LocalEngaged
            | EndReason::AnsweredElsewhere
            | EndReason::EndedByModerator => (SdkStatus::Ended, Whose::Ours),
            EndReason::RemoteHangup | EndReason::NoAnswer | EndReason::Missed => (SdkStatus::Ended, far),
            EndReason::RemoteDecline => (SdkStatus::Busy, far),
            EndReason::RemoteEngaged => (SdkStatus::Engaged, far),
            EndReason::ConnectionLost | EndReason::SignalingFailed | EndReason::MediaFailed => {
                (SdkStatus::Disconnected, Whose::Ours)
            }
        };
        if !current {
            whose = first;
        }
        let mut users = self.users();
        for user in &mut users {
            let meant = match &whose {
                Whose::Ours => user.user_jid == self.home.own(),
                Whose::Theirs(jid) => user.user_jid == *jid,
            };
            user.status = if meant { status } else { SdkStatus::Ended };
        }
        out.push(SdkEvent::CallStatusListener(CallStatusPayload {
            session_status: current.then_some(SessionStatus::Closed),
            carbon_attended: (reason == EndReason::AnsweredElsewhere).then_some(true),
            users_status: users,
            ..self.payload(status, &whose)
        }));
    }

    /// How loud everyone is.
    pub(super) fn levels(&mut self, levels: &AudioLevels, now: Instant, out: &mut Vec<SdkEvent>) {
        match self.stage {
            Stage::Dialing | Stage::Calling | Stage::Ringing | Stage::Incoming => return,
            Stage::Connecting | Stage::Connected | Stage::Reconnecting | Stage::Hold => {}
        }
        let own = if self.own_audio_muted || self.stage == Stage::Hold { -127.0 } else { levels.local };
        if let Some(volume_level) = self.own_voice.hear(own, now) {
            let user_jid = self.home.own();
            let payload = SpeakingPayload { user_jid, local_user: true, volume_level };
            out.push(SdkEvent::CallSpeakingListener(payload));
        }
        for person in &mut self.others {
            let of_theirs = |(who, _): &&(ParticipantId, f32)| {
                person.devices.iter().any(|device| device.id == *who && !device.audio_muted)
            };
            let loudest = levels.remote.iter().filter(of_theirs).map(|(_, level)| *level);
            let loudest = loudest.fold(-127.0, f32::max);
            if let Some(volume_level) = person.voice.hear(loudest, now) {
                let user_jid = person.jid.clone();
                let payload = SpeakingPayload { user_jid, local_user: false, volume_level };
                out.push(SdkEvent::CallSpeakingListener(payload));
            }
        }
    }

    /// What `getCallInfo` yields. `link` lets others in.
    pub(super) fn info(&self, link: Option<String>) -> CallInfo {
        CallInfo {
            room_id: self.room_id(),
            room_link: link.or(self.home.link.clone()).unwrap_or_default(),
            call_type: self.call_type,
            call_mode: self.mode(),
            group_id: self.group(),
            users_status: self.users(),
        }
    }

    fn announce(&mut self, out: &mut Vec<SdkEvent>) {
        if self.stage != Stage::Dialing {
            return;
        }
        self.stage = Stage::Calling;
        out.push(self.status(SdkStatus::Calling, &Whose::Ours));
        self.settle_tracks(None, out);
    }

    fn own_status(&mut self, status: CallStatus, view: &CallView, out: &mut Vec<SdkEvent>) {
        match (status, self.stage) {
            (CallStatus::Ringing, Stage::Dialing | Stage::Calling) => {
                self.announce(out);
                self.stage = Stage::Ringing;
                if let Some(callee) = self.others.first_mut() {
                    callee.bare = SdkStatus::Ringing;
                    let whose = Whose::Theirs(callee.jid.clone());
                    out.push(self.status(SdkStatus::Ringing, &whose));
                }
            }
            (CallStatus::Connecting, Stage::Incoming) => {
                self.stage = Stage::Connecting;
                self.own_video_muted = !view.media.video;
                for person in &mut self.others {
                    person.bare = SdkStatus::Connecting;
                }
                out.push(self.status(SdkStatus::Connecting, &Whose::Ours));
            }
            (CallStatus::Hold, Stage::Connected | Stage::Reconnecting | Stage::Connecting) => {
                self.stage = Stage::Hold;
                out.push(self.status(SdkStatus::Hold, &Whose::Ours));
            }
            (CallStatus::Connected, Stage::Hold) => {
                self.stage = Stage::Connected;
                out.push(self.status(SdkStatus::Connected, &Whose::Ours));
            }
            (CallStatus::Reconnecting, Stage::Hold) => self.stage = Stage::Reconnecting,
            // What the others' statuses told already, and what the end tells.
            (
                CallStatus::Calling
                | CallStatus::Ringing
                | CallStatus::Connecting
                | CallStatus::Connected
                | CallStatus::Reconnecting
                | CallStatus::Busy
                | CallStatus::Engaged
                | CallStatus::Disconnected
                | CallStatus::Ended
                | CallStatus::Hold,
                Stage::Dialing
                | Stage::Calling
                | Stage::Ringing
                | Stage::Incoming
                | Stage::Connecting
                | Stage::Connected
                | Stage::Reconnecting
                | Stage::Hold,
            ) => {}
        }
    }

    fn their_status(
        &mut self,
        who: &ParticipantId,
        status: CallStatus,
        view: &CallView,
        out: &mut Vec<SdkEvent>,
    ) {
        let shown = view.participants.iter().find(|participant| participant.id == *who);
        let Some(at) = self.others.iter().position(|person| person.has(who)) else {
            // Who left already is not worth telling of.
            let Some(shown) = shown.filter(|_| status != CallStatus::Disconnected) else { return };
            let jid = match &shown.contact {
                Some(contact) => self.home.domain.user(contact.as_str()),
                None => self.home.domain.guest(who.as_str()),
            };
            // Another device of ours is no other person.
            if jid == self.home.own() {
                return;
            }
            let device = Device {
                id: who.clone(),
                status,
                audio_muted: shown.audio_muted,
                video_muted: shown.video_muted,
                tracks: BTreeSet::new(),
                told: BTreeSet::new(),
            };
            return self.joins(jid, &shown.display_name, device, out);
        };
        let left = status == CallStatus::Disconnected && shown.is_none();
        let before = self.others[at].status();
        if left {
            self.others[at].devices.retain(|device| device.id != *who);
            if self.others[at].devices.is_empty() {
                return self.leaves(at, out);
            }
        } else if let Some(device) = self.others[at].devices.iter_mut().find(|device| device.id == *who) {
            device.status = status;
        }
        self.follow();
        let after = self.others[at].status();
        if before != after {
            let whose = Whose::Theirs(self.others[at].jid.clone());
            out.push(self.status(after, &whose));
        }
    }

    fn joins(&mut self, jid: String, name: &str, device: Device, out: &mut Vec<SdkEvent>) {
        let at = match self.others.iter().position(|person| person.jid == jid) {
            Some(at) => at,
            None => {
                self.others.push(Person::new(jid.clone(), name, SdkStatus::UserStatus));
                self.others.len() - 1
            }
        };
        let person = &mut self.others[at];
        let (before, first) = (person.status(), person.devices.is_empty());
        if !name.is_empty() {
            name.clone_into(&mut person.name);
        }
        person.devices.push(device);
        let after = person.status();
        self.follow();
        if before != after {
            out.push(self.status(after, &Whose::Theirs(jid.clone())));
        }
        if first {
            let payload = CallUserPayload { user_jid: jid, local_user: false };
            out.push(SdkEvent::CallUserJoinedListener(payload));
            out.push(self.people());
        }
    }

    /// Who has no device in the call any more. In a call of two they come back within moments, or it is over.
    fn leaves(&mut self, at: usize, out: &mut Vec<SdkEvent>) {
        self.others[at].bare = SdkStatus::Disconnected;
        self.others[at].voice = Voice::default();
        if self.one_to_one {
            return;
        }
        self.others[at].bare = SdkStatus::Ended;
        let jid = self.others[at].jid.clone();
        self.follow();
        out.push(self.status(SdkStatus::Ended, &Whose::Theirs(jid.clone())));
        self.others.remove(at);
        let payload = CallUserPayload { user_jid: jid, local_user: false };
        out.push(SdkEvent::CallUserLeftListener(payload));
        out.push(self.people());
    }

    /// The call stands as the best of the others does.
    fn follow(&mut self) {
        let any = |status| self.others.iter().any(|person| person.status() == status);
        let (connected, lost, coming) =
            (any(SdkStatus::Connected), any(SdkStatus::Reconnecting), any(SdkStatus::Connecting));
        self.stage = match self.stage {
            Stage::Calling | Stage::Ringing | Stage::Connecting | Stage::Connected | Stage::Reconnecting
                if connected =>
            {
                Stage::Connected
            }
            Stage::Connected | Stage::Reconnecting if lost => Stage::Reconnecting,
            // Whoever was lost may have gone for good, and the call goes on.
            Stage::Reconnecting if !self.one_to_one => Stage::Connected,
            Stage::Calling | Stage::Ringing if coming => Stage::Connecting,
            same @ (Stage::Dialing
            | Stage::Calling
            | Stage::Ringing
            | Stage::Incoming
            | Stage::Connecting
            | Stage::Connected
            | Stage::Reconnecting
            | Stage::Hold) => same,
        };
    }

    fn track(&mut self, who: Option<&ParticipantId>, kind: MediaKind, added: bool, out: &mut Vec<SdkEvent>) {
        let tracks = match who {
            None => Some(&mut self.own_tracks),
            Some(who) => self.device(who).map(|device| &mut device.tracks),
        };
        let Some(tracks) = tracks else { return };
        if added {
            tracks.insert(kind);
        } else {
            tracks.remove(&kind);
        }
        self.settle_tracks(who, out);
    }

    /// Tells which tracks came and went. A camera's path is there before, and after, anything is seen through it: that
    /// is no track yet, or none any more.
    fn settle_tracks(&mut self, who: Option<&ParticipantId>, out: &mut Vec<SdkEvent>) {
        if self.stage == Stage::Dialing {
            return;
        }
        let own_video = !self.own_video_muted;
        let (tracks, told, video) = match who {
            None => (&self.own_tracks, &mut self.own_told, own_video),
            Some(who) => {
                let mut devices = self.others.iter_mut().flat_map(|person| &mut person.devices);
                let Some(device) = devices.find(|device| device.id == *who) else { return };
                (&device.tracks, &mut device.told, !device.video_muted)
            }
        };
        let shown = |kind: &MediaKind| *kind != MediaKind::Video || video;
        let now: BTreeSet<MediaKind> = tracks.iter().copied().filter(shown).collect();
        let before = std::mem::replace(told, now.clone());
        for kind in before.difference(&now) {
            out.push(self.track_event(who, *kind, false));
        }
        for kind in now.difference(&before) {
            out.push(self.track_event(who, *kind, true));
        }
    }

    fn drop_tracks(&mut self, out: &mut Vec<SdkEvent>) {
        let of_devices = |device: &Device| {
            let id = device.id.clone();
            device.told.iter().map(move |kind| (Some(id.clone()), *kind)).collect::<Vec<_>>()
        };
        let devices = self.others.iter().flat_map(|person| &person.devices);
        let mut tracks: Vec<(Option<ParticipantId>, MediaKind)> = devices.flat_map(of_devices).collect();
        tracks.extend(self.own_told.iter().map(|kind| (None, *kind)));
        for (who, kind) in tracks {
            out.push(self.track_event(who.as_ref(), kind, false));
        }
    }

    fn mute(&mut self, who: Option<&ParticipantId>, kind: MediaKind, muted: bool, out: &mut Vec<SdkEvent>) {
        let flag = match (who, kind) {
            (None, MediaKind::Audio) => Some(&mut self.own_audio_muted),
            (None, MediaKind::Video) => Some(&mut self.own_video_muted),
            (Some(who), MediaKind::Audio) => self.device(who).map(|device| &mut device.audio_muted),
            (Some(who), MediaKind::Video) => self.device(who).map(|device| &mut device.video_muted),
            (None | Some(_), MediaKind::Screen) => None,
        };
        let Some(flag) = flag else { return };
        let known = std::mem::replace(flag, muted) == muted;
        // What a status told already is no news.
        if known || self.stage == Stage::Dialing {
            return;
        }
        let Some(user_jid) = self.jid_of(who) else { return };
        out.push(SdkEvent::MuteStatusListener(MuteStatus {
            user_jid,
            local_user: who.is_none(),
            track_type: track_type(kind),
            is_muted: muted,
        }));
        self.settle_tracks(who, out);
    }

    /// What the far end says, and what ran out of time. What we say ourselves is no news.
    fn switch(&mut self, who: Option<&ParticipantId>, word: VideoSwitch, out: &mut Vec<SdkEvent>) {
        if word == VideoSwitch::Accept {
            self.call_type = CallType::Video;
        }
        let Some(user_jid) = self.jid_of(who) else { return };
        let status = match (who, word) {
            (None, VideoSwitch::Request | VideoSwitch::Accept | VideoSwitch::Decline) => return,
            (Some(_), VideoSwitch::Request) => SwitchStatus::Request,
            (Some(_), VideoSwitch::Accept) => SwitchStatus::Accept,
            (Some(_), VideoSwitch::Decline) => SwitchStatus::Decline,
            (None | Some(_), VideoSwitch::Cancel) => SwitchStatus::Cancel,
        };
        out.push(SdkEvent::CallSwitchListener(CallSwitchPayload { status, user_jid }));
    }

    fn missed_event(&self) -> SdkEvent {
        SdkEvent::MissedCallListener(MissedCall {
            call_mode: self.mode(),
            call_type: self.call_type,
            from: self.from(),
            user_jid: self.caller(),
            room_id: self.room_id(),
            all_users: self.users().into_iter().map(|user| user.user_jid).collect(),
            group_id: self.group(),
        })
    }

    fn track_event(&self, who: Option<&ParticipantId>, kind: MediaKind, added: bool) -> SdkEvent {
        let participant = who.map_or("", ParticipantId::as_str);
        let name = match kind {
            MediaKind::Audio => "audio",
            MediaKind::Video => "video",
            MediaKind::Screen => "screen",
        };
        SdkEvent::UserTrackListener(UserTrack {
            local_user: who.is_none(),
            track: added.then(|| format!("{}/{participant}/{name}", self.call)),
            track_type: track_type(kind),
            user_jid: self.jid_of(who).unwrap_or_default(),
            users_status: self.users(),
        })
    }

    fn people(&self) -> SdkEvent {
        let own =
            CallUser { user_jid: self.home.own(), display_name: self.home.name.clone(), local_user: true };
        let others = self.others.iter().map(|person| CallUser {
            user_jid: person.jid.clone(),
            display_name: person.name.clone(),
            local_user: false,
        });
        let mut users_list: Vec<CallUser> = others.collect();
        users_list.insert(self.own_place(), own);
        SdkEvent::CallUsersUpdateListener(CallUsersUpdate { users_list })
    }

    fn status(&self, status: SdkStatus, whose: &Whose) -> SdkEvent {
        SdkEvent::CallStatusListener(self.payload(status, whose))
    }

    fn payload(&self, status: SdkStatus, whose: &Whose) -> CallStatusPayload {
        let (user_jid, local_user) = match whose {
            Whose::Ours => (self.home.own(), true),
            Whose::Theirs(jid) => (jid.clone(), false),
        };
        CallStatusPayload {
            status,
            user_jid,
            local_user,
            session_status: None,
            users_status: self.users(),
            carbon_attended: None,
        }
    }

    /// Whoever calls comes first.
    fn users(&self) -> Vec<UserStatus> {
        let shows = self.call_type == CallType::Video;
        let mut users: Vec<UserStatus> = self.others.iter().map(|person| person.view(shows)).collect();
        let own = UserStatus {
            user_jid: self.home.own(),
            status: match self.stage {
                Stage::Dialing | Stage::Calling | Stage::Ringing => SdkStatus::Calling,
                Stage::Incoming => SdkStatus::Ringing,
                Stage::Connecting => SdkStatus::Connecting,
                Stage::Connected => SdkStatus::Connected,
                Stage::Reconnecting => SdkStatus::Reconnecting,
                Stage::Hold => SdkStatus::Hold,
            },
            audio_muted: self.own_audio_muted,
            video_muted: self.own_video_muted,
        };
        users.insert(self.own_place(), own);
        users
    }

    fn own_place(&self) -> usize {
        usize::from(self.incoming && !self.others.is_empty())
    }

    fn device(&mut self, who: &ParticipantId) -> Option<&mut Device> {
        self.others.iter_mut().flat_map(|person| &mut person.devices).find(|device| device.id == *who)
    }

    fn jid_of(&self, who: Option<&ParticipantId>) -> Option<String> {
        match who {
            None => Some(self.home.own()),
            Some(who) => self.others.iter().find(|person| person.has(who)).map(|person| person.jid.clone()),
        }
    }

    fn room_id(&self) -> String {
        self.room.clone().unwrap_or_else(|| self.call.clone())
    }

    fn group(&self) -> Option<String> {
        (!self.one_to_one).then(|| self.home.domain.room(&self.room_id()))
    }

    fn mode(&self) -> CallMode {
        if self.one_to_one { CallMode::OneToOne } else { CallMode::OneToMany }
    }

    /// Who calls; where the service does not tell, the conversation.
    fn caller(&self) -> String {
        match self.others.first() {
            Some(person) => person.jid.clone(),
            None => self.home.domain.room(&self.room_id()),
        }
    }

    /// Of two: the callee; of several: who calls (mirrorfly-sdk section 4).
    fn from(&self) -> String {
        if self.one_to_one { self.home.own() } else { self.caller() }
    }

    /// Of two: who calls; of several: the conversation.
    fn to(&self) -> String {
        if self.one_to_one { self.caller() } else { self.home.domain.room(&self.room_id()) }
    }
}

impl Home {
    fn own_details(&self) -> UserDetails {
        UserDetails { user_jid: self.own(), display_name: self.name.clone(), image: self.picture() }
    }
}

fn track_type(kind: MediaKind) -> SdkTrackType {
    match kind {
        MediaKind::Audio => SdkTrackType::Audio,
        MediaKind::Video => SdkTrackType::Video,
        MediaKind::Screen => SdkTrackType::Screen,
    }
}

/// What a problem is to programs, when it is one of a device of ours.
fn media_error(problem: &Problem) -> Option<SdkEvent> {
    use ProblemCode as Code;
    let (action, denied) = match problem.code {
        Code::DeviceDenied => ("audio", true),
        Code::NoMicrophone | Code::NoSpeaker | Code::DeviceBusy | Code::DeviceLost => ("audio", false),
        Code::CameraDenied => ("video", true),
        Code::NoCamera | Code::CameraBusy | Code::CameraLost | Code::VideoFile => ("video", false),
        Code::ScreenDenied => ("screen", true),
        Code::NoScreen | Code::ScreenLost => ("screen", false),
        _ => return None,
    };
    let (status_code, call_status) =
        if denied { (100_607, "MEDIA_PERMISSION_DENIED") } else { (100_608, "MEDIA_DEVICE_ERROR") };
    let (action, call_status) = (action.to_owned(), call_status.to_owned());
    Some(SdkEvent::MediaErrorListener(MediaErrorPayload { action, status_code, call_status }))
}
