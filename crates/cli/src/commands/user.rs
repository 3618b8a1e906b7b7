//! `user`: accounts of an embedded server, also while it runs.

use bellbird_server::Admin;

use crate::account::password;
use crate::args::UserCommand;
use crate::failure::Failure;
use crate::report::{Output, Report};

pub(super) async fn run(command: UserCommand, output: &Output) -> Result<(), Failure> {
    let output = output.clone();
    super::blocking(move || carry_out(command, &output)).await
}

fn carry_out(command: UserCommand, output: &Output) -> Result<(), Failure> {
    match command {
        UserCommand::Add { name, display_name, guest_app, data } => {
            let password = password()?;
            Admin::open(&data.data)?.add_user(&name, display_name.as_deref(), &password, guest_app)?;
            let display_name = display_name.as_deref().unwrap_or(&name);
            output.report(&Report::User { name: &name, display_name, guest_app });
        }
        UserCommand::List { data } => {
            for user in Admin::open(&data.data)?.users()? {
                let (name, display_name) = (user.name.as_str(), user.display_name.as_str());
                output.report(&Report::User { name, display_name, guest_app: user.guest_app });
            }
        }
        UserCommand::Remove { name, data } => {
            Admin::open(&data.data)?.remove_user(&name)?;
            output.report(&Report::Done { what: &format!("Removed {name}") });
        }
        UserCommand::AppPassword { name, data } => {
            let password = Admin::open(&data.data)?.new_app_password(&name)?;
            output.report(&Report::AppPassword { user: &name, password: &password });
        }
    }
    Ok(())
}
