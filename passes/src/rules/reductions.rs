//! Sums, products and extremes along axes.

#![expect(clippy::wildcard_enum_match_arm, reason = "a rule looks for a few ops among all")]

use damo_graph::op::Op;
use damo_graph::op::arg_extreme::ArgExtreme;
use damo_graph::op::insert_axis::InsertAxis;
use damo_graph::op::norm::Norm;
use damo_graph::op::reduce::{Reduce, Reduction};
use damo_graph::op::remove_axis::RemoveAxis;
use damo_graph::op::scalar::{self, ADD, DIV, MUL, NEG, SUB, Scalar};
use damo_graph::op::transpose::Transpose;
use damo_graph::{NodeId, Result, Value};

use super::rows::{put_back, reduction_of};
use crate::rewrite::Rewriter;
use crate::rewrite::leaves::Tree;

crate::structural_rules! {
    /// Reductions.
    pub fn reductions {
        /// Numbers of at least 1, and signs, are multiplied with the sum, once, and not with every element.
        factor_of_sum, rounds(1.0), at(&["reduce"]);
        /// One reduction over all axes.
        reduction_of_reduction, rounds(1.0), at(&["reduce"]);
        /// What only changes the order of axes, or adds one of length 1, comes after the reduction.
        reduction_of_view, at(&["reduce"]);
        /// There is nothing to reduce along an axis of length 1; a sum of −0 alone would be 0.
        reduction_over_one, rounds(0.0), at(&["reduce"]);
        /// A sum of the parts of a few joined values.
        sum_of_joined, rounds(1.0), at(&["reduce"]);
        /// The largest of the opposites is the opposite of the smallest.
        opposite_of_extreme, at(&["neg"]);
        /// Functions that only grow do not move the largest element; where they saturate or overflow it was lost.
        extreme_of_growing, extends(0.0), at(&["arg_extreme"]);
        /// Squares overflow, or vanish, where the length of a vector does not.
        root_of_sum_of_squares, extends(2.0), at(&["sqrt"]);
        /// The mean of squares less the square of the mean has no digits where the mean is large: the mean of squared deviations has.
        variance_by_hand, extends(4.0), at(&["sub"]);
    }
}

fn factor_of_sum(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let value = Value::from(node);
    let Some((reduction @ (Reduction::Sum | Reduction::Mean), axes, terms)) = reduction_of(rewriter, value) else { return Ok(None) };
    if !rewriter.graph.ty(terms).dtype.is_float() {
        return Ok(None);
    }
    let leaves = rewriter.leaves(Tree::Product, terms);
    let numbers = leaves.numbers();
    let Some(factor) =
        leaves.constant().filter(|factor| numbers != 0 && numbers != leaves.all() && factor.is_normal() && leaves.has_moderate_numbers())
    else {
        return Ok(None);
    };
    // The sum of what is larger overflows, where that of a fraction of it does not.
    if !rewriter.may_come_later(terms, &leaves) {
        return Ok(None);
    }
    let Some(rest) = rewriter.without(Tree::Product, terms, numbers)? else { return Ok(None) };
    // A number that is stretched along the axes counts as often as they are long.
    if rewriter.graph.ty(rest).dims != rewriter.graph.ty(terms).dims {
        return Ok(None);
    }
    let sum = rewriter.add(Reduce { reduction, axes: axes.as_slice().into() }, &[rest])?;
    rewriter.scaled(sum, factor).map(Some)
}

fn reduction_of_reduction(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let Some((reduction, outer, reduced)) = reduction_of(rewriter, node.into()) else { return Ok(None) };
    let Some((inner_reduction, inner, x)) = reduction_of(rewriter, reduced) else { return Ok(None) };
    if reduction != inner_reduction || reduction == Reduction::Mean {
        return Ok(None);
    }
    let kept: Vec<usize> = (0..rewriter.graph.ty(x).rank()).filter(|axis| !inner.contains(axis)).collect();
    let mut axes: Vec<usize> = inner.into_iter().chain(outer.into_iter().map(|axis| kept[axis])).collect();
    axes.sort_unstable();
    rewriter.add(Reduce { reduction, axes: axes.as_slice().into() }, &[x]).map(Some)
}

fn reduction_of_view(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let Some((reduction, axes, view)) = reduction_of(rewriter, node.into()) else { return Ok(None) };
    // The axis of the input that an axis of the view is, and the same among those that are left.
    let reduce = |rewriter: &mut Rewriter<'_>, x: Value, axes: Vec<usize>| rewriter.add(Reduce { reduction, axes: axes.as_slice().into() }, &[x]);
    match rewriter.op(view) {
        Some(Op::Transpose(op)) => {
            let (order, x) = (op.order.clone(), rewriter.input(view));
            let mut inner: Vec<usize> = axes.iter().map(|&axis| order[axis]).collect();
            // The factors of a product are taken in their order, and another order rounds otherwise.
            if reduction == Reduction::Product && !inner.is_sorted() && rewriter.graph.ty(x).dtype.is_float() {
                return Ok(None);
            }
            inner.sort_unstable();
            let rank_among_kept = |axis: usize| axis - inner.iter().filter(|reduced| **reduced < axis).count();
            let kept = (0..order.len()).filter(|axis| !axes.contains(axis)).map(|axis| rank_among_kept(order[axis])).collect();
            let reduced = reduce(rewriter, x, inner.clone())?;
            rewriter.add(Transpose { order: kept }, &[reduced]).map(Some)
        }
        Some(Op::InsertAxis(op)) if !axes.contains(&op.axis) => {
            let (inserted, x) = (op.axis, rewriter.input(view));
            let inner = axes.iter().map(|&axis| if axis > inserted { axis - 1 } else { axis }).collect();
            let axis = inserted - axes.iter().filter(|reduced| **reduced < inserted).count();
            let reduced = reduce(rewriter, x, inner)?;
            rewriter.add(InsertAxis { axis }, &[reduced]).map(Some)
        }
        _ => Ok(None),
    }
}

fn reduction_over_one(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let Some((reduction, axes, x)) = reduction_of(rewriter, node.into()) else { return Ok(None) };
    let dims = rewriter.graph.ty(x).dims.clone();
    let ones: Vec<usize> = axes.iter().copied().filter(|&axis| dims[axis].is_one()).collect();
    if ones.is_empty() || matches!(reduction, Reduction::All | Reduction::Any) && !rewriter.graph.ty(x).dtype.eq(&damo_graph::DType::Bool) {
        return Ok(None);
    }
    let mut rest = x;
    for &axis in ones.iter().rev() {
        rest = rewriter.add(RemoveAxis { axis }, &[rest])?;
    }
    let left: Vec<usize> = axes.iter().filter(|axis| !ones.contains(axis)).map(|axis| axis - ones.iter().filter(|one| *one < axis).count()).collect();
    if left.is_empty() {
        return Ok(Some(rest));
    }
    rewriter.add(Reduce { reduction, axes: left.as_slice().into() }, &[rest]).map(Some)
}

/// How many joined values are added one by one.
const FEW: usize = 8;

fn sum_of_joined(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let Some((Reduction::Sum, axes, joined)) = reduction_of(rewriter, node.into()) else { return Ok(None) };
    let Some(Op::Concatenate(op)) = rewriter.op(joined) else { return Ok(None) };
    let along = op.axis;
    let parts: Vec<Value> = rewriter.graph.node(joined.node).inputs().to_vec();
    if !axes.contains(&along) || parts.len() > FEW || !parts.iter().all(|&part| rewriter.graph.ty(part).dims[along].is_one()) {
        return Ok(None);
    }
    let mut sum = None;
    for part in parts {
        let part = rewriter.add(RemoveAxis { axis: along }, &[part])?;
        sum = Some(match sum {
            Some(sum) => rewriter.apply(&ADD, &[sum, part])?,
            None => part,
        });
    }
    let Some(sum) = sum else { return Ok(None) };
    let left: Vec<usize> = axes.iter().filter(|axis| **axis != along).map(|&axis| if axis > along { axis - 1 } else { axis }).collect();
    if left.is_empty() { Ok(Some(sum)) } else { rewriter.add(Reduce { reduction: Reduction::Sum, axes: left.as_slice().into() }, &[sum]).map(Some) }
}

fn opposite_of_extreme(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let Some((reduction, axes, x)) = reduction_of(rewriter, rewriter.input(node.into())) else { return Ok(None) };
    let other = match reduction {
        Reduction::Max => Reduction::Min,
        Reduction::Min => Reduction::Max,
        _ => return Ok(None),
    };
    let Some(x) = rewriter.is(x, &NEG).map(|inputs| inputs[0]) else { return Ok(None) };
    rewriter.add(Reduce { reduction: other, axes: axes.as_slice().into() }, &[x]).map(Some)
}

/// Functions that are defined everywhere and only grow.
const GROWING: &[&Scalar] = &[
    &scalar::EXP,
    &scalar::EXP2,
    &scalar::EXP_M1,
    &scalar::TANH,
    &scalar::SINH,
    &scalar::ASINH,
    &scalar::ATAN,
    &scalar::SIGMOID,
    &scalar::SOFTPLUS,
    &scalar::ERF,
    &scalar::CBRT,
    &scalar::NDTR,
];

fn extreme_of_growing(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let value = Value::from(node);
    let Some(Op::ArgExtreme(op)) = rewriter.op(value) else { return Ok(None) };
    let op: ArgExtreme = op.clone();
    let x = rewriter.input(value);
    let grows = match rewriter.op(x) {
        Some(Op::Pointwise(function)) => {
            GROWING.contains(&function.0) || [&scalar::LN, &scalar::SQRT].contains(&function.0) && rewriter.is_positive(rewriter.input(x))
        }
        Some(Op::Softmax(softmax)) => softmax.axis == op.axis,
        Some(Op::LogSoftmax(softmax)) => softmax.axis == op.axis,
        _ => false,
    };
    if grows { rewriter.add(op, &[rewriter.input(x)]).map(Some) } else { Ok(None) }
}

fn root_of_sum_of_squares(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let sum = rewriter.input(node.into());
    if let Some(Op::Dot(dot)) = rewriter.op(sum) {
        let inputs = rewriter.graph.node(sum.node).inputs();
        let is_own = inputs[0] == inputs[1] && dot.batch.is_empty() && dot.contract[..] == [(0, 0)] && rewriter.graph.ty(inputs[0]).rank() == 1;
        let (x, axes) = (inputs[0], [0].as_slice().into());
        return if is_own { rewriter.add(Norm { axes }, &[x]).map(Some) } else { Ok(None) };
    }
    let Some((Reduction::Sum, axes, terms)) = reduction_of(rewriter, sum) else { return Ok(None) };
    let Some(x) = rewriter.is(terms, &MUL).filter(|factors| factors[0] == factors[1]).map(|factors| factors[0]) else { return Ok(None) };
    rewriter.add(Norm { axes: axes.as_slice().into() }, &[x]).map(Some)
}

fn variance_by_hand(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let Some(terms) = rewriter.is(node.into(), &SUB) else { return Ok(None) };
    let Some(mean) = rewriter.is(terms[1], &MUL).filter(|factors| factors[0] == factors[1]).map(|factors| factors[0]) else { return Ok(None) };
    let (Some(squares), Some(same)) = (mean_of(rewriter, terms[0]), mean_of(rewriter, mean)) else { return Ok(None) };
    let is_square = rewriter.is(squares.x, &MUL).is_some_and(|factors| factors[..] == [same.x, same.x]);
    if !is_square || squares.axes != same.axes || squares.count != same.count || is_deviation(rewriter, &same) {
        return Ok(None);
    }
    let mean = put_back(rewriter, mean, &same.axes)?;
    let deviation = rewriter.apply(&SUB, &[same.x, mean])?;
    let square = rewriter.apply(&MUL, &[deviation, deviation])?;
    let squares = same.of(rewriter, square)?;
    // What the mean lost by rounding (Chan, Golub and LeVeque 1983).
    let lost = same.of(rewriter, deviation)?;
    let lost = rewriter.apply(&MUL, &[lost, lost])?;
    rewriter.apply(&SUB, &[squares, lost]).map(Some)
}

/// Whether what a mean is of is the deviation from another mean of the same kind: then this rule was here.
fn is_deviation(rewriter: &mut Rewriter<'_>, mean: &Mean) -> bool {
    let Some(terms) = rewriter.is(mean.x, &SUB) else { return false };
    let mut inner = terms[1];
    while matches!(rewriter.op(inner), Some(Op::InsertAxis(_))) {
        inner = rewriter.input(inner);
    }
    mean_of(rewriter, inner).is_some_and(|other| other.x == terms[0] && other.axes == mean.axes && other.count == mean.count)
}

/// A mean, however it is written.
struct Mean {
    x: Value,
    axes: Vec<usize>,
    count: Count,
}

impl Mean {
    /// The same mean of something else.
    fn of(&self, rewriter: &mut Rewriter<'_>, x: Value) -> Result<Value> {
        let reduction = if self.count == Count::Own { Reduction::Mean } else { Reduction::Sum };
        let sum = rewriter.add(Reduce { reduction, axes: self.axes.as_slice().into() }, &[x])?;
        match self.count {
            Count::Own => Ok(sum),
            Count::Divisor(count) => rewriter.apply(&DIV, &[sum, count]),
            Count::Factor(factor) => rewriter.scaled(sum, factor),
        }
    }
}

/// What makes a sum a mean.
#[derive(Clone, Copy, PartialEq)]
enum Count {
    /// It is a mean.
    Own,
    /// It is divided by a count.
    Divisor(Value),
    /// It is multiplied with the inverse of a count.
    Factor(f64),
}

fn mean_of(rewriter: &mut Rewriter<'_>, value: Value) -> Option<Mean> {
    if let Some((Reduction::Mean, axes, x)) = reduction_of(rewriter, value) {
        return Some(Mean { x, axes, count: Count::Own });
    }
    let (sum, count) = if let Some(inputs) = rewriter.is(value, &DIV) {
        (inputs[0], Count::Divisor(inputs[1]))
    } else {
        let leaves = rewriter.leaves(Tree::Product, value);
        let (factor, rest) = (leaves.constant()?, leaves.values().collect::<Vec<_>>());
        match rest[..] {
            [(_, sum, 1.0)] if leaves.numbers() != 0 => (sum, Count::Factor(factor)),
            _ => return None,
        }
    };
    let (Reduction::Sum, axes, x) = reduction_of(rewriter, sum)? else { return None };
    Some(Mean { x, axes, count })
}
