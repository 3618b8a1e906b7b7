//! `call`: rings someone and stays in the call.

use bellbird_contract::{Command, Reply};

use crate::account;
use crate::args::CallArgs;
use crate::failure::Failure;
use crate::follow::{Answers, Course, Follower, Subject};
use crate::report::Output;
use crate::signals::Stop;
use crate::steer::{lines, open_door};

pub(super) async fn run(args: CallArgs, output: &Output) -> Result<(), Failure> {
    let stop = Stop::listen();
    let (pictures, mut saved) = args.media.pictures()?;
    let app = account::sign_in(&args.account, args.media.sound.sound()?, pictures).await?;
    app.run_unattended(args.media.unattended());
    let _door = open_door(&app, &args.account.data);
    let events = app.events();
    let media = args.media.offered(args.video);
    let command = Command::MakeCall { account: None, contact: args.name, media };
    let result = match app.handle(command).await {
        Ok(Reply::Call { call }) => {
            let answers = Answers { password: None, consent: args.recording_consent };
            let course = Course { answers, ..Course::from(&args.media) };
            let follower = Follower::new(&app, output, Subject::Call(call), course);
            follower.run(events, stop, saved.problems(), lines(args.media.stdin)).await
        }
        Ok(other) => Err(Failure::new("internal", format!("making a call yielded {other:?}"))),
        Err(problem) => Err(problem.into()),
    };
    app.stop().await;
    saved.finish().await;
    result
}
