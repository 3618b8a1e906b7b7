//! `kill -9` at any moment loses nothing that was acknowledged.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use bellbird_server::{Admin, Server, ServerConfig};
use serde_json::json;

use crate::support::{Client, V4};

/// Tells the child, which is this same test binary, which folder to serve.
const FOLDER: &str = "BELLBIRD_TEST_SERVE";

/// Not a test by itself: what the killed process runs.
#[test]
#[ignore = "runs only as the child of the tests below"]
fn child_that_serves() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let server = Server::open(ServerConfig::new(folder)).await.unwrap();
        let listening = server.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        println!("URL {}", listening.url);
        std::future::pending::<()>().await;
    });
}

struct Served {
    child: Child,
    url: String,
}

impl Served {
    fn start(folder: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture", "durability::child_that_serves"])
            .env(FOLDER, folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut urls =
            lines.map_while(Result::ok).filter_map(|l| l.split_once("URL ").map(|(_, url)| url.to_owned()));
        let url = urls.next().expect("the child says where it listens");
        Self { child, url }
    }

    /// SIGKILL on Unix, `TerminateProcess` on Windows.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_there_after_kill_minus_nine() {
    let folder = tempfile::tempdir().unwrap();
    let admin = Admin::open(folder.path()).unwrap();
    admin.add_user("alice", Some("Alice"), "long enough", false).unwrap();
    admin.add_user("bob", Some("Bob"), "long enough", false).unwrap();
    let passwords = ["alice", "bob"].map(|name| admin.new_app_password(name).unwrap());
    let mut served = Served::start(folder.path());
    let clients = |url: &str| {
        [Client::new(url, "alice", Some(&passwords[0])), Client::new(url, "bob", Some(&passwords[1]))]
    };
    let [alice, bob] = clients(&served.url);
    let pair = alice.one_to_one("bob").await;
    let session = alice.session(&pair).await;
    alice.join(&pair).await.expect(200);
    assert_eq!(bob.state(&pair).await, 200);
    // Many people make rooms at once, each noting what was acknowledged, until the server dies in the middle of it.
    let mut makers = Vec::new();
    for maker in 0..8 {
        let alice = alice.clone();
        makers.push(tokio::spawn(async move {
            let mut acknowledged = Vec::new();
            for n in 0..10_000 {
                let body = json!({ "roomType": 2, "roomName": format!("{maker}-{n}") });
                let Ok(answer) =
                    alice.request(reqwest::Method::POST, &format!("{V4}/room")).json(&body).send().await
                else {
                    break;
                };
                if answer.status() == 201 {
                    acknowledged.push(format!("{maker}-{n}"));
                }
            }
            acknowledged
        }));
    }
    // Not before something has been acknowledged.
    while alice.get(&format!("{V4}/room")).await.expect(200).as_array().unwrap().len() < 20 {
        tokio::task::yield_now().await;
    }
    served.kill();
    let mut acknowledged = Vec::new();
    for maker in makers {
        acknowledged.extend(maker.await.unwrap());
    }
    assert!(!acknowledged.is_empty());

    let mut served = Served::start(folder.path());
    let [again, bob] = clients(&served.url);
    let rooms = again.get(&format!("{V4}/room")).await.expect(200);
    let names: Vec<&str> =
        rooms.as_array().unwrap().iter().map(|room| room["name"].as_str().unwrap()).collect();
    for name in &acknowledged {
        assert!(names.contains(&name.as_str()), "{name} was acknowledged and is lost");
    }
    // The call died with the server: bob has missed it, and the old session is told to come in again.
    assert_eq!(bob.state(&pair).await, 201);
    let missed = bob.notifications().await;
    assert_eq!(missed[0]["subject"], "You missed a call from Alice");
    let old = alice.cookies().unwrap();
    let pull = |path: String| again.request(reqwest::Method::GET, &path).header("cookie", old.clone());
    again.send(pull(format!("{}/signaling/{pair}", crate::support::V3))).await.expect(404);
    let anew = again.session(&pair).await;
    assert_ne!(session, anew);
    again.join(&pair).await.expect(200);
    served.kill();
}
