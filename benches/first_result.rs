//! How long a user waits for the first result: from an empty tape to the first cost of a network's training step, at most 20 ms.

use criterion::{Criterion, criterion_group, criterion_main};
use damo::Config;
use damo_benches::{network, network_batch};

fn first_result(criterion: &mut Criterion) {
    let (images, labels) = network_batch();
    let first = || network(&Config::default()).and_then(|train| train.call((&images, &labels)).map(|cost| (cost, train)));
    let mut group = criterion.benchmark_group("first result");
    group.sample_size(20);
    group.bench_function("784-500-10, batch of 60", |bencher| bencher.iter(first));
    group.finish();
    match first() {
        Ok((_, train)) => {
            for line in train.explain().lines().filter(|line| line.contains("arena") && line.contains("at least")) {
                println!("{}", line.trim());
            }
        }
        Err(error) => panic!("{error}"),
    }
}

criterion_group!(benches, first_result);
criterion_main!(benches);
