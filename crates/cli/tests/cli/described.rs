//! The web API at a core's door against what it says of itself: a fuzzer of HTTP contracts finds no answer that is not
//! described. Schemathesis lies where `cargo xtask setup test` puts it.

use std::path::{Path, PathBuf};

use bellbird_testkit::process::LineProcess;
use serde_json::Value;

use crate::stage::{cli, events, wait_for};

/// The fuzzer; `None` where it was left out, which is where there is no Python.
fn schemathesis() -> Option<PathBuf> {
    // Tests lie in target/<profile>/deps.
    let beside = std::env::current_exe().ok()?.ancestors().nth(3)?.join("schemathesis");
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/schemathesis");
    let programs = if cfg!(windows) { "Scripts" } else { "bin" };
    let name = format!("schemathesis{}", std::env::consts::EXE_SUFFIX);
    [beside, target].into_iter().map(|place| place.join(programs).join(&name)).find(|file| file.is_file())
}

fn ctl(folder: &Path, arguments: &[&str]) -> Value {
    let output = cli(folder).arg("ctl").args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {:?}", events(&output));
    events(&output).swap_remove(0)
}

#[test]
fn any_input_of_a_program_gets_a_described_answer() {
    let Some(fuzzer) = schemathesis() else {
        if cfg!(target_os = "linux") {
            panic!("Schemathesis is missing: `cargo xtask setup test` installs it");
        }
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let mut command = cli(path);
    command.args(["core", "--background", "--no-desktop", "--mic", "tone:600", "--speaker", "null"]);
    let mut core = LineProcess::start(&mut command);
    let ready = wait_for(&mut core, "ready", |_| true);
    let web_api = ready["web_api"].as_str().unwrap();
    ctl(path, &["start-here"]);
    let room = ctl(path, &["create-room", "--name", "Team"]);
    let account = &ctl(path, &["status"])["state"]["accounts"][0]["id"];
    let token = ctl(path, &["program", "add", "Fuzzer"]);

    let place = path.join("fuzzer");
    std::fs::create_dir(&place).unwrap();
    let settings = place.join("schemathesis.toml");
    let known =
        format!("[parameters]\n\"path.teamId\" = {account}\n\"path.channelId\" = {}\n", room["token"]);
    std::fs::write(&settings, known).unwrap();
    let output = std::process::Command::new(fuzzer)
        .arg("--config-file")
        .arg(settings)
        .args(["run", &format!("{web_api}/openapi.json"), "--url", web_api.trim_end_matches("/api/cowork")])
        .args(["-H", &format!("Authorization: Bearer {}", token["token"].as_str().unwrap())])
        .args(["--checks", "all", "--no-shrink", "--continue-on-failure", "--request-timeout", "60"])
        .args(["--warnings", "off", "--seed", "4", "--max-examples", "15"])
        .args(["--phases", "coverage,fuzzing,stateful"])
        .env("NO_COLOR", "1")
        .env("COLUMNS", "120")
        .env("HYPOTHESIS_STORAGE_DIRECTORY", &place)
        .current_dir(&place)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("No issues found"), "{said}");

    // The door asked for the token each time, and wrote down what came of it.
    ctl(path, &["status"]);
    let audit = std::fs::read_to_string(path.join("app/control-audit.log")).unwrap();
    let outcomes: Vec<Value> = audit.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let count = |outcome: &str| outcomes.iter().filter(|line| line["outcome"] == outcome).count();
    assert!(count("200") > 50 && count("400") > 50, "{} and {}", count("200"), count("400"));
    assert!(count("wrong-token") + count("no-token") > 0);
    assert_eq!(
        outcomes.iter().find(|line| line["outcome"].as_str().is_some_and(|it| it.starts_with('5'))),
        None
    );
}
