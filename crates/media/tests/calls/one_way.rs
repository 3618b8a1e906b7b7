//! Links that go one way, as with a media server.

use std::time::Duration;

use bellbird_call::ports::{MediaCommand, MediaEvent};
use bellbird_call::{LinkDirection, LinkRole, SessionDescription};

use crate::harness::{Pair, tone};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_arrives_and_nothing_comes_back() {
    let pair = Pair::new(tone(440.0), tone(700.0));
    for end in [&pair.a, &pair.b] {
        end.send(MediaCommand::StartCapture);
    }
    pair.b.open_with(LinkRole::Answerer, LinkDirection::ReceiveOnly);
    pair.a.open_with(LinkRole::Offerer, LinkDirection::SendOnly);
    pair.connected().await;
    pair.b.hear_tone(440.0).await;
    let sdp = |event: &MediaEvent| match event {
        MediaEvent::LocalDescription { description, .. } => Some(description.clone()),
        _ => None,
    };
    // A media server takes an offer for a wish to publish all that is in it.
    let (_, offer) = pair.a.wait_from(0, "the offer", sdp).await;
    assert!(matches!(offer, SessionDescription::Offer(_)));
    let (_, answer) = pair.b.wait_from(0, "the answer", sdp).await;
    for kind in ["audio", "video"] {
        let of = |description: &SessionDescription| {
            let mut sections = description.sdp().split("m=");
            sections.find(|section| section.starts_with(kind)).unwrap_or_default().to_owned()
        };
        assert!(of(&offer).contains("a=sendonly"), "{}", of(&offer));
        assert!(of(&answer).contains("a=recvonly") && !of(&answer).contains("a=send"), "{}", of(&answer));
    }
    // Texts go along.
    let saying = async {
        loop {
            pair.a.text("from a");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = async { pair.b.wait_text("from a").await; } => {}
        () = saying => {}
    }
    let heard = pair.a.events().iter().any(|(_, event)| matches!(event, MediaEvent::FirstMedia { .. }));
    assert!(!heard, "nothing of the receiver's microphone may leave");
}
