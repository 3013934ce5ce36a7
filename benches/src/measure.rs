//! How long a call takes: the median of many, with its quartiles, beside whatever else the machine does meanwhile.

use std::time::{Duration, Instant};

use crate::load::Load;

/// Something that can be called again and again.
pub trait Repeat<E> {
    /// One call. What it computed stays alive until the next call has computed its own.
    ///
    /// # Errors
    ///
    /// Those of the call.
    fn call(&mut self) -> Result<(), E>;

    /// The sum of the magnitudes of what the last call computed.
    fn checksum(&self) -> f64;
}

/// What was measured: times in microseconds per call.
#[derive(Clone, Copy, Debug)]
pub struct Measurement {
    /// Half of the calls took no longer.
    pub median: f64,
    /// The fastest call.
    pub fastest: f64,
    /// A quarter of the calls took no longer.
    pub lower_quartile: f64,
    /// Three quarters of the calls took no longer.
    pub upper_quartile: f64,
    /// How many times the clock was read.
    pub samples: usize,
    /// How many processors others kept busy meanwhile.
    pub foreign: f64,
    /// The checksums of the first call and of the third: a training step has moved twice by then.
    pub checks: [f64; 2],
}

/// Calls shorter than this are timed in batches, so that it is not the clock that is measured.
const BATCH: f64 = 20e-6;
/// How long to warm up.
const WARM_UP: Duration = Duration::from_millis(100);
/// Slow calls are not repeated for longer than this.
const PATIENCE: Duration = Duration::from_secs(8);

/// Calls it for at least so long.
///
/// # Errors
///
/// Those of the calls.
pub fn measure<E>(repeat: &mut dyn Repeat<E>, least: Duration) -> Result<Measurement, E> {
    let first = timed(repeat)?;
    let first_check = repeat.checksum();
    timed(repeat)?;
    let mut estimate = timed(repeat)?;
    let checks = [first_check, repeat.checksum()];
    let start = Instant::now();
    while first.max(estimate) < 1.0 && start.elapsed() < WARM_UP {
        estimate = timed(repeat)?;
    }
    let batch = ((BATCH / estimate.max(1e-8)) as usize).max(1);
    let (before, start) = (Load::now(), Instant::now());
    let mut times = Vec::new();
    while start.elapsed() < least || times.len() < 7 {
        let begin = Instant::now();
        for _ in 0..batch {
            repeat.call()?;
        }
        times.push(begin.elapsed().as_secs_f64() * 1e6 / batch as f64);
        if start.elapsed() > PATIENCE && times.len() >= 5 {
            break;
        }
    }
    let foreign = before.foreign_since(start.elapsed());
    times.sort_by(f64::total_cmp);
    Ok(Measurement {
        median: quantile(&times, 0.5),
        fastest: quantile(&times, 0.0),
        lower_quartile: quantile(&times, 0.25),
        upper_quartile: quantile(&times, 0.75),
        samples: times.len(),
        foreign,
        checks,
    })
}

/// One call that is not repeated, as what happens only once is measured.
///
/// # Errors
///
/// Those of the call.
pub fn measure_once<E>(repeat: &mut dyn Repeat<E>) -> Result<Measurement, E> {
    let before = Load::now();
    let time = timed(repeat)?;
    let foreign = before.foreign_since(Duration::from_secs_f64(time));
    let (median, check) = (time * 1e6, repeat.checksum());
    Ok(Measurement { median, fastest: median, lower_quartile: median, upper_quartile: median, samples: 1, foreign, checks: [check, check] })
}

/// The seconds that one call takes.
fn timed<E>(repeat: &mut dyn Repeat<E>) -> Result<f64, E> {
    let start = Instant::now();
    repeat.call()?;
    Ok(start.elapsed().as_secs_f64())
}

/// The place of a share of sorted numbers, between two of them where it falls there; NaN of nothing.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = share * last as f64;
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    low + (high - low) * place.fract()
}

impl Measurement {
    /// It in one line, as every peer prints it: who, case, size, element type, threads, median and fastest time in microseconds, then
    /// quartiles, samples, foreign load and checksums.
    pub fn line(&self, who: &str, case: &str, size: &str, dtype: &str, threads: usize) -> String {
        let Measurement { median, fastest, lower_quartile, upper_quartile, samples, foreign, checks: [first, third] } = self;
        format!(
            "{who} {case} {size} {dtype} {threads} {median:.3} {fastest:.3} {lower_quartile:.3} {upper_quartile:.3} {samples} {foreign:.3} {first:.6e} {third:.6e}"
        )
    }

    /// Reads the numbers of such a line, if it is one about this case and size.
    pub fn of_line(line: &str, case: &str, size: &str) -> Option<Self> {
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.len() != 13 || words[1] != case || words[2] != size {
            return None;
        }
        let number = |place: usize| words[place].parse::<f64>().ok();
        Some(Measurement {
            median: number(5)?,
            fastest: number(6)?,
            lower_quartile: number(7)?,
            upper_quartile: number(8)?,
            samples: words[9].parse().ok()?,
            foreign: number(10)?,
            checks: [number(11)?, number(12)?],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_back() {
        let measured =
            Measurement { median: 2.0, fastest: 1.0, lower_quartile: 1.5, upper_quartile: 3.0, samples: 9, foreign: 0.25, checks: [1e7, 2.5] };
        let line = measured.line("damo", "gemm", "64", "float32", 1);
        let read = Measurement::of_line(&line, "gemm", "64");
        assert_eq!(format!("{read:?}"), format!("{:?}", Some(measured)));
        assert!(Measurement::of_line(&line, "gemm", "128").is_none());
    }

    #[test]
    fn quantiles_interpolate() {
        assert_eq!(quantile(&[1.0, 2.0, 4.0, 8.0], 0.5), 3.0);
        assert!(quantile(&[], 0.5).is_nan());
    }
}
