//! What programs do beside long rows, one thread, into given arrays: rows of few elements, elements that are apart, conversions, picked rows.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use damo::prelude::*;
use damo::{Config, Tensor};
use damo_benches::random::Random;
use ndarray::{ArrayD, Axis, s};

type X<'t> = Tensor<'t, f32>;
type OfOne = for<'t> fn(X<'t>) -> X<'t>;
type OfTwo = for<'t> fn(X<'t>, X<'t>) -> X<'t>;
type OfThree = for<'t> fn(X<'t>, X<'t>, X<'t>) -> X<'t>;
type OfMany = for<'t> fn(&[X<'t>]) -> X<'t>;

/// Of a matrix of few columns, a number for each row, and one for each column.
const NARROW: [(&str, OfThree); 5] = [
    ("scaled by column", |x, _, column| x * column + column),
    ("divided by row", |x, row, _| x / row.insert_axis(Axis(1))),
    ("made of two vectors", |_, row, column| row.insert_axis(Axis(1)) * column),
    ("squares summed by row", |x, _, _| (x * x).sum_axis(Axis(1))),
    ("softmax", |x, _, _| x.softmax(Axis(1))),
];

/// Of a vector.
const VECTORS: [(&str, OfOne); 4] = [
    ("every second element doubled", |x| x.slice(s![..;2]) * 2.0),
    ("turned round and doubled", |x| x.slice(s![..;-1]) * 2.0),
    ("whole numbers and one", |x| (x.cast::<i64>() + 1).cast()),
    ("sine in f64", |x| x.cast::<f64>().sin().cast()),
];

/// Of arrays of these shapes: what lies across, small products, and other reductions.
const ARRAYS: [(&str, &[&[usize]], OfMany); 14] = [
    ("a transpose and one", &[&[1000, 1000]], |x| x[0].t() + 1.0),
    ("a transpose of f64 and one", &[&[1000, 1000]], |x| (x[0].cast::<f64>() * 2.0).t().cast()),
    ("a transpose times a matrix", &[&[1000, 1000], &[1000, 1000]], |x| x[0].t() * x[1]),
    ("pixels scaled and shifted by channel", &[&[131_072, 3], &[3], &[3]], |x| (x[0] - x[1]) * x[2]),
    ("the channels of pixels first", &[&[131_072, 3]], |x| x[0].t() * 2.0),
    ("the channels of pixels last", &[&[3, 131_072]], |x| x[0].t() * 2.0),
    ("the product of all", &[&[1_000_000]], |x| (x[0] * 1e-6 + 1.0).prod()),
    ("products of 4 by 4", &[&[1000, 4, 4], &[1000, 4, 4]], |x| x[0].dot(x[1])),
    ("products of 4 by 4, the second transposed", &[&[1000, 4, 4], &[1000, 4, 4]], |x| x[0].dot(x[1].swap_axes(1, 2))),
    ("4 by 4 times vectors", &[&[1000, 4, 4], &[1000, 4, 1]], |x| x[0].dot(x[1])),
    ("sums over the first of three axes", &[&[100, 100, 100]], |x| x[0].sum_axis(Axis(0))),
    ("sums of columns, 60 rows", &[&[60, 500]], |x| x[0].sum_axis(Axis(0))),
    ("variance of columns", &[&[256, 256]], |x| x[0].var_axis(Axis(0))),
    ("sums over the second of three axes", &[&[100, 100, 100]], |x| x[0].sum_axis(Axis(1))),
];

/// Of a matrix, and numbers from 0.5 to 1.5 that tell rows.
const PICKS: [(&str, OfTwo); 3] = [
    ("rows picked", picked),
    ("gradient of picked rows", |x, places| {
        let rows = picked(x, places);
        let [gradient] = (rows * rows).sum().grad([x]);
        gradient
    }),
    ("rows divided by their norms", |x, _| x / (x * x).sum_axis_keep(Axis(1)).sqrt()),
];

fn picked<'t>(x: X<'t>, places: X<'t>) -> X<'t> {
    x.select_axis(Axis(0), ((places - 0.5) * 9999.0).cast::<i64>())
}

fn config() -> Config {
    Config { threads: 1, ..Config::default() }
}

fn tell<T>(made: damo::Result<T>) -> T {
    made.unwrap_or_else(|error| panic!("{error}"))
}

fn narrow_rows(criterion: &mut Criterion) {
    for columns in [3, 10, 16] {
        let mut group = criterion.benchmark_group(format!("100,000 rows of {columns}"));
        let mut random = Random::default();
        let (x, row, column) = (random.uniform::<f32>(&[100_000, columns]), random.uniform::<f32>(&[100_000]), random.uniform::<f32>(&[columns]));
        for (name, formula) in NARROW {
            let tape = Tape::new();
            let inputs = (tape.matrix("x"), tape.vector("row"), tape.vector("column"));
            let function = tell(tape.function(inputs, formula(inputs.0, inputs.1, inputs.2)).freeze(&config()));
            let arguments = (&x, &row, &column);
            let mut out: ArrayD<f32> = tell(function.call(arguments));
            group.bench_function(name, |bencher| bencher.iter(|| tell(function.call_into(black_box(arguments), &mut out))));
        }
        group.finish();
    }
}

fn vectors(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("a million elements");
    let x = Random::default().uniform::<f32>(&[1_000_000]);
    for (name, formula) in VECTORS {
        let tape = Tape::new();
        let input = tape.vector("x");
        let function = tell(tape.function(input, formula(input)).freeze(&config()));
        let mut out: ArrayD<f32> = tell(function.call(&x));
        group.bench_function(name, |bencher| bencher.iter(|| tell(function.call_into(black_box(&x), &mut out))));
    }
    group.finish();
}

fn picks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("10,000 rows of 64, 5,000 of them picked");
    let mut random = Random::default();
    let (x, places) = (random.uniform::<f32>(&[10_000, 64]), random.uniform::<f32>(&[5_000]));
    for (name, formula) in PICKS {
        let tape = Tape::new();
        let inputs = (tape.matrix("x"), tape.vector("places"));
        let function = tell(tape.function(inputs, formula(inputs.0, inputs.1)).freeze(&config()));
        let mut out: ArrayD<f32> = tell(function.call((&x, &places)));
        group.bench_function(name, |bencher| bencher.iter(|| tell(function.call_into(black_box((&x, &places)), &mut out))));
    }
    group.finish();
}

fn arrays(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("arrays");
    let mut random = Random::default();
    for (name, shapes, formula) in ARRAYS {
        let arguments: Vec<ArrayD<f32>> = shapes.iter().map(|shape| random.uniform(shape)).collect();
        let tape = Tape::new();
        let inputs: Vec<X<'_>> = shapes.iter().zip(["x", "y", "z"]).map(|(shape, name)| tape.input::<f32>(name, *shape)).collect();
        let function = tell(tape.function(inputs.clone(), formula(&inputs)).freeze(&config()));
        let mut out: ArrayD<f32> = tell(function.call(arguments.iter().collect::<Vec<_>>()));
        group.bench_function(name, |bencher| bencher.iter(|| tell(function.call_into(black_box(arguments.iter().collect::<Vec<_>>()), &mut out))));
    }
    group.finish();
}

criterion_group!(benches, narrow_rows, vectors, picks, arrays);
criterion_main!(benches);
