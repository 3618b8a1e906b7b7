//! Servers that know less than a current one, and servers that change.

use std::sync::Arc;

use bellbird_call::ports::{SignalingCommand, SignalingEvent};
use bellbird_call::{CallTarget, LeaveScope, MediaKinds, RoomId, Secret};
use bellbird_talk::{AccountEvent, ClientName, TalkAccount};
use serde_json::json;

use crate::foreign::{APP_PASSWORD, Foreign, LOGIN, USER};
use crate::stage::{Bell, HANG, Phone};

async fn sign_in(foreign: &Foreign) -> TalkAccount {
    let password = Secret::new(APP_PASSWORD);
    let account = TalkAccount::sign_in(&foreign.url, LOGIN, &password, ClientName::default()).await.unwrap();
    // Trading an app password for one is the only request that a server may refuse here.
    foreign.world().asked.retain(|asked| !asked.line.contains("getapppassword"));
    account
}

async fn joins_and_leaves(account: &TalkAccount, scope: LeaveScope) {
    let mut phone = Phone::dial_target(account, CallTarget::Room(RoomId::new("room1")));
    phone.events.wait("joining", |event| matches!(event, SignalingEvent::Joined { .. }).then_some(())).await;
    phone.send(SignalingCommand::Leave(scope));
    drop(phone);
    account.calls_settled(HANG).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_server_is_asked_nothing_it_does_not_know() {
    for (features, rooms, signaling) in [
        (vec!["audio", "video", "conversation-v4", "signaling-v3", "in-call-flags"], "v4", "v3"),
        (vec!["audio", "video", "conversation-v3", "conversation-v2", "signaling-v2"], "v3", "v2"),
        (vec!["audio", "video"], "v1", "v1"),
    ] {
        let foreign = Foreign::open().await;
        foreign.world().features = features;
        foreign.world().call_config = json!({ "enabled": true });
        let account = sign_in(&foreign).await;
        assert_eq!((account.login().user_id.as_str(), account.login().login_name.as_str()), (USER, LOGIN));
        let people = account.contacts("").await.unwrap();
        assert_eq!(people.len(), 1, "we are not our own contact: {people:?}");
        assert_eq!(people[0].presence.as_deref(), Some("away"));
        for _ in 0..2 {
            assert_eq!(account.avatar(&people[0].id).await.unwrap(), None, "what is no picture is none");
        }
        assert_eq!(foreign.asked("/avatar/").len(), 1);
        assert_eq!(account.rooms().await.unwrap().len(), 1);
        let bell = Bell::hang(&account).await;
        joins_and_leaves(&account, LeaveScope::Us).await;
        drop(bell);
        assert!(foreign.refused().is_empty(), "{:?}", foreign.refused());
        for asked in foreign.asked("/apps/spreed/api/") {
            let family = if asked.line.contains("/signaling/") { signaling } else { rooms };
            assert!(asked.line.contains(&format!("/api/{family}/")), "{}", asked.line);
            for field in ["silent", "recordingConsent", "all", "participants\":"] {
                assert!(!asked.body.contains(field), "{asked:?}");
            }
        }
        for part in ["notification-state", "/ring/", "/dialout/", "user_status"] {
            assert!(foreign.asked(part).is_empty(), "{part}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_call_is_refused_here_where_the_server_would_ring() {
    let foreign = Foreign::open().await;
    let account = sign_in(&foreign).await;
    let mut phone = Phone::new(&account);
    let target = CallTarget::Room(RoomId::new("room1"));
    phone.send(SignalingCommand::Dial { target, media: MediaKinds::VOICE, silent: true });
    assert!(phone.failure().await.detail.contains("without ringing"));
    drop(phone);
    account.calls_settled(HANG).await;
    assert!(
        foreign.refused().is_empty() && foreign.asked("POST /ocs/v2.php/apps/spreed/api/v4/call").is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn capabilities_are_read_again_when_the_server_says_that_they_changed() {
    let foreign = Foreign::open().await;
    let account = sign_in(&foreign).await;
    joins_and_leaves(&account, LeaveScope::Us).await;
    joins_and_leaves(&account, LeaveScope::Us).await;
    assert_eq!(foreign.asked("/cloud/capabilities").len(), 1);
    foreign.world().call_config = json!({ "recording-consent": 1 });
    foreign.world().hash = "two";
    // Whatever is answered first tells; from then on calls are known to be recorded.
    account.rooms().await.unwrap();
    let mut phone = Phone::dial_target(&account, CallTarget::Room(RoomId::new("room1")));
    assert_eq!(phone.failure().await.code, bellbird_call::ports::ProblemCode::ConsentNeeded);
    assert_eq!(foreign.asked("/cloud/capabilities").len(), 2);
    assert!(foreign.refused().is_empty(), "{:?}", foreign.refused());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_notifications_is_not_asked_for_them() {
    let foreign = Foreign::open().await;
    foreign.world().notifications = false;
    let account = sign_in(&foreign).await;
    let bell = Bell::hang(&account).await;
    assert!(foreign.asked("notifications").is_empty());
    drop(bell);
}

/// Without notification-state, the list of those in the call decides.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_server_does_not_ring_for_a_call_that_is_over() {
    let foreign = Foreign::open().await;
    let call = |id: u32| json!({ "notification_id": id, "app": "spreed", "object_type": "call", "object_id": "room1" });
    foreign.world().list = json!([call(7)]);
    let account = sign_in(&foreign).await;
    let (sender, mut events) = tokio::sync::mpsc::unbounded_channel();
    let watch = account.watch(Arc::new(move |event| {
        let _ = sender.send(event);
    }));
    assert_eq!(tokio::time::timeout(HANG, events.recv()).await.unwrap(), Some(AccountEvent::Online));
    foreign.until_asked("GET /ocs/v2.php/apps/spreed/api/v4/call/room1", 1).await;
    drop(watch);
    assert!(foreign.asked("notification-state").is_empty());
    assert_eq!(events.recv().await, None, "it rang for a call nobody is in");
}
