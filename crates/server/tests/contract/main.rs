//! The description that the Web API serves of itself (cowork-calls) holds against what a fuzzer makes of it: no answer of the
//! 500 kind, none that is not described, nothing wrong taken, nothing right refused. Schemathesis lies where
//! `cargo xtask setup test` puts it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "the clients of the API tests can do more than is needed here")]

#[path = "../api/steered.rs"]
mod steered;
#[path = "../api/support.rs"]
mod support;

use std::path::{Path, PathBuf};

use bellbird_server::{Server, ServerConfig};
use steered::Steered;
use support::{Client, World};
use tokio::process::Command;

/// Ends a hang; never decides the test.
const HANG: std::time::Duration = std::time::Duration::from_secs(600);

/// The fuzzer; `None` where it was left out, which is where there is no Python.
fn schemathesis() -> Option<PathBuf> {
    // Tests lie in target/<profile>/deps.
    let beside = std::env::current_exe().ok()?.ancestors().nth(3)?.join("schemathesis");
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/schemathesis");
    let programs = if cfg!(windows) { "Scripts" } else { "bin" };
    let name = format!("schemathesis{}", std::env::consts::EXE_SUFFIX);
    [beside, target].into_iter().map(|place| place.join(programs).join(&name)).find(|file| file.is_file())
}

/// Whether the fuzzer finds nothing to complain of, and all it says. `description` is an address or a file, `settings` are
/// those of its own file. `None` where it was left out.
async fn fuzz(who: &Client, description: &str, settings: &str, more: &[&str]) -> Option<(bool, String)> {
    let Some(program) = schemathesis() else {
        if cfg!(target_os = "linux") {
            panic!("Schemathesis is missing: `cargo xtask setup test` installs it");
        }
        return None;
    };
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("schemathesis.toml");
    std::fs::write(&file, settings).unwrap();
    let login = format!("{}:{}", who.name, who.password.as_deref().unwrap());
    let mut command = Command::new(program);
    command
        .arg("--config-file")
        .arg(&file)
        .args(["run", description, "--url", &who.base, "--auth", &login, "--checks", "all", "--no-shrink"])
        .args(["--continue-on-failure", "--request-timeout", "30", "--warnings", "off"])
        .args(more)
        .env("NO_COLOR", "1")
        .env("COLUMNS", "120")
        .env("HYPOTHESIS_STORAGE_DIRECTORY", place.path())
        .current_dir(place.path())
        .kill_on_drop(true);
    let done = tokio::time::timeout(HANG, command.output()).await.expect("the fuzzer to end").unwrap();
    let said =
        format!("{}\n{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    Some((done.status.success() && said.contains("No issues found"), said))
}

/// The whole API with this seed; `BELLBIRD_SEED` varies a run.
async fn fuzz_all(who: &Client, settings: &str, seed: &str, clients: &mut [Steered]) {
    let description = format!("{}/api/cowork/openapi.json", who.base);
    let varied = std::env::var("BELLBIRD_SEED");
    let seed = varied.as_deref().unwrap_or(seed);
    let more = ["--seed", seed, "--max-examples", "25", "--phases", "coverage,fuzzing,stateful"];
    let Some((fine, said)) = fuzz(who, &description, settings, &more).await else { return };
    assert!(fine, "{said}");
    assert!(clients.iter_mut().any(|client| !client.is_idle()), "it never came through to a client: {said}");
    // Whatever came, the server still serves.
    assert_eq!(who.ask("user").await.fine()["id"], "alice");
}

/// Alice, with a channel and two clients that do what they are told.
async fn stage() -> (World, Client, String, [Steered; 2]) {
    let data = tempfile::tempdir().unwrap();
    let server = Server::open(ServerConfig::new(data.path())).await.unwrap();
    let listening = server.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let world = World { server, listening, data };
    // The fuzzer tries wrong passwords, and is not to be made to wait for it.
    world.config("brute-force-delays", "0").await;
    let alice = world.user("alice").await;
    let channel = alice.create_room(3, &[]).await;
    let one = Steered::connect(&world, &alice, "cowork-1", Some(&channel)).await;
    let two = Steered::connect(&world, &alice, "cowork-2", None).await;
    (world, alice, channel, [one, two])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_input_gets_a_described_answer() {
    let (_world, alice, _channel, mut clients) = stage().await;
    fuzz_all(&alice, "", "1", &mut clients).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_body_to_a_real_channel_gets_a_described_answer() {
    let (_world, alice, channel, mut clients) = stage().await;
    let team = alice.ask("teams").await.fine()[0]["id"].as_str().unwrap().to_owned();
    let settings =
        format!("[parameters]\n\"path.teamId\" = \"{team}\"\n\"path.channelId\" = \"{channel}\"\n");
    fuzz_all(&alice, &settings, "2", &mut clients).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_not_described_would_be_seen() {
    let (_world, alice, _channel, _clients) = stage().await;
    let mut description = alice.ask("openapi.json").await.fine();
    let answers = &mut description["paths"]["/api/cowork/user/calls/join"]["post"]["responses"];
    assert!(answers.as_object_mut().unwrap().remove("400").is_some());
    let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    std::fs::write(file.path(), description.to_string()).unwrap();
    let path = file.path().to_str().unwrap();
    let more = ["--seed", "3", "--phases", "coverage", "--include-path", "/api/cowork/user/calls/join"];
    let Some((fine, said)) = fuzz(&alice, path, "", &more).await else { return };
    assert!(!fine && said.contains("Undocumented status code"), "{said}");
}
