//! A real TURN server (coturn) on loopback, over UDP, TCP and TLS, with one user.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::hpb_stack::place::{free_port, media_program};

/// How long it may take to start before the test counts as hung.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server. Dropping it ends it.
#[derive(Debug)]
pub struct TurnServer {
    child: Child,
    port: u16,
    tls_port: u16,
}

impl TurnServer {
    /// Its user.
    pub const USER: &'static str = "tester";
    /// The user's password.
    pub const PASSWORD: &'static str = "turn-word";

    /// Starts it, its files in `folder`. `certificate`: the chain and the key for TLS, PEM files.
    ///
    /// # Panics
    /// When there is no coturn or it does not start.
    pub fn start(folder: &Path, certificate: Option<(&Path, &Path)>) -> Self {
        let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let (port, tls_port) = (free_port(here), free_port(here));
        let mut text = format!(
            "listening-ip={here}\nrelay-ip={here}\nlistening-port={port}\ntls-listening-port={tls_port}\n\
             realm=bellbird\nlt-cred-mech\nuser={}:{}\nfingerprint\nno-dtls\nno-cli\nallow-loopback-peers\n\
             userdb={}\npidfile={}\nlog-file=stdout\n",
            Self::USER,
            Self::PASSWORD,
            folder.join("turn.db").display(),
            folder.join("turn.pid").display(),
        );
        match certificate {
            Some((chain, key)) => {
                text += &format!("cert={}\npkey={}\n", chain.display(), key.display());
            }
            None => text += "no-tls\n",
        }
        let config = folder.join("turn.conf");
        let written = std::fs::File::create(&config).and_then(|mut file| file.write_all(text.as_bytes()));
        written.expect("the test's folder can be written");
        let mut command = media_program("turnserver");
        let child =
            command.arg("-c").arg(&config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut server = Self { child: child.spawn().expect("coturn starts"), port, tls_port };
        let deadline = Instant::now() + PATIENCE;
        let last = SocketAddr::new(here, if certificate.is_some() { tls_port } else { port });
        while TcpStream::connect(last).is_err() {
            let ended = server.child.try_wait().expect("it is our child");
            assert!(ended.is_none() && Instant::now() < deadline, "coturn does not listen: {ended:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    /// Where it listens for UDP and TCP.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where it listens for TLS.
    pub fn tls_port(&self) -> u16 {
        self.tls_port
    }
}

impl Drop for TurnServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
