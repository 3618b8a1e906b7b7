//! `join`: joins a conversation's call, with an account or as a guest, once or as several clients.

use std::sync::Arc;

use bellbird_app::{AccountHome, StoredAccount, StoredLogins, SystemKeyStore};
use bellbird_contract::{Command, Reply};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use crate::account;
use crate::args::{AccountArgs, JoinArgs};
use crate::failure::Failure;
use crate::follow::{Answers, Course, Follower, Subject};
use crate::report::{Output, Report};
use crate::signals::Stop;
use crate::steer::{lines, open_door};

/// Where the password of a conversation is read from.
const ROOM_PASSWORD: &str = "BELLBIRD_ROOM_PASSWORD";

/// Clients that sign in at the same time: a server hashes each one's password.
const SIGN_INS: usize = 4;

/// Lines waiting for one client at most; the others wait then, too.
const WAITING: usize = 16;

/// What one client has for itself.
struct Client {
    /// Its number among several.
    number: Option<u32>,
    output: Output,
    stop: Stop,
    lines: mpsc::Receiver<String>,
    /// Taken while it signs in.
    turns: Arc<Semaphore>,
}

pub(super) async fn run(mut args: JoinArgs, output: &Output) -> Result<(), Failure> {
    let stop = Stop::listen();
    let joiner = args.joiner.account();
    if args.as_guest.is_some() {
        args.room = link_of(args.room, &joiner)?;
    }
    let lines = lines(args.media.stdin);
    let turns = Arc::new(Semaphore::new(SIGN_INS));
    let Some(count) = args.count else {
        let client = Client { number: None, output: output.clone(), stop, lines, turns };
        return join(&args, client).await;
    };
    let args = Arc::new(args);
    let mut clients = JoinSet::new();
    let mut speakers = Vec::new();
    for number in 1..=count {
        let (speaker, lines) = mpsc::channel(WAITING);
        speakers.push(speaker);
        let output = output.of_client(Some(number));
        let client = Client { number: Some(number), output, stop: stop.clone(), lines, turns: turns.clone() };
        let args = args.clone();
        clients.spawn(async move {
            let output = client.output.clone();
            join(&args, client).await.inspect_err(|failure| {
                output.report(&Report::Error { code: &failure.code, message: &failure.message() });
            })
        });
    }
    tokio::spawn(share_out(lines, speakers));
    let (mut failed, mut first) = (0, None);
    while let Some(outcome) = clients.join_next().await {
        let outcome = outcome.unwrap_or_else(|error| Err(Failure::new("internal", error.to_string())));
        if let Err(failure) = outcome {
            failed += 1;
            first = first.or(Some(failure));
        }
    }
    match first {
        // Each told its own; the last line says how the whole went.
        Some(failure) => Err(Failure::new(failure.code, format!("{failed} of {count} clients failed"))),
        None => Ok(()),
    }
}

/// Gives every client each line, or one client those behind its number and a colon.
async fn share_out(mut lines: mpsc::Receiver<String>, speakers: Vec<mpsc::Sender<String>>) {
    while let Some(line) = lines.recv().await {
        let (only, line) = addressed(&line);
        for (number, speaker) in (1..).zip(&speakers) {
            if only.is_none_or(|only| only == number) {
                // One that is gone hears nothing any more.
                let _ = speaker.send(line.to_owned()).await;
            }
        }
    }
}

/// `2: mute` is for client 2, `mute` for all.
fn addressed(line: &str) -> (Option<u32>, &str) {
    let parts = line.split_once(':').and_then(|(number, rest)| Some((number.trim().parse().ok()?, rest)));
    parts.map_or((None, line), |(number, rest)| (Some(number), rest))
}

/// One client, to the end of its call.
async fn join(args: &JoinArgs, client: Client) -> Result<(), Failure> {
    let Client { number, output, stop, lines, turns } = client;
    let joiner = args.joiner.account();
    let sound = match number {
        Some(number) => args.media.sound.sound_of(number)?,
        None => args.media.sound.sound()?,
    };
    let (pictures, mut saved) = args.media.pictures_of(number)?;
    let guest_name = args.as_guest.as_ref().map(|name| match number {
        Some(number) => format!("{name} {number}"),
        None => name.clone(),
    });
    let app = match &guest_name {
        Some(_) => account::fleeting_app(sound, pictures),
        None => {
            let _turn = turns.acquire().await;
            account::sign_in(&joiner, sound, pictures).await?
        }
    };
    app.run_unattended(args.media.unattended());
    // One door for all of them.
    let _door = number.is_none_or(|number| number == 1).then(|| open_door(&app, &joiner.data));
    let events = app.events();
    let room = args.room.clone();
    let joined = if args.silent {
        app.join_silently(&room, guest_name.as_deref())
    } else {
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
            let follower = Follower::new(&app, &output, Subject::Call(call), course);
            follower.run(events, stop, saved.problems(), lines).await
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_for_all_or_for_one() {
        assert_eq!(addressed("mute"), (None, "mute"));
        assert_eq!(addressed("2: mute"), (Some(2), " mute"));
        assert_eq!(addressed(" 12 :hand up"), (Some(12), "hand up"));
        assert_eq!(addressed("react :-)"), (None, "react :-)"));
    }
}
