//! The loop of one call: inputs in, outputs carried out, one at a time.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bellbird_call::ports::{MediaEngine, Problem, ProblemCode, SignalingBackend, SignalingEvent};
use bellbird_call::{CallEvent, CallInput, CallMachine, CallOutput, CallView, Intent};
use tokio::sync::{mpsc, watch};

use crate::conduct::Conductor;
use crate::inlet::Outlet;
use crate::reconnect::ReconnectPolicy;

/// How many events fit the channel to whoever shows the call.
pub(crate) const EVENT_CHANNEL: usize = 256;

/// How many events more may wait here for a slow reader. Remote participants cause events, so there is an end to it.
const WAITING_EVENTS: usize = 4096;

/// Everything one running call owns. Dropping it drops backend and engine.
pub(crate) struct EventLoop {
    conductor: Conductor,
    signaling: Box<dyn SignalingBackend>,
    media: Box<dyn MediaEngine>,
    outlet: Outlet,
    intents: mpsc::Receiver<Intent>,
    /// Closed when nobody holds a handle any more.
    handles_gone: bool,
    view: watch::Sender<CallView>,
    events: EventOut,
    gave_up: bool,
}

/// The events on their way out: complete, in order, bounded.
struct EventOut {
    channel: Option<mpsc::Sender<CallEvent>>,
    waiting: VecDeque<CallEvent>,
}

/// What woke the loop.
enum Wake {
    Intent(Option<Intent>),
    Timer,
    Input(Option<CallInput>),
    EventRoom,
}

impl EventLoop {
    pub(crate) fn new(
        machine: CallMachine,
        signaling: Box<dyn SignalingBackend>,
        media: Box<dyn MediaEngine>,
        outlet: Outlet,
        intents: mpsc::Receiver<Intent>,
        view: watch::Sender<CallView>,
        events: mpsc::Sender<CallEvent>,
    ) -> Self {
        Self {
            conductor: Conductor::new(machine, ReconnectPolicy::default()),
            signaling,
            media,
            outlet,
            intents,
            handles_gone: false,
            view,
            events: EventOut { channel: Some(events), waiting: VecDeque::new() },
            gave_up: false,
        }
    }

    pub(crate) async fn run(mut self) {
        self.handle(CallInput::Start);
        while !self.conductor.is_over() {
            match self.wake().await {
                Wake::Intent(Some(intent)) => self.handle(CallInput::Intent(intent)),
                Wake::Intent(None) => {
                    self.handles_gone = true;
                    self.handle(CallInput::Intent(Intent::End));
                }
                Wake::Timer => self.handle(CallInput::Timeout),
                Wake::Input(Some(input)) => self.handle(input),
                // Backend and engine hold the sinks; both have dropped them without ending the call.
                Wake::Input(None) => self.give_up("the parts of the call went away"),
                Wake::EventRoom => self.events.pass_on(),
            }
            if self.outlet.overflowed.load(Ordering::Acquire) {
                self.give_up("more came in than could be handled");
            }
            if self.events.waiting.len() > WAITING_EVENTS {
                self.give_up("nobody takes the events of the call");
            }
        }
        let Self { events, view, signaling, media, .. } = self;
        drop((signaling, media));
        drop(view);
        events.finish().await;
    }

    /// The person first, so that no flood from afar can keep them from hanging up; then the clock; then the rest.
    async fn wake(&mut self) -> Wake {
        let deadline = self.conductor.poll_timeout();
        let timer = async {
            match deadline {
                Some(at) => tokio::time::sleep_until(tokio::time::Instant::from_std(at)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            intent = self.intents.recv(), if !self.handles_gone => Wake::Intent(intent),
            () = timer => Wake::Timer,
            () = self.events.room() => Wake::EventRoom,
            input = self.outlet.queue.recv(), if !self.gave_up => Wake::Input(input),
        }
    }

    fn handle(&mut self, input: CallInput) {
        let now = now();
        tracing::debug!(
            call = %self.conductor.machine().id(),
            state = self.conductor.machine().state_name(),
            "{input}"
        );
        self.conductor.handle(input, now);
        let mut happened = Vec::new();
        while let Some(output) = self.conductor.poll_output() {
            match output {
                CallOutput::Signaling(command) => self.signaling.send(command),
                CallOutput::Media(command) => self.media.send(command),
                CallOutput::Event(event) => happened.push(event),
            }
        }
        let view = self.conductor.view(now);
        self.view.send_if_modified(|shown| {
            let changed = !shown.same_but_for_time(&view);
            *shown = view;
            changed
        });
        // Last: whoever hears of somebody finds them in the view.
        happened.into_iter().for_each(|event| self.events.push(event));
    }

    /// Ends the call for a reason of our own, once.
    fn give_up(&mut self, why: &str) {
        if !self.gave_up {
            self.gave_up = true;
            let problem = Problem::new(ProblemCode::Internal, why);
            self.handle(CallInput::Signaling(SignalingEvent::Failed(problem)));
        }
    }
}

impl EventOut {
    fn push(&mut self, event: CallEvent) {
        if self.channel.is_some() {
            self.waiting.push_back(event);
            self.pass_on();
        }
    }

    /// Moves what fits into the channel. After the last event the channel is closed; when nobody reads any more,
    /// events are no longer kept.
    fn pass_on(&mut self) {
        let Some(channel) = &self.channel else { return };
        while let Some(event) = self.waiting.pop_front() {
            let last = matches!(event, CallEvent::Ended(_));
            match channel.try_send(event) {
                Ok(()) if last => return self.channel = None,
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(event)) => return self.waiting.push_front(event),
                Err(mpsc::error::TrySendError::Closed(_)) => {
                    self.waiting.clear();
                    return self.channel = None;
                }
            }
        }
    }

    /// Resolves when a waiting event may fit; never when none waits.
    async fn room(&self) {
        match &self.channel {
            Some(channel) if !self.waiting.is_empty() => {
                let _ = channel.reserve().await;
            }
            Some(_) | None => std::future::pending().await,
        }
    }

    /// Delivers what still waits, for as long as anyone may read it.
    async fn finish(mut self) {
        let Some(channel) = self.channel.take() else { return };
        for event in self.waiting {
            if channel.send(event).await.is_err() {
                return;
            }
        }
    }
}

/// The loop's only clock. Tokio's, so that a paused one in a test moves both the timers and the machine.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
