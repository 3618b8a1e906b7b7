//! Getting into conversations of others: by link, as a guest, past password, lobby and consent.

use bellbird_call::ports::{ProblemCode, SignalingEvent};
use bellbird_call::{CallTarget, RoomId, Secret};
use bellbird_talk::{CallLink, ClientName, Entrance, EntranceStep, RoomKind, TalkAccount};
use serde_json::json;

use crate::foreign::{APP_PASSWORD, Foreign, LOGIN};
use crate::stage::{Phone, Stage, negotiate};

fn link(server: &str) -> CallLink {
    CallLink::parse(&format!("{}/index.php/call/room1", server.trim_end_matches('/'))).unwrap()
}

fn guest(foreign: &Foreign) -> TalkAccount {
    TalkAccount::guest(&link(&foreign.url), " Gwen ").unwrap()
}

fn entrance(account: &TalkAccount) -> Entrance {
    Entrance::new(account, CallTarget::Room(RoomId::new("room1")))
}

async fn member(foreign: &Foreign) -> TalkAccount {
    let password = Secret::new(APP_PASSWORD);
    TalkAccount::sign_in(&foreign.url, LOGIN, &password, ClientName::default()).await.unwrap()
}

async fn joins(account: &TalkAccount, entrance: Entrance) -> Phone {
    let mut phone = Phone::through(account, entrance);
    phone.events.wait("joining", |event| matches!(event, SignalingEvent::Joined { .. }).then_some(())).await;
    phone
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_enters_once_with_a_name_and_keeps_the_cookie() {
    let foreign = Foreign::open().await;
    let account = guest(&foreign);
    assert!(account.is_guest());
    let mut entrance = entrance(&account);
    assert_eq!(entrance.step().await.unwrap(), EntranceStep::Open);
    assert_eq!(entrance.room().unwrap().display_name, "Choir");
    assert!(foreign.asked("/call/").is_empty(), "the call was joined before anyone wanted to");
    let phone = joins(&account, entrance).await;
    assert_eq!(foreign.world().names.get("g1").map(String::as_str), Some("Gwen"));
    drop(phone);
    account.calls_settled(crate::stage::HANG).await;
    let entered = foreign.asked("POST /ocs/v2.php/apps/spreed/api/v4/room/room1/participants/active");
    assert_eq!(entered.len(), 1, "{entered:?}");
    let left = foreign.asked("DELETE");
    assert_eq!(left.len(), 2, "{left:?}");
    let talk: Vec<_> =
        foreign.asked("/spreed/").into_iter().filter(|asked| asked.guest.as_deref() != Some("g1")).collect();
    assert!(talk.is_empty(), "not as the same guest: {talk:?}");
    assert!(foreign.refused().is_empty(), "{:?}", foreign.refused());
    // Nothing of an account is asked for: no notifications, no push, no people.
    for part in ["notifications", "push", "autocomplete", "cloud/user", "apppassword"] {
        assert!(foreign.asked(part).is_empty(), "{part}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_asked_for_tried_once_and_not_while_the_server_asks_to_wait() {
    password_is_asked_for(&["ban-v1"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_server_that_gives_no_reason_is_given_a_password_too() {
    password_is_asked_for(&[]).await;
}

async fn password_is_asked_for(features: &[&'static str]) {
    let foreign = Foreign::open().await;
    foreign.world().features.extend(features);
    foreign.world().password = Some("open sesame");
    let account = guest(&foreign);
    let mut entrance = entrance(&account);
    let tries = || foreign.asked("participants/active").len();
    let asks = |refused, throttled| EntranceStep::Password { refused, throttled };
    assert_eq!(entrance.step().await.unwrap(), asks(false, false));
    entrance.set_password(Secret::new("wrong"));
    assert_eq!(entrance.step().await.unwrap(), asks(true, false));
    assert_eq!(tries(), 2);
    // Asked again without a new one, nothing is tried.
    assert_eq!(entrance.step().await.unwrap(), asks(true, false));
    assert_eq!(tries(), 2);
    foreign.world().throttled = true;
    entrance.set_password(Secret::new("wrong again"));
    assert_eq!(entrance.step().await.unwrap(), asks(false, true));
    entrance.set_password(Secret::new("open sesame"));
    assert_eq!(entrance.step().await.unwrap(), asks(false, true));
    assert_eq!(tries(), 3, "a password was tried although the server asked to wait");

    foreign.world().throttled = false;
    let mut entrance = self::entrance(&account);
    entrance.set_password(Secret::new("open sesame"));
    assert_eq!(entrance.step().await.unwrap(), EntranceStep::Open);
    assert!(!format!("{entrance:?}").contains("sesame"));
    drop(joins(&account, entrance).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lobby_is_waited_in_until_it_opens() {
    let foreign = Foreign::open().await;
    foreign.world().room["lobbyState"] = json!(1);
    foreign.world().room["lobbyTimer"] = json!(4_000_000_000_i64);
    let account = guest(&foreign);
    let mut entrance = entrance(&account);
    let waiting = EntranceStep::Lobby { opens_at: Some(4_000_000_000) };
    assert_eq!(entrance.step().await.unwrap(), waiting);
    // Who waits is kept in the conversation by pulling, or would be taken for gone.
    foreign.until_asked("GET /ocs/v2.php/apps/spreed/api/v3/signaling/room1", 2).await;
    assert_eq!(entrance.step().await.unwrap(), waiting);
    foreign.world().room["lobbyState"] = json!(0);
    assert_eq!(entrance.step().await.unwrap(), EntranceStep::Open);
    assert!(foreign.asked("/call/").is_empty());
    drop(joins(&account, entrance).await);
    account.calls_settled(crate::stage::HANG).await;
    assert!(foreign.refused().is_empty(), "{:?}", foreign.refused());

    // Moderators, and those who may pass it, do not wait.
    foreign.world().room["lobbyState"] = json!(1);
    let account = member(&foreign).await;
    for (kind, permissions, expected) in
        [(3, 246, waiting.clone()), (2, 246, EntranceStep::Open), (3, 254, EntranceStep::Open)]
    {
        foreign.world().room["participantType"] = json!(kind);
        foreign.world().room["permissions"] = json!(permissions);
        let mut entrance = self::entrance(&account);
        assert_eq!(entrance.step().await.unwrap(), expected, "{kind} {permissions}");
        entrance.leave().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn consent_is_asked_of_the_person_and_sent_only_then() {
    for (server, room, needed) in [(1, 0, true), (2, 1, true), (2, 0, false), (0, 1, false)] {
        let foreign = Foreign::open().await;
        foreign.world().call_config = json!({ "recording-consent": server });
        foreign.world().room["recordingConsent"] = json!(room);
        let account = member(&foreign).await;
        // A call without a word about it fails by itself, and nothing is sent.
        let mut plain = Phone::dial_target(&account, CallTarget::Room(RoomId::new("room1")));
        if needed {
            assert_eq!(plain.failure().await.code, ProblemCode::ConsentNeeded);
            assert!(foreign.asked("POST /ocs/v2.php/apps/spreed/api/v4/call").is_empty());
            assert!(account.is_recorded(&RoomId::new("room1")) && account.may_be_recorded());
        } else {
            let joined =
                |event: &SignalingEvent| matches!(event, SignalingEvent::Joined { .. }).then_some(());
            plain.events.wait("joining", joined).await;
            assert!(!account.is_recorded(&RoomId::new("room1")));
        }
        drop(plain);
        account.calls_settled(crate::stage::HANG).await;

        let mut entrance = entrance(&account);
        if needed {
            assert_eq!(entrance.step().await.unwrap(), EntranceStep::Consent);
            entrance.consent().give();
        }
        assert_eq!(entrance.step().await.unwrap(), EntranceStep::Open);
        drop(joins(&account, entrance).await);
        account.calls_settled(crate::stage::HANG).await;
        let said = foreign.asked("POST /ocs/v2.php/apps/spreed/api/v4/call").pop().unwrap();
        assert_eq!(said.body.contains("recordingConsent"), needed, "{server} {room}: {said:?}");
        // Only the trade of an app password for an app password is refused, as it has to be.
        assert!(foreign.refused().iter().all(|asked| asked.line.contains("getapppassword")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn locked_and_unknown_conversations_are_told_in_words() {
    let foreign = Foreign::open().await;
    let account = guest(&foreign);
    foreign.world().room["readOnly"] = json!(1);
    let mut locked = entrance(&account);
    assert_eq!(locked.step().await.unwrap_err().code, ProblemCode::ReadOnly);
    locked.leave().await;
    let mut unknown = Entrance::new(&account, CallTarget::Room(RoomId::new("nosuchroom")));
    assert_eq!(unknown.step().await.unwrap_err().code, ProblemCode::UnknownRoom);
    assert!(foreign.asked("/call/").is_empty());
}

/// Changes a conversation the way its moderator's own client would.
async fn moderate(
    stage: &Stage,
    owner: &TalkAccount,
    method: reqwest::Method,
    path: &str,
    body: serde_json::Value,
) {
    // Set already when another test of this process was first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = format!("{}/ocs/v2.php/apps/spreed/api/v4/room/{path}", stage.url.trim_end_matches('/'));
    let login = owner.login();
    let answer = reqwest::Client::new()
        .request(method, url)
        .basic_auth(&login.login_name, Some(owner.app_password().expose()))
        .header("OCS-APIRequest", "true")
        .json(&body)
        .send()
        .await
        .unwrap();
    assert!(answer.status().is_success(), "{path}: {}", answer.status());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_passes_password_and_lobby_of_a_real_conversation_and_talks_to_its_owner() {
    let stage = Stage::open().await;
    let alice = stage.person("alice").await;
    let room = alice.create_room("Open house", RoomKind::Public, &[]).await.unwrap();
    let token = room.id.as_str();
    let put = reqwest::Method::PUT;
    moderate(
        &stage,
        &alice,
        put.clone(),
        &format!("{token}/password"),
        json!({ "password": "open sesame now" }),
    )
    .await;
    moderate(&stage, &alice, put.clone(), &format!("{token}/webinar/lobby"), json!({ "state": 1 })).await;

    let link = CallLink::parse(&format!("{}/call/{token}", stage.url.trim_end_matches('/'))).unwrap();
    assert!(alice.is_meant_by(&link));
    let gwen = TalkAccount::guest(&link, "Gwen").unwrap();
    let mut entrance = Entrance::new(&gwen, CallTarget::Room(link.room.clone()));
    assert!(matches!(entrance.step().await.unwrap(), EntranceStep::Password { refused: false, .. }));
    entrance.set_password(Secret::new("open sesame now"));
    assert_eq!(entrance.step().await.unwrap(), EntranceStep::Lobby { opens_at: None });

    let mut owner = Phone::dial_target(&alice, CallTarget::Room(room.id.clone()));
    owner.events.wait("joining", |event| matches!(event, SignalingEvent::Joined { .. }).then_some(())).await;
    moderate(&stage, &alice, put, &format!("{token}/webinar/lobby"), json!({ "state": 0 })).await;
    assert_eq!(entrance.step().await.unwrap(), EntranceStep::Open);
    let mut phone = Phone::through(&gwen, entrance);
    let shown = owner
        .events
        .wait("the guest", |event| match event {
            SignalingEvent::ParticipantJoined(who) => Some(who.clone()),
            _ => None,
        })
        .await;
    assert_eq!(shown.contact, None, "a guest is nobody's contact: {shown:?}");
    negotiate(&mut owner, &mut phone).await;
}
