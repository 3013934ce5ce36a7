//! How much memory plans of model programs take, next to the most that is needed at one step: no arrangement takes less.
//!
//! `cargo test --release -p damo-testing --test arena -- --nocapture` prints a line for each.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Instant;

use damo::prelude::*;
use damo_exec::{Argument, Executable, Options};
use damo_graph::{AnyArray, Graph, Number};
use ndarray::Axis;

/// What training needs: the cost, and each parameter one step further.
fn step<'t>(tape: &'t Tape, inputs: Vec<Tensor<'t, f32>>, cost: Tensor<'t, f32>, parameters: Vec<Tensor<'t, f32>>) -> Graph {
    let gradients = cost.grad(parameters.clone());
    let changed = parameters.iter().zip(gradients).map(|(&parameter, gradient)| parameter - 0.01 * gradient);
    let outputs: Vec<Tensor<'t, f32>> = std::iter::once(cost).chain(changed).collect();
    let inputs: Vec<Tensor<'t, f32>> = inputs.into_iter().chain(parameters).collect();
    tape.function(inputs, outputs).freeze(&Config::default()).unwrap().graph().clone()
}

/// An array that the program is given.
fn input<'t, const N: usize>(tape: &'t Tape, name: &str, shape: [usize; N]) -> Tensor<'t, f32> {
    tape.input::<f32>(name, &shape[..])
}

fn logistic_regression() -> Graph {
    let tape = Tape::new();
    let (x, y, w, b) = (input(&tape, "x", [400, 784]), input(&tape, "y", [400]), input(&tape, "w", [784]), input(&tape, "b", []));
    let p = 1.0 / (1.0 + (-(x.dot(w)) - b).exp());
    let cost = (-y * p.ln() - (1.0 - y) * (1.0 - p).ln()).mean() + 0.01 * (w * w).sum();
    step(&tape, vec![x, y], cost, vec![w, b])
}

/// A network of dense layers, each of so many units.
fn dense(batch: usize, widths: &[usize], is_residual: bool) -> Graph {
    let tape = Tape::new();
    let x = input(&tape, "x", [batch, widths[0]]);
    let labels = input(&tape, "labels", [batch, widths[widths.len() - 1]]);
    let (mut scores, mut parameters) = (x, Vec::new());
    for (place, ends) in widths.windows(2).enumerate() {
        let (w, b) = (input(&tape, &format!("w{place}"), [ends[0], ends[1]]), input(&tape, &format!("b{place}"), [ends[1]]));
        parameters.extend([w, b]);
        let next = scores.dot(w) + b;
        scores = match place + 2 < widths.len() {
            true if is_residual && ends[0] == ends[1] => scores + next.tanh(),
            true => next.tanh(),
            false => next,
        };
    }
    let cost = -(labels * scores.log_softmax(Axis(1))).sum_axis(Axis(1)).mean();
    step(&tape, vec![x, labels], cost, parameters)
}

fn recurrent(moments: usize) -> Graph {
    let tape = Tape::new();
    let (wx, wh, b) = (input(&tape, "wx", [128, 128]), input(&tape, "wh", [128, 128]), input(&tape, "b", [128]));
    let x = input(&tape, "x", [moments, 32, 128]);
    let mut state = tape.zeros::<f32>((32, 128));
    let mut states = Vec::new();
    for moment in 0..moments {
        state = (x.index_axis(Axis(0), moment as isize).dot(wx) + state.dot(wh) + b).tanh();
        states.push(state);
    }
    let states = tape.stack(Axis(0), &states);
    step(&tape, vec![x], (states * states).mean(), vec![wx, wh, b])
}

/// Two layers of filters over large pictures.
fn convolutional() -> Graph {
    let tape = Tape::new();
    let (x, f1, f2) = (input(&tape, "x", [1, 3, 128, 128]), input(&tape, "f1", [8, 3, 7, 7]), input(&tape, "f2", [8, 8, 5, 5]));
    let hidden = x.conv(f1).max_pool([2, 2]).tanh().conv(f2).tanh();
    step(&tape, vec![x], (hidden * hidden).mean(), vec![f1, f2])
}

fn lenet() -> Graph {
    let tape = Tape::new();
    let (x, y) = (input(&tape, "x", [64, 1, 28, 28]), input(&tape, "y", [64, 10]));
    let (f1, f2) = (input(&tape, "f1", [20, 1, 5, 5]), input(&tape, "f2", [50, 20, 5, 5]));
    let (w3, w4) = (input(&tape, "w3", [800, 500]), input(&tape, "w4", [500, 10]));
    let (b1, b2, b3, b4) = (input(&tape, "b1", [20]), input(&tape, "b2", [50]), input(&tape, "b3", [500]), input(&tape, "b4", [10]));
    let hidden = (x.conv(f1) + b1.reshape((20, 1, 1))).max_pool([2, 2]).tanh();
    let hidden = (hidden.conv(f2) + b2.reshape((50, 1, 1))).max_pool([2, 2]).tanh();
    let scores = (hidden.reshape((64, 800)).dot(w3) + b3).tanh().dot(w4) + b4;
    let cost = -(y * scores.log_softmax(Axis(1))).sum_axis(Axis(1)).mean();
    step(&tape, vec![x, y], cost, vec![f1, f2, w3, w4, b1, b2, b3, b4])
}

/// Attention of 4 heads, and a layer norm after it.
fn attention() -> Graph {
    let tape = Tape::new();
    let x = input(&tape, "x", [64, 128]);
    let mut parameters: Vec<Tensor<'_, f32>> = (0..16).map(|place| input(&tape, &format!("w{place}"), [128, 32])).collect();
    let mut heads = Vec::new();
    for weights in parameters.chunks_exact(4) {
        let [q, k, v] = [0, 1, 2].map(|place| x.dot(weights[place]));
        let scores = (q.dot(k.t()) / 32f32.sqrt()).softmax(Axis(1));
        heads.push(scores.dot(v).dot(weights[3].t()));
    }
    let sum = heads.into_iter().fold(x, |sum, head| sum + head);
    let (mean, variance) = (sum.mean_axis_keep(Axis(1)), sum.var_axis_keep(Axis(1)));
    let scale = input(&tape, "scale", [128]);
    parameters.push(scale);
    let normal = (sum - mean) / (variance + 1e-5).sqrt() * scale;
    step(&tape, vec![x], (normal * normal * normal).mean(), parameters)
}

/// The gradients of a softmax and of a layer norm over rows that a cache does not hold together.
fn rows() -> Graph {
    let tape = Tape::new();
    let (x, weights) = (input(&tape, "x", [512, 768]), input(&tape, "weights", [512, 768]));
    let (mean, variance) = (x.mean_axis_keep(Axis(1)), x.var_axis_keep(Axis(1)));
    let normal = (x - mean) / (variance + 1e-5).sqrt();
    let cost = (x.softmax(Axis(1)) * weights).sum()
        + (normal * weights).sum()
        + (0.5 * x * (1.0 + (x * std::f32::consts::FRAC_1_SQRT_2).erf()) * weights).sum();
    step(&tape, vec![], cost, vec![x, weights])
}

/// How many bytes a plan takes for each that it must, and the plan in words.
fn ratio(name: &str, graph: &Graph) -> f64 {
    let shape = |node| graph.node(node).types()[0].dims.iter().map(|dim| dim.known().unwrap() as usize).collect::<Vec<usize>>();
    let array = |&node: &_| {
        let shape = shape(node);
        let numbers = (0..shape.iter().product()).map(|_| Number::Real(0.0));
        AnyArray::from_numbers(graph.node(node).types()[0].dtype, &shape, numbers).unwrap()
    };
    let arrays: Vec<AnyArray> = graph.inputs().iter().map(array).collect();
    let inputs: Vec<&dyn Argument> = arrays.iter().map(|array| array as &dyn Argument).collect();
    let executable = Executable::new(graph.clone(), Options::default()).unwrap();
    let plan = executable.plan(&inputs).unwrap();
    assert_eq!(plan.explain(graph), executable.plan(&inputs).unwrap().explain(graph), "{name}: the same program has the same plan");
    let mut times: Vec<f64> = (0..5)
        .map(|_| {
            let start = Instant::now();
            executable.plan(&inputs).unwrap();
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let (arena, bound) = (plan.arena_bytes(), plan.lower_bound_bytes());
    let ratio = if arena == bound { 1.0 } else { arena as f64 / bound as f64 };
    println!("{name}: {} steps, arena {arena} bytes, at least {bound}: {ratio:.3}; planned in {:.2} ms", plan.steps().len(), times[2]);
    ratio
}

#[test]
fn plans_of_models_take_hardly_more_than_they_must() {
    let deep: Vec<usize> = std::iter::once(784).chain(std::iter::repeat_n(64, 159)).chain([10]).collect();
    let uneven: Vec<usize> = (0..60).map(|layer| 16 + layer * 37 % 113).collect();
    let models = [
        ("logistic regression, 400 by 784", logistic_regression()),
        ("784-500-10, batch of 60", dense(60, &[784, 500, 10], false)),
        ("784-1024-1024-10, batch of 256", dense(256, &[784, 1024, 1024, 10], false)),
        ("160 layers of 64", dense(32, &deep, false)),
        ("160 residual layers of 64", dense(32, &deep, true)),
        ("60 layers of all widths", dense(48, &uneven, false)),
        ("recurrent, 100 moments", recurrent(100)),
        ("convolutional, 128 by 128", convolutional()),
        ("LeNet, batch of 64", lenet()),
        ("attention, 4 heads", attention()),
        ("softmax, layer norm and gelu", rows()),
    ];
    for (name, graph) in &models {
        let ratio = ratio(name, graph);
        assert!(ratio <= 1.05, "{name}: {ratio}");
    }
}
