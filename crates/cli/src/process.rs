//! What this process costs.

use std::time::Instant;

/// Processor and memory use; `None` where the system does not tell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Usage {
    /// Share of one core since the last reading, percent.
    pub(crate) cpu_percent: Option<f64>,
    /// Memory held, MB.
    pub(crate) rss_mb: Option<f64>,
}

impl Usage {
    pub(crate) fn text(self) -> String {
        let tell = |value: Option<f64>, unit| value.map_or("?".into(), |value| format!("{value:.1} {unit}"));
        format!("{} of one core, {}", tell(self.cpu_percent, "%"), tell(self.rss_mb, "MB"))
    }
}

/// Reads the use from time to time.
#[derive(Debug)]
pub(crate) struct UsageMeter {
    last: Option<(Instant, f64)>,
}

impl UsageMeter {
    pub(crate) fn new() -> Self {
        Self { last: cpu_seconds().map(|seconds| (Instant::now(), seconds)) }
    }

    /// The use since the reading before.
    pub(crate) fn read(&mut self) -> Usage {
        let now = cpu_seconds().map(|seconds| (Instant::now(), seconds));
        let cpu_percent = self.last.zip(now).and_then(|((then, before), (now, after))| {
            let passed = now.duration_since(then).as_secs_f64();
            (passed > 0.0).then(|| round((after - before) / passed * 100.0))
        });
        self.last = now;
        Usage { cpu_percent, rss_mb: rss_mb().map(round) }
    }
}

fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// Processor time of all threads so far, seconds. Ticks are 10 ms on every Linux there is (`USER_HZ`).
#[cfg(target_os = "linux")]
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name in brackets and may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    Some(ticks / 100.0)
}

#[cfg(target_os = "linux")]
fn rss_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib * 1024.0 / 1e6)
}

#[cfg(not(target_os = "linux"))]
fn cpu_seconds() -> Option<f64> {
    None
}

#[cfg(not(target_os = "linux"))]
fn rss_mb() -> Option<f64> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn work_is_seen() {
        let mut meter = UsageMeter::new();
        let begin = Instant::now();
        let mut sum = 0_u64;
        while cpu_seconds().is_some_and(|now| meter.last.is_some_and(|(_, before)| now < before + 0.02)) {
            sum = std::hint::black_box(sum.wrapping_add(1));
            assert!(begin.elapsed().as_secs() < 60, "no processor time passes");
        }
        let usage = meter.read();
        assert!(usage.cpu_percent.is_some_and(|percent| percent > 0.0), "{usage:?}");
        assert!(usage.rss_mb.is_some_and(|mb| mb > 1.0 && mb < 10_000.0), "{usage:?}");
    }
}
