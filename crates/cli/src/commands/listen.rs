//! `listen`: waits for calls.

use crate::account;
use crate::args::ListenArgs;
use crate::failure::Failure;
use crate::follow::{Answers, Course, Follower, Subject};
use crate::report::{Output, Report};
use crate::signals::Stop;
use crate::steer::open_door;

pub(super) async fn run(args: ListenArgs, output: &Output) -> Result<(), Failure> {
    let mut stop = Stop::listen();
    let (pictures, mut saved) = args.media.pictures()?;
    let app = account::sign_in(&args.account, args.media.sound.sound()?, pictures).await?;
    let _door = open_door(&app, &args.account.data);
    let events = app.events();
    let registered = tokio::select! {
        registered = account::registered(&app) => registered,
        () = stop.requested() => {
            app.stop().await;
            return Ok(());
        }
    };
    let result = match registered {
        Ok((user, server)) => {
            output.report(&Report::Registered { user: &user, server: &server });
            let answers = Answers { password: None, consent: args.recording_consent };
            let course = Course { answers, ..Course::from(&args.media) };
            let follower = Follower::new(&app, output, Subject::Incoming(args.on_call), course);
            follower.run(events, stop, saved.problems()).await
        }
        Err(failure) => Err(failure),
    };
    app.stop().await;
    saved.finish().await;
    result
}
