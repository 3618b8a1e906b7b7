//! One link's pictures in the hands of its worker.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bellbird_call::{LinkId, MediaKind, ParticipantId};
use bellbird_video::{FrameBuffer, ReadyFrame, ReceivedPacket, VideoDecoder};

use super::FirstPictureSink;
use super::figures::ShownFigures;
use super::inlet::Inlet;
use crate::peer::{VideoPacket, VideoRequests};
use crate::{Picture, PictureSink};

/// The link. Made on the engine's task, then the worker's alone.
pub(super) struct Reception {
    participant: ParticipantId,
    kind: MediaKind,
    inlet: Arc<Inlet>,
    pictures: PictureSink,
    /// Until the first picture was decoded.
    first: Option<FirstPictureSink>,
    requests: Option<VideoRequests>,
    buffer: FrameBuffer,
    decoder: Option<VideoDecoder>,
    watched: bool,
    figures: ShownFigures,
    due: Option<Instant>,
}

impl Reception {
    pub(super) fn new(
        participant: ParticipantId,
        kind: MediaKind,
        inlet: Arc<Inlet>,
        pictures: PictureSink,
        first: FirstPictureSink,
        now: Instant,
    ) -> Self {
        Self {
            participant,
            kind,
            inlet,
            pictures,
            first: Some(first),
            requests: None,
            buffer: FrameBuffer::new(now),
            decoder: None,
            watched: false,
            figures: ShownFigures::default(),
            due: None,
        }
    }

    pub(super) fn link(&self) -> LinkId {
        self.inlet.link()
    }

    pub(super) fn set_requests(&mut self, requests: VideoRequests) {
        self.requests = Some(requests);
    }

    pub(super) fn set_round_trip(&mut self, round_trip: Duration) {
        self.buffer.set_round_trip(round_trip);
    }

    /// Somebody begins to look, or nobody does any more.
    pub(super) fn watch(&mut self, watched: bool, now: Instant) {
        self.watched = watched;
        // What was missed meanwhile is not asked for: a keyframe is.
        self.buffer.require_keyframe();
        self.decoder = None;
        if watched {
            self.work(now);
        } else {
            drop(self.inlet.take());
            self.due = None;
        }
    }

    /// When there may be something to do though no packet comes.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Takes what waits at the inlet.
    pub(super) fn packets(&mut self, now: Instant) {
        let packets = self.inlet.take();
        if !self.watched {
            return;
        }
        for packet in packets {
            let VideoPacket { codec, sequence, timestamp, marker, payload, arrival, repeated, begins } =
                packet;
            self.buffer.insert(ReceivedPacket {
                codec,
                sequence,
                timestamp,
                marker,
                payload,
                arrival,
                repeated,
                begins,
            });
        }
        self.work(now);
    }

    /// Shows what is due, and asks for what is missing.
    pub(super) fn work(&mut self, now: Instant) {
        if !self.watched {
            return;
        }
        while let Some(ready) = self.buffer.poll_frame(now) {
            self.decode(ready, now);
        }
        let missing = self.buffer.poll_nack(now);
        let keyframe = self.buffer.poll_keyframe_request(now);
        if let Some(requests) = &self.requests {
            if !missing.is_empty() {
                requests.request_again(&missing);
            }
            if keyframe {
                requests.request_keyframe();
            }
        }
        self.due = self.buffer.next_wake(now);
    }

    fn decode(&mut self, ready: ReadyFrame, now: Instant) {
        let ReadyFrame { codec, frame, show } = ready;
        let decoder = match self.decoder.take().filter(|decoder| decoder.codec() == codec) {
            Some(decoder) => Ok(decoder),
            None => VideoDecoder::new(codec),
        };
        let picture = decoder.and_then(|decoder| self.decoder.insert(decoder).decode(&frame.data, now));
        match picture {
            Ok(picture) => {
                self.figures.frames += 1;
                self.figures.freezes = self.buffer.counters().freezes;
                if let Some(picture) = picture {
                    (self.figures.width, self.figures.height) = (picture.width(), picture.height());
                    if let Some(first) = self.first.take() {
                        first(self.inlet.link());
                    }
                    if show {
                        let participant = Some(self.participant.clone());
                        (self.pictures)(Picture { participant, kind: self.kind, frame: picture });
                    }
                }
                self.inlet.publish(self.figures);
            }
            Err(error) => {
                tracing::debug!(%error, link = %self.inlet.link(), "a picture could not be decoded");
                self.decoder = None;
                self.buffer.require_keyframe();
            }
        }
    }
}
