//! `ctl`: steers what runs on this machine through its door.

use std::path::Path;

use bellbird_contract::{Command, DeviceRole, Event, Media, Problem, RemoteJoinPolicy, Reply, TrackKind};
use bellbird_control::{ClientError, DoorClient, DoorFile, PERSON_ALONE, PROGRAMS_OFF};
use tokio::sync::broadcast;

use crate::account::{folder, password};
use crate::args::{CtlArgs, CtlCommand, HandTo, Policy, ProgramCommand, Role, RoomType, Switch};
use crate::failure::Failure;
use crate::report::{Output, Report};
use crate::signals::Stop;
use crate::steer::{GIVEN_SCREEN, door_folder};

use super::sdk_method;

/// Holds a program's token, for those who would rather not write it to a file.
const TOKEN: &str = "BELLBIRD_TOKEN";

/// Longer files hold no token.
const MAX_TOKEN_FILE: u64 = 4096;

pub(super) async fn run(args: CtlArgs, output: &Output) -> Result<(), Failure> {
    let data = folder(args.data.as_ref())?;
    let token = program_token(args.token_file.as_deref())?;
    // The core first: it is what a person means, when both run.
    let client = match connect(&data, token.as_deref()).await {
        Err(ClientError::NotRunning) => connect(&door_folder(&data), token.as_deref()).await?,
        other => other?,
    };
    let command = match command_of(args.command, args.account)? {
        Asked::Command(command) => command,
        Asked::Watch => return watch(&client, output).await,
        Asked::RemoteJoin { account, policy } => {
            let first = || client.state().borrow().accounts.first().map(|account| account.id.clone());
            let account =
                account.or_else(first).ok_or_else(|| Failure::new("not-now", "nobody is signed in"))?;
            Command::SetRemoteJoin { account, policy }
        }
        Asked::Programs => {
            let state = client.state().borrow().clone();
            output.report(&Report::Control { control: &state.control });
            for program in &state.control.programs {
                output.report(&Report::Program { program, token: None });
            }
            return Ok(());
        }
    };
    let reply = client.command(command).await.map_err(as_a_program)?;
    match reply {
        Reply::Ok | Reply::Avatar { .. } | Reply::Screens { .. } => {
            output.report(&Report::Done { what: "Done" })
        }
        Reply::SignIn { address } => {
            output.report(&Report::SignIn { address: address.as_deref().unwrap_or_default() });
        }
        Reply::Sdk { result } => {
            output.report(&Report::Sdk { result: &result });
            if let Some(code) = result.code {
                return Err(Failure::new(code, result.message));
            }
        }
        Reply::Program { program, token } => {
            output.report(&Report::Program { program: &program, token: Some(&token) });
        }
        Reply::Room { room } => output.report(&Report::Room { room: &room }),
        Reply::Call { call } => output.report(&Report::Calling { call: &call }),
        Reply::Invitation { invitation } => output.report(&Report::Invitation { invitation: &invitation }),
        Reply::State { state } => output.report(&Report::State { state: &state }),
        contacts @ Reply::Contacts { .. } => super::contacts::report(contacts, output)?,
        rooms @ Reply::Rooms { .. } => super::rooms::report(rooms, output)?,
    }
    Ok(())
}

async fn connect(data: &Path, token: Option<&str>) -> Result<DoorClient, ClientError> {
    let Some(token) = token else { return DoorClient::connect(data).await };
    let door = DoorFile::read(data).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => ClientError::NotRunning,
        _ => ClientError::Unreadable(error),
    })?;
    DoorClient::connect_to(&DoorFile { token: token.to_owned(), ..door }).await
}

/// The token of the program that this shall be; `None`: the person's shell.
fn program_token(file: Option<&Path>) -> Result<Option<String>, Failure> {
    use std::io::Read;
    let text = match file {
        Some(path) => {
            let mut text = String::new();
            let read = std::fs::File::open(path)
                .and_then(|file| file.take(MAX_TOKEN_FILE).read_to_string(&mut text));
            read.map_err(|error| Failure::new("file", format!("{}: {error}", path.display())))?;
            Some(text)
        }
        None => std::env::var(TOKEN).ok(),
    };
    Ok(text.map(|text| text.trim().to_owned()).filter(|token| !token.is_empty()))
}

/// What a program may not do is not what a server does not allow.
fn as_a_program(problem: Problem) -> Failure {
    if problem.detail == PERSON_ALONE { Failure::new("person-alone", "") } else { problem.into() }
}

/// What is wanted of the core.
enum Asked {
    Command(Command),
    Watch,
    Programs,
    /// For the first account, where none is named.
    RemoteJoin {
        account: Option<String>,
        policy: RemoteJoinPolicy,
    },
}

fn command_of(command: CtlCommand, account: Option<String>) -> Result<Asked, Failure> {
    let mute = |muted| Command::SetMuted { call: None, kind: TrackKind::Audio, muted };
    Ok(Asked::Command(match command {
        CtlCommand::Status => Command::Status,
        CtlCommand::Watch => return Ok(Asked::Watch),
        CtlCommand::Programs => return Ok(Asked::Programs),
        CtlCommand::Program(ProgramCommand::Add { name }) => Command::AddProgram { name },
        CtlCommand::Program(ProgramCommand::Revoke { id }) => Command::RevokeProgram { program: id },
        CtlCommand::AllowPrograms { allowed } => Command::AllowPrograms { allowed: allowed == Switch::On },
        CtlCommand::Call { name } => Command::MakeCall { account, contact: name, media: Media::Voice },
        CtlCommand::Join { room, as_guest } => {
            Command::JoinRoom { account, room, media: Media::Voice, guest_name: as_guest }
        }
        CtlCommand::Answer { call } => Command::Answer { call, media: Media::Voice },
        CtlCommand::Decline { call } => Command::Decline { call },
        CtlCommand::End { call, all: false } => Command::End { call },
        CtlCommand::End { call, all: true } => Command::EndForEveryone { call },
        CtlCommand::Hand { to } => Command::SetHand { call: None, raised: to == HandTo::Up },
        CtlCommand::React { emoji } => Command::React { call: None, reaction: emoji },
        CtlCommand::AskMute { participant } => Command::AskToMute { call: None, participant },
        CtlCommand::Add { name } => Command::AddPerson { call: None, contact: name },
        CtlCommand::CreateRoom { name, kind, invite } => {
            let public = kind == RoomType::Public;
            Command::CreateRoom { account, name, public, people: invite }
        }
        CtlCommand::Mute => mute(true),
        CtlCommand::Unmute => mute(false),
        CtlCommand::Hold => Command::SetHold { call: None, held: true },
        CtlCommand::Resume => Command::SetHold { call: None, held: false },
        CtlCommand::Contacts { text } => Command::SearchContacts { account, text },
        CtlCommand::Rooms => Command::ListRooms { account },
        CtlCommand::StartHere => Command::StartHere,
        CtlCommand::SignIn { server, user } => {
            Command::SignIn { server, login_name: user, password: password()? }
        }
        CtlCommand::Accept { link, user, display_name } => {
            Command::AcceptInvitation { link, login_name: user, display_name, password: password()? }
        }
        CtlCommand::Invite => Command::CreateInvitation,
        CtlCommand::SignOut { id } => Command::SignOut { account: id },
        CtlCommand::DisplayName { name } => Command::SetDisplayName { account, display_name: name },
        CtlCommand::Device { role, name } => {
            let role = match role {
                Role::Microphone => DeviceRole::Microphone,
                Role::Speaker => DeviceRole::Speaker,
                Role::Ringer => DeviceRole::Ringer,
            };
            Command::SelectDevice { role, name }
        }
        CtlCommand::Sdk { method, arguments } => {
            Command::Sdk { account, method: sdk_method::parse(&method, arguments.as_deref())? }
        }
        CtlCommand::Dismiss { number } => Command::DismissProblem { number },
        CtlCommand::RemoteJoin { policy } => {
            let policy = match policy {
                Policy::Ask => RemoteJoinPolicy::Ask,
                Policy::Allow => RemoteJoinPolicy::Allow,
                Policy::Forbid => RemoteJoinPolicy::Forbid,
            };
            return Ok(Asked::RemoteJoin { account, policy });
        }
        CtlCommand::Allow { request, screen } => {
            let screen = Some(screen.unwrap_or_else(|| GIVEN_SCREEN.into()));
            Command::AnswerRemoteJoin { request, allow: true, screen }
        }
        CtlCommand::Refuse { request } => Command::AnswerRemoteJoin { request, allow: false, screen: None },
        CtlCommand::Show => Command::ShowWindow,
        CtlCommand::Quit => Command::Quit,
    }))
}

async fn watch(client: &DoorClient, output: &Output) -> Result<(), Failure> {
    let mut stop = Stop::listen();
    let mut events = client.events();
    let state = client.state().borrow().clone();
    if !state.control.allowed {
        return Err(Failure::new(PROGRAMS_OFF, ""));
    }
    output.report(&Report::State { state: &state });
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Ok(event @ Event::Stopping) => {
                    output.report(&Report::Happening { event: &event });
                    return Ok(());
                }
                Ok(event) => output.report(&Report::Happening { event: &event }),
                Err(broadcast::error::RecvError::Lagged(missed)) => tracing::warn!(missed, "events were missed"),
                Err(broadcast::error::RecvError::Closed) => return Err(Failure::new("core-gone", "")),
            },
            () = client.closed() => return Err(Failure::new("core-gone", "")),
            () = stop.requested() => return Ok(()),
        }
    }
}
