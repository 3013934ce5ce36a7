//! The ops that random graphs draw from, with parameters that fit what they are applied to.

use damo::op::Op;
use damo::op::arg_extreme::{ArgExtreme, Extreme};
use damo::op::broadcast::Broadcast;
use damo::op::cast::Cast;
use damo::op::concatenate::Concatenate;
use damo::op::constant::Constant;
use damo::op::conv::Conv;
use damo::op::dim_value::DimValue;
use damo::op::dot::Dot;
use damo::op::insert_axis::InsertAxis;
use damo::op::iota::Iota;
use damo::op::log_softmax::LogSoftmax;
use damo::op::log_sum_exp::LogSumExp;
use damo::op::max_pool::MaxPool;
use damo::op::max_pool_cotangent::MaxPoolCotangent;
use damo::op::max_pool_tangent::MaxPoolTangent;
use damo::op::norm::Norm;
use damo::op::pad::Pad;
use damo::op::product_of_others::ProductOfOthers;
use damo::op::reduce::{Reduce, Reduction};
use damo::op::remove_axis::RemoveAxis;
use damo::op::reshape::Reshape;
use damo::op::scalar::{self, Scalar};
use damo::op::scatter_add::ScatterAdd;
use damo::op::select_axis::SelectAxis;
use damo::op::slice::{Range, Slice};
use damo::op::softmax::Softmax;
use damo::op::stop_gradient::StopGradient;
use damo::op::transpose::Transpose;
use damo::op::windows::Windows;
use damo::{AnyArray, DType, Dim, Type};
use damo_graph::Number;
use smallvec::SmallVec;

/// An op to draw.
#[derive(Clone, Copy, Debug)]
pub(super) enum Choice {
    /// A function of the table.
    Function(&'static Scalar),
    /// Any other op, by its name.
    Structural(&'static str),
}

/// What an op takes beside its first operand.
#[derive(Clone, Copy, Debug)]
pub(super) enum Second {
    /// It takes the first alone.
    None,
    /// It takes not even that.
    Nothing,
    /// Another array of the same element type.
    SameType,
    /// Indices.
    Indices,
}

/// The structural ops, those that are met often more than once.
const STRUCTURAL: &[&str] = &[
    "constant",
    "cast",
    "dim_value",
    "iota",
    "broadcast",
    "reshape",
    "transpose",
    "insert_axis",
    "remove_axis",
    "slice",
    "slice",
    "pad",
    "concatenate",
    "select_axis",
    "scatter_add",
    "sum",
    "sum",
    "mean",
    "product",
    "max",
    "min",
    "all",
    "any",
    "product_of_others",
    "arg_extreme",
    "log_sum_exp",
    "norm",
    "softmax",
    "log_softmax",
    "dot",
    "dot",
    "dot",
    "conv",
    "max_pool",
    "max_pool_tangent",
    "max_pool_cotangent",
    "stop_gradient",
];

/// The ops of these names, or all.
pub(super) fn choices(names: &[&str]) -> Vec<Choice> {
    let is_wanted = |name: &str| names.is_empty() || names.contains(&name);
    // Half of all nodes are structural.
    let often = if names.is_empty() { 3 } else { 1 };
    let functions = scalar::ALL.iter().filter(|function| is_wanted(function.name)).map(|&function| Choice::Function(function));
    let structural = STRUCTURAL.iter().filter(|name| is_wanted(name)).map(|&name| Choice::Structural(name));
    functions.chain(std::iter::repeat_n(structural, often).flatten()).collect()
}

/// The op of a name, with parameters that fit an operand; `None` if none do.
pub(super) fn structural(name: &str, x: &Type, y: &Type, parameter: usize, to: DType) -> Option<(Op, Second)> {
    let rank = x.rank();
    let axis = parameter % rank.max(1);
    let axes: SmallVec<[usize; 4]> = (0..rank).filter(|axis| (parameter >> axis) & 1 == 0).collect();
    let length = |axis: usize| x.dims.get(axis).cloned().unwrap_or(Dim::from(1));
    let reduce = |reduction| Some((Reduce { reduction, axes: axes.clone() }.into(), Second::None));
    let some = |op: Op| Some((op, Second::None));
    match name {
        "constant" => {
            let shape: &[usize] = [&[][..], &[2], &[3], &[0], &[1, 2]][parameter % 5];
            let numbers = [0.5, -1.0, 2.0].map(Number::Real).into_iter().take(shape.iter().product());
            Some((Constant(AnyArray::from_numbers(x.dtype, shape, numbers)?).into(), Second::Nothing))
        }
        "cast" => some(Cast { to }.into()),
        "dim_value" => Some((DimValue { dim: length(axis), dtype: x.dtype }.into(), Second::Nothing)),
        "iota" => Some((Iota { length: length(axis), dtype: to }.into(), Second::Nothing)),
        "broadcast" => some(Broadcast { to: [Dim::from(parameter as i64 % 3 + 1)].into_iter().chain(x.dims.iter().cloned()).collect() }.into()),
        "reshape" => some(Reshape { to: std::iter::once(x.dims.count()).chain((parameter % 2 == 1).then(|| Dim::from(1))).collect() }.into()),
        "transpose" => some(Transpose { order: (0..rank).map(|k| (k + parameter) % rank).collect() }.into()),
        "insert_axis" => some(InsertAxis { axis: parameter % (rank + 1) }.into()),
        "remove_axis" => some(RemoveAxis { axis: x.dims.iter().position(Dim::is_one)? }.into()),
        "slice" => some(Slice { ranges: x.dims.iter().enumerate().map(|(k, dim)| range(dim, k == axis, parameter / 4)).collect() }.into()),
        "pad" => {
            let at = |k: usize| if k == axis { (parameter / 3 % 3) as i64 } else { 0 };
            let ranges = x.dims.iter().enumerate().map(|(k, dim)| Range { start: Dim::from(at(k)), step: 1, length: dim.clone() }).collect();
            some(Pad { ranges, to: x.dims.iter().enumerate().map(|(k, dim)| dim.clone() + at(k) * 2).collect() }.into())
        }
        "concatenate" if rank > 0 => Some((Concatenate { axis }.into(), Second::SameType)),
        "select_axis" if rank > 0 => Some((SelectAxis { axis }.into(), Second::Indices)),
        "scatter_add" if rank >= y.rank() => {
            Some((ScatterAdd { axis: parameter % (rank - y.rank() + 1), length: Dim::from(2 + parameter as i64 % 3) }.into(), Second::Indices))
        }
        "sum" => reduce(Reduction::Sum),
        "mean" => reduce(Reduction::Mean),
        "product" => reduce(Reduction::Product),
        "max" => reduce(Reduction::Max),
        "min" => reduce(Reduction::Min),
        "all" => reduce(Reduction::All),
        "any" => reduce(Reduction::Any),
        "product_of_others" => some(ProductOfOthers { axes }.into()),
        "arg_extreme" if rank > 0 => some(ArgExtreme { extreme: if parameter.is_multiple_of(2) { Extreme::Max } else { Extreme::Min }, axis }.into()),
        "log_sum_exp" => some(LogSumExp { axes }.into()),
        "norm" => some(Norm { axes }.into()),
        "softmax" if rank > 0 => some(Softmax { axis }.into()),
        "log_softmax" if rank > 0 => some(LogSoftmax { axis }.into()),
        "dot" => {
            // An axis of the right that has the length of one of the left, if there is one.
            let pairs = (0..rank).flat_map(|l| (0..y.rank()).map(move |r| (l, r))).filter(|&(l, r)| x.dims[l] == y.dims[r]);
            let pairs: Vec<(usize, usize)> = pairs.collect();
            let contract = pairs.get(parameter % pairs.len().max(1)).copied();
            let batch = pairs.iter().copied().find(|&(l, r)| parameter.is_multiple_of(3) && contract.is_some_and(|(cl, cr)| l != cl && r != cr));
            Some((Dot { batch: batch.into_iter().collect(), contract: contract.into_iter().collect() }.into(), Second::SameType))
        }
        // It fits where the other has as many channels.
        "conv" if (3..=5).contains(&rank) => {
            let spatial = rank - 2;
            let step = |axis: usize| 1 + (parameter >> axis) % 2;
            let begins = y.dims.iter().skip(2).zip(&x.dims[2..]).enumerate().map(|(axis, (taps, length))| {
                let reach = (taps.clone() - 1) * Dim::from(step(axis + 3));
                let count = (length.clone() + 1 - reach).floor_div(&Dim::from(step(axis)));
                Range { start: Dim::from(-1), step: step(axis) as i64, length: count }
            });
            let dilation = (0..spatial).map(|axis| step(axis + 3)).collect();
            Some((Conv { begins: begins.collect(), dilation, spread: (0..spatial).map(|_| 1).collect(), groups: 1 }.into(), Second::SameType))
        }
        "max_pool" => some(MaxPool(windows(x, parameter)?).into()),
        "max_pool_tangent" => Some((MaxPoolTangent(windows(x, parameter)?).into(), Second::SameType)),
        "max_pool_cotangent" => Some((MaxPoolCotangent(windows(x, parameter)?).into(), Second::SameType)),
        "stop_gradient" => some(StopGradient.into()),
        _ => None,
    }
}

/// Windows over the last axes that are there.
fn windows(x: &Type, parameter: usize) -> Option<Windows> {
    let axes = (1 + parameter % 2).min(x.rank());
    let length = |axis: usize| 1 + (parameter >> axis) % 3;
    let stride = |axis: usize| 1 + (parameter >> axis) % 2;
    let begin = |(axis, dim): (usize, &Dim)| Range {
        start: Dim::from(0),
        step: stride(axis) as i64,
        length: (dim.clone() - length(axis) as i64).floor_div(&Dim::from(stride(axis))) + 1,
    };
    let begins = x.dims[x.rank() - axes..].iter().enumerate().map(begin).collect();
    (axes > 0).then(|| Windows { begins, lengths: (0..axes).map(length).collect() })
}

/// A part of an axis: all, all but the first, every other one, or all backwards.
fn range(dim: &Dim, is_cut: bool, how: usize) -> Range {
    let whole = Range::whole(dim.clone());
    if !is_cut {
        return whole;
    }
    match how % 4 {
        0 => Range { start: Dim::from(1), step: 1, length: dim.clone() - 1 },
        1 => Range { start: Dim::from(0), step: 2, length: (dim.clone() + 1).floor_div(&Dim::from(2)) },
        2 => Range { start: dim.clone() - 1, step: -1, length: dim.clone() },
        _ => Range { start: Dim::from(0), step: 1, length: Dim::from(1) },
    }
}
