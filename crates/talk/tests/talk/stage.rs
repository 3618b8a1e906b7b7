//! A server, people on it, and their telephones.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bellbird_call::ports::{SignalingBackend, SignalingCommand, SignalingEvent};
use bellbird_call::{
    CallTarget, ContactId, IceCandidate, Invitation, LeaveScope, Link, LinkId, LinkRole, MediaKinds, Secret,
    SessionDescription,
};
use bellbird_server::{Server, ServerConfig};
use bellbird_talk::{AccountEvent, CallOptions, ClientName, Entrance, TalkAccount, TalkCall, Watch};
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Ends a hang; never decides a test.
pub(crate) const HANG: Duration = Duration::from_secs(60);
pub(crate) const PASSWORD: &str = "a long enough password";

pub(crate) struct Stage {
    pub(crate) server: Server,
    pub(crate) url: String,
    pub(crate) address: SocketAddr,
    pub(crate) data: TempDir,
}

impl Stage {
    pub(crate) async fn open() -> Self {
        let data = tempfile::tempdir().unwrap();
        let server = Server::open(ServerConfig::new(data.path())).await.unwrap();
        let listening = server.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        Self { server, url: listening.url.to_string(), address: listening.address, data }
    }

    /// The server again, on the same folder and address, after it was shut down.
    pub(crate) async fn reopen(&mut self) {
        self.server = Server::open(ServerConfig::new(self.data.path())).await.unwrap();
        self.server.listen(self.address).await.unwrap();
    }

    pub(crate) fn add(&self, name: &str) {
        let display_name = format!("{}{}", name[..1].to_uppercase(), &name[1..]);
        self.server.admin().add_user(name, Some(&display_name), PASSWORD, false).unwrap();
    }

    /// Makes an account and signs in to it.
    pub(crate) async fn person(&self, name: &str) -> TalkAccount {
        self.add(name);
        self.sign_in(name).await
    }

    /// One more device of a person.
    pub(crate) async fn sign_in(&self, name: &str) -> TalkAccount {
        TalkAccount::sign_in(&self.url, name, &Secret::new(PASSWORD), ClientName::default()).await.unwrap()
    }
}

/// Events in order, with those skipped kept for the message of a failure.
pub(crate) struct Inbox<T> {
    receiver: UnboundedReceiver<T>,
    skipped: Vec<String>,
}

impl<T: std::fmt::Debug> Inbox<T> {
    /// Waits for the first event that fits, skipping others.
    pub(crate) async fn wait<R>(&mut self, what: &str, fits: impl Fn(&T) -> Option<R>) -> R {
        let waiting = async {
            loop {
                let event = self.receiver.recv().await.unwrap_or_else(|| panic!("no more events"));
                if let Some(result) = fits(&event) {
                    return result;
                }
                self.skipped.push(format!("{event:?}"));
            }
        };
        let result = tokio::time::timeout(HANG, waiting).await;
        result.unwrap_or_else(|_| panic!("waited in vain for {what}; came: {:#?}", self.skipped))
    }

    /// The next event, whatever it is.
    pub(crate) async fn next(&mut self) -> T {
        let next = tokio::time::timeout(HANG, self.receiver.recv()).await;
        next.expect("an event in time").expect("an event")
    }

    /// What has come and was not looked at.
    pub(crate) fn rest(&mut self) -> Vec<T> {
        std::iter::from_fn(|| self.receiver.try_recv().ok()).collect()
    }
}

/// One call of someone.
pub(crate) struct Phone {
    pub(crate) call: TalkCall,
    pub(crate) events: Inbox<SignalingEvent>,
}

impl Phone {
    pub(crate) fn new(account: &TalkAccount) -> Self {
        let (sender, receiver) = unbounded_channel();
        let sink = Arc::new(move |event| {
            let _ = sender.send(event);
        });
        Self { call: account.open_call(sink), events: Inbox { receiver, skipped: Vec::new() } }
    }

    /// The call that an entrance leads to.
    pub(crate) fn through(account: &TalkAccount, entrance: Entrance) -> Self {
        let target = CallTarget::Room(entrance.room().unwrap().room);
        let (sender, receiver) = unbounded_channel();
        let sink = Arc::new(move |event| {
            let _ = sender.send(event);
        });
        let options = CallOptions { entrance: Some(entrance), ..CallOptions::default() };
        let call = account.open_call_with(sink, options);
        let mut phone = Self { call, events: Inbox { receiver, skipped: Vec::new() } };
        phone.send(SignalingCommand::Dial { target, media: MediaKinds::VOICE, silent: false });
        phone
    }

    pub(crate) fn dial(account: &TalkAccount, who: &str) -> Self {
        let target = CallTarget::Contact(ContactId::new(who));
        Self::dial_target(account, target)
    }

    pub(crate) fn dial_target(account: &TalkAccount, target: CallTarget) -> Self {
        let mut phone = Self::new(account);
        phone.send(SignalingCommand::Dial { target, media: MediaKinds::VOICE, silent: false });
        phone
    }

    pub(crate) fn ring(account: &TalkAccount, invitation: Invitation) -> Self {
        let mut phone = Self::new(account);
        phone.send(SignalingCommand::Ring(invitation));
        phone
    }

    pub(crate) fn accept(&mut self) {
        self.send(SignalingCommand::Accept { media: MediaKinds::VOICE });
    }

    pub(crate) fn leave(&mut self) {
        self.send(SignalingCommand::Leave(LeaveScope::Us));
    }

    pub(crate) fn send(&mut self, command: SignalingCommand) {
        self.call.send(command);
    }

    pub(crate) async fn wait_for(&mut self, expected: &SignalingEvent) {
        let what = format!("{expected:?}");
        self.events.wait(&what, |event| (event == expected).then_some(())).await;
    }

    pub(crate) async fn failure(&mut self) -> bellbird_call::ports::Problem {
        self.events
            .wait("a failure", |event| match event {
                SignalingEvent::Failed(problem) => Some(problem.clone()),
                _ => None,
            })
            .await
    }
}

/// Plays the media engines of two ends until both have the other's description and candidate; returns the links' ids.
pub(crate) async fn negotiate(one: &mut Phone, two: &mut Phone) -> (LinkId, LinkId) {
    let (one, two) = negotiate_links(one, two).await;
    (one.id, two.id)
}

/// As [`negotiate`]; returns the links.
pub(crate) async fn negotiate_links(one: &mut Phone, two: &mut Phone) -> (Link, Link) {
    let (mut first, mut second) = (Paper::default(), Paper::default());
    let all = async {
        while !(first.is_complete() && second.is_complete()) {
            tokio::select! {
                event = one.events.receiver.recv() => first.play(event.expect("an event"), &mut one.call),
                event = two.events.receiver.recv() => second.play(event.expect("an event"), &mut two.call),
            }
        }
    };
    tokio::time::timeout(HANG, all).await.unwrap_or_else(|_| panic!("no agreement: {first:?} {second:?}"));
    (first.link.unwrap(), second.link.unwrap())
}

/// A media engine of paper.
#[derive(Default, Debug)]
struct Paper {
    link: Option<Link>,
    described: bool,
    candidate: bool,
}

impl Paper {
    fn is_complete(&self) -> bool {
        self.described && self.candidate
    }

    fn id(&self) -> Option<LinkId> {
        self.link.as_ref().map(|link| link.id)
    }

    fn play(&mut self, event: SignalingEvent, call: &mut TalkCall) {
        match event {
            SignalingEvent::LinkOpened(link) => {
                self.link = Some(link.clone());
                if link.role == LinkRole::Offerer {
                    let description = SessionDescription::Offer("v=0 offer".into());
                    call.send(SignalingCommand::SendDescription { link: link.id, description });
                    call.send(candidate(link.id));
                }
            }
            SignalingEvent::LinkDescription { link, description } => {
                assert_eq!(Some(link), self.id());
                self.described = true;
                match description {
                    SessionDescription::Offer(sdp) => {
                        assert_eq!(sdp, "v=0 offer");
                        let description = SessionDescription::Answer("v=0 answer".into());
                        call.send(SignalingCommand::SendDescription { link, description });
                        call.send(candidate(link));
                    }
                    SessionDescription::Answer(sdp) => assert_eq!(sdp, "v=0 answer"),
                }
            }
            SignalingEvent::LinkCandidate { link, candidate } => {
                assert_eq!(Some(link), self.id());
                assert_eq!(candidate.candidate, "candidate:1 1 udp 1 127.0.0.1 9 typ host");
                self.candidate = true;
            }
            SignalingEvent::LinkClosed(link) if self.id() == Some(link) => *self = Self::default(),
            _ => {}
        }
    }
}

pub(crate) fn candidate(link: LinkId) -> SignalingCommand {
    let candidate = IceCandidate {
        candidate: "candidate:1 1 udp 1 127.0.0.1 9 typ host".into(),
        sdp_mid: Some("0".into()),
        sdp_mline_index: Some(0),
    };
    SignalingCommand::SendCandidate { link, candidate }
}

/// Someone who can be rung.
pub(crate) struct Bell {
    pub(crate) events: Inbox<AccountEvent>,
    pub(crate) watch: Watch,
}

impl Bell {
    /// Watches an account, and waits until it can be rung.
    pub(crate) async fn hang(account: &TalkAccount) -> Self {
        let mut bell = Self::hang_unready(account);
        bell.events.wait("online", |event| (*event == AccountEvent::Online).then_some(())).await;
        bell
    }

    pub(crate) fn hang_unready(account: &TalkAccount) -> Self {
        let (sender, receiver) = unbounded_channel();
        let watch = account.watch(Arc::new(move |event| {
            let _ = sender.send(event);
        }));
        Self { events: Inbox { receiver, skipped: Vec::new() }, watch }
    }

    pub(crate) async fn incoming(&mut self) -> Invitation {
        self.events
            .wait("a ring", |event| match event {
                AccountEvent::Incoming(invitation) => Some(invitation.clone()),
                _ => None,
            })
            .await
    }
}
