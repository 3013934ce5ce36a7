//! The small programs that faults are planted into, each run in debug mode on arrays of its own.

use damo::debug::{Finding, Hooks};
use damo::prelude::*;
use damo::{Error, Mode, Result};
use ndarray::{Array1, Array2, ArrayD, Axis, IxDyn, arr1, s};

/// A program of this file: it is traced, frozen and called with faults planted, and gives what was found and, if a call failed, its error.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// Its name in the table.
    pub name: &'static str,
    /// Runs it.
    pub run: fn(Hooks) -> Result<Found>,
}

/// What a run found.
#[derive(Debug, Default)]
pub struct Found {
    /// The findings.
    pub findings: Vec<Finding>,
    /// How the last call failed.
    pub error: Option<Error>,
    /// The plans in words.
    pub plans: String,
}

/// Debug mode that keeps what it finds.
fn config() -> Config {
    Config { mode: Mode::Debug, debug_raise: false, ..Config::default() }
}

fn found<I, O: damo::Results, R>(function: &Function<I, O>, called: Result<R>) -> Found {
    Found { findings: function.findings(), error: called.err(), plans: function.explain() }
}

/// Numbers without a pattern that a fault could keep.
fn numbers(shape: &[usize], low: f64, high: f64) -> ArrayD<f64> {
    let mut state = 2010u64;
    ArrayD::from_shape_simple_fn(IxDyn(shape), || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        low + (high - low) * ((state >> 11) as f64 / (1u64 << 53) as f64)
    })
}

/// Fused loops with sums, an extreme, and results that replace what is not needed any more.
pub const SUMS: Program = Program { name: "sums", run: sums };

fn sums(hooks: Hooks) -> Result<Found> {
    let tape = Tape::new();
    let (n, m) = (tape.dim("n"), tape.dim("m"));
    let x = tape.input::<f64>("x", (n, m));
    let e = (x * 0.5).exp();
    let share = e / e.sum_axis_keep(Axis(1));
    let spread = (share - share.mean_axis_keep(Axis(0))).tanh();
    let function = tape.function(x, (share, spread, spread.max_axis(Axis(0)))).freeze(&config())?.hooked(hooks);
    let called = function.call(&numbers(&[6, 40], -1.0, 2.0));
    Ok(found(&function, called))
}

/// Products of matrices that scale and add in place, and the gradient of a cost.
pub const PRODUCTS: Program = Program { name: "products", run: products };

fn products(hooks: Hooks) -> Result<Found> {
    let tape = Tape::new();
    let (x, w) = (tape.input::<f64>("x", (7, 5)), tape.input::<f64>("w", (5, 6)));
    let (y, z) = (tape.input::<f64>("y", (7, 6)), tape.input::<f64>("z", (6, 3)));
    let hidden = 2.0 * x.dot(w) + y.exp() * 3.0;
    let result = hidden.tanh().dot(z);
    let [slope] = (result * result).sum().grad([w]);
    let function = tape.function((x, w, y, z), (result, slope)).freeze(&config())?.hooked(hooks);
    let called =
        function.call((&numbers(&[7, 5], -0.4, 0.4), &numbers(&[5, 6], -0.3, 0.5), &numbers(&[7, 6], -3.0, -1.0), &numbers(&[6, 3], -1.0, 1.0)));
    Ok(found(&function, called))
}

/// A step of training: two layers, softmax, gradients, and four states that change.
pub const TRAINING: Program = Program { name: "training", run: training };

fn training(hooks: Hooks) -> Result<Found> {
    let single = |array: ArrayD<f64>| array.mapv(|x| x as f32);
    let w1 = Shared::new("w1", single(numbers(&[8, 6], -0.5, 0.5)));
    let b1 = Shared::new("b1", single(numbers(&[6], -0.1, 0.1)));
    let w2 = Shared::new("w2", single(numbers(&[6, 4], -0.5, 0.5)));
    let b2 = Shared::new("b2", single(numbers(&[4], -0.1, 0.1)));
    let tape = Tape::new();
    let n = tape.dim("n");
    let (x, y) = (tape.input::<f32>("x", (n, 8)), tape.input::<f32>("y", (n, 4)));
    let parameters = [tape.shared(&w1), tape.shared(&b1), tape.shared(&w2), tape.shared(&b2)];
    let [w1, b1, w2, b2] = parameters;
    let scores = (x.dot(w1) + b1).tanh().dot(w2) + b2;
    let cost = -(y * scores.log_softmax(Axis(1))).sum_axis(Axis(1)).mean();
    let gradients = cost.grad(parameters);
    let mut train = tape.function((x, y), (cost, scores.softmax(Axis(1)), scores.argmax_axis(Axis(1))));
    for (parameter, gradient) in parameters.into_iter().zip(gradients) {
        train = train.update(parameter, parameter - 0.5 * gradient);
    }
    let train = train.freeze(&config())?.hooked(hooks);
    let called = train.call((&single(numbers(&[9, 8], 0.0, 1.0)), &single(numbers(&[9, 4], 0.0, 1.0))));
    Ok(found(&train, called))
}

/// Truth values and integers.
pub const CHOICES: Program = Program { name: "choices", run: choices };

fn choices(hooks: Hooks) -> Result<Found> {
    let tape = Tape::new();
    let (x, k) = (tape.input::<f64>("x", (12,)), tape.input::<i64>("k", (12,)));
    let mask = x.gt(0.25);
    let squares = k * k + 3;
    let chosen = select(mask, x.exp(), x - 1.0);
    let function = tape.function((x, k), (mask, squares, squares.sum(), chosen, mask.any())).freeze(&config())?.hooked(hooks);
    let called = function.call((&numbers(&[12], -1.0, 1.0), &Array1::<i64>::from_iter((0..12).map(|k| k * k * 5 - 40))));
    Ok(found(&function, called))
}

/// A layer of filters with pooling, and the slopes of its cost.
pub const IMAGES: Program = Program { name: "images", run: images };

fn images(hooks: Hooks) -> Result<Found> {
    let tape = Tape::new();
    let (x, w) = (tape.input::<f64>("x", (2, 2, 7, 6)), tape.input::<f64>("w", (3, 2, 3, 3)));
    let pooled = x.conv(w).max_pool([2, 2]);
    let [by_image, by_filter] = (pooled * pooled).sum().grad([x, w]);
    let function = tape.function((x, w), (pooled, by_image, by_filter)).freeze(&config())?.hooked(hooks);
    let called = function.call((&numbers(&[2, 2, 7, 6], -1.0, 1.0), &numbers(&[3, 2, 3, 3], -0.5, 0.5)));
    Ok(found(&function, called))
}

/// Rows picked by index, and added up by index.
pub const PICKS: Program = Program { name: "picks", run: picks };

fn picks(hooks: Hooks) -> Result<Found> {
    let tape = Tape::new();
    let (table, places) = (tape.input::<f64>("table", (10, 4)), tape.input::<i64>("places", (6,)));
    let rows = table.exp().select_axis(Axis(0), places);
    let [slope] = (rows * rows * rows).sum().grad([table]);
    let function = tape.function((table, places), (rows, slope)).freeze(&config())?.hooked(hooks);
    let called = function.call((&numbers(&[10, 4], -1.0, 1.0), &arr1(&[2i64, 0, 9, 2, -1, 5])));
    Ok(found(&function, called))
}

/// Parts of an array, joined and padded.
pub const PARTS: Program = Program { name: "parts", run: parts };

fn parts(hooks: Hooks) -> Result<Found> {
    let tape = Tape::new();
    let (x, y) = (tape.input::<f64>("x", (9, 5)), tape.input::<f64>("y", (5, 5)));
    let product = x.dot(y);
    let joined = concatenate(Axis(0), &[product.slice(s![1..4, ..]).sin(), product.slice(s![4..;-1, ..]).cos()]);
    let function = tape.function((x, y), (joined, product.slice(s![.., ..;2]).pad(&[(1, 0), (0, 2)]))).freeze(&config())?.hooked(hooks);
    let called = function.call((&numbers(&[9, 5], -1.0, 1.0), &numbers(&[5, 5], -1.0, 1.0)));
    Ok(found(&function, called))
}

/// Arrays that are long enough for the engine to share its work out.
pub const LONG: Program = Program { name: "long", run: long };

fn long(hooks: Hooks) -> Result<Found> {
    let tape = Tape::new();
    let n = tape.dim("n");
    let (x, y, z) = (tape.input::<f64>("x", (n, 3)), tape.input::<f64>("y", (3,)), tape.input::<f64>("z", (n - 1, 2)));
    let scores = x.dot(y);
    let weights = (scores.slice(s![1..]) - scores.max_axis(Axis(0))).exp();
    let function = tape.function((x, y, z), weights.dot(z)).freeze(&config())?.hooked(hooks);
    let called = function.call((&numbers(&[40_000, 3], -1.0, 1.0), &numbers(&[3], 0.5, 1.5), &numbers(&[39_999, 2], 0.1, 0.2)));
    Ok(found(&function, called))
}

/// Two calls: the second with more rows than the first.
pub const TWO_LENGTHS: Program = Program { name: "two lengths", run: two_lengths };

fn two_lengths(hooks: Hooks) -> Result<Found> {
    let tape = Tape::new();
    let n = tape.dim("n");
    let x = tape.input::<f64>("x", (n, 3));
    let function = tape.function(x, (x.sin().sum_axis(Axis(0)), x * 2.0)).freeze(&config())?.hooked(hooks);
    let called = function.call(&numbers(&[4, 3], -1.0, 1.0)).and_then(|_| function.call(&numbers(&[6, 3], -1.0, 1.0)));
    Ok(found(&function, called))
}

/// Two calls: the second with an array that lies in memory column by column.
pub const TWO_LAYOUTS: Program = Program { name: "two layouts", run: two_layouts };

fn two_layouts(hooks: Hooks) -> Result<Found> {
    let tape = Tape::new();
    let x = tape.input::<f64>("x", (5, 3));
    let function = tape.function(x, x.sin().sum_axis(Axis(0))).freeze(&config())?.hooked(hooks);
    let turned: Array2<f64> = Array2::from_shape_fn((3, 5), |(i, j)| 0.1 * i as f64 + 0.3 * j as f64);
    let called = function.call(&numbers(&[5, 3], -1.0, 1.0)).and_then(|_| function.call(&turned.t()));
    Ok(found(&function, called))
}

/// Formulas that rules of rewriting look for, and constants that are computed when it is frozen.
pub const FORMULAS: Program = Program { name: "formulas", run: formulas };

fn formulas(hooks: Hooks) -> Result<Found> {
    let tape = Tape::new();
    let (x, y) = (tape.input::<f64>("x", (5,)), tape.input::<f64>("y", (5,)));
    let table = tape.constant(arr1(&[0.5, 1.5, 2.5])).exp().sum() * 3.0;
    let counts = tape.constant(arr1(&[3i64, 4, 5])).sum().cast::<f64>();
    let sine = x.sin() + y;
    let quotient = (x * x + 1.0).ln() / y;
    let rest = (y.sqrt() + x.cos()) * table - counts;
    let least = x.min(y) - tape.constant(arr1(&[0.5, -1.5, 2.5, 0.0, 1.0]));
    let function = tape.function((x, y), (sine, quotient, rest, least)).freeze(&config())?.hooked(hooks);
    let called = function.call((&arr1(&[0.3, 0.0, -0.7, 1.25, 0.5]), &arr1(&[0.25, 1.0, 2.0, 0.5, 3.0])));
    Ok(found(&function, called))
}

/// Formulas of numbers at the edge of what floats hold.
pub const EDGES: Program = Program { name: "edges", run: edges };

fn edges(hooks: Hooks) -> Result<Found> {
    let tape = Tape::new();
    let x = tape.input::<f64>("x", (4,));
    let function = tape.function(x, (x.tanh() + 1.0, x.abs() * 2.0)).freeze(&config())?.hooked(hooks);
    let called = function.call(&arr1(&[0.5, -2.0, 0.0, 1e200]));
    Ok(found(&function, called))
}

/// Many places where a rule may fire, or not.
pub const MANY_FORMULAS: Program = Program { name: "many formulas", run: many_formulas };

fn many_formulas(hooks: Hooks) -> Result<Found> {
    let tape = Tape::new();
    let x = tape.input::<f64>("x", (3,));
    let terms: Vec<_> = (0..48).map(|k| (x + 0.125 * f64::from(k)).atan()).collect();
    let function = tape.function(x, terms).freeze(&config())?.hooked(hooks);
    let called = function.call(&arr1(&[0.3, 0.5, -0.7]));
    Ok(found(&function, called))
}

/// A call that fails by an index out of range, of a function that would update a state. The state is given to who plants.
pub fn failing(plant: impl FnOnce(&Shared<f64>) -> Hooks) -> Result<Found> {
    let state = Shared::new("momentum", arr1(&[1.0, 2.0, 3.0]));
    let hooks = plant(&state);
    let tape = Tape::new();
    let (x, place) = (tape.input::<f64>("x", (3,)), tape.input::<i64>("place", (1,)));
    let momentum = tape.shared(&state);
    let next = 0.5 * momentum + x.exp();
    let picked = next.select_axis(Axis(0), place);
    let function = tape.function((x, place), picked).update(momentum, next).freeze(&config())?.hooked(hooks);
    let called = function.call((&arr1(&[0.1, 0.2, 0.3]), &arr1(&[7i64])));
    Ok(found(&function, called))
}

/// All programs that hooks are planted into.
pub const ALL: &[Program] =
    &[SUMS, PRODUCTS, TRAINING, CHOICES, IMAGES, PICKS, PARTS, LONG, TWO_LENGTHS, TWO_LAYOUTS, FORMULAS, EDGES, MANY_FORMULAS];
