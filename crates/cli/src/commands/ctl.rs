//! `ctl`: steers what runs on this machine through its door.

use bellbird_contract::{Command, DeviceRole, Event, Media, Reply, TrackKind};
use bellbird_control::{ClientError, DoorClient};
use tokio::sync::broadcast;

use crate::account::{folder, password};
use crate::args::{CtlArgs, CtlCommand, HandTo, Role, RoomType};
use crate::failure::Failure;
use crate::report::{Output, Report};
use crate::signals::Stop;
use crate::steer::door_folder;

pub(super) async fn run(args: CtlArgs, output: &Output) -> Result<(), Failure> {
    let data = folder(args.data.as_ref())?;
    // The core first: it is what a person means, when both run.
    let client = match DoorClient::connect(&data).await {
        Err(ClientError::NotRunning) => DoorClient::connect(&door_folder(&data)).await?,
        other => other?,
    };
    let Some(command) = command_of(args.command, args.account)? else { return watch(&client, output).await };
    let reply = client.command(command).await?;
    match reply {
        Reply::Ok | Reply::Avatar { .. } | Reply::Screens { .. } => {
            output.report(&Report::Done { what: "Done" })
        }
        Reply::SignIn { address } => {
            output.report(&Report::SignIn { address: address.as_deref().unwrap_or_default() });
        }
        Reply::Sdk { result } => output.report(&Report::Sdk { result: &result }),
        Reply::Program { program, token } => {
            output.report(&Report::Program { program: &program, token: &token });
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

/// `None`: to watch.
fn command_of(command: CtlCommand, account: Option<String>) -> Result<Option<Command>, Failure> {
    let mute = |muted| Command::SetMuted { call: None, kind: TrackKind::Audio, muted };
    Ok(Some(match command {
        CtlCommand::Status => Command::Status,
        CtlCommand::Watch => return Ok(None),
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
        CtlCommand::Dismiss { number } => Command::DismissProblem { number },
        CtlCommand::Show => Command::ShowWindow,
        CtlCommand::Quit => Command::Quit,
    }))
}

async fn watch(client: &DoorClient, output: &Output) -> Result<(), Failure> {
    let mut stop = Stop::listen();
    let mut events = client.events();
    let state = client.state().borrow().clone();
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
