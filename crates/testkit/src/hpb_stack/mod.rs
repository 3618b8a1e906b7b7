//! A real signaling stack on this machine: Nextcloud's signaling server (HPB), Janus and coturn, from Debian's packages as
//! `cargo xtask setup test` unpacks them.
//!
//! ```text
//!  clients ── WebSocket ─▶ HPB ── WebSocket ─▶ Janus ◀── RTP ── clients
//!                          │ ▲                            (through coturn, when they may not reach it)
//!                   HTTP   ▼ │   HTTP
//!                     backend (the Nextcloud side)
//! ```
//!
//! Signaling and HTTP are on 127.0.0.1; Janus and coturn use the machine's own other address, because Janus never offers
//! loopback. What goes there stays on the machine, too. Linux only.

mod files;
pub(crate) mod place;
mod ward;

use std::fmt;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use files::Plan;
pub use place::{free_port, own_address};
use ward::Ward;

/// How long a part may take to come up on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Lines of each log that a failed test shows.
const LINES_SHOWN: usize = 60;

/// Which signaling server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HpbVersion {
    /// 1.2, as Debian 12's backports have it.
    V1,
    /// 2.0, the one of Debian's development line.
    V2,
}

impl HpbVersion {
    /// Both, the more usual one first.
    pub const ALL: [Self; 2] = [Self::V1, Self::V2];

    fn folder(self) -> &'static str {
        match self {
            Self::V1 => "1",
            Self::V2 => "2",
        }
    }
}

/// How clients are told to reach coturn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Relay {
    /// `turn:…?transport=udp`
    Udp,
    /// `turn:…?transport=tcp`
    Tcp,
    /// `turns:…?transport=tcp`; needs [`HpbOptions::certificate`].
    Tls,
}

/// What a stack is to be like.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HpbOptions {
    /// Which signaling server.
    pub version: HpbVersion,
    /// Base addresses of the Nextcloud sides it serves, each with [`HpbStack::secret`].
    pub backends: Vec<String>,
    /// The secret it shares with them; a random one when empty.
    pub secret: String,
    /// Where it listens on 127.0.0.1; a free port when `None`.
    pub port: Option<u16>,
    /// Whether coturn runs beside it.
    pub turn: bool,
    /// Where clients reach coturn; the machine's own address when `None`. It relays from the machine's own in any case.
    pub turn_address: Option<IpAddr>,
    /// How clients are told to reach it.
    pub relay: Relay,
    /// Where Janus offers media; the machine's own IPv4 address when `None`.
    pub media_address: Option<IpAddr>,
    /// Whether Janus offers media over TCP, too.
    pub ice_tcp: bool,
    /// Chain and key, PEM files: coturn speaks TLS with it.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// The signaling server is reached over TLS alone, with that certificate, and trusts any of its backends'.
    pub encrypted: bool,
    /// The name in [`HpbStack::url`], of 127.0.0.1.
    pub host: &'static str,
}

impl HpbOptions {
    /// A stack for one backend, with a random secret, a free port and no TURN server.
    pub fn new(version: HpbVersion, backend: &str) -> Self {
        Self {
            version,
            backends: vec![backend.to_owned()],
            secret: String::new(),
            port: None,
            turn: false,
            turn_address: None,
            relay: Relay::Udp,
            media_address: None,
            ice_tcp: false,
            certificate: None,
            encrypted: false,
            host: "127.0.0.1",
        }
    }

    /// The same with a TURN server.
    pub fn with_turn(self) -> Self {
        Self { turn: true, ..self }
    }
}

/// A program of the stack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// The signaling server.
    Hpb,
    /// The media server.
    Janus,
    /// The relay.
    Turn,
}

impl Part {
    const ALL: [Self; 3] = [Self::Janus, Self::Turn, Self::Hpb];

    fn log(self) -> &'static str {
        match self {
            Self::Hpb => "hpb.log",
            Self::Janus => "janus.log",
            Self::Turn => "turn.log",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hpb => "the signaling server",
            Self::Janus => "Janus",
            Self::Turn => "coturn",
        })
    }
}

/// A running stack. Dropping it ends it and removes its folder; while a test fails, it shows the ends of its logs first.
#[derive(Debug)]
pub struct HpbStack {
    folder: PathBuf,
    packages: PathBuf,
    options: HpbOptions,
    plan: Plan,
    running: Vec<(Part, Child)>,
    ward: Ward,
}

impl HpbStack {
    /// Starts everything and waits until it answers.
    ///
    /// # Panics
    /// When the packages are not there, the machine has no address beside loopback, or something does not come up.
    pub fn start(options: HpbOptions) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let packages = place::packages();
        for needed in ["media/usr/bin/janus", "1/usr/bin", "2/usr/bin"] {
            let path = packages.join(needed);
            assert!(path.exists(), "{} is not there: run `cargo xtask setup test` first", path.display());
        }
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("bellbird-hpb-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("the temporary folder can be written");
        restrict(&folder);
        let loopback = IpAddr::from(Ipv4Addr::LOCALHOST);
        let address = options.media_address.unwrap_or_else(place::own_address);
        let given = options.secret.clone();
        let plan = Plan {
            address,
            hpb_port: options.port.unwrap_or_else(|| free_port(loopback)),
            hpb_tls_port: free_port(loopback),
            janus_port: free_port(loopback),
            turn_tls_port: free_port(options.turn_address.unwrap_or(address)),
            turn_address: options.turn_address.unwrap_or(address),
            turn_port: free_port(options.turn_address.unwrap_or(address)),
            secret: if given.is_empty() { place::random_word(32) } else { given },
            turn_secret: place::random_word(32),
        };
        let root = packages.join("media");
        let write = |name: &str, text: &str| std::fs::write(folder.join(name), text);
        write("secret", &plan.secret)
            .and_then(|()| write("turn-secret", &plan.turn_secret))
            .and_then(|()| write("hpb.conf", &files::signaling(&plan, &options)))
            .and_then(|()| write("turn.conf", &files::turn(&folder, &plan, &options)))
            .and_then(|()| files::write_janus(&folder.join("janus"), &root, &plan, &options))
            .expect("the temporary folder can be written");
        let mut stack = Self { folder, packages, options, plan, running: Vec::new(), ward: Ward::start() };
        stack.start_part(Part::Janus);
        if stack.options.turn {
            stack.start_part(Part::Turn);
        }
        // Last, since it waits for Janus before it listens.
        stack.start_part(Part::Hpb);
        stack
    }

    /// Base address of the signaling server, as a backend is told it: `http://127.0.0.1:PORT`, or with TLS `https:`.
    pub fn url(&self) -> String {
        let scheme = if self.options.encrypted { "https" } else { "http" };
        format!("{scheme}://{}:{}", self.options.host, self.port())
    }

    /// Where clients connect: `ws://127.0.0.1:PORT/spreed`.
    pub fn websocket(&self) -> String {
        format!("{}/spreed", self.url().replacen("http", "ws", 1))
    }

    /// What signaling server and backends share.
    pub fn secret(&self) -> &str {
        &self.plan.secret
    }

    /// A file with nothing but that secret, readable for us alone.
    pub fn secret_file(&self) -> PathBuf {
        self.folder.join("secret")
    }

    /// The signaling server's port.
    pub fn port(&self) -> u16 {
        if self.options.encrypted { self.plan.hpb_tls_port } else { self.plan.hpb_port }
    }

    /// Where Janus offers media.
    pub fn media_address(&self) -> IpAddr {
        self.plan.address
    }

    /// The TURN server's host and port, as behind `turn:`.
    pub fn turn_server(&self) -> String {
        format!("{}:{}", self.plan.turn_address, self.plan.turn_port)
    }

    /// The TURN server's address for clients, with how to reach it.
    pub fn turn_uri(&self) -> String {
        let at = |port| SocketAddr::new(self.plan.turn_address, port);
        match self.options.relay {
            Relay::Udp => format!("turn:{}?transport=udp", at(self.plan.turn_port)),
            Relay::Tcp => format!("turn:{}?transport=tcp", at(self.plan.turn_port)),
            Relay::Tls => format!("turns:{}?transport=tcp", at(self.plan.turn_tls_port)),
        }
    }

    /// What the TURN server shares with whoever makes credentials for it.
    pub fn turn_secret(&self) -> &str {
        &self.plan.turn_secret
    }

    /// A file with nothing but that secret, readable for us alone.
    pub fn turn_secret_file(&self) -> PathBuf {
        self.folder.join("turn-secret")
    }

    /// Configuration and logs.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What a part logged so far, over all its starts.
    pub fn log(&self, part: Part) -> String {
        std::fs::read(self.folder.join(part.log()))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// The process id of a part that runs.
    pub fn id(&self, part: Part) -> Option<u32> {
        self.running.iter().find(|(running, _)| *running == part).map(|(_, child)| child.id())
    }

    /// Ends a part at once, as a crash would.
    pub fn kill(&mut self, part: Part) {
        if let Some(at) = self.running.iter().position(|(running, _)| *running == part) {
            let (_, mut child) = self.running.remove(at);
            let _ = child.kill();
            let _ = child.wait();
            self.tell_ward();
        }
    }

    /// Starts a part that was killed, on the port it had, and waits until it answers.
    ///
    /// # Panics
    /// When it does not come up, or runs already.
    pub fn start_part(&mut self, part: Part) {
        assert!(self.id(part).is_none(), "{part} runs already");
        let log = std::fs::File::options().create(true).append(true).open(self.folder.join(part.log()));
        let log = log.expect("the temporary folder can be written");
        let errors = log.try_clone().expect("a file can be shared");
        let child = self
            .command(part)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|error| panic!("{part} cannot be started: {error}"));
        self.running.push((part, child));
        self.tell_ward();
        let deadline = Instant::now() + PATIENCE;
        while !self.answers(part) {
            let ended = self.ended(part);
            assert!(ended.is_none() && Instant::now() < deadline, "{part} does not come up: {ended:?}");
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// Kills the signaling server and starts it again: every session is lost.
    pub fn restart_hpb(&mut self) {
        self.kill(Part::Hpb);
        self.start_part(Part::Hpb);
    }

    /// Kills Janus and starts it again: all media are lost.
    pub fn restart_janus(&mut self) {
        self.kill(Part::Janus);
        self.start_part(Part::Janus);
    }

    /// Stops a part where it stands: its connections stay, and nothing comes of them.
    ///
    /// # Panics
    /// When it does not run.
    pub fn pause(&self, part: Part) {
        self.signal(part, "STOP");
    }

    /// Lets a paused part go on.
    ///
    /// # Panics
    /// When it does not run.
    pub fn resume(&self, part: Part) {
        self.signal(part, "CONT");
    }

    /// How a part ended by itself; `None` while it runs, or was never started.
    pub fn ended(&mut self, part: Part) -> Option<ExitStatus> {
        let (_, child) = self.running.iter_mut().find(|(running, _)| *running == part)?;
        child.try_wait().ok().flatten()
    }

    fn signal(&self, part: Part, name: &str) {
        let id = self.id(part).unwrap_or_else(|| panic!("{part} does not run"));
        let sent = Command::new("kill").arg(format!("-{name}")).arg(id.to_string()).status();
        assert!(sent.is_ok_and(|status| status.success()), "cannot signal {part}");
    }

    fn command(&self, part: Part) -> Command {
        let media = self.packages.join("media");
        let (program, arguments) = match part {
            Part::Hpb => {
                let root = self.packages.join(self.options.version.folder());
                (root.join("usr/bin/nextcloud-spreed-signaling-server"), ["-config", "hpb.conf"])
            }
            Part::Janus => (media.join("usr/bin/janus"), ["-F", "janus"]),
            Part::Turn => (media.join("usr/bin/turnserver"), ["-c", "turn.conf"]),
        };
        let mut command = Command::new(program);
        command.args(arguments);
        if part != Part::Hpb {
            command.env("LD_LIBRARY_PATH", place::library_path(&media));
        }
        command
    }

    fn answers(&self, part: Part) -> bool {
        let reached = |address: IpAddr, port: u16| {
            TcpStream::connect_timeout(&SocketAddr::new(address, port), Duration::from_secs(1))
        };
        let loopback = IpAddr::from(Ipv4Addr::LOCALHOST);
        match part {
            Part::Janus => reached(loopback, self.plan.janus_port).is_ok(),
            Part::Turn => reached(self.plan.turn_address, self.plan.turn_port).is_ok(),
            Part::Hpb => reached(loopback, self.plan.hpb_port).and_then(welcome).unwrap_or(false),
        }
    }

    fn tell_ward(&mut self) {
        let ids: Vec<u32> = self.running.iter().map(|(_, child)| child.id()).collect();
        self.ward.watch(&ids);
    }

    fn show_logs(&self) {
        for part in Part::ALL {
            let log = self.log(part);
            let lines: Vec<&str> = log.lines().collect();
            if !lines.is_empty() {
                let from = lines.len().saturating_sub(LINES_SHOWN);
                eprintln!("--- the last that {part} logged:\n{}", lines[from..].join("\n"));
            }
        }
    }
}

impl Drop for HpbStack {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.show_logs();
        }
        // Signaling first: otherwise it would complain of the others' end.
        for part in [Part::Hpb, Part::Turn, Part::Janus] {
            self.kill(part);
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Whether `GET /api/v1/welcome` is answered well.
fn welcome(mut stream: TcpStream) -> std::io::Result<bool> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(b"GET /api/v1/welcome HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(64 << 10).read_to_end(&mut answer)?;
    let text = String::from_utf8_lossy(&answer);
    Ok(text.lines().next().is_some_and(|line| line.contains(" 200")))
}

/// The folder holds secrets.
#[cfg(unix)]
fn restrict(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let private = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(folder, private).expect("the folder is ours");
}

#[cfg(not(unix))]
fn restrict(_folder: &Path) {}
