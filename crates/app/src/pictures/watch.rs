//! Tells each call which of its pictures are looked at.

use std::sync::Arc;

use bellbird_call::{CallView, ParticipantId, Watch};
use bellbird_contract::{ShownPicture, TrackKind};

use crate::app::Inner;
use crate::convert;

/// How wide a picture counts as shown when it is kept instead: as it was sent.
const WHOLE: u16 = u16::MAX;

impl Inner {
    /// What is looked at may have changed, or the calls have.
    pub(crate) fn update_watched(self: &Arc<Self>) {
        let shown = self.board.all_shown();
        let keeps_all = self.config.pictures.keep.is_some();
        self.with(|state| state.calls.watch(|call| wanted(&shown, call, keeps_all)));
        self.preview.update(self, shown.iter().any(is_preview));
    }
}

fn is_preview(shown: &ShownPicture) -> bool {
    shown.call.is_none() && shown.participant.is_none() && shown.kind == TrackKind::Video
}

/// The pictures of a call that are looked at; of one shown twice, the larger.
fn wanted(shown: &[ShownPicture], call: &CallView, keeps_all: bool) -> Vec<Watch> {
    let mut wanted: Vec<Watch> = Vec::new();
    let mut add = |participant: Option<ParticipantId>, kind, width| match wanted
        .iter_mut()
        .find(|known| known.participant == participant && known.kind == kind)
    {
        Some(known) => known.width = known.width.max(width),
        None => wanted.push(Watch { participant, kind, width }),
    };
    for picture in shown {
        let ours = picture.call.as_deref() == Some(call.id.as_str());
        if ours || (is_preview(picture) && call.camera_on) {
            let participant = picture.participant.as_deref().map(ParticipantId::new);
            add(participant, convert::kind_of_track(picture.kind), picture.width);
        }
    }
    if keeps_all {
        for participant in &call.participants {
            for kind in [TrackKind::Video, TrackKind::Screen] {
                add(Some(participant.id.clone()), convert::kind_of_track(kind), WHOLE);
            }
        }
    }
    wanted
}
