//! Notifications and the tray against real programs on a private session bus.
//!
//! The address of the bus is an environment variable, so what is tested runs in a process of its own: this test
//! binary again, running `core_side` alone. States go in, one JSON a line; commands come out.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in what its cases share too")]
#![cfg(target_os = "linux")]

use std::io::{BufRead, Write};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bellbird_contract::{
    AppView, CallView, Command as CoreCommand, EndReason, Event, Media, Status, TrackKind,
};
use bellbird_desktop::{Desktop, DesktopConfig};
use bellbird_testkit::process::LineProcess;
use bellbird_testkit::session_bus::{ADDRESS_VARIABLE, NotificationDaemon, SessionBus};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(30);
const ROLE: &str = "BELLBIRD_TEST_CORE_SIDE";

/// Not a test by itself: the process under test, started by the others.
#[test]
fn core_side() {
    if std::env::var_os(ROLE).is_none() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let (events, receiver) = tokio::sync::broadcast::channel(16);
        let commands = Arc::new(|command: CoreCommand| {
            let mut out = std::io::stdout().lock();
            writeln!(out, "\ncommand {}", serde_json::to_string(&command).unwrap()).unwrap();
            out.flush().unwrap();
        });
        let desktop = Desktop::start(DesktopConfig::default(), receiver, AppView::default(), commands);
        let (lines, mut stdin) = tokio::sync::mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines() {
                lines.send(line.unwrap()).unwrap();
            }
        });
        while let Some(line) = stdin.recv().await {
            let state: AppView = serde_json::from_str(&line).unwrap();
            events.send(Event::State { state: Box::new(state) }).unwrap();
        }
        desktop.stop().await;
        println!("\nstopped");
    });
}

struct Core(LineProcess);

impl Core {
    fn start(address: &str) -> Self {
        Self(LineProcess::start(
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "core_side", "--nocapture", "--test-threads=1"])
                .env(ROLE, "1")
                .env(ADDRESS_VARIABLE, address),
        ))
    }

    fn show(&mut self, calls: Vec<CallView>) {
        let state = AppView { calls, ..AppView::default() };
        self.0.say(&serde_json::to_string(&state).unwrap());
    }

    fn command_within(&mut self, patience: Duration) -> Option<CoreCommand> {
        let deadline = Instant::now() + patience;
        while let Some(line) = self.0.next_line(deadline.saturating_duration_since(Instant::now())) {
            if let Some(json) = line.strip_prefix("command ") {
                return Some(serde_json::from_str(json).unwrap());
            }
        }
        None
    }

    /// Ends it the proper way and waits until everything is taken away.
    fn stop(mut self) {
        self.0.close_stdin();
        self.0.wait_for("farewell", PATIENCE, |line| (line == "stopped").then_some(()));
        assert!(self.0.wait(PATIENCE).success());
    }
}

fn daemon(bus: &SessionBus, arguments: &[&str]) -> NotificationDaemon {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/e2e/notification_daemon.py");
    NotificationDaemon::start(bus, &script, arguments)
}

fn next(daemon: &mut NotificationDaemon, event: &str) -> Value {
    daemon.process().wait_for(event, PATIENCE, |line| {
        let value: Value = serde_json::from_str(line).ok()?;
        (value["event"] == event).then_some(value)
    })
}

/// Clicks until the click has its effect: the watcher of a notification is set up a moment after it is shown.
fn click(daemon: &mut NotificationDaemon, core: &mut Core, id: &Value, key: &str) -> CoreCommand {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        daemon.process().say(&format!("invoke {id} {key}"));
        if let Some(command) = core.command_within(Duration::from_millis(300)) {
            return command;
        }
    }
    panic!("no command came of clicking {key}");
}

fn ringing(name: &str) -> CallView {
    CallView {
        id: "c1".into(),
        account: "a1".into(),
        guest_on: None,
        entrance: None,
        asks_consent: false,
        incoming: true,
        room: Some("r".into()),
        display_name: name.into(),
        contact: Some("ada".into()),
        echo: false,
        status: Status::Calling,
        can_answer: true,
        media: Media::Voice,
        joined_by: None,
        muted: false,
        silent: false,
        camera_on: false,
        sharing_screen: false,
        may_show_camera: true,
        may_share_screen: true,
        recorded: false,
        on_hold: false,
        hand_raised: false,
        video_request: bellbird_contract::VideoRequest::None,
        reactions: Vec::new(),
        group: None,
        connected_at_ms: None,
        reconnecting_since_ms: None,
        participants: Vec::new(),
        ended: None,
        duration_s: None,
    }
}

fn over(reason: EndReason) -> CallView {
    CallView { can_answer: false, status: Status::Ended, ended: Some(reason), ..ringing("Ada") }
}

#[test]
fn an_incoming_call_is_shown_as_one_and_its_answer_button_answers() {
    let bus = SessionBus::start();
    let mut daemon = daemon(&bus, &[]);
    let mut core = Core::start(bus.address());
    core.show(vec![ringing("<i>Ada</i> & Co")]);
    let shown = next(&mut daemon, "notify");
    assert_eq!(shown["app"], "Bellbird");
    assert_eq!(shown["summary"], "Incoming call");
    assert_eq!(shown["body"], "&lt;i&gt;Ada&lt;/i&gt; &amp; Co is calling");
    assert_eq!(shown["expire"], 0, "never expires");
    assert_eq!(shown["hints"]["category"], "call.incoming");
    assert_eq!(shown["hints"]["urgency"], 2, "critical");
    assert_eq!(
        shown["actions"],
        serde_json::json!(["answer", "Answer", "decline", "Decline", "default", "Open Bellbird"])
    );
    let command = click(&mut daemon, &mut core, &shown["id"], "answer");
    assert_eq!(command, CoreCommand::Answer { call: Some("c1".into()), media: Media::Voice });
    assert_eq!(next(&mut daemon, "close")["id"], shown["id"], "a clicked notification goes");
    core.stop();
}

#[test]
fn its_decline_button_declines() {
    let bus = SessionBus::start();
    let mut daemon = daemon(&bus, &[]);
    let mut core = Core::start(bus.address());
    core.show(vec![ringing("Ada")]);
    let shown = next(&mut daemon, "notify");
    let command = click(&mut daemon, &mut core, &shown["id"], "decline");
    assert_eq!(command, CoreCommand::Decline { call: Some("c1".into()) });
    core.stop();
}

#[test]
fn it_is_withdrawn_when_settled_elsewhere_and_a_missed_call_stays_noted() {
    let bus = SessionBus::start();
    let mut daemon = daemon(&bus, &[]);
    let mut core = Core::start(bus.address());
    core.show(vec![ringing("Ada")]);
    let first = next(&mut daemon, "notify");
    core.show(vec![over(EndReason::AnsweredElsewhere)]);
    assert_eq!(next(&mut daemon, "close")["id"], first["id"]);

    core.show(vec![]);
    core.show(vec![ringing("Ada")]);
    let second = next(&mut daemon, "notify");
    core.show(vec![over(EndReason::Missed)]);
    // The withdrawal and the new notification are two conversations with the daemon, in either order.
    let mut closed = None;
    let mut missed = None;
    daemon.process().wait_for("withdrawal and missed call", PATIENCE, |line| {
        let value: Value = serde_json::from_str(line).ok()?;
        match value["event"].as_str() {
            Some("close") => closed = Some(value["id"].clone()),
            Some("notify") => missed = Some(value),
            _ => {}
        }
        (closed.is_some() && missed.is_some()).then_some(())
    });
    assert_eq!(closed.unwrap(), second["id"]);
    let missed = missed.unwrap();
    assert_eq!(missed["summary"], "Missed call");
    assert_eq!(missed["hints"]["category"], "call.unanswered");
    let command = click(&mut daemon, &mut core, &missed["id"], "call-back");
    assert_eq!(
        command,
        CoreCommand::MakeCall { account: Some("a1".into()), contact: "ada".into(), media: Media::Voice }
    );
    core.stop();
}

#[test]
fn a_daemon_without_buttons_or_markup_gets_plain_words() {
    let bus = SessionBus::start();
    let mut daemon = daemon(&bus, &["--capabilities", "body"]);
    let mut core = Core::start(bus.address());
    core.show(vec![ringing("A & B")]);
    let shown = next(&mut daemon, "notify");
    assert_eq!(shown["actions"], serde_json::json!([]));
    assert_eq!(shown["body"], "A & B is calling\nOpen Bellbird to answer.");
    core.stop();
}

#[test]
fn nothing_is_left_behind_when_the_core_ends() {
    let bus = SessionBus::start();
    let mut daemon = daemon(&bus, &[]);
    let mut core = Core::start(bus.address());
    core.show(vec![ringing("Ada")]);
    let shown = next(&mut daemon, "notify");
    core.stop();
    assert_eq!(next(&mut daemon, "close")["id"], shown["id"]);
}

#[test]
fn without_a_daemon_the_core_goes_on_and_a_later_one_is_used() {
    let bus = SessionBus::start();
    let mut core = Core::start(bus.address());
    core.show(vec![ringing("Ada")]);
    core.show(vec![over(EndReason::AnsweredElsewhere)]);
    core.show(vec![]);
    let mut daemon = daemon(&bus, &[]);
    let other = CallView { id: "c2".into(), ..ringing("Bob") };
    core.show(vec![other]);
    // The first one may have been asked for so late that the daemon was there.
    daemon.process().wait_for("second call", PATIENCE, |line| line.contains("Bob is calling").then_some(()));
    core.stop();
}

#[test]
fn without_a_bus_the_core_goes_on() {
    let mut core = Core::start("unix:path=/nonexistent/bus");
    core.show(vec![ringing("Ada")]);
    core.show(vec![]);
    core.stop();
}

#[test]
fn the_tray_follows_the_state_and_its_menu_steers() {
    let bus = SessionBus::start();
    let mut daemon = daemon(&bus, &["--tray"]);
    let mut core = Core::start(bus.address());
    next(&mut daemon, "tray");
    assert_eq!(menu(&mut daemon, "Not signed in"), ["Not signed in", "", "Open Bellbird", "Quit"]);
    daemon.process().say("choose Open Bellbird");
    assert_eq!(core.command_within(PATIENCE), Some(CoreCommand::ShowWindow));

    let running = CallView { can_answer: false, status: Status::Connected, ..ringing("a_b") };
    core.show(vec![running]);
    let labels = menu(&mut daemon, "In a call with a__b");
    assert_eq!(
        labels,
        ["In a call with a__b", "", "Turn microphone off", "End call with a__b", "", "Open Bellbird", "Quit"]
    );
    daemon.process().say("choose Turn microphone off");
    assert_eq!(
        core.command_within(PATIENCE),
        Some(CoreCommand::SetMuted { call: Some("c1".into()), kind: TrackKind::Audio, muted: true })
    );
    daemon.process().say("choose End call with a__b");
    assert_eq!(core.command_within(PATIENCE), Some(CoreCommand::End { call: Some("c1".into()) }));
    core.stop();
}

/// Reads the tray's menu until its headline is this one.
fn menu(daemon: &mut NotificationDaemon, headline: &str) -> Vec<String> {
    let deadline = Instant::now() + PATIENCE;
    let mut last = Vec::new();
    while Instant::now() < deadline {
        daemon.process().say("menu");
        let labels = next(daemon, "menu")["labels"].clone();
        last = labels.as_array().unwrap().iter().map(|label| label.as_str().unwrap().to_owned()).collect();
        if last.first().is_some_and(|first| first == headline) {
            return last;
        }
    }
    panic!("the tray does not say {headline:?} but {last:?}");
}
