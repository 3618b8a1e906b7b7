//! Signing in through a browser: login flow v2 (talk-accounts.md section 2.1).

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::{Client, HANG, PASSWORD, World};

/// A browser: no OCS header, its own cookies.
struct Browser(Client);

impl Browser {
    async fn open(&self, url: &str) -> Response {
        self.0.http.get(url).timeout(HANG).send().await.unwrap()
    }

    async fn submit(&self, url: &str, fields: &[(&str, &str)]) -> Response {
        self.0.http.post(url).form(fields).timeout(HANG).send().await.unwrap()
    }
}

struct Flow {
    poll: String,
    endpoint: String,
    login: String,
}

async fn begin(client: &Client, prefix: &str) -> Flow {
    let request = client.http.request(Method::POST, format!("{}{prefix}/login/v2", client.base));
    let response = request.header("User-Agent", "desk (<b>Bellbird</b> - Linux)").send().await.unwrap();
    assert_eq!(response.status(), 200);
    let answer: Value = response.json().await.unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Flow {
        poll: text(&answer["poll"]["token"]),
        endpoint: text(&answer["poll"]["endpoint"]),
        login: text(&answer["login"]),
    }
}

async fn poll(client: &Client, flow: &Flow) -> (u16, Value) {
    let request = client.http.post(&flow.endpoint).form(&[("token", &flow.poll)]).timeout(HANG);
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// The hidden field of the form.
fn state(html: &str) -> String {
    let (_, rest) = html.split_once("name=\"state\" value=\"").unwrap_or_else(|| panic!("no form in {html}"));
    rest.split_once('"').unwrap().0.to_owned()
}

async fn text(response: Response, status: u16) -> String {
    assert_eq!(response.status(), status);
    response.text().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_client_signs_in_through_the_browser_once() {
    let (world, [alice]) = World::with(["alice"]).await;
    for prefix in ["", "/index.php"] {
        let (client, browser) = (world.guest(), Browser(world.guest()));
        let flow = begin(&client, prefix).await;
        assert!(flow.login.starts_with(&client.base) && flow.endpoint.starts_with(&client.base));
        assert_eq!(poll(&client, &flow).await, (404, json!([])));
        let shown = browser.open(&flow.login).await;
        let html = text(shown, 200).await;
        assert!(html.contains("desk (&lt;b&gt;Bellbird&lt;/b&gt; - Linux)"), "{html}");
        let state = state(&html);
        let fields = [("state", state.as_str()), ("user", "alice"), ("password", PASSWORD)];
        let done = text(browser.submit(&flow.login, &fields).await, 200).await;
        assert!(done.contains("Alice Test"), "{done}");
        let (status, answer) = poll(&client, &flow).await;
        assert_eq!((status, &answer["loginName"]), (200, &json!("alice")));
        assert_eq!(answer["server"], client.base);
        let password = answer["appPassword"].as_str().unwrap();
        assert_eq!(poll(&client, &flow).await, (404, json!([])), "it is told once");
        // It is an app password like any other, and can be given back.
        let signed_in = Client::new(&client.base, "alice", Some(password));
        assert_eq!(signed_in.get("/ocs/v2.php/cloud/user").await.expect(200)["id"], "alice");
        signed_in.delete("/ocs/v2.php/core/apppassword", json!({})).await.expect(200);
        signed_in.get("/ocs/v2.php/cloud/user").await.expect(401);
        text(browser.open(&flow.login).await, 403).await;
    }
    alice.get("/ocs/v2.php/cloud/user").await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_runs_no_script_and_sits_in_no_frame() {
    let world = World::start().await;
    let flow = begin(&world.guest(), "").await;
    let shown = Browser(world.guest()).open(&flow.login).await;
    let header =
        |name: &str| shown.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
    let policy = header("content-security-policy");
    for part in ["default-src 'none'", "style-src 'sha256-", "form-action 'self'", "frame-ancestors 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains("script-src"));
    assert_eq!((header("x-frame-options"), header("cache-control")), ("DENY".into(), "no-store".into()));
    let cookie = header("set-cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let html = shown.text().await.unwrap();
    for part in ["<html lang=\"en\">", "<label for=\"user\">", "<label for=\"password\">", "<title>Sign in"] {
        assert!(html.contains(part), "{html}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_from_elsewhere_or_with_a_wrong_password_lets_nobody_in() {
    let (world, [alice]) = World::with(["alice"]).await;
    let (client, browser, other) = (world.guest(), Browser(world.guest()), Browser(world.guest()));
    let flow = begin(&client, "").await;
    let first = browser.open(&flow.login).await;
    let state = state(&text(first, 200).await);
    let right = [("user", "alice"), ("password", PASSWORD)];
    let with = |state: &'_ str| {
        [("state", state.to_owned()), ("user", "alice".into()), ("password", PASSWORD.into())]
    };
    // Without the field, with a made-up one, and from a browser that was never shown the form.
    text(browser.submit(&flow.login, &right).await, 403).await;
    for (who, state) in [(&browser, "AAAA"), (&other, state.as_str())] {
        let fields = with(state);
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        text(who.submit(&flow.login, &fields).await, 403).await;
    }
    let app_password = alice.password.clone().unwrap();
    for (name, password) in
        [("alice", "not this one"), ("nobody", PASSWORD), ("alice", &app_password), ("<i>", "x")]
    {
        let fields = [("state", state.as_str()), ("user", name), ("password", password)];
        let html = text(browser.submit(&flow.login, &fields).await, 403).await;
        assert!(html.contains("role=\"alert\"") && !html.contains("<i>"), "{html}");
        assert!(!html.contains(password) || password.len() < 3);
    }
    assert_eq!(poll(&client, &flow).await.0, 404);
    // Still the same flow, and it can be finished.
    let fields = [("state", state.as_str()), ("user", "alice"), ("password", PASSWORD)];
    text(browser.submit(&flow.login, &fields).await, 200).await;
    text(browser.submit(&flow.login, &fields).await, 403).await;
    // Made-up flows and tokens.
    text(browser.open(&format!("{}/login/v2/flow/nonsense", client.base)).await, 403).await;
    let guess = Flow { poll: "nonsense".into(), ..flow };
    assert_eq!(poll(&client, &guess).await.0, 404);
    let empty = client.http.post(&guess.endpoint).send().await.unwrap();
    assert_eq!(empty.status(), 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guessing_passwords_in_the_form_is_slowed_down() {
    let (world, [_alice]) = World::with(["alice"]).await;
    let (client, browser) = (world.guest(), Browser(world.guest()));
    world.config("brute-force-delays", "0").await;
    let flow = begin(&client, "").await;
    let state = state(&text(browser.open(&flow.login).await, 200).await);
    for n in 0..10 {
        let guess = format!("guess {n}");
        let fields = [("state", state.as_str()), ("user", "alice"), ("password", &guess)];
        text(browser.submit(&flow.login, &fields).await, 403).await;
    }
    let fields = [("state", state.as_str()), ("user", "alice"), ("password", PASSWORD)];
    text(browser.submit(&flow.login, &fields).await, 429).await;
    assert_eq!(poll(&client, &flow).await.0, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn starting_sign_ins_without_end_is_refused() {
    let world = World::start().await;
    let client = world.guest();
    for _ in 0..50 {
        begin(&client, "").await;
    }
    let refused = client.http.post(format!("{}/login/v2", client.base)).send().await.unwrap();
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after"));
}
