//! How long rewriting and planning take: a network of 160 layers with its gradients at most 100 ms, 3,000 chained ops at most 50 ms,
//! and twice the size at most 2.3 times as long.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use damo::Tape;
use damo_benches::large::{Large, processor_time};

/// The layers of the networks of the curve: from 1,600 to 51,200 nodes or so.
const LAYERS: [usize; 6] = [160, 320, 640, 1280, 2560, 5120];
/// How often each size of the curve is timed; the middle counts.
const TIMES: usize = 5;

fn tell<T>(made: damo::Result<T>) -> T {
    made.unwrap_or_else(|error| panic!("{error}"))
}

fn rewriting(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("from tape to first results");
    group.sample_size(20);
    let tape = Tape::new();
    let network = Large::network(&tape, LAYERS[0]);
    let arrays = tell(network.arrays());
    group.bench_function("160 layers with gradients", |bencher| bencher.iter(|| network.first_results(&arrays)));
    let tape = Tape::new();
    let chain = Large::chain(&tape, 3000);
    let arrays = tell(chain.arrays());
    group.bench_function("3,000 chained ops", |bencher| bencher.iter(|| chain.first_results(&arrays)));
    group.finish();
    curve("layers", &LAYERS, |tape, layers| Large::network(tape, layers));
    curve("chained ops", &[3000, 6000, 12_000, 24_000, 48_000], |tape, ops| Large::chain(tape, ops));
}

/// Times sizes that double, in processor time, with the time of day of each pass.
fn curve(what: &str, sizes: &[usize], program: for<'t> fn(&'t Tape, usize) -> Large<'t>) {
    let mut before = None;
    for &size in sizes {
        let start = processor_time();
        let tape = Tape::new();
        let large = program(&tape, size);
        let arrays = tell(large.arrays());
        let traced = processor_time().saturating_sub(start);
        let mut runs: Vec<_> = (0..TIMES).map(|_| timed(&large, &arrays)).collect();
        runs.sort_by_key(|(total, ..)| *total);
        let (total, freeze, function) = &runs[TIMES / 2];
        let nodes = function.traced_graph().len();
        let ratio = before.map_or(String::new(), |before: Duration| format!(", {:.2} times", total.as_secs_f64() / before.as_secs_f64()));
        println!("{size} {what}, {nodes} nodes: traced in {traced:.1?}, frozen in {freeze:.1?}, first results after {total:.1?}{ratio}");
        let stages = function.passes().stages.iter().map(|stage| format!("{} {:.1?}", stage.pass, stage.time));
        println!("    {}", stages.collect::<Vec<_>>().join(", "));
        before = Some(*total);
    }
}

type Timed = (Duration, Duration, damo::Function<Vec<f32>, Vec<f32>>);

fn timed(large: &Large<'_>, arrays: &[ndarray::ArrayD<f32>]) -> Timed {
    let start = processor_time();
    let function = tell(large.freeze());
    let freeze = processor_time().saturating_sub(start);
    tell(function.call(arrays.iter().collect::<Vec<_>>()));
    (processor_time().saturating_sub(start), freeze, function)
}

criterion_group!(benches, rewriting);
criterion_main!(benches);
