//! A small WebDriver client (W3C WebDriver): what a person does with a page, and what they see of it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bellbird_testkit::process::LineProcess;
use serde_json::{Value, json};

use super::http::{headers, request};

/// How long a page may take to show what is waited for. Generous: a busy machine is not a defect.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The name under which the protocol hands out elements.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// One browser, or one window of ours, driven from outside. Ends with it.
pub(crate) struct WebDriver {
    // Dropped after `Drop` has ended the session.
    _driver: LineProcess,
    host: String,
    session: String,
}

/// An element of the page.
#[derive(Clone, Debug)]
pub(crate) struct Element(String);

impl WebDriver {
    /// Starts our window under WebKitGTK's driver. `environment` sets up the driver, which hands it on to the window.
    pub(crate) fn of_window(program: &Path, environment: impl FnOnce(&mut Command)) -> Self {
        let mut command = Command::new("WebKitWebDriver");
        environment(&mut command);
        // Lets the webview be driven; without it the window takes no orders.
        command.env("TAURI_WEBVIEW_AUTOMATION", "true");
        let capabilities = json!({
            "webkitgtk:browserOptions": {"binary": program, "args": []},
        });
        Self::start(command, &capabilities)
    }

    /// Starts headless Chromium. `arguments` come on top of those that keep it quiet and local.
    pub(crate) fn of_chromium(profile: &Path, arguments: &[String]) -> Self {
        let mut all: Vec<String> = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--autoplay-policy=no-user-gesture-required",
            "--window-size=1100,800",
        ]
        .map(str::to_owned)
        .to_vec();
        all.push(format!("--user-data-dir={}", profile.display()));
        all.extend_from_slice(arguments);
        let mut options = json!({"args": all});
        if Path::new("/usr/bin/chromium").exists() {
            options["binary"] = json!("/usr/bin/chromium");
        }
        Self::start(
            Command::new("chromedriver"),
            &json!({"browserName": "chrome", "goog:chromeOptions": options}),
        )
    }

    fn start(mut command: Command, capabilities: &Value) -> Self {
        // The driver does not say which port it took, so we pick one and let it go just before. Another program may
        // take it in between; then a new one is tried.
        for _ in 0..5 {
            let port = free_port();
            let mut again = copy(&command);
            let mut driver = LineProcess::start(again.arg(format!("--port={port}")).stderr(Stdio::null()));
            let host = format!("127.0.0.1:{port}");
            if wait_until_listening(&mut driver, &host) {
                let answer = post(&host, "/session", &json!({"capabilities": {"alwaysMatch": capabilities}}));
                let session = answer["sessionId"].as_str().expect("the driver opens a session").to_owned();
                return Self { _driver: driver, host, session };
            }
        }
        command.arg("--port=…");
        panic!("{command:?} does not come up");
    }

    fn path(&self, rest: &str) -> String {
        format!("/session/{}{rest}", self.session)
    }

    fn post(&self, rest: &str, body: &Value) -> Value {
        post(&self.host, &self.path(rest), body)
    }

    /// Goes to an address.
    pub(crate) fn open(&self, url: &str) {
        self.post("/url", &json!({"url": url}));
    }

    /// The first element that fits, or `None` when there is none now.
    pub(crate) fn find(&self, css: &str) -> Option<Element> {
        let body = json!({"using": "css selector", "value": css});
        let found = outcome(&self.host, "POST", &self.path("/element"), Some(&body)).ok()?;
        Some(Element(found[ELEMENT].as_str()?.to_owned()))
    }

    /// Waits until an element is there and shown.
    pub(crate) fn wait_for(&self, css: &str) -> Element {
        self.wait_until(&format!("{css} on the page"), || {
            self.find(css).filter(|element| self.is_shown(element))
        })
    }

    /// Waits until no shown element fits.
    pub(crate) fn wait_until_gone(&self, css: &str) {
        self.wait_until(&format!("{css} to go"), || {
            let shown = self.find(css).is_some_and(|element| self.is_shown(&element));
            (!shown).then_some(())
        });
    }

    /// Waits until the page's visible text contains this.
    pub(crate) fn wait_for_text(&self, text: &str) {
        self.wait_until(&format!("{text:?} on the page"), || self.text().contains(text).then_some(()));
    }

    /// Asks again and again until there is an answer.
    ///
    /// # Panics
    /// With what the page says, when there is none in time.
    pub(crate) fn wait_until<T>(&self, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(answer) = ask() {
                return answer;
            }
            assert!(Instant::now() < deadline, "waited in vain for {what}; the page says:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The page's visible text.
    pub(crate) fn text(&self) -> String {
        let said = self.run("return document.body ? document.body.innerText : ''");
        said.as_str().unwrap_or_default().to_owned()
    }

    /// Waits for an element and clicks it as a person would.
    pub(crate) fn click(&self, css: &str) {
        // What moves between being found and being clicked is looked for again.
        self.wait_until(&format!("{css} to be clickable"), || {
            let element = self.find(css).filter(|element| self.is_shown(element))?;
            outcome(
                &self.host,
                "POST",
                &self.path(&format!("/element/{}/click", element.0)),
                Some(&json!({})),
            )
            .ok()
        });
    }

    /// Waits for a field and types into it.
    pub(crate) fn type_into(&self, css: &str, text: &str) {
        let element = self.wait_for(css);
        self.post(&format!("/element/{}/value", element.0), &json!({"text": text}));
    }

    /// Presses and releases one key, wherever the focus is.
    pub(crate) fn press(&self, key: &str) {
        let actions = json!([{"type": "key", "id": "keyboard", "actions": [
            {"type": "keyDown", "value": key}, {"type": "keyUp", "value": key},
        ]}]);
        self.post("/actions", &json!({"actions": actions}));
    }

    fn is_shown(&self, element: &Element) -> bool {
        let path = self.path(&format!("/element/{}/displayed", element.0));
        outcome(&self.host, "GET", &path, None).is_ok_and(|shown| shown == json!(true))
    }

    /// Runs JavaScript in the page and waits for what it returns; a promise is awaited.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({"script": script, "args": []}))
    }

    /// Lets a script run in every page before the page's own (Chromium only).
    pub(crate) fn run_before_pages(&self, script: &str) {
        let parameters = json!({"source": script});
        self.post(
            "/goog/cdp/execute",
            &json!({"cmd": "Page.addScriptToEvaluateOnNewDocument", "params": parameters}),
        );
    }

    /// Closes the window it speaks to, as its button would.
    pub(crate) fn close(&self) {
        let _ = outcome(&self.host, "DELETE", &self.path("/window"), None);
    }
}

impl Drop for WebDriver {
    fn drop(&mut self) {
        let _ = outcome(&self.host, "DELETE", &self.path(""), None);
    }
}

/// A command like this one; commands cannot be cloned.
fn copy(command: &Command) -> Command {
    let mut again = Command::new(command.get_program());
    again.args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => again.env(name, value),
            None => again.env_remove(name),
        };
    }
    again
}

pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}

fn wait_until_listening(driver: &mut LineProcess, host: &str) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while driver.is_running() && Instant::now() < deadline {
        if outcome(host, "GET", "/status", None).is_ok() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

fn post(host: &str, path: &str, body: &Value) -> Value {
    outcome(host, "POST", path, Some(body)).unwrap_or_else(|error| panic!("POST {path}: {error}"))
}

/// The value of a command's answer, or what the driver says went wrong.
fn outcome(host: &str, method: &str, path: &str, body: Option<&Value>) -> Result<Value, String> {
    let bytes = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
    let headers = headers(&[("Content-Type", "application/json; charset=utf-8")]);
    let answer =
        request(host, method, path, &headers, &bytes, PATIENCE).map_err(|error| error.to_string())?;
    let value = answer.json()["value"].clone();
    if answer.status() == 200 { Ok(value) } else { Err(format!("{} {value}", answer.status())) }
}

#[test]
fn a_page_can_be_driven() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let page = "<button onclick=\"document.body.append('was clicked')\">x</button><input oninput=\"this.title=this.value\">";
    std::fs::write(folder.path().join("index.html"), page).expect("a file");
    let served = super::web_server::Served { folder: folder.path().to_owned(), call_page: None, talk: None };
    let server = super::web_server::WebServer::start(served);
    let browser = WebDriver::of_chromium(&folder.path().join("profile"), &[]);
    browser.run_before_pages("window.early = 7");
    browser.open(&server.origin());
    browser.click("button");
    browser.wait_for_text("was clicked");
    browser.type_into("input", "typed");
    browser.wait_for("[title=typed]");
    assert_eq!(browser.run("return window.early"), 7);
    assert!(browser.find("[title=other]").is_none());
}
