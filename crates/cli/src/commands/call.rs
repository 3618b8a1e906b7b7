//! `call`: rings someone and stays in the call.

use bellbird_contract::{Command, Media, Reply};

use crate::account;
use crate::args::CallArgs;
use crate::failure::Failure;
use crate::follow::{Course, Follower, Subject};
use crate::report::Output;
use crate::signals::Stop;
use crate::steer::open_door;

pub(super) async fn run(args: CallArgs, output: &Output) -> Result<(), Failure> {
    super::sound_only(args.video, &args.media)?;
    let stop = Stop::listen();
    let app = account::sign_in(&args.account, args.media.sound.sound()?).await?;
    let _door = open_door(&app, &args.account.data);
    let events = app.events();
    let command = Command::MakeCall { account: None, contact: args.name, media: Media::Voice };
    let result = match app.handle(command).await {
        Ok(Reply::Call { call }) => {
            let course = Course::from(&args.media);
            Follower::new(&app, output, Subject::Call(call), course).run(events, stop).await
        }
        Ok(other) => Err(Failure::new("internal", format!("making a call yielded {other:?}"))),
        Err(problem) => Err(problem.into()),
    };
    app.stop().await;
    result
}
