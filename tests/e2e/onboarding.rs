//! The first minute: start here, call Echo, hear oneself, end.

use std::time::Duration;

use bellbird_testkit::speech;

use crate::harness::likeness::same_rhythm;
use crate::harness::stage::Stage;

#[test]
fn a_person_starts_here_calls_echo_hears_themselves_and_ends() {
    let stage = Stage::new("onboarding");
    let window = stage.open_window("ada");
    window.click("[data-action=start-here]");
    window.click("[data-contact=echo]");
    window.wait_for("[data-status=connected]");

    // What Ada says comes back to her, through her own microphone and loudspeaker.
    let spoken = syllables(&speech::sample());
    let saying = stage.sound().say(&spoken);
    let heard = stage.sound().hear(Duration::from_secs(14));
    drop(saying);
    stage.keep_sound("heard", &heard);
    let likeness = same_rhythm(&spoken, &heard);
    assert!(likeness > 0.4, "what is heard is not what was said: {likeness:.2}");

    window.click("[data-action=end]");
    window.wait_until_gone("[data-status=connected]");
    let door = stage.door("ada");
    door.no_call();
    let state = door.state();
    assert!(state.local_server.is_some() && state.accounts.len() == 1, "{state:#?}");
}

/// Pieces of speech about as short as the way to Echo and back, with pauses. Whoever speaks on while their own voice comes
/// back is cut by the echo suppressor, as it should be: two voices at once are its weak spot, and not what is tried here.
fn syllables(speech: &[f32]) -> Vec<f32> {
    const PIECE: usize = 9_600;
    const FADE: usize = 480;
    // Unequal, so that their rhythm is like no other.
    const PAUSES: [usize; 6] = [24_000, 52_000, 33_000, 60_000, 20_000, 42_000];
    let energy = |piece: &[f32]| piece.iter().map(|sample| sample * sample).sum::<f32>();
    let mut pieces: Vec<&[f32]> = speech.chunks_exact(PIECE).collect();
    pieces.sort_by(|a, b| energy(b).total_cmp(&energy(a)));
    let mut all = Vec::new();
    for (piece, pause) in pieces.iter().zip(PAUSES) {
        let faded = piece.iter().enumerate().map(|(at, sample)| {
            let from_edge = at.min(PIECE - 1 - at).min(FADE);
            sample * from_edge as f32 / FADE as f32
        });
        all.extend(faded);
        all.extend(std::iter::repeat_n(0.0, pause));
    }
    all
}
