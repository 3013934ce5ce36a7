//! What training on images costs: steps of two networks, and the convolutions and poolings that they are made of.

use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main, measurement::WallTime};
use damo::Config;
use damo::prelude::*;
use damo_benches::TrainStep;
use damo_benches::images::{large_image, large_image_batch, lenet, lenet_batch};
use ndarray::{ArrayD, IxDyn};

fn frozen(step: damo::Result<TrainStep>) -> TrainStep {
    step.unwrap_or_else(|error| panic!("{error}"))
}

fn steps(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("train step on images");
    group.sample_size(20);
    let ((images, labels), train) = (lenet_batch(), frozen(lenet(&Config::default())));
    group.bench_function("lenet, 64x1x28x28", |bencher| bencher.iter(|| train.call((&images, &labels))));
    let ((images, labels), train) = (large_image_batch(), frozen(large_image(&Config::default())));
    group.bench_function("cnn, 1x1x256x256", |bencher| bencher.iter(|| train.call((&images, &labels))));
    group.finish();
}

fn array(shape: &[usize]) -> ArrayD<f32> {
    let mut place = 0.0f32;
    ArrayD::from_shape_simple_fn(IxDyn(shape), || {
        place += 1.0;
        (place * 0.7).sin()
    })
}

/// A convolution, and its gradients by input and by filter.
fn convolution(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, x: &[usize], w: &[usize]) {
    let mut run = || -> damo::Result<()> {
        let tape = Tape::new();
        let (image, filter) = (tape.input::<f32>("x", x.to_vec()), tape.input::<f32>("w", w.to_vec()));
        let y = image.conv(filter);
        let u = tape.input::<f32>("u", y.dims()?);
        let [by_image, by_filter] = (y * u).sum().grad([image, filter]);
        let config = Config::default();
        let forward = tape.function((image, filter), y).freeze(&config)?;
        let (back, filters) = (tape.function((u, filter), by_image).freeze(&config)?, tape.function((image, u), by_filter).freeze(&config)?);
        let (x, w) = (array(x), array(w));
        let out: ArrayD<f32> = forward.call((&x, &w))?;
        let u = array(out.shape());
        group.bench_function(format!("{name}, forward"), |bencher| bencher.iter(|| forward.call((&x, &w))));
        group.bench_function(format!("{name}, by image"), |bencher| bencher.iter(|| back.call((&u, &w))));
        group.bench_function(format!("{name}, by filter"), |bencher| bencher.iter(|| filters.call((&x, &u))));
        Ok(())
    };
    run().unwrap_or_else(|error| panic!("{error}"));
}

fn pooling(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, x: &[usize], window: usize) {
    let mut run = || -> damo::Result<()> {
        let tape = Tape::new();
        let image = tape.input::<f32>("x", x.to_vec());
        let y = image.max_pool([window, window]);
        let u = tape.input::<f32>("u", y.dims()?);
        let by_image = (y * u).sum().grad(image);
        let config = Config::default();
        let (forward, back) = (tape.function(image, y).freeze(&config)?, tape.function((image, u), by_image).freeze(&config)?);
        let x = array(x);
        let out: ArrayD<f32> = forward.call(&x)?;
        let u = array(out.shape());
        group.bench_function(format!("{name}, forward"), |bencher| bencher.iter(|| forward.call(&x)));
        group.bench_function(format!("{name}, by image"), |bencher| bencher.iter(|| back.call((&x, &u))));
        Ok(())
    };
    run().unwrap_or_else(|error| panic!("{error}"));
}

fn parts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("on images");
    group.sample_size(20);
    convolution(&mut group, "64x1x28x28 * 20x1x5x5", &[64, 1, 28, 28], &[20, 1, 5, 5]);
    convolution(&mut group, "64x20x12x12 * 50x20x5x5", &[64, 20, 12, 12], &[50, 20, 5, 5]);
    convolution(&mut group, "1x1x256x256 * 6x1x7x7", &[1, 1, 256, 256], &[6, 1, 7, 7]);
    convolution(&mut group, "1x6x50x50 * 16x6x7x7", &[1, 6, 50, 50], &[16, 6, 7, 7]);
    pooling(&mut group, "pool 2 of 64x20x24x24", &[64, 20, 24, 24], 2);
    pooling(&mut group, "pool 5 of 1x6x250x250", &[1, 6, 250, 250], 5);
    group.finish();
}

criterion_group!(benches, steps, parts);
criterion_main!(benches);
