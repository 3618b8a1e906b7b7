//! Nothing of the microphone leaves before the person answered.

use bellbird_call::ports::{MediaCommand, MediaEvent};
use bellbird_call::{LinkState, MediaKind, MediaStage};
use bellbird_testkit::network::LinkProfile;

use crate::harness::{Pair, tone};
use crate::relay::Relay;

#[tokio::test(flavor = "multi_thread")]
async fn a_connected_link_sends_no_media_before_capture_starts() {
    let relay = Relay::start(LinkProfile::perfect(), 1).await;
    let pair = Pair::with_changes(tone(440.0), tone(700.0), relay.a_to_b(), relay.b_to_a());
    pair.open();
    pair.connected().await;
    // Whatever the peer says on its data channel, and however often it restarts.
    pair.b.text("{\"type\":\"audioOn\"}");
    pair.a.wait_quality(1).await;
    pair.a.send(MediaCommand::SetMuted { kind: MediaKind::Audio, muted: false });
    pair.a.send(MediaCommand::SetHold(false));
    let mark = pair.a.mark();
    pair.a.send(MediaCommand::RestartIce(crate::harness::LINK));
    pair.a.wait_state_from(mark, LinkState::Connected).await;
    pair.a.wait_quality(2).await;
    assert_eq!(relay.rtp(), (0, 0));
    for end in [&pair.a, &pair.b] {
        for (_, event) in end.events() {
            assert!(
                !matches!(
                    event,
                    MediaEvent::FirstMedia { .. } | MediaEvent::LocalTrack { .. } | MediaEvent::Levels(_)
                ),
                "{event:?} before capture"
            );
        }
    }
    // One side answers: it is heard, and the other still sends nothing.
    pair.b.send(MediaCommand::StartCapture);
    pair.a.wait_stage(MediaStage::Rtp).await;
    pair.a.wait_quality(2).await;
    let (from_a, from_b) = relay.rtp();
    assert_eq!(from_a, 0);
    assert!(from_b > 10, "{from_b}");
    // And then the other.
    pair.a.send(MediaCommand::StartCapture);
    pair.b.hear_tone(440.0).await;
    pair.a.hear_tone(700.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_leaves_once_the_link_is_closed() {
    let relay = Relay::start(LinkProfile::perfect(), 1).await;
    let pair = Pair::with_changes(tone(440.0), tone(700.0), relay.a_to_b(), relay.b_to_a());
    pair.start();
    pair.b.hear_tone(440.0).await;
    pair.a.send(MediaCommand::CloseLink(crate::harness::LINK));
    pair.b.wait_state(LinkState::Closed).await;
    let (from_a, _) = relay.rtp();
    pair.b.wait_quality(2).await;
    assert_eq!(relay.rtp().0, from_a);
}
