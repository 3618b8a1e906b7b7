//! Packets that wait for their time.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::sequence::Place;

/// How many packets are kept: 2 s of 20 ms packets.
pub(crate) const CAPACITY: usize = 100;

/// The largest payload kept, bytes: more than Opus can fill in 120 ms, less than would make 2 s of them a burden.
const MAX_PAYLOAD: usize = 4_000;

/// A packet in its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Stored {
    pub(crate) place: Place,
    pub(crate) payload: Bytes,
}

/// Why a packet was not kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refusal {
    /// It is here already.
    Duplicate,
    /// Its time is over.
    Late,
    /// Too many wait, or it is too large.
    Overflow,
}

/// A bounded shelf of packets, by running number.
#[derive(Clone, Debug, Default)]
pub(crate) struct PacketStore {
    packets: BTreeMap<i64, Stored>,
    /// The first number that may still come.
    floor: Option<i64>,
    /// The numbers taken lately, newest last, so that a second copy counts as what it is.
    taken: std::collections::VecDeque<i64>,
}

impl PacketStore {
    /// Keeps a packet.
    ///
    /// # Errors
    /// Why not. A full store refuses the newcomer: the ones that wait are nearer to being heard.
    pub(crate) fn insert(&mut self, place: Place, payload: Bytes) -> Result<(), Refusal> {
        if self.packets.contains_key(&place.sequence) || self.taken.contains(&place.sequence) {
            return Err(Refusal::Duplicate);
        }
        if self.floor.is_some_and(|floor| place.sequence < floor) {
            return Err(Refusal::Late);
        }
        if self.packets.len() >= CAPACITY || payload.len() > MAX_PAYLOAD {
            return Err(Refusal::Overflow);
        }
        self.packets.insert(place.sequence, Stored { place, payload });
        Ok(())
    }

    /// The packet that is next in order, whether or not others are missing before it.
    pub(crate) fn head(&self) -> Option<&Stored> {
        self.packets.first_key_value().map(|(_, stored)| stored)
    }

    /// The last in order.
    pub(crate) fn newest(&self) -> Option<&Stored> {
        self.packets.last_key_value().map(|(_, stored)| stored)
    }

    /// The one after the head.
    pub(crate) fn second(&self) -> Option<&Stored> {
        self.packets.values().nth(1)
    }

    /// Takes the head; what would come before it is late from then on.
    pub(crate) fn take_head(&mut self) -> Option<Stored> {
        let (sequence, stored) = self.packets.pop_first()?;
        self.floor = Some(sequence + 1);
        if self.taken.len() >= CAPACITY {
            self.taken.pop_front();
        }
        self.taken.push_back(sequence);
        Some(stored)
    }

    /// Gives up on everything before `sequence`.
    pub(crate) fn raise_floor(&mut self, sequence: i64) {
        self.floor = Some(self.floor.map_or(sequence, |floor| floor.max(sequence)));
    }

    /// How many wait.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.packets.len()
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.packets.clear();
        self.taken.clear();
        self.floor = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(sequence: i64) -> Place {
        Place { sequence, media_time: sequence * 960 }
    }

    #[test]
    fn refusals_are_told_apart() {
        let mut store = PacketStore::default();
        let payload = || Bytes::from_static(b"x");
        assert_eq!(store.insert(at(5), payload()), Ok(()));
        assert_eq!(store.insert(at(5), payload()), Err(Refusal::Duplicate));
        assert_eq!(store.insert(at(4), payload()), Ok(()), "reordered but in time");
        assert_eq!(store.take_head().unwrap().place, at(4));
        assert_eq!(store.insert(at(4), payload()), Err(Refusal::Duplicate));
        assert_eq!(store.insert(at(3), payload()), Err(Refusal::Late));
        assert_eq!(store.insert(at(6), Bytes::from(vec![0; 5_000])), Err(Refusal::Overflow));
        for n in 6..300 {
            let _ = store.insert(at(n), payload());
        }
        assert_eq!(store.len(), CAPACITY);
        assert_eq!(store.insert(at(400), payload()), Err(Refusal::Overflow));
    }
}
