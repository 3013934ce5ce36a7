//! Rows of few elements, a hundred thousand of them: each scaled by column, divided by a number of its own, made of two vectors, summed,
//! and softmax. What is timed writes into given arrays.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use damo::prelude::*;
use damo::{Config, Tensor};
use damo_benches::random::Random;
use ndarray::{ArrayD, Axis};

/// How many rows.
const ROWS: usize = 100_000;

type Formula = for<'t> fn(Tensor<'t, f32>, Tensor<'t, f32>, Tensor<'t, f32>) -> Tensor<'t, f32>;

/// Of a matrix, a number for each row, and one for each column.
const FORMULAS: [(&str, Formula); 5] = [
    ("scaled by column", |x, _, column| x * column + column),
    ("divided by row", |x, row, _| x / row.insert_axis(Axis(1))),
    ("made of two vectors", |_, row, column| row.insert_axis(Axis(1)) * column),
    ("squares summed by row", |x, _, _| (x * x).sum_axis(Axis(1))),
    ("softmax", |x, _, _| x.softmax(Axis(1))),
];

fn narrow_rows(criterion: &mut Criterion) {
    let config = Config { threads: 1, ..Config::default() };
    for columns in [3, 10, 16] {
        let mut group = criterion.benchmark_group(format!("rows of {columns}"));
        let mut random = Random::default();
        let (x, row, column) = (random.uniform::<f32>(&[ROWS, columns]), random.uniform::<f32>(&[ROWS]), random.uniform::<f32>(&[columns]));
        for (name, formula) in FORMULAS {
            let tape = Tape::new();
            let inputs = (tape.matrix::<f32>("x"), tape.vector::<f32>("row"), tape.vector::<f32>("column"));
            let result = formula(inputs.0, inputs.1, inputs.2);
            let function = tape.function(inputs, result).freeze(&config).expect("the program is well formed");
            let arguments = (&x, &row, &column);
            let mut out: ArrayD<f32> = function.call(arguments).expect("the arrays fit");
            group.bench_function(name, |bencher| {
                bencher.iter(|| function.call_into(black_box(arguments), &mut out).expect("the arrays fit"));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, narrow_rows);
criterion_main!(benches);
