//! What watching costs: a debug call beside a call by the reference, freezing in debug mode beside freezing, the guard beside a plain call.
//!
//! The two of each pair take turns, so that a busy machine slows both.

use std::time::Instant;

use damo::{Config, EngineChoice, Mode};
use damo_benches::turns::{in_turns, report};
use damo_benches::{TrainStep, logistic_regression, logistic_regression_batch, network, network_batch};

/// The images of a debug call.
const IMAGES: usize = 400;

fn frozen(step: damo::Result<TrainStep>) -> TrainStep {
    step.unwrap_or_else(|error| panic!("{error}"))
}

fn main() {
    let debug = Config { mode: Mode::Debug, ..Config::default() };
    let reference = Config { engine: EngineChoice::Reference, ..Config::default() };
    let guard = Config { mode: Mode::NanGuard, ..Config::default() };

    let (images, labels) = logistic_regression_batch(IMAGES);
    let (watched, judge) = (frozen(logistic_regression(&debug)), frozen(logistic_regression(&reference)));
    let call = |step: &TrainStep| drop(step.call((&images, &labels)).unwrap_or_else(|error| panic!("{error}")));
    let first = Instant::now();
    call(&watched);
    println!("the first debug call, logistic regression, 400 x 784: {:.3?}", first.elapsed());
    report("debug call against reference call, logistic regression, 400 x 784", in_turns(31, || call(&watched), || call(&judge)));
    let freeze = |config: &Config| drop(frozen(logistic_regression(config)));
    report("freezing in debug mode against freezing", in_turns(31, || freeze(&debug), || freeze(&Config::default())));

    let (images, labels) = network_batch();
    let (guarded, plain) = (frozen(network(&guard)), frozen(network(&Config::default())));
    let call = |step: &TrainStep| drop(step.call((&images, &labels)).unwrap_or_else(|error| panic!("{error}")));
    report("guarded call against plain call, 784-500-10, batch of 60", in_turns(301, || call(&guarded), || call(&plain)));
}
