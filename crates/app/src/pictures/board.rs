//! Where the pictures of all calls meet those who look at them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bellbird_contract::{PICTURES_IN_FLIGHT, PixelLayout, ShownPicture, TrackKind};
use bellbird_video::VideoFrame;
use tokio::sync::Notify;

/// Who looks, and the newest picture for each. Pictures that nobody was quick enough to take are replaced.
#[derive(Default)]
pub(crate) struct Board {
    viewers: Mutex<BTreeMap<u64, Seat>>,
}

/// One who looks.
struct Seat {
    layout: PixelLayout,
    shown: Vec<Shown>,
    /// Whose turn is next, so that one quick picture does not keep the others waiting.
    turn: usize,
    filled: Arc<Notify>,
}

struct Shown {
    picture: ShownPicture,
    newest: Option<VideoFrame>,
    in_flight: u8,
}

/// A picture whose turn it is.
pub(super) struct Due {
    pub(super) number: u32,
    /// How wide it is shown, device pixels.
    pub(super) width: u16,
    pub(super) layout: PixelLayout,
    pub(super) frame: VideoFrame,
}

/// Where a picture comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Origin<'a> {
    /// `None`: the camera's preview.
    pub(crate) call: Option<&'a str>,
    /// `None`: ours.
    pub(crate) participant: Option<&'a str>,
    pub(crate) kind: TrackKind,
}

impl Origin<'_> {
    fn is_of(&self, shown: &ShownPicture) -> bool {
        let same = shown.call.as_deref() == self.call
            && shown.participant.as_deref() == self.participant
            && shown.kind == self.kind;
        // Our camera in a call is what its preview would show, and it can be opened but once.
        let preview = shown.call.is_none() && self.participant.is_none() && self.kind == TrackKind::Video;
        same || (preview && shown.participant.is_none() && shown.kind == TrackKind::Video)
    }
}

impl Board {
    pub(super) fn enter(&self, viewer: u64, filled: Arc<Notify>) {
        let seat = Seat { layout: PixelLayout::I420, shown: Vec::new(), turn: 0, filled };
        self.lock().insert(viewer, seat);
    }

    pub(super) fn leave(&self, viewer: u64) {
        self.lock().remove(&viewer);
    }

    /// These are looked at from now on. What was under way of a picture that stays is still under way.
    pub(super) fn show(&self, viewer: u64, layout: PixelLayout, pictures: Vec<ShownPicture>) {
        let mut viewers = self.lock();
        let Some(seat) = viewers.get_mut(&viewer) else { return };
        let mut before = std::mem::take(&mut seat.shown);
        seat.layout = layout;
        seat.shown = pictures
            .into_iter()
            .map(|picture| {
                let known = before.iter().position(|shown| shown.picture.number == picture.number);
                match known.map(|at| before.swap_remove(at)) {
                    Some(known) => {
                        let same = Origin::of(&known.picture) == Origin::of(&picture);
                        Shown { picture, newest: known.newest.filter(|_| same), in_flight: known.in_flight }
                    }
                    None => Shown { picture, newest: None, in_flight: 0 },
                }
            })
            .collect();
    }

    pub(super) fn drawn(&self, viewer: u64, number: u32) {
        let mut viewers = self.lock();
        let Some(seat) = viewers.get_mut(&viewer) else { return };
        if let Some(shown) = seat.shown.iter_mut().find(|shown| shown.picture.number == number) {
            shown.in_flight = shown.in_flight.saturating_sub(1);
            seat.filled.notify_one();
        }
    }

    /// A picture came. On a decoder's or a camera's thread.
    pub(crate) fn put(&self, origin: Origin<'_>, frame: &VideoFrame) {
        for seat in self.lock().values_mut() {
            let mut filled = false;
            for shown in seat.shown.iter_mut().filter(|shown| origin.is_of(&shown.picture)) {
                shown.newest = Some(frame.clone());
                filled |= shown.in_flight < PICTURES_IN_FLIGHT;
            }
            if filled {
                seat.filled.notify_one();
            }
        }
    }

    /// The next picture that a viewer may be sent.
    pub(super) fn take(&self, viewer: u64) -> Option<Due> {
        let mut viewers = self.lock();
        let seat = viewers.get_mut(&viewer)?;
        let count = seat.shown.len();
        for step in 0..count {
            let at = (seat.turn + step) % count;
            let shown = &mut seat.shown[at];
            if shown.in_flight >= PICTURES_IN_FLIGHT {
                continue;
            }
            if let Some(frame) = shown.newest.take() {
                shown.in_flight += 1;
                seat.turn = at + 1;
                let (number, width) = (shown.picture.number, shown.picture.width);
                return Some(Due { number, width, layout: seat.layout, frame });
            }
        }
        None
    }

    /// Everything that anyone looks at.
    pub(super) fn all_shown(&self) -> Vec<ShownPicture> {
        let viewers = self.lock();
        viewers.values().flat_map(|seat| seat.shown.iter().map(|shown| shown.picture.clone())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Seat>> {
        self.viewers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> Origin<'a> {
    fn of(shown: &'a ShownPicture) -> Self {
        Self { call: shown.call.as_deref(), participant: shown.participant.as_deref(), kind: shown.kind }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn frame(tone: u8) -> VideoFrame {
        VideoFrame::from_i420(2, 2, vec![tone; 6], Instant::now()).unwrap()
    }

    fn shown(number: u32, participant: &str) -> ShownPicture {
        ShownPicture {
            number,
            call: Some("1".into()),
            participant: Some(participant.into()),
            kind: TrackKind::Video,
            width: 320,
        }
    }

    fn origin(participant: &str) -> Origin<'_> {
        Origin { call: Some("1"), participant: Some(participant), kind: TrackKind::Video }
    }

    fn board(pictures: Vec<ShownPicture>) -> Board {
        let board = Board::default();
        board.enter(1, Arc::default());
        board.show(1, PixelLayout::I420, pictures);
        board
    }

    fn tone(due: Option<Due>) -> Option<(u32, u8)> {
        due.map(|due| (due.number, due.frame.y()[0]))
    }

    #[test]
    fn the_newest_picture_wins_and_two_are_under_way_at_most() {
        let board = board(vec![shown(5, "ada")]);
        for n in 1..=3 {
            board.put(origin("ada"), &frame(n));
        }
        assert_eq!(tone(board.take(1)), Some((5, 3)));
        assert_eq!(tone(board.take(1)), None);
        board.put(origin("ada"), &frame(4));
        assert_eq!(tone(board.take(1)), Some((5, 4)));
        board.put(origin("ada"), &frame(5));
        board.put(origin("ada"), &frame(6));
        assert_eq!(tone(board.take(1)), None);
        board.drawn(1, 5);
        assert_eq!(tone(board.take(1)), Some((5, 6)));
    }

    #[test]
    fn everyone_has_a_turn() {
        let board = board(vec![shown(1, "ada"), shown(2, "bob")]);
        board.put(origin("ada"), &frame(1));
        board.put(origin("bob"), &frame(2));
        assert_eq!(tone(board.take(1)), Some((1, 1)));
        board.put(origin("ada"), &frame(3));
        assert_eq!(tone(board.take(1)), Some((2, 2)));
        assert_eq!(tone(board.take(1)), Some((1, 3)));
    }

    #[test]
    fn what_is_not_looked_at_goes_nowhere() {
        let board = board(vec![shown(1, "ada")]);
        board.put(origin("bob"), &frame(1));
        board.put(Origin { kind: TrackKind::Screen, ..origin("ada") }, &frame(1));
        board.put(Origin { call: Some("2"), ..origin("ada") }, &frame(1));
        assert_eq!(tone(board.take(1)), None);
        board.put(origin("ada"), &frame(2));
        board.show(1, PixelLayout::I420, vec![shown(1, "bob")]);
        assert_eq!(tone(board.take(1)), None, "a picture of someone else is not shown as theirs");
    }

    #[test]
    fn our_camera_in_a_call_is_its_preview() {
        let preview = ShownPicture { call: None, participant: None, ..shown(1, "") };
        let board = board(vec![preview]);
        board.put(Origin { call: Some("1"), participant: None, kind: TrackKind::Screen }, &frame(1));
        assert_eq!(tone(board.take(1)), None);
        board.put(Origin { call: Some("1"), participant: None, kind: TrackKind::Video }, &frame(2));
        assert_eq!(tone(board.take(1)), Some((1, 2)));
    }
}
