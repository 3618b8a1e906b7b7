//! Pictures over bad networks. What is asserted are counts of pictures, not times.

use std::time::Duration;

use bellbird_call::ports::MediaCommand;
use bellbird_call::{LinkId, LinkState, MediaKind};
use bellbird_capture::VideoSource;

use crate::room::{Room, camera_of};
use crate::wire::{Cable, Weather};

const VIDEO: MediaKind = MediaKind::Video;

async fn watched_through(cable: &Cable) -> Room {
    let mut room = Room::pair();
    room.wire_through(1, 0, 1, [cable.a_to_b(), cable.b_to_a()]);
    room.carry();
    for seat in &room.seats {
        seat.send(MediaCommand::StartCapture);
    }
    room.connect(1, 0, 1);
    room.seats[1].wait_state(LinkId(1), LinkState::Connected).await;
    room.seats[1].look_at(&[camera_of(0)]);
    room.seats[0].show(VIDEO, true);
    room
}

#[tokio::test(flavor = "multi_thread")]
async fn a_twentieth_lost_hardly_shows() {
    let weather = Weather { loss: 0.05, delay: Duration::from_millis(50), ..Weather::fair() };
    let cable = Cable::start(weather).await;
    let room = watched_through(&cable).await;
    let b = &room.seats[1];
    // Some seconds of a camera's pictures; each of them is made of several packets, so about every third loses one.
    let shown = b.gallery.more(&camera_of(0), 90).await;
    let numbers: Vec<u32> = shown.iter().filter_map(|one| one.number).collect();
    let (first, last) = (numbers[0], numbers[numbers.len() - 1]);
    let missing = 1.0 - numbers.len() as f64 / f64::from(last - first + 1);
    let took = shown[shown.len() - 1].at - shown[0].at;
    let video = b.wait_video(VIDEO).await;
    println!("{took:?}, {:.1} % of pictures missing, {video:?}", missing * 100.0);
    assert!(cable.lost() > 10, "the cable loses packets");
    assert!(missing < 0.35, "what is lost is sent again: {numbers:?}");
    assert!(u64::from(video.freezes) * 12 < video.frames, "{video:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_becomes_narrow_is_not_overrun_for_long() {
    let cable = Cable::start(Weather { delay: Duration::from_millis(20), ..Weather::fair() }).await;
    let room = watched_through(&cable).await;
    let b = &room.seats[1];
    b.gallery.only_count(true);
    b.gallery.more(&camera_of(0), 60).await;
    cable.narrow(Some(300_000));
    // The sender notices: within a while its pictures need no more than the line carries, and go on.
    let mut seconds = 0;
    loop {
        let quality = b.wait_quality(1).await;
        let fps = quality[0].video.first().map_or(0.0, |video| video.fps);
        seconds += 1;
        println!(
            "second {seconds}: {:.0} kbit/s, {fps} pictures, queue {:?}",
            quality[0].kbit_in,
            cable.queue()
        );
        if fps >= 8.0 && quality[0].kbit_in < 330.0 && cable.queue() < Duration::from_millis(300) {
            break;
        }
        assert!(seconds < 40, "{quality:?}");
    }
    cable.narrow(None);
    b.gallery.more(&camera_of(0), 30).await;
}

/// Two look at the same camera, one of them through a line that carries less than the picture for everybody takes.
#[tokio::test(flavor = "multi_thread")]
async fn one_bad_line_gets_a_small_picture_and_the_other_keeps_a_large_one() {
    let cable = Cable::start(Weather { delay: Duration::from_millis(20), ..Weather::fair() }).await;
    let mut room = Room::new(&[VideoSource::Pattern, VideoSource::Pattern, VideoSource::Pattern]);
    room.wire(1, 0, 1);
    room.wire_through(2, 0, 2, [cable.a_to_b(), cable.b_to_a()]);
    room.carry();
    for seat in &room.seats {
        seat.send(MediaCommand::StartCapture);
    }
    for link in [1, 2] {
        room.connect(link, 0, link as usize);
        room.seats[link as usize].wait_state(LinkId(link), LinkState::Connected).await;
        room.seats[link as usize].look_at(&[camera_of(0)]);
    }
    room.seats[0].show(VIDEO, true);
    for seat in &room.seats[1..] {
        seat.gallery.more(&camera_of(0), 60).await;
    }
    cable.narrow(Some(100_000));
    let height =
        |seat: usize| room.seats[seat].gallery.last(&camera_of(0)).last().map_or(0, |one| one.size.1);
    let mut seconds = 0;
    let mut fine = 0;
    while fine < 3 {
        let before = room.seats[2].gallery.count(&camera_of(0));
        room.seats[2].wait_quality(1).await;
        seconds += 1;
        let shown = room.seats[2].gallery.count(&camera_of(0)) - before;
        println!(
            "second {seconds}: {} and {} high, {shown} pictures, queue {:?}",
            height(1),
            height(2),
            cable.queue()
        );
        let is_fine =
            shown >= 5 && cable.queue() < Duration::from_millis(400) && height(2) < 300 && height(1) > 300;
        fine = if is_fine { fine + 1 } else { 0 };
        assert!(seconds < 60, "the bad line is overrun, or the good one suffers");
    }
    // It gets the common picture again when it can.
    cable.narrow(None);
    room.seats[2].gallery.until("a large picture again", || height(2) > 300).await;
}
