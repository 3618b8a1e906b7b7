//! How soon the window is painted.

use std::time::Duration;

use crate::figure::Figure;
use crate::harness::household::Household;
use crate::harness::process_list::running;
use crate::harness::stage::{Stage, program};
use crate::processes::{proportional, started};

pub(crate) fn measure() {
    let stage = Stage::new("bench-window");
    let _ada = Household::settle(&stage, "ada");
    let data = stage.folder("ada").join("data");
    let (mut painted, mut weight) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let window = stage.open_window("ada");
        window.wait_for("[data-contact=echo]");
        let ids = running(&program("bellbird"), &data);
        let id = *ids.first().expect("the window's process");
        // The first paint that shows anything, on the same clock as the process's start.
        let at = window.run(
            "const paints = performance.getEntriesByType('paint');
             return (performance.timeOrigin + Math.max(...paints.map((paint) => paint.startTime))) / 1000",
        );
        painted.extend(at.as_f64().map(|at| (at - started(id)) * 1000.0));
        std::thread::sleep(Duration::from_secs(1));
        weight.push(proportional(id));
        window.close();
        drop(window);
    }
    Figure::at_most("window_painted", "ms", 1000.0).print(&painted);
    Figure::at_most("window_process_memory", "MB", 120.0).print(&weight);
}
