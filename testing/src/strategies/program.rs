//! Random well-typed programs: a list of numbers, each of which says what to do with what is there already.

use damo::Dims;
use damo::op::scalar::{self, Scalar};
use damo::prelude::*;
use ndarray::{ArrayD, Axis};
use proptest::prelude::*;

use super::{arrays, moderate_values, positive_shapes};

/// A random program: it can be traced onto any tape, at any float type, and is well-typed whatever its numbers are.
///
/// Being nothing but a list of steps, it shrinks to a few of them.
#[derive(Clone, Debug)]
pub struct Program {
    /// The inputs, whose lengths are never 0.
    pub inputs: Vec<ArrayD<f64>>,
    /// What is done, one after another.
    pub steps: Vec<Step>,
}

/// One step: which op, on which values, with which parameters; each number is taken modulo what there is to choose from.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Which op.
    pub op: u8,
    /// Its first operand.
    pub left: u8,
    /// Its second operand.
    pub right: u8,
    /// Its parameter: an axis, a start.
    pub parameter: u8,
}

/// Programs of up to that many steps over one to three inputs.
pub fn programs(max_steps: usize) -> impl Strategy<Value = Program> {
    let input = positive_shapes(3).prop_flat_map(|shape| arrays(&shape, moderate_values()));
    (prop::collection::vec(input, 1..=3), prop::collection::vec(steps(), 1..=max_steps)).prop_map(|(inputs, steps)| Program { inputs, steps })
}

/// A step of any numbers.
pub(super) fn steps() -> impl Strategy<Value = Step> {
    (any::<u8>(), any::<u8>(), any::<u8>(), any::<u8>()).prop_map(|(op, left, right, parameter)| Step { op, left, right, parameter })
}

/// Functions whose slopes are at most 1, so that errors do not grow on their way through a program.
const TAME: &[&Scalar] =
    &[&scalar::TANH, &scalar::SIGMOID, &scalar::SIN, &scalar::COS, &scalar::ATAN, &scalar::ASINH, &scalar::SOFTPLUS, &scalar::ABS, &scalar::NEG];

/// The same of two arguments.
const TAME_PAIRS: &[&Scalar] = &[&scalar::ADD, &scalar::SUB, &scalar::MAX, &scalar::MIN, &scalar::HYPOT];

/// How many kinds of steps there are.
const KINDS: u8 = 16;

impl Program {
    /// Writes the program on a tape; gives its inputs and everything it computes, in order.
    ///
    /// Errors grow by a bounded factor per step: every function has slopes of at most 1 but for products with tanh, which are at
    /// most the other factor. Lengths are known.
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

    /// The accuracy, in ulps, of all functions it may apply, added up: what its results may be off by, relative to the largest
    /// intermediate value.
    pub fn ulps(&self) -> f64 {
        let elements: usize = self.inputs.iter().map(ArrayD::len).sum::<usize>().max(1);
        // A reduction of n elements errs by up to n/2 ulps of its largest partial sum.
        self.steps.len() as f64 * (2.0 + elements as f64)
    }
}

/// Takes one step.
fn take<'t, T: Float>(tape: &'t Tape, values: &[Tensor<'t, T>], step: Step) -> Tensor<'t, T> {
    let left = values[usize::from(step.left) % values.len()];
    let right = values[usize::from(step.right) % values.len()];
    let dims = left.dims().unwrap_or_default();
    let rank = dims.len();
    let parameter = usize::from(step.parameter);
    let axis = if rank == 0 { 0 } else { parameter % rank };
    match step.op % KINDS {
        0..=2 => apply(tape, TAME[parameter % TAME.len()], &[left]),
        3..=5 => {
            let right = fitting(left, right);
            apply(tape, TAME_PAIRS[parameter % TAME_PAIRS.len()], &[left, right])
        }
        6 => left.tanh() * fitting(left, right),
        7 => {
            let right = fitting(left, right);
            let both = left + right;
            let lengths = both.dims().unwrap_or_default();
            let (left, right) = (left.broadcast(&lengths), right.broadcast(&lengths));
            select(left.gt(right), left, right)
        }
        8 if rank > 0 => [left.sum_axis(Axis(axis)), left.max_axis(Axis(axis)), left.mean_axis(Axis(axis))][usize::from(step.right) % 3],
        9 if rank > 1 => {
            let mut order: Vec<usize> = (0..rank).collect();
            order.rotate_left(1 + parameter % (rank - 1));
            left.permuted_axes(order)
        }
        10 => left.reshape([dims.count()]),
        11 if rank > 0 => sliced(left, &dims, axis, usize::from(step.right)),
        12 if rank < 4 => left.insert_axis(Axis(parameter % (rank + 1))),
        13 if rank > 0 => tape.concatenate(Axis(axis), &[left, left]),
        14 if rank > 0 => [left.softmax(Axis(axis)), left.log_softmax(Axis(axis)), left.sin()][usize::from(step.right) % 3],
        15 if rank == 2 => left.tanh().dot(left.tanh().t()),
        _ => left.sin(),
    }
}

pub(super) fn apply<'t, T: Float>(tape: &'t Tape, function: &'static Scalar, arguments: &[Tensor<'t, T>]) -> Tensor<'t, T> {
    let handles: Vec<Handle<'t>> = arguments.iter().map(|argument| argument.handle()).collect();
    tape.apply(damo::op::pointwise::Pointwise(function), &handles)
}

/// The right operand if it broadcasts against the left, else its mean.
pub(super) fn fitting<'t, T: Float>(left: Tensor<'t, T>, right: Tensor<'t, T>) -> Tensor<'t, T> {
    let (a, b) = (left.dims().unwrap_or_default(), right.dims().unwrap_or_default());
    let fits = a.iter().rev().zip(b.iter().rev()).all(|(a, b)| a == b || a.is_one() || b.is_one());
    if fits { right } else { right.mean() }
}

/// All but the first element along an axis, or every other one from the end.
pub(super) fn sliced<'t, T: Float>(tensor: Tensor<'t, T>, dims: &Dims, axis: usize, how: usize) -> Tensor<'t, T> {
    let length = dims[axis].known().unwrap_or(1);
    let start = isize::from(length > 1);
    let info: Vec<ndarray::SliceInfoElem> = (0..dims.len())
        .map(|k| match (k == axis, how % 2) {
            (true, 0) => ndarray::SliceInfoElem::Slice { start, end: None, step: 1 },
            (true, _) => ndarray::SliceInfoElem::Slice { start: 0, end: None, step: -2 },
            (false, _) => ndarray::SliceInfoElem::Slice { start: 0, end: None, step: 1 },
        })
        .collect();
    tensor.slice(info)
}
