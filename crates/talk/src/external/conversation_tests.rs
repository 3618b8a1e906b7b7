//! A session's greetings on a virtual clock.

use serde_json::{Value, json};

use super::*;

struct Bench {
    conversation: Conversation,
    start: Instant,
    sent: Vec<Value>,
    told: Vec<News>,
    fetched: u32,
    reconnects: u32,
    ready: u32,
}

impl Bench {
    fn new() -> Self {
        let start = Instant::now();
        let identity =
            Identity { auth_url: "https://c/backend".into(), room: "room".into(), room_session: "nc".into() };
        let conversation = Conversation::new(identity, credentials("first"), start);
        let (sent, told) = (Vec::new(), Vec::new());
        Self { conversation, start, sent, told, fetched: 0, reconnects: 0, ready: 0 }
    }

    fn at(&self, seconds: u64) -> Instant {
        self.start + Duration::from_secs(seconds)
    }

    fn hear(&mut self, seconds: u64, frame: Value) {
        let now = self.at(seconds);
        self.conversation.handle(serde_json::from_value(frame).unwrap(), now);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.conversation.poll_output() {
            match output {
                Output::Send(text) => self.sent.push(serde_json::from_str(&text).unwrap()),
                Output::Fetch => self.fetched += 1,
                Output::Reconnect => self.reconnects += 1,
                Output::Ready => self.ready += 1,
                Output::Tell(news) => self.told.push(news),
            }
        }
    }

    fn connect(&mut self, seconds: u64) {
        let now = self.at(seconds);
        self.conversation.connected(now);
        self.drain();
    }

    fn disconnect(&mut self) {
        self.conversation.disconnected();
        self.drain();
    }

    fn last(&self) -> &Value {
        self.sent.last().unwrap()
    }

    fn answer(&self, body: Value) -> Value {
        let mut body = body;
        body["id"] = self.last()["id"].clone();
        body
    }

    fn greeted(&self, session: &str) -> Value {
        self.answer(json!({"type":"hello","hello":{"sessionid":session,"resumeid":"secret","userid":"u",
                           "server":{"features":["mcu"],"version":"1.2.4"}}}))
    }

    fn enter(&mut self) {
        self.connect(0);
        self.hear(0, json!({"type":"welcome","welcome":{"features":["hello-v2"]}}));
        let hello = self.greeted("me");
        self.hear(0, hello);
        let room = self.answer(json!({"type":"room","room":{"roomid":"room","properties":{}}}));
        self.hear(0, room);
        assert_eq!(self.ready, 1);
    }
}

fn credentials(token: &str) -> HelloAuthParams {
    HelloAuthParams { v1: Some(json!({"userid":"u","ticket":"t"})), v2: Some(json!({ "token": token })) }
}

#[test]
fn a_newer_server_is_greeted_by_token_and_the_room_entered() {
    let mut bench = Bench::new();
    bench.connect(0);
    assert!(bench.sent.is_empty(), "the server is to say first what it can do");
    bench.hear(0, json!({"type":"welcome","welcome":{"features":["hello-v2"]}}));
    assert_eq!(bench.last()["hello"]["version"], "2.0");
    assert_eq!(bench.last()["hello"]["auth"]["params"]["token"], "first");
    let hello = bench.greeted("me");
    bench.hear(0, hello);
    assert_eq!(bench.last()["room"], json!({"roomid":"room","sessionid":"nc"}));
    assert!(!bench.conversation.is_inside());
    let room = bench.answer(json!({"type":"room","room":{"roomid":"room"}}));
    bench.hear(0, room);
    assert!(bench.conversation.is_inside() && bench.conversation.has_feature("mcu"));
    assert_eq!((bench.conversation.session(), bench.ready), ("me", 1));
}

#[test]
fn an_older_server_that_says_nothing_is_greeted_by_ticket() {
    let mut bench = Bench::new();
    bench.connect(0);
    let at = bench.conversation.poll_timeout().unwrap();
    assert!(at < bench.at(2), "the server hangs up after two seconds");
    bench.conversation.handle_timeout(at);
    bench.drain();
    assert_eq!(bench.last()["hello"]["version"], "1.0");
    assert_eq!(bench.last()["hello"]["auth"]["params"], json!({"userid":"u","ticket":"t"}));
}

#[test]
fn a_stale_token_is_not_tried_and_an_expired_one_is_fetched_anew() {
    let mut bench = Bench::new();
    bench.connect(90);
    bench.hear(90, json!({"type":"welcome","welcome":{"features":["hello-v2"]}}));
    assert_eq!((bench.fetched, bench.sent.len()), (1, 0));
    let now = bench.at(91);
    bench.conversation.fetched(credentials("second"), now);
    bench.drain();
    assert_eq!(bench.last()["hello"]["auth"]["params"]["token"], "second");
    let refusal = bench.answer(json!({"type":"error","error":{"code":"token_expired","message":"no"}}));
    bench.hear(91, refusal);
    assert_eq!(bench.fetched, 2);
    bench.conversation.fetched(credentials("third"), now);
    bench.drain();
    let refusal = bench.answer(json!({"type":"error","error":{"code":"token_expired"}}));
    bench.hear(92, refusal);
    assert_eq!(bench.fetched, 2, "not without end");
    assert!(
        matches!(bench.told.as_slice(), [News::Failed(problem)] if problem.code == ProblemCode::ServerFailed)
    );
}

#[test]
fn a_session_is_resumed_without_entering_again() {
    let mut bench = Bench::new();
    bench.enter();
    bench.disconnect();
    assert!(bench.told == [News::Interrupted] && !bench.conversation.is_inside());
    bench.disconnect();
    bench.connect(20);
    assert_eq!(bench.last()["hello"], json!({"version":"2.0","resumeid":"secret"}));
    let hello = bench.greeted("me");
    bench.hear(20, hello);
    assert!(bench.told == [News::Interrupted, News::Restored] && bench.conversation.is_inside());
    assert_eq!(bench.last()["type"], "hello", "the room is not entered again");
}

#[test]
fn a_session_that_is_forgotten_is_gone() {
    let mut bench = Bench::new();
    bench.enter();
    bench.disconnect();
    bench.connect(60);
    let refusal = bench.answer(json!({"type":"error","error":{"code":"no_such_session"}}));
    bench.hear(60, refusal);
    assert!(bench.told == [News::Interrupted, News::Gone { after_outage: true }]);
    let before = bench.sent.len();
    bench.connect(61);
    bench.hear(61, json!({"type":"welcome","welcome":{"features":[]}}));
    assert_eq!(bench.sent.len(), before, "it is over");
}

#[test]
fn refusals_find_their_message() {
    let mut bench = Bench::new();
    bench.enter();
    let message = PeerMessage {
        to: Some("s".into()),
        from: None,
        connection: bellbird_talk_wire::ConnectionKind::Person,
        sid: None,
        broadcaster: None,
        body: bellbird_talk_wire::PeerBody::RequestOffer,
    };
    let text = bench.conversation.message(&message, Some(7));
    let id = serde_json::from_str::<Value>(&text).unwrap()["id"].clone();
    bench.hear(1, json!({"id":id,"type":"error","error":{"code":"not_allowed"}}));
    assert!(bench.told == [News::Refused { request: 7, code: "not_allowed".into() }]);
    for id in [json!("m"), json!("m-1"), json!("b9"), json!(null), json!("m99999999999999999999999")] {
        bench.hear(1, json!({"id":id,"type":"error","error":{"code":"not_allowed"}}));
    }
    assert_eq!(bench.told.len(), 1);
}

#[test]
fn what_only_moderators_may_say_counts_only_when_the_server_checked_it() {
    let mut bench = Bench::new();
    bench.enter();
    let data = json!({"type":"control","payload":{"action":"forceMute","peerId":"me"}});
    let sender = json!({"type":"session","sessionid":"mallory"});
    bench.hear(1, json!({"type":"message","message":{"sender":sender,"data":data}}));
    assert!(bench.told.is_empty());
    bench.hear(1, json!({"type":"control","control":{"sender":sender,"data":{"type":"mute"}}}));
    assert!(bench.told.is_empty());
    bench.hear(1, json!({"type":"control","control":{"sender":sender,"data":data}}));
    assert!(matches!(bench.told.as_slice(), [News::Peer { control: true, .. }]));
}

#[test]
fn words_about_other_rooms_and_replays_change_nothing() {
    let mut bench = Bench::new();
    bench.enter();
    bench.hear(1, json!({"type":"event","event":{"target":"roomlist","type":"disinvite","disinvite":{"roomid":"other"}}}));
    bench.hear(
        1,
        json!({"type":"event","event":{"target":"participants","type":"update",
                         "update":{"roomid":"other","users":[]}}}),
    );
    bench.hear(1, json!({"type":"hello","hello":{"sessionid":"other","resumeid":"x"}}));
    bench.hear(1, json!({"type":"room","room":{"roomid":"room"}}));
    bench.hear(1, json!({"type":"welcome","welcome":{"features":["hello-v2"]}}));
    assert!(bench.told.is_empty() && bench.ready == 1 && bench.conversation.session() == "me");
    bench.hear(1, json!({"type":"event","event":{"target":"roomlist","type":"disinvite","disinvite":{"roomid":"room"}}}));
    assert!(bench.told == [News::Gone { after_outage: false }]);
}

#[test]
fn whoever_enters_with_our_session_replaces_us() {
    let mut bench = Bench::new();
    bench.enter();
    bench.hear(1, json!({"type":"bye","bye":{"reason":"room_session_reconnected"}}));
    assert!(bench.told == [News::Replaced]);
}

#[test]
fn answers_that_stay_away_make_us_connect_anew() {
    let mut bench = Bench::new();
    bench.connect(0);
    bench.hear(0, json!({"type":"welcome","welcome":{"features":["hello-v2"]}}));
    let at = bench.conversation.poll_timeout().unwrap();
    bench.conversation.handle_timeout(at);
    bench.drain();
    assert_eq!(bench.reconnects, 1);
    // Before the room was entered there is nothing to resume.
    bench.disconnect();
    bench.connect(20);
    assert!(bench.told.is_empty());
    bench.hear(20, json!({"type":"welcome","welcome":{"features":["hello-v2"]}}));
    assert!(bench.last()["hello"]["auth"].is_object());
}
