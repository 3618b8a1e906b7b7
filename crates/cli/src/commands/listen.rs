//! `listen`: waits for calls.

use crate::account;
use crate::args::ListenArgs;
use crate::failure::Failure;
use crate::follow::{Course, Follower, Subject};
use crate::report::{Output, Report};
use crate::signals::Stop;
use crate::steer::open_door;

pub(super) async fn run(args: ListenArgs, output: &Output) -> Result<(), Failure> {
    super::sound_only(false, &args.media)?;
    let mut stop = Stop::listen();
    let app = account::sign_in(&args.account, args.media.sound.sound()?).await?;
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
            let course = Course::from(&args.media);
            Follower::new(&app, output, Subject::Incoming(args.on_call), course).run(events, stop).await
        }
        Err(failure) => Err(failure),
    };
    app.stop().await;
    result
}
