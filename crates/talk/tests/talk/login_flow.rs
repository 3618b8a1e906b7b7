//! Signing in through the browser.

use std::net::{Ipv4Addr, SocketAddr};

use bellbird_call::Secret;
use bellbird_call::ports::ProblemCode;
use bellbird_talk::{ClientName, Fingerprint, LoginFlow, TalkAccount};

use crate::foreign::{APP_PASSWORD, Foreign, LOGIN, USER};
use crate::stage::{PASSWORD, Stage};

async fn begin(foreign: &Foreign) -> Option<LoginFlow> {
    LoginFlow::begin(&foreign.url, ClientName::default()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_signs_in_in_the_browser_is_signed_in_here() {
    let foreign = Foreign::open().await;
    foreign.world().login_flow = Some(1);
    // What is granted is granted once: trouble right afterwards must not lose it.
    foreign.world().user_fails = 1;
    let flow = begin(&foreign).await.unwrap();
    assert_eq!(flow.address().as_str(), format!("{}/login/v2/flow/abc", foreign.url));
    assert!(!format!("{flow:?}").contains("grant"));
    let account = flow.finish().await.unwrap();
    assert_eq!(account.login().login_name, LOGIN);
    assert_eq!(account.login().user_id, USER);
    assert_eq!(account.login().display_name, "Ann");
    assert_eq!(account.app_password().expose(), APP_PASSWORD);
    assert_eq!(foreign.asked("/login/v2/poll").len(), 2);

    account.revoke().await.unwrap();
    assert!(foreign.world().revoked);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_the_flow_is_told_apart_from_one_that_is_none() {
    let foreign = Foreign::open().await;
    assert!(begin(&foreign).await.is_none());
    let problem = LoginFlow::begin("127.0.0.1:1", ClientName::default()).await.unwrap_err();
    assert_eq!(problem.code, ProblemCode::ServerUnreachable);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_sent_to_another_site_to_sign_in() {
    let foreign = Foreign::open().await;
    foreign.world().login_flow = Some(0);
    foreign.world().login_elsewhere = true;
    let problem = LoginFlow::begin(&foreign.url, ClientName::default()).await.unwrap_err();
    assert_eq!(problem.code, ProblemCode::NotATalkServer);
    // Whoever runs a server behind a proxy reads from this what to put right.
    assert!(
        problem.detail.contains("https://evil.example") && problem.detail.contains(&foreign.url),
        "{problem}"
    );
}

/// What a person does in the browser.
async fn grant(page: &str) {
    // Nothing is encrypted here, but the library wants to be able to. A second installation changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let browser = reqwest::Client::new();
    let shown = browser.get(page).send().await.unwrap();
    let cookie = shown.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let text = shown.text().await.unwrap();
    let state = text.split("name=\"state\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let typed = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("state", state.as_str()), ("user", "alice"), ("password", PASSWORD)])
        .finish();
    let answer = browser
        .post(page)
        .header("cookie", cookie)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(typed);
    assert_eq!(answer.send().await.unwrap().status(), 200);
}

/// A server that made its certificate itself is trusted by the fingerprint behind its address, and by that alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_a_certificate_of_its_own_is_signed_in_to_by_its_fingerprint() {
    let stage = Stage::open().await;
    stage.add("alice");
    let listening = stage.server.listen(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))).await.unwrap();
    let (port, print) = (listening.address.port(), listening.fingerprint.unwrap());
    let address = |print: &str| format!("https://127.0.0.1:{port}/#fp={print}");
    let password = Secret::new(PASSWORD);
    for distrusted in [address(&Fingerprint::of(b"another").to_string()), format!("https://127.0.0.1:{port}")]
    {
        let problem = LoginFlow::begin(&distrusted, ClientName::default()).await.unwrap_err();
        assert_eq!(problem.code, ProblemCode::CertificateRefused);
        let problem =
            TalkAccount::sign_in(&distrusted, "alice", &password, ClientName::default()).await.unwrap_err();
        assert_eq!(problem.code, ProblemCode::CertificateRefused);
    }
    let pinned = address(&print.to_string());
    let typed = TalkAccount::sign_in(&pinned, "alice", &password, ClientName::default()).await.unwrap();
    assert_eq!(typed.login().fingerprint.map(|print| print.to_string()), Some(print.to_string()));

    let flow = LoginFlow::begin(&pinned, ClientName::default()).await.unwrap().unwrap();
    // The browser of this test knows no fingerprints and goes by way of loopback.
    let page = format!("{}{}", stage.url.trim_end_matches('/'), flow.address().path());
    let (granted, ()) = tokio::join!(flow.finish(), grant(&page));
    let login = granted.unwrap().login().clone();
    assert_eq!(login.server.port(), Some(port));
    assert_eq!(login.fingerprint, typed.login().fingerprint);
}
