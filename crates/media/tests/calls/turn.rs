//! Calls that have no other way than through a real TURN server.

use std::path::Path;
use std::process::Command;

use bellbird_call::IceServer;
use bellbird_call::ports::{MediaCommand, MediaEvent};
use bellbird_testkit::turn_server::TurnServer;
use tempfile::TempDir;

use super::harness::{Change, Pair, tone};

/// The child of the test over TLS is told its server's port by this.
const TLS_PORT: &str = "BELLBIRD_TEST_TURN_TLS_PORT";

fn server(url: String) -> IceServer {
    IceServer {
        urls: vec![url],
        username: Some(TurnServer::USER.to_owned()),
        credential: Some(TurnServer::PASSWORD.to_owned()),
    }
}

/// Lets nothing through but relayed candidates.
fn relayed_only() -> Change {
    Box::new(|event| match event {
        MediaEvent::LocalCandidate { ref candidate, .. } if !candidate.candidate.contains("typ relay") => {
            None
        }
        other => Some(other),
    })
}

/// A call in which neither end learns any address of the other's but those the server at `url` lends.
async fn call_through(url: String) {
    let pair = Pair::with_changes(tone(440.0), tone(700.0), relayed_only(), relayed_only());
    for end in [&pair.a, &pair.b] {
        end.send(MediaCommand::SetIceServers(vec![server(url.clone())]));
    }
    pair.start();
    pair.connected().await;
    pair.a.hear_tone(700.0).await;
    pair.b.hear_tone(440.0).await;
    let is_relayed = |(_, event): &(_, MediaEvent)| matches!(event, MediaEvent::LocalCandidate { candidate, .. } if candidate.candidate.contains("typ relay"));
    assert!(pair.a.events().iter().any(is_relayed), "no relayed candidate");
}

#[tokio::test(flavor = "multi_thread")]
async fn turn_over_udp() {
    let folder = TempDir::new().unwrap();
    let turn = TurnServer::start(folder.path(), None);
    call_through(format!("turn:127.0.0.1:{}?transport=udp", turn.port())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn turn_over_tcp() {
    let folder = TempDir::new().unwrap();
    let turn = TurnServer::start(folder.path(), None);
    call_through(format!("turn:127.0.0.1:{}?transport=tcp", turn.port())).await;
}

/// The trust store is the system's, so the call is made by a child for whom the system trusts the test's certificate.
#[test]
fn turn_over_tls() {
    let folder = TempDir::new().unwrap();
    let (chain, key) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(&chain, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let turn = TurnServer::start(folder.path(), Some((&chain, &key)));
    assert!(child(&turn, &chain).success(), "the call over TLS failed");
}

fn child(turn: &TurnServer, trusted: &Path) -> std::process::ExitStatus {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["turn::child_that_calls_over_tls", "--exact", "--ignored"]);
    command.env(TLS_PORT, turn.tls_port().to_string()).env_remove("SSL_CERT_DIR");
    command.env("SSL_CERT_FILE", trusted);
    command.status().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs only as the child of the test over TLS"]
async fn child_that_calls_over_tls() {
    let port = std::env::var(TLS_PORT).unwrap();
    call_through(format!("turns:localhost:{port}?transport=tcp")).await;
}
