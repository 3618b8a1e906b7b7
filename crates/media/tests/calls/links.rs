//! Links: texts, restarts, collisions, ends.

use std::time::Duration;

use bellbird_call::ports::{MediaCommand, MediaEvent};
use bellbird_call::{IceServer, LinkRole, LinkState, SessionDescription};

use crate::harness::{LINK, Pair, tone};

#[tokio::test(flavor = "multi_thread")]
async fn texts_go_both_ways() {
    let pair = Pair::new(tone(440.0), tone(700.0));
    pair.open();
    pair.connected().await;
    // Texts before the channel is open are dropped, so they are said until they are heard.
    let heard = async {
        pair.a.wait_text("from b").await;
        pair.b.wait_text("from a").await;
    };
    let saying = async {
        loop {
            pair.a.text("from a");
            pair.b.text("from b");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = heard => {}
        () = saying => {}
    }
    let long = "x".repeat(16 * 1024);
    pair.a.text(&long);
    pair.b.wait_text(&long).await;
    // One byte more is not sent; what follows is.
    pair.a.text(&"y".repeat(16 * 1024 + 1));
    pair.a.text("after");
    pair.b.wait_text("after").await;
    let too_long =
        pair.b.events().iter().any(
            |(_, event)| matches!(event, MediaEvent::DataReceived { text, .. } if text.starts_with('y')),
        );
    assert!(!too_long);
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_goes_on_after_ice_restarts() {
    let pair = Pair::new(tone(440.0), tone(700.0));
    pair.start();
    pair.b.hear_tone(440.0).await;
    for _ in 0..3 {
        let (a, b) = (pair.a.mark(), pair.b.mark());
        pair.a.send(MediaCommand::RestartIce(LINK));
        pair.a.wait_state_from(a, LinkState::Connected).await;
        pair.b.wait_state_from(b, LinkState::Connected).await;
        pair.b.hear_tone(440.0).await;
        pair.a.hear_tone(700.0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answerer_gives_way_when_offers_collide() {
    let pair = Pair::new(tone(440.0), tone(700.0));
    pair.start();
    pair.b.hear_tone(440.0).await;
    for _ in 0..3 {
        let (a, b) = (pair.a.mark(), pair.b.mark());
        pair.a.send(MediaCommand::RestartIce(LINK));
        pair.b.send(MediaCommand::RestartIce(LINK));
        pair.a.wait_state_from(a, LinkState::Connected).await;
        pair.b.wait_state_from(b, LinkState::Connected).await;
        pair.b.hear_tone(440.0).await;
        pair.a.hear_tone(700.0).await;
    }
    for end in [&pair.a, &pair.b] {
        assert!(!end.events().iter().any(|(_, event)| matches!(event, MediaEvent::LinkFailed { .. })));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn first_offers_that_collide_make_one_link() {
    // Both think they offer, but one of them is polite: it has the answerer's role and offers all the same.
    let pair = Pair::new(tone(440.0), tone(700.0));
    for end in [&pair.a, &pair.b] {
        end.send(MediaCommand::StartCapture);
    }
    pair.b.open(LinkRole::Answerer);
    pair.b.send(MediaCommand::RestartIce(LINK));
    pair.a.open(LinkRole::Offerer);
    pair.connected().await;
    pair.b.hear_tone(440.0).await;
    pair.a.hear_tone(700.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_other_side_is_noticed() {
    let pair = Pair::new(tone(440.0), tone(700.0));
    pair.start();
    pair.b.hear_tone(440.0).await;
    pair.a.send(MediaCommand::CloseLink(LINK));
    pair.b.wait_state(LinkState::Closed).await;
    let failed = pair.b.events().iter().any(|(_, event)| matches!(event, MediaEvent::LinkFailed { .. }));
    assert!(!failed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_end_is_noticed_and_its_link_number_is_free_again() {
    let Pair { a, b } = Pair::new(tone(440.0), tone(700.0));
    b.open(LinkRole::Answerer);
    a.open(LinkRole::Offerer);
    b.wait_state(LinkState::Connected).await;
    b.send(MediaCommand::CloseLink(LINK));
    a.wait_state(LinkState::Closed).await;
    a.send(MediaCommand::CloseLink(LINK));
    let mark = a.mark();
    a.open(LinkRole::Offerer);
    a.wait_from(mark, "a new offer", |event| {
        matches!(event, MediaEvent::LocalDescription { description: SessionDescription::Offer(_), .. })
            .then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_do_not_answer_do_not_hold_up_a_call() {
    let pair = Pair::new(tone(440.0), tone(700.0));
    let deaf = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = deaf.local_addr().unwrap().port();
    let servers = vec![
        IceServer {
            urls: vec![format!("stun:127.0.0.1:{port}"), "rubbish".into()],
            username: None,
            credential: None,
        },
        IceServer {
            urls: vec![
                format!("turn:127.0.0.1:{port}?transport=udp"),
                "turns:127.0.0.1:443?transport=tcp".into(),
                "turn:no-such-host.invalid:3478".into(),
            ],
            username: Some("name".into()),
            credential: Some("word".into()),
        },
    ];
    for end in [&pair.a, &pair.b] {
        end.send(MediaCommand::SetIceServers(servers.clone()));
    }
    pair.start();
    pair.b.hear_tone(440.0).await;
    pair.a.hear_tone(700.0).await;
}
