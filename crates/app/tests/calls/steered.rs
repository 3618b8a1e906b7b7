//! Being steered by others: what the person is asked, and that nothing leaves before they said yes.

use bellbird_contract::{Command, Media, RemoteJoinPolicy, RemoteJoinRequestView, Reply, Status, TrackKind};
use bellbird_cowork::{Connection, JoinKind, Order, Reason, Refusal};

use crate::stage::{Person, Stage};

async fn order(person: &Person, order: Order) -> Result<Vec<Connection>, Refusal> {
    let account = person.app.state().accounts[0].id.clone();
    person.app.remote_order(&account, "a script", order).await
}

fn join(room: &str) -> Order {
    Order::Join { channel: room.into(), kind: JoinKind::Audio }
}

/// Waits until the person is asked.
async fn asked(person: &mut Person) -> RemoteJoinRequestView {
    person.until("being asked", |state| state.remote_joins.first().cloned()).await
}

async fn asked_nothing(person: &mut Person) {
    person.until("the question to go", |state| state.remote_joins.is_empty().then_some(())).await;
}

async fn enter(person: &Person, room: &str) -> String {
    let command =
        Command::JoinRoom { account: None, room: room.into(), media: Media::Voice, guest_name: None };
    match person.app.handle(command).await {
        Ok(Reply::Call { call }) => call,
        other => panic!("joining yielded {other:?}"),
    }
}

async fn answer(person: &Person, request: &RemoteJoinRequestView, allow: bool) {
    let command = Command::AnswerRemoteJoin { request: request.id.clone(), allow, screen: None };
    person.app.handle(command).await.unwrap();
}

/// Ann in a conversation's call, and Bob who could join it.
async fn two(stage: &Stage) -> (Person, Person, String, String) {
    let (mut ann, bob) = (stage.person("ann").await, stage.person("bob").await);
    let room = ann.app.create_room("Team", false, &["bob".into()]).await.unwrap().token;
    let call = enter(&ann, &room).await;
    ann.until_call("being in the call", &call, |call| call.entrance.is_none()).await;
    (ann, bob, room, call)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_joins_before_the_person_said_so() {
    let stage = Stage::open().await;
    let (mut ann, mut bob, room, call) = two(&stage).await;
    assert_eq!(order(&bob, join(&room)).await, Ok(Vec::new()));
    let request = asked(&mut bob).await;
    assert_eq!((request.display_name.as_str(), request.by.as_str()), ("Team", "a script"));
    assert_eq!(request.kind, TrackKind::Audio);
    // The call that runs there may ring, but nobody is in it.
    assert!(bob.app.state().calls.iter().all(|call| call.can_answer));
    assert!(ann.app.state().calls[0].participants.is_empty());

    answer(&bob, &request, true).await;
    let joined = bob
        .until("the call", |state| state.calls.iter().find(|call| call.status == Status::Connected).cloned())
        .await;
    assert_eq!(joined.joined_by.as_deref(), Some("a script"));
    assert_eq!(bob.app.state().accounts[0].remote_join, RemoteJoinPolicy::Allow);
    ann.until_call("bob", &call, |call| call.status == Status::Connected).await;
    ann.hears_something().await;
    let refused = order(&bob, join(&room)).await.unwrap_err();
    assert_eq!(refused.reason, Reason::Conflict);
    assert_eq!(order(&bob, Order::Leave { media: None }).await, Ok(Vec::new()));
    assert!(bob.app.remote_client(None).call.is_none());
    // Agreed once: it is not asked any more. And what is wanted right behind a join finds the call.
    for _ in 0..10 {
        assert_eq!(order(&bob, join(&room)).await.unwrap().len(), 1);
        let audio = Order::SetAudio { muted: Some(true), silent: None };
        assert!(order(&bob, audio).await.unwrap()[0].muted);
        assert_eq!(order(&bob, Order::Leave { media: None }).await, Ok(Vec::new()));
    }
    ann.app.stop().await;
    bob.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_joins_by_themselves_is_not_asked_any_more() {
    let stage = Stage::open().await;
    let (ann, mut bob, room, _) = two(&stage).await;
    order(&bob, join(&room)).await.unwrap();
    let request = asked(&mut bob).await;
    enter(&bob, &room).await;
    asked_nothing(&mut bob).await;
    let late = Command::AnswerRemoteJoin { request: request.id, allow: true, screen: None };
    assert_eq!(bob.app.handle(late).await.unwrap_err().code, "not-now");
    assert_eq!(bob.app.state().accounts[0].remote_join, RemoteJoinPolicy::Ask);
    assert_eq!(bob.app.state().calls.iter().filter(|call| call.joined_by.is_some()).count(), 0);
    ann.app.stop().await;
    bob.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn microphone_and_camera_are_switched_on_by_the_persons_word_alone() {
    let stage = Stage::open().await;
    let (mut ann, mut bob, room, call) = two(&stage).await;
    let own = enter(&bob, &room).await;
    bob.until_call("the call", &own, |call| call.status == Status::Connected).await;
    let audio = |muted, silent| Order::SetAudio { muted, silent };
    // What takes away is done at once.
    let muted = order(&bob, audio(Some(true), None)).await.unwrap();
    assert!(muted[0].muted && bob.app.state().calls[0].muted);
    // What gives is asked; the rest of the same order is done.
    let silent = order(&bob, audio(Some(false), Some(true))).await.unwrap();
    assert_eq!((silent[0].silent, silent[0].muted), (true, true));
    let request = asked(&mut bob).await;
    assert_eq!((request.kind, request.room.as_str()), (TrackKind::Audio, room.as_str()));
    assert!(bob.app.state().calls[0].muted && bob.app.state().calls[0].silent);
    ann.until_call("the mute", &call, |call| call.participants[0].audio_muted).await;
    // By themselves: the question is settled.
    let unmute = Command::SetMuted { call: None, kind: TrackKind::Audio, muted: false };
    bob.app.handle(unmute).await.unwrap();
    asked_nothing(&mut bob).await;

    assert_eq!(order(&bob, Order::SetVideo { video: true }).await, Ok(Vec::new()));
    let request = asked(&mut bob).await;
    assert_eq!(request.kind, TrackKind::Video);
    assert!(!bob.app.state().calls[0].camera_on);
    answer(&bob, &request, false).await;
    asked_nothing(&mut bob).await;
    assert!(!bob.app.state().calls[0].camera_on);

    // Screens are asked for under every policy, and which has to be said.
    let account = bob.app.state().accounts[0].id.clone();
    let allow = Command::SetRemoteJoin { account: account.clone(), policy: RemoteJoinPolicy::Allow };
    bob.app.handle(allow).await.unwrap();
    let screen = || Order::Join { channel: room.clone(), kind: JoinKind::Screen };
    assert_eq!(order(&bob, screen()).await, Ok(Vec::new()));
    let request = asked(&mut bob).await;
    assert_eq!(request.kind, TrackKind::Screen);
    let unsaid = Command::AnswerRemoteJoin { request: request.id.clone(), allow: true, screen: None };
    assert_eq!(bob.app.handle(unsaid).await.unwrap_err().code, "no-screen");
    assert!(!bob.app.state().calls[0].sharing_screen);
    let forbid = Command::SetRemoteJoin { account, policy: RemoteJoinPolicy::Forbid };
    bob.app.handle(forbid).await.unwrap();
    asked_nothing(&mut bob).await;
    assert_eq!(order(&bob, screen()).await.unwrap_err().reason, Reason::Forbidden);
    ann.app.stop().await;
    bob.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_person_looks_at_is_what_is_meant() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    let mut bob = stage.person("bob").await;
    let room = ann.app.create_room("Team", false, &["bob".into()]).await.unwrap().token;
    let before = bob.app.remote_client(None);
    assert_eq!((before.open_channel, before.call), (None, None));
    assert!(before.client_id.starts_with("cowork-"), "{}", before.client_id);
    let look = |room: Option<&str>| Command::OpenRoom { account: None, room: room.map(str::to_owned) };
    bob.app.handle(look(Some(&room))).await.unwrap();
    assert_eq!(bob.app.remote_client(None).open_channel.as_deref(), Some(room.as_str()));
    assert_eq!(bob.app.remote_client(Some("somebody else")).open_channel, None);
    bob.app.handle(look(None)).await.unwrap();
    assert_eq!(bob.app.remote_client(None).open_channel, None);
    // The one called last, where none is looked at.
    let call = enter(&bob, &room).await;
    bob.until_call("the call", &call, |call| call.entrance.is_none()).await;
    bob.app.handle(Command::End { call: None }).await.unwrap();
    bob.ended(&call).await;
    assert_eq!(bob.app.remote_client(None).open_channel.as_deref(), Some(room.as_str()));
    assert_ne!(ann.app.remote_client(None).client_id, bob.app.remote_client(None).client_id);
    ann.app.stop().await;
    bob.app.stop().await;
}
