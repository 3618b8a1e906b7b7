//! What cargo cannot do for Bellbird. `cargo xtask` alone lists the tasks.
#![allow(clippy::print_stdout, reason = "a command-line tool talks to its person")]

mod bench;
mod bindings;
mod cameras;
mod debian;
mod desktop_packages;
mod hpb;
mod hpb_packages;
mod machine_packages;
mod packages;
mod place;
mod run;
mod schemathesis;
mod setup;
mod step;
mod test;
mod ui;

use std::process::ExitCode;

use anyhow::{Result, bail};

/// One task: its name is what people type.
struct Task {
    name: &'static str,
    does: &'static str,
    run: fn(&[String]) -> Result<()>,
}

/// Every task. A guard in tests/tidy reads the names, so that pages cannot tell people to type others.
const TASKS: &[Task] = &[
    Task {
        name: "run",
        does: "install what is missing, build and start Bellbird [--release]",
        run: run::run,
    },
    Task {
        name: "test",
        does: "install what is missing, then every check and test [--no-setup]",
        run: test::run,
    },
    Task {
        name: "bench",
        does: "measure a release build, one JSON line a figure [NAME...]",
        run: bench::run,
    },
    Task {
        name: "hpb",
        does: "start signaling server, Janus, TURN and our server together [--help]",
        run: hpb::run,
    },
    Task {
        name: "cameras",
        does: "try the camera code on the kernel's pretended cameras, in an emulator",
        run: cameras::run,
    },
    Task { name: "bindings", does: "write the UI's types from the contract [--check]", run: bindings::run },
    Task { name: "setup", does: "only install what is missing [build|window|test]...", run: setup::run },
    Task { name: "lint", does: "clippy over everything, warnings are errors", run: test::lint },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<()> {
    let Some((name, rest)) = arguments.split_first() else {
        println!("Tasks:");
        for task in TASKS {
            println!("  cargo xtask {:<9} {}", task.name, task.does);
        }
        return Ok(());
    };
    match TASKS.iter().find(|task| task.name == name) {
        Some(task) => (task.run)(rest),
        None => {
            let names: Vec<&str> = TASKS.iter().map(|task| task.name).collect();
            bail!("there is no task {name:?}; there are {}", names.join(", "))
        }
    }
}

/// Refuses arguments a task does not know, rather than doing something else than was meant.
fn only_flags(arguments: &[String], known: &[&str]) -> Result<()> {
    match arguments.iter().find(|argument| !known.contains(&argument.as_str())) {
        Some(unknown) if known.is_empty() => bail!("unknown argument {unknown:?}; this task takes none"),
        Some(unknown) => bail!("unknown argument {unknown:?}; known: {}", known.join(", ")),
        None => Ok(()),
    }
}
