//! Getting a login.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bellbird_call::Secret;
use bellbird_call::ports::ProblemCode;
use bellbird_talk::{ClientName, Fingerprint, RoomKind, StoredLogin, TalkAccount};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::stage::{PASSWORD, Stage};

async fn refused(server: &str, name: &str, password: &str) -> ProblemCode {
    let result = TalkAccount::sign_in(server, name, &Secret::new(password), ClientName::default()).await;
    result.expect_err("to be refused").code
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_traded_for_an_app_password_that_lasts() {
    let stage = Stage::open().await;
    let alice = stage.person("alice").await;
    assert_eq!(alice.login().user_id, "alice");
    assert_eq!(alice.login().display_name, "Alice");
    assert_ne!(alice.app_password().expose(), PASSWORD);

    let stored = alice.login().clone();
    let restored = TalkAccount::restore(stored.clone(), alice.app_password().clone()).unwrap();
    restored.contacts("").await.unwrap();
    // An app password signs in by itself, too.
    let again = TalkAccount::sign_in(&stage.url, "alice", alice.app_password(), ClientName::default());
    assert_eq!(again.await.unwrap().app_password(), alice.app_password());

    restored.set_display_name("Alice in Wonderland").await.unwrap();
    assert_eq!(stage.sign_in("alice").await.login().display_name, "Alice in Wonderland");

    restored.revoke().await.unwrap();
    restored.revoke().await.unwrap();
    assert_eq!(alice.contacts("").await.unwrap_err().code, ProblemCode::SignedOut);
    let shown = format!("{alice:?} {:?} {stored:?}", alice.app_password());
    assert!(!shown.contains("alice") && !shown.contains(alice.app_password().expose()), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_and_names_are_refused() {
    let stage = Stage::open().await;
    stage.add("alice");
    assert_eq!(refused(&stage.url, "alice", "wrong").await, ProblemCode::WrongPassword);
    assert_eq!(refused(&stage.url, "nobody", PASSWORD).await, ProblemCode::WrongPassword);
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_without_a_talk_server_say_what_is_there() {
    for (address, code) in [
        ("http://example.org", ProblemCode::BadLink),
        ("no address", ProblemCode::BadLink),
        ("127.0.0.1:1", ProblemCode::ServerUnreachable),
        ("https://127.0.0.1:1", ProblemCode::ServerUnreachable),
    ] {
        assert_eq!(refused(address, "alice", PASSWORD).await, code, "{address}");
    }
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
        "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 18\r\n\r\n{\"installed\":true}",
    ] {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        let code = refused(&address.to_string(), "alice", PASSWORD).await;
        assert_eq!(code, ProblemCode::NotATalkServer, "{answer:?}");
        server.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_makes_an_account_over_a_pinned_certificate() {
    let stage = Stage::open().await;
    // Any address but loopback means TLS; the wildcard one can be reached by loopback all the same.
    let listening = stage.server.listen(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))).await.unwrap();
    let code = stage.server.admin().create_invitation(Duration::from_secs(3600), 2).unwrap();
    let port = listening.address.port();
    let print = listening.fingerprint.unwrap();
    let link = |print: &str| format!("https://127.0.0.1:{port}/invite/{code}#fp={print}");
    let password = Secret::new(PASSWORD);

    let wrong = Fingerprint::of(b"another certificate").to_string();
    let problem = TalkAccount::accept_invitation(&link(&wrong), "dora", "", &password).await.unwrap_err();
    assert_eq!(problem.code, ProblemCode::CertificateRefused);
    let unpinned = format!("https://127.0.0.1:{port}/invite/{code}");
    let problem = TalkAccount::accept_invitation(&unpinned, "dora", "", &password).await.unwrap_err();
    assert_eq!(problem.code, ProblemCode::CertificateRefused);

    let link = link(&print.to_string());
    let dora = TalkAccount::accept_invitation(&link, "dora", "Dora", &password).await.unwrap();
    assert_eq!((dora.login().user_id.as_str(), dora.login().display_name.as_str()), ("dora", "Dora"));
    let restored = TalkAccount::restore(dora.login().clone(), dora.app_password().clone()).unwrap();
    restored.rooms().await.unwrap();

    // What was pinned stays the only certificate accepted.
    let forged = StoredLogin { fingerprint: Some(Fingerprint::of(b"x")), ..dora.login().clone() };
    let forged = TalkAccount::restore(forged, dora.app_password().clone()).unwrap();
    assert_eq!(forged.rooms().await.unwrap_err().code, ProblemCode::CertificateRefused);

    let taken = TalkAccount::accept_invitation(&link, "dora", "", &password).await.unwrap_err();
    assert_eq!(taken.code, ProblemCode::Forbidden);
    assert!(taken.detail.contains("taken"), "{taken}");
    let weak = TalkAccount::accept_invitation(&link, "emil", "", &Secret::new("x")).await.unwrap_err();
    assert_eq!(weak.code, ProblemCode::Forbidden);
    let bad = link.replace(&code, "nosuchcode");
    let expired = TalkAccount::accept_invitation(&bad, "emil", "", &password).await.unwrap_err();
    assert_eq!(expired.code, ProblemCode::InvitationExpired);
    let broken = TalkAccount::accept_invitation("https://x/y", "emil", "", &password).await.unwrap_err();
    assert_eq!(broken.code, ProblemCode::BadLink);
}

/// Push and a call work over the pinned certificate as well: the WebSocket uses the same TLS setting.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_over_tls_rings_at_once() {
    let stage = Stage::open().await;
    let listening = stage.server.listen(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))).await.unwrap();
    let code = stage.server.admin().create_invitation(Duration::from_secs(3600), 2).unwrap();
    let link = format!(
        "https://127.0.0.1:{}/invite/{code}#fp={}",
        listening.address.port(),
        listening.fingerprint.unwrap()
    );
    let password = Secret::new(PASSWORD);
    let dora = TalkAccount::accept_invitation(&link, "dora", "", &password).await.unwrap();
    let emil = TalkAccount::accept_invitation(&link, "emil", "", &password).await.unwrap();
    let mut bell = crate::stage::Bell::hang(&emil).await;
    let start = std::time::Instant::now();
    let mut caller = crate::stage::Phone::dial(&dora, "emil");
    let mut callee = crate::stage::Phone::ring(&emil, bell.incoming().await);
    callee.accept();
    crate::stage::negotiate(&mut caller, &mut callee).await;
    println!("over TLS: dial to both descriptions and candidates {:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn people_and_rooms_are_listed() {
    let stage = Stage::open().await;
    let alice = stage.person("alice").await;
    stage.add("bob");
    stage.add("bobby");
    let names = |contacts: Vec<bellbird_talk::Contact>| -> Vec<String> {
        let mut names: Vec<String> = contacts.into_iter().map(|contact| contact.display_name).collect();
        names.sort();
        names
    };
    assert_eq!(names(alice.contacts("").await.unwrap()), ["Bob", "Bobby"]);
    assert_eq!(names(alice.contacts("bobb").await.unwrap()), ["Bobby"]);
    let bob = bellbird_call::ContactId::new("bob");
    let room = alice.create_room("", RoomKind::OneToOne, std::slice::from_ref(&bob)).await.unwrap();
    assert_eq!((room.kind, room.contact), (RoomKind::OneToOne, Some(bob)));
    let public = alice.create_room("Open house", RoomKind::Public, &[]).await.unwrap();
    let rooms = alice.rooms().await.unwrap();
    assert!(rooms.iter().any(|found| found.id == room.id));
    assert!(rooms.iter().any(|found| found.id == public.id && found.kind == RoomKind::Public));
    let nobody = bellbird_call::ContactId::new("nobody");
    let problem = alice.create_room("", RoomKind::OneToOne, &[nobody]).await.unwrap_err();
    assert_eq!(problem.code, ProblemCode::UnknownUser);
    let problem = alice.create_room("", RoomKind::OneToOne, &[]).await.unwrap_err();
    assert_eq!(problem.code, ProblemCode::UnknownUser);
}
