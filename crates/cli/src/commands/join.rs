//! `join`: joins a conversation's call, with an account or as a guest.

use std::sync::Arc;

use bellbird_app::{AccountHome, StoredAccount, StoredLogins, SystemKeyStore};
use bellbird_contract::{Command, Reply};

use crate::account;
use crate::args::{AccountArgs, JoinArgs};
use crate::failure::Failure;
use crate::follow::{Answers, Course, Follower, Subject};
use crate::report::Output;
use crate::signals::Stop;
use crate::steer::open_door;

/// Where the password of a conversation is read from.
const ROOM_PASSWORD: &str = "BELLBIRD_ROOM_PASSWORD";

pub(super) async fn run(args: JoinArgs, output: &Output) -> Result<(), Failure> {
    let stop = Stop::listen();
    let sound = args.media.sound.sound()?;
    let (pictures, mut saved) = args.media.pictures()?;
    let joiner = args.joiner.account();
    let room = match &args.as_guest {
        Some(_) => link_of(args.room, &joiner)?,
        None => args.room,
    };
    let app = match &args.as_guest {
        Some(_) => account::fleeting_app(sound, pictures),
        None => account::sign_in(&joiner, sound, pictures).await?,
    };
    let _door = open_door(&app, &joiner.data);
    let events = app.events();
    let joined = if args.silent {
        app.join_silently(&room, args.as_guest.as_deref())
    } else {
        let guest_name = args.as_guest;
        let media = args.media.offered(args.video);
        match app.handle(Command::JoinRoom { account: None, room, media, guest_name }).await {
            Ok(Reply::Call { call }) => Ok(call),
            Ok(other) => return Err(Failure::new("internal", format!("joining yielded {other:?}"))),
            Err(problem) => Err(problem),
        }
    };
    let result = match joined {
        Ok(call) => {
            let answers = Answers {
                password: std::env::var(ROOM_PASSWORD).ok().filter(|password| !password.is_empty()),
                consent: args.recording_consent,
            };
            let course = Course { answers, ..Course::from(&args.media) };
            let follower = Follower::new(&app, output, Subject::Call(call), course);
            follower.run(events, stop, saved.problems()).await
        }
        Err(problem) => Err(problem.into()),
    };
    app.stop().await;
    saved.finish().await;
    result
}

/// The link a guest needs: as given, or made of a token and the server of the account named beside it.
fn link_of(room: String, joiner: &AccountArgs) -> Result<String, Failure> {
    if room.contains("://") {
        return Ok(room);
    }
    let server = match (&joiner.server, &joiner.account) {
        (Some(server), _) if server.contains("://") => server.clone(),
        (Some(server), _) => format!("https://{server}"),
        (None, Some(name)) => {
            let logins = StoredLogins::open(&joiner.data.folder()?, Arc::new(SystemKeyStore))?;
            let named = |account: &&StoredAccount| account.id == *name || account.user_id == *name;
            match logins.all().iter().find(named).map(|account| &account.home) {
                Some(AccountHome::Remote { server, .. }) => server.clone(),
                Some(AccountHome::Local) | None => {
                    return Err(Failure::new(
                        "unknown-user",
                        "no stored account of another server has this name",
                    ));
                }
            }
        }
        (None, None) => return Ok(room),
    };
    Ok(format!("{}/call/{room}", server.trim_end_matches('/')))
}
