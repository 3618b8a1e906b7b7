//! Every status a server can answer with, from a server that answers nothing else.

use std::net::Ipv4Addr;
use std::sync::Arc;

use bellbird_call::ports::ProblemCode;
use bellbird_call::{CallTarget, RoomId, Secret};
use bellbird_talk::{StoredLogin, TalkAccount};
use bellbird_talk_wire::constants::MAX_RESPONSE_BYTES;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::stage::Phone;

/// Answers each request by its first line.
type Script = Arc<dyn Fn(&str) -> (u16, String) + Send + Sync>;

async fn serve(script: Script) -> TalkAccount {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, script.clone()));
        }
    });
    let login = StoredLogin {
        server: format!("http://{address}").parse().unwrap(),
        user_id: "alice".into(),
        login_name: "alice".into(),
        display_name: "Alice".into(),
        fingerprint: None,
    };
    TalkAccount::restore(login, Secret::new("secret")).unwrap()
}

async fn answer(stream: TcpStream, script: Script) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let (mut first, mut length) = (String::new(), 0);
        stream.read_line(&mut first).await.ok().filter(|read| *read > 0)?;
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.ok()?;
        let (status, text) = script(&first);
        let head = format!("HTTP/1.1 {status} Any\r\ncontent-length: {}\r\n\r\n", text.len());
        stream.write_all(head.as_bytes()).await.ok()?;
        stream.write_all(text.as_bytes()).await.ok()?;
    }
}

fn envelope(status: u16, data: &str) -> (u16, String) {
    let body = format!(
        r#"{{"ocs":{{"meta":{{"status":"any","statuscode":{status},"message":""}},"data":{data}}}}}"#
    );
    (status, body)
}

const ROOM: &str = r#"{"token":"room1","type":2,"displayName":"Team","sessionId":"s1","readOnly":READ_ONLY}"#;

/// What joining a call ends with when entering works and joining is answered with `status` and `key`.
async fn joining(status: u16, key: &'static str, read_only: bool) -> ProblemCode {
    let script: Script = Arc::new(move |first| {
        if first.starts_with("POST") && first.contains("/call/") {
            envelope(status, &format!(r#"{{"error":"{key}"}}"#))
        } else if first.contains("participants/active") {
            envelope(200, &ROOM.replace("READ_ONLY", if read_only { "1" } else { "0" }))
        } else if first.contains("signaling/settings") {
            envelope(200, r#"{"signalingMode":"internal","helloAuthParams":[],"stunservers":[]}"#)
        } else if first.contains("/signaling/") {
            envelope(200, r#"[{"type":"usersInRoom","data":[]}]"#)
        } else {
            envelope(200, "[]")
        }
    });
    let account = serve(script).await;
    let mut phone = Phone::dial_target(&account, CallTarget::Room(RoomId::new("room1")));
    phone.failure().await.code
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_to_join_a_call_is_named() {
    use ProblemCode as Code;
    for (status, key, read_only, code) in [
        (400, "consent", false, Code::ConsentNeeded),
        (400, "type", false, Code::Forbidden),
        (401, "", false, Code::SignedOut),
        (403, "", true, Code::ReadOnly),
        (403, "", false, Code::Forbidden),
        (404, "", false, Code::UnknownRoom),
        (412, "", false, Code::Lobby),
        (426, "", false, Code::Forbidden),
        (429, "", false, Code::Throttled),
        (500, "", false, Code::ServerFailed),
        (503, "", false, Code::ServerFailed),
    ] {
        assert_eq!(joining(status, key, read_only).await, code, "{status} {key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_to_enter_a_room_is_named() {
    use ProblemCode as Code;
    for (status, key, code) in [
        (403, "password", Code::PasswordNeeded),
        (403, "ban", Code::Forbidden),
        (404, "", Code::UnknownRoom),
        (409, "", Code::NotNow),
        (429, "", Code::Throttled),
        (302, "", Code::NotATalkServer),
        (599, "", Code::ServerFailed),
    ] {
        let script: Script = Arc::new(move |_| envelope(status, &format!(r#"{{"error":"{key}"}}"#)));
        let account = serve(script).await;
        let mut phone = Phone::dial_target(&account, CallTarget::Room(RoomId::new("room1")));
        assert_eq!(phone.failure().await.code, code, "{status} {key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_answers_are_refused_without_harm() {
    let endless = "x".repeat(MAX_RESPONSE_BYTES + 1);
    for body in ["", "<html>", "{}", r#"{"ocs":{"meta":{},"data":7}}"#, &endless, r#"{"ocs":[]}"#] {
        let body = body.to_owned();
        let length = body.len();
        let account = serve(Arc::new(move |_| (200, body.clone()))).await;
        let code = account.rooms().await.unwrap_err().code;
        assert_eq!(code, ProblemCode::NotATalkServer, "{length} bytes");
    }
    // Entries that make no sense are left out, the others stay.
    let list = r#"[7, {"type":2}, {"token":"room1","type":"2","displayName":null}, {"token":"x","type":9}]"#;
    let account = serve(Arc::new(move |_| envelope(200, list))).await;
    assert_eq!(account.rooms().await.unwrap().len(), 1);
}
