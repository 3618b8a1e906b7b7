//! What a peer sends is hostile.

use bellbird_call::ports::{MediaCommand, MediaEvent, ProblemCode};
use bellbird_call::{IceCandidate, LinkRole, LinkState, SessionDescription};
use bellbird_devices::CaptureSource;
use bellbird_testkit::network::LinkProfile;
use bellbird_testkit::random::Random;

use crate::harness::{End, LINK, Pair, tone};
use crate::relay::Relay;

async fn offer_of(end: &End) -> String {
    end.wait("the offer", |event| match event {
        MediaEvent::LocalDescription { description: SessionDescription::Offer(sdp), .. } => Some(sdp.clone()),
        _ => None,
    })
    .await
    .1
}

#[tokio::test(flavor = "multi_thread")]
async fn descriptions_that_are_none_fail_their_link_with_a_reason() {
    let good = {
        let end = End::new(CaptureSource::Silence, None);
        end.open(LinkRole::Offerer);
        offer_of(&end).await
    };
    let without =
        |text: &str| good.lines().filter(|line| !line.starts_with(text)).collect::<Vec<_>>().join("\r\n");
    let descriptions = [
        String::new(),
        "nonsense".to_owned(),
        "v=0".to_owned(),
        "v=0\r\nm=".to_owned(),
        "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n".to_owned(),
        without("a=fingerprint"),
        without("a=ice-ufrag"),
        without("a=ice-pwd"),
        without("a=mid"),
        good.replace("sha-256", "md5"),
        good.replace("a=setup:actpass", "a=setup:sideways"),
        "v=0\r\n".to_owned() + &"a=x\r\n".repeat(100_000),
        good.replace("m=audio 9", "m=audio 0")
            .replace("m=video 9", "m=video 0")
            .replace("m=application 9", "m=application 0"),
        good.replace("a=mid:1", "a=mid:0"),
    ];
    for description in descriptions {
        let end = End::new(CaptureSource::Silence, None);
        end.open(LinkRole::Answerer);
        end.describe(SessionDescription::Offer(description.clone()));
        let (_, problem) = end
            .wait("a failed link", |event| match event {
                MediaEvent::LinkFailed { link: LINK, problem } => Some(problem.clone()),
                MediaEvent::LocalDescription { .. } => panic!("answered {description:?}"),
                _ => None,
            })
            .await;
        assert_eq!(problem.code, ProblemCode::BadDescription, "{problem}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_on_whatever_is_said_in_it() {
    let pair = Pair::new(tone(440.0), tone(700.0));
    pair.start();
    pair.b.hear_tone(440.0).await;
    let good = offer_of(&pair.a).await;
    let mut random = Random::new(bellbird_testkit::random::seed("hostile descriptions", 11));
    for _ in 0..200 {
        let mut bytes = good.clone().into_bytes();
        for _ in 0..random.below(4) + 1 {
            let at = random.below(bytes.len());
            match random.below(3) {
                0 => bytes[at] = random.below(96) as u8 + 32,
                1 => bytes.truncate(at.max(1)),
                _ => bytes.insert(at, b'\n'),
            }
        }
        let text = String::from_utf8(bytes).unwrap();
        // Answers come unasked, and offers collide with nothing: A offers.
        pair.a.describe(SessionDescription::Answer(text.clone()));
        let junk: String = text.chars().skip(random.below(200)).take(120).collect();
        pair.a.candidate(IceCandidate { candidate: junk, sdp_mid: None, sdp_mline_index: Some(9999) });
    }
    pair.a.describe(SessionDescription::Offer("v=0\r\n".into()));
    let (_, problem) = pair
        .a
        .wait("trouble", |event| match event {
            MediaEvent::Trouble(problem) => Some(problem.clone()),
            _ => None,
        })
        .await;
    assert_eq!(problem.code, ProblemCode::BadDescription);
    assert!(!pair.a.events().iter().any(|(_, event)| matches!(event, MediaEvent::LinkFailed { .. })));
    pair.b.hear_tone(440.0).await;
    pair.a.hear_tone(700.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_candidates_is_bounded() {
    let pair = Pair::new(tone(440.0), tone(700.0));
    // Before there is a link, before there is a description, and after.
    let flood = |end: &End, base: u16| {
        for number in 0..300u16 {
            let port = base + number;
            end.candidate(IceCandidate {
                candidate: format!("candidate:1 1 udp 2130706431 127.0.0.1 {port} typ host"),
                sdp_mid: Some(String::new()),
                sdp_mline_index: None,
            });
        }
    };
    flood(&pair.a, 40_000);
    pair.start();
    pair.b.hear_tone(440.0).await;
    flood(&pair.a, 41_000);
    flood(&pair.b, 42_000);
    for name in ["foo.local", "a.b.local", "..local", "évil.local"] {
        pair.a.candidate(IceCandidate {
            candidate: format!("candidate:1 1 udp 2130706431 {name} 4000 typ host"),
            sdp_mid: None,
            sdp_mline_index: None,
        });
    }
    pair.b.hear_tone(440.0).await;
    pair.a.hear_tone(700.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn datagrams_from_nowhere_change_nothing() {
    let relay = Relay::start(LinkProfile::perfect(), 1).await;
    let pair = Pair::with_changes(tone(440.0), tone(700.0), relay.a_to_b(), relay.b_to_a());
    pair.start();
    pair.a.hear_tone(700.0).await;
    let target = relay.address_of_a().unwrap();
    let mut random = Random::new(bellbird_testkit::random::seed("hostile datagrams", 12));
    // RTP, RTCP, STUN, DTLS and nothing at all, all of them unauthenticated.
    for first in [0x80u8, 0x81, 0xbf, 0x00, 0x01, 0x14, 0x16, 0x17, 0xff] {
        for _ in 0..50 {
            let length = random.below(1400);
            let mut datagram: Vec<u8> = (0..length).map(|_| random.below(256) as u8).collect();
            datagram.insert(0, first);
            relay.door_of_b().send_to(&datagram, target).await.unwrap();
        }
    }
    relay.door_of_b().send_to(&[], target).await.unwrap();
    pair.a.hear_tone(700.0).await;
    pair.b.hear_tone(440.0).await;
    assert!(!pair.a.events().iter().any(|(_, event)| {
        matches!(event, MediaEvent::LinkState { state: LinkState::Failed | LinkState::Closed, .. })
    }));
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_for_links_that_do_not_exist_do_nothing() {
    let end = End::new(CaptureSource::Silence, None);
    end.describe(SessionDescription::Offer("v=0".into()));
    end.candidate(IceCandidate { candidate: String::new(), sdp_mid: None, sdp_mline_index: None });
    end.text("hello");
    end.send(MediaCommand::RestartIce(LINK));
    end.send(MediaCommand::CloseLink(LINK));
    end.open(LinkRole::Offerer);
    offer_of(&end).await;
    assert!(!end.events().iter().any(|(_, event)| matches!(event, MediaEvent::LinkFailed { .. })));
}
