//! Mouth to ear: from one sound server's microphone through a call to another sound server's loudspeaker.

use std::time::Duration;

use bellbird_testkit::speech;

use crate::figure::Figure;
use crate::harness::pair::Pair;
use crate::harness::sound::SoundServer;
use crate::harness::stage::Stage;

/// Half a second more than the speech takes, so that each recording holds it whole at least once.
const LENGTH: Duration = Duration::from_secs(12);

pub(crate) fn measure() {
    for (name, arguments) in [
        ("mouth_to_ear", ["--mic", "default", "--speaker", "default"].as_slice()),
        (
            "mouth_to_ear_unprocessed",
            ["--mic", "default", "--speaker", "default", "--no-processing"].as_slice(),
        ),
    ] {
        let stage = Stage::new("bench-mouth-to-ear");
        let far = SoundServer::start();
        // The listener plays on the stage's sound server, the caller speaks into another one of their own.
        let pair = Pair::start_with(&stage, arguments);
        let mut call = pair.call_on(&stage, &far, arguments);
        call.status("connected");
        std::thread::sleep(Duration::from_secs(2));
        let saying = far.say(&speech::sample());
        let mut readings = Vec::new();
        for _ in 0..3 {
            // Both recordings are read by this process through equal recorders, so what the recorders add cancels out.
            let near = stage.sound();
            let (said, heard) = std::thread::scope(|scope| {
                let said = scope.spawn(|| far.record_microphone(LENGTH));
                let heard = scope.spawn(|| near.record_speaker(LENGTH));
                (said.join().expect("recorded"), heard.join().expect("recorded"))
            });
            let found = speech::find(&said.samples[48_000..48_000 * 8], &heard.samples);
            let Some(found) = found else { continue };
            let apart = heard.began.saturating_duration_since(said.began).as_secs_f64()
                - said.began.saturating_duration_since(heard.began).as_secs_f64();
            let delay = (found.delay as f64 - 48_000.0) / 48_000.0 + apart;
            if found.similarity > 0.5 {
                readings.push(delay * 1000.0);
            }
        }
        drop(saying);
        Figure::at_most(name, "ms", 100.0).with_goal(60.0).print(&readings);
        call.interrupt();
    }
}
