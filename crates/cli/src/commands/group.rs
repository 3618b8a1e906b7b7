//! `group`: groups of accounts of an embedded server.

use bellbird_server::Admin;

use crate::args::GroupCommand;
use crate::failure::Failure;
use crate::report::{Output, Report};

pub(super) async fn run(command: GroupCommand, output: &Output) -> Result<(), Failure> {
    let output = output.clone();
    super::blocking(move || carry_out(command, &output)).await
}

fn carry_out(command: GroupCommand, output: &Output) -> Result<(), Failure> {
    match command {
        GroupCommand::Add { group, names, data } => {
            let admin = Admin::open(&data.data)?;
            admin.add_group(&group, &names)?;
            report(&admin, &output.clone(), |name| name == group)
        }
        GroupCommand::List { data } => report(&Admin::open(&data.data)?, output, |_| true),
        GroupCommand::Remove { group, data } => {
            Admin::open(&data.data)?.remove_group(&group)?;
            output.report(&Report::Done { what: &format!("Removed the group {group}") });
            Ok(())
        }
    }
}

fn report(admin: &Admin, output: &Output, wanted: impl Fn(&str) -> bool) -> Result<(), Failure> {
    for group in admin.groups()?.iter().filter(|group| wanted(&group.name)) {
        output.report(&Report::Group { name: &group.name, members: &group.members });
    }
    Ok(())
}
