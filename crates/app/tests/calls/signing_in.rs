//! Signing in through the person's browser, with the pages of a real server.

use bellbird_contract::{AccountState, Command, Reply};

use crate::stage::{Person, Stage};

async fn begin(person: &Person, server: &str) -> Option<String> {
    match person.app.handle(Command::SignInByBrowser { server: server.into() }).await.unwrap() {
        Reply::SignIn { address } => address,
        other => panic!("signing in yielded {other:?}"),
    }
}

/// What the person does in the browser.
async fn sign_in_there(address: &str, user: &str, password: &str) {
    let browser = reqwest::Client::builder().cookie_store(true).build().unwrap();
    let page = browser.get(address).send().await.unwrap().text().await.unwrap();
    let (_, rest) = page.split_once("name=\"state\" value=\"").expect("a form");
    let (state, _) = rest.split_once('"').unwrap();
    let fields = [("state", state), ("user", user), ("password", password)];
    let done = browser.post(address).form(&fields).send().await.unwrap();
    assert_eq!(done.status(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_browser_signs_in_and_the_app_can_be_called() {
    let stage = Stage::open().await;
    // Makes the account, with the password of all.
    let ann = stage.person("ann").await;
    let mut couch = Person::nobody();
    let given_up = begin(&couch, &stage.url).await.unwrap();
    assert_eq!(couch.app.state().signing_in.unwrap().address, given_up);
    couch.app.handle(Command::CancelSignIn).await.unwrap();
    assert_eq!(couch.app.state().signing_in, None);

    let address = begin(&couch, &stage.url).await.unwrap();
    assert_ne!(address, given_up);
    sign_in_there(&address, "ann", "correct horse battery").await;
    couch
        .until("the account", |state| {
            state
                .accounts
                .iter()
                .find(|one| one.user == "ann" && one.state == AccountState::Online)
                .map(|_| ())
        })
        .await;
    couch.until("the end of waiting", |state| state.signing_in.is_none().then_some(())).await;

    // Signing out gives the app password back, and that one alone.
    let id = couch.app.state().accounts[0].id.clone();
    couch.app.handle(Command::SignOut { account: id }).await.unwrap();
    assert!(couch.app.state().accounts.is_empty());
    assert_eq!(ann.app.state().accounts[0].state, AccountState::Online);
    ann.app.stop().await;
    couch.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_none_is_told_at_once() {
    let person = Person::nobody();
    let begun = person.app.handle(Command::SignInByBrowser { server: "127.0.0.1:1".into() }).await;
    assert_eq!(begun.unwrap_err().code, "server-unreachable");
    assert_eq!(person.app.state().signing_in, None);
    person.app.stop().await;
}
