use bellbird_contract::Command;
use bellbird_control::{AUDIT_FILE, DoorClient, DoorFile};
use serde_json::Value;

use crate::core::{Fixture, token_of, within};
use crate::http::bearer;

/// Waits until the last line is about this, and yields all.
async fn lines_up_to(fixture: &Fixture, what: &str) -> Vec<Value> {
    within(async {
        loop {
            let text = std::fs::read_to_string(fixture.data.path().join(AUDIT_FILE)).unwrap_or_default();
            if let Some(whole) = text.strip_suffix('\n') {
                let lines: Vec<Value> =
                    whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
                if lines.last().is_some_and(|line| line["what"] == what) {
                    return lines;
                }
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

#[tokio::test]
async fn each_command_and_request_has_one_line_and_none_a_secret() {
    let fixture = Fixture::open();
    let program = DoorClient::connect_to(&fixture.of_program("p1")).await.unwrap();
    within(program.command(Command::SetHold { call: None, held: true })).await.unwrap();
    within(program.command(Command::Quit)).await.unwrap_err();
    let wrong = DoorFile { token: "guessed-by-somebody".into(), ..fixture.file.clone() };
    DoorClient::connect_to(&wrong).await.unwrap_err();
    let window = DoorClient::connect_window(&fixture.file).await.unwrap();
    let password = "correct horse".to_owned();
    let sign_in = Command::SignIn { server: "https://s.example".into(), login_name: "ann".into(), password };
    within(window.command(sign_in)).await.unwrap();
    let path = "GET /api/cowork/who?secret=7";
    assert_eq!(fixture.request(path, &bearer(&token_of("p2")), b"").await.status, 200);
    assert_eq!(fixture.request(path, "", b"").await.status, 401);
    let foreign = format!("{}Origin: https://evil.example\r\n", bearer(&token_of("p2")));
    assert_eq!(fixture.request("POST /last", &foreign, b"").await.status, 403);

    let lines = lines_up_to(&fixture, "POST /last").await;
    let told: Vec<[&str; 4]> = lines
        .iter()
        .map(|line| ["by", "name", "what", "outcome"].map(|field| line[field].as_str().unwrap_or_default()))
        .collect();
    assert_eq!(
        told,
        [
            ["program", "Deploy", "/control", "let-in"],
            ["program", "Deploy", "set_hold", "done"],
            ["program", "Deploy", "quit", "forbidden"],
            ["stranger", "", "/control", "wrong-token"],
            ["window", "", "/control", "let-in"],
            ["window", "", "sign_in", "done"],
            ["program", "Other", "GET /api/cowork/who", "200"],
            ["stranger", "", "GET /api/cowork/who", "no-token"],
            ["stranger", "", "POST /last", "foreign-origin"],
        ]
    );
    assert!(lines.iter().all(|line| line["at_ms"].as_u64().is_some_and(|at| at > 0)));
    assert_eq!(lines[0]["id"], "p1");
    let text = std::fs::read_to_string(fixture.data.path().join(AUDIT_FILE)).unwrap();
    for secret in
        ["correct horse", "guessed", "secret", &token_of("p1"), &token_of("p2"), &fixture.file.token]
    {
        assert!(!text.contains(secret), "{secret}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(fixture.data.path().join(AUDIT_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[tokio::test]
async fn what_was_begun_and_given_up_has_its_line_too() {
    let fixture = Fixture::open();
    let program = DoorClient::connect_to(&fixture.of_program("p1")).await.unwrap();
    {
        let mut never = Box::pin(program.command(Command::ShowWindow));
        let _ = futures_util::poll!(&mut never);
        within(async {
            while fixture.core.done.lock().unwrap().is_empty() {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
    drop(program);
    let lines = lines_up_to(&fixture, "show_window").await;
    assert_eq!(lines.last().unwrap()["outcome"], "given-up");
}
