//! People with devices, a calling service, and bad networks between them, on one virtual clock.
//!
//! ```text
//!   device 0: Conductor ─ SimulatedLink (reliable) ─▶ ┐                   ┌ ◀─ SimulatedLink ─ Conductor :device 1
//!             │  ▲◀──────────────────────────────────┤ SimulatedService  ├──▶ …
//!             ▼  │                                    └───────────────────┘
//!             FakeEngine ◀══════ SimulatedLink (lossy), one for each direction between two ══════▶ FakeEngine
//! ```

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bellbird_call::glare::{self, Reception};
use bellbird_call::ports::{MediaEngine, SignalingCommand, SignalingEvent};
use bellbird_call::{
    CallConfig, CallEvent, CallId, CallInput, CallMachine, CallOutput, CallStatus, CallTarget, CallView,
    ContactId, EndReason, Intent, Invitation, MediaKinds, RoomId,
};
use bellbird_session::Conductor;
use bellbird_session::reconnect::ReconnectPolicy;
use bellbird_testkit::clock::VirtualClock;
use bellbird_testkit::fake_engine::{EngineProbe, FakeEngine, FakePacket};
use bellbird_testkit::network::{LinkProfile, SimulatedLink};
use bellbird_testkit::random;
use bellbird_testkit::service::{Device, Line, SimulatedService, Told};

type Inbox = Arc<Mutex<VecDeque<CallInput>>>;

/// Everything.
pub(crate) struct World {
    pub(crate) clock: VirtualClock,
    pub(crate) service: SimulatedService,
    devices: Vec<DeviceState>,
    media: BTreeMap<(Device, Device), SimulatedLink<FakePacket>>,
    profile: LinkProfile,
    seed: u64,
    calls_made: u64,
}

/// What waits on the way up and on the way down.
type Outage = (Vec<(Line, SignalingCommand)>, Vec<Told>);

/// One device: its way to the service and back, and its calls.
struct DeviceState {
    up: SimulatedLink<(Line, SignalingCommand)>,
    down: SimulatedLink<Told>,
    /// During an outage of the service both directions wait here instead.
    outage: Option<Outage>,
    call: Option<Call>,
    /// Invitations declined as engaged, and such that were a call already under way.
    engaged: usize,
    merged: usize,
    /// Whether the person here ever dialed or answered: only then may the microphone be open.
    willed: bool,
}

struct Call {
    line: Line,
    conductor: Conductor,
    engine: FakeEngine,
    probe: EngineProbe,
    inbox: Inbox,
    events: Vec<CallEvent>,
}

impl World {
    /// One device for each name, over networks of the given kind.
    pub(crate) fn new(subject: &str, owners: &[&str], profile: LinkProfile) -> Self {
        Self::seeded(random::seed(subject, 2026), owners, profile)
    }

    /// As [`World::new`], with a seed of the test's own.
    pub(crate) fn seeded(seed: u64, owners: &[&str], profile: LinkProfile) -> Self {
        let way = |n: u64| seed.wrapping_mul(31).wrapping_add(n);
        let devices = (0..owners.len() as u64)
            .map(|n| DeviceState {
                up: SimulatedLink::new(profile.clone().reliable(), way(2 * n)),
                down: SimulatedLink::new(profile.clone().reliable(), way(2 * n + 1)),
                outage: None,
                call: None,
                engaged: 0,
                merged: 0,
                willed: false,
            })
            .collect();
        Self {
            clock: VirtualClock::new(),
            service: SimulatedService::new(owners),
            devices,
            media: BTreeMap::new(),
            profile,
            seed,
            calls_made: 0,
        }
    }

    /// The person at a device dials someone.
    pub(crate) fn dial(&mut self, device: Device, contact: &str) {
        self.dial_target(device, CallTarget::Contact(ContactId::new(contact)));
    }

    /// The person at a device joins a group's call.
    pub(crate) fn join(&mut self, device: Device, room: &RoomId) {
        self.dial_target(device, CallTarget::Room(room.clone()));
    }

    fn dial_target(&mut self, device: Device, target: CallTarget) {
        let (id, now, voice) = (self.new_id(), self.clock.now(), MediaKinds::VOICE);
        let config = CallConfig::default();
        let machine = CallMachine::outgoing(id, target, String::new(), voice, false, config, now);
        self.devices[device].willed = true;
        self.start(device, machine);
    }

    /// The person at a device does something about its call.
    pub(crate) fn want(&mut self, device: Device, intent: Intent) {
        if let Intent::Answer(_) = intent {
            self.devices[device].willed = true;
        }
        self.give(device, CallInput::Intent(intent));
    }

    /// The person at a device answers.
    pub(crate) fn answer(&mut self, device: Device) {
        assert!(self.view(device).can_answer, "nothing to answer: {:?}", self.view(device));
        self.want(device, Intent::Answer(MediaKinds::VOICE));
    }

    /// Cuts or mends the media path between two devices, both ways.
    pub(crate) fn cut(&mut self, a: Device, b: Device, down: bool) {
        for pair in [(a, b), (b, a)] {
            self.path(pair).set_down(down);
        }
    }

    /// Takes the service away from a device, or gives it back with all that waited.
    pub(crate) fn outage(&mut self, device: Device, out: bool) {
        if out {
            self.devices[device].outage.get_or_insert_default();
            self.give(device, CallInput::Signaling(SignalingEvent::Interrupted));
        } else if let Some((up, down)) = self.devices[device].outage.take() {
            let now = self.clock.now();
            down.into_iter().for_each(|told| self.devices[device].down.send(told, now));
            up.into_iter().for_each(|command| self.devices[device].up.send(command, now));
            self.give(device, CallInput::Signaling(SignalingEvent::Restored));
        }
    }

    /// Lets time pass.
    pub(crate) fn run(&mut self, time: Duration) {
        let end = self.clock.now() + time;
        while let Some(next) = self.next_event().filter(|next| *next <= end) {
            self.clock.advance_to(next);
            self.turn();
        }
        self.clock.advance_to(end);
    }

    /// Lets time pass until something holds; fails when it does not within two minutes of virtual time.
    pub(crate) fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let end = self.clock.now() + Duration::from_secs(120);
        self.turn();
        while !holds(self) {
            let next = self.next_event().filter(|next| *next <= end);
            let Some(next) = next else {
                panic!(
                    "{what}: never. {:#?}",
                    (0..self.devices.len()).map(|d| self.events(d)).collect::<Vec<_>>()
                );
            };
            self.clock.advance_to(next);
            self.turn();
        }
    }

    /// Lets time pass until the call of each device has this status.
    pub(crate) fn until_all(&mut self, devices: &[Device], status: CallStatus) {
        self.until(&format!("{status:?} at {devices:?}"), |world| {
            devices.iter().all(|device| world.status(*device) == Some(status))
        });
    }

    /// Lets time pass until a device is called.
    pub(crate) fn until_rings(&mut self, device: Device) {
        self.until("it rings", |world| world.call(device).is_some_and(|call| call.view_at(world).can_answer));
    }

    /// Everything the call of a device told.
    pub(crate) fn events(&self, device: Device) -> &[CallEvent] {
        self.call(device).map_or(&[], |call| &call.events)
    }

    /// The statuses of the call as a whole, in order.
    pub(crate) fn statuses(&self, device: Device) -> Vec<CallStatus> {
        let status = |event: &CallEvent| match event {
            CallEvent::Status { participant: None, status } => Some(*status),
            _ => None,
        };
        self.events(device).iter().filter_map(status).collect()
    }

    /// Why the call of a device ended. Checks that this was told once, and last.
    pub(crate) fn ended(&self, device: Device) -> Option<EndReason> {
        let events = self.events(device);
        let ends: Vec<usize> =
            (0..events.len()).filter(|n| matches!(events[*n], CallEvent::Ended(_))).collect();
        assert!(ends.is_empty() || ends == [events.len() - 1], "not once and last: {events:#?}");
        self.view(device).ended
    }

    /// The call of a device as it stands.
    pub(crate) fn view(&self, device: Device) -> CallView {
        self.call(device).unwrap_or_else(|| panic!("device {device} has no call")).view_at(self)
    }

    /// The state of the machine of a device's call.
    pub(crate) fn state(&self, device: Device) -> &'static str {
        self.call(device).map_or("none", |call| call.conductor.machine().state_name())
    }

    /// The engine of a device's call.
    pub(crate) fn engine(&self, device: Device) -> &EngineProbe {
        &self.call(device).unwrap_or_else(|| panic!("device {device} has no call")).probe
    }

    /// How many invitations a device refused as engaged, and how many it found to be the call it was in.
    pub(crate) fn receptions(&self, device: Device) -> (usize, usize) {
        (self.devices[device].engaged, self.devices[device].merged)
    }

    fn call(&self, device: Device) -> Option<&Call> {
        self.devices[device].call.as_ref()
    }

    fn status(&self, device: Device) -> Option<CallStatus> {
        self.call(device).map(|call| call.view_at(self).status)
    }

    fn new_id(&mut self) -> CallId {
        self.calls_made += 1;
        CallId::new(self.calls_made.to_string())
    }

    fn path(&mut self, pair: (Device, Device)) -> &mut SimulatedLink<FakePacket> {
        let seed = self.seed ^ ((pair.0 as u64) << 32 | (pair.1 as u64) << 16);
        self.media.entry(pair).or_insert_with(|| SimulatedLink::new(self.profile.clone(), seed))
    }

    fn start(&mut self, device: Device, machine: CallMachine) {
        let over = self.call(device).is_none_or(|call| call.view_at(self).ended.is_some());
        assert!(over, "device {device} is in a call");
        let line = Line { device, call: self.calls_made };
        let inbox = Inbox::default();
        let sink = inbox.clone();
        let (engine, probe) = FakeEngine::new(
            device as u64,
            Arc::new(move |event| sink.lock().expect("not poisoned").push_back(CallInput::Media(event))),
        );
        let conductor = Conductor::new(machine, ReconnectPolicy::default());
        self.devices[device].call = Some(Call { line, conductor, engine, probe, inbox, events: Vec::new() });
        self.give(device, CallInput::Start);
    }

    /// Someone calls: what an app does about it.
    fn invited(&mut self, device: Device, invitation: Invitation) {
        let running = self.call(device).map(|call| call.view_at(self));
        match glare::receive(&invitation, &running) {
            Reception::Ring => {
                let (id, now) = (self.new_id(), self.clock.now());
                let machine = CallMachine::incoming(id, invitation, CallConfig::default(), now);
                self.start(device, machine);
            }
            Reception::SameCall(_) => self.devices[device].merged += 1,
            Reception::Engaged(_) => {
                self.devices[device].engaged += 1;
                // A second call, which rings nowhere and is refused at once.
                let (id, now) = (self.new_id(), self.clock.now());
                let line = Line { device, call: self.calls_made };
                let mut second = CallMachine::incoming(id, invitation, CallConfig::without_tones(), now);
                second.handle(CallInput::Start, now);
                second.handle(CallInput::Intent(Intent::DeclineEngaged), now);
                while let Some(output) = second.poll_output() {
                    if let CallOutput::Signaling(command) = output {
                        self.devices[device].up.send((line, command), now);
                    }
                }
                assert!(second.is_over());
            }
        }
    }

    fn give(&mut self, device: Device, input: CallInput) {
        let now = self.clock.now();
        let state = &mut self.devices[device];
        let Some(call) = &mut state.call else { return };
        call.conductor.handle(input, now);
        while let Some(output) = call.conductor.poll_output() {
            match output {
                CallOutput::Signaling(command) => match &mut state.outage {
                    Some((up, _)) => up.push((call.line, command)),
                    None => state.up.send((call.line, command), now),
                },
                CallOutput::Media(command) => call.engine.send(command),
                CallOutput::Event(event) => call.events.push(event),
            }
        }
        assert!(!call.probe.is_capturing() || state.willed, "device {device} captures unasked");
    }

    fn next_event(&self) -> Option<Instant> {
        let devices = self.devices.iter().flat_map(|state| {
            let call = state.call.as_ref();
            let timers = call.and_then(|call| call.conductor.poll_timeout());
            let engine = call.and_then(|call| call.probe.poll_timeout());
            [state.up.poll_timeout(), state.down.poll_timeout(), timers, engine]
        });
        let media = self.media.values().map(SimulatedLink::poll_timeout);
        devices.chain(media).flatten().min()
    }

    /// Does everything that is due now.
    fn turn(&mut self) {
        let now = self.clock.now();
        for device in 0..self.devices.len() {
            while let Some((line, command)) = self.devices[device].up.poll(now) {
                self.service.handle(line, command);
            }
        }
        while let Some((device, told)) = self.service.poll() {
            let state = &mut self.devices[device];
            match &mut state.outage {
                Some((_, down)) => down.push(told),
                None => state.down.send(told, now),
            }
        }
        for device in 0..self.devices.len() {
            while let Some(told) = self.devices[device].down.poll(now) {
                match told {
                    Told::Event(call, event) => {
                        // What is meant for a call that has been replaced has no reader any more.
                        if self.call(device).is_some_and(|current| current.line.call == call) {
                            self.give(device, CallInput::Signaling(event));
                        }
                    }
                    Told::Invited(invitation) => self.invited(device, invitation),
                }
            }
        }
        let arrived: Vec<_> = self
            .media
            .iter_mut()
            .flat_map(|((_, to), link)| {
                std::iter::from_fn(|| link.poll(now)).map(|packet| (*to, packet)).collect::<Vec<_>>()
            })
            .collect();
        for (to, packet) in arrived {
            if let Some(call) = self.call(to) {
                call.probe.receive(&packet, now);
            }
        }
        for device in 0..self.devices.len() {
            let Some(call) = self.call(device) else { continue };
            let (probe, inbox) = (call.probe.clone(), call.inbox.clone());
            probe.advance(now);
            loop {
                let next = inbox.lock().expect("not poisoned").pop_front();
                let Some(input) = next else { break };
                self.give(device, input);
            }
            let due =
                self.call(device).and_then(|call| call.conductor.poll_timeout()).is_some_and(|at| at <= now);
            if due {
                self.give(device, CallInput::Timeout);
            }
            for packet in probe.take_packets() {
                let to = packet.to.engine() as Device;
                self.path((device, to)).send(packet, now);
            }
        }
    }
}

impl Call {
    fn view_at(&self, world: &World) -> CallView {
        self.conductor.view(world.clock.now())
    }
}
