//! Sound over a bad network.

use std::time::Duration;

use bellbird_call::LinkState;
use bellbird_call::ports::MediaEvent;
use bellbird_testkit::network::LinkProfile;

use crate::harness::{Pair, tone};
use crate::relay::Relay;

#[tokio::test(flavor = "multi_thread")]
async fn a_tenth_lost_is_reported_and_bridged() {
    let seed = bellbird_testkit::random::seed("a tenth lost", 21);
    let profile = LinkProfile { loss: 0.1, latency: Duration::from_millis(10), ..LinkProfile::perfect() };
    let relay = Relay::start(profile, seed).await;
    let pair = Pair::with_changes(tone(440.0), tone(700.0), relay.a_to_b(), relay.b_to_a());
    pair.start();
    pair.b.hear_tone(440.0).await;
    pair.a.hear_tone(700.0).await;
    let mut concealed = 0.0f32;
    let mut remote_loss = 0.0f32;
    let mut last = pair.b.wait_quality(1).await;
    for _ in 0..5 {
        last = pair.b.wait_quality(1).await;
        concealed = concealed.max(last.concealed);
        remote_loss = remote_loss.max(last.remote_loss.unwrap_or(0.0));
    }
    let share = last.packets_lost as f64 / (last.packets_lost + last.packets_received) as f64;
    assert!((0.03..0.2).contains(&share), "{share} of a tenth");
    assert!(remote_loss > 0.0, "the other side reports its losses");
    assert!(concealed > 0.0, "what FEC does not restore is made up");
    let round_trip = last.round_trip.unwrap();
    assert!(round_trip >= Duration::from_millis(20), "{round_trip:?} there and back");
    // Speech goes on: the tone is there, at its level.
    let reading = pair.b.hear_tone(440.0).await;
    assert!((reading.level - -15.05).abs() < 3.0, "{reading:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_comes_about_over_a_bad_mobile_network() {
    let seed = bellbird_testkit::random::seed("bad mobile", 22);
    let relay = Relay::start(LinkProfile::bad_mobile(), seed).await;
    let pair = Pair::with_changes(tone(440.0), tone(700.0), relay.a_to_b(), relay.b_to_a());
    pair.start();
    // Where packets are missing, what is made up does not join on in phase.
    pair.b.hear_tone_through(440.0, 0.0).await;
    pair.a.hear_tone_through(700.0, 0.0).await;
    let failed = |end: &crate::harness::End| {
        end.events()
            .iter()
            .any(|(_, event)| matches!(event, MediaEvent::LinkState { state: LinkState::Failed, .. }))
    };
    assert!(!failed(&pair.a) && !failed(&pair.b));
    let quality = pair.b.wait_quality(2).await;
    assert!(quality.jitter > Duration::from_millis(2), "{quality:?}");
}
