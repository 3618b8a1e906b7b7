//! What a process uses, as the kernel counts it.

use std::time::{Duration, Instant};

/// Ticks per second in `/proc/*/stat`; 100 on every Linux that programs are built for.
const TICKS: f64 = 100.0;

fn field(id: u32, file: &str, name: &str) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{id}/{file}")).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Resident memory, MB.
pub(crate) fn resident(id: u32) -> f64 {
    field(id, "status", "VmRSS:").expect("the process runs") / 1024.0
}

/// Memory that is its own share, MB.
pub(crate) fn proportional(id: u32) -> f64 {
    field(id, "smaps_rollup", "Pss:").expect("the process runs") / 1024.0
}

fn ticks(id: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{id}/stat")).expect("the process runs");
    // The name in parentheses may contain blanks; user and system time are the 12th and 13th field after it.
    let rest = text.rsplit(')').next().unwrap_or_default();
    rest.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum()
}

/// Share of one core used over a while, percent.
pub(crate) fn processor(id: u32, length: Duration) -> f64 {
    let (begin, before) = (Instant::now(), ticks(id));
    std::thread::sleep(length);
    (ticks(id) - before) / TICKS / begin.elapsed().as_secs_f64() * 100.0
}

/// Likewise of this process's threads whose names begin like one of these, and of all of it.
pub(crate) fn own_threads(names: &[&str], length: Duration) -> (f64, f64) {
    let of = || {
        let tasks = std::fs::read_dir("/proc/self/task").expect("there is a list of threads").flatten();
        let named = tasks.filter_map(|task| {
            let text = std::fs::read_to_string(task.path().join("stat")).ok()?;
            let (name, rest) = text.split_once('(')?.1.rsplit_once(')')?;
            let wanted = names.iter().any(|wanted| name.starts_with(wanted));
            let ticks =
                rest.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok());
            wanted.then(|| ticks.sum::<f64>())
        });
        (named.sum::<f64>(), ticks(std::process::id()))
    };
    let (begin, before) = (Instant::now(), of());
    std::thread::sleep(length);
    let (after, seconds) = (of(), begin.elapsed().as_secs_f64());
    let share = |from: f64, to: f64| (to - from) / TICKS / seconds * 100.0;
    (share(before.0, after.0), share(before.1, after.1))
}

/// Likewise of several over the same while.
pub(crate) fn all_processors(ids: &[u32], length: Duration) -> Vec<f64> {
    let (begin, before) = (Instant::now(), ids.iter().map(|id| ticks(*id)).collect::<Vec<_>>());
    std::thread::sleep(length);
    let seconds = begin.elapsed().as_secs_f64();
    ids.iter().zip(before).map(|(id, before)| (ticks(*id) - before) / TICKS / seconds * 100.0).collect()
}

/// When it was started, in seconds since 1970, to a hundredth.
pub(crate) fn started(id: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{id}/stat")).expect("the process runs");
    let rest = text.rsplit(')').next().unwrap_or_default();
    let since_boot: f64 = rest
        .split_whitespace()
        .nth(19)
        .and_then(|ticks| ticks.parse().ok())
        .expect("the 20th field is a number");
    let uptime = std::fs::read_to_string("/proc/uptime").expect("there is an uptime");
    let uptime: f64 =
        uptime.split_whitespace().next().and_then(|text| text.parse().ok()).expect("it is a number");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("it is after 1970");
    now.as_secs_f64() - uptime + since_boot / TICKS
}
