//! `contacts`: people one can call.

use bellbird_app::{Pictures, Sound};
use bellbird_contract::{Command, Reply};

use crate::account;
use crate::args::ContactsArgs;
use crate::failure::Failure;
use crate::report::{Output, Report};

pub(super) async fn run(args: ContactsArgs, output: &Output) -> Result<(), Failure> {
    let app = account::sign_in(&args.account, Sound::default(), Pictures::default()).await?;
    let reply = app.handle(Command::SearchContacts { account: None, text: args.search }).await;
    app.stop().await;
    report(reply?, output)
}

/// Prints the people of a reply.
pub(super) fn report(reply: Reply, output: &Output) -> Result<(), Failure> {
    match reply {
        Reply::Contacts { contacts } => {
            for contact in &contacts {
                output.report(&Report::Contact { contact });
            }
            Ok(())
        }
        other => Err(Failure::new("internal", format!("asking for people yielded {other:?}"))),
    }
}
