//! A film of 1280x720 shown in the real window: what it costs over all processes that have a part in it, and whether it
//! comes later and later while the machine has other things to do.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bellbird_contract::Status;

use crate::clips::{Camera, Film};
use crate::figure::{Figure, percentile};
use crate::harness::household::Household;
use crate::harness::process_list::{descendants, running};
use crate::harness::stage::{Stage, program};
use crate::harness::web_driver::WebDriver;
use crate::processes::all_processors;

/// The film's length, ms: numbers repeat after it.
const PERIOD: f64 = 3000.0;
/// How long the machine is busy.
const BUSY: Duration = Duration::from_secs(24);

/// Notes when which picture of the film is drawn, as `window.drawn`: milliseconds since 1970, number. As
/// [`crate::clips::number_of`] reads it.
const WATCH: &str = r"
    window.drawn = [];
    window.widths = 0;
    for (const name of ['drawImage', 'putImageData']) {
        const real = CanvasRenderingContext2D.prototype[name];
        CanvasRenderingContext2D.prototype[name] = function (...rest) {
            real.apply(this, rest);
            const { width } = this.canvas;
            const side = Math.floor(width / 40);
            window.widths = width;
            const pixels = this.getImageData(0, Math.floor(side / 2), side * 12, 1).data;
            let bits = 0;
            for (let cell = 0; cell < 12; cell += 1) {
                const at = Math.floor((cell + 0.5) * side) * 4;
                bits = bits * 2 + (pixels[at] > 126 ? 1 : 0);
            }
            const number = bits >> 4;
            if ((number ^ (number >> 4) ^ 6) % 16 === bits % 16 && number < 90) {
                window.drawn.push([performance.timeOrigin + performance.now(), number]);
            }
        };
    }
";

/// A loop that does nothing and does not stop by itself.
struct Load(Child);

impl Load {
    fn start() -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", "while :; do :; done"]).stdin(Stdio::null());
        Self(command.spawn().expect("there is a shell"))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How late each picture was drawn that was drawn in the last so many seconds, in milliseconds after some moment that is the
/// same for all; and how many a second.
fn lateness(window: &WebDriver, seconds: u64, since: f64) -> (Vec<f64>, f64) {
    let script = format!(
        "const from = Date.now() - {seconds} * 1000; return window.drawn.filter(([at]) => at >= from);"
    );
    let drawn = window.run(&script);
    let list = drawn.as_array().cloned().unwrap_or_default();
    let late = |one: &serde_json::Value| {
        let (at, number) = (one[0].as_f64()?, one[1].as_f64()?);
        // Between half a period too early and half a period too late.
        let off = (at - number * 1000.0 / 30.0 - since).rem_euclid(PERIOD);
        Some(if off > PERIOD / 2.0 { off - PERIOD } else { off })
    };
    (list.iter().filter_map(late).collect(), list.len() as f64 / seconds as f64)
}

pub(crate) fn measure() {
    let stage = Stage::new("bench-video-window");
    let film = Film::draw(&stage.folder("clips"), Camera::Held);
    let ada = Household::settle_with(&stage, "ada", &["--camera", "pattern"]);
    let window = stage.open_window("ada");
    ada.add_friend(&stage, "bob");
    let camera = format!("file:{}", film.path.display());
    let options = ["listen", "--mic", "silence", "--speaker", "null", "--camera", &camera];
    let mut bob = ada.friend_starts(&stage, "bob", &options);
    bob.event("registered");
    window.type_into("input[type=search]", "bob");
    window.click("[data-video=bob]");
    ada.door.call(Status::Connected);
    window.wait_for("canvas[data-picture=video]:not([data-of=self])[data-live=true]");
    // What is measured is what is shown of the other one.
    window.wait_for("[data-status=connected]");
    window.press("v");
    window.wait_until_gone("canvas[data-picture=video][data-of=self]");
    std::thread::sleep(Duration::from_secs(8));

    let data = stage.folder("ada").join("data");
    let mut ids = vec![ada.core.0.id()];
    let windows = running(&program("bellbird"), &data);
    ids.extend(&windows);
    for window in windows {
        ids.extend(descendants(window));
    }
    let shares = all_processors(&ids, Duration::from_secs(10));
    for (id, share) in ids.iter().zip(&shares) {
        let name = std::fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default();
        eprintln!("window: {share:.1} % of a core in {}", name.trim());
    }
    Figure::at_most("window_video_processor", "%", 70.0).print(&[shares.iter().sum()]);

    window.run(WATCH);
    std::thread::sleep(Duration::from_secs(6));
    let (rest, rate) = lateness(&window, 5, 0.0);
    let Some(first) = rest.first().copied() else { panic!("no picture of the film was drawn") };
    // From now on relative to where it is, so that nothing lies at the seam of a period.
    let since = first.rem_euclid(PERIOD);
    let (rest, _) = lateness(&window, 5, since);
    let width = window.run("return window.widths").as_f64().unwrap_or(0.0);
    eprintln!("window: drawn {width} pixels wide");
    Figure::at_least("window_pictures_per_second", "1/s", 28.0).print(&[rate]);
    let at_rest = percentile(&rest, 0.5);

    let load = [Load::start(), Load::start()];
    std::thread::sleep(Duration::from_secs(8));
    let (early, _) = lateness(&window, 5, since);
    std::thread::sleep(BUSY - Duration::from_secs(8));
    let (late, rate) = lateness(&window, 5, since);
    drop(load);
    std::thread::sleep(Duration::from_secs(6));
    let (after, _) = lateness(&window, 4, since);
    let more = |list: &[f64]| percentile(list, 0.5) - at_rest;
    eprintln!(
        "window: later than at rest by {:.0} ms at the beginning of the load, {:.0} at its end, {:.0} after it; {rate:.1} pictures a second under it",
        more(&early),
        more(&late),
        more(&after)
    );
    Figure::at_most("window_delay_added_by_load", "ms", 120.0).print(&[more(&late)]);
    Figure::at_most("window_delay_growth_under_load", "ms", 40.0).print(&[more(&late) - more(&early)]);
    Figure::at_most("window_delay_left_after_load", "ms", 40.0).print(&[more(&after)]);
    window.click("[data-action=end]");
    ada.door.no_call();
}
