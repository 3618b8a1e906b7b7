//! `config`: settings of an embedded server, also while it runs.

use bellbird_server::Admin;

use crate::args::ConfigCommand;
use crate::failure::Failure;
use crate::report::{Output, Report};

pub(super) async fn run(command: ConfigCommand, output: &Output) -> Result<(), Failure> {
    let output = output.clone();
    super::blocking(move || carry_out(command, &output)).await
}

fn carry_out(command: ConfigCommand, output: &Output) -> Result<(), Failure> {
    match command {
        ConfigCommand::Set { key, value, data } => {
            Admin::open(&data.data)?.set_config(&key, &value)?;
            output.report(&Report::Done { what: &format!("Set {key}") });
        }
        ConfigCommand::Get { key, data } => {
            let value = Admin::open(&data.data)?.config(&key)?;
            output.report(&Report::Config { key: &key, value: &value, default: "", help: "" });
        }
        ConfigCommand::List { data } => {
            for entry in Admin::open(&data.data)?.list_config()? {
                let (key, value) = (entry.key, entry.value.as_str());
                output.report(&Report::Config { key, value, default: entry.default, help: entry.help });
            }
        }
    }
    Ok(())
}
