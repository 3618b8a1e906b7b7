//! Pictures between two processes, as a person at the command line has them: a film sent as a camera and saved at the other
//! end, and a screen on which nothing happens.

use std::time::{Duration, Instant};

use bellbird_video::{Y4mReader, luma_psnr};

use crate::clips::{Camera, Film, number_of};
use crate::figure::Figure;
use crate::harness::pair::Pair;
use crate::harness::stage::Stage;
use crate::processes::processor;

const QUIET: [&str; 4] = ["--mic", "silence", "--speaker", "null"];

pub(crate) fn measure() {
    film();
    still_screen();
}

/// A film that the one who answers sends, and the one who calls sees and saves.
fn film() {
    let stage = Stage::new("bench-video");
    let saved = stage.folder("saved");
    let folder = saved.display().to_string();
    let original = Film::draw(&stage.folder("clips"), Camera::Held);
    let camera = format!("file:{}", original.path.display());
    let pair = Pair::start_with(&stage, &[&QUIET[..], &["--camera", &camera]].concat());
    let mut call =
        pair.call(&stage, &[&QUIET[..], &["--video", "--save-video", &folder, "--stats", "1"]].concat());
    call.status("connected");
    std::thread::sleep(Duration::from_secs(6));
    let sending = processor(pair.listener(), Duration::from_secs(10));
    let mut rates = Vec::new();
    // Those of the last seconds wait to be read; the first ones are from before the rate was found.
    for second in 0..14 {
        let stats = call.event("stats");
        let rate = stats["participants"][0]["video"][0]["fps"].as_f64();
        rates.extend(rate.filter(|_| second >= 5));
    }
    call.interrupt();
    Figure::at_most("film_sender_processor", "%", 25.0).print(&[sending]);
    Figure::at_least("film_pictures_per_second", "1/s", 29.0).print(&rates);
    let film = std::fs::read_dir(&saved)
        .expect("a folder")
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|ending| ending == "y4m"))
        .expect("a film was saved");
    let mut reader = Y4mReader::new(std::io::BufReader::new(std::fs::File::open(film).expect("a film")))
        .expect("a film's header");
    let (mut likeness, mut count) = (Vec::new(), 0);
    while let Ok(Some(frame)) = reader.read(Instant::now()) {
        count += 1;
        // One second in three: looking closely takes its time.
        if count % 90 < 30
            && let Some(sent) = number_of(&frame).and_then(|number| original.picture(number))
        {
            likeness.extend(luma_psnr(sent, &frame));
        }
    }
    Figure::at_least("film_likeness", "dB", 33.0).print(&likeness);
}

/// What sharing costs while nothing on the screen changes.
fn still_screen() {
    let stage = Stage::new("bench-screen");
    let pair = Pair::start_with(&stage, &QUIET);
    let mut call = pair.call(&stage, &[&QUIET[..], &["--screen", "primary", "--stdin"]].concat());
    call.event_where("a shared screen", |event| {
        event["event"] == "track" && event["kind"] == "screen" && event["local"] == true
    });
    // Until it is sharp at the other end.
    std::thread::sleep(Duration::from_secs(6));
    let with = processor(call.0.id(), Duration::from_secs(10));
    call.0.say("screen off");
    std::thread::sleep(Duration::from_secs(2));
    let without = processor(call.0.id(), Duration::from_secs(10));
    call.interrupt();
    Figure::at_most("still_screen_processor", "%", 2.0).print(&[(with - without).max(0.0)]);
}
