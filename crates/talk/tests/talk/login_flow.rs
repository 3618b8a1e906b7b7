//! Signing in through the browser.

use bellbird_call::ports::ProblemCode;
use bellbird_talk::{ClientName, LoginFlow};

use crate::foreign::{APP_PASSWORD, Foreign, LOGIN, USER};

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
}
