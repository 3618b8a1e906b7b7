//! Publishing and receiving on a virtual clock.

use super::*;

const S: fn(u64) -> Duration = Duration::from_secs;

struct Bench {
    mcu: Mcu,
    now: Instant,
    done: Vec<McuOutput>,
}

fn offer(sdp: &str) -> PeerBody {
    PeerBody::Offer { sdp: sdp.into(), nick: None }
}

fn answer(sdp: &str) -> PeerBody {
    PeerBody::Answer { sdp: sdp.into(), nick: None }
}

fn candidate(text: &str) -> PeerBody {
    PeerBody::Candidate(Candidate {
        candidate: text.into(),
        sdp_mid: Some(String::new()),
        sdp_mline_index: Some(0),
    })
}

impl Bench {
    fn new(own_streams: bool) -> Self {
        Self { mcu: Mcu::new("me", "Me", own_streams, 100), now: Instant::now(), done: Vec::new() }
    }

    fn members(&mut self, members: &[(&str, bool)]) -> Vec<McuOutput> {
        let members: Vec<Member> = members
            .iter()
            .map(|(session, has_streams)| Member { session: (*session).into(), has_streams: *has_streams })
            .collect();
        self.mcu.set_members(&members, self.now);
        self.drain()
    }

    fn hear(&mut self, from: &str, sid: &str, body: PeerBody) -> Vec<McuOutput> {
        self.mcu.handle_message(from, Some(sid.into()), body, self.now);
        self.drain()
    }

    fn drain(&mut self) -> Vec<McuOutput> {
        let done: Vec<_> = std::iter::from_fn(|| self.mcu.poll_output()).collect();
        self.done.extend(done.iter().cloned());
        done
    }

    /// Lets time pass until the next thing is due, and yields what was done then.
    fn wait(&mut self) -> Vec<McuOutput> {
        self.now = self.mcu.poll_timeout().expect("something is due");
        self.mcu.handle_timeout(self.now);
        self.drain()
    }

    /// Plays the media engine's offer on the publishing link; yields sid and number of the message.
    fn publish(&mut self, link: LinkId) -> (String, u64) {
        self.mcu.local_description(link, SessionDescription::Offer("v=0 mine".into()), self.now);
        match self.drain().as_slice() {
            [(MeshOutput::Send { to, sid, body: PeerBody::Offer { .. } }, Some(request))] if to == "me" => {
                (sid.clone(), *request)
            }
            _ => panic!("no offer to ourselves"),
        }
    }
}

fn opened(outputs: &[McuOutput]) -> Vec<Link> {
    let opened = |(output, _): &McuOutput| match output {
        MeshOutput::Open(link) => Some(link.clone()),
        MeshOutput::Close(_)
        | MeshOutput::Description(..)
        | MeshOutput::Candidate(..)
        | MeshOutput::Send { .. } => None,
    };
    outputs.iter().filter_map(opened).collect()
}

fn requests(outputs: &[McuOutput]) -> Vec<(String, u64)> {
    let asked = |(output, request): &McuOutput| match output {
        MeshOutput::Send { to, body: PeerBody::RequestOffer, .. } => Some((to.clone(), (*request)?)),
        _ => None,
    };
    outputs.iter().filter_map(asked).collect()
}

fn closed(outputs: &[McuOutput]) -> Vec<LinkId> {
    let closed = |(output, _): &McuOutput| match output {
        MeshOutput::Close(link) => Some(*link),
        _ => None,
    };
    outputs.iter().filter_map(closed).collect()
}

fn has_candidate(outputs: &[McuOutput], expected: LinkId) -> bool {
    outputs.iter().any(|(output, _)| matches!(output, MeshOutput::Candidate(link, _) if *link == expected))
}

#[test]
fn we_publish_once_however_many_there_are() {
    let mut bench = Bench::new(true);
    assert!(bench.members(&[]).is_empty(), "nobody is there to hear it");
    let done = bench.members(&[("a", false), ("b", true)]);
    let links = opened(&done);
    assert_eq!(links.len(), 1);
    assert_eq!((links[0].participant.clone(), links[0].direction), (None, LinkDirection::SendOnly));
    assert_eq!(links[0].role, LinkRole::Offerer);
    assert!(opened(&bench.members(&[("a", false), ("b", true), ("c", true)])).is_empty());
    let (sid, _) = bench.publish(links[0].id);
    assert_eq!(sid, "100");
    assert!(bench.hear("a", "100", answer("v=0 forged")).is_empty(), "only the server answers");
    assert!(bench.hear("me", "99", answer("v=0 of an earlier one")).is_empty());
    let done = bench.hear("me", "100", answer("v=0 theirs"));
    assert!(matches!(done.as_slice(), [(MeshOutput::Description(link, _), None)] if *link == links[0].id));
    assert!(has_candidate(&bench.hear("me", "100", candidate("c")), links[0].id));
    assert_eq!(bench.mcu.link_connected(links[0].id, bench.now), Some(LinkOwner::Ourselves));
    assert_eq!(bench.mcu.publisher_link(), Some(links[0].id));
    // Alone for a while: what is published stays.
    assert!(bench.members(&[]).is_empty());
}

#[test]
fn listeners_publish_nothing_and_hear_all_the_same() {
    let mut bench = Bench::new(false);
    let done = bench.members(&[("a", true), ("b", false)]);
    assert!(opened(&done).is_empty());
    assert_eq!(requests(&done).iter().map(|(to, _)| to.as_str()).collect::<Vec<_>>(), ["a"]);
    let done = bench.hear("a", "s1", offer("v=0"));
    let link = opened(&done).remove(0);
    assert_eq!((link.direction, link.role), (LinkDirection::ReceiveOnly, LinkRole::Answerer));
    assert_eq!(link.participant, Some(ParticipantId::new("a")));
    bench.mcu.local_description(link.id, SessionDescription::Answer("v=0 mine".into()), bench.now);
    let done = bench.drain();
    assert!(matches!(&done[0], (MeshOutput::Send { to, sid, body: PeerBody::Answer { .. } }, Some(_))
        if to == "a" && sid == "s1"));
    assert_eq!(bench.mcu.link_connected(link.id, bench.now), Some(LinkOwner::Session("a".into())));
    assert!(closed(&bench.members(&[("b", false)])) == [link.id]);
}

#[test]
fn candidates_may_come_first() {
    let mut bench = Bench::new(false);
    bench.members(&[("a", true)]);
    assert!(bench.hear("a", "s1", candidate("one")).is_empty());
    assert!(bench.hear("a", "other", candidate("two")).is_empty());
    let done = bench.hear("a", "s1", offer("v=0"));
    let link = opened(&done).remove(0).id;
    let taken = done.iter().filter(|(output, _)| matches!(output, MeshOutput::Candidate(..))).count();
    assert!(taken == 1 && has_candidate(&done, link));
    // What belongs to nothing is dropped in the end.
    bench.mcu.link_connected(link, bench.now);
    assert!(bench.wait().is_empty());
    assert_eq!(bench.mcu.poll_timeout(), None);
}

#[test]
fn a_refused_request_is_made_again_less_and_less_often() {
    let mut bench = Bench::new(false);
    let mut request = requests(&bench.members(&[("a", true)])).remove(0).1;
    let mut pauses = Vec::new();
    for _ in 0..7 {
        let before = bench.now;
        bench.mcu.refused(request, "not_allowed", bench.now);
        assert!(bench.drain().is_empty());
        request = requests(&bench.wait()).remove(0).1;
        pauses.push((bench.now - before).as_millis());
    }
    assert_eq!(pauses, [500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
    // Silence counts as a refusal.
    let before = bench.now;
    assert!(bench.wait().is_empty());
    assert_eq!(bench.now - before, OFFER_LIMIT);
    assert_eq!(requests(&bench.wait()).len(), 1);
    bench.mcu.refused(999_999, "not_allowed", bench.now);
    assert!(bench.drain().is_empty());
}

#[test]
fn what_we_publish_is_made_anew_under_another_name_after_a_rest() {
    let mut bench = Bench::new(true);
    let first = opened(&bench.members(&[("a", false)])).remove(0).id;
    let (sid, _) = bench.publish(first);
    bench.hear("me", &sid, answer("v=0"));
    bench.mcu.link_connected(first, bench.now);
    assert_eq!(bench.mcu.poll_timeout(), None);
    bench.mcu.renew(first, bench.now);
    assert_eq!(closed(&bench.drain()), [first]);
    let before = bench.now;
    let second = opened(&bench.wait()).remove(0).id;
    assert!(bench.now - before >= S(1) && second != first);
    let (next_sid, request) = bench.publish(second);
    assert_ne!(next_sid, sid);
    // Refused, or not answered: likewise.
    bench.mcu.refused(request, "not_allowed", bench.now);
    assert_eq!(closed(&bench.drain()), [second]);
    let third = opened(&bench.wait()).remove(0).id;
    bench.publish(third);
    let before = bench.now;
    assert_eq!(closed(&bench.wait()), [third]);
    assert_eq!(bench.now - before, ANSWER_LIMIT);
    let fourth = opened(&bench.wait()).remove(0).id;
    let (sid, _) = bench.publish(fourth);
    bench.hear("me", &sid, answer("v=0"));
    // A second offer on the same connection is a wish for another.
    bench.mcu.local_description(fourth, SessionDescription::Offer("v=0 restart".into()), bench.now);
    assert_eq!(closed(&bench.drain()), [fourth]);
}

#[test]
fn a_server_that_answers_under_an_earlier_sid_needs_a_new_session() {
    let mut bench = Bench::new(true);
    let first = opened(&bench.members(&[("a", false)])).remove(0).id;
    let (old_sid, _) = bench.publish(first);
    bench.hear("me", &old_sid, answer("v=0"));
    bench.mcu.link_connected(first, bench.now);
    bench.mcu.renew(first, bench.now);
    let second = opened(&bench.wait()).remove(0).id;
    // Before there is an offer of ours, an answer is to nothing; and only our own sids count.
    assert!(bench.hear("me", &old_sid, answer("v=0")).is_empty());
    bench.publish(second);
    assert!(bench.hear("me", "99", answer("v=0")).is_empty());
    assert!(!bench.mcu.take_stale());
    assert_eq!(closed(&bench.hear("me", &old_sid, answer("v=0"))), [second]);
    assert!(bench.mcu.take_stale() && !bench.mcu.take_stale());
    // In the new session, the sids of the old one are nobody's.
    bench.mcu.rejoin("me2", bench.now);
    let third = opened(&bench.members(&[("a", false)])).remove(0).id;
    bench.mcu.local_description(third, SessionDescription::Offer("v=0".into()), bench.now);
    bench.drain();
    assert!(bench.hear("me2", &old_sid, answer("v=0")).is_empty());
    assert!(!bench.mcu.take_stale());
}

#[test]
fn a_server_that_lost_what_we_publish_gets_it_once_more() {
    let mut bench = Bench::new(true);
    let ours = opened(&bench.members(&[("a", true)])).remove(0).id;
    let (sid, _) = bench.publish(ours);
    bench.hear("me", &sid, answer("v=0"));
    bench.mcu.link_connected(ours, bench.now);
    let mut links = vec![ours];
    let mut refuse = |bench: &mut Bench, rounds: u32| {
        for _ in 0..rounds {
            let done = bench.wait();
            if let Some(link) = opened(&done).pop() {
                let (sid, _) = bench.publish(link.id);
                bench.hear("me", &sid, answer("v=0"));
                bench.mcu.link_connected(link.id, bench.now);
                links.push(link.id);
            }
            if let Some((_, number)) = requests(&done).pop() {
                bench.mcu.refused(number, "client_not_found", bench.now);
                bench.drain();
            }
        }
        links.len()
    };
    // Someone who says that they send and does not is no reason for it.
    assert_eq!(refuse(&mut bench, 20), 1);
    bench.mcu.renew(ours, bench.now);
    bench.drain();
    assert_eq!(refuse(&mut bench, 200), 2 + MAX_DOUBTS as usize, "not without end");
}

#[test]
fn whoever_may_not_speak_any_more_still_hears() {
    let mut bench = Bench::new(true);
    let done = bench.members(&[("a", true)]);
    let ours = opened(&done).remove(0).id;
    let theirs = opened(&bench.hear("a", "s1", offer("v=0"))).remove(0).id;
    bench.mcu.link_connected(theirs, bench.now);
    bench.mcu.set_own_streams(false, bench.now);
    assert_eq!(closed(&bench.drain()), [ours]);
    // Given back at once: the server first has to forget.
    bench.mcu.set_own_streams(true, bench.now);
    assert!(bench.drain().is_empty());
    assert_eq!(opened(&bench.wait()).len(), 1);
}

#[test]
fn a_lost_path_from_someone_is_asked_for_again() {
    let mut bench = Bench::new(false);
    bench.members(&[("a", true)]);
    let link = opened(&bench.hear("a", "s1", offer("v=0"))).remove(0).id;
    bench.mcu.link_connected(link, bench.now);
    bench.mcu.renew(link, bench.now);
    assert_eq!(closed(&bench.drain()), [link]);
    assert_eq!(requests(&bench.wait()).len(), 1);
    let again = opened(&bench.hear("a", "s2", offer("v=0"))).remove(0).id;
    assert_ne!(again, link);
    // They came back under the same session: heard anew.
    assert_eq!(closed(&bench.members(&[])), [again]);
    assert_eq!(requests(&bench.members(&[("a", true)])).len(), 1);
    // Switched their microphone on later.
    bench.members(&[("a", true), ("b", false)]);
    assert_eq!(requests(&bench.members(&[("a", true), ("b", true)]))[0].0, "b");
}

#[test]
fn the_same_connection_may_be_offered_anew_but_not_without_end() {
    let mut bench = Bench::new(false);
    bench.members(&[("a", true)]);
    let link = opened(&bench.hear("a", "s1", offer("v=0"))).remove(0).id;
    let mut taken = 0;
    for _ in 0..1000 {
        taken += bench.hear("a", "s1", offer("v=0 more")).len();
    }
    assert!((1..100).contains(&taken), "{taken}");
    assert_eq!(bench.mcu.session_of(link), Some("a"));
}

#[test]
fn floods_forgeries_and_bombs_change_nothing() {
    let mut bench = Bench::new(true);
    let done = bench.members(&[("a", true), ("b", true)]);
    let ours = opened(&done).remove(0).id;
    let link = opened(&bench.hear("a", "s1", offer("v=0"))).remove(0).id;
    let before = bench.done.len();
    for n in 0..10_000_u32 {
        bench.hear("stranger", "s1", offer("v=0"));
        bench.hear("stranger", &n.to_string(), candidate("c"));
        bench.hear("b", &n.to_string(), candidate("c"));
        bench.hear("me", "100", offer("v=0"));
        bench.hear("a", &n.to_string(), answer("v=0"));
        bench.hear("b", "s", offer(&"x".repeat(if n == 0 { MAX_SDP_BYTES + 1 } else { 0 })));
        if n == 0 {
            // The first was a bomb and not taken; the second is the offer asked for.
            assert_eq!(bench.done.len(), before);
        }
    }
    let candidates = bench.done.len() - before;
    assert!(candidates <= MAX_CANDIDATES as usize + 64, "{candidates}");
    for _ in 0..10_000 {
        bench.hear("a", "s1", candidate("c"));
    }
    let of_link =
        bench.done.iter().filter(|(output, _)| matches!(output, MeshOutput::Candidate(id, _) if *id == link));
    assert!(of_link.count() <= MAX_CANDIDATES as usize);
    assert_eq!((bench.mcu.session_of(link), bench.mcu.publisher_link()), (Some("a"), Some(ours)));
    let crowd: Vec<(String, bool)> = (0..5000).map(|n| (n.to_string(), true)).collect();
    let crowd: Vec<(&str, bool)> = crowd.iter().map(|(session, sends)| (session.as_str(), *sends)).collect();
    assert!(requests(&bench.members(&crowd)).len() <= MAX_PARTICIPANTS);
}

#[test]
fn after_a_new_session_everything_is_made_anew() {
    let mut bench = Bench::new(true);
    let done = bench.members(&[("a", true)]);
    let ours = opened(&done).remove(0).id;
    let theirs = opened(&bench.hear("a", "s1", offer("v=0"))).remove(0).id;
    bench.mcu.rejoin("me2", bench.now);
    let mut gone = closed(&bench.drain());
    gone.sort();
    assert_eq!(gone, [ours, theirs]);
    let done = bench.members(&[("a2", true)]);
    let link = opened(&done).remove(0).id;
    assert!(link > theirs && requests(&done)[0].0 == "a2");
    bench.mcu.local_description(link, SessionDescription::Offer("v=0".into()), bench.now);
    assert!(matches!(&bench.drain()[0], (MeshOutput::Send { to, .. }, _) if to == "me2"));
}

#[test]
fn media_go_on_over_the_links_of_the_session_before_until_others_take_their_place() {
    let mut bench = Bench::new(true);
    let ours = opened(&bench.members(&[("a", true), ("b", true), ("c", true)])).remove(0).id;
    let (sid, _) = bench.publish(ours);
    bench.hear("me", &sid, answer("v=0"));
    bench.mcu.link_connected(ours, bench.now);
    let receive = |bench: &mut Bench, from: &str| {
        let link = opened(&bench.hear(from, "s", offer("v=0"))).remove(0).id;
        bench.mcu.link_connected(link, bench.now);
        (link, closed(&bench.drain()))
    };
    let [(a, _), (b, _), (c, _)] = ["a", "b", "c"].map(|from| receive(&mut bench, from));
    bench.mcu.rejoin("me2", bench.now);
    assert_eq!(closed(&bench.drain()), [], "all of them still carry media");
    // One whose session outlived ours, and one who came back as another.
    let again = opened(&bench.members(&[("a", true), ("b2", true)])).remove(0).id;
    assert_eq!(receive(&mut bench, "a").1, [a]);
    assert_eq!(receive(&mut bench, "b2").1, []);
    bench.mcu.forget("b");
    assert_eq!(closed(&bench.drain()), [b]);
    // A lost one is not made anew.
    bench.mcu.renew(c, bench.now);
    assert_eq!(closed(&bench.drain()), [c]);
    // What we published goes when the others had time to change over to what we publish now.
    bench.mcu.local_description(again, SessionDescription::Offer("v=0".into()), bench.now);
    bench.drain();
    bench.hear("me2", "101", answer("v=0"));
    bench.mcu.link_connected(again, bench.now);
    assert_eq!(closed(&bench.drain()), []);
    assert_eq!(closed(&bench.wait()), [ours]);
    assert_eq!(bench.mcu.poll_timeout(), None);
}

#[test]
fn links_of_the_session_before_do_not_stay_forever() {
    let mut bench = Bench::new(false);
    bench.members(&[("a", true)]);
    let link = opened(&bench.hear("a", "s", offer("v=0"))).remove(0).id;
    bench.mcu.link_connected(link, bench.now);
    bench.mcu.rejoin("me2", bench.now);
    assert_eq!(closed(&bench.wait()), [link]);
    // Nor when we leave for good.
    bench.members(&[("a", true)]);
    let link = opened(&bench.hear("a", "s", offer("v=0"))).remove(0).id;
    bench.mcu.link_connected(link, bench.now);
    bench.mcu.rejoin("me3", bench.now);
    bench.mcu.close_all();
    assert_eq!(closed(&bench.drain()), [link]);
}

#[test]
fn whoever_listens_to_what_we_published_before_is_offered_what_we_publish_now() {
    let mut bench = Bench::new(true);
    let first = opened(&bench.members(&[("a", false), ("b", true)])).remove(0).id;
    let (sid, _) = bench.publish(first);
    bench.hear("me", &sid, answer("v=0"));
    let offered = |outputs: &[McuOutput]| -> Vec<String> {
        let to = |(output, _): &McuOutput| match output {
            MeshOutput::Send { to, body: PeerBody::SendOffer, .. } => Some(to.clone()),
            _ => None,
        };
        outputs.iter().filter_map(to).collect()
    };
    bench.mcu.link_connected(first, bench.now);
    assert!(offered(&bench.drain()).is_empty(), "who wants the first asks for it");
    bench.mcu.renew(first, bench.now);
    let second = opened(&bench.wait()).remove(0).id;
    let (sid, _) = bench.publish(second);
    bench.hear("me", &sid, answer("v=0"));
    bench.mcu.link_connected(second, bench.now);
    assert_eq!(offered(&bench.drain()), ["a", "b"]);
}

#[test]
fn whoever_publishes_anew_is_heard_on_another_link_and_not_without_end() {
    let mut bench = Bench::new(false);
    bench.members(&[("a", true), ("b", false)]);
    let first = opened(&bench.hear("a", "s1", offer("v=0"))).remove(0).id;
    bench.mcu.link_connected(first, bench.now);
    let done = bench.hear("a", "s2", offer("v=0 anew"));
    let second = opened(&done).remove(0).id;
    assert_eq!(closed(&done), [first]);
    assert!(opened(&bench.hear("b", "s1", offer("v=0"))).is_empty(), "they send nothing");
    // Not even the first of the offers may have had time to connect.
    let opened_at_most =
        (0..100).filter(|n| !opened(&bench.hear("a", &format!("t{n}"), offer("v=0"))).is_empty());
    assert_eq!(opened_at_most.count() as u32, MAX_REPLACEMENTS - 1);
    assert_eq!(bench.mcu.session_of(second), None);
}
