//! Cameras: pictures arrive, are the right ones, and come and go as people wish.

use bellbird_call::ports::{MediaCommand, MediaEvent, ProblemCode};
use bellbird_call::{LinkId, LinkState, MediaKind, MediaStage};
use bellbird_capture::VideoSource;

use crate::gallery::likeness;
use crate::room::{Room, camera_of, own};

const VIDEO: MediaKind = MediaKind::Video;

#[tokio::test(flavor = "multi_thread")]
async fn pictures_arrive_and_are_the_right_ones() {
    let room = Room::connected_pair().await;
    let (a, b) = (&room.seats[0], &room.seats[1]);
    a.look_at(&[own(VIDEO)]);
    b.look_at(&[camera_of(0)]);
    a.show(VIDEO, true);
    a.wait_track(0, VIDEO, true).await;
    b.wait_first(VIDEO, MediaStage::Rtp).await;
    b.wait_first(VIDEO, MediaStage::Frame).await;
    // The numbers go up, one by one but for what the encoder left out.
    let shown = b.gallery.more(&camera_of(0), 60).await;
    let numbers: Vec<u32> = shown.iter().filter_map(|one| one.number).collect();
    assert!(numbers.len() > 50, "the number can be read: {numbers:?}");
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "in order: {numbers:?}");
    // At its full size it is a good likeness.
    let full = || b.gallery.last(&camera_of(0)).iter().filter(|one| one.size.1 == 720).count() > 50;
    b.gallery.until("pictures of full size", full).await;
    let alike = likeness(&a.gallery.last(&own(VIDEO)), &b.gallery.last(&camera_of(0)));
    let mean = alike.iter().sum::<f64>() / alike.len() as f64;
    println!("{} pictures, luma PSNR {mean:.1} dB", alike.len());
    assert!(alike.len() > 5 && mean > 30.0, "{alike:?}");
    let quality = b.wait_video(VIDEO).await;
    assert_eq!((quality.width, quality.height), (1280, 720));
    assert!(quality.fps > 5.0 && quality.frames > 60, "{quality:?}");
    // Nothing came back.
    assert_eq!(a.gallery.count(&camera_of(1)), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_camera_is_switched_off_and_on_without_another_offer() {
    let room = Room::connected_pair().await;
    let (a, b) = (&room.seats[0], &room.seats[1]);
    b.look_at(&[camera_of(0)]);
    let descriptions = || {
        let is_description = |event: &MediaEvent| matches!(event, MediaEvent::LocalDescription { .. });
        a.events().iter().filter(|event| is_description(event)).count()
    };
    let before = descriptions();
    for _ in 0..2 {
        let mark = a.mark();
        a.show(VIDEO, true);
        a.wait_track(mark, VIDEO, true).await;
        b.gallery.more(&camera_of(0), 10).await;
        let mark = a.mark();
        a.show(VIDEO, false);
        a.wait_track(mark, VIDEO, false).await;
        // What was on the way arrives; then nothing more does.
        b.wait_quality(2).await;
        let count = b.gallery.count(&camera_of(0));
        b.wait_quality(2).await;
        assert_eq!(b.gallery.count(&camera_of(0)), count);
    }
    assert_eq!(descriptions(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_looks_at_is_not_decoded_and_comes_at_once_when_somebody_does() {
    let room = Room::connected_pair().await;
    let (a, b) = (&room.seats[0], &room.seats[1]);
    a.show(VIDEO, true);
    b.wait_first(VIDEO, MediaStage::Rtp).await;
    let quality = b.wait_quality(3).await;
    assert!(quality[0].kbit_in > 50.0, "it is received: {quality:?}");
    assert_eq!(b.gallery.count(&camera_of(0)), 0);
    b.look_at(&[camera_of(0)]);
    b.gallery.more(&camera_of(0), 5).await;
    // On hold nothing is shown.
    b.send(MediaCommand::SetHold(true));
    b.wait_quality(2).await;
    let count = b.gallery.count(&camera_of(0));
    b.wait_quality(1).await;
    assert_eq!(b.gallery.count(&camera_of(0)), count);
    b.send(MediaCommand::SetHold(false));
    b.gallery.more(&camera_of(0), 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_share_one_encode() {
    let mut room = Room::new(&[VideoSource::Pattern, VideoSource::Pattern, VideoSource::Pattern]);
    room.wire(1, 0, 1);
    room.wire(2, 0, 2);
    room.carry();
    for seat in &room.seats {
        seat.send(MediaCommand::StartCapture);
    }
    room.connect(1, 0, 1);
    room.connect(2, 0, 2);
    room.seats[0].wait_state(LinkId(1), LinkState::Connected).await;
    room.seats[0].wait_state(LinkId(2), LinkState::Connected).await;
    for seat in [1, 2] {
        room.seats[seat].look_at(&[camera_of(0)]);
    }
    room.seats[0].show(VIDEO, true);
    let (b, c) = (&room.seats[1], &room.seats[2]);
    b.gallery.more(&camera_of(0), 60).await;
    c.gallery.until("as many", || c.gallery.count(&camera_of(0)) > 60).await;
    // One encode for both: what they see of the same number is the same to the last bit.
    let (at_b, at_c) = (b.gallery.last(&camera_of(0)), c.gallery.last(&camera_of(0)));
    let alike = likeness(&at_b, &at_c);
    assert!(alike.len() > 20, "{}", alike.len());
    assert!(alike.iter().all(|psnr| *psnr == 100.0), "{alike:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_camera_is_swapped_while_it_is_on() {
    let room = Room::connected_pair().await;
    let (a, b) = (&room.seats[0], &room.seats[1]);
    b.look_at(&[camera_of(0)]);
    a.show(VIDEO, true);
    b.gallery.more(&camera_of(0), 10).await;
    a.devices().select_camera(VideoSource::ScreenPattern);
    // A page is white where the pattern has bars.
    let is_page = || {
        b.gallery.last(&camera_of(0)).last().and_then(|shown| shown.frame.clone()).is_some_and(|frame| {
            let y = frame.y();
            y[y.len() / 2..].iter().filter(|shade| **shade > 200).count() > y.len() / 4
        })
    };
    b.gallery.until("the other camera", is_page).await;
    assert!(!a.events().iter().any(|event| matches!(event, MediaEvent::CaptureFailed { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_camera_that_fails_is_told_and_the_call_goes_on() {
    let mut room = Room::new(&[VideoSource::File("/nonexistent/clip.y4m".into()), VideoSource::Pattern]);
    room.wire(1, 0, 1);
    room.carry();
    for seat in &room.seats {
        seat.send(MediaCommand::StartCapture);
    }
    room.connect(1, 0, 1);
    let (a, b) = (&room.seats[0], &room.seats[1]);
    a.wait_state(LinkId(1), LinkState::Connected).await;
    b.look_at(&[camera_of(0)]);
    a.show(VIDEO, true);
    let problem = a
        .wait_from(0, "the failure", |event| match event {
            MediaEvent::CaptureFailed { kind: MediaKind::Video, problem } => Some(problem.clone()),
            _ => None,
        })
        .await;
    assert_eq!(problem.code, ProblemCode::VideoFile);
    // Another one works.
    a.devices().select_camera(VideoSource::Pattern);
    a.show(VIDEO, true);
    b.gallery.more(&camera_of(0), 5).await;
}
