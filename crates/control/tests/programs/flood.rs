use bellbird_contract::Command;
use bellbird_control::{ClientError, DoorClient};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::core::{Fixture, token_of, within};
use crate::http::bearer;

/// What someone who never finishes may begin with.
const BEGINNINGS: [&str; 4] = [
    "",
    "GET /control HTTP/1.1\r\nHost: 127",
    // A WebSocket without a hello.
    "GET /control HTTP/1.1\r\nHost: HOST\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    // A body that does not come, from somebody without a token.
    "POST /api/cowork/who HTTP/1.1\r\nHost: HOST\r\nContent-Length: 1000\r\n\r\n",
];

#[tokio::test]
async fn a_thousand_half_open_sockets_keep_nobody_out() {
    let fixture = Fixture::open();
    let before = DoorClient::connect(fixture.data.path()).await.unwrap();
    let mut half_open = Vec::new();
    for number in 0..1000 {
        let mut stream = within(TcpStream::connect(fixture.address())).await.unwrap();
        let beginning = BEGINNINGS[number % BEGINNINGS.len()].replace("HOST", fixture.address());
        stream.write_all(beginning.as_bytes()).await.unwrap();
        half_open.push(stream);
        if number % 100 == 99 {
            within(before.command(Command::Status)).await.unwrap();
        }
    }
    // All still held here; there, most had to make way.
    let after = DoorClient::connect(fixture.data.path()).await.unwrap();
    within(after.command(Command::Status)).await.unwrap();
    let answer = fixture.request("GET /api/cowork/who", &bearer(&token_of("p1")), b"").await;
    assert_eq!(answer.status, 200);
    for stream in &mut half_open[..800] {
        let mut rest = Vec::new();
        // Ends, or is reset: what was sent was never read.
        let _ = within(stream.read_to_end(&mut rest)).await;
    }
    within(before.command(Command::Status)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_end_is_not_waited_for() {
    let fixture = Fixture::open();
    for beginning in &BEGINNINGS[..3] {
        let mut stream = TcpStream::connect(fixture.address()).await.unwrap();
        stream.write_all(beginning.replace("HOST", fixture.address()).as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        // Time is made up here, and passes as soon as there is nothing else to do.
        let _ = stream.read_to_end(&mut rest).await;
    }
}

#[tokio::test]
async fn who_asks_too_much_is_told_so_and_others_are_not_held_up() {
    let fixture = Fixture::open();
    let greedy = DoorClient::connect_to(&fixture.of_program("p1")).await.unwrap();
    let mut throttled = 0;
    let mut done = 0;
    within(async {
        while throttled == 0 {
            let mut asked: FuturesUnordered<_> =
                (0..200).map(|_| greedy.command(Command::SetHold { call: None, held: true })).collect();
            while let Some(answer) = asked.next().await {
                match answer {
                    Ok(_) => done += 1,
                    Err(problem) => {
                        assert_eq!(problem.code, "throttled");
                        throttled += 1;
                    }
                }
            }
        }
    })
    .await;
    assert!(done >= 400, "{done}");
    assert_eq!(fixture.core.done.lock().unwrap().len(), done);
    // The same allowance, by the other way in.
    let answer = within(async {
        loop {
            let answer = fixture.request("GET /api/cowork/who", &bearer(&token_of("p1")), b"").await;
            let _ = greedy.command(Command::Status).await;
            if answer.status != 200 {
                return answer;
            }
            for _ in 0..50 {
                let _ = greedy.command(Command::Status).await;
            }
        }
    })
    .await;
    assert_eq!(answer.status, 429);
    assert!(answer.head.contains("retry-after: 1"), "{}", answer.head);
    for other in [fixture.of_program("p2"), fixture.file.clone()] {
        let client = DoorClient::connect_to(&other).await.unwrap();
        within(client.command(Command::Status)).await.unwrap();
    }
}

#[tokio::test]
async fn programs_leave_room_for_the_person() {
    let fixture = Fixture::open();
    let mut inside = Vec::new();
    let turned_away = loop {
        match DoorClient::connect_to(&fixture.of_program("p1")).await {
            Ok(client) => inside.push(client),
            Err(error) => break error,
        }
        assert!(inside.len() <= 32);
    };
    assert!(matches!(turned_away, ClientError::TurnedAway(reason) if reason == "too many clients"));
    // And with requests that take their time.
    let mut slow = Vec::new();
    for _ in 0..100 {
        let mut stream = TcpStream::connect(fixture.address()).await.unwrap();
        let (host, token) = (fixture.address(), bearer(&token_of("p2")));
        let head = format!("POST /api/cowork/slow HTTP/1.1\r\nHost: {host}\r\n{token}\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    // The last of them are told to come again.
    let mut status = [0; 12];
    within(slow.last_mut().unwrap().read_exact(&mut status)).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 429");
    for _ in 0..4 {
        let client = DoorClient::connect(fixture.data.path()).await.unwrap();
        within(client.command(Command::Status)).await.unwrap();
        inside.push(client);
    }
}

#[tokio::test]
async fn ten_megabytes_in_a_frame_end_that_conversation_alone() {
    use futures_util::SinkExt;
    use tokio_tungstenite::tungstenite::Message;
    let fixture = Fixture::open();
    let client = DoorClient::connect(fixture.data.path()).await.unwrap();
    for hello_first in [true, false] {
        let (mut socket, _) = tokio_tungstenite::connect_async(&fixture.file.url).await.unwrap();
        if hello_first {
            let hello = format!(r#"{{"frame":"hello","token":"{}"}}"#, token_of("p1"));
            socket.send(Message::text(hello)).await.unwrap();
            within(socket.next()).await.unwrap().unwrap();
        }
        // The door stops reading, so that sending may fail.
        let _ = within(socket.send(Message::text("x".repeat(10 << 20)))).await;
        while let Some(Ok(_)) = within(socket.next()).await {}
    }
    within(client.command(Command::Status)).await.unwrap();
}
