//! The call SDK for Rust programs.

use std::fmt;
use std::sync::Arc;

use bellbird_contract::{SdkEvent, SdkMethod, SdkResult};
use tokio::sync::broadcast;

use crate::app::{App, Inner};

/// Makes, takes and steers calls by JIDs, and tells what becomes of them: the methods and callbacks of the MirrorFly
/// call SDK in Rust's spelling, with its payloads. Clones share it.
///
/// People are `user@host[:port]` of the account's server, conversations `token@mix.host[:port]`. There is one current
/// call, which the methods without a callee mean. Every method yields a result with a status: 200 accepted, 400 bad
/// argument or nothing it could apply to now, 401 signed out, 403 the server or its permissions lack the feature, 404 no
/// such user or conversation, 500 it failed. 200 says that something was begun; what comes of it, the callbacks tell.
///
/// ```
/// use std::sync::Arc;
///
/// use bellbird_app::{App, AppConfig, CallConfig, MemoryKeyStore, Pictures, Sound};
/// use bellbird_contract::SdkEvent;
///
/// # #[tokio::main(flavor = "multi_thread")]
/// # async fn main() {
/// let app = App::start(AppConfig {
///     data: None,
///     client_name: "my program".into(),
///     sound: Sound::default(),
///     pictures: Pictures::default(),
///     call: CallConfig::default(),
///     key_store: Arc::new(MemoryKeyStore::default()),
///     local_server: None,
///     browser: None,
///     watch_devices: false,
/// });
/// // Command::SignIn, or App::use_login, gives it an account.
/// let sdk = app.sdk(None);
/// let mut callbacks = sdk.listen();
/// let made = sdk.make_voice_call(&["bob@cloud.example.org"], None).await;
/// if made.status_code == 200 {
///     while let Ok(callback) = callbacks.recv().await {
///         match callback {
///             SdkEvent::CallStatusListener(status) => {
///                 println!("{}: {:?}", status.user_jid, status.status);
///                 if status.session_status.is_some() {
///                     break;
///                 }
///             }
///             // Never play a track that is `local_user`.
///             SdkEvent::UserTrackListener(track) => println!("{:?}", track.track),
///             _ => {}
///         }
///     }
/// }
/// # assert_eq!(made.status_code, 400, "nobody is signed in here");
/// # assert_eq!(sdk.end_call().await.status_code, 400);
/// # }
/// ```
#[derive(Clone)]
pub struct CallSdk {
    app: Arc<Inner>,
    account: Option<String>,
}

impl App {
    /// The call SDK. `account` makes the calls, by its id; `None`: the first. Within a tokio runtime.
    pub fn sdk(&self, account: Option<&str>) -> CallSdk {
        CallSdk { app: self.inner.clone(), account: account.map(str::to_owned) }
    }
}

impl fmt::Debug for CallSdk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallSdk")
    }
}

impl CallSdk {
    /// All callbacks from now on, in order, of calls of every account: there is one current call. A receiver that is
    /// thousands behind misses the oldest and is told so.
    pub fn listen(&self) -> broadcast::Receiver<SdkEvent> {
        self.app.sdk_events.subscribe()
    }

    /// Any method, in the form it has at the door.
    pub async fn call(&self, method: SdkMethod) -> SdkResult {
        self.app.sdk_method(self.account.as_deref(), method).await
    }

    /// Rings people by voice: one; several, for whom a conversation is made; or, with `group_id`, all of a
    /// conversation. Waits some seconds at most for the server to take the call. Yields `call_type` and `room_id`.
    ///
    /// 400: nobody named, or not by a JID; oneself; there is a call already. 403: no calls here, not for this account, or
    /// no conversations of several. 404: no such person or conversation here. Whoever rings just now is answered.
    pub async fn make_voice_call(&self, users: &[&str], group_id: Option<&str>) -> SdkResult {
        let (users, group_id) = (owned(users), group_id.map(str::to_owned));
        self.call(SdkMethod::MakeVoiceCall { users, group_id }).await
    }

    /// Likewise with the camera.
    pub async fn make_video_call(&self, users: &[&str], group_id: Option<&str>) -> SdkResult {
        let (users, group_id) = (owned(users), group_id.map(str::to_owned));
        self.call(SdkMethod::MakeVideoCall { users, group_id }).await
    }

    /// Takes the call that rings longest, with the camera where it is a video call; the call in the way, if any, ends
    /// first. 400: none rings. 403: it is recorded, and the person has to agree to that first.
    pub async fn answer_call(&self) -> SdkResult {
        self.call(SdkMethod::AnswerCall).await
    }

    /// Refuses the call that rings longest: its caller hears `busy`, or `engaged` when we are in a call. 400: none rings.
    pub async fn decline_call(&self) -> SdkResult {
        self.call(SdkMethod::DeclineCall).await
    }

    /// Leaves the current call; one of two ends for both, one that rings is declined. 400: there is none.
    pub async fn end_call(&self) -> SdkResult {
        self.call(SdkMethod::EndCall).await
    }

    /// Refuses the call that rings beside another one: its caller hears `engaged`. 400: none does.
    pub async fn call_engaged(&self) -> SdkResult {
        self.call(SdkMethod::CallEngaged).await
    }

    /// Microphone off or on. 400: not in a call.
    pub async fn mute_audio(&self, mute: bool) -> SdkResult {
        self.call(SdkMethod::MuteAudio { mute }).await
    }

    /// Camera off or on. 400: not in a call. 403: cameras are not allowed there.
    pub async fn mute_video(&self, mute: bool) -> SdkResult {
        self.call(SdkMethod::MuteVideo { mute }).await
    }

    /// Adds people to the conversation of the running call, and rings them. 400: not in a call, or nobody named. 403: a
    /// call of two, or not ours to add to. 404: no such person. One after the other, up to the first that fails.
    pub async fn invite_users(&self, users: &[&str]) -> SdkResult {
        self.call(SdkMethod::InviteUsers { users: owned(users) }).await
    }

    /// In a call of two, asks to go from audio to video: when they accept, both cameras are switched on. Taken back by
    /// itself after 30 seconds. 400: nobody answered yet, it is video already or asked already. 403: no cameras there.
    pub async fn request_video_call_switch(&self) -> SdkResult {
        self.call(SdkMethod::RequestVideoCallSwitch).await
    }

    /// Takes that back. 400: nothing was asked.
    pub async fn cancel_video_call_switch_request(&self) -> SdkResult {
        self.call(SdkMethod::CancelVideoCallSwitchRequest).await
    }

    /// Agrees to what the far end asked: both cameras are switched on. 400: they did not ask. 403: no cameras there.
    pub async fn accept_video_call_switch_request(&self) -> SdkResult {
        self.call(SdkMethod::AcceptVideoCallSwitchRequest).await
    }

    /// Refuses it: nothing changes. 400: they did not ask.
    pub async fn decline_video_call_switch_request(&self) -> SdkResult {
        self.call(SdkMethod::DeclineVideoCallSwitchRequest).await
    }

    /// What is known of the current call, in `call_info`. 400: there is none.
    pub async fn get_call_info(&self) -> SdkResult {
        self.call(SdkMethod::GetCallInfo).await
    }
}

fn owned(jids: &[&str]) -> Vec<String> {
    jids.iter().map(|jid| (*jid).to_owned()).collect()
}
