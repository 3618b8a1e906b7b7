//! One file per command.

mod account;
mod call;
mod config;
mod contacts;
mod core;
mod ctl;
mod demo;
mod devices;
mod group;
mod join;
mod listen;
mod rooms;
mod sdk_method;
mod serve;
mod user;

use crate::args::CliCommand;
use crate::failure::Failure;
use crate::report::Output;

/// Runs a command to its end.
pub(crate) async fn run(command: CliCommand, output: &Output) -> Result<(), Failure> {
    // Boxed: each is a large future, and only one of them runs.
    match command {
        CliCommand::Demo => Box::pin(demo::run(output)).await,
        CliCommand::Serve(args) => Box::pin(serve::run(args, output)).await,
        CliCommand::User(command) => Box::pin(user::run(command, output)).await,
        CliCommand::Group(command) => Box::pin(group::run(command, output)).await,
        CliCommand::Config(command) => Box::pin(config::run(command, output)).await,
        CliCommand::Rooms(args) => Box::pin(rooms::list(args, output)).await,
        CliCommand::Room(command) => Box::pin(rooms::run(command, output)).await,
        CliCommand::Contacts(args) => Box::pin(contacts::run(args, output)).await,
        CliCommand::Call(args) => Box::pin(call::run(args, output)).await,
        CliCommand::Join(args) => Box::pin(join::run(args, output)).await,
        CliCommand::Listen(args) => Box::pin(listen::run(args, output)).await,
        CliCommand::Devices => Box::pin(devices::run(output)).await,
        CliCommand::Core(args) => Box::pin(core::run(args, output)).await,
        CliCommand::Ctl(args) => Box::pin(ctl::run(args, output)).await,
        CliCommand::Account(command) => Box::pin(account::run(command, output)).await,
    }
}

/// Runs what blocks for some milliseconds.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(Failure::new("internal", error.to_string())))
}
