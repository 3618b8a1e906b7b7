//! The core's own types in the words of the contract. The one place where the two meet.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bellbird_call as call;
use bellbird_call::ports::{AudioLevels, Problem};
use bellbird_contract as contract;

/// Joins the monotonic clock of the core with the wall clock people read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clocks {
    instant: Instant,
    unix: Duration,
}

impl Clocks {
    /// Reads both.
    pub(crate) fn now() -> Self {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { instant: Instant::now(), unix }
    }

    /// The wall clock's Unix milliseconds.
    pub(crate) fn now_unix_ms() -> i64 {
        Self::now().unix_ms_in(Duration::ZERO)
    }

    /// Unix milliseconds of a moment that has passed.
    pub(crate) fn unix_ms(self, at: Instant) -> i64 {
        millis(self.unix.saturating_sub(self.instant.saturating_duration_since(at)))
    }

    /// Unix milliseconds of a moment to come.
    pub(crate) fn unix_ms_in(self, ahead: Duration) -> i64 {
        millis(self.unix.saturating_add(ahead))
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

pub(crate) fn problem(problem: &Problem) -> contract::Problem {
    numbered_problem(0, problem)
}

pub(crate) fn numbered_problem(number: u32, problem: &Problem) -> contract::Problem {
    contract::Problem { number, code: problem.code.as_str().into(), detail: problem.detail.clone() }
}

pub(crate) fn kinds(media: contract::Media) -> call::MediaKinds {
    match media {
        contract::Media::Voice => call::MediaKinds::VOICE,
        contract::Media::Video => call::MediaKinds::VIDEO,
    }
}

fn media(kinds: call::MediaKinds) -> contract::Media {
    if kinds.video { contract::Media::Video } else { contract::Media::Voice }
}

pub(crate) fn kind_of_track(kind: contract::TrackKind) -> call::MediaKind {
    match kind {
        contract::TrackKind::Audio => call::MediaKind::Audio,
        contract::TrackKind::Video => call::MediaKind::Video,
        contract::TrackKind::Screen => call::MediaKind::Screen,
    }
}

pub(crate) fn track_kind(kind: call::MediaKind) -> contract::TrackKind {
    match kind {
        call::MediaKind::Audio => contract::TrackKind::Audio,
        call::MediaKind::Video => contract::TrackKind::Video,
        call::MediaKind::Screen => contract::TrackKind::Screen,
    }
}

fn status(status: call::CallStatus) -> contract::Status {
    match status {
        call::CallStatus::Calling => contract::Status::Calling,
        call::CallStatus::Ringing => contract::Status::Ringing,
        call::CallStatus::Connecting => contract::Status::Connecting,
        call::CallStatus::Connected => contract::Status::Connected,
        call::CallStatus::Reconnecting => contract::Status::Reconnecting,
        call::CallStatus::Busy => contract::Status::Busy,
        call::CallStatus::Engaged => contract::Status::Engaged,
        call::CallStatus::Disconnected => contract::Status::Disconnected,
        call::CallStatus::Ended => contract::Status::Ended,
        call::CallStatus::Hold => contract::Status::Hold,
    }
}

fn end_reason(reason: call::EndReason) -> contract::EndReason {
    match reason {
        call::EndReason::LocalHangup => contract::EndReason::LocalHangup,
        call::EndReason::RemoteHangup => contract::EndReason::RemoteHangup,
        call::EndReason::LocalDecline => contract::EndReason::LocalDecline,
        call::EndReason::RemoteDecline => contract::EndReason::RemoteDecline,
        call::EndReason::RemoteEngaged => contract::EndReason::RemoteEngaged,
        call::EndReason::LocalEngaged => contract::EndReason::LocalEngaged,
        call::EndReason::NoAnswer => contract::EndReason::NoAnswer,
        call::EndReason::Missed => contract::EndReason::Missed,
        call::EndReason::AnsweredElsewhere => contract::EndReason::AnsweredElsewhere,
        call::EndReason::EndedByModerator => contract::EndReason::EndedByModerator,
        call::EndReason::ConnectionLost => contract::EndReason::ConnectionLost,
        call::EndReason::SignalingFailed => contract::EndReason::SignalingFailed,
        call::EndReason::MediaFailed => contract::EndReason::MediaFailed,
    }
}

/// What a call's own view does not know.
pub(crate) struct CallSetting<'a> {
    pub(crate) account: &'a str,
    pub(crate) guest_on: Option<&'a str>,
    pub(crate) entrance: Option<contract::EntranceView>,
    pub(crate) asks_consent: bool,
    pub(crate) silent: bool,
    pub(crate) echo: bool,
    pub(crate) clocks: Clocks,
}

pub(crate) fn call_view(view: &call::CallView, setting: &CallSetting<'_>) -> contract::CallView {
    let unix_ms = |at: Instant| setting.clocks.unix_ms(at);
    contract::CallView {
        id: view.id.as_str().into(),
        account: setting.account.into(),
        guest_on: setting.guest_on.map(str::to_owned),
        entrance: setting.entrance,
        asks_consent: setting.asks_consent,
        incoming: match view.direction {
            call::CallDirection::Incoming => true,
            call::CallDirection::Outgoing => false,
        },
        room: view.room.as_ref().map(|room| room.as_str().into()),
        display_name: view.display_name.clone(),
        contact: view.contact.as_ref().map(|contact| contact.as_str().into()),
        echo: setting.echo,
        status: status(view.status),
        can_answer: view.can_answer,
        media: media(view.media),
        joined_by: None,
        muted: view.muted,
        silent: setting.silent,
        camera_on: view.camera_on,
        sharing_screen: view.sharing_screen,
        may_show_camera: view.facts.may_publish_video,
        may_share_screen: view.facts.may_share_screen,
        recorded: view.facts.recorded,
        on_hold: view.on_hold,
        hand_raised: view.hand_raised,
        video_request: match view.video_request {
            call::VideoRequest::None => contract::VideoRequest::None,
            call::VideoRequest::ByUs => contract::VideoRequest::AskedByUs,
            call::VideoRequest::ByThem => contract::VideoRequest::AskedByThem,
        },
        reactions: view.facts.reactions.iter().map(|reaction| reaction.as_str().to_owned()).collect(),
        group: group_view(view),
        connected_at_ms: view.connected_at.map(unix_ms),
        reconnecting_since_ms: view.reconnecting_at.map(unix_ms),
        participants: view.participants.iter().map(participant_view).collect(),
        ended: view.ended.map(end_reason),
        duration_s: view.ended.map(|_| {
            let seconds = view.connected_for.unwrap_or_default().as_secs();
            u32::try_from(seconds).unwrap_or(u32::MAX)
        }),
    }
}

/// `None` with two, and before the service said what the conversation is. The link is the state's to add.
fn group_view(view: &call::CallView) -> Option<contract::GroupView> {
    let known = !view.one_to_one && view.room.is_some();
    known.then_some(contract::GroupView {
        moderator: view.facts.moderator,
        may_add: view.facts.may_add,
        mesh: view.facts.mesh,
        open_by_link: view.facts.open_by_link,
        link: None,
    })
}

fn participant_view(view: &call::ParticipantView) -> contract::ParticipantView {
    contract::ParticipantView {
        id: view.id.as_str().into(),
        contact: view.contact.as_ref().map(|contact| contact.as_str().into()),
        display_name: view.display_name.clone(),
        status: status(view.status),
        audio_muted: view.audio_muted,
        video_muted: view.video_muted,
        has_video: view.has_video,
        has_screen: view.has_screen,
        hand_raised_ms: view.hand_raised,
    }
}

/// `None` for what a snapshot alone shows. `duration` is the connected time, for the last one.
pub(crate) fn happening(event: &call::CallEvent, duration: Duration) -> Option<contract::CallHappening> {
    let name =
        |participant: &Option<call::ParticipantId>| participant.as_ref().map(|id| id.as_str().to_owned());
    Some(match event {
        // The call SDK tells of these.
        call::CallEvent::VideoSwitch { .. } | call::CallEvent::PersonAdded(_) => return None,
        call::CallEvent::Room(_) => return None,
        call::CallEvent::Status { participant, status: new } => {
            contract::CallHappening::Status { participant: name(participant), status: status(*new) }
        }
        call::CallEvent::Track { participant, kind, added } => contract::CallHappening::Track {
            participant: name(participant),
            kind: track_kind(*kind),
            added: *added,
        },
        call::CallEvent::FirstMedia { participant, kind, stage } => contract::CallHappening::Media {
            participant: participant.as_str().into(),
            kind: track_kind(*kind),
            first: match stage {
                call::MediaStage::Rtp => "rtp",
                call::MediaStage::Played => "played",
                call::MediaStage::Frame => "frame",
            }
            .into(),
        },
        call::CallEvent::Mute { participant, kind, muted } => contract::CallHappening::Mute {
            participant: name(participant),
            kind: track_kind(*kind),
            muted: *muted,
        },
        call::CallEvent::MutedByModerator => contract::CallHappening::MutedByModerator,
        call::CallEvent::Hand { participant, raised } => {
            contract::CallHappening::Hand { participant: name(participant), raised: *raised }
        }
        call::CallEvent::Reaction { participant, reaction } => contract::CallHappening::Reaction {
            participant: name(participant),
            reaction: reaction.as_str().into(),
        },
        call::CallEvent::Problem(what) => contract::CallHappening::Problem { problem: problem(what) },
        call::CallEvent::Ended(reason) => contract::CallHappening::Ended {
            reason: end_reason(*reason),
            duration_s: (duration.as_secs_f64() * 1000.0).round() / 1000.0,
        },
    })
}

pub(crate) fn levels(levels: &AudioLevels) -> contract::LevelsView {
    contract::LevelsView {
        local: levels.local,
        remote: levels.remote.iter().map(|(who, level)| (who.as_str().to_owned(), *level)).collect(),
    }
}

pub(crate) fn link_quality(quality: &call::LinkQuality) -> contract::LinkQualityView {
    let ms = |time: Duration| time.as_secs_f32() * 1000.0;
    contract::LinkQualityView {
        participant: quality.participant.as_ref().map(|id| id.as_str().into()),
        rtt_ms: quality.round_trip.map(ms),
        loss: quality.loss,
        remote_loss: quality.remote_loss,
        jitter_ms: ms(quality.jitter),
        buffer_ms: ms(quality.buffer),
        concealed: quality.concealed,
        kbit_in: quality.kbit_in,
        kbit_out: quality.kbit_out,
        packets_lost: quality.packets_lost,
        packets_received: quality.packets_received,
        video: quality.video.iter().map(video_quality).collect(),
    }
}

fn video_quality(quality: &call::VideoQuality) -> contract::VideoQualityView {
    contract::VideoQualityView {
        kind: track_kind(quality.kind),
        width: quality.width,
        height: quality.height,
        fps: quality.fps,
        frames: quality.frames,
        freezes: quality.freezes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_keep_their_distance_to_now() {
        let clocks = Clocks::now();
        let now = clocks.unix_ms(clocks.instant);
        assert_eq!(now - clocks.unix_ms(clocks.instant - Duration::from_secs(3)), 3000);
        assert_eq!(clocks.unix_ms_in(Duration::from_secs(3)) - now, 3000);
        assert!(now > 1_600_000_000_000, "{now} is no time of ours");
    }

    #[test]
    fn the_end_tells_the_connected_time_in_milliseconds() {
        let event = call::CallEvent::Ended(call::EndReason::RemoteHangup);
        let expected =
            contract::CallHappening::Ended { reason: contract::EndReason::RemoteHangup, duration_s: 1.235 };
        assert_eq!(happening(&event, Duration::from_micros(1_234_567)), Some(expected));
        let room = call::CallEvent::Room(call::RoomId::new("abc"));
        assert_eq!(happening(&room, Duration::ZERO), None);
    }
}
