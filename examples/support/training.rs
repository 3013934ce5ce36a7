//! Going over the training digits in small batches, some times, with a look at the test digits after each time.

use std::time::{Duration, Instant};

use ndarray::ArrayD;

use crate::digits::Digits;
use crate::random::Random;
use crate::report;

/// What training cost.
pub struct Training {
    /// The cost of each step.
    pub costs: Vec<f64>,
    /// How long the steps took, all together.
    pub busy: Duration,
}

/// Trains for some epochs on batches of so many digits in random order: `step` trains on one and gives its cost, `read` reads digits.
pub fn train(
    epochs: usize,
    batch: usize,
    random: &mut Random,
    (training, testing): (&Digits<f32>, &Digits<f32>),
    mut step: impl FnMut(&Digits<f32>) -> damo::Result<ArrayD<f32>>,
    read: impl Fn(&Digits<f32>) -> damo::Result<ArrayD<i64>>,
) -> anyhow::Result<Training> {
    let mut order: Vec<usize> = (0..training.labels.len()).collect();
    let steps = epochs * order.len().div_ceil(batch);
    let mut done = Training { costs: Vec::with_capacity(steps), busy: Duration::ZERO };
    let bar = report::progress(steps)?;
    for epoch in 1..=epochs {
        random.shuffle(&mut order);
        for rows in order.chunks(batch) {
            let digits = training.rows(rows);
            let start = Instant::now();
            let cost = step(&digits)?;
            done.busy += start.elapsed();
            done.costs.push(f64::from(cost[[]]));
            bar.inc(1);
        }
        let guesses = read(testing)?;
        let right = guesses.iter().zip(&testing.labels).filter(|&(&guess, &label)| guess == i64::from(label)).count();
        bar.suspend(|| println!("epoch {epoch:2}  test accuracy {:.4}", right as f64 / testing.labels.len() as f64));
    }
    bar.finish();
    Ok(done)
}
