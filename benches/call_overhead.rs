//! What a call costs beside the work: `x + 1` on one element, at most 1 µs.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use damo::prelude::*;
use ndarray::{Array1, arr1};

fn call_overhead(criterion: &mut Criterion) {
    let function = || {
        let tape = Tape::new();
        let x = tape.vector::<f32>("x");
        tape.function(x, x + 1.0).freeze(&Config::default())
    };
    let add_one = match function() {
        Ok(function) => function,
        Err(error) => panic!("{error}"),
    };
    let x = arr1(&[1f32]);
    criterion.bench_function("call x + 1", |bencher| bencher.iter(|| add_one.call(black_box(&x))));
    let mut result = Array1::<f32>::zeros(1);
    criterion.bench_function("call_into x + 1", |bencher| bencher.iter(|| add_one.call_into(black_box(&x), &mut result)));
}

criterion_group!(benches, call_overhead);
criterion_main!(benches);
