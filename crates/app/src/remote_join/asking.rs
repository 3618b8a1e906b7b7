//! Requests that wait for the person. Pure: told the time and the call there is.

use std::time::{Duration, Instant};

use bellbird_call::MediaKinds;
use bellbird_capture::VideoSource;
use bellbird_contract::{RemoteJoinRequestView, TrackKind};
use bellbird_cowork::{Reason, Refusal};

use super::Place;
use super::rules::Deed;
use crate::calls::CurrentCall;

/// How long the person is asked.
const PATIENCE: Duration = Duration::from_secs(60);

/// Requests that wait at most: more is no question but a nuisance.
const MAX_OPEN: usize = 4;

/// Longest name of who asks, characters.
const LONGEST_NAME: usize = 80;

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Purpose {
    /// To join the conversation's call.
    Join(MediaKinds),
    /// To share a screen there, joining for it where we are in no call.
    Screen,
    /// To switch our microphone on in the call we are in.
    Unmute,
    /// To switch our camera on in the call we are in.
    Camera,
}

/// One request.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Request {
    id: String,
    pub(super) place: Place,
    pub(super) purpose: Purpose,
    pub(super) by: String,
    asked_at: Instant,
    /// The conversation's name; `None` until it is known: the request is shown then.
    name: Option<String>,
}

/// All that wait, the oldest first.
#[derive(Default)]
pub(super) struct Asking {
    last: u64,
    open: Vec<Request>,
}

/// What became of a wish to ask.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Asked {
    /// A new request of this id.
    New(String),
    /// The person is being asked just that.
    Already,
}

impl Request {
    pub(super) fn is_screen(&self) -> bool {
        self.purpose == Purpose::Screen
    }

    /// What is done once the person allowed it.
    pub(super) fn deed(&self, screen: Option<VideoSource>) -> Deed {
        let room = self.place.room.clone();
        match self.purpose {
            Purpose::Join(kinds) => Deed::Join { room, kinds },
            Purpose::Screen => Deed::Share { room, source: screen },
            Purpose::Unmute => Deed::Audio { muted: Some(false), silent: None },
            Purpose::Camera => Deed::Video(true),
        }
    }

    /// Whether it still makes sense beside the call there is.
    fn holds(&self, current: Option<&CurrentCall<'_>>, now: Instant) -> bool {
        let here = |call: &CurrentCall<'_>| call.is_in(&self.place.account, &self.place.room);
        let sensible = match (self.purpose, current) {
            // They joined by themselves, or are busy now.
            (Purpose::Join(_), current) => current.is_none(),
            (Purpose::Screen, current) => current.is_none_or(here),
            (Purpose::Unmute, Some(call)) => here(call) && call.view.muted,
            (Purpose::Camera, Some(call)) => here(call) && !call.view.camera_on,
            (Purpose::Unmute | Purpose::Camera, None) => false,
        };
        sensible && now.saturating_duration_since(self.asked_at) < PATIENCE
    }
}

impl Asking {
    /// Asks the person.
    ///
    /// # Errors
    /// 429 while too much is asked already.
    pub(super) fn ask(
        &mut self,
        place: Place,
        purpose: Purpose,
        by: &str,
        name: Option<String>,
        now: Instant,
    ) -> Result<Asked, Refusal> {
        if self.open.iter().any(|open| open.place == place && open.purpose == purpose) {
            return Ok(Asked::Already);
        }
        if self.open.len() >= MAX_OPEN {
            let text = "Too many requests wait for the person already";
            return Err(Refusal::new(Reason::TooMany, text).retry_after(PATIENCE.as_secs()));
        }
        self.last += 1;
        let id = self.last.to_string();
        let by = by.chars().take(LONGEST_NAME).collect();
        self.open.push(Request { id: id.clone(), place, purpose, by, asked_at: now, name });
        Ok(Asked::New(id))
    }

    /// The name of a request's conversation is known now.
    pub(super) fn name(&mut self, id: &str, name: String) -> bool {
        let open = self.open.iter_mut().find(|open| open.id == id);
        open.map(|open| open.name = Some(name)).is_some()
    }

    pub(super) fn find(&self, id: &str) -> Option<&Request> {
        self.open.iter().find(|open| open.id == id)
    }

    pub(super) fn take(&mut self, id: &str) -> Option<Request> {
        let at = self.open.iter().position(|open| open.id == id)?;
        Some(self.open.remove(at))
    }

    pub(super) fn forget_account(&mut self, account: &str) {
        self.open.retain(|open| open.place.account != account);
    }

    /// Drops what is out of date.
    pub(super) fn settle(&mut self, current: Option<&CurrentCall<'_>>, now: Instant) {
        self.open.retain(|open| open.holds(current, now));
    }

    /// As shown to the person.
    pub(super) fn views(&self) -> Vec<RemoteJoinRequestView> {
        let view = |open: &Request| {
            Some(RemoteJoinRequestView {
                id: open.id.clone(),
                account: open.place.account.clone(),
                room: open.place.room.clone(),
                display_name: open.name.clone()?,
                kind: match open.purpose {
                    Purpose::Join(kinds) if kinds.video => TrackKind::Video,
                    Purpose::Join(_) | Purpose::Unmute => TrackKind::Audio,
                    Purpose::Camera => TrackKind::Video,
                    Purpose::Screen => TrackKind::Screen,
                },
                by: open.by.clone(),
            })
        };
        self.open.iter().filter_map(view).collect()
    }

    /// How long a request is kept.
    pub(super) fn patience() -> Duration {
        PATIENCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::testing::view_in;

    fn place(room: &str) -> Place {
        Place { account: "ann@here".into(), room: room.into() }
    }

    fn asking(purposes: &[Purpose], now: Instant) -> Asking {
        let mut asking = Asking::default();
        for purpose in purposes {
            let asked = asking.ask(place("room"), *purpose, "script", Some("Team".into()), now);
            assert!(matches!(asked, Ok(Asked::New(_))), "{asked:?}");
        }
        asking
    }

    #[test]
    fn a_request_ends_after_a_minute() {
        let now = Instant::now();
        let mut asking = asking(&[Purpose::Join(MediaKinds::VOICE), Purpose::Screen], now);
        asking.settle(None, now + Duration::from_millis(59_999));
        assert_eq!(asking.views().len(), 2);
        asking.settle(None, now + PATIENCE);
        assert!(asking.views().is_empty());
    }

    #[test]
    fn what_the_person_did_by_themselves_is_not_asked_any_more() {
        let now = Instant::now();
        let all = [Purpose::Join(MediaKinds::VIDEO), Purpose::Screen, Purpose::Unmute, Purpose::Camera];
        let mut muted = view_in("room");
        muted.muted = true;
        let mut showing = view_in("room");
        showing.camera_on = true;
        let elsewhere = view_in("other");
        for (name, call, left) in [
            ("no call", None, &[Purpose::Join(MediaKinds::VIDEO), Purpose::Screen][..]),
            ("in it, muted", Some(&muted), &[Purpose::Screen, Purpose::Unmute, Purpose::Camera][..]),
            ("in it with the camera", Some(&showing), &[Purpose::Screen][..]),
            ("in another", Some(&elsewhere), &[][..]),
        ] {
            let mut asking = asking(&all, now);
            let current = call.map(|view| CurrentCall::begun("ann@here", view));
            asking.settle(current.as_ref(), now);
            let purposes: Vec<_> = asking.open.iter().map(|open| open.purpose).collect();
            assert_eq!(purposes, left, "{name}");
        }
    }

    #[test]
    fn nobody_is_asked_twice_nor_without_end() {
        let now = Instant::now();
        let mut asking = asking(&[Purpose::Screen], now);
        assert_eq!(asking.ask(place("room"), Purpose::Screen, "x", None, now), Ok(Asked::Already));
        for number in 1..MAX_OPEN {
            let asked = asking.ask(place(&number.to_string()), Purpose::Screen, "x", None, now);
            assert!(matches!(asked, Ok(Asked::New(_))));
        }
        let refused = asking.ask(place("more"), Purpose::Screen, "x", None, now).unwrap_err();
        assert_eq!(refused.reason, Reason::TooMany);
        assert_eq!(asking.views().len(), 1, "those without a name are not shown");
        assert!(asking.name("2", "Two".into()) && !asking.name("9", "Nine".into()));
        assert_eq!(asking.views()[1].display_name, "Two");
        asking.forget_account("ann@here");
        assert!(asking.open.is_empty());
    }
}
