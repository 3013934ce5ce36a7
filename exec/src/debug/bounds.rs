//! How far a computed value may be from the value its op means, for these very inputs: running error analysis.
//!
//! Each value comes with a bound of its error, element by element. An op passes the errors of its inputs on by as much as it is sensitive
//! to them *here* (Wilkinson 1963; Higham 2002, section 3.3), and adds its own: what its table line states, in units in the last place.
//! There is no absolute floor: 1e-100 is as far from 0 as 1 is.

#![expect(clippy::wildcard_enum_match_arm, reason = "dtypes of one width are alike, and an op that says nothing may be anything")]

mod pointwise;

use damo_graph::op::Op;
use damo_graph::op::dot::Dot;
use damo_graph::op::max_pool_cotangent::MaxPoolCotangent;
use damo_graph::op::max_pool_tangent::MaxPoolTangent;
use damo_graph::op::reduce::{Reduce, Reduction};
use damo_graph::op::windows::Windows;
use damo_graph::{AnyArray, DType, Problem, Sizes};
use ndarray::{ArrayD, ArrayView1, Axis, IxDyn, Zip};
use smallvec::SmallVec;

use pointwise::pointwise;

/// A value by its meaning, and how far a computed one may be from it.
#[derive(Clone, Debug)]
pub(crate) struct Bounded {
    pub value: AnyArray,
    /// The bound for each element; `None` is 0 everywhere. A truth value or integer that may be another has the bound ∞.
    pub error: Option<ArrayD<f64>>,
}

impl Bounded {
    /// A value that is what it is.
    pub fn exact(value: AnyArray) -> Self {
        Bounded { value, error: None }
    }

    fn errors(&self) -> ArrayD<f64> {
        self.error.clone().unwrap_or_else(|| ArrayD::zeros(IxDyn(self.value.shape())))
    }
}

/// The distance from a number to the next of its dtype away from 0.
pub(crate) fn unit(dtype: DType, number: f64) -> f64 {
    let (digits, least) = match dtype {
        DType::F16 => (10, -24),
        DType::BF16 => (7, -133),
        DType::F32 | DType::C64 => (23, -149),
        _ => (52, -1074),
    };
    if number == 0.0 || !number.is_finite() {
        return f64::from(least).exp2();
    }
    let exponent = ((number.to_bits() >> 52) & 0x7ff) as i32 - 1023;
    // `powi` takes the reciprocal of what overflows.
    f64::from((exponent - digits).max(least)).exp2()
}

/// Half the distance from 1 to the next number of a dtype.
fn roundoff(dtype: DType) -> f64 {
    unit(dtype, 1.0) / 2.0
}

/// What two results are compared for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Against {
    /// The same ops by another engine: what is rounded correctly, from equal inputs, is equal.
    Engine,
    /// Other ops for the same real number: every rounding counts, that of a constant too.
    Formula,
}

/// What an op gives for inputs that are only known to within their bounds.
///
/// # Errors
///
/// Those of the op's meaning.
pub(crate) fn apply(op: &Op, inputs: &[&Bounded], sizes: &Sizes, against: Against) -> Result<SmallVec<[Bounded; 1]>, Problem> {
    let values: Vec<&AnyArray> = inputs.iter().map(|input| &input.value).collect();
    let results = op.rules().evaluate(&values, sizes)?;
    let bounded = |value| -> Result<Bounded, Problem> {
        let mut bounded = with_bound(op, inputs, value, sizes, against)?;
        if against == Against::Formula && !matches!(op, Op::Constant(_) | Op::Input(_)) {
            bounded.error = sum(overflowed(inputs, &bounded.value), bounded.error);
        }
        Ok(bounded)
    };
    results.into_iter().map(bounded).collect()
}

fn with_bound(op: &Op, inputs: &[&Bounded], value: AnyArray, sizes: &Sizes, against: Against) -> Result<Bounded, Problem> {
    let varies = inputs.iter().any(|input| input.error.is_some());
    // The op on other reals than its inputs.
    let of = |reals: &[ArrayD<f64>]| -> Result<ArrayD<f64>, Problem> {
        let arrays: Vec<AnyArray> = reals.iter().map(|array| AnyArray::from_reals(DType::F64, array)).collect();
        let made = op.rules().evaluate(&arrays.iter().collect::<Vec<_>>(), sizes)?;
        made.first().map(AnyArray::to_reals).ok_or_else(|| Problem::shapes("an op without results"))
    };
    let sizes_of = |input: usize| inputs[input].value.to_reals().mapv_into(f64::abs);
    let error = match op {
        Op::Constant(_) if against == Against::Formula && value.dtype().is_float() => {
            // A whole number is meant as it is.
            let unit_of = |x: f64| if x == x.round() { 0.0 } else { 0.5 * unit(value.dtype(), x) };
            Some(value.to_reals().mapv_into(unit_of)).filter(|errors| errors.iter().any(|&error| error > 0.0))
        }
        Op::Input(_) | Op::Constant(_) | Op::DimValue(_) | Op::Iota(_) => None,
        Op::Pointwise(op) => return pointwise(op.0, inputs, value, against),
        Op::Cast(_) => cast(inputs, &value, against),
        Op::SelectAxis(_) | Op::ScatterAdd(_) => indexed(op, inputs, &value, sizes)?,
        // Elements move, and their errors with them.
        op if op.only_moves() || matches!(op, Op::StopGradient(_)) => {
            if varies {
                Some(of(&inputs.iter().map(|input| input.errors()).collect::<Vec<_>>())?)
            } else {
                None
            }
        }
        Op::Reduce(op) => reduce(op, inputs[0], &value, of)?,
        Op::ProductOfOthers(_) => {
            let own = own_share(&value, 2.0 * inputs[0].value.len() as f64);
            let passed = if varies { Some(of(&[sizes_of(0) + inputs[0].errors()])? - of(&[sizes_of(0)])?) } else { None };
            sum(own, passed)
        }
        Op::ArgExtreme(_) => varies.then(|| ArrayD::from_elem(IxDyn(value.shape()), f64::INFINITY)),
        Op::LogSumExp(op) => {
            // What the logarithm of the sum is off by stays where it cancels the largest.
            let most = maxima(&inputs[0].value.to_reals(), &op.axes);
            let rest = AnyArray::from_reals(value.dtype(), &(value.to_reals() - most));
            let own = units(&value, 4.0) + units(&rest, 1.0) + 2.0 * roundoff(value.dtype());
            sum(Some(own), largest(inputs[0], &op.axes, &value))
        }
        Op::Norm(_) => sum(own_units(&value, 3.0), if varies { Some(of(&[inputs[0].errors()])?) } else { None }),
        Op::Softmax(op) => {
            let passed = largest_kept(inputs[0], op.axis, &value).map(|largest| largest * 2.0 * value.to_reals());
            // Other formulas do not round how far below the largest an element is, as softmax does (Blanchard, Higham and Higham 2021).
            let below = (against == Against::Formula).then(|| {
                let input = inputs[0].value.to_reals();
                let below = maxima(&input, &[op.axis]).insert_axis(Axis(op.axis)) - input;
                below.mapv_into(|x| 0.5 * unit(value.dtype(), x)) * value.to_reals()
            });
            sum(sum(own_units(&value, 4.0), below), passed)
        }
        Op::LogSoftmax(op) => {
            let passed = largest_kept(inputs[0], op.axis, &value).map(|largest| largest * 2.0);
            let below = (against == Against::Formula).then(|| {
                let input = inputs[0].value.to_reals();
                // The power of what is below the largest is off by as much as that is rounded: near 0, many units of the result.
                let below = maxima(&input, &[op.axis]).insert_axis(Axis(op.axis)) - &input;
                let off = below.mapv_into(|x| if x.is_finite() { 0.5 * unit(DType::F64, x) * (-x).exp() } else { 0.0 });
                let off = off.sum_axis(Axis(op.axis)).insert_axis(Axis(op.axis));
                ArrayD::from_shape_fn(input.raw_dim(), |mut at| {
                    at[op.axis] = 0;
                    off[at]
                })
            });
            sum(sum(own_units(&value, 6.0), below), passed)
        }
        Op::Dot(op) if value.dtype().is_float() => {
            let terms: usize = op.contract.iter().map(|pair| inputs[0].value.shape()[pair.0]).product();
            let share = (4.0 + 2.0 * (terms as f64).sqrt()) * roundoff(value.dtype());
            let own = if terms <= 1 {
                units(&value, 1.0)
            } else {
                products(op, &inputs[0].value.to_reals(), &inputs[1].value.to_reals())? * share + units(&value, 1.0)
            };
            let passed = if varies {
                let (left, right) = (inputs[0].errors(), inputs[1].errors());
                Some(products(op, &left, &(sizes_of(1) + &right))? + products(op, &sizes_of(0), &right)?)
            } else {
                None
            };
            let own = if terms <= 1 && !varies && against == Against::Engine { None } else { Some(own) };
            sum(own, passed)
        }
        Op::Conv(_) if value.dtype().is_float() => convolution(inputs, &value, of)?,
        // The largest is off by no more than the most that any in its window is.
        Op::MaxPool(_) if value.dtype().is_float() => {
            if varies {
                Some(of(&[inputs[0].errors()])?)
            } else {
                None
            }
        }
        Op::MaxPoolTangent(MaxPoolTangent(windows)) | Op::MaxPoolCotangent(MaxPoolCotangent(windows)) => pooled(windows, inputs, &value, of)?,
        // Integers wrap; a user's op says nothing of its sensitivity.
        _ => varies.then(|| ArrayD::from_elem(IxDyn(value.shape()), f64::INFINITY)),
    };
    Ok(Bounded { value, error })
}

/// Each sum of products is off by a share of the sum of the sizes of its terms, as that of a product of matrices.
fn convolution(
    inputs: &[&Bounded],
    value: &AnyArray,
    of: impl Fn(&[ArrayD<f64>]) -> Result<ArrayD<f64>, Problem>,
) -> Result<Option<ArrayD<f64>>, Problem> {
    let [x, w] = inputs else { return Ok(None) };
    let [x_sizes, w_sizes] = [x, w].map(|input| input.value.to_reals().mapv_into(f64::abs));
    let terms: usize = w.value.shape()[1..].iter().product();
    let share = (4.0 + 2.0 * (terms as f64).sqrt()) * roundoff(value.dtype());
    let own = of(&[x_sizes.clone(), w_sizes.clone()])? * share + units(value, 1.0);
    if x.error.is_none() && w.error.is_none() {
        return Ok(Some(own));
    }
    let by_x = of(&[x.errors(), w_sizes + w.errors()])?;
    Ok(Some(own + by_x + of(&[x_sizes, w.errors()])?))
}

/// Means over the largest of windows, or shares of them: of a few terms each.
fn pooled(
    windows: &Windows,
    inputs: &[&Bounded],
    value: &AnyArray,
    of: impl Fn(&[ArrayD<f64>]) -> Result<ArrayD<f64>, Problem>,
) -> Result<Option<ArrayD<f64>>, Problem> {
    let [x, given] = inputs else { return Ok(None) };
    if x.error.is_some() {
        // Another element may be the largest.
        return Ok(Some(ArrayD::from_elem(IxDyn(value.shape()), f64::INFINITY)));
    }
    let terms: usize = windows.lengths.iter().product();
    let at = x.value.to_reals();
    let own = of(&[at.clone(), given.value.to_reals().mapv_into(f64::abs)])? * ((terms as f64 + 1.0) * roundoff(value.dtype()));
    Ok(sum(Some(own + units(value, 1.0)), given.error.clone().map(|error| of(&[at, error])).transpose()?))
}

/// At least the sums of the products of the sizes: the products of the rows' norms (Cauchy and Schwarz), for far less work.
fn products(op: &Dot, left: &ArrayD<f64>, right: &ArrayD<f64>) -> Result<ArrayD<f64>, Problem> {
    // Each row is scaled by its own largest: beside a huge row the squares of another would vanish.
    let norm = |row: ArrayView1<'_, f64>| {
        let largest = row.iter().fold(0.0f64, |largest, x| largest.max(x.abs()));
        if largest == 0.0 || !largest.is_finite() { largest } else { largest * row.iter().map(|x| (x / largest).powi(2)).sum::<f64>().sqrt() }
    };
    let norms = |array: &ArrayD<f64>, mut axes: Vec<usize>| {
        axes.sort_unstable();
        axes.iter().rev().fold(array.clone(), |norms, &axis| norms.map_axis(Axis(axis), norm))
    };
    let contracted = |pick: fn(&(usize, usize)) -> usize| op.contract.iter().map(pick).collect::<Vec<usize>>();
    let (in_left, in_right) = (contracted(|pair| pair.0), contracted(|pair| pair.1));
    // Where an axis is when those before it that are summed are gone.
    let now = |axis: usize, gone: &[usize]| axis - gone.iter().filter(|&&other| other < axis).count();
    let batch = op.batch.iter().map(|pair| (now(pair.0, &in_left), now(pair.1, &in_right))).collect();
    let outer = Dot { batch, contract: SmallVec::new() };
    let [left, right] = [norms(left, in_left), norms(right, in_right)].map(|norms| AnyArray::from_reals(DType::F64, &norms));
    let made = damo_graph::Primitive::evaluate(&outer, &[&left, &right], &Sizes::default())?;
    made.first().map(AnyArray::to_reals).ok_or_else(|| Problem::shapes("an op without results"))
}

/// So many units in the last place of each element. Half of the least number there is must not vanish.
fn units(value: &AnyArray, count: f64) -> ArrayD<f64> {
    let dtype = value.dtype();
    value.to_reals().mapv_into(|x| (count * unit(dtype, x)).max(f64::from_bits(1)))
}

/// The same, if the value is of floats. What is rounded correctly is the same for everybody.
fn own_units(value: &AnyArray, count: f64) -> Option<ArrayD<f64>> {
    (value.dtype().is_float() && count > 0.5).then(|| units(value, count))
}

/// So many roundings of each element.
fn own_share(value: &AnyArray, count: f64) -> Option<ArrayD<f64>> {
    let dtype = value.dtype();
    dtype.is_float().then(|| value.to_reals().mapv_into(|x| (count * roundoff(dtype) * x.abs()).max(unit(dtype, x))))
}

fn sum(own: Option<ArrayD<f64>>, passed: Option<ArrayD<f64>>) -> Option<ArrayD<f64>> {
    match (own, passed) {
        (Some(own), Some(passed)) => Some(own + passed),
        (own, passed) => own.or(passed),
    }
}

/// Where a function overflows, and has no pole, or makes NaN of numbers and infinities: another formula for the same number may not, and the analysis knows no more of it
/// (the model of Higham 2002, section 2.2, excludes it).
fn overflowed(inputs: &[&Bounded], value: &AnyArray) -> Option<ArrayD<f64>> {
    let reals = value.to_reals();
    if !value.dtype().is_float() || reals.iter().all(|x| x.is_finite()) {
        return None;
    }
    let is_regular = |x: f64| x.is_finite() && x != 0.0 && !(inputs.len() == 1 && x.abs() == 1.0);
    let mut is_regular_everywhere = ArrayD::from_elem(reals.raw_dim(), true);
    for input in inputs {
        let input = input.value.to_reals();
        match input.broadcast(reals.raw_dim()) {
            Some(input) => Zip::from(&mut is_regular_everywhere).and(&input).for_each(|all, &x| *all &= is_regular(x)),
            // Of what is added up, all of it.
            None => is_regular_everywhere.mapv_inplace(|all| all && input.iter().all(|x| x.is_finite())),
        }
    }
    let is_number_everywhere = inputs.iter().all(|input| input.value.to_reals().iter().all(|x| !x.is_nan()));
    let lost = |&is_regular: &bool, x: &f64| is_regular && x.is_infinite() || is_number_everywhere && x.is_nan();
    Some(Zip::from(&is_regular_everywhere).and(&reals).map_collect(|all, x| if lost(all, x) { f64::INFINITY } else { 0.0 }))
}

fn cast(inputs: &[&Bounded], value: &AnyArray, against: Against) -> Option<ArrayD<f64>> {
    let [input] = inputs else { return None };
    if value.dtype().is_float() {
        return match (&input.error, against) {
            (Some(error), _) => Some(error + &units(value, 1.0)),
            (None, Against::Formula) => own_units(value, 0.51),
            (None, Against::Engine) => None,
        };
    }
    let error = input.error.as_ref()?;
    // An integer or truth value is the same all over the interval, or anything.
    let ends = |sign: f64| AnyArray::from_reals(DType::F64, &(input.value.to_reals() + error * sign)).cast(value.dtype()).to_reals();
    Some(Zip::from(&ends(-1.0)).and(&ends(1.0)).map_collect(|low, high| if low == high { 0.0 } else { f64::INFINITY }))
}

fn indexed(op: &Op, inputs: &[&Bounded], value: &AnyArray, sizes: &Sizes) -> Result<Option<ArrayD<f64>>, Problem> {
    let [data, indices] = inputs else { return Ok(None) };
    if indices.error.is_some() {
        return Ok(Some(ArrayD::from_elem(IxDyn(value.shape()), f64::INFINITY)));
    }
    let moved = |reals: &ArrayD<f64>| -> Result<ArrayD<f64>, Problem> {
        let made = op.rules().evaluate(&[&AnyArray::from_reals(DType::F64, reals), &indices.value], sizes)?;
        made.first().map(AnyArray::to_reals).ok_or_else(|| Problem::shapes("an op without results"))
    };
    let own = if matches!(op, Op::ScatterAdd(_)) && value.dtype().is_float() {
        // Each place adds up at most so many.
        let terms = indices.value.len() as f64;
        Some(moved(&data.value.to_reals().mapv_into(f64::abs))? * (terms * roundoff(value.dtype())) + units(value, 0.5))
    } else {
        None
    };
    let passed = data.error.as_ref().map(moved).transpose()?;
    Ok(sum(own, passed))
}

fn reduce(
    op: &Reduce,
    input: &Bounded,
    value: &AnyArray,
    of: impl Fn(&[ArrayD<f64>]) -> Result<ArrayD<f64>, Problem>,
) -> Result<Option<ArrayD<f64>>, Problem> {
    let sizes = || input.value.to_reals().mapv_into(f64::abs);
    let dtype = value.dtype();
    let terms = (input.value.len() as f64 / value.len().max(1) as f64).max(1.0);
    Ok(match op.reduction {
        Reduction::Sum | Reduction::Mean if dtype.is_float() => {
            // As good as one rounding, beside what sums of double length lose.
            let lost = 4.0 * terms * if dtype == DType::F64 { roundoff(DType::F64).powi(2) } else { roundoff(DType::F64) };
            let own = of(&[sizes()])? * lost + units(value, 1.0);
            sum(Some(own), input.error.as_ref().map(|error| of(std::slice::from_ref(error))).transpose()?)
        }
        Reduction::Product if dtype.is_float() => {
            let passed = input.error.as_ref().map(|error| Ok(of(&[sizes() + error])? - of(&[sizes()])?)).transpose()?;
            sum(own_share(value, 2.0 * terms), passed)
        }
        Reduction::Max | Reduction::Min if dtype.is_float() => largest(input, &op.axes, value),
        Reduction::Sum | Reduction::Mean | Reduction::Product | Reduction::Max | Reduction::Min | Reduction::All | Reduction::Any => {
            // Anything that may be another may make another.
            largest(input, &op.axes, value)
        }
    })
}

/// The largest elements along axes that disappear.
fn maxima(input: &ArrayD<f64>, axes: &[usize]) -> ArrayD<f64> {
    axes.iter().rev().fold(input.clone(), |array, &axis| array.fold_axis(Axis(axis), f64::NEG_INFINITY, |&most: &f64, &x| most.max(x)))
}

/// The largest error along axes that disappear.
fn largest(input: &Bounded, axes: &[usize], value: &AnyArray) -> Option<ArrayD<f64>> {
    let mut error = input.error.clone()?;
    for &axis in axes.iter().rev() {
        error = error.fold_axis(Axis(axis), 0.0, |&largest: &f64, &error| largest.max(error));
    }
    debug_assert_eq!(error.shape(), value.shape());
    Some(error)
}

/// The largest error along an axis, in every place of it.
fn largest_kept(input: &Bounded, axis: usize, value: &AnyArray) -> Option<ArrayD<f64>> {
    let error = largest(input, &[axis], &AnyArray::from_reals(DType::F64, &input.value.to_reals().fold_axis(Axis(axis), 0.0, |_, _| 0.0)))?;
    error.insert_axis(Axis(axis)).broadcast(IxDyn(value.shape())).map(|view| view.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_the_distance_to_the_next_number() {
        for x in [1.0, 1.5, -3.0, 1e300, 1e-300, f64::MIN_POSITIVE, 4e-309, 5e-324] {
            let x: f64 = x;
            assert_eq!(unit(DType::F64, x), x.abs().next_up() - x.abs(), "{x}");
        }
        assert_eq!((unit(DType::F64, 0.0), unit(DType::F32, 0.0)), (f64::from_bits(1), f64::from(f32::from_bits(1))));
        assert_eq!(unit(DType::F32, 1e-40), f64::from(f32::from_bits(1)));
        assert_eq!(unit(DType::F16, 1.0), 2f64.powi(-10));
    }
}
