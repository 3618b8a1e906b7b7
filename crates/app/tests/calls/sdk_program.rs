//! A program that steers someone's app through the call SDK, and keeps every callback.

use bellbird_app::{CallConfig, CallSdk, VideoSource};
use bellbird_contract::{SdkEvent, SdkResult, SessionStatus, UserStatus};
use serde_json::{Value, json};
use tokio::sync::broadcast;

use crate::stage::{HANG, Person, Stage};

/// A program and the person whose app it steers.
pub(crate) struct Program {
    pub(crate) sdk: CallSdk,
    pub(crate) person: Person,
    pub(crate) name: &'static str,
    host: String,
    callbacks: broadcast::Receiver<SdkEvent>,
    all: Vec<SdkEvent>,
}

impl Program {
    /// One whose camera shows a pattern.
    pub(crate) async fn of(stage: &Stage, name: &'static str) -> Self {
        Self::with(stage, name, VideoSource::Pattern, CallConfig::without_tones()).await
    }

    pub(crate) async fn with(
        stage: &Stage,
        name: &'static str,
        camera: VideoSource,
        call: CallConfig,
    ) -> Self {
        let mut person = Person::with(camera, call);
        person.enter(stage, name).await;
        let sdk = person.app.sdk(None);
        let callbacks = sdk.listen();
        let host = stage.url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        Self { sdk, person, name, host, callbacks, all: Vec::new() }
    }

    /// Somebody's JID.
    pub(crate) fn jid(&self, name: &str) -> String {
        format!("{name}@{}", self.host)
    }

    /// Waits for a callback, and keeps all up to it.
    pub(crate) async fn until(&mut self, what: &str, fits: impl Fn(&SdkEvent) -> bool) -> SdkEvent {
        let wait = async {
            loop {
                let callback = self.callbacks.recv().await.expect("callbacks go on");
                self.all.push(callback.clone());
                if fits(&callback) {
                    return callback;
                }
            }
        };
        match tokio::time::timeout(HANG, wait).await {
            Ok(found) => found,
            Err(_) => panic!("{} waited in vain for {what}: {:#?}", self.name, self.all),
        }
    }

    /// Waits until something was told, now or before.
    pub(crate) async fn until_told(&mut self, what: &str, fits: impl Fn(&SdkEvent) -> bool) {
        if !self.all.iter().any(&fits) {
            self.until(what, fits).await;
        }
    }

    /// Waits for a status of somebody.
    pub(crate) async fn until_status(&mut self, status: &str, name: &str) {
        let jid = self.jid(name);
        self.until(&format!("{name} {status}"), |callback| match callback {
            SdkEvent::CallStatusListener(payload) => {
                payload.user_jid == jid && json!(payload.status) == status
            }
            _ => false,
        })
        .await;
    }

    pub(crate) async fn until_incoming(&mut self, from: &str) -> Value {
        let jid = self.jid(from);
        let callback = self
            .until("being called", |callback| match callback {
                SdkEvent::IncomingCallListener(payload) => payload.user_jid == jid,
                _ => false,
            })
            .await;
        json!(callback)["payload"].clone()
    }

    pub(crate) async fn until_closed(&mut self) {
        self.until("the end", is_closed).await;
    }

    /// Both are in the call.
    pub(crate) async fn connect(caller: &mut Self, callee: &mut Self) {
        let made = caller.sdk.make_voice_call(&[&caller.jid(callee.name)], None).await;
        assert_eq!(made.status_code, 200, "{made:?}");
        caller.until_status("ringing", callee.name).await;
        callee.until_incoming(caller.name).await;
        accepted(callee.sdk.answer_call().await);
        caller.until_status("connected", callee.name).await;
        callee.until_status("connected", caller.name).await;
    }

    /// The payloads of one listener so far.
    pub(crate) fn of_listener(&self, listener: &str) -> Vec<Value> {
        let all = self.all.iter().map(|callback| json!(callback));
        all.filter(|callback| callback["listener"] == listener)
            .map(|callback| callback["payload"].clone())
            .collect()
    }

    /// The statuses so far.
    pub(crate) fn statuses(&self) -> Vec<Value> {
        self.of_listener("callStatusListener")
    }

    /// What a status looks like. `users`: name, status, whether the camera is off.
    pub(crate) fn status(&self, status: &str, of: &str, closed: bool, users: &[(&str, &str)]) -> Value {
        json!({
            "status": status,
            "userJid": self.jid(of),
            "localUser": of == self.name,
            "sessionStatus": if closed { json!("closed") } else { Value::Null },
            "usersStatus": self.users(users),
        })
    }

    /// What `usersStatus` looks like in a voice call.
    pub(crate) fn users(&self, users: &[(&str, &str)]) -> Value {
        let user = |(name, status): &(&str, &str)| json!({ "userJid": self.jid(name), "status": status, "audioMuted": false, "videoMuted": true });
        users.iter().map(user).collect()
    }

    /// Tracks of somebody, in order: kind, and whether it came.
    pub(crate) fn tracks(&self, name: &str) -> Vec<(String, bool)> {
        let of = self.jid(name);
        let tracks = self.of_listener("userTrackListener").into_iter().filter(|track| track["userJid"] == of);
        tracks
            .map(|track| {
                let kind = track["trackType"].as_str().unwrap().to_owned();
                assert_eq!(track["localUser"], name == self.name);
                if let Some(id) = track["track"].as_str() {
                    let parts: Vec<&str> = id.splitn(2, '/').collect();
                    let (participant, last) = parts[1].rsplit_once('/').unwrap();
                    assert_eq!((last, participant.is_empty()), (kind.as_str(), name == self.name), "{id}");
                }
                (kind, track["track"].is_string())
            })
            .collect()
    }

    /// Ends the app. Nothing came after the last `closed`, and there were as many as there were calls.
    pub(crate) async fn finish(mut self, calls: usize) {
        self.person.app.stop().await;
        while let Ok(callback) = self.callbacks.try_recv() {
            self.all.push(callback);
        }
        assert_eq!(self.all.iter().filter(|callback| is_closed(callback)).count(), calls, "{:#?}", self.all);
        assert!(calls == 0 || self.all.last().is_some_and(is_closed), "{:#?}", self.all);
        if calls == 0 {
            assert_eq!(self.all, []);
        }
    }
}

pub(crate) fn is_closed(callback: &SdkEvent) -> bool {
    match callback {
        SdkEvent::CallStatusListener(payload) => payload.session_status == Some(SessionStatus::Closed),
        _ => false,
    }
}

pub(crate) fn accepted(result: SdkResult) {
    assert_eq!(result.status_code, 200, "{result:?}");
}

/// Status and stable code of a refusal.
pub(crate) fn refusal(result: SdkResult) -> (u16, String) {
    assert!(result.status_code != 200 && !result.message.is_empty(), "{result:?}");
    assert!(result.call_type.is_none() && result.room_id.is_none(), "{result:?}");
    (result.status_code, result.code.unwrap_or_default())
}

pub(crate) fn of(users: &[UserStatus], jid: &str) -> UserStatus {
    users.iter().find(|user| user.user_jid == jid).cloned().expect("they are listed")
}
