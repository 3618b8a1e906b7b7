//! No picture leaves before the person wants it, nor after.

use bellbird_call::ports::{MediaCommand, MediaEvent};
use bellbird_call::{LinkId, LinkState, MediaKind};

use crate::room::{Room, camera_of, own};
use crate::wire::{Cable, Weather};

const VIDEO: MediaKind = MediaKind::Video;

#[tokio::test(flavor = "multi_thread")]
async fn no_picture_leaves_before_capture_is_started_and_the_camera_switched_on() {
    let cable = Cable::start(Weather::fair()).await;
    let mut room = Room::pair();
    room.wire_through(1, 0, 1, [cable.a_to_b(), cable.b_to_a()]);
    room.carry();
    room.connect(1, 0, 1);
    let (a, b) = (&room.seats[0], &room.seats[1]);
    a.wait_state(LinkId(1), LinkState::Connected).await;
    b.wait_state(LinkId(1), LinkState::Connected).await;
    b.look_at(&[camera_of(0)]);
    a.look_at(&[own(VIDEO)]);
    // Switched on, but nobody answered; then the peer asks, and starts anew.
    a.show(VIDEO, true);
    b.wait_quality(2).await;
    a.send(MediaCommand::RestartIce(LinkId(1)));
    b.wait_quality(2).await;
    assert_eq!(cable.pictures(), (0, 0));
    assert_eq!(a.gallery.count(&own(VIDEO)), 0, "the camera was not even opened");
    a.show(VIDEO, false);
    // Answered, but the camera is off.
    a.send(MediaCommand::StartCapture);
    b.wait_quality(2).await;
    assert_eq!(cable.pictures(), (0, 0));
    let told = |event: &MediaEvent| matches!(event, MediaEvent::LocalTrack { kind: MediaKind::Video, .. });
    assert!(!a.events().iter().any(told));
    // Both: it is seen.
    a.show(VIDEO, true);
    b.gallery.more(&camera_of(0), 5).await;
    assert!(cable.pictures().0 > 5);
    // Off again, on hold, or the link gone: nothing.
    for (stop, go) in [
        (
            MediaCommand::SetMuted { kind: VIDEO, muted: true },
            MediaCommand::SetMuted { kind: VIDEO, muted: false },
        ),
        (MediaCommand::SetHold(true), MediaCommand::SetHold(false)),
    ] {
        let mark = a.mark();
        a.send(stop);
        a.wait_track(mark, VIDEO, false).await;
        // Repetitions of what was lost before may follow for a moment.
        b.wait_quality(2).await;
        let (from_a, _) = cable.pictures();
        let own_count = a.gallery.count(&own(VIDEO));
        b.wait_quality(2).await;
        assert_eq!(cable.pictures().0, from_a);
        assert_eq!(a.gallery.count(&own(VIDEO)), own_count);
        a.send(go);
        b.gallery.more(&camera_of(0), 5).await;
    }
    a.send(MediaCommand::CloseLink(LinkId(1)));
    b.wait_state(LinkId(1), LinkState::Closed).await;
    let (from_a, from_b) = cable.pictures();
    b.wait_quality(1).await;
    assert_eq!(cable.pictures().0, from_a);
    assert_eq!(from_b, 0);
}
