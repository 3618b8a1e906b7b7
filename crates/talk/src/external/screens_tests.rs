//! Publishing and receiving screens on a virtual clock.

use super::*;
use crate::external::mcu::MAX_CANDIDATES;

struct Bench {
    screens: ServedScreens,
    now: Instant,
}

/// What was done, one line each, and the numbers of messages whose refusal is of interest.
type Done = (Vec<String>, Vec<u64>);

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

impl Bench {
    fn new(members: &[&str]) -> Self {
        let mut bench = Self { screens: ServedScreens::new("me", "Me", 100), now: Instant::now() };
        assert!(bench.members(members).is_empty());
        bench
    }

    /// Publishes, on link `#1`.
    fn sharing(members: &[&str]) -> Self {
        let mut bench = Self::new(members);
        assert_eq!(bench.share(true), ["open #1"]);
        bench.publish(1);
        bench
    }

    /// Plays the media engine's offer on a publishing link, the server's answer, and a path; yields what followed.
    fn publish(&mut self, number: u64) -> Vec<String> {
        let sid = self.offer(number);
        assert_eq!(self.hear("me", &sid, answer("answer")), [format!("answer #{number}")]);
        self.connect(number);
        self.done().0
    }

    fn offer(&mut self, number: u64) -> String {
        self.screens.local_description(link(number), SessionDescription::Offer("o".into()), self.now);
        let (done, requests) = self.done();
        assert_eq!(requests.len(), 1);
        let [offer] = done.as_slice() else { panic!("{done:?}") };
        let sid = offer.strip_prefix("offer to me sid ").and_then(|rest| rest.strip_suffix(" of me"));
        sid.unwrap_or_else(|| panic!("{offer}")).to_owned()
    }

    fn connect(&mut self, number: u64) -> Option<String> {
        self.screens.link_connected(link(number))
    }

    fn done(&mut self) -> Done {
        let mut requests = Vec::new();
        let shown = |output| match output {
            ScreenOutput::Open(link) => {
                let role = match link.direction {
                    LinkDirection::SendOnly => LinkRole::Offerer,
                    LinkDirection::ReceiveOnly | LinkDirection::SendReceive => LinkRole::Answerer,
                };
                assert_eq!(link.role, role);
                let from = link.participant.map(|from| format!(" from {from}")).unwrap_or_default();
                format!("open #{}{from}", number(link.id))
            }
            ScreenOutput::Close(link) => format!("close #{}", number(link)),
            ScreenOutput::Description(link, description) => {
                format!("{} #{}", description.sdp(), number(link))
            }
            ScreenOutput::Candidate(link, candidate) => format!("{} #{}", candidate.candidate, number(link)),
            ScreenOutput::Send { to, sid, broadcaster, body, request } => {
                requests.extend(request);
                let to = to.as_deref().unwrap_or("everyone");
                format!("{} to {to} sid {sid} of {broadcaster}", body.kind())
            }
        };
        let done = std::iter::from_fn(|| self.screens.poll_output()).map(shown).collect();
        (done, requests)
    }

    fn members(&mut self, members: &[&str]) -> Vec<String> {
        self.screens.set_members(members.iter().copied(), self.now);
        self.done().0
    }

    fn share(&mut self, sharing: bool) -> Vec<String> {
        self.screens.share(sharing, self.now);
        self.done().0
    }

    fn hear(&mut self, from: &str, sid: &str, body: PeerBody) -> Vec<String> {
        self.screens.handle_message(from, Some(sid.into()), None, body, self.now);
        self.done().0
    }

    fn refuse(&mut self, request: u64) -> Vec<String> {
        self.screens.refused(request, self.now);
        self.done().0
    }

    /// Lets time pass until the next thing is due.
    fn wait(&mut self) -> Done {
        self.now = self.screens.poll_timeout().expect("something is due");
        self.screens.handle_timeout(self.now);
        self.done()
    }
}

const OURS_ENDS: &str = "unshareScreen to me sid  of me";

#[test]
fn a_screen_is_published_once_and_offered_to_each() {
    let mut bench = Bench::new(&["a", "b"]);
    assert_eq!(bench.share(true), ["open #1"]);
    assert!(bench.share(true).is_empty());
    // Whoever comes before it is there is offered it with the others.
    assert!(bench.members(&["a", "b", "c"]).is_empty());
    let invited: Vec<String> = ["a", "b", "c"].map(|to| format!("sendoffer to {to} sid  of me")).into();
    assert_eq!(bench.publish(1), invited);
    bench.connect(1);
    assert!(bench.done().0.is_empty(), "once");
    assert_eq!(bench.members(&["b", "c", "late"]), ["sendoffer to late sid  of me"]);
    assert_eq!(bench.members(&["late"]), Vec::<String>::new());
    bench.screens.local_candidate(link(1), translate::candidate_from_wire(Candidate::default()));
    assert_eq!(bench.done().0, ["candidate to me sid 100 of me"]);
    assert_eq!(bench.hear("me", "100", candidate("theirs")), ["theirs #1"]);
    // The end is told to everyone, and to the server, which has to forget it.
    assert_eq!(bench.share(false), ["unshareScreen to everyone sid  of me", OURS_ENDS, "close #1"]);
    assert!(bench.share(false).is_empty() && bench.members(&["late", "later"]).is_empty());
    assert_eq!(bench.screens.poll_timeout(), None);
    // Shared again at once, it waits until the server has forgotten.
    assert!(bench.share(true).is_empty());
    let before = bench.now;
    assert_eq!(bench.wait().0, ["open #2"]);
    assert_eq!(bench.now - before, REST);
    assert_eq!(bench.offer(2), "101");
}

#[test]
fn nobody_there_means_nothing_to_publish_and_alone_for_a_while_changes_nothing() {
    let mut bench = Bench::new(&[]);
    assert!(bench.share(true).is_empty());
    assert_eq!(bench.members(&["a"]), ["open #1"]);
    bench.publish(1);
    assert!(bench.members(&[]).is_empty());
    assert_eq!(bench.members(&["b"]), ["sendoffer to b sid  of me"]);
    // Taken back before it was answered, it is told all the same: someone may have seen it before.
    let mut bench = Bench::new(&["a"]);
    bench.share(true);
    assert_eq!(bench.share(false).len(), 3);
}

#[test]
fn what_was_lost_or_refused_is_published_anew_and_offered_anew() {
    let mut bench = Bench::sharing(&["a"]);
    bench.screens.renew(link(1), bench.now);
    assert_eq!(bench.done().0, [OURS_ENDS, "close #1"]);
    let before = bench.now;
    assert_eq!(bench.wait().0, ["open #2"]);
    assert!(bench.now - before >= REST);
    assert_eq!(bench.publish(2), ["sendoffer to a sid  of me"]);
    // Refused; not answered; answered under an earlier name; without a path: likewise.
    bench.screens.renew(link(2), bench.now);
    bench.done();
    bench.wait();
    bench.screens.local_description(link(3), SessionDescription::Offer("o".into()), bench.now);
    let request = bench.done().1[0];
    assert_eq!(bench.refuse(request), [OURS_ENDS, "close #3"]);
    bench.wait();
    bench.offer(4);
    let before = bench.now;
    assert_eq!(bench.wait().0, [OURS_ENDS, "close #4"]);
    assert_eq!(bench.now - before, ANSWER_LIMIT);
    bench.wait();
    bench.offer(5);
    assert_eq!(bench.hear("me", "100", answer("of an earlier one")), [OURS_ENDS, "close #5"]);
    bench.wait();
    let sid = bench.offer(6);
    bench.hear("me", &sid, answer("answer"));
    assert_eq!(bench.wait().0, [OURS_ENDS, "close #6"], "no path");
    // Stopped while it rests: those who saw it are told.
    assert_eq!(bench.share(false), ["unshareScreen to everyone sid  of me"]);
    assert_eq!(bench.screens.poll_timeout(), None);
}

#[test]
fn an_offer_the_server_could_not_make_is_asked_for_again_some_times() {
    let mut bench = Bench::new(&["a"]);
    bench.share(true);
    let sid = bench.offer(1);
    bench.hear("me", &sid, answer("answer"));
    bench.connect(1);
    let mut request = bench.done().1[0];
    let mut asked = 1;
    loop {
        assert!(bench.refuse(request).is_empty());
        if bench.screens.poll_timeout().is_none() {
            break;
        }
        let (done, requests) = bench.wait();
        assert_eq!(done, ["sendoffer to a sid  of me"]);
        (request, asked) = (requests[0], asked + 1);
    }
    assert_eq!(asked, MAX_TRIES);
    assert!(bench.refuse(request).is_empty() && bench.refuse(999).is_empty());
}

#[test]
fn a_screen_comes_by_itself_and_goes_when_told() {
    let mut bench = Bench::new(&["a", "b"]);
    assert!(bench.hear("a", "s1", candidate("early")).is_empty());
    assert_eq!(bench.hear("a", "s1", offer("offer")), ["open #1 from a", "offer #1", "early #1"]);
    bench.screens.local_description(link(1), SessionDescription::Answer("mine".into()), bench.now);
    assert_eq!(bench.done().0, ["answer to a sid s1 of a"]);
    assert_eq!(bench.connect(1).as_deref(), Some("a"));
    assert_eq!(bench.hear("b", "s2", offer("offer")), ["open #2 from b", "offer #2"]);
    assert_eq!(bench.connect(2).as_deref(), Some("b"));
    assert_eq!(bench.hear("a", "s1", offer("changed")), ["changed #1"]);
    // Published anew by them: the new one takes its place.
    assert_eq!(bench.hear("a", "s3", offer("new")), ["close #1", "open #3 from a", "new #3"]);
    assert_eq!(bench.hear("a", "", PeerBody::UnshareScreen), ["close #3"]);
    assert_eq!(bench.members(&["a"]), ["close #2"]);
    assert_eq!(bench.hear("a", "s4", offer("again")), ["open #4 from a", "again #4"]);
}

#[test]
fn a_lost_screen_is_asked_for_until_it_seems_to_be_gone() {
    let mut bench = Bench::new(&["a"]);
    bench.hear("a", "s1", offer("offer"));
    bench.connect(1);
    bench.screens.renew(link(1), bench.now);
    assert_eq!(bench.done().0, ["close #1"]);
    let (done, requests) = bench.wait();
    assert_eq!(done, ["requestoffer to a sid  of a"]);
    bench.refuse(requests[0]);
    assert_eq!(bench.wait().0, ["requestoffer to a sid  of a"]);
    assert_eq!(bench.hear("a", "s2", offer("offer")), ["open #2 from a", "offer #2"]);
    bench.connect(2);
    bench.screens.renew(link(2), bench.now);
    bench.done();
    let mut asked = 0;
    while bench.screens.poll_timeout().is_some() {
        asked += bench.wait().0.iter().filter(|done| done.starts_with("requestoffer")).count();
    }
    assert_eq!(asked, MAX_TRIES as usize);
    // An answer that was refused is as good as a lost path.
    bench.hear("a", "s3", offer("offer"));
    bench.screens.local_description(link(3), SessionDescription::Answer("mine".into()), bench.now);
    let answer = bench.done().1[0];
    assert_eq!(bench.refuse(answer), ["close #3"]);
}

#[test]
fn whoever_is_not_seen_yet_may_share_already() {
    let mut bench = Bench::new(&[]);
    assert!(bench.hear("a", "s1", offer("early")).is_empty());
    assert!(bench.hear("b", "s2", offer("early")).is_empty());
    bench.hear("b", "", PeerBody::UnshareScreen);
    assert_eq!(bench.members(&["a", "b"]), ["open #1 from a", "early #1"]);
    bench.hear("c", "s3", offer("early"));
    bench.connect(1);
    bench.wait();
    assert!(bench.members(&["a", "b", "c"]).is_empty(), "too old");
}

#[test]
fn floods_forgeries_and_bombs_change_nothing() {
    let mut bench = Bench::sharing(&["a", "mallory"]);
    bench.hear("a", "s1", offer("offer"));
    let forged = |bench: &mut Bench, broadcaster: &str, body| {
        let broadcaster = Some(broadcaster.to_owned());
        bench.screens.handle_message("mallory", Some("s1".into()), broadcaster, body, bench.now);
        bench.done().0
    };
    for broadcaster in ["a", "me"] {
        assert!(forged(&mut bench, broadcaster, PeerBody::UnshareScreen).is_empty());
        assert!(forged(&mut bench, broadcaster, offer("forged")).is_empty());
    }
    assert!(bench.hear("mallory", "", PeerBody::UnshareScreen).is_empty());
    assert!(bench.hear("mallory", "100", answer("forged")).is_empty());
    assert!(bench.hear("me", "100", offer("to ourselves")).is_empty());
    let bomb = "x".repeat(bellbird_talk_wire::constants::MAX_SDP_BYTES + 1);
    assert!(bench.hear("a", "s9", offer(&bomb)).is_empty());
    let mut opened = 0;
    for n in 0..5000 {
        let sid = format!("f{n}");
        opened +=
            bench.hear("mallory", &sid, offer("x")).iter().filter(|done| done.starts_with("open")).count();
        bench.hear("mallory", "", PeerBody::UnshareScreen);
        bench.hear(&sid, &sid, offer("x"));
        bench.hear("stranger", &sid, candidate("c"));
        bench.hear("a", "s1", candidate("c"));
    }
    assert!((1..=20).contains(&opened), "{opened}");
    let more = bench.hear("a", "s1", candidate("c"));
    assert!(more.is_empty(), "no more than {MAX_CANDIDATES}");
    let crowd: Vec<String> = (0..5000).map(|n| n.to_string()).collect();
    let crowd: Vec<&str> = crowd.iter().map(String::as_str).collect();
    let invited = bench.members(&crowd).iter().filter(|done| done.starts_with("sendoffer")).count();
    assert_eq!(invited, MAX_PARTICIPANTS);
}

#[test]
fn in_a_new_session_of_ours_it_is_published_again() {
    let mut bench = Bench::sharing(&["a"]);
    bench.hear("a", "s1", offer("offer"));
    bench.screens.rejoin("me2", bench.now);
    let gone = bench.done().0;
    assert!(gone.contains(&"close #1".to_owned()) && gone.contains(&"close #2".to_owned()), "{gone:?}");
    assert_eq!(bench.members(&["a"]), ["open #3"]);
    bench.screens.local_description(link(3), SessionDescription::Offer("o".into()), bench.now);
    assert_eq!(bench.done().0, ["offer to me2 sid 101 of me2"]);
    assert!(bench.hear("me2", "100", answer("of the session before")).len() == 2);
}
