//! `rooms` and `room create`: conversations of an account.

use bellbird_app::Sound;
use bellbird_contract::{Command, Reply};

use crate::account;
use crate::args::{AccountArgs, RoomCommand, RoomType};
use crate::failure::Failure;
use crate::report::{Output, Report};

pub(super) async fn list(args: AccountArgs, output: &Output) -> Result<(), Failure> {
    let app = account::sign_in(&args, Sound::default()).await?;
    let reply = app.handle(Command::ListRooms { account: None }).await;
    app.stop().await;
    report(reply?, output)
}

pub(super) async fn run(command: RoomCommand, output: &Output) -> Result<(), Failure> {
    let RoomCommand::Create { name, kind, invite, account } = command;
    let app = account::sign_in(&account, Sound::default()).await?;
    let public = match kind {
        RoomType::Group => false,
        RoomType::Public => true,
    };
    let room = app.create_room(&name, public, &invite).await;
    app.stop().await;
    output.report(&Report::Room { room: &room? });
    Ok(())
}

/// Prints the conversations of a reply.
pub(super) fn report(reply: Reply, output: &Output) -> Result<(), Failure> {
    match reply {
        Reply::Rooms { rooms } => {
            for room in &rooms {
                output.report(&Report::Room { room });
            }
            Ok(())
        }
        other => Err(Failure::new("internal", format!("asking for conversations yielded {other:?}"))),
    }
}
