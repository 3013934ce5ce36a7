//! How far the results of a program move when every op is off by a little: what a program of other roundings may differ by.
//!
//! This is Monte Carlo arithmetic (Parker, Pierce and Eggert 2000): a result that cancels moves by much, one that does not by little.

use damo::AnyArray;
use damo::op::Op;
use damo::op::scalar::{self, Scalar};
use damo_graph::{Error, Graph, Result, Sizes, Value};
use ndarray::ArrayD;

/// How often a program is disturbed.
const SAMPLES: u64 = 6;

/// Functions that are 0 only where they underflow, or where a factor is 0: such programs are not compared closely.
const NEVER_ZERO: &[&Scalar] = &[&scalar::EXP, &scalar::SIGMOID, &scalar::SOFTPLUS, &scalar::RECIP, &scalar::MUL, &scalar::DIV];

/// Functions that are 0 where they underflow, and where an argument is 0.
const PRODUCTS: &[&Scalar] = &[&scalar::MUL, &scalar::DIV, &scalar::POW];

/// The results of a program and how far they move.
#[derive(Clone, Debug)]
pub struct Sensitivity {
    /// The results as the program is written.
    pub values: Vec<ArrayD<f64>>,
    /// How far each moved; infinite where it became infinite or not a number.
    pub moved: Vec<ArrayD<f64>>,
    /// Whether no float on the way was infinite, not a number, subnormal, or vanished.
    pub is_tame: bool,
}

/// Evaluates a graph by its meaning, as it is and with every float that it computes off by up to a share of itself.
///
/// # Errors
///
/// Those of an op.
pub fn sensitivity(graph: &Graph, inputs: &[AnyArray], share: f64) -> Result<Sensitivity> {
    let mut is_tame = true;
    let undisturbed = evaluate(graph, inputs, |op, read, array| {
        is_tame &= is_ordinary(op, read, &array);
        array
    })?;
    let values: Vec<ArrayD<f64>> = undisturbed.iter().map(AnyArray::to_reals).collect();
    let mut moved: Vec<ArrayD<f64>> = values.iter().map(|array| ArrayD::zeros(array.raw_dim())).collect();
    for sample in 1..=SAMPLES {
        let mut random = sample << 32;
        let disturbed = evaluate(graph, inputs, |_, _, array| disturb(&array, share, &mut random))?;
        for ((moved, value), disturbed) in moved.iter_mut().zip(&values).zip(disturbed) {
            moved.zip_mut_with(&(disturbed.to_reals() - value), |moved, by| *moved = if by.is_nan() { f64::INFINITY } else { moved.max(by.abs()) });
        }
    }
    Ok(Sensitivity { values, moved, is_tame })
}

/// Evaluates every node, and changes what it gives.
fn evaluate(graph: &Graph, inputs: &[AnyArray], mut change: impl FnMut(&Op, &[&AnyArray], AnyArray) -> AnyArray) -> Result<Vec<AnyArray>> {
    let shapes: Vec<&[usize]> = inputs.iter().map(AnyArray::shape).collect();
    let sizes = Sizes::bind(graph, &shapes)?;
    let places: std::collections::BTreeMap<_, usize> = graph.nodes().enumerate().map(|(place, (id, _))| (id, place)).collect();
    let mut results: Vec<Vec<AnyArray>> = Vec::with_capacity(graph.len());
    for (id, node) in graph.nodes() {
        let made = if let Some(place) = graph.inputs().iter().position(|&input| input == id) {
            vec![inputs[place].clone()]
        } else {
            let read: Vec<&AnyArray> = node.inputs().iter().map(|value| &results[places[&value.node]][value.result as usize]).collect();
            let made = node.op().rules().evaluate(&read, &sizes).map_err(|problem| -> Error { graph.blame_node(id, problem) })?;
            made.into_iter()
                .map(|array| if computes(node.op()) && array.dtype().is_float() { change(node.op(), &read, array) } else { array })
                .collect()
        };
        results.push(made);
    }
    let result = |value: &Value| results[places[&value.node]][value.result as usize].clone();
    Ok(graph.outputs().iter().map(result).collect())
}

/// Whether an op rounds: a view and a constant do not.
fn computes(op: &Op) -> bool {
    !matches!(
        op,
        Op::Constant(_)
            | Op::Broadcast(_)
            | Op::Reshape(_)
            | Op::InsertAxis(_)
            | Op::RemoveAxis(_)
            | Op::Transpose(_)
            | Op::Slice(_)
            | Op::Concatenate(_)
            | Op::SelectAxis(_)
            | Op::Pad(_)
            | Op::StopGradient(_)
            | Op::DimValue(_)
    )
}

/// Whether every element is a number that has all its digits.
fn is_ordinary(op: &Op, read: &[&AnyArray], array: &AnyArray) -> bool {
    let least = if array.dtype() == damo::DType::F64 { f64::MIN_POSITIVE } else { f64::from(f32::MIN_POSITIVE) };
    let reals = array.to_reals();
    if !reals.iter().all(|&x| x.is_finite() && (x == 0.0 || x.abs() >= least)) {
        return false;
    }
    if !reals.iter().any(|&x| x == 0.0) {
        return true;
    }
    let function = if let Op::Pointwise(op) = op { Some(op.0) } else { None };
    if matches!(op, Op::Softmax(_)) || function.is_some_and(|function| NEVER_ZERO.contains(&function)) {
        return false;
    }
    if !function.is_some_and(|function| PRODUCTS.contains(&function)) {
        return true;
    }
    // A product vanishes by itself only where a factor does.
    let factors: Vec<ArrayD<f64>> = read.iter().map(|array| array.to_reals()).collect();
    let factors: Vec<_> = factors.iter().filter_map(|factor| factor.broadcast(reals.raw_dim())).collect();
    reals.indexed_iter().all(|(at, &x)| x != 0.0 || factors.iter().any(|factor| factor[&at] == 0.0))
}

/// Each element off by up to that share of it.
fn disturb(array: &AnyArray, share: f64, random: &mut u64) -> AnyArray {
    let reals = array.to_reals().mapv(|x| x + x * share * next(random));
    AnyArray::from_reals(array.dtype(), &reals)
}

/// A number between −1 and 1 (Steele, Lea and Flood 2014: splitmix64).
fn next(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) as i64 as f64 / i64::MAX as f64
}

#[cfg(test)]
mod tests {
    use damo::prelude::*;
    use ndarray::arr0;

    use super::*;

    fn of(program: for<'t> fn(Tensor<'t, f64>) -> Tensor<'t, f64>, x: f64) -> Sensitivity {
        let tape = Tape::new();
        let input = tape.scalar::<f64>("x");
        let graph = tape.function(input, program(input)).graph().unwrap();
        sensitivity(&graph, &[AnyArray::from(arr0(x))], 1e-10).unwrap()
    }

    #[test]
    fn what_cancels_moves() {
        let steady = of(|x| (x + 3.0).exp(), 1.0);
        assert!(steady.is_tame && steady.moved[0].iter().all(|&moved| moved > 1e-12 && moved < 1e-7));
        let cancels = of(|x| (x + 1e6) - 1e6, 1.0);
        assert!(cancels.is_tame && cancels.moved[0].iter().all(|&moved| moved > 1e-6));
        assert!(!of(|x| (x - 800.0).exp(), 1.0).is_tame);
        assert!(!of(|x| x.ln(), 0.0).is_tame);
    }
}
