//! A steady call into given arrays allocates nothing; a steady call allocates its results and nothing else.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(unsafe_code, reason = "an allocator that counts is an allocator")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use damo::Result;
use damo::prelude::*;
use ndarray::{Array1, Array2, Array3, ArrayD, Axis, Dimension, IxDyn, arr0, s};

/// The system's allocator, which is asked so often.
struct Counting(AtomicUsize);

#[global_allocator]
static ALLOCATOR: Counting = Counting(AtomicUsize::new(0));

// SAFETY: it is the system's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.0.fetch_add(1, Ordering::SeqCst);
        // SAFETY: the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.0.fetch_add(1, Ordering::SeqCst);
        // SAFETY: the caller's.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        self.0.fetch_add(1, Ordering::SeqCst);
        // SAFETY: the caller's.
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// Tests run on several threads, and all are counted.
static ALONE: Mutex<()> = Mutex::new(());

/// How many allocations each of ten calls takes at least, after three that may prepare: what the test's own threads do aside is not the call's.
fn allocations(mut call: impl FnMut()) -> usize {
    (0..3).for_each(|_| call());
    let one = |()| {
        let before = ALLOCATOR.0.load(Ordering::SeqCst);
        call();
        ALLOCATOR.0.load(Ordering::SeqCst) - before
    };
    std::iter::repeat_n((), 10).map(one).min().unwrap_or(usize::MAX)
}

/// One thread and two, on the engines that plan.
fn configs() -> Vec<Config> {
    let of = |flags: &str| Config::from_sources(None, Some(flags)).unwrap();
    ["engine=native", "engine=native,threads=2", "engine=portable", "engine=portable,threads=2"].map(of).into()
}

/// Fails unless steady calls on one thread and two, by each engine that plans, allocate so often. `program` gives a call.
fn expect<C: FnMut()>(count: usize, what: &str, program: impl Fn(&Config) -> Result<C>) {
    let _alone = ALONE.lock().unwrap();
    for config in configs() {
        let found = allocations(program(&config).unwrap());
        assert_eq!(found, count, "{what}, engine {:?}, {} threads", config.engine, config.threads);
    }
}

fn ramp(length: usize) -> Array1<f32> {
    Array1::from_shape_fn(length, |i| (i as f32 * 0.37).sin())
}

fn grid(rows: usize, columns: usize) -> Array2<f32> {
    Array2::from_shape_fn((rows, columns), |(i, j)| (i as f32 * 0.3 + j as f32 * 0.7).sin())
}

#[test]
fn pointwise_calls_into_arrays() {
    for length in [1, 1000, 100_000] {
        expect(0, "pointwise", |config| {
            let tape = Tape::new();
            let (x, y) = (tape.vector::<f32>("x"), tape.vector::<f32>("y"));
            let f = tape.function((x, y), (x * y + 1.0, (x - y).tanh().sin())).freeze(config)?;
            let (first, second) = (ramp(length), ramp(length) + 0.5);
            let (mut a, mut b) = (Array1::<f32>::zeros(length), Array1::<f32>::zeros(2 * length));
            // The second array has gaps, and gets a copy.
            Ok(move || f.call_into((&first, &second), (&mut a, &mut b.slice_mut(s![..;2]))).unwrap())
        });
    }
}

#[test]
fn reductions_into_arrays() {
    expect(0, "reductions", |config| {
        let tape = Tape::new();
        let x = tape.matrix::<f32>("x");
        let outputs = [x.sum(), x.sum_axis(Axis(0)), x.mean_axis(Axis(1)), x.max_axis(Axis(1)), x.var_axis(Axis(1))];
        let f = tape.function(x, outputs).freeze(config)?;
        let array = grid(300, 500);
        let (mut sum, mut columns) = (arr0(0f32).into_dyn(), Array1::<f32>::zeros(500).into_dyn());
        let [mut mean, mut max, mut var] = [(); 3].map(|()| Array1::<f32>::zeros(300).into_dyn());
        Ok(move || f.call_into(&array, [&mut sum, &mut columns, &mut mean, &mut max, &mut var]).unwrap())
    });
}

#[test]
fn functions_of_rows_into_arrays() {
    expect(0, "rows", |config| {
        let tape = Tape::new();
        let x = tape.matrix::<f32>("x");
        let f = tape.function(x, (x.softmax(Axis(1)), x.log_sum_exp_axes(&[Axis(1)]), x.log_softmax(Axis(1)))).freeze(config)?;
        let array = grid(200, 300);
        let (mut all, mut logs, mut sums) = (grid(200, 300), grid(200, 300), Array1::<f32>::zeros(200));
        Ok(move || f.call_into(&array, (&mut all, &mut sums, &mut logs)).unwrap())
    });
}

#[test]
fn matrix_by_vector_into_arrays() {
    expect(0, "matrix by vector", |config| {
        let tape = Tape::new();
        let (x, v) = (tape.matrix::<f32>("x"), tape.vector::<f32>("v"));
        let f = tape.function((x, v), (x.dot(v) + 1.0, v.dot(v))).freeze(config)?;
        let (array, vector) = (grid(300, 200), ramp(200));
        let (mut product, mut square) = (Array1::<f32>::zeros(300), arr0(0f32));
        Ok(move || f.call_into((&array, &vector), (&mut product, &mut square)).unwrap())
    });
}

#[test]
fn states_that_change() {
    expect(0, "logistic regression", |config| {
        let (w, b) = (Shared::new("w", ramp(50)), Shared::new("b", arr0(0f32)));
        let tape = Tape::new();
        let (x, y) = (tape.matrix::<f32>("x"), tape.vector::<f32>("y"));
        let (wt, bt) = (tape.shared(&w), tape.shared(&b));
        let p = (x.dot(wt) + bt).sigmoid();
        let cost = -(y * p.ln() + (1.0 - y) * (1.0 - p).ln()).mean();
        let [gw, gb] = cost.grad([wt, bt]);
        let f = tape.function((x, y), cost).update(wt, wt - 0.1 * gw).update(bt, bt - 0.1 * gb).freeze(config)?;
        let (xs, ys, mut cost) = (grid(100, 50), ramp(100).mapv(|y| f32::from(u8::from(y > 0.0))), arr0(0f32));
        Ok(move || f.call_into((&xs, &ys), &mut cost).unwrap())
    });
}

#[test]
fn a_network_that_convolves() {
    let filters = |shape| ArrayD::from_shape_fn(IxDyn(shape), |index| (index.slice().iter().fold(1, |k, i| 7 * k + i) as f32 * 0.37).sin() * 0.2);
    expect(0, "convolutions and poolings with their gradients", |config| {
        // The second layer is padded.
        let (f, g) = (Shared::new("f", filters(&[6, 1, 5, 5])), Shared::new("g", filters(&[20, 6, 3, 3])));
        let b = Shared::new("b", ramp(6).into_dyn());
        let tape = Tape::new();
        let x = tape.input::<f32>("x", (4, 1, 28, 28));
        let parameters = [&f, &g, &b].map(|parameter| tape.shared(parameter));
        let [ft, gt, bt] = parameters;
        let hidden = (x.conv(ft) + bt.reshape((6, 1, 1))).max_pool([2, 2]).tanh();
        let cost = hidden.conv_with(gt, Conv::new().padding(Padding::Same)).max_pool_with([3, 3], Pool::new().stride([2, 2])).tanh().sum();
        let gradients = cost.grad(parameters);
        let mut train = tape.function(x, cost);
        for (parameter, gradient) in parameters.into_iter().zip(gradients) {
            train = train.update(parameter, parameter - 1e-3 * gradient);
        }
        let train = train.freeze(config)?;
        let (images, mut cost) = (filters(&[4, 1, 28, 28]), arr0(0f32));
        Ok(move || train.call_into(&images, &mut cost).unwrap())
    });
}

#[test]
fn many_arrays_and_many_states() {
    expect(0, "forty inputs, outputs and states", |config| {
        let tape = Tape::new();
        let states: [Shared<f64>; 40] = std::array::from_fn(|place| Shared::new(&format!("s{place}"), arr0(place as f64)));
        let inputs: [_; 40] = std::array::from_fn(|place| tape.scalar::<f64>(&format!("x{place}")));
        let held: [_; 40] = std::array::from_fn(|place| tape.shared(&states[place]));
        let outputs: [_; 40] = std::array::from_fn(|place| inputs[place] * held[place]);
        let mut f = tape.function(inputs, outputs);
        for (state, input) in held.into_iter().zip(inputs) {
            f = f.update(state, (state + input).sin());
        }
        let f = f.freeze(config)?;
        let (arrays, mut results) = (arr0(0.5), [(); 40].map(|()| arr0(0f64)));
        Ok(move || f.call_into([(); 40].map(|()| &arrays), results.each_mut()).unwrap())
    });
}

#[test]
fn a_call_allocates_its_results() {
    expect(3, "three results", |config| {
        let tape = Tape::new();
        let (x, y) = (tape.vector::<f32>("x"), tape.vector::<f32>("y"));
        let f = tape.function((x, y), (x + y, x.sum(), x.exp())).freeze(config)?;
        let (first, second) = (ramp(1000), ramp(1000));
        Ok(move || drop(f.call((&first, &second)).unwrap()))
    });
}

/// How often the system had to find a page of memory for this thread.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn page_faults() -> usize {
    let line = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
    // What stands behind the name, which may hold anything: the third field of the line and those after it.
    let fields = line.rsplit_once(')').unwrap().1;
    fields.split_whitespace().nth(7).unwrap().parse().unwrap()
}

#[test]
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn the_memory_of_results_is_used_again() {
    let _alone = ALONE.lock().unwrap();
    for length in [20_000, 200_000, 1_500_000] {
        let tape = Tape::new();
        let x = tape.vector::<f32>("x");
        let f = tape.function(x, (x + 1.0, x * 2.0)).freeze(&configs()[0]).unwrap();
        let array = ramp(length);
        // A caller that holds the last results, and one that does not.
        let mut held = f.call(&array).unwrap();
        (0..5).for_each(|_| held = f.call(&array).unwrap());
        let before = page_faults();
        for _ in 0..10 {
            held = f.call(&array).unwrap();
            drop(f.call(&array).unwrap());
        }
        let (found, pages) = (page_faults() - before, 20 * 2 * length * size_of::<f32>() / 4096);
        assert!(found <= pages / 10, "{found} pages were new of {pages}");
        drop(held);
    }
}

#[test]
fn matrix_products_into_arrays() {
    // A few elements, many, skinny, and with a factor and an addend.
    for [m, k, n] in [[3, 5, 4], [64, 64, 64], [60, 784, 500], [300, 2, 300], [1, 500, 300]] {
        expect(0, &format!("{m} by {k} by {n}"), |config| {
            let tape = Tape::new();
            let (x, y, z) = (tape.matrix::<f32>("x"), tape.matrix::<f32>("y"), tape.matrix::<f32>("z"));
            let outputs = [x.dot(y), 0.5 * x.dot(y) + z, (x.dot(y) + z).tanh(), y.t().dot(x.t())];
            let f = tape.function([x, y, z], outputs).freeze(config)?;
            let arrays = [grid(m, k), grid(k, n), grid(m, n)];
            let mut results = [grid(m, n), grid(m, n), grid(m, n), grid(n, m)].map(Array2::into_dyn);
            Ok(move || f.call_into(arrays.each_ref(), results.each_mut()).unwrap())
        });
    }
}

#[test]
fn double_products_of_strided_matrices() {
    expect(0, "f64, transposed and with gaps", |config| {
        let tape = Tape::new();
        let (x, y) = (tape.matrix::<f64>("x"), tape.matrix::<f64>("y"));
        let f = tape.function((x, y), x.dot(y)).freeze(config)?;
        let (left, right) = (grid(90, 70).mapv(f64::from), grid(160, 90).mapv(f64::from));
        let mut product = Array2::<f64>::zeros((70, 80));
        Ok(move || f.call_into((&left.t(), &right.slice(s![..;2, ..]).reversed_axes()), &mut product).unwrap())
    });
}

#[test]
fn batched_products() {
    expect(0, "batches", |config| {
        let tape = Tape::new();
        let (x, y) = (tape.input::<f32>("x", (8, 40, 30)), tape.input::<f32>("y", (8, 30, 50)));
        let f = tape.function((x, y), x.dot(y)).freeze(config)?;
        let (left, right) =
            (grid(8 * 40, 30).into_shape_with_order((8, 40, 30)).unwrap(), grid(8 * 30, 50).into_shape_with_order((8, 30, 50)).unwrap());
        let mut product = Array3::<f32>::zeros((8, 40, 50));
        Ok(move || f.call_into((&left, &right), &mut product).unwrap())
    });
}

/// Takes rows and their labels, gives the cost, and changes the weights.
type Training = Function<(f32, f32), Single<f32>>;

/// A step of training of two layers, and `batch` rows for it with their labels.
fn network(config: &Config, batch: usize) -> Result<(Training, Array2<f32>, Array2<f32>)> {
    let states = [("w1", grid(50, 40)), ("w2", grid(40, 10))].map(|(name, array)| Shared::new(name, array * 0.1));
    let biases = [("b1", 40), ("b2", 10)].map(|(name, length)| Shared::new(name, Array1::<f32>::zeros(length)));
    let tape = Tape::new();
    let (x, y) = (tape.matrix::<f32>("x"), tape.matrix::<f32>("y"));
    let ([w1, w2], [b1, b2]) = (states.each_ref().map(|state| tape.shared(state)), biases.each_ref().map(|state| tape.shared(state)));
    let scores = (x.dot(w1) + b1).tanh().dot(w2) + b2;
    let cost = -(y * scores.log_softmax(Axis(1))).sum_axis(Axis(1)).mean();
    let [g1, g2, h1, h2] = cost.grad([w1, w2, b1, b2]);
    let train = tape.function((x, y), cost);
    let train = train.update(w1, w1 - 0.1 * g1).update(w2, w2 - 0.1 * g2).update(b1, b1 - 0.1 * h1).update(b2, b2 - 0.1 * h2);
    let labels = Array2::from_shape_fn((batch, 10), |(row, digit)| f32::from(u8::from(row * 7 % 10 == digit)));
    Ok((train.freeze(config)?, grid(batch, 50), labels))
}

#[test]
fn training_of_a_network() {
    for batch in [1, 60, 500] {
        expect(0, "training into an array", |config| {
            let (train, images, labels) = network(config, batch)?;
            let mut cost = arr0(0f32);
            Ok(move || train.call_into((&images, &labels), &mut cost).unwrap())
        });
        expect(1, "training, which gives its cost", |config| {
            let (train, images, labels) = network(config, batch)?;
            Ok(move || drop(train.call((&images, &labels)).unwrap()))
        });
    }
}

#[test]
fn products_that_are_given_back() {
    expect(2, "two products", |config| {
        let tape = Tape::new();
        let (x, y) = (tape.matrix::<f32>("x"), tape.matrix::<f32>("y"));
        let f = tape.function((x, y), (x.dot(y), y.t().dot(x.t()).exp())).freeze(config)?;
        let (left, right) = (grid(200, 100), grid(100, 150));
        Ok(move || drop(f.call((&left, &right)).unwrap()))
    });
}
