//! What else the machine does while something is measured, as the system tells it.

use std::fs;
use std::time::Duration;

/// Processor time in ticks up to some moment; zero where the system does not tell (`/proc`).
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Of all programs.
    all: f64,
    /// Of this one.
    own: f64,
}

/// What `/proc` counts in: it is so on every machine that Linux runs on here.
const TICKS_PER_SECOND: f64 = 100.0;

impl Load {
    /// The load up to now.
    pub fn now() -> Self {
        Load { all: all().unwrap_or(0.0), own: own().unwrap_or(0.0) }
    }

    /// How many processors other programs kept busy in the time since then.
    pub fn foreign_since(self, elapsed: Duration) -> f64 {
        let now = Load::now();
        let ticks = (now.all - self.all) - (now.own - self.own);
        (ticks / TICKS_PER_SECOND / elapsed.as_secs_f64().max(1e-9)).max(0.0)
    }
}

/// User, nice, system, interrupts and what other guests of the machine took, but not idle and waiting.
fn all() -> Option<f64> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    let numbers: Vec<f64> = text.lines().next()?.split_whitespace().skip(1).filter_map(|word| word.parse().ok()).collect();
    Some([0, 1, 2, 5, 6, 7].iter().filter_map(|&place| numbers.get(place)).sum())
}

/// User and system time of all threads of this program.
fn own() -> Option<f64> {
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    let behind_name = text.rsplit(')').next()?;
    let numbers: Vec<&str> = behind_name.split_whitespace().collect();
    Some(numbers.get(11)?.parse::<f64>().ok()? + numbers.get(12)?.parse::<f64>().ok()?)
}
