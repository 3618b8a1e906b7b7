use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bellbird_contract::Command;
use bellbird_control::{DoorClient, WEB_API_PATH};

use crate::core::{Fixture, token_of};
use crate::http::bearer;

#[tokio::test]
async fn the_web_api_is_told_and_opens_with_the_doors_tokens() {
    let fixture = Fixture::open();
    let told = format!("http://{}{WEB_API_PATH}", fixture.address());
    assert_eq!(fixture.door.web_api(), Some(told.as_str()));
    assert_eq!(fixture.file.web_api.as_deref(), Some(told.as_str()));

    let answer = fixture.request("GET /api/cowork/who", &bearer(&fixture.file.token), b"").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "Person 0"));
    let answer = fixture.request("POST /api/cowork/who", &bearer(&token_of("p1")), b"abc").await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("Deploy") && answer.body.ends_with(" 3"), "{}", answer.body);
    // As the password of whatever name.
    let pair = STANDARD.encode(format!("ann:{}", token_of("p2")));
    let basic = format!("Authorization: Basic {pair}\r\n");
    let answer = fixture.request("GET /api/cowork/who", &basic, b"").await;
    assert!(answer.status == 200 && answer.body.contains("Other"), "{answer:?}");
    let answer = fixture.request("GET /api/cowork/nothing", &bearer(&token_of("p1")), b"").await;
    assert_eq!(answer.status, 404);
    let answer = fixture.request("DELETE /api/cowork/who", &bearer(&token_of("p1")), b"").await;
    assert_eq!(answer.status, 405);
}

#[tokio::test]
async fn without_a_token_that_opens_nothing_is_told() {
    let fixture = Fixture::open();
    for headers in [String::new(), bearer("p1"), bearer(""), "Authorization: Basic cDE=\r\n".to_owned()] {
        for path in ["/api/cowork/who", "/api/cowork/nothing", "/", "/door.json"] {
            let answer = fixture.request(&format!("GET {path}"), &headers, b"").await;
            assert_eq!(answer.status, 401, "{headers}{path}");
            assert!(answer.head.contains("www-authenticate: basic"), "{}", answer.head);
            assert!(answer.body.starts_with("{\"error\":\""), "{}", answer.body);
        }
    }
}

#[tokio::test]
async fn rebound_names_and_foreign_pages_are_refused_and_no_page_is_invited() {
    let fixture = Fixture::open();
    let token = bearer(&token_of("p1"));
    let port = fixture.address().rsplit(':').next().unwrap().to_owned();
    for host in [
        format!("Host: evil.example:{port}\r\n"),
        "Host: 127.0.0.1\r\n".to_owned(),
        format!("Host: 127.0.0.1:{port}\r\nHost: evil.example\r\n"),
        String::new(),
    ] {
        let answer = fixture.request_to("GET /api/cowork/who", &host, &token, b"").await;
        assert!(answer.status == 403 || answer.status == 400, "{host}: {answer:?}");
    }
    for origin in ["https://evil.example", "null", "http://127.0.0.1", "file://"] {
        let headers = format!("{token}Origin: {origin}\r\n");
        let answer = fixture.request("GET /api/cowork/who", &headers, b"").await;
        assert_eq!(answer.status, 403, "{origin}");
        assert!(!answer.head.contains("access-control"), "{}", answer.head);
        let asked = format!("Origin: {origin}\r\nAccess-Control-Request-Method: POST\r\n");
        let answer = fixture.request("OPTIONS /api/cowork/who", &asked, b"").await;
        assert_eq!(answer.status, 403, "{origin}");
        assert!(!answer.head.contains("access-control"), "{}", answer.head);
    }
    // A page that was let in speaks through the WebSocket; it is not told that it may ask here.
    let known = format!("{token}Origin: http://127.0.0.1:5173\r\n");
    let answer = fixture.request("GET /api/cowork/who", &known, b"").await;
    assert!(answer.status == 200 && !answer.head.contains("access-control"), "{answer:?}");
}

#[tokio::test]
async fn long_bodies_are_refused_so_that_it_can_be_read() {
    let fixture = Fixture::open();
    let token = bearer(&token_of("p1"));
    let client = DoorClient::connect(fixture.data.path()).await.unwrap();
    let whole = vec![b'x'; 64 << 10];
    let answer = fixture.request("POST /api/cowork/who", &token, &whole).await;
    assert!(answer.status == 200 && answer.body.ends_with(" 65536"), "{answer:?}");
    let long = vec![b'x'; 10 << 20];
    let answer = fixture.request("POST /api/cowork/who", &token, &long).await;
    assert_eq!(answer.status, 413, "{answer:?}");
    // Without a length that is known before.
    let mut chunked = Vec::new();
    for piece in long.chunks(100_000) {
        chunked.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        chunked.extend_from_slice(piece);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    let headers = format!("{token}Transfer-Encoding: chunked\r\n");
    let answer = fixture.request("POST /api/cowork/who", &headers, &chunked).await;
    assert_eq!(answer.status, 413, "{answer:?}");
    // A stranger learns that they are one, not how long is too long.
    let answer = fixture.request("POST /api/cowork/who", "", &long).await;
    assert_eq!(answer.status, 401, "{answer:?}");
    client.command(Command::Status).await.unwrap();
}

#[tokio::test]
async fn revoked_or_switched_off_it_answers_so() {
    let fixture = Fixture::open();
    let get = |token: String| {
        let fixture = &fixture;
        async move { fixture.request("GET /api/cowork/who", &bearer(&token), b"").await.status }
    };
    assert_eq!(get(token_of("p1")).await, 200);
    fixture.core.change(|state| state.control.programs.retain(|known| known.id != "p1"));
    assert_eq!(get(token_of("p1")).await, 401);
    assert_eq!(get(token_of("p2")).await, 200);
    fixture.core.change(|state| state.control.allowed = false);
    // The person's own token, too.
    assert_eq!(get(token_of("p2")).await, 403);
    assert_eq!(get(fixture.file.token.clone()).await, 403);
    assert_eq!(get(token_of("p1")).await, 401);
    fixture.core.change(|state| state.control.allowed = true);
    assert_eq!(get(token_of("p2")).await, 200);
}
