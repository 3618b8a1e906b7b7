//! The embedded server, lent to the app.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::time::Duration;

use bellbird_app::{Later, LocalServer, Problem, ProblemCode, Secret};
use bellbird_server::{Admin, AdminError, Listening, Server, ServerConfig, ServerError};
use rand::distr::{Alphanumeric, SampleString};
use tokio::sync::Mutex;
use url::Url;

/// Characters of the password nobody knows: accounts made here are opened by app passwords alone.
const UNKNOWN_PASSWORD: usize = 32;

/// The embedded server of a data folder.
pub(crate) struct EmbeddedServer {
    folder: PathBuf,
    running: Mutex<Option<Running>>,
}

struct Running {
    server: Server,
    url: Url,
    /// Where others reach it, once it is open to the network.
    public: Option<Listening>,
}

impl EmbeddedServer {
    /// For `folder`; nothing is touched yet.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder, running: Mutex::new(None) }
    }

    async fn admin(&self) -> Result<Admin, Problem> {
        let running = self.running.lock().await;
        running.as_ref().map(|running| running.server.admin()).ok_or_else(not_running)
    }
}

impl LocalServer for EmbeddedServer {
    fn start(&self) -> Later<'_, Url> {
        Box::pin(async {
            let mut running = self.running.lock().await;
            if let Some(running) = &*running {
                return Ok(running.url.clone());
            }
            let server = Server::open(ServerConfig::new(&self.folder)).await.map_err(problem)?;
            let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            let url = server.listen(anywhere).await.map_err(problem)?.url;
            *running = Some(Running { server, url: url.clone(), public: None });
            Ok(url)
        })
    }

    fn ensure_account<'a>(&'a self, login_name: &'a str, display_name: &'a str) -> Later<'a, Secret> {
        let (name, display_name) = (login_name.to_owned(), display_name.to_owned());
        Box::pin(async move {
            let admin = self.admin().await?;
            blocking(move || {
                let known = admin.users()?.iter().any(|user| user.name == name);
                if !known {
                    let password = Alphanumeric.sample_string(&mut rand::rng(), UNKNOWN_PASSWORD);
                    admin.add_user(&name, Some(&display_name), &password, false)?;
                }
                admin.new_app_password(&name)
            })
            .await
            .map(Secret::new)
        })
    }

    fn ensure_echo(&self) -> Later<'_, Secret> {
        Box::pin(async {
            let admin = self.admin().await?;
            blocking(move || admin.ensure_echo()).await.map(Secret::new)
        })
    }

    fn open_to_network(&self, port: Option<u16>) -> Later<'_, Url> {
        Box::pin(async move {
            let mut running = self.running.lock().await;
            let running = running.as_mut().ok_or_else(not_running)?;
            if let Some(public) = &running.public {
                let mut url = public.url.clone();
                pin(&mut url, public);
                return Ok(url);
            }
            let any = |port| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
            let mut listening = match running.server.listen(any(port.unwrap_or(0))).await {
                // Someone else has the port of old: links that name it are lost, new ones will work.
                Err(ServerError::PortInUse(_)) if port.is_some() => running.server.listen(any(0)).await,
                other => other,
            }
            .map_err(problem)?;
            // The address others can use, not the wildcard that was listened on.
            let _ = listening.url.set_ip_host(network_address());
            let mut url = listening.url.clone();
            pin(&mut url, &listening);
            running.public = Some(listening);
            Ok(url)
        })
    }

    fn create_invitation(&self, expires_in: Duration, uses: u32) -> Later<'_, String> {
        Box::pin(async move {
            let running = self.running.lock().await;
            let running = running.as_ref().ok_or_else(not_running)?;
            let public = running.public.as_ref().ok_or_else(not_running)?;
            let admin = running.server.admin();
            let code = blocking(move || admin.create_invitation(expires_in, uses)).await?;
            Ok(public.invitation_link(&code).to_string())
        })
    }

    fn stop(&self) -> Later<'_, ()> {
        Box::pin(async {
            if let Some(running) = self.running.lock().await.take() {
                running.server.shutdown().await;
            }
            Ok(())
        })
    }
}

/// Has an address name the server's own certificate.
fn pin(url: &mut Url, listening: &Listening) {
    let fragment = listening.fingerprint.map(|fingerprint| format!("fp={fingerprint}"));
    url.set_fragment(fragment.as_deref());
}

/// This machine's address in its network. The system is asked which address it would send from; nothing is sent.
/// A machine without a network has loopback alone.
fn network_address() -> IpAddr {
    // Addresses for documentation (RFC 5737, RFC 3849), which every route that leads outside leads to.
    let ways: [(SocketAddr, SocketAddr); 2] = [
        ((Ipv4Addr::UNSPECIFIED, 0).into(), (Ipv4Addr::new(192, 0, 2, 1), 9).into()),
        ((Ipv6Addr::UNSPECIFIED, 0).into(), (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), 9).into()),
    ];
    let from = |(local, remote): (SocketAddr, SocketAddr)| {
        let socket = UdpSocket::bind(local).ok()?;
        socket.connect(remote).ok()?;
        Some(socket.local_addr().ok()?.ip()).filter(|address| !address.is_unspecified())
    };
    ways.into_iter().find_map(from).unwrap_or(Ipv4Addr::LOCALHOST.into())
}

fn not_running() -> Problem {
    Problem::new(ProblemCode::NotNow, "the embedded server does not run")
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, AdminError> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(AdminError::Server(error))) => Err(problem(error)),
        Ok(Err(error)) => Err(Problem::new(ProblemCode::Internal, error)),
        Err(error) => Err(Problem::new(ProblemCode::Internal, error)),
    }
}

fn problem(error: ServerError) -> Problem {
    let code = match &error {
        ServerError::PortInUse(_) => ProblemCode::PortInUse,
        ServerError::ReadOnly(_) | ServerError::NotAFolder(_) => ProblemCode::ReadOnlyFolder,
        ServerError::DiskFull(_) => ProblemCode::DiskFull,
        ServerError::PortDenied(_)
        | ServerError::NoSuchAddress(_)
        | ServerError::Listen { .. }
        | ServerError::AlreadyServing(_)
        | ServerError::NewerData { .. }
        | ServerError::Damaged { .. }
        | ServerError::Busy(_)
        | ServerError::Certificate(_)
        | ServerError::GivenCertificate { .. }
        | ServerError::SignalingServer(_)
        | ServerError::TurnServers(_)
        | ServerError::File { .. }
        | ServerError::Stopped => ProblemCode::ServerFailed,
    };
    Problem::new(code, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_for_others_is_a_real_one() {
        assert!(!network_address().is_unspecified());
    }
}
