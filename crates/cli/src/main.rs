//! `bellbird-cli`: Bellbird without a window, and the core process that windows attach to.
//!
//! Events go to stdout (one JSON object a line with `--json`, sentences without), logs to stderr. Exit codes: 0 done,
//! 1 what was asked for failed (the last line is an `error` event), 2 wrong usage.

mod account;
mod args;
mod audio;
mod commands;
mod embedded;
mod failure;
mod follow;
mod memory;
mod pictures;
mod process;
mod remote_api;
mod report;
mod saved_video;
mod signals;
mod sound;
mod steer;
mod window;
mod words;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;

use crate::args::Args;
use crate::report::{Output, Report};

/// Threads of the async runtime. Media and devices have threads of their own, and a core that waits for calls must
/// stay small.
const WORKERS: usize = 2;

fn main() -> ExitCode {
    let started = Instant::now();
    memory::give_large_blocks_back();
    let args = Args::parse();
    start_logging();
    // One provider for the whole process, chosen before anything speaks TLS. It fails only when there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();

    let output = Output::new(args.json, started);
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .thread_name("bellbird")
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            output.report(&Report::Error { code: "internal", message: &error.to_string() });
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(commands::run(args.command, &output));
    // What still blocks (a sound server, a name look-up) must not keep the process.
    runtime.shutdown_timeout(Duration::from_millis(200));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.report(&Report::Error { code: &failure.code, message: &failure.message() });
            ExitCode::FAILURE
        }
    }
}

fn start_logging() {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}
