//! Timing the same work on several threads at once.

use std::sync::Barrier;
use std::time::Instant;

use crate::measure::quantile;

/// The seconds that one round takes when every thread does its own: the tenth part of so many took no longer.
///
/// A limit is what can be had, so rounds that others disturb do not count.
///
/// Each thread makes its work where it runs, so that its memory is near it.
pub fn seconds<W: FnMut()>(threads: usize, rounds: usize, work: impl Fn() -> W + Sync) -> f64 {
    let barrier = Barrier::new(threads);
    let one = || {
        let mut work = work();
        let mut times = Vec::with_capacity(rounds);
        // The first two rounds warm up.
        for round in 0..rounds + 2 {
            barrier.wait();
            let start = Instant::now();
            work();
            barrier.wait();
            if round >= 2 {
                times.push(start.elapsed().as_secs_f64());
            }
        }
        times.sort_by(f64::total_cmp);
        quantile(&times, 0.1)
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(one);
        }
        one()
    })
}
