//! One connection to a TURN server.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;

use super::framing::{padding_after, take_message};
use super::{Security, StreamServer};

/// How long connecting and the TLS handshake may take together.
const CONNECT_TIME: Duration = Duration::from_secs(10);
/// What is read at once, bytes.
const READ: usize = 8 * 1024;

/// Carries what `client` says in `datagrams` to the server, and what the server says to `client` through `socket`, until
/// either side ends.
///
/// # Errors
/// When the server cannot be reached, is not who it should be, ends the connection, or does not speak TURN.
pub(super) async fn run(
    server: &StreamServer,
    socket: &UdpSocket,
    client: SocketAddr,
    datagrams: mpsc::Receiver<Bytes>,
) -> io::Result<()> {
    let connected = tokio::time::timeout(CONNECT_TIME, async {
        let stream = TcpStream::connect((server.host.as_str(), server.port)).await?;
        // Sound is many small packets, each wanted now.
        stream.set_nodelay(true)?;
        Ok::<_, io::Error>(stream)
    });
    let stream = connected.await??;
    match server.security {
        Security::Plain => carry(stream, socket, client, datagrams).await,
        Security::Tls => {
            let name = ServerName::try_from(server.host.clone()).map_err(io::Error::other)?;
            let connector = TlsConnector::from(tls()?);
            let stream = tokio::time::timeout(CONNECT_TIME, connector.connect(name, stream)).await??;
            carry(stream, socket, client, datagrams).await
        }
    }
}

/// The system's trust store, read once, and only by those who need it.
fn tls() -> io::Result<Arc<ClientConfig>> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(config.clone());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(BuilderVerifierExt::with_platform_verifier)
        .map_err(io::Error::other)?
        .with_no_client_auth();
    Ok(CONFIG.get_or_init(|| Arc::new(config)).clone())
}

async fn carry(
    stream: impl AsyncRead + AsyncWrite,
    socket: &UdpSocket,
    client: SocketAddr,
    mut datagrams: mpsc::Receiver<Bytes>,
) -> io::Result<()> {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let outward = async {
        while let Some(datagram) = datagrams.recv().await {
            let Some(padding) = padding_after(&datagram) else { continue };
            writer.write_all(&datagram).await?;
            writer.write_all(padding).await?;
            // What waits goes along in the same records.
            if datagrams.is_empty() {
                writer.flush().await?;
            }
        }
        Ok::<(), io::Error>(())
    };
    let inward = async {
        let mut received = BytesMut::with_capacity(READ);
        loop {
            received.reserve(READ);
            if reader.read_buf(&mut received).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let not_turn = |_| io::Error::new(io::ErrorKind::InvalidData, "it does not speak TURN");
            while let Some(message) = take_message(&mut received).map_err(not_turn)? {
                // A socket that is full or closed loses it, as on any network.
                let _ = socket.try_send_to(&message, client);
            }
        }
    };
    tokio::select! {
        result = outward => result,
        result = inward => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of a stream to a TLS server whose certificate nobody has signed but itself.
    #[tokio::test]
    async fn a_certificate_nobody_vouches_for_is_refused() {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let key = rustls_pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let config =
            rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![made.cert.der().clone()], key.into())
                .unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let _ = acceptor.accept(stream).await;
        });
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let client = socket.local_addr().unwrap();
        let (_queue, datagrams) = mpsc::channel(1);
        let server = StreamServer { host: "localhost".to_owned(), port, security: Security::Tls };
        let error = run(&server, &socket, client, datagrams).await.unwrap_err();
        assert!(error.to_string().contains("certificate"), "{error}");
        serving.await.unwrap();
    }
}
