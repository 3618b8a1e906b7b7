//! Pictures between two processes, as a person at the command line has them: a film sent as a camera and saved at the other
//! end, and a screen on which nothing happens.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bellbird_video::{FrameRate, Pattern, Y4mReader, Y4mWriter, luma_psnr, read_number};

use crate::figure::Figure;
use crate::harness::pair::Pair;
use crate::harness::stage::Stage;
use crate::processes::processor;

const WIDTH: u32 = 1280;
const HEIGHT: u32 = 720;
const QUIET: [&str; 4] = ["--mic", "silence", "--speaker", "null"];

/// A film of two seconds, 30 pictures a second.
pub(crate) fn clip(folder: &Path) -> PathBuf {
    let path = folder.join("clip.y4m");
    let pattern = Pattern::new(WIDTH, HEIGHT).expect("a size of pictures");
    let file = std::io::BufWriter::new(std::fs::File::create(&path).expect("a temporary file"));
    let rate = FrameRate { pictures: 30, seconds: 1 };
    let mut writer = Y4mWriter::new(file, WIDTH, HEIGHT, rate).expect("a header");
    for number in 0..60 {
        writer.write(&pattern.draw(number, Instant::now())).expect("a picture");
    }
    writer.finish().expect("the rest");
    path
}

pub(crate) fn measure() {
    film();
    still_screen();
}

/// A film that the one who answers sends, and the one who calls sees and saves.
fn film() {
    let stage = Stage::new("bench-video");
    let saved = stage.folder("saved");
    let folder = saved.display().to_string();
    let camera = format!("file:{}", clip(&stage.folder("clips")).display());
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
    let pattern = Pattern::new(WIDTH, HEIGHT).expect("a size of pictures");
    let mut reader = Y4mReader::new(std::io::BufReader::new(std::fs::File::open(film).expect("a film")))
        .expect("a film's header");
    let (mut likeness, mut count) = (Vec::new(), 0);
    while let Ok(Some(frame)) = reader.read(Instant::now()) {
        count += 1;
        // One second in three: looking closely takes its time.
        if count % 90 < 30
            && let Some(number) = read_number(&frame)
        {
            likeness.extend(luma_psnr(&pattern.draw(number, Instant::now()), &frame));
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
