//! Steering a call from outside: lines on stdin, and the door for `ctl`.

use std::path::PathBuf;

use bellbird_app::{App, PictureViewer};
use bellbird_contract::{AppView, Command, Event, PixelLayout, Problem, Reply, ShownPicture, TrackKind};
use bellbird_control::{Core, Door, DoorConfig, DoorError, FolderLock, Program, Router, Viewer};
use bytes::Bytes;
use tokio::sync::{broadcast, mpsc};

use crate::args::AppData;
use crate::failure::Failure;
use crate::remote_api;

/// Lines waiting to be carried out at most; the writer waits then.
const WAITING: usize = 16;

/// The screen that the app was started with.
pub(crate) const GIVEN_SCREEN: &str = bellbird_app::GIVEN_SCREEN;

/// Longer lines are no commands.
const MAX_LINE: usize = 1024;

/// An app, as what stands behind a door.
pub(crate) struct Behind(pub(crate) App);

impl Core for Behind {
    async fn handle(&self, command: Command) -> Result<Reply, Problem> {
        self.0.handle(command).await
    }

    fn state(&self) -> AppView {
        self.0.state()
    }

    fn events(&self) -> broadcast::Receiver<Event> {
        self.0.events()
    }

    fn person_acted(&self) {
        self.0.interacted();
    }

    type Viewer = Looking;

    fn viewer(&self) -> Looking {
        Looking(self.0.picture_viewer())
    }

    fn program(&self, token: &str) -> Option<Program> {
        self.0.program(token).map(|known| Program { id: known.id, name: known.name })
    }

    fn has_program(&self, id: &str) -> bool {
        self.0.has_program(id)
    }

    fn programs_allowed(&self) -> bool {
        self.0.programs_allowed()
    }
}

/// Someone who looks at an app's pictures through a door.
pub(crate) struct Looking(PictureViewer);

impl Viewer for Looking {
    fn show(&self, layout: PixelLayout, pictures: Vec<ShownPicture>) {
        self.0.show(layout, pictures);
    }

    fn drawn(&self, number: u32) {
        self.0.drawn(number);
    }

    async fn next(&self) -> Bytes {
        self.0.next().await.into()
    }
}

/// Where, in the app's data folder, a command that is no core has its door: a core may start beside it.
pub(crate) fn door_folder(data: &std::path::Path) -> PathBuf {
    data.join("cli")
}

/// Opens a door so that `ctl` can steer this command. The first of several that run at once has it; the others, and
/// those whose folder cannot be written, do without.
pub(crate) fn open_door(app: &App, data: &AppData) -> Option<Door> {
    let folder = door_folder(&data.folder().ok()?);
    FolderLock::take(&folder)
        .and_then(|lock| open_locked(app, folder, Vec::new(), lock))
        .inspect_err(|error| tracing::info!(%error, "cannot be steered by ctl"))
        .ok()
}

/// Opens the door of a folder that is locked, with the web API behind it.
///
/// # Errors
/// See [`DoorError`].
pub(crate) fn open_locked(
    app: &App,
    data: PathBuf,
    allowed_origins: Vec<String>,
    lock: FolderLock,
) -> Result<Door, DoorError> {
    let version = env!("CARGO_PKG_VERSION").into();
    let config = DoorConfig { data, allowed_origins, version, web_api: web_api(app) };
    let door = Door::open_locked(Behind(app.clone()), config, lock)?;
    app.door_opened(door.web_api());
    Ok(door)
}

/// What answers the web API. Each request carries a [`bellbird_control::Visitor`] as an extension: who asks.
fn web_api(app: &App) -> Option<Router> {
    Some(remote_api::router(app))
}

/// What a line means for the current call.
pub(crate) fn parse(line: &str) -> Result<Option<Command>, Failure> {
    let mute = |muted| Command::SetMuted { call: None, kind: TrackKind::Audio, muted };
    let camera = |on: bool| Command::SetMuted { call: None, kind: TrackKind::Video, muted: !on };
    let hold = |held| Command::SetHold { call: None, held };
    let words: Vec<&str> = line.split_whitespace().collect();
    Ok(Some(match words.as_slice() {
        [] => return Ok(None),
        ["mute"] => mute(true),
        ["unmute"] => mute(false),
        ["silent", "on"] => Command::SetSilent { call: None, silent: true },
        ["silent", "off"] => Command::SetSilent { call: None, silent: false },
        ["hold"] => hold(true),
        ["resume"] => hold(false),
        ["end"] => Command::End { call: None },
        ["video", "on"] => camera(true),
        ["video", "off"] => camera(false),
        ["screen", "on"] => Command::ShareScreen { call: None, screen: GIVEN_SCREEN.into() },
        ["screen", "off"] => Command::StopSharing { call: None },
        ["hand", "up"] => Command::SetHand { call: None, raised: true },
        ["hand", "down"] => Command::SetHand { call: None, raised: false },
        ["react", emoji] => Command::React { call: None, reaction: (*emoji).to_owned() },
        ["ask-mute", who] => Command::AskToMute { call: None, participant: (*who).to_owned() },
        ["add", who] => Command::AddPerson { call: None, contact: (*who).to_owned() },
        ["end", "all"] => Command::EndForEveryone { call: None },
        _ => return Err(Failure::new("unknown-command", line.chars().take(80).collect::<String>())),
    }))
}

/// The lines of stdin where they are `wanted`; else none ever. A thread of its own reads them, which a runtime need not
/// wait for.
pub(crate) fn lines(wanted: bool) -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel(WAITING);
    if !wanted {
        return lines;
    }
    let spawned = std::thread::Builder::new().name("bellbird-stdin".into()).spawn(move || {
        use std::io::{BufRead, Read};
        let mut stdin = std::io::stdin().lock();
        loop {
            let mut line = String::new();
            match stdin.by_ref().take(MAX_LINE as u64).read_line(&mut line) {
                Ok(0) | Err(_) => return,
                Ok(_) if sender.blocking_send(line).is_err() => return,
                Ok(_) => {}
            }
        }
    });
    if let Err(error) = spawned {
        tracing::error!(%error, "stdin is not read");
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_mean_what_the_contract_says() {
        let mute = |muted| Command::SetMuted { call: None, kind: TrackKind::Audio, muted };
        let camera = |on: bool| Command::SetMuted { call: None, kind: TrackKind::Video, muted: !on };
        for (line, command) in [
            ("mute\n", Some(mute(true))),
            ("  unmute ", Some(mute(false))),
            ("hold", Some(Command::SetHold { call: None, held: true })),
            ("resume", Some(Command::SetHold { call: None, held: false })),
            ("silent on", Some(Command::SetSilent { call: None, silent: true })),
            ("end", Some(Command::End { call: None })),
            ("", None),
            ("video on", Some(camera(true))),
            ("video off", Some(camera(false))),
            ("screen on", Some(Command::ShareScreen { call: None, screen: GIVEN_SCREEN.into() })),
            ("screen off", Some(Command::StopSharing { call: None })),
        ] {
            assert_eq!(parse(line).unwrap(), command, "{line}");
        }
        let react = Command::React { call: None, reaction: "👍".into() };
        assert_eq!(parse("react 👍").unwrap(), Some(react));
        let hand = |raised| Some(Command::SetHand { call: None, raised });
        assert_eq!((parse("hand up").unwrap(), parse("hand down").unwrap()), (hand(true), hand(false)));
        assert_eq!(parse("end all").unwrap(), Some(Command::EndForEveryone { call: None }));
        assert_eq!(parse("hand sideways").unwrap_err().code, "unknown-command");
        assert_eq!(parse("sing").unwrap_err().code, "unknown-command");
    }
}
