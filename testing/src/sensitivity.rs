//! How far the results of a program move when every op is off by a little: what a program of other roundings may differ by.
//!
//! This is Monte Carlo arithmetic (Parker, Pierce and Eggert 2000): a result that cancels moves by much, one that does not by little.

use damo::op::Op;
use damo::op::reduce::Reduction;
use damo::op::scalar::{self, Scalar};
use damo::{AnyArray, DType};
use damo_graph::{Error, Graph, Result, Sizes, Value};
use ndarray::ArrayD;

/// How often a program is disturbed.
const SAMPLES: u64 = 6;

/// Functions that are 0 only where they underflow, or where a factor is 0: such programs are not compared closely.
const NEVER_ZERO: &[&Scalar] = &[&scalar::EXP, &scalar::SIGMOID, &scalar::SOFTPLUS, &scalar::RECIP, &scalar::MUL, &scalar::DIV];

/// Functions that are 0 where they underflow, and where an argument is 0.
const PRODUCTS: &[&Scalar] = &[&scalar::MUL, &scalar::DIV, &scalar::POW];

/// Functions that tell −0 from 0, which sums and products of other roundings do not.
const TELL_ZEROS: &[&Scalar] = &[&scalar::ATAN2, &scalar::COPYSIGN, &scalar::RECIP, &scalar::DIV, &scalar::POW];

/// The results of a program and how far they move.
#[derive(Clone, Debug)]
pub struct Sensitivity {
    /// The results as the program is written.
    pub values: Vec<ArrayD<f64>>,
    /// How far each moved; infinite where it became infinite or not a number.
    pub moved: Vec<ArrayD<f64>>,
    /// Whether no float on the way was infinite, not a number, subnormal, or vanished.
    pub is_tame: bool,
    /// Whether it says something at all: nothing is decided by the sign of a zero, no comparison by rounding or by a NaN, no float on the way is nothing but rounding,
    /// and no product over an axis overflows or vanishes in one order of its factors and not in another.
    pub is_settled: bool,
}

/// Evaluates a graph by its meaning, as it is and with every float that it computes off by up to a share of itself.
///
/// # Errors
///
/// Those of an op.
pub fn sensitivity(graph: &Graph, inputs: &[AnyArray], share: f64) -> Result<Sensitivity> {
    disturbed(graph, inputs, |_| share)
}

/// The same, every float off by up to so many ulps of 1 of its own element type, as a share of itself.
///
/// # Errors
///
/// Those of an op.
pub fn roundings(graph: &Graph, inputs: &[AnyArray], ulps: f64) -> Result<Sensitivity> {
    disturbed(graph, inputs, |dtype| ulps * epsilon(dtype))
}

/// The distance from 1 to the next float of a type, and the least float that has all its digits.
fn format(dtype: DType) -> (f64, f64) {
    match dtype {
        DType::F16 => (f64::from(f32::EPSILON) * 8192.0, 6.103_515_625e-5),
        DType::BF16 => (f64::from(f32::EPSILON) * 65536.0, f64::from(f32::MIN_POSITIVE)),
        DType::F32 | DType::C64 => (f64::from(f32::EPSILON), f64::from(f32::MIN_POSITIVE)),
        DType::F64
        | DType::C128
        | DType::Bool
        | DType::I8
        | DType::I16
        | DType::I32
        | DType::I64
        | DType::U8
        | DType::U16
        | DType::U32
        | DType::U64 => (f64::EPSILON, f64::MIN_POSITIVE),
    }
}

/// The distance from 1 to the next float of a type.
pub(crate) fn epsilon(dtype: DType) -> f64 {
    format(dtype).0
}

/// The least float of a type that has all its digits.
pub(crate) fn least_normal(dtype: DType) -> f64 {
    format(dtype).1
}

fn disturbed(graph: &Graph, inputs: &[AnyArray], share: impl Fn(DType) -> f64) -> Result<Sensitivity> {
    let (mut is_tame, mut is_settled) = (true, true);
    let mut undisturbed_all: Vec<AnyArray> = Vec::new();
    let undisturbed = evaluate(graph, inputs, |op, read, array| {
        undisturbed_all.push(array.clone());
        if array.dtype().is_float() {
            is_tame &= is_ordinary(op, read, &array);
            is_settled &= !has_wild_product(op, read) && !tells_zeros(op, read);
        } else {
            is_settled &= !read.iter().any(|read| read.dtype().is_float() && read.to_reals().iter().any(|x| x.is_nan()));
        }
        array
    })?;
    let values: Vec<ArrayD<f64>> = undisturbed.iter().map(AnyArray::to_reals).collect();
    let lengths = Sizes::bind(graph, &inputs.iter().map(AnyArray::shape).collect::<Vec<_>>())?;
    let mut moved: Vec<ArrayD<f64>> = values.iter().map(|array| ArrayD::zeros(array.raw_dim())).collect();
    for sample in 1..=SAMPLES {
        let mut random = sample << 32;
        let mut undisturbed = undisturbed_all.iter();
        let disturbed = evaluate(graph, inputs, |op, read, array| {
            let before = undisturbed.next();
            if array.dtype().is_float() {
                is_settled &= before.is_some_and(|before| has_signs_of(&array, before));
                return if is_exact(op) { array } else { disturb(op, read, &array, share(array.dtype()), &lengths, &mut random) };
            }
            is_settled &= before == Some(&array);
            array
        });
        let Ok(disturbed) = disturbed else {
            // Rounding decides whether it can be run.
            for moved in &mut moved {
                moved.fill(f64::INFINITY);
            }
            return Ok(Sensitivity { values, moved, is_tame: false, is_settled: false });
        };
        for ((moved, value), disturbed) in moved.iter_mut().zip(&values).zip(disturbed) {
            moved.zip_mut_with(&(disturbed.to_reals() - value), |moved, by| *moved = if by.is_nan() { f64::INFINITY } else { moved.max(by.abs()) });
        }
    }
    Ok(Sensitivity { values, moved, is_tame, is_settled })
}

/// Evaluates every node, and changes what it gives.
fn evaluate(graph: &Graph, inputs: &[AnyArray], mut change: impl FnMut(&Op, &[&AnyArray], AnyArray) -> AnyArray) -> Result<Vec<AnyArray>> {
    let shapes: Vec<&[usize]> = inputs.iter().map(AnyArray::shape).collect();
    let sizes = Sizes::bind(graph, &shapes)?;
    let places: std::collections::BTreeMap<_, usize> = graph.nodes().enumerate().map(|(place, (id, _))| (id, place)).collect();
    let mut results: Vec<Vec<AnyArray>> = Vec::with_capacity(graph.len());
    // The order of a derivative, say, is computed from constants, and is not off.
    let mut is_number = vec![false; graph.len()];
    for (place, (id, node)) in graph.nodes().enumerate() {
        let made = if let Some(place) = graph.inputs().iter().position(|&input| input == id) {
            vec![inputs[place].clone()]
        } else {
            let read: Vec<&AnyArray> = node.inputs().iter().map(|value| &results[places[&value.node]][value.result as usize]).collect();
            let made = node.op().rules().evaluate(&read, &sizes).map_err(|problem| -> Error { graph.blame_node(id, problem) })?;
            is_number[place] = !matches!(node.op(), Op::Input(_)) && node.inputs().iter().all(|value| is_number[places[&value.node]]);
            let is_exact = |array: &AnyArray| is_number[place] && array.to_reals().iter().all(|x| x.fract() == 0.0);
            made.into_iter().map(|array| if computes(node.op()) && !is_exact(&array) { change(node.op(), &read, array) } else { array }).collect()
        };
        results.push(made);
    }
    let result = |value: &Value| results[places[&value.node]][value.result as usize].clone();
    Ok(graph.outputs().iter().map(result).collect())
}

/// Whether an op rounds: a view and a constant do not.
fn computes(op: &Op) -> bool {
    !op.only_moves() && !matches!(op, Op::Constant(_) | Op::StopGradient(_) | Op::DimValue(_))
}

/// Whether every element is a number that has all its digits.
fn is_ordinary(op: &Op, read: &[&AnyArray], array: &AnyArray) -> bool {
    let least = least_normal(array.dtype());
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

/// Whether an op gives something else for −0 than for 0, and is given one of them.
fn tells_zeros(op: &Op, read: &[&AnyArray]) -> bool {
    let tells = if let Op::Pointwise(op) = op { TELL_ZEROS.contains(&op.0) } else { false };
    tells && read.iter().any(|array| array.dtype().is_float() && array.to_reals().iter().any(|&x| x == 0.0))
}

/// Whether an op picks an element, which is compared with others afterwards: off by a little it would be none of them.
fn is_exact(op: &Op) -> bool {
    if let Op::Reduce(reduce) = op { matches!(reduce.reduction, Reduction::Max | Reduction::Min) } else { matches!(op, Op::MaxPool(_)) }
}

/// Whether every element has the sign that it has in the other.
fn has_signs_of(array: &AnyArray, other: &AnyArray) -> bool {
    let sign = |x: f64| if x.is_nan() || x == 0.0 { 0.0 } else { x.signum() };
    array.to_reals().iter().zip(&other.to_reals()).all(|(&x, &y)| sign(x) == sign(y))
}

/// Whether the factors of a product over an axis may overflow or vanish before all of them have met.
fn has_wild_product(op: &Op, read: &[&AnyArray]) -> bool {
    let is_product = if let Op::Reduce(reduce) = op { reduce.reduction == Reduction::Product } else { matches!(op, Op::ProductOfOthers(_)) };
    let [array] = read else { return false };
    if !is_product || !array.dtype().is_float() {
        return false;
    }
    let least = least_normal(array.dtype());
    let reals = array.to_reals();
    let (large, small) = reals.iter().fold((1.0, 1.0), |(large, small): (f64, f64), x| (large * x.abs().max(1.0), small * x.abs().min(1.0)));
    // Of subnormal numbers engines may keep fewer digits on the way.
    !(large < 1.0 / least && (small > least || reals.iter().any(|&x| x == 0.0)))
}

/// Each element off by up to that share of it; where products are summed, of the sum of their sizes.
fn disturb(op: &Op, read: &[&AnyArray], array: &AnyArray, share: f64, lengths: &Sizes, random: &mut u64) -> AnyArray {
    let mut reals = array.to_reals();
    let sizes = match (op, read) {
        (Op::Dot(_) | Op::Conv(_) | Op::ScatterAdd(_), _) => sizes(op, read, lengths),
        // A difference of one and the same: written otherwise, each may have its own rounding.
        (Op::Pointwise(op), [x, y]) if op.0 == &scalar::SUB && std::ptr::eq(*x, *y) => Some(x.to_reals().mapv(f64::abs)),
        _ => None,
    };
    match sizes {
        // Higham, "Accuracy and Stability of Numerical Algorithms", section 3.1: an inner product errs by a share of Σ|x||y|.
        Some(sizes) => reals.zip_mut_with(&sizes, |x, size| *x += size * share * next(random)),
        None => reals.mapv_inplace(|x| x + x * share * next(random)),
    }
    AnyArray::from_reals(array.dtype(), &reals)
}

/// What an op gives of the sizes of its operands.
fn sizes(op: &Op, read: &[&AnyArray], lengths: &Sizes) -> Option<ArrayD<f64>> {
    let size = |array: &AnyArray| {
        if array.dtype().is_float() { AnyArray::from_reals(DType::F64, &array.to_reals().mapv(f64::abs)) } else { array.clone() }
    };
    let sizes: Vec<AnyArray> = read.iter().map(|array| size(array)).collect();
    let made = op.rules().evaluate(&sizes.iter().collect::<Vec<_>>(), lengths).ok()?;
    made.first().map(AnyArray::to_reals)
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
        assert_eq!([DType::F16, DType::BF16, DType::F32].map(epsilon), [2f64.powi(-10), 2f64.powi(-7), 2f64.powi(-23)]);
        assert_eq!(least_normal(DType::F16), 2f64.powi(-14));
    }
}
