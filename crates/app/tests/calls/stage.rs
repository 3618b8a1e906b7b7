//! A server, and people with apps on it.

use std::sync::Arc;
use std::time::Duration;

use bellbird_app::{
    AccountHome, App, AppConfig, CallConfig, CaptureSource, MemoryKeyStore, Pictures, PlayoutSink, Recorder,
    Secret, Sound, StoredAccount, VideoSource,
};
use bellbird_contract::{
    AccountState, AccountView, AppView, CallHappening, CallView, Command, EndReason, Event, Media, Reply,
};
use bellbird_server::{Server, ServerConfig};
use tokio::sync::broadcast;

/// Only to fail a hang: these tests share a machine with much else.
pub(crate) const HANG: Duration = Duration::from_secs(90);

/// A server in a folder of its own.
pub(crate) struct Stage {
    pub(crate) server: Server,
    pub(crate) url: String,
    _data: tempfile::TempDir,
}

/// Someone with an app.
pub(crate) struct Person {
    pub(crate) app: App,
    pub(crate) hears: Recorder,
    events: broadcast::Receiver<Event>,
}

impl Stage {
    pub(crate) async fn open() -> Self {
        // Set already when another test of this process was first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let data = tempfile::tempdir().unwrap();
        let server = Server::open(ServerConfig::new(data.path())).await.unwrap();
        let url = server.listen(([127, 0, 0, 1], 0).into()).await.unwrap().url.to_string();
        Self { server, url, _data: data }
    }

    /// Someone whose voice is a tone.
    pub(crate) async fn person(&self, name: &str) -> Person {
        let mut person = Person::nobody();
        person.enter(self, name).await;
        person
    }

    /// The app password of a new device of someone, who is made when they are not there.
    async fn app_password(&self, name: &str) -> Secret {
        let admin = self.server.admin();
        let owned = name.to_owned();
        tokio::task::spawn_blocking(move || {
            if !admin.users().unwrap().iter().any(|user| user.name == owned) {
                admin.add_user(&owned, None, "correct horse battery", false).unwrap();
            }
            Secret::new(admin.new_app_password(&owned).unwrap())
        })
        .await
        .unwrap()
    }

    /// Changes a setting of the server.
    pub(crate) async fn configure(&self, key: &'static str, value: &'static str) {
        let admin = self.server.admin();
        tokio::task::spawn_blocking(move || admin.set_config(key, value).unwrap()).await.unwrap();
    }

    /// Changes a conversation the way its owner's own client would.
    pub(crate) async fn moderate(&self, owner: &str, path: &str, body: serde_json::Value) {
        self.put(owner, &format!("spreed/api/v4/room/{path}"), body).await;
    }

    /// Says how someone is, the way another client of theirs would: `online`, `dnd`.
    pub(crate) async fn be(&self, name: &str, status: &str) {
        let body = serde_json::json!({ "statusType": status });
        self.put(name, "user_status/api/v1/user_status/status", body).await;
    }

    async fn put(&self, name: &str, path: &str, body: serde_json::Value) {
        let secret = self.app_password(name).await;
        let url = format!("{}/ocs/v2.php/apps/{path}", self.url.trim_end_matches('/'));
        let request = reqwest::Client::new().put(url).basic_auth(name, Some(secret.expose()));
        let answer = request.header("OCS-APIRequest", "true").json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    }
}

impl Person {
    /// Someone with an app and no account.
    pub(crate) fn nobody() -> Self {
        Self::with(VideoSource::DefaultCamera, CallConfig::without_tones())
    }

    /// Likewise, with this for a camera, and calls like these.
    pub(crate) fn with(camera: VideoSource, call: CallConfig) -> Self {
        let hears = Recorder::new();
        let app = App::start(AppConfig {
            data: None,
            client_name: "test".into(),
            sound: Sound {
                microphone: Some(CaptureSource::Tone { hz: 500.0 }),
                speaker: Some(PlayoutSink::Recorder(hears.clone())),
                ringer: Some(PlayoutSink::Null),
                processing: false,
            },
            // What is heard is the other one, never a tone of our own.
            pictures: Pictures { camera: Some(camera), ..Pictures::default() },
            call,
            key_store: Arc::new(MemoryKeyStore::default()),
            local_server: None,
            browser: None,
            watch_devices: false,
        });
        let events = app.events();
        Self { app, hears, events }
    }

    /// Takes up a login on a server, named after both.
    pub(crate) async fn enter(&mut self, stage: &Stage, name: &str) {
        let secret = stage.app_password(name).await;
        let id = format!("{name}@{}", stage.url);
        let login = StoredAccount {
            id: id.clone(),
            user_id: name.into(),
            login_name: name.into(),
            display_name: name.into(),
            home: AccountHome::Remote { server: stage.url.clone(), fingerprint: None },
        };
        self.app.use_login(login, secret).unwrap();
        self.until("the account to be online", |state| {
            let online = |account: &&AccountView| account.id == id && account.state == AccountState::Online;
            state.accounts.iter().find(online).map(|_| ())
        })
        .await;
    }

    /// Waits until the state shows something.
    pub(crate) async fn until<T>(&mut self, what: &str, find: impl Fn(&AppView) -> Option<T>) -> T {
        let wait = async {
            loop {
                if let Some(found) = find(&self.app.state()) {
                    return found;
                }
                if let Err(broadcast::error::RecvError::Closed) = self.events.recv().await {
                    panic!("the app is gone");
                }
            }
        };
        match tokio::time::timeout(HANG, wait).await {
            Ok(found) => found,
            Err(_) => panic!("waited in vain for {what}; the state is {:#?}", self.app.state()),
        }
    }

    /// Waits until the call of this id shows something.
    pub(crate) async fn until_call(
        &mut self,
        what: &str,
        id: &str,
        is: impl Fn(&CallView) -> bool,
    ) -> CallView {
        self.until(what, |state| state.calls.iter().find(|call| call.id == id && is(call)).cloned()).await
    }

    /// Waits for a call from someone.
    pub(crate) async fn rung_by(&mut self, from: &str) -> CallView {
        self.until("being rung", |state| {
            let rings = |call: &&CallView| call.can_answer && call.contact.as_deref() == Some(from);
            state.calls.iter().find(rings).cloned()
        })
        .await
    }

    pub(crate) async fn ended(&mut self, id: &str) -> EndReason {
        self.until("the end", |state| state.calls.iter().find(|call| call.id == id)?.ended).await
    }

    pub(crate) async fn call(&self, contact: &str) -> String {
        let command = Command::MakeCall { account: None, contact: contact.into(), media: Media::Voice };
        match self.app.handle(command).await {
            Ok(Reply::Call { call }) => call,
            other => panic!("making a call yielded {other:?}"),
        }
    }

    pub(crate) async fn answer(&self) {
        self.app.handle(Command::Answer { call: None, media: Media::Voice }).await.unwrap();
    }

    /// Waits until something is played that is no silence.
    pub(crate) async fn hears_something(&mut self) {
        let wait = async {
            let mut heard = Vec::new();
            loop {
                heard.extend(self.hears.take().samples);
                if heard.iter().filter(|sample| sample.abs() > 0.01).count() > 4_800 {
                    return;
                }
                // Meters come some 30 times a second while sound runs: a pace without a clock.
                let _ = self.events.recv().await;
            }
        };
        tokio::time::timeout(HANG, wait).await.expect("nothing is heard");
    }

    /// All happenings of a call up to its end.
    pub(crate) async fn happenings_to_the_end(
        mut events: broadcast::Receiver<Event>,
        id: &str,
    ) -> Vec<CallHappening> {
        let wait = async {
            let mut all = Vec::new();
            loop {
                if let Event::Call { call, happening } = events.recv().await.unwrap()
                    && call == id
                {
                    let last = matches!(happening, CallHappening::Ended { .. });
                    all.push(happening);
                    if last {
                        return all;
                    }
                }
            }
        };
        tokio::time::timeout(HANG, wait).await.expect("the call does not end")
    }
}
