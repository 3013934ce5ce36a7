//! Sums of exponentials along axes: softmax, its logarithm and what is written instead of them.

use damo_graph::op::Op;
use damo_graph::op::log_softmax::LogSoftmax;
use damo_graph::op::log_sum_exp::LogSumExp;
use damo_graph::op::reduce::Reduction;
use damo_graph::op::scalar::{ADD, EQUAL, EXP, LN, SELECT, SUB};
use damo_graph::op::softmax::Softmax;
use damo_graph::op::stop_gradient::StopGradient;
use damo_graph::{NodeId, Result, Value};

use crate::rewrite::Rewriter;
use crate::rewrite::leaves::{Places, Tree};

crate::structural_rules! {
    /// Rows.
    pub fn rows {
        /// exp(x) / Σ exp(x), which overflows.
        softmax_by_hand, extends(24.0), at(&["div", "mul"]);
        /// exp(log_softmax(x)) is softmax(x).
        exp_of_log_softmax, rounds(2.0), at(&["exp"]);
        /// x − ln Σ exp(x) is log_softmax(x).
        log_softmax_by_hand, rounds(2.0), at(&["sub", "add"]);
        /// What is added to every element of a row does not change its softmax, and only costs digits.
        shifted_softmax, extends(2.0), at(&["softmax", "log_softmax"]);
    }
}

/// The reduction that a value is, its axes and what is reduced.
pub(super) fn reduction_of(rewriter: &Rewriter<'_>, value: Value) -> Option<(Reduction, Vec<usize>, Value)> {
    let Some(Op::Reduce(reduce)) = rewriter.op(value) else { return None };
    Some((reduce.reduction, reduce.axes.to_vec(), rewriter.input(value)))
}

/// The axes of what was reduced to a value, if the value stretches back to it: along the axes it was reduced over.
///
/// `reduced` finds the axes and the input of the reduction.
pub(super) fn kept<R>(
    rewriter: &Rewriter<'_>,
    value: Value,
    reduced: impl Fn(&Rewriter<'_>, Value) -> Option<(R, Vec<usize>, Value)>,
) -> Option<(R, Vec<usize>, Value)> {
    let mut inserted = Vec::new();
    let mut inner = value;
    while let Some(Op::InsertAxis(op)) = rewriter.op(inner) {
        inserted.push(op.axis);
        inner = rewriter.input(inner);
    }
    let (kind, axes, input) = reduced(rewriter, inner)?;
    let rank = rewriter.graph.ty(input).rank();
    let mut places: Vec<Option<usize>> = (0..rank).filter(|axis| !axes.contains(axis)).map(Some).collect();
    for axis in inserted.into_iter().rev() {
        places.insert(axis, None);
    }
    let missing = rank.checked_sub(places.len())?;
    let stretches = (0..rank).all(|axis| {
        let place = if axis < missing { None } else { places[axis - missing] };
        place == (!axes.contains(&axis)).then_some(axis)
    });
    stretches.then_some((kind, axes, input))
}

/// ln Σ exp as a reduction.
fn log_sum_exp_of(rewriter: &Rewriter<'_>, value: Value) -> Option<((), Vec<usize>, Value)> {
    let Some(Op::LogSumExp(op)) = rewriter.op(value) else { return None };
    Some(((), op.axes.to_vec(), rewriter.input(value)))
}

/// A reduced value with its axes put back.
pub(super) fn put_back(rewriter: &mut Rewriter<'_>, value: Value, axes: &[usize]) -> Result<Value> {
    let mut sorted = axes.to_vec();
    sorted.sort_unstable();
    sorted.into_iter().try_fold(value, |value, axis| rewriter.add(damo_graph::op::insert_axis::InsertAxis { axis }, &[value]))
}

fn softmax_by_hand(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let value = Value::from(node);
    let leaves = rewriter.leaves(Tree::Product, value);
    let factors: Vec<(usize, Value, f64)> = leaves.values().collect();
    for &(above, exponential, _) in factors.iter().filter(|(_, _, exponent)| *exponent > 0.0) {
        let Some(x) = rewriter.is(exponential, &EXP).map(|inputs| inputs[0]) else { continue };
        for &(below, sum, _) in factors.iter().filter(|(_, _, exponent)| *exponent < 0.0) {
            let Some((Reduction::Sum, axes, terms)) = kept(rewriter, sum, reduction_of) else { continue };
            let places = 1 << above | 1 << below;
            if terms != exponential || !rewriter.rest_was_there(Tree::Product, value, places) {
                continue;
            }
            let share = if let [axis] = axes[..] {
                rewriter.add(Softmax { axis }, &[x])?
            } else {
                let log = rewriter.add(LogSumExp { axes: axes.as_slice().into() }, &[x])?;
                let log = put_back(rewriter, log, &axes)?;
                let difference = rewriter.apply(&SUB, &[x, log])?;
                rewriter.apply(&EXP, &[difference])?
            };
            return match rewriter.without(Tree::Product, value, places)? {
                Some(rest) => rewriter.times(rest, share).map(Some),
                None => Ok(Some(share)),
            };
        }
    }
    Ok(None)
}

fn exp_of_log_softmax(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let input = rewriter.input(node.into());
    let Some(Op::LogSoftmax(op)) = rewriter.op(input) else { return Ok(None) };
    let (axis, x) = (op.axis, rewriter.input(input));
    rewriter.add(Softmax { axis }, &[x]).map(Some)
}

fn log_softmax_by_hand(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let value = Value::from(node);
    let leaves = rewriter.leaves(Tree::Sum, value);
    let terms: Vec<(usize, Value, f64)> = leaves.values().collect();
    for &(below, log, weight) in &terms {
        let Some(((), axes, x)) = kept(rewriter, log, log_sum_exp_of) else { continue };
        let ([axis], Some(&(above, ..))) = (&axes[..], terms.iter().find(|(_, term, other)| *term == x && *other == -weight)) else { continue };
        if !rewriter.rest_was_there(Tree::Sum, value, 1 << above | 1 << below) {
            continue;
        }
        let logs = rewriter.add(LogSoftmax { axis: *axis }, &[x])?;
        let logs = rewriter.scaled(logs, -weight)?;
        return match rewriter.without(Tree::Sum, value, 1 << above | 1 << below)? {
            Some(rest) => rewriter.apply(&ADD, &[rest, logs]).map(Some),
            None => Ok(Some(logs)),
        };
    }
    Ok(None)
}

fn shifted_softmax(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let value = Value::from(node);
    let axis = match rewriter.op(value) {
        Some(Op::Softmax(op)) => op.axis,
        Some(Op::LogSoftmax(op)) => op.axis,
        _ => return Ok(None),
    };
    let x = rewriter.input(value);
    let rank = rewriter.graph.ty(x).rank();
    let leaves = rewriter.leaves(Tree::Sum, x);
    let is_shift = |term: Value| {
        let dims = &rewriter.graph.ty(term).dims;
        let missing = rank - dims.len();
        axis < missing || dims[axis - missing].is_one() && !rewriter.graph.ty(x).dims[axis].is_one()
    };
    let shifts = leaves.values().filter(|&(_, term, _)| is_shift(term)).fold(leaves.numbers(), |places: Places, (place, ..)| places | 1 << place);
    if shifts == 0 || leaves.all() == shifts || !rewriter.rest_was_there(Tree::Sum, x, shifts) {
        return Ok(None);
    }
    let Some(rest) = rewriter.without(Tree::Sum, x, shifts)? else { return Ok(None) };
    if rewriter.graph.ty(rest) != rewriter.graph.ty(x) {
        return Ok(None);
    }
    let op = rewriter.graph.op(value).clone();
    rewriter.add(op, &[rest]).map(Some)
}

/// Exponentials that do not overflow, and what their exponents were shifted by.
pub(super) struct Shifted {
    pub exponential: Value,
    /// The shift, without the axes that will be summed over.
    pub shift: Value,
}

/// Whether a value is what is left of an exponent that [`shifted_exponential`] has shifted.
pub(super) fn is_shifted(rewriter: &Rewriter<'_>, x: Value) -> bool {
    let Some(terms) = rewriter.is(x, &SUB) else { return false };
    let mut shift = terms[1];
    while let Some(Op::InsertAxis(_) | Op::StopGradient(_)) = rewriter.op(shift) {
        shift = rewriter.input(shift);
    }
    let Some(branches) = rewriter.is(shift, &SELECT) else { return false };
    let mut log = branches[2];
    while let Some(Op::StopGradient(_)) = rewriter.op(log) {
        log = rewriter.input(log);
    }
    matches!(rewriter.op(log), Some(Op::LogSumExp(_)))
}

/// eˣ shifted by ln Σ eˣ along axes, whose own slope does not matter.
pub(super) fn shifted_exponential(rewriter: &mut Rewriter<'_>, x: Value, axes: &[usize]) -> Result<Shifted> {
    let dtype = rewriter.graph.ty(x).dtype;
    let all = rewriter.add(LogSumExp { axes: axes.into() }, &[x])?;
    let all = rewriter.add(StopGradient, &[all])?;
    // Of nothing, or of zeros, the logarithm is −∞, and −∞ − −∞ is not a number.
    let (zero, nothing) = (rewriter.number(dtype, 0.0)?, rewriter.number(dtype, f64::NEG_INFINITY)?);
    let is_nothing = rewriter.apply(&EQUAL, &[all, nothing])?;
    let shift = rewriter.apply(&SELECT, &[is_nothing, zero, all])?;
    let kept = put_back(rewriter, shift, axes)?;
    let difference = rewriter.apply(&SUB, &[x, kept])?;
    Ok(Shifted { exponential: rewriter.apply(&EXP, &[difference])?, shift })
}

/// The logarithm of a sum of shifted exponentials, shifted back.
pub(super) fn shifted_log(rewriter: &mut Rewriter<'_>, sum: Value, shift: Value) -> Result<Value> {
    let log = rewriter.apply(&LN, &[sum])?;
    rewriter.apply(&ADD, &[log, shift])
}
