//! `join`: joins a conversation's call.

use bellbird_contract::{Command, Media, Reply};

use crate::account;
use crate::args::JoinArgs;
use crate::failure::Failure;
use crate::follow::{Course, Follower, Subject};
use crate::report::Output;
use crate::signals::Stop;
use crate::steer::open_door;

pub(super) async fn run(args: JoinArgs, output: &Output) -> Result<(), Failure> {
    super::sound_only(args.video, &args.media)?;
    if args.as_guest.is_some() {
        return Err(Failure::new("unsupported", "--as-guest: join with an account instead"));
    }
    if args.recording_consent {
        return Err(Failure::new("unsupported", "--recording-consent: recorded calls cannot be joined"));
    }
    let stop = Stop::listen();
    let app = account::sign_in(&args.account, args.media.sound.sound()?).await?;
    let _door = open_door(&app, &args.account.data);
    let events = app.events();
    let joined = if args.silent {
        app.join_silently(&args.room)
    } else {
        match app.handle(Command::JoinRoom { account: None, room: args.room, media: Media::Voice }).await {
            Ok(Reply::Call { call }) => Ok(call),
            Ok(other) => return Err(Failure::new("internal", format!("joining yielded {other:?}"))),
            Err(problem) => Err(problem),
        }
    };
    let result = match joined {
        Ok(call) => {
            let course = Course::from(&args.media);
            Follower::new(&app, output, Subject::Call(call), course).run(events, stop).await
        }
        Err(problem) => Err(problem.into()),
    };
    app.stop().await;
    result
}
