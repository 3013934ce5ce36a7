//! What measuring costs: a profiled call beside a plain one, of one step, of forty, of a network.
//!
//! The two of each pair take turns, so that a busy machine slows both.

use damo::prelude::*;
use damo::{Config, Mode};
use damo_benches::turns::{in_turns, report};
use damo_benches::{TrainStep, network, network_batch};
use ndarray::{Array1, Axis};

/// Short calls are timed by so many.
const BATCH: usize = 1000;

fn modes() -> [Config; 2] {
    [Mode::Profile, Mode::Fast].map(|mode| Config { mode, ..Config::default() })
}

fn or_end<T>(result: damo::Result<T>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

/// `x + 1`, or so often a maximum that is subtracted, on a few elements.
fn short(config: &Config, pairs: usize) -> Function<Single<f32>, Single<f32>> {
    let tape = Tape::new();
    let x = tape.vector::<f32>("x");
    let result = (0..pairs).fold(x + 1.0, |x, _| (x - x.max_axis(Axis(0))) * 0.5);
    or_end(tape.function(x, result).freeze(config))
}

fn main() {
    for (what, length, pairs) in [("x + 1 of one element", 1, 0), ("20 maxima of 64 elements", 64, 20)] {
        let [profiled, plain] = modes().map(|config| short(&config, pairs));
        let (x, mut result) = (Array1::<f32>::ones(length), Array1::<f32>::zeros(length));
        let mut other = result.clone();
        let calls = |f: &Function<Single<f32>, Single<f32>>, result: &mut Array1<f32>| (0..BATCH).for_each(|_| or_end(f.call_into(&x, &mut *result)));
        report(
            &format!("{BATCH} calls, profiled against plain, {what}"),
            in_turns(301, || calls(&profiled, &mut result), || calls(&plain, &mut other)),
        );
        let steps = or_end(profiled.profile()).plans.first().map_or(0, |plan| plan.steps.len());
        println!("  in {steps} steps");
    }
    let (images, labels) = network_batch();
    let [profiled, plain] = modes().map(|config| or_end(network(&config)));
    let call = |step: &TrainStep| drop(or_end(step.call((&images, &labels))));
    report("a call, profiled against plain, 784-500-10, batch of 60", in_turns(301, || call(&profiled), || call(&plain)));
}
