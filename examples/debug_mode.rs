//! A program that checks itself: an op of the user's that is broken, and what debug mode says of it; then the guard against NaN.
//!
//! ```text
//! cargo run --release --example debug_mode
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use damo::op::attributes::Attributes;
use damo::op::custom::Custom;
use damo::op::{Arrays, Derivative, Primitive, Types, one};
use damo::prelude::*;
use damo::{AnyArray, Lengths, Mode, Problem, Sizes, Type};
use ndarray::{ArrayD, arr1, arr2};

/// Centres each batch by a running mean. The mean is kept inside the op, where no program can see it: that is the mistake. It belongs into a
/// `Shared`.
#[derive(Debug, Default)]
pub struct Centre {
    running_mean: AtomicU64,
}

impl Primitive for Centre {
    fn name(&self) -> &'static str {
        "centre"
    }

    fn attributes(&self) -> Attributes {
        Attributes::none()
    }

    fn infer(&self, inputs: &[&Type], _: &mut Lengths) -> Result<Types, Problem> {
        Ok(one(inputs[0].clone()))
    }

    fn evaluate(&self, inputs: &[&AnyArray], _: &Sizes) -> Result<Arrays, Problem> {
        let x = inputs[0].to_reals();
        let before = f64::from_bits(self.running_mean.load(Ordering::Relaxed));
        let mean = 0.9 * before + 0.1 * x.mean().unwrap_or(0.0);
        self.running_mean.store(mean.to_bits(), Ordering::Relaxed);
        Ok(one(AnyArray::from_reals(inputs[0].dtype(), &(x - mean))))
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::Zero
    }
}

fn main() -> damo::Result<()> {
    println!("{}", report()?);
    Ok(())
}

/// What two programs end with that have something wrong.
pub fn report() -> damo::Result<String> {
    let x = arr2(&[[1.0, 2.0], [3.0, 4.0], [5.0, 7.0]]);

    let tape = Tape::new();
    let features = tape.matrix::<f64>("features");
    let centred = tape.apply::<f64>(Custom(Arc::new(Centre::default())), &[features.handle()]);
    let scores = (centred * 2.0).tanh();
    let watched = Config { mode: Mode::Debug, ..Config::default() };
    let in_debug_mode = tape.function(features, scores).freeze(&watched)?.call(&x);

    let tape = Tape::new();
    let odds = tape.vector::<f64>("odds");
    let log_odds = odds.ln();
    let cost = (log_odds * log_odds).mean();
    let guarded = Config { mode: Mode::NanGuard, ..Config::default() };
    let under_guard = tape.function(odds, cost).freeze(&guarded)?.call(&arr1(&[0.5, 2.0, 0.0, 8.0]));

    let told = |result: damo::Result<ArrayD<f64>>| result.map_or_else(|finding| finding.to_string(), |array| array.to_string());
    Ok(format!("{}\n\n{}", told(in_debug_mode), told(under_guard)))
}
