use bellbird_contract::{Command, Event, Problem};
use bellbird_control::{
    ClientError, DoorClient, DoorFile, NOT_UNDERSTOOD, PERSON_ALONE, PICTURES_PATH, PROGRAMS_OFF, WRONG_TOKEN,
};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::core::{Fixture, within};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

fn parts(problem: &Problem) -> (&str, &str) {
    (&problem.code, &problem.detail)
}

/// Says hello at one of the two WebSockets, with an origin when it is a page.
async fn hello(door: &DoorFile, path: &str, origin: Option<&str>) -> Socket {
    let mut request = door.url.replace("/control", path).into_client_request().unwrap();
    if let Some(origin) = origin {
        request.headers_mut().insert("Origin", origin.parse().unwrap());
    }
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    let hello = format!(r#"{{"frame":"hello","token":"{}"}}"#, door.token);
    socket.send(Message::text(hello)).await.unwrap();
    socket
}

/// Reads to the end, which must come with a reason.
async fn reason(socket: &mut Socket) -> String {
    within(async {
        loop {
            match socket.next().await {
                Some(Ok(Message::Close(Some(frame)))) => return frame.reason.to_string(),
                Some(Ok(_)) => {}
                other => panic!("no reason: {other:?}"),
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_program_commands_with_its_own_token_but_not_what_is_for_the_person_alone() {
    let fixture = Fixture::open();
    let client = DoorClient::connect_to(&fixture.of_program("p1")).await.unwrap();
    assert_eq!(client.state().borrow().suggested_name, "Ann");
    within(client.command(Command::Status)).await.unwrap();
    for alone in [
        Command::Quit,
        Command::StartHere,
        Command::CreateInvitation,
        Command::SignOut { account: "ann".into() },
        Command::AddProgram { name: "Another".into() },
        Command::RevokeProgram { program: "p2".into() },
        Command::AllowPrograms { allowed: false },
    ] {
        let problem = within(client.command(alone.clone())).await.unwrap_err();
        assert_eq!(parts(&problem), ("forbidden", PERSON_ALONE), "{alone:?}");
    }
    assert_eq!(*fixture.core.done.lock().unwrap(), ["status"]);
    // The person may, through the same door.
    let person = DoorClient::connect(fixture.data.path()).await.unwrap();
    within(person.command(Command::StartHere)).await.unwrap();
}

#[tokio::test]
async fn a_foreign_token_opens_nothing() {
    let fixture = Fixture::open();
    for token in ["", "p1", &"f".repeat(64), &"f".repeat(50_000)] {
        let stranger = DoorFile { token: token.into(), ..fixture.file.clone() };
        let refused = DoorClient::connect_to(&stranger).await;
        assert!(matches!(refused, Err(ClientError::TurnedAway(reason)) if reason == WRONG_TOKEN));
        let mut pictures = hello(&stranger, PICTURES_PATH, None).await;
        assert_eq!(reason(&mut pictures).await, WRONG_TOKEN);
    }
    assert!(fixture.core.done.lock().unwrap().is_empty());
}

#[tokio::test]
async fn revoking_ends_what_a_program_has_open_and_nothing_of_others() {
    let fixture = Fixture::open();
    let mut control = hello(&fixture.of_program("p1"), "/control", None).await;
    let mut pictures = hello(&fixture.of_program("p1"), PICTURES_PATH, None).await;
    let other = DoorClient::connect_to(&fixture.of_program("p2")).await.unwrap();
    let person = DoorClient::connect(fixture.data.path()).await.unwrap();
    // Both are inside when something was answered.
    within(control.next()).await.unwrap().unwrap();
    pictures.send(Message::Ping(b"1".as_slice().into())).await.unwrap();
    within(pictures.next()).await.unwrap().unwrap();

    within(person.command(Command::RevokeProgram { program: "p1".into() })).await.unwrap();
    assert_eq!(reason(&mut control).await, WRONG_TOKEN);
    assert_eq!(reason(&mut pictures).await, WRONG_TOKEN);
    let again = DoorClient::connect_to(&fixture.of_program("p1")).await;
    assert!(matches!(again, Err(ClientError::TurnedAway(reason)) if reason == WRONG_TOKEN));
    within(other.command(Command::Status)).await.unwrap();
}

#[tokio::test]
async fn switched_off_the_door_is_for_the_window_alone_and_the_person_can_switch_it_on() {
    let fixture = Fixture::open();
    let mut program = hello(&fixture.of_program("p1"), "/control", None).await;
    within(program.next()).await.unwrap().unwrap();
    let mut looking = hello(&fixture.file, PICTURES_PATH, None).await;
    looking.send(Message::Ping(b"1".as_slice().into())).await.unwrap();
    within(looking.next()).await.unwrap().unwrap();
    let shell = DoorClient::connect(fixture.data.path()).await.unwrap();
    let window = DoorClient::connect_window(&fixture.file).await.unwrap();
    let mut page = hello(&fixture.file, "/control", Some("tauri://localhost")).await;

    within(window.command(Command::AllowPrograms { allowed: false })).await.unwrap();
    assert_eq!(reason(&mut program).await, PROGRAMS_OFF);
    assert_eq!(reason(&mut looking).await, PROGRAMS_OFF);
    let again = DoorClient::connect_to(&fixture.of_program("p1")).await;
    assert!(matches!(again, Err(ClientError::TurnedAway(reason)) if reason == PROGRAMS_OFF));

    // The shell hears and does nothing, old or new.
    fixture.core.change(|state| state.suggested_name = "secret".into());
    let newer = DoorClient::connect(fixture.data.path()).await.unwrap();
    assert_eq!(newer.state().borrow().suggested_name, "");
    assert!(!newer.state().borrow().control.allowed);
    for client in [&shell, &newer] {
        for command in [Command::Status, Command::End { call: None }, Command::Quit] {
            let problem = within(client.command(command)).await.unwrap_err();
            assert_eq!(problem.code, PROGRAMS_OFF);
        }
        assert_ne!(client.state().borrow().suggested_name, "secret");
    }
    // The window does, its page and its process.
    within(window.command(Command::Status)).await.unwrap();
    let mut told = String::new();
    while !told.contains("secret") {
        told = within(page.next()).await.unwrap().unwrap().to_string();
    }

    within(newer.command(Command::AllowPrograms { allowed: true })).await.unwrap();
    within(shell.command(Command::Status)).await.unwrap();
    let mut states = shell.state();
    within(states.wait_for(|state| state.suggested_name == "secret")).await.unwrap();
    DoorClient::connect_to(&fixture.of_program("p1")).await.unwrap();
}

#[tokio::test]
async fn what_is_not_understood_is_refused_by_name_and_the_conversation_goes_on() {
    let fixture = Fixture::open();
    let mut socket = hello(&fixture.of_program("p1"), "/control", None).await;
    for (number, wrong) in [
        r#"{"command":"fly"}"#,
        r#"{"command":"set_muted","call":7,"kind":"audio","muted":true}"#,
        r#"{"command":"set_muted","call":null,"kind":"smell","muted":true}"#,
        r#"{"command":"set_muted","call":null,"kind":"audio","muted":"yes"}"#,
        r#"{"command":"make_call"}"#,
        r#""status""#,
        "null",
        "[]",
    ]
    .iter()
    .enumerate()
    {
        let frame = format!(r#"{{"frame":"command","id":{number},"command":{wrong}}}"#);
        socket.send(Message::text(frame)).await.unwrap();
        let reply = within(async {
            loop {
                let text = socket.next().await.unwrap().unwrap().to_string();
                let frame: serde_json::Value = serde_json::from_str(&text).unwrap();
                if frame["frame"] == "reply" {
                    return frame;
                }
            }
        })
        .await;
        assert_eq!((&reply["id"], &reply["outcome"]["outcome"]), (&number.into(), &"failed".into()));
        assert_eq!(reply["outcome"]["problem"]["code"], NOT_UNDERSTOOD, "{wrong}");
    }
    assert!(fixture.core.done.lock().unwrap().is_empty());
    // What cannot be answered ends the conversation, with a reason.
    for nonsense in [
        Message::text("nonsense"),
        Message::text(r#"{"frame":"command","id":-1,"command":{"command":"status"}}"#),
        Message::text(r#"{"frame":"hello","token":"again"}"#),
        Message::binary(b"\x00\x01".as_slice()),
    ] {
        let mut socket = hello(&fixture.of_program("p1"), "/control", None).await;
        socket.send(nonsense).await.unwrap();
        assert_eq!(reason(&mut socket).await, NOT_UNDERSTOOD);
    }
}

#[tokio::test]
async fn a_page_with_a_programs_token_is_no_window() {
    let fixture = Fixture::open();
    let origin = Some("http://127.0.0.1:5173");
    let mut page = hello(&fixture.of_program("p1"), "/control", origin).await;
    within(page.next()).await.unwrap().unwrap();
    assert_eq!(fixture.door.windows(), 0);
    fixture.core.tell(Event::RaiseWindow);
    page.send(Message::text(r#"{"frame":"command","id":1,"command":{"command":"quit"}}"#)).await.unwrap();
    let mut told = String::new();
    while !told.contains(PERSON_ALONE) {
        told = within(page.next()).await.unwrap().unwrap().to_string();
    }
}
