//! Pictures between two media engines over real sockets: how many, how like, how late, and at what cost. One process holds
//! both ends, so what is measured of the processor is encoding, the way, and decoding together. What is sent is a film of a
//! room and a person in it, with grain, so that codecs have what they have with a camera.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bellbird_call::ports::MediaCommand;
use bellbird_call::{LinkId, LinkState, MediaKind};
use bellbird_capture::VideoSource;
use bellbird_devices::{CaptureSource, PlayoutSink, Recorder};
use bellbird_testkit::tone_meter;

use crate::clips::{Camera, Film, number_of, pages};
use crate::figure::{Figure, percentile};
use crate::gallery::{Shown, likeness};
use crate::processes::{own_threads, processor};
use crate::room::{Room, Seat, camera_of, own, screen_of};
use crate::wire::{Cable, Weather};

const VIDEO: MediaKind = MediaKind::Video;
const SCREEN: MediaKind = MediaKind::Screen;
/// Until the rate has been found.
const WARM_UP: Duration = Duration::from_secs(6);
const LENGTH: Duration = Duration::from_secs(10);
/// A page that changes so shortly before the end is not counted.
const LATE: Duration = Duration::from_secs(3);
/// The threads that encode and decode, as far as the system keeps their names.
const CODEC_THREADS: [&str; 2] = ["bellbird-camera", "bellbird-pictur"];
/// The voice of whoever sends the film, Hz.
const VOICE: f32 = 440.0;
/// What is quieter than this is a gap in it, dBov.
const AUDIBLE: f64 = -40.0;
/// What gaps are counted in: 20 ms of samples, as long as a packet of sound.
const MOMENT: usize = 960;

/// What the figures of one camera are called, and the most its pictures may take, % of a core.
struct Names {
    pictures: &'static str,
    processor: &'static str,
    most: f64,
    likeness: &'static str,
    delay: &'static str,
}

const FIXED: Names = Names {
    pictures: "video_pictures_per_second",
    processor: "video_encode_and_decode",
    most: 25.0,
    likeness: "video_likeness",
    delay: "video_delay",
};

const HELD: Names = Names {
    pictures: "video_held_pictures_per_second",
    processor: "video_held_encode_and_decode",
    most: 45.0,
    likeness: "video_held_likeness",
    delay: "video_held_delay",
};

fn measure_with(camera: Camera, body: impl AsyncFnOnce(&Film)) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let film = Film::draw(folder.path(), camera);
    tokio::runtime::Runtime::new().expect("a runtime").block_on(body(&film));
}

/// The pictures of a camera on a desk, on a fair line.
pub(crate) fn camera() {
    measure_with(Camera::Fixed, async |film| sharp_and_soon(film, &FIXED).await);
}

/// Those of a camera in a hand, where nothing stands still: there is no goal for what they cost, only a mark.
pub(crate) fn held() {
    measure_with(Camera::Held, async |film| sharp_and_soon(film, &HELD).await);
}

/// On one that loses.
pub(crate) fn lossy() {
    measure_with(Camera::Held, async |film| loss(film).await);
}

/// On one that becomes narrow.
pub(crate) fn narrowed() {
    measure_with(Camera::Held, async |film| narrow(film).await);
}

/// A screen on which a page changes.
pub(crate) fn page() {
    tokio::runtime::Runtime::new().expect("a runtime").block_on(screen());
}

/// A pair through a cable, the second looking at and listening to the first, who shows the film and says a tone.
async fn watched(cable: &Cable, film: &Film) -> (Room, Recorder) {
    let recorder = Recorder::new();
    let camera = VideoSource::File(film.path.clone());
    let mut room = Room::of(vec![
        Seat::with_sound(camera, CaptureSource::Tone { hz: VOICE }, PlayoutSink::Null),
        Seat::with_sound(
            VideoSource::Pattern,
            CaptureSource::Silence,
            PlayoutSink::Recorder(recorder.clone()),
        ),
    ]);
    room.seats[1].gallery.read_by(number_of);
    room.wire_through(1, 0, 1, [cable.a_to_b(), cable.b_to_a()]);
    room.carry();
    for seat in &room.seats {
        seat.send(MediaCommand::StartCapture);
    }
    room.connect(1, 0, 1);
    room.seats[1].wait_state(LinkId(1), LinkState::Connected).await;
    room.seats[1].look_at(&[camera_of(0)]);
    room.seats[0].show(VIDEO, true);
    (room, recorder)
}

async fn sharp_and_soon(film: &Film, names: &Names) {
    let mut room = Room::new(&[VideoSource::File(film.path.clone()), VideoSource::Pattern]);
    room.wire(1, 0, 1);
    room.carry();
    for seat in &room.seats {
        seat.send(MediaCommand::StartCapture);
        seat.gallery.read_by(number_of);
        seat.gallery.only_count(true);
    }
    room.connect(1, 0, 1);
    let (a, b) = (&room.seats[0], &room.seats[1]);
    b.wait_state(LinkId(1), LinkState::Connected).await;
    let own_id = std::process::id();
    let without = tokio::task::spawn_blocking(move || processor(own_id, Duration::from_secs(5))).await;
    let without = without.expect("measured");
    b.look_at(&[camera_of(0)]);
    a.show(VIDEO, true);
    tokio::time::sleep(WARM_UP).await;
    let (begin, before) = (Instant::now(), b.gallery.count(&camera_of(0)));
    let measured = tokio::task::spawn_blocking(|| own_threads(&CODEC_THREADS, LENGTH)).await;
    let (codecs, with) = measured.expect("measured");
    let frames = b.gallery.count(&camera_of(0)) - before;
    let seconds = begin.elapsed().as_secs_f64();
    let kbit = b.wait_quality(1).await[0].kbit_in;
    eprintln!(
        "camera: {kbit:.0} kbit/s; reading the film, encoding, both ends of the way and decoding take {:.1} % of a core beside the {without:.1} % of the calls",
        with - without
    );
    Figure::at_least(names.pictures, "1/s", 29.0).print(&[frames as f64 / seconds]);
    Figure::at_most(names.processor, "%", names.most).print(&[codecs]);
    // Likeness and delay cost time themselves, so they come after.
    for seat in [a, b] {
        seat.gallery.only_count(false);
    }
    a.look_at(&[own(VIDEO)]);
    b.gallery.more(&camera_of(0), 80).await;
    let (sent, received) = (a.gallery.last(&own(VIDEO)), b.gallery.last(&camera_of(0)));
    Figure::at_least(names.likeness, "dB", 33.0).print(&likeness(&sent, &received));
    Figure::at_most(names.delay, "ms", 120.0).print(&delays(&sent, &received));
}

/// From the sender's preview to the receiver's sink, of the same picture, ms. The numbers of a film repeat, so the next
/// one after the preview counts.
fn delays(sent: &[Shown], received: &[Shown]) -> Vec<f64> {
    sent.iter()
        .filter_map(|one| {
            let after = received
                .iter()
                .find(|other| one.number.is_some() && other.number == one.number && other.at >= one.at)?;
            Some((after.at - one.at).as_secs_f64() * 1000.0)
        })
        .collect()
}

async fn loss(film: &Film) {
    let weather = Weather { loss: 0.05, delay: Duration::from_millis(50), ..Weather::fair() };
    let cable = Cable::start(weather).await;
    let (room, _) = watched(&cable, film).await;
    let b = &room.seats[1];
    tokio::time::sleep(WARM_UP).await;
    let (mut good, mut seconds, mut freezes) = (0.0, 0.0, Vec::new());
    let mut longest: f64 = 0.0;
    let end = Instant::now() + Duration::from_secs(30);
    while Instant::now() < end {
        let qualities = b.wait_quality(1).await;
        let Some(video) = qualities.first().and_then(|quality| quality.video.first()) else { continue };
        seconds += 1.0;
        if video.fps < 20.0 {
            eprintln!("loss: a bad second, {:.0} kbit/s, {video:?}", qualities[0].kbit_in);
        }
        good += f64::from(u8::from(video.fps >= 20.0));
        freezes.push(f64::from(video.freezes));
        let shown = b.gallery.last(&camera_of(0));
        let gaps = shown.windows(2).map(|pair| (pair[1].at - pair[0].at).as_secs_f64() * 1000.0);
        longest = gaps.fold(longest, f64::max);
    }
    let freezes = freezes.last().copied().unwrap_or(0.0) - freezes.first().copied().unwrap_or(0.0);
    eprintln!("loss: {} packets of {} were lost, {freezes} freezes", cable.lost(), cable.pictures().0);
    Figure::at_least("video_lossy_good_seconds", "share", 0.95).print(&[good / seconds]);
    Figure::at_most("video_lossy_longest_gap", "ms", 500.0).print(&[longest]);
}

async fn narrow(film: &Film) {
    let cable = Cable::start(Weather { delay: Duration::from_millis(20), ..Weather::fair() }).await;
    let (room, played) = watched(&cable, film).await;
    let b = &room.seats[1];
    b.gallery.only_count(true);
    tokio::time::sleep(WARM_UP).await;
    played.take();
    cable.narrow(Some(300_000));
    let begin = Instant::now();
    let mut recovered = None;
    let mut worst = Duration::ZERO;
    for _ in 0..20 {
        let before = b.gallery.count(&camera_of(0));
        tokio::time::sleep(Duration::from_millis(500)).await;
        let frames = b.gallery.count(&camera_of(0)) - before;
        worst = worst.max(cable.queue());
        let fine = frames >= 7 && cable.queue() < Duration::from_millis(200);
        recovered = if fine { recovered.or(Some(begin.elapsed())) } else { None };
    }
    eprintln!("narrow: the longest queue was {worst:?}");
    Figure::at_most("video_narrowed_recovers", "s", 5.0)
        .print(&[recovered.map_or(f64::INFINITY, |after| after.as_secs_f64())]);
    let during = longest_gap(&played.take().samples);
    cable.narrow(None);
    tokio::time::sleep(LENGTH).await;
    let after = longest_gap(&played.take().samples);
    Figure::at_most("sound_gap_while_narrow", "ms", 200.0).print(&[during]);
    Figure::at_most("sound_gap_when_wide_again", "ms", 60.0).print(&[after]);
}

/// The longest that the tone was not played, ms.
fn longest_gap(samples: &[f32]) -> f64 {
    let (mut longest, mut current) = (0u32, 0u32);
    for moment in samples.chunks_exact(MOMENT) {
        current = if tone_meter::level(moment) > AUDIBLE { 0 } else { current + 1 };
        longest = longest.max(current);
    }
    f64::from(longest) * MOMENT as f64 / 48.0
}

/// The own screen pattern, of which a paragraph changes every two seconds; and pages of dense text that are new as a whole
/// every four.
async fn screen() {
    readable("screen", None, Duration::from_secs(24), Figure::at_most("screen_readable", "s", 1.0)).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let pages = VideoSource::File(pages(folder.path()));
    let figure = Figure::at_most("screen_page_readable", "s", 1.0);
    readable("pages", Some(pages), Duration::from_secs(32), figure).await;
}

async fn readable(name: &str, source: Option<VideoSource>, length: Duration, figure: Figure) {
    let mut room = Room::pair();
    room.wire(1, 0, 1);
    room.wire(2, 0, 1);
    room.carry();
    for seat in &room.seats {
        seat.send(MediaCommand::StartCapture);
    }
    room.connect(1, 0, 1);
    let (a, b) = (&room.seats[0], &room.seats[1]);
    b.wait_state(LinkId(1), LinkState::Connected).await;
    a.look_at(&[own(SCREEN)]);
    b.look_at(&[screen_of(0)]);
    if let Some(source) = source {
        a.devices().select_screen(source);
    }
    a.show(SCREEN, true);
    a.wait_track(0, SCREEN, true).await;
    room.share(2, 0, 1);
    b.wait_state(LinkId(2), LinkState::Connected).await;
    tokio::time::sleep(WARM_UP).await;
    // From each change of the page until it is readable at the other end. What is there already is no change, and what
    // changes at the very end has no time.
    let begin = Instant::now();
    let mut changed: BTreeMap<u32, Instant> = BTreeMap::new();
    let mut readable: BTreeMap<u32, Instant> = BTreeMap::new();
    let mut best: BTreeMap<u32, f64> = BTreeMap::new();
    while begin.elapsed() < length {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let (sent, received) = (a.gallery.last(&own(SCREEN)), b.gallery.last(&screen_of(0)));
        for one in sent.iter().filter(|one| one.at > begin && begin.elapsed() + LATE < length) {
            if let Some(number) = one.number {
                changed.entry(number).or_insert(one.at);
            }
        }
        for one in received.iter().rev().take(3) {
            if let Some(number) = one.number.filter(|number| changed.contains_key(number))
                && !readable.contains_key(&number)
            {
                let psnr = likeness(&sent, std::slice::from_ref(one)).into_iter().fold(0.0, f64::max);
                let best = best.entry(number).or_default();
                *best = psnr.max(*best);
                if psnr >= 38.0 {
                    readable.insert(number, one.at);
                }
            }
        }
    }
    // What never became readable counts as that.
    let times: Vec<f64> = changed
        .iter()
        .map(|(number, from)| readable.get(number).map_or(f64::INFINITY, |at| (*at - *from).as_secs_f64()))
        .collect();
    let never: Vec<f64> =
        best.iter().filter(|(number, _)| !readable.contains_key(number)).map(|(_, psnr)| *psnr).collect();
    eprintln!(
        "{name}: {} of {} pages became readable; nine in ten within {:.2} s; the others came to {never:.1?} dB",
        readable.len(),
        changed.len(),
        percentile(&times, 0.9)
    );
    figure.print(&times);
}
