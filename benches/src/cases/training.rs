//! Steps of training: logistic regression, and networks of two and of three layers.

use damo::prelude::*;
use damo::{Config, Float};
use ndarray::{ArrayD, Axis};

use super::Prepared;
use super::repeated::calling;
use crate::random::{Random, zeros};

/// How far a step goes.
const RATE: f64 = 0.01;

pub fn prepare<T: Float>(case: &str, _size: &str, config: &Config) -> Prepared {
    match case {
        "logreg" => logistic_regression::<T>(config),
        "mlp" | "mlp256" => {
            let network = Network::<T>::of_case(case);
            let step = network.freeze(config)?;
            calling(step, move |step| step.call((&network.images, &network.labels)))
        }
        _ => Ok(None),
    }
}

/// The tutorial's logistic regression, as naively as it is written there.
fn logistic_regression<T: Float>(config: &Config) -> Prepared {
    let mut random = Random::default();
    let w = Shared::new("w", random.normal::<T>(&[784], 1.0 / 28.0));
    let b = Shared::new("b", zeros::<T>(&[]));
    let xs = random.normal::<T>(&[400, 784], 1.0);
    let ys = random.below(2, 400).mapv(|label| T::from_f64(f64::from(label)));

    let tape = Tape::new();
    let n = tape.dim("n");
    let (x, y) = (tape.input::<T>("x", (n, 784)), tape.input::<T>("y", (n,)));
    let (wt, bt) = (tape.shared(&w), tape.shared(&b));
    let one = tape.constant(ndarray::arr0(T::from_f64(1.0)));
    let p1 = one / (one + (-x.dot(wt) - bt).exp());
    let xent = -y * p1.ln() - (one - y) * (one - p1).ln();
    let cost = xent.mean() + (wt * wt).sum() * T::from_f64(0.01);
    let [gw, gb] = cost.grad([wt, bt]);
    let rate = T::from_f64(RATE);
    let train = tape.function((x, y), (p1.gt(T::from_f64(0.5)), xent)).update(wt, wt - gw * rate).update(bt, bt - gb * rate).freeze(config)?;
    calling(train, move |train| train.call((&xs, &ys)))
}

/// A network, and a batch to train it on.
pub struct Network<T: Float> {
    weights: Vec<(Shared<T>, Shared<T>)>,
    is_relu: bool,
    pub images: ArrayD<T>,
    pub labels: ArrayD<i32>,
}

/// One step of its training: takes images and labels, gives the cost, and updates the weights.
pub type Step<T> = Function<(T, i32), Single<T>>;

impl<T: Float> Network<T> {
    /// That of the case `mlp`, or else of `mlp256`.
    pub fn of_case(case: &str) -> Self {
        if case == "mlp" { Network::new(60, &[784, 500, 10], false) } else { Network::new(256, &[784, 1024, 1024, 10], true) }
    }

    fn new(batch: usize, widths: &[usize], is_relu: bool) -> Self {
        let mut random = Random::default();
        let layer = |(place, ends): (usize, &[usize])| {
            let weights = random.normal::<T>(ends, 1.0 / (ends[0] as f64).sqrt());
            (Shared::new(&format!("w{place}"), weights), Shared::new(&format!("b{place}"), zeros::<T>(&ends[1..])))
        };
        let weights = widths.windows(2).enumerate().map(layer).collect();
        let images = random.normal::<T>(&[batch, 784], 1.0);
        let labels = random.below(10, batch);
        Network { weights, is_relu, images, labels }
    }

    /// From an empty tape to a frozen step.
    pub fn freeze(&self, config: &Config) -> damo::Result<Step<T>> {
        let tape = Tape::new();
        let n = tape.dim("n");
        let (x, labels) = (tape.input::<T>("x", (n, 784)), tape.input::<i32>("labels", (n,)));
        let mut parameters = Vec::new();
        let mut scores = x;
        for (place, (weights, biases)) in self.weights.iter().enumerate() {
            let (weights, biases) = (tape.shared(weights), tape.shared(biases));
            parameters.extend([weights, biases]);
            scores = scores.dot(weights) + biases;
            if place + 1 < self.weights.len() {
                scores = if self.is_relu { scores.relu() } else { scores.tanh() };
            }
        }
        let cost = -(labels.one_hot::<T>(10) * scores.log_softmax(Axis(1))).sum_axis(Axis(1)).mean();
        let gradients = cost.grad(parameters.clone());
        let mut step = tape.function((x, labels), cost);
        for (parameter, gradient) in parameters.into_iter().zip(gradients) {
            step = step.update(parameter, parameter - gradient * T::from_f64(RATE));
        }
        step.freeze(config)
    }
}
