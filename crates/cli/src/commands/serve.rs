//! `serve`: the embedded server and the echo contact, until asked to stop.

use std::net::{Ipv4Addr, SocketAddr};

use bellbird_app::{EchoContact, Secret};
use bellbird_server::{CertificateFiles, HpbConfig, Listening, Server, ServerConfig, TurnConfig};

use crate::account::folder;
use crate::args::ServeArgs;
use crate::failure::Failure;
use crate::report::{Output, Report};
use crate::signals::Stop;

pub(super) async fn run(args: ServeArgs, output: &Output) -> Result<(), Failure> {
    let mut stop = Stop::listen();
    let data = match args.data {
        Some(data) => data,
        None => folder(None)?.join("server"),
    };
    let mut config = ServerConfig::new(data);
    if let (Some(url), Some(secret_file)) = (args.hpb, args.hpb_secret_file) {
        config.hpb = Some(HpbConfig::new(&url, secret_file)?);
    }
    config.turn = args.turn_secret_file.map(|secret_file| TurnConfig { urls: args.turn, secret_file });
    let server = Server::open(config).await?;
    let listening = match (args.tls_cert, args.tls_key) {
        (Some(certificate), Some(key)) => {
            server.listen_with(args.listen, CertificateFiles { certificate, key }).await?
        }
        (None, None) | (Some(_), None) | (None, Some(_)) => server.listen(args.listen).await?,
    };
    output.report(&Report::Listening { url: listening.url.as_str() });
    let echo = if args.no_echo { None } else { Some(start_echo(&server, &listening).await?) };
    stop.requested().await;
    drop(echo);
    server.shutdown().await;
    Ok(())
}

/// The echo contact signs in over loopback, where it needs no certificate.
async fn start_echo(server: &Server, listening: &Listening) -> Result<EchoContact, Failure> {
    let url = if listening.url.scheme() == "http" {
        listening.url.clone()
    } else {
        server.listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?.url
    };
    let admin = server.admin();
    let password = super::blocking(move || Ok(admin.ensure_echo()?)).await?;
    Ok(EchoContact::on_server(url, Secret::new(password))?)
}
