//! A thread that sorts and decodes the pictures of some links.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use bellbird_call::LinkId;

use super::reception::Reception;
use crate::peer::VideoRequests;

/// All that can wake a worker.
pub(super) enum Task {
    Add(Box<Reception>),
    Requests(LinkId, VideoRequests),
    /// How long a packet takes there and back.
    RoundTrip(LinkId, Duration),
    /// Packets wait at a link's inlet.
    Packets(LinkId),
    Watch(LinkId, bool),
    Remove(LinkId),
    End,
}

/// Works until told to end, or until nobody is left who could tell.
pub(super) fn run(inbox: &Receiver<Task>) {
    let mut receptions: BTreeMap<LinkId, Reception> = BTreeMap::new();
    loop {
        let next = receptions.values().filter_map(Reception::due).min();
        let task = match next {
            Some(at) => match inbox.recv_timeout(at.saturating_duration_since(Instant::now())) {
                Ok(task) => Some(task),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            },
            None => match inbox.recv() {
                Ok(task) => Some(task),
                Err(_) => return,
            },
        };
        match task {
            Some(Task::Add(reception)) => {
                receptions.insert(reception.link(), *reception);
            }
            Some(Task::Requests(link, requests)) => {
                if let Some(reception) = receptions.get_mut(&link) {
                    reception.set_requests(requests);
                }
            }
            Some(Task::RoundTrip(link, round_trip)) => {
                if let Some(reception) = receptions.get_mut(&link) {
                    reception.set_round_trip(round_trip);
                }
            }
            Some(Task::Packets(link)) => {
                if let Some(reception) = receptions.get_mut(&link) {
                    reception.packets(Instant::now());
                }
            }
            Some(Task::Watch(link, watched)) => {
                if let Some(reception) = receptions.get_mut(&link) {
                    reception.watch(watched, Instant::now());
                }
            }
            Some(Task::Remove(link)) => {
                receptions.remove(&link);
            }
            Some(Task::End) => return,
            None => {}
        }
        let now = Instant::now();
        for reception in receptions.values_mut().filter(|one| one.due().is_some_and(|at| at <= now)) {
            reception.work(now);
        }
    }
}
