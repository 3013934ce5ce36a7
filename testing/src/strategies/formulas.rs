//! Random programs of the formulas that rules look for: logarithms of exponentials, shares, powers, like terms, means, views.

use damo::op::scalar::{self, Scalar};
use damo::prelude::*;
use ndarray::{ArrayD, Axis};
use proptest::prelude::*;

use super::program::{Step, apply, fitting, sliced, steps};
use super::{arrays, positive_shapes};

/// A random program that a rewriter finds much to do in. It is well-typed whatever its numbers are, and may overflow.
#[derive(Clone, Debug)]
pub struct Formulas {
    /// The inputs, whose lengths are never 0.
    pub inputs: Vec<ArrayD<f64>>,
    /// What is done, one after another.
    pub steps: Vec<Step>,
}

/// Programs of up to that many steps over one to three inputs with elements by a strategy.
pub fn formulas<V>(max_steps: usize, values: V) -> impl Strategy<Value = Formulas>
where
    V: Strategy<Value = f64> + Clone + 'static,
{
    let input = positive_shapes(2).prop_flat_map(move |shape| arrays(&shape, values.clone()));
    (prop::collection::vec(input, 1..=3), prop::collection::vec(steps(), 1..=max_steps)).prop_map(|(inputs, steps)| Formulas { inputs, steps })
}

/// Functions of one argument.
const FUNCTIONS: &[&Scalar] = &[
    &scalar::EXP,
    &scalar::LN,
    &scalar::EXP_M1,
    &scalar::LN_1P,
    &scalar::SIGMOID,
    &scalar::SOFTPLUS,
    &scalar::TANH,
    &scalar::SQRT,
    &scalar::ABS,
    &scalar::NEG,
    &scalar::RECIP,
    &scalar::SIGNUM,
    &scalar::ERF,
    &scalar::COSH,
];

/// The numbers that formulas are full of.
const NUMBERS: &[f64] = &[0.0, 1.0, -1.0, 2.0, 0.5, -2.0, 3.0, 0.1];

/// How many kinds of steps there are.
const KINDS: u8 = 28;

impl Formulas {
    /// Writes the program on a tape; gives its inputs and everything it computes, in order. Lengths are known.
    pub fn trace<'t, T: Float>(&self, tape: &'t Tape) -> (Vec<Tensor<'t, T>>, Vec<Tensor<'t, T>>) {
        let inputs: Vec<Tensor<'t, T>> = self.inputs.iter().enumerate().map(|(k, array)| tape.input::<T>(&format!("x{k}"), array.shape())).collect();
        let mut values = inputs.clone();
        for step in &self.steps {
            let value = take(tape, &values, *step);
            values.push(value);
        }
        let computed = values.split_off(inputs.len());
        (inputs, computed)
    }
}

/// Takes one step.
fn take<'t, T: Float>(tape: &'t Tape, values: &[Tensor<'t, T>], step: Step) -> Tensor<'t, T> {
    // What was computed last is used most, so that formulas get deep.
    let recent = |place: u8| values[values.len() - 1 - (usize::from(place) % values.len()).min(usize::from(place / 16))];
    let left = recent(step.left);
    let right = fitting(left, recent(step.right));
    let dims = left.dims().unwrap_or_default();
    let rank = dims.len();
    let parameter = usize::from(step.parameter);
    let axis = Axis(if rank == 0 { 0 } else { parameter % rank });
    let number = T::from_f64(NUMBERS[usize::from(step.right) % NUMBERS.len()]);
    match step.op % KINDS {
        0..=5 => apply(tape, FUNCTIONS[parameter % FUNCTIONS.len()], &[left]),
        6 => left + right,
        7 => left - right,
        8 => left * right,
        9 => left / right,
        10..=12 => with_number(left, number, parameter),
        13 => [left.powi(2), left.powi(3), left.powi(-1), left.powf(T::from_f64(0.5)), left * left, left.sqrt(), left.powi(0)][parameter % 7],
        14 => {
            let lengths = (left + right).dims().unwrap_or_default();
            let (left, right) = (left.broadcast(&lengths), right.broadcast(&lengths));
            select(left.gt(right), left, right)
        }
        15 => [(left.exp() + right.exp()).ln(), (left.exp() - right.exp()).ln(), left.exp() * right.exp(), left.exp() / right.exp()][parameter % 4],
        16 => [(-left).exp(), left.exp().ln(), left.ln().exp(), left.sqrt() * left.sqrt(), (left * left).sqrt()][parameter % 5],
        17 => {
            let one = T::from_f64(1.0);
            [(left.exp() + one).ln(), (-left.exp() + one).ln(), (left.exp() - one), ((-left).exp() + one).recip(), left.max(T::from_f64(0.0))]
                [parameter % 5]
        }
        18 if rank > 0 => {
            [left.sum_axis(axis), left.max_axis(axis), left.mean_axis(axis), left.prod_axis(axis), left.min_axis(axis)][usize::from(step.right) % 5]
        }
        19 if rank > 0 => {
            let shares = left.exp() / left.exp().sum_axis_keep(axis);
            [shares, shares.ln(), left.softmax(axis), left.exp().sum_axis(axis).ln()][usize::from(step.right) % 4]
        }
        20 if rank > 0 => {
            let mean = left.mean_axis(axis);
            let (variance, length) = ((left * left).mean_axis(axis) - mean * mean, (left * left).sum_axis(axis).sqrt());
            [variance, length, left.sum(), left.mean()][usize::from(step.right) % 4]
        }
        21 => left.reshape([dims.count()]),
        22 if rank > 0 => sliced(left, &dims, axis.0, usize::from(step.right)),
        23 if rank > 1 => left.permuted_axes((0..rank).rev().collect::<Vec<_>>()),
        24 if rank < 3 => left.insert_axis(Axis(parameter % (rank + 1))),
        25 if rank > 0 => tape.concatenate(axis, &[left, left]),
        26 => left * right / left,
        27 => left * number + right * number - left,
        _ => left.exp(),
    }
}

fn with_number<T: Float>(left: Tensor<'_, T>, number: T, how: usize) -> Tensor<'_, T> {
    match how % 7 {
        0 => left + number,
        1 => left - number,
        2 => left * number,
        3 => left / number,
        4 => -left + number,
        5 => left.recip() * number,
        _ => left.powf(number),
    }
}
