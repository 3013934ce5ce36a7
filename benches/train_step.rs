//! What one step of training costs: the tutorial's logistic regression on 1,600 images, and a network on a batch of 60.

use criterion::{Criterion, criterion_group, criterion_main};
use damo::Config;
use damo_benches::{IMAGES, TrainStep, logistic_regression, logistic_regression_batch, network, network_batch};

fn frozen(step: damo::Result<TrainStep>) -> TrainStep {
    step.unwrap_or_else(|error| panic!("{error}"))
}

fn train_step(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("train step");
    group.sample_size(40);
    let ((images, labels), train) = (logistic_regression_batch(IMAGES), frozen(logistic_regression(&Config::default())));
    group.bench_function("logistic regression, 1600 images", |bencher| bencher.iter(|| train.call((&images, &labels))));
    let ((images, labels), train) = (network_batch(), frozen(network(&Config::default())));
    group.bench_function("784-500-10, batch of 60", |bencher| bencher.iter(|| train.call((&images, &labels))));
    group.finish();
}

criterion_group!(benches, train_step);
criterion_main!(benches);
