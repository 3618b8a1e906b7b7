//! Shared screens of a mesh, on a clock that only we move.

use std::time::Duration;

use bellbird_call::MediaKinds;
use bellbird_talk_wire::constants::{MAX_CANDIDATE_BYTES, MAX_SDP_BYTES};

use super::*;

/// One end, and what it did, one line each: links as `#1` in the order they were opened.
struct End {
    screens: Screens,
    now: Instant,
}

fn offer(sdp: &str) -> PeerBody {
    PeerBody::Offer { sdp: sdp.into(), nick: None }
}

fn answer(sdp: &str) -> PeerBody {
    PeerBody::Answer { sdp: sdp.into(), nick: None }
}

fn candidate(text: &str) -> PeerBody {
    PeerBody::Candidate(Candidate { candidate: text.into(), ..Candidate::default() })
}

fn number(link: LinkId) -> u64 {
    link.0 - screen::FIRST_LINK + 1
}

fn link(number: u64) -> LinkId {
    LinkId(screen::FIRST_LINK + number - 1)
}

fn shown(output: ScreenOutput) -> String {
    match output {
        ScreenOutput::Open(link) => {
            assert!(screen::is_screen(link.id) && !link.simulcast && !link.may_send.audio);
            let with = link.participant.expect("in a mesh every link is with somebody");
            let way = match (link.role, link.direction, link.may_send.video) {
                (LinkRole::Offerer, LinkDirection::SendOnly, true) => "to",
                (LinkRole::Answerer, LinkDirection::ReceiveOnly, false) => "from",
                other => panic!("{other:?}"),
            };
            format!("open #{} {way} {with}", number(link.id))
        }
        ScreenOutput::Close(link) => format!("close #{}", number(link)),
        ScreenOutput::Description(link, description) => format!("{} #{}", description.sdp(), number(link)),
        ScreenOutput::Candidate(link, candidate) => format!("{} #{}", candidate.candidate, number(link)),
        ScreenOutput::Send { to, sid, broadcaster, body, request } => {
            assert_eq!(request, None);
            format!("{} to {} sid {sid} of {broadcaster}", body.kind(), to.as_deref().unwrap_or("everyone"))
        }
    }
}

impl End {
    fn new(members: &[&str]) -> Self {
        let mut end = Self { screens: Screens::new("me", "Me", 100), now: Instant::now() };
        assert!(end.members(members).is_empty());
        end
    }

    fn sharing(members: &[&str]) -> Self {
        let mut end = Self::new(members);
        end.screens.share(true, end.now);
        end.done();
        end
    }

    fn done(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.screens.poll_output()).map(shown).collect()
    }

    fn members(&mut self, members: &[&str]) -> Vec<String> {
        self.screens.set_members(members.iter().copied(), self.now);
        self.done()
    }

    fn share(&mut self, sharing: bool) -> Vec<String> {
        self.screens.share(sharing, self.now);
        self.done()
    }

    fn hear(&mut self, from: &str, sid: &str, broadcaster: Option<&str>, body: PeerBody) -> Vec<String> {
        let broadcaster = broadcaster.map(str::to_owned);
        self.screens.handle_message(from, Some(sid.into()), broadcaster, body, self.now);
        self.done()
    }

    fn describe(&mut self, number: u64, description: SessionDescription) -> Vec<String> {
        self.screens.local_description(link(number), description);
        self.done()
    }

    fn wait(&mut self) -> Vec<String> {
        self.now = self.screens.poll_timeout().expect("something is due");
        self.screens.handle_timeout(self.now);
        self.done()
    }
}

fn our_offer() -> SessionDescription {
    SessionDescription::Offer("o".into())
}

#[test]
fn whoever_shares_offers_to_each_and_to_those_who_come_later() {
    let mut end = End::new(&["a", "z", "me"]);
    assert_eq!(end.share(true), ["open #1 to a", "open #2 to z"]);
    assert!(end.share(true).is_empty());
    assert_eq!(end.describe(1, our_offer()), ["offer to a sid 100 of me"]);
    assert_eq!(end.describe(2, our_offer()), ["offer to z sid 101 of me"]);
    assert_eq!(end.hear("a", "100", Some("me"), answer("answer")), ["answer #1"]);
    assert_eq!(end.hear("z", "101", None, answer("answer")), ["answer #2"], "web clients name nobody");
    assert_eq!(end.hear("a", "100", Some("me"), candidate("candidate")), ["candidate #1"]);
    end.screens.local_candidate(link(1), translate::candidate_from_wire(Candidate::default()));
    assert_eq!(end.done(), ["candidate to a sid 100 of me"]);
    assert_eq!(end.members(&["a", "n", "z"]), ["open #3 to n"]);
    assert_eq!(end.members(&["a", "n"]), ["close #2"]);
    let told = ["unshareScreen to a sid  of me", "unshareScreen to n sid  of me", "close #1", "close #3"];
    assert_eq!(end.share(false), told);
    assert!(end.share(false).is_empty() && end.members(&["a", "n", "late"]).is_empty());
    assert_eq!(end.screens.poll_timeout(), None);
    // Shared again, nothing of the first time counts.
    assert_eq!(end.share(true).len(), 3);
    assert!(end.hear("a", "100", Some("me"), answer("late")).is_empty());
}

#[test]
fn an_offer_that_leads_nowhere_is_made_again_some_times() {
    let mut end = End::sharing(&["a"]);
    assert_eq!(end.screens.poll_timeout(), Some(end.now + REOFFER_AFTER));
    assert_eq!(end.wait(), ["close #1", "open #2 to a"]);
    end.describe(2, our_offer());
    assert_eq!(end.hear("a", "101", None, answer("answer")), ["answer #2"]);
    let before = end.now;
    assert_eq!(end.wait(), ["close #2", "open #3 to a"], "no path");
    assert_eq!(end.now - before, CONNECT_LIMIT);
    end.describe(3, our_offer());
    end.hear("a", "102", None, answer("answer"));
    end.screens.link_connected(link(3));
    assert_eq!(end.screens.poll_timeout(), None);
    // Given up by the engine, again and again.
    let opened = (3..100).map_while(|number| {
        end.screens.give_up(link(number), end.now);
        end.done().contains(&format!("open #{} to a", number + 1)).then_some(())
    });
    assert_eq!(opened.count(), 6);
    assert_eq!(end.screens.poll_timeout(), None);
}

#[test]
fn the_sharer_restarts_a_path_on_the_same_connection() {
    let mut end = End::sharing(&["a"]);
    end.describe(1, our_offer());
    end.hear("a", "100", None, answer("answer"));
    end.screens.link_connected(link(1));
    assert!(end.hear("a", "100", None, answer("not asked for")).is_empty());
    assert_eq!(end.describe(1, our_offer()), ["offer to a sid 100 of me"]);
    assert_eq!(end.hear("a", "100", None, answer("again")), ["again #1"]);

    // And so do others: on theirs we wait.
    let mut end = End::new(&["a"]);
    assert_eq!(end.hear("a", "7", Some("a"), offer("first")), ["open #1 from a", "first #1"]);
    let ours = SessionDescription::Answer("mine".into());
    assert_eq!(end.describe(1, ours), ["answer to a sid 7 of a"]);
    end.screens.renew(link(1), end.now);
    assert!(end.done().is_empty());
    assert_eq!(end.hear("a", "7", Some("a"), offer("restart")), ["restart #1"]);
    // A new connection replaces the old one.
    assert_eq!(end.hear("a", "8", Some("a"), offer("new")), ["close #1", "open #2 from a", "new #2"]);
    assert!(end.hear("a", "7", None, candidate("old")).is_empty());
    assert_eq!(end.hear("a", "8", None, candidate("c")), ["c #2"]);
    assert_eq!(end.screens.poll_timeout(), None);
}

#[test]
fn two_share_at_once_and_each_stops_alone() {
    let mut end = End::sharing(&["a", "b"]);
    end.describe(1, our_offer());
    end.describe(2, our_offer());
    assert_eq!(end.hear("a", "7", Some("a"), offer("theirs")), ["open #3 from a", "theirs #3"]);
    assert_eq!(end.hear("a", "100", Some("me"), answer("answer")), ["answer #1"]);
    // The same sid on both ways, as can happen with clocks: whose screen it is tells.
    end.hear("b", "101", Some("b"), offer("theirs"));
    assert_eq!(end.hear("b", "101", Some("me"), candidate("of ours")), ["of ours #2"]);
    assert_eq!(end.hear("b", "101", Some("b"), candidate("of theirs")), ["of theirs #4"]);
    assert_eq!(end.hear("a", "", Some("a"), PeerBody::UnshareScreen), ["close #3"]);
    assert_eq!(end.share(false).last().map(String::as_str), Some("close #2"));
    assert_eq!(end.hear("b", "", None, PeerBody::UnshareScreen), ["close #4"]);
    // Shared again by the same person.
    assert_eq!(end.hear("a", "9", Some("a"), offer("again")), ["open #5 from a", "again #5"]);
    assert_eq!(end.members(&["b"]), ["close #5"], "they left");
}

#[test]
fn nobody_has_a_say_about_the_screen_of_another() {
    let mut end = End::new(&["a", "mallory"]);
    end.hear("a", "7", Some("a"), offer("theirs"));
    for broadcaster in ["a", "me", "nobody"] {
        assert!(end.hear("mallory", "7", Some(broadcaster), PeerBody::UnshareScreen).is_empty());
        assert!(end.hear("mallory", "7", Some(broadcaster), offer("forged")).is_empty());
        assert!(end.hear("mallory", "7", Some(broadcaster), candidate("forged")).is_empty());
    }
    assert!(end.hear("mallory", "7", None, PeerBody::UnshareScreen).is_empty());
    assert!(end.hear("mallory", "7", None, answer("to nothing")).is_empty());
    // Our own screen is not theirs to end either, nor to answer for somebody else.
    let mut end = End::sharing(&["a", "mallory"]);
    end.describe(1, our_offer());
    assert!(end.hear("mallory", "100", Some("me"), answer("forged")).is_empty());
    assert!(end.hear("mallory", "100", Some("me"), PeerBody::UnshareScreen).is_empty());
    assert!(end.hear("me", "100", None, PeerBody::UnshareScreen).is_empty());
    assert_eq!(end.hear("a", "100", Some("me"), answer("answer")), ["answer #1"]);
}

#[test]
fn offers_of_strangers_wait_for_a_while_and_are_bounded() {
    let mut end = End::new(&[]);
    assert!(end.hear("a", "7", Some("a"), offer("early")).is_empty());
    assert!(end.hear("a", "7", None, candidate("early candidate")).is_empty());
    assert_eq!(end.members(&["a"]), ["open #1 from a", "early #1", "early candidate #1"]);
    // Stopped before they were seen, or never seen.
    end.hear("b", "7", Some("b"), offer("early"));
    end.hear("b", "7", Some("b"), PeerBody::UnshareScreen);
    end.hear("c", "7", Some("c"), offer("early"));
    assert!(end.members(&["a", "b"]).is_empty());
    assert!(end.wait().is_empty());
    assert!(end.members(&["a", "b", "c"]).is_empty());
    for n in 0..1000 {
        for _ in 0..20 {
            end.hear(&format!("x{n}"), "7", None, offer(&"s".repeat(60_000)));
        }
    }
    let crowd: Vec<String> = (0..1000).map(|n| format!("x{n}")).collect();
    let crowd: Vec<&str> = crowd.iter().map(String::as_str).collect();
    let opened = end.members(&crowd).iter().filter(|done| done.starts_with("open")).count();
    assert!((1..=20).contains(&opened), "{opened}");
}

#[test]
fn floods_and_oversize_are_bounded() {
    let mut end = End::new(&["a"]);
    assert!(end.hear("a", "7", None, offer(&"x".repeat(MAX_SDP_BYTES + 1))).is_empty());
    assert!(end.hear("a", &"7".repeat(1000), None, offer("x")).is_empty());
    let mut opened = 0;
    for sid in 0..1000 {
        let done = end.hear("a", &sid.to_string(), None, offer("x"));
        opened += done.iter().filter(|done| done.starts_with("open")).count();
        // Ending it in between buys nothing.
        end.hear("a", "", None, PeerBody::UnshareScreen);
    }
    assert_eq!(opened, 20);
    end.now += Duration::from_secs(60);
    end.hear("a", "s", None, offer("x"));
    let taken: usize = (0..10_000).map(|_| end.hear("a", "s", None, candidate("c")).len()).sum();
    assert_eq!(taken, MAX_CANDIDATES as usize);
    assert!(end.hear("a", "s", None, candidate(&"c".repeat(MAX_CANDIDATE_BYTES + 1))).is_empty());
    let crowd: Vec<String> = (0..5000).map(|n| n.to_string()).collect();
    let crowd: Vec<&str> = crowd.iter().map(String::as_str).collect();
    end.members(&crowd);
    assert_eq!(end.share(true).len(), MAX_PARTICIPANTS);
}

#[test]
fn in_a_new_session_of_ours_it_is_shared_again() {
    let mut end = End::sharing(&["a"]);
    end.hear("a", "7", Some("a"), offer("theirs"));
    end.screens.rejoin("me2");
    assert_eq!(end.done(), ["close #1", "close #2"]);
    assert_eq!(end.members(&["a"]), ["open #3 to a"]);
    assert_eq!(end.describe(3, our_offer()), ["offer to a sid 101 of me2"]);
    // Links of before are nobody's.
    assert!(end.describe(1, our_offer()).is_empty());
    end.screens.local_candidate(link(2), translate::candidate_from_wire(Candidate::default()));
    end.screens.give_up(link(1), end.now);
    assert!(end.done().is_empty());
    assert_eq!(
        screen::link(link(1), None, LinkRole::Answerer, LinkDirection::ReceiveOnly).may_send,
        MediaKinds::NONE
    );
}
