//! A measured figure and how it is printed.

use serde_json::json;

/// Which side of its limit a figure should be on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wanted {
    AtMost,
    AtLeast,
}

/// One figure: the median of its readings against its limit.
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) wanted: Wanted,
    pub(crate) limit: f64,
    /// What we aim for beyond the limit.
    pub(crate) goal: Option<f64>,
}

impl Figure {
    pub(crate) const fn at_most(name: &'static str, unit: &'static str, limit: f64) -> Self {
        Self { name, unit, wanted: Wanted::AtMost, limit, goal: None }
    }

    pub(crate) const fn at_least(name: &'static str, unit: &'static str, limit: f64) -> Self {
        Self { name, unit, wanted: Wanted::AtLeast, limit, goal: None }
    }

    pub(crate) const fn with_goal(self, goal: f64) -> Self {
        Self { goal: Some(goal), ..self }
    }

    /// Prints the median and the worst of the readings.
    pub(crate) fn print(&self, readings: &[f64]) {
        let mut sorted = readings.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (Some(&low), Some(&high)) = (sorted.first(), sorted.last()) else {
            println!("{}", json!({"figure": self.name, "error": "no readings"}));
            return;
        };
        let median = sorted[sorted.len() / 2];
        let (worst, ok) = match self.wanted {
            Wanted::AtMost => (high, median <= self.limit),
            Wanted::AtLeast => (low, median >= self.limit),
        };
        let round = |value: f64| (value * 1000.0).round() / 1000.0;
        let mut line = json!({
            "figure": self.name, "value": round(median), "unit": self.unit, "limit": self.limit, "ok": ok,
            "worst": round(worst), "readings": readings.len(),
        });
        if let Some(goal) = self.goal {
            line["goal"] = json!(goal);
        }
        println!("{line}");
    }
}

/// The value below which this share of the readings lies.
pub(crate) fn percentile(readings: &[f64], share: f64) -> f64 {
    let mut sorted = readings.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = ((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len().max(1)) - 1;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}
