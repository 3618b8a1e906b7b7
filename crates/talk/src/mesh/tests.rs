//! Two meshes, or one and a table, on a clock that only we move.

use bellbird_talk_wire::Candidate;

use super::*;

const T: fn(u64) -> Duration = Duration::from_secs;

fn member(session: &str, has_streams: bool) -> Member {
    Member { session: session.into(), has_streams }
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

/// The outputs so far, one word each.
fn drain(mesh: &mut Mesh) -> Vec<String> {
    std::iter::from_fn(|| mesh.poll_output())
        .map(|output| match output {
            MeshOutput::Open(link) => match link.role {
                LinkRole::Offerer => format!("offerer {}", link.id.0),
                LinkRole::Answerer => format!("answerer {}", link.id.0),
            },
            MeshOutput::Close(link) => format!("close {}", link.0),
            MeshOutput::Description(link, description) => format!("{} {}", description.sdp(), link.0),
            MeshOutput::Candidate(link, candidate) => format!("{} {}", candidate.candidate, link.0),
            MeshOutput::Send { to, sid, body } => format!("{} to {to} sid {sid}", body.kind()),
        })
        .collect()
}

fn sent_offer(link: u64) -> (LinkId, SessionDescription) {
    (LinkId(link), SessionDescription::Offer("o".into()))
}

#[test]
fn who_offers_depends_on_streams_and_ids() {
    for (own_streams, their_streams, their_id, expected) in [
        (true, true, "a", &["offerer 1"][..]),
        (true, true, "z", &[]),
        (true, false, "a", &["offerer 1"]),
        (true, false, "z", &["offerer 1"]),
        (false, true, "a", &[]),
        (false, true, "z", &[]),
        (false, false, "a", &[]),
    ] {
        let now = Instant::now();
        let mut mesh = Mesh::new("m", "", own_streams, 100);
        mesh.set_members(&[member(their_id, their_streams)], now);
        assert_eq!(drain(&mut mesh), expected, "{own_streams} {their_streams} {their_id}");
        let waits = own_streams && their_streams && their_id == "z";
        let due = (waits || !expected.is_empty()).then(|| now + REOFFER_AFTER);
        assert_eq!(mesh.poll_timeout(), due);
    }
}

#[test]
fn the_offerer_sends_its_description_and_takes_the_answer_once() {
    let now = Instant::now();
    let mut mesh = Mesh::new("m", "Me", true, 100);
    mesh.set_members(&[member("a", true)], now);
    let (link, description) = sent_offer(1);
    mesh.local_description(link, description);
    mesh.handle_message("a", Some("99".into()), answer("wrong sid"), now);
    mesh.handle_message("a", Some("100".into()), candidate("early candidate"), now);
    mesh.handle_message("a", Some("100".into()), answer("answer"), now);
    mesh.handle_message("a", Some("100".into()), answer("second answer"), now);
    mesh.handle_message("a", Some("100".into()), candidate("candidate"), now);
    mesh.handle_message("a", Some("99".into()), candidate("wrong sid"), now);
    assert_eq!(
        drain(&mut mesh),
        ["offerer 1", "offer to a sid 100", "early candidate 1", "answer 1", "candidate 1"]
    );
    assert_eq!(mesh.link_connected(LinkId(1)).as_deref(), Some("a"));
    assert_eq!(mesh.poll_timeout(), None);

    // An ICE restart keeps the sid, and its answer is taken.
    let (link, description) = sent_offer(1);
    mesh.local_description(link, description);
    mesh.handle_message("a", Some("100".into()), answer("answer"), now);
    mesh.set_members(&[], now);
    assert_eq!(drain(&mut mesh), ["offer to a sid 100", "answer 1", "close 1"]);
}

#[test]
fn the_smaller_id_answers_and_follows_new_offers() {
    let now = Instant::now();
    let mut mesh = Mesh::new("m", "", true, 100);
    mesh.set_members(&[member("z", true)], now);
    mesh.handle_message("z", Some("s1".into()), offer("offer"), now);
    mesh.local_description(LinkId(1), SessionDescription::Answer("a".into()));
    mesh.handle_message("z", Some("s1".into()), offer("restart"), now);
    mesh.handle_message("z", Some("s2".into()), offer("replaced"), now);
    mesh.handle_message("z", Some("s1".into()), candidate("old"), now);
    mesh.handle_message("z", Some("s2".into()), candidate("new"), now);
    assert_eq!(
        drain(&mut mesh),
        [
            "answerer 1",
            "offer 1",
            "answer to z sid s1",
            "restart 1",
            "close 1",
            "answerer 2",
            "replaced 2",
            "new 2"
        ]
    );
}

#[test]
fn a_missing_offer_is_replaced_by_ours_and_a_missing_answer_by_a_new_offer() {
    let start = Instant::now();
    let mut mesh = Mesh::new("m", "", true, 100);
    mesh.set_members(&[member("z", true)], start);
    mesh.handle_timeout(start + T(9));
    assert!(drain(&mut mesh).is_empty());
    mesh.handle_timeout(start + T(10));
    assert_eq!(drain(&mut mesh), ["offerer 1"]);
    mesh.handle_timeout(start + T(20));
    assert_eq!(drain(&mut mesh), ["close 1", "offerer 2"]);
    // Their offer comes at last: ours, of the smaller id, gives way.
    mesh.handle_message("z", Some("s".into()), offer("offer"), start + T(21));
    assert_eq!(drain(&mut mesh), ["close 2", "answerer 3", "offer 3"]);
}

#[test]
fn crossing_offers_leave_the_larger_ids_offer() {
    let now = Instant::now();
    let mut mesh = Mesh::new("m", "", true, 100);
    mesh.set_members(&[member("a", true)], now);
    mesh.handle_message("a", Some("s".into()), offer("crossing"), now);
    assert_eq!(drain(&mut mesh), ["offerer 1"]);
}

#[test]
fn fruitless_attempts_end_and_the_far_end_can_still_come() {
    let start = Instant::now();
    let mut mesh = Mesh::new("m", "", true, 100);
    mesh.set_members(&[member("a", true)], start);
    for _ in 0..20 {
        let Some(link) = mesh.links().next() else { break };
        mesh.give_up(link, start);
    }
    let outputs = drain(&mut mesh);
    assert_eq!(outputs.iter().filter(|output| output.starts_with("offerer")).count(), 6, "{outputs:?}");
    assert_eq!(mesh.links().count(), 0);
    assert_eq!(mesh.poll_timeout(), None);
    mesh.handle_message("a", Some("s".into()), offer("offer"), start);
    assert_eq!(drain(&mut mesh), ["answerer 7", "offer 7"]);
}

#[test]
fn early_offers_are_kept_for_their_sender_with_a_bound_and_a_time_out() {
    let start = Instant::now();
    let mut mesh = Mesh::new("m", "", true, 100);
    mesh.handle_message("z", Some("s".into()), offer("offer"), start);
    mesh.handle_message("z", Some("s".into()), candidate("candidate"), start);
    assert!(drain(&mut mesh).is_empty());
    mesh.set_members(&[member("z", true)], start + T(1));
    assert_eq!(drain(&mut mesh), ["answerer 1", "offer 1", "candidate 1"]);

    // Too old.
    mesh.handle_message("y", Some("s".into()), offer("offer"), start);
    assert_eq!(mesh.poll_timeout(), Some(start + T(10)));
    mesh.handle_timeout(start + T(10));
    mesh.set_members(&[member("z", true), member("y", true)], start + T(11));
    assert!(drain(&mut mesh).is_empty());

    // Too many, of one and of all.
    let mut mesh = Mesh::new("m", "", true, 100);
    for sender in 0..1000 {
        for _ in 0..100 {
            mesh.handle_message(&format!("x{sender}"), None, offer(&"s".repeat(60_000)), start);
        }
    }
    let members: Vec<Member> = (0..1000).map(|sender| member(&format!("x{sender}"), true)).collect();
    mesh.set_members(&members, start);
    let opened = drain(&mut mesh).iter().filter(|output| output.starts_with("answerer")).count();
    assert!(opened <= 20, "{opened} links from a flood");
}

#[test]
fn floods_and_oversize_are_bounded() {
    let now = Instant::now();
    let mut mesh = Mesh::new("m", "", true, 100);
    mesh.set_members(&[member("z", true)], now);
    mesh.handle_message("z", Some("s".into()), offer(&"x".repeat(MAX_SDP_BYTES + 1)), now);
    mesh.handle_message("z", Some("s".repeat(1000)), offer("x"), now);
    mesh.handle_message("m", Some("s".into()), offer("from ourselves"), now);
    assert!(drain(&mut mesh).is_empty());
    for sid in 0..1000 {
        mesh.handle_message("z", Some(format!("s{sid}")), offer("x"), now);
    }
    let opened = drain(&mut mesh).iter().filter(|output| output.starts_with("answerer")).count();
    assert_eq!(opened, 20);
    let sid = "s19";
    for _ in 0..10_000 {
        mesh.handle_message("z", Some(sid.into()), candidate("c"), now);
    }
    mesh.handle_message("z", Some(sid.into()), candidate(&"c".repeat(MAX_CANDIDATE_BYTES + 1)), now);
    assert_eq!(drain(&mut mesh).len(), 256);
    // A minute later the peer may try again.
    mesh.handle_message("z", Some("later".into()), offer("x"), now + T(60));
    assert_eq!(drain(&mut mesh), ["close 20", "answerer 21", "x 21"]);
}

#[test]
fn a_crowd_is_cut() {
    let now = Instant::now();
    let mut mesh = Mesh::new("m", "", true, 100);
    let members: Vec<Member> = (0..500).map(|n| member(&format!("a{n:03}"), true)).collect();
    mesh.set_members(&members, now);
    assert_eq!(mesh.links().count(), MAX_PARTICIPANTS);
}

#[test]
fn a_new_session_of_ours_begins_anew() {
    let now = Instant::now();
    let mut mesh = Mesh::new("m", "", true, 100);
    mesh.set_members(&[member("n", true), member("a", true)], now);
    assert_eq!(drain(&mut mesh), ["offerer 1"]);
    mesh.rejoin("z");
    mesh.set_members(&[member("n", true)], now);
    assert_eq!(drain(&mut mesh), ["close 1", "offerer 2"]);
}

#[test]
fn streams_that_come_later_begin_a_connection() {
    let now = Instant::now();
    let mut mesh = Mesh::new("m", "", false, 100);
    mesh.set_members(&[member("a", false), member("z", true)], now);
    assert_eq!((drain(&mut mesh).len(), mesh.poll_timeout()), (0, None));
    // Ours: to those who send nothing at once, and to those who do when their offer stays away.
    mesh.set_own_streams(true, now);
    assert_eq!(drain(&mut mesh), ["offerer 1"]);
    assert_eq!(mesh.poll_timeout(), Some(now + REOFFER_AFTER));
    mesh.set_own_streams(true, now);
    // Theirs, on a link that stands: it stays.
    mesh.set_members(&[member("a", true), member("z", true)], now);
    assert!(drain(&mut mesh).is_empty());
    let mut mesh = Mesh::new("m", "", true, 100);
    mesh.set_members(&[member("a", true)], now);
    assert_eq!(drain(&mut mesh), ["offerer 1"]);
    mesh.set_members(&[member("a", false)], now);
    assert!(drain(&mut mesh).is_empty());
}

#[test]
fn what_we_may_not_send_is_not_offered_and_offered_anew_when_we_may() {
    let now = Instant::now();
    let mut mesh = Mesh::new("m", "", true, 100);
    mesh.begin_with(MediaKinds::VOICE);
    mesh.set_members(&[member("a", true), member("z", true)], now);
    mesh.handle_message("z", Some("s".into()), offer("offer"), now);
    let opened = |mesh: &mut Mesh| -> Vec<MediaKinds> {
        let outputs = std::iter::from_fn(|| mesh.poll_output());
        outputs
            .filter_map(|output| match output {
                MeshOutput::Open(link) => Some(link.may_send),
                MeshOutput::Close(_)
                | MeshOutput::Description(..)
                | MeshOutput::Candidate(..)
                | MeshOutput::Send { .. } => None,
            })
            .collect()
    };
    assert_eq!(opened(&mut mesh), [MediaKinds::VOICE; 2]);
    mesh.set_may_send(MediaKinds::VIDEO, now);
    assert_eq!(opened(&mut mesh), [MediaKinds::VIDEO; 2], "whoever offered before");
    // A right that is taken changes no link: nothing of it is sent, and it may come back.
    for may_send in [MediaKinds::VOICE, MediaKinds::VIDEO, MediaKinds::VIDEO] {
        mesh.set_may_send(may_send, now);
        assert!(opened(&mut mesh).is_empty());
    }
}

/// Two meshes wired together end with exactly one link each, whichever is larger and whoever sees the other first.
#[test]
fn two_ends_agree_on_one_link() {
    for (first, second) in [("a", "b"), ("b", "a")] {
        let now = Instant::now();
        let mut one = Mesh::new(first, "", true, 100);
        let mut two = Mesh::new(second, "", true, 900);
        one.set_members(&[member(second, true)], now);
        two.set_members(&[member(first, true)], now);
        let mut described = 0;
        for _ in 0..10 {
            for (from, to, from_id) in [(true, false, first), (false, true, second)] {
                let _ = to;
                let (sender, receiver) = if from { (&mut one, &mut two) } else { (&mut two, &mut one) };
                while let Some(output) = sender.poll_output() {
                    match output {
                        MeshOutput::Open(link) if link.role == LinkRole::Offerer => {
                            sender.local_description(link.id, SessionDescription::Offer("o".into()));
                        }
                        MeshOutput::Description(link, SessionDescription::Offer(_)) => {
                            described += 1;
                            sender.local_description(link, SessionDescription::Answer("a".into()));
                        }
                        MeshOutput::Description(_, SessionDescription::Answer(_)) => described += 1,
                        MeshOutput::Send { sid, body, .. } => {
                            receiver.handle_message(from_id, Some(sid), body, now);
                        }
                        MeshOutput::Open(_) | MeshOutput::Close(_) | MeshOutput::Candidate(..) => {}
                    }
                }
            }
        }
        assert_eq!(described, 2, "{first} {second}");
        assert_eq!((one.links().count(), two.links().count()), (1, 1));
    }
}
