//! Screens: one way, on links of their own, sharp, and silent while they rest.

use bellbird_call::ports::{MediaCommand, MediaEvent};
use bellbird_call::{LinkId, LinkState, MediaKind, MediaStage};

use crate::gallery::likeness;
use crate::room::{Room, camera_of, own, screen_of};

const SCREEN: MediaKind = MediaKind::Screen;

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_goes_one_way_and_becomes_sharp() {
    let room = Room::connected_pair().await;
    let (a, b) = (&room.seats[0], &room.seats[1]);
    a.look_at(&[own(SCREEN)]);
    b.look_at(&[screen_of(0), camera_of(0)]);
    a.show(SCREEN, true);
    a.wait_track(0, SCREEN, true).await;
    room.share(2, 0, 1);
    b.wait_state(LinkId(2), LinkState::Connected).await;
    b.wait_first(SCREEN, MediaStage::Frame).await;
    let is_screen = |event: &MediaEvent, expected: bool| matches!(event, MediaEvent::RemoteTrack { link: LinkId(2), kind: MediaKind::Screen, added } if *added == expected);
    assert!(b.events().iter().any(|event| is_screen(event, true)));
    assert!(!a.events().iter().any(|event| is_screen(event, true)), "nothing comes back");
    // Some time after a change, the text is as good as the original.
    let sharp = || {
        let alike = likeness(&a.gallery.last(&own(SCREEN)), &b.gallery.last(&screen_of(0)));
        alike.iter().any(|psnr| *psnr > 38.0)
    };
    b.gallery.until("a sharp page", sharp).await;
    // The camera beside it is another link, and stays off.
    assert_eq!(b.gallery.count(&camera_of(0)), 0);
    let mark = a.mark();
    a.show(SCREEN, false);
    a.wait_track(mark, SCREEN, false).await;
    for seat in [a, b] {
        seat.send(MediaCommand::CloseLink(LinkId(2)));
    }
    b.wait_from(0, "the screen's end", |event| is_screen(event, false).then_some(())).await;
    // The person's link goes on.
    b.look_at(&[camera_of(0)]);
    a.show(MediaKind::Video, true);
    b.gallery.more(&camera_of(0), 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_late_sees_a_screen_that_rests() {
    let room = Room::connected_pair().await;
    let (a, b) = (&room.seats[0], &room.seats[1]);
    a.show(SCREEN, true);
    a.wait_track(0, SCREEN, true).await;
    room.share(2, 0, 1);
    b.wait_state(LinkId(2), LinkState::Connected).await;
    // Long after the first picture, which nobody looked at.
    b.wait_quality(3).await;
    assert_eq!(b.gallery.count(&screen_of(0)), 0);
    b.look_at(&[screen_of(0)]);
    b.gallery.more(&screen_of(0), 1).await;
    b.wait_first(SCREEN, MediaStage::Frame).await;
}
