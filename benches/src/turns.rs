//! The medians of two that take turns, so that a busy machine slows both.

use std::time::{Duration, Instant};

/// The medians of two that take turns, after one turn that is not counted.
pub fn in_turns(turns: usize, mut first: impl FnMut(), mut second: impl FnMut()) -> [Duration; 2] {
    let mut times = [Vec::new(), Vec::new()];
    for turn in 0..=turns {
        let start = Instant::now();
        first();
        let middle = Instant::now();
        second();
        if turn > 0 {
            times[0].push(middle - start);
            times[1].push(middle.elapsed());
        }
    }
    times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2]
    })
}

/// Prints how two compare.
pub fn report(what: &str, [first, second]: [Duration; 2]) {
    println!("{what}: {first:.3?} against {second:.3?}, {:.2} times", first.as_secs_f64() / second.as_secs_f64());
}
