//! The first minute: start here, call Echo, hear oneself, end.

use std::time::Duration;

use bellbird_testkit::speech;

use crate::harness::stage::Stage;

#[test]
fn a_person_starts_here_calls_echo_hears_themselves_and_ends() {
    let stage = Stage::new("onboarding");
    let window = stage.open_window("ada");
    window.click("[data-action=start-here]");
    window.click("[data-contact=echo]");
    window.wait_for("[data-status=connected]");

    // What Ada says comes back to her, through her own microphone and loudspeaker.
    let spoken = speech::sample();
    let saying = stage.sound().say(&speech::sample_path());
    let heard = stage.sound().hear(Duration::from_secs(14));
    drop(saying);
    let found = speech::find(&spoken, &heard).expect("something is heard");
    assert!(found.similarity > 0.6, "what is heard is not what was said: {:.2}", found.similarity);

    window.click("[data-action=end]");
    window.wait_until_gone("[data-status=connected]");
    let door = stage.door("ada");
    door.no_call();
    let state = door.state();
    assert!(state.local_server.is_some() && state.accounts.len() == 1, "{state:#?}");
}
