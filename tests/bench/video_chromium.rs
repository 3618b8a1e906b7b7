//! A camera of 1280x720 and 30 pictures a second to and from headless Chromium, beside Chromium with itself in the same run:
//! its camera is the same film, and the ratios say how we do beside what people are used to.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use bellbird_call::ports::{MediaCommand, MediaEvent};
use bellbird_call::{
    IceCandidate, Link, LinkDirection, LinkId, LinkRole, LinkSource, MediaKind, MediaKinds,
    SessionDescription,
};
use bellbird_capture::VideoSource;
use bellbird_video::VideoFrame;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::clips::{Camera, Film, likeness_to, number_of};
use crate::figure::Figure;
use crate::harness::web_driver::WebDriver;
use crate::harness::web_server::{Served, WebServer};
use crate::room::{Seat, camera_of, participant};

const LINK: LinkId = LinkId(1);
/// Until Chromium sends as much as it will: it begins with 300 kbit/s and takes its time.
const WARM_UP: Duration = Duration::from_secs(14);
const LENGTH: Duration = Duration::from_secs(12);
const PATIENCE: Duration = Duration::from_secs(60);
/// Pictures that are looked at closely.
const SAMPLES: usize = 12;

/// How one way of a call fared.
struct Way {
    /// Pictures a second.
    rate: f64,
    freezes: f64,
    /// From the answer until the first one, ms.
    first: f64,
    likeness: Vec<f64>,
    kbit: f64,
}

impl Way {
    fn tell(&self, name: &str) {
        eprintln!(
            "{name}: {:.1} pictures/s, {} freezes, first after {:.0} ms, {:.1} dB, {:.0} kbit/s",
            self.rate,
            self.freezes,
            self.first,
            median(&self.likeness),
            self.kbit
        );
    }
}

fn median(values: &[f64]) -> f64 {
    crate::figure::percentile(values, 0.5)
}

pub(crate) fn measure() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let film = Film::draw(folder.path(), Camera::Held);
    std::fs::write(folder.path().join("index.html"), include_str!("chromium.html")).expect("a file");
    let served = Served { folder: folder.path().to_owned(), call_page: None, talk: None };
    let server = WebServer::start(served);
    let browser = WebDriver::of_chromium(
        &folder.path().join("profile"),
        &[
            "--use-fake-device-for-media-stream".to_owned(),
            format!("--use-file-for-fake-video-capture={}", film.path.display()),
            "--use-fake-ui-for-media-stream".to_owned(),
            "--allow-loopback-in-peer-connection".to_owned(),
        ],
    );
    browser.open(&server.origin());
    let vp8 = [
        Figure::at_least("chromium_vp8_pictures_to_it", "ratio", 0.95),
        Figure::at_least("chromium_vp8_pictures_from_it", "ratio", 0.95),
        Figure::at_least("chromium_vp8_likeness_to_it", "dB", 33.0),
        Figure::at_least("chromium_vp8_likeness_from_it", "dB", 33.0),
        Figure::at_most("chromium_vp8_first_picture_to_it", "ratio", 1.2),
        Figure::at_most("chromium_vp8_first_picture_from_it", "ratio", 1.2),
        Figure::at_most("chromium_vp8_freezes", "", 0.0),
    ];
    let h264 = [
        Figure::at_least("chromium_h264_pictures_to_it", "ratio", 0.95),
        Figure::at_least("chromium_h264_pictures_from_it", "ratio", 0.95),
        Figure::at_least("chromium_h264_likeness_to_it", "dB", 33.0),
        Figure::at_least("chromium_h264_likeness_from_it", "dB", 33.0),
        Figure::at_most("chromium_h264_first_picture_to_it", "ratio", 1.2),
        Figure::at_most("chromium_h264_first_picture_from_it", "ratio", 1.2),
        Figure::at_most("chromium_h264_freezes", "", 0.0),
    ];
    for (codec, figures) in [("VP8", vp8), ("H264", h264)] {
        let itself = with_itself(&browser, &film, codec);
        itself.tell(&format!("{codec}, Chromium with itself"));
        let [to, from] = with_us(&browser, &film, codec);
        to.tell(&format!("{codec}, from us to Chromium"));
        from.tell(&format!("{codec}, from Chromium to us"));
        let [rate_to, rate_from, like_to, like_from, first_to, first_from, freezes] = figures;
        rate_to.print(&[to.rate / itself.rate]);
        rate_from.print(&[from.rate / itself.rate]);
        like_to.print(&to.likeness);
        like_from.print(&from.likeness);
        first_to.print(&[to.first / itself.first]);
        first_from.print(&[from.first / itself.first]);
        freezes.print(&[(to.freezes + from.freezes - itself.freezes).max(0.0)]);
    }
}

fn with_itself(browser: &WebDriver, film: &Film, codec: &str) -> Way {
    browser.run(&format!("return toItself('{codec}')"));
    let way = what_it_sees(browser, film, codec);
    browser.run("hangUp()");
    way
}

/// What the page is shown, over a while.
fn what_it_sees(browser: &WebDriver, film: &Film, codec: &str) -> Way {
    browser.wait_until("a first picture", || browser.run("return far.first").as_f64());
    std::thread::sleep(WARM_UP);
    let before = browser.run("return figures()");
    std::thread::sleep(LENGTH);
    let after = browser.run("return figures()");
    assert_eq!(after["sees"], format!("video/{codec}"), "{after}");
    eprintln!("the browser says: {after}");
    let grown = |name: &str| after[name].as_f64().unwrap_or(0.0) - before[name].as_f64().unwrap_or(0.0);
    let seconds = grown("at");
    let pictures: Vec<VideoFrame> = (0..SAMPLES)
        .filter_map(|_| {
            std::thread::sleep(Duration::from_millis(130));
            shown(&browser.run("return picture()"))
        })
        .collect();
    Way {
        rate: grown("decoded") / seconds,
        freezes: grown("freezes"),
        first: after["first"].as_f64().unwrap_or(f64::NAN),
        likeness: likeness_to(film, &pictures),
        kbit: grown("bytesIn") * 8.0 / seconds / 1000.0,
    }
}

/// A picture that the page handed out: its lightness, and no colours.
fn shown(picture: &Value) -> Option<VideoFrame> {
    let (width, height) = (picture["width"].as_u64()? as u32, picture["height"].as_u64()? as u32);
    let luma = base64::engine::general_purpose::STANDARD.decode(picture["luma"].as_str()?).ok()?;
    VideoFrame::paint(width, height, Instant::now(), |y, u, v| {
        if y.len() == luma.len() {
            y.copy_from_slice(&luma);
        }
        u.fill(128);
        v.fill(128);
    })
    .ok()
}

fn milliseconds() -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    now.as_secs_f64() * 1000.0
}

/// Both cameras at once: what it sees of us, and what we see of it.
fn with_us(browser: &WebDriver, film: &Film, codec: &str) -> [Way; 2] {
    let runtime = Runtime::new().expect("a runtime");
    let _inside = runtime.enter();
    let seat = Seat::new(VideoSource::File(film.path.clone()));
    seat.gallery.read_by(number_of);
    seat.gallery.only_count(true);
    let mut said = seat.said();
    seat.send(MediaCommand::StartCapture);
    seat.look_at(&[camera_of(1)]);
    seat.show(MediaKind::Video, true);
    seat.send(MediaCommand::OpenLink(Link {
        id: LINK,
        participant: Some(participant(1)),
        source: LinkSource::Person,
        role: LinkRole::Offerer,
        direction: LinkDirection::SendReceive,
        may_send: MediaKinds::VIDEO,
        simulcast: false,
    }));
    let (mut offer, mut candidates) = (None, Vec::new());
    runtime.block_on(async {
        // All candidates are known within a moment of the offer: they are this machine's addresses.
        let mut patience = PATIENCE;
        while let Ok(Some(event)) = tokio::time::timeout(patience, said.recv()).await {
            match event {
                MediaEvent::LocalDescription { description: SessionDescription::Offer(sdp), .. } => {
                    offer = Some(sdp)
                }
                MediaEvent::LocalCandidate { candidate, .. } => candidates.push(json!({
                    "candidate": candidate.candidate,
                    "sdpMid": candidate.sdp_mid,
                    "sdpMLineIndex": candidate.sdp_mline_index,
                })),
                _ => {}
            }
            if offer.is_some() && !candidates.is_empty() {
                patience = Duration::from_millis(500);
            }
        }
    });
    let offer = json!(offer.expect("an offer"));
    let answer = browser.run(&format!("return answer('{codec}', {offer}, {})", json!(candidates)));
    let answer = answer.as_str().expect("an answer").to_owned();
    let begun = milliseconds();
    for line in answer
        .lines()
        .filter_map(|line| line.strip_prefix("a="))
        .filter(|line| line.starts_with("candidate:"))
    {
        let candidate =
            IceCandidate { candidate: line.to_owned(), sdp_mid: Some("0".into()), sdp_mline_index: Some(0) };
        seat.send(MediaCommand::AddRemoteCandidate { link: LINK, candidate });
    }
    seat.send(MediaCommand::SetRemoteDescription {
        link: LINK,
        description: SessionDescription::Answer(answer),
    });
    let whose = camera_of(1);
    let first = runtime.block_on(async {
        seat.gallery.until("a picture of Chromium", || seat.gallery.count(&whose) > 0).await;
        milliseconds() - begun
    });
    let counting = std::thread::spawn({
        let (seat, whose, handle) = (Arc::clone(&seat), whose.clone(), runtime.handle().clone());
        move || {
            std::thread::sleep(WARM_UP);
            let video = |quality: Vec<bellbird_call::LinkQuality>| {
                quality[0].video.first().map_or(0, |video| video.freezes)
            };
            let frozen = video(handle.block_on(seat.wait_quality(1)));
            let (begin, before) = (Instant::now(), seat.gallery.count(&whose));
            std::thread::sleep(LENGTH);
            let rate = (seat.gallery.count(&whose) - before) as f64 / begin.elapsed().as_secs_f64();
            let quality = handle.block_on(seat.wait_quality(1));
            let kbit = f64::from(quality[0].kbit_in);
            (rate, f64::from(video(quality).saturating_sub(frozen)), kbit)
        }
    });
    let mut to = what_it_sees(browser, film, codec);
    let told = browser.run("return far.first");
    to.first = told.as_f64().unwrap_or(f64::NAN) - begun;
    let (rate, freezes, kbit) = counting.join().expect("counted");
    seat.gallery.only_count(false);
    let pictures: Vec<VideoFrame> =
        runtime.block_on(seat.gallery.more(&whose, 30)).into_iter().filter_map(|one| one.frame).collect();
    let from = Way { rate, freezes, first, likeness: likeness_to(film, &pictures), kbit };
    browser.run("hangUp()");
    [to, from]
}
