//! Which sizes of whose pictures a media server is to send us: what is not looked at costs no bandwidth
//! (talk-signaling section 6.7). Pure.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bellbird_call::VideoLayer;
use bellbird_talk_wire::{ConnectionKind, StreamChoice};

/// Most pictures wished for; more than a window shows.
const MAX_WISHES: usize = 512;
/// All of a size's pictures, where fewer could be had.
const ALL_PICTURES: u8 = 2;

/// Whose picture: a session, and what of it.
type Picture = (String, ConnectionKind);

/// What is wished for and where it can be asked for.
#[derive(Default)]
pub(crate) struct Layers {
    wishes: BTreeMap<Picture, VideoLayer>,
    /// Those whose links are up. Each was told what is wished.
    connected: BTreeSet<Picture>,
    outputs: VecDeque<(Picture, StreamChoice)>,
}

impl Layers {
    /// Somebody's picture is looked at in that size from now on, or not at all.
    pub(crate) fn select(&mut self, session: &str, kind: ConnectionKind, layer: Option<VideoLayer>) {
        let picture = (session.to_owned(), kind);
        let before = match layer {
            Some(_) if self.wishes.len() >= MAX_WISHES && !self.wishes.contains_key(&picture) => return,
            Some(layer) => self.wishes.insert(picture.clone(), layer),
            None => self.wishes.remove(&picture),
        };
        if before != layer && self.connected.contains(&picture) {
            self.tell(picture);
        }
    }

    /// A link that carries somebody's picture is up. A new one brings everything until it is told otherwise.
    pub(crate) fn connected(&mut self, session: &str, kind: ConnectionKind) {
        let picture = (session.to_owned(), kind);
        self.connected.insert(picture.clone());
        self.tell(picture);
    }

    /// Forgets the links with all but those for whom `stays` holds. What was wished for stays: they may come back.
    pub(crate) fn retain(&mut self, stays: impl Fn(&str) -> bool) {
        self.connected.retain(|(session, _)| stays(session));
    }

    /// Whom to tell what.
    pub(crate) fn poll_output(&mut self) -> Option<(Picture, StreamChoice)> {
        self.outputs.pop_front()
    }

    fn tell(&mut self, picture: Picture) {
        let choice = match (self.wishes.get(&picture), picture.1) {
            (None, _) => StreamChoice { video: Some(false), ..StreamChoice::default() },
            // There is one size of a screen.
            (Some(_), ConnectionKind::Screen) => {
                StreamChoice { video: Some(true), ..StreamChoice::default() }
            }
            (Some(layer), ConnectionKind::Person) => StreamChoice {
                substream: Some(match layer {
                    VideoLayer::Low => 0,
                    VideoLayer::Medium => 1,
                    VideoLayer::High => 2,
                }),
                temporal: Some(ALL_PICTURES),
                video: Some(true),
            },
        };
        self.outputs.push_back((picture, choice));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(layers: &mut Layers) -> Vec<(String, Option<u8>, Option<bool>)> {
        let told = std::iter::from_fn(|| layers.poll_output());
        told.map(|((session, _), choice)| (session, choice.substream, choice.video)).collect()
    }

    #[test]
    fn what_nobody_looks_at_is_not_sent_and_what_is_in_its_size() {
        let mut layers = Layers::default();
        let person = ConnectionKind::Person;
        layers.select("a", person, Some(VideoLayer::Low));
        assert!(told(&mut layers).is_empty(), "there is no link to choose on");
        layers.connected("a", person);
        layers.connected("b", person);
        assert_eq!(told(&mut layers), [("a".into(), Some(0), Some(true)), ("b".into(), None, Some(false))]);
        layers.select("a", person, Some(VideoLayer::High));
        layers.select("a", person, Some(VideoLayer::High));
        layers.select("b", person, None);
        layers.select("b", person, Some(VideoLayer::Medium));
        layers.select("a", person, None);
        let expected = [
            ("a".into(), Some(2), Some(true)),
            ("b".into(), Some(1), Some(true)),
            ("a".into(), None, Some(false)),
        ];
        assert_eq!(told(&mut layers), expected);
        // A new link begins with everything, and is told again.
        layers.connected("b", person);
        assert_eq!(told(&mut layers), [("b".into(), Some(1), Some(true))]);
        layers.retain(|session| session != "b");
        layers.select("b", person, Some(VideoLayer::Low));
        assert!(told(&mut layers).is_empty());
    }

    #[test]
    fn a_screen_has_one_size_and_is_not_its_person() {
        let mut layers = Layers::default();
        layers.select("a", ConnectionKind::Screen, Some(VideoLayer::Low));
        layers.connected("a", ConnectionKind::Screen);
        layers.connected("a", ConnectionKind::Person);
        assert_eq!(told(&mut layers), [("a".into(), None, Some(true)), ("a".into(), None, Some(false))]);
    }

    #[test]
    fn wishes_have_an_end() {
        let mut layers = Layers::default();
        for n in 0..10_000 {
            layers.select(&n.to_string(), ConnectionKind::Person, Some(VideoLayer::Low));
        }
        assert_eq!(layers.wishes.len(), MAX_WISHES);
        layers.select("0", ConnectionKind::Person, Some(VideoLayer::High));
        assert_eq!(layers.wishes[&("0".to_owned(), ConnectionKind::Person)], VideoLayer::High);
    }
}
