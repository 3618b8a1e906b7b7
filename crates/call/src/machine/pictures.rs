//! Our camera and screen, and which pictures are looked at.

use std::collections::BTreeMap;

use super::CallMachine;
use crate::ports::{MediaCommand, Problem, SignalingCommand};
use crate::{CallEvent, MediaKind, ParticipantId, VideoLayer, Watch};

/// Why our camera stays off or goes off.
pub(super) const NO_CAMERA: &str = "showing our camera is not allowed in this conversation";
/// Why no screen is shared, or none any more.
const NO_SCREEN: &str = "sharing a screen is not allowed in this conversation";

/// More pictures than a window can show.
const MAX_WATCHED: usize = 128;

/// How far sharing a screen has come.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) enum Sharing {
    /// No screen is shared.
    #[default]
    Off,
    /// The screen is being opened, which may wait for the person to choose one. Nobody was told.
    Opening,
    /// It is captured, and the others were told.
    On,
}

/// Whose pictures are looked at here, and how large.
pub(super) type Watched = BTreeMap<(ParticipantId, MediaKind), VideoLayer>;

impl CallMachine {
    pub(super) fn wants_screen(&mut self, share: bool) {
        if !self.state.is_willed() || self.local.is_none() {
            return self.refuse("there is nobody to share a screen with yet");
        }
        match (self.sharing, share) {
            (Sharing::Off, true) if !self.facts.may_share_screen => self.forbid(NO_SCREEN),
            (Sharing::Off, true) => {
                self.sharing = Sharing::Opening;
                self.play(MediaCommand::SetMuted { kind: MediaKind::Screen, muted: false });
            }
            (Sharing::Opening | Sharing::On, false) => self.stop_sharing(),
            (Sharing::Off, false) | (Sharing::Opening | Sharing::On, true) => {}
        }
    }

    pub(super) fn stop_sharing(&mut self) {
        match std::mem::take(&mut self.sharing) {
            Sharing::Off => return,
            Sharing::Opening => {}
            Sharing::On => self.signal(SignalingCommand::ShareScreen(false)),
        }
        self.play(MediaCommand::SetMuted { kind: MediaKind::Screen, muted: true });
    }

    /// Switches off what we may not show any more.
    pub(super) fn keep_to_rights(&mut self) {
        if !self.facts.may_publish_video && !self.muted.video {
            self.set_muted(MediaKind::Video, true);
            self.forbid(NO_CAMERA);
        }
        if !self.facts.may_share_screen && self.sharing != Sharing::Off {
            self.stop_sharing();
            self.forbid(NO_SCREEN);
        }
    }

    /// Our microphone, camera or screen runs, or stopped at our wish.
    pub(super) fn local_track(&mut self, kind: MediaKind, added: bool) {
        if added {
            self.own_tracks.insert(kind);
            self.tell(CallEvent::Track { participant: None, kind, added });
        } else {
            self.drop_track(kind);
        }
        if kind == MediaKind::Screen && added && self.sharing == Sharing::Opening {
            self.sharing = Sharing::On;
            self.signal(SignalingCommand::ShareScreen(true));
        }
    }

    /// Our camera or screen could not be opened, or ended by itself.
    pub(super) fn capture_failed(&mut self, kind: MediaKind, problem: Problem) {
        match kind {
            MediaKind::Audio => {}
            MediaKind::Video => self.set_muted(MediaKind::Video, true),
            MediaKind::Screen => self.stop_sharing(),
        }
        self.drop_track(kind);
        self.tell(CallEvent::Problem(problem));
    }

    fn drop_track(&mut self, kind: MediaKind) {
        if self.own_tracks.remove(&kind) {
            self.tell(CallEvent::Track { participant: None, kind, added: false });
        }
    }

    pub(super) fn wants_watched(&mut self, mut pictures: Vec<Watch>) {
        pictures.truncate(MAX_WATCHED);
        let mut watched = Watched::new();
        for picture in &pictures {
            if let Some(participant) = &picture.participant {
                let layer = VideoLayer::for_width(picture.width);
                let entry = watched.entry((participant.clone(), picture.kind)).or_insert(layer);
                *entry = layer.max(*entry);
            }
        }
        let before = std::mem::replace(&mut self.watched, watched.clone());
        for ((participant, kind), layer) in &watched {
            if before.get(&(participant.clone(), *kind)) != Some(layer) {
                self.select_layer(participant.clone(), *kind, Some(*layer));
            }
        }
        for (participant, kind) in before.into_keys().filter(|key| !watched.contains_key(key)) {
            self.select_layer(participant, kind, None);
        }
        self.play(MediaCommand::Watch(pictures));
    }

    fn select_layer(&mut self, participant: ParticipantId, kind: MediaKind, layer: Option<VideoLayer>) {
        self.signal(SignalingCommand::SelectLayer { participant, kind, layer });
    }
}
