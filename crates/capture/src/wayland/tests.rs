//! Against a portal that answers as the test says, as far as that takes no PipeWire; `tests/wayland` has what does.

use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bellbird_testkit::process::LineProcess;
use bellbird_testkit::session_bus::{ADDRESS_VARIABLE, SessionBus};
use serde_json::Value;

use super::PortalSource;
use crate::capture::start;
use crate::{Capture, CaptureError, CaptureEvent, CaptureFormat};

/// Only ends a test that hangs.
const PATIENCE: Duration = Duration::from_secs(60);

const FORMAT: CaptureFormat = CaptureFormat { max_width: 1920, max_height: 1080, max_fps: 30 };

struct World {
    bus: SessionBus,
    portal: LineProcess,
}

impl World {
    /// A bus with a portal whose person answers so.
    fn new(answer: &str) -> Self {
        let bus = SessionBus::start();
        // The system's interpreter has the modules that come as system packages; another one in the path need not.
        let system = Path::new("/usr/bin/python3");
        let interpreter = if system.exists() { system } else { Path::new("python3") };
        let mut portal = LineProcess::start(
            Command::new(interpreter)
                .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/portal.py"))
                .arg(answer)
                .env(ADDRESS_VARIABLE, bus.address()),
        );
        portal.wait_for("portal", PATIENCE, |line| line.contains("\"ready\"").then_some(()));
        Self { bus, portal }
    }

    fn asked(&mut self, what: &str) -> Value {
        self.portal.wait_for(what, PATIENCE, |line| {
            let event: Value = serde_json::from_str(line).ok()?;
            (event["asked"] == what).then_some(event)
        })
    }
}

fn capture(bus: &SessionBus) -> (Capture, Receiver<CaptureEvent>) {
    let (events, arrived) = channel();
    let events = Mutex::new(events);
    let sink = Arc::new(move |event| {
        let _ = events.lock().unwrap().send(event);
    });
    let bus = bus.address().to_owned();
    let capture = start(FORMAT, sink, move |_| Ok(Box::new(PortalSource::new(Some(bus))))).unwrap();
    (capture, arrived)
}

fn end(arrived: &Receiver<CaptureEvent>) -> CaptureError {
    match arrived.recv_timeout(PATIENCE).expect("it ends") {
        CaptureEvent::Frame(frame) => panic!("a picture came: {frame:?}"),
        CaptureEvent::Ended(error) => error,
    }
}

#[test]
fn a_refusal_is_told() {
    for answer in ["deny", "dismiss"] {
        let mut world = World::new(answer);
        let (_capture, arrived) = capture(&world.bus);
        let sources = world.asked("SelectSources");
        assert_eq!((&sources["types"], &sources["cursor_mode"]), (&3.into(), &2.into()));
        assert_eq!(sources["multiple"], false);
        assert_eq!(end(&arrived), CaptureError::ScreenDenied, "{answer}");
    }
}

#[test]
fn a_desktop_without_a_portal_is_told() {
    let bus = SessionBus::start();
    let (_capture, arrived) = capture(&bus);
    assert!(matches!(end(&arrived), CaptureError::NoScreen(_)));
    let gone = bus.address().to_owned();
    drop(bus);
    let nobody = start(FORMAT, Arc::new(|_| {}), move |_| Ok(Box::new(PortalSource::new(Some(gone)))));
    drop(nobody);
}

#[test]
fn a_person_who_does_not_answer_can_be_left() {
    let mut world = World::new("ponder");
    let (capture, arrived) = capture(&world.bus);
    world.asked("Start");
    drop(capture);
    assert!(arrived.recv_timeout(PATIENCE).is_err(), "nothing was said, and its thread ended");
}

#[test]
fn a_portal_that_ends_is_not_waited_for() {
    let mut world = World::new("ponder");
    let (_capture, arrived) = capture(&world.bus);
    world.asked("Start");
    world.portal.signal("KILL");
    let expected = "no screen or window can be shared: the portal ended before it answered";
    assert_eq!(end(&arrived).to_string(), expected);
}

#[test]
fn the_portal_hears_when_a_share_is_over() {
    let mut world = World::new("allow");
    let (capture, _arrived) = capture(&world.bus);
    world.asked("OpenPipeWireRemote");
    drop(capture);
    world.asked("Close");
}
