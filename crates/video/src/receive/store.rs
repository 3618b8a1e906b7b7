//! Packets that wait, by their running numbers. Bounded in number and bytes.

use std::collections::VecDeque;
use std::time::Instant;

use crate::rtp::Part;

/// The most packets between the oldest and the newest.
const MOST_PACKETS: usize = 2_048;

/// The most bytes of payloads in all.
const MOST_BYTES: usize = 4 << 20;

/// One packet.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) timestamp: u32,
    pub(super) marker: bool,
    /// `None` for padding, which only fills its number.
    pub(super) part: Option<Part>,
    pub(super) arrival: Instant,
}

impl Slot {
    fn bytes(&self) -> usize {
        self.part.as_ref().map_or(0, |part| part.content.len())
    }
}

/// Why a packet was not stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Refusal {
    /// What it belongs to is done with.
    Late,
    /// It is there already.
    Duplicate,
    /// There is no room until something is dropped.
    Full,
}

/// Packets of a frame that is all there: from, to, both included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Span {
    pub(super) first: i64,
    pub(super) last: i64,
}

/// The packets.
#[derive(Debug, Default)]
pub(super) struct PacketStore {
    /// The running number of the first slot.
    floor: i64,
    slots: VecDeque<Option<Slot>>,
    bytes: usize,
}

impl PacketStore {
    /// Everything below is done with, or was never wanted.
    pub(super) fn floor(&self) -> i64 {
        self.floor
    }

    /// One past the newest.
    pub(super) fn end(&self) -> i64 {
        self.floor + self.slots.len() as i64
    }

    pub(super) fn get(&self, number: i64) -> Option<&Slot> {
        self.slots.get(usize::try_from(number - self.floor).ok()?)?.as_ref()
    }

    /// # Errors
    /// When it is too late, there already, or too much.
    pub(super) fn insert(&mut self, number: i64, slot: Slot) -> Result<(), Refusal> {
        let index = usize::try_from(number - self.floor).map_err(|_| Refusal::Late)?;
        if index >= MOST_PACKETS || self.bytes + slot.bytes() > MOST_BYTES {
            return Err(Refusal::Full);
        }
        if index >= self.slots.len() {
            self.slots.resize(index + 1, None);
        }
        let place = &mut self.slots[index];
        if place.is_some() {
            return Err(Refusal::Duplicate);
        }
        self.bytes += slot.bytes();
        *place = Some(slot);
        Ok(())
    }

    /// Drops everything below `number`.
    pub(super) fn raise_floor(&mut self, number: i64) {
        while self.floor < number {
            match self.slots.pop_front() {
                Some(slot) => self.bytes -= slot.map_or(0, |slot| slot.bytes()),
                None => {
                    self.floor = number;
                    return;
                }
            }
            self.floor += 1;
        }
    }

    /// Drops everything, and begins at `number`.
    pub(super) fn clear(&mut self, number: i64) {
        self.slots.clear();
        self.bytes = 0;
        self.floor = number;
    }

    /// Where the next packet with content is, from `number` on, when no packet before it is missing.
    pub(super) fn skip_padding(&self, mut number: i64) -> i64 {
        while self.get(number).is_some_and(|slot| slot.part.is_none()) {
            number += 1;
        }
        number
    }

    /// The picture whose first packet is `first`, if all of it is there. It ends with the marker, or where another begins.
    ///
    /// # Errors
    /// The number of its first packet that is not there.
    pub(super) fn picture(&self, first: i64) -> Result<Span, i64> {
        let mut timestamp = None;
        let mut last = first;
        let mut number = first;
        loop {
            let slot = self.get(number).ok_or(number)?;
            if slot.part.is_some() {
                if *timestamp.get_or_insert(slot.timestamp) != slot.timestamp {
                    return Ok(Span { first, last });
                }
                last = number;
                if slot.marker {
                    return Ok(Span { first, last });
                }
            }
            number += 1;
        }
    }

    /// Whether a picture begins at `number` for certain: its packet says so, or what lies before it ends another.
    pub(super) fn begins_at(&self, number: i64) -> bool {
        let Some(slot) = self.get(number) else { return false };
        let Some(part) = &slot.part else { return false };
        part.begins
            || part.keyframe
                && self.get(number - 1).is_some_and(|before| {
                    before.part.is_some() && (before.marker || before.timestamp != slot.timestamp)
                })
    }

    /// The parts of a picture, in order.
    pub(super) fn parts(&self, span: Span) -> impl Iterator<Item = (&Slot, &Part)> {
        (span.first..=span.last)
            .filter_map(|number| self.get(number))
            .filter_map(|slot| slot.part.as_ref().map(|part| (slot, part)))
    }

    /// How many packets and bytes wait, for tests of the bounds.
    pub(super) fn weight(&self) -> (usize, usize) {
        (self.slots.len(), self.bytes)
    }
}
