//! From the offer to the first sample played: ICE, DTLS, the first packet and the jitter buffer's wait, between two
//! media engines over real sockets, without any server's part in it.

use bellbird_call::LinkState;
use bellbird_call::MediaStage;
use bellbird_call::ports::{MediaCommand, MediaEvent};

use crate::figure::Figure;
use crate::media_ends::{Pair, tone};

pub(crate) fn measure() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let readings = runtime.block_on(async {
        let mut readings = Vec::new();
        for _ in 0..15 {
            let pair = Pair::new(tone(440.0), tone(700.0));
            // Both have clicked: devices are open, and what follows is the network's.
            for end in [&pair.a, &pair.b] {
                end.send(MediaCommand::StartCapture);
                end.wait("capture", |event| matches!(event, MediaEvent::LocalTrack { .. }).then_some(()))
                    .await;
            }
            pair.open();
            let is_offer =
                |event: &MediaEvent| matches!(event, MediaEvent::LocalDescription { .. }).then_some(());
            let offered = pair.a.wait("the offer", is_offer).await.0;
            pair.b.wait_state(LinkState::Connected).await;
            let played = pair.b.wait_stage(MediaStage::Played).await;
            readings.push((played - offered).as_secs_f64() * 1000.0);
        }
        readings
    });
    Figure::at_most("offer_to_first_sample", "ms", 40.0).print(&readings);
}
