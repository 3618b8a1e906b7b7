//! Where and how the server listens, and what keeps it from it.

use std::sync::Arc;

use bellbird_server::{CertificateFiles, Server, ServerConfig, ServerError};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::support::{Client, V4, World};

/// Trusts one certificate, by its fingerprint.
#[derive(Debug)]
struct Pinned {
    fingerprint: [u8; 32],
    provider: Arc<rustls::crypto::CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if <[u8; 32]>::from(Sha256::digest(end_entity)) == self.fingerprint {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(Error::General("another certificate".into()))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn pinning(fingerprint: [u8; 32]) -> reqwest::Client {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pinned { fingerprint, provider }))
        .with_no_client_auth();
    reqwest::Client::builder().no_proxy().tls_backend_preconfigured(config).build().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_addresses_speak_tls_alone_with_a_certificate_that_stays() {
    let world = World::start().await;
    // All addresses of the machine: the connection itself stays on loopback.
    let listening = world.server.listen("0.0.0.0:0".parse().unwrap()).await.unwrap();
    assert_eq!(listening.url.scheme(), "https");
    assert!(!listening.url.host_str().unwrap().starts_with("0."));
    let fingerprint = listening.fingerprint.unwrap();
    let link = listening.invitation_link("code");
    assert_eq!(link.fragment(), Some(format!("fp={fingerprint}").as_str()));
    let url = format!("https://127.0.0.1:{}/status.php", listening.address.port());
    assert_eq!(pinning(fingerprint.0).get(&url).send().await.unwrap().status(), 200);
    assert!(pinning([7; 32]).get(&url).send().await.is_err());
    let plain = url.replace("https", "http");
    assert!(pinning(fingerprint.0).get(&plain).send().await.is_err());
    // The capability for push follows the scheme.
    let capabilities = url.replace("status.php", "ocs/v2.php/cloud/capabilities");
    let request = pinning(fingerprint.0).get(&capabilities).header("OCS-APIRequest", "true");
    assert!(request.send().await.unwrap().text().await.unwrap().contains("wss://127.0.0.1:"));
    world.server.shutdown().await;
    let again = Server::open(ServerConfig::new(world.data.path())).await.unwrap();
    let listening = again.listen("0.0.0.0:0".parse().unwrap()).await.unwrap();
    assert_eq!(listening.fingerprint, Some(fingerprint));
    again.shutdown().await;
}

/// An authority of the test's own, as a client knows it, and a certificate it gave to `names`.
struct Authority {
    root: Vec<u8>,
    files: CertificateFiles,
    _folder: tempfile::TempDir,
}

impl Authority {
    fn new(names: &[&str]) -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let root = params.self_signed(&key).unwrap();
        let issuer = rcgen::Issuer::new(params, key);
        let own = rcgen::KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let leaf = rcgen::CertificateParams::new(names).unwrap().signed_by(&own, &issuer).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let files = CertificateFiles {
            certificate: folder.path().join("fullchain.pem"),
            key: folder.path().join("privkey.pem"),
        };
        std::fs::write(&files.certificate, leaf.pem() + &root.pem()).unwrap();
        std::fs::write(&files.key, own.serialize_pem()).unwrap();
        Self { root: root.der().to_vec(), files, _folder: folder }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_given_certificate_is_spoken_with_also_on_loopback_and_trusted_by_its_authority() {
    let world = World::start().await;
    let authority = Authority::new(&["*.example.org", "localhost"]);
    let address = "127.0.0.1:0".parse().unwrap();
    let listening = world.server.listen_with(address, authority.files.clone()).await.unwrap();
    assert_eq!((listening.url.scheme(), listening.url.host_str()), ("https", Some("localhost")));
    assert_eq!(listening.fingerprint, None);
    assert_eq!(listening.invitation_link("code").fragment(), None);
    // Several tests in one process: the first sets it, the others find it set.
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = |roots: Vec<reqwest::Certificate>| {
        reqwest::Client::builder().no_proxy().tls_certs_only(roots).build().unwrap()
    };
    let url = listening.url.join("status.php").unwrap();
    let known = reqwest::Certificate::from_der(&authority.root).unwrap();
    let to_here = |builder: reqwest::Client| builder.get(url.clone()).timeout(crate::support::HANG).send();
    assert_eq!(to_here(client(vec![known])).await.unwrap().status(), 200);
    let other = reqwest::Certificate::from_der(&Authority::new(&["localhost"]).root).unwrap();
    assert!(to_here(client(vec![other])).await.is_err());
    // Without a single host in it, the address has to do.
    let wild = Authority::new(&["*.example.org"]);
    let listening = world.server.listen_with(address, wild.files.clone()).await.unwrap();
    assert_eq!(listening.url.host_str(), Some("127.0.0.1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_cannot_be_used_is_told_by_its_file() {
    let world = World::start().await;
    let (good, other) = (Authority::new(&["localhost"]), Authority::new(&["localhost"]));
    let address = "127.0.0.1:0".parse().unwrap();
    let missing = good.files.certificate.with_file_name("missing.pem");
    let empty = good.files.certificate.with_file_name("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let (certificate, key) = (&good.files.certificate, &good.files.key);
    for (certificate, key, code, named, word) in [
        (&missing, key, "file", &missing, "missing.pem"),
        (certificate, &missing, "file", &missing, "missing.pem"),
        (&empty, key, "tls-certificate", &empty, "no certificate"),
        (key, key, "tls-certificate", key, "no certificate"),
        (certificate, certificate, "tls-certificate", certificate, "no private key"),
        (certificate, &other.files.key, "tls-certificate", &other.files.key, "does not belong"),
    ] {
        let files = CertificateFiles { certificate: certificate.clone(), key: key.clone() };
        let error = world.server.listen_with(address, files).await.unwrap_err();
        let words = error.to_string();
        assert_eq!(error.code(), code, "{words}");
        assert!(words.contains(&named.display().to_string()) && words.contains(word), "{words}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_failure_has_its_own_words() {
    let world = World::start().await;
    let taken = world.server.listen(world.listening.address).await.unwrap_err();
    assert_eq!(taken.code(), "port-in-use");
    assert!(taken.to_string().contains(&world.listening.address.port().to_string()));
    let foreign = world.server.listen("192.0.2.77:0".parse().unwrap()).await.unwrap_err();
    assert_eq!(foreign.code(), "no-such-address");
    let open = |path: std::path::PathBuf| async move {
        Server::open(ServerConfig::new(path)).await.map(drop).unwrap_err()
    };
    assert!(matches!(open(world.data.path().into()).await, ServerError::AlreadyServing(_)));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    assert!(matches!(open(file.clone()).await, ServerError::NotAFolder(_)));
    assert!(matches!(open(file.join("below")).await, ServerError::NotAFolder(_)));
    let broken = tempfile::tempdir().unwrap();
    std::fs::write(broken.path().join("server.sqlite3"), "not a database, but long enough to be read as one")
        .unwrap();
    assert!(matches!(open(broken.path().into()).await, ServerError::Damaged { .. }));
    #[cfg(target_os = "linux")]
    // Not even root may make folders there.
    assert!(matches!(open("/sys/bellbird".into()).await, ServerError::ReadOnly(_)));
    world.server.shutdown().await;
    assert!(matches!(world.server.listen("127.0.0.1:0".parse().unwrap()).await, Err(ServerError::Stopped)));
    // The folder is free again.
    Server::open(ServerConfig::new(world.data.path())).await.unwrap().shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_answers_those_who_wait() {
    let (world, [alice]) = World::with(["alice"]).await;
    let token = alice.create_room(2, &[]).await;
    alice.session(&token).await;
    alice.pull(&token).await.expect(200);
    let waiting = tokio::spawn({
        let (alice, token) = (alice.clone(), token.clone());
        async move {
            let request =
                alice.request(reqwest::Method::GET, &format!("{}/signaling/{token}", crate::support::V3));
            request.send().await.map(|response| response.status().as_u16())
        }
    });
    // Once the server knows of the pull; it is the only thing that keeps this from being about nothing.
    alice.room(&token).await.expect(200);
    tokio::time::timeout(crate::support::HANG, world.server.shutdown()).await.unwrap();
    let ended = tokio::time::timeout(crate::support::HANG, waiting).await.unwrap().unwrap();
    assert!(matches!(ended, Ok(200) | Err(_)), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_is_heard_at_once() {
    let (world, [alice, bob]) = World::with(["alice", "bob"]).await;
    let token = alice.one_to_one("bob").await;
    // What the command line does while the server runs: its own connection to the folder.
    let admin = bellbird_server::Admin::open(world.data.path()).unwrap();
    admin.add_user("carol", Some("Carol"), "long enough", false).unwrap();
    let password = admin.new_app_password("carol").unwrap();
    let carol = Client::new(world.listening.url.as_str(), "carol", Some(&password));
    carol.get("/ocs/v2.php/cloud/user").await.expect(200);
    admin.set_config("recording-consent", "1").unwrap();
    alice.join(&token).await.refuse(400, "consent");
    admin.set_config("recording-consent", "0").unwrap();
    for who in [&alice, &bob] {
        who.enter(&token).await.expect(200);
        who.join(&token).await.expect(200);
    }
    alice.pull(&token).await.expect(200);
    let waiting = tokio::spawn({
        let (alice, token) = (alice.clone(), token.clone());
        async move {
            loop {
                let users = crate::support::users(&alice.pull(&token).await.expect(200));
                if users.len() == 1 {
                    return users;
                }
            }
        }
    });
    admin.remove_user("bob").unwrap();
    bob.get("/ocs/v2.php/cloud/user").await.expect(401);
    let left = tokio::time::timeout(crate::support::HANG, waiting).await.unwrap().unwrap();
    assert_eq!(left, [("alice".to_owned(), 0)], "a locked conversation has no call");
    let room = alice.room(&token).await.expect(200);
    assert_eq!(
        (&room["type"], &room["readOnly"], &room["displayName"]),
        (&json!(5), &json!(1), &json!("Bob Test"))
    );
    alice.join(&token).await.expect(403);
    admin.add_user("bob", Some("New Bob"), "long enough", false).unwrap();
    let anew = alice.post(&format!("{V4}/room"), json!({ "roomType": 1, "invite": "bob" })).await.expect(201);
    assert_ne!(anew["token"], token.as_str());
}

#[test]
fn administration_says_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let admin = bellbird_server::Admin::open(folder.path()).unwrap();
    let words = |result: Result<(), bellbird_server::AdminError>| result.unwrap_err().to_string();
    admin.add_user("anna", None, "long enough", true).unwrap();
    assert!(words(admin.add_user("ANNA", None, "long enough", false)).contains("already"));
    assert!(words(admin.add_user("a/b", None, "long enough", false)).contains("letters"));
    assert!(words(admin.add_user("ben", None, "short", false)).contains("at least 8"));
    assert!(words(admin.remove_user("ben")).contains("ben"));
    assert!(words(admin.new_app_password("ben").map(drop)).contains("ben"));
    assert!(words(admin.add_group("g", &["anna".into(), "ben".into()])).contains("ben"));
    assert!(admin.groups().unwrap().is_empty(), "all or nothing");
    assert!(words(admin.remove_group("g")).contains('g'));
    assert!(words(admin.set_config("nonsense", "1")).contains("nonsense"));
    assert!(words(admin.set_config("recording-consent", "9")).contains("0 no, 1 always"));
    admin.set_config("turn-secret", "s3cret").unwrap();
    let list = admin.list_config().unwrap();
    assert!(list.iter().all(|entry| entry.value != "s3cret"));
    assert_eq!(admin.config("turn-secret").unwrap(), "s3cret");
    let users = admin.users().unwrap();
    assert_eq!(
        (users[0].name.as_str(), users[0].display_name.as_str(), users[0].guest_app),
        ("anna", "anna", true)
    );
    let first = admin.ensure_echo().unwrap();
    assert_ne!(first, admin.ensure_echo().unwrap());
    assert_eq!(admin.users().unwrap()[1].name, bellbird_server::ECHO_ACCOUNT);
}
