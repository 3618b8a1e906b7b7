//! `rooms`, `room create` and `room link`: conversations of an account.

use std::time::{SystemTime, UNIX_EPOCH};

use bellbird_app::{LinkChange, Pictures, Sound};
use bellbird_contract::{Command, Reply};

use crate::account;
use crate::args::{AccountArgs, RoomCommand, RoomType};
use crate::failure::Failure;
use crate::report::{Output, Report};

pub(super) async fn list(args: AccountArgs, output: &Output) -> Result<(), Failure> {
    let app = account::sign_in(&args, Sound::default(), Pictures::default()).await?;
    let reply = app.handle(Command::ListRooms { account: None }).await;
    app.stop().await;
    report(reply?, output)
}

pub(super) async fn run(command: RoomCommand, output: &Output) -> Result<(), Failure> {
    let room = match command {
        RoomCommand::Create { name, kind, invite, account } => {
            let app = account::sign_in(&account, Sound::default(), Pictures::default()).await?;
            let public = match kind {
                RoomType::Group => false,
                RoomType::Public => true,
            };
            let room = app.create_room(&name, public, &invite).await;
            app.stop().await;
            room
        }
        RoomCommand::Link { token, open, withdraw, expires_in, never_expires: _, account } => {
            let change = match expires_in {
                Some(seconds) => LinkChange::ExpireAt(unix_now().saturating_add(i64::from(seconds))),
                None if open => LinkChange::Open,
                None if withdraw => LinkChange::Withdraw,
                None => LinkChange::ExpireAt(0),
            };
            let app = account::sign_in(&account, Sound::default(), Pictures::default()).await?;
            let room = app.change_link(&token, change).await;
            app.stop().await;
            room
        }
    };
    output.report(&Report::Room { room: &room? });
    Ok(())
}

fn unix_now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed())
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
