//! `listen`: waits for calls.

use bellbird_contract::Command;

use crate::account;
use crate::args::ListenArgs;
use crate::failure::Failure;
use crate::follow::{Answers, Course, Follower, Subject};
use crate::report::{Output, Report};
use crate::signals::Stop;
use crate::steer::{lines, open_door};

pub(super) async fn run(args: ListenArgs, output: &Output) -> Result<(), Failure> {
    let mut stop = Stop::listen();
    let (pictures, mut saved) = args.media.pictures()?;
    let app = account::sign_in(&args.account, args.media.sound.sound()?, pictures).await?;
    app.run_unattended(args.media.unattended());
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
            if let Some(room) = &args.open {
                let room = Some(token_of(room).to_owned());
                app.handle(Command::OpenRoom { account: None, room }).await?;
            }
            output.report(&Report::Registered { user: &user, server: &server });
            let answers = Answers { password: None, consent: args.recording_consent };
            let course = Course { answers, ..Course::from(&args.media) };
            let follower = Follower::new(&app, output, Subject::Incoming(args.on_call), course);
            follower.run(events, stop, saved.problems(), lines(args.media.stdin)).await
        }
        Err(failure) => Err(failure),
    };
    app.stop().await;
    saved.finish().await;
    result
}

/// The token of a conversation, which may be given by its link.
fn token_of(room: &str) -> &str {
    let behind = room.rsplit_once("/call/").map_or(room, |(_, behind)| behind);
    behind.split(['#', '?', '/']).next().unwrap_or(behind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_is_opened_by_its_token_or_its_link() {
        for room in
            ["abc123", "https://cloud.example/call/abc123", "https://cloud.example/sub/call/abc123#fp=x"]
        {
            assert_eq!(token_of(room), "abc123");
        }
    }
}
