//! A signaling server with Janus and coturn on this machine, and Bellbird's own server in front of them, until Ctrl-C.
//! `cargo xtask hpb` builds and starts this.
#![allow(clippy::print_stdout, reason = "a command-line tool talks to its person")]

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};

use bellbird_testkit::hpb_stack::{HpbOptions, HpbStack, HpbVersion, free_port};

const USAGE: &str = "\
Starts Nextcloud's signaling server with Janus and coturn on this machine, together with Bellbird's server.

  --hpb-version 1|2     which signaling server: 1.2 (default) or 2.0
  --port PORT           where the signaling server listens on 127.0.0.1; without it a free port
  --listen PORT         where Bellbird's server listens on 127.0.0.1; without it a free port
  --data DIR            data folder of Bellbird's server; without it one that is removed at the end
  --backend URL         serve this Nextcloud instead, and start no server of ours; may be given several times
  --secret-file FILE    the secret to share with it; without it a random one, whose file is printed";

#[derive(Default)]
struct Options {
    version: Option<HpbVersion>,
    port: Option<u16>,
    listen: Option<u16>,
    data: Option<PathBuf>,
    backends: Vec<String>,
    secret: String,
}

fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let mut options = Options::default();
    while let Some(word) = words.next() {
        if word == "--help" {
            return Ok(None);
        }
        let value = words.next().ok_or_else(|| format!("{word} needs a value, or is unknown"))?;
        let port = || value.parse::<u16>().map_err(|_| format!("{value:?} is no port"));
        match word.as_str() {
            "--hpb-version" => {
                options.version = Some(match value.as_str() {
                    "1" => HpbVersion::V1,
                    "2" => HpbVersion::V2,
                    _ => return Err(format!("there is no version {value:?}; there are 1 and 2")),
                });
            }
            "--port" => options.port = Some(port()?),
            "--listen" => options.listen = Some(port()?),
            "--data" => options.data = Some(value.into()),
            "--backend" => options.backends.push(value),
            "--secret-file" => {
                let text = std::fs::read_to_string(&value).map_err(|error| format!("{value}: {error}"))?;
                options.secret = text.trim().to_owned();
            }
            _ => return Err(format!("unknown option {word:?}; --help lists them")),
        }
    }
    Ok(Some(options))
}

fn main() -> ExitCode {
    let options = match parse(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("an async runtime");
    // From here on Ctrl-C is ours, so that it cannot come between the start of a part and its end.
    let interrupted = runtime.block_on(async { Signals::listen() });
    let foreign = !options.backends.is_empty();
    let port = options.listen.unwrap_or_else(|| free_port(IpAddr::from(Ipv4Addr::LOCALHOST)));
    let ours = format!("http://127.0.0.1:{port}");
    let stack = HpbStack::start(HpbOptions {
        backends: if foreign { options.backends.clone() } else { vec![ours.clone()] },
        secret: options.secret.clone(),
        port: options.port,
        turn: true,
        ..HpbOptions::new(options.version.unwrap_or(HpbVersion::V1), &ours)
    });
    println!("\nSignaling server  {}   (clients: {})", stack.url(), stack.websocket());
    println!("  its secret is in {}", stack.secret_file().display());
    println!("TURN server       turn:{}?transport=udp", stack.turn_server());
    println!("  its secret is in {}", stack.turn_secret_file().display());
    println!("Files and logs    {}", stack.folder().display());
    let served = if foreign { None } else { Some(Server::start(&stack, port, options.data)) };
    let code = match &served {
        Some(Err(error)) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
        Some(Ok(server)) => {
            server.explain(&ours);
            runtime.block_on(interrupted.wait());
            ExitCode::SUCCESS
        }
        None => {
            println!("\nCtrl-C ends all of it.");
            runtime.block_on(interrupted.wait());
            ExitCode::SUCCESS
        }
    };
    // The server first, while what it speaks to is still there.
    drop(served);
    drop(stack);
    code
}

/// Ctrl-C, or the polite request of a service manager.
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let take = |kind| signal(kind).expect("signals can be listened to");
        Self { interrupt: take(SignalKind::interrupt()), terminate: take(SignalKind::terminate()) }
    }

    async fn wait(mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Bellbird's server, which plays Nextcloud for the signaling server.
struct Server {
    child: Child,
    program: PathBuf,
    data: PathBuf,
}

impl Server {
    fn start(stack: &HpbStack, port: u16, data: Option<PathBuf>) -> Result<Self, String> {
        let here = std::env::current_exe().map_err(|error| error.to_string())?;
        let profile = here.ancestors().nth(2).ok_or("examples lie in target/<profile>/examples")?;
        let program = profile.join("bellbird-cli");
        let data = data.unwrap_or_else(|| stack.folder().join("server"));
        let child = Command::new(&program)
            .args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--data"])
            .arg(&data)
            .args(["--hpb", &stack.url(), "--hpb-secret-file"])
            .arg(stack.secret_file())
            .args(["--turn", &format!("turn:{}?transport=udp", stack.turn_server()), "--turn-secret-file"])
            .arg(stack.turn_secret_file())
            .stdin(Stdio::null())
            .spawn()
            .map_err(|error| format!("{} cannot be started: {error}", program.display()))?;
        Ok(Self { child, program, data })
    }

    fn explain(&self, url: &str) {
        let (program, data) = (self.program.display(), self.data.display());
        println!("Bellbird's server {url}\n\nIn other terminals:");
        println!("  BELLBIRD_PASSWORD=correct-horse {program} user add alice --data {data}");
        println!("  BELLBIRD_PASSWORD=correct-horse {program} user add bob --data {data}");
        println!("  BELLBIRD_PASSWORD=correct-horse {program} listen --server {url} --user bob");
        println!("  BELLBIRD_PASSWORD=correct-horse {program} call bob --server {url} --user alice");
        println!("\nCtrl-C ends all of it.");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let asked = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        if !asked.is_ok_and(|status| status.success()) {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}
